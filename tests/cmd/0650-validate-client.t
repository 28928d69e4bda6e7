#!/bin/sh
# Goal: what a client sees of a validation that takes its time (RFC 8555 8.2),
# and that nothing it does meanwhile begins a second one or lets a late result
# count.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"
. "$SRC/tests/lib/validate.sh"

need sqlite3 openssl perl
start_dns
acmed_retry_delay=4s
acmed_options='--set validate.attempts=2 --set validate.timeout=9s'
start_acmed
HTTP_PORT=$http_port
base=${directory%/directory} plain=$T/plain.conf
sed '/^tls_/d' "$config" >"$plain"
start_web 127.0.0.1
actor alice
"$TOOLS/acme-raw" thumbprint "$ACME_STATE/key" >"$T/www/thumbprint"

# begin NAME: an order, and its http-01 challenge is answered.
begin() {
	new_order "$1"
	challenge_of "$authz" http-01
	works '200 -' "$1: the challenge is answered" --payload '{}' "$challenge"
	is "$(get status) $(header Retry-After)" 'processing 1' \
	    "$1: processing, and when to ask again"
}

silent() {
	echo silent >"$T/www/$1"
}

queue() {
	sql "SELECT count(*) || ' ' || coalesce(max(attempts), 0) FROM jobs"
}

is_asked() {
	[ "$(asked "$1")" -ge 1 ]
}

challenge_is() {
	must_say '200 -' "$challenge"
	grep -Eq "$1" "$ACME_STATE/body"
}

# late N: N results have come too late, as the validator tells.
late() {
	[ "$(grep -c 'challenge.record kind=conflict' "$T/acmed.log")" -ge "$1" ]
}

# ---- it is told how it goes, and why it failed in the end
answer a.example.test <<'END'
HTTP/1.1 404 Not here

END
begin a.example.test
ok 'after the first attempt there is its error' \
    wait_for 10 challenge_is '"processing".*404|404.*"processing"'
is "$(get status) $(get error.status)" 'processing 403' 'while it is processing'
is "$(header Retry-After)" 1 'with Retry-After'
works '200 -' 'asked again meanwhile' --payload '{}' "$challenge"
is "$(get status)" processing 'it stays as it is'
is "$(queue)" '1 1' 'with one job that has had one attempt'
answer a.example.test <<'END'
HTTP/1.1 200 OK

otherbody
END
settles "$challenge" processing
is "$state $(get error.type)" \
    'invalid urn:ietf:params:acme:error:incorrectResponse' \
    'the error of the last attempt remains'
like "$(get error.detail)" otherbody 'which says what was seen'
works '200 -' 'an invalid challenge asked again' --payload '{}' "$challenge"
is "$(get status) $(header Retry-After) $(queue)" 'invalid  0 0' 'stays invalid'
must_say '200 -' "$order"
is "$(get status) $(get error.type)" \
    'invalid urn:ietf:params:acme:error:incorrectResponse' 'so does the order'

# ---- valid stays valid
answer_ok b.example.test
begin b.example.test
settles "$challenge" processing
is "$state" valid 'a good one'
validated=$(get validated)
silent b.example.test
works '200 -' 'a valid challenge asked again' --payload '{}' "$challenge"
is "$(get status) $(get validated) $(queue)" "valid $validated 0 0" 'stays valid'
is "$(state_of "$order")" ready 'and the order ready'

# ---- a client that has changed its mind
silent c.example.test
begin c.example.test
wait_for 10 is_asked c.example.test
answer_ok c.example.test
works '200 -' 'deactivated while it is validated' \
    --payload '{"status":"deactivated"}' "$authz"
is "$(get status) $(queue)" 'deactivated 0 0' 'the authorization is'
is "$(state_of "$order")" invalid 'its order is invalid'
is "$(state_of "$challenge")" invalid 'and the challenge'
as bob
actor bob
"$TOOLS/acme-raw" thumbprint "$ACME_STATE/key" >"$T/www/thumbprint"
silent d.example.test
begin d.example.test
wait_for 10 is_asked d.example.test
answer_ok d.example.test
must_say '200 -' --payload '{"onlyReturnExisting":true}' @newAccount
account=$(header Location)
works '200 -' 'the account is deactivated meanwhile' \
    --payload '{"status":"deactivated"}' "$account"
ok 'both results come too late' wait_for 20 late 2
is "$(result c.example.test http-01)" 'invalid deactivated invalid' \
    'a late result changes no authorization'
unlike "$(result d.example.test http-01)" '^valid| valid|ready' \
    'nor one of a deactivated account'
is "$(queue)" '0 0' 'nothing is left in the queue'

# ---- nobody validates: cron's sweep does
stop acmed
as alice
"$TOOLS/acme-raw" thumbprint "$ACME_STATE/key" >"$T/www/thumbprint"
answer_ok e.example.test
begin e.example.test
is "$(queue)" '1 0' 'without a validator it waits'
run "$BIN/acme-validate" -c "$plain" sweep
exits 0 'the sweep finds it'
is "$(state_of "$challenge") $(state_of "$order")" 'valid ready' 'and does it'
store_is_sound
done_testing
