#!/bin/sh
# Goal: a program that is killed in the middle loses nothing: some of the points
# of tests/faults, where all of them are.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up 'signer timeout = 2s'
relayed

FIRST=20 STEP=35 until_done 'acmed-accept' acmed-accept before round
FIRST=7 STEP=12 until_done 'acme-validate' acme-validate before round
until_done 'acme-validate, the process with the network' \
    acme-validate+ before round

issued 4500 "$T/thousands"
FROM=$T/thousands FIRST=5 STEP=331 until_done 'acmed-store renew-now' \
    acmed-store before renew_now

# The answer of the signer is lost.
lost() {
	FAULT=''
	fresh_round
	step_account && step_order && step_challenge || return 1
	relay "$1"
	once --payload "{\"csr\":\"$CSR\"}" "$finalize"
	relay pass
	step_finalize && step_certificate && step_revoke && is_sound
}
for mode in lost cut; do
	lost $mode
	is "$?$said" 0 "the signer's answer is $mode: one certificate all the same"
done
done_testing
