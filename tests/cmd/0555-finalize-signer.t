#!/bin/sh
# Goal: whatever the signer answers, the client hears no more than it should,
# and the order is where it can go on from (RFC 8555 7.1.6, 7.4).
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up

# A signer that answers what is in $T/reply, or kills who asks.
cat >"$T/signer" <<'EOF'
use strict;
use warnings;
use IO::Socket::UNIX;
use Socket qw(SOL_SOCKET);
my ($path, $file) = @ARGV;
my $l = IO::Socket::UNIX->new(Local => $path, Listen => 8) or die;
while (my $c = $l->accept) {
	sysread $c, my $request, 4;
	sysread $c, $request, unpack 'N', $request;
	open my $f, '<', $file or die;
	my $reply = do { local $/; <$f> };
	if ($reply eq "kill\n") {
		my ($pid) = unpack 'i', getsockopt $c, SOL_SOCKET, 17;
		kill 'KILL', $pid;
	} else {
		syswrite $c, pack('N', length $reply) . $reply;
	}
}
EOF
start signer perl "$T/signer" "$T/fake.sock" "$T/reply"
must wait_for 5 test -S "$T/fake.sock"
variant "$T/fake.conf" signer.socket="$T/fake.sock" signer.timeout=5s
become alice "$T/fake.conf"
must_say '201 -' --payload '{}' @newAccount
new_order fake.example.test
authorize

certificates() {
	peek 'SELECT count(*) FROM certificates'
}
before=$(certificates)

# answers REPLY NAME JSON: what finalize says when the signer says JSON.
answers() {
	printf '%s' "$3" >"$T/reply"
	works "$1" "signer: $2" \
	    --payload "$(finalize_with "$(csr fake.example.test)")" "$finalize"
	detail=$(get detail)
}

answers '400 badCSR' 'a refusal' \
    '{"kind":"denied","text":"not on a Monday\nX-Evil: 1"}'
like "$detail" 'not on a Monday.X-Evil' 'a refusal: its reason, on one line'
answers '400 rejectedIdentifier' 'a refusal with a type' \
    '{"kind":"input","type":"rejectedIdentifier","text":"no"}'
answers '500 serverInternal' 'a failure' \
    '{"kind":"conf","text":"no /etc/secret","detail":"line 7"}'
unlike "$detail" 'secret|line 7' 'a failure: none of it is told'
like "$detail" 'under [0-9a-f]+-[0-9]+$' 'a failure: under which id it is logged'
answers '503 serverInternal' 'it cannot at the moment' \
    '{"kind":"busy","text":"no /etc/secret"}'
unlike "$detail" secret 'it cannot at the moment: no more is told'
[ -n "$(header Retry-After)" ]
is $? 0 'it cannot at the moment: Retry-After'
answers '500 serverInternal' 'no certificate' '{"chain":["hello"]}'
unlike "$detail" 'PEM|chain' 'no certificate: no more is told'

# chain_of KEY NAME: the reply with a certificate of our CA.
chain_of() {
	csr -k "$1" "$2" >"$T/unused"
	"$BIN/acme-sign" --no-record -c "$plain" "$T/csr.der" |
	    perl -MJSON::PP -0777 -ne 'print encode_json({chain =>
	    [/(-----BEGIN.*?-----END CERTIFICATE-----\n)/gs]})'
}
must openssl ecparam -name prime256v1 -genkey -noout -out "$T/other.key"
answers '500 serverInternal' 'a certificate for another key' \
    "$(chain_of "$T/other.key" fake.example.test)"
answers '500 serverInternal' 'a certificate for another name' \
    "$(chain_of "$T/cert.key" other.example.test)"
is "$(state_of "$order") $(certificates)" "ready $before" \
    'the order is still ready, and nothing stored'

# ---- killed between the two transactions

echo kill >"$T/reply"
raw --payload "$(finalize_with "$(csr fake.example.test)")" "$finalize"
is "$(state_of "$order")" processing 'acmed-accept killed: processing'
run "$BIN/acme-sign" sweep -c "$plain"
is "$status $(state_of "$order")" '0 processing' 'a sweep leaves it its time'
tamper "UPDATE jobs SET due = 0 WHERE kind = 'issue'"
run "$BIN/acme-sign" sweep -c "$plain"
is "$status $(state_of "$order")" '0 valid' 'a later one finishes it'

# ---- refused for good in the background

new_order refused.example.test
authorize
raw --payload "$(finalize_with "$(csr refused.example.test)")" "$finalize"
tamper "UPDATE jobs SET due = 0 WHERE kind = 'issue'"
printf '{"kind":"denied","text":"not on a Monday"}' >"$T/reply"
run "$BIN/acme-sign" sweep -c "$T/fake.conf"
is "$(state_of "$order")" invalid 'refused in the background: invalid'
like "$(get error.detail)" 'not on a Monday' 'and the order says why'

# ---- a backend that is broken for a while

new_order broken.example.test
authorize
echo kill >"$T/reply"
raw --payload "$(finalize_with "$(csr broken.example.test)")" "$finalize"
tamper "UPDATE jobs SET due = 0 WHERE kind = 'issue'"
printf '{"chain":["hello"]}' >"$T/reply"
for _ in 1 2 3; do
	run "$BIN/acme-sign" sweep -c "$T/fake.conf"
done
is "$(state_of "$order")" processing 'broken in the background: processing'
is "$(peek "SELECT attempts FROM jobs WHERE kind = 'issue'")" 1 \
    'sweeps leave it time until the next attempt'
tamper "UPDATE jobs SET due = 0 WHERE kind = 'issue'"
run "$BIN/acme-sign" sweep -c "$plain"
is "$status $(state_of "$order")" '0 valid' 'and then it is finished'

# ---- the store is locked by another process

mkfifo "$T/lock.in"
# shellcheck disable=SC2016 # for the inner shell
start lock sh -c 'exec sqlite3 "$0" <"$1"' "$store" "$T/lock.in"
exec 9>"$T/lock.in"
echo 'BEGIN IMMEDIATE;' >&9
# shellcheck disable=SC2016
must wait_for 5 sh -c '! sqlite3 "$1" "BEGIN IMMEDIATE; ROLLBACK"' - "$store"
raw --payload "$(names locked.example.test)" @newOrder
expect '503 serverInternal' 'newOrder while the store is locked'
[ -n "$(header Retry-After)" ]
is $? 0 'store locked: Retry-After'
exec 9>&-
stop lock

store_is_sound
done_testing
