#!/bin/sh
# Goal: what renews in renew-queue, or has the network for it, may be killed at
# every system call that writes; a later run does what it has left, with the same
# order where there is one, and nothing stays in the queue.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_WFE_NONCEREJECT=0
export PEBBLE_VA_ALWAYS_VALID PEBBLE_WFE_NONCEREJECT
start_pebble
order_up
order run a.example
exits 0 'a certificate'

# orders: how many the CA has made.
orders() {
	grep -c 'Added order' "$T/pebble.out"
}
once() {
	"$@" "$BIN/renew-queue" run -c "$client" >"$T/run.out" 2>"$T/run.err"
}
# due: it is wanted now.
due() {
	must "$BIN/renew-queue" add a.example -c "$client"
	last=$(sql 'SELECT certificate_id FROM renewal_configurations')
}
# renewed: it has another certificate, with its key, that serves, and nothing is
# left to do.
renewed() {
	sql "SELECT r.certificate_id > $last AND c.active = 1
	    AND (SELECT count(*) FROM renewal_queue) = 0
	    FROM renewal_configurations r
	    JOIN certificates c ON c.id = r.certificate_id
	    JOIN private_keys k ON k.spki_sha256 = c.spki_sha256"
}

FAULT=''
due
rm -f "$T/faults"
once under
calls=$(counted renew-queue+)
is "$(renewed)" 1 'a renewal'
ok "... is $calls calls that write" [ "$calls" -gt 50 ]

rounds=0 killed=0 again=0 bad=''
for mode in before after; do
	k=1
	while [ "$k" -le "$calls" ]; do
		due
		rm -f "$T/faults" "$T/faults.log"
		before=$(orders)
		FAULT=renew-queue+:$k:$mode
		once under
		rounds=$((rounds + 1))
		[ ! -s "$T/faults.log" ] || killed=$((killed + 1))
		# Leases of a process that has died are over some time.
		sql 'UPDATE upstream_orders SET lease_until = 0'
		sql 'UPDATE renewal_queue SET lease_until = 0, retry_at = 0'
		once env || bad="$bad $k:$mode:$(cat "$T/run.err")"
		[ "$(renewed)" = 1 ] || bad="$bad $k:$mode:not renewed"
		made=$(($(orders) - before))
		[ "$made" -le 1 ] || again=$((again + 1))
		[ "$made" -le 2 ] || bad="$bad $k:$mode:$made orders"
		k=$((k + ${STEP:-7}))
	done
done
is "$bad" '' "killed $killed times in $rounds rounds: each renewal was done"
ok 'the kills hit' [ "$killed" -gt $((rounds * 6 / 10)) ]
ok "an order more at the CA, when newOrder was under way: $again" \
    [ "$again" -le $((rounds / 4)) ]
is "$(sql 'SELECT count(*) FROM challenge_answers')" 0 'no answer is left behind'
run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check finds nothing'
done_testing
