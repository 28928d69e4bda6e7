#!/bin/sh
# Goal: a key that is compromised or retired is for no new certificate, however
# the order came to it: one that was given is replaced by the cycle, a request
# is made anew, and what was made elsewhere is told of, before a CA is asked.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

PEBBLE_VA_ALWAYS_VALID=1
export PEBBLE_VA_ALWAYS_VALID
start_pebble
order_up

manage() {
	run "$BIN/cert-manage" "$@" -c "$client"
}
queue() {
	run "$BIN/renew-queue" "$@" -c "$client"
}
key_of() {
	sql "SELECT private_key_id FROM upstream_orders WHERE id = $1"
}
last() {
	sql 'SELECT max(id) FROM upstream_orders'
}

# ---- a key that was given -------------------------------------------------------
must "$BIN/private-key" generate -c "$client"
must "$BIN/private-key" generate -c "$client"
order run given.example --key 1
exits 0 'a certificate with a key that is given'
order run retired.example --key 2
exits 0 'another'
must "$BIN/cert-manage" compromise 1 -c "$client"
must "$BIN/private-key" retire 2 -c "$client"
asked_before=$(asked 1=1)
order run other.example --key 1
exits 1 'one that is compromised'
like "$err" 'private_key/1 is compromised' '... is refused by hand'
is "$(asked 1=1)" "$asked_before" '... and nothing is asked'
queue run
exits 0 'the renewal of one whose key is compromised'
like "$err" \
    'replace_key object=upstream_order/3 given=private_key/1 now=private_key/3' \
    '... tells that the key was replaced'
is "$(printf '%s\n' "$err" | grep -c .)" 1 '... and nothing else'
is "$(sql 'SELECT status FROM certificates WHERE id = 3')" valid \
    '... and has a certificate'
is "$(key_of 3)" 3 '... for another key'
manage renewal show given.example
unlike "$out" '^private_key:' 'the configuration asks for the key no more'
like "$out" '^replaced_key: +1$' '... and says which it was'
order status 3
like "$out" '"replaced_key":1' 'so does the order'
run "$BIN/acmed-store" log --object upstream_order/3 -c "$client"
like "$out" 'replace_key.*private_key/3 for private_key/1' '... and the events'
queue add given.example
queue run
exits 0 'the next time'
is "$err" '' '... nothing is told'
is "$(key_of 4)" 4 '... and the cycle goes on: a new key'
queue add retired.example
queue run
exits 0 'the renewal of one whose key is retired'
like "$err" 'given=private_key/2 now=private_key/5' '... replaces it'
manage renewal set retired.example --key-cycle account_daily
manage renewal show retired.example
unlike "$out" replaced_key 'with a cycle that is set, that is over'

# By hand it was active when it was given.
must "$BIN/private-key" generate -c "$client"
key=$(sql 'SELECT max(id) FROM private_keys')
order new hand.example --key "$key"
must "$BIN/private-key" retire "$key" -c "$client"
order download "$(last)"
exits 0 'one that is retired while its order is open'
like "$err" "given=private_key/$key" '... is replaced'
manage renewal show hand.example
unlike "$out" '^private_key:' '... for what comes later, too'

done_testing
