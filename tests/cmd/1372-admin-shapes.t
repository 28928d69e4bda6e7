#!/bin/sh
# Goal: acmed-admin under each super-server, with the ready-made files: on its
# unix socket, where users are known and others cannot come in, and on loopback,
# where a token is needed; and its work service, which is there for it.
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
must cp "$BIN/nginx-expire" /usr/local/bin
sock=/run/acmed-admin/admin.sock work=/run/acmed-admin/work.sock
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

# a_worker NAME: the work service starts what acmed-admin asks for.
a_worker() {
	is "$(got http://localhost$prefix/api/nginx/status.json -d '' \
	    --unix-socket $sock)" '409 production' "$1: the work service replies"
	like "$(cat "$T/body")" 'nginx-expire: .*servers_pool' \
	    '... what it has started says, which is that there is no pool'
	like "$(printf 'nginx status\n' | setpriv --reuid nobody --regid nogroup \
	    --clear-groups socat -t 10 - UNIX-CONNECT:$work 2>&1)" \
	    'Permission denied' '... others cannot even connect'
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
	rm -f $sock $work
}

# ---- inetd -------------------------------------------------------------------

{
	sed -n 's/^#\(\/run\/acmed-admin\/admin\)/\1/p' $share/inetd/inetd.conf
	sed -n 's/^#\/run\/acmed-admin\/admin.sock stream unix wait/127.0.0.1:7202 stream tcp nowait/p' \
	    $share/inetd/inetd.conf
	sed -n 's/^#\(\/run\/acmed-admin\/work\)/\1/p' $share/inetd/inetd.conf
} >/etc/inetd.conf
is "$(wc -l </etc/inetd.conf | tr -d ' ')" 3 \
    'inetd: a line, one for loopback, and that of the work service'
umask 007
start inetd inetd -i /etc/inetd.conf
umask 022
must wait_for 20 test -S $sock
must wait_for 20 test -S $work
chgrp acmed $sock $work
chmod 660 $sock $work
a_socket inetd inetd.example
a_worker inetd
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
cp -R $share/s6/admin $share/s6/work /run/service
start svscan s6-svscan /run/service
supervised admin work
must s6-svwait -U -t 20000 /run/service/work
a_socket s6 s6.example 'acmed-admin root'
a_worker s6
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
run systemd-analyze verify --man=no $units/acmed-work.socket \
    $units/acmed-work@.service
is "$status $out$err" '0 ' 'systemd-analyze verify finds nothing in the other'
work_key() {
	sed -n "s/^$2=//p" "$units/acmed-work$1"
}
is "$(work_key .socket ListenStream) $(work_key .socket Accept)" "$work yes" \
    '... a connection each, at the same socket'
# shellcheck disable=SC2046 # a list of words
start activate-work systemd-socket-activate -l $work --accept --inetd \
    $(work_key @.service ExecStart)
must wait_for 20 test -S $work
chown "$(work_key .socket SocketUser):$(work_key .socket SocketGroup)" $work
chmod "$(work_key .socket SocketMode)" $work
a_worker systemd
stop activate-work
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
