#!/bin/sh
# Goal: a CA that answers nothing but 503, or nothing at all, is left alone after
# a few requests, by all that waits for it, and that is no failure of what
# waits; when it answers again all goes on.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/standin.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

client_up
standin_up
account ca add standin "$base/dir" --trust "$T/standin.crt"
account register --ca standin --agree-terms --default
exits 0 'an account'
sed -i 's/^\[client\]$/[client]\nca = standin/' "$client"

names='a b c d e f g h'
n=0
for name in $names; do
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj / -days 90 -addext "subjectAltName=DNS:$name.example" \
	    -keyout "$T/$name.key" -out "$T/$name.crt"
	must "$BIN/cert-import" -q -c "$client" "$T/$name.crt" "$T/$name.key"
	must "$BIN/cert-manage" renewal add $((n += 1)) --account 1 \
	    --challenge answer -c "$client"
	must "$BIN/renew-queue" add "$name.example" -c "$client"
done
process() {
	run "$BIN/renew-queue" process -c "$client"
}
# orders: how often the CA was asked for one.
orders() {
	grep -c '^POST /order$' "$T/standin.log"
}
# ready: what waits may be tried, as if so many seconds had passed.
ready() {
	sql 'UPDATE renewal_queue SET retry_at = 0'
	sql 'UPDATE domain_queue SET retry_at = 0'
	sql 'UPDATE upstream_orders SET retry_at = 0'
	sql "UPDATE upstream_cas SET away_until = max(0, away_until - $1),
	    away_since = away_since - $1"
}
# stands: how many there are of each number of attempts, and causes.
stands() {
	sql 'SELECT attempts, count(*), count(failing_since), count(cause)
	    FROM renewal_queue GROUP BY attempts'
}

# ---- 503 -------------------------------------------------------------------------

rules '/order status 503'
process
exits 111 'a CA that answers 503'
like "$err" '^renew-queue: 8 failing$' '... of all of them it is told'
like "$err" 'a\.example.*HTTP status 503' '... and why'
ok "... after $(orders) requests" [ "$(orders)" -le 5 ]
is "$(stands)" '0|8|8|8' '... which is no attempt of any'
like "$("$BIN/acme-account" ca list -c "$client")" \
    '^standin	[^	]*	[^	]*	[^	]*	20' 'ca list: it is left alone'
before=$(orders)
ready 0
process
exits 111 'another run'
is "$(($(orders) - before)) $(stands)" '0 0|8|8|8' '... asks for nothing'
is "$err" '' '... and says nothing new'
must "$BIN/domain-queue" add new.example -c "$client"
run "$BIN/domain-queue" process -c "$client"
is "$(($(orders) - before)) $(sql 'SELECT attempts FROM domain_queue')" '0 0' \
    '... and so do new names'
like "$("$BIN/domain-queue" list --no-header -c "$client" | cut -f 2,6-10)" \
    "^waiting	20[^	]*	0		ca-unreachable	not tried: .*HTTP status 503" \
    '... of which the list says why, though none was tried'
run "$BIN/cert-list" why new.example -c "$client"
like "$err" 'waits in domain-queue, but its CA is away: not tried: .*503' \
    '... and cert-list why'
must "$BIN/domain-queue" template set default --account 1 -c "$client"
like "$("$BIN/domain-queue" list -c "$client")" 'not tried: ' \
    '... also when the template has its own account'
must "$BIN/domain-queue" template set default --account none -c "$client"
"$BIN/domain-queue" add --no-header -c "$client" a.example >"$T/out"
is "$(cat "$T/out") $(sql 'SELECT count(*) FROM renewal_queue
    WHERE retry_at = 0')" 'a.example	activated	default	 1' \
    'domain-queue add brings forward what is renewed'
ready 3600
process
is "$(stands)" '0|8|8|8' 'an hour later: the same'
ok "... after $(($(orders) - before)) requests" [ "$(($(orders) - before))" -le 3 ]
is "$(sql "SELECT away_until - $(date +%s) BETWEEN 3500 AND 3600
    FROM upstream_cas")" 1 '... and for an hour'
run "$BIN/cert-list" why --no-header a.example -c "$client"
like "$out" 'it has failed since .*HTTP status 503' 'cert-list why knows'

# ---- an answer -------------------------------------------------------------------

run "$BIN/acme-account" ca refresh standin -c "$client"
exits 0 'ca refresh asks at once'
is "$(sql 'SELECT failures, away_until FROM upstream_cas')" '0|0' \
    '... and then it is not left alone any more'
ready 0
before=$(orders)
rules '/order problem 403 caa'
process
exits 1 'it answers, that it refuses all of them'
is "$(($(orders) - before)) $(stands)" '8 1|8|8|8' '... each is asked for, once'

# ---- one order only ------------------------------------------------------------------

sql "DELETE FROM renewal_queue WHERE renewal_configuration_id > 1"
ready 0
sql 'UPDATE upstream_orders SET attempts = 5' # it waits for long already
rules '/order problem 500 serverInternal'
process
exits 111 'the CA itself says that this order goes wrong'
is "$(stands)" '2|1|1|1' '... which is a failure of that'
is "$(sql 'SELECT failures FROM upstream_cas')" 0 '... and not of the CA'

# ---- nobody there ------------------------------------------------------------------------

stop standin
ready 0
for name in b c d; do
	must "$BIN/renew-queue" add "$name.example" -c "$client"
done
before=$(asked 'status = 0')
process
exits 111 'nobody is there'
is "$(stands)" '0|3|3|3
2|1|1|1' '... which is no attempt either'
ok "... after $(($(asked 'status = 0') - before)) requests" \
    [ "$(($(asked 'status = 0') - before))" -le 3 ]

# ---- a name that is served still -----------------------------------------------

sql 'DELETE FROM renewal_queue'
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj / -days 90 -addext subjectAltName=DNS:served.example \
    -keyout "$T/served.key" -out "$T/served.crt"
must "$BIN/cert-import" -q -c "$client" "$T/served.crt" "$T/served.key"
must "$BIN/domain-queue" add served.example -c "$client"
sql "UPDATE renewal_configurations SET told = 'ok'"
run "$BIN/renew-queue" --quiet run -c "$client"
is "$status $err" '111 ' 'a name in domain-queue has a certificate for months'
sql "UPDATE certificates SET not_before = not_before - 80 * 86400,
    not_after = not_after - 80 * 86400 WHERE id = 9"
run "$BIN/renew-queue" --quiet run -c "$client"
like "$err" '^  urgent    served\.example, expires 20' \
    '... which ends, while the CA is away: it is told'
run "$BIN/renew-queue" --quiet run -c "$client"
is "$err" '' '... once'
sql 'UPDATE upstream_cas SET away_until = 0'
run "$BIN/domain-queue" process -c "$client"
run "$BIN/cert-list" why --no-header served.example -c "$client"
like "$out" 'another certificate, but its CA is away: .*the CA does not answer' \
    '... and when it was tried, cert-list why knows'
sql "UPDATE certificates SET not_before = not_before + 80 * 86400,
    not_after = not_after + 80 * 86400 WHERE id = 9"
run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check finds nothing'
done_testing
