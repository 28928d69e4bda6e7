#!/bin/sh
# Goal: a store in PostgreSQL does all that one in a file does: every test of
# store/, the programs, and a whole order.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"
skip_unless_has setpriv
[ -e /usr/lib/postgresql ] || skip_all 'needs postgresql'
need openssl sqlite3

postgres=$SRC/tests/lib/postgres
chmod 711 "$T"
url=$("$postgres" start "$T/pg") || {
	cat "$T/pg.log" >&2
	skip_all 'PostgreSQL does not start'
}
stop_postgres() {
	"$postgres" stop "$T/pg"
}
trap 'stop_postgres; tap_end' EXIT

for unit in account certificate check order purge race stmt; do
	run env "TEST_STORE_SERVER=$url" "${TOOLS%/tool}/unit/test_store_$unit"
	exits 0 "test_store_$unit"
done

# ---- programs ------------------------------------------------------------------

server_options="--set store.url=$url --set server.nonce_file=$T/nonces"
server_up
actor alice
issue a.example.test b.example.test
ok 'a whole order' cert_is "$T/chain.pem" a.example.test b.example.test
issue a.example.test b.example.test
ok 'and another for the same names' cert_is "$T/chain.pem" a.example.test \
    b.example.test
raw --payload "{\"certificate\":\"$(cert_b64 "$T/chain.pem")\"}" @revokeCert
is "$reply" '200 -' 'which is revoked'
run "$BIN/acmed-store" check -c "$config"
exits 0 'acmed-store check finds nothing'
is "$out$err" '' '... at all'
run "$BIN/acmed-store" stats -c "$config" --no-header
exits 0 'stats'
like "$out" 'orders.*valid.*2' 'stats: the orders are there'
run "$BIN/acmed-store" log -c "$config"
like "$out" 'certificate.revoke' 'log: so is the revocation'
run "$BIN/acme-sign" -c "$config" crl
exits 0 'acme-sign crl'
run "$BIN/acmed-store" purge -c "$config"
exits 0 'purge'
run "$BIN/acme-validate" -c "$config" sweep
exits 0 'acme-validate sweep'
run "$BIN/acme-sign" -c "$config" sweep
exits 0 'acme-sign sweep'
run "$BIN/acmed-store" init -c "$config"
exits 0 'init, again'
run "$BIN/acmed-store" migrate -c "$config"
exits 0 'migrate'
run "$BIN/acmed-store" backup -c "$config" "$T/copy"
exits 102 'backup'
like "$err" 'pg_dump' 'backup: says what to use'
grep -v nonce_file "$config" >"$T/bare.conf"
run "$BIN/acmed-accept" -c "$T/bare.conf" </dev/null
exits 102 'without nonce_file'
like "$err" 'nonce_file: must be set' 'says so'
run "$BIN/acmed-store" check -c "$config" -s "postgresql:///nosuch?host=$T/pg&user=acmed"
exits 111 'a database that is not there'
like "$err" 'nosuch' 'is named'
run "$BIN/acmed-store" check -c "$config" -s "$(echo "$url" |
    sed 's|///|//u:secret@/|')"
exits 102 'a password in the URL is refused'
unlike "$err" secret 'and not shown'

# Workers open it when they have given up their rights already.
start workers "$SRC/scripts/lib/listen" -1 127.0.0.1 0 \
    "$BIN/acmed-accept" -c "$plain"
must wait_for 10 grep -q . "$T/workers.out"
echo "socat -t 5 - TCP:127.0.0.1:$(cat "$T/workers.out")" >"$ACME_STATE/exec"
account_is() {
	raw @account
	is "$reply" "$@"
}
account_is '200 -' 'a worker finds the account'
must stop_postgres
account_is '503 serverInternal' 'the server of the store is away'
must "$postgres" start "$T/pg" >"$T/none"
account_is '200 -' 'it is back: so is the account'
stop workers

stop acmed
run "$BIN/acmed-store" check -c "$config"
exits 0 'still sound'
stop_postgres
trap tap_end EXIT
run "$BIN/acmed-store" check -c "$config"
exits 111 'no server: a later run may do it'
done_testing
