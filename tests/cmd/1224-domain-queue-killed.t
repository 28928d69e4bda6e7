#!/bin/sh
# Goal: a process that is killed just as an order has failed leaves nothing in
# place for good: who comes next ends that order, and says of its names what came
# of it, as the dead one would have; where an operator has cancelled the order he
# makes another.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

start_dns
start_acmed
order_up acmed
mkdir "$T/tokens"
start www "$TOOLS/http-token" 127.0.0.1 "$http_port" "$T/tokens"
must wait_for 10 grep -q ready "$T/www.out"

# Where there is a file: "serves", the CA finds what it looks for; "kills",
# cleaning up is the end of who asks for it.
cat >"$T/hook" <<-END
	#!/bin/sh
	echo "\$1 \$2" >>"$T/calls"
	[ "\$1" != present ] || [ ! -e "$T/serves" ] ||
	    printf '%s' "\$4" >"$T/tokens/\$3"
	[ "\$1" != cleanup ] || [ ! -e "$T/kills" ] ||
	    kill -s KILL -- "-\$(cat "$T/pid")"
END
chmod 755 "$T/hook"
queue template set default --challenge "hook-http:$T/hook"

# in_place: how many answers to challenges are.
in_place() {
	sql "SELECT count(*) FROM upstream_challenges WHERE place <> 'none'"
}
last_order() {
	sql 'SELECT status FROM upstream_orders ORDER BY id DESC LIMIT 1'
}
# killed PROGRAM TABLE WHAT: it works on what waits there until its hook kills it,
# with its children; then as if it had been waited for.
killed() {
	touch "$T/kills"
	setsid "$BIN/$1" process -c "$client" >"$T/dead" 2>&1 &
	echo $! >"$T/pid"
	wait "$(cat "$T/pid")" 2>/dev/null
	is "$?" 137 "$3"
	rm "$T/kills"
	is "$(last_order) $(in_place)" 'invalid 1' '... and what is in place stays'
	sql "UPDATE $2 SET lease_until = 0, retry_at = 0"
	sql 'UPDATE upstream_orders SET lease_until = 0'
	before=$(orders)
}
# judged TABLE: what is to be seen after the next one.
judged() {
	is "$(in_place) $(tail -n 1 "$T/calls")" '0 cleanup gone.example.test' \
	    '... and takes away what is in place'
	is "$(sql "SELECT attempts || ' ' || cause FROM $1")" '1 challenge' \
	    '... says why it has failed'
	is "$(orders)" "$before" '... and needs no other order for that'
}

queue add gone.example.test
killed domain-queue domain_queue 'killed as the order of a name has failed'
queue process
exits 1 'who comes next goes on'
judged domain_queue

touch "$T/serves"
queue add gone.example.test
queue process
exits 0 'it is seen to: the name has its certificate'
rm "$T/serves"
renew add gone.example.test
killed renew-queue renewal_queue 'killed as a renewal has failed'
renew process
exits 1 'who comes next goes on'
judged renewal_queue

# ---- one that a person has cancelled -------------------------------------------

# cancelled PROGRAM WHAT: its order, as its hook kills who has just placed it.
cancelled() {
	cat >"$T/hook" <<-END
		#!/bin/sh
		[ "\$1" != present ] || [ ! -e "$T/kills" ] ||
		    kill -s KILL -- "-\$(cat "$T/pid")"
		[ "\$1" != present ] || printf '%s' "\$4" >"$T/tokens/\$3"
	END
	touch "$T/kills"
	setsid "$BIN/$1" process -c "$client" >"$T/dead" 2>&1 &
	echo $! >"$T/pid"
	wait "$(cat "$T/pid")" 2>/dev/null
	rm "$T/kills"
	sql 'UPDATE domain_queue SET lease_until = 0, retry_at = 0'
	sql 'UPDATE renewal_queue SET lease_until = 0, retry_at = 0'
	sql 'UPDATE upstream_orders SET lease_until = 0'
	order cancel "$(sql 'SELECT max(id) FROM upstream_orders')"
	is "$(last_order) $(in_place)" 'cancelled 0' "$2"
}
queue template set default --per-certificate 2 --challenge "hook-http:$T/hook"
queue add one.example.test two.example.test
cancelled domain-queue 'an operator cancels the order of two names'
queue process
exits 0 '... who comes next makes another'
is "$(last_order) $(sql 'SELECT count(*) FROM domain_queue')" 'valid 0' \
    '... for both of them'
sql 'DELETE FROM renewal_queue'
renew add one.example.test
cancelled renew-queue 'an operator cancels a renewal'
renew process
exits 0 '... who comes next makes another'
is "$(last_order) $(sql 'SELECT count(*) FROM renewal_queue')" 'valid 0' \
    '... as was asked'
done_testing
