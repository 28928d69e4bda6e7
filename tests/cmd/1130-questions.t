#!/bin/sh
# Goal: the five questions that an operator has about other CAs are answered by
# the commands that acmed-store(8) shows.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pages.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up_valid
ACMED_CONFIG=$client
export ACMED_CONFIG

order run done.example.test
exits 0 'an order that is done'
order new a.example.test b.example.test
exits 0 'one that is not'
id=$(field id)
# As far as the first answer that is in place.
for _ in 1 2 3 4 5 6 7 8; do
	run "$BIN/acme-order" status "$id"
	case $out in *" placed"*) break ;; esac
	order next "$id" --no-header
done

script acmed-store.8 'acme-order authorizations'
works
exits 0 'which authorizations are pending?'
is "$(printf '%s\n' "$out" | sed 1d | cut -f2-6 | sort)" \
    "pending	a.example.test	pebble	1	$id
pending	b.example.test	pebble	1	$id" '... these, of that CA'
is "$(printf '%s\n' "$out" | cut -f7-9 | grep -c '^http-01	answer	placed$')" 1 \
    '... one with its challenge in place'
order authorizations -j --status valid --account 1
exits 0 'those that are valid, of an account'
like "$out" '^\{"id":1,"status":"valid","name":"done.example.test","ca":"pebble","account":1,"order":1,"challenge":null,' \
    '... as JSON'
order authorizations --status new
exits 100 'a status that is none'
order authorizations --account 7
exits 1 'an account that is none'

script acmed-store.8 '^acmed-challenge list' 'log'
token=$(sql 'SELECT token FROM challenge_answers')
printf 'GET /.well-known/acme-challenge/%s HTTP/1.1\r\nHost: %s\r\n\r\n' \
    "$token" "$(sql 'SELECT host FROM challenge_answers')" |
    "$BIN/acmed-challenge" >"$T/answer" 2>&1
works
exits 0 'which challenges are active, and who asked?'
like "$out" "^$token	[ab].example.test	.*	yes	$token" '... this one, for an order'
like "$out" "	[ab].example.test	$token	|$token	.*[ab].example.test" \
    '... and somebody asked for it'

script acmed-store.8 '^private-key list' 'private_key'
works
exits 0 'where did a private key come from?'
like "$out" '^1	.*	generated	' '... made here'
like "$out" 'private_key.add	private_key/1	acme-order	' '... by acme-order'

script acmed-store.8 'upstream --count'
works
exits 0 'how many requests were sent?'
is "$(printf '%s\n' "$out" |
    awk -F '\t' '$1 == "pebble" && $3 == "newOrder" && $4 == 201 { print $6 }')" \
    2 '... to whom, and what came of it'
done_testing
