#!/bin/sh
# Goal: what waits for a limit says so: for which, of which CA and until when; and
# is told of when the time runs out.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up_valid
sed -i "s|^\[client\]\$|&\nlimits_file = $T/limits.conf|" "$client"

# column QUEUE N: of what list prints.
column() {
	run "$BIN/$1" list --no-header -c "$client"
	printf '%s\n' "$out" | cut -f "$2"
}
retry() {
	sql 'UPDATE renewal_queue SET retry_at = 0'
	sql 'UPDATE upstream_orders SET retry_at = 0'
	renew run
}

# ---- our own count ---------------------------------------------------------------

order run a.example
printf '[pebble]\ncertificates_per_set = 1/1d\n' >"$T/limits.conf"
must "$BIN/renew-queue" add a.example -c "$client"
renew run
exits 111 'a limit is used up'
is "$out$err" '' '... which is not told'
is "$(column renew-queue 2,13)" 'waiting	rate-limited' 'list: it waits'
until=$(column renew-queue 10)
waits="waits until $until for a limit of pebble: not sent: the CA's limit of certificates_per_set is used up"
is "$(column renew-queue 14)" "$waits" '... for which, of whom and until when'
run "$BIN/cert-list" why --no-header a.example -c "$client"
is "$(printf '%s\n' "$out" | tail -n 1 | cut -f 2,5)" "$until	it $waits" \
    'so says cert-list why'
renew status
like "$out" '^failing: +0$' '... it is no failure'
now=$(date +%s)
life=$(sql 'SELECT not_before || ", not_after = " || not_after FROM certificates')
sql "UPDATE certificates SET not_before = $now - 8640000, not_after = $now + 86400"
retry
like "$err" '^  urgent    a\.example, expires 20.*: waits until .* for a limit of pebble' \
    'the time runs out: it is told'
renew status
like "$out" '^renewals_urgent: +1$' '... as status has it'
retry
is "$err" '' '... once'
: >"$T/limits.conf"
retry
exits 0 'there is no limit any more'
like "$err" '^  recovered a\.example$' '... it is renewed'
sql "UPDATE certificates SET not_before = $life WHERE id = 1"

# ---- what fails, and then waits ----------------------------------------------------

must "$BIN/renew-queue" add a.example -c "$client"
sql "UPDATE renewal_queue SET attempts = 2, failing_since = 1, cause = 'dns',
    error = 'gone'"
printf '[pebble]\ncertificates_per_set = 1/1d\n' >"$T/limits.conf"
renew run
like "$(column renew-queue 2,11,13,14)" '^failing	2	rate-limited	waits until ' \
    'what has failed waits'
: >"$T/limits.conf"
retry
exits 0 '... and is renewed then'

# ---- names ---------------------------------------------------------------------------

must "$BIN/domain-queue" add 1.crowd.example -c "$client"
renew run
printf '[pebble]\ncertificates_per_domain = 1/1d\n' >"$T/limits.conf"
must "$BIN/domain-queue" add 2.crowd.example 3.crowd.example -c "$client"
run "$BIN/domain-queue" process -c "$client"
exits 111 'the limit of a domain is used up'
until=$(column domain-queue 6 | head -n 1)
waits="waits until $until for a limit of pebble: the CA's limit of certificates_per_domain for crowd.example is used up"
is "$(column domain-queue 1,2,9,10)" "2.crowd.example	waiting	rate-limited	$waits
3.crowd.example	waiting	rate-limited	$waits" 'domain-queue list says the same'
run "$BIN/cert-list" why 2.crowd.example -c "$client"
like "$err" "it waits in domain-queue: waits until $until for a limit of pebble" \
    '... and so does cert-list why'
: >"$T/limits.conf"
sql 'UPDATE domain_queue SET retry_at = 0'
renew run
exits 0 '... until it is not'
is "$(column domain-queue 1)" '' '... and they have theirs'
run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check finds nothing'
done_testing
