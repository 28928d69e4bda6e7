#!/bin/sh
# Goal: a name that is parked costs the CA nothing, is told once, and comes back
# by itself when it leads here; one that the CA refuses all the same, or that
# nobody looks at, is tried once a month.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

start_dns
start_acmed
order_up acmed
prechecks on http_port="$http_port" resolver="$dns"

# later: when what is parked may have its turn.
later() {
	sql 'UPDATE domain_queue SET retry_at = 1'
	queue process
}
# state: of the name, and in how many days it has its next turn.
state() {
	sql "SELECT status || ' ' || round((retry_at - strftime('%s')) / 86400.0)
	    FROM domain_queue"
}
parked() {
	sql "SELECT count(*) FROM events WHERE action = 'domain_queue.park'"
}

queue template set default --challenge "listen:$http_port"
dns_set p.example.test TXT gone
queue add p.example.test
queue process
exits 1 'a name that leads nowhere'
sql 'UPDATE domain_queue SET attempts = 9,
    failing_since = failing_since - 30 * 86400'
later
exits 1 'it has done so for long'
like "$err" 'parked; domain-queue add tries it at once' '... and is parked'
is "$(state)" 'parked 1.0' '... to be looked at in a day'
later
exits 0 'a day later it leads nowhere still'
is "$out$err" '' '... which is not told'
is "$(state) $(orders) $(parked)" 'parked 1.0 0 1' '... costs nothing, and is kept'
dns_unset p.example.test TXT
later
exits 0 'it leads here'
is "$(state) $(sql 'SELECT count(*) FROM certificates')" ' 1' \
    '... and has its certificate'

# ---- it is asked for while a run looks at it -------------------------------------

silent=$(free_port)
prechecks on http_port="$http_port" resolver="127.0.0.1:$silent"
start mute "$SRC/tests/lib/mute" udp 127.0.0.1 "$silent"
must wait_for 10 grep -q ready "$T/mute.out"
queue add r.example.test
sql "UPDATE domain_queue SET status = 'parked', attempts = 9, retry_at = 1,
    failing_since = 1, cause = 'precheck'"
start look "$BIN/domain-queue" process -c "$client"
is_held() {
	[ "$(sql "SELECT lease_until > strftime('%s') FROM domain_queue")" = 1 ]
}
must wait_for 20 is_held
queue add --no-header r.example.test
is "$(printf '%s\n' "$out" | cut -f 1,2)" 'r.example.test	activated' \
    'a name that a run looks at is asked for'
is "$(sql "SELECT status || ' ' || attempts || ' ' || (lease_until > 0)
    FROM domain_queue")" 'waiting 0 0' '... and is tried anew, by whom it may be'
stop mute
wait "$(cat "$T/look.pid")"
is "$(sql "SELECT status || ' ' || attempts FROM domain_queue")" 'waiting 1' \
    '... by that run, which has not parked it again'
is "$(grep -c 'another process' "$T/look.log")" 0 '... and does not speak of it'
must "$BIN/domain-queue" remove r.example.test -c "$client"

prechecks off
dns_set q.example.test TXT gone
queue add q.example.test
queue process
sql 'UPDATE domain_queue SET attempts = 9,
    failing_since = failing_since - 30 * 86400'
later
like "$(state)" '^parked 3[0-3]\.0$' 'what is not looked at is tried in a month'
before=$(orders)
queue process
is "$(orders)" "$before" '... and not before'
later
exits 0 'a month later'
is "$(orders) $(sql 'SELECT status FROM domain_queue')" \
    "$((before + 1)) parked" '... it is, once'
run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check finds nothing'
done_testing
