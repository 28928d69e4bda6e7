#!/bin/sh
# Goal: acmed-accept may be killed at every system call that writes, of a whole
# order, and a client that comes again gets what it wants, once.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up
supervise sign "$BIN/acme-sign" -c "$config" serve
must wait_for 10 test -S "$T/sign.sock"

round() {
	whole_order && is_sound
}

until_done 'killed before every call' acmed-accept before round
STEP=3 until_done 'killed half way through every third' acmed-accept half round
done_testing
