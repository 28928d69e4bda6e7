# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the test
# For tests of what a process can do that somebody has taken over, after tap.sh:
# programs run with tests/preload/probe.c in them.

conf=$T/acmed.conf probed=$SRC/tests/lib/probed
PROBES=$T/probes
export PROBES

# skip_unless_landlock: the kernel must have it.
skip_unless_landlock() {
	perl -e 'exit(syscall(444, 0, 0, 1) < 6)' ||
	    skip_all 'needs a kernel with Landlock, ABI 6'
}

# rights_conf [section.key=value...]: a configuration, and what the probe tries.
rights_conf() {
	chmod 711 "$T"
	"$SRC/scripts/lib/conf-set" "store.url=$T/store/acmed.sqlite" \
	    server.base_url=http://localhost \
	    policy.allowed_server_ip_ranges=127.0.0.1 \
	    "validate.socket=$T/validate.sock" validate.resolver=127.0.0.1:53 \
	    "signer.socket=$T/sign.sock" "local-ca.directory=$T/ca" "$@" \
	    </dev/null >"$conf"
	chmod 644 "$conf"
	: >"$PROBES"
	chmod 666 "$PROBES"
	# shellcheck disable=SC2016 # it is Perl
	start hole perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(Listen => 99,
		    LocalAddr => "127.0.0.1") or die;
		$| = 1;
		print $s->sockport, "\n";
		sleep 600' hole
	wait_for 10 grep -q . "$T/hole.out"
	export PROBE_FD=9 PROBE_EXEC=/bin/true PROBE_WRITE="$T/store"
	export PROBE_READ="$T/ca/intermediate.key:$T/ca/root.key"
	PROBE_READ=$PROBE_READ:$T/store/acmed.sqlite:/etc/passwd
	PROBE_PORT=$(cat "$T/hole.out")
	export PROBE_PORT
}

# pid_of ROLE [NAME]: the process that has said so in the log of NAME, or of run.
pid_of() {
	if [ $# -eq 2 ]; then cat "$T/$2.log"; else cat "$T/err"; fi |
	    sed -n "s/^[a-z-]*\[\([0-9]*\)\]: debug: sandbox role=$1 .*/\1/p" |
	    head -n 1
}

# connection: acmed-accept answers one request; sets $pid too.
connection() {
	printf 'GET /directory HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' \
	    >"$T/request"
	run "$probed" "$BIN/acmed-accept" -v -c "$conf" <"$T/request"
	pid=$(pid_of accept)
}

# could PROGRAM PID FIELD=VALUE...: what the probe in that process has found.
could() {
	could_name="$1, process $2" could_line="^$1 $2 "
	shift 2
	wait_for 10 grep -q "$could_line" "$PROBES"
	could_line=$(grep "$could_line" "$PROBES")
	for could_field in "$@"; do
		case " $could_line " in
		*" $could_field "*) ;;
		*)
			fail "${could_name%,*}: what the probe finds in it"
			diag "no $could_field in: $could_name: $could_line"
			return
			;;
		esac
	done
	pass "${could_name%,*}: what the probe finds in it"
}

# limited PROGRAM PID LIMIT=VALUE...: the limits of that process, soft and hard:
# core and memory (bytes), files, processes.
limited() {
	limited_name=$1 limited_wrong=
	cp "/proc/$2/limits" "$T/limits"
	shift 2
	for limited_field in "$@"; do
		case $limited_field in
		core=*) limited_line='core file size' ;;
		files=*) limited_line='open files' ;;
		memory=*) limited_line='address space' ;;
		processes=*) limited_line=processes ;;
		esac
		# A sanitizer needs more memory, and a thread.
		case $BIN,$limited_field in
		*/asan/*,memory=* | */asan/*,processes=*) continue ;;
		esac
		limited_value=${limited_field#*=}
		grep -Eq "^Max $limited_line +$limited_value +$limited_value " \
		    "$T/limits" || limited_wrong="$limited_wrong $limited_field"
	done
	is "$limited_wrong" '' "$limited_name: its limits"
}
