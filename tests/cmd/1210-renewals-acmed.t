#!/bin/sh
# Goal: the crontab's line alone keeps certificates of an hour alive, over many
# renewals, with acmed's own server and one clock for all: by the window of the
# CA, each order saying what it replaces, keys cycling as configured; a part of
# the lifetime that an operator has set is obeyed, and a window that is pulled
# forward; a name that has gone elsewhere is told of twice, parked, and comes back.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
. "$(dirname "$0")/../lib/clock.sh"

acmed_under 1h
order_listening a.example.test --key-cycle reuse_year
exits 0 'a certificate of an hour'
order_listening b.example.test
order_listening c.example.test --no-auto-renew
is "$(sql 'SELECT max(not_after - not_before) <= 3700 FROM certificates')" 1 \
    'they are short-lived'
cron 0
exits 0 'nothing is due'
is "$out$err" '' '... which is silent'
is "$(sql 'SELECT count(*) FROM renewal_infos WHERE window_end > 0')" 3 \
    '... but the CA was asked for its windows'
is "$(sql "SELECT count(*) FROM renewal_configurations
    WHERE due_rule = 'window'")" 2 '... by which they are due'

# ---- ten renewals ----------------------------------------------------------------

renewals() {
	sql 'SELECT min((SELECT count(*) FROM upstream_orders
	    WHERE renewal_configuration_id = r.id)) FROM renewal_configurations r'
}
said='' lapses=0 runs=0
while [ "$(renewals)" -lt 10 ] && [ "$runs" -lt 72 ]; do
	cron 600
	runs=$((runs + 1)) said=$said$status$out$err
	[ "$(sql "SELECT count(*) FROM renewal_configurations r
	    JOIN certificates c ON c.id = r.certificate_id
	    WHERE c.not_after > $(now)")" -eq 2 ] || lapses=$((lapses + 1))
done
is "$(echo "$said" | tr -d 0)" '' 'a run every ten minutes: all silent'
is "$lapses" 0 '... and at no time was a certificate over'
ok '... ten renewals, each after half an hour or so' \
    [ "$(renewals)" -ge 10 -a "$runs" -ge 27 ]
is "$(sql "SELECT count(*) FROM upstream_orders WHERE status <> 'valid'")" 0 \
    '... each order got its certificate'
is "$(peek 'SELECT count(*) FROM orders WHERE replaces_id IS NULL')" 3 \
    '... and said which one it replaces'
is "$(sql 'SELECT count(DISTINCT c.spki_sha256) FROM upstream_orders o
    JOIN certificates c ON c.id = o.certificate_id WHERE o.fqdn_set_id = 1')" 1 \
    '... one key, as its cycle says'
is "$(sql 'SELECT count(DISTINCT c.spki_sha256) - count(*)
    FROM upstream_orders o JOIN certificates c ON c.id = o.certificate_id
    WHERE o.fqdn_set_id = 2')" 0 '... or a new one each time'
is "$(sql 'SELECT count(*) FROM renewal_queue')" 0 '... and nothing is left'
ok '... nor wrong' "$BIN/acmed-store" check -c "$client"

# ---- other rules -----------------------------------------------------------------

must under "$BIN/renew-queue" add a.example.test -c "$client"
cron 1
must "$BIN/cert-manage" renewal set a.example.test --part-left 80 \
    --label first -c "$client"
before=$(sql 'SELECT certificate_id FROM renewal_configurations WHERE id = 1')
cron 120
is "$(sql 'SELECT certificate_id FROM renewal_configurations WHERE id = 1')" \
    "$before" '--part-left 80: not yet'
cron 300
is "$(sql 'SELECT certificate_id > '"$before"', due_rule
    FROM renewal_configurations WHERE id = 1')" '1|part' \
    '... but when a fifth is gone, from notBefore on'
must "$BIN/cert-manage" renewal set first --part-left rule -c "$client"

before=$(sql 'SELECT certificate_id FROM renewal_configurations WHERE id = 2')
must under "$BIN/acmed-store" renew-now -c "$config" --all --spread 0s
must under "$BIN/acme-order" renewal-info -c "$client" "$before"
cron 1
exits 0 'a window that is pulled forward'
is "$(sql 'SELECT certificate_id > '"$before"' FROM renewal_configurations
    WHERE id = 2')" 1 '... is obeyed'

# ---- somebody has gone elsewhere ---------------------------------------------------

must "$BIN/cert-manage" renewal set b.example.test --challenge answer -c "$client"
must "$BIN/cert-manage" renewal deactivate first -c "$client"
said='' codes=''
for _ in $(seq 1 24); do
	cron 300
	said="$said$err
" codes=$codes$status
done
said=$(printf '%s\n' "$said" | grep .)
is "$(printf '%s\n' "$said" | sed -n 's/^renew-queue: //p' | xargs)" \
    '1 failing 1 urgent 1 expired 1 parked' 'nothing answers: told as it gets worse'
like "$said" '^  failing   b.example.test, expires 20.*: b.example.test: the authorization is invalid: ' \
    '... when it begins'
like "$said" '^  parked    b.example.test, expired 20.*, renew-queue add tries it at once: ' \
    '... and when it is given up'
like "$codes" '^0+1.*10+$' '... after which all is well for cron'
run "$BIN/renew-queue" list --no-header -c "$client"
like "$out" 'parked	.*	b.example.test	' '... and it is in the list'
orders=$(sql 'SELECT count(*) FROM upstream_orders')
ok '... after few orders' [ "$orders" -le 60 ]
cron 86400
is "$(sql 'SELECT count(*) FROM upstream_orders')" "$orders" \
    '... and costs the CA nothing'
must "$BIN/cert-manage" renewal set b.example.test \
    --challenge "listen:$http_port" -c "$client"
must "$BIN/renew-queue" add b.example.test -c "$client"
cron 1
exits 0 'it is back'
like "$err" '^  recovered b.example.test$' '... which is told'
is "$(sql 'SELECT count(*) FROM renewal_queue')" 0 '... renewed'
is "$(sql "SELECT count(*) FROM renewal_configurations r JOIN certificates c
    ON c.id = r.certificate_id WHERE r.id = 2 AND c.not_after > $(now)")" 1 \
    '... and served'
is "$(sql "SELECT c.not_after > $(now) FROM renewal_configurations r
    JOIN certificates c ON c.id = r.certificate_id WHERE r.id = 1")" 0 \
    'what was deactivated is not'
done_testing
