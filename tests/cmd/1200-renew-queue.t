#!/bin/sh
# Goal: renew-queue renews what is due or asked for, with pebble: silent, once,
# shared by two runs, going on after kill -9; failures wait as long as they must,
# are told once, and are parked in the end.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up_valid


certificates() {
	sql 'SELECT count(*) FROM certificates'
}

for command in run process deploy; do
	renew $command -s "$T/no/store"
	exits 102 "$command without a store"
	is "$(printf '%s\n' "$err" | wc -l)" 1 '... which is told once'
done

# ---- nothing to do ---------------------------------------------------------------

renew run
exits 0 'run: an empty store'
is "$out$err" '' '... is silent'
order run a.example www.a.example --key-cycle reuse_year
order run b.example --key-type p384
order run once.example --no-auto-renew
is "$(sql 'SELECT count(*) FROM renewal_configurations')" 2 \
    'an order makes a configuration, unless it is not to be renewed'
asked=$(sql "SELECT count(*) FROM upstream_requests
    WHERE endpoint = 'newOrder'")
renew run
exits 0 'run: nothing is due'
is "$out$err" '' '... is silent'
is "$(certificates)" 3 '... and orders nothing'
is "$(sql "SELECT count(*) FROM upstream_requests
    WHERE endpoint = 'newOrder'")" "$asked" '... nor asks'
renew list
exits 0 'list'
is "$(printf '%s\n' "$out" | wc -l)" 1 '... of an empty queue is a header'

# ---- asked for -------------------------------------------------------------------

renew add A.example
exits 0 'add: a name'
renew add 2
exits 0 'add: the number of a certificate'
renew list --no-header
is "$(printf '%s\n' "$out" | cut -f 2,3 | sort -u)" 'waiting	asked' 'list: both'
renew remove b.example
exits 0 'remove'
renew remove b.example
exits 1 'remove: what is not there'
renew add c.example
exits 1 'add: a name that nobody renews'
like "$err" '^renew-queue: c.example: no renewal configuration' '... says so'
renew add once.example
exits 1 'add: a certificate that is not renewed'
like "$err" 'no renewal configuration' '... says so'
renew process
exits 0 'process'
is "$out$err" '' '... is silent'
is "$(certificates)" 4 '... and gets one certificate'
is "$(sql 'SELECT count(*) FROM renewal_queue')" 0 '... and the queue is empty'
is "$(sql 'SELECT replaces_id, renewal_configuration_id FROM upstream_orders
    ORDER BY id DESC LIMIT 1')" '1|1' '... with an order that says what for'
is "$(sql 'SELECT count(DISTINCT spki_sha256) FROM certificates
    WHERE id IN (1, 4)')" 1 '... and the key of the cycle'
is "$(sql 'SELECT certificate_id FROM renewal_configurations WHERE id = 1')" 4 \
    '... which is the last one now'
renew add b.example
renew run
is "$(sql 'SELECT count(DISTINCT spki_sha256), max(key_type) FROM certificates
    WHERE id IN (2, 5)')" '2|p384' 'another cycle: another key, of its type'

# ---- due -------------------------------------------------------------------------

sql 'UPDATE renewal_configurations SET due_at = 1'
renew update
exits 0 'update'
is "$(sql "SELECT count(*) FROM renewal_queue WHERE why = 'lifetime'")" 2 \
    '... puts in what is due'
renew update
is "$(sql 'SELECT count(*) FROM renewal_queue')" 2 '... once'
renew status
exits 0 'status'
like "$out" '^waiting: +2$' '... counts'
renew process --max 1
is "$(certificates) $(sql 'SELECT count(*) FROM renewal_queue')" '6 1' \
    'process --max'
renew run
is "$(certificates)" 7 'run: the other one, and no more'
sql 'UPDATE renewal_configurations SET due_at = 1'
renew update
order run b.example --key-type p384
renew process
is "$(certificates)" 9 'what somebody has renewed meanwhile is not ordered again'
is "$(sql 'SELECT count(*) FROM renewal_queue')" 0 '... and leaves the queue'

# ---- two at once, and one that is killed -------------------------------------------

seq 1 40 | sed 's/.*/m&.example/' | "$BIN/acme-order" run -c "$client" - >/dev/null
before=$(certificates)
sql "UPDATE renewal_configurations SET due_at = 1 WHERE id > 2"
"$BIN/renew-queue" run -c "$client" --jobs 5 2>"$T/two" &
two=$!
renew run --jobs 5
exits 0 'two at once: the one'
ok '... and the other' wait "$two"
is "$(cat "$T/two")$err" '' '... both silent'
is "$(certificates)" $((before + 40)) '... each name once'
is "$(sql 'SELECT count(*) FROM upstream_orders o
    WHERE o.renewal_configuration_id > 2')" 40 '... with one order each'

before=$(certificates)
sql "UPDATE renewal_configurations SET due_at = 1 WHERE id > 2"
begun() {
	[ "$(sql 'SELECT count(*) FROM upstream_orders
	    WHERE renewal_configuration_id > 2')" -gt 40 ]
}
"$BIN/renew-queue" run -c "$client" --jobs 8 2>/dev/null &
two=$!
must wait_for 20 begun
kill -KILL "$two"
wait "$two" 2>/dev/null
ok 'killed in the middle of it' [ "$(certificates)" -lt $((before + 40)) ]
renew run
exits 0 '... another one goes on with what the dead one does not hold'
held=$(sql 'SELECT count(*) FROM renewal_queue')
ok '... and leaves what it holds' [ "$held" -ge 1 ]
sql 'UPDATE renewal_queue SET lease_until = 0' # as if it had waited
sql 'UPDATE upstream_orders SET lease_until = 0'
renew run
exits 0 '... as long as its lease'
is "$(certificates) $(sql 'SELECT count(*) FROM renewal_queue')" \
    "$((before + 40)) 0" '... and each name has one certificate more'
is "$(sql 'SELECT count(*) FROM upstream_orders
    WHERE renewal_configuration_id > 2')" 80 '... and one order more'

# ---- what is renewed, and how ------------------------------------------------------


manage renewal list --no-header
exits 0 'cert-manage renewal list'
is "$(printf '%s\n' "$out" | wc -l)" 42 '... all of them'
manage renewal set a.example --label shop --part-left 33.3 --key-cycle none \
    --challenge webroot:/srv --challenge 'www.a.example=answer'
exits 0 'renewal set'
manage renewal show shop
exits 0 'renewal show: by its label'
like "$out" '^part_left: +33.3$' '... the part'
like "$out" '^challenges: +www.a.example=answer$' '... the challenges'
unlike "$out" '^key_cycle' '... and no cycle any more'
manage renewal show renewal_configuration/1 --json
like "$out" '"challenges":\["www.a.example=answer","webroot:/srv"\]' '... in JSON'
manage renewal set shop --label none --part-left rule --challenge answer
manage renewal show 1
unlike "$out" '^(label|part_left)' 'renewal set: taken back'
before=$out
manage renewal set 1
exits 100 'renewal set: nothing'
manage renewal set 1 --part-left 100
exits 100 'renewal set: all of the lifetime'
manage renewal set 1 --part-left 33.03
exits 100 'renewal set: less than a tenth of a percent'
manage renewal set 1 --challenge carrier-pigeon
exits 100 'renewal set: no solver'
like "$err" '^cert-manage: carrier-pigeon: no such solver' '... which is said'
manage renewal set 1 --key-type rsa1
exits 100 'renewal set: no type of key'
manage renewal set 1 --label 7
exits 100 'renewal set: a label that is a number'
manage renewal list --label x
exits 100 'renewal list: a setting'
manage renewal walk 1
exits 100 'renewal: no such word'
manage renewal show 1
is "$out" "$before" '... and nothing was changed'
manage renewal deactivate b.example m1.example
exits 0 'renewal deactivate'
manage renewal deactivate b.example
exits 1 '... twice'
renew add b.example
exits 1 '... which is not queued'
like "$err" 'is deactivated; cert-manage renewal activate' '... and says what to do'
manage renewal activate b.example
exits 0 'renewal activate'
manage renewal remove m1.example
exits 0 'renewal remove'
manage renewal show m1.example
exits 1 '... is gone'
ok '... and nothing is wrong' "$BIN/acmed-store" check -c "$client"

# ---- the examples of the page ------------------------------------------------------

# shellcheck source=tests/lib/pages.sh
. "$SRC/tests/lib/pages.sh"
ACMED_CONFIG=$client
export ACMED_CONFIG
script renew-queue.1 '^renew-queue status' '^renew-queue list'
works
exits 0 'renew-queue: how it stands'
like "$out" '^waiting: +0$' '... in words'
script renew-queue.1 '^renew-queue add'
sed -i 's/shop.example.org/b.example/' "$T/script"
works
exits 0 'renew-queue: back again'
script renew-queue.1 'renew-queue --quiet run'
sed -i 's|^.* root ||' "$T/script"
works
exits 0 'renew-queue: the line of a crontab'
is "$out$err" '' '... is silent'
script cert-manage.1 '^cert-manage renewal set' '^cert-manage renewal show'
sed -i 's/www.example.org/b.example/' "$T/script"
works
exits 0 'cert-manage: renewed in another way'
like "$out" '^key_cycle: +account_weekly$' '... as it says'

# ---- the CA is away ----------------------------------------------------------------

renew add a.example
renew add b.example
before=$(asked 'status = 0')
stop pebble
renew process
exits 111 'the CA is away'
like "$err" '^renew-queue: 2 failing$' '... is told'
like "$err" '^  failing   a.example and 1 other, expires 20.*: ' '... of each'
is "$(printf '%s\n' "$err" | wc -l)" 4 '... in one block'
ok '... after few attempts' [ "$(($(asked 'status = 0') - before))" -le 200 ]
renew remove b.example
like "$(sql "SELECT attempts, retry_at - $(date +%s) BETWEEN 40 AND 66,
    upstream_order_id IS NOT NULL FROM renewal_queue")" '^0\|1\|' \
    '... and tried again in a minute, which is no attempt of its own'
renew process
exits 0 '... not before'
sql 'UPDATE renewal_queue SET retry_at = 0'
before=$(asked 'status = 0')
renew process
exits 111 '... and not tried, whatever is due'
is "$(($(asked 'status = 0') - before))" 0 '... without a request'
sql 'UPDATE renewal_queue SET retry_at = 0'
sql 'UPDATE upstream_cas SET away_until = 0, away_since = away_since - 600'
sql 'UPDATE upstream_orders SET retry_at = 0'
renew process
exits 111 '... then it is away still'
is "$err" '' '... which is not told again'
like "$(sql "SELECT attempts, retry_at - $(date +%s) BETWEEN 500 AND 660
    FROM renewal_queue")" '^0\|1' '... and tried again in ten'
renew list --no-header
is "$(printf '%s\n' "$out" | cut -f 2)" failing 'list: it is failing'

# ---- what cert-list says of that -----------------------------------------------------

# why NAME: the last line, which is about its renewal; `at` and `rule` of it.
why() {
	run "$BIN/cert-list" why --no-header "$1" -c "$client"
	at=$(printf '%s\n' "$out" | tail -n 1 | cut -f 2)
	rule=$(printf '%s\n' "$out" | tail -n 1 | cut -f 5)
}
retry=$(sql "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', retry_at, 'unixepoch')
    FROM renewal_queue")
why a.example
is "$at" "$retry" 'cert-list why: when it is tried again'
like "$rule" '^it is tried again: it has failed since 20.*: Failed to connect' '... and why'
sql "UPDATE renewal_queue SET status = 'parked'"
why a.example
like "$at $rule" '^ parked: it has failed since 20.*; renew-queue add' \
    '... or that it is parked'
must "$BIN/cert-manage" domain disable www.a.example -c "$client"
why a.example
like "$rule" 'www\.a\.example is disabled$' '... or that a name of it is disabled'
must "$BIN/cert-manage" domain enable www.a.example -c "$client"
must "$BIN/domain-queue" block '*.a.example' -c "$client"
why a.example
like "$rule" 'www\.a\.example is blocked, by \*\.a\.example on' '... or blocked'
must "$BIN/domain-queue" unblock '*.a.example' -c "$client"
must "$BIN/cert-manage" deactivate "$(sql 'SELECT certificate_id
    FROM renewal_configurations WHERE id = 1')" -c "$client"
why a.example
like "$rule" '^parked: ' '... also when nothing is served'
must "$BIN/domain-queue" add new.example -c "$client"
run "$BIN/cert-list" why new.example -c "$client"
exits 1 '... and when there is no certificate yet'
like "$err" 'it waits in domain-queue, but its CA is away: not tried' \
    '... but a wish for one'
done_testing
