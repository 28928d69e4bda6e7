#!/bin/sh
# Goal: a CA that answers what it must not, or not at all, is told from one that
# refuses; nobody follows it elsewhere, and a CA that wants to be left alone is,
# by all processes.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/standin.sh"
. "$(dirname "$0")/../lib/upstream.sh"

client_up
"$SRC/scripts/lib/conf-set" client.timeout=3s <"$client" >"$T/conf"
mv "$T/conf" "$client"
standin_up

# heard: how many requests have come since the last time.
heard_before=0
heard() {
	heard_now=$(wc -l <"$T/standin.log")
	echo $((heard_now - heard_before))
	heard_before=$heard_now
}

# wrong STATUS WORDS RULE...: with these rules register ends so, and says these
# words, an ERE.
wrong() {
	wrong_status=$1 wrong_words=$2
	shift 2
	rules "$@"
	account register --ca odd
	exits "$wrong_status" "$*"
	like "$err" "$wrong_words" "$*: it says why"
}

account ca add odd "$base/dir" --trust "$T/standin.crt"
exits 0 'ca add'

# ---- a directory that is none ---------------------------------------------------
wrong 111 'directory.*500' '/dir status 500'
wrong 111 'but text/html' '/dir html'
wrong 111 'too long' '/dir huge'
wrong 111 'too long' '/dir long-head'
wrong 111 'do not go' '/dir redirect https://evil.example/dir'
wrong 111 'no https URL: http:' "/dir member newOrder http://localhost/o"
wrong 111 'but nothing' '/dir empty'
wrong 111 '[Ee]mpty reply' '/dir drop'
wrong 111 'closed with' '/dir cut'
wrong 111 'imed out' '/dir slow 5'
is "$(asked "endpoint <> 'directory'")" 0 'nothing else was asked'
is "$(asked 'status = 0')" 5 'what was no answer is in the log as such'

# ---- nonces, accounts ------------------------------------------------------------
wrong 111 'no Replay-Nonce' '/nonce no-nonce'
wrong 111 'newAccount.*502' '/nonce status 502' '/nonce no-nonce'
wrong 111 'badNonce' '/account problem 400 badNonce'
is "$(asked "error_type = 'badNonce'")" 10 'ten times and no more'
wrong 111 'Location leads away from the CA, to https://evil' \
    '/account location https://evil.example/1'
wrong 111 'Location leads away from the CA, to http:' \
    "/account location http://localhost/account/1"
wrong 111 'but text/html' '/account html'
wrong 111 'HTTP status 500 without a problem' '/account status 500'
wrong 111 'serverInternal: as it was told' '/account problem 500 serverInternal'
is "$(sqlite3 "$T/client/store/acmed.sqlite" \
    'SELECT count(*) FROM upstream_accounts WHERE url IS NULL')" 1 \
    'all of that was one account, which waits for its end'
wrong 1 'unauthorized: as it was told' '/account problem 403 unauthorized'
is "$(sqlite3 "$T/client/store/acmed.sqlite" \
    'SELECT count(*) FROM upstream_accounts')" 0 \
    'a refusal is the end of it'
rules ''
account register --ca odd
exits 0 'when all is well it goes well'
id=$(field id)

# ---- to be left alone --------------------------------------------------------------
heard >/dev/null
rules '/account problem 429 rateLimited 100'
account register --ca odd --another
exits 111 'too many accounts'
heard >/dev/null
account register --ca odd --another
exits 111 'another process'
like "$err" 'left alone for (100|9[0-9]) more seconds' 'knows it'
is "$(heard)" 0 'and asks for nothing'
account show "$id"
exits 0 'accounts that are there are not held'
rules '/account/1 status 503'
account show "$id"
exits 111 'a 503 that does not say for how long'
rules '/account/1 problem 503 serverInternal 50'
account show "$id"
exits 111 'a 503 that does'
heard >/dev/null
account show "$id"
exits 111 'holds all'
is "$(heard)" 0 'without a request'
account ca show odd
like "$(field held_until)" '^20' 'the CA is held'
must sqlite3 "$T/client/store/acmed.sqlite" \
    'UPDATE upstream_cas SET retry_at = 0, register_at = 0'

# ---- a directory that leads elsewhere ------------------------------------------------
must sqlite3 "$T/client/store/acmed.sqlite" \
    'UPDATE upstream_cas SET fetched = 1'
rules '/dir member newOrder https://evil.example/order'
account show "$id"
exits 111 'a directory that leads to another host'
like "$err" 'leads to https://evil.example:443, which it did not before' \
    'it says where'
like "$err" 'ca refresh odd' 'and what a person can do'
account ca refresh odd
exits 0 'a person takes it'
is "$(field directories)" 2 'both are kept'
account show "$id"
exits 0 'from then on it is right'
rules ''
must sqlite3 "$T/client/store/acmed.sqlite" \
    'UPDATE upstream_cas SET fetched = 1'
account show "$id"
like "$err" 'client.directory ca=odd changed=' 'any other change is logged'

# ---- a key change that the CA refuses -----------------------------------------------
rules '/key problem 409 malformed' '/account/1 problem 401 unauthorized'
account roll "$id"
exits 1 'roll is refused'
account list
like "$out" '	no$' 'and over'
rules '/key status 500'
account roll "$id"
exits 111 'roll without a clear answer'
account list
like "$out" '	yes$' 'is not over'
# The CA may have the new key by now: its terms say nothing about that.
rules '/account/1 problem 403 userActionRequired'
account roll "$id"
exits 1 'the CA wants new terms to be agreed to'
account list
like "$out" '	yes$' 'the key that it may have is still there'
rules ''
account show "$id"
exits 0 'then it is found out'

# A change of keys that is killed while the CA is asked.
# key_of: the public key that the account has in the store.
key_of() {
	sqlite3 "$T/client/store/acmed.sqlite" \
	    "SELECT hex($1) FROM upstream_accounts WHERE id = $id"
}
asks_for_key() {
	[ "$(grep -c '^POST /key' "$T/standin.log")" -gt "$keys" ]
}
kill_roll() {
	keys=$(grep -c '^POST /key' "$T/standin.log")
	rules '/key slow 30'
	"$BIN/acme-account" roll "$id" "$@" -c "$client" >"$T/out" 2>&1 &
	pid=$!
	must wait_for 10 asks_for_key
	kill -KILL "$pid"
	wait "$pid"
	rules ''
}
kill_roll
next=$(key_of next_spki_sha256)
account list
like "$out" '	yes$' 'a change that was killed is not over'
account roll "$id"
exits 0 'roll once more'
account list
like "$out" '	no$' 'is the end of it'
is "$(key_of spki_sha256)" "$next" '... with the key that was there'
kill_roll --key-type p256
next=$(key_of next_spki_sha256)
account roll "$id" --key-type p384
exits 0 'roll once more to something else'
account list
is "$(field key_type) $(field rolling)" 'p384 no' 'gives that'

# ---- renewal information ---------------------------------------------------------------
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=root -keyout "$T/root.key" -out "$T/root.crt"
must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj / -keyout "$T/leaf.key" -out "$T/leaf.csr"
printf 'subjectAltName=DNS:a.example\nauthorityKeyIdentifier=keyid\n' \
    >"$T/leaf.ext"
must openssl x509 -req -in "$T/leaf.csr" -CA "$T/root.crt" \
    -CAkey "$T/root.key" -set_serial 0x8001 -extfile "$T/leaf.ext" \
    -out "$T/leaf.crt"
must "$BIN/cert-import" -c "$client" --key "$T/leaf.key" "$T/leaf.crt"

# ari STORED: what a request leaves in these columns of the store.
ari() {
	run "$TOOLS/upstream-try" -r 1 "$T/client/store/acmed.sqlite" \
	    "$base/dir" "$T/standin.crt"
	sqlite3 "$T/client/store/acmed.sqlite" \
	    "SELECT $1 FROM renewal_infos"
}
now() {
	date +%s
}
must sqlite3 "$T/client/store/acmed.sqlite" \
    'UPDATE upstream_cas SET name = "try", retry_at = 0'
rules '/ari/ problem 404 malformed'
is "$(ari "retry_at > $(now) + 80000, window_start, fetched")" '1|0|0' \
    'a CA that does not know the certificate is asked tomorrow'
rules ''
is "$(ari "window_start, window_end, explanation_url, fetched > 0")" \
    '1893553445|1893639845|https://ca.example/why|1' 'a window is kept'
is "$(ari "chosen >= window_start AND chosen < window_end AND
    retry_at BETWEEN $(now) + 7000 AND $(now) + 7300")" 1 \
    'with a moment in it, and when to ask again'
chosen=$(ari chosen)
is "$(ari chosen)" "$chosen" 'the moment stays'
like "$(cat "$T/standin.log")" '^GET /ari/[A-Za-z0-9_-]{27}\.AIAB$' \
    'the certificate is named as RFC 9773 says'
rules '/ari/ html'
is "$(ari "retry_at BETWEEN $(now) + 3500 AND $(now) + 3700, chosen")" \
    "1|$chosen" 'what is none is asked for in an hour, and the window stays'
must sqlite3 "$T/client/store/acmed.sqlite" \
    'UPDATE upstream_cas SET name = "odd"'

# ---- our clock ---------------------------------------------------------------------------
case $BIN in */asan/*) preloads=no ;; *) preloads=yes ;; esac
if [ $preloads = yes ] && command -v faketime >/dev/null; then
	rules ''
	run faketime -f +1h "$BIN/acme-account" show "$id" -c "$client"
	exits 0 'our clock is an hour ahead'
	run faketime -f -2h "$BIN/acme-account" show "$id" -c "$client"
	exits 111 'our clock is so late that the CA is not yet valid'
	like "$err" 'not yet valid' 'it says so'
else
	skip 3 'needs faketime, and no sanitizer'
fi

# ---- killed ---------------------------------------------------------------------------
rules '/account/1 slow 30'
"$BIN/acme-account" show "$id" -c "$client" >"$T/out" 2>&1 &
pid=$!
must wait_for 10 pgrep -P "$pid"
child=$(pgrep -P "$pid")
kill -KILL "$pid"
ok 'the process with the network ends with its parent' \
    wait_for 2 ended "$child"
"$BIN/acme-account" show "$id" -c "$client" >"$T/out" 2>&1 &
pid=$!
must wait_for 10 pgrep -P "$pid"
sleep 0.2
kill -TERM "$pid"
ok 'SIGTERM ends a wait' wait_for 2 ended "$pid"
wait "$pid"
is $? 111 'which is temporary'
# ---- a CA that is asked too much -------------------------------------------------------
# revoke: two certificates.
revoke() {
	run "$BIN/acme-revoke" -c "$client" --account "$id" "$T/root.crt" \
	    "$T/standin.crt"
}
asked_to_revoke() {
	grep -c '^POST /revoke' "$T/standin.log"
}
rules '/revoke problem 429 rateLimited 2'
{
	wait_for 20 grep -q '^POST /revoke' "$T/standin.log"
	sleep 0.5
	rules '/revoke status 200'
} &
revoke
exits 0 'acme-revoke: one is refused for two seconds: it is waited for'
is "$(printf '%s\n' "$out" | grep -c '	revoked$') $(asked_to_revoke)" '2 3' \
    '... and nothing is sent meanwhile'
rules '/revoke problem 429 rateLimited 300'
revoke
exits 111 '... for five minutes: that is for another time'
is "$(asked_to_revoke)" 4 '... and the rest is not asked for'
done_testing
