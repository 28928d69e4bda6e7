#!/bin/sh
# Goal: api/redis/prime.json that comes to no end in its time says so (202), tells
# and notes what it has done, leaves each name whole, and the next call goes on.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
. "$SRC/tests/lib/admin.sh"
. "$SRC/tests/lib/clock.sh"
skip_unless_has openssl sqlite3 curl jq socat perl pgrep

make_export_store
for n in 1 2 3 4 5 6 7; do
	enter $n "$(seq -f "DNS:n$n-%.0f.example" -s, 100)"
done
start_redis
late_port=$(free_port)
start late "$SRC/tests/lib/late" "$late_port" "$redis_port" 0.2
must wait_for 10 grep -q ready "$T/late.out"
# Here it is the clock that time is measured by; Landlock would keep its file away.
unset FAKETIME_DONT_FAKE_MONOTONIC
forward 0
LD_PRELOAD=$library
export LD_PRELOAD
admin_serve "redis.url=redis://127.0.0.1:$late_port" redis.prime_style=1 \
    sandbox.landlock=off
unset LD_PRELOAD

written() {
	r --raw keys 'd1:*' | grep -c '^d1'
}
has_begun() {
	[ "$(written)" -gt 0 ]
}
total() {
	jq .operations_event.total_primed.domain "$1"
}

curl -s -m 70 -o "$T/first" -w '%{http_code}' -d '' \
    --unix-socket "$T/admin.sock" "$admin/api/redis/prime.json" >"$T/code" &
first=$!
must wait_for 20 has_begun
pid=$(pgrep -P "$(cat "$T/admin-unix.pid")")
must kill -STOP "$pid"
forward 51
must kill -CONT "$pid"
wait "$first"
is "$(cat "$T/code")" 202 'all names, when the time is over in the middle'
ok '... it is not complete' jq -e '.complete == false and .result == "success"' \
    "$T/first"
ok '... some are done' [ "$(written)" -gt 0 ]
ok '... and some are not' [ "$(written)" -lt 700 ]
is "$(total "$T/first")" "$(written)" '... which is how many it says'
is "$(sql "SELECT detail LIKE '%domain $(written),%' FROM events WHERE id =
    $(jq .operations_event.id "$T/first")")" 1 '... and has noted'
# No name is there before what it points to.
is "$(r eval "local n = 0
    for _, k in ipairs(redis.call('KEYS', 'd1:*')) do
      local v = redis.call('HMGET', k, 'c', 'p', 'i')
      if redis.call('EXISTS', 'c:' .. v[1], 'p:' .. v[2], 'i:' .. v[3]) < 3
        then n = n + 1 end
    end
    return n" 0)" 0 '... and all of that is whole'
is "$(r exists '~acmed:turn')" 0 '... it is the turn of the next'

done_before=$(written)
ask /api/redis/prime.json -d ''
answers 200 'the next one comes to the end'
ok '... of all' jq -e '.complete' "$T/body"
is "$(total "$T/body") $(jq .unchanged "$T/body")" \
    "$((700 - done_before)) $done_before" '... and goes on where it was'
is "$(written)" 700 '... all are there'

done_testing
