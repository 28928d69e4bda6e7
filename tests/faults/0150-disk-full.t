#!/bin/sh
# Goal: with the disk full, requests are refused for the time being, nothing
# that was acknowledged is lost, and all goes on when there is room again,
# without anybody being started anew.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"
skip_unless_root

faults_up
mkdir "$R"
mount -t tmpfs -o size=4m,mode=0770 acmed-test "$R" 2>"$T/mount.err" ||
    skip_all "cannot mount: $(cat "$T/mount.err")"
trap 'umount -l "$R"; tap_end' EXIT
cp -a "$T/template/." "$R"
ACME_STATE=$T/client
export ACME_STATE
client
served=yes
relayed
start validate "$BIN/acme-validate" -c "$config" serve
must wait_for 20 test -S "$T/validate.sock"

# fill, free: the disk.  A log without room in it is what a commit meets.
fill() {
	sqlite3 "$store" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	dd if=/dev/zero of="$R/ballast" bs=64k 2>/dev/null
	dd if=/dev/zero bs=512 2>/dev/null >>"$R/ballast"
}

free_disk() {
	rm -f "$R/ballast"
}

must step_account
fill
once --payload '{"contact":["mailto:a@example.org"]}' @account
refused 'full: an update of the account'
once --payload '{"identifiers":[{"type":"ip","value":"127.0.0.1"}]}' @newOrder
refused 'full: newOrder'
once @account
is "$reply" '200 -' 'full: what is there can be read'
free_disk
ok 'room again: newOrder' step_order

ask '200 -' "$authz"
challenge=$(get challenges.0.url)
fill
once --payload '{}' "$challenge"
refused 'full: the challenge'
free_disk

# The validator meets the full disk when it has the result: it takes longer.
mv "$T/www/thumbprint" "$T/thumbprint"
mkfifo "$T/www/thumbprint"
once --payload '{}' "$challenge"
is "$reply" '200 -' 'room again: the challenge'
sleep 0.5
fill
cat "$T/thumbprint" >"$T/www/thumbprint" &
ok 'full: the validator says so' wait_for 20 grep -q 'challenge.record.*room' \
    "$T/validate.log"
free_disk
mv "$T/thumbprint" "$T/www/thumbprint"
ok 'room again: its result is not lost' wait_for 30 order_is ready
ok '... with one look' \
    [ "$(grep -c 'challenge.valid' "$T/validate.log")" -eq 1 ]

fill
once --payload "{\"csr\":\"$CSR\"}" "$finalize"
refused 'full: finalize'
free_disk

# It is full when the signer answers.
relay hold
once --payload "{\"csr\":\"$CSR\"}" "$finalize" &
asked=$!
must wait_for 20 grep -q sign.issued "$T/sign.log"
fill
relay pass
wait "$asked"
ask '200 -' "$order"
is "$(get status)" processing 'full when the signer answers: processing'
free_disk
ok 'room again: finalize' step_finalize
ok '... and the certificate' step_certificate
ok '... and its revocation' step_revoke
ok 'the services are those of before' kill -0 "$(cat "$T/sign.pid")" \
    "$(cat "$T/validate.pid")"
served=''
stop validate
is_sound
is $? 0 "all is sound $said"
done_testing
