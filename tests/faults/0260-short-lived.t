#!/bin/sh
# Goal: the crontab's line alone keeps certificates of forty seconds alive through ten
# renewals each, with pebble and in real time: silent, none is over at any time,
# and keys cycle as configured.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_VALIDITY=40
export PEBBLE_VA_ALWAYS_VALID PEBBLE_VALIDITY
start_pebble
order_up
order run a.example --key-cycle reuse_year
order run b.example www.b.example --key-cycle single_certificate
is "$(sql 'SELECT max(not_after - not_before) <= 41 FROM certificates')" 1 \
    'certificates of forty seconds'

renewed() {
	sql "SELECT min(n) FROM (SELECT count(*) - 1 AS n FROM upstream_orders
	    WHERE status = 'valid' GROUP BY fqdn_set_id)"
}
end=$(($(date +%s) + 900)) said='' lapses=0 runs=0
while [ "$(renewed)" -lt 10 ] && [ "$(date +%s)" -lt "$end" ]; do
	run "$BIN/renew-queue" run -c "$client"
	said=$said$out$err
	[ "$status" -eq 0 ] || said="$said exit $status"
	[ "$(sql "SELECT count(*) FROM renewal_configurations r
	    JOIN certificates c ON c.id = r.certificate_id
	    WHERE c.not_after > strftime('%s')")" -eq 2 ] ||
	    lapses=$((lapses + 1))
	runs=$((runs + 1))
	sleep 2
done
ok 'ten renewals each' [ "$(renewed)" -ge 10 ]
is "$said" '' '... in silence'
is "$lapses" 0 '... and at no time was a certificate over'
ok '... no sooner than a run needs them' [ "$(renewed)" -lt $((runs / 3)) ]
is "$(sql "SELECT count(*) FROM upstream_orders WHERE status <> 'valid'")" 0 \
    '... each order got its certificate'
is "$(sql "SELECT count(DISTINCT c.spki_sha256) FROM upstream_orders o
    JOIN certificates c ON c.id = o.certificate_id
    WHERE o.fqdn_set_id = 1")" 1 '... one key, as its cycle says'
is "$(sql "SELECT count(DISTINCT c.spki_sha256) - count(*)
    FROM upstream_orders o JOIN certificates c ON c.id = o.certificate_id
    WHERE o.fqdn_set_id = 2")" 0 '... or a new one each time'
run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check finds nothing'
done_testing
