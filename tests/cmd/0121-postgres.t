#!/bin/sh
# Goal: a store of PostgreSQL is one: acmed-store makes it and looks after it,
# orders go through it, several machines share it, and a connection that is lost
# is made anew.
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/postgres.sh
. "$SRC/tests/lib/postgres.sh"
. "$(dirname "$0")/../lib/acme.sh"

port=$(free_port)
start_postgres "$port"
url="$postgres&$(schema acmed)"
tcp="$postgres_tcp&$(schema acmed)"

# ---- acmed-store -------------------------------------------------------------

conf=$T/first.conf
"$SRC/scripts/lib/conf-set" "store.url=$url" "store.directory=$T/first" \
    server.base_url=https://localhost policy.allowed_server_ip_ranges=any \
    "local-ca.directory=$T/ca" </dev/null >"$conf"

acmed_store() {
	run "$BIN/acmed-store" -c "$conf" "$@"
}

acmed_store stats
exits 102 'no store: a wrong configuration'
like "$err" 'postgresql://.*: no such store; run acmed-store init' \
    '... and what to do'
acmed_store init
exits 0 'init'
is "$out$err" '' '... is silent'
is "$(stat -c %a "$T/first")" 2770 'mode of the directory'
version=$(pg_sql 'SELECT version FROM acmed.acmed_version')
ok 'its schema is made' [ "$version" -ge 2 ]
acmed_store init
exits 0 'init again'
acmed_store check
exits 0 'check'
is "$out$err" '' '... has nothing to say'
acmed_store stats --prometheus
exits 0 'stats'
like "$out" '^acmed_store_bytes [1-9][0-9]{5,}$' '... has a size'
acmed_store purge
exits 0 'purge'
acmed_store log
exits 0 'log'
acmed_store migrate
exits 0 'migrate'
acmed_store config --check
exits 0 'config --check'
acmed_store backup "$T/copy"
exits 102 'backup'
like "$err" 'pg_dump' '... names what does it'
ok '... and does nothing' [ ! -e "$T/copy" ]

acmed_store stats -s "postgresql://u:secret@/db"
exits 102 'a password in the URL'
like "$err" 'passfile=' '... is refused'
unlike "$err" secret '... and not shown'
acmed_store config --check -s 'postgresql:///db?password=secret'
exits 102 '... by config --check too'
unlike "$err" secret '... and not shown'
acmed_store stats -s "postgresql:///db?host=$T"
exits 111 'no server: a later run will do it'
acmed_store stats -s "$postgres"
exits 102 'a database that is no store'
pg_sql 'CREATE SCHEMA other' 'CREATE TABLE other.accounts (id int)'
acmed_store init -s "$postgres&$(schema other)"
exits 102 'tables of others'
like "$err" 'not empty' '... are left alone'

pg_sql 'CREATE INDEX extra ON acmed.orders (created)'
acmed_store check
exits 1 'check: what acmed did not make'
is "$out" 'index extra is none that acmed made' '... it says so'
pg_sql 'DROP INDEX acmed.extra' 'UPDATE acmed.acmed_version SET version = 99'
acmed_store stats
exits 102 'a newer store'
like "$err" 'made by a newer acmed' '... is said so'
pg_sql "UPDATE acmed.acmed_version SET version = $version"

# ---- orders ------------------------------------------------------------------

# By TCP, with a password file, out of the sandbox where that is so.
acmed_options="--set store.url=$tcp --set store.directory=$T/acmed/store"
server_up
actor alice
issue a.example.test b.example.test
ok 'an order through all programs' \
    cert_is "$T/chain.pem" a.example.test b.example.test
ok 'it is in the database' [ "$(pg_sql \
    "SELECT count(*) FROM acmed.orders WHERE status = 'valid'")" = 1 ]
ok 'the nonces are not' test -f "$T/acmed/store/nonces"
run "$BIN/acmed-store" -c "$config" check
exits 0 'check after it'
is "$out" '' '... has nothing to say'
run "$BIN/acmed-store" -c "$config" log --no-header
like "$out" 'order.valid' 'log shows what was done'
works '200 -' 'revokeCert' \
    --payload "{\"certificate\":\"$(cert_b64 "$T/chain.pem")\"}" @revokeCert
run "$BIN/acme-sign" -c "$config" crl
exits 0 'acme-sign crl'
run "$BIN/acme-sign" -c "$config" sweep
exits 0 'acme-sign sweep'
run "$BIN/acme-validate" -c "$config" sweep
exits 0 'acme-validate sweep'

# ---- another machine ---------------------------------------------------------

variant "$T/second.conf" "store.url=$url" "store.directory=$T/second"
run "$BIN/acmed-store" init -c "$T/second.conf"
exits 0 'init there'
is "$(stat -c %a "$T/second")" 2770 '... makes its directory'
become bob "$T/second.conf"
must_say '201 -' --payload '{}' @newAccount
issue c.example.test
ok 'an order by a socket, on another machine' \
    cert_is "$T/chain.pem" c.example.test
ok 'which has nonces of its own' test -f "$T/second/nonces"

# ---- lost connections --------------------------------------------------------

# cut PROGRAM: the server ends its connections.
cut() {
	pg_sql "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
	    WHERE application_name = '$1'" | grep -q t
}

# pool NAME [section.key=value...]: one worker on a socket, and a client.
pool() {
	pool=$1 pool_port=$(free_port)
	shift
	"$SRC/scripts/lib/conf-set" "$@" "store.directory=$T/acmed/store" \
	    "server.base_url=https://localhost:$pool_port" server.workers=1 \
	    <"$config" >"$T/$pool.conf"
	start "$pool" "$SRC/scripts/lib/listen" -1 127.0.0.1 "$pool_port" \
	    "$BIN/acmed-accept" -v -c "$T/$pool.conf"
	must wait_for 10 grep -q . "$T/$pool.out"
	as "$pool-client"
	export ACME_STATE
	must "$TOOLS/acme-raw" init --ca "$ca" \
	    --server "https://localhost:$pool_port/directory"
	must "$TOOLS/acme-raw" key p256 "$ACME_STATE/key"
	must_say '201 -' --payload '{}' @newAccount
}

pool by-socket "store.url=$url"
ok 'a worker loses its connection' cut acmed-accept
raw @account
is "$reply" '200 -' 'by a socket it makes another one'
stop by-socket

pool by-tcp "store.url=$tcp"
ok 'a worker loses its connection' cut acmed-accept
raw @account
like "$reply" '^(200 -|503 serverInternal)$' \
    'by TCP it may have no right to another one'
raw @account
is "$reply" '200 -' '... and then the next worker has'
stop by-tcp
is "$status" 0 'which ends well'

pool not-confined "store.url=$tcp" sandbox.landlock=off
ok 'a worker loses its connection' cut acmed-accept
raw @account
is "$reply" '200 -' 'without Landlock it makes another one'
stop not-confined

ok 'the validator loses its connection' cut acme-validate
as alice
issue d.example.test
ok 'and makes another one' cert_is "$T/chain.pem" d.example.test

run "$BIN/acmed-store" -c "$config" check
exits 0 'check after all that'
is "$out" '' '... has nothing to say'

done_testing
