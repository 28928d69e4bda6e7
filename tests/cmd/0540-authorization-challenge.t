#!/bin/sh
# Goal: authorizations and challenges: their objects, how a challenge is
# answered once, and how authorizations end (RFC 8555 7.1.4, 7.1.5, 7.1.6, 7.5,
# 8; RFC 8738).
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
actor alice
"$TOOLS/acme-raw" thumbprint "$ACME_STATE/key" >"$www/thumbprint"
types() {
	get challenges | grep -o '"type":"[a-z0-9-]*"' | cut -d'"' -f4 | paste -sd' ' -
}

# ---- objects

new_order one.example.test
works '200 -' 'authorization read' "$authz"
is "$(members .)" 'challenges expires identifier status' \
    'pending authorization: its members'
is "$(get identifier)" '{"type":"dns","value":"one.example.test"}' \
    'authorization: identifier'
is "$(get status)" pending 'authorization: status'
like "$(get expires)" '^[-0-9]{10}T[:0-9]{8}Z$' 'authorization: expires'
is "$(types)" 'http-01 dns-01 tls-alpn-01' 'dns name: the challenges'
unlike "$(cat "$ACME_STATE/body")" invalid \
    'the word invalid is in no authorization that has not failed'
for i in 0 1 2; do
	is "$(members challenges.$i)" 'status token type url' \
	    "pending challenge $i: its members"
	is "$(get challenges.$i.url)" \
	    "$base/challenge/${authz##*/}/$(get challenges.$i.type)" \
	    "challenge $i: url"
	like "$(get challenges.$i.token)" '^[A-Za-z0-9_-]{43}$' \
	    "challenge $i: token"
	is "$(get challenges.$i.status)" pending "challenge $i: status"
done
new_order '*.wild.example.test'
works '200 -' 'authorization of a wildcard' "$authz"
is "$(get identifier.value) $(get wildcard)" 'wild.example.test true' \
    'wildcard: identifier without *., and wildcard'
is "$(types)" dns-01 'wildcard: the challenge'
new_order IP:127.0.0.1
works '200 -' 'authorization of an address' "$authz"
is "$(get identifier)" '{"type":"ip","value":"127.0.0.1"}' 'address: identifier'
is "$(types)" 'http-01 tls-alpn-01' 'address: the challenges'

# ---- no such thing

misuse '404 malformed' 'authorization unknown' \
    "$base/authorization/AAAAAAAAAAAAAAAAAAAAAA"
misuse '404 malformed' 'challenge of an authorization unknown' \
    "$base/challenge/AAAAAAAAAAAAAAAAAAAAAA/http-01"
misuse '404 malformed' 'challenge of a type not offered' \
    "$base/challenge/${authz##*/}/dns-01"
misuse '404 malformed' 'challenge of an unknown type' \
    "$base/challenge/${authz##*/}/tls-sni-01"
misuse '404 malformed' 'challenge without a type' "$base/challenge/${authz##*/}"

# ---- reading starts nothing, wrong payloads start nothing

new_order quiet.example.test
challenge_of "$authz" http-01
misuse '200 -' 'challenge POST-as-GET starts nothing' "$challenge"
is "$(members .)" 'status token type url' 'challenge read: its members'
is "$(get url)" "$challenge" 'challenge read: url'
is "$(header Link | grep up)" "<$authz>;rel=\"up\"" 'challenge read: Link up'
for payload in '[]' '"x"' 7 null 'x'; do
	misuse '400 malformed' "challenge POST with payload $payload" \
	    --payload "$payload" "$challenge"
done
is "$(state_of "$challenge")" pending 'the challenge is still pending'

# ---- the right answer

works '200 -' 'challenge POST {}' --payload '{}' "$challenge"
is "$(get url)" "$challenge" 'challenge POST: url'
is "$(header Link | grep up)" "<$authz>;rel=\"up\"" 'challenge POST: Link up'
case $(get status) in
processing) is "$(header Retry-After)" 1 'processing challenge: Retry-After' ;;
*) is "$(get status)" valid 'challenge POST: status' ;;
esac
settles "$authz" pending processing
is "$state" valid 'authorization becomes valid'
is "$(types)" http-01 'valid authorization: the challenge that succeeded'
is "$(members challenges.0)" 'status token type url validated' \
    'valid challenge: its members'
like "$(get challenges.0.validated)" '^[-0-9]{10}T[:0-9]{8}Z$' \
    'valid challenge: validated'
like "$(get expires)" '^[-0-9]{10}T[:0-9]{8}Z$' 'valid authorization: expires'
unlike "$(cat "$ACME_STATE/body")" invalid 'valid authorization: no invalid'
misuse '200 -' 'valid challenge POST {}' --payload '{}' "$challenge"
is "$(get status)" valid 'valid challenge POST: the object as it is'
misuse '200 -' 'valid challenge POST-as-GET' "$challenge"
settles "$order" pending
is "$state" ready 'order becomes ready'
misuse '200 -' 'ready order read' "$order"

# ---- an answer with members of older clients, RFC 8555 7.5.1

new_order old.example.test
challenge_of "$authz" http-01
works '200 -' 'challenge POST with unknown members' \
    --payload '{"keyAuthorization":"a.b","resource":"challenge","x":[{}]}' \
    "$challenge"
settles "$authz" pending processing
is "$state" valid 'unknown members: validated all the same'

# ---- an address

new_order IP:127.0.0.1
challenge_of "$authz" http-01
must_say '200 -' --payload '{}' "$challenge"
settles "$authz" pending processing
is "$state" valid 'address: valid by http-01'

# ---- the wrong answer

new_order wrong.example.test good.example.test
other=$("$TOOLS/acme-raw" request "$order" >/dev/null && get authorizations.1)
echo AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA >"$www/thumbprint.wrong.example.test"
challenge_of "$authz" http-01
must_say '200 -' --payload '{}' "$challenge"
settles "$authz" pending processing
is "$state" invalid 'wrong answer: authorization becomes invalid'
is "$(types)" http-01 'invalid authorization: the challenge that failed'
is "$(members challenges.0 | tr ' ' '\n' | grep -v validated | paste -sd' ' -)" \
    'error status token type url' 'invalid challenge: its members'
like "$(get challenges.0.error.type)" \
    '^urn:ietf:params:acme:error:(incorrectResponse|unauthorized)$' \
    'invalid challenge: type of the error'
[ -n "$(get challenges.0.error.detail)" ] &&
    is "$(get challenges.0.error.status | grep -c '^4')" 1 \
	'invalid challenge: detail and status of the error'
misuse '200 -' 'invalid challenge POST {}' --payload '{}' "$challenge"
is "$(get status)" invalid 'invalid challenge POST: the object as it is'
misuse '400 malformed' 'deactivation of an invalid authorization' \
    --payload '{"status":"deactivated"}' "$authz"
works '200 -' 'order of a failed authorization' "$order"
is "$(get status)" invalid 'wrong answer: order becomes invalid'
like "$(get error.type)" '^urn:ietf:params:acme:error:' 'invalid order: error'
is "$(get error.status | grep -c '^4')" 1 'invalid order: status of its error'
challenge_of "$other" http-01
raw --payload '{}' "$challenge"
settles "$other" pending processing
is "$state $(state_of "$order") $(peek 'SELECT count(*) FROM jobs')" \
    'valid invalid 0' 'invalid order stays so, though the other name is proven'
new_order nobody.example.test
echo >"$www/thumbprint.nobody.example.test"
challenge_of "$authz" tls-alpn-01
must_say '200 -' --payload '{}' "$challenge"
settles "$authz" pending processing
is "$state $(get challenges.0.type) $(get challenges.0.error.type)" \
    'invalid tls-alpn-01 urn:ietf:params:acme:error:connection' \
    'nobody listens for tls-alpn-01: connection'

# ---- while it is processing; a pipe holds back the applicant's answer

# hold NAME: an order whose challenge is being validated until release.
hold() {
	held=$www/thumbprint.$1
	must mkfifo "$held"
	new_order "$1"
	challenge_of "$authz" http-01
	must_say '200 -' --payload '{}' "$challenge"
	must wait_for 10 grep "^$1 " "$T/www.log"
}
release() {
	"$TOOLS/acme-raw" thumbprint "$ACME_STATE/key" >"$held"
	rm "$held"
}
hold slow.example.test
misuse '200 -' 'processing challenge POST-as-GET' "$challenge"
is "$(get status) $(header Retry-After)" 'processing 1' \
    'processing challenge: Retry-After'
works '200 -' 'processing challenge POST {}' --payload '{}' "$challenge"
is "$(get status)" processing 'processing challenge POST: the object as it is'
misuse '200 -' 'authorization with a processing challenge' "$authz"
is "$(get status) $(header Retry-After)" 'pending 1' \
    'authorization with a processing challenge: pending, Retry-After'
is "$(get challenges.0.status)" processing 'its challenge is processing'
unlike "$(cat "$ACME_STATE/body")" invalid 'processing: no invalid'
release
settles "$authz" pending processing
is "$state" valid 'valid once the applicant has answered'
is "$(grep -c '^slow.example.test ' "$T/www.log")" 1 \
    'a second POST while processing asks the applicant no second time'

# What was deactivated meanwhile does not come back.
hold gone.example.test
works '200 -' 'deactivation while processing' \
    --payload '{"status":"deactivated"}' "$authz"
release
new_order after.example.test
challenge_of "$authz" http-01
was=$authz
must_say '200 -' --payload '{}' "$challenge"
settles "$was" pending processing
gone=$(peek "SELECT a.status || ' ' || c.status
    FROM authorizations a JOIN challenges c ON c.authorization_id = a.id
    WHERE a.value = 'gone.example.test' AND c.type = 'http-01'")
like "$gone" '^deactivated ' 'deactivation while processing: it stays so'
unlike "$gone" ' valid$' 'deactivation while processing: nothing is valid'

# ---- dns-01

digest() {
	printf '%s.%s' "$1" "$("$TOOLS/acme-raw" thumbprint "$ACME_STATE/key")" |
	    openssl dgst -sha256 -binary | "$TOOLS/acme-raw" b64
}
new_order '*.dns.example.test'
challenge_of "$authz" dns-01
must dns_set _acme-challenge.dns.example.test TXT something-else
must dns_set _acme-challenge.dns.example.test TXT \
    "$(digest "$(get challenges.0.token)")"
must_say '200 -' --payload '{}' "$challenge"
settles "$authz" pending processing
is "$state" valid 'wildcard: valid by dns-01, with another record beside'
new_order '*.nodns.example.test'
challenge_of "$authz" dns-01
must_say '200 -' --payload '{}' "$challenge"
settles "$authz" pending processing
is "$state" invalid 'dns-01 without a record: invalid'
like "$(get challenges.0.error.type)" ':(dns|incorrectResponse|unauthorized)$' \
    'dns-01 without a record: type of the error'

# ---- deactivation, RFC 8555 7.5.2

new_order off.example.test
challenge_of "$authz" http-01
for payload in '{"status":"valid"}' '{"status":"pending"}' '{"status":7}' \
    '{"status":null}' '{"status":"x"}' '[]' x; do
	misuse '400 malformed' "authorization POST $payload" \
	    --payload "$payload" "$authz"
done
misuse '200 -' 'authorization POST {} is a read' --payload '{}' "$authz"
works '200 -' 'deactivation of a pending authorization' \
    --payload '{"status":"deactivated"}' "$authz"
is "$(get status)" deactivated 'deactivation: status'
is "$(state_of "$authz")" deactivated 'deactivation: still so when read'
is "$(state_of "$order")" invalid 'deactivation: order becomes invalid'
misuse '400 malformed' 'challenge POST of a deactivated authorization' \
    --payload '{}' "$challenge"
misuse '200 -' 'challenge POST-as-GET of a deactivated authorization' \
    "$challenge"
raw --payload '{"status":"deactivated"}' "$authz"
like "$reply" '^(200 -|400 malformed)$' 'deactivation again'
is "$(state_of "$authz")" deactivated 'deactivation again: as it was'
new_order offlater.example.test
authorize
works '200 -' 'deactivation of a valid authorization' \
    --payload '{"status":"deactivated"}' "$authz"
is "$(get status)" deactivated 'valid authorization: deactivated'
is "$(state_of "$order")" invalid 'its ready order becomes invalid'
misuse '403 orderNotReady' 'and cannot be finalized' \
    --payload "$(finalize_with "$(csr offlater.example.test)")" "$finalize"

# ---- expiry, RFC 8555 7.1.6

new_order late.example.test
challenge_of "$authz" http-01
tamper "UPDATE authorizations SET expires = 1000000000
    WHERE url_id = '${authz##*/}'"
misuse '400 malformed' 'challenge POST of an expired authorization' \
    --payload '{}' "$challenge"
misuse '200 -' 'expired authorization read' "$authz"
like "$(get status)" '^(expired|invalid)$' 'expired authorization: status'

store_is_sound
done_testing
