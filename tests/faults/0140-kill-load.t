#!/bin/sh
# Goal: under load, with processes of every kind killed at random, no client
# loses what it was given, and what was begun comes to an end.  Every second
# client speaks to workers that live on, the others to a process per request.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

CLIENTS=8 ORDERS=${ORDERS:-12} ODDS=${ODDS:-120}
skip_unless_has socat
faults_up
fresh_round
mkdir "$T/got"
FAULT=any:$ODDS:random
supervise sign "$BIN/acme-sign" -c "$config" serve
supervise validate "$BIN/acme-validate" -c "$config" serve
must wait_for 20 test -S "$T/sign.sock" -a -S "$T/validate.sock"

port=$(free_port)
supervise pool "$SRC/scripts/lib/listen" -1 127.0.0.1 "$port" \
    "$BIN/acmed-accept" -c "$config"
must wait_for 20 test -s "$T/pool.out"

# run_client N: orders, one after the other, each to its end.
run_client() {
	ACME_STATE=$T/client.$1 via=''
	[ $(($1 % 2)) -eq 0 ] || via="socat -t 0.1 - TCP:127.0.0.1:$port"
	client
	for run_order in $(seq "$ORDERS"); do
		run_last=$(($(date +%s) + 120))
		until
			step_account && step_order && step_challenge &&
			    step_finalize && step_certificate
		do
			echo "$1: $said" >>"$T/trouble"
			[ "$(date +%s)" -lt "$run_last" ] || exit 1
		done
		cp "$ACME_STATE/chain.pem" "$T/got/$1-$run_order.pem"
		echo "$order $certificate $account" >"$T/got/$1-$run_order"
	done
}

clients=''
for i in $(seq $CLIENTS); do
	(trap - EXIT && run_client "$i") &
	clients="$clients $!"
done
failed=0
for pid in $clients; do
	wait "$pid" || failed=$((failed + 1))
done
is $failed 0 "$CLIENTS clients get $ORDERS certificates each"
kills=$(wc -l <"$T/faults.log")
diag "$kills killed: $(cut -d ' ' -f 1 "$T/faults.log" | sort | uniq -c |
    tr -s ' \n' ' ')"
ok 'somebody was killed' [ "$kills" -gt 10 ]
for role in acmed-accept acmed-accept+ acme-validate acme-sign; do
	ok "... $role too" grep -qF "$role " "$T/faults.log"
done
stop validate
stop pool

# One sweep later.
FAULT=''
stop sign
cp "$T/sign.log" "$T/sign-killed.log"
supervise sign "$BIN/acme-sign" -c "$config" serve
must wait_for 20 listens "$T/sign.sock"
time_passes
is "$("$BIN/acmed-store" check -c "$config" 2>&1)" '' 'acmed-store check'
is "$(sql "SELECT count(*) FROM orders WHERE status = 'processing'"),$(
    sql "SELECT count(*) FROM challenges WHERE status = 'processing'")" '0,0' \
    'nothing is stuck'
lost=0
for chain in "$T"/got/*.pem; do
	sha=$(openssl x509 -in "$chain" -outform DER | sha256sum | cut -c 1-64)
	[ "$(sql "SELECT count(*) FROM certificates
	    WHERE hex(sha256) = upper('$sha')")" -eq 1 ] || lost=$((lost + 1))
done
is "$(find "$T/got" -name '*.pem' | wc -l),$lost" "$((CLIENTS * ORDERS)),0" \
    'every certificate that a client got is in the store'
ACME_STATE=$T/client.1
client
raw_lost=0
for got in "$T"/got/1-*.pem; do
	read -r order certificate account <"${got%.pem}"
	printf '%s' "$account" >"$ACME_STATE/account"
	ask '200 -' "$certificate" && cmp -s "$ACME_STATE/body" "$got" ||
	    raw_lost=$((raw_lost + 1))
done
is $raw_lost 0 '... and can be fetched, byte for byte'
is "$(cat "$T/sign-killed.log" "$T/sign.log" |
    sed -n 's/.*sign.issued order=\([^ ]*\).*serial=\([^ ]*\).*/\1 \2/p' |
    sort -u | cut -d ' ' -f 1 | uniq -d)" '' \
    'nothing was issued twice for one order'
is "$(find "$R" -mindepth 1 -printf '%f\n' | grep -vx -e 'acmed\.sqlite.*' -e nonces \
    -e nonces.lock -e validate.lock)" '' 'nothing is left over'
done_testing
