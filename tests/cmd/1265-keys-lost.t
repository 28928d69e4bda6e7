#!/bin/sh
# Goal: a key that is compromised or retired is for no new certificate, however
# the order came to it: one that was given is replaced by the cycle, a request
# is made anew, and what was made elsewhere is told of, before a CA is asked.
# Neither is one for another account's.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up_valid

key_of() {
	sql "SELECT private_key_id FROM upstream_orders WHERE id = $1"
}
last() {
	sql 'SELECT max(id) FROM upstream_orders'
}

# ---- a key that was given -------------------------------------------------------
must "$BIN/private-key" generate -c "$client"
must "$BIN/private-key" generate -c "$client"
order run given.example --key 1
exits 0 'a certificate with a key that is given'
order run retired.example --key 2
exits 0 'another'
must "$BIN/cert-manage" compromise 1 -c "$client"
must "$BIN/private-key" retire 2 -c "$client"
asked_before=$(asked 1=1)
order run other.example --key 1
exits 1 'one that is compromised'
like "$err" 'private_key/1 is compromised' '... is refused by hand'
is "$(asked 1=1)" "$asked_before" '... and nothing is asked'
renew run
exits 0 'the renewal of one whose key is compromised'
like "$err" \
    'replace_key object=upstream_order/3 given=private_key/1 now=private_key/3' \
    '... tells that the key was replaced'
is "$(printf '%s\n' "$err" | grep -c .)" 1 '... and nothing else'
is "$(sql 'SELECT status FROM certificates WHERE id = 3')" valid \
    '... and has a certificate'
is "$(key_of 3)" 3 '... for another key'
manage renewal show given.example
unlike "$out" '^private_key:' 'the configuration asks for the key no more'
like "$out" '^replaced_key: +1$' '... and says which it was'
order status 3
like "$out" '"replaced_key":1' 'so does the order'
run "$BIN/acmed-store" log --object upstream_order/3 -c "$client"
like "$out" 'replace_key.*private_key/3 for private_key/1' '... and the events'
renew add given.example
renew run
exits 0 'the next time'
is "$err" '' '... nothing is told'
is "$(key_of 4)" 4 '... and the cycle goes on: a new key'
renew add retired.example
renew run
exits 0 'the renewal of one whose key is retired'
like "$err" 'given=private_key/2 now=private_key/5' '... replaces it'
manage renewal set retired.example --key-cycle account_daily
manage renewal show retired.example
unlike "$out" replaced_key 'with a cycle that is set, that is over'

# By hand it was active when it was given.
must "$BIN/private-key" generate -c "$client"
key=$(sql 'SELECT max(id) FROM private_keys')
order new hand.example --key "$key"
must "$BIN/private-key" retire "$key" -c "$client"
order download "$(last)"
exits 0 'one that is retired while its order is open'
like "$err" "given=private_key/$key" '... is replaced'
manage renewal show hand.example
unlike "$out" '^private_key:' '... for what comes later, too'

# ---- a key of another account ---------------------------------------------------------
account register --ca pebble --agree-terms --another
exits 0 'a second account'
order run daily.example --key-cycle account_daily
exits 0 'a key of the first'
key=$(key_of "$(last)")
placed=$(asked "endpoint = 'newOrder'")
order run daily.example --account 2 --key "$key"
exits 1 'the second does not get it'
like "$err" \
    "private_key/$key is for certificates of upstream_account/1 alone" \
    '... and why is told'
is "$(asked "endpoint = 'newOrder'")" "$placed" '... before anything is asked'
order run daily2.example --key "$key"
exits 0 '... but the first does'
order run year.example --key-cycle reuse_year
key=$(key_of "$(last)")
order run year.example --key-cycle reuse_year --account 2
unlike " $(key_of "$(last)") " " $key " 'a key for a year is of an account, too'

# ---- as the account says ---------------------------------------------------------------
account update 1 --certificate-key-cycle account_key_default
exits 100 'the cycle of an account cannot be that of the account'
account update 1 --certificate-key-cycle account_weekly
order run week1.example --key-cycle account_key_default
exits 0 'an order with the cycle of its account'
order run week2.example
is "$(key_of "$(last)")" "$(key_of "$(($(last) - 1))")" '... has the key of it'
manage renewal show week1.example
like "$out" '^key_cycle: +account_key_default$' '... and is shown so'
manage renewal set week2.example --key-cycle account_key_default
exits 0 'a renewal with it'
manage renewal show week2.example --json
like "$out" '"key_cycle":"account_key_default"' '... the same'
account update 1 --certificate-key-cycle single_certificate
renew add week1.example week2.example
renew run
exits 0 '... when that of the account has changed'
unlike " $(key_of "$(last)") " " $(key_of "$(($(last) - 1))") " \
    '... there are two keys'
run "$BIN/domain-queue" template set weekly --key-cycle account_key_default \
    -c "$client"
exits 0 'a template with it'
run "$BIN/domain-queue" template show weekly -c "$client"
like "$out" '^key_cycle: +account_key_default$' '... the same'

# ---- a request that is there already ------------------------------------------------
# until_request ORDER: takes steps until there is one.
until_request() {
	while [ "$(sql "SELECT count(*) FROM upstream_orders WHERE id = $1
	    AND certificate_request_id IS NULL")" = 1 ]; do
		must "$BIN/acme-order" next "$1" -c "$client"
	done
}

order new late.example
id=$(last)
until_request "$id"
key=$(key_of "$id")
must "$BIN/cert-manage" compromise "$key" -c "$client"
order download "$id"
exits 0 'a key that is compromised after the request was made'
is "$(sql "SELECT c.status, k.status FROM upstream_orders o
    JOIN certificates c ON c.id = o.certificate_id
    JOIN private_keys k ON k.spki_sha256 = c.spki_sha256 WHERE o.id = $id")" \
    'valid|active' '... another is made, with another key'
run "$BIN/acmed-store" log --object "upstream_order/$id" -c "$client"
like "$out" "drop_request.*the request's key is compromised" '... the events say'

must "$BIN/private-key" generate -c "$client"
key=$(sql 'SELECT max(id) FROM private_keys')
order new given2.example --key "$key"
id=$(last)
until_request "$id"
is "$(key_of "$id")" "$key" 'a request with a key that was given'
must "$BIN/private-key" retire "$key" -c "$client"
order download "$id"
exits 0 '... that is retired then'
like "$err" "given=private_key/$key" '... is made anew, with another key'
is "$(sql "SELECT k.status FROM upstream_orders o
    JOIN certificates c ON c.id = o.certificate_id
    JOIN private_keys k ON k.spki_sha256 = c.spki_sha256 WHERE o.id = $id")" \
    active '... which is active'

# ---- a request of others ------------------------------------------------------------
must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/csr.key" -subj / -addext subjectAltName=DNS:csr.example \
    -out "$T/csr.pem"
must "$BIN/private-key" import -c "$client" "$T/csr.key"
key=$(sql 'SELECT max(id) FROM private_keys')
order run --csr "$T/csr.pem"
exits 0 'a certificate for a request that was made elsewhere'
order new --csr "$T/csr.pem"
open=$(last)
must "$BIN/cert-manage" compromise "$key" -c "$client"
certificates=$(sql 'SELECT count(*) FROM certificates')
placed=$(asked "endpoint = 'newOrder'")
finalized=$(asked "endpoint = 'finalize'")
renew run
exits 1 'the renewal of one whose key is compromised'
like "$err" "the request's key is compromised: make another request" \
    '... says what to do'
renew run
exits 0 'the next run'
is "$err" '' '... does not try again at once'
is "$(sql "SELECT status, cause, attempts FROM renewal_queue")" \
    'waiting|key|1' '... since it is a failure like all'
order run --csr "$T/csr.pem"
exits 1 'by hand'
like "$err" "csr.pem: the request's key is compromised" '... it is refused, too'
is "$(asked "endpoint = 'newOrder'")" "$placed" '... and no CA is asked'
order download "$open"
exits 1 'nor is one finalized that was open'
is "$(sql "SELECT status, cause FROM upstream_orders WHERE id = $open")" \
    'invalid|key' '... it has failed'
is "$(asked "endpoint = 'finalize'")" "$finalized" '... before the CA was asked'
is "$(sql 'SELECT count(*) FROM certificates')" "$certificates" \
    '... and there is no certificate'

done_testing
