#!/bin/sh
# Goal: who may ask acmed-admin for what: tokens, their scopes and their end,
# users of this machine; guesses; what is no request.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/store.sh"
. "$SRC/tests/lib/admin.sh"
. "$SRC/tests/lib/told.sh"
skip_unless_has curl socat perl

make_store
tokens() {
	run "$BIN/acmed-admin" token "$@"
}

# ---- tokens ------------------------------------------------------------------

run "$BIN/acmed-admin" --help
exits 0 '--help'
like "$out" '^usage: acmed-admin' 'the help is on stdout'
for wrong in '' 'add name' 'add --scopes x' 'add --scopes read,keys' \
    'add --scopes read+' 'add --expires never' 'revoke' 'list name' \
    'remove x'; do
	# shellcheck disable=SC2086 # words
	tokens $wrong
	exits 100 "wrong use: token ${wrong:-}"
done
tokens list
is "$status $out" "0 $(printf 'token_id\tkind\tstatus\tscopes\tcreated\texpires\tsha256\tnote')" \
    'list, none yet'
tokens add
exits 0 add
is "$(echo "$out" | head -n 1)" "$(printf 'token_id\ttoken')" 'add: the columns'
token_id=$(sed -n 2p "$T/out" | cut -f1) token=$(sed -n 2p "$T/out" | cut -f2)
like "$token" "^$token_id\\.[A-Za-z0-9_-]{43}\$" 'add: a token'
secret=${token#*.}
not_ok 'its secret is nowhere in the store' grep -aqF "$secret" "$DB" "$DB-wal"
hex=$(printf '%s=' "$secret" | tr '_-' '/+' | base64 -d | od -An -v -tx1 |
    tr -d ' \n')
not_ok '... nor as bytes' sh -c "od -An -v -tx1 '$DB' '$DB-wal' |
    tr -d ' \n' | grep -q $hex"
tokens add --scopes order+keys+read --expires 2040-01-01T00:00:00Z \
    --note 'für nginx' --json
exits 0 'add with everything'
tokens list --json
like "$(tail -n 1 "$T/out")" '"status":"valid","scopes":"read\+keys\+order","created":"[^"]*Z","expires":"2040-01-01T00:00:00Z","sha256":null,"note":"für nginx"\}$' \
    'list --json'
tokens add --note "$(printf %0201d 0)"
exits 100 'a note of 201 bytes is refused'

must openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=one -days 9 \
    -keyout "$T/one.key" -out "$T/one.crt"
must openssl x509 -in "$T/one.crt" -outform DER -out "$T/one.der"
sum=$(sha256sum <"$T/one.der" | cut -d' ' -f1)
tokens add --certificate "$T/one.crt" --scopes keys
exits 0 'add a certificate'
like "$(cat "$T/out")" "^token_id	sha256
[A-Za-z0-9_-]+	$sum\$" '... and which it is'
certificate=$(sed -n 2p "$T/out" | cut -f1)
tokens add --certificate "$T/one.der" --scopes read
like "$status $err" "^1 .*known as $certificate, which is to be revoked" \
    '... once'
tokens list --no-header
like "$(tail -n 1 "$T/out")" "^$certificate	certificate	valid	keys	[^	]*Z	[^	]*Z	$sum	\$" \
    '... list: until it ends'
tokens revoke "$certificate"
exits 0 '... revoke'
tokens add --certificate "$T/one.der" --json
like "$status $out" "^0 .*\"sha256\":\"$sum\"}\$" '... as DER; it may come again'
cat "$T/one.crt" "$T/one.crt" >"$T/two.crt"
for wrong in "$T/two.crt" "$T/one.key" "$T/none" "$T"; do
	tokens add --certificate "$wrong"
	unlike "$status" '^0$' "... no single certificate: ${wrong##*/}"
done

add_token() {
	"$BIN/acmed-admin" token add
}
add_certificate() {
	"$BIN/acmed-admin" token add --certificate "$T/other.crt"
}
list_tokens() {
	"$BIN/acmed-admin" token list --no-header
}
must openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -days 9 \
    -keyout "$T/other.key" -out "$T/other.crt"
revokes_untold add_token list_tokens
revokes_untold add_certificate list_tokens

# ---- who asks ----------------------------------------------------------------

admin_serve
ask_tcp /whoami
answers 401 'by TCP without a token'
is "$(header WWW-Authenticate)" Bearer '... which is what is wanted'
ask_tcp /nothing/here
answers 401 'a stranger does not learn what is there'
for scheme in Bearer bearer 'BEARER '; do
	ask_tcp /whoami -H "Authorization: $scheme $token" -H 'Host: A.b:80'
	is "$code $body" '200 a.b' "with a token: $scheme"
done
is "$(header Content-Type)" text/plain 'whoami: its type'
is "$(header Cache-Control)" no-store 'nothing is to be kept'
for target in https://Target.example:81 http://target.example; do
	ask_tcp / -H "Authorization: Bearer $token" -H 'Host: other.example' \
	    --request-target "$target/.well-known/admin/whoami"
	is "$code $body" '200 target.example' "... as the target names it: $target"
done
ask_tcp / -H "Authorization: Bearer $token" \
    --request-target 'http://a%41/.well-known/admin/whoami'
answers 400 '... which is no name'
ask_tcp /whoami.json -H "Authorization: Bearer $token"
is "$body" "{\"result\":\"success\",\"host\":\"127.0.0.1\",\"caller\":\"token/$token_id\",\"scopes\":[\"read\"]}" \
    'whoami.json'
ask /whoami.json
is "$body" "{\"result\":\"success\",\"host\":\"localhost\",\"caller\":\"user/$(id -u)\",\"scopes\":[\"read\",\"keys\",\"write\",\"order\"]}" \
    'by a unix socket: the user'
ask /whoami.json -H "Authorization: Bearer $token"
like "$body" "\"caller\":\"token/$token_id\"" '... but a token comes first'
ask /whoami.json -H "Authorization: Bearer $token" -H 'Authorization: x'
answers 401 '... and two of them are none'
start pair socat "TCP-LISTEN:$(free_port | tee "$T/pair.port"),bind=127.0.0.1,fork,reuseaddr" \
    "EXEC:$BIN/acmed-admin -c $T/admin.conf"
pair=http://127.0.0.1:$(cat "$T/pair.port")/.well-known/admin
must wait_for 10 curl -s -o "$T/body" "$pair/whoami"
ask_curl "$pair/whoami"
answers 401 'of a pair of sockets nobody knows who is at the end'
stop pair
for field in 'Origin: https://evil.example' 'Sec-Fetch-Site: cross-site' \
    'Sec-Fetch-Site: same-origin'; do
	ask /api/update-recents.json -d '' -H "$field"
	answers 403 "a web page: $field"
done
ask /api/update-recents.json -d '' -H 'Sec-Fetch-Site: none'
answers 200 '... not who types it'
ask /nothing
answers 404 'nothing is there'
is "$body" '{"result":"error","error":"nothing is at this URL","message":"nothing is at this URL"}' \
    '... as gateways read it'
ask /whoami -X DELETE
answers 405 'another method'
is "$(header Allow)" 'GET, HEAD' '... and which there are'
for wrong in "Basic $token" 'Bearer' 'Bearer ' "Bearer $secret" \
    "Bearer $token_id" "Bearer $token_id." "Bearer x$token" "Bearer ${token}A" \
    "Bearer $token=" "Bearer $token_id.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"; do
	ask_tcp /whoami -H "Authorization: $wrong"
	answers 401 "no token: $wrong"
done
tokens revoke "$token_id" nobody
exits 1 'revoke'
like "$err" 'nobody: no such token' '... of one that is none'
ask_tcp /whoami -H "Authorization: Bearer $token"
answers 401 'what is revoked is of no more use'
tokens revoke "$token_id"
like "$status $err" '^1 .*revoked already' 'revoke twice'
run "$BIN/acmed-store" log --no-header
like "$out" "admin_token.revoke	admin_token/1" 'the log has it'

# ---- guesses -----------------------------------------------------------------

admin_token read
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	ask_tcp /whoami -H "Authorization: Bearer guess$i"
done
answers 429 'too many guesses'
ask_tcp /whoami -H 'Authorization: Bearer guess' --interface 127.0.0.9
answers 429 '... by any address of this machine'
like "$(header Retry-After)" '^[0-9]+$' '... for a while'
ask_tcp /whoami -H "@$T/token.read"
answers 200 '... keep nobody out who has a token'
token=$(sed 's/.* //' "$T/token.read")
for i in 1 2 3 4 5 6 7 8 9 10; do
	ask_tcp /whoami -H "Authorization: Bearer ${token%?????}AAAAA"
done
ask_tcp /whoami -H "@$T/token.read"
answers 429 'but guesses at one token do for that one'
admin_token write
ask_tcp /whoami -H "@$T/token.write"
answers 200 '... and for no other'
run "$BIN/acmed-store" log --no-header
is "$(printf '%s\n' "$out" | grep -c admin_token.guess)" 2 \
    'the log has each of them once'
like "$out" 'admin_token.guess	store.*peer/127.0.0.1' '... by the address'
like "$out" "admin_token.guess	admin_token/[0-9]" '... or the token'

# ---- users -------------------------------------------------------------------

if [ "$(id -u)" -eq 0 ]; then
	chmod 711 "$T"
	nobody() {
		setpriv --reuid nobody --regid nogroup --clear-groups \
		    curl -s -m 10 --unix-socket "$T/admin.sock" "$admin/whoami.json"
	}
	like "$(nobody)" 'a token is needed' 'another user'
	stop admin-unix
	stop admin
	admin_serve admin.users=nobody=read+keys admin.prefix=/
	admin=http://localhost
	like "$(nobody)" "\"user/$(id -u nobody)\",\"scopes\":\\[\"read\",\"keys\"\\]" \
	    '... who is listed; and without a prefix'
	stop admin-unix
	stop admin
	admin_serve admin.users=nobody=read admin.prefix=/ admin.peer_from=x-real-ip
	run curl -s --unix-socket "$T/admin.sock" -H 'X-Real-IP: 192.0.2.1' \
	    "$admin/whoami"
	like "$out" 'a token is needed' 'the user of a front is none of its clients'
	admin=http://localhost/.well-known/admin
	stop admin-unix
	stop admin
	admin_serve
else
	skip 3 'needs root'
fi
for wrong in admin.users=nobody admin.users==read admin.users=root=all \
    admin.prefix=x admin.prefix=/x/ admin.prefix=/x//y 'admin.prefix=/x?'; do
	"$SRC/scripts/lib/conf-set" "$wrong" <"$ACMED_CONFIG" >"$T/bad.conf"
	run "$BIN/acmed-admin" -c "$T/bad.conf" </dev/null
	exits 102 "wrong: $wrong"
done
"$SRC/scripts/lib/conf-set" redis.url=http://127.0.0.1 <"$ACMED_CONFIG" \
    >"$T/bad.conf"
run "$BIN/acmed-admin" -c "$T/bad.conf" </dev/null
exits 102 'a Redis whose URL is none'
like "$err" '\[redis\] url: must begin with redis://' '... is named'
"$SRC/scripts/lib/conf-set" admin.users=no-such-user=read <"$ACMED_CONFIG" \
    >"$T/bad.conf"
run "$BIN/acmed-admin" -c "$T/bad.conf" </dev/null
exits 102 'a user that is none'

# ---- what is no request ------------------------------------------------------

# sent TEXT: to the unix socket; the status line of what comes.
sent() {
	printf '%b' "$1" | socat -t 5 - "UNIX-CONNECT:$T/admin.sock" |
	    tr -d '\r' | head -n 1
}
is "$(sent 'GET / HTTP/1.1\n\n')" 'HTTP/1.1 400 Bad Request' 'bare LF'
is "$(sent 'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n')" \
    'HTTP/1.1 404 Not Found' 'a path out of here'
is "$(sent 'GET /.well-known/admin/whoami?%zz HTTP/1.1\r\nHost: x\r\n\r\n')" \
    'HTTP/1.1 400 Bad Request' 'a query that is none'
is "$(sent 'GET /.well-known/admin/whoami?a=1&a=2 HTTP/1.1\r\nHost: x\r\n\r\n')" \
    'HTTP/1.1 400 Bad Request' 'a parameter that stands twice'
is "$(sent "GET /$(printf %09000d 0) HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")" \
    'HTTP/1.1 414 URI Too Long' 'a path that does not end'
is "$(sent 'POST /.well-known/admin/whoami HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n')" \
    'HTTP/1.1 413 Content Too Large' 'a body that is too large'
store_is_sound() {
	ok 'the store is sound' "$BIN/acmed-store" check
}
store_is_sound

done_testing
