#!/bin/sh
# Goal: whatever the signer does (0555 has what it may answer), no order is
# stuck and no certificate made twice.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up 'signer timeout = 2s'
relayed

# faulty MODE REPLY STATUS: the answer to finalize, and the order then; after
# that it goes on to its end.
faulty() {
	relay pass
	fresh_round
	step_account && step_order && step_challenge || must false "$said"
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
step_account && step_order && step_challenge || must false "$said"
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
for i in $(seq 22); do
	time_passes
done
ask '200 -' "$order"
is "$(get status)" invalid 'away for 20 sweeps: invalid'
is "$("$BIN/acmed-store" check -c "$config" 2>&1)" '' 'acmed-store check'
done_testing
