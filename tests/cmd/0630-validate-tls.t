#!/bin/sh
# Goal: tls-alpn-01 (RFC 8737, RFC 8738) against openssl s_server: only the one
# certificate is right, and only over the one protocol.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/validate.sh"
skip_unless_has knotd knotc sqlite3 openssl

DNS_PORT=$(free_port) HTTP_PORT=$(free_port) TLS_PORT=$(free_port)
number=0
: >"$T/zone"
: >"$T/hosts"

# certificate NAME SAN EXTENSION: a key and a certificate $T/NAME.*.
certificate() {
	{
		echo '[req]'
		echo 'distinguished_name = dn'
		echo '[dn]'
		echo '[v3]'
		[ -z "$2" ] || echo "subjectAltName = $2"
		printf '%s\n' "$3"
	} >"$T/$1.cnf"
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -keyout "$T/$1.key" -out "$T/$1.crt" -subj /CN=x -days 2 \
	    -config "$T/$1.cnf" -extensions v3
}

# identifier_of NAME [OTHER]: the extension's value for a name.
identifier_of() {
	printf 'critical,DER:04:20'
	keyauth_of "$1" | openssl dgst -sha256 -binary | od -An -v -tx1 |
	    tr -d ' \n' | sed 's/../:&/g'
}

# serve NAME [OPTION...]: s_server with that certificate on an address of its
# own, called NAME.example.test.
serve() {
	serve_name=$1
	shift
	number=$((number + 1))
	echo "$serve_name A 127.0.3.$number" >>"$T/zone"
	start "$serve_name" openssl s_server -accept "127.0.3.$number:$TLS_PORT" \
	    -cert "$T/$serve_name.crt" -key "$T/$serve_name.key" -www "$@"
	echo "$serve_name" >>"$T/hosts"
}

oid=1.3.6.1.5.5.7.1.31
alpn='-alpn acme-tls/1'

# simple NAME SAN EXTENSION [OPTION...]
simple() {
	certificate "$1" "$2" "$3"
	simple_name=$1
	shift 3
	# shellcheck disable=SC2086 # two words
	serve "$simple_name" $alpn "$@"
}

right() {
	echo "$oid = $(identifier_of "$1.example.test")"
}

simple good DNS:good.example.test "$(right good)"
simple upper DNS:UPPER.example.test "$(right upper)"
simple tls12 DNS:tls12.example.test "$(right tls12)" -tls1_2
simple tls11 DNS:tls11.example.test "$(right tls11)" -tls1_1 \
    -cipher DEFAULT:@SECLEVEL=0
certificate noalpn DNS:noalpn.example.test "$(right noalpn)"
serve noalpn
certificate otheralpn DNS:otheralpn.example.test "$(right otheralpn)"
serve otheralpn -alpn http/1.1
simple digest DNS:digest.example.test "$(right other)"
simple noext DNS:noext.example.test ''
simple uncritical DNS:uncritical.example.test \
    "$(right uncritical | sed 's/critical,//')"
simple draft DNS:draft.example.test \
    "$(right draft | sed 's/.1.31 /.1.30.1 /')"
simple bothoids DNS:bothoids.example.test "$(right bothoids)
$(right bothoids | sed 's/.1.31 /.1.30.1 /')"
simple short DNS:short.example.test "$(right short | sed 's/04:20/04:1f/; s/:..$//')"
simple trailing DNS:trailing.example.test "$(right trailing):00"
simple twonames DNS:twonames.example.test,DNS:victim.example.test \
    "$(right twonames)"
simple othername DNS:victim.example.test "$(right othername)"
simple ipname IP:127.0.0.1 "$(right ipname)"
simple nosan '' "$(right nosan)"
simple email DNS:email.example.test,email:a@email.example.test "$(right email)"
# Only who asks for the right name gets an answer; for an address it is that of
# its PTR record (RFC 8738 6).
number=$((number + 1))
echo "sni A 127.0.3.$number" >>"$T/zone"
certificate sni DNS:sni.example.test "$(right sni)"
start sni "$TOOLS/tls-sni" 127.0.3.$number "$TLS_PORT" "$T/sni.crt" \
    "$T/sni.key" sni.example.test
number=$((number + 1))
ip=127.0.3.$number
certificate address "IP:$ip" "$oid = $(identifier_of $ip)"
start address "$TOOLS/tls-sni" $ip "$TLS_PORT" "$T/address.crt" \
    "$T/address.key" "$number.3.0.127.in-addr.arpa"
number=$((number + 1))
badip=127.0.3.$number
certificate badaddress "DNS:$number.3.0.127.in-addr.arpa" \
    "$oid = $(identifier_of $badip)"
# shellcheck disable=SC2086
start badaddress openssl s_server -accept "$badip:$TLS_PORT" $alpn \
    -cert "$T/badaddress.crt" -key "$T/badaddress.key" -www
certificate six IP:::1 "$oid = $(identifier_of ::1)"
# shellcheck disable=SC2086
start six openssl s_server -6 -accept "[::1]:$TLS_PORT" $alpn \
    -cert "$T/six.crt" -key "$T/six.key" -www
# Says nothing at all.
start silent "$SRC/tests/lib/mute" tcp 127.0.3.200 "$TLS_PORT"
# Speaks no TLS.
start plain "$SRC/tests/lib/mute" greet 127.0.3.201 "$TLS_PORT"
{
	cat "$T/zone"
	echo 'silent A 127.0.3.200'
	echo 'plain A 127.0.3.201'
	echo 'nobody A 127.0.3.202'
	echo 'outside A 192.0.2.1'
	echo 'fallback AAAA ::1'
	echo "fallback A $(sed -n 's/^good A //p' "$T/zone")"
} | zone example.test
configure 'validate timeout = 6s'
new_store
start_knot

all_listening() {
	[ "$(grep -El 'ACCEPT|ready' "$T"/*.out | wc -l)" -ge $((number + 3)) ]
}
wait_for 20 all_listening || exit 1

while read -r name; do
	challenge tls-alpn-01 "$name.example.test"
done <"$T/hosts"
for name in sni silent plain nobody outside; do
	challenge tls-alpn-01 "$name.example.test"
done
challenge tls-alpn-01 "$ip"
challenge tls-alpn-01 "$badip"
challenge tls-alpn-01 ::1
sweep
exits 0 'all in one sweep'
good good.example.test 'the right certificate'
is "$(address_of good.example.test)" 127.0.3.1 'the address is kept'
good upper.example.test 'case does not matter in names'
good tls12.example.test 'TLS 1.2'
good sni.example.test 'the name is asked for'
good $ip 'an IPv4 address, asked for by its arpa name'
good ::1 'an IPv6 address'
bad tls11.example.test tls 'TLS' 'TLS 1.1'
bad noalpn.example.test tls 'acme-tls/1' 'no ALPN'
bad otheralpn.example.test tls 'TLS|acme-tls/1' 'another protocol'
bad digest.example.test incorrectResponse 'digest' 'another digest'
bad noext.example.test unauthorized 'no acmeIdentifier' 'no extension'
bad uncritical.example.test unauthorized 'not critical' 'not critical'
bad draft.example.test unauthorized 'draft' 'the OID of a draft'
bad bothoids.example.test unauthorized 'draft' 'both OIDs'
bad short.example.test unauthorized '32 bytes' '31 bytes'
bad trailing.example.test unauthorized '32 bytes' 'a byte behind it'
bad twonames.example.test unauthorized 'exactly one' 'two names'
bad othername.example.test unauthorized 'not the dNSName' 'another name'
bad ipname.example.test unauthorized 'not the dNSName' 'an address for a name'
bad nosan.example.test unauthorized 'exactly one' 'no name'
bad email.example.test unauthorized 'exactly one' 'a name of another kind'
bad $badip unauthorized 'not the iPAddress' 'the arpa name in the certificate'
bad silent.example.test tls 'in time' 'silence'
bad plain.example.test tls 'TLS' 'no TLS'
bad nobody.example.test connection 'cannot connect' 'nobody'
bad outside.example.test rejectedIdentifier 192.0.2.1 'outside the ranges'
done_testing
