#!/bin/sh
# Goal: what wraps every request, right or wrong: methods, media types, JWS,
# its header, key and signature (RFC 8555 6.1 to 6.4).
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
actor alice
new_order envelope.example.test
challenge_of "$authz" http-01
jwk() {
	"$TOOLS/acme-raw" jwk "$1"
}
# part MEMBER FILE: one member of the key's JWK.
part() {
	jwk "$2" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}
key() {
	must "$TOOLS/acme-raw" key "$1" "$T/$2"
}

# ---- the right way, once for each algorithm

for type in p256 p384 p521 ed25519 rsa:2048; do
	become "user-$type"
	key "$type" "user-$type/key"
	works '201 -' "newAccount signed by $type" --payload '{}' @newAccount
	works '200 -' "account read, signed by $type" @account
done
as alice

# ---- what is served without a signature

raw -X GET "$directory"
expect '200 -' 'GET directory' directory
is "$(header Content-Type)" application/json 'directory is application/json'
is "$(members . | sed 's/ meta / /')" \
    'keyChange newAccount newNonce newOrder renewalInfo revokeCert' \
    'directory lists what there is, newAuthz not'
wrong=
for member in newNonce newAccount newOrder revokeCert keyChange; do
	case $(get "$member") in
	"$base"/*) ;;
	*) wrong="$wrong $member" ;;
	esac
done
is "$wrong" '' 'directory: URLs of base_url'
raw -X GET -H 'Host: evil.example' "$directory"
is "$(get newNonce)" "$base/new-nonce" 'directory does not follow Host'
raw -X GET "$base/"
is "$reply" '200 -' 'GET / answers'
like "$(header Content-Type)" '^text/plain' 'GET / is text'

# ---- methods, RFC 8555 6.3

raw -X GET "$directory"
new_nonce=$(get newNonce)
for name in new-account new-order revoke-cert key-change; do
	misuse '405 malformed' "GET $name" -X GET "$base/$name"
	is "$(header Allow)" POST "GET $name: Allow: POST"
done
account=$(cat "$ACME_STATE/account")
for url in "$account" "$account/orders" "$order" "$authz" "$challenge" \
    "$finalize"; do
	name=$(echo "${url#"$base"/}" | sed 's,/[A-Za-z0-9_-]\{22\},/ID,')
	misuse '405 malformed' "GET $name" -X GET "$url"
	is "$(header Allow)" POST "GET $name: Allow: POST"
done
misuse '405 malformed' 'PUT newOrder' -X PUT --body '{}' @newOrder
misuse '405 malformed' 'DELETE account' -X DELETE "$account"
for url in "$directory" "$new_nonce"; do
	for method in PUT DELETE PATCH OPTIONS; do
		raw -X $method "$url"
		is "$reply" '405 malformed' "$method ${url#"$base"/}"
		like "$(header Allow)" '^GET, HEAD, POST$' \
		    "$method ${url#"$base"/}: Allow"
	done
done
raw @newNonce
expect '204 -' 'POST-as-GET newNonce'
raw "$directory"
expect '200 -' 'POST-as-GET directory'
is "$(get newNonce)" "$new_nonce" 'POST-as-GET directory: the directory'
misuse '400 badNonce' 'POST-as-GET directory: its nonce is checked' \
    -P nonce="$(cat "$ACME_STATE/used")" "$directory"
misuse '400 badNonce' 'POST-as-GET newNonce: its nonce is checked' \
    -D nonce "$new_nonce"
misuse '400 malformed' 'POST-as-GET directory: its signature is checked' \
    --spoil flip "$directory"
misuse '400 malformed' 'POST-as-GET newNonce: its signature is checked' \
    --spoil flip "$new_nonce"
misuse '400 malformed' 'POST-as-GET directory with a payload' \
    --payload '{}' "$directory"

# ---- media type, RFC 8555 6.2

for type in application/json application/jose text/plain \
    'application/jose+json;charset=utf-8' 'application/jose+json; charset=utf-8' \
    application/jose+jsonx; do
	misuse '415 malformed' "Content-Type: $type" --type "$type" @account
done
misuse '415 malformed' 'two Content-Types' \
    -H 'Content-Type: application/jose+json' @account
misuse '415 malformed' 'no Content-Type' --type '' @account

# ---- the body

misuse '400 malformed' 'body not JSON' --body 'hello' @account
misuse '400 malformed' 'body empty' --body '' @account
misuse '400 malformed' 'body an array' --body '[]' @account
misuse '400 malformed' 'body a string' --body '"x"' @account
misuse '400 malformed' 'body null' --body 'null' @account
misuse '400 malformed' 'body {}' --body '{}' @account
misuse '400 malformed' 'body cut short' --body '{"protected":"e30"' @account
misuse '400 malformed' 'trailing garbage' --after 'x' @account
misuse '400 malformed' 'two objects' --after '{}' @account
misuse '400 malformed' 'duplicate member payload' --tail ',"payload":""' @account
misuse '400 malformed' 'duplicate member protected' \
    --tail ',"protected":"e30"' @account
misuse '400 malformed' 'duplicate member signature' \
    --tail ',"signature":"AAAA"' @account
misuse '400 malformed' 'compact form' --form compact @account
misuse '400 malformed' 'general form' --form general @account
misuse '400 malformed' 'flattened with signatures' --tail ',"signatures":[]' \
    @account
misuse '400 malformed' 'unprotected header' --tail ',"header":{}' @account
misuse '400 malformed' 'unprotected header with a kid' \
    --tail ",\"header\":{\"kid\":\"$account\"}" @account
for part in protected payload signature; do
	misuse '400 malformed' "$part missing" --drop $part @account
	misuse '400 malformed' "$part not a string" --drop $part \
	    --tail ",\"$part\":7" @account
	misuse '400 malformed' "$part null" --drop $part \
	    --tail ",\"$part\":null" @account
done
# ---- JSON that is deep, huge or double, at each of its three places

deep=$(printf '%40s' '' | tr ' ' '[')$(printf '%40s' '' | tr ' ' ']')
misuse '400 malformed' 'JSON nested too deep' --tail ",\"x\":$deep" @account
misuse '400 malformed' 'payload nested too deep' \
    --payload "{\"identifiers\":[{\"type\":\"dns\",
    \"value\":\"a.example.test\"}],\"x\":$deep}" @newOrder
misuse '400 malformed' 'protected nested too deep' \
    --protected-tail ",\"x\":$deep" @account
misuse '400 malformed' 'jwk nested too deep' --jwk -J jwk="{\"x\":$deep}" \
    --payload '{}' @newAccount
eight='[[[[[[[7]]]]]]]'
misuse '200 -' 'as deep as is allowed' --protected-tail ",\"x\":$eight" \
    --tail ",\"x\":$eight" "$account"
misuse '400 malformed' 'a level more in the body' --tail ",\"x\":[$eight]" \
    "$account"
misuse '400 malformed' 'a level more in protected' \
    --protected-tail ",\"x\":[$eight]" "$account"
# shellcheck disable=SC2046 # numbers
many=$(printf ',"m%d":[]' $(seq 4000))
misuse '200 -' 'four thousand members' --tail "$many" "$account"
misuse '400 malformed' 'four thousand members, two of them alike' \
    --tail "$many,\"m7\":1" "$account"
# shellcheck disable=SC2046 # numbers
many=$(printf ',"m%d":1' $(seq 2000))
misuse '400 malformed' 'two thousand members in protected, two of them alike' \
    --protected-tail "$many,\"m7\":1" "$account"
misuse '400 malformed' 'two thousand members in payload, two of them alike' \
    --payload "{\"m7\":1$many}" @newOrder
misuse '400 malformed' 'a member twice, once escaped' \
    --payload '{"identifiers":[{"type":"dns","value":"a.example.test"}],
    "\u0069dentifiers":[{"type":"dns","value":"b.example.test"}]}' @newOrder
misuse '400 malformed' 'a member twice, deep inside' --payload \
    '{"identifiers":[{"type":"dns","value":"a.example.test","value":"b.example.test"}]}' \
    @newOrder
misuse '400 malformed' 'jwk with a member twice' --jwk \
    -J jwk="$(jwk "$ACME_STATE/key")" \
    --protected-tail ",\"jwk\":$(jwk "$ACME_STATE/key")" --payload '{}' \
    @newAccount
long=$(head -c 17000 /dev/zero | tr '\0' x)
misuse '400 malformed' 'a string too long in protected' \
    --protected-tail ",\"x\":\"$long\"" "$account"
misuse '400 malformed' 'an integer beyond 64 bits' --payload \
    '{"identifiers":[],"x":99999999999999999999999999}' @newOrder
misuse '400 malformed' 'a number beyond all' --payload \
    '{"identifiers":[],"x":1e999}' @newOrder
misuse '400 malformed' 'half a surrogate' --payload \
    '{"identifiers":[],"x":"\ud800"}' @newOrder
misuse '400 malformed' 'a NUL in a member' --payload \
    '{"identifiers":[],"x\u0000y":1}' @newOrder
big=$(head -c 70000 /dev/zero | tr '\0' x)
misuse '413 malformed' 'body beyond the limit' \
    --payload "{\"x\":\"$big\"}" @newOrder
like "$(header Connection)" '^close$' 'body beyond the limit: Connection: close'

# ---- base64url, RFC 8555 6.1

misuse '400 malformed' 'protected padded' --pad protected @account
misuse '400 malformed' 'payload padded' --pad payload --payload '{}' @account
misuse '400 malformed' 'payload padded, empty' --b64 payload== @account
misuse '400 malformed' 'signature padded' --pad signature @account
misuse '400 malformed' 'protected in another alphabet' \
    --b64 protected=ey++ @account
misuse '400 malformed' 'payload in another alphabet' \
    --b64 payload=e30+ "$account"
misuse '400 malformed' 'payload with a blank' --b64 'payload=e3 0' "$account"
misuse '400 malformed' 'payload with stray bits' --b64 'payload=e31' "$account"
misuse '400 malformed' 'payload of an impossible length' \
    --b64 'payload=e30aa' "$account"
misuse '400 malformed' 'signature not base64url' --b64 'signature=!!!' @account

# ---- the payload

misuse '400 malformed' 'payload not JSON' --payload 'hello' @newOrder
misuse '400 malformed' 'payload an array' --payload '[]' @newOrder
misuse '400 malformed' 'payload a string' --payload '"x"' @newOrder
misuse '400 malformed' 'payload a number' --payload '7' @newOrder
misuse '400 malformed' 'payload null' --payload 'null' @newOrder
misuse '400 malformed' 'payload with trailing garbage' \
    --payload '{"identifiers":[{"type":"dns","value":"a.example.test"}]}x' \
    @newOrder
misuse '400 malformed' 'payload with a duplicate member' --payload '{
    "identifiers":[{"type":"dns","value":"a.example.test"}],
    "identifiers":[{"type":"dns","value":"b.example.test"}]}' @newOrder
misuse '400 malformed' 'payload not UTF-8' \
    --payload "$(printf '{"x":"\377"}')" @newOrder
for name in new-order key-change revoke-cert; do
	misuse '400 malformed' "payload empty for $name" "$base/$name"
done
become fresh
misuse '400 malformed' 'payload empty for new-account' @newAccount
as alice
misuse '400 malformed' 'payload empty for finalize' "$finalize"
for url in "$order" "$account/orders"; do
	name=$(echo "${url#"$base"/}" | sed 's,/[A-Za-z0-9_-]\{22\},/ID,')
	misuse '400 malformed' "payload {} for $name" --payload '{}' "$url"
	misuse '400 malformed' "payload {\"a\":1} for $name" \
	    --payload '{"a":1}' "$url"
done

# ---- the protected header: form

misuse '400 malformed' 'protected not JSON' --protected 'hello' @account
misuse '400 malformed' 'protected an array' --protected '[]' @account
misuse '400 malformed' 'protected empty' --protected '' @account
misuse '400 malformed' 'protected {}' --protected '{}' @account
misuse '400 malformed' 'protected with a duplicate member' \
    --protected-tail ',"alg":"ES256"' @account
misuse '400 malformed' 'protected with a second url' \
    --protected-tail ",\"url\":\"$base/new-order\"" @account
misuse '400 malformed' 'crit' -J 'crit=["exp"]' @account
misuse '400 malformed' 'crit empty' -J 'crit=[]' @account
misuse '400 malformed' 'crit of b64' -J 'crit=["b64"]' -J b64=false @account
misuse '400 malformed' 'b64 false' -J b64=false @account
misuse '400 malformed' 'b64 true' -J b64=true @account

# ---- alg

bad_alg() {
	misuse '400 badSignatureAlgorithm' "$@"
	is "$(get algorithms | tr -d '[]"' | tr ',' '\n' | sort | paste -sd' ' -)" \
	    'ES256 ES384 ES512 EdDSA RS256' "$1: algorithms"
}
misuse '400 malformed' 'alg missing' -D alg @account
misuse '400 malformed' 'alg not a string' -J alg=7 @account
bad_alg 'alg none' -P alg=none --spoil none @account
bad_alg 'alg HS256' -P alg=HS256 @account
for alg in HS384 PS256 RS384 ES256K es256 X; do
	misuse '400 badSignatureAlgorithm' "alg $alg" -P alg=$alg @account
done
misuse '400 badSignatureAlgorithm' 'alg empty' -P alg= @account
bad_alg 'alg RS256 with an EC key' -P alg=RS256 @account
misuse '400 badSignatureAlgorithm' 'alg EdDSA with an EC key' \
    -P alg=EdDSA @account
as user-p384
misuse '400 badSignatureAlgorithm' 'alg ES256 with a P-384 key' \
    -P alg=ES256 @account
as user-rsa:2048
misuse '400 badSignatureAlgorithm' 'alg ES256 with an RSA key' \
    -P alg=ES256 @account
misuse '400 badSignatureAlgorithm' 'alg none with an RSA key' \
    -P alg=none --spoil none @account
become fresh
misuse '400 badSignatureAlgorithm' 'newAccount: alg HS256' \
    -P alg=HS256 --payload '{}' @newAccount
misuse '400 badSignatureAlgorithm' 'newAccount: alg none' \
    -P alg=none --spoil none --payload '{}' @newAccount
misuse '400 badSignatureAlgorithm' 'newAccount: alg ES384 with a P-256 key' \
    -P alg=ES384 --payload '{}' @newAccount

# ---- jwk and kid

as alice
mine=$(jwk "$ACME_STATE/key")
misuse '400 malformed' 'neither jwk nor kid' -D kid @account
misuse '400 malformed' 'jwk and kid' -J jwk="$mine" @account
misuse '400 malformed' 'newAccount by kid' --kid "$account" \
    --payload '{}' @newAccount
misuse '400 malformed' 'newAccount by jwk and kid' --jwk -P kid="$account" \
    --payload '{}' @newAccount
misuse '400 malformed' 'newOrder by jwk' --jwk \
    --payload "$(names a.example.test)" @newOrder
for url in "$account" "$account/orders" "$order" "$authz" "$challenge" \
    "$finalize" "$base/key-change"; do
	name=$(echo "${url#"$base"/}" | sed 's,/[A-Za-z0-9_-]\{22\},/ID,')
	misuse '400 malformed' "$name by jwk" --jwk "$url"
done
misuse '400 malformed' 'kid not a string' -J kid=7 @account
misuse '400 malformed' 'kid empty' -P kid= @account
id=${account##*/}
misuse '400 malformed' 'kid without the host' -P kid="/account/$id" @account
misuse '400 malformed' 'kid the id alone' -P kid="$id" @account
misuse '400 malformed' 'kid of another host' \
    -P kid="https://other.example/account/$id" @account
misuse '400 malformed' 'kid of another scheme' \
    -P kid="http${account#https}" @account
misuse '400 malformed' 'kid of another kind' -P kid="$order" @account
misuse '400 malformed' 'kid of a host as long' \
    -P kid="https://localhosu${base#https://localhost}/account/$id" @account
misuse '400 malformed' 'kid of a kind as long' \
    -P kid="$base/accounx/$id" @account
misuse '400 malformed' 'kid of a byte that is in no id' \
    -P kid="$base/account/AAAAAAAAAAAAAAAAAAAAA." @account
misuse '400 malformed' 'kid with a tail' -P kid="$account/" @account
misuse '400 malformed' 'kid with a query' -P kid="$account?a=b" @account
misuse '400 malformed' 'kid with dots' \
    -P kid="$base/account/../account/$id" @account
misuse '400 malformed' 'kid with an escape' \
    -P kid="$base/account/%$(printf %s "$id" | od -An -tx1 -N1 |
	tr -d ' ')${id#?}" @account
misuse '400 accountDoesNotExist' 'kid unknown' \
    -P kid="$base/account/AAAAAAAAAAAAAAAAAAAAAA" @account
misuse '400 accountDoesNotExist' 'kid unknown, for newOrder' \
    -P kid="$base/account/AAAAAAAAAAAAAAAAAAAAAA" \
    --payload "$(names a.example.test)" @newOrder

# ---- keys that no account may have, RFC 8555 6.2, 6.7

become keys
newcomer() {
	newcomer_name=$1
	shift
	misuse '400 badPublicKey' "$newcomer_name" --payload '{}' "$@" @newAccount
}
key p256 keys/key
x=$(part x "$T/keys/key") y=$(part y "$T/keys/key")
d=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE
ec() {
	printf '{"kty":"EC","crv":"%s","x":"%s","y":"%s"%s}' "$@"
}
newcomer 'EC key with its private part' -J jwk="$(ec P-256 "$x" "$y" ",\"d\":\"$d\"")"
newcomer 'oct key' -J jwk='{"kty":"oct","k":"AAAA"}'
newcomer 'kty unknown' -J jwk='{"kty":"XX"}'
newcomer 'kty missing' -J jwk='{}'
newcomer 'crv unknown' -J jwk="$(ec P-192 "$x" "$y" '')"
newcomer 'crv missing' -J jwk="{\"kty\":\"EC\",\"x\":\"$x\",\"y\":\"$y\"}"
newcomer 'point not on the curve' -J jwk="$(ec P-256 "$x" "$x" '')"
newcomer 'point of zeros' -J jwk="$(ec P-256 \
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA \
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA '')"
newcomer 'coordinate missing' -J jwk="{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"$x\"}"
newcomer 'coordinate too short' -J jwk="$(ec P-256 AAAA "$y" '')"
newcomer 'coordinate empty' -J jwk="$(ec P-256 '' "$y" '')"
newcomer 'coordinate padded' -J jwk="$(ec P-256 "$x=" "$y" '')"
newcomer 'coordinate not a string' \
    -J jwk="{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":7,\"y\":\"$y\"}"
newcomer 'point of another curve' -J jwk="$(ec P-384 "$x" "$y" '')"
misuse '400 malformed' 'jwk not an object' -J jwk='"x"' --payload '{}' \
    @newAccount
key ed25519 ed
x=$(part x "$T/ed")
newcomer 'Ed25519 key with its private part' -k "$T/ed" \
    -J jwk="{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"$x\",\"d\":\"$d\"}"
newcomer 'Ed25519 key too short' -k "$T/ed" \
    -J jwk='{"kty":"OKP","crv":"Ed25519","x":"AAAA"}'
newcomer 'Ed448' -k "$T/ed" -J jwk="{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"$x\"}"
key rsa:1024 rsa1024
newcomer 'RSA 1024' -k "$T/rsa1024"
key rsa:2040 rsa2040
newcomer 'RSA 2040' -k "$T/rsa2040"
n=$(part n "$T/user-rsa:2048/key")
rsa() {
	printf '{"kty":"RSA","n":"%s","e":"%s"%s}' "$@"
}
key=$T/user-rsa:2048/key
newcomer 'RSA key with its private part' -k "$key" \
    -J jwk="$(rsa "$n" AQAB ",\"d\":\"$d\"")"
newcomer 'RSA exponent even' -k "$key" -J jwk="$(rsa "$n" AQAA '')"
newcomer 'RSA exponent 1' -k "$key" -J jwk="$(rsa "$n" AQ '')"
newcomer 'RSA exponent empty' -k "$key" -J jwk="$(rsa "$n" '' '')"
newcomer 'RSA exponent beyond 32 bits' -k "$key" -J jwk="$(rsa "$n" AQAAAAAB '')"
newcomer 'RSA modulus empty' -k "$key" -J jwk="$(rsa '' AQAB '')"
newcomer 'RSA modulus missing' -k "$key" -J jwk='{"kty":"RSA","e":"AQAB"}'
newcomer 'RSA modulus beyond 8192 bits' -k "$key" \
    -J jwk="$(rsa "$n$n$n$n$n" AQAB '')"

# ---- the signature

as alice
key p256 other
for how in flip zero zero-r zero-s short long der none; do
	misuse '400 malformed' "ECDSA signature: $how" --spoil $how @account
done
for user in user-p384 user-p521 user-ed25519 user-rsa:2048; do
	as "$user"
	for how in flip zero short none; do
		misuse '400 malformed' "$user signature: $how" \
		    --spoil $how @account
	done
done
as alice
misuse '400 malformed' 'signed by another key' -k "$T/other" @account
misuse '400 malformed' 'signed by the key of another account' \
    -k "$T/user-p256/key" @account
misuse '400 malformed' 'payload put in after signing' \
    --payload "$(names a.example.test)" \
    --sent-payload "$(names b.example.test)" @newOrder
become fresh
misuse '400 malformed' 'newAccount signed by another key' \
    -k "$T/other" -J jwk="$(jwk "$T/fresh/key")" --payload '{}' @newAccount
misuse '400 malformed' 'newAccount: signature empty' --spoil none \
    --payload '{}' @newAccount

# ---- url

as alice
port=${base##*:}
misuse '400 malformed' 'url missing' -D url @account
misuse '400 malformed' 'url not a string' -J url=7 @account
misuse '403 unauthorized' 'url empty' -P url= @account
misuse '403 unauthorized' 'url of another scheme' \
    -P url="http${account#https}" @account
misuse '403 unauthorized' 'url of another host' \
    -P url="https://other.example:$port/account/$id" @account
misuse '403 unauthorized' 'url of another port' \
    -P url="$(echo "$account" | sed "s/:$port/:1/")" @account
misuse '403 unauthorized' 'url of another path' -P url="$order" @account
misuse '403 unauthorized' 'url with a query' -P url="$account?a" @account
misuse '403 unauthorized' 'url with a fragment' -P url="$account#a" @account
misuse '403 unauthorized' 'url with a slash more' -P url="$account/" @account
misuse '403 unauthorized' 'url relative' -P url="/account/$id" @account
misuse '403 unauthorized' 'request with a query that url has not' \
    -P url="$account/orders" "$account/orders?cursor=1"
misuse '404 malformed' 'a query where none belongs' "$order?a=b"

# ---- no such resource

for path in nothing account account/ order/x "order/AAAAAAAAAAAAAAAAAAAAAA/x" \
    new-orderx directory/ /directory new-authz renewal-info \
    "account/$id/x" "%6eew-order" \
    "order/$(head -c 300 /dev/zero | tr '\0' A)" \
    "challenge/$(head -c 300 /dev/zero | tr '\0' A)/x" \
    "order/$(head -c 64 /dev/zero | tr '\0' A)"; do
	misuse '404 malformed' "POST /$path" "$base/$path"
done
raw -X GET "$base/nothing"
is "$reply" '404 malformed' 'GET /nothing'
is "$(header Content-Type)" application/problem+json 'GET /nothing: a problem'

# ---- our own failure tells nothing of our inside, RFC 8555 6.7

must sqlite3 "$store" ".backup '$T/broken.sqlite'"
must sqlite3 "$T/broken.sqlite" \
    'ALTER TABLE identifiers RENAME TO identifiers_gone'
variant "$T/broken.conf" store.url="$T/broken.sqlite"
become broken "$T/broken.conf"
cp "$T/alice/key" "$T/alice/account" "$T/broken"
raw --payload "$(names a.example.test)" @newOrder
expect '500 serverInternal' 'a store that is broken'
detail=$(get detail)
unlike "$detail" 'identifiers|SQL|sqlite|table|/' \
    'a store that is broken: no detail of ours'
id=$(printf '%s\n' "$detail" | grep -Eo '[0-9a-f]{12}(-[0-9]+)?' | head -1)
like "$(grep -F "${id:-no id in $detail}" "$T/broken/log")" identifiers \
    'a store that is broken: the log has the reason, with the id of the answer'

store_is_sound
done_testing
