#!/bin/sh
# Goal: acme-order may be killed at every system call that writes; run again it
# goes on with the same order, at the CA too, and gets the certificate.  Only
# while newOrder is under way there may be one order more, which is not touched.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_ALTERNATE_ROOTS=1
export PEBBLE_VA_ALWAYS_VALID PEBBLE_ALTERNATE_ROOTS
start_pebble
order_up

# orders: how many the CA has made.
orders() {
	grep -c 'Added order' "$T/pebble.out"
}

# once NAME: runs it.
once() {
	"$@" "$BIN/acme-order" run "$name" -c "$client" >"$T/run.out" 2>"$T/run.err"
}

FAULT='' name=count.example
once under
calls=$(counted acme-order)
ok "an order is $calls calls that write" [ "$calls" -gt 50 ]

# A process that has died held its order for two minutes.  "run" goes on with
# what is not over; once it is, it would order anew.
resume() {
	sql 'UPDATE upstream_orders SET lease_until = 0'
	if [ "$status_then" = valid ]; then
		"$BIN/acme-order" download -c "$client" "$id_then" \
		    >"$T/run.out" 2>"$T/run.err"
	else
		once env
	fi
}

rounds=0 killed=0 again=0 bad=''
for mode in before after; do
	k=1
	while [ "$k" -le "$calls" ]; do
		rm -f "$T/faults" "$T/faults.log"
		name=n$k-$mode.example before=$(orders)
		FAULT=acme-order:$k:$mode
		once under
		rounds=$((rounds + 1))
		then=$(sql "SELECT o.id, o.status FROM upstream_orders o
		    JOIN fqdn_set_members m ON m.fqdn_set_id = o.fqdn_set_id
		    JOIN domains d ON d.id = m.domain_id
		    WHERE d.value = '$name'")
		id_then=${then%|*} status_then=${then#*|}
		[ ! -s "$T/faults.log" ] || killed=$((killed + 1))
		resume || bad="$bad $k:$mode:$(cat "$T/run.err")"
		made=$(($(orders) - before))
		case $made,$status_then in
		1,* | 0,valid) ;;
		2,new) again=$((again + 1)) ;;
		*) bad="$bad $k:$mode:$made orders, was $status_then" ;;
		esac
		[ "$(sql "SELECT count(*) FROM upstream_orders o
		    JOIN certificates c ON c.id = o.certificate_id
		    JOIN private_keys k ON k.spki_sha256 = c.spki_sha256
		    JOIN fqdn_set_members m ON m.fqdn_set_id = o.fqdn_set_id
		    JOIN domains d ON d.id = m.domain_id
		    WHERE d.value = '$name' AND o.status = 'valid'
		    AND o.alternates IS NULL")" -ge 1 ] ||
		    bad="$bad $k:$mode:no certificate"
		k=$((k + ${STEP:-7}))
	done
done
is "$bad" '' "killed $killed times in $rounds rounds: each order was done"
ok 'the kills hit' [ "$killed" -gt $((rounds * 8 / 10)) ]
ok "an order more at the CA, when newOrder was under way: $again" \
    [ "$again" -le $((rounds / 4)) ]
is "$(sql 'SELECT count(*) FROM challenge_answers')" 0 'no answer is left behind'
is "$(sql "SELECT count(*) FROM upstream_challenges WHERE place <> 'none'")" 0 \
    'and no challenge in place'
done_testing
