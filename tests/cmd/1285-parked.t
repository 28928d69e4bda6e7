#!/bin/sh
# Goal: what is parked costs the CA nothing, and comes back by itself: when its
# names lead here again, it is renewed by the crontab's line; what cannot be
# looked at is tried once a month.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
. "$(dirname "$0")/../lib/clock.sh"

acmed_under 1d
looks() {
	sed -i '/^precheck/d; /^resolver = /d' "$client"
	sed -i "s/^\[client\]\$/&\nprecheck = $1\nprecheck_http_port = $http_port\nresolver = $dns/" \
	    "$client"
}
looks on

# hours N: the crontab's line each hour; what it says is in $said.
hours() {
	said=''
	for _ in $(seq 1 "$1"); do
		cron 3600
		said="$said$err
"
	done
}
# park: it fails, and again when that has been so for long.
park() {
	must under "$BIN/renew-queue" add a.example.test -c "$client"
	cron 1
	sql 'UPDATE renewal_queue SET retry_at = 0, attempts = 9,
	    failing_since = failing_since - 86400'
	cron 1
}
state() {
	sql "SELECT coalesce(group_concat(status || ' ' || (attempts > 0)), 'gone')
	    FROM renewal_queue"
}
valid() {
	sql "SELECT count(*) FROM renewal_configurations r JOIN certificates c
	    ON c.id = r.certificate_id WHERE c.not_after > $(now)"
}

order_listening a.example.test www.a.example.test
exits 0 'a certificate of a day'
dns_set www.a.example.test TXT gone
park
is "$(state)" 'parked 1' 'one of its names is gone: parked'
like "$err" '^  parked    .*a.example.test and 1 other' '... and told'
forward 86400
before=$(orders)
hours 3
is "$(state) $(orders)" "parked 1 $before" '... for which the CA is not asked'
is "$(printf '%s' "$said" | tr -d '\n')" '' '... and nothing is said'
is "$(valid)" 0 '... though its time is over'
ok '... but it was looked at' [ "$(sql 'SELECT lease FROM renewal_queue')" -ge 4 ]
dns_unset www.a.example.test TXT
hours 2
is "$(state) $(valid)" 'gone 1' 'it leads here again: it is renewed by itself'
like "$said" '^  recovered ' '... which is told'

# ---- what cannot be looked at ---------------------------------------------------

looks off
dns_set www.a.example.test TXT gone
park
is "$(state)" 'parked 1' 'parked again, by what the CA says'
before=$(orders)
dns_unset www.a.example.test TXT
hours 3
is "$(state) $(orders)" "parked 1 $before" 'what cannot be looked at stays'
dns_set www.a.example.test TXT gone
cron $((28 * 86400))
cron $((5 * 86400))
is "$(state) $(orders)" "parked 1 $((before + 1))" \
    '... and is tried once, a month later'
hours 3
is "$(state) $(orders)" "parked 1 $((before + 1))" '... not again so soon'
dns_unset www.a.example.test TXT
cron $((34 * 86400))
is "$(state) $(valid)" 'gone 1' '... until that succeeds'
run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check finds nothing'
done_testing
