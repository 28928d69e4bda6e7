#!/bin/sh
# Goal: nginx with scripts/openresty serves what redis-prime has written, by the
# server name, for each type of key, in both styles of peter_sslers; what was
# replaced is served when it was expired; a Redis that is away harms nothing that
# is known, and is not taken for a name without a certificate.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
. "$SRC/tests/lib/nginx.sh"
. "$SRC/tests/lib/openresty.sh"
skip_unless_has nginx openssl sqlite3 curl jq

make_export_store
start_redis
cp "$ACMED_CONFIG" "$T/base.conf"
# settings STYLE
settings() {
	cat "$T/base.conf" - >"$ACMED_CONFIG" <<-END
		[redis]
		url = redis://127.0.0.1:$redis_port
		prime_style = $1
		[nginx]
		servers_pool = http://127.0.0.1:$cache_port
	END
}
prime() {
	must "$BIN/redis-prime" -q "$@"
}
serve() {
	start_openresty "redis = { port = $redis_port, timeout = 0.5 }, missing = 1, $*"
}
errors() {
	grep -v 'SSL_do_handshake\|SSL_read\|SSL_shutdown' "$T/gateway/errors" |
	    grep '\[\(error\|alert\|crit\|emerg\)\]'
}

# ---- each type of key, both styles ---------------------------------------------

cache_port=$(free_port)
types='rsa2048 rsa3072 rsa4096 p256 p384 ed25519'
# made TYPE NAME: $T/TYPE.crt and its key, in the store.
made() {
	case $1 in
	rsa*) set -- "$1" "$2" RSA -pkeyopt "rsa_keygen_bits:${1#rsa}" ;;
	p*) set -- "$1" "$2" EC -pkeyopt "ec_paramgen_curve:P-${1#p}" ;;
	*) set -- "$1" "$2" "$1" ;;
	esac
	request "$1" "DNS:$2" "$3" ${4+"$4" "$5"}
	openssl x509 -req -in "$T/$1.csr" -CA "$T/ca.crt" -CAkey "$T/ca.key" \
	    -days 9 -extfile - -out "$T/$1.crt" 2>/dev/null <<-END
		subjectAltName = DNS:$2
	END
	must "$BIN/cert-import" --key "$T/$1.key" "$T/$1.crt" "$T/ca.crt"
}
make_ca ca
for type in $types; do
	made "$type" "$type.example"
done
serve 'fresh = 600'
for style in 1 2; do
	settings $style
	r flushall >/dev/null
	prime --all
	cache expire/all >/dev/null
	for type in $types; do
		is "$(shown "$type.example")" "$(digest "$T/$type.crt")" \
		    "style $style: $type"
		is "$(grep -c BEGIN "$T/shown")" 2 '... with its chain'
	done
	is "$(shown p256.example -tls1_2)" "$(digest "$T/p256.crt")" '... TLS 1.2'
	is "$(shown P256.Example.)" "$(digest "$T/p256.crt")" \
	    '... as a client may spell it'
	is "$(shown none.example)" "$(digest "$T/default.crt")" \
	    '... a name that is not there: the one of the configuration'
done
is "$(errors)" '' 'no error was logged'
is "$(openssl s_client -connect "127.0.0.1:$tls_port" -noservername </dev/null \
    2>/dev/null | openssl x509 -noout -fingerprint -sha256)" \
    "$(digest "$T/default.crt")" 'no name at all: that of the configuration'
like "$(cache status | jq -c .keys)" 'p384.example.*"invalid":\[("none.example")?\]' \
    'the status names what is held'

# ---- replaced, and expired -------------------------------------------------------

old=$(digest "$T/p256.crt")
must "$BIN/cert-manage" deactivate "$(sql "SELECT id FROM certificates WHERE
    sha256 = x'$(digest "$T/p256.crt" | sed 's/.*=//; s/://g')'")"
made p256 p256.example
prime --all
is "$(shown p256.example)" "$old" 'replaced, and not expired: the old one'
run "$BIN/nginx-expire" --no-header rsa2048.example
is "$(shown p256.example)" "$old" '... also when another name is'
run "$BIN/nginx-expire" --no-header p256.example
exits 0 'nginx-expire NAME'
is "$out" "$(printf 'http://127.0.0.1:%s\tsuccess\tdomain\t0' "$cache_port")" \
    '... that name only, and at once'
n=0 bad=''
while [ $n -lt 8 ]; do
	[ "$(shown p256.example)" = "$(digest "$T/p256.crt")" ] || bad="$bad $n"
	n=$((n + 1))
done
is "$bad" '' '... in each worker'
made p384 p384.example
prime --all
run "$BIN/nginx-expire" -j --all
is "$(printf '%s' "$out" | jq -c '[.result, .effective_in]')" '["success",0]' \
    'nginx-expire --all'
is "$(shown p384.example)" "$(digest "$T/p384.crt")" '... serves what is new'
run "$BIN/nginx-expire" --no-header --status
is "$(printf '%s' "$out" | cut -f2-5)" \
    "$(printf 'success\tacmed:nginx\t0.1.0\t1')" '... and has forgotten the rest'

# ---- wildcards -------------------------------------------------------------------

enter w 'DNS:*.w.example'
prime '*.w.example'
is "$(shown x.w.example)" "$(digest "$T/w.crt")" 'a wildcard'
is "$(shown x.y.w.example)" "$(digest "$T/default.crt")" '... is for one label'
is "$(shown w.example)" "$(digest "$T/default.crt")" '... which is there'
enter x DNS:x.w.example
prime x.w.example
run "$BIN/nginx-expire" x.w.example
is "$(shown x.w.example)" "$(digest "$T/x.crt")" '... a certificate of its own is rather taken'
is "$(shown z.w.example)" "$(digest "$T/w.crt")" '... for that name'
must "$BIN/cert-manage" deactivate "$(sql 'SELECT max(id) - 1 FROM certificates')"
sign w
prime '*.w.example'
run "$BIN/nginx-expire" '*.w.example'
is "$(shown z.w.example)" "$(digest "$T/w.crt")" '... replaced'
shown y.w.example >/dev/null
sign w
prime '*.w.example'
run "$BIN/nginx-expire" z.w.example
is "$(shown y.w.example)" "$(digest "$T/w.crt")" '... and by a name that it is for'
# questions: how often the Redis was asked for a name.
questions() {
	r info commandstats | sed -n 's/^cmdstat_hmget:calls=\([0-9]*\).*/\1/p'
}
for n in z.w x.w rsa2048; do
	shown $n.example >/dev/null
done
before=$(questions)
for n in z.w y.w z.w x.w rsa2048 z.w; do
	shown $n.example >/dev/null
done
is "$(questions)" "$before" 'what is known is not asked for'

# ---- a Redis that is away ----------------------------------------------------------

stop redis
is "$(shown p384.example)" "$(digest "$T/p384.crt")" \
    'a Redis that refuses: what is known is served'
run "$BIN/nginx-expire" --all
is "$(shown p384.example)" "$(digest "$T/p384.crt")" '... also when it was expired'
is "$(shown any.w.example)" "$(digest "$T/w.crt")" '... and by a wildcard'
is "$(shown rsa3072.example)" "$(digest "$T/rsa3072.crt")" '... all of it'
enter n DNS:n.example
is "$(shown n.example)" "$(digest "$T/default.crt")" '... what is new is not'
is "$(cache status | jq -c .keys.invalid)" '[]' '... which nobody takes for none'
like "$(cat "$T/gateway/errors")" 'acmed: redis: connection refused' '... and is told of'
start_redis
prime --all
sleep 1.1 # a source that has failed is left alone for a second
is "$(shown n.example)" "$(digest "$T/n.crt")" 'there again: it is'
is "$(shown p384.example)" "$(digest "$T/p384.crt")" '... and the others'
must kill -STOP "$(cat "$T/redis.pid")"
run "$BIN/nginx-expire" --all
is "$(shown n.example)" "$(digest "$T/n.crt")" 'a Redis that hangs: what is known is served'
must kill -CONT "$(cat "$T/redis.pid")"
run "$BIN/nginx-expire" --all
r config set requirepass secret >/dev/null
r client kill type normal skipme no >/dev/null
is "$(shown n.example)" "$(digest "$T/n.crt")" 'a Redis that wants a password: the same'
stop redis
start_redis

# ---- what is gone, or is nothing -----------------------------------------------------

prime --all
sleep 1.1
run "$BIN/nginx-expire" --all
is "$(shown n.example)" "$(digest "$T/n.crt")" 'it is there'
r del d1:n.example d2:n.example >/dev/null
run "$BIN/nginx-expire" n.example
is "$(shown n.example)" "$(digest "$T/default.crt")" 'removed, and expired: it is gone'
is "$(cache status | jq -c .keys.invalid)" '["n.example"]' '... which is kept'
prime --all
n_is_shown() {
	[ "$(shown n.example)" = "$(digest "$T/n.crt")" ]
}
must wait_for 10 n_is_shown
pass '... but not for long'
r hset d2:bad.example f garbage p garbage >/dev/null
is "$(shown bad.example)" "$(digest "$T/default.crt")" 'garbage: that of the configuration'
r hset d2:mixed.example f "$(cat "$T/n.crt")" p "$(cat "$T/x.key")" >/dev/null
is "$(shown mixed.example)" '' 'a key of another, and nothing known: it fails'
is "$(shown mixed.example)" "$(digest "$T/default.crt")" \
    '... that of the configuration, the second time'
for known in x.w p384; do
	is "$(shown $known.example)" "$(digest "$T/${known%.w}.crt")" "$known is known"
	r hset d2:$known.example f "$(cat "$T/${known%.w}.crt")" \
	    p "$(cat "$T/n.key")" >/dev/null
	r del d1:$known.example >/dev/null
	run "$BIN/nginx-expire" $known.example
	: >"$T/gateway/errors"
	for time in first second; do
		is "$(shown $known.example)" "$(digest "$T/${known%.w}.crt")" \
		    "... and served when its key is that of another, the $time time"
	done
	like "$(errors)" "acmed: redis: $known.example: " '... which is told of'
done
prime --all

# ---- a part of it is missing ---------------------------------------------------------

# part NAME FIELD: the key that its field points to.
part() {
	printf '%s:%s' "$2" "$(r hget "d1:$1" "$2")"
}
settings 1
prime --all
r del d2:p384.example >/dev/null
run "$BIN/nginx-expire" p384.example
is "$(shown p384.example)" "$(digest "$T/p384.crt")" 'it is known'
: >"$T/gateway/errors"
r del "$(part p384.example c)" >/dev/null
run "$BIN/nginx-expire" p384.example
is "$(shown p384.example)" "$(digest "$T/p384.crt")" \
    '... and served when what its name points to is not there'
r hdel d1:p384.example i >/dev/null
run "$BIN/nginx-expire" p384.example
is "$(shown p384.example)" "$(digest "$T/p384.crt")" '... or is not named'
like "$(errors)" 'acmed: redis: p384.example: a part of it is missing' \
    '... which is told of'
r hset d1:half.example c 1 p 1 i 999 >/dev/null
is "$(shown half.example)" "$(digest "$T/default.crt")" \
    'half of what is not known: that of the configuration'
unlike "$(cache status | jq -c .keys.invalid)" half.example \
    '... which nobody takes for none'
prime --flush
settings 2
prime --all
is "$(shown 'a/b.example')" "$(digest "$T/default.crt")" 'no name'
is "$(cache expire/other | jq -c '[.result, .reason]')" '["error","Unknown URI"]' \
    'no path'

# ---- deployed ----------------------------------------------------------------------

targets=$T/targets.conf
printf '[client]\ntargets_file = %s\n' "$targets" >>"$ACMED_CONFIG"
cat >"$targets" <<END
[keys]
kind = redis
url = redis://127.0.0.1:$redis_port
prime_style = 2
[caches]
kind = nginx
servers_pool = http://127.0.0.1:$cache_port
prove = 127.0.0.1:$tls_port
END
run "$BIN/renew-queue" deploy
exits 0 'deployed, and proved'
must "$BIN/cert-manage" deactivate "$(sql 'SELECT max(id) FROM certificates')"
sign n
run "$BIN/renew-queue" deploy
exits 0 'a new certificate as well'
is "$(shown n.example)" "$(digest "$T/n.crt")" '... is served'

# ---- what clients ask for in vain ----------------------------------------------------

stop gateway
serve 'missing = 60'
# Names of 250 bytes, no two of them the same.
label=$(printf '%060d' 0)
seq -f "%03.0f.$label.$label.$label.$label.x" 400 >"$T/names"
xargs -P 2 -I NAME openssl s_client -connect "127.0.0.1:$tls_port" \
    -servername NAME <"$T/names" >"$T/hellos" 2>&1
like "$(cache status | wc -c)" '^[23][0-9]{4}$' 'so much of them is told'
run "$BIN/nginx-expire" --status --no-header
exits 0 'a status has an end, whatever clients ask for'
like "$(printf '%s' "$out" | cut -f6)" '^[1-9][0-9]+$' '... and says what it has'

# ---- the example -------------------------------------------------------------------

stop gateway
printf 'secret\n' >"$T/redis.password"
r config set requirepass secret >/dev/null
printf 'op:%s\n' "$(openssl passwd -apr1 word)" >"$T/htpasswd"
nginx_http=''
sed -e "s|/usr/local/share/acmed/openresty|$SRC/scripts/openresty|" \
    -e "s|/run/redis/redis-server.sock|$T/redis.sock|" \
    -e "s|/etc/nginx/redis.password|$T/redis.password|" \
    -e "s|/etc/nginx/default|$T/default|" \
    -e "s|/etc/nginx/acmed.htpasswd|$T/htpasswd|" \
    -e "s|listen 443|listen 127.0.0.1:$tls_port|" -e '/listen \[/d' \
    -e "s|127.0.0.1:8081|127.0.0.1:$cache_port|" \
    "$SRC/scripts/openresty/nginx.conf" | start_nginx gateway
is "$(shown n.example)" "$(digest "$T/n.crt")" \
    'the example serves, from a unix socket with a password'
printf 'op:word\n' >"$T/userpass"
chmod 600 "$T/userpass"
sed -i "s|^servers_pool|userpass_file = $T/userpass\n&|" "$ACMED_CONFIG"
run "$BIN/nginx-expire" --no-header n.example
exits 0 '... and nginx-expire may expire'
is "$(curl -s -o /dev/null -w '%{http_code}' \
    "http://127.0.0.1:$cache_port/.peter_sslers/nginx/shared_cache/expire/all")" \
    401 '... but nobody else'
done_testing
