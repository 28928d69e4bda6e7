#!/bin/sh
# Goal: redirects of http-01 are the classic lever to make a validator fetch
# what it should not: each is refused or followed by the rules, and never is
# anything connected to that was not checked.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/validate.sh"
skip_unless_has knotd knotc sqlite3 openssl

DNS_PORT=$(free_port) HTTP_PORT=$(free_port) TLS_PORT=$(free_port)

# redirect HOST LOCATION [STATUS]
redirect() {
	answer "$1.example.test" <<END
HTTP/1.1 ${3:-302} Elsewhere
Location: $2
Content-Length: 0

END
	echo "$1 A 127.0.0.1" >>"$T/zone"
}

path=.well-known/acme-challenge
redirect same "/else/same"
redirect s301 /x 301
redirect s307 /x 307
redirect s308 /x 308
redirect s303 /x 303
redirect s300 /x 300
redirect host "http://target.example.test:$HTTP_PORT/a/$(
    token_of host.example.test)?q"
redirect port80 "http://port80.example.test/a/b"
redirect loop "http://loop.example.test:$HTTP_PORT/$path/$(
    token_of loop.example.test)"
redirect many "?n=1"
redirect otherport "http://otherport.example.test:22/"
redirect dnsport "http://dnsport.example.test:$DNS_PORT/"
redirect file "file:///etc/passwd"
redirect gopher "gopher://gopher.example.test/"
redirect ftp "ftp://ftp.example.test/"
redirect user "http://me:pw@user.example.test/"
redirect literal "http://127.0.0.1:$HTTP_PORT/secret"
redirect six "http://[::1]:$HTTP_PORT/secret"
redirect number "http://2130706433:$HTTP_PORT/secret"
redirect badname "http://a_b.example.test:$HTTP_PORT/"
redirect inward "http://internal.example.test:$HTTP_PORT/secret"
redirect garbage "http://"
redirect tls "https://tls.example.test/x"
redirect long "/$(printf '%02100d' 0)"
answer none.example.test <<'END'
HTTP/1.1 302 Nowhere

END
# What a redirect leads to is the file of the host; these redirect once.
for name in same s301 s307 s308; do
	redirect "$name" \
	    "http://to-$name.example.test/x/$(token_of "$name.example.test")" \
	    "$(sed -n '1s/.* \(3..\) .*/\1/p' "$T/www/$name.example.test")"
	answer_ok "to-$name.example.test"
	echo "to-$name A 127.0.0.1" >>"$T/zone"
done
# As most web servers redirect: with a page that nobody reads.
page=$(printf '%0300d' 0)
for name in page chunkedpage; do
	answer_ok "to-$name.example.test"
	echo "to-$name A 127.0.0.1"
	echo "$name A 127.0.0.1"
done >>"$T/zone"
printf 'HTTP/1.1 301 Moved\r\nLocation: http://%s/x/%s\r\n%s\r\n\r\n%s' \
    to-page.example.test "$(token_of page.example.test)" \
    'Content-Length: 300' "$page" >"$T/www/page.example.test"
printf 'HTTP/1.1 301 Moved\r\nLocation: //%s/x/%s\r\n%s\r\n\r\n%s' \
    to-chunkedpage.example.test "$(token_of chunkedpage.example.test)" \
    'Transfer-Encoding: chunked' "$(printf '12c\r\n%s' "$page")" \
    >"$T/www/chunkedpage.example.test"
answer_ok target.example.test
printf 'HTTP/1.1 200 OK\r\n\r\ninternalsecret' >"$T/www/internal.example.test"
printf 'HTTP/1.1 200 OK\r\n\r\ntargetsecret' >"$T/www/wrong.example.test"
redirect towrong "http://wrong.example.test/x"
{
	cat "$T/zone"
	echo 'none A 127.0.0.1'
	echo 'target A 127.0.0.2'
	echo 'wrong A 127.0.0.1'
	echo 'internal A 127.0.0.66'
} | zone example.test
start_knot
start_web 127.0.0.1 127.0.0.2 127.0.0.66 ::1
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/tls.key" -out "$T/tls.crt" -subj / -days 2
# An HTTPS server whose certificate proves nothing.
{
	printf 'HTTP/1.0 200 OK\r\n\r\n'
	printf '%s.%s' x "$THUMBPRINT"
} >"$T/x"
cd "$T" || exit 1
start tls openssl s_server -accept "127.0.0.1:$TLS_PORT" -cert tls.crt \
    -key tls.key -HTTP
wait_for 20 listening "$TLS_PORT"

# ---- other hosts, as a configuration may allow -------------------------------
configure 'policy exclude_server_ip_ranges = 127.0.0.66' \
    'validate redirect_same_host = false' 'validate timeout = 8s'
new_store
for name in same s301 s307 s308 s303 s300 host loop many otherport dnsport \
    file gopher ftp user literal six number badname inward garbage long none \
    towrong tls page chunkedpage; do
	challenge http-01 "$name.example.test"
done
sweep
exits 0 'all in one sweep'
for name in same s301 s307 s308; do
	good "$name.example.test" "followed: $name"
done
good page.example.test 'followed, whatever the page beside it says'
good chunkedpage.example.test 'and when that page never ends'
good host.example.test 'to another host, at its own address'
is "$(address_of host.example.test)" 127.0.0.2 'which is kept'
bad s303.example.test unauthorized 'status 303' 'status 303 is not followed'
bad s300.example.test unauthorized 'status 300' 'nor 300'
bad none.example.test unauthorized 'status 302' 'nor one that leads nowhere'
bad loop.example.test unauthorized 'circle' 'a circle'
bad many.example.test unauthorized 'circle|more than 3' 'without end'
bad otherport.example.test unauthorized 'port 22' 'to port 22'
bad dnsport.example.test unauthorized "port $DNS_PORT" 'to another port'
bad file.example.test unauthorized 'scheme|redirect' 'to a file'
bad gopher.example.test unauthorized 'scheme|redirect' 'to gopher'
bad ftp.example.test unauthorized 'scheme|redirect' 'to ftp'
bad user.example.test unauthorized 'user name' 'with a password'
bad literal.example.test unauthorized 'no host name' 'to an address'
bad six.example.test unauthorized 'no host name' 'to an IPv6 address'
bad number.example.test unauthorized 'no host name' 'to an address in disguise'
bad badname.example.test unauthorized 'no host name' 'to what is no host name'
bad inward.example.test rejectedIdentifier '127.0.0.66' \
    'to a name whose address is refused'
is "$(asked internal.example.test)" 0 'which is not connected to'
bad garbage.example.test unauthorized 'redirect|status 302' 'to garbage'
bad long.example.test unauthorized 'too long|redirect' 'to 2100 bytes'
bad towrong.example.test incorrectResponse 'wrong.example.test' 'to a wrong body'
unlike "$(error_of towrong.example.test)" targetsecret \
    'which is not shown: it may be from inside'
bad tls.example.test incorrectResponse 'https://tls.example.test' \
    'to https: the certificate proves nothing, the body counts'

# ---- the default: the same host only -----------------------------------------
configure 'validate timeout = 8s'
sql "DELETE FROM jobs"
: >"$T/www/log"
for name in host port80 literal; do
	challenge http-01 "$name.example.test"
done
sweep
bad host.example.test unauthorized 'another host' 'another host is refused'
is "$(asked target.example.test)" 0 'and not asked'
bad literal.example.test unauthorized 'another host' 'an address, too'
bad port80.example.test unauthorized 'circle|more than' \
    'port 80 stands for the configured port'
ok 'on the same host it goes on' [ "$(asked port80.example.test)" -ge 2 ]

configure 'validate redirects = 0' 'validate timeout = 8s'
: >"$T/www/log"
challenge http-01 port80.example.test
sweep
bad port80.example.test unauthorized 'more than 0' 'redirects = 0'
is "$(asked port80.example.test)" 1 'follows none'
done_testing
