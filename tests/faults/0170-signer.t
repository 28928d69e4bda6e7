#!/bin/sh
# Goal: whatever the signer does (0555 has what it may answer), no order is
# stuck and no certificate made twice.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up 'signer timeout = 2s'
relayed

ready_order() {
	must step_account
	must step_order
	must step_challenge
}

# faulty MODE REPLY STATUS: the answer to finalize, and the order then; after
# that it goes on to its end.
faulty() {
	relay pass
	fresh_round
	ready_order
	relay "$1"
	once --payload "{\"csr\":\"$CSR\"}" "$finalize"
	got=$reply
	ask '200 -' "$order"
	is "$got, $(get status)" "$2, $3" "signer $1: $2, the order is $3"
	relay pass
	step_finalize && step_certificate && step_revoke && is_sound
	is "$?$said" 0 '... and goes on to its end, with one certificate'
}

faulty deaf '200 -' processing
faulty lost '200 -' processing
faulty cut '200 -' processing
faulty drop '200 -' processing
faulty garbage '503 serverInternal' ready
faulty endless '200 -' processing
faulty hold '200 -' processing

# It is not there.
relay pass
fresh_round
ready_order
stop relay
once --payload "{\"csr\":\"$CSR\"}" "$finalize"
refused 'no signer'
ask '200 -' "$order"
is "$(get status)" ready '... the order is ready'
# Its socket is there, but nobody listens.
once --payload "{\"csr\":\"$CSR\"}" "$finalize"
refused 'a socket without a signer'
rm -f "$T/sign.sock"
once --payload "{\"csr\":\"$CSR\"}" "$finalize"
refused 'no socket'

# It is away for long: the sweep goes on trying, and gives up in the end.
must sql "UPDATE orders SET status = 'processing', processing_since =
    strftime('%s'), csr = x'$(od -An -v -t x1 "$T/csr.der" | tr -d ' \n')';
    INSERT INTO jobs VALUES ('issue', 1, 0, 0, '')"
for _ in $(seq 22); do
	time_passes
done
ask '200 -' "$order"
is "$(get status)" invalid 'away for 20 sweeps: invalid'
is "$("$BIN/acmed-store" check -c "$config" 2>&1)" '' 'acmed-store check'

# It hangs: a sweep waits once, not for each order, and does not wait for ever.
start relay "$SRC/tests/lib/signer-relay" "$T/sign.sock" "$T/real.sock" \
    "$T/mode"
wait_for 10 test -S "$T/sign.sock"
relay pass
fresh_round
must step_account
for _ in 1 2 3 4 5; do
	must step_order
	must step_challenge
done
relay deaf
hang() {
	must sql "INSERT INTO jobs SELECT 'issue', id, $1, 0, '' FROM orders
	    WHERE status = 'ready';
	    UPDATE orders SET status = 'processing', processing_since =
	    strftime('%s'), csr = x'$(od -An -v -t x1 "$T/csr.der" |
		tr -d ' \n')' WHERE status = 'ready'"
}
hang 0
before=$(date +%s)
"$BIN/acme-sign" -c "$config" sweep 2>"$T/sweep.log"
is "$?" 0 'a signer that hangs, five orders: a sweep'
ok '... ends after one of them' [ $(($(date +%s) - before)) -le 5 ]
is "$(grep -c signer.failed "$T/sweep.log")" 1 '... as the log says'
must sql "UPDATE jobs SET due = 0, attempts = 25"
"$BIN/acme-sign" -c "$config" sweep 2>"$T/sweep.log"
is "$(sql "SELECT count(*) FROM orders WHERE status = 'invalid'")" 1 \
    'one that was tried too often is invalid'
done_testing
