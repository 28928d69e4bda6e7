#!/bin/sh
# Goal: a CA that is away for a week, or sends everybody away, costs no
# certificate and is hardly asked: the crontab's line tries again as it should,
# and when the CA is back all is renewed.  A clock that jumps orders nothing
# twice.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/standin.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
. "$(dirname "$0")/../lib/clock.sh"

acmed_under 30d
sed -i 's/^ca = acmed$/&\nproxy =/' "$client"

# away, back: the CA, or all that leads there.
away() {
	sed -i 's|^proxy =.*|proxy = http://127.0.0.1:1|' "$client"
}
back() {
	sed -i 's|^proxy =.*|proxy =|' "$client"
}
valid() {
	sql "SELECT count(*) FROM renewal_configurations r JOIN certificates c
	    ON c.id = r.certificate_id WHERE c.not_after > $(now)"
}
certificates() {
	sql 'SELECT count(*) FROM certificates'
}
# asked_since ROW: requests that went out, or tried to.
asked_since() {
	sql "SELECT count(*) FROM upstream_requests WHERE id > $1"
}
last_request() {
	sql 'SELECT coalesce(max(id), 0) FROM upstream_requests'
}

for name in a b c; do
	order_listening "$name.example.test"
done
cron 60
exits 0 'three certificates of thirty days'
is "$(certificates) $(valid)" '3 3' '... of which none is due'

# ---- a week without the CA ---------------------------------------------------------

forward $((19 * 86400))
away
before=$(last_request) said='' lapses=0 codes=''
for _ in $(seq 1 168); do
	cron 3600
	said="$said$err
" codes="$codes$status "
	[ "$(valid)" -eq 3 ] || lapses=$((lapses + 1))
done
is "$lapses" 0 'a week of hourly runs without the CA: no certificate was over'
is "$(certificates)" 3 '... none was got'
is "$(sql "SELECT count(*) FROM renewal_queue WHERE status = 'parked'")" 0 \
    '... none was given up'
is "$(sql 'SELECT count(*) FROM renewal_queue')" 3 '... all of them wait'
like "$codes" '111 ' '... cron was told by the exit code'
# A look each run, for renewal information, and the attempts of three renewals.
ok "... few requests: $(asked_since "$before")" \
    [ "$(asked_since "$before")" -le 210 ]
told=$(printf '%s\n' "$said" | grep -c '^renew-queue: ')
ok "... told $told times, twice a day or so" [ "$told" -ge 7 -a "$told" -le 21 ]
back
for _ in $(seq 1 26); do
	cron 3600
done
is "$(certificates) $(valid)" '6 3' 'the CA is back: a day later all is renewed'
is "$(sql 'SELECT count(*) FROM renewal_queue')" 0 '... and nothing is left to do'
is "$(sql "SELECT count(*) FROM upstream_orders WHERE status = 'valid'")" 6 \
    '... with an order each'

# ---- clocks that jump ----------------------------------------------------------------

before=$(certificates)
forward -172800
cron 60
exits 0 'the clock goes two days back'
cron 172800
exits 0 '... and forth'
is "$(certificates)" "$before" '... which orders nothing'
cron $((25 * 86400))
exits 0 'it jumps ahead by 25 days'
cron 60
is "$(certificates) $(valid)" "$((before + 3)) 3" '... what is due is renewed, once'

# ---- a CA that sends us away ---------------------------------------------------------

standin_up
must under "$BIN/acme-account" ca add standin "$base/dir" \
    --trust "$T/standin.crt" -c "$client"
must under "$BIN/acme-account" register --ca standin --agree-terms --default \
    -c "$client"
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj / -days 4000 -addext subjectAltName=DNS:s.example.test \
    -keyout "$T/s.key" -out "$T/s.crt"
must "$BIN/cert-import" -q -c "$client" "$T/s.crt" "$T/s.key"
must under "$BIN/cert-manage" renewal add "$(sql 'SELECT max(id)
    FROM certificates')" --account 2 -c "$client"
# sent_away DAYS RULE...: how often newOrder was asked for in this time.
sent_away() {
	sent_days=$1
	shift
	rules "$@"
	must under "$BIN/renew-queue" add s.example.test -c "$client"
	sent=$(grep -c '^POST /order' "$T/standin.log")
	for _ in $(seq 1 $((sent_days * 24))); do
		cron 3600
	done
	sent=$(($(grep -c '^POST /order' "$T/standin.log") - sent))
}
sent_away 2 '/order problem 429 rateLimited 43200'
ok "429, in twelve hours: asked $sent times in two days" \
    [ "$sent" -ge 2 -a "$sent" -le 5 ]
is "$(sql 'SELECT cause FROM upstream_orders ORDER BY id DESC LIMIT 1')" \
    rate-limited '... it says why'
run "$BIN/renew-queue" list --no-header -c "$client"
like "$out" '	rate-limited	waits until 20[^ ]*Z for a limit of standin: ' \
    '... list, until when, and whose limit it is'
sent_away 3 '/order status 503'
# Once an hour, when it has been away for longer.
ok "503: asked $sent times in three days" [ "$sent" -ge 60 -a "$sent" -le 76 ]
is "$(sql 'SELECT attempts FROM renewal_queue')" 0 '... which is no attempt'
is "$(sql 'SELECT status FROM renewal_queue')" waiting '... and is not given up'
is "$(valid)" 4 'what has another CA was renewed all the while'
run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check finds nothing'
done_testing
