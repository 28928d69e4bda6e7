#!/bin/sh
# Goal: what tests/lib/tap.sh does for tests holds on a machine that is busy.
. "$(dirname "$0")/../lib/tap.sh"

# A test waits for the port that a server prints; it must not read that of the
# server which had the name before.
seen=0
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	echo 1024 >"$T/new.out"
	echo said >"$T/new.log"
	start new sleep 0.01
	[ ! -s "$T/new.out" ] && [ ! -s "$T/new.log" ] || seen=$((seen + 1))
	stop new
done
is "$seen" 0 'start: nothing is left of what had the name before'

done_testing
