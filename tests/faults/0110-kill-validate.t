#!/bin/sh
# Goal: either process of acme-validate may be killed at every system call that
# writes; the next one finishes the work.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up
supervise sign "$BIN/acme-sign" -c "$config" serve
must wait_for 10 test -S "$T/sign.sock"

# The sweep of cron alone.
until_done 'the sweep, before every call' acme-validate before round
STEP=3 until_done 'the sweep, half way' acme-validate half round
until_done 'its process with the network, before every call' \
    acme-validate+ before round
until_done 'its process with the network, half way' acme-validate+ half round

# The service, which somebody starts again.
served() {
	served=yes
	supervise validate "$BIN/acme-validate" -c "$config" serve
	served_rc=0
	whole_order || served_rc=1
	served=''
	stop validate
	[ "$served_rc" -eq 0 ] && is_sound
}

until_done 'the service, before every call' acme-validate before served
until_done 'its process with the network, before every call' \
    acme-validate+ before served
done_testing
