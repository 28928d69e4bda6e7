#!/bin/sh
# Goal: a resolver that says nothing costs the orders that need it their time,
# and no others anything.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

dns_port=$(free_port)
faults_up "validate resolver = 127.0.0.1:$dns_port" 'validate timeout = 3s' \
    'validate attempts = 2'
start dns "$SRC/tests/lib/mute" udp 127.0.0.1 "$dns_port"
must wait_for 20 grep -q ready "$T/dns.out"
fresh_round
start sign "$BIN/acme-sign" -c "$config" serve
start validate "$BIN/acme-validate" -c "$config" serve
must wait_for 20 test -S "$T/sign.sock" -a -S "$T/validate.sock"
served=yes
must step_account

# Forty orders that wait for the resolver.
for i in $(seq 40); do
	ask '201 -' --payload "{\"identifiers\":[{\"type\":\"dns\",
	    \"value\":\"n$i.example.test\"}]}" @newOrder
	silent=$(header Location) silent_authz=$(get authorizations.0)
	ask '200 -' "$silent_authz"
	ask '200 -' --payload '{}' "$(get challenges.0.url)"
done
begin=$(date +%s)
step_order && step_challenge && step_finalize && step_certificate
is "$?$said" 0 'an order that needs no resolver is not held up'
ended_all() {
	[ "$(sql "SELECT count(*) FROM challenges
	    WHERE status = 'processing'")" -eq 0 ]
}
ok 'the others end' wait_for 60 ended_all
diag "after $(($(date +%s) - begin)) s"
ask '200 -' "$silent"
is "$(get status) $(get error.type)" \
    'invalid urn:ietf:params:acme:error:dns' '... with an error of DNS'
is "$(sql "SELECT count(*) FROM orders WHERE status = 'invalid'")" 40 \
    '... all of them'
served=''
stop validate
is "$("$BIN/acmed-store" check -c "$config" 2>&1)" '' 'acmed-store check'
done_testing
