#!/bin/sh
# Goal: any certificate of the store can be renewed by an account of ours, also
# one that nobody ordered here, as cert-manage renewal add says.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
. "$(dirname "$0")/../lib/pages.sh"

PEBBLE_VA_ALWAYS_VALID=1
export PEBBLE_VA_ALWAYS_VALID
# certbot gives up when two nonces in a row are refused.
export PEBBLE_WFE_NONCEREJECT=0
start_pebble
order_up

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj / -days 2 -addext subjectAltName=DNS:old.example.test \
    -keyout "$T/old.key" -out "$T/old.crt"
must "$BIN/cert-import" -q -c "$client" "$T/old.crt" "$T/old.key"
manage renewal add 1
exits 1 'a certificate of nobody, and no account'
like "$err" 'certificate 1 came from no account of ours; --account says' \
    '... is told, and what to do'
manage renewal add 1 --account 7
exits 1 'an account that is none'
manage renewal add 1 --account 1 --key-type p192
exits 100 'a type of key that is none'
manage renewal add 1 --account 1 --label 12
exits 100 'a label that is a number'
is "$(sql 'SELECT count(*) FROM renewal_configurations')" 0 '... make nothing'
manage renewal add 1 --account 1 --key-type p384 --label old --part-left 20
exits 0 'with an account'
manage renewal show old
like "$out" 'certificate: +1' '... it is renewed'
like "$out" 'challenges: +answer' '... by challenges that are answered'
like "$out" 'part_left: +20$' '... when so much is left'
manage renewal add 1 --account 1
exits 1 'once more'
like "$err" 'renewal_configuration/1 is for the names of certificate 1' \
    '... is too much'
must "$BIN/renew-queue" add old.example.test -c "$client"
run "$BIN/renew-queue" run -c "$client"
exits 0 'renew-queue renews it'
run "$BIN/cert-export" --cert old.example.test -c "$client"
like "$(printf '%s\n' "$out" | openssl x509 -noout -issuer)" 'Pebble' \
    '... at the other CA'
is "$(sql 'SELECT key_type FROM certificates WHERE id = 2')" p384 \
    '... with the key that was asked for'

# The account that a certificate came from is known.
order run b.example.test --no-auto-renew
exits 0 'an order that is not to be renewed'
ACMED_CONFIG=$client
export PATH ACMED_CONFIG
script cert-manage.1 'account upstream_account' 'renewal add -'
works
exits 1 'cert-manage: all of an account, but what is renewed already'
is "$(grep -c . "$T/err")" 1 '... which is told'
is "$(sql 'SELECT count(*) FROM renewal_configurations')" 2 '... are renewed'

# ---- what another client has ordered ------------------------------------------------
if command -v certbot >/dev/null; then
	REQUESTS_CA_BUNDLE=$pebble_ca
	export REQUESTS_CA_BUNDLE
	for name in one two; do
		must certbot -q --server "$pebble_directory" --config-dir "$T/bot" \
		    --work-dir "$T/bot" --logs-dir "$T/bot" --non-interactive \
		    --agree-tos -m admin@example.com --key-type ecdsa certonly \
		    --manual --manual-auth-hook true --preferred-challenges http \
		    --force-renewal -d "$name.bot.example.test"
	done
	import() {
		run "$BIN/cert-import" --certbot "$T/bot" --no-header "$@" -c "$client"
	}
	import --challenge answer
	exits 100 'ways to meet challenges, and nothing is renewed'
	import --renew --inactive
	exits 100 'renewed, but not active'
	import --renew --challenge dance
	exits 100 'a way that is none'
	is "$(sql "SELECT count(*) FROM certificates WHERE source = 'import'")" 1 \
	    '... change nothing'
	mkdir "$T/www"
	import --renew --challenge "webroot:$T/www"
	exits 0 'cert-import --renew'
	is "$(sql "SELECT count(*) FROM renewal_configurations r
	    JOIN upstream_accounts a ON a.id = r.upstream_account_id
	    WHERE a.source = 'import' AND r.policy LIKE '%webroot:$T/www%'")" 2 \
	    '... has them renewed by the account that they came with'
	import --renew
	exits 0 'once more'
	is "$(sql 'SELECT count(*) FROM renewal_configurations')" 4 \
	    '... changes nothing'
	must "$BIN/renew-queue" add one.bot.example.test -c "$client"
	run "$BIN/renew-queue" process -c "$client"
	exits 0 'it is renewed'
	is "$(sql "SELECT count(*) FROM upstream_orders o
	    JOIN upstream_accounts a ON a.id = o.upstream_account_id
	    WHERE a.source = 'import' AND o.status = 'valid'")" 1 \
	    '... by that account'
fi

done_testing
