#!/bin/sh
# Goal: the whole way of a certificate to a gateway: what comes to the store is
# served by nginx with scripts/openresty, out of the Redis that redis-prime fills,
# else from acmed-admin; and what is renewed, when nginx-expire has told it.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/admin.sh"
. "$SRC/tests/lib/redis.sh"
. "$SRC/tests/lib/nginx.sh"
. "$SRC/tests/lib/openresty.sh"
skip_unless_has nginx openssl curl jq socat redis-cli

make_export_store
start_redis
cache_port=$(free_port)
cat >>"$ACMED_CONFIG" <<END
[redis]
url = redis://127.0.0.1:$redis_port
prime_style = 1
[nginx]
servers_pool = http://127.0.0.1:$cache_port
END
enter a DNS:a.example
enter w 'DNS:*.w.example'
"$BIN/acmed-admin" token add --scopes read+keys --no-header | cut -f2 >"$T/token"
chmod 600 "$T/token"
# It writes nothing through, so that what it says is the last.
admin_serve redis.url=
# renew NAME: what ends last is served.
renew() {
	sign "$1"
	sql "UPDATE certificates SET not_after = not_after + id
	    WHERE id = (SELECT max(id) FROM certificates)"
}
serve() {
	start_openresty "redis = { port = $redis_port, timeout = 0.5 }, missing = 1,
	    admin = { url = '$1', token_file = '$T/token', timeout = 2 }"
}

# ---- from acmed-admin, when the Redis has nothing ------------------------------

for url in "http://127.0.0.1:$admin_port/.well-known/admin" \
    "unix:$T/admin.sock:/.well-known/admin"; do
	serve "$url"
	is "$(shown a.example)" "$(digest "$T/a.crt")" "${url%%:*}: its certificate"
	is "$(grep -c BEGIN "$T/shown")" 2 '... with its chain'
	is "$(shown x.w.example)" "$(digest "$T/w.crt")" '... a wildcard'
	is "$(shown y.w.example)" "$(digest "$T/w.crt")" '... for another name'
	is "$(cache status | jq -c '.keys.valid | sort')" \
	    '["*.w.example","a.example"]' '... which is kept once'
	is "$(shown none.example)" "$(digest "$T/default.crt")" \
	    '... that of the configuration, for what is not there'
	is "$(cache status | jq -c .keys.invalid)" '["none.example"]' \
	    '... which acmed-admin has said'
	stop gateway
done
cp "$T/token" "$T/good"
serve "$url"
for n in x y; do
	shown $n.w.example >/dev/null
done
for n in '*' x; do
	renew w
	run "$BIN/nginx-expire" "$n.w.example"
	is "$(shown y.w.example)" "$(digest "$T/w.crt")" \
	    "a wildcard that is renewed, expired by $n.w.example"
done
stop gateway
printf 'none\n' >"$T/token"
serve "$url"
is "$(shown a.example)" "$(digest "$T/default.crt")" 'not without its token'
stop gateway
mv "$T/good" "$T/token"

# ---- out of the Redis, and what is renewed -------------------------------------

must "$BIN/redis-prime" -q --all
serve "$url"
is "$(shown a.example)" "$(digest "$T/a.crt")" 'out of the Redis'
cp "$T/a.crt" "$T/old.crt"
renew a
must "$BIN/redis-prime" -q --all
is "$(shown a.example)" "$(digest "$T/old.crt")" 'what is known is served'
run "$BIN/nginx-expire" a.example
exits 0 'nginx-expire'
is "$(shown a.example)" "$(digest "$T/a.crt")" '... then what is renewed'
enter first 'DNS:*.v.example'
must "$BIN/redis-prime" -q --all
is "$(shown y.v.example)" "$(digest "$T/first.crt")" 'a wildcard that is new'
done_testing
