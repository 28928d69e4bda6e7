#!/bin/sh
# Goal: domain-queue takes names in, says of each what became of it, and gets
# them their first certificate, with pebble: silent, once, shared by several
# runs, going on after kill -9; templates say how, the blocklist what never.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up_valid

certificates() {
	sql 'SELECT count(*) FROM certificates'
}
waiting() {
	sql 'SELECT count(*) FROM domain_queue'
}
# answers: name and status of the last output.
answers() {
	printf '%s\n' "$out" | awk -F '\t' 'NR > 1 { print $1, $2 }'
}

# ---- in and out ------------------------------------------------------------------

queue process
exits 0 'process: an empty queue'
is "$out$err" '' '... is silent'
queue add A.example BÜCHER.example. b.example
exits 0 'add'
is "$(answers)" 'a.example queued
xn--bcher-kva.example queued
b.example queued' '... says of each what became of it, in its canonical form'
queue add a.example --json
is "$out" \
    '{"name":"a.example","status":"already_queued","template":"default","error":null}' \
    'add: again, in JSON'
printf 'c.example\tx\n\nd.example' >"$T/names"
run "$BIN/domain-queue" add -c "$client" --no-header - <"$T/names"
is "$(printf '%s\n' "$out" | cut -f 1,2 | tr '\t\n' '  ')" \
    'c.example queued d.example queued ' 'add -: the first column of each line'
queue add 192.0.2.1 2001:db8::1 '*.w.example' 'no_name' 'x..example' ok.example
exits 100 'add: what is no name, or cannot be proved'
is "$(answers)" '192.0.2.1 refused
2001:db8::1 refused
*.w.example refused
no_name refused
x..example refused
ok.example queued' '... which stops no other'
like "$out" 'an address has no place in the queue' '... with a reason'
like "$out" 'a wildcard is proved by dns-01' '... each'
printf 'e.example\0\nf.example\n' >"$T/names"
run "$BIN/domain-queue" add -c "$client" - <"$T/names"
exits 100 'add -: a NUL byte'
head -c 2000 /dev/zero | tr '\0' x >"$T/names"
run "$BIN/domain-queue" add -c "$client" - <"$T/names"
exits 100 'add -: a line without end'
queue add nothing.example --template none
exits 1 'add: no such template'
queue list --no-header
exits 0 'list'
is "$(printf '%s\n' "$out" | cut -f 1-3 | head -n 2)" \
    "$(printf 'a.example\twaiting\tdefault\nxn--bcher-kva.example\twaiting\tdefault')" \
    '... the oldest first'
queue remove ok.example BÜCHER.example
exits 0 'remove'
queue remove ok.example
exits 1 'remove: what is not there'
is "$(waiting)" 4 '... and nothing else is gone'

# ---- the blocklist ---------------------------------------------------------------

queue block bad.example '*.evil.example'
exits 0 'block'
queue block bad.example
exits 1 'block: again'
queue add bad.example www.bad.example x.evil.example evil.example
exits 1 'add: blocked names'
is "$(answers)" 'bad.example blocklisted
www.bad.example queued
x.evil.example blocklisted
evil.example queued' '... by name, and by parent'
order run bad.example
exits 1 'acme-order: nor is it ordered otherwise'
like "$err" 'bad.example is blocked by bad.example' '... which is said'
queue blocklist --no-header
is "$(printf '%s\n' "$out" | cut -f 1)" '*.evil.example
bad.example' 'blocklist'
queue unblock '*.evil.example' bad.example
exits 0 'unblock'
queue unblock bad.example
exits 1 'unblock: again'
queue remove www.bad.example evil.example

# ---- certificates ----------------------------------------------------------------

queue process --max 1
exits 0 'process --max'
is "$out$err" '' '... is silent'
is "$(sql 'SELECT d.value FROM domains d JOIN fqdn_set_members m
    ON m.domain_id = d.id JOIN certificates c
    ON c.fqdn_set_id = m.fqdn_set_id')" a.example '... the oldest first'
renew run --max 1
exits 0 'renew-queue run --max: so much, and no more'
is "$(waiting) $(sql 'SELECT count(*) FROM runs')" '2 0' \
    '... which is not all that was to be done'
renew run
exits 0 'renew-queue run: the rest'
is "$out$err" '' '... is silent'
is "$(sql 'SELECT count(*) FROM runs')" 1 '... notes that it has done all'
is "$(certificates) $(waiting)" '4 0' '... a certificate each, and none waits'
is "$(sql 'SELECT count(*) FROM renewal_configurations
    WHERE certificate_id IS NOT NULL AND active = 1')" 4 '... which is renewed'
queue add a.example
is "$(answers)" 'a.example exists' 'add: one that is there'
queue process
is "$(certificates)" 4 '... is not ordered again'

# ---- customers who come back -----------------------------------------------------

run "$BIN/cert-manage" domain disable b.example -c "$client"
run "$BIN/cert-manage" renewal deactivate c.example -c "$client"
sql "INSERT INTO renewal_queue (renewal_configuration_id, upstream_account_id,
    why, status, added, window_end, attempts, failing_since)
    SELECT id, upstream_account_id, 'lifetime', 'parked', 1, 1, 9, 1
    FROM renewal_configurations WHERE id = 1"
queue add a.example b.example c.example d.example
is "$(answers)" 'a.example activated
b.example activated
c.example activated
d.example exists' 'add: parked, disabled, deactivated'
is "$(waiting)" 0 '... none of which is new'
renew run
exits 0 'renew-queue run'
is "$(certificates) $(sql 'SELECT count(*) FROM renewal_queue')" '6 0' \
    '... renews the two whose renewal had stopped'
queue add by-hand.example parked.example
sql "UPDATE domain_queue SET status = 'parked' WHERE name = 'parked.example'"
must "$BIN/acme-order" run by-hand.example -c "$client"
must "$BIN/acme-order" run parked.example -c "$client"
is "$(waiting)" 0 'what gets its certificate by hand waits no more'
must "$BIN/cert-manage" renewal remove by-hand.example -c "$client"
must "$BIN/cert-manage" renewal remove parked.example -c "$client"

# ---- templates -------------------------------------------------------------------

queue template list --no-header
is "$out" "$(printf 'default\t{DOMAIN}\t\t1\tno\t')" 'template list'
queue template set shop --names '{DOMAIN} www.{DOMAIN}' --per-certificate 3 \
    --one-domain no --key-type p384 --key-cycle reuse_year --account 1 \
    --challenge 'www.{DOMAIN}=answer' --challenge webroot:/srv
exits 0 'template set: a new one'
queue template show shop
exits 0 'template show'
like "$out" '^names: +\{DOMAIN\} www\.\{DOMAIN\}$' '... its names'
like "$out" '^challenges: +www\.\{DOMAIN\}=answer, webroot:/srv$|webroot:/srv' \
    '... its challenges'
queue template set shop --challenge answer --account none
exits 0 'template set: one that is there'
before=$(sql 'SELECT * FROM domain_templates')
for wrong in '' '--names www.example.com' '--names {DOMAIN}_x' '--key-type rsa1' \
    '--challenge pigeon' '--one-domain perhaps' '--per-certificate 101' \
    '--per-certificate 51'; do
	# shellcheck disable=SC2086 # words
	queue template set shop $wrong
	exits 100 "template set: $wrong"
done
queue template set shop --account 99
exits 1 'template set: no such account'
queue template set 'a b' --names '{DOMAIN}'
exits 100 'template set: no name for one'
queue template remove default
exits 1 'template remove: the default one'
is "$(sql 'SELECT * FROM domain_templates')" "$before" \
    '... and nothing was changed'
queue add --template shop s1.example www.s2.example s3.example s4.example
queue template remove shop
exits 1 'template remove: one of whose names wait'
before=$(certificates)
queue process
exits 0 'process: with a template'
is "$(certificates)" $((before + 2)) '... three names in one, and one in another'
is "$(sql "SELECT group_concat(d.value, ' ') FROM (SELECT d.value
    FROM fqdn_sets f JOIN fqdn_set_members m ON m.fqdn_set_id = f.id
    JOIN domains d ON d.id = m.domain_id WHERE f.size = 5 ORDER BY d.value) d")" \
    's1.example s3.example www.s1.example www.s2.example www.s3.example' \
    '... with what the template adds'
is "$(sql "SELECT r.policy FROM renewal_configurations r JOIN fqdn_sets f
    ON f.id = r.fqdn_set_id WHERE f.size = 5")" \
    '{"challenges":[{"solver":"answer"}],"key_type":"p384","key_cycle":"reuse_year","auto_renew":true,"domain_template":2}' \
    '... and renewed as it says'
queue add --template shop a.one.example b.two.example c.one.example
queue template set shop --one-domain yes
before=$(certificates)
queue process
is "$(certificates)" $((before + 2)) '--one-domain: by registered domain'
queue add --template shop g1.example g2.example g3.example
before=$(certificates)
queue template set shop --one-domain no
queue process --per-certificate 1
is "$(certificates)" $((before + 3)) 'process --per-certificate'
queue template remove shop
exits 0 'template remove'

# ---- what fails, and limits ----------------------------------------------------------

queue template set odd --per-certificate 1
queue add --template odd late.example
queue add fine.example
sql "UPDATE domain_templates SET names = '{DOMAIN} $(printf '%064d' 1).{DOMAIN}' WHERE name = 'odd'"
before=$(certificates)
queue process
exits 100 'process: a name that is not for us'
is "$(certificates)" $((before + 1)) '... which stops no other'
like "$err" '^domain-queue: late.example: .*1\.late\.example' '... is told'
is "$(sql 'SELECT name, attempts, cause FROM domain_queue')" \
    'late.example|1|name' '... and quarantined'
renew status
like "$out" '^new_names: .* 1 quarantined,' '... as renew-queue status says'
queue process
is "$status$out$err" 0 '... for a minute'
sql 'UPDATE domain_queue SET retry_at = 1'
queue process
is "$status$out$err" 100 '... and not told again for the same cause'
like "$(sql 'SELECT attempts, retry_at - unixepoch() > 500 FROM domain_queue')" \
    '^2\|1' '... but waits for ten minutes'
sql "UPDATE domain_templates SET names = '{DOMAIN}' WHERE name = 'odd'"
queue add --template odd late.example
is "$(answers)" 'late.example already_queued' 'add: what is quarantined'
queue process
is "$status $(waiting)" '0 0' '... is tried at once'

sed -i "s|^\[client\]|&\nlimits_file = $T/limits.conf|" "$client"
spent=$(sql "SELECT count(*) FROM upstream_requests
    WHERE endpoint = 'newOrder' AND status = 201")
printf '[pebble]\norders_per_account = %s/1d\n' $((spent + 2)) >"$T/limits.conf"
seq 6 | sed 's/.*/l&.example/' | "$BIN/domain-queue" add -c "$client" - \
    >/dev/null
before=$(sql 'SELECT count(*) FROM upstream_orders')
queue process --jobs 3
exits 111 'process: a limit of the CA'
is "$out$err" '' '... is no failure'
made=$(($(sql 'SELECT count(*) FROM upstream_orders') - before))
ok "... and no order is made in vain: $made" [ "$made" -le 4 ]
is "$(sql 'SELECT count(*) FROM domain_queue WHERE attempts > 0')" 0 \
    '... and nobody is quarantined'
: >"$T/limits.conf"
sql 'UPDATE upstream_orders SET retry_at = 0'
sql 'UPDATE domain_queue SET retry_at = 1'
renew run
is "$status $(waiting)" '0 0' '... which a later run does'

# An order for two that has waited, while others have used up the limit of a
# domain: the other name goes on without it.
must "$BIN/acme-order" run one.crowd.example -c "$client"
queue template set pair --per-certificate 2
exits 0 'a template for two'
queue add --template pair two.crowd.example fine.pair.example
sql "UPDATE upstream_accounts SET retry_at = $(($(date +%s) + 3600))"
queue process
is "$(sql "SELECT count(*), max(status) FROM upstream_orders o
    JOIN fqdn_sets s ON s.id = o.fqdn_set_id
    WHERE s.size = 2 AND o.id = (SELECT max(id) FROM upstream_orders)")" '1|new' \
    'an order for two that waits for the CA'
sql 'UPDATE upstream_accounts SET retry_at = 0'
printf '[pebble]\ncertificates_per_domain = 1/1d\n' >"$T/limits.conf"
sql 'UPDATE upstream_orders SET retry_at = 0'
sql 'UPDATE domain_queue SET retry_at = 1'
queue process
is "$(sql "SELECT name, attempts, retry_at > strftime('%s')
    FROM domain_queue")" 'two.crowd.example|0|1' \
    '... and then for a domain: the name in it waits'
run "$BIN/cert-export" --cert fine.pair.example -c "$client"
exits 0 '... and the other has its certificate'
queue remove two.crowd.example
: >"$T/limits.conf"

# ---- several at once, and one that is killed ----------------------------------------

ordered() {
	sql "SELECT count(*) FROM upstream_orders o
	    JOIN fqdn_set_members m ON m.fqdn_set_id = o.fqdn_set_id
	    JOIN domains d ON d.id = m.domain_id WHERE d.value LIKE '$1%'"
}
seq 1 40 | sed 's/.*/m&.example/' | "$BIN/domain-queue" add -c "$client" - \
    >/dev/null
before=$(certificates)
for i in 1 2 3 4; do
	"$BIN/domain-queue" process -c "$client" --jobs 4 2>"$T/p$i" &
	eval "p$i=\$!"
done
queue process --jobs 4
exits 0 'five at once: the one'
for i in 1 2 3 4; do
	eval "ok \"... and another\" wait \$p$i"
done
is "$(cat "$T/p1" "$T/p2" "$T/p3" "$T/p4")$err" '' '... all silent'
is "$(certificates) $(waiting) $(ordered m)" "$((before + 40)) 0 40" \
    '... each name once'

seq 1 40 | sed 's/.*/k&.example/' | "$BIN/domain-queue" add -c "$client" - \
    >/dev/null
before=$(certificates)
begun() {
	[ "$(ordered k)" -gt 0 ]
}
"$BIN/domain-queue" process -c "$client" --jobs 8 2>/dev/null &
two=$!
must wait_for 20 begun
kill -KILL "$two"
wait "$two" 2>/dev/null
ok 'killed in the middle of it' [ "$(certificates)" -lt $((before + 40)) ]
queue process
exits 0 '... another one goes on with what the dead one does not hold'
ok '... and leaves what it holds' [ "$(waiting)" -ge 1 ]
queue list
like "$out" '	held	' '... which list says'
queue remove "$(printf '%s\n' "$out" | awk -F '\t' '$2 == "held" { print $1; exit }')"
exits 111 'remove: one that is held'
sql 'UPDATE domain_queue SET lease_until = 0' # as if it had waited
sql 'UPDATE upstream_orders SET lease_until = 0'
queue process
exits 0 '... as long as its lease'
is "$(certificates) $(waiting) $(ordered k)" "$((before + 40)) 0 40" \
    '... and each name has one certificate, of one order'

run "$BIN/acmed-store" check -c "$client"
exits 0 'the store is sound'
# ---- a budget that is spent --------------------------------------------------------

for n in $(seq 1 12); do
	echo "budget$n.example"
done >"$T/names"
must "$BIN/domain-queue" add -c "$client" - <"$T/names" >"$T/out"
sql 'UPDATE runs SET succeeded_at = 7'
renew run --budget 1 --jobs 1
exits 111 'renew-queue run: the budget is spent'
ok '... before all was taken up' [ "$(waiting)" -gt 0 ]
is "$(sql 'SELECT succeeded_at FROM runs')" 7 '... and no success is noted'
renew run
exits 0 '... which a later run does'
is "$(waiting)" 0 '... whole'
done_testing
