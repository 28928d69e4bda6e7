#!/bin/sh
# Goal: two requests at the same instant, in two processes: exactly one takes
# effect.  With a process for each connection, and with workers.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
actor alice
"$TOOLS/acme-raw" thumbprint "$ACME_STATE/key" >"$www/thumbprint"
variant "$T/rush.conf" server.requests_per_connection=1000000 server.workers=2
start workers "$SRC/scripts/lib/listen" -1 127.0.0.1 0 \
    "$BIN/acmed-accept" -q -c "$T/rush.conf"
must wait_for 10 grep -q . "$T/workers.out"

# count TABLE WHERE: rows.
count() {
	peek "SELECT count(*) FROM $1 WHERE $2"
}

# rush HOW RACE ROUNDS: one check.
rush() {
	case $1 in
	processes) set -- "$@" --exec "$BIN/acmed-accept -q -c $T/rush.conf" ;;
	workers) set -- "$@" --port "$(cat "$T/workers.out")" ;;
	esac
	run "$TOOLS/acme-rush" --base "$base" -k "$T/alice/key" "$4" "$5" \
	    "$2" "$3"
	exits 0 "$1: $2: $3 rounds: ${out#*: }"
}

for how in processes workers; do
	rush $how nonce 100
	n=$(count accounts 1)
	rush $how account 50
	is "$(($(count accounts 1) - n))" 50 "$how: an account for each key"
	rush $how key-mine 50
	rush $how key-shared 50
	rush $how key-new 50
	n=$(count events "action = 'account.deactivate'")
	rush $how end 50
	is "$(($(count events "action = 'account.deactivate'") - n))" 50 \
	    "$how: each account ends once"
	n=$(count orders 1)
	rush $how order 50
	is "$(($(count orders 1) - n))" 50 "$how: fifty orders"
done

# What the store says of the hundred orders.
is "$(count certificates 'account_id IS NOT NULL')" 100 \
    'a certificate for each order'
is "$(grep -c sign.issued "$T/acmed.log")" 100 'and no other was signed'
for action in challenge.start challenge.valid order.start order.valid; do
	is "$(count events "action = '$action'")" 100 "$action once for each"
done
is "$(count jobs 1)" 0 'no job is left'
store_is_sound
done_testing
