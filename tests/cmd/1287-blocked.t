#!/bin/sh
# Goal: what is blocked or disabled is not tried for a month, but parked at once
# with the reason, costs the CA nothing, and comes back when that is over.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up_valid

# items QUEUE: what is in it.
items() {
	sql "SELECT group_concat(status || ' ' || coalesce(cause, ''), ', ') FROM $1"
}
certificates() {
	sql 'SELECT count(*) FROM certificates'
}

# ---- renewals --------------------------------------------------------------------

order run a.example www.a.example
queue block '*.a.example'
must "$BIN/renew-queue" add a.example -c "$client"
before=$(orders)
renew run
exits 1 'a renewal with a name that is blocked'
is "$(items renewal_queue)" 'parked blocked' '... is parked at once'
like "$err" '^  parked    a\.example and 1 other, expires 20.*: www\.a\.example is blocked by \*\.a\.example on the blocklist; domain-queue unblock' \
    '... and told, with the way back'
run "$BIN/renew-queue" list --no-header -c "$client"
like "$out" '	blocked	www\.a\.example is blocked by' '... and list has it'
sql "UPDATE renewal_infos SET retry_at = strftime('%s') + 9999"
renew run
exits 0 'the next run'
is "$out$err$(items renewal_queue)" 'parked blocked' '... says nothing'
sql 'UPDATE renewal_queue SET retry_at = 1'
renew run
exits 0 'a day later it is blocked still'
is "$out$err$(items renewal_queue)" 'parked blocked' '... and parked'
is "$(orders)" "$before" '... and the CA was never asked'
ok '... nor will be soon' [ "$(sql "SELECT retry_at > strftime('%s') + 9999
    FROM renewal_queue")" = 1 ]
queue unblock '*.a.example'
renew run
exits 0 'unblocked: the next run'
is "$(items renewal_queue) $(certificates)" ' 2' '... renews it'
like "$err" '^  recovered a\.example and 1 other$' '... and says so'

must "$BIN/cert-manage" domain disable www.a.example -c "$client"
must "$BIN/renew-queue" add a.example -c "$client"
renew run
is "$(items renewal_queue)" 'parked blocked' 'so it is with one that is disabled'
like "$err" 'www\.a\.example is disabled; cert-manage domain enable' '... as is told'
must "$BIN/cert-manage" domain enable www.a.example -c "$client"
renew run
is "$(items renewal_queue) $(certificates)" ' 3' '... until it is enabled'

# ---- names -----------------------------------------------------------------------

queue template set default --per-certificate 3
queue add c1.example c2.example c3.example
queue block c2.example
before=$(orders)
queue process
exits 1 'a new name that was blocked after it was put in'
is "$(items domain_queue)" 'parked blocked' '... is parked at once'
like "$err" 'c2\.example: parked; .*: c2\.example is blocked by c2\.example.*; domain-queue unblock' \
    '... which is told'
is "$(certificates) $(orders)" "4 $((before + 1))" '... and the others have theirs'
sql 'UPDATE domain_queue SET retry_at = 1'
queue process
exits 0 'a day later it is blocked still'
is "$out$err$(items domain_queue)" 'parked blocked' '... and parked'
is "$(orders)" "$((before + 1))" '... and the CA was not asked'
queue unblock c2.example
queue process
exits 0 'unblocked: the next run'
is "$(items domain_queue) $(certificates)" ' 5' '... gets it its certificate'
run "$BIN/acmed-store" check -c "$client"
exits 0 'acmed-store check finds nothing'
done_testing
