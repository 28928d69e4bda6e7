#!/bin/sh
# Goal: the signing service answers on a socket that it binds or is given, goes
# on after every bad client, and ends when it is told to.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/sign.sh"

# talk NAME...: sends the messages $T/NAME over one connection, prints replies.
cat >"$T/talk" <<'EOF'
use strict;
use warnings;
use IO::Socket::UNIX;
my ($path, @files) = @ARGV;
my $s = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!\n";
for my $file (@files) {
	open my $f, '<', $file or die;
	my $text = do { local $/; <$f> };
	syswrite $s, pack('N', length $text) . $text;
	my $reply = '';
	while (length $reply < 4 ||
	    length $reply < 4 + unpack 'N', $reply) {
		sysread $s, $reply, 65536, length $reply or die "closed\n";
	}
	print substr($reply, 4), "\n";
}
EOF
talk() {
	for talk_name; do
		shift
		set -- "$@" "$T/$talk_name"
	done
	run perl "$T/talk" "$T/sign.sock" "$@"
}

# message NAME DNS [CSR]: a request for the key in $T/CSR.csr, $T/a.csr.
message() {
	der=$(openssl req -in "$T/${3:-a}.csr" -outform DER | base64 -w0 |
	    tr '+/' '-_' | tr -d =)
	printf '{"csr":"%s","dns":["%s"],"order":"o7"}' "$der" "$2" >"$T/$1"
}

serve() {
	: >"$T/ready"
	# shellcheck disable=SC2016
	start sign sh -c 'exec "$0" "$@" 3>"$T/ready"' \
	    "$BIN/acme-sign" serve -c "$CONF" --ready-fd 3
	wait_for 10 test -s "$T/ready"
}

make_ca 'name = Test CA' 'ca_lifetime = 20d' 'lifetime = 30d'
csr a / DNS:a.example
message good a.example
message bad b.example
printf '{"csr":"' >"$T/broken"
printf '{"csr":"","more":1}' >"$T/unknown"

serve
is "$(stat -c %a "$T/sign.sock")" 660 'the socket is for the group'
talk good good
exits 0 'two requests on one connection'
is "$(printf '%s\n' "$out" | grep -c '^{"chain":\["-----BEGIN')" 2 \
    'get two chains'
printf '%s\n' "$out" | head -n 1 |
    perl -MJSON::PP -e 'print join "", @{decode_json(<STDIN>)->{chain}}' \
    >"$T/a.pem"
ok 'which verify' openssl verify -CAfile "$CA/root.crt" \
    -untrusted "$T/a.pem" "$T/a.pem"
is "$(certificates)" 0 'the store is left to the server'
wait_for 5 grep -q 'sign.issued.*order=o7' "$T/sign.log"
like "$(cat "$T/sign.log")" 'sign.issued.*a.example' 'the log has the order'
talk bad good
like "$out" '^\{"kind":"input","type":"badCSR","text":"RFC 8555 7.4' \
    'a refusal is an answer'
like "$out" '^\{"chain"' 'and the connection goes on'

late=$(($(date +%s) + 25 * 86400))
sed "s/\"order\"/\"not_before\":$late,&/" "$T/good" >"$T/late"
talk late
like "$out" '"kind":"input","type":"malformed".*notBefore' \
    'a beginning after the end of the CA is refused'

# Whoever has the socket may be broken into.
# no_name MESSAGE WHAT
no_name() {
	talk "$1"
	like "$out" '^\{"kind":"input",' "$2: refused"
}
for name in '*' 'a.*.example' 10.0.0.1 a:80 a_b.example a.example.; do
	csr odd / "DNS:$name"
	message odd "$name" odd
	no_name odd "the name $name"
done
message twice 'a.example","a.example'
no_name twice 'a name twice'
message upper 'A.example'
no_name upper 'a name not in lower case'
sed 's/"order"/"subject":"CN=b.example",&/' "$T/good" >"$T/foreign"
no_name foreign 'a common name that was not ordered'
sed 's/CN=b/O=b,CN=A/' "$T/foreign" >"$T/covered"
talk covered
like "$out" '^\{"chain"' 'one that was is taken'

talk broken
exits 255 'a client that sends no JSON loses its connection'
talk unknown
exits 255 'so does one that sends a member nobody knows'
perl -MIO::Socket::UNIX -e '
    my @s = map { IO::Socket::UNIX->new(Peer => $ARGV[0]) } 1 .. 20;
    syswrite $s[$_], pack("C*", map { int rand 256 } 1 .. 1000) for 0 .. 9;
    syswrite $s[$_], "\0\0" for 10 .. 19;
    open my $f, ">", $ARGV[1]; print $f "x"; close $f;
    sleep 100' "$T/sign.sock" "$T/sent" &
crowd=$!
wait_for 10 test -s "$T/sent"
talk good
like "$out" '^\{"chain"' 'among twenty bad clients a good one is served'
kill "$crowd"
run "$BIN/acme-sign" serve -c "$CONF"
exits 1 'a second service on the same socket is refused'
stop sign
is "$status" 0 'it ends on SIGTERM'
serve
talk good
like "$out" '^\{"chain"' 'the next one takes the place of its socket'
stop sign
is "$status" 0 'and ends as well'
rm -f "$T/sign.sock"

# On a listening socket from a super-server.
# shellcheck disable=SC2016
start sign perl -MIO::Socket::UNIX -MPOSIX -e '
    my $s = IO::Socket::UNIX->new(Local => shift, Listen => 5) or die;
    dup2(fileno $s, 0);
    exec @ARGV' "$T/sign.sock" "$BIN/acme-sign" serve -c "$CONF"
wait_for 10 test -S "$T/sign.sock"
talk good
like "$out" '^\{"chain"' 'a listening socket as descriptor 0'
stop sign
is "$status" 0 'SIGTERM'
rm -f "$T/sign.sock"

# For want of descriptors it has nobody to send away, and waits.
fail_calls
# shellcheck disable=SC2016
start sign "$SRC/tests/lib/failing" "$T/fail" sh -c 'exec "$0" "$@" 3>"$T/ready"' \
    "$BIN/acme-sign" serve -c "$CONF" --ready-fd 3
wait_for 10 test -S "$T/sign.sock"
fail_calls accept4=024
perl "$T/talk" "$T/sign.sock" "$T/good" >"$T/late.out" &
late=$!
ok 'accept(2) fails: the log tells' wait_for 10 grep -q sign.accept "$T/sign.log"
sleep 1
ok 'not all the time' [ "$(grep -c sign.accept "$T/sign.log")" -lt 30 ]
fail_calls
ok 'the client who has waited' wait "$late"
like "$(cat "$T/late.out")" '^\{"chain"' 'is answered'
stop sign
rm -f "$T/sign.sock"

# One connection.
start sign socat "UNIX-LISTEN:$T/sign.sock" \
    "EXEC:$BIN/acme-sign serve -c $CONF"
wait_for 10 test -S "$T/sign.sock"
talk good good
is "$(printf '%s\n' "$out" | grep -c '^{"chain"')" 2 \
    'one connection as descriptor 0'
wait_for 10 ended "$(cat "$T/sign.pid")"
stop sign
is "$status" 0 'ends when the client goes'

done_testing
