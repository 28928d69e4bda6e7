#!/bin/sh
# Goal: whole orders under the ready-made units of systemd, as far as it can be
# without systemd as the first process: sockets by systemd-socket-activate, or
# handed over as LISTEN_FDS; ExecStart, User and Group from the units.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/shape.sh"
need systemd-socket-activate systemd-analyze perl curl socat
world signer.linger=2s server.linger=2s

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

# path NAME KEY: a unix socket with the group and mode that the unit says.
share_socket() {
	must wait_for 10 test -S "$2"
	chgrp "$(key "$1.socket" SocketGroup)" "$2"
	chmod "$(key "$1.socket" SocketMode)" "$2"
}

# activate NAME [OPTION...]: what systemd does with a stream socket, again and
# again.
activate() {
	activate_name=$1
	shift
	activate_at=$(key "${activate_name%@}.socket" ListenStream)
	# shellcheck disable=SC2046 # a list of words
	start "${activate_name%@}" sh -c 'trap "kill \$!; exit" TERM
	while :; do "$@" & wait $!; done' sh systemd-socket-activate \
	    -l "$activate_at" "$@" $(unit "$activate_name")
}

activate acmed-sign
share_socket acmed-sign /run/acmed/sign.sock
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
# shellcheck disable=SC2046
start validate perl "$T/datagram" \
    "$(key acmed-validate.socket ListenDatagram)" $(unit acmed-validate)
share_socket acmed-validate /run/acmed/validate.sock
activate acmed-accept --inetd
orders
apart
is "$(users acmed-accept)" acmed 'workers have their user'
is "$(users acme-sign)" acmed-sign 'the signer has its user'
stop acmed-accept
wait_for 30 gone
is "$?" 0 'all end when they are not needed'

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
