#!/bin/sh
# Goal: nginx with scripts/openresty asks acmed-admin for a name when the Redis
# does not have it, as peter_sslers' gateway does, with its token; what it says
# is kept, and what it cannot say is not.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/redis.sh"
. "$SRC/tests/lib/nginx.sh"
. "$SRC/tests/lib/openresty.sh"
skip_unless_has nginx openssl curl jq socat

start_redis
make_ca ca
admin_port=$(free_port)
mkdir "$T/answers"
# A stand-in: what is in the files, for whoever has the token.
start_admin() {
	nginx_main='' nginx_http=''
	start_nginx admin <<-END
		server {
			listen 127.0.0.1:$admin_port;
			listen unix:$T/admin.sock;
			default_type application/json;
			if (\$http_authorization != 'Bearer t.o-k_en') { return 401; }
			location ~ ^/adm/domain/([^/]+)/config.json\$ {
				alias $T/answers/\$1;
				error_page 404 @none;
			}
			location @none {
				return 404 '{"result":"error","error":"no such domain"}';
			}
		}
	END
}
start_admin
printf 't.o-k_en\n' >"$T/token"
# answer NAME KEY [MEMBER]...: under KEY what is for NAME; others are null.
answer() {
	[ -e "$T/$1.crt" ] || make_leaf ca "$1" "DNS:$1"
	jq -n --arg key "$2" --arg name "$1" \
	    --rawfile crt "$T/$1.crt" --rawfile ca "$T/ca.crt" \
	    --rawfile pem "$T/$1.key" '{domain: {id: "1", domain_name: $name,
	    is_active: true}, certificate_signed__latest_multi: null,
	    ($key): {id: "9", private_key: {id: "3", pem: $pem},
	    fullchain: {id: "9,2", pem: ($crt + $ca)}}}' >"$T/answers/$1"
}
# serve OPTIONS [REDIS]: of admin, and of redis.
serve() {
	start_openresty "missing = 1,
	    redis = { port = $redis_port, timeout = 0.5 },
	    admin = { token_file = '$T/token', timeout = 1, $1 }"
}
again() {
	stop gateway
	: >"$T/gateway/errors"
	asked admin >"$T/dropped"
	serve "$@"
}

answer a.example certificate_signed__latest_multi
answer b.example certificate_signed__latest_single
answer c.example x509_certificate__latest_multi
answer d.example x509_certificate__latest_single
serve "url = 'http://127.0.0.1:$admin_port/adm/'"
for n in a b c d; do
	is "$(shown $n.example)" "$(digest "$T/$n.example.crt")" \
	    "$(jq -r 'keys_unsorted[-1]' "$T/answers/$n.example")"
	is "$(grep -c BEGIN "$T/shown")" 2 '... with its chain'
done
is "$(asked admin | head -n 1)" \
    '200 - GET /adm/domain/a.example/config.json?openresty=1 HTTP/1.1' \
    'it is asked as peter_sslers is'
cp "$T/answers/a.example" "$T/answers/7"
is "$(shown 7)" "$(digest "$T/default.crt")" 'a number is no name'
unlike "$(asked admin)" '/domain/7/' '... and not asked for'
n=0
while [ $n -lt 6 ]; do
	shown a.example >/dev/null
	n=$((n + 1))
done
is "$(asked admin)" '' '... once'
is "$(shown none.example)" "$(digest "$T/default.crt")" \
    'what it does not know: that of the configuration'
is "$(cache status | jq -c .keys.invalid)" '["none.example"]' '... which is kept'

# ---- what is no answer -----------------------------------------------------------

# no NAME WHAT: it gets that of the configuration; $kept is whether that is kept.
no() {
	is "$(shown "$1")" "$(digest "$T/default.crt")" "$2"
	is "$(cache status | jq -c --arg n "$1" '.keys.invalid | index($n) != null')" \
	    "$kept" "... kept: $kept"
}
kept=true
jq '.certificate_signed__latest_single = null |
    .certificate_signed__latest_multi.private_key = null' \
    "$T/answers/a.example" >"$T/answers/e.example"
no e.example 'private_key is null'
none='{"certificate_signed__latest_single":null,
    "certificate_signed__latest_multi":null}'
echo "$none" >"$T/answers/f.example"
no f.example 'all are null'
echo "$none" | sed 's/certificate_signed/x509_certificate/' >"$T/answers/later.example"
no later.example '... as later versions of peter_sslers spell it'
kept=false
echo '<html>' >"$T/answers/g.example"
no g.example 'HTML'
like "$(cat "$T/gateway/errors")" 'acmed: admin: what it answers is no JSON' '... is told of'
sleep 1.1
jq '.certificate_signed__latest_multi.fullchain.pem = "x"' \
    "$T/answers/a.example" >"$T/answers/h.example"
no h.example 'garbage'
is "$(shown a.example)" "$(digest "$T/a.example.crt")" '... and what is known is served'

# useless WHAT JSON: for a.example, whose certificate is known.
useless() {
	printf '%s\n' "$2" >"$T/answers/a.example"
	: >"$T/gateway/errors"
	sleep 1.1 # a source that has failed is left alone for a second
	cache expire/all >"$T/dropped"
	is "$(shown a.example)" "$(digest "$T/a.example.crt")" \
	    "$1: what is known is served on"
	is "$(grep -c 'acmed: admin: what it answers' "$T/gateway/errors")" 1 \
	    '... which is told of, once'
	is "$(cache status | jq -c '.keys.invalid | index("a.example")')" null \
	    '... and nobody takes it for none'
}
cp "$T/answers/a.example" "$T/known"
useless 'an array' '[]'
useless 'an object with nothing in it' '{}'
useless 'one of somebody else' '{"status":"ok"}'
useless 'a string' '"ok"'
useless 'null' null
useless 'nothing of one with this name alone' \
    '{"certificate_signed__latest_multi":null}'
for wrong in '""' 0 false '{}' '[]' '{"private_key":{"pem":1},"fullchain":{"pem":1}}'; do
	useless "a certificate that is $wrong" \
	    "{\"certificate_signed__latest_single\":null,\"certificate_signed__latest_multi\":$wrong}"
done
sleep 1.1
printf '%s\n' "$none" >"$T/answers/a.example"
cache expire/all >"$T/dropped"
kept=true
no a.example 'what was known, and is no more'
kept=false
cp "$T/known" "$T/answers/a.example"

echo wrong >"$T/token"
again "url = 'http://127.0.0.1:$admin_port/adm'"
no a.example 'a wrong token'
like "$(cat "$T/gateway/errors")" 'acmed: admin: it answers with HTTP 401' '... is told of'
unlike "$(cat "$T/gateway/errors")" wrong '... without it'

printf 't.o-k_en\n' >"$T/token"
again "url = 'unix:$T/admin.sock:/adm'"
is "$(shown a.example)" "$(digest "$T/a.example.crt")" 'over a unix socket'
stop admin
no b.example 'it is away'
is "$(shown a.example)" "$(digest "$T/a.example.crt")" '... and what is known is served'
cache expire/all >"$T/dropped"
is "$(shown a.example)" "$(digest "$T/a.example.crt")" '... also when it was expired'
rm -f "$T/admin.sock"
start_admin
sleep 1.1 # a source that has failed is left alone for a second
is "$(shown b.example)" "$(digest "$T/b.example.crt")" 'there again'

# ---- what is not HTTP as it should be ------------------------------------------------

# Another stand-in: to METHOD it says what is in said.METHOD when it is asked, but
# not while there is hold.METHOD.
cat >"$T/speak" <<'END'
#!/bin/sh
cd "$(dirname "$0")" || exit
IFS= read -r first
method=${first%% *} length=0
cp "said.$method" said.$$
while IFS= read -r line && [ ${#line} -gt 1 ]; do
	case $line in Content-Length:*) length=$(echo "$line" | tr -cd 0-9) ;; esac
done
head -c "$length" >>bodies
printf '%s\n' "${first% *}" >>heard
while [ -e "hold.$method" ]; do sleep 0.02; done
cat said.$$
END
chmod +x "$T/speak"
start speaker socat "UNIX-LISTEN:$T/speaker.sock,fork" "EXEC:$T/speak"
must wait_for 10 test -S "$T/speaker.sock"
# speaks METHOD STATUS FILE [FIELD]: with these fields of a head, or else its
# length.  says FILE [FIELD]: to GET.
speaks() {
	{
		printf 'HTTP/1.1 %s X\r\n%b\r\n' "$2" \
		    "${4-Content-Length: $(wc -c <"$3")\\r\\n}"
		cat "$3"
	} >"$T/said.$1"
}
says() {
	speaks GET 200 "$@"
}
again "url = 'unix:$T/speaker.sock:'"
# heads NAME FIELDS ERE: no, and that is told of.
heads() {
	says "$T/answers/a.example" "$2"
	: >"$T/gateway/errors"
	no "$1" "$3"
	like "$(cat "$T/gateway/errors")" "acmed: admin: $3" '... which is told of'
	sleep 1.1 # a source that has failed is left alone for a second
}
says "$T/answers/a.example"
is "$(shown a.example)" "$(digest "$T/a.example.crt")" 'with a length: it is taken'
kept=false
heads i.example '' 'an answer without its length'
heads j.example 'Content-Length: -1\r\n' 'an answer without its length'
heads k.example 'Transfer-Encoding: chunked\r\n' 'an answer in chunks'
heads l.example "$(yes 'X-Field: 1\r\n' | head -n 1999 | tr -d '\n')" \
    'the head of its answer is too long'
heads m.example 'Content-Length: 262145\r\n' 'its answer is too long'
# endless FORMAT WHAT: it says this, and then a line that does not end.
endless() {
	# shellcheck disable=SC2059 # it is a format
	{
		printf "$1"
		head -c 9999999 /dev/zero | tr '\0' a
	} >"$T/said.GET"
	: >"$T/gateway/errors"
	no n.example "a line that does not end, after $2"
	like "$(cat "$T/gateway/errors")" \
	    'acmed: admin: the head of its answer is too long' '... which is told of'
	sleep 1.1
}
endless '' nothing
endless 'HTTP/1.1 200 OK\r\n' 'a status'
endless 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n' 'a length'

again "url = 'http://127.0.0.1:$admin_port/other'"
no a.example 'a wrong prefix'
like "$(cat "$T/gateway/errors")" 'acmed: admin: it answers with HTTP 404' \
    '... which is told of'

# ---- expired while it is asked -----------------------------------------------------

# was_asked COUNT: so often.
was_asked() {
	[ "$(grep -c '^GET' "$T/heard")" -ge "$1" ]
}
cp "$T/answers/a.example" "$T/first"
make_leaf ca second DNS:a.example
jq --rawfile crt "$T/second.crt" --rawfile key "$T/second.key" \
    '.certificate_signed__latest_multi |= (.private_key.pem = $key |
    .fullchain.pem = $crt)' "$T/first" >"$T/second"
for what in domain/a.example all; do
	again "timeout = 10, url = 'unix:$T/speaker.sock:'"
	: >"$T/heard"
	: >"$T/hold.GET"
	says "$T/first"
	openssl s_client -connect "127.0.0.1:$tls_port" -servername a.example \
	    </dev/null >"$T/early" 2>/dev/null &
	early=$!
	must wait_for 10 was_asked 1
	# One that waits for what the other one hears.
	openssl s_client -connect "127.0.0.1:$tls_port" -servername a.example \
	    </dev/null >"$T/late" 2>/dev/null &
	late=$!
	sleep 0.3
	says "$T/second"
	cache "expire/$what" >"$T/dropped"
	rm "$T/hold.GET"
	wait $early $late
	is "$(digest "$T/early")" "$(digest "$T/a.example.crt")" \
	    "expire/$what while it is asked: this handshake has what it said"
	like "$(digest "$T/late")" "$(digest "$T/a.example.crt")|$(digest "$T/second.crt")" \
	    '... one that has waited has it, or what is new'
	is "$(shown a.example)" "$(digest "$T/second.crt")" '... the next one asks again'
	is "$(grep -c '^GET' "$T/heard")" 2 '... once'
	shown a.example >/dev/null
	is "$(grep -c '^GET' "$T/heard")" 2 '... and no more'
done

# ---- orders ------------------------------------------------------------------------

# ask_first NAME: a handshake, which goes on; what comes of it is in $T/NAME.early.
ask_first() {
	openssl s_client -connect "127.0.0.1:$tls_port" -servername "$1" \
	    </dev/null >"$T/$1.early" 2>/dev/null &
	early=$!
}
ordering() {
	cache status | jq -c .keys.autocert
}
for n in o p q r; do
	answer $n.example certificate_signed__latest_single
done
echo '{"result":"error","error":"no such domain"}' >"$T/none"
speaks GET 404 "$T/none"
speaks POST 200 "$T/answers/o.example"
again "url = 'unix:$T/speaker.sock:/adm'"
: >"$T/heard"
kept=true
no o.example 'unless autocert is set'
is "$(cat "$T/heard")" 'GET /adm/domain/o.example/config.json?openresty=1' \
    '... nothing is ordered'

again "autocert = true, url = 'unix:$T/speaker.sock:/adm'"
: >"$T/heard"
: >"$T/bodies"
is "$(shown O.example)" "$(digest "$T/o.example.crt")" \
    'autocert: what is not known is ordered'
is "$(cat "$T/heard" "$T/bodies")" 'GET /adm/domain/o.example/config.json?openresty=1
POST /adm/api/domain/autocert.json?openresty=1
domain_name=o.example' '... after it was asked for'
is "$(shown o.example)$(wc -l <"$T/heard")" "$(digest "$T/o.example.crt")2" \
    '... and kept'
echo "$none" >"$T/empty"
says "$T/empty"
speaks POST 200 "$T/answers/q.example"
is "$(shown q.example)" "$(digest "$T/q.example.crt")" \
    'so is what is known, and has no certificate'

speaks GET 404 "$T/none"
speaks POST 200 "$T/answers/p.example"
: >"$T/heard"
: >"$T/hold.POST"
ask_first p.example
must wait_for 10 grep -q ^POST "$T/heard"
is "$(ordering)" '["p.example"]' 'while it is ordered: the status has it'
is "$(shown p.example)" "$(digest "$T/default.crt")" '... another handshake does not wait'
is "$(wc -l <"$T/heard")" 2 '... and asks nobody'
sleep 1.1 # longer than each step of other requests may take
rm "$T/hold.POST"
wait $early
is "$(digest "$T/p.example.early")" "$(digest "$T/p.example.crt")" \
    '... the first one has waited'
is "$(ordering) $(shown p.example)" "[] $(digest "$T/p.example.crt")" \
    '... and what it has heard is kept'

kept=true
for status in 403 409 429 502 504; do
	echo '{"result":"error","error":"no, it is not"}' >"$T/error"
	speaks GET 404 "$T/none"
	speaks POST $status "$T/error"
	no no$status.example "ordering it is refused with $status"
	says "$T/answers/r.example"
	is "$(shown yes$status.example)" "$(digest "$T/r.example.crt")" \
	    '... which says nothing of others'
done
like "$(cat "$T/gateway/errors")" 'info.* no502.example: no order: HTTP 502: no, it is not' \
    'the log says so, of who wants to know'
unlike "$(cat "$T/gateway/errors")" '\[error\]' '... and nothing is wrong'

speaks GET 404 "$T/none"
speaks POST 200 "$T/answers/o.example"
: >"$T/heard"
long=$(printf %064d 0 | tr 0 a)
for name in 192.0.2.1 a_b.example -a.example a-.example a..example "$long.example"; do
	no "$name" "no name: $name"
done
openssl s_client -connect "127.0.0.1:$tls_port" -noservername </dev/null \
    >"$T/shown" 2>/dev/null
is "$(digest "$T/shown")" "$(digest "$T/default.crt")" 'no name at all'
unlike "$(cat "$T/heard")" ^POST '... nothing of this is ordered'

# order_ends: no order is under way; for wait_for.
order_ends() {
	[ "$(ordering)" = '[]' ]
}
stop gateway
start_openresty "missing = 1, admin = { token_file = '$T/token', timeout = 1,
    autocert = true, url = 'unix:$T/speaker.sock:/adm' }" \
    'client_header_timeout 1s;'
for how in given-up gone refused; do
	answer $how.example certificate_signed__latest_single
	echo '{"result":"error","error":"no, it is not"}' >"$T/error"
	speaks GET 404 "$T/none"
	speaks POST 200 "$T/answers/$how.example"
	[ $how != refused ] || speaks POST 502 "$T/error"
	: >"$T/heard"
	: >"$T/hold.POST"
	ask_first $how.example
	must wait_for 10 grep -q ^POST "$T/heard"
	[ $how != gone ] || kill -KILL $early
	wait $early 2>"$T/dropped"
	is "$(grep -c BEGIN "$T/$how.example.early")" 0 \
	    "$how: a handshake that has not waited for its order"
	is "$(ordering)" "[\"$how.example\"]" '... which goes on'
	is "$(shown $how.example)" "$(digest "$T/default.crt")" \
	    '... another one does not wait'
	[ $how = refused ] || says "$T/answers/$how.example"
	rm "$T/hold.POST"
	ok '... it ends' wait_for 10 order_ends
	want=$how.example
	[ $how != refused ] || want=default
	is "$(shown $how.example)" "$(digest "$T/$want.crt")" \
	    "... and the next one has that of $want"
done
echo '<html>' >"$T/error"
speaks POST 502 "$T/error"
no s.example 'no answer of its'
like "$(cat "$T/gateway/errors")" 'error.* acmed: admin: it answers with HTTP 502' \
    '... which is told of'

# ---- beside a Redis ----------------------------------------------------------------

again "url = 'http://127.0.0.1:$admin_port/adm'"
make_leaf ca own DNS:a.example
r hset d2:a.example f "$(cat "$T/own.crt")" p "$(cat "$T/own.key")" >/dev/null
cache expire/domain/a.example >"$T/dropped"
is "$(shown a.example)" "$(digest "$T/own.crt")" 'the Redis is asked first'
stop redis
is "$(shown c.example)" "$(digest "$T/c.example.crt")" \
    'a Redis that is away: it is asked'
kept=false
no nothing.example '... but that it does not know a name'

again "url = 'http://127.0.0.1:$admin_port/adm', per_second = 1"
shown a.example >/dev/null
bad=''
for n in 1 2 3; do
	cache expire/domain/a.example >"$T/dropped"
	sleep 1.1 # a second of its own
	asked admin >"$T/dropped"
	for stranger in s t u v; do
		shown $stranger$n.example >/dev/null
	done
	shown a.example >/dev/null
	asked admin | grep -q '/a\.example/' || bad="$bad $n"
done
is "$bad" '' 'what is known is asked for, however many strangers there are'

again "url = 'http://127.0.0.1:$admin_port/adm', per_second = 0"
no a.example 'not more often than it may be'
is "$(asked admin)" '' '... it is not asked'
stop gateway

# ---- settings ----------------------------------------------------------------------

# refused SETUP ERE: nginx does not start.
refused() {
	sed "s|setup {.*|setup { $1 } }|" "$T/gateway/nginx.conf" \
	    >"$T/refused.conf"
	rm -f "$T/refused"
	run timeout 10 nginx -e "$T/refused" -c "$T/refused.conf"
	exits 1 "setup: $1"
	like "$err$(cat "$T/refused")" "$2" '... is told of'
}
refused '' 'nobody to ask'
refused 'redis = { prot = 1 }' 'there is no option prot'
refused 'redis = { styles = { "3" } }' 'no style 3'
refused 'admin = {}' 'acmed: admin: there is no url'
refused 'admin = { url = 7 }' 'acmed: admin: there is no url'
refused 'admin = { url = "ftp://x" }' 'not a URL: ftp://x'
refused 'admin = { url = "http://x", token_file = "/nothing" }' 'No such file'
refused 'admin = { url = "http://x", autocert = 1 }' 'autocert is true or false'
refused 'redis = {}, misses = "other"' 'no lua_shared_dict'
done_testing
