#!/bin/sh
# Goal: acmed-accept on plain descriptors, without super-server, TLS, validator
# or signer: HTTP as it is written, start-up errors, log, rights, SIGTERM.
. "$(dirname "$0")/../lib/tap.sh"

mkdir "$T/store"
cat >"$T/acmed.conf" <<-EOT
	[store]
	url = $T/store/acmed.sqlite
	[server]
	base_url = https://acme.example.test/ca
	website = https://www.example.test/
	terms_of_service = https://www.example.test/terms
	caa_identities = example.test
	[policy]
	allowed_server_ip_ranges = any
	[validate]
	socket = $T/validate.sock
	[signer]
	socket = $T/sign.sock
	[local-ca]
	directory = $T/ca
EOT
must "$BIN/acmed-store" init -c "$T/acmed.conf"

# accept: stdin to acmed-accept; sets $status $out $err.
accept() {
	run "$BIN/acmed-accept" -c "$T/acmed.conf"
	out=$(tr -d '\r' <"$T/out")
}

# request METHOD TARGET [FIELD]...: its bytes.
request() {
	printf '%s %s HTTP/1.1\r\nHost: any.example\r\n' "$1" "$2"
	shift 2
	[ $# -eq 0 ] || printf '%s\r\n' "$@"
	printf '\r\n'
}

# ---- a connection

request GET /ca/directory >"$T/in"
accept <"$T/in"
exits 0 'descriptor 0 is a file'
like "$out" '^HTTP/1.1 200 OK$' 'directory: 200'
like "$out" '^Content-Type: application/json$' 'directory: media type'
unlike "$out" '^Link:' 'directory: no link to itself'
unlike "$out" '^Replay-Nonce:' 'directory: no nonce'
for member in newNonce:new-nonce newAccount:new-account newOrder:new-order \
    revokeCert:revoke-cert keyChange:key-change; do
	like "$out" \
	    "\"${member%:*}\":\"https://acme.example.test/ca/${member#*:}\"" \
	    "directory: ${member%:*} is of base_url, not of Host"
done
unlike "$out" newAuthz 'directory: nothing that is not there'
like "$out" '"meta":\{"termsOfService":"https://www.example.test/terms","website":"https://www.example.test/","caaIdentities":\["example.test"\]\}' \
    'directory: meta'
like "$err" 'request method=GET path=/ca/directory status=200 peer=unknown' \
    'log: one line for the request; the peer of a file is unknown'
is "$(grep -c . "$T/err")" 1 'log: nothing else'

{
	request HEAD /ca/new-nonce
	request GET /ca/new-nonce
	request GET /ca/new-order
	request GET /ca/
	request GET /directory
	request GET /ca/directory 'Connection: close'
	request GET /ca/directory
} >"$T/in"
accept <"$T/in"
exits 0 'pipelined requests'
is "$(echo "$out" | sed -n 's/^HTTP.1.1 \([0-9]*\).*/\1/p' | paste -sd' ')" \
    '200 204 405 200 404 200' 'each is answered in its turn, up to the close'
is "$(echo "$out" | grep -c '^Replay-Nonce: [A-Za-z0-9_-]*$')" 2 \
    'newNonce gives nonces, others do not'
is "$(echo "$out" | grep '^Replay-Nonce' | sort -u | wc -l)" 2 \
    'and two different ones'
like "$out" '^Allow: POST$' '405 says what is allowed'
is "$(echo "$out" | grep -c \
    '^Link: <https://acme.example.test/ca/directory>;rel="index"$')" 5 \
    'all but the directory link to it'
is "$(echo "$out" | grep -c '^Cache-Control: no-store$')" 2 \
    'what has a nonce is not kept by caches'
is "$(grep -c ' request ' "$T/err")" 6 'log: a line for each'
is "$(sed -n 's/.* id=\([^ -]*\)-[0-9]*$/\1/p' "$T/err" | sort -u | wc -l)" 1 \
    'log: one id for the connection'

request GET /ca/directory >"$T/in"
ACMED_ID=abc123 accept <"$T/in"
like "$err" ' id=abc123-1$' 'ACMED_ID is the id of the connection'
for bad in 'a b' "$(printf 'a\nb')" "$(printf 'a\303\244')"; do
	ACMED_ID=$bad accept <"$T/in"
	like "$err" ' id=[0-9a-f]{12}-1$' 'ACMED_ID that is not printable is not'
done

accept </dev/null
exits 0 'a connection without a request'
is "$out" '' 'is not answered'

printf 'GET / HTTP/1.1\nHost: x\n\n' >"$T/in"
accept <"$T/in"
exits 0 'what is no HTTP is the client'"'"'s failure'
like "$out" '^HTTP/1.1 400 ' 'and is told so'
like "$out" '^Connection: close$' 'and ends the connection'
like "$out" '"type":"urn:ietf:params:acme:error:malformed"' 'as a problem'
like "$err" 'request.refused status=400' 'and is in the log'

# ---- POSTs without an envelope

post() {
	request POST "$1" "Content-Type: $2" "Content-Length: ${#3}"
	printf '%s' "$3"
}

{
	post /ca/new-order application/json '{}'
	post /ca/new-order application/jose+json '{}'
	post /ca/new-order application/jose+json 'x'
	post /ca/nothing application/jose+json '{}'
} >"$T/in"
accept <"$T/in"
is "$(echo "$out" | sed -n 's/^HTTP.1.1 \([0-9]*\).*/\1/p' | paste -sd' ')" \
    '415 400 400 404' 'bodies that are no JWS'
is "$(echo "$out" | grep -c '^Replay-Nonce: ')" 4 \
    'every answer to a POST has a nonce'
head -c 70000 /dev/zero | tr '\0' a >"$T/large"
{
	request POST /ca/new-order 'Content-Type: application/jose+json' \
	    'Content-Length: 70000'
	cat "$T/large"
} >"$T/in"
accept <"$T/in"
like "$out" '^HTTP/1.1 413 ' 'a body that is too large'
like "$out" '^Replay-Nonce: ' 'and a nonce all the same'

# ---- inetd: descriptor 2 is the connection

perl -MSocket -e '
	socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) or die;
	if (!fork) {
		close $a;
		open(STDIN, "<&", $b); open(STDOUT, ">&", $b);
		open(STDERR, ">&", $b);
		exec @ARGV;
	}
	close $b;
	syswrite $a, "GET /ca/directory HTTP/1.1\r\nHost: x\r\n\r\n";
	shutdown $a, 1;
	print while <$a>' "$BIN/acmed-accept" -c "$T/acmed.conf" >"$T/inetd"
unlike "$(cat "$T/inetd")" 'request method' \
    'no log line reaches a client that is descriptor 2'
like "$(cat "$T/inetd")" '^HTTP/1.1 200 OK' 'and it is answered'

# ---- the ends of a silent connection

sed 's/^\[server\]/&\nidle_timeout = 1s/' "$T/acmed.conf" >"$T/short.conf"
mkfifo "$T/pipe"
sleep 60 >"$T/pipe" &
sleeper=$!
"$BIN/acmed-accept" -c "$T/short.conf" <"$T/pipe" >"$T/idle" 2>&1
is "$? $(cat "$T/idle")" '0 ' 'idle_timeout ends it'

"$BIN/acmed-accept" -c "$T/acmed.conf" <"$T/pipe" >"$T/idle" 2>&1 &
waiting=$!
before=$(date +%s)
request GET /ca/directory >"$T/pipe"
must wait_for 10 grep -q 'newNonce' "$T/idle"
kill -TERM "$waiting"
wait "$waiting"
is "$? $(grep -c '^HTTP' "$T/idle")" '0 1' 'SIGTERM ends it'
ok 'and not idle_timeout, which is ten seconds' \
    test $(($(date +%s) - before)) -lt 8
kill "$sleeper"

# ---- start-up

is "$(stat -c %a "$T/store/nonces")" 600 'the nonces are nobody'"'"'s business'
grep -v '^allowed_server' "$T/acmed.conf" >"$T/bad.conf"
run "$BIN/acmed-accept" -c "$T/bad.conf" </dev/null
exits 102 'without allowed_server_ip_ranges it does not start'
like "$err" 'allowed_server_ip_ranges' 'and says why'
run "$BIN/acmed-accept" -c "$T/none.conf" </dev/null
exits 102 'without a configuration it does not start'
run "$BIN/acmed-accept" -c "$T/acmed.conf" -s "$T/none.sqlite" </dev/null
exits 102 'without a store it does not start'
# On a terminal, where OpenSSL would ask for the password and wait.
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 1 \
    -subj /CN=localhost -passout pass:secret -keyout "$T/sealed.key" \
    -out "$T/sealed.crt"
sed "s|^\[server\]|&\ntls_certificate = $T/sealed.crt\ntls_private_key = $T/sealed.key|" \
    "$T/acmed.conf" >"$T/sealed.conf"
run timeout 20 script -qec "$BIN/acmed-accept -c $T/sealed.conf" /dev/null
exits 102 'an encrypted TLS key is an error, and nobody is asked for a password'

sed "s|^\[server\]|&\ntls_certificate = $T/none.crt\ntls_private_key = $T/none.key|" \
    "$T/acmed.conf" >"$T/bad.conf"
run "$BIN/acmed-accept" -c "$T/bad.conf" </dev/null
exits 102 'a TLS certificate that is not there is no reason to go on without'
run "$BIN/acmed-accept" -c "$T/acmed.conf" extra </dev/null
exits 100 'operands are wrong use'

done_testing
