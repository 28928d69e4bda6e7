#!/bin/sh
# Goal: while another process has the store locked, requests wait, and after ten
# seconds are told to come again; nothing hangs and no result is lost.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up
fresh_round
relayed
start validate "$BIN/acme-validate" -c "$config" serve
must wait_for 20 test -S "$T/validate.sock"
served=yes
must step_account
must step_order

# lock, unlock: the store, by another process.
# shellcheck disable=SC2016 # for the inner shell
lock() {
	rm -f "$T/lock.in"
	mkfifo "$T/lock.in"
	start lock sh -c 'exec sqlite3 -cmd ".timeout 9000" "$0" <"$1"' \
	    "$store" "$T/lock.in"
	exec 9>"$T/lock.in"
	echo 'BEGIN IMMEDIATE;' >&9
	must wait_for 10 sh -c \
	    '! sqlite3 "$1" "BEGIN IMMEDIATE; ROLLBACK"' - "$store"
}

unlock() {
	exec 9>&-
	stop lock
}

lock
(
	sleep 3
	echo 'ROLLBACK;' >&9
) &
once --payload '{"contact":["mailto:a@example.org"]}' @account
is "$reply" '200 -' 'locked for three seconds: the request waits'
unlock

# The validator has a result when the store is locked, and for long.
mv "$T/www/thumbprint" "$T/thumbprint"
mkfifo "$T/www/thumbprint"
ask '200 -' "$authz"
challenge=$(get challenges.0.url)
once --payload '{}' "$challenge"
is "$reply" '200 -' 'the challenge'
sleep 0.5
lock
cat "$T/thumbprint" >"$T/www/thumbprint" &
begin=$(date +%s)
once --payload '{"identifiers":[{"type":"ip","value":"127.0.0.1"}]}' @newOrder
took=$(($(date +%s) - begin))
refused 'locked for more than ten seconds: newOrder'
ok "... after ten seconds ($took)" [ "$took" -ge 9 -a "$took" -lt 25 ]
once "$order"
is "$reply" '200 -' 'locked: what is there can be read'
ok 'locked: the validator keeps its result' \
    wait_for 20 grep -q 'challenge.record.*locked' "$T/validate.log"
unlock
rm "$T/www/thumbprint"
mv "$T/thumbprint" "$T/www/thumbprint"
ok 'unlocked: the order is ready' wait_for 30 order_is ready
is "$(sql 'SELECT count(*) FROM challenges WHERE validated > 0')" 1 \
    '... by one validation'

# Locked when the signer answers.
relay hold
once --payload "{\"csr\":\"$CSR\"}" "$finalize" &
asked=$!
must wait_for 20 grep -q sign.issued "$T/sign.log"
lock
relay pass
wait "$asked"
ask '200 -' "$order"
is "$(get status)" processing 'locked when the signer answers: processing'
unlock
ok 'unlocked: valid after a sweep' step_finalize
ok '... with a certificate' step_certificate
ok '... that can be revoked' step_revoke
served=''
stop validate
is_sound
is $? 0 "all is sound $said"
done_testing
