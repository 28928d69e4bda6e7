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

# ---- deploying, with the rights of the unit ----------------------------------

# all_of NAME: what the unit and what it reads besides say, a word each.
all_of() {
	cat $units/acmed-.service.d/*.conf $units/acmed-renew.service \
	    $units/acmed-renew.service.d/*.conf |
	    sed -n "s/^$1=//p" | tr ' ' '\n'
}
# confined COMMAND...: all is read-only but ReadWritePaths=, no capabilities but
# those of the unit, its umask, and no new privileges.
cat >"$T/confined" <<'END'
#!/bin/sh
set -e
awk '$5 !~ "^/(proc|sys|dev)(/|$)" { print $5 }' /proc/self/mountinfo >"$1.mounts"
for path in $(cat "$1.write"); do
	[ -e "${path#-}" ] || [ "$path" != "${path#-}" ] || exit 226
	[ ! -e "${path#-}" ] || mount --bind "${path#-}" "${path#-}"
done
while read -r mount; do
	mount -o remount,bind,ro "$mount"
done <"$1.mounts"
caps=-all$(sed 's/^CAP_/,+/' "$1.caps" | tr -d '\n' | tr A-Z a-z)
umask "$(cat "$1.umask")"
shift
exec setpriv --bounding-set "$caps" --no-new-privs "$@"
END
chmod 755 "$T/confined"
confined() {
	all_of ReadWritePaths >"$T/unit.write"
	all_of CapabilityBoundingSet >"$T/unit.caps"
	all_of UMask >"$T/unit.umask"
	run unshare --mount "$T/confined" "$T/unit" "$@"
}
must openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/w.key" -out "$T/w.crt" \
    -subj /CN=w.example -addext subjectAltName=DNS:w.example -days 30
must "$BIN/cert-import" -c /etc/acmed/acmed.conf --key "$T/w.key" "$T/w.crt"
# A program that does what the unit lets it do.
cat >/usr/local/bin/reload <<END
#!/bin/sh
grep ^NoNewPrivs: /proc/self/status >/var/lib/acmed/hook.ran
if (echo >/etc/hook.wrote) 2>/dev/null; then exit 1; fi
END
chmod 755 /usr/local/bin/reload
cat >/etc/acmed/targets.conf <<END
[files]
kind = tree
layout = nginx
directory = /etc/nginx/certificates
group = daemon
mode = 640
[reload]
kind = hook
program = /usr/local/bin/reload
END
# shellcheck disable=SC2046 # a list of words
confined $(key acmed-renew.service ExecStart)
is "$status" 111 'a tree, where only the store may be written'
like "$err" 'target files, 1 certificate: .*cannot make the directory' \
    '... fails, and says so'
sed -i 's/^#\([A-Z]\)/\1/' $units/acmed-renew.service.d/deploy.conf
run systemd-analyze verify --man=no $units/acmed-renew.service
is "$status $out$err" '0 ' 'the drop-in, with all of its lines, is verified'
must sqlite3 /var/lib/acmed/acmed.sqlite 'UPDATE deployments SET retry_at = 0'
# shellcheck disable=SC2046 # a list of words
confined $(key acmed-renew.service ExecStart)
is "$status" 111 '... a directory of it that is not there stops no unit'
must install -d -m 755 /etc/nginx/certificates
must sqlite3 /var/lib/acmed/acmed.sqlite 'UPDATE deployments SET retry_at = 0'
# shellcheck disable=SC2046 # a list of words
confined $(key acmed-renew.service ExecStart)
is "$status" 0 '... and with it the tree is written'
like "$err" '^  recovered target files$' '... which is told'
is "$(stat -L -c '%a %U:%G' /etc/nginx/certificates/w.example.pem)" '640 root:daemon' \
    '... with its owner and mode'
like "$(cat /var/lib/acmed/hook.ran)" 1 '... and the program has run, as far as it may'
rm /etc/acmed/targets.conf

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
