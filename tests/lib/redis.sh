# shellcheck shell=sh
# shellcheck disable=SC2154 # T, status, out
# For tests with a Redis: after tap.sh,
#
#	. "$SRC/tests/lib/redis.sh"
#	start_redis [SETTING VALUE]...
#
# runs a server for this test alone on 127.0.0.1:$redis_port, with nothing on
# disk, as redis-server --SETTING VALUE says.  r COMMAND... is redis-cli in
# database 9, where peter_sslers' gateways look; stop redis ends it.
#
#	start_primed_redis
#	start_primed_cluster
#
# after export.sh: with a store of its own, which is primed into it in style 1;
# a cluster is as start_cluster says.  prime ARGUMENT... runs redis-prime, and
# counts is what it has counted, without the header.

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

start_primed_redis() {
	make_export_store
	start_redis
	primed_at "$redis_port"
}

start_primed_cluster() {
	make_export_store
	start_cluster
	primed_at "$cluster_port"
}

primed_at() {
	cat >>"$ACMED_CONFIG" <<-END
		[redis]
		url = redis://127.0.0.1:$1
		prime_style = 1
	END
}

prime() {
	run "$BIN/redis-prime" "$@"
}

counts() {
	printf '%s\n' "$out" | sed 1d | tr '\t' ' '
}

redis_ready() {
	ended "$(cat "$T/redis.pid")" && return 1
	r ping 2>&1 | grep -Eq 'PONG|NOAUTH|LOADING'
}

r() {
	redis-cli -p "$redis_port" -n 9 "$@" 2>&1
}

# primed NAME: whether NAME.example is there in style 1.  pending TARGET: how many
# certificates are not done there; with the sql of the test.
primed() {
	r exists "d1:$1.example"
}

pending() {
	sql "SELECT count(*) FROM deployments d JOIN deploy_targets t
	    ON t.id = d.deploy_target_id
	    WHERE t.name = '$1' AND d.status <> 'done'"
}

# field KEY FIELD: of a hash; value KEY: a string.  As they are.
field() {
	r --raw hget "$1" "$2"
}

value() {
	r --raw get "$1"
}

# start_cluster: three servers of a Redis Cluster, redis1 to redis3, of which
# the first is at 127.0.0.1:$cluster_port; c COMMAND... goes to whom it must,
# keys_of N counts what one has, c_all COMMAND... asks them all.
start_cluster() {
	skip_unless_has redis-server redis-cli
	cluster_ports=''
	for cluster_n in 1 2 3; do
		mkdir "$T/redis$cluster_n"
		cluster_port=$(free_port)
		cluster_ports="$cluster_ports $cluster_port"
		start redis$cluster_n redis-server --port "$cluster_port" \
		    --bind 127.0.0.1 --save '' --appendonly no \
		    --dir "$T/redis$cluster_n" --daemonize no \
		    --cluster-enabled yes --cluster-port "$(free_port)"
	done
	cluster_port=${cluster_ports#" "}
	cluster_port=${cluster_port%% *}
	for cluster_n in $cluster_ports; do
		must wait_for 30 cluster_answers "$cluster_n"
	done
	cluster_meet
	for cluster_n in $cluster_ports; do
		must wait_for 60 cluster_is_whole "$cluster_n"
	done
}

cluster_answers() {
	redis-cli -p "$1" ping 2>&1 | grep -q PONG
}

cluster_meet() {
	cluster_first=0
	for cluster_n in $cluster_ports; do
		cluster_last=$((cluster_first + 5461))
		[ $cluster_last -le 16383 ] || cluster_last=16383
		must redis-cli -p "$cluster_n" cluster addslotsrange \
		    $cluster_first $cluster_last
		cluster_first=$((cluster_last + 1))
		[ "$cluster_n" = "$cluster_port" ] && continue
		must redis-cli -p "$cluster_n" cluster meet 127.0.0.1 \
		    "$cluster_port" "$(redis-cli -p "$cluster_port" \
		    config get cluster-port | tail -n 1)"
	done
}

cluster_is_whole() {
	redis-cli -p "$1" cluster info | grep -q '^cluster_state:ok' &&
	    [ "$(redis-cli -p "$1" cluster slots | grep -c '^127')" -eq 3 ]
}

c() {
	redis-cli -c -p "$cluster_port" "$@" 2>&1
}

keys_of() {
	# shellcheck disable=SC2086 # words
	set -- "$1" $cluster_ports
	shift "$1"
	redis-cli -p "$1" dbsize
}

c_all() {
	for cluster_n in $cluster_ports; do
		redis-cli -p "$cluster_n" "$@"
	done
}
