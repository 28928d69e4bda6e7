#!/bin/sh
# Goal: client certificates at acmed-admin, which nginx and HAProxy have seen,
# as the examples of its page say it: what was registered may do what it was
# given, while it lasts; and nobody gets anything by fields that he sends.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/store.sh"
. "$SRC/tests/lib/admin.sh"
. "$SRC/tests/lib/nginx.sh"
. "$SRC/tests/lib/pages.sh"
skip_unless_root
skip_unless_has curl haproxy openssl perl socat sqlite3
for user in www-data haproxy daemon; do
	id "$user" >"$T/out" 2>&1 || skip_all "needs a user $user"
done

make_store
chmod 711 "$T"
for name in one other late front; do
	must openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=$name" -days 9 \
	    -keyout "$T/$name.key" -out "$T/$name.crt"
done

# register NAME [OPTION...]: sets $token_id.
register() {
	register_file=$T/$1.crt
	shift
	run acmed-admin token add --no-header --certificate "$register_file" "$@"
	token_id=$(cut -f1 "$T/out")
}

# fields NAME: $escaped and $bytes are its certificate, as fronts pass it on.
fields() {
	escaped="X-SSL-Client-Cert: $(perl -0777 -pe \
	    's/([^A-Za-z0-9._~-])/sprintf "%%%02X", ord $1/ge' "$T/$1.crt")"
	bytes="Client-Cert: :$(openssl x509 -in "$T/$1.crt" -outform DER |
	    base64 -w0):"
}

# by PATH [CURL-OPTION...]: to the front at $port.
by() {
	by_path=$1
	shift
	ask_curl -k "$@" "https://127.0.0.1:$port/.well-known/admin$by_path"
}

# with NAME PATH [CURL-OPTION...]: with its certificate.
with() {
	with_name=$1
	shift
	by "$@" --cert "$T/$with_name.crt" --key "$T/$with_name.key"
}

# as USER [CURL-OPTION...]: who asks for whoami.json by the unix socket.
as() {
	as_user=$1
	shift
	body=$(setpriv --reuid "$as_user" --regid "$as_user" --clear-groups \
	    curl -s -m 20 -w '%{stderr}%{http_code}' --unix-socket \
	    "$T/admin.sock" "$@" "$admin/whoami.json" 2>"$T/code")
	code=$(cat "$T/code")
}

# is_caller CALLER[","scopes":[...]] NAME: who was the last to ask.
is_caller() {
	like "$code $body" "^200 .*\"caller\":\"$1[]\"]" "$2"
}

# refused TEXT NAME: the last to ask was nobody, and why.
refused() {
	like "$code $body" "^401 .*\"error\":\"[^\"]*$1" "$2"
}

# ---- nginx, as the page has it -----------------------------------------------

port=$(free_port)
script acmed-admin.8 '^server [{]' '^[}]'
must sed -i -e "s|listen 443|listen 127.0.0.1:$port|" \
    -e "s|/etc/nginx/admin|$T/front|" -e "s|/run/acmed-admin/admin|$T/admin|" \
    "$T/script"
admin_serve admin.fronts=www-data=x-ssl-client-cert
nginx_user=www-data
start_nginx nginx <"$T/script"
must wait_for 10 listening "$port"

with one /whoami.json
refused 'SHA-256 [0-9a-f]{64}: the certificate is not known' \
    'a certificate that nobody has registered'
is "$(echo "$body" | grep -o '[0-9a-f]\{64\}' | head -n 1)" \
    "$(openssl x509 -in "$T/one.crt" -outform DER | sha256sum | cut -d' ' -f1)" \
    '... and which'
register one --scopes read+write
exits 0 'register it'
one=$token_id
with one /whoami.json
is_caller "certificate/$one\",\"scopes\":\[\"read\",\"write\"" \
    'the same is known from then on'
with one /api/update-recents.json -d ''
answers 200 '... may do what it was given'
with one /queue-domains/add.json -d domain_names=a.example
answers 200 '... and write'
run "$BIN/acmed-store" log --no-header
like "$out" "certificate/$one" '... which the log has under its name'
with one /api/domain/certificate-if-needed.json -d domain_name=a.example
like "$code $body" '^403 .*the scope order is needed' '... and no more than that'
with other /whoami.json
refused 'not known' 'another certificate'
by /whoami.json
refused 'a token or a client certificate is needed' 'no certificate'
admin_token read
by /whoami.json -H "@$T/token.read"
is_caller 'token/[^"]*","scopes":\["read"' 'no certificate, but a token'
with one /whoami.json -H "@$T/token.read"
is_caller 'token/[^"]*","scopes":\["read"' 'both: the token counts'
with one /whoami.json -H 'Authorization: Bearer x'
refused 'no such token' '... and no other is tried'

# A client that speaks for the front.
fields one
by /whoami.json -H "$escaped"
refused 'is needed' 'no certificate, but the field'
by /whoami.json -H "$bytes"
refused 'is needed' '... the other field'
by /whoami.json -H "$bytes" -H "$escaped" -H "$escaped"
refused 'is needed' '... both, and one of them twice'
by /whoami.json -H "x_ssl_client_cert: ${escaped#*: }"
refused 'is needed' '... with underscores'
by /whoami.json -H 'Connection: close, X-SSL-Client-Cert' -H "$escaped"
refused 'is needed' '... as one that nginx is to remove'
with other /whoami.json -H "$escaped" -H "$bytes"
refused 'not known' '... with another certificate'
register other --scopes keys
with other /whoami.json -H "$escaped" -H "$bytes"
is_caller "certificate/$token_id\",\"scopes\":\[\"keys\"" \
    '... which stays what it is'

# ---- local users -------------------------------------------------------------

for user in daemon root; do
	as "$user" -H "$escaped"
	refused 'believed of' "$user sends the field"
	as "$user" -H "$bytes"
	refused 'believed of' '... the other one'
	as "$user" -H 'Client-Cert: ::'
	refused 'believed of' '... with nothing in it'
done
as root -H "$escaped" -H "$(cat "$T/token.read")"
is_caller 'token/[^"]*","scopes":\["read"' 'who has a token may do what that may'
ask_tcp /whoami.json -H "$escaped"
refused 'believed of' 'by TCP nobody is a front'
as www-data
refused 'is needed' 'a front for itself is nobody'
as www-data -H "$escaped"
is_caller "certificate/$one" 'a front for whom it has seen'
as www-data -H "$escaped" -H "$escaped"
refused 'stands twice' '... not twice'
as www-data -H "$bytes"
refused 'client-cert is not the field of this front' '... not in another field'
as www-data -H "$bytes" -H "$escaped"
refused 'client-cert is not the field of this front' '... nor in both'
as www-data -H 'X-SSL-Client-Cert;'
refused 'is needed' '... not for nobody'
for wrong in x %zz %00 "${bytes#*: }" "${escaped#*: }${escaped#*: }" \
    "$(echo "${escaped#*: }" | cut -c-300)"; do
	as www-data -H "X-SSL-Client-Cert: $wrong"
	refused 'x-ssl-client-cert: ' "no certificate: $(echo "$wrong" | cut -c-20)"
done
as www-data -H "X-SSL-Client-Cert: $(printf %020000d 0)"
is "$code" 431 'a field that does not end'

# ---- lifetime ----------------------------------------------------------------

mkdir "$T/tool"
: >"$T/tool/index"
cat >"$T/tool/conf" <<-END
	[ca]
	default_ca = here
	[here]
	database = $T/tool/index
	new_certs_dir = $T/tool
	rand_serial = yes
	default_md = sha256
	policy = any
	[any]
	commonName = supplied
	END
# self_signed NAME FROM TO: with the key of "late".
self_signed() {
	must openssl req -new -key "$T/late.key" -subj "/CN=$1" -out "$T/$1.csr"
	must openssl ca -batch -notext -config "$T/tool/conf" -selfsign \
	    -keyfile "$T/late.key" -in "$T/$1.csr" -startdate "$2" -enddate "$3" \
	    -out "$T/$1.crt"
}
self_signed gone 20200101000000Z 20210101000000Z
register gone
like "$status $err" '^100 .*the certificate has expired' \
    'what has expired is not registered'
self_signed early 20400101000000Z 20410101000000Z
register early
exits 0 'what is not valid yet is'
fields early
as www-data -H "$escaped"
refused 'the certificate is not valid yet' '... and is of no use before it is'
register late
with late /whoami.json
is_caller "certificate/$token_id" 'what ends in days is of use'
must sqlite3 "$DB" "UPDATE admin_tokens SET expires = 1700000000
    WHERE token_id = '$token_id'"
with late /whoami.json
refused 'the certificate has expired' '... until then'
run acmed-admin token revoke "$one"
exits 0 revoke
with one /whoami.json
refused 'the certificate is revoked' '... or is revoked, from the next request on'
register one --scopes read
one=$token_id
with one /whoami.json
is_caller "certificate/$one\",\"scopes\":\[\"read\"" '... until it is registered anew'

# ---- other settings ----------------------------------------------------------

# served [section.key=value...]: as admin_serve, instead of what runs.
served() {
	stop admin-unix
	stop admin
	admin_serve "$@"
}
served
with one /whoami.json
refused 'believed of' 'a front that is not named'
served admin.users=www-data=read+keys
with one /whoami.json
refused 'believed of' '... or is a user, whose clients are not asked for one'
served admin.fronts=www-data=client-cert
with one /whoami.json
refused 'x-ssl-client-cert is not the field of this front' '... or has another field'
served admin.fronts=www-data=x-ssl-client-cert admin.peer_from=x-real-ip
fields one
as www-data -H "$escaped" -H 'X-Real-IP: 192.0.2.7'
is_caller "certificate/$one" 'a front that tells addresses, too'
ok '... which are logged' grep -q "peer=192.0.2.7 .*certificate/$one" \
    "$T/admin-unix.log"
as daemon -H "$escaped" -H 'X-Real-IP: 192.0.2.7'
refused 'believed of' '... not another user'
served admin.fronts=root=client-cert
as root
refused 'is needed' 'root as a front may do nothing itself'
as root -H "$bytes"
is_caller "certificate/$one" '... but for others'
for wrong in www-data =client-cert www-data= www-data=authorization \
    www-data=Client-Cert no-such-user=client-cert \
    'www-data=client-cert, www-data=x-ssl-client-cert'; do
	"$SRC/scripts/lib/conf-set" "admin.fronts=$wrong" <"$ACMED_CONFIG" \
	    >"$T/bad.conf"
	run "$BIN/acmed-admin" -c "$T/bad.conf" </dev/null
	exits 102 "wrong: fronts = $wrong"
done
"$SRC/scripts/lib/conf-set" admin.fronts=www-data=client-cert \
    admin.users=www-data=read <"$ACMED_CONFIG" >"$T/bad.conf"
run "$BIN/acmed-admin" -c "$T/bad.conf" </dev/null
like "$status $err" '^102 .*fronts: www-data=client-cert: is there twice, or in users' \
    'who is a user is no front'

# ---- HAProxy, as the page has it ---------------------------------------------

port=$(free_port)
script acmed-admin.8 '^frontend ' '^    server '
cat "$T/front.crt" "$T/front.key" >"$T/haproxy.pem"
cat "$T/one.crt" "$T/other.crt" >"$T/clients.pem"
{
	cat <<-END
		global
		    user haproxy
		defaults
		    timeout connect 5s
		    timeout client 30s
		    timeout server 30s
	END
	sed -e "s|bind :443|bind 127.0.0.1:$port|" \
	    -e "s|/etc/haproxy/admin.pem|$T/haproxy.pem|" \
	    -e "s|/etc/haproxy/clients.pem|$T/clients.pem|" \
	    -e "s|/run/acmed-admin/admin|$T/admin|" "$T/script"
} >"$T/haproxy.conf"
served admin.fronts=haproxy=client-cert
start haproxy haproxy -db -f "$T/haproxy.conf"
must wait_for 10 listening "$port"
with one /whoami.json
is_caller "certificate/$one" 'HAProxy: a certificate that is known'
by /whoami.json
refused 'is needed' '... none'
by /whoami.json -H "$bytes"
refused 'is needed' '... none, but the field'
by /whoami.json -H "$escaped"
refused 'is needed' '... the other field'
with other /whoami.json -H "$bytes" -H "$escaped"
is_caller 'certificate/[^"]*","scopes":\["keys"' '... another, and both fields'
ok 'the store is sound' "$BIN/acmed-store" check

done_testing
