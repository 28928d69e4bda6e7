# shellcheck shell=sh
# Helpers for tests in POSIX sh, which speak TAP.  A test begins
#
#	#!/bin/sh
#	# Goal: what this test proves.
#	. "$(dirname "$0")/../lib/tap.sh"
#
# and ends with done_testing (or has said "plan N" first).  It may use
#
#	$SRC   the source tree         $BIN    the programs
#	$T     its own empty folder    $TOOLS  the programs of tests/tool
#
# By hand: tests/cmd/0100-store.t; with BIN=build/asan/bin the other flavour.
# KEEP=1 leaves $T behind.

set -u
umask 022
SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
BIN=${BIN:-$SRC/build/bin}
TOOLS=${TOOLS:-$SRC/build/release/tests/tool}
T=$(mktemp -d "${TMPDIR:-/tmp}/acmed-test-XXXXXX") || exit 1
export SRC BIN TOOLS T
tap_count=0 tap_failed=0 tap_planned='' tap_servers=''

# plan N: this test makes N checks.
plan() {
	tap_planned=$1
	echo "1..$1"
}

# done_testing: the test came to its end; instead of a plan.
done_testing() {
	plan "$tap_count"
}

# diag TEXT...: say something to the person who reads a failure.
diag() {
	printf '%s\n' "$*" | sed 's/^/# /' >&2
}

# pass NAME, fail NAME: one check, decided by the caller.
pass() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

fail() {
	tap_count=$((tap_count + 1)) tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
}

# ok NAME COMMAND...: the command succeeds.  not_ok NAME COMMAND...: it fails.
ok() {
	tap_name=$1
	shift
	if "$@" >"$T/.ok" 2>&1; then
		pass "$tap_name"
	else
		fail "$tap_name"
		diag "failed: $*"
		diag "$(cat "$T/.ok")"
	fi
}

not_ok() {
	tap_name=$1
	shift
	if "$@" >"$T/.ok" 2>&1; then
		fail "$tap_name"
		diag "should have failed: $*"
		diag "$(cat "$T/.ok")"
	else
		pass "$tap_name"
	fi
}

# is GOT WANT NAME: the same text.
is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3"
		diag "got:  $1"
		diag "want: $2"
	fi
}

# like GOT ERE NAME: a line of the text matches.  unlike GOT ERE NAME: none.
like() {
	if printf '%s\n' "$1" | grep -Eq -e "$2"; then
		pass "$3"
	else
		fail "$3"
		diag "got:  $1"
		diag "want: /$2/"
	fi
}

unlike() {
	if printf '%s\n' "$1" | grep -Eq -e "$2"; then
		fail "$3"
		diag "got:  $1"
		diag "want no: /$2/"
	else
		pass "$3"
	fi
}

# run COMMAND...: sets $status, $out and $err (also as files $T/out, $T/err).
run() {
	status=0
	"$@" >"$T/out" 2>"$T/err" || status=$?
	out=$(cat "$T/out") err=$(cat "$T/err")
}

# exits STATUS NAME: how the last run ended.
exits() {
	if [ "$status" -eq "$1" ]; then
		pass "$2"
	else
		fail "$2"
		diag "exit status $status, not $1"
		diag "stdout: $out"
		diag "stderr: $err"
	fi
}

# must COMMAND...: a step of the set-up; the test cannot go on without it.
must() {
	"$@" >"$T/.must" 2>&1 && return
	diag "set-up failed: $*"
	diag "$(cat "$T/.must")"
	exit 1
}

# skip N REASON: N checks are not made.
skip() {
	tap_left=$1
	while [ "$tap_left" -gt 0 ]; do
		tap_left=$((tap_left - 1)) tap_count=$((tap_count + 1))
		echo "ok $tap_count # SKIP $2"
	done
}

# skip_all REASON: nothing of this test can be done here; ends it.
skip_all() {
	tap_planned=0
	echo "1..0 # SKIP $1"
	exit 0
}

# skip_unless_root, skip_unless_has PROGRAM...: ends the test, or returns.
skip_unless_root() {
	[ "$(id -u)" -eq 0 ] || skip_all 'needs root'
}

skip_unless_has() {
	for tap_prog in "$@"; do
		command -v "$tap_prog" >/dev/null || skip_all "needs $tap_prog"
	done
}

# free_port: prints a port of 127.0.0.1 and [::1] that nothing listens on, TCP
# or UDP, and that no other test is given before this one ends.
free_port() {
	"$SRC/tests/lib/free-port" $$
}

# wait_for SECONDS COMMAND...: repeats the command until it succeeds; 1 after
# the deadline.
wait_for() {
	tap_deadline=$(($(date +%s) + $1 + 1))
	shift
	until "$@" >"$T/.wait" 2>&1; do
		if [ "$(date +%s)" -ge "$tap_deadline" ]; then
			diag "waited in vain for: $*"
			diag "$(cat "$T/.wait")"
			return 1
		fi
		sleep 0.05
	done
}

# listening PORT: something accepts connections there; for wait_for.
listening() {
	perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new($ARGV[0])' \
	    "127.0.0.1:$1"
}

# ended PID: the process is gone, or waits for its parent; for wait_for.
ended() {
	! grep -q '^State:[[:space:]]*[^Z]' "/proc/$1/status" 2>/dev/null
}

# start NAME COMMAND...: runs it in the background, stdout in $T/NAME.out, log
# in $T/NAME.log, process id in $T/NAME.pid; stopped when the test ends.
start() {
	tap_name=$1
	shift
	# Here, not in the new process: whoever waits for its output must not
	# find that of one which had the name before.
	: >"$T/$tap_name.out"
	: >"$T/$tap_name.log"
	"$@" >"$T/$tap_name.out" 2>"$T/$tap_name.log" </dev/null &
	echo $! >"$T/$tap_name.pid"
	tap_servers="$tap_name $tap_servers"
}

# fail_calls [CALL=ERRNO...]: what tests/lib/failing, told of $T/fail, makes fail
# from now on; an errno has three digits.
fail_calls() {
	printf '%-64s\n' "$*" 1<>"$T/fail"
}

# stop NAME: SIGTERM, SIGKILL after ten seconds; sets $status.
stop() {
	tap_pid=$(cat "$T/$1.pid")
	kill -TERM "$tap_pid" 2>/dev/null
	wait_for 10 ended "$tap_pid" || kill -KILL "$tap_pid"
	status=0
	wait "$tap_pid" 2>/dev/null || status=$?
	tap_servers=$(printf '%s' "$tap_servers" | sed "s/\(^\| \)$1 / /")
}

tap_end() {
	tap_status=$?
	trap - EXIT
	for tap_name in $tap_servers; do
		if [ "$tap_failed" -gt 0 ] || [ "$tap_status" -ne 0 ]; then
			diag "$tap_name.log: $(tail -n 20 "$T/$tap_name.log")"
		fi
		stop "$tap_name"
	done
	"$SRC/tests/lib/free-port" --release $$
	if [ -n "${KEEP:-}" ]; then
		diag "kept $T"
	else
		rm -rf "$T"
	fi
	if [ -z "$tap_planned" ]; then
		diag 'ended before done_testing'
		tap_status=1
	fi
	[ "$tap_failed" -eq 0 ] || tap_status=1
	exit "$tap_status"
}
trap tap_end EXIT
trap 'exit 143' HUP INT TERM
