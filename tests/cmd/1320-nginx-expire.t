#!/bin/sh
# Goal: nginx-expire clears the caches of a pool of nginx servers, knows what the
# module of peter_sslers does not do, says when a change is served, and says of
# each server that fails why; a pool is a target of deploying.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/nginx.sh"
skip_unless_has nginx openssl sqlite3 jq perl

make_export_store
make_ca roots
make_leaf roots front IP:127.0.0.1
make_ca other
make_leaf other stranger IP:127.0.0.1
stock=$(free_port) tls=$(free_port) strange=$(free_port)
html=$(free_port) brief=$(free_port) plain=$(free_port) huge=$(free_port) silent=$(free_port) closed=$(free_port)
p=/.peter_sslers/nginx/shared_cache
printf 'op:%s\n' "$(openssl passwd -apr1 'a:b c')" >"$T/htpasswd"

# As the module of peter_sslers answers, whose workers remember for so many
# seconds; a return of its own would come before the password is asked for.
done_as='"server":"peter_sslers:openresty","server_version":"0.5.0"'
peter() {
	cat <<-END
		auth_basic pool;
		auth_basic_user_file $T/htpasswd;
		default_type application/json;
		location = $p/expire/all { try_files /none @all; }
		location ~ ^$p/expire/domain/[-a-z0-9.]+\$ { try_files /none @one; }
		location = $p/status { try_files /none @status; }
		location @all {
			return 200 '{"result":"success","expired":"all",$done_as}';
		}
		location @one {
			return 200 '{"result":"success","expired":"domain",$done_as}';
		}
		location @status {
			return 200 '{"result":"success","keys":{"valid":["a.example","b.example"],"invalid":["x.example"],"autocert":[]},"config":{"expiries":{"ngx.shared.cert_cache":600,"resty.lrucache":$1},"maxitems":{"resty.lrucache":200}},$done_as}';
		}
	END
}
seq -f '"client-%0100.0f.example",' 1 1024 |
    sed '1s/^/{"result":"success","keys":{"invalid":[/; $s/,$/]}}/' >"$T/huge.json"
start_nginx pool <<END
server { listen 127.0.0.1:$stock; $(peter 45) }
server { listen 127.0.0.1:$tls ssl; $(peter 45)
	ssl_certificate $T/front.crt; ssl_certificate_key $T/front.key; }
server { listen 127.0.0.1:$strange ssl; $(peter 45)
	ssl_certificate $T/stranger.crt; ssl_certificate_key $T/stranger.key; }
server { listen 127.0.0.1:$brief; $(peter 1) }
server { listen 127.0.0.1:$html; default_type text/html;
	location / { return 200 '<html>welcome</html>'; } }
server { listen 127.0.0.1:$plain; default_type application/json;
	location = $p/expire/all { return 500 '<h1>broken</h1>'; }
	location = $p/status { return 500 '<h1>broken</h1>'; } }
server { listen 127.0.0.1:$huge; default_type application/json;
	location = $p/expire/all {
		return 200 '{"result":"success","expired":"all",$done_as}'; }
	location = $p/status { alias $T/huge.json; } }
END
start silent "$SRC/tests/lib/mute" tcp 127.0.0.1 "$silent"
must wait_for 10 grep -q ready "$T/silent.out"

printf 'op:a:b c\n' >"$T/userpass"
chmod 600 "$T/userpass"
cp "$ACMED_CONFIG" "$T/base.conf"
# pool URL...: these are [nginx] servers_pool.
pool() {
	cp "$T/base.conf" "$ACMED_CONFIG"
	{
		printf '[nginx]\nuserpass_file = %s\nca_bundle = %s\n' \
		    "$T/userpass" "$T/roots.crt"
		printf 'timeout = 2s\n'
		[ $# -eq 0 ] || printf 'servers_pool = %s\n' "$@"
	} >>"$ACMED_CONFIG"
	asked pool >"$T/dropped"
}
expire() {
	run "$BIN/nginx-expire" "$@"
}
a=http://127.0.0.1:$stock b=https://127.0.0.1:$tls

# ---- what is expired -------------------------------------------------------------

pool "$a" "$b"
expire --all
exits 0 'all'
is "$out" "$(printf 'server\tresult\texpired\teffective_in\n%s\tsuccess\tall\t45\n%s\tsuccess\tall\t45' "$a" "$b")" \
    '... says when it is effective'
is "$(asked pool | sort)" "$(printf '200 op GET %s HTTP/1.1\n' \
    $p/expire/all $p/expire/all $p/status $p/status)" '... each is asked, with its user'
like "$("$BIN/acmed-store" log | grep nginx.expire)" 'servers 2, of these all names 2, failed 0' \
    '... which is an event'
expire --no-header WWW.A.Example b.example
exits 0 'names'
is "$out" "$(printf '%s\tsuccess\tall\t45\n' "$a" "$b")" \
    '... are all names, where the module does not expire one'
unlike "$(asked pool)" /domain/ '... and it is not asked to'
expire --status
exits 0 'status'
is "$(printf '%s' "$out" | sed -n 2p)" \
    "$(printf '%s\tsuccess\tpeter_sslers:openresty\t0.5.0\t2\t1\t45' "$a")" '... what they hold'
unlike "$(asked pool)" expire '... and nothing is expired'
expire -j --all
exits 0 'as JSON'
is "$(printf '%s' "$out" | jq -c --arg a "$a" '[.result, .effective_in,
    .servers_status.errors, .servers_status.success[0] == $a,
    .servers_status.servers[$a].expired]')" '["success",45,[],true,"all"]' \
    '... as peter_sslers has it'
expire -q --all
is "$out$err" '' 'quiet'

# ---- what fails ------------------------------------------------------------------

# fails WHAT URL EXIT ERE: of two servers one fails, the other does it.
fails() {
	pool "$a" "$2"
	expire -j --all
	exits "$3" "$1"
	like "$err" "nginx-expire: $2: $4" '... is told of'
	is "$(printf '%s' "$out" | jq -c --arg a "$a" --arg b "$2" '[.result,
	    .servers_status.success == [$a], .servers_status.errors == [$b],
	    .servers_status.servers[$b].status]')" \
	    '["error",true,true,"error"]' '... and the other has done it'
}
error() {
	printf '%s' "$out" | jq -c --arg u "$1" ".servers_status.servers[\$u]$2"
}
fails 'TLS of somebody else' "https://127.0.0.1:$strange" 111 \
    '.*(certificate|verify)'
is "$(error "https://127.0.0.1:$strange" .error)" '"Exception"' '... as no answer'
unlike "$(asked pool)" "$strange" '... and it is asked nothing'
fails 'HTML' "http://127.0.0.1:$html" 1 'what it answers is no JSON'
is "$(error "http://127.0.0.1:$html" .response)" \
    '{"status_code":200,"text":"<html>welcome</html>"}' '... which is shown'
fails 'HTTP 500' "http://127.0.0.1:$plain" 111 'it answers with HTTP 500'
fails 'it hangs' "http://127.0.0.1:$silent" 111 \
    '(it does not answer in time|.*[Tt]imed out|.*timeout)'
fails 'it refuses' "http://127.0.0.1:$closed" 111 '.*(refused|onnect)'

# All at once, in the time of one.
pool "$a" "$b" "http://127.0.0.1:$silent" "http://127.0.0.1:$closed" \
    "http://localhost:$silent"
expire --all --no-header
exits 111 'several fail'
is "$(printf '%s\n' "$out" | cut -f2 | sort | uniq -c | tr -s ' \n' ' ')" \
    ' 3 error 2 success ' '... and the others do it'

printf 'op:wrong\n' >"$T/userpass"
pool "$a"
expire --all
exits 1 'a wrong password'
like "$err" 'it refuses the user and password \(HTTP 401\)' '... is told of'
unlike "$err$out" 'wrong' '... without it'
printf 'op:a:b c\n' >"$T/userpass"

# A server without a status expires, but who knows when.
pool "$a"
printf 'status_path = /nothing\n' >>"$ACMED_CONFIG"
expire --no-header --all
exits 0 'no status'
is "$out" "$(printf '%s\tsuccess\tall\t' "$a")" '... and nobody knows when'
expire --status
exits 1 '... which is none to show'
pool "http://127.0.0.1:$huge"
expire --no-header www.example
exits 0 'a status that is too long'
is "$out" "$(printf 'http://127.0.0.1:%s\tsuccess\tall\t' "$huge")" '... the same'
expire --status
exits 111 '... which cannot be shown'
like "$err" 'the answer is too long' '... as is told'

# A head that has no end.
endless=$(free_port)
mkdir "$T/raw"
# heads FORMAT...: fields of it.
heads() {
	{
		printf 'HTTP/1.1 200 OK\r\n'
		# shellcheck disable=SC2059 # it is a format
		printf "$@"
		printf 'Content-Length: 2\r\n\r\n{}'
	} >"$T/raw/127.0.0.1"
	pool "http://127.0.0.1:$endless"
	expire --status
}
start raw "$SRC/tests/lib/http-raw" "$T/raw" "$endless" 127.0.0.1
must wait_for 10 grep -q ready "$T/raw.out"
heads 'X: %02000000d\r\n' 0
exits 111 'a field of 2 MB'
like "$err" ": the head of the answer is too long\$" '... is told of'
# shellcheck disable=SC2046 # words
heads 'X: %01000d\r\n' $(seq 30)
exits 111 'fields of 30 kB'
like "$err" ": the head of the answer is too long\$" '... the same'

# ---- wrong use -------------------------------------------------------------------

pool
expire --all
exits 102 'no server'
like "$err" '\[nginx\].*servers_pool: is not set' '... is told of'
# refused SETTING ERE
refused() {
	pool "$a"
	printf '%s\n' "$1" >>"$ACMED_CONFIG"
	expire --all
	exits 102 "$1"
	like "$err" "$2" '... is told of'
	is "$(asked pool)" '' '... and nobody is asked'
}
refused 'servers_pool = ftp://x' 'servers_pool: ftp://x'
refused 'servers_pool = http://u:p@x' 'servers_pool'
refused 'servers_pool = http://x/y' 'must have no path'
refused 'servers_pool = http://x#y' 'must have no path'
refused 'servers_pool = http://x?y' 'must have no path'
refused "servers_pool = $a" 'stands twice'
refused 'reset_path = x' 'reset_path: must be a path'
pool "$a"
chmod 644 "$T/userpass"
expire --all
exits 102 'a password that others can read'
printf 'password\n' >"$T/userpass"
chmod 600 "$T/userpass"
expire --all
exits 102 'a password without its user'
unlike "$err" 'password$' '... which is not told'
printf 'op:a:b c\n' >"$T/userpass"
pool "$a"
cp "$T/userpass" "$T/empty.pem"
sed -i "s|^ca_bundle.*|ca_bundle = $T/empty.pem|" "$ACMED_CONFIG"
expire --all
exits 102 'roots that are none'
pool "$a"
expire --all a.example
exits 100 'all, and names'
expire
exits 100 'neither'
for bad in 'a/../b' . .. ..a a..b -- '*' 'a.*.b' '*.' .a; do
	expire -- "$bad"
	exits 100 "no name: $bad"
	like "$err" ': is no name: letters, digits' '... with the rule'
	is "$(asked pool)" '' '... and nobody is asked'
done
# lines FORMAT: these are names.
lines() {
	# shellcheck disable=SC2059 # it is a format
	printf "$1" >"$T/names"
	run sh -c '"$BIN/nginx-expire" --no-header - <"$T/names"'
}
lines "a.example\n%0254d\n"
exits 100 'lines, one of which is no name'
like "$err" '0: is no name' '... is told of'
is "$out" "$(printf '%s\tsuccess\tall\t45' "$a")" '... and the others are expired'
like "$("$BIN/acmed-store" log | grep nginx.expire | tail -n 1)" 'names 1 a.example' \
    '... so says the log'
asked pool >"$T/dropped"

# ---- a target --------------------------------------------------------------------

cp "$T/base.conf" "$ACMED_CONFIG"
targets=$T/targets.conf
printf '[client]\ntargets_file = %s\n' "$targets" >>"$ACMED_CONFIG"
# target URL...
target() {
	cat >"$targets" <<-END
		[caches]
		kind = nginx
		userpass_file = $T/userpass
		ca_bundle = $T/roots.crt
		timeout = 2s
		[told]
		kind = hook
		program = /bin/true
	END
	for url in "$@"; do
		sed -i "2a servers_pool = $url" "$targets"
	done
}
deploy() {
	run "$BIN/renew-queue" deploy "$@"
}
pending() {
	sql "SELECT count(*) FROM deployments WHERE status <> 'done'"
}
target "$a" "$b"
enter a DNS:a.example
deploy
exits 0 'deployed'
is "$out$err $(pending)" ' 0' '... in silence'
is "$(asked pool | grep -c "op GET $p/expire/all")" 2 '... each server is told'
deploy
is "$(asked pool)" '' '... once'
enter b DNS:b.example
target "$a" "http://127.0.0.1:$closed"
deploy
exits 111 'one that refuses'
like "$err" "1 of 2 servers: http://127.0.0.1:$closed: " '... is told of'
ok '... and is tried again' [ "$(pending)" -gt 0 ]
target "$a"
sql 'UPDATE deployments SET retry_at = 0'
deploy
exits 0 '... until it does'
is "$(pending)" 0 '... all of it'

# What is to be proved is looked at when it can be seen.
served=$(free_port)
start_nginx web <<END
server { listen 127.0.0.1:$served ssl;
	ssl_certificate $T/a.crt; ssl_certificate_key $T/a.key; }
END
target "http://127.0.0.1:$brief"
sed -i "2a prove = 127.0.0.1:$served" "$targets"
must "$BIN/cert-manage" deactivate 2
asked pool >"$T/dropped"
deploy
exits 0 'deployed, and served'
like "$(asked pool)" "op GET $p/expire/all" '... where it was expired'
target "http://127.0.0.1:$brief"
sed -i "2a prove = 127.0.0.1:$closed" "$targets"
deploy
exits 111 '... and not served'
like "$err" "127.0.0.1:$closed: a.example is not served there" '... is told of'

target "$a"
sed -i 's/^timeout.*/reset_path = x/' "$targets"
deploy
exits 102 'a target that is none'
like "$err" 'targets.conf:1: \[caches\] reset_path: must be a path' '... is told of'
sed -i 's/^reset_path.*/prefix = x/' "$targets"
deploy
like "$err" 'prefix: is not of a nginx' '... as is what is of another kind'
done_testing
