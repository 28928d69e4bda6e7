#!/bin/sh
# Goal: whatever a CA answers to an order, it ends with a cause: what may mend
# itself leaves the order open, and a certificate that is not what was asked for
# is not stored.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/standin.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up standin

# An order at this CA is valid from the beginning, but for the rules.
cat >"$T/standin/order" <<-END
	{"status":"ready","finalize":"$base/f/1","authorizations":["$base/z/1"]}
END
cat >"$T/standin/final" <<-END
	{"status":"valid","finalize":"$base/f/1","authorizations":["$base/z/1"],
	"certificate":"$base/c/1"}
END
standin_leaf a.example
# order_rules [RULE]: an order is valid, but for this.
order_rules() {
	n=$((n + 1))
	cat >"$T/standin/rules" <<-END
	/order file order 201
	/order location $base/o/$n
	/o/ file order 200
	/f/1 file final 200
	/c/1 file cert 200
	${1:-}
	END
}
n=0
# left CAUSE NAME: the last order is open, and is to come again.
left() {
	exits 111 "$2: is to come again"
	is "$(field cause)" "$1" '... and says why'
	must "$BIN/acme-order" cancel -c "$client" "$(field id)"
}

order_rules
order run a.example
exits 1 'a certificate for another key'
is "$(field status) $(field cause)" 'invalid certificate' '... is a failure'
is "$(sql 'SELECT count(*) FROM certificates')" 0 '... and is not stored'
order_rules '/c/1 html'
order run a.example --timeout 1
left ca-broken 'HTML as the certificate'
must openssl req -new -key "$T/leaf.key" -subj / \
    -addext subjectAltName=DNS:a.example -out "$T/leaf.csr"
order_rules
order run --csr "$T/leaf.csr"
exits 0 'a certificate alone, without a chain'
is "$(field status)" valid '... is taken'

order_rules '/order status 500'
order run b.example --timeout 1
left ca-broken 'newOrder: 500'
order_rules '/order html'
order run b.example --timeout 1
left ca-broken 'newOrder: HTML'
order_rules "/order location https://elsewhere.example/o"
order run b.example --timeout 1
left ca-broken 'newOrder: a Location elsewhere'
order_rules '/f/1 status 503'
order run b.example --timeout 1
left ca-broken 'finalize: 503'
order_rules '/f/1 problem 403 orderNotReady'
polls=$(grep -c '^POST /o/' "$T/standin.log")
order run b.example --timeout 1
exits 111 'finalize: not ready, for ever'
must "$BIN/acme-order" cancel -c "$client" "$(field id)"
is "$(($(grep -c '^POST /o/' "$T/standin.log") > polls))" 1 \
    '... the order is looked at'
order_rules '/f/1 problem 400 badCSR'
order run b.example
exits 1 'finalize: badCSR'
is "$(field status) $(field cause)" 'invalid csr' '... is for good'
order_rules '/f/1 problem 403 unauthorized'
order run b.example
exits 1 'finalize: unauthorized'
is "$(field status) $(field cause)" 'invalid csr' '... is about the request'
order_rules '/order problem 429 rateLimited 3000'
order run b.example --timeout 1
exits 111 'newOrder: rate limit'
is "$(field cause)" rate-limited '... says so'
like "$(field retry_at)" ^20 '... and when to come again'
must "$BIN/acme-order" cancel -c "$client" "$(field id)"
posts=$(grep -c '^POST /order' "$T/standin.log")
order run other.example --timeout 1
exits 111 'another process'
is "$(grep -c '^POST /order' "$T/standin.log")" "$posts" \
    '... asks for no order of the account'
must "$BIN/acme-order" cancel -c "$client" "$(field id)"
sql "UPDATE upstream_accounts SET retry_at = 0"
cat >"$T/standin/paused" <<'END'
{"type": "urn:ietf:params:acme:error:rateLimited", "detail": "Your account is temporarily prevented from requesting certificates for b.example and possibly others. Please visit: https://ca.example/unpause?jwt=PADDING.end"}
END
sed -i "s|PADDING|$(printf 'a%.0s' $(seq 1 1200))|" "$T/standin/paused"
order_rules '/order file paused 429'
order run b.example --timeout 100
exits 111 'newOrder: a name is paused'
is "$(field cause)" rate-limited '... which is a limit'
like "$(field error)" '/unpause\?jwt=a{1200}\.end$' '... with a URL that is whole'
is "$(sql "SELECT retry_at FROM upstream_accounts")" 0 \
    '... that holds this order, and not those for other names'
sql "UPDATE upstream_cas SET retry_at = 0;
    UPDATE upstream_accounts SET retry_at = 0"
must "$BIN/acme-order" cancel -c "$client" "$(field id)"
sed "s|$base/f/1|https://elsewhere.example/f|" "$T/standin/order" \
    >"$T/standin/away"
order_rules '/order file away 201'
order run b.example --timeout 1
left ca-broken 'finalize: a URL elsewhere'

# ---- a CA that is never done --------------------------------------------------------

sed 's/"ready"/"processing"/' "$T/standin/order" >"$T/standin/processing"
for after in 0 Wed,_21_Oct_2015_07:28:00_GMT; do
	order_rules "/o/ file processing 200
	/f/1 file processing 200
	/o/ retry $after
	/f/1 retry $after"
	polls=$(grep -c '^POST /o/' "$T/standin.log")
	run timeout 60 "$BIN/acme-order" run -c "$client" --timeout 4 slow.example
	exits 111 "Retry-After: $after: is given up with its time"
	polls=$(($(grep -c '^POST /o/' "$T/standin.log") - polls))
	is "$((polls >= 1 && polls <= 5))" 1 \
	    "... and was asked for a few times ($polls)"
	must "$BIN/acme-order" cancel -c "$client" "$(field id)"
done

# ---- what is not the CA's fault ------------------------------------------------------

order_rules
echo send=032 >"$T/faulty" # EPIPE
run "$SRC/tests/lib/failing" "$T/faulty" "$BIN/acme-order" run -c "$client" \
    --timeout 1 lost.example
exits 111 'the process with the network is lost'
is "$(sql 'SELECT status, cause FROM upstream_orders ORDER BY id DESC LIMIT 1')" \
    'new|ca-unreachable' '... the order stays open, and can go on'
must "$BIN/acme-order" cancel -c "$client" \
    "$(sql 'SELECT max(id) FROM upstream_orders')"

# ---- replaces -----------------------------------------------------------------------

order_rules '/order replaces 409 alreadyReplaced'
order run --csr "$T/leaf.csr" --replaces 1
exits 0 'replaces: refused'
is "$(field status) $(field replaces)" 'valid ' '... asked once more without it'
run "$BIN/acmed-store" log -c "$client" --object "upstream_order/$(sql \
    'SELECT max(id) FROM upstream_orders')"
like "$out" upstream_order.drop_replaces '... and that is in the log'
order_rules '/order replaces 404 malformed'
order run --csr "$T/leaf.csr" --replaces 1
exits 0 'replaces: a certificate that the CA does not know'
is "$(field status) $(field replaces)" 'valid ' '... nor does that matter'
order_rules '/order replaces 400 accountDoesNotExist'
order run --csr "$T/leaf.csr" --replaces 1
exits 1 'replaces: but not what is plainly something else'
# ---- nonces that do not come ---------------------------------------------------------

sql 'UPDATE upstream_orders SET lease_until = 0'
order_rules '/nonce status 502
/nonce no-nonce'
before=$(asked "endpoint = 'newNonce'")
printf 'n%s.example\n' 1 2 3 4 5 >"$T/sets"
run timeout 60 "$BIN/acme-order" run -c "$client" --timeout 1 - <"$T/sets"
exits 111 'no nonce for any of five'
asked=$(($(asked "endpoint = 'newNonce'") - before))
is "$((asked >= 1 && asked <= 60))" 1 '... which is asked for a few times'
order_rules ''

is "$(grep -c '^POST /order' "$T/standin.log")" "$(asked \
    "endpoint = 'newOrder'")" '... as all requests are'
done_testing
