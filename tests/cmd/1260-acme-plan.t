#!/bin/sh
# Goal: acme-plan tells when names and renewals will be done, by what the store
# knows was spent; nothing is asked, and what will be late is told.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/pages.sh"

client_up
sed -i "s|^\[client\]|&\nlimits_file = $T/limits.conf|" "$client"
work_out() {
	run "$BIN/acme-plan" "$@" -c "$client"
}
# said NAME: a value of the last summary.
said() {
	printf '%s\n' "$out" | sed -n "s/^$1: *//p"
}
# hours TIME: from now on, rounded.
hours() {
	echo $((($(date -d "$1" +%s) - $(date +%s) + 1800) / 3600))
}
sql() {
	sqlite3 "$T/client/store/acmed.sqlite" "$1"
}

# ---- without a CA, or an account -------------------------------------------------
cat >"$T/limits.conf" <<'END'
[letsencrypt]
orders_per_account = 4/4h
certificates_per_domain = 2/20h
END
work_out --ca letsencrypt --count 10
exits 0 'names that are only counted, at a CA that the store does not know'
is "$(said names) $(said orders) $(said renewals) $(said late)" '10 10 0 0' \
    '... are as many orders'
is "$(hours "$(said 'done')")" 6 '... of which four go at once, and one each hour'
like "$(said binds)" '^orders_per_account: 6 orders wait' '... by this limit'
is "$(said limits)" '' '... as there is one'
work_out --ca buypass --count 10
is "$(said limits) $(($(date -d "$(said 'done')" +%s) - $(date +%s) < 60))" \
    'none is known for this CA 1' '... without which all is done at once, it says'
printf 'b.example.org\na.example.org\nA.example.org.\nc.example.org\n' \
    >"$T/names"
work_out --ca letsencrypt - <"$T/names"
exits 0 'names from a list'
is "$(said names)" 3 '... one that stands twice is one'
is "$(hours "$(said 'done')")" 10 '... in one registered domain'
like "$(said binds)" 'certificates_per_domain: 1 orders wait.* for example.org' \
    '... by its limit'
work_out --ca letsencrypt --per-certificate 3 - <"$T/names"
is "$(said orders)" 1 'several names in a certificate'
is "$(said binds)" '' '... need not wait'
work_out --ca letsencrypt --rate 1/2h 192.0.2.1 2001:db8::1 2001:db8::2
is "$(hours "$(said 'done')")" 4 'addresses, at our own rate'
like "$(said binds)" '^rate: 2 orders wait' '... which binds'
work_out --ca letsencrypt --each -j b.example.net a.example.net c.example.net
is "$(printf '%s\n' "$out" | jose fmt -j- -g limit -u- 2>/dev/null | head -n 1)" \
    free 'each order: an object'
is "$(printf '%s\n' "$out" | wc -l)" 3 '... in a line'
work_out --ca letsencrypt no_name.example a.example
exits 100 'what is no name'
like "$err" '^acme-plan: no_name.example: .*RFC 1123' \
    '... is told'
is "$(said names)" 1 '... and the rest is planned'
work_out --rate 5 --ca letsencrypt a.example
exits 100 'a rate without time'
like "$err" '--rate 5: must be COUNT/DURATION' '... is told'
work_out --ca nowhere a.example
exits 1 'a CA that is not known'

# ---- what was spent ----------------------------------------------------------------
cat >"$T/limits.conf" <<'END'
[pebble]
orders_per_account = 3/3h
certificates_per_domain = 2/20h
END
export PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_WFE_NONCEREJECT=0
start_pebble
must "$BIN/acme-account" ca add pebble "$pebble_directory" \
    --trust "$pebble_ca" -c "$client"
account register --ca pebble --agree-terms --default
exits 0 'an account'
run "$BIN/acme-order" run -c "$client" --ca pebble one.example.com
exits 0 'an order'
run "$BIN/acme-order" run -c "$client" --ca pebble two.example.com
exits 0 'another'
requests=$(asked 1)
work_out --ca pebble x.example.net y.example.net
is "$(hours "$(said 'done')")" 1 'two of three orders have been spent'
work_out --ca pebble x.example.com
is "$(hours "$(said 'done')")" 10 'and all of a registered domain'
work_out --account 1 --until 3650d
is "$(said renewals) $(said late)" '2 0' 'renewals that will be due'
is "$(asked 1)" "$requests" 'nobody was asked'

# ---- windows -----------------------------------------------------------------------
sql "UPDATE renewal_configurations
    SET due_at = strftime('%s') + 60, due_by = strftime('%s') + 5400"
work_out --account 1 --rate 1/1h
exits 0 'one now and one in an hour: both in their windows'
work_out --account 1 --rate 1/3h
exits 1 'at a lower rate one is late'
is "$(said late) $(said first_late)" '1 2' '... and told'
is "$(hours "$(said first_late_at)")" 3 '... with its time'

# While both wait each has its part.
sed -i 's|= 3/3h|= 300/3h|' "$T/limits.conf"
sql "UPDATE renewal_configurations SET due_at = strftime('%s') - 60"
work_out --account 1 --rate 2/4h --each --no-header n1.example.org n2.example.org
is "$(printf '%s\n' "$out" | awk -F '\t' '{ printf $2 ? "r" : "n" }')" rnrn \
    'half of the rate is for new names'
sed -i 's/^\[client\]/&\nnew_names_share = 1/' "$client"
work_out --account 1 --rate 100/4h --each --no-header n1.example.org n2.example.org
is "$(printf '%s\n' "$out" | awk -F '\t' '{ printf $2 ? "r" : "n" }')" rrnn \
    '... or the part that is set'
sed -i '/^new_names_share/d' "$client"
sed -i 's|= 300/3h|= 3/3h|' "$T/limits.conf"
sql "UPDATE renewal_configurations SET due_at = strftime('%s') + 60"
work_out --account 1 --until 30s
is "$(said renewals)" 0 'what is due later is left out'
must "$BIN/cert-manage" renewal deactivate 1 -c "$client"
work_out --account 1
is "$(said renewals)" 1 'and what is not renewed'

# ---- the examples of the page --------------------------------------------------------
ACMED_CONFIG=$client
export PATH ACMED_CONFIG
cp "$SRC/scripts/limits.conf" "$T/limits.conf"
seq -f 'www%g.example.org' 1000 >"$T/work/names"
script acme-plan.1 count
works
exits 0 'acme-plan: half a million customers'
like "$(said binds)" '^orders_per_account: 499700 orders' '... and what binds'
script acme-plan.1 'per-certificate' grep
works
exits 0 'acme-plan: a list'
like "$(said binds)" '^certificates_per_domain: 50 orders .* for example.org' \
    '... of one domain'
must "$BIN/domain-queue" add q1.example.net q2.example.net q3.example.net \
    -c "$client"
sql "UPDATE domain_queue SET status = 'parked' WHERE name = 'q3.example.net'"
script acme-plan.1 'domain-queue list' '^    acme-plan'
works
exits 0 'acme-plan: names that wait'
is "$(said names)" 2 '... but for the one that is parked'
script acme-plan.1 '30d'
works
exits 0 'acme-plan: the next 30 days'
like "$out" 'late: +0' '... and none is late'

done_testing
