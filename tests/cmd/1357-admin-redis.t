#!/bin/sh
# Goal: acmed-admin fills the Redis, with all names at once and with one that a
# gateway asks for; what is wrong with the Redis is said to who asks for all,
# and never to a gateway, which waits for nothing.
# shellcheck disable=SC2016 # variables of jq
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has openssl sqlite3 curl jq socat perl pgrep

make_export_store
enter one DNS:a.example
enter two 'DNS:b.example,DNS:*.w.example'
# Not just now.
sql 'UPDATE certificates SET created = created - 10000,
    not_before = not_before - 10000'
sql 'UPDATE domains SET created = created - 10000'
sql 'UPDATE events SET at = at - 10000'
admin_token read read+keys write
start_redis requirepass secret
printf 'secret\n' >"$T/password"
chmod 600 "$T/password"
export REDISCLI_AUTH=secret
cp "$ACMED_CONFIG" "$T/base.conf"
# redis_is KEY=VALUE...: of [redis]
redis_is() {
	{
		cat "$T/base.conf"
		printf '[redis]\n'
		printf '%s\n' "$@"
	} >"$ACMED_CONFIG"
	stop admin-unix 2>/dev/null
	stop admin 2>/dev/null
	admin_serve
}
has() {
	ok "$2" jq -e "$1" "$T/body"
}
prime() {
	ask /api/redis/prime.json -d '' "$@"
}
# config NAME [CURL-OPTION]...: as a gateway asks, of workers that live on.
config() {
	config_name=$1
	shift
	ask_tcp "/domain/$config_name/config.json?openresty=1" \
	    -H "@$T/token.read+keys" "$@"
}
admin_serve

# ---- no Redis ------------------------------------------------------------------

prime
answers 404 'without a Redis'
like "$body" 'there is no Redis: \[redis\] url' '... says so'
config a.example
answers 200 '... openresty=1 changes nothing'

# ---- all names -----------------------------------------------------------------

url="url = redis://127.0.0.1:$redis_port"
password="password_file = $T/password"
redis_is "$url" "$password"
prime
answers 409 'without a style'
like "$body" 'prime_style' '... says so'
redis_is "$url" "$password" 'prime_style = 1'
prime -H "@$T/token.read+keys"
answers 403 'without write'
ask /api/redis/prime.json
answers 405 'GET'
prime
answers 200 'all names'
has '.result == "success" and .complete and .failed == 0 and .unchanged == 0
    and (.operations_event.total_primed.domain == 3
    and .operations_event.total_primed.cert == 2
    and .operations_event.total_primed.pkey == 2
    and .operations_event.total_primed.certcachain == 1)' '... are counted'
is "$(sql "SELECT action FROM events WHERE id = $(jq -r .operations_event.id \
    "$T/body")")" redis.prime '... as an event'
is "$(field d1:a.example c) $(field d1:b.example c)" '1 2' '... are there'
is "$(value p:1)" "$(openssl pkey -in "$T/one.key")" '... with keys'
ask /api/redis/prime -d ''
answers 200 'again'
has '.unchanged == 3 and .operations_event.total_primed.domain == 0
    and .operations_event.id == null' '... nothing is to be done'

# noted: redis-prime takes all as they were noted, and looks at no name.
noted() {
	run "$BIN/redis-prime" -v --all
	like "$err" 'prime.done .*names=0 ' "$1"
}
is "$(r exists '~acmed:turn')" 0 '... nothing keeps the next one off'
noted '... and all of it is noted, for redis-prime, too'

# ---- one name --------------------------------------------------------------------

r flushall >/dev/null
config a.example
answers 200 'openresty=1'
has '.certificate_signed__latest_single.id == "1"' '... is answered'
is "$(field d1:a.example c),$(field d1:b.example c)" '1,' '... and written through'
is "$(value p:1)" "$(openssl pkey -in "$T/one.key")" '... with its key'
config x.w.example
answers 200 'a name that a wildcard serves'
is "$(field 'd1:*.w.example' c) $(r exists d1:x.w.example)" '2 0' \
    '... is not written, but the wildcard is'
config none.example
answers 404 'a name that nothing serves'
is "$(r exists d1:none.example)" 0 '... is not written'
r flushall >/dev/null
ask_tcp '/domain/a.example/config.json?openresty=1&idonly=1' -H "@$T/token.read"
answers 200 'without keys'
ask_tcp '/domain/a.example/config.json' -H "@$T/token.read+keys"
answers 200 'without openresty'
is "$(r dbsize)" 0 '... nothing is written'

# ---- a Redis that is away --------------------------------------------------------

# One worker, which keeps its connection.
stop admin
"$SRC/scripts/lib/conf-set" admin.workers=1 admin.linger=0s <"$ACMED_CONFIG" \
    >"$T/admin.conf"
start admin "$SRC/scripts/lib/listen" -1 127.0.0.1 "$admin_port" \
    "$BIN/acmed-admin" -c "$T/admin.conf"
must wait_for 10 listening "$admin_port"
config a.example
is "$(field d1:a.example c)" 1 'a worker with a connection'
stop redis
start_redis requirepass secret
config b.example
answers 200 'the Redis was started anew'
is "$(field d1:b.example c)" 2 '... which is written to at once'
stop redis
for i in 1 2 3; do
	config a.example
	answers 200 "the Redis is down: $i"
	has '.certificate_signed__latest_single.private_key.pem != null' \
	    '... nothing is missing'
done
is "$(grep -c redis.away "$T/admin.log")" 1 '... which is logged once'
prime
answers 503 '... and told who wants all'
like "$body" 'nobody listens|refused|cannot' '... with the reason'
like "$(header Retry-After)" '^[0-9]+$' '... and to come again'
start_redis requirepass other
REDISCLI_AUTH=other
prime
answers 409 'another password'
like "$body" '\[redis\]: ' '... says so'
printf 'other\n' >"$T/password"
stop redis
start_redis requirepass other
must r config set min-replicas-to-write 1
prime
answers 503 'a Redis that takes no writes'
must r config set min-replicas-to-write 0
must r replicaof 127.0.0.1 1
prime
answers 503 'a read-only Redis'
must r replicaof no one
prime
answers 200 'it is back'
stop redis
start mute "$SRC/tests/lib/mute" tcp 127.0.0.1 "$redis_port"
must wait_for 10 grep -q ready "$T/mute.out"
config a.example
answers 200 'a Redis that hangs'
prime
answers 503 '... is told who wants all'
stop mute
start_redis
unset REDISCLI_AUTH
late_port=$(free_port)
start late "$SRC/tests/lib/late" "$late_port" "$redis_port" 0.8
must wait_for 10 grep -q ready "$T/late.out"
redis_is "url = redis://127.0.0.1:$late_port" 'prime_style = 1'
config a.example -m 6
answers 200 'a Redis that answers late each time: nobody waits for all of it'
like "$(cat "$T/admin.log")" redis.away '... is left alone'
is "$(r exists d1:a.example)" 0 '... before it has come to anything'

# ---- one at a time ---------------------------------------------------------------

stop late
start late "$SRC/tests/lib/late" "$late_port" "$redis_port" 0.4
must wait_for 10 grep -q ready "$T/late.out"

# begin: somebody primes all names, and is stopped in the middle; sets $first,
# who waits for that, and $pid, who does it.
begin() {
	r flushall >/dev/null
	curl -s -m 70 -o "$T/first" -w '%{http_code}' -d '' \
	    --unix-socket "$T/admin.sock" "$admin/api/redis/prime.json" \
	    >"$T/first.code" &
	first=$!
	must wait_for 20 turn_is 1
	pid=$(pgrep -P "$(cat "$T/admin-unix.pid")")
	must kill -STOP "$pid"
}
turn_is() {
	[ "$(r exists '~acmed:turn')" -eq "$1" ]
}
# busy NAME: it is refused, and nothing comes of that.
busy() {
	before=$(r dbsize)
	prime
	answers 503 "$1"
	like "$body" '"error":"\[redis\]: somebody else writes all names just now; one does at a time"' \
	    '... which is said'
	like "$(header Retry-After)" '^([1-9]|[1-5][0-9]|60|61)$' '... with when to come again'
	is "$(r dbsize) $(r exists '~acmed:turn')" "$before 1" '... nothing is changed'
}
begin
busy 'a second one while one is at it'
ask_tcp /api/redis/prime.json -d '' -H "@$T/token.write"
answers 503 '... also of a worker'
config a.example -m 20
answers 200 '... a gateway is answered'
must kill -CONT "$pid"
wait "$first"
is "$(cat "$T/first.code")" 200 '... the first one comes to its end'
is "$(r exists '~acmed:turn')" 0 '... and gives way'
prime
answers 200 '... to the next'
begin
must kill -KILL "$pid"
wait "$first"
busy 'one is killed: it is its turn still'
ok '... for a minute at most' [ "$(r pttl '~acmed:turn')" -le 60000 ]
must r pexpire '~acmed:turn' 1 # as if that had gone by
prime
answers 200 '... then it is that of the next'
noted '... and that a key was over is of no matter to what is noted'
r set '~acmed:turn' other PX 60000 >/dev/null
noted '... nor that there is one'
r set '~acmed:turn' other >/dev/null
prime
answers 200 'a turn without an end is nobody'"'"'s'
stop late
redis_is "url = unix://$T/redis.sock" 'prime_style = 2'
prime
answers 200 'a Redis by a unix socket'
is "$(field d2:a.example p)" "$(openssl pkey -in "$T/one.key")" '... is filled'
redis_is "url = redis://localhost:$redis_port" 'prime_style = 2'
r flushall >/dev/null
prime
answers 200 'a Redis by its name'
sql 'UPDATE certificates SET not_before = not_before + 10000'
ok 'the store is sound' "$BIN/acmed-store" check

done_testing
