#!/bin/sh
# Goal: the client's address is what the kernel says, or else what [server]
# peer_from trusts, and nothing that anybody else says.
. "$(dirname "$0")/../lib/tap.sh"
skip_unless_has socat curl haproxy openssl

mkdir "$T/store"
cat >"$T/acmed.conf" <<-END
	[store]
	url = $T/store/acmed.sqlite
	[server]
	base_url = https://localhost
	tls_certificate = $T/tls.crt
	tls_private_key = $T/tls.key
	request_timeout = 2s
	[policy]
	allowed_server_ip_ranges = any
	[local-ca]
	directory = $T/ca
END
must "$BIN/acmed-store" init -c "$T/acmed.conf"
sed '/^tls_/d' "$T/acmed.conf" >"$T/plain.conf"

# accept ADDRESS EXEC PEER_FROM [CONF]: socat listens, in place of the front or
# the super-server, and starts acmed-accept; its log is $T/accept.log.
accept() {
	"$SRC/scripts/lib/conf-set" "server.peer_from=$3" \
	    <"${4:-$T/plain.conf}" >"$T/now.conf"
	[ ! -e "$T/accept.pid" ] || stop accept
	seen=0
	start accept socat "$1" "EXEC:$BIN/acmed-accept -c $T/now.conf$2"
}
on_unix() {
	rm -f "$T/sock"
	accept "UNIX-LISTEN:$T/sock,fork" ,nofork "$@"
	must wait_for 5 test -S "$T/sock"
}
on_tcp() {
	port=$(free_port)
	accept "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" "$@"
	must wait_for 5 listening "$port"
}

# request [CURL-OPTION...]: sets $status and $code.  send: what stands on
# standard input goes to the socket; get [X-REAL-IP] is such a thing.
request() {
	code=$(curl -s -m 10 -o "$T/body" -w '%{http_code}' --noproxy '*' "$@") &&
	    status=0 || status=$?
}
unix() {
	request --unix-socket "$T/sock" "$@" http://localhost/directory
}
get() {
	printf 'GET /directory HTTP/1.1\r\nHost: localhost\r\n'
	[ $# -eq 0 ] || printf 'X-Real-IP: %s\r\n' "$1"
	printf '\r\n'
}
send() {
	socat -t 5 - "UNIX-CONNECT:$T/sock"
}

# peers WANT NAME: who the log says has asked, since the last look.
peers() {
	wait_for 5 said "peer=${1##* }"
	is "$(news | sed -n 's/.*: info: [a-z.]* .*peer=\([^ ]*\).*/\1/p' |
	    paste -sd' ' -)" "$1" "$2"
	look
}
news() {
	tail -n "+$((seen + 1))" "$T/accept.log"
}
said() {
	news | grep -q "$1"
}
look() {
	seen=$(wc -l <"$T/accept.log")
}

# ---- nobody is trusted ------------------------------------------------------

on_unix socket
unix -H 'X-Real-IP: 192.0.2.1'
is "$code" 200 'socket: a request'
peers unknown '... whose X-Real-IP is not believed'
printf 'PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n' | send >"$T/reply"
like "$(head -n 1 "$T/reply")" '^HTTP/1.1 400' '... nor a PROXY header'
peers unknown '... it is no request'

# ---- X-Real-IP --------------------------------------------------------------

on_unix x-real-ip
unix -H 'X-Real-IP: 192.0.2.1'
is "$code" 200 'x-real-ip: a request'
peers 192.0.2.1 '... of whom the front says'
unix -H 'X-Real-IP: ::ffff:192.0.2.7'
peers 192.0.2.7 'a mapped address is the IPv4 address'
unix -H 'X-Real-IP: 2001:DB8:0::1'
peers 2001:db8::1 'an IPv6 address has one spelling'
for wrong in '' 'X-Real-IP:' 'X-Real-IP: localhost' 'X-Real-IP: 192.0.2.1, 192.0.2.2' \
    'X-Real-IP: 192.0.2.1:80' 'X-Forwarded-For: 192.0.2.1'; do
	unix -H "$wrong"
	is "$code" 500 "${wrong:-no field at all}: refused"
	peers unknown '... the peer is not known'
done
unix -H 'X-Real-IP: 192.0.2.1' -H 'X-Real-IP: 192.0.2.2'
is "$code" 500 'two fields: refused'
peers unknown '... neither is believed'
{
	get 192.0.2.1
	get 192.0.2.2
	get 192.0.2.3
	get
	get 192.0.2.5
	printf 'rubbish\r\n\r\n'
} | send >"$T/reply"
is "$(grep -ac '^HTTP/1.1 200' "$T/reply")" 4 'one connection of the front'
peers '192.0.2.1 192.0.2.2 192.0.2.3 unknown 192.0.2.5 unknown' \
    '... has requests of many, and nothing stays from one to the next'

on_tcp ,nofork x-real-ip
request -H 'X-Real-IP: 192.0.2.1' "http://127.0.0.1:$port/directory"
is "$code" 200 'x-real-ip: without a front, by TCP'
peers 127.0.0.1 '... the kernel is believed, not the field'
get 192.0.2.1 |
    "$BIN/acmed-accept" -c "$T/now.conf" 2>&1 | cat >"$T/reply"
like "$(cat "$T/reply")" 'peer=unknown' 'x-real-ip: nor on a pipe'

# ---- an environment variable -------------------------------------------------

on_tcp '' env:SOCAT_PEERADDR
request --interface 127.0.0.9 "http://127.0.0.1:$port/directory"
peers 127.0.0.9 'env: what the super-server says'
on_tcp '' env:NOBODY_SETS_THIS
request "http://127.0.0.1:$port/directory"
peers unknown 'env: a variable that is not there'
TCPREMOTEIP=192.0.2.1
export TCPREMOTEIP
on_tcp ,nofork env:TCPREMOTEIP
request "http://127.0.0.1:$port/directory"
peers 127.0.0.1 'env: not when the kernel knows'
get | "$BIN/acmed-accept" -c "$T/now.conf" 2>&1 |
    cat >"$T/reply"
like "$(cat "$T/reply")" 'peer=192.0.2.1' 'env: on a pipe'
# Workers have one environment for the connections of all.
rm -f "$T/sock"
stop accept
# shellcheck disable=SC2016 # perl
start accept perl -MIO::Socket::UNIX -MPOSIX -e '
	my $s = IO::Socket::UNIX->new(Local => shift, Listen => 5) or die;
	dup2(fileno $s, 0);
	exec @ARGV' "$T/sock" "$BIN/acmed-accept" -c "$T/now.conf"
must wait_for 10 test -S "$T/sock"
seen=0
unix
is "$code" 200 'env: workers on a unix socket answer'
peers unknown 'env: ... and do not take it for the client'

# ---- PROXY -------------------------------------------------------------------

on_unix proxy
{
	printf 'PROXY TCP4 192.0.2.1 127.0.0.1 1 2\r\n'
	get 192.0.2.2
} | send >"$T/reply"
peers 192.0.2.1 'proxy: whom the header names'
{
	printf 'PROXY UNKNOWN\r\n'
	get
} | send >"$T/reply"
peers unknown 'proxy: a front that does not know either'
get | send >"$T/reply"
is "$(cat "$T/reply")" '' 'proxy: no header, no answer'
like "$(news)" 'connection.broken peer=unknown .*PROXY' \
    '... and a line in the log'
look
{
	printf 'PROXY TCP4 192.0.2.1'
	sleep 4
} | send >"$T/reply"
like "$(news)" 'connection.broken' \
    'proxy: a header that never ends meets the deadline'

# haproxy hands the bytes of TLS on.
for version in send-proxy send-proxy-v2; do
	on_unix proxy "$T/acmed.conf"
	port=$(free_port)
	cat >"$T/haproxy.conf" <<-END
	defaults
	    mode tcp
	    timeout connect 5s
	    timeout client 30s
	    timeout server 30s
	listen acme
	    bind 127.0.0.1:$port
	    server acmed unix@$T/sock $version
	END
	start haproxy haproxy -db -f "$T/haproxy.conf"
	must wait_for 10 listening "$port"
	must wait_for 5 said connection.broken
	look
	request --interface 127.0.0.8 --cacert "$T/ca/root.crt" \
	    --resolve "localhost:$port:127.0.0.1" \
	    "https://localhost:$port/directory"
	is "$code" 200 "haproxy, $version, TLS behind it"
	peers 127.0.0.8 '... and the client that it names'
	stop haproxy
done

done_testing
