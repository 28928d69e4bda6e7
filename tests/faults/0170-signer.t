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

# Its answer comes when the order has ended otherwise: the certificate exists, so
# it is known, and can be revoked.
start relay "$SRC/tests/lib/signer-relay" "$T/sign.sock" "$T/real.sock" \
    "$T/mode"
wait_for 10 test -S "$T/sign.sock"
relay hold
fresh_round
ready_order
: >"$T/sign.log"
once --payload "{\"csr\":\"$CSR\"}" "$finalize" &
finalizing=$!
must wait_for 10 grep -q sign.issued "$T/sign.log"
must sql "DELETE FROM jobs WHERE kind = 'issue'; UPDATE orders SET
    status = 'invalid', csr = NULL, error = '{}' WHERE status = 'processing'"
relay pass
wait "$finalizing"
is "$(sql "SELECT count(*) FROM certificates WHERE source = 'acme' AND id NOT IN
    (SELECT certificate_id FROM orders WHERE certificate_id IS NOT NULL)")" 1 \
    'a certificate that comes too late is recorded'
is "$("$BIN/acmed-store" check -c "$config" 2>&1)" '' '... and no contradiction'
stop relay
rm -f "$T/sign.sock"

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
stop relay
rm -f "$T/sign.sock"

# It hangs up before it has read anything: no reason to die of.
# shellcheck disable=SC2016 # perl
start closer perl -MIO::Socket::UNIX -e '
	my $s = IO::Socket::UNIX->new(Local => shift, Listen => 64) or die;
	close $s->accept while 1' "$T/sign.sock"
wait_for 10 test -S "$T/sign.sock"
died=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
	must sql 'UPDATE jobs SET due = 0, attempts = 0'
	"$BIN/acme-sign" -c "$config" sweep 2>"$T/sweep.log" || died=1
done
is "$died" 0 'a signer that hangs up: ten sweeps'
done_testing
