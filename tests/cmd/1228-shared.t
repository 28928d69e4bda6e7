#!/bin/sh
# Goal: names that share a certificate do not sink together: when one keeps it
# from being renewed, the others have one without it, and the one is quarantined;
# it is no new name, and somebody is told in time that its certificate ends.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

# With 0 pebble reuses one of a hundred, too: then where a name leads is not asked.
PEBBLE_AUTHZREUSE=0
export PEBBLE_AUTHZREUSE
start_dns
start_pebble
order_up

# sets: the names of each configuration.
sets() {
	sql "SELECT group_concat(d.value, ' ') FROM renewal_configurations r
	    JOIN fqdn_set_members m ON m.fqdn_set_id = r.fqdn_set_id
	    JOIN domains d ON d.id = m.domain_id GROUP BY r.id ORDER BY r.id"
}
queued() {
	sql "SELECT name || ' ' || attempts || ' ' || coalesce(cause, '')
	    FROM domain_queue ORDER BY name"
}
# again: what fails is tried at once.
again() {
	sql 'UPDATE renewal_queue SET retry_at = 0'
	renew run
}

# forget: what was proved the CA knows of the account that did; another has all.
forget() {
	account register --ca pebble --agree-terms --another
	exits 0 'another account'
	last=$(field id)
	queue template set pack --account "$last"
	sql "UPDATE renewal_configurations SET upstream_account_id = $last"
}

queue template set pack --names '{DOMAIN} www.{DOMAIN}' --per-certificate 3 \
    --challenge "listen:$pebble_http_port"
queue add --template pack g1.example.test g2.example.test g3.example.test
queue process
exits 0 'three names'
is "$(sql 'SELECT count(*) FROM certificates')" 1 '... share a certificate'
forget
dns_set g2.example.test A 127.0.0.1
dns_set www.g2.example.test TXT gone
renew add g1.example.test
again
exits 1 'what one of them is for is gone'
again
is "$(sql 'SELECT attempts FROM renewal_queue') $(queued)" '2 ' \
    '... which may pass: it is tried again'
again
exits 1 'it does not'
like "$err" 'g1\.example\.test and 5 others: no longer with g2\.example\.test, since .*www\.g2' \
    '... which is told, with the name and the reason'
like "$err" '^  failing   g2\.example\.test, expires 20.*: .*www\.g2' \
    '... and with its end'
like "$err" '^  see renew-queue status, .*, domain-queue list$' '... and where to look'
is "$(queued | sed 's/ $//')" 'g1.example.test 0
g2.example.test 1 connection
g3.example.test 0' '... and the names are queued, the one quarantined'
is "$(sql "SELECT name FROM domain_queue WHERE retry_at = 0 ORDER BY name")" \
    'g1.example.test
g3.example.test' '... the others before all that is new'
is "$(sets)" '' '... and no more renewed together'
like "$(sql "SELECT error FROM domain_queue WHERE attempts > 0")" \
    'www\.g2\.example\.test' '... for a reason'
# stands: what status and metrics say of names, and of the first end.
stands() {
	renew status
	printf '%s\n' "$out" | sed -n 's/^new_names: *//p; s/^served_names: *//p;
	    s/^renewals_\(failing\|urgent\|expired\|parked\): *\([1-9]\)/\1 \2/p'
	renew metrics
	printf '%s\n' "$out" |
	    sed -n 's/^acmed_renew_\(.*_names{state=.*} [1-9]\)/\1/p'
}
is "$(stands)" 'failing 1
0 waiting, 0 quarantined, 0 parked
3 waiting, 1 quarantined, 0 parked
served_names{state="waiting"} 3
served_names{state="quarantined"} 1' '... none of them is new'
# first_end: the end of the first certificate, as status says it.
first_end() {
	renew status --json
	perl -MJSON::PP -0777 -ne 'print decode_json($_)->{next_expiry}' "$T/out"
}
end=$(sql "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', not_after, 'unixepoch')
    FROM certificates WHERE id = 1")
is "$(first_end)" "$end" '... and the end of their certificate is the first'
renew run
like "$err" '^  recovered g1\.example\.test and 3 others' 'the others are told of'
is "$(sets | tr ' ' '\n' | sort | tr '\n' ' ')" \
    'g1.example.test g3.example.test www.g1.example.test www.g3.example.test ' \
    'the others have a certificate without it'
is "$(queued)" 'g2.example.test 1 connection' '... and it waits'
run "$BIN/cert-list" why --no-header g2.example.test -c "$client"
like "$out" '	served	1	' '... served as before'
like "$out" 'renewal	1	domain-queue gets it another certificate, but has failed: ' \
    '... and why says who gets it another'
run "$BIN/cert-list" why --no-header www.g2.example.test -c "$client"
like "$out" 'renewal	1	domain-queue gets it another certificate, but has failed: ' \
    '... also of a name that belongs to it'
queue list
like "$out" "^g2\\.example\\.test	.*	$end\$" '... and list when it ends'

# ends_in SECONDS: its certificate, which is 80 days old; it is tried.
ends_in() {
	now=$(date +%s)
	sql "UPDATE certificates SET not_before = $now - 80 * 86400,
	    not_after = $now + $1 WHERE id = 1"
	sql 'UPDATE domain_queue SET retry_at = 1'
	renew run
}
life=$(sql 'SELECT not_before || ", not_after = " || not_after
    FROM certificates WHERE id = 1')
sql 'UPDATE domain_queue SET attempts = 9'
ends_in 8640000
is "$err" '' 'it fails on, which was told'
ok '... and is tried once a day' [ "$(sql "SELECT retry_at - $now >= 86400
    FROM domain_queue")" = 1 ]
ends_in 86400
like "$err" '^  urgent    g2\.example\.test, expires 20' 'the time runs out'
is "$(printf '%s\n' "$err" | grep -c example)" 1 '... which is told once'
ok '... and it is tried oftener' [ "$(sql "SELECT retry_at - $now < 86400 / 3
    FROM domain_queue")" = 1 ]
is "$(stands | head -n 1)" 'urgent 1' '... as status has it'
ends_in 86000
is "$err" '' '... once'
ends_in -60
like "$err" '^  expired   g2\.example\.test, expired 20' 'it is over'
is "$(queued)" 'g2.example.test 13 connection' '... and it is tried on'
must "$BIN/domain-queue" remove g2.example.test -c "$client"
sql "UPDATE certificates SET not_after = strftime('%s') + 86400 WHERE id = 1"
must "$BIN/domain-queue" add --template pack g2.example.test -c "$client"
is "$(stands)" 'urgent 1
0 waiting, 0 quarantined, 0 parked
1 waiting, 0 quarantined, 0 parked
served_names{state="waiting"} 1' \
    'what is put in anew is not new either'
sql 'DELETE FROM served_names' # as of before there were any
queue add g2.example.test
is "$(stands | tail -n 1)" 'served_names{state="waiting"} 1' \
    '... nor what was put in long ago, when somebody asks for it again'
renew run
like "$err" '^  urgent    g2\.example\.test, expires 20' '... and is told of'
dns_unset www.g2.example.test TXT
dns_unset g2.example.test A
sql 'UPDATE domain_queue SET retry_at = 0'
renew run
exits 0 'it is back'
like "$err" '^  recovered g2\.example\.test and 1 other$' '... which is told'
sql "UPDATE certificates SET not_before = $life WHERE id = 1"
is "$(queued) $(sets | wc -l)" ' 2' '... and has its own'

# ---- what is refused before the CA is asked -------------------------------------

queue block g3.example.test
renew add g1.example.test
again
is "$(queued)" 'g1.example.test 0 
g3.example.test 1 blocked' 'so it is with one that is blocked, at once'
is "$(sql "SELECT name FROM domain_queue WHERE status = 'parked'")" \
    g3.example.test '... which is parked'
like "$err" '^  parked    g3\.example\.test, expires 20.*, domain-queue add' \
    '... and told'
renew run
is "$(queued)" 'g3.example.test 1 blocked' '... and the other has its own'
queue unblock g3.example.test
renew run
is "$(queued)" '' '... and it, when it is unblocked'
like "$err" '^  recovered g3\.example\.test and 1 other$' '... which is told'
queue block '*.g1.example.test' g1.example.test
renew add g1.example.test
again
is "$(queued) $(sql 'SELECT status FROM renewal_queue')" ' parked' \
    'when all are blocked, they stay together'
queue unblock '*.g1.example.test' g1.example.test
renew run

# ---- what is no longer the queue's ----------------------------------------------

sql 'PRAGMA foreign_keys = ON; DELETE FROM domain_queue'
queue add --template pack h1.example.test h2.example.test
queue process
forget
run "$BIN/cert-manage" renewal set h1.example.test --label shop -c "$client"
dns_set h2.example.test TXT gone
renew add h1.example.test
again
again
again
is "$(queued) $(sql 'SELECT attempts FROM renewal_queue')" ' 3' \
    'one with a label stays as it is'
run "$BIN/cert-manage" renewal set h1.example.test --label none \
    --key-type p384 -c "$client"
again
again
again
is "$(queued) $(sql 'SELECT attempts FROM renewal_queue')" ' 3' \
    '... and one that was changed'
queue add --template pack k1.example.test k2.example.test
dns_unset h2.example.test TXT
queue process
forget
sql "UPDATE renewal_configurations SET backup_of_id = (SELECT min(id)
    FROM renewal_configurations) WHERE id = (SELECT max(id)
    FROM renewal_configurations)"
dns_set k2.example.test TXT gone
renew add k1.example.test
again
again
again
is "$(queued) $(sql 'SELECT max(attempts) FROM renewal_queue')" ' 3' \
    '... and one that is a backup'
dns_unset k2.example.test TXT
sql "UPDATE renewal_configurations SET backup_of_id = NULL"
last=$(sql 'SELECT max(id) FROM renewal_configurations')
must "$BIN/cert-manage" renewal remove k1.example.test -c "$client"
must "$BIN/acme-order" run new.example.test -c "$client" \
    --challenge "listen:$pebble_http_port"
is "$(($(sql 'SELECT max(id) FROM renewal_configurations') - last))" 1 \
    'a number that a target may name is for no other'
run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check finds nothing'
done_testing
