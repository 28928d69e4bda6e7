#!/bin/sh
# Goal: with too few descriptors every program says so in a line and ends, or
# does what it can and gets well when there are some again.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up 'validate timeout = 10s'
fresh_round
start sign "$BIN/acme-sign" -c "$config" serve
must wait_for 20 test -S "$T/sign.sock"
must step_account

# scarce NAME CODES COMMAND...: with 3, 4 ... 30 descriptors it ends by itself
# with one of these exit codes, 0 at last, and at most three lines.
# shellcheck disable=SC2016 # for the inner shell
scarce() {
	scarce_name=$1 scarce_codes=$2 scarce_bad=''
	shift 2
	for n in $(seq 3 30); do
		code=0
		timeout 20 sh -c 'ulimit -n "$0" && exec "$@"' "$n" "$@" \
		    >"$T/scarce.out" 2>"$T/scarce.err" <"${input:-/dev/null}" ||
		    code=$?
		# The dynamic linker has its own words.
		grep -q 'shared librar\|cannot open shared' "$T/scarce.err" &&
		    continue
		case " $scarce_codes " in
		*" $code "*) ;;
		*) scarce_bad="$scarce_bad $n:$code:$(cat "$T/scarce.err")" ;;
		esac
		[ "$(wc -l <"$T/scarce.err")" -le 3 ] ||
		    scarce_bad="$scarce_bad $n:$(cat "$T/scarce.err")"
	done
	is "$scarce_bad, $code" ', 0' "$scarce_name"
}

scarce 'acmed-store check' '0 1 102 111' "$BIN/acmed-store" -c "$config" check
scarce 'acmed-store stats' '0 102 111' "$BIN/acmed-store" -c "$config" stats
scarce 'acmed-store purge' '0 102 111' "$BIN/acmed-store" -c "$config" purge
scarce 'acme-sign' '0 102 111' "$BIN/acme-sign" -c "$config" "$T/csr.der"
scarce 'acme-sign sweep' '0 102 111' "$BIN/acme-sign" -c "$config" sweep
scarce 'acme-sign crl' '0 102 111' "$BIN/acme-sign" -c "$config" crl
printf 'GET /directory HTTP/1.1\r\nHost: localhost:1\r\n\r\n' >"$T/request"
input=$T/request
scarce 'acmed-accept' '0 102 111' "$BIN/acmed-accept" -c "$config"
like "$(cat "$T/scarce.out")" '200 OK' '... which answers in the end'
input=''

# A sweep with something to do.
must step_order
ask '200 -' "$authz"
ask '200 -' --payload '{}' "$(get challenges.0.url)"
cp -a "$R/." "$T/waiting"
scarce 'acme-validate sweep' '0 102 111' "$BIN/acme-validate" -c "$config" sweep
ask '200 -' "$order"
is "$(get status)" ready '... which validates in the end'
is "$("$BIN/acmed-store" check -c "$config" 2>&1)" '' 'acmed-store check'

# The signing service is held by more clients than it has descriptors for.
stop sign
start sign sh -c "ulimit -n 20 && exec '$BIN/acme-sign' -c '$config' serve"
must wait_for 20 listens "$T/sign.sock"
# shellcheck disable=SC2016 # perl's
start idle perl -MIO::Socket::UNIX -e '$| = 1;
    push @s, IO::Socket::UNIX->new(Peer => $ARGV[0]) // die for 1 .. 60;
    print "ready\n"; sleep 60' "$T/sign.sock"
must wait_for 20 grep -q ready "$T/idle.out"
step_finalize && step_certificate
is "$?$said" 0 'sixty idle connections to the signer: an order is signed'
stop idle

# The validator has more to do than it has descriptors for.
for _ in $(seq 30); do
	ask '201 -' --payload \
	    '{"identifiers":[{"type":"ip","value":"127.0.0.1"}]}' @newOrder
	ask '200 -' "$(get authorizations.0)"
	ask '200 -' --payload '{}' "$(get challenges.0.url)"
done
sh -c "ulimit -n 24 && exec '$BIN/acme-validate' -c '$config' sweep" \
    2>"$T/sweep.log"
is "$(sql "SELECT status, count(*) FROM orders WHERE status <> 'valid'
    GROUP BY status")" 'ready|30' 'thirty validations with 24 descriptors'
is "$(grep -c challenge.retry "$T/sweep.log")" 0 '... each at the first attempt'

# A pool of workers, with too few for its clients.
skip_unless_has socat
port=$(free_port)
start pool sh -c "ulimit -n 16 && exec '$SRC/scripts/lib/listen' -1 127.0.0.1 \
    $port '$BIN/acmed-accept' -c '$config'"
must wait_for 20 test -s "$T/pool.out"
# shellcheck disable=SC2016 # perl's
start crowd perl -MIO::Socket::INET -e '$| = 1;
    push @s, IO::Socket::INET->new($ARGV[0]) // die for 1 .. 60;
    print "ready\n"; sleep 5' "127.0.0.1:$port"
must wait_for 20 grep -q ready "$T/crowd.out"
stop crowd
via="socat -t 0.1 - TCP:127.0.0.1:$port"
client
whole_order
is "$?$said" 0 'after a crowd: a whole order'
stop pool
is "$("$BIN/acmed-store" check -c "$config" 2>&1)" '' 'acmed-store check'
done_testing
