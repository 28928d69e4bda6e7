#!/bin/sh
# Goal: what no name points to any more stays for a gateway that has just read
# the name, and goes then; whoever comes to point to it again meanwhile keeps it,
# whatever else happens.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
skip_unless_has openssl sqlite3

start_primed_redis
cp "$T/acmed.conf" "$T/plain.conf"
enter a DNS:a.example
enter b DNS:b.example
enter a2 DNS:a.example

# serve N: from now on certificate N, 1 or 3, serves a.example.
serve() {
	sql "UPDATE certificates SET active = (id = $1) WHERE id IN (1, 3)"
}
# left KEY: gone; goes, in ten minutes at most; lasts, for longer; stays.
left() {
	left=$(r pttl "$1")
	case $left in
	-2) echo gone ;;
	-1) echo stays ;;
	*) if [ "$left" -le 600000 ]; then echo goes; else echo lasts; fi ;;
	esac
}
all_left() {
	for left_key; do
		left "$left_key"
	done | xargs
}
# lasting SETTING...: that are in [redis], too.
lasting() {
	{
		cat "$T/plain.conf"
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$T/acmed.conf"
}

# ---- for ever ------------------------------------------------------------------

serve 1
prime --all --prune
is "$(counts)" '1 2 2 2 0 0 0' 'all is there'
ids=$(r --raw hmget d1:a.example c p i | xargs)
serve 3
prime --all --prune
is "$(counts)" '1 1 1 1 1 2 0' 'another certificate, and the old one removed'
is "$ids" '1 1 1' '... a gateway that has read the name before'
is "$(all_left c:1 p:1 i:1)" 'goes goes stays' '... finds what it needs'
is "$(all_left c:3 p:3 c:2 p:2)" 'stays stays stays stays' '... what is used stays'
before=$(r pttl c:1)
prime --all --prune
is "$(counts)" '0 0 0 0 2 0 0' '... it is not counted again'
ok '... nor is it there for longer' [ "$(r pttl c:1)" -le "$before" ]
r pexpire c:1 1 >/dev/null
r pexpire p:1 1 >/dev/null
ok '... and then gone' wait_for 10 sh -c \
    "redis-cli -p $redis_port -n 9 exists c:1 p:1 | grep -qx 0"
prime --all
is "$(counts)" '0 0 0 0 2 0 0' '... which nobody misses'

serve 1
prime --all --prune
is "$(all_left c:1 p:1 c:3 p:3)" 'stays stays goes goes' 'back to the first'
serve 3
prime a.example
is "$(counts)" '1 1 1 1 0 0 0' '... and to what is about to go'
is "$(all_left c:3 p:3)" 'stays stays' '... which stays then'

r pexpire c:2 5000 >/dev/null
prime --all --diff
is "$(printf '%s\n' "$out" | sed 1d | cut -f1,2 | xargs)" 'd1:b.example changed' \
    'a name that is there for longer than what it points to is not whole'
prime --all
is "$(counts | cut -d' ' -f4) $(left c:2)" '1 stays' '... and mended'

# Somebody else takes it away when it is sent and the name is not there yet.
late_port=$(free_port)
start late "$SRC/tests/lib/late" "$late_port" "$redis_port" 0.3
must wait_for 10 grep -q ready "$T/late.out"
sed "s/:$redis_port/:$late_port/" "$T/plain.conf" >"$T/acmed.conf"
serve 1
prime --flush
cat >"$T/take.lua" <<'END'
if redis.call('PTTL', KEYS[1]) ~= -1 or redis.call('EXISTS', KEYS[2]) == 1 then
	return 0
end
return redis.call('PEXPIRE', KEYS[1], 600000)
END
taken() {
	[ "$(r --eval "$T/take.lua" c:1 d1:a.example)" = 1 ]
}
"$BIN/redis-prime" a.example >"$T/run.out" 2>"$T/run.err" &
run_pid=$!
ok 'what is sent is about to go, before the name is there' wait_for 30 taken
ok '... whose run' wait $run_pid
is "$(left c:1) $(field d1:a.example c)" 'stays 1' '... sends it again'
stop late
cp "$T/plain.conf" "$T/acmed.conf"

prime --all
serve 3
prime --all --prune
prime --flush
is "$(all_left c:1 c:3 p:2)" 'gone gone gone' '--flush: all goes at once'

# ---- with times ----------------------------------------------------------------

lasting 'timeout_cert = 1d' 'timeout_pkey = 1d'
serve 1
prime --all --prune
is "$(all_left d1:a.example c:1 p:1 i:1)" 'lasts lasts lasts stays' 'with times'
serve 3
prime --all --prune
is "$(counts | cut -d' ' -f6) $(all_left c:1 p:1 c:3)" '2 goes goes lasts' \
    '... what nothing points to goes earlier'
serve 1
prime a.example
is "$(all_left d1:a.example c:1 p:1)" 'lasts lasts lasts' \
    '... and lasts again, when something does'
r pexpire p:1 600000 >/dev/null
prime --all
is "$(counts | cut -d' ' -f4,5) $(left p:1)" '1 1 lasts' \
    '... a name that would be there for longer is not whole'
lasting
prime --all --prune
is "$(all_left d1:a.example c:1 p:1)" 'stays stays stays' 'times are taken away'
serve 3
prime --all --prune
lasting 'timeout_cert = 1d' 'timeout_pkey = 1d'
serve 1
prime --all --prune
is "$(all_left d1:a.example c:1 p:1 c:3)" 'lasts lasts lasts goes' \
    '... and are there again, with what was about to go'
lasting 'timeout_cert = 30s' 'timeout_pkey = 30s'
r flushall >/dev/null
prime --all
serve 3
prime --all --prune
is "$(counts | cut -d' ' -f6) $(all_left c:1)" '0 goes' \
    'what goes earlier anyway is not counted'
done_testing
