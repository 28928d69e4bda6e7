#!/bin/sh
# Goal: external account binding (RFC 8555 7.3.4): who has a key of acmed-eab
# registers, nobody else does; each key is good for as much as was said.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

need curl pgrep
server_up
new_account=$base/new-account

# key OPTION...: a new key; sets $kid and $secret.
key() {
	"$BIN/acmed-eab" -c "$config" add --no-header "$@" >"$T/key" ||
	    must false 'acmed-eab add'
	kid=$(cut -f1 "$T/key") secret=$(cut -f2 "$T/key")
}

# hex_of BASE64URL
hex_of() {
	printf '%s==' "$1" | tr '_-' '/+' | base64 -d | od -An -v -tx1 |
	    tr -d ' \n'
}

# binding [OPTION VALUE]...: one made with $kid and $secret for the client at
# hand, by openssl; the options put other things in.
# shellcheck disable=SC2089 # quotes are meant
binding() {
	b_header="{\"alg\":\"HS256\",\"kid\":\"$kid\",\"url\":\"$new_account\"}"
	b_payload=$("$TOOLS/acme-raw" jwk "$ACME_STATE/key") b_md=sha256
	b_secret=$secret b_signature=
	while [ $# -gt 0 ]; do
		case $1 in
		header) b_header=$2 ;;
		alg) b_header=$(echo "$b_header" | sed "s/HS256/$2/")
			b_md=sha${2#HS} ;;
		url) b_header="{\"alg\":\"HS256\",\"kid\":\"$kid\",\"url\":\"$2\"}" ;;
		payload) b_payload=$2 ;;
		secret) b_secret=$2 ;;
		signature) b_signature=$2 ;;
		esac
		shift 2
	done
	b_text=$(printf %s "$b_header" | "$TOOLS/acme-raw" b64).$(
	    printf %s "$b_payload" | "$TOOLS/acme-raw" b64)
	[ -n "$b_signature" ] || b_signature=$(printf %s "$b_text" |
	    openssl dgst "-$b_md" -mac HMAC -macopt \
	    "hexkey:$(hex_of "$b_secret")" -binary | "$TOOLS/acme-raw" b64)
	printf '{"protected":"%s","payload":"%s","signature":"%s"}' \
	    "${b_text%.*}" "${b_text#*.}" "$b_signature"
}

# bound BINDING: a payload for newAccount.
bound() {
	printf '{"externalAccountBinding":%s}' "$1"
}

# uses_left: of $kid, as the operator sees it.
uses_left() {
	"$BIN/acmed-eab" -c "$config" list --no-header | grep "^$kid" | cut -f3
}

# ---- off: nobody looks

key
become off
raw -X GET "$directory"
is "$(get meta.externalAccountRequired)" '' 'off: not in the directory'
works '201 -' 'off: a binding is ignored' \
    --payload "$(bound "$(binding)")" @newAccount
is "$(get externalAccountBinding)" '' 'off: what is not verified is not shown'

# ---- required

variant "$T/required.conf" server.external_account_binding=required
become alice "$T/required.conf"
raw -X GET "$directory"
is "$(get meta.externalAccountRequired)" true 'required: the directory says so'
misuse '403 externalAccountRequired' 'required: none' --payload '{}' @newAccount
misuse '400 accountDoesNotExist' 'required: onlyReturnExisting needs none' \
    --payload '{"onlyReturnExisting":true}' @newAccount

# form: NAME OPTION VALUE...: refused, and no use is counted
form() {
	form_name=$1
	shift
	misuse '400 malformed' "binding: $form_name" \
	    --payload "$(bound "$(binding "$@")")" @newAccount
}
h() {
	printf '{"alg":"HS256","kid":"%s","url":"%s"%s}' "$kid" "$new_account" \
	    "${1:-}"
}
for value in '"x"' 7 null '[]' true '{}'; do
	misuse '400 malformed' "binding: $value" --payload "$(bound "$value")" \
	    @newAccount
done
form 'with a nonce' header "$(h ',"nonce":"AAAA"')"
form 'with a jwk' header "$(h ',"jwk":{}')"
form 'with crit' header "$(h ',"crit":["x"]')"
form 'alg none' header "$(h | sed s/HS256/none/)"
form 'alg ES256' header "$(h | sed s/HS256/ES256/)"
form 'without alg' header "$(h | sed 's/"alg":"HS256",//')"
form 'without kid' header "$(h | sed 's/"kid":"[^"]*",//')"
form 'without url' header "$(h | sed 's/,"url":"[^"]*"//')"
form 'with a number as kid' header "$(h | sed 's/"kid":"[^"]*"/"kid":7/')"
form 'for the URL of newOrder' url "$base/new-order"
form 'for another server' url "https://other.example/new-account"
form 'header no JSON' header nothing
form 'payload empty' payload ''
form 'payload no JSON' payload x
form 'payload no key' payload '{}'
must "$TOOLS/acme-raw" key p256 "$T/other.key"
form 'payload the key of another' \
    payload "$("$TOOLS/acme-raw" jwk "$T/other.key")"
misuse '400 malformed' 'binding: padded' --payload \
    "$(bound "$(binding | sed 's/"}$/="}/')")" @newAccount
misuse '400 malformed' 'binding: with an unprotected header' --payload \
    "$(bound "$(binding | sed 's/}$/,"header":{}}/')")" @newAccount
misuse '400 malformed' 'binding: without a signature' --payload \
    "$(bound "$(binding | sed 's/,"signature":"[^"]*"//')")" @newAccount

# refused NAME OPTION VALUE...
refused() {
	refused_name=$1
	shift
	misuse '403 unauthorized' "binding: $refused_name" \
	    --payload "$(bound "$(binding "$@")")" @newAccount
}
refused 'unknown kid' header "$(h | sed 's/"kid":"[^"]*"/"kid":"nobody"/')"
said=$(get detail)
refused 'kid with a quote' header "$(h | sed "s/\"kid\":\"[^\"]*\"/\"kid\":\"' OR 1=1\"/")"
refused 'another secret' secret "$(printf %086d 0 | tr 0 A)"
is "$(get detail)" "$said" 'an unknown kid and a wrong MAC are told the same'
misuse '403 unauthorized' 'binding: an empty MAC' --payload "$(bound \
    "$(binding | sed 's/"signature":"[^"]*"/"signature":""/')")" @newAccount
refused 'a MAC of another length' alg HS384 signature \
    "$(binding | sed 's/.*"signature":"\([^"]*\)".*/\1/')"
uses=$(uses_left)
is "$uses" '' 'any number of uses'

works '201 -' 'binding: HS256' --payload "$(bound "$(binding)")" @newAccount
is "$(members .)" 'externalAccountBinding orders status' 'account: its members'
is "$(members externalAccountBinding)" 'payload protected signature' \
    'account: the binding is shown'
is "$(get externalAccountBinding.protected)" "$(h | "$TOOLS/acme-raw" b64)" \
    '... as it was sent'
misuse '200 -' 'account read' @account
is "$(members externalAccountBinding)" 'payload protected signature' \
    'account read: the binding is shown'
misuse '200 -' 'newAccount again needs no binding' --payload '{}' @newAccount
misuse '200 -' 'newAccount again with a binding counts none' \
    --payload "$(bound "$(binding)")" @newAccount
for alg in HS384 HS512; do
	become "alice$alg" "$T/required.conf"
	works '201 -' "binding: $alg" --payload "$(bound "$(binding alg "$alg")")" \
	    @newAccount
done
is "$("$BIN/acmed-eab" -c "$config" list --no-header | grep "^$kid" | cut -f4)" \
    3 'list: three accounts are bound'
new_order eab.example.test
pass 'a bound account orders'

# ---- good for so much

key --uses 1 --note 'for bob'
become bob "$T/required.conf"
is "$(uses_left)" 1 'list: one use is left'
works '201 -' 'binding: the only use' --payload "$(bound "$(binding)")" \
    @newAccount
is "$(uses_left)" 0 'list: none is left'
become bob2 "$T/required.conf"
refused 'used up'
is "$(get detail)" "$said" 'used up: told the same as unknown'

key --expires 1h
tamper "UPDATE eab_keys SET expires = expires - 3600 WHERE key_id = '$kid'"
become carol "$T/required.conf"
refused 'expired'
key --expires 1h
works '201 -' 'binding: not yet expired' --payload "$(bound "$(binding)")" \
    @newAccount

key
become dave "$T/required.conf"
works '201 -' 'binding: before it is revoked' \
    --payload "$(bound "$(binding)")" @newAccount
run "$BIN/acmed-eab" -c "$config" revoke "$kid"
exits 0 revoke
misuse '200 -' 'revoked: its account stays' @account
become dave2 "$T/required.conf"
refused 'revoked'

# ---- of twelve at once, four

key --uses 4
raw -X GET "$directory"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	become "crowd$i" "$T/required.conf"
	bound "$(binding)" >"$T/crowd$i.payload"
done
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	(
		as "crowd$i"
		raw --payload "$(cat "$T/crowd$i.payload")" @newAccount
		echo "$reply" >"$T/crowd$i.reply"
	) &
	crowd="${crowd:-} $!"
done
# shellcheck disable=SC2086 # a list
wait $crowd
is "$(sort "$T"/crowd*.reply | uniq -c | sed 's/^ *//' | paste -sd, -)" \
    '4 201 -,8 403 unauthorized' 'twelve at once, four uses: four accounts'
is "$(uses_left)" 0 'twelve at once: none is left'

# ---- optional

variant "$T/optional.conf" server.external_account_binding=optional
become erin "$T/optional.conf"
raw -X GET "$directory"
is "$(get meta.externalAccountRequired)" '' 'optional: not in the directory'
refused 'used up, where it is optional'
works '201 -' 'optional: none' --payload '{}' @newAccount
key
become erin2 "$T/optional.conf"
works '201 -' 'optional: one' --payload "$(bound "$(binding)")" @newAccount
is "$(members externalAccountBinding)" 'payload protected signature' \
    'optional: it is shown'

# ---- the sealing key

is "$(peek "SELECT count(*) FROM eab_keys WHERE sealed = 0")" 0 'all are sealed'
key
run "$BIN/acmed-store" -c "$config" rekey
exits 0 'acmed-store rekey'
like "$err" 'path=[^ ]*eab.key.* keys=[0-9]' '... takes these keys, too'
become frank "$T/required.conf"
works '201 -' 'binding: with a key that was sealed anew' \
    --payload "$(bound "$(binding)")" @newAccount

# Workers end when it is replaced, and new ones have the new one.
variant "$T/workers.conf" server.external_account_binding=required \
    server.linger=0s
start workers "$SRC/scripts/lib/listen" -1 127.0.0.1 0 \
    "$BIN/acmed-accept" -c "$T/workers.conf"
must wait_for 10 grep -q . "$T/workers.out"
must curl -s -m 10 "http://127.0.0.1:$(cat "$T/workers.out")/directory"
master=$(pgrep -P "$(cat "$T/workers.pid")")
must "$BIN/acmed-store" -c "$config" rekey
ok 'a pool ends when the sealing key is replaced' wait_for 40 ended "$master"
stop workers

mv "$acmed_dir/eab.key" "$T/eab.key"
become grace "$T/required.conf"
run "$BIN/acmed-accept" -c "$T/required.conf" </dev/null
exits 102 'without the file of the sealing key the server does not start'
like "$err" 'eab_key_file.*acmed-store init' '... and says what to do'
run "$BIN/acmed-store" -c "$config" init
exits 102 'a new one does not take its place'
like "$err" 'eab_key_file: the key in it is .* that of the store is' '... and init says so'
misuse '500 serverInternal' 'with another sealing key: our fault' \
    --payload "$(bound "$(binding)")" @newAccount
cp "$T/eab.key" "$acmed_dir/eab.key"
works '201 -' 'with the right one again' --payload "$(bound "$(binding)")" \
    @newAccount

store_is_sound
done_testing
