#!/bin/sh
# Goal: scripts/fake-server answers as acmed-challenge and acmed-admin do, so
# that what is wired up with it works with them; and whoever asks can tell which
# of them it was.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl

fake=$SRC/scripts/fake-server
run "$fake" -h
is "$status $(head -n 1 "$T/out")" '0 usage: fake-server [-a ADDRESS] [-p PORT]' \
    'the help is on stdout'
for wrong in x '-p x' '-p 99999' '-u x -p 1' '-a'; do
	# shellcheck disable=SC2086 # words
	run "$fake" $wrong
	is "$status $(head -n 1 "$T/err" | cut -c1-3)" "100 $(
		[ "$wrong" = -a ] && echo Opt || echo usa)" "wrong use: $wrong"
done
run "$fake" -a nowhere.invalid
like "$status $err" '^[1-9].*nowhere.invalid' 'an address that is none'

start fake "$fake" -p 0
must wait_for 30 grep -q . "$T/fake.out"
url=$(cat "$T/fake.out")
like "$url" '^http://127\.0\.0\.1:[0-9]+$' 'says where: on loopback'
fake() {
	fake_path=$1
	shift
	ask_curl "$@" "$url$fake_path"
}
fake_admin() {
	fake_path=$1
	shift
	fake "/.well-known/admin$fake_path" "$@"
}

# ---- who it was --------------------------------------------------------------

make_export_store
enter one DNS:a.example
must "$BIN/cert-import" "$T/one.csr" "$T/one.crt"
start_redis
# What nginx servers say is of nginx-expire, in whose place this stands.
work_bin=$T/bin
mkdir "$T/bin"
cp "$BIN/acmed-admin" "$T/bin"
cat >"$T/bin/nginx-expire" <<-'END'
	#!/bin/sh
	case $* in
	*--status*) event= ;;
	*) event='"event":1,' ;;
	esac
	echo "{$event"'"servers_status":{"errors":[],"success":["http://nginx.invalid"],
	    "servers":{"http://nginx.invalid":{"result":"success"}}}}'
END
chmod 755 "$T/bin/nginx-expire"
work_serve
admin_serve "redis.url=redis://127.0.0.1:$redis_port" redis.prime_style=1 \
    "admin.work_socket=$T/work.sock"
start challenge "$SRC/scripts/lib/listen" -1 127.0.0.1 0 \
    "$BIN/acmed-challenge" -c "$ACMED_CONFIG"
must wait_for 10 grep -q . "$T/challenge.out"
challenge() {
	challenge_path=$1
	shift
	ask_curl "$@" "http://127.0.0.1:$(cat "$T/challenge.out")$challenge_path"
}

token=evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA
keyauth=$token.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
must "$BIN/acmed-challenge" add "$keyauth"
# both COMMAND CODE ARGUMENT...: the real one and the other answer alike, but for
# who they are.
both() {
	both_real=$1 both_fake=$2 both_code=$3
	shift 3
	"$both_real" "$@"
	is "$code $(header X-Peter-SSLers)" "$both_code production" \
	    "$both_real $*: the real one"
	both_type=$(header Content-Type) both_allow=$(header Allow)
	cp "$T/body" "$T/real"
	"$both_fake" "$@"
	is "$code $(header X-Peter-SSLers)" "$both_code fakeserver" \
	    '... and the other'
	is "$(header Allow)" "$both_allow" '... with the same methods'
	[ "$both_code" -ne 200 ] ||
	    is "$(header Content-Type)" "$both_type" '... and type'
}
at=/.well-known/acme-challenge
both challenge fake 200 $at/$token
like "$body" "^$token\.[A-Za-z0-9_-]{43}\$" '... a key authorization'
both challenge fake 404 $at/short
both challenge fake 405 $at/$token -X DELETE
both challenge fake 200 /.well-known/public/whoami -H 'Host: A.example:80'
is "$body" "$(cat "$T/real")" '... the host'
both challenge fake 400 /.well-known/public/whoami -H 'Host: <x>'
both challenge fake 404 /
ask_tcp /whoami
is "$code $(header X-Peter-SSLers)" '401 production' 'who is nobody sees it too'

# ---- the same shapes ---------------------------------------------------------

# shape FILE: the names and types of all that is in it, a line each.
shape() {
	perl -MJSON::PP -0777 -ne '
		sub walk {
			my ($at, $v) = @_;
			my $type = !defined $v ? "null" : JSON::PP::is_bool($v) ? "bool"
			    : ref $v || ($v =~ /^-?\d+$/ && !($v ^ $v) ? "number" : "text");
			print "$at $type\n";
			walk("$at.$_", $v->{$_}) for ref $v eq "HASH" ? sort keys %$v : ();
			walk("$at\[]", $v->[0]) if ref $v eq "ARRAY" && @$v;
		}
		walk("", decode_json($_));' "$1"
}
# alike CODE PATH...
alike() {
	both ask fake_admin "$@"
	is "$(shape "$T/body")" "$(shape "$T/real")" '... of the same shape'
}
alike 200 /whoami.json
alike 200 /domain/a.example/config.json
alike 200 /domain/1/config.json
alike 200 '/domain/a.example/config.json?idonly=1'
for object in certificate certificate-signed x509-certificate; do
	alike 200 /$object/1/config.json
done
alike 200 '/certificate/1/config.json?id_only=1'
alike 404 /nothing
alike 404 /certificate/x/config.json
alike 405 /queue-domains/add.json
alike 405 /whoami.json -X PUT
alike 400 /whoami.json -H 'Host: <x>'
alike 200 /queue-domains/add.json -d domain_names_http01=b.example
alike 200 /queue-domains/add -F domain_names=c.example
alike 400 /queue-domains/add.json -d x=y
alike 200 /api/update-recents.json -d ''
alike 200 /api/deactivate-expired.json -d ''
alike 200 /api/redis/prime.json -d ''
alike 200 /api/nginx/cache-flush.json -d ''
alike 200 /api/nginx/status.json -d ''
alike 200 /domain/a.example/nginx-cache-expire.json -d ''
alike 200 /certificate/1/nginx-cache-expire.json -d ''
alike 200 /api/domain/autocert.json -d domain_name=a.example
alike 400 /api/domain/autocert.json -d x=y
alike 200 /api/domain/certificate-if-needed -d domain_name=a.example
alike 200 /api/domain/enable.json -d domain_names=new.example
alike 200 /api/domain/disable.json -d domain_names=new.example
alike 400 /api/domain/disable.json -d x=y
openssl x509 -in "$T/one.crt" >"$T/leaf"
sed '1,/END/d' "$T/one.crt" >"$T/chain"
alike 200 /certificate/upload.json -F "private_key_file_pem=@$T/one.key" \
    -F "certificate_file=@$T/leaf" -F "chain_file=@$T/chain"
alike 200 /private-key/upload.json -F "private_key_file_pem=@$T/one.key"
alike 200 /certificate-ca/upload-cert.json -F "cert_file=@$T/chain"
for path in certificate-ca-chain/upload certificate-ca-chain/upload-chain \
    x509-certificate-trust-chain/upload-chain; do
	alike 200 /$path.json -F "chain_file=@$T/chain"
done
both ask fake_admin 200 /whoami
for ending in cert.pem cert.pem.txt cert.cer cert.crt cert.der chain.pem \
    fullchain.pem.txt chain.p7c fullchain.p7c privkey.pem privkey.key \
    config.zip; do
	both ask fake_admin 200 /certificate/1/$ending
done
via=/certificate/1/via-certificate-ca-chain/1
alike 200 $via/config.json
for ending in chain.pem fullchain.p7c config.zip; do
	both ask fake_admin 200 $via/$ending
done
for path in certificate certificate-ca x509-certificate-trusted \
    certificate-request x509-certificate-request private-key; do
	alike 200 /$path/1/parse.json
done
alike 501 /acme-account/new.json -d ''
alike 501 /acme-account/upload.json -d ''
alike 501 /acme-account/1/key.pem
for path in /private-key/1/key.key /certificate-ca/1/cert.crt \
    /certificate-ca-chain/1/chain.pem /certificate-request/1/csr.csr; do
	both ask fake_admin 200 $path
done
both ask fake_admin 404 /certificate/1/cert.key
both ask fake_admin 200 /certificate/1/cert.pem -I
unlike "$(cat "$T/body")" BEGIN '... HEAD has no body'

# Whatever is a route of the real one is one here: each pattern of its table.
sed -n '/^static const struct visit_route routes/,/^};/p' \
    "$SRC/libcommon/admin/reply.c" |
    sed 's|CERTIFICATE(VIA "|"/certificate/*/via-certificate-ca-chain/*/|
	s|CERTIFICATE("|"/certificate/*/|
	s|CA("\([^"]*"\)|"/certificate-ca/*/\1 "/x509-certificate-trusted/*/\1|
	s|CHAIN("\([^"]*"\)|"/certificate-ca-chain/*/\1 "/x509-certificate-trust-chain/*/\1|
	s|REQUEST("\([^"]*"\)|"/certificate-request/*/\1 "/x509-certificate-request/*/\1|' |
    grep -o '"/[^"]*"' | tr -d '"' |
    sed 's|/\*|/1|g; s|/+|/a.example|g; s|\.+$|.pem|' >"$T/routes"
ok 'the table of the real one is read' [ "$(wc -l <"$T/routes")" -gt 25 ]
while read -r path; do
	fake_admin "$path" -X PUT
	[ "$code" = 404 ] && echo "$path"
done <"$T/routes" >"$T/missing"
is "$(cat "$T/missing")" '' 'the other has all of its routes'

# ---- what it serves ----------------------------------------------------------

fake_admin /certificate/1/fullchain.pem
cp "$T/body" "$T/fake.crt"
fake_admin /certificate/1/privkey.pem
cp "$T/body" "$T/fake.key"
fake_admin /certificate-ca/1/cert.pem
ok 'its certificate verifies' openssl verify -CAfile "$T/body" "$T/fake.crt"
is "$(openssl pkey -in "$T/fake.key" -pubout)" \
    "$(openssl x509 -in "$T/fake.crt" -noout -pubkey)" '... and its key fits'
fake_admin /domain/any.name.example/config.json
like "$body" '"domain_name":"any.name.example"' 'any name is served'
like "$(cat "$T/fake.log")" '^fake-server: 200 GET /.well-known/admin/whoami.json host=127.0.0.1$' \
    'each request is logged'
fake /.well-known/public/whoami -H 'X-Real-IP: 192.0.2.1' \
    -H 'Authorization: Bearer secret'
like "$(cat "$T/fake.log")" ' x-real-ip=192.0.2.1 authorization=yes$' \
    '... with what a proxy adds'
unlike "$(cat "$T/fake.log")" secret '... but for secrets'

# ---- as long as it is wanted -------------------------------------------------

many() {
	seq 40 | xargs -P 8 -I{} curl -sf -m 30 -o /dev/null \
	    "$url/.well-known/admin/whoami"
}
ok 'many at once' many
printf 'x\r\n\r\n' | socat -t 5 - "TCP:${url#http://}" >"$T/got"
like "$(tr -d '\r' <"$T/got")" '^HTTP/1.1 400 ' 'what is no request'
stop fake
is "$status" 0 'SIGTERM ends it'
start fake "$fake" -u "$T/fake.sock"
must wait_for 30 grep -q . "$T/fake.out"
is "$(cat "$T/fake.out")" "unix:$T/fake.sock" 'on a unix socket'
ask_curl --unix-socket "$T/fake.sock" "$admin/whoami"
is "$code $body" '200 localhost' '... it answers'
stop fake
is "$status" 0 'SIGTERM ends it'
not_ok '... and it leaves nothing' test -e "$T/fake.sock"

done_testing
