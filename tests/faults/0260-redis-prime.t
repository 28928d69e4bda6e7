#!/bin/sh
# Goal: redis-prime may be killed at every system call that writes, and the Redis
# may refuse, hang, be read-only, run out of memory, go away or end in the
# middle: each name has its old set or its new one, never a part; and run again
# it does the rest.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/redis.sh"
. "$SRC/tests/lib/faults.sh"

start_redis
faults_up "redis url = redis://127.0.0.1:$redis_port" 'redis prime_style = 1' \
    'redis timeout = 2s' 'redis connect_timeout = 2s'

# make NAME DAYS: a certificate for NAME.example.org.
make() {
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj "/CN=$1" -days "$2" \
	    -addext "subjectAltName=DNS:${1%2}.example.org" \
	    -keyout "$T/$1.key" -out "$T/$1.crt"
	cat "$T/$1.crt" >>"$T/$1.key"
}
for n in a b c d; do
	make $n 10
	make ${n}2 20
done
prime() {
	# shellcheck disable=SC2086 # words
	"$@" "$BIN/redis-prime" -c "$config" --all $style >"$T/run.out" 2>"$T/run.err"
}
import() {
	"$BIN/cert-import" -c "$config" --each "$@" >"$T/import.out" 2>&1
}
# whole NAME [NEW]: its set is that of one certificate, with NEW the second.
whole() {
	case $style in
	*2)
		field "d2:$1.example.org" f >"$T/is.crt"
		field "d2:$1.example.org" p >"$T/is.key"
		;;
	*)
		value "c:$(field "d1:$1.example.org" c)" >"$T/is.crt"
		value "p:$(field "d1:$1.example.org" p)" >"$T/is.key"
		[ "$(r exists "i:$(field "d1:$1.example.org" i)")" = 1 ] ||
			return 1
		;;
	esac
	is_now=$(openssl x509 -in "$T/is.crt" -fingerprint -noout 2>/dev/null)
	is_old=$(openssl x509 -in "$T/$1.crt" -fingerprint -noout)
	is_new=$(openssl x509 -in "$T/${1}2.crt" -fingerprint -noout)
	[ "$(openssl x509 -in "$T/is.crt" -pubkey -noout 2>/dev/null)" = \
	    "$(openssl pkey -in "$T/is.key" -pubout 2>/dev/null)" ] || return 1
	case $# in
	1) [ "$is_now" = "$is_old" ] || [ "$is_now" = "$is_new" ] ;;
	2) [ "$is_now" = "$is_new" ] ;;
	esac
}
all_whole() {
	for n in a b c d; do
		whole $n "$@" || return 1
	done
}
# begin: old sets in the Redis, new ones in the store.
begin() {
	fresh_round
	r flushall >/dev/null
	must import "$T/a.key" "$T/b.key" "$T/c.key" "$T/d.key"
	must prime env
	must import "$T/a2.key" "$T/b2.key" "$T/c2.key" "$T/d2.key"
}

# ---- killed --------------------------------------------------------------------

for style in '--style 1' '--style 2'; do
	begin
	ok "$style: whole before" all_whole
	FAULT=''
	prime under
	ok '... and after' all_whole new
	calls=$(counted redis-prime)
	ok "... $calls calls that write" [ "$calls" -gt 3 ]
	k=1 bad='' killed=0
	while [ "$k" -le "$calls" ]; do
		for mode in before half after; do
			begin
			FAULT=redis-prime:$k:$mode
			prime under
			[ ! -s "$T/faults.log" ] || killed=$((killed + 1))
			all_whole || bad="$bad $k:$mode:part"
			prime env || bad="$bad $k:$mode:$(cat "$T/run.err")"
			all_whole new || bad="$bad $k:$mode:rest"
		done
		k=$((k + ${STEP:-1}))
	done
	is "$bad" '' "... killed $killed times, and never a part"
	ok '... the kills hit' [ "$killed" -ge "$calls" ]
done

# ---- the Redis -----------------------------------------------------------------

# fails WHAT ERE: it does, for now, and leaves all whole; then it does the rest.
fails() {
	status=0
	prime env || status=$?
	is "$status" 111 "$1: temporary"
	like "$(cat "$T/run.err")" "$2" '... which is told'
	[ $# -lt 3 ] || "$3"
	ok '... all is whole' all_whole
	ok '... and then it does the rest' prime env
	ok '... all of it' all_whole new
}
roomy() {
	r config set maxmemory 0 >/dev/null
}
for style in '--style 1' '--style 2'; do
	begin
	r config set maxmemory 1 >/dev/null
	fails "$style, out of memory" 'out of memory' roomy
done
style=''
resume() {
	must kill -CONT "$(cat "$T/redis.pid")"
}
begin
kill -STOP "$(cat "$T/redis.pid")"
fails 'it hangs' 'timed out' resume
writable() {
	r replicaof no one >/dev/null
}
begin
r config set replica-serve-stale-data yes >/dev/null
r replicaof 127.0.0.1 1 >/dev/null
fails 'read-only' 'read-only' writable

# Gone in the middle: after so many bytes of what we say.
cat >"$T/relay" <<'END'
use strict;
use warnings;
use IO::Socket::INET;
use IO::Select;
$| = 1;
my ($port, $to, $left) = @ARGV;
my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
    Listen => 1, ReuseAddr => 1) or die;
print "ready\n";
my $c = $l->accept;
my $s = IO::Socket::INET->new("127.0.0.1:$to") or die;
my $both = IO::Select->new($c, $s);
while (1) {
	for my $from ($both->can_read) {
		sysread($from, my $data, 65536) or exit;
		if ($from == $c) {
			$data = substr $data, 0, $left if length $data > $left;
			$left -= length $data;
		}
		syswrite $from == $c ? $s : $c, $data or exit;
		exit if $left <= 0;
	}
}
END
relay_port=$(free_port)
cp "$config" "$T/direct.conf"
bad='' cut=0
for style in '--style 1' '--style 2'; do
	for bytes in 10 4000 5500 6000 6500 7000 8000 9000 10000 11000 12000; do
		begin
		start relay perl "$T/relay" "$relay_port" "$redis_port" $bytes
		must wait_for 10 grep -q ready "$T/relay.out"
		sed -i "s/:$redis_port/:$relay_port/" "$config"
		status=0
		prime env || status=$?
		case $status in
		111) cut=$((cut + 1)) ;;
		0) ;;
		*) bad="$bad $bytes:$status" ;;
		esac
		stop relay
		cp "$T/direct.conf" "$config"
		all_whole || bad="$bad $style:$bytes:part"
		prime env || bad="$bad $style:$bytes:again"
		all_whole new || bad="$bad $style:$bytes:rest"
	done
done
is "$bad" '' "gone in the middle, $cut times: never a part"
ok '... it was' [ "$cut" -ge 8 ]

# It has ended, and comes back with nothing.
style=''
stop redis
status=0
prime env || status=$?
is "$status" 111 'it refuses: temporary'
start_redis
must prime env
ok 'it has come back empty, and is full again' all_whole new

# ---- two at once -----------------------------------------------------------------

bad=''
for round in 1 2 3 4 5; do
	begin
	prime env &
	first=$!
	prime env || bad="$bad $round:second"
	wait $first || bad="$bad $round:first"
	all_whole new || bad="$bad $round:part"
done
is "$bad" '' 'two at once'
done_testing
