#!/bin/sh
# Goal: scripts/acmed-local makes what it needs, says so, keeps what is there,
# and leaves no process behind, however it ends.
. "$(dirname "$0")/../lib/tap.sh"

skip_unless_has tcpserver openssl curl pgrep
dir=$T/acmed
export BIN

# up OPTION...: starts it; down SIGNAL: ends it; sets $status.
up() {
	start local "$SRC/scripts/acmed-local" --dir "$dir" "$@"
	wait_for 30 is_up
}
is_up() {
	grep -qx ready "$T/local.out" || ended "$(cat "$T/local.pid")"
}
said() {
	sed -n "s/^$1=//p" "$T/local.out"
}
down() {
	pid=$(cat "$T/local.pid")
	kill "-$1" "$pid"
	ok "$1: ends" wait_for 20 ended "$pid"
	status=0
	wait "$pid" 2>/dev/null || status=$?
	rm "$T/local.pid"
	tap_servers=''
	ok "$1: no process is left" wait_for 10 alone
}

# Processes that have DIR in their command line, not counting those who ask.
processes() {
	pgrep -f -- "${dir}[/]"
}
alone() {
	! processes
}

get() {
	curl -sS --noproxy '*' --cacert "$(said ca)" "$1"
}

port=$(free_port)
up --port "$port" --http-port 5999 --set policy.verify_ptr=true \
    --set server.caa_identities=a.example --set server.caa_identities=b.example
is "$(sed 's/=.*//' "$T/local.out" | tr '\n' ' ')" \
    'directory ca issuer config ready ' 'what it says'
is "$(said directory)" "https://localhost:$port/directory" 'the directory'
for file in ca issuer config; do
	ok "$file is a file" test -s "$(said "$file")"
done
like "$(get "$(said directory)")" '"newNonce"' 'the directory answers'
ok 'also on 127.0.0.1' get "https://127.0.0.1:$port/directory"
ok 'the issuer is a CA' sh -c \
    "openssl x509 -noout -ext basicConstraints -in '$(said issuer)' |
	grep -q CA:TRUE"
conf=$(said config)
is "$(grep -c '^caa_identities = [ab].example$' "$conf")" 2 'a list by --set'
ok '--set' grep -qx 'verify_ptr = true' "$conf"
ok '--http-port' grep -qx 'http_port = 5999' "$conf"
run "$BIN/acmed-store" config --check -c "$conf"
exits 0 'the configuration is good'
is "$out$err" '' '... and keeps the CA apart from the store'
ok 'the processes are there' processes
is "$(stat -c %a "$dir/tls.key")" 600 'the TLS key is for the owner only'

run "$SRC/scripts/acmed-local" --dir "$dir" --port 0
exits 111 'a second server of the same DIR is refused'
like "$err" 'in use by another' 'and it says why'
like "$(get "$(said directory)")" '"newNonce"' 'the first one goes on'

# A client that keeps its connection open is no reason to stay.
openssl s_client -connect "127.0.0.1:$port" -quiet >"$T/client" 2>&1 \
    </dev/zero &
client=$!
down TERM
is "$status" 0 'TERM: exit code'
kill "$client" 2>/dev/null

before=$(sha256sum "$dir/ca/root.crt" "$dir/tls.crt")
up --set policy.verify_ptr=false
is "$(said directory)" "https://localhost:$port/directory" \
    'without --port: the port of the configuration'
is "$(sha256sum "$dir/ca/root.crt" "$dir/tls.crt")" "$before" \
    'the CA and the certificate are kept'
ok '--set changes what is there' grep -qx 'verify_ptr = false' "$conf"
ok 'and leaves the rest' grep -qx 'http_port = 5999' "$conf"
down KILL

# All of its process group at once, as a terminal or a supervisor may.
start local setsid "$SRC/scripts/acmed-local" --dir "$dir"
wait_for 30 is_up
pid=$(cat "$T/local.pid")
kill -s KILL -- "-$pid"
ok 'KILL of the whole group: no process is left' wait_for 10 alone
wait "$pid" 2>/dev/null
rm "$T/local.pid"
tap_servers=''

up --port 0
unlike "$(said directory)" ':0/' 'port 0 is a free one'
signer=$(pgrep -f -- "acme-sign serve -c ${dir}[/]")
is "$(echo "$signer" | wc -w)" 1 'one signer'
kill -KILL "$signer"
pid=$(cat "$T/local.pid")
ok 'a server that dies ends all' wait_for 20 ended "$pid"
status=0
wait "$pid" 2>/dev/null || status=$?
tap_servers=''
is "$status" 111 'with this exit code'
like "$(cat "$T/local.log")" '^acmed-local: acme-sign has ended with 137$' \
    'and this message'
ok 'no process is left' wait_for 10 alone

cp "$conf" "$T/before"
run "$SRC/scripts/acmed-local" --dir "$dir" --port 0 --set policy.nonsense=1
like "$err" '\[policy\] nonsense: unknown key' '--set of an unknown key'
exits 102 'is refused'
ok 'and the configuration is as before' cmp "$conf" "$T/before"
ok 'no process is left' wait_for 10 alone

run "$SRC/scripts/acmed-local"
exits 100 'without --dir'
run "$SRC/scripts/acmed-local" --dir "$dir" --nonsense x
exits 100 'an unknown option'
run "$SRC/scripts/acmed-local" --dir "$dir" --set nonsense
exits 100 'a --set without key and value'
for wrong in '--port 65536' '--port=' '--port 1 --port 2' '--set=' \
    "--dir $dir" '--port 010000000000000000000000'; do
	# shellcheck disable=SC2086 # words
	run timeout 20 "$SRC/scripts/acmed-local" --dir "$dir" $wrong
	exits 100 "wrong use: $wrong"
done
run "$SRC/scripts/acmed-local" --dir /dev/null/x
exits 111 'a DIR that cannot be made'
run "$SRC/scripts/acmed-local" --help
exits 0 '--help'
like "$out" '^usage: ' 'on standard output'

done_testing
