#!/bin/sh
# Goal: a name that nobody knows gets its certificate by its first handshakes:
# nginx with scripts/openresty asks acmed-admin, which has domain-queue order it
# at a CA, ours, to which acmed-challenge answers; once, and only what is allowed.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/clients.sh"
. "$SRC/tests/lib/upstream.sh"
. "$SRC/tests/lib/order.sh"
. "$SRC/tests/lib/admin.sh"
. "$SRC/tests/lib/nginx.sh"
. "$SRC/tests/lib/openresty.sh"
skip_unless_has nginx openssl curl jq socat

start_dns
start_acmed
order_up acmed
ACMED_CONFIG=$client
export ACMED_CONFIG
start answerer "$SRC/scripts/lib/listen" -1 127.0.0.1 "$http_port" \
    "$BIN/acmed-challenge" -c "$client"
must wait_for 10 grep -q . "$T/answerer.out"
work_serve
admin_serve "admin.work_socket=$T/work.sock" \
    'admin.autocert_allow=new.example.test, *.shop.example.test'
admin_token read+keys+order
sed 's/.* //' "$T/token.read+keys+order" >"$T/token"
unset tls_port # there acmed would validate
start_openresty "missing = 1, admin = { token_file = '$T/token', timeout = 10,
    url = 'unix:$T/admin.sock:/.well-known/admin', autocert = true }"

# gets NAME [SPELLED]: a handshake gets a certificate of our CA for it, for
# wait_for.
gets() {
	shown "${2:-$1}" >/dev/null
	cert_is "$T/shown" "$1"
}
orders() {
	sql 'SELECT count(*) FROM upstream_orders'
	sqlite3 "$store" 'SELECT count(*) FROM orders'
}
state() {
	orders
	sql 'SELECT (SELECT count(*) FROM autocerts), (SELECT count(*)
	    FROM domain_queue), (SELECT max(id) FROM events)'
}
# keys KEY: those names of the gateway's status.
keys() {
	cache status | jq -c ".keys.$1"
}
default=$(digest "$T/default.crt")

# ---- a name that is allowed --------------------------------------------------------

ok 'a name that nobody knows gets a certificate of the CA' \
    wait_for 60 gets new.example.test
is "$(sqlite3 "$store" "SELECT type, status FROM challenges
    WHERE status <> 'pending'")" 'http-01|valid' '... which has looked at http-01'
is "$("$BIN/acmed-challenge" log --no-header | grep -c new.example.test)" 1 \
    '... where acmed-challenge answered'
is "$(orders)" '1
1' '... it was ordered once'
is "$(sql "SELECT count(*) FROM domains WHERE value = 'new.example.test'
    AND latest_single_id IS NOT NULL")" 1 '... and is in the store'
is "$(keys valid) $(keys autocert)" '["new.example.test"] []' \
    '... and in the gateway, where nothing is under way'
before=$(state)
cache expire/all >"$T/dropped"
ok 'looked for again, it is there' gets new.example.test
ok 'however it is spelled' gets new.example.test NEW.Example.test.
is "$(state)" "$before" '... and nothing is ordered'

# ---- a name that is not ------------------------------------------------------------

for name in other.example.test shop.example.test x.new.example.test 192.0.2.1; do
	is "$(shown $name)" "$default" "no rule allows $name: the default one"
done
is "$(state)" "$before" '... and nothing is ordered, or queued'
is "$(keys autocert)" '[]' '... or under way'

# ---- at once -----------------------------------------------------------------------

together=
for i in 1 2 3; do
	openssl s_client -connect "127.0.0.1:$tls_port" -showcerts \
	    -servername two.shop.example.test </dev/null >"$T/two.$i" 2>/dev/null &
	together="$together $!"
done
for i in $together; do
	wait "$i"
done
ok 'three handshakes at once: a certificate in the end' \
    wait_for 60 gets two.shop.example.test
ours=$(digest "$T/shown")
like "$(digest "$T/two.1")$(digest "$T/two.2")$(digest "$T/two.3")" "$ours" \
    '... one of them has waited for it'
other=0
for i in 1 2 3; do
	case $(digest "$T/two.$i") in
	"$ours" | "$default") ;;
	*) other=1 ;;
	esac
done
is $other 0 '... the others have it, or the default one'
is "$(orders)" '2
2' '... by one order'

# ---- a name that leads elsewhere, at first --------------------------------------------

must dns_set late.shop.example.test A 127.0.0.2
must wait_for 10 dns_is late.shop.example.test A 127.0.0.2
is "$(shown late.shop.example.test)" "$default" 'the CA refuses: the default one'
is "$(sql "SELECT outcome FROM autocerts WHERE name LIKE 'late.%'")" failed \
    '... and it has failed'
before=$(state)
cache expire/all >"$T/dropped"
is "$(shown late.shop.example.test)" "$default" '... which is remembered'
is "$(state)" "$before" '... and costs the CA nothing'
must dns_unset late.shop.example.test A
must wait_for 10 dns_is late.shop.example.test A 127.0.0.1
sql "UPDATE autocerts SET again_at = 1 WHERE name LIKE 'late.%'"
ok '... until it may be tried again' wait_for 60 gets late.shop.example.test
done_testing
