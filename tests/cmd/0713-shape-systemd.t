#!/bin/sh
# Goal: whole orders under the ready-made units of systemd, as far as it can be
# without systemd as the first process: sockets by systemd-socket-activate, or
# handed over as LISTEN_FDS; ExecStart, User and Group from the units.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/shape.sh"
need systemd-socket-activate systemd-analyze perl curl socat
world signer.linger=2s server.linger=2s challenge.linger=2s

units=$share/systemd
run systemd-analyze verify --man=no $units/*.socket $units/*.timer \
    $units/*@.service
is "$status $out$err" '0 ' 'systemd-analyze verify finds nothing'

# key UNIT NAME: what a unit says.
key() {
	sed -n "s/^$2=//p" "$units/$1"
}

# unit NAME: command line of a service, under its user.
unit() {
	set -- "$1.service"
	echo "setpriv --reuid $(key "$1" User) --regid $(key "$1" Group)" \
	    "--clear-groups $(key "$1" ExecStart)"
}

# socket_is MODE PATH: for wait_for.
socket_is() {
	[ "0$(stat -c %a "$2")" = "$1" ]
}

# shared NAME PATH: the socket is as its unit says.
shared() {
	wait_for 10 socket_is "$(key "$1.socket" SocketMode)" "$2"
	is "$(stat -c '%G 0%a' "$2")" \
	    "$(key "$1.socket" SocketGroup) $(key "$1.socket" SocketMode)" \
	    "$2 has its group and mode"
}

# activate NAME [OPTION...]: what systemd does with a stream socket, again and
# again.
activate() {
	activate_unit=$1
	shift
	# shellcheck disable=SC2046 # a list of words
	start "${activate_unit%@}" "$T/activate" \
	    "$(key "${activate_unit%@}.socket" ListenStream)" \
	    "$(key "${activate_unit%@}.socket" SocketMode)" \
	    "$@" $(unit "$activate_unit")
}
cat >"$T/activate" <<'END'
#!/bin/sh
# activate ADDRESS MODE COMMAND...; a unix socket gets its mode.
trap 'kill $!; exit' TERM
at=$1 mode=$2
shift 2
while :; do
	[ -z "$mode" ] || rm -f "$at"
	systemd-socket-activate -l "$at" "$@" &
	until [ -z "$mode" ] || [ -S "$at" ]; do
		sleep 0.05
	done
	[ -z "$mode" ] || chmod "$mode" "$at"
	wait $!
done
END
chmod 755 "$T/activate"

# The line for renewals, as its unit has it: root, who becomes nobody else here.
run systemd-analyze verify --man=no $units/acmed-renew.service
is "$status $out$err" '0 ' 'the unit of renewals is verified, too'
# shellcheck disable=SC2046 # a list of words
run $(key acmed-renew.service ExecStart)
is "$status $out$err" '0 ' '... and what it runs is silent'
ok '... and has run' [ "$(sqlite3 /var/lib/acmed/acmed.sqlite \
    'SELECT succeeded_at > 0 FROM runs')" = 1 ]

activate acmed-sign
shared acmed-sign /run/acmed/sign.sock
cat >"$T/datagram" <<'END'
# datagram PATH COMMAND...: what systemd does with ListenDatagram.
use strict;
use Socket;
my $path = shift;
$^F = 3;
socket my $s, AF_UNIX, SOCK_DGRAM, 0 or die "socket: $!\n";
die "not descriptor 3\n" if fileno $s != 3;
bind $s, pack_sockaddr_un($path) or die "bind: $!\n";
my $child;
$SIG{TERM} = sub { kill 'TERM', $child if $child; exit };
while (1) {
	my $bits = '';
	vec($bits, 3, 1) = 1;
	select($bits, undef, undef, undef) > 0 or next;
	$child = fork // die;
	if (!$child) {
		@ENV{qw(LISTEN_FDS LISTEN_PID)} = (1, $$);
		exec @ARGV or die "exec: $!\n";
	}
	waitpid $child, 0;
	$child = 0;
}
END
umask 0117
# shellcheck disable=SC2046 # a list of words
start validate perl "$T/datagram" \
    "$(key acmed-validate.socket ListenDatagram)" $(unit acmed-validate)
umask 022
shared acmed-validate /run/acmed/validate.sock
activate acmed-accept --inetd
orders
apart
activate acmed-challenge --inetd
challenges
stop acmed-challenge
is "$(users acmed-accept)" acmed 'workers have their user'
is "$(users acme-sign)" acmed-sign 'the signer has its user'
stop acmed-accept
wait_for 30 gone
is "$?" 0 'all end when they are not needed'
shared acmed-sign /run/acmed/sign.sock

activate acmed-accept-each@ -a --inetd
must wait_for 10 answers
issue d.example.test
ok 'a process for each connection: an order' \
    cert_is "$T/chain.pem" d.example.test
stop acmed-accept-each
stop acmed-sign
stop validate
wait_for 30 gone
is "$?" 0 'nothing remains'

done_testing
