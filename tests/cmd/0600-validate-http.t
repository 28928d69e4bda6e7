#!/bin/sh
# Goal: http-01 (RFC 8555 8.3) against a web server that says anything: what is
# right is valid, everything else ends with a type and a text that tell the
# client's operator what was seen.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/validate.sh"
skip_unless_has knotd knotc sqlite3 openssl

DNS_PORT=$(free_port) HTTP_PORT=$(free_port) TLS_PORT=$(free_port)

names='good newline chunked wrong empty long missing error endless slow
    silent bighead nohttp quote between bigline'
for name in $names; do
	echo "$name A 127.0.0.1"
done >"$T/names"
{
	cat "$T/names"
	echo 'six AAAA ::1'
	echo 'both A 127.0.0.1'
	echo 'both AAAA ::1'
	echo 'fallback A 127.0.0.1'
	echo 'fallback AAAA 100::1'
	echo 'fallback2 A 127.0.0.1'
	echo 'fallback2 AAAA ::2'
	echo 'wrongsix A 127.0.0.1'
	echo 'wrongsix AAAA ::1'
	echo 'alias CNAME good'
	echo 'refused A 127.0.0.99'
	echo 'noaddress TXT "x"'
	echo 'outside A 192.0.2.1'
	echo 'metadata A 169.254.169.254'
	echo 'excluded A 127.0.0.66'
	echo 'mixed A 192.0.2.1'
	echo 'mixed A 127.0.0.1'
	echo 'mapped AAAA ::ffff:192.0.2.1'
} | zone example.test

for name in good newline six both fallback fallback2 alias mixed 127.0.0.1 \
    ::1; do
	answer_ok "$name.example.test"
done
printf '\r\n \t\n' >>"$T/www/newline.example.test"
cp "$T/www/good.example.test" "$T/www/127.0.0.1"
cp "$T/www/good.example.test" "$T/www/::1"
answer chunked.example.test <<'END'
HTTP/1.1 200 OK
Transfer-Encoding: chunked

END
printf '2b\r\n%s\r\n2c\r\n.%s\r\n0\r\n\r\n' \
    "$(token_of chunked.example.test)" "$THUMBPRINT" \
    >>"$T/www/chunked.example.test"
answer wrong.example.test <<'END'
HTTP/1.1 200 OK
X-Secret: headersecret

<html>under "construction"
</html>
END
answer quote.example.test <<'END'
HTTP/1.1 200 OK

0123456789012345678901234567890123456789012345678901234567890123456789TAIL
END
printf 'HTTP/1.1 200 OK\r\n\r\n' >"$T/www/empty.example.test"
answer_ok long.example.test
printf '%0100d' 0 >>"$T/www/long.example.test"
answer error.example.test <<'END'
HTTP/1.1 503 Busy

@KEYAUTH@
END
answer endless.example.test <<'END'
endless
HTTP/1.1 200 OK

AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
END
# What is between two chunks counts as well, and so does a line that never ends.
answer between.example.test <<'END'
endless
HTTP/1.1 200 OK
Transfer-Encoding: chunked

1;AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
END
printf '%s' "$(head -c 20000 /dev/zero | tr '\0' A)" >"$T/line"
{
	printf 'endless\nHTTP/1.1 200 OK\r\nX: '
	cat "$T/line" "$T/line" "$T/line" "$T/line" "$T/line" "$T/line" "$T/line"
	printf '\r\n\r\nx'
} >"$T/www/bigline.example.test"
{
	echo slow
	cat "$T/www/good.example.test"
} >"$T/www/slow.example.test"
echo silent >"$T/www/silent.example.test"
{
	printf 'HTTP/1.1 200 OK\r\nX: %09000d\r\n\r\n' 0
	printf @KEYAUTH@
} >"$T/www/bighead.example.test"
printf 'SSH-2.0-OpenSSH_9.2\r\n' >"$T/www/nohttp.example.test"
answer wrongsix.example.test <<'END'
HTTP/1.1 404 Not here

END

configure 'policy exclude_server_ip_ranges = 127.0.0.66' 'validate timeout = 8s'
new_store
start_knot
start_web 127.0.0.1 ::1

for name in $names six both fallback fallback2 wrongsix alias refused \
    noaddress outside metadata excluded mixed mapped nosuch; do
	challenge http-01 "$name.example.test"
done
challenge http-01 127.0.0.1
challenge http-01 ::1
challenge http-01 127.0.0.66

before=$(date +%s)
sweep
exits 0 'all in one sweep'
after=$(date +%s)
ok 'in the time of one attempt: they run at the same time' \
    [ $((after - before)) -le 13 ]

good good.example.test 'the key authorization'
is "$(address_of good.example.test)" 127.0.0.1 'the address is kept'
like "$(cat "$T/www/log")" \
    "^127.0.0.1 good.example.test /.well-known/acme-challenge/$(token_of good.example.test)$" \
    'the path is that of RFC 8555 8.3'
good newline.example.test 'white space behind it is ignored'
good chunked.example.test 'chunked'
good six.example.test 'IPv6 alone'
is "$(address_of six.example.test)" ::1 'to the IPv6 address'
good both.example.test 'IPv6 and IPv4'
is "$(address_of both.example.test)" ::1 'IPv6 comes first'
good fallback.example.test 'an IPv6 address that is refused is not tried'
is "$(address_of fallback.example.test)" 127.0.0.1 'but the IPv4 address'
good alias.example.test 'a CNAME is followed'
good mixed.example.test 'of several addresses a permitted one'
is "$(address_of mixed.example.test)" 127.0.0.1 'and only that'
good 127.0.0.1 'an IPv4 identifier'
good ::1 'an IPv6 identifier'

bad wrong.example.test incorrectResponse \
    '\[127.0.0.1\].*<html>under' 'another body'
like "$(error_of wrong.example.test)" 'construction[\]"[\][\]x0a<' \
    'what is not printable is escaped, once'
unlike "$(error_of wrong.example.test)" headersecret 'no header is shown'
bad quote.example.test incorrectResponse 012345678901234567890123 'a body'
unlike "$(error_of quote.example.test)" TAIL '64 bytes of it are shown at most'
bad empty.example.test incorrectResponse 'body' 'an empty body'
bad long.example.test incorrectResponse 'too long' 'a body of more than 128 bytes'
bad missing.example.test unauthorized 'status 404' 'status 404'
bad error.example.test unauthorized 'status 503' 'status 503 with the right body'
bad wrongsix.example.test unauthorized '\[::1\].*404' \
    'a wrong answer over IPv6 is not asked for again over IPv4'
bad endless.example.test incorrectResponse 'too long' 'an endless body'
bad between.example.test connection '98304 bytes' 'an endless chunk extension'
bad bigline.example.test connection '98304 bytes|8192' 'an endless line of the head'
bad slow.example.test connection 'time' 'a byte now and then: the deadline'
bad silent.example.test connection 'time' 'silence'
bad bighead.example.test connection '8192' 'a head of more than 8 KiB'
bad nohttp.example.test connection 'broken' 'no HTTP'
bad refused.example.test connection '127.0.0.99' 'connection refused'
bad noaddress.example.test dns 'no A or AAAA' 'no address'
bad nosuch.example.test dns NXDOMAIN 'no such name'
bad outside.example.test rejectedIdentifier \
    '192.0.2.1.*allowed_server_ip_ranges' 'an address outside the ranges'
bad mapped.example.test rejectedIdentifier 192.0.2.1 \
    'the same in its mapped spelling'
bad metadata.example.test rejectedIdentifier 169.254.169.254 'metadata service'
bad excluded.example.test rejectedIdentifier exclude_server 'excluded'
bad 127.0.0.66 rejectedIdentifier exclude_server 'an excluded identifier'

head=$(cat "$T/www/head")
like "$head" '^Accept-Encoding: identity' 'nothing compressed is asked for'
like "$head" '^User-Agent: acmed' 'the User-Agent says who it is'
unlike "$head" '^(Cookie|Authorization)' 'nothing else'
is "$(sql 'SELECT count(*) FROM jobs')" 0 'nothing is left in the queue'
done_testing
