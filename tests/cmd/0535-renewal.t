#!/bin/sh
# Goal: renewal information (RFC 9773): windows, what replaces what, and
# acmed-store renew-now.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z'

# b64_of HEX
b64_of() {
	perl -e 'print pack "H*", shift' "$1" | "$TOOLS/acme-raw" b64
}

# certid FILE: that of its first certificate, by openssl.
certid() {
	c_aki=$(openssl x509 -in "$1" -noout -ext authorityKeyIdentifier |
	    tail -n 1 | tr -d ' :' | sed 's/^keyid//')
	c_serial=$(openssl x509 -in "$1" -noout -serial | sed 's/.*=//')
	case $c_serial in
	[89A-F]*) c_serial=00$c_serial ;;
	esac
	echo "$(b64_of "$c_aki").$(b64_of "$c_serial")"
}

# seconds TIME
seconds() {
	date -d "$1" +%s
}

# window: sets $start and $end from the last body.
window() {
	start=$(seconds "$(get suggestedWindow.start)")
	end=$(seconds "$(get suggestedWindow.end)")
}

actor alice
raw -X GET "$directory"
info=$(get renewalInfo)
is "$info" "$base/renewal-info" 'directory: renewalInfo'

# ---- windows

issue a.example.test b.example.test
cp "$T/chain.pem" "$T/a.pem"
id=$(certid "$T/a.pem")
works '200 -' 'renewalInfo' -X GET "$info/$id"
is "$(members .)" suggestedWindow 'its members'
is "$(members suggestedWindow)" 'end start' 'the members of the window'
like "$(get suggestedWindow.start)" "^$time\$" 'start is a time'
window
now=$(date +%s) life=$((90 * 86400))
is $(((start - now) / 86400)) 59 'it begins when a third is left, or a little before'
is $(((end - start + 3600) / 3600)) 44 'it is a fiftieth of the lifetime wide'
# the hour by which notBefore is put back is no part of the life
is "$(header Retry-After)" $(((life - 3600) / 360)) 'Retry-After: six hours'
first=$(cat "$ACME_STATE/body")
works '200 -' 'renewalInfo again' -X GET "$info/$id"
is "$(cat "$ACME_STATE/body")" "$first" '... is the same'
works '200 -' 'renewalInfo: HEAD' -X HEAD "$info/$id"
misuse '405 malformed' 'renewalInfo: POST' "$info/$id"

# a short one
soon=$(date -u -d '+3 days' +%Y-%m-%dT%H:%M:%SZ)
must_say '201 -' --payload \
    "$(names s.example.test | sed "s/}\$/,\"notAfter\":\"$soon\"}/")" @newOrder
order=$(header Location) finalize=$(get finalize)
authorize
must_say '200 -' --payload "$(finalize_with "$(csr s.example.test)")" "$finalize"
settles "$order" processing
must_say '200 -' "$(get certificate)"
cp "$ACME_STATE/body" "$T/short.pem"
works '200 -' 'renewalInfo of three days' -X GET "$info/$(certid "$T/short.pem")"
window
is $(((start - $(date +%s) + 1800) / 3600)) 35 'a short one: half of it'
is "$((($(header Retry-After) + 5) / 10))" 72 'a short one: Retry-After in proportion'

# ---- names of certificates

aki=${id%.*} serial=${id#*.}
while IFS='|' read -r name value; do
	misuse '400 malformed' "renewalInfo: $name" -X GET "$info/$value"
done <<EOT
no dot|$aki$serial
nothing before the dot|.$serial
nothing after the dot|$aki.
two dots|$id.
padded|$aki=.$serial
another alphabet|$aki+.$serial
a blank|$aki.%20$serial
a serial that is zero|$aki.AA
a serial that is negative|$aki.gAAA
a serial with a zero in front|$aki.AAAB
a serial that is too long|$aki.AQEBAQEBAQEBAQEBAQEBAQEBAQEB
only a dot|.
EOT
misuse '400 malformed' 'renewalInfo: very long' -X GET \
    "$info/$(head -c 3000 /dev/zero | tr '\0' A).AQ"
misuse '404 malformed' 'renewalInfo: another serial' -X GET "$info/$aki.AQ"
misuse '404 malformed' 'renewalInfo: another issuer' -X GET "$info/AQ.$serial"
misuse '404 malformed' 'renewalInfo: nothing' -X GET "$info"
misuse '404 malformed' 'renewalInfo: nothing after the slash' -X GET "$info/"
misuse '404 malformed' 'renewalInfo: a path below' -X GET "$info/$id/x"
misuse '404 malformed' 'renewalInfo: a query' -X GET "$info/$id?x"

# One of another CA is none of ours.
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/other.key" -out "$T/other.pem" -days 30 -subj /CN=x \
    -addext subjectAltName=DNS:x.example.test \
    -addext basicConstraints=critical,CA:FALSE \
    -addext authorityKeyIdentifier=keyid:always
must "$BIN/cert-import" -c "$config" "$T/other.pem"
works '404 malformed' 'renewalInfo: a certificate of another CA' \
    -X GET "$info/$(certid "$T/other.pem")"

# ---- replaces

# with ID NAME...: a newOrder payload that replaces.
with() {
	with_id=$1
	shift
	names "$@" | sed "s/}\$/,\"replaces\":\"$with_id\"}/"
}
for value in 7 null '[]' '{}' '""' '"x"' '"AQ.AQ"' "\"$aki=.$serial\""; do
	misuse '400 malformed' "replaces: $value" --payload \
	    "$(names a.example.test | sed "s/}\$/,\"replaces\":$value}/")" @newOrder
	[ "${said:=$(get detail)}" = "$(get detail)" ] || fail 'another text'
done
misuse '400 malformed' 'replaces: without a name in common' \
    --payload "$(with "$id" c.example.test)" @newOrder
is "$(get detail)" "$said" '... is told the same'
misuse '400 malformed' 'replaces: a certificate of another CA' \
    --payload "$(with "$(certid "$T/other.pem")" x.example.test)" @newOrder
is "$(get detail)" "$said" '... is told the same'
actor bob
misuse '400 malformed' 'replaces: a certificate of another account' \
    --payload "$(with "$id" a.example.test)" @newOrder
is "$(get detail)" "$said" '... is told the same'
as alice
works '201 -' 'replaces: one name in common' \
    --payload "$(with "$id" A.example.test c.example.test)" @newOrder
is "$(members .)" \
    'authorizations expires finalize identifiers replaces status' \
    'an order that replaces: its members'
is "$(get replaces)" "$id" 'order: replaces'
order=$(header Location)
misuse '200 -' 'order read' "$order"
is "$(get replaces)" "$id" 'order read: replaces'
misuse '409 alreadyReplaced' 'replaces: while another order does' \
    --payload "$(with "$id" a.example.test)" @newOrder
works '201 -' 'the same without replaces' --payload "$(names a.example.test)" \
    @newOrder

# An order that has come to nothing replaces nothing.
must_say '200 -' "$order"
must_say '200 -' --payload '{"status":"deactivated"}' "$(get authorizations.0)"
is "$(state_of "$order")" invalid 'that order is over'
works '201 -' 'replaces: again' \
    --payload "$(with "$id" a.example.test b.example.test)" @newOrder
order=$(header Location) finalize=$(get finalize)
authorize
misuse '409 alreadyReplaced' 'replaces: while it is ready' \
    --payload "$(with "$id" a.example.test)" @newOrder
must_say '200 -' --payload \
    "$(finalize_with "$(csr a.example.test b.example.test)")" "$finalize"
settles "$order" processing
is "$state" valid 'the order that replaces is valid'
is "$(get replaces)" "$id" 'valid order: replaces'
must_say '200 -' "$(get certificate)"
cp "$ACME_STATE/body" "$T/a2.pem"
misuse '409 alreadyReplaced' 'replaces: for good' \
    --payload "$(with "$id" a.example.test)" @newOrder

# Of eight at once one.
id2=$(certid "$T/a2.pem")
raw -X GET "$directory"
cp "$ACME_STATE/body" "$ACME_STATE/directory"
with "$id2" a.example.test >"$T/payload"
for i in 1 2 3 4 5 6 7 8; do
	cp -R "$T/alice" "$T/alice$i"
	rm -f "$T/alice$i/nonce"
	(
		as "alice$i"
		raw --payload "$(cat "$T/payload")" @newOrder
		echo "$reply" >"$T/alice$i.reply"
	) &
	crowd="${crowd:-} $!"
done
# shellcheck disable=SC2086 # a list
wait $crowd
is "$(sort "$T"/alice?.reply | uniq -c | sed 's/^ *//' | paste -sd, -)" \
    '1 201 -,7 409 alreadyReplaced' 'eight at once: one replaces'

# ---- renew-now

now() {
	run "$BIN/acmed-store" -c "$config" renew-now --no-header "$@"
}
for wrong in '' '--all --issuer x' '--all --serial aa' '--all --spread soon' \
    '--all --spread 2000-01-01T00:00:00Z' '--all --spread 53w' '--all x' \
    '--serial xyz'; do
	# shellcheck disable=SC2086 # words
	now $wrong
	exits 100 "wrong use: ${wrong:-nothing}"
done
now --issuer 'acmed ca'
exits 100 'an issuer that is one of two'
now --issuer nobody
exits 1 'an issuer that is unknown'
now --serial 1234
exits 1 'a serial that is unknown'
like "$err" '^acmed-store: 1234: ' '... says which one'
now --dry-run --all
exits 0 '--dry-run --all'
# a2, short, and the server's own; a has been replaced
is "$(echo "$out" | cut -f1,2)" "$(printf '3\t0')" '... counts'
is "$(peek 'SELECT count(*) FROM certificates WHERE renew_start IS NOT NULL')" \
    0 '... and does nothing'
now --serial "$(openssl x509 -in "$T/a2.pem" -noout -serial | sed 's/.*=//')" \
    --serial 1234
exits 1 'two serials, one unknown'
is "$(echo "$out" | cut -f1,2)" "$(printf '1\t0')" '... the other is done'
works '200 -' 'renewalInfo of it' -X GET "$info/$id2"
window
[ "$start" -ge "$(($(date +%s) - 60))" ] && [ "$end" -gt "$start" ] &&
    [ "$end" -le "$(($(date +%s) + 6 * 3600))" ]
is $? 0 'its window lies in the next six hours'
is "$(get explanationURL)" '' 'no explanation that nobody has configured'
works '200 -' 'renewalInfo of another' -X GET "$info/$(certid "$T/short.pem")"
window
[ "$start" -gt "$(($(date +%s) + 86400))" ]
is $? 0 '... is as before'
now --issuer 'ca intermediate' --spread 1h
exits 0 '--issuer'
like "$(echo "$out" | cut -f1,2)" '^[23]	[01]$' '... takes the rest'
now --issuer 'ca intermediate' --spread 1h
is "$(echo "$out" | cut -f1,2)" "$(printf '0\t3')" '... and once more, nothing'
now --all --spread 0s
exits 0 '--spread 0s: at once'
run "$BIN/acmed-store" -c "$config" renew-now --all --spread 0s --json
like "$out" "^\\{\"pulled\":0,\"kept\":3,\"from\":\"$time\",\"until\":\"$time\"\\}\$" \
    '--json'
sha=$(openssl x509 -in "$T/a2.pem" -outform DER | sha256sum | cut -d' ' -f1)
run "$BIN/acmed-store" -c "$config" log --no-header --object "certificate/$sha"
like "$(echo "$out" | cut -f2 | paste -sd' ' -)" \
    'certificate.renew_now.*certificate.renew_now' 'the log tells of each'

variant "$T/explained.conf" \
    server.renewal_explanation_url=https://example.com/why
become explained "$T/explained.conf"
works '200 -' 'renewalInfo, explained' -X GET "$info/$id2"
is "$(get explanationURL)" https://example.com/why \
    'a window set by hand has its explanation'
works '200 -' 'renewalInfo, as ever' -X GET "$info/$id"
is "$(get explanationURL)" '' 'a usual one has none'

# ---- and back

now --all --undo --spread 1h
exits 100 '--undo with --spread'
now --dry-run --all --undo
is "$out" "$(printf '3\t0')" '--undo --dry-run: counts'
now --undo --serial "$(openssl x509 -in "$T/a2.pem" -noout -serial | sed 's/.*=//')"
exits 0 '--undo of one'
is "$out" "$(printf '1\t0')" '... says so'
works '200 -' 'renewalInfo of it' -X GET "$info/$id2"
window
is $(((start - $(date +%s)) / 86400)) 59 '... is as usual'
is "$(get explanationURL)" '' '... without explanation'
run "$BIN/acmed-store" -c "$config" renew-now --all --undo --json
is "$out" '{"undone":2,"kept":1}' '--undo of the rest'
run "$BIN/acmed-store" -c "$config" log --no-header --object "certificate/$sha"
like "$(echo "$out" | cut -f2 | paste -sd' ' -)" \
    'certificate.renew_now certificate.renew_undo$' 'the log tells of that'
now --all --undo
is "$out" "$(printf '0\t3')" '... and once more, nothing'
now --all --spread 0s
exits 0 'and forward again'

# The server's own certificate, too.
must wait_for 5 sh -c "! '$BIN/acmed-store' -c '$config' renew-now --dry-run \
    --all --no-header | grep -q '^1'"
old=$(openssl x509 -in "$acmed_dir/tls.crt" -noout -serial)
run "$BIN/acmed-store" -c "$config" tls-renew
exits 0 'tls-renew'
[ "$(openssl x509 -in "$acmed_dir/tls.crt" -noout -serial)" != "$old" ]
is $? 0 '... renews it, since its window is open'
old=$(openssl x509 -in "$acmed_dir/tls.crt" -noout -serial)
run "$BIN/acmed-store" -c "$config" tls-renew
is "$(openssl x509 -in "$acmed_dir/tls.crt" -noout -serial)" "$old" \
    '... once'

# ---- revoked

as alice
works '200 -' revoke --payload "{\"certificate\":\"$(cert_b64 "$T/a2.pem")\"}" \
    @revokeCert
works '200 -' 'renewalInfo of a revoked one' -X GET "$info/$id2"
window
[ "$end" -lt "$(date +%s)" ]
is $? 0 'its window is over'

store_is_sound
done_testing
