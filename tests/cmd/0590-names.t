#!/bin/sh
# Goal: names that are none are refused before anything is stored or looked up
# (RFC 8555 7.1.3; RFC 8738 3).
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
actor alice

# json TYPE VALUE: the value may hold JSON escapes.
json() {
	printf '{"identifiers":[{"type":"%s","value":"%s"}]}' "$1" "$2"
}
label63=$(head -c 63 /dev/zero | tr '\0' a)
long=$label63.$label63.$label63

while IFS='|' read -r name value; do
	misuse '400 malformed' "dns: $name" --payload "$(json dns "$value")" \
	    @newOrder
done <<EOT
empty|
blank|${empty:- }
the inside of a loopback server (SC1)|127.0.0.1:18081/secret#
a second name and a subject (SC2)|localhost#,CN=admin,DNSNAME=victim.corp
port|a.example.test:80
port of an address|10.0.0.5:22
comma|a.example.test,b.example.test
comma and a type|a.example.test,DNS:b.example.test
fragment|a.example.test#
fragment with more|a.example.test#b
path|a.example.test/x
query|a.example.test?x
userinfo|user@a.example.test
URL|http://a.example.test/
backslash|a.example.test\\\\b
percent|a%2eexample.test
equals sign|CN=a.example.test
semicolon|a.example.test;b
plus|a.example.test+CN=b
quote|a\\"b.example.test
quote of a shell|a'b.example.test
dollar|\$(id).example.test
backquote|\`id\`.example.test
angle brackets|<a>.example.test
blank inside|a b.example.test
blank before| a.example.test
blank after|a.example.test${empty:- }
tab|a\\tb.example.test
newline|a.example.test\\nb.example.test
newline after|a.example.test\\n
carriage return|a\\r.example.test
null character|a.example.test\\u0000.evil.example
null character after|a.example.test\\u0000
bell|a\\u0007.example.test
delete|a\\u007f.example.test
letter beyond ASCII|\\u00e4.example.test
full-width letter|\\uff41.example.test
full-width dot|a\\uff0eexample.test
zero-width space|a\\u200b.example.test
leading dot|.example.test
trailing dot|a.example.test.
two dots|a..example.test
dot alone|.
label that begins with a hyphen|-a.example.test
label that ends with a hyphen|a-.example.test
underscore|a_b.example.test
challenge's own name|_acme-challenge.example.test
label of 64|a$label63.example.test
name of 254|$long.$(head -c 62 /dev/zero | tr '\0' a)
IPv4 address|127.0.0.1
IPv4 address in hex|0x7f000001
IPv4 address, one number|2130706433
IPv4 address, short|127.1
IPv4 address, octal|0177.0.0.1
IPv6 address|::1
IPv6 address in brackets|[::1]
last label of digits|a.example.123
last label hex|a.example.0x7f
wildcard twice|*.*.example.test
wildcard alone|*
wildcard of nothing|*.
wildcard inside|a.*.example.test
wildcard at the end|example.*
wildcard in a label|a*.example.test
wildcard and more|*a.example.test
wildcard without a dot|*example.test
wildcard of an address|*.127.0.0.1
A-label that is none|xn--\\u00e4.example.test
A-label that decodes to nothing|xn--.example.test
A-label that cannot be decoded|xn--a-999999999.example.test
EOT
misuse '400 malformed' 'dns: bad name beside a good one' \
    --payload "$(names good.example.test 'bad.example.test#')" @newOrder

while IFS='|' read -r name value; do
	misuse '400 malformed' "ip: $name" --payload "$(json ip "$value")" \
	    @newOrder
done <<EOT
empty|
name|a.example.test
port|127.0.0.1:80
prefix|127.0.0.0/8
blank after|127.0.0.1${empty:- }
newline after|127.0.0.1\\n
null character|127.0.0.1\\u0000
three numbers|127.0.1
five numbers|127.0.0.0.1
number beyond 255|256.0.0.1
leading zero|127.0.0.01
octal|0177.0.0.1
hex|0x7f.0.0.1
one number|2130706433
brackets|[::1]
zone|fe80::1%eth0
IPv6 in upper case|2001:DB8::1
IPv6 not shortened|2001:db8:0:0:0:0:0:1
IPv6 with leading zeros|2001:0db8::1
IPv4-mapped|::ffff:127.0.0.1
IPv4-mapped in hex|::ffff:7f00:1
wildcard|*.127.0.0.1
EOT

# ---- names that are good

while IFS='|' read -r name value; do
	works '201 -' "good dns: $name" --payload "$(json dns "$value")" @newOrder
done <<EOT
plain|a.example.test
upper case|A.EXAMPLE.test
digits|1.2.3.example.test
hyphens|a-b--c.example.test
label of 63|$label63.example.test
name of 253|$long.$(head -c 61 /dev/zero | tr '\0' a)
A-label|xn--bcher-kva.example.test
wildcard|*.example.test
digits in the last label|a.example.test1
EOT
works '201 -' 'good ip: 127.0.0.1' --payload "$(json ip 127.0.0.1)" @newOrder
works '201 -' 'good ip: ::1' --payload "$(json ip ::1)" @newOrder

# ---- nothing that stands on another port or path is ever asked for

is "$(grep -c . "$T/www.log")" 0 'the applicant was not asked for anything'

store_is_sound
done_testing
