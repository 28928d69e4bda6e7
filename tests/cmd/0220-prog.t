#!/bin/sh
# Goal: what all programs do the same way: help, version, exit codes, one line
# on stderr, and nothing of ours on a client's socket.
. "$(dirname "$0")/../lib/tap.sh"

conf=$T/acmed.conf
cat >"$conf" <<END
[store]
url = $T/acmed.sqlite
[server]
base_url = https://localhost:14000
[policy]
allowed_server_ip_ranges = 127.0.0.0/8
[validate]
socket = $T/validate.sock
[local-ca]
directory = $T/ca
END

for program in $(cd "$SRC/cmd" && ls); do
	program=${program%.c}
	run "$BIN/$program" --help
	exits 0 "$program --help"
	like "$out" "^usage: $program" "$program --help: on standard output"
	is "$err" '' "$program --help: nothing on stderr"
	run "$BIN/$program" --version
	exits 0 "$program --version"
	like "$out" "^$program \(acmed\) [0-9]+\.[0-9]+" "$program: its version"
	run "$BIN/$program" --no-such-option
	exits 100 "$program: unknown option"
	is "$out" '' "$program: nothing on standard output"
	is "$(head -n 1 "$T/err")" \
	    "$program: --no-such-option: unknown or ambiguous option" \
	    "$program: the first line on stderr"
done

# wrong WANT ARGUMENT...: a command of two words, wrongly used.
wrong() {
	want=$1
	shift
	run "$BIN/acme-account" "$@" -c "$conf"
	exits 100 "acme-account $*"
	is "$(head -n 1 "$T/err")" "acme-account: $want" "acme-account $*: why"
	is "$(wc -l <"$T/err")" 2 "acme-account $*: no whole page of it"
}
wrong 'which command?' ca
wrong 'ca lists: none of list add show refresh' ca lists
wrong 'too few operands' ca add x
wrong 'x: one operand too many' ca list x
wrong '--trust: unknown or ambiguous option' ca list --trust x
wrong 'c: unknown command' c
run "$BIN/acme-account" -q ca -j list -c "$conf"
exits 102 'an option between the two words'
is "$err" "acme-account: $T/acmed.sqlite: no such store; run acmed-store init" \
    '... is the command of two words'

# as_inetd PROGRAM...: with one socket as 0, 1 and 2; prints what arrives at
# its other end, exits as the program does.
as_inetd() {
	perl -MSocket -e '
		socketpair(my $ours, my $its, AF_UNIX, SOCK_STREAM, 0) or die;
		my $pid = fork;
		if (!$pid) {
			open(STDIN, "<&", $its) && open(STDOUT, ">&", $its) &&
			    open(STDERR, ">&", $its) or die;
			close $its;
			close $ours;
			exec @ARGV or exit 99;
		}
		close $its;
		shutdown $ours, 1;
		local $/;
		print <$ours>;
		waitpid $pid, 0;
		exit $? >> 8' "$@"
}

run as_inetd "$BIN/acmed-store" config --check -c "$T/none.conf"
exits 102 'the socket as 0, 1 and 2: exit code'
is "$out" '' 'the socket as 0, 1 and 2: no byte on it'
run as_inetd "$BIN/acmed-store" --nonsense
exits 100 'wrong use on a socket: exit code'
is "$out" '' 'wrong use on a socket: no byte on it'

status=0
both=$("$BIN/acmed-store" config --check -c "$T/none.conf" 2>&1) || status=$?
is "$both" "acmed-store: $T/none.conf: no such file" \
    'a pipe as 1 and 2 is the choice of the caller'

status=0
"$BIN/acmed-store" config --check -c "$conf" <&- >&- 2>&- || status=$?
is "$status" 0 'nothing open: a good configuration'
status=0
"$BIN/acmed-store" config --print -c "$conf" <&- >&- 2>"$T/err" || status=$?
is "$status" 0 'without standard output: no file of ours is written to'

run "$BIN/acmed-store" config --check -c "$conf" -l nonsense
exits 100 '--log of an unknown sink'
run "$BIN/acmed-store" config --check -c "$conf" -l fd:77
exits 100 '--log to a descriptor that is not open'

# A service says when it listens, and only then.
must "$BIN/acmed-store" init -c "$conf"
mkfifo "$T/ready"
# shellcheck disable=SC2016 # for that shell
start validate sh -c 'exec "$1" serve -c "$2" --ready-fd 5 5>"$3"' - \
    "$BIN/acme-validate" "$conf" "$T/ready"
is "$(od -An -c <"$T/ready" | tr -d ' ')" '\n' '--ready-fd'
ok 'the socket is there' test -S "$T/validate.sock"
stop validate
is "$status" 0 'SIGTERM: exit code'

# ---- LISTEN_FDS, as of sd_listen_fds(3) --------------------------------------
# handed REDIRECTION FDS [PID]: acmed-accept, told so, with descriptor 3 so.
handed() {
	# shellcheck disable=SC2016
	run sh -c 'LISTEN_FDS=$1 LISTEN_PID=${2:-$$}
		export LISTEN_FDS LISTEN_PID
		shift 2
		exec "$@" '"$1" sh "$2" "${3:-}" \
	    "$BIN/acmed-accept" -c "$T/acmed.conf" </dev/null
}
handed '3</dev/null' 2
exits 102 'two sockets are handed over'
like "$err" 'LISTEN_FDS: more than one' 'which is refused'
handed '3</dev/null' 2 1
unlike "$err" LISTEN_FDS 'to another process: not our business'
handed '3<&-' 1
exits 111 'none is there'
like "$err" 'LISTEN_FDS: cannot take descriptor 3' 'which is said'

done_testing
