#!/bin/sh
# Goal: acmed-admin fills a Redis Cluster, whose masters have ports that it may
# reach when it was told of them, and says so when it was not.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
. "$SRC/tests/lib/rights.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has openssl sqlite3 curl socat
skip_unless_landlock

make_export_store
for n in a b c d e f; do
	enter $n "DNS:$n.example"
done
admin_token read+keys
start_cluster
others=$(printf '%s' "$cluster_ports" |
    sed "s/^ *$cluster_port *//; s/ /, /g")
# cluster_is [section.key=value...]: what acmed-admin knows of it.
cluster_is() {
	stop admin 2>/dev/null
	stop admin-unix 2>/dev/null
	admin_serve "redis.url=redis://127.0.0.1:$cluster_port" \
	    redis.prime_style=1 "$@"
}
prime() {
	ask /api/redis/prime.json -d ''
}
config() {
	ask_tcp "/domain/$1/config.json?openresty=1" -H "@$T/token.read+keys"
}
keys() {
	echo $(($(keys_of 1) + $(keys_of 2) + $(keys_of 3)))
}

# ---- it was told -----------------------------------------------------------------

cluster_is "redis.cluster_ports=$others"
prime
answers 200 'all names'
like "$body" '"total_primed":\{"certcachain":1,"cert":6,"pkey":6,"domain":6\}' \
    '... are counted'
for i in 1 2 3; do
	ok "... server $i has some of it" [ "$(keys_of $i)" -gt 0 ]
done
c_all flushall >/dev/null
for n in a b c d e f; do
	config $n.example
	answers 200 "openresty=1: $n.example"
	is "$(c --raw get "p:$(c --raw hget d1:$n.example p)" | grep -v '^$')" \
	    "$(openssl pkey -in "$T/$n.key")" '... is there, with its key'
done

# ---- it was not ------------------------------------------------------------------

c_all flushall >/dev/null
cluster_is sandbox.landlock=required
config a.example
answers 200 'without their ports: the answer is the same'
prime
answers 409 '... and who asks for all is told'
like "$body" '"error":"\[redis\]: [^"]*127\.0\.0\.1:[0-9]+: \[redis\] cluster_ports: does not have this port"' \
    '... why'
like "$(cat "$T/admin.log")" 'redis.away.*cluster_ports' '... as the log is'
is "$(keys)" 0 '... nothing is written'
cluster_is sandbox.landlock=off
prime
answers 200 'without a sandbox no port is closed'
for wrong in 0 65536 x 7000-7002; do
	"$SRC/scripts/lib/conf-set" "redis.cluster_ports=$wrong" \
	    <"$ACMED_CONFIG" >"$T/wrong.conf"
	run "$BIN/acmed-admin" -c "$T/wrong.conf"
	is "$status" 102 "no port: $wrong"
done

done_testing
