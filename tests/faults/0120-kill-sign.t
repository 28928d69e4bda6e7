#!/bin/sh
# Goal: acme-sign may be killed at every system call that writes, as the service
# and as the sweep; no certificate is made twice.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up

served() {
	supervise sign "$BIN/acme-sign" -c "$config" serve
	wait_for 10 listens "$T/sign.sock"
	served_rc=0
	round || served_rc=1
	stop sign
	return "$served_rc"
}

until_done 'the service, before every call' acme-sign before served
until_done 'the service, half way through every call' acme-sign half served

# An order whose acmed-accept has died between the two transactions.
FAULT=''
fresh_round
supervise sign "$BIN/acme-sign" -c "$config" serve
must wait_for 10 listens "$T/sign.sock"
must step_account
must step_order
must step_challenge
must sql "UPDATE orders SET status = 'processing', processing_since =
    strftime('%s'), csr = x'$(od -An -v -t x1 "$T/csr.der" | tr -d ' \n')';
    INSERT INTO jobs VALUES ('issue', 1, 0, 0, '')"
mv "$R" "$T/processing"

swept() {
	under "$BIN/acme-sign" -c "$config" sweep 2>>"$T/sweep.log"
	time_passes
	until_not processing "$order" && certificate=$(get certificate) &&
	    step_certificate && step_revoke && is_sound
}

FROM=$T/processing
# The account is the client's of before.
account_url=$account
fresh_round_account() {
	printf '%s' "$account_url" >"$ACME_STATE/account"
	swept
}
until_done 'the sweep, before every call' acme-sign before fresh_round_account
STEP=3 until_done 'the sweep, half way' acme-sign half fresh_round_account
done_testing
