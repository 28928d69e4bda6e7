#!/bin/sh
# Goal: what a CA answers to names in the queue: what it says of one of them
# leaves the others alone, what it says of itself is no name's fault.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/standin.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up standin

# again [RULE...]: what waits may be tried, at a CA with these rules.
again() {
	rules "$@"
	sql 'UPDATE domain_queue SET retry_at = 1'
	sql 'UPDATE upstream_orders SET retry_at = 0'
	sql 'UPDATE upstream_accounts SET retry_at = 0'
	sql 'UPDATE upstream_cas SET retry_at = 0, failures = 0, away_until = 0'
	queue process
}
# waiting: name, state, attempts and cause of what is in the queue.
waiting() {
	queue list
	printf '%s\n' "$out" | awk -F '\t' 'NR > 1 { print $1, $2, $7, $9 }'
}
# soon: the one name in the queue is tried again in a minute, and a tenth.
soon() {
	sql "SELECT retry_at - strftime('%s') BETWEEN 50 AND 66 FROM domain_queue"
}
orders() {
	grep -c '^POST /order$' "$T/standin.log"
}

queue template set alone --per-certificate 1
queue add --template alone a.example
again '/order problem 429 rateLimited 3000'
exits 111 'newOrder is refused for a rate'
is "$(waiting)" 'a.example waiting 0 rate-limited' '... which is not the fault of the name'
before=$(orders)
queue process
is "$(($(orders) - before))" 0 '... and is obeyed by the next run'
again '/order status 503' '/order retry 3000'
exits 111 'the CA is away'
is "$(waiting)" 'a.example waiting 0 ca-broken' '... as the list says'
before=$(orders)
queue process
exits 0 '... and is left alone, as it has asked for'
is "$(($(orders) - before))" 0 '... by the name, too'
again '/order problem 403 caa'
exits 1 'CAA forbids it'
is "$(waiting)" 'a.example quarantined 1 caa' '... and the name is quarantined'
like "$err" 'a\.example: .*as it was told.*CAA' \
    '... with what the CA says, and advice'
queue remove a.example
queue add --template alone a.example
again '/order problem 403 caa'
is "$(waiting) $(soon)" 'a.example quarantined 1 caa 1' \
    '... for a minute, the first time'
queue remove a.example

# ---- several names -----------------------------------------------------------------

# The order is refused as a whole, for two of its names and two reasons.
cat >"$T/standin/refusal" <<-'END'
	{"type":"urn:ietf:params:acme:error:compound","status":403,
	"detail":"some are refused","subproblems":[
	{"type":"urn:ietf:params:acme:error:rejectedIdentifier",
	"detail":"policy","identifier":{"type":"dns","value":"b.example"}},
	{"type":"urn:ietf:params:acme:error:caa","detail":"CAA forbids it",
	"identifier":{"type":"dns","value":"c.example"}}]}
END
queue template set three --per-certificate 3
queue add --template three b.example c.example d.example
before=$(orders)
again '/order naming c.example refusal 403' \
    '/order problem 429 rateLimited 3000'
exits 1 'an order for three, two of which the CA refuses'
is "$(($(orders) - before))" 2 '... is made again, once'
is "$(waiting | grep -v ^d)" "b.example quarantined 1 other
c.example quarantined 1 other" '... without them'
like "$(sql "SELECT error FROM domain_queue WHERE name = 'c.example'")" \
    'c\.example: CAA forbids it' '... each of which has the reason'
is "$(waiting | grep ^d)" 'd.example waiting 0 rate-limited' \
    '... and the other is not to blame'
done_testing
