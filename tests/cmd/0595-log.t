#!/bin/sh
# Goal: whatever a client sends, the log has one well-formed line for each event,
# printable, and nothing in it that is not ours hides what is.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
variant "$T/short.conf" server.request_timeout=2s

# What a line is: program[pid]: level: event, then key=value, a value bare or
# quoted.
bare='[!#-<>-[^-~]|\]'
quoted='"([] !#-[^-~]|\\["\\]|\\x[0-9a-f][0-9a-f])*"'
line="^acmed-accept\\[[0-9]+\\]: (debug|info|warn|error): [a-z._]+"
line="$line( [a-z_]+=(($bare)+|$quoted))* id=[0-9a-z-]+\$"

# lines FILE N EVENT NAME: the log is N lines, all well-formed, all EVENT.
lines() {
	lines_bad=$(LC_ALL=C grep -Evn "$line" "$1")
	lines_got=$(grep -c "$3" "$1")/$(wc -l <"$1")
	is "$lines_got $lines_bad" "$2/$2 " "$4"
}

# bytes NAME EVENT FORMAT: what printf makes of it is one request, and one line.
bytes() {
	# shellcheck disable=SC2059 # it is a format
	printf "$3" >"$T/in"
	"$BIN/acmed-accept" -c "$T/short.conf" <"$T/in" >"$T/answer" 2>"$T/log"
	lines "$T/log" 1 "info: $2" "$1"
}

end='\r\nHost: x\r\n\r\n'
forged='acmed-accept[1]: error: forged id=1'
long=$(head -c 8000 /dev/zero | tr '\0' L)
bytes 'agent: quotes and equals signs' 'request ' \
    "GET /directory HTTP/1.1\r\nUser-Agent: a\" status=200 \\\\\" $forged$end"
bytes 'agent: UTF-8' 'request ' \
    "GET /directory HTTP/1.1\r\nUser-Agent: \303\244\342\200\256\xff\t$end"
bytes 'agent: very long' 'request ' \
    "GET /directory HTTP/1.1\r\nUser-Agent: $long$end"
like "$(cat "$T/log")" ' path=/directory status=200 peer=unknown .*LL\.\.\." id=' \
    'agent: very long: cut, and nothing else'
bytes 'agent: ESC' request.refused \
    "GET /directory HTTP/1.1\r\nUser-Agent: \033[2J$end"
bytes 'agent: NUL' request.refused \
    "GET /directory HTTP/1.1\r\nUser-Agent: a\0b$end"
bytes 'agent: bare CR' request.refused \
    "GET /directory HTTP/1.1\r\nUser-Agent: a\r$forged$end"
bytes 'agent: bare LF' request.refused \
    "GET /directory HTTP/1.1\r\nUser-Agent: a\n$forged$end"
bytes 'agent: folded' request.refused \
    "GET /directory HTTP/1.1\r\nUser-Agent: a\r\n $forged$end"
bytes 'path: quotes and equals signs' 'request ' \
    "GET /\"a\"=b\\\\x0a%%0aacmed-accept HTTP/1.1$end"
bytes 'path: very long' 'request ' "GET /$long HTTP/1.1$end"
like "$(cat "$T/log")" ' path="/L.*\.\.\." status=404 peer=unknown .* id=' \
    'path: very long: cut, and nothing else'
bytes 'path: DEL' request.refused "GET /\177 HTTP/1.1$end"
bytes 'path: ESC' request.refused "GET /\033[2J HTTP/1.1$end"
bytes 'path: LF' request.refused "GET /a\n$forged HTTP/1.1$end"
bytes 'method: very long' 'request ' "$long / HTTP/1.1$end"
like "$(cat "$T/log")" ' path=/ status=405 peer=unknown ' \
    'method: very long: cut, and nothing else'
bytes 'method: odd' 'request ' "!#\$%%&'*+-.^_\`|~ / HTTP/1.1$end"
bytes 'method: ESC' request.refused "G\033T / HTTP/1.1$end"
bytes 'Host: ESC' request.refused "GET / HTTP/1.1\r\nHost: \033[2J\r\n\r\n"
bytes 'Host: quote' request.refused "GET / HTTP/1.1\r\nHost: \"\r\n\r\n"
bytes 'Host: very long' 'request ' "GET / HTTP/1.1\r\nHost: $long\r\n\r\n"
bytes 'TLS' request.refused '\026\003\001\002\000\001\000\001\374\003\003\n'

# ---- what is signed

actor alice
# signed NAME ARGUMENT...: one request, and one line of it.
signed() {
	signed_name=$1
	shift
	: >"$T/alice/log"
	raw "$@"
	lines "$T/alice/log" 1 'info: request ' "$signed_name: $reply"
}
raw @account # from now on there is a nonce at hand
odd='\n\r\u001b[2J\u0085\u2028\"\\ id=1\n'$forged
for what in kid nonce url alg crit; do
	signed "$what: control characters" -J "$what=\"$odd\"" @account
done
signed 'kid: of ours, and more' -J kid="\"$base/account/$odd\"" @account
signed 'kid: very long' -J kid="\"$base/account/$long\"" @account
signed 'contact: control characters' \
    --payload "{\"contact\":[\"mailto:a@b$odd\"]}" @account
signed 'contact: another scheme' --payload "{\"contact\":[\"x$odd:y\"]}" @account
signed 'name: control characters' \
    --payload "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a$odd\"}]}" \
    @newOrder
signed 'name: very long' \
    --payload "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"$long\"}]}" @newOrder
signed 'identifier type: control characters' \
    --payload "{\"identifiers\":[{\"type\":\"d$odd\",\"value\":\"a\"}]}" @newOrder
signed 'member: control characters' --payload "{\"a$odd\":1,\"a$odd\":1}" @newOrder
signed 'date: control characters' --payload "{\"identifiers\":[{\"type\":\"dns\",
    \"value\":\"a.example.test\"}],\"notAfter\":\"$odd\"}" @newOrder
signed 'CSR: a name with control characters' \
    --payload "{\"csr\":\"$odd\"}" "$base/order/AAAAAAAAAAAAAAAAAAAAAA/finalize"
signed 'body: control characters' --body "$(printf '{"\033[2J\\n":"a')" @account

# The log in the store, which people read as well: no byte but tab and line end.
run "$BIN/acmed-store" log -c "$config"
is "$(tr -d '\t\n -~' <"$T/out" | wc -c)" 0 'the log of the store is printable'

store_is_sound
done_testing
