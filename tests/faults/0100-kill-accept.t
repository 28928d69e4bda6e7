#!/bin/sh
# Goal: acmed-accept may be killed at every system call that writes, of a whole
# order, and a client that comes again gets what it wants, once.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up
supervise sign "$BIN/acme-sign" -c "$config" serve
must wait_for 10 test -S "$T/sign.sock"

until_done 'killed before every call' acmed-accept before round
STEP=3 until_done 'killed half way through every third' acmed-accept half round

# Workers that live on; their master writes nothing, one connection per request.
port=$(free_port)
pooled() {
	start pool env FAULT="$FAULT" FAULT_FILE="$T/faults" \
	    "$SRC/scripts/lib/listen" -1 127.0.0.1 "$port" \
	    env LD_PRELOAD="$SHIM" "$BIN/acmed-accept" -c "$config"
	wait_for 10 test -s "$T/pool.out"
	pooled_rc=0
	round || pooled_rc=1
	stop pool
	return "$pooled_rc"
}
skip_unless_has socat
via="socat -t 0.1 - TCP:127.0.0.1:$port"
STEP=2 until_done 'a worker, before every second call' \
    acmed-accept+ before pooled
done_testing
