#!/bin/sh
# Goal: acme-revoke revokes at the CA and in the store, by account or by the key
# of the certificate, one or a list.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
. "$(dirname "$0")/../lib/pages.sh"

order_up_valid
printf '%s\n' one.example two.example three.example four.example \
    old.example.org five.example six.example seven.example eight.example \
    >"$T/names"
must "$BIN/acme-order" run -c "$client" - <"$T/names"
# id_of NAME: the number of its certificate.
id_of() {
	sql "SELECT c.id FROM certificates c JOIN fqdn_set_members m
	    ON m.fqdn_set_id = c.fqdn_set_id JOIN domains d
	    ON d.id = m.domain_id WHERE d.value = '$1'"
}
revoke() {
	run "$BIN/acme-revoke" -c "$client" "$@"
}
# at_pebble NAME: what the CA says of it.
at_pebble() {
	serial=$(sql "SELECT serial FROM certificates WHERE id = $(id_of "$1")")
	curl -s --cacert "$pebble_ca" \
	    "https://localhost:$pebble_manage/cert-status-by-serial/$serial" |
	    tr -d ' \n'
}

revoke one.example --reason superseded
exits 0 'by name'
is "$(field result)" revoked '... is revoked'
like "$(at_pebble one.example)" '"Reason":4' '... at the CA, with the reason'
is "$(sql "SELECT status, revocation_reason FROM certificates
    WHERE id = $(id_of one.example)")" 'revoked|4' '... and in the store'
mkdir "$T/files" "$T/files/three.example"
must "$BIN/cert-export" -c "$client" --cert \
    -o "$T/files/$(id_of one.example)" four.example
cd "$T/files" || exit 1
revoke "$(id_of one.example)"
exits 0 'by number, once more'
is "$(field result)" already '... is no failure'
is "$(field certificate)" "$(id_of one.example)" '... and a file of that name is none'
revoke three.example
exits 0 'a name of which there is a folder'
cd "$SRC" || exit 1
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=stranger -keyout "$T/stranger.key" -out "$T/stranger.pem"
revoke "$T/stranger.pem"
exits 1 'what the CA did not give'
like "$err" "^acme-revoke: $T/stranger.pem: pebble: " '... is told of by its name'
must "$BIN/cert-export" -c "$client" --cert -o "$T/two.pem" two.example
revoke "$T/two.pem" --certificate-key --reason 1
exits 0 'a file, by the key of the certificate'
like "$(at_pebble two.example)" '"Status":"Revoked"' '... at the CA'
is "$(sql "SELECT status FROM certificates
    WHERE id = $(id_of two.example)")" revoked '... and in the store'
printf '%s\n' "$(id_of three.example)" "$(id_of four.example)" >"$T/ids"
echo 999 >>"$T/ids"
run "$BIN/acme-revoke" -c "$client" -j - <"$T/ids"
exits 1 'a list, of which one is not there'
is "$(printf '%s\n' "$out" | grep -c '"result":"revoked"')" 1 '... the others are'
like "$err" '999: no such certificate' '... and it is told of'
revoke --reason cACompromise old.example.org
exits 100 'a reason that is not for us'

# ---- whose, and how fast ---------------------------------------------------------
account register --ca pebble --agree-terms --another
exits 0 'another account'
other=$(field id)
revoke five.example --account "$other"
exits 1 'by an account that did not order it'
like "$err" 'unauthorized|not authorized' '... the CA refuses'
is "$(sql "SELECT status FROM certificates WHERE id = $(id_of five.example)")" \
    valid '... and it is as it was'
revoke five.example --account 1
exits 0 'by the account that did'
like "$(at_pebble five.example)" '"Status":"Revoked"' '... at the CA'

must sed -i 's/^ca = pebble/ca = nowhere/' "$client"
must "$BIN/cert-export" -c "$client" --cert -o "$T/six.pem" six.example
revoke "$T/six.pem" --certificate-key --ca pebble
exits 0 'by the key of the certificate, at a CA that is named'
like "$(at_pebble six.example)" '"Status":"Revoked"' '... at the CA'
must sed -i 's/^ca = nowhere/ca = pebble/' "$client"

revoke --rate 1 seven.example eight.example old.example.org
exits 0 'three, one a second'
is "$(sql "SELECT count(*) FROM (SELECT at FROM upstream_requests
    WHERE endpoint = 'revokeCert' AND status = 200
    ORDER BY id DESC LIMIT 3) GROUP BY at HAVING count(*) > 1")" '' \
    '... no two in the same'
printf '%s\n' "$(id_of seven.example)" "$(id_of one.example)" nine.example >"$T/again"
must "$BIN/acme-order" run -c "$client" nine.example
run "$BIN/acme-revoke" -c "$client" --no-header - <"$T/again"
exits 0 'a list again, of which one is new'
is "$(printf '%s\n' "$out" | cut -f 1 | tr '\n' ' ')" \
    "nine.example $(id_of seven.example) $(id_of one.example) " '... which comes first'
revoke --rate 0 seven.example
exits 100 'a rate that is none'
# ---- a CA that is asked too much ---------------------------------------------------
. "$SRC/tests/lib/standin.sh"
standin_up
account ca add standin "$base/dir" --trust "$T/standin.crt"
account register --ca standin --agree-terms --default
exits 0 'a CA that is told what to say'
asked_there() {
	[ "$(grep -c 'POST /revoke' "$T/standin.log")" = "$1" ]
}
relent() {
	wait_for 20 asked_there 2
	rules '/revoke file good 200'
}
echo '{}' >"$T/standin/good"
rules '/revoke problem 429 rateLimited 1'
relent &
relents=$!
revoke --ca standin "$T/stranger.pem"
exits 0 'what is refused twice for a second'
is "$(field result)" revoked '... is revoked then'
wait $relents
ok '... with no more requests than that' asked_there 3
rules '/revoke problem 429 rateLimited 90'
revoke --ca standin "$T/stranger.pem" "$T/stranger.pem" "$T/stranger.pem"
exits 111 'what is refused for longer'
is "$(printf '%s\n' "$err" | grep -c 'pem: standin: revokeCert: not sent')" 3 \
    '... is told of, each'
ok '... and asked for once' asked_there 4

must "$BIN/acme-order" run -c "$client" old.example.org
script acme-revoke.1 '^acme-revoke'
ACMED_CONFIG=$client
export ACMED_CONFIG
works
exits 0 'acme-revoke(1)'
done_testing
