#!/bin/sh
# Goal: the load generator gets its orders in every mode, and says so when a
# certificate is not what it asked for; the benchmarks run.  What they measure
# is never judged here.
. "$(dirname "$0")/../lib/tap.sh"
skip_unless_has openssl sqlite3 tcpserver lego redis-server socat
BENCH=${TOOLS%/tool}/bench

http_port=$(free_port) dns_port=$(free_port)
start acmed "$SRC/scripts/acmed-local" --dir "$T/acmed" --port "$(free_port)" \
    --http-port "$http_port" --resolver "127.0.0.1:$dns_port" --listen wait
must wait_for 60 grep -q '^ready' "$T/acmed.out"

# said NAME: that value of acmed-local's.
said() {
	sed -n "s/^$1=//p" "$T/acmed.out"
}

# bench [OPTION...]: sets $result too, the line of that name.
bench() {
	run "$BENCH/acme-bench" --directory "$(said directory)" \
	    --ca "$(said ca)" --http-port "$http_port" --dns-port "$dns_port" \
	    --clients 4 --orders 20 "$@"
	result=$(grep '^result' "$T/out")
}

# good TITLE CONNECTIONS [OPTION...]
good() {
	title=$1 connections=$2
	shift 2
	bench --issuer "$(said issuer)" "$@"
	exits 0 "$title: done"
	is "$err" '' "$title: nothing to complain of"
	like "$result" '^result orders=20 failed=0 ' "$title: no order failed"
	like "$result" " $connections " "$title: $connections"
}

good 'kept' 'connections=0'
good 'per request' 'resumed=1?[0-9][0-9]' --per-request
good 'per request' 'resumed=0' --per-request --no-resume
good 'measured' 'cpu=[0-9]*[.][0-9]+' --server "$(cat "$T/acmed.pid")"
like "$out" '^memory program=acmed-accept processes=[0-9]+ rss=[1-9]' \
    'measured: memory of the workers'

# Somebody else's root.
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=other -keyout "$T/other.key" -out "$T/other.crt"
bench --issuer "$T/other.crt"
exits 1 'chains that end elsewhere: 1'
like "$result" '^result orders=0 failed=20 ' '... and all have failed'
like "$err" 'n0.*: certificate: .*issuer certificate' '... which is said'

run "$BENCH/acme-bench" --clients 1
exits 100 'wrong use: 100'
run "$BENCH/acme-bench" --directory "https://localhost:$(free_port)/directory" \
    --ca "$(said ca)" --issuer "$(said ca)" --http-port "$http_port"
exits 111 'no server: 111'
stop acmed

SERVERS='wait accept' MODES='keep full' CLIENTS=2 ORDERS=4 \
    run "$SRC/tests/bench/orders"
exits 0 'orders: done'
is "$(printf '%s\n' "$out" | grep -Ec '^(keep|full) +2 (wait|accept) +4 +0 ')" \
    4 '... a line for each server and mode'
like "$out" '^wait: failed orders +0[.]00 +0[.]00  met$' '... and the aims'

FILL=500 ROUNDS=1 MODES=keep CLIENTS=2 ORDERS=4 run "$SRC/tests/bench/store"
exits 0 'store: done'
like "$out" '^keep +2 full +4 +0 ' '... with a store that was filled'

ORDERS=8 CLIENTS=2 run "$SRC/tests/bench/long"
exits 0 'long: done, and the store is sound'

BENCH=$BENCH TRIPLETS=20 FILL=100 RUNS=2 LAYOUTS=certbot run "$SRC/tests/bench/certificates"
exits 0 'certificates: done'
like "$out" '^cert-import, beside a loop on OpenSSL .* (met|MISSED)$' \
    '... with the aims'
FILL=100 RUNS=100 CLIENTS=2 run "$SRC/tests/bench/admin"
exits 0 'admin: done'
is "$(printf '%s\n' "$out" | grep -Ec ' (met|MISSED)$')" 2 '... with the aims'
FILL=100 RUNS=1 run "$SRC/tests/bench/redis"
exits 0 'redis: done'
is "$(printf '%s\n' "$out" | grep -Ec ' (met|MISSED)$')" 6 '... with the aims'
FILL=2000 DUE=100 RUNS=2 run "$SRC/tests/bench/renewals"
exits 0 'renewals: done'
is "$(printf '%s\n' "$out" | grep -Ec ' (met|MISSED)$')" 3 '... with the aims'
FILL=200 CHANGED=10 DUE=10 RUNS=2 run "$SRC/tests/bench/deploys"
exits 0 'deploys: done'
is "$(printf '%s\n' "$out" | grep -Ec ' (met|MISSED)$')" 6 '... with the aims'
ORDERS=6 JOBS=3 COUNT=1 OTHERS=lego SERVERS=wait run "$SRC/tests/bench/client"
exits 0 'client: done'
is "$(printf '%s\n' "$out" | grep -Ec '^(order +wait +6|lego +wait +1) ')" 2 \
    '... a line for each client'
like "$out" '^wait: requests per certificate, at most +[4-9][.][0-9]+ +9[.]00  met$' \
    '... with the aims'
COUNT=5 RUNS=2 NAMES=3 FIRST=5 run "$SRC/tests/bench/gateway"
exits 0 'gateway: done'
case $out in
needs*) skip 1 "$out" ;;
*) is "$(printf '%s\n' "$out" | grep -Ec ' (met|MISSED)$')" 6 '... with the aims' ;;
esac
RUNS=2 run "$SRC/tests/bench/connections"
exits 0 'connections: done'
like "$out" 'mode=resume runs=2 cpu=[0-9]' '... with TLS and sessions'
done_testing
