#!/bin/sh
# Goal: when the clock is set back by an hour, under processes that run and for
# those to come, nothing lies about for that hour.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"
library=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
[ -n "$library" ] || skip_all 'needs libfaketime'

# All our processes read their time here; the monotonic clock stays honest.
FAKETIME_TIMESTAMP_FILE=$T/clock FAKETIME_NO_CACHE=1
FAKETIME_DONT_FAKE_MONOTONIC=1
export FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE FAKETIME_DONT_FAKE_MONOTONIC
set_clock() {
	echo "$1" >"$T/clock.new"
	mv "$T/clock.new" "$T/clock"
}
set_clock +0s
SHIM="$SHIM:$library"

# Landlock would keep the file of the clock from them.
faults_up 'validate timeout = 20s' 'signer timeout = 3s' \
    'sandbox landlock = off'
fresh_round
relayed
# tap.sh's start knows no environment: the relay's signer is started again.
stop sign
start sign env LD_PRELOAD="$library" "$BIN/acme-sign" -c "$T/real.conf" serve
must wait_for 20 listens "$T/real.sock"

ok 'the programs have the clock' \
    sh -c "echo -1000d >'$T/clock' && LD_PRELOAD=$library date +%Y |
    grep -qv \$(date +%Y)"
set_clock +0s

# Before: an order whose validation was taken by a validator that died, one
# whose acmed-accept did, and an account.
must step_account
must step_order
ask '200 -' "$authz"
ask '200 -' --payload '{}' "$(get challenges.0.url)"
first=$order first_finalize=$finalize
now=$(date +%s)
must sql "UPDATE jobs SET due = $now + 35"
must step_order
ask '200 -' "$authz"
challenge=$(get challenges.0.url)
# The sweep must not have the first.
ask '200 -' --payload '{}' "$challenge"
under "$BIN/acme-validate" -c "$config" sweep
ask '200 -' "$order"
is "$(get status)" ready 'an order is ready'
relay deaf
once --payload "{\"csr\":\"$CSR\"}" "$finalize"
relay pass
ask '200 -' "$order"
is "$(get status)" processing '... and left processing'
ask '200 -' "$first"
is "$(get status)" pending 'another waits for a validator that has died'
start validate env LD_PRELOAD="$library" "$BIN/acme-validate" -c "$config" serve
must wait_for 20 test -S "$T/validate.sock"
sleep 0.5
"$SRC/tests/lib/mute" poke "$T/validate.sock"
sleep 0.5
ask '200 -' "$first"
is "$(get status)" pending '... whose lease holds'

set_clock -3600s
under "$BIN/acme-sign" -c "$config" sweep
ask '200 -' "$order"
is "$(get status)" valid 'an hour back: a sweep finishes the one'
certificate=$(get certificate)
"$SRC/tests/lib/mute" poke "$T/validate.sock"
ok 'the validator that runs finishes the other' \
    wait_for 20 order_is ready "$first"
step_certificate
is "$?$said" 0 'the certificate is there'
ok '... and good at the new time' \
    openssl verify -attime $(($(date +%s) - 3600)) -CAfile "$T/ca/root.crt" \
    -untrusted "$ACME_STATE/chain.pem" "$ACME_STATE/chain.pem"
is "$(serials "$T/sign.log" "$order" | wc -l)" 1 '... signed once'

# A new order, and everything else, goes on as ever.
whole_order
is "$?$said" 0 'a whole new order'
order=$first finalize=$first_finalize
step_finalize && step_certificate
is "$?$said" 0 'the order of before is finalized'
ask '200 -' "$account"
is "$reply" '200 -' 'the account'
is "$("$BIN/acmed-store" check -c "$config" 2>&1)" '' 'acmed-store check'
is "$(under "$BIN/acmed-store" -c "$config" purge 2>&1)" '' 'purge'
ok 'crl' under "$BIN/acme-sign" -c "$config" crl

# And forward again, as when the clock is set right.
set_clock +0s
whole_order
is "$?$said" 0 'forward again: a whole new order'
is "$("$BIN/acmed-store" check -c "$config" 2>&1)" '' 'acmed-store check'
done_testing
