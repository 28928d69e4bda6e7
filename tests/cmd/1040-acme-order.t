#!/bin/sh
# Goal: acme-order gets certificates from pebble, at once and step by step, keeps
# all chains, says what has failed, and goes on after a crash, or says that the
# order is gone.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_ALTERNATE_ROOTS=2 PEBBLE_CHAIN_LENGTH=2
PEBBLE_WFE_NONCEREJECT=20
export PEBBLE_VA_ALWAYS_VALID PEBBLE_ALTERNATE_ROOTS PEBBLE_CHAIN_LENGTH
start_pebble
order_up

# ---- in one go -------------------------------------------------------------------

order run B.example a.example.
exits 0 'run'
is "$(field status)" valid '... gets a certificate'
is "$(field names)" 'a.example b.example' '... for the names, sorted'
is "$(sql "SELECT count(*) FROM certificate_chains WHERE certificate_id = 1")" 3 \
    '... and all its chains'
is "$(sql "SELECT count(*) FROM certificate_chains c
    JOIN chain_members m ON m.chain_id = c.chain_id
    WHERE c.certificate_id = 1 AND c.is_default = 1")" 2 '... as long as they are'
is "$(sql 'SELECT sealed FROM private_keys')" 1 '... and its key, sealed'
is "$(sql 'SELECT source FROM certificate_requests')" order '... and the request'
is "$(sql 'SELECT auto_renew FROM certificates')" 1 '... to be renewed'
is "$(sql 'SELECT count(*) FROM challenge_answers')" 0 \
    '... and takes the answers away'
must "$BIN/cert-export" -c "$client" --fullchain -o "$T/chain.pem" a.example
like "$(openssl x509 -in "$T/chain.pem" -noout -ext subjectAltName)" \
    'DNS:a.example, DNS:b.example' '... which cert-export knows'
run "$BIN/acmed-store" log -c "$client" --object upstream_order/1
like "$out" 'upstream_order.valid	upstream_order/1	acme-order		certificate/1' \
    '... and is in the log'
ok '... with few requests' \
    [ "$(asked 'upstream_order_id = 1 AND error_type IS NULL')" -le 12 ]

order run -j 192.0.2.1 --days 3 --key-type p384 --no-auto-renew
exits 0 'run: an address'
like "$out" '"status":"valid","names":\["192.0.2.1"\]' '... in JSON'
is "$(sql 'SELECT key_type, auto_renew FROM certificates WHERE id = 2')" \
    'p384|0' '... as the options say'

last=$(openssl crl2pkcs7 -nocrl -certfile "$T/chain.pem" |
    openssl pkcs7 -print_certs -noout | sed -n 's/^issuer=.*CN = //p' | tail -n 1)
order run c.example --preferred-chain "$last"
exits 0 'run --preferred-chain: the default'
must "$BIN/cert-export" -c "$client" --chain -o "$T/preferred.pem" c.example
is "$(openssl crl2pkcs7 -nocrl -certfile "$T/preferred.pem" |
    openssl pkcs7 -print_certs -noout | sed -n 's/^issuer=.*CN = //p' |
    tail -n 1)" "$last" '... is the chain of that root'
other=$(sql "SELECT i.name FROM certificate_chains c
    JOIN chain_members m ON m.chain_id = c.chain_id
    JOIN ca_certificates a ON a.id = m.ca_certificate_id
    JOIN issuers i ON i.id = a.issuer_id
    WHERE c.certificate_id = 3 AND c.is_default = 0
    ORDER BY c.chain_id DESC, m.position DESC LIMIT 1" | sed 's/.*CN=//')
order run c2.example --preferred-chain "$other"
exits 0 'run --preferred-chain: another'
like "$(sql "SELECT i.name FROM certificate_chains c
    JOIN chain_members m ON m.chain_id = c.chain_id
    JOIN ca_certificates a ON a.id = m.ca_certificate_id
    JOIN issuers i ON i.id = a.issuer_id
    WHERE c.certificate_id = 4 AND c.is_default = 1
    ORDER BY m.position DESC LIMIT 1")" "$other" '... is the default then'
order run c3.example --preferred-chain 'Nobody Root'
exits 0 'run --preferred-chain: one that no chain leads to'
is "$(printf '%s\n' "$err" | grep -c 'preferred_chain .*wanted="Nobody Root"')" 1 \
    '... which is told, once'

order run --trace a.example b.example
exits 0 'run: the same names again'
like "$err" '"identifiers"' '... with a trace'
unlike "$err" replaces '... replaces nothing, as this CA has no renewal information'
is "$(field replaces)" '' '... nor says so here'
order renewal-info
exits 0 'renewal-info: there is none'
is "$out" "$(printf '%s\n' "$out" | head -n 1)" '... and none is printed'
order renewal-info a.example
exits 1 'renewal-info: by name'
like "$err" 'pebble: the CA has no renewal information' '... says so'
is "$(asked "endpoint = 'renewalInfo'")" 0 '... and is not asked'

printf 'n1.example w1.example\nn2.example\n\nbad_name.example\nn3.example\n' \
    >"$T/sets"
run "$BIN/acme-order" run -c "$client" --jobs 2 - <"$T/sets"
exits 100 'run -: one line of four is wrong'
is "$(printf '%s\n' "$out" | grep -c '	valid	')" 3 '... and does not stop the others'
like "$err" 'bad_name.example: ' '... and is told of'
is "$(printf '%s\n' "$err" | wc -l)" 1 '... in one line'
seq 100 | sed 's/.*/few&.example/' >"$T/sets"
# shellcheck disable=SC2016 # for the inner shell
run sh -c 'ulimit -n 40 && exec "$@"' - "$BIN/acme-order" run -c "$client" \
    --jobs 100 - <"$T/sets"
exits 0 'run -: a hundred at once with few descriptors'
is "$(printf '%s\n' "$out" | grep -c '	valid	')" 100 '... are all done'
is "$err" '' '... and nothing is complained of'
printf 'twice.example\nTwice.example.\n' >"$T/sets"
run "$BIN/acme-order" run -c "$client" - <"$T/sets"
exits 0 'run -: a set that is there twice'
is "$(sql "SELECT count(*) FROM upstream_orders o JOIN fqdn_set_members m
    ON m.fqdn_set_id = o.fqdn_set_id JOIN domains d ON d.id = m.domain_id
    WHERE d.value = 'twice.example'")" \
    1 '... is ordered once'
printf 'far.example\nn6.example\nn7.example\nFAR.example\n' >"$T/sets"
run "$BIN/acme-order" run -c "$client" --jobs 1 - <"$T/sets"
exits 0 'run -: the same, far apart'
is "$(printf '%s\n' "$out" | grep -c 'far.example')" 1 '... is told of once'
is "$(sql "SELECT count(*) FROM upstream_orders o JOIN fqdn_set_members m
    ON m.fqdn_set_id = o.fqdn_set_id JOIN domains d ON d.id = m.domain_id
    WHERE d.value = 'far.example'")" 1 '... and ordered once'
before=$(asked 1=1)
printf 'n4.example\n\0\nn5.example\n' >"$T/sets"
run "$BIN/acme-order" run -c "$client" - <"$T/sets"
exits 100 'run -: a NUL'
is "$(asked 1=1)" "$before" '... and nothing is ordered, rather than a part'

# ---- keys ------------------------------------------------------------------------

must "$BIN/private-key" generate -c "$client"
key=$(sql 'SELECT max(id) FROM private_keys')
order run k1.example --key "$key"
exits 0 'run --key'
is "$(field private_key)" "$key" '... uses it'
order run k2.example --key-cycle account_daily
order run k3.example --key-cycle account_daily
is "$(sql "SELECT count(DISTINCT private_key_id) FROM upstream_orders
    WHERE policy LIKE '%account_daily%'")" 1 'run --key-cycle: the same key'
must "$BIN/private-key" retire -c "$client" "$key"
before=$(asked 1=1)
order run k4.example --key "$key"
exits 1 'run --key: a retired one'
like "$err" "private_key/$key is retired: give" '... is said'
is "$(asked 1=1) $(sql "SELECT count(*) FROM domains
    WHERE value = 'k4.example'")" "$before 0" '... and nothing is asked'
must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/mine.key" -subj / -addext subjectAltName=DNS:csr.example \
    -out "$T/mine.csr"
order run --csr "$T/mine.csr"
exits 0 'run --csr'
is "$(field names) $(field private_key)" 'csr.example ' '... has its names, no key'
order run --csr "$T/mine.csr" other.example
exits 100 'run --csr: with others'

# ---- one like it ------------------------------------------------------------------

must "$BIN/private-key" generate -c "$client"
key=$(sql 'SELECT max(id) FROM private_keys')
order new like.example
like=$(field id)
order new like.example
is "$(field id)" "$like" 'new: one that is open is taken up'
for wish in "--key $key" "--days 3" "--not-after 2031-01-01T00:00:00Z" \
    "--replaces 1"; do
	# shellcheck disable=SC2086 # words
	order new $wish like.example
	other=$(field id)
	unlike "$other" "^$like\$" "new $wish: another wish is another order"
	# shellcheck disable=SC2086 # words
	order new $wish like.example
	is "$(field id)" "$other" '... and the same wish the same'
done
printf 'tab1.example\ttab2.example\n' >"$T/sets"
run "$BIN/acme-order" new -c "$client" - <"$T/sets"
is "$(field names)" 'tab1.example tab2.example' 'new -: blanks between names'

# ---- a solver that cannot be made ---------------------------------------------------

mkdir "$T/root"
order new solver.example --challenge "webroot:$T/root"
broken=$(field id)
order new unwanted.example --challenge "webroot:$T/root"
unwanted=$(field id)
order new fine.example
fine=$(field id)
rmdir "$T/root"
order sync "$unwanted"
exits 0 'sync needs no solver'
order cancel "$unwanted"
exits 0 'nor does cancel'
order download "$broken" "$fine"
like "$out" 'fine.example.*	' 'download: one whose solver is gone'
is "$(sql "SELECT count(*) FROM upstream_orders o WHERE o.status = 'valid'
    AND o.id = $fine")" 1 '... does not stop the others'

# ---- refused early ----------------------------------------------------------------

before=$(asked 1=1)
order run '*.example'
exits 1 'a wildcard without dns-01'
like "$err" 'wants a way to meet dns-01' '... says what to do'
order run 192.0.2.1 --challenge hook:/bin/true
exits 1 'an address with dns-01'
order run a.example --profile none
exits 1 'a profile that the directory lacks'
order run a.example --challenge carrier-pigeon
exits 100 'a solver that is none'
order run a.example --key-type rsa1
exits 100 'a type of key that is none'
order run a.example --not-after 2020-01-01T00:00:00Z
exits 100 'an end that has passed'
order run a.example --not-after 999999999w
exits 100 'an end that RFC 3339 cannot say'
must openssl req -new -newkey rsa:1024 -nodes -keyout "$T/weak.key" -subj / \
    -addext subjectAltName=DNS:weak.example -out "$T/weak.csr"
order run --csr "$T/weak.csr"
is "$status $err" "100 acme-order: $T/weak.csr: RFC 8555 6.7: RSA key of 1024 \
bits, not 2048 to 8192 in steps of 8" 'a request with a weak key'
order run --csr "$T/none.csr"
is "$err" "acme-order: $T/none.csr: no such file" 'no such request, said once'
seq 1 101 | sed 's/.*/x&.example/' | tr '\n' ' ' >"$T/many"
run "$BIN/acme-order" run -c "$client" - <"$T/many"
exits 100 'more than a hundred names'
is "$(asked 1=1)" "$before" '... and the CA is not asked'
must "$BIN/cert-manage" domain disable -c "$client" a.example
order run a.example
exits 1 'a name that is disabled'
must "$BIN/cert-manage" domain enable -c "$client" a.example

order new 'x.example y.example'
exits 100 'two names in one operand'
like "$err" 'x.example y.example: no name has a blank' '... are none'

# ---- step by step -----------------------------------------------------------------

order new s.example
exits 0 'new'
is "$(field status)" pending '... is pending'
id=$(field id)
order next "$id"
exits 0 'next'
like "$("$BIN/acme-order" status -c "$client" "$id")" \
    '^challenges: +s.example http-01 pending$' '... fetches the authorization'
order challenge "$id" --challenge hook:/bin/true
exits 0 'challenge'
order challenge "$id" --challenge carrier-pigeon
exits 100 'challenge: a solver that is none'
order challenge "$id" --challenge answer
order next "$id"
order next "$id"
like "$("$BIN/acme-order" status -c "$client" "$id")" \
    'http-01 pending placed by answer' 'next: the challenge is in place'
is "$(sql 'SELECT count(*) FROM challenge_answers')" 1 '... in the store'
order sync "$id"
exits 0 'sync'
is "$(field status)" pending '... says what the CA says'
sql "UPDATE upstream_orders SET lease_until = $(date +%s) + 100
    WHERE id = $id"
order next "$id"
exits 111 'next: while another process has the order'
like "$err" 'another process has it' '... says so'
sql 'UPDATE upstream_orders SET lease_until = 0'
order finalize "$id"
exits 0 'finalize'
like "$(field status)" '^(processing|issued|valid)$' '... asks for the certificate'
order next 0
exits 100 'an order 0'
order download "$id" "$id"
exits 0 'download, given twice'
is "$(field status)" valid '... has it'
order download "$id"
exits 0 'download: once more is no step'
order new gone.example
id=$(field id)
order cancel "$id"
exits 0 'cancel'
is "$(field status)" cancelled '... it is cancelled'
is "$(sql "SELECT status FROM upstream_authorizations
    ORDER BY id DESC LIMIT 1")" deactivated '... and nothing stays pending'
order cancel "$id"
exits 1 'cancel: twice'
order retry "$id"
exits 0 'retry'
is "$(field status) $(field retry_of)" "valid $id" '... is a new order'
order retry "$(field id)"
exits 1 'retry: of a valid one'
order new days.example --days 3
old=$(field id)
order cancel "$old"
sql "UPDATE upstream_orders SET not_after = not_after - 1000000 WHERE id = $old"
order retry "$old"
is "$(sql "SELECT not_after - created FROM upstream_orders
    WHERE retry_of_id = $old")" 259200 'retry: days are counted anew'
order list --status cancelled --no-header
is "$(printf '%s\n' "$out" | cut -f1 | sort -n | tr '\n' ' ')" \
    "$unwanted $id $old " 'list --status'
order status 999
exits 1 'status: an order that is not there'

# ---- the examples of the page ------------------------------------------------------

. "$(dirname "$0")/../lib/pages.sh"
ACMED_CONFIG=$client
export ACMED_CONFIG
script acme-order.1 '^acme-order run example'
works
exits 0 'acme-order(1): run'
printf 'p1.example\np2.example www.p2.example\n' >"$T/work/names"
script acme-order.1 'run --jobs'
works
exits 0 'acme-order(1): very many'
is "$(grep -c '"status":"valid"' "$T/work/orders")" 2 '... are valid'
script acme-order.1 '^id=' '^acme-order download'
works
exits 0 'acme-order(1): step by step'
must "$BIN/acme-order" new left.example
script acme-order.1 'list --status pending'
works
exits 0 'acme-order(1): go on'
like "$out" '	valid	left.example	' '... with what was left'

# ---- a CA that forgets -------------------------------------------------------------

order new lost.example
id=$(field id)
stop pebble
order next "$id"
exits 111 'next: no CA'
order download "$id" --timeout 1
exits 111 'no CA'
like "$err" 'reaches the CA' '... says what to do'
like "$(sql "SELECT error FROM upstream_orders WHERE id = $id")" \
    'Failed to connect to localhost' '... and the order why'
order sync "$id"
exits 111 'sync: no CA'
start_pebble
order sync "$id"
exits 1 'sync: a CA that has forgotten'
order download "$id"
exits 1 'a CA that has forgotten'
is "$(field status) $(field cause)" 'gone gone' '... the order is gone'
like "$err" "upstream_order/$id is gone: the CA does not know the .* any more" \
    '... and it says so'
order run lost2.example
exits 1 'and the account is not there'
is "$(field cause)" account '... which is the cause'
done_testing
