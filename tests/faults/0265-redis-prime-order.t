#!/bin/sh
# Goal: who has read the store before overwrites nothing that was read later,
# wherever a run was stopped in between; nor does it end as if all were well
# with what is old in the Redis.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/redis.sh"
. "$SRC/tests/lib/faults.sh"

start_redis
faults_up "redis url = redis://127.0.0.1:$redis_port" \
    'redis timeout = 20s' 'redis connect_timeout = 20s'

# make N DAYS: a certificate for a hundred names.
make() {
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj "/CN=$1" -days "$2" \
	    -addext "subjectAltName=$(seq -s , -f "DNS:n%g.$1.example.org" 100)" \
	    -keyout "$T/$1.$2.key" -out "$T/$1.$2.crt"
	cat "$T/$1.$2.crt" >>"$T/$1.$2.key"
}
# More names than are under way at a time.
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
	make $n 10
	make $n 20
done
import() {
	must "$BIN/cert-import" -q -c "$config" --each "$@"
}
fresh_round
import "$T"/*.10.key
mv "$R" "$T/old"

# prime COMMAND...: with that in front, all names.
prime() {
	"$@" "$BIN/redis-prime" -q -c "$config" --all --style "$style"
}
is_stopped() {
	ended "$pid" || grep -q '^State:.T' "/proc/$pid/status"
}
# wrong: how many names are not as they should be.
wrong() {
	"$BIN/redis-prime" -c "$config" --all --style "$style" --diff \
	    --no-header 2>&1 | wc -l
}

for style in 1 2; do
	fresh_round "$T/old"
	r flushall >/dev/null
	FAULT=''
	must prime under
	calls=$(counted redis-prime)
	k=1 bad='' stopped=0
	while [ "$k" -le "$calls" ]; do
		fresh_round "$T/old"
		r flushall >/dev/null
		FAULT=redis-prime:$k:stop
		FAULT_FILE=$T/faults FAULT=$FAULT LD_PRELOAD=$SHIM \
		    "$BIN/redis-prime" -q -c "$config" --all --style $style \
		    2>"$T/first" &
		pid=$!
		must wait_for 20 is_stopped
		# Who is stopped with the store in his hands keeps it from others.
		if where | grep -q socket; then
			stopped=$((stopped + 1))
			import "$T"/*.20.key
			prime env 2>"$T/second" || bad="$bad $k:$(cat "$T/second")"
		fi
		kill -CONT "$pid" 2>/dev/null
		wait "$pid" || bad="$bad $k:$(cat "$T/first")"
		n=$(wrong)
		[ "$n" -eq 0 ] || bad="$bad $k:$n"
		k=$((k + ${STEP:-1}))
	done
	is "$bad" '' "style $style, stopped $stopped times: nothing old at the end"
	ok '... it was' [ "$stopped" -ge 10 ]
done

# Its scripts go while it runs: it says so, and the next run has them.
fresh_round "$T/old"
r flushall >/dev/null
FAULT=''
must prime under
# half-way
k=$(($(counted redis-prime) / 2))
fresh_round "$T/old"
r flushall >/dev/null
FAULT_FILE=$T/faults FAULT=redis-prime:$k:stop LD_PRELOAD=$SHIM \
    "$BIN/redis-prime" -q -c "$config" --all --style "$style" 2>"$T/first" &
pid=$!
must wait_for 20 is_stopped
r script flush >/dev/null
kill -CONT "$pid"
status=0
wait "$pid" || status=$?
is "$status" 111 'its scripts are flushed meanwhile: temporary'
like "$(cat "$T/first")" 'its scripts were flushed meanwhile' '... which is told'
ok '... and the next run' prime env
is "$(wrong)" 0 '... does it all'
done_testing
