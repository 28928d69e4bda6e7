#!/bin/sh
# Goal: accounts at acme-dns servers are made ahead of orders, with the CNAME
# that is to be made; are listed; and an audit says which are good, which are
# not, and why.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/pages.sh"
need perl sqlite3

start_dns
client_up
prechecks resolver="$dns"
port=$(free_port)
server=http://127.0.0.1:$port
start_server() {
	start acme-dns "$SRC/tests/lib/acme-dns" "$port" "$T" auth.example.test
	must wait_for 10 listening "$port"
}
dns_accounts() {
	account acme-dns "$@"
}

# ---- as the page says --------------------------------------------------------------

ACMED_CONFIG=$client
export ACMED_CONFIG
# example FROM [TO]: lines of the page, about this server and zone.
example() {
	script acme-account.1 "$@"
	sed -i -e "s|https://auth.example.org|$server|" \
	    -e 's/example\.org/example.test/g' "$T/script"
	works
}
start_server
example 'acme-dns register' 'www.example.org$'
exits 0 'the page: register'
like "$out" '_acme-challenge.shop.example.test	sub-1.auth.example.test	created$' \
    '... shows what is to be made'
must dns_set _acme-challenge.shop.example.test CNAME sub-1.auth.example.test.
must dns_set _acme-challenge.www.example.test CNAME sub-2.auth.example.test.
example 'acme-dns audit'
exits 0 'the page: audit'
is "$(printf '%s\n' "$out" | grep -c '	ok$')" 2 '... both are good'
must sqlite3 "$T/client/store/acmed.sqlite" 'DELETE FROM acme_dns_accounts'
stop acme-dns
rm "$T/acme-dns.calls"
start_server

# ---- register ----------------------------------------------------------------------

dns_accounts register a.example.test
exits 100 'register: no server'
dns_accounts register --server "$server"
exits 100 'register: no name'
dns_accounts register --server http://192.0.2.1 a.example.test
exits 100 'register: a password that anybody could read'
like "$err" 'not an https URL' '... is said'
dns_accounts register --server "$server" 192.0.2.1
exits 100 'register: an address'
dns_accounts sing
exits 100 'another word'
is "$(grep -c POST "$T/acme-dns.calls")" 0 'and nobody was asked'

dns_accounts register --server "$server/" B.example.test. '*.a.example.test' \
    a.example.test
exits 0 'register'
is "$out" "name	server	record	cname	result
a.example.test	$server	_acme-challenge.a.example.test	sub-1.auth.example.test	created
b.example.test	$server	_acme-challenge.b.example.test	sub-2.auth.example.test	created" \
    '... shows the CNAMEs'
dns_accounts register --server "$server" -j a.example.test
exits 0 'register: again'
is "$out" "{\"name\":\"a.example.test\",\"server\":\"$server\",\"record\":\"_acme-challenge.a.example.test\",\"cname\":\"sub-1.auth.example.test\",\"result\":\"exists\"}" \
    '... there is one'
is "$(grep -c register "$T/acme-dns.calls")" 2 '... the server is not asked'
not_ok 'passwords are not in the store in the clear' \
    grep -aq open-sesame- "$T/client/store/acmed.sqlite"
run "$BIN/acmed-store" log -c "$client"
like "$out" 'acme_dns_account.add' 'it is in the log'
touch "$T/acme-dns.bad"
dns_accounts register --server "$server" bad.example.test
exits 1 'register: a server that is none'
like "$err" '^acme-account: bad.example.test: .*something else than an account' \
    '... is said'
for name in . evil .example.test a..test 'a;b.test'; do
	printf %s "$name" >"$T/acme-dns.bad"
	dns_accounts register --server "$server" bad.example.test
	exits 1 "register: one whose accounts are at $name"
done
printf %s Dot.example.test. >"$T/acme-dns.bad"
dns_accounts register --server "$server" dot.example.test --no-header
is "$(printf '%s' "$out" | cut -f4)" Dot.example.test \
    'a name with a dot at its end is kept without it'
must sqlite3 "$T/client/store/acmed.sqlite" \
    "DELETE FROM acme_dns_accounts WHERE username = 'u'"
rm "$T/acme-dns.bad"

# ---- list --------------------------------------------------------------------------

dns_accounts list --no-header
exits 0 'list'
is "$(printf '%s\n' "$out" | cut -f1,4)" "a.example.test	sub-1.auth.example.test
b.example.test	sub-2.auth.example.test" '... all of them'
dns_accounts list --no-header --server "$server" b.example.test
is "$(printf '%s\n' "$out" | cut -f1)" b.example.test 'list: one'
dns_accounts list --server https://other.example
is "$status$(printf '%s\n' "$out" | wc -l)" 01 'list: another server has none'
dns_accounts list c.example.test
exits 1 'list: a name that has none'
like "$err" 'c.example.test: no account' '... is said'

# ---- audit -------------------------------------------------------------------------

must dns_set _acme-challenge.a.example.test CNAME sub-1.auth.example.test.
must dns_set _acme-challenge.b.example.test CNAME sub-1.auth.example.test.
dns_accounts audit --no-header
exits 1 'audit: a CNAME that leads elsewhere'
is "$(printf '%s\n' "$out" | cut -f1,5)" "a.example.test	ok
b.example.test	no-cname" '... which it is'
is "$err" "acme-account: b.example.test: _acme-challenge.b.example.test leads to sub-1.auth.example.test: make it a CNAME to sub-2.auth.example.test" \
    '... and what to do'
must "$T/dns-set" -d _acme-challenge.b.example.test CNAME
dns_accounts audit b.example.test
like "$err" 'is not yet a CNAME to sub-2.auth.example.test: make it one' \
    'audit: no CNAME'
must dns_set _acme-challenge.b.example.test CNAME sub-2.auth.example.test.
dns_accounts audit
exits 0 'audit: all is well'
like "$(cat "$T/acme-dns.calls")" 'POST /update .*sub-2' '... the server took a text'
touch "$T/acme-dns.lost"
dns_accounts audit --no-header a.example.test
exits 1 'audit: a server that has lost its accounts'
is "$(printf '%s\n' "$out" | cut -f5)" refused '... refuses'
like "$err" "a.example.test: $server/update: answers 401" '... and it is said'
rm "$T/acme-dns.lost"
stop acme-dns
dns_accounts audit --no-header a.example.test
exits 111 'audit: a server that does not answer'
is "$(printf '%s\n' "$out" | cut -f5)" unknown '... nothing is known'
dns_accounts audit c.example.test
exits 1 'audit: a name that has no account'
mv "$T/client/account.seal" "$T/client/account.old"
head -c 32 /dev/urandom | base64 >"$T/client/account.seal"
chmod 600 "$T/client/account.seal"
dns_accounts audit --no-header a.example.test
exits 102 'audit: with another sealing key'
like "$err" '^acme-account: \[store\] account_key_file: the key in it is ' \
    '... which is told'
must sqlite3 "$T/client/store/acmed.sqlite" "DELETE FROM sealing_keys"
dns_accounts audit --no-header a.example.test
exits 102 'audit: what is under another one'
is "$(printf '%s\n' "$out" | cut -f5)" sealed '... cannot read the password'
mv "$T/client/account.old" "$T/client/account.seal"

# ---- in the clear --------------------------------------------------------------------

run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check: all are sealed'
sed '/^account_key_file/d' "$client" >"$T/clear.conf"
start_server
run "$BIN/acme-account" acme-dns register -c "$T/clear.conf" \
    --server "$server" clear.example.test
exits 0 'register: without a sealing key'
run "$BIN/acmed-store" check -c "$client"
like "$out$err" 'acme_dns_account/3.*its password is not sealed' \
    'acmed-store check says so'
run "$BIN/acmed-store" stats -c "$client"
like "$out" 'acme_dns_accounts_in_the_clear			1' '... and stats how many'
# ---- a private root ------------------------------------------------------------------

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$T/front.key" -out "$T/front.crt"
front=$(free_port)
start front "$SRC/tests/lib/tls-front" "$front" "$port" "$T/front.crt" \
    "$T/front.key"
must wait_for 10 listening "$front"
dns_accounts register --server "https://localhost:$front" root.example.test
exits 111 'a server whose root nobody knows'
sed -i "s|^\[client\]$|&\nacme_dns_trust = $T/front.crt|" "$client"
dns_accounts register --server "https://localhost:$front" root.example.test
exits 0 'acme_dns_trust: one whose root is given'
like "$out" 'root.example.test.*created' '... makes the account'
echo nonsense >"$T/front.crt"
dns_accounts register --server "https://localhost:$front" root2.example.test
exits 102 'a file without a root'
like "$err" 'acme_dns_trust: .*front.crt: no certificate in PEM' '... is told of'
done_testing
