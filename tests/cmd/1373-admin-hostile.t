#!/bin/sh
# shellcheck disable=SC2016,SC2028 # perl
# Goal: hostile requests to acmed-admin: each has its answer or the end of the
# connection, nothing of it is done, and who is honest is answered all the while.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl

make_export_store
enter one DNS:a.example
admin_token keys+read+write
admin_serve admin.workers=4 admin.request_timeout=2s admin.idle_timeout=2s
auth=$(cat "$T/token.keys+read+write")
before=$(sql 'SELECT group_concat(name) || (SELECT max(id) FROM events)
    FROM domain_queue')

# raw: what perl prints on one connection to the workers; the status of each
# answer.  $P is the prefix, $A the field that names a token.
raw() {
	perl -MIO::Socket::INET -e '
		my ($port, $auth, $code) = @ARGV;
		our ($P, $A) = ("/.well-known/admin", "Host: x\r\n$auth\r\n");
		$SIG{PIPE} = "IGNORE";
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die;
		$s->autoflush(1);
		alarm 60;
		our $S = $s;
		my $text = eval $code;
		die $@ if $@;
		print $s $text if defined $text;
		shutdown $s, 1;
		local $/;
		my $got = <$s> // "";
		print join " ", $got =~ m{HTTP/1\.1 (\d+) }g;
		print STDERR $got;' "$admin_port" "$auth" "$1" 2>"$T/raw"
}
# honest: who means well is answered; part of each check.
honest() {
	curl -s -m 20 --noproxy '*' -o /dev/null -w '%{http_code}' \
	    -H "$auth" "http://127.0.0.1:$admin_port/.well-known/admin/whoami"
}
# hostile WANT NAME PERL: its statuses, and then those of the honest one.
hostile() {
	is "$(raw "$3") $(honest)" "$1 200" "$2"
	unlike "$(tr -d '\0' <"$T/raw")" 'PRIVATE KEY' '... and no key'
}

# ---- heads -------------------------------------------------------------------

hostile 431 'a field that does not end' \
    '"GET $P/whoami HTTP/1.1\r\n${A}X: " . "a" x 100000 . "\r\n\r\n"'
hostile 431 'more fields than any' \
    '"GET $P/whoami HTTP/1.1\r\n$A" . join("", map { "X$_: y\r\n" } 1 .. 5000) . "\r\n"'
hostile 414 'a path that does not end' '"GET $P/" . "a" x 100000 . " HTTP/1.1\r\n${A}\r\n"'
hostile 414 'a query that does not end' \
    '"GET $P/whoami?" . "a=b&" x 50000 . " HTTP/1.1\r\n${A}\r\n"'
hostile 400 'a NUL in the path' '"GET $P/who\0ami HTTP/1.1\r\n${A}\r\n"'
hostile 400 'a NUL in a field' '"GET $P/whoami HTTP/1.1\r\n${A}X: a\0b\r\n\r\n"'
hostile 400 'a field that goes on in the next line' \
    '"GET $P/whoami HTTP/1.1\r\n${A}X: a\r\n b\r\n\r\n"'
hostile 400 'another host' '"GET $P/whoami HTTP/1.1\r\nHost: y\r\n${A}\r\n"'
hostile 401 'two tokens' '"GET $P/whoami HTTP/1.1\r\n${A}Authorization: Bearer x\r\n\r\n"'
hostile 401 'a token in the query' \
    '"GET $P/whoami?token=x&access_token=y HTTP/1.1\r\nHost: x\r\n\r\n"'

# ---- paths -------------------------------------------------------------------

n=0
for path in '/../../../etc/passwd' '/certificate/1/../../domain/x' \
    '/./whoami' '//whoami' '/whoami/' '/whoami%00' '/whoami%2ejson' \
    '/certificate/1%2fprivkey.pem' '/certificate/%31/privkey.pem' \
    '/certificate/-1/config.json' '/certificate/+1/config.json' \
    '/certificate/0x1/config.json' '/certificate/1e0/config.json' \
    '/certificate/18446744073709551617/config.json' \
    '/domain/..%2f..%2fetc/config.json' '/domain/%00/config.json' \
    '/domain/a.example%00/config.json' '/domain/%25%25/config.json' \
    "/domain/' OR 1=1 --/config.json" '/domain/%27%20OR%201=1/config.json' \
    '/domain/*/config.json' '/domain/%ff%fe/config.json' \
    '/DOMAIN/a.example/config.json' '/certificate/1/privkey.pem%0d%0aX:y'; do
	n=$((n + 1))
	ask_tcp "$(printf %s "$path" | sed 's/ /%20/g')" -H "$auth"
	like "$code" '^40[04]$' "no such path: $path"
	unlike "$body" 'PRIVATE KEY' '... and no key'
done
is "$n" 24 'so many'

# ---- bodies ------------------------------------------------------------------

q='POST $P/queue-domains/add.json HTTP/1.1\r\n${A}'
hostile 413 'a byte more than a mebibyte' \
    "\"${q}Content-Length: 1048577\\r\\n\\r\\n\" . 'a' x 1048577"
hostile 400 'a length that nobody has' \
    "\"${q}Content-Length: 99999999999999999999\\r\\n\\r\\n\""
for len in -1 +5 0x10 '5 5' '5, 5' 5,6 '' 1e3; do
	hostile 400 "a length that is none: $len" \
	    "\"${q}Content-Length: $len\\r\\n\\r\\n\" . 'domain_names=evil.example'"
done
hostile 400 'two lengths' \
    "\"${q}Content-Length: 5\\r\\nContent-Length: 25\\r\\n\\r\\ndomain_names=evil.example\""
for coding in chunked 'chunked, identity' 'gzip, chunked' 'x' ' chunked'; do
	is "$(raw "\"${q}Transfer-Encoding: $coding\\r\\n\\r\\n19\\r\\ndomain_names=evil.example\\r\\n0\\r\\n\\r\\n\"" |
	    grep -cE '^(400|411|501)$') $(honest)" '1 200' "no coding: $coding"
done
hostile 400 'a length and a coding' \
    "\"${q}Content-Length: 25\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\ndomain_names=evil.example\""
hostile 400 'half a body' \
    "\"${q}Content-Length: 100\\r\\n\\r\\ndomain_names=evil.example\""
hostile 400 'fields by the thousand' \
    "my \$b = join '&', map { \"f\$_=x\" } 1 .. 5000;
     \"${q}Content-Length: \" . length(\$b) . \"\\r\\n\\r\\n\$b\""
hostile 400 'one field again and again' \
    "my \$b = 'domain_names=evil.example&' x 9;
     \"${q}Content-Length: \" . length(\$b) . \"\\r\\n\\r\\n\$b\""
for bad in 'domain_names=evil.example%' 'domain_names=evil.example%0' \
    'domain_names=evil.example%zz' 'domain_names=evil.example%00' \
    'domain_names%00=evil.example'; do
	hostile 400 "percent signs: $bad" "my \$b = '$bad';
	    \"${q}Content-Length: \" . length(\$b) . \"\\r\\n\\r\\n\$b\""
done
# multipart PERL: a body of that, with the boundary x.
multipart() {
	echo "my \$b = $1; \"${q}Content-Type: multipart/form-data; boundary=x\\r\\nContent-Length: \" . length(\$b) . \"\\r\\n\\r\\n\$b\""
}
part='"--x\r\nContent-Disposition: form-data; name=\"domain_names\"\r\n\r\nevil.example\r\n"'
hostile 400 'parts by the thousand' "$(multipart "join('', map { \"--x\\r\\nContent-Disposition: form-data; name=\\\"f\$_\\\"\\r\\n\\r\\n\\r\\n\" } 1 .. 3000) . \"--x--\\r\\n\"")"
hostile 400 'a part that does not end' "$(multipart "$part")"
hostile 400 'the same part twice' "$(multipart "$part . $part . \"--x--\\r\\n\"")"
hostile 400 'parts in parts' "$(multipart "join('', map { \"--x\\r\\nContent-Disposition: form-data; name=\\\"a\$_\\\"\\r\\nContent-Type: multipart/mixed; boundary=x\\r\\n\\r\\n\" } 1 .. 500) . $part")"
hostile 400 'a part with a head that does not end' \
    "$(multipart "\"--x\\r\\nX: \" . 'a' x 500000")"
hostile 400 'nothing but boundaries' "$(multipart "\"--x\\r\\n\" x 100000")"
hostile 400 'a field with a name that does not end' \
    "$(multipart "\"--x\\r\\nContent-Disposition: form-data; name=\\\"\" . 'a' x 9000 . \"\\\"\\r\\n\\r\\nx\\r\\n--x--\\r\\n\"")"
hostile 400 'a boundary that is none' \
    "\"${q}Content-Type: multipart/form-data; boundary=\" . 'x' x 500 . \"\\r\\nContent-Length: 0\\r\\n\\r\\n\""
hostile 415 'another type' \
    "\"${q}Content-Type: application/json\\r\\nContent-Length: 2\\r\\n\\r\\n{}\""

# ---- connections -------------------------------------------------------------

hostile '200 400' 'garbage behind a request' \
    '"GET $P/whoami HTTP/1.1\r\n${A}\r\n\0\1\2garbage\r\n\r\n"'
hostile '405 400' 'a request in the body of one that has none' \
    '"DELETE $P/whoami HTTP/1.1\r\n${A}\r\ndomain_names=evil.example\r\n\r\n"'
hostile '200 200 200 404' 'requests one behind the other' \
    '("GET $P/whoami HTTP/1.1\r\n${A}\r\n" x 3) . "GET /x HTTP/1.1\r\n${A}\r\n"'
hostile 400 'TLS' '"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" . "\0" x 500'
hostile 408 'bytes one by one' \
    'for (split //, "GET $P/whoami HTTP/1.1\r\n") { print $S $_ or last;
     select undef, undef, undef, 0.3 } undef'
hostile 408 'a body that comes drop by drop' \
    "print \$S \"${q}Content-Length: 25\\r\\n\\r\\n\"; for (1 .. 12) { print \$S 'd' or last;
     select undef, undef, undef, 0.3 } undef"
# More connections than workers, which say nothing.
perl -MIO::Socket::INET -e '
	my @all = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]") } 1 .. 30;
	$| = 1;
	print "held\n";
	sleep 60' "$admin_port" >"$T/held" &
holder=$!
must wait_for 10 grep -q held "$T/held"
is "$(honest)" 200 'many connections that say nothing keep nobody out'
kill "$holder"

is "$(sql 'SELECT group_concat(name) || (SELECT max(id) FROM events)
    FROM domain_queue')" "$before" 'nothing of all that was done'
unlike "$(cat "$T"/admin*.log)" 'request.failed|Sanitizer|runtime error' \
    'no failure of ours'
unlike "$(cat "$T"/admin*.log)" "${auth#*Bearer }" 'and no token in the log'
unlike "$(cat "$T"/admin*.log)" 'request.refused|status=401' \
    'nor a line of who may not ask'
is "$(grep -c 'status=200.*caller=token/' "$T/admin.log" | grep -c '^[1-9]')" 1 \
    '... but those of who may'
stop admin
stop admin-unix
admin_serve log.level=debug
ask_tcp /whoami
hostile 400 'the log at debug level' '"GET $P/who\0ami HTTP/1.1\r\n${A}\r\n"'
like "$(cat "$T/admin.log")" 'debug: request .*status=401' '... has them'
like "$(cat "$T/admin.log")" 'debug: request.refused status=400' '... all'
ok 'the store is sound' "$BIN/acmed-store" check

done_testing
