#!/bin/sh
# Goal: acmed-challenge answers tokens and whoami, by one connection and by
# workers; remembers who asked without ever being held up by that; needs no
# store when it is given thumbprints.
. "$(dirname "$0")/../lib/tap.sh"
skip_unless_has curl socat sqlite3 perl

token=evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA
other=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
third=BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB
thumb=NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
at=/.well-known/acme-challenge
mkdir "$T/store"
cat >"$T/acmed.conf" <<-END
	[store]
	url = $T/store/acmed.sqlite
	[server]
	base_url = https://localhost
	[policy]
	allowed_server_ip_ranges = any
	[local-ca]
	directory = $T/ca
	[challenge]
	linger = 0s
	workers = 3
END
must "$BIN/acmed-store" init -c "$T/acmed.conf"

challenge() {
	"$BIN/acmed-challenge" -c "$T/acmed.conf" "$@"
}

# once METHOD PATH [HOST [FIELD...]]: one request by one process; sets $code,
# $head and $body.
once() {
	{
		printf '%s %s HTTP/1.1\r\nHost: %s\r\n' "$1" "$2" "${3:-a.example}"
		printf 'Connection: close\r\n\r\n'
	} | "$BIN/acmed-challenge" -c "${conf:-$T/acmed.conf}" \
	    >"$T/reply" 2>"$T/log" || fail "exit status $?"
	tr -d '\r' <"$T/reply" | sed '/^$/q' >"$T/head"
	code=$(awk '{ print $2; exit }' "$T/head")
	head=$(cat "$T/head")
	body=$(tr -d '\r' <"$T/reply" | sed '1,/^$/d')
}

# ---- tokens by hand ----------------------------------------------------------

run challenge add "$token.$thumb"
is "$status$out$err" 0 'add'
run challenge add --host B.example --expires 2h "$other.$thumb"
is "$status$out$err" 0 'add for a host'
run challenge --no-header list
like "$out" "^$token		.*	no	$token\.$thumb\$" 'list'
like "$out" "^$other	b\.example	" '... with the host'
run challenge list --json
like "$out" "\"key_authorization\": ?\"$token.$thumb\"" '... as JSON'
for wrong in "$token" "$token." "$token.x" ".$thumb" "x.$thumb" \
    "../etc/passwd.$thumb" "$token.$thumb=" "$token.$thumb.$thumb"; do
	run challenge add "$wrong"
	exits 100 "add $wrong"
done
run challenge add "$token.$(printf '%s' "$thumb" | sed 's/^N/O/')"
exits 1 'the same token of another account'
run challenge add --expires soon "$token.$thumb"
exits 100 'an odd --expires'
for wrong in 'a b' '*.a.example' 'a.example:80' '<script>' ''; do
	run challenge add --host "$wrong" "$third.$thumb"
	exits 100 "add --host '$wrong'"
done
run challenge add --host 2001:DB8::1 "$third.$thumb"
exits 0 'add for an address'
run challenge add --expires 0s "$token.$thumb"
exits 100 'an end that has passed'

once GET $at/$token
is "$code $body" "200 $token.$thumb" 'a token is answered'
like "$head" '^Content-Type: application/octet-stream$' 'as RFC 8555 8.3 says'
long=$token$token # as some CAs have them
challenge add "$long.$thumb"
once GET $at/$long
is "$code $body" "200 $long.$thumb" 'and so is a long one'
challenge remove "$long"
once HEAD $at/$token
is "$code $body" '200 ' 'HEAD'
like "$head" '^Content-Length: 87$' '... says how long it is'
once GET $at/$other a.example
is "$code" 404 'a token of another host'
once GET $at/$other B.EXAMPLE:80
is "$code $body" "200 $other.$thumb" '... of this one, with a port'
once GET $at/$third '[2001:db8::1]:80'
is "$code $body" "200 $third.$thumb" '... of an address of IPv6'
challenge --no-header list | grep "^$third" >"$T/tokens"
run challenge remove - <"$T/tokens"
is "$status$(challenge --no-header list | grep -c "^$third")" 00 \
    'remove: what list prints'
for path in $at $at/ "$at/$token/" "$at/x$token" "$at/$token?x" "$at/../x" \
    / /.well-known/ /directory "$at/%65vaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"; do
	once GET "$path"
	is "$code" 404 "GET $path"
done
once DELETE $at/$token
is "$code" 405 'another method'
like "$head" '^Allow: GET, HEAD$' 'Allow'

# ---- whoami ------------------------------------------------------------------

whoami() {
	once GET /.well-known/public/whoami "$1"
	is "$code $body" "$2" "whoami of $1"
}
whoami WWW.example.org:8080 '200 www.example.org'
whoami '[2001:db8::1]:80' '200 [2001:db8::1]'
whoami 192.0.2.7 '200 192.0.2.7'
whoami '<script>' '400 Bad Request'
whoami 'a b' '400 Bad Request'
whoami 'a.example:x' '400 Bad Request'
like "$head" '^Content-Type: text/plain$' 'plain text'
like "$head" '^X-Content-Type-Options: nosniff$' 'and nothing else'

# ---- who asked ---------------------------------------------------------------

run challenge log --token $token --no-header
is "$status $(printf '%s\n' "$out" | wc -l)" '0 2' 'log of a token'
like "$out" "	unknown	a.example	$token	yes\$" 'by whom, for which host'
run challenge log --json
like "$out" '"answered": ?false' 'also what was not answered'
is "$(sqlite3 "$T/store/acmed.sqlite" \
    "SELECT count(*) FROM challenge_requests WHERE length(token) < 22")" 0 \
    'what is no token is not kept'
run challenge log --since 2100-01-01T00:00:00Z --no-header
is "$out" '' 'log --since'

# ---- workers -----------------------------------------------------------------

# serve [CONF]
serve() {
	start server "$SRC/scripts/lib/listen" -1 127.0.0.1 0 \
	    "$BIN/acmed-challenge" -c "${1:-$T/acmed.conf}"
	must wait_for 10 grep -q . "$T/server.out"
	url=http://127.0.0.1:$(cat "$T/server.out")
}
get() {
	curl -s -m "${2:-10}" -w ' %{http_code}' "$url$1"
}
logged() {
	[ "$(challenge --no-header log --token "$1" | grep -c '127\.0\.0\.1')" \
	    -ge "$2" ]
}
serve
is "$(get $at/$token)" "$token.$thumb 200" 'workers: a token'
ok '... with the address in the log' wait_for 10 logged $token 1
is "$(curl -s "$url$at/$token" "$url$at/$token" "$url$at/$token")" \
    "$token.$thumb$token.$thumb$token.$thumb" 'three in a row'
ok '... and their log' wait_for 10 logged $token 4

# A store that is locked delays nothing.
mkfifo "$T/pipe"
sqlite3 "$T/store/acmed.sqlite" <"$T/pipe" >"$T/sqlite.out" &
exec 9>"$T/pipe"
echo 'BEGIN IMMEDIATE; SELECT 1;' >&9
must wait_for 10 grep -q 1 "$T/sqlite.out"
quick() {
	for _ in 1 2 3 4 5; do
		[ "$(get $at/$token 2)" = "$token.$thumb 200" ] || return 1
	done
}
ok 'answers while the store is locked' quick
echo 'ROLLBACK;' >&9
exec 9>&-
ok '... and afterwards' quick

run challenge remove $token
is "$status$out$err" 0 'remove'
is "$(get $at/$token)" 'Not Found
 404' 'it is gone at once'
is "$(sqlite3 "$T/store/acmed.sqlite" "SELECT count(*) FROM events WHERE
    action = 'challenge_answer.remove' AND detail = '$token'")" 1 \
    'the event log has it'
run challenge remove $token
exits 1 'remove, again'

stop server
is "$status" 0 'SIGTERM ends it'
# What no worker could write is written when it ends, at the latest.
ok 'the log has all of them' logged $token 14

# ---- limits of the flood ------------------------------------------------------

must challenge add "$token.$thumb"
serve
flood() {
	perl -MIO::Socket::INET -e '
		my ($port, $n) = @ARGV;
		my $s = IO::Socket::INET->new("127.0.0.1:$port") or die;
		for my $i (1 .. $n) {
			printf $s "GET /.well-known/acme-challenge/%022d " .
			    "HTTP/1.1\r\nHost: x\r\n\r\n", $i;
			my $length = 0;
			while (<$s>) {
				$length = $1 if /^Content-Length: (\d+)/;
				last if $_ eq "\r\n";
			}
			read $s, my $body, $length;
		}' "${url##*:}" "$1"
}
ok 'a flood of made-up tokens' flood 900
size=$(sqlite3 "$T/store/acmed.sqlite" \
    'SELECT count(*) FROM challenge_requests WHERE answered = 0')
ok 'is kept in part at least' [ "$size" -gt 100 ]
stop server

# ---- without a store ---------------------------------------------------------

cat >"$T/bare.conf" <<-END
	[store]
	url = /nonexistent/acmed.sqlite
	[challenge]
	linger = 0s
	thumbprints = $thumb
	thumbprints = b.example=$other
END
conf=$T/bare.conf
once GET $at/$token
is "$code $body" "200 $token.$thumb" 'a thumbprint: any token'
once GET $at/$token b.example
is "$code $body" "200 $token.$other" 'another for a host'
once GET $at/short
is "$code" 404 'what is no token is not sent back'
serve "$T/bare.conf"
is "$(get $at/$token)" "$token.$thumb 200" 'workers without a store'
stop server
printf '[challenge]\nthumbprints = %s, %s\n' $thumb $other >"$T/two.conf"
run "$BIN/acmed-challenge" -c "$T/two.conf" </dev/null
exits 102 'two accounts for the same hosts'
like "$err" 'thumbprints: two accounts' '... says so'
printf '[challenge]\nthumbprints = %sx\n' $thumb >"$T/odd.conf"
run "$BIN/acmed-challenge" -c "$T/odd.conf" </dev/null
exits 102 'what is no thumbprint'

# ---- with a store that is only read -------------------------------------------

"$SRC/scripts/lib/conf-set" challenge.log_requests=false <"$T/acmed.conf" \
    >"$T/quiet.conf"
conf=$T/quiet.conf
before=$(challenge --no-header log | wc -l)
once GET $at/$token
is "$code" 200 'log_requests = false: a token'
is "$(challenge --no-header log | wc -l)" "$before" '... and no log'

# ---- start-up ----------------------------------------------------------------

unlike "$(ldd "$BIN/acmed-challenge")" 'lib(curl|pq|unbound|hiredis)' \
    'nothing is linked that is slow to load'
conf=
printf 'nonsense\r\n\r\n' | challenge >"$T/out" 2>"$T/log"
like "$(cat "$T/out")" '^HTTP/1.1 400 ' 'what is no HTTP is refused'

done_testing
