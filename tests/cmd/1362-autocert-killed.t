#!/bin/sh
# Goal: whoever is killed in the middle of an order for acmed-admin, the client
# has its answer, the name is not held for ever, and the order that the CA has
# is brought to its end, by cron or by who asks again, and no other is made.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
. "$(dirname "$0")/../lib/store.sh"
. "$(dirname "$0")/../lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl pgrep

PEBBLE_WFE_NONCEREJECT=0
export PEBBLE_WFE_NONCEREJECT
admin_order_up 'admin.autocert_allow=*'
admin_token read+keys+order

# The CA has made the order, and waits for an answer that waits for $T/go.
cat >"$T/hook" <<-END
	#!/bin/sh
	touch "$T/began"
	until [ -e "$T/go" ]; do sleep 0.1; done
END
chmod 755 "$T/hook"
must "$BIN/domain-queue" template set autocert --challenge "hook:$T/hook"

notes() {
	perl -MJSON::PP -0777 -ne 'print decode_json($_)->{notes}' "$T/body"
}
orders() {
	grep -c 'POST /order-plz' "$T/pebble.out"
}
# begin NAME: somebody asks for it; sets $asker, and $worker and $queue, who are
# at it.
begin() {
	rm -f "$T/go" "$T/began"
	before=$(orders)
	{
		autocert "$1"
		echo "$code" >"$T/code"
	} &
	asker=$!
	must wait_for 30 test -e "$T/began"
	worker=$(pgrep -P "$(cat "$T/work.pid")")
	queue=$(pgrep -o -P "$worker")
	like "$(tr '\0' ' ' <"/proc/$queue/cmdline")" "domain-queue .*process .*$1" \
	    "$1: in the middle of an order"
}
# end CODE: what the client gets.
end() {
	wait "$asker"
	is "$(cat "$T/code")" "$1" '... the client has an answer'
	like "$(cat "$T/body")" 'the order goes on; ask again for what came of it' \
	    '... in one sentence'
}
held() {
	sql "SELECT lease_until > unixepoch() FROM domain_queue WHERE name = '$1'"
}
# As if its time had gone by.
leases_end() {
	sql 'UPDATE domain_queue SET lease_until = 0'
	sql 'UPDATE upstream_orders SET lease_until = 0'
	sql 'UPDATE autocerts SET lease_until = 1 WHERE ended IS NULL'
}
# there NAME: it has a certificate, by one order in all.
there() {
	autocert "$1"
	answers 200 '... then who asks has the certificate'
	is "$(notes)" "${2:-existing certificate(s)}" '... of that order'
	is "$(($(orders) - before))" 1 '... of which the CA has seen one'
	is "$(sql "SELECT count(*) FROM domain_queue WHERE name = '$1'")" 0 \
	    '... and nothing waits any more'
}

# ---- nobody works ------------------------------------------------------------

before=$(orders)
autocert none.example
answers 503 'no work service'
nobody='"error":"acmed-admin work: [^"]*/work\.sock: nobody listens"'
like "$body" "$nobody" '... in one sentence'
is "$(sql 'SELECT (SELECT count(*) FROM domain_queue) +
    (SELECT count(*) FROM autocerts)')" 0 '... and nothing is left of it'
ask /api/domain/certificate-if-needed -H "@$T/token.read+keys+order" \
    -d domain_name=none.example
answers 503 '... an operator asks'
like "$body" "$nobody" '... and hears the same'
is "$(sql 'SELECT name, attempts FROM domain_queue')" 'none.example|0' \
    '... but the name waits in the queue'
touch "$T/go"
queue process
exits 0 '... which cron works off'
there none.example

# ---- the work service --------------------------------------------------------

work_serve
begin one.example
kill -KILL "$worker"
end 504
is "$(held one.example)" 1 '... the order goes on'
autocert one.example
answers 409 '... and who asks meanwhile is told so'
touch "$T/go"
ok '... it ends by itself' wait_for 30 ended "$queue"
there one.example

# ---- domain-queue ------------------------------------------------------------

begin two.example
kill -KILL "$queue"
end 504
autocert two.example
answers 409 '... the name is held'
touch "$T/go"
queue process
is "$(held two.example)" 1 '... by who has died, also for cron'
leases_end
queue process
exits 0 '... for its time, and then cron ends it'
there two.example

begin three.example
kill -KILL "$queue"
end 504
touch "$T/go"
leases_end
there three.example 'new AcmeOrder, valid'

# ---- both --------------------------------------------------------------------

begin four.example
kill -KILL "$worker" "$queue"
end 504
leases_end
touch "$T/go"
queue process
exits 0 'cron ends what nobody is left for'
there four.example
is "$(sql "SELECT count(*) FROM autocerts WHERE ended IS NULL
    AND lease_until > unixepoch()")" 0 'no attempt is left that holds a place'
ok 'the store is sound' "$BIN/acmed-store" check

done_testing
