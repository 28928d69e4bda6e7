#!/bin/sh
# Goal: a run says nothing when all is well, and one block when something has
# become worse, once, and again after a time that is set; its metrics are what
# Prometheus reads, as many as there are states, CAs and targets; its status fits
# a screen.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up_valid

retry() {
	sql 'UPDATE renewal_queue SET retry_at = 0'
}

order run a.example www.a.example
order run b.example
order run c.example
renew run
exits 0 'all is well'
is "$out$err" '' '... which is nothing to say'
ok '... and is noted' [ "$(sql "SELECT succeeded_at FROM runs
    WHERE name = 'renew-queue run'")" -gt 0 ]

# ---- worse, and worse ------------------------------------------------------------

stop pebble
sql 'UPDATE renewal_configurations SET due_at = 1'
sql 'UPDATE runs SET succeeded_at = 7'
renew run
exits 111 'the CA is away'
is "$(printf '%s\n' "$err" | sed 's/, expires.*//')" 'renew-queue: 3 failing
  failing   a.example and 1 other
  failing   b.example
  failing   c.example
  see renew-queue status, renew-queue list' 'one block'
is "$out" '' '... on standard error'
is "$(sql 'SELECT succeeded_at FROM runs')" 7 '... and no success'
retry
renew run
exits 111 'it is away still'
is "$err" '' '... which is not said again'
is "$(sql "SELECT count(*) FROM renewal_configurations
    WHERE told = 'failing' AND told_at > 1")" 3 '... as the rows say it'
sql "UPDATE renewal_infos SET retry_at = strftime('%s') + 3600"
renew run
exits 0 'it is not yet tried again'
is "$(sql 'SELECT succeeded_at FROM runs')" 7 '... which is no success either'
sql "UPDATE renewal_configurations SET told_at = told_at - 3600"
sql "UPDATE renewal_configurations SET told_at = told_at - 86400 WHERE id = 2"
retry
renew run
is "$(printf '%s\n' "$err" | sed 's/, expires.*//')" 'renew-queue: 3 failing
  failing   a.example and 1 other
  failing   b.example
  failing   c.example
  see renew-queue status, renew-queue list' '... until one is a day old: all of it'
sql "UPDATE renewal_configurations SET told_at = told_at - 80000"
retry
renew run
is "$err" '' '... and no other has a day of its own'
sed -i 's/^\[client\]$/[client]\ntell_again = 0s/' "$client"
sql "UPDATE renewal_configurations SET told_at = 1"
retry
renew run
is "$err" '' 'tell_again = 0s: once is enough'
sed -i '/^tell_again/d' "$client"

now=$(date +%s)
sql "UPDATE certificates SET not_before = $now - 8640000, not_after = $now + 864000
    WHERE id = 1"
sql "UPDATE certificates SET not_before = 1, not_after = $now - 60 WHERE id = 2"
retry
renew run
like "$err" '^renew-queue: 1 expired, 1 urgent, 1 failing$' \
    'the time runs out'
like "$err" '^  urgent    a.example and 1 other, expires 20' '... of one'
like "$err" '^  expired   b.example, expired 20' '... and is over for another'
retry
renew run
like "$err" '' '... once'
renew metrics
exits 0 'metrics'
cp "$T/out" "$T/bad.prom"

# Two at once tell it once.
sql "UPDATE renewal_configurations SET told = 'ok'"
retry
"$BIN/renew-queue" process -c "$client" 2>"$T/one" &
one=$!
"$BIN/renew-queue" process -c "$client" 2>"$T/two"
wait "$one"
is "$(cat "$T/one" "$T/two" | grep -c example)" 3 'two at once: each is told once'

# ---- what could not be said --------------------------------------------------------

# unsaid: so many are claimed, or told.
unsaid() {
	sql "SELECT sum(telling_until > 0) || ' ' || sum(told <> 'ok')
	    FROM renewal_configurations"
}
sql "UPDATE renewal_configurations SET told = 'ok'"
retry
"$BIN/renew-queue" process -c "$client" 2>/dev/full
is "$?" 111 'standard error is full'
is "$(unsaid)" '0 0' '... nothing is told'
# $T/pipe: the command that follows has a pipe for standard error that nobody
# reads, or (full) that takes no more.
cat >"$T/pipe" <<'END'
use Fcntl;
pipe(R, W);
if (shift eq "full") {
	fcntl(W, F_SETFL, O_WRONLY | O_NONBLOCK);
	1 while syswrite(W, "x" x 4096);
	fcntl(W, F_SETFL, O_WRONLY);
	fcntl(R, F_SETFD, 0);
} else {
	close R;
}
open(STDERR, ">&W");
exec @ARGV;
END
retry
perl "$T/pipe" closed "$BIN/renew-queue" process -c "$client"
ok 'it is a pipe that nobody reads' [ "$?" -ne 0 ]
sql 'UPDATE renewal_configurations SET telling_until = 1'
is "$(unsaid)" '3 0' '... nothing is told either'
sql 'UPDATE renewal_configurations SET telling_until = 0'
retry
start stuck perl "$T/pipe" full "$BIN/renew-queue" process -c "$client"
claimed() {
	[ "$(unsaid)" = '3 0' ]
}
must wait_for 20 claimed
retry
renew run
is "$err" '' 'another is about to tell it'
kill -9 "$(cat "$T/stuck.pid")"
is "$(unsaid)" '3 0' '... and is killed'
sql "UPDATE renewal_configurations SET telling_until = strftime('%s') + 9999
    WHERE id = 3"
sql 'UPDATE renewal_configurations SET telling_until = 1 WHERE id < 3'
retry
renew run
is "$(printf '%s\n' "$err" | grep -c example)" 3 \
    '... it is told when that is over, or of another clock'
is "$(unsaid)" '0 3' '... once'

# ---- what is tried again -----------------------------------------------------------

must "$BIN/renew-queue" add c.example -c "$client"
sql "UPDATE renewal_queue SET lease_until = strftime('%s') + 600"
renew run
is "$err" '' 'nothing has recovered that is still queued'
sql 'UPDATE renewal_queue SET lease_until = 0'
retry
renew run

# ---- a screen ---------------------------------------------------------------------

{
	for n in $(seq 1 12); do
		printf '[target-with-a-rather-long-name-%s]\nkind = hook\n' "$n"
		echo 'program = /bin/false'
	done
} >"$T/targets.conf"
sed -i "s|^\[client\]\$|[client]\ntargets_file = $T/targets.conf|" "$client"
renew deploy
exits 1 'targets that fail'
is "$(printf '%s\n' "$err" | head -n 1)" 'renew-queue: 12 failing' '... are told of'
renew status
exits 0 'status'
ok '... has 24 lines at most' [ "$(printf '%s\n' "$out" | wc -l)" -le 24 ]
is "$(printf '%s\n' "$out" | grep -E '.{81}')" '' '... of 80 columns'
like "$out" '^targets_lagging: +12$' '... says how many lag'
like "$out" '^renewals_expired: +1$' '... and how renewals fare'
is "$(printf '%s\n' "$out" | grep -cE \
    '^target: +3 failing: target-with-a-rather-long-name-[0-9]+ \(hook')" 4 \
    '... and which, by their whole names'
renew status --json
is "$(perl -MJSON::PP -0777 -ne \
    'print scalar @{decode_json($_)->{targets}}' "$T/out")" 12 '... in JSON: all of them'
: >"$T/targets.conf"

# ---- it is back --------------------------------------------------------------------

start_pebble
sql "UPDATE upstream_cas SET directory_url = '$pebble_directory'"
sql "UPDATE upstream_accounts SET directory_url = '$pebble_directory'"
must "$BIN/renew-queue" --help
sql 'DELETE FROM renewal_queue'
now=$(date +%s)
sql "UPDATE certificates SET not_before = $now - 60, not_after = $now + 864000"
sql "UPDATE renewal_configurations SET due_at = $now + 86400"
renew run
exits 0 'all is well again'
is "$err" 'renew-queue: 3 recovered
  recovered a.example and 1 other
  recovered b.example
  recovered c.example
  see renew-queue status, renew-queue list' '... which is told'
renew run
is "$err" '' '... once'

# ---- Prometheus -----------------------------------------------------------------------

renew metrics -o "$T/acmed.prom"
exits 0 'metrics -o'
is "$out$err" '' '... is silent'
is "$(stat -c %a "$T/acmed.prom")" 644 '... for others to read'
like "$(cat "$T/acmed.prom")" '^acmed_renew_renewals\{state="ok"\} 3$' '... counts'
like "$(cat "$T/acmed.prom")" '^acmed_renew_renewals_by_ca\{ca="pebble"\} 3$' \
    '... by CA'
like "$(cat "$T/acmed.prom")" '^acmed_renew_next_expiry_seconds 8[56][0-9]{4}$' \
    '... and says when the next ends'
like "$(cat "$T/acmed.prom")" '^acmed_renew_last_success_timestamp_seconds 1' \
    '... and when a run did all'
like "$(cat "$T/bad.prom")" '^acmed_renew_renewals\{state="expired"\} 1$' \
    '... the bad days, too'
series=$(grep -c '^acmed' "$T/acmed.prom")
for n in $(seq 1 9); do order run "n$n.example"; done
renew metrics -o "$T/acmed.prom"
is "$(grep -c '^acmed' "$T/acmed.prom")" "$series" \
    'more names are no more series'
must "$BIN/domain-queue" add q1.example.net q2.example.net q3.example.net \
    q4.example.net -c "$client"
now=$(date +%s)
sql "UPDATE domain_queue SET added = $now - 7000 WHERE id = 1"
sql "UPDATE domain_queue SET added = $now - 9000, attempts = 2,
    failing_since = $now - 5000 WHERE id = 2"
sql "UPDATE domain_queue SET added = 1, status = 'parked', attempts = 9,
    failing_since = 2 WHERE id = 3"
sql "UPDATE domain_queue SET lease_until = $now + 60 WHERE id = 4"
renew metrics -o "$T/acmed.prom"
is "$(sed -n 's/^acmed_renew_new_names{state=\(.*\)/\1/p' "$T/acmed.prom")" \
    '"waiting"} 3
"quarantined"} 1
"held"} 1
"parked"} 1' 'names that wait for their first are counted'
like "$(cat "$T/acmed.prom")" \
    '^acmed_renew_new_names_oldest_seconds\{state="waiting"\} 70[0-9]{2}$' \
    '... with the age of the first of them'
like "$(cat "$T/acmed.prom")" \
    '^acmed_renew_new_names_oldest_seconds\{state="quarantined"\} 50[0-9]{2}$' \
    '... and for how long the first is quarantined'
is "$(grep -c '^acmed' "$T/acmed.prom")" "$series" '... which are no more series'
if /usr/bin/python3 -c 'import prometheus_client' 2>/dev/null; then
	for file in acmed bad; do
		ok "a parser of Prometheus reads $file.prom" /usr/bin/python3 -c '
import sys
from prometheus_client.parser import text_string_to_metric_families as parse
seen = set()
for family in parse(open(sys.argv[1]).read()):
    assert family.type == "gauge" and family.documentation, family
    assert family.name not in seen, family
    seen.add(family.name)
    for sample in family.samples:
        assert sample.name == family.name, sample
assert len(seen) >= 6, seen' "$T/$file.prom"
	done
else
	skip 2 'needs python3-prometheus-client'
fi
renew metrics -o "$T/none/acmed.prom"
exits 100 'metrics: no such directory'
done_testing
