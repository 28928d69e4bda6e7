#!/bin/sh
# Goal: keyChange (RFC 8555 7.3.5).
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
actor bob
actor alice
account=$(cat "$ACME_STATE/account")
change=$base/key-change
new=$T/new
must "$TOOLS/acme-raw" key p256 "$new"
old_jwk=$("$TOOLS/acme-raw" jwk "$ACME_STATE/key")
new_jwk=$("$TOOLS/acme-raw" jwk "$new")
bob_jwk=$("$TOOLS/acme-raw" jwk "$T/bob/key")

# inner PAYLOAD ARGUMENT...: the inner JWS, by the new key.
inner() {
	inner_payload=$1
	shift
	"$TOOLS/acme-raw" jws -k "$new" --jwk --payload "$inner_payload" "$@" \
	    "$change"
}
good="{\"account\":\"$account\",\"oldKey\":$old_jwk}"

# ---- what is refused

bad() {
	misuse '400 malformed' "$1" --payload "$2" "$change"
}
bad 'payload {}' '{}'
bad 'inner JWS without a signature' "$(inner "$good" --drop signature)"
bad 'inner signature wrong' "$(inner "$good" --spoil flip)"
bad 'inner signature by the old key' \
    "$(inner "$good" -k "$ACME_STATE/key" -J jwk="$new_jwk")"
bad 'inner payload put in after signing' \
    "$(inner '{}' --sent-payload "$good")"
bad 'inner with a nonce' "$(inner "$good" -P nonce=AAAA)"
bad 'inner with the nonce of the account' \
    "$(inner "$good" -P nonce="$(cat "$ACME_STATE/used")")"
bad 'inner by kid' "$(inner "$good" -D jwk -P kid="$account")"
bad 'inner by kid and jwk' "$(inner "$good" -P kid="$account")"
bad 'inner without jwk' "$(inner "$good" -D jwk)"
bad 'inner url different' "$(inner "$good" -P url="$base/new-order")"
bad 'inner url missing' "$(inner "$good" -D url)"
bad 'inner account different' \
    "$(inner "{\"account\":\"$(cat "$T/bob/account")\",\"oldKey\":$old_jwk}")"
bad 'inner account missing' "$(inner "{\"oldKey\":$old_jwk}")"
bad 'inner account not a string' \
    "$(inner "{\"account\":7,\"oldKey\":$old_jwk}")"
bad 'oldKey missing' "$(inner "{\"account\":\"$account\"}")"
bad 'oldKey not an object' \
    "$(inner "{\"account\":\"$account\",\"oldKey\":\"x\"}")"
bad 'oldKey of another account' \
    "$(inner "{\"account\":\"$account\",\"oldKey\":$bob_jwk}")"
bad 'oldKey is the new key' \
    "$(inner "{\"account\":\"$account\",\"oldKey\":$new_jwk}")"
bad 'inner payload empty' "$(inner '')"
bad 'inner payload not JSON' "$(inner 'x')"
bad 'inner crit' "$(inner "$good" -J 'crit=["b64"]')"
bad 'inner padded' "$(inner "$good" --pad signature)"
bad 'inner with unprotected header' "$(inner "$good" --tail ',"header":{}')"
bad 'new key is the old key' \
    "$(inner "$good" -k "$ACME_STATE/key")"
misuse '400 badSignatureAlgorithm' 'inner alg none' \
    --payload "$(inner "$good" -P alg=none --spoil none)" "$change"
misuse '400 badSignatureAlgorithm' 'inner alg HS256' \
    --payload "$(inner "$good" -P alg=HS256)" "$change"
must "$TOOLS/acme-raw" key rsa:1024 "$T/weak"
misuse '400 badPublicKey' 'new key weak' \
    --payload "$(inner "$good" -k "$T/weak")" "$change"
misuse '400 malformed' 'outer by jwk' --jwk --payload "$(inner "$good")" \
    "$change"
misuse '400 malformed' 'outer by jwk of the new key' --jwk -k "$new" \
    --payload "$(inner "$good")" "$change"
as bob
bad 'outer by another account' "$(inner "$good")"
as alice
misuse '409 malformed' 'new key of another account' \
    --payload "$(inner "$good" -k "$T/bob/key")" "$change"
is "$(header Location)" "$(cat "$T/bob/account")" \
    'new key of another account: Location of that account'

# ---- the change

new_order kept.example.test
works '200 -' 'keyChange' --payload "$(inner "$good")" "$change"
is "$(get status)" valid 'keyChange: the account'
misuse '400 malformed' 'the old key no longer signs' @account
become newcomer
cp "$T/alice/key" "$T/newcomer/key"
misuse '400 accountDoesNotExist' 'the old key has no account' \
    --payload '{"onlyReturnExisting":true}' @newAccount
as alice
cp "$ACME_STATE/key" "$T/old"
cp "$new" "$ACME_STATE/key"
works '200 -' 'the new key signs' @account
works '200 -' 'orders are kept' "$order"
misuse '200 -' 'newAccount by the new key' --payload '{}' @newAccount
is "$(header Location)" "$account" 'newAccount by the new key: the account'
authorize
is "$(state_of "$order")" ready \
    'an authorization begun before is finished with the new key'

# ---- replayed, and to other kinds of keys

misuse '400 malformed' 'the same inner JWS again' \
    --payload "$(inner "$good")" "$change"
for type in ed25519 p384 rsa:2048 p521; do
	must "$TOOLS/acme-raw" key $type "$new"
	old_jwk=$("$TOOLS/acme-raw" jwk "$ACME_STATE/key")
	works '200 -' "keyChange to $type" --payload \
	    "$(inner "{\"account\":\"$account\",\"oldKey\":$old_jwk}")" "$change"
	cp "$new" "$ACME_STATE/key"
	works '200 -' "$type signs" @account
done
cp "$T/old" "$new"
old_jwk=$("$TOOLS/acme-raw" jwk "$ACME_STATE/key")
works '200 -' 'back to the first key' --payload \
    "$(inner "{\"account\":\"$account\",\"oldKey\":$old_jwk}")" "$change"

store_is_sound
done_testing
