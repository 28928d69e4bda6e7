#!/bin/sh
# Goal: acmed-admin has a pool of nginx servers forget certificates, and says
# what each has answered; it is told apart what is served nowhere, what only
# some servers have done, and that nobody does the work.
# shellcheck disable=SC2016 # variables of jq
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
. "$SRC/tests/lib/nginx.sh"
. "$SRC/tests/lib/openresty.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has nginx openssl sqlite3 curl jq socat

make_export_store
enter one DNS:a.example
enter two 'DNS:a.example,DNS:*.w.example,IP:2001:db8::1'
enter address IP:2001:db8::1
start_redis
start_openresty "redis = { port = $redis_port, timeout = 0.5 }, missing = 1"
closed=$(free_port)
cp "$ACMED_CONFIG" "$T/base.conf"
# pool URL...
pool() {
	{
		cat "$T/base.conf"
		printf '[nginx]\ntimeout = 2s\n'
		[ $# -eq 0 ] || printf 'servers_pool = %s\n' "$@"
	} >"$ACMED_CONFIG"
	"$SRC/scripts/lib/conf-set" "admin.work_socket=$T/work.sock" \
	    <"$ACMED_CONFIG" >"$T/work.conf"
}
up=http://127.0.0.1:$cache_port down=http://127.0.0.1:$closed
pool "$up"
work_serve
admin_token read write order
admin_serve "admin.work_socket=$T/work.sock"
# post PATH [OPTION...]
post() {
	post_path=$1
	shift
	ask "$post_path" -d '' "$@"
}
# has FILTER NAME: of the last answer, as jq says.
has() {
	ok "$2" jq -e --arg up "$up" --arg down "$down" "$1" "$T/body"
}
# was_asked PATH NAME: nginx was, last.
was_asked() {
	is "$(asked gateway | grep -v /status | sed 's/^200 - //')" \
	    "GET /.peter_sslers/nginx/shared_cache/expire/$1 HTTP/1.1" "$2"
}

# ---- who may -----------------------------------------------------------------

for path in /api/nginx/cache-flush.json /domain/a.example/nginx-cache-expire \
    /certificate/1/nginx-cache-expire.json; do
	post "$path" -H "@$T/token.read"
	answers 403 "without write: $path"
	ask "$path" -H "@$T/token.write"
	answers 405 '... GET'
done
post /api/nginx/status -H "@$T/token.order"
answers 403 'status without read'

# ---- what is done --------------------------------------------------------------

post /api/nginx/status.json -H "@$T/token.read"
answers 200 'status'
has '.result == "success" and .servers_status.success == [$up]
    and .servers_status.errors == []
    and .servers_status.servers[$up].result == "success"
    and (has("operations_event") | not)' '... what the servers say'
post /api/nginx/cache-flush -H "@$T/token.write"
answers 200 'flush'
has '.result == "success" and .servers_status.success == [$up]
    and .servers_status.servers[$up].expired == "all" and .effective_in >= 0' \
    '... says so'
was_asked all '... all was expired'
id=$(jq -r .operations_event.id "$T/body")
is "$(sql "SELECT action FROM events WHERE id = $id")" nginx.expire \
    '... which is that event'
for path in domain/a.example domain/A.Example. domain/1 certificate/1 \
    certificate-signed/1 x509-certificate/1; do
	post "/$path/nginx-cache-expire.json"
	answers 200 "$path"
	was_asked domain/a.example '... that was expired'
done
post /domain/none.example/nginx-cache-expire
answers 200 'a name that is not in the store'
was_asked domain/none.example '... may be in a cache all the same'
post /certificate/2/nginx-cache-expire
answers 200 'a certificate for several'
is "$(asked gateway | grep -o 'expire/.* ' | sort)" \
    "$(printf 'expire/domain/%s \n' '*.w.example' a.example)" \
    '... all that have an SNI'
post /certificate/3/nginx-cache-expire
answers 409 'a certificate for an address'
for path in certificate/99 domain/99 domain/a%0ab domain/a%20b; do
	post "/$path/nginx-cache-expire"
	answers 404 "nothing: $path"
done
is "$(asked gateway)" '' '... and nginx hears nothing of it'

# ---- servers that are away -------------------------------------------------------

pool "$up" "$down"
post /api/nginx/cache-flush.json
answers 200 'one of two'
has '.result == "success" and .servers_status.success == [$up]
    and .servers_status.errors == [$down]
    and .servers_status.servers[$down].status == "error"' '... which'
pool "$down"
post /api/nginx/cache-flush.json
answers 502 'none'
has '.result == "error" and .servers_status.errors == [$down]
    and .operations_event.id != null' '... says why'
post /api/nginx/status.json
answers 502 'no status'
pool
post /api/nginx/status.json
answers 409 'no pool'
like "$body" 'servers_pool' '... says what is missing'
stop work
post /api/nginx/cache-flush.json
answers 503 'nobody does the work'
like "$body" 'acmed-admin work: .*nobody listens' '... says so'
like "$(header Retry-After)" '^[0-9]+$' '... and to come again'
# What is no reply; the request is read first.
rm -f "$T/work.sock"
printf '#!/bin/sh\nread -r line; printf "%%b" "$(cat "%s")"\n' "$T/reply" \
    >"$T/answers"
chmod 755 "$T/answers"
start strange socat "UNIX-LISTEN:$T/work.sock,fork" "EXEC:$T/answers"
must wait_for 10 test -S "$T/work.sock"
for reply in '' x '0 9 \n{}' '0 1 \n{}' '999 0 \n' '0 -1 \n' '0  2\n{}' \
    '0 2\n{}' '0 99999999999 \n' '0 0 a\001b\n'; do
	printf '%s' "$reply" >"$T/reply"
	post /api/nginx/status.json
	answers 500 "no reply: $reply"
done
printf '0 2 \n{}' >"$T/reply"
post /api/nginx/status.json
answers 502 'a reply that says nothing'
ok 'the store is sound' "$BIN/acmed-store" check

done_testing
