# shellcheck shell=sh
# shellcheck disable=SC2154 # T, status
# For tests with a Redis: after tap.sh,
#
#	. "$SRC/tests/lib/redis.sh"
#	start_redis [SETTING VALUE]...
#
# runs a server for this test alone on 127.0.0.1:$redis_port, with nothing on
# disk, as redis-server --SETTING VALUE says.  r COMMAND... is redis-cli in
# database 9, where peter_sslers' gateways look; stop redis ends it.

start_redis() {
	skip_unless_has redis-server redis-cli
	redis_port=${redis_port:-$(free_port)}
	redis_settings=''
	while [ $# -gt 0 ]; do
		redis_settings="$redis_settings --$1 $2"
		shift 2
	done
	# shellcheck disable=SC2086 # words
	start redis redis-server --port "$redis_port" --bind 127.0.0.1 \
	    --save '' --appendonly no --dir "$T" --daemonize no \
	    --unixsocket "$T/redis.sock" $redis_settings
	must wait_for 30 redis_ready
}

redis_ready() {
	ended "$(cat "$T/redis.pid")" && return 1
	r ping 2>&1 | grep -Eq 'PONG|NOAUTH|LOADING'
}

r() {
	redis-cli -p "$redis_port" -n 9 "$@" 2>&1
}

# field KEY FIELD: of a hash; value KEY: a string.  As they are.
field() {
	r --raw hget "$1" "$2"
}

value() {
	r --raw get "$1"
}
