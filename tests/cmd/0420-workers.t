#!/bin/sh
# Goal: acmed-accept on a listening socket: workers that live on, are as many as
# are needed, are replaced when they die, and end when they are told to.
. "$(dirname "$0")/../lib/tap.sh"
skip_unless_has openssl curl pgrep perl

mkdir "$T/store"
cat >"$T/acmed.conf" <<-EOT
	[store]
	url = $T/store/acmed.sqlite
	[server]
	base_url = https://localhost
	workers = 3
	idle_timeout = 60s
	linger = 0s
	[policy]
	allowed_server_ip_ranges = any
	[local-ca]
	directory = $T/ca
EOT
must "$BIN/acmed-store" init -c "$T/acmed.conf"

# serve [section.key=value...]: starts it anew, with other settings.
serve() {
	"$SRC/scripts/lib/conf-set" "$@" <"$T/acmed.conf" >"$T/now.conf"
	fail_calls
	start server "$SRC/tests/lib/failing" "$T/fail" \
	    "$SRC/scripts/lib/listen" -1 127.0.0.1 0 \
	    "$BIN/acmed-accept" -c "$T/now.conf"
	must wait_for 10 grep -q . "$T/server.out"
	port=$(cat "$T/server.out")
}

get() {
	curl -s -m 30 "http://127.0.0.1:$port/directory"
}

master() {
	pgrep -P "$(cat "$T/server.pid")"
}

workers() {
	pgrep -P "$(master)"
}

# workers_are N: for wait_for.
workers_are() {
	[ "$(workers | wc -l)" -eq "$1" ]
}

# served_by: the process that has answered last.
served_by() {
	sed -n 's/^acmed-accept\[\([0-9]*\)\]: info: request .*/\1/p' \
	    "$T/server.log" | tail -n 1
}

said() {
	grep -q "$1" "$T/server.log"
}

# hold NAME: a connection with one answered request, which then says nothing.
hold() {
	# shellcheck disable=SC2016 # perl
	start "$1" perl -MIO::Socket::INET -e '
		$| = 1;
		my $s = IO::Socket::INET->new($ARGV[0]) or die;
		print $s "GET /directory HTTP/1.1\r\nHost: x\r\n\r\n";
		while (<$s>) { print if /^HTTP/ }
		print "closed\n"' "127.0.0.1:$port"
	must wait_for 20 grep -q '^HTTP' "$T/$1.out"
}

# ---- they live on

serve
is "$(pgrep -P "$(cat "$T/server.pid")")" '' 'nothing runs before a client comes'
like "$(get)" newNonce 'a request is answered'
# logged N: a request is logged after its answer.
logged() {
	[ "$(grep -c ' request ' "$T/server.log")" -ge "$1" ]
}
for i in 1 2 3 4 5; do
	must wait_for 20 logged "$i"
	get >"$T/none"
done
must wait_for 20 logged 6
is "$(sed -n 's/^acmed-accept\[\([0-9]*\)\].* request .*/\1/p' "$T/server.log" |
    sort -u | wc -l)" 1 'one client after the other needs one worker'
is "$(sed -n 's/.* id=\([^ -]*\)-[0-9]*$/\1/p' "$T/server.log" | sort -u |
    wc -l)" 6 'each connection has an id of its own'
ok 'the log names the peer' said 'peer=127.0.0.1'

# ---- as many as are needed, and no more

hold a
must wait_for 10 workers_are 2
pass 'another is kept ready'
hold b
must wait_for 10 workers_are 3
pass 'one more for each connection that is held'
hold c
is "$(workers | wc -l)" 3 'up to the number that is configured'
like "$(get)" newNonce 'one that idles gives way when all are taken'
ok 'its connection is closed' wait_for 10 \
    sh -c "cat '$T/a.out' '$T/b.out' '$T/c.out' | grep -q closed"
is "$(cat "$T"/[abc].out | grep -c closed)" 1 'and no other'

# ---- slow ones

stop server
# As many as there are workers, and twice as many behind them, that send a byte
# now and then, and come back.
serve server.request_timeout=120s
get >"$T/none"
# shellcheck disable=SC2016 # perl
start slowly perl -MIO::Socket::INET -e '
	$| = 1;
	$SIG{PIPE} = "IGNORE";
	my ($to, @all) = $ARGV[0];
	for (my $i = 0; ; $i++) {
		for my $s (@all[0 .. 8]) {
			$s = undef if $s && !defined syswrite $s, "x";
			$s ||= IO::Socket::INET->new($to) or die;
			syswrite $s, "GET /" if $i == 0;
		}
		print "begun\n" if $i == 0;
		select undef, undef, undef, 0.1;
	}' "127.0.0.1:$port"
must wait_for 20 grep -q begun "$T/slowly.out"
like "$(get)" newNonce 'slow requests give way when all workers are taken'
ok '... and are told so' said 'status=408'
stop slowly
# So many that ask again and again, on connections that they keep.
# shellcheck disable=SC2016 # perl
start busy perl -MIO::Socket::INET -e '
	$| = 1;
	$SIG{PIPE} = "IGNORE";
	my @all;
	for (1 .. 9) {
		my $pid = fork;
		last unless $pid;
		push @all, $pid;
	}
	if (@all == 9) {
		$SIG{TERM} = sub { kill TERM => @all; exit };
		sleep 600;
	}
	for (my $i = 0; ; ) {
		my $s = IO::Socket::INET->new($ARGV[0]) or die;
		my $request = "GET /directory HTTP/1.1\r\nHost: x\r\n\r\n";
		while (syswrite($s, $request) && sysread($s, my $text, 65536)) {
			print "begun\n" if $i++ == 0;
			select undef, undef, undef, 0.1;
		}
	}' "127.0.0.1:$port"
must wait_for 20 grep -q begun "$T/busy.out"
like "$(get)" newNonce 'who asks again and again gives way, too'
stop busy
stop server

# ---- death

serve
hold a
hold b
hold c

kill -KILL "$(served_by)"
ok 'a worker that dies is in the log' wait_for 10 said 'worker.died.* signal=9'
must wait_for 10 workers_are 3
pass 'and is replaced'
like "$(get)" newNonce 'and the service goes on'
server=$(master)
workers >"$T/workers"
kill -KILL "$server"
kill -KILL "$(cat "$T/a.pid")" "$(cat "$T/b.pid")" "$(cat "$T/c.pid")" \
    2>"$T/none"
while read -r pid; do
	must wait_for 10 ended "$pid"
done <"$T/workers"
pass 'workers do not outlive their master'
stop server

# ---- SIGTERM: the request in hand is finished

serve
get >"$T/none"
# shellcheck disable=SC2016 # perl
start slow perl -MIO::Socket::INET -e '
	$| = 1;
	my $s = IO::Socket::INET->new($ARGV[0]) or die;
	print $s "GET /directory HTTP/1.1\r\nHost: x\r\n\r\n";
	my ($line, $end);
	print $line while defined($line = <$s>) && $line !~ /^\{/;
	print $s "GET /directory HTTP/1.1\r\n";
	print "begun\n";
	sleep 0.1 until -e $ARGV[1];
	print $s "Host: x\r\n\r\n";
	print while <$s>;
	print "closed\n"' "127.0.0.1:$port" "$T/go"
must wait_for 20 grep -q begun "$T/slow.out"
sleep 0.3 # the line has arrived, though nothing shows it
server=$(master)
workers >"$T/workers"
kill -TERM "$(cat "$T/server.pid")"
must wait_for 10 workers_are 1
touch "$T/go"
must wait_for 20 grep -q closed "$T/slow.out"
is "$(grep -c '^HTTP/1.1 200' "$T/slow.out")" 2 \
    'the request in hand is answered after SIGTERM'
like "$(cat "$T/slow.out")" '^Connection: close' 'and is the last'
must wait_for 10 ended "$server"
pass 'then all have ended'
stop server
is "$status" 0 'with exit code 0'
rm "$T/go"

# ---- limits

serve server.requests_per_worker=2
for _ in 1 2 3 4 5 6; do
	get >"$T/none"
done
is "$(sed -n 's/^acmed-accept\[\([0-9]*\)\].* request .*/\1/p' "$T/server.log" |
    sort | uniq -c | awk '{ print $1 }' | sort -u)" 2 \
    'requests_per_worker: each answers so many'
unlike "$(cat "$T/server.log")" 'worker.died' 'and that is no failure'
stop server

serve server.linger=1s
get >"$T/none"
server=$(master)
must wait_for 20 ended "$server"
pass 'linger: after it all end'
like "$(get)" newNonce 'and the next client starts them anew'
stop server
is "$status" 0 'linger: exit code 0'

mv "$T/store/acmed.sqlite" "$T/store/away"
serve
is "$(get)" '' 'workers that cannot start: nobody is answered'
ok 'after some of them it ends' wait_for 20 ended "$(cat "$T/server.pid")"
stop server
is "$status" 102 'with the exit code of the reason'
like "$(cat "$T/server.log")" \
    '^acmed-accept: workers fail as soon as they start' 'and one line'
like "$(cat "$T/server.log")" 'no such store' 'the log has the reason'
mv "$T/store/away" "$T/store/acmed.sqlite"

# Neither does want of descriptors, nor a policy of the system, end a worker.
serve
get >"$T/none"
for errno in 001 024; do
	: >"$T/server.log"
	fail_calls "accept4=$errno"
	get >"$T/none" &
	late=$!
	ok "accept(2) fails with $errno: the log tells" \
	    wait_for 10 said 'worker.accept'
	sleep 1
	ok 'not all the time' [ "$(grep -c worker.accept "$T/server.log")" -lt 40 ]
	not_ok 'no worker dies of it' said 'worker.died'
	fail_calls
	ok 'and what has waited is answered' wait "$late"
done
fail_calls accept4=022
get >"$T/none"
server=$(cat "$T/server.pid")
ok 'a socket that is no good any more ends them all' \
    wait_for 20 ended "$server"
stop server
is "$status" 111 'with the exit code of the reason'
ok 'and no more workers than it takes' \
    [ "$(grep -c worker.died "$T/server.log")" -lt 9 ]
fail_calls

# ---- TLS

certificate() {
	must openssl req -x509 -newkey ec -pkeyopt \
	    ec_paramgen_curve:prime256v1 -nodes -keyout "$T/new.key" \
	    -out "$T/new.crt" -subj "/CN=$1" \
	    -addext subjectAltName=DNS:localhost
	mv "$T/new.key" "$T/tls.key"
	mv "$T/new.crt" "$T/tls.crt"
}
client() {
	openssl s_client -connect "127.0.0.1:$port" -servername localhost \
	    "$@" 2>&1
}
request() {
	printf 'GET /directory HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
}
certificate one
serve server.tls_certificate="$T/tls.crt" server.tls_private_key="$T/tls.key" \
    server.request_timeout=60s
for version in tls1_2 tls1_3; do
	request | client -$version -ign_eof -sess_out "$T/session" >"$T/none"
	kill -KILL "$(served_by)"
	like "$(request | client -$version -ign_eof -sess_in "$T/session")" \
	    '^Reused, TLS' "$version: a session is resumed by another worker"
done
like "$(client </dev/null)" 'subject=CN = one' 'the certificate'
# One that would not do is left alone, for as long as it lies there.
server=$(master)
cp "$T/tls.crt" "$T/good.crt"
echo nonsense >"$T/tls.crt"
ok 'a certificate that is broken: the log tells' wait_for 40 said tls.unusable
like "$(client </dev/null)" 'subject=CN = one' 'the one before is served on'
sleep 6 # longer than from one look to the next
is "$(grep -c tls.unusable "$T/server.log")" 1 'the log tells once'
is "$(master)" "$server" 'and nothing ends'
mv "$T/good.crt" "$T/tls.crt"
# Nobody has to wait for a client that is slow with its request, and it gets its
# answer from whom it has asked.
{
	printf 'GET /directory HTTP/1.1\r\nHost: x\r\n'
	wait_for 60 test -e "$T/go"
	printf 'Connection: close\r\n\r\n'
} | client -quiet -ign_eof >"$T/slow.out" 2>&1 &
slow=$!
sleep 1 # the line has arrived, though nothing shows it
certificate two
is_two() {
	client </dev/null | grep -q 'subject=CN = two'
}
ok 'a certificate that has been replaced is served without being told' \
    wait_for 40 is_two
touch "$T/go"
wait "$slow"
like "$(cat "$T/slow.out")" 'HTTP/1.1 200' \
    '... also while a request is in hand, which is answered'
stop server
rm "$T/go"

# ---- slow handshakes

# Some that begin one and send a byte of it now and then, and some that say
# nothing at all; all come back.
serve server.tls_certificate="$T/tls.crt" server.tls_private_key="$T/tls.key" \
    server.request_timeout=120s
request | client -quiet -ign_eof >"$T/none"
# shellcheck disable=SC2016 # perl
start shakers perl -MIO::Socket::INET -e '
	$| = 1;
	$SIG{PIPE} = "IGNORE";
	my ($to, @all) = $ARGV[0];
	for (my $i = 0; ; $i++) {
		for my $n (0 .. 8) {
			my $s = $all[$n];
			my $byte = $s ? "x" : "\x16\x03\x01\x02\x00\x01\x00\x01";
			$s ||= IO::Socket::INET->new($to) or die;
			$s = undef if $n % 3 && !defined syswrite $s, $byte;
			$all[$n] = $s;
		}
		print "begun\n" if $i == 0;
		select undef, undef, undef, 0.1;
	}' "127.0.0.1:$port"
must wait_for 20 grep -q begun "$T/shakers.out"
like "$(request | timeout 20 openssl s_client -connect "127.0.0.1:$port" \
    -quiet -ign_eof 2>"$T/none")" newNonce \
    'slow handshakes give way when all workers are taken'
ok '... which is logged' said 'connection.broken.*TLS handshake: read timed out'
stop shakers
stop server

# ---- who is at it for long gives way

serve server.workers=1 server.request_timeout=2s
# shellcheck disable=SC2016 # perl
start busy perl -MIO::Socket::INET -e '
	$| = 1;
	my $s = IO::Socket::INET->new($ARGV[0]) or die;
	my $n = 0;
	while (print $s "GET /directory HTTP/1.1\r\nHost: x\r\n\r\n") {
		my ($line, $len, $body);
		while (defined($line = <$s>) && $line =~ /\S/) {
			$len = $1 if $line =~ /^Content-Length: (\d+)/i;
		}
		last unless defined $line && read $s, $body, $len;
		print "begun\n" if $n++ == 0;
	}
	print "closed after $n\n"' "127.0.0.1:$port"
must wait_for 20 grep -q begun "$T/busy.out"
before=$(date +%s)
like "$(get)" newNonce 'one worker, one client without a pause: another waits'
ok '... not for long' [ $(($(date +%s) - before)) -le 6 ]
ok '... and the first has to come again' wait_for 10 grep -q closed "$T/busy.out"
stop server

done_testing
