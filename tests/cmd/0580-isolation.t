#!/bin/sh
# Goal: no account sees or moves anything of another: every resource, read and
# written.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
actor bob
actor alice
account=$(cat "$ACME_STATE/account")
must "$TOOLS/acme-raw" key p256 "$T/alice.key"
issue -k "$T/alice.key" issued.example.test
issued_order=$order issued_authz=$authz
new_order ready.example.test
authorize
ready_finalize=$finalize ready_order=$order ready_authz=$authz
new_order pending.example.test
challenge_of "$authz" http-01

as bob
for url in "$account" "$account/orders" "$order" "$authz" "$challenge" \
    "$certificate" "$issued_order" "$issued_authz" "$ready_order" \
    "$ready_authz" "$account/orders?cursor=1" "${challenge%/*}/dns-01" \
    "${challenge%/*}/tls-alpn-01" "${challenge%/*}/no-such-01"; do
	name=$(echo "${url#"$base"/}" | sed 's,/[A-Za-z0-9_-]\{22\},/ID,')
	misuse '403 unauthorized' "read $name" "$url"
	unlike "$(cat "$ACME_STATE/body" "$ACME_STATE/headers")" \
	    'issued\.example|ready\.example|pending\.example' \
	    "read $name: tells nothing of it"
done
misuse '403 unauthorized' 'challenge POST' --payload '{}' "$challenge"
for type in dns-01 tls-alpn-01 no-such-01; do
	misuse '403 unauthorized' "challenge POST, $type" --payload '{}' \
	    "${challenge%/*}/$type"
done
misuse '403 unauthorized' 'authorization POST {}' --payload '{}' "$authz"
misuse '403 unauthorized' 'authorization deactivation' \
    --payload '{"status":"deactivated"}' "$authz"
misuse '403 unauthorized' 'valid authorization deactivation' \
    --payload '{"status":"deactivated"}' "$ready_authz"
misuse '403 unauthorized' 'finalize of a pending order' \
    --payload "$(finalize_with "$(csr pending.example.test)")" "$finalize"
misuse '403 unauthorized' 'finalize of a ready order' \
    --payload "$(finalize_with "$(csr ready.example.test)")" "$ready_finalize"
misuse '403 unauthorized' 'finalize of a ready order with rubbish' \
    --payload '{"csr":"AA"}' "$ready_finalize"
misuse '403 unauthorized' 'account POST {}' --payload '{}' "$account"
misuse '403 unauthorized' 'account update' \
    --payload '{"contact":["mailto:evil@example.com"]}' "$account"
misuse '403 unauthorized' 'account deactivation' \
    --payload '{"status":"deactivated"}' "$account"
misuse '403 unauthorized' 'revocation' \
    --payload "{\"certificate\":\"$(cert_b64 "$T/chain.pem")\"}" "$base/revoke-cert"
# A key of one's own for the other's account.
change=$base/key-change
must "$TOOLS/acme-raw" key p256 "$T/evil.key"
inner=$("$TOOLS/acme-raw" jws -k "$T/evil.key" --jwk --payload \
    "{\"account\":\"$account\",\"oldKey\":$("$TOOLS/acme-raw" jwk \
    "$T/alice/key")}" "$change")
misuse '400 malformed' "keyChange of the other account" \
    --payload "$inner" "$change"
misuse '400 malformed' "keyChange of the other account by its kid" \
    --kid "$account" --payload "$inner" "$change"
misuse '400 malformed' "keyChange of the other account by its jwk" --jwk \
    -k "$T/evil.key" --payload "$inner" "$change"
misuse '400 malformed' "kid of the other account with one's own key" \
    --kid "$account" "$order"

# The token and the key: an authorization is answered by its own account only.
"$TOOLS/acme-raw" thumbprint "$ACME_STATE/key" >"$www/thumbprint"
as alice
must_say '200 -' --payload '{}' "$challenge"
settles "$authz" pending processing
is "$state" invalid "another account's thumbprint is no answer"

# An authorization of one account is none of the other.
as bob
new_order ready.example.test
is "$(state_of "$authz")" pending \
    'a name that another account has validated must be validated'
misuse '403 orderNotReady' 'and the order is not ready' \
    --payload "$(finalize_with "$(csr ready.example.test)")" "$finalize"

works '200 -' 'a list of orders' "$(cat "$ACME_STATE/account")/orders"
is "$(get orders)" "[\"$order\"]" 'has those of its account only'

as alice
works '200 -' 'the owner finalizes still' \
    --payload "$(finalize_with "$(csr ready.example.test)")" "$ready_finalize"

store_is_sound
done_testing
