#!/bin/sh
# Goal: acmed-admin under each super-server, with the ready-made files: on its
# unix socket, where users are known and others cannot come in, and on loopback,
# where a token is needed.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/shape.sh"
PATH=$PATH:/usr/sbin
need inetd tcpserver s6-svscan s6-svwait systemd-socket-activate \
    systemd-analyze curl socat perl
world admin.user=acmed-admin admin.linger=2s
is "$(stat -c '%a %U' /etc/acmed/certificates.key /etc/acmed/accounts.key |
    paste -sd' ' -)" '600 acmed-admin 600 root' \
    'setup gives acmed-admin what seals keys of certificates, and no other'

must openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/w.key" -out "$T/w.crt" \
    -subj /CN=w.example -addext subjectAltName=DNS:w.example -days 30
must "$BIN/cert-import" -c $config --key "$T/w.key" "$T/w.crt"
is "$(sqlite3 $store 'SELECT min(sealed) FROM private_keys')" 1 'keys are sealed'
acmed-admin token add --scopes read+keys --no-header >"$T/token" ||
    must false 'token add'
printf 'Authorization: Bearer %s\n' "$(cut -f2 "$T/token")" >"$T/header"
chmod 600 "$T/header"
sock=/run/acmed-admin/admin.sock
prefix=/.well-known/admin

# got URL [CURL-OPTION...]: status and identification; the answer is in $T/body.
got() {
	got_url=$1
	shift
	curl -s -m 20 --noproxy '*' -o "$T/body" \
	    -w '%{http_code} %header{x-peter-sslers}' "$@" "$got_url"
}

# a_socket NAME: a unix socket, as it should be.
a_socket() {
	must wait_for 20 test -S $sock
	wait_for 20 is_up --unix-socket $sock
	is "$(got http://localhost$prefix/whoami.json --unix-socket $sock)" \
	    '200 production' "$1, unix: root is answered"
	like "$(cat "$T/body")" '"caller":"user/0"' '... as who it is'
	is "$(got http://localhost$prefix/domain/w.example/config.json \
	    --unix-socket $sock)" '200 production' '... and has config.json'
	like "$(cat "$T/body")" 'PRIVATE KEY' '... with the key'
	is "$(got http://localhost$prefix/queue-domains/add.json -d \
	    domain_names="$2" --unix-socket $sock)" '200 production' \
	    '... and may write'
	is "$(as_user acmed curl -s -m 20 -o /dev/null -w '%{http_code}' \
	    --unix-socket $sock http://localhost$prefix/whoami)" 401 \
	    '... the group may connect, and is nobody'
	not_ok '... others cannot even connect' setpriv --reuid nobody \
	    --regid nogroup --clear-groups socat -u /dev/null "UNIX-CONNECT:$sock"
	is "$(users acmed-admin)" "${3-acmed-admin}" '... its user'
}

# a_port NAME PORT: of loopback.
a_port() {
	wait_for 20 is_up --interface 127.0.0.1 "http://127.0.0.1:$2"
	is "$(got "http://127.0.0.1:$2$prefix/whoami")" '401 production' \
	    "$1, loopback: a token is needed"
	is "$(got "http://127.0.0.1:$2$prefix/domain/w.example/config.json" \
	    -H "@$T/header")" '200 production' '... and with it config.json is there'
	like "$(cat "$T/body")" 'PRIVATE KEY' '... with the key'
}

# is_up CURL-OPTION...: it answers; for wait_for.
is_up() {
	case $* in
	*http:*) curl -s -m 5 --noproxy '*' -o /dev/null "$@" ;;
	*) curl -s -m 5 -o /dev/null "$@" http://localhost/ ;;
	esac
}

over() {
	wait_for 30 gone
	is "$?" 0 "$1: nothing remains"
	rm -f $sock
}

# ---- inetd -------------------------------------------------------------------

{
	sed -n 's/^#\(\/run\/acmed-admin\/admin\)/\1/p' $share/inetd/inetd.conf
	sed -n 's/^#\/run\/acmed-admin\/admin.sock stream unix wait/127.0.0.1:7202 stream tcp nowait/p' \
	    $share/inetd/inetd.conf
} >/etc/inetd.conf
is "$(wc -l </etc/inetd.conf | tr -d ' ')" 2 'inetd: a line, and one for loopback'
umask 007
start inetd inetd -i /etc/inetd.conf
umask 022
must wait_for 20 test -S $sock
chgrp acmed $sock
chmod 660 $sock
a_socket inetd inetd.example
a_port inetd 7202
stop inetd
over inetd

# ---- tcpserver ---------------------------------------------------------------

start tcpserver $share/tcpserver/admin/run
a_port tcpserver 7201
is "$(users tcpserver)" acmed-admin 'tcpserver: it is not root any more'
stop tcpserver
over tcpserver

# ---- s6 ----------------------------------------------------------------------

"$SRC/scripts/lib/conf-set" admin.linger=0s <$config >"$T/new.conf"
cat "$T/new.conf" >$config
mkdir /run/service
cp -R $share/s6/admin /run/service/admin
start svscan s6-svscan /run/service
a_socket s6 s6.example
stop svscan
over s6
"$SRC/scripts/lib/conf-set" admin.linger=2s <$config >"$T/new.conf"
cat "$T/new.conf" >$config

# ---- systemd -----------------------------------------------------------------

units=$share/systemd
run systemd-analyze verify --man=no $units/acmed-admin.socket \
    $units/acmed-admin.service
is "$status $out$err" '0 ' 'systemd-analyze verify finds nothing'
key() {
	sed -n "s/^$2=//p" "$units/acmed-admin.$1"
}
is "$(key socket ListenStream)" $sock 'systemd: the same socket'
# shellcheck disable=SC2046 # a list of words
activate() {
	start activate systemd-socket-activate -l "$1" --inetd \
	    setpriv --reuid "$(key service User)" --regid "$(key service Group)" \
	    --clear-groups $(key service ExecStart)
}
activate $sock
must wait_for 20 test -S $sock
chgrp "$(key socket SocketGroup)" $sock
chmod "$(key socket SocketMode)" $sock
a_socket systemd systemd.example
stop activate
over systemd
activate 127.0.0.1:7203
a_port systemd 7203
stop activate
over 'systemd, loopback'

is "$(sqlite3 $store "SELECT group_concat(name) FROM
    (SELECT name FROM domain_queue ORDER BY name)")" \
    inetd.example,s6.example,systemd.example 'all that was written is there'
ok 'the store is sound' acmed-store check

done_testing
