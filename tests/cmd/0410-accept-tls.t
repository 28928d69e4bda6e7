#!/bin/sh
# Goal: TLS in the process of acmed-accept: versions, ALPN, key and certificate,
# clients that are slow or speak something else.
. "$(dirname "$0")/../lib/tap.sh"
skip_unless_has openssl curl tcpserver

port=$(free_port)
mkdir "$T/store"
cat >"$T/acmed.conf" <<-EOT
	[store]
	url = $T/store/acmed.sqlite
	[server]
	base_url = https://localhost:$port
	tls_certificate = $T/tls.crt
	tls_private_key = $T/tls.key
	request_timeout = 1s
	[policy]
	allowed_server_ip_ranges = any
	[local-ca]
	directory = $T/ca
EOT
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
    -nodes -keyout "$T/tls.key" -out "$T/tls.crt" -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost
must "$BIN/acmed-store" init -c "$T/acmed.conf"
start server tcpserver -H -R -l 0 -b 100 127.0.0.1 "$port" \
    "$BIN/acmed-accept" -c "$T/acmed.conf"
must wait_for 10 listening "$port"

get() {
	curl -s --cacert "$T/tls.crt" "$@" "https://localhost:$port/directory"
}
like "$(get)" '^\{"newNonce":"https://localhost' 'directory'
like "$(get --tlsv1.2 --tls-max 1.2)" '^\{"newNonce"' 'by TLS 1.2'
like "$(get --tlsv1.3)" '^\{"newNonce"' 'by TLS 1.3'
like "$(get -v 2>&1)" 'ALPN: server accepted http/1.1' 'ALPN http/1.1'
like "$(get --no-alpn)" '^\{"newNonce"' 'without ALPN'
is "$(curl -s --cacert "$T/tls.crt" -o "$T/1" -o "$T/2" -w '%{num_connects} ' \
    "https://localhost:$port/directory" "https://localhost:$port/directory")" \
    '1 0 ' 'two requests on one connection'
like "$(cat "$T/server.log")" 'peer=127.0.0.1' 'the log names the peer'

# client OPTION...: a handshake, then the end; what s_client says.
client() {
	openssl s_client -connect "127.0.0.1:$port" "$@" </dev/null 2>&1
}
unlike "$(client -tls1_1 -cipher 'ALL:@SECLEVEL=0')" \
    'Cipher is [A-Z]*-' 'no TLS 1.1'
unlike "$(client -tls1_2 -cipher AES128-SHA:ECDHE-ECDSA-AES128-SHA)" \
    'Cipher is [A-Z]*-' 'no cipher of TLS 1.2 without AEAD'
like "$(client -alpn h2)" 'alert no application protocol' 'no HTTP/2'
like "$(client -alpn acme-tls/1)" 'alert no application protocol' \
    'no acme-tls/1 of its own'
like "$(client -alpn h2,http/1.1)" 'ALPN protocol: http/1.1' \
    'HTTP/1.1 for a client that has both'

# ---- strangers; each ends by itself and is in the log, not a failure

log_has() {
	grep -q "$1" "$T/server.log"
}
perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new($ARGV[0]) or die;
	print $s "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
	shutdown $s, 1; my $n = read $s, my $b, 100000;
	exit !($n < 100)' "127.0.0.1:$port"
is $? 0 'plain HTTP gets no answer that would look like one'
ok 'and is in the log' wait_for 5 log_has 'connection.broken.*http request'
perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new($ARGV[0]) or die;
	print $s "\x16\x03\x01"; alarm 8;
	my $n = read $s, my $b, 100; exit $n' "127.0.0.1:$port"
is $? 0 'half a handshake is given up after request_timeout'
ok 'and is in the log, too' wait_for 5 log_has 'connection.broken.*timed out'
# Bytes that come one by one prolong nothing: request_timeout is absolute.
perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new($ARGV[0]) or die;
	$SIG{PIPE} = "IGNORE"; $s->autoflush(1);
	print $s "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
	for (1 .. 300) {
		exit 0 unless print $s "a";
		select undef, undef, undef, 0.1;
	}
	exit 1' "127.0.0.1:$port"
is $? 0 'a handshake that goes on byte by byte is given up as well'
{
	printf 'GET /directory HTTP/1.1\r\nHost: x\r\nX: '
	i=0
	while [ $i -lt 300 ] && [ ! -e "$T/over" ]; do
		i=$((i + 1))
		printf a
		sleep 0.1
	done
	echo $i >"$T/sent"
} | {
	openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$port" 2>&1
	: >"$T/over"
} >"$T/slow"
like "$(cat "$T/slow")" '^HTTP/1.1 408 ' 'so is a head within TLS, which is told'
ok 'and long before it ends' test "$(cat "$T/sent")" -lt 300

# ---- configuration

run openssl genpkey -algorithm ed25519 -out "$T/other.key"
sed "s|^tls_private_key.*|tls_private_key = $T/other.key|" "$T/acmed.conf" \
    >"$T/bad.conf"
run "$BIN/acmed-accept" -c "$T/bad.conf" </dev/null
exits 102 'a key that is not the certificate'"'"'s'
like "$err" "$T/other.key" 'is named'

done_testing
