#!/bin/sh
# Goal: domain-queue process NAME takes up these names of the queue and no
# others, at once, and says of each that is not done why.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up_valid

# left: the names that are in the queue still.
left() {
	sql 'SELECT name FROM domain_queue ORDER BY name' | tr '\n' ' '
}
later=$(($(date +%s) + 3600))

queue add a.example b.example c.example d.example e.example
sql "UPDATE domain_queue SET retry_at = $later, attempts = 2,
    failing_since = 1 WHERE name = 'b.example'"
sql "UPDATE domain_queue SET retry_at = $later, status = 'parked',
    attempts = 9, failing_since = 1 WHERE name = 'c.example'"
queue process B.example. c.example
exits 0 'process NAME: put off, parked'
is "$out$err" '' '... is silent'
is "$(left)" 'a.example d.example e.example ' '... at once, and no other'

queue process nothing.example d.example 'no name'
exits 100 'process NAME: what is none, and what is not in the queue'
like "$err" 'nothing\.example: nothing\.example is not in the queue' \
    '... is told'
like "$err" 'no name: ' '... each'
is "$(left)" 'a.example e.example ' '... and does not stop the others'
queue process nothing.example
exits 1 'process NAME: none but one that is not in the queue'
is "$(left)" 'a.example e.example ' '... which is not to take up any'

sql "UPDATE domain_queue SET lease_until = $later WHERE name = 'a.example'"
queue process a.example
exits 111 'process NAME: another process has it'
like "$err" 'a\.example: another process is at it' '... which is told'
sql "UPDATE domain_queue SET lease_until = 0"

queue block a.example
queue process a.example
exits 1 'process NAME: a blocked one'
like "$err" 'a\.example: .*blocked' '... is told'
queue process a.example
exits 1 'process NAME: again'
like "$err" 'a\.example: .*blocked' '... as often as it is asked for'
queue unblock a.example

queue template set three --names '{DOMAIN}' --per-certificate 3
queue add --template three x.example y.example z.example alone.example
sql "UPDATE domain_queue SET alone = 1 WHERE name = 'alone.example'"
before=$(sql 'SELECT count(*) FROM certificates')
queue process x.example y.example alone.example e.example
exits 0 'process NAME: of two templates'
is "$(left)" 'a.example z.example ' '... those that were named'
is "$(sql 'SELECT count(*) FROM certificates')" $((before + 3)) \
    '... two of them in one certificate'

stop pebble
queue process a.example
exits 111 'process NAME: the CA is away'
like "$err" 'a\.example: ' '... which is told'
is "$(left)" 'a.example z.example ' '... and the name waits'

done_testing
