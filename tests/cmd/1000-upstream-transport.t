#!/bin/sh
# Goal: the transport of the ACME client speaks with pebble: nonces that are
# refused cost a repetition and nothing else, one or a hundred at a time; all
# that is sent is logged.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"

try() {
	run "$TOOLS/upstream-try" "$@" "$T/s/acmed.sqlite" \
	    "$pebble_directory" "$pebble_ca"
}

count() {
	sqlite3 "$T/s/acmed.sqlite" \
	    "SELECT count(*) FROM upstream_requests WHERE $1"
}

skip_unless_has sqlite3
PEBBLE_WFE_NONCEREJECT=20 start_pebble
try -t
exits 0 'an account and an order'
like "$out" '^account https://localhost:' 'the account has a URL'
like "$out" '^orders 1$' 'the order is there'
like "$err" '^> POST .*/order-plz' 'the trace shows what was sent'
like "$err" '^< 201 after' 'and the answer'
unlike "$err" 'signature' 'and no signature'

try -n 100 -o 300
exits 0 'a hundred at a time'
like "$out" '^orders 300$' 'with no order lost'
ok 'a fifth of the nonces was refused' \
    [ "$(count "error_type = 'badNonce'")" -gt 10 ]
is "$(count "endpoint = 'newOrder' AND status = 201")" 301 'all is logged'
is "$(count "endpoint = 'directory'")" 1 'the directory was asked for once'
ok 'most nonces come from answers' [ "$(count "endpoint = 'newNonce'")" -le 120 ]

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=other -keyout "$T/other.key" -out "$T/other.crt"
run "$TOOLS/upstream-try" "$T/o/acmed.sqlite" "$pebble_directory" \
    "$T/other.crt"
exits 111 'a server with a certificate of others is not spoken to'
like "$err" 'try: newAccount: .*certificate' 'and it says so'

stop pebble
run "$TOOLS/upstream-try" "$T/o2/acmed.sqlite" "$pebble_directory" "$pebble_ca"
exits 111 'no CA is temporary'
done_testing
