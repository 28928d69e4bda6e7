#!/bin/sh
# Goal: chains that a CA has named, and that a process which was cut short has
# not fetched, are fetched by the next run of renew-queue.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

PEBBLE_ALTERNATE_ROOTS=1
export PEBBLE_ALTERNATE_ROOTS
order_up_valid

chains() {
	sql 'SELECT count(*) FROM certificate_chains'
}

order run a.example
exits 0 'a certificate'
is "$(chains)" 2 '... with two chains'
# As if it had been killed between them.
sql "DELETE FROM certificate_chains WHERE is_default = 0"
sql "UPDATE upstream_orders SET alternates = certificate_url || '/alternate/1'"
run "$BIN/renew-queue" run -c "$client"
exits 0 'renew-queue run'
is "$out$err" '' '... is silent'
is "$(chains)" 2 '... and gets the other one'
is "$(sql 'SELECT count(*) FROM upstream_orders')" 1 '... without an order'
is "$(sql 'SELECT alternates IS NULL FROM upstream_orders')" 1 \
    '... so that nothing is left'

# One that is nowhere to be had is given up.
url=$(sql 'SELECT certificate_url FROM upstream_orders')
sql "UPDATE upstream_orders SET alternates = '${url}none'"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
	sql 'UPDATE upstream_orders SET retry_at = 0'
	run "$BIN/renew-queue" run -c "$client"
done
is "$(sql 'SELECT alternates IS NULL FROM upstream_orders')" 1 \
    'what is nowhere to be had is given up'
exits 0 '... and nobody is bothered with it'
is "$(chains)" 2 '... and nothing is lost'
done_testing
