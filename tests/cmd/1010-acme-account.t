#!/bin/sh
# Goal: accounts at CAs are registered, found, changed, get other keys and are
# deactivated, against pebble; what the CA refuses leaves nothing behind.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/pages.sh"

client_up
PEBBLE_WFE_NONCEREJECT=20 start_pebble

# ---- as the page says ----------------------------------------------------------
# example FROM: the lines of the page, about this CA.
example() {
	script acme-account.1 "$@"
	sed -i -e "s|https://ca.example.org/directory|$pebble_directory|" \
	    -e "s|root.pem|$pebble_ca|" "$T/script"
	works
}

ACMED_CONFIG=$client
export PATH ACMED_CONFIG
example '^acme-account ca add'
exits 0 'the page: a CA of one'"'"'s own'
example '^acme-account register' 'acme-account show'
exits 0 'the page: register and show'
like "$out" '"key_type":"p256".*"result":"valid"' 'the page: it is there'
example '^acme-account roll'
exits 0 'the page: another key'
must sqlite3 "$T/client/store/acmed.sqlite" \
    'DELETE FROM upstream_requests; DELETE FROM upstream_directories;
    DELETE FROM upstream_accounts; DELETE FROM upstream_cas'

# ---- CAs ---------------------------------------------------------------------
account ca list
exits 0 'ca list'
like "$out" '^letsencrypt	https://acme-v02' 'knows CAs that nobody has added'
account ca add pebble "$pebble_directory" --trust "$pebble_ca"
exits 0 'ca add'
account ca add pebble https://other.example/dir
exits 1 'a name is given once'
like "$err" "there is a CA pebble already, at $pebble_directory" '... for what'
account ca add p2 "$pebble_directory"
exits 1 'and so is a URL'
like "$err" "there is a CA pebble already, at $pebble_directory" '... as what'
account ca add p2 http://other.example/dir
exits 100 'http is no URL of a CA'
account ca show https://mistyped.example/dir
exits 1 'ca show of a URL that nobody has added'
account ca show letsencrypt
exits 0 'ca show of one that everybody knows'
account ca list --no-header
is "$(printf '%s\n' "$out" | grep -c mistyped)" 0 '... adds none'
account ca list --trust "$pebble_ca"
exits 100 'ca list has no --trust'
account ca show pebble --trace
exits 100 'ca show has nothing to trace'
account ca show pebble
exits 0 'ca show'
is "$(field fetched)" '' 'nothing is fetched for that'
account ca refresh pebble
exits 0 'ca refresh'
is "$(field trust)" own 'the CA has roots of its own'
like "$(field terms)" '^data:' 'the terms are there'
is "$(field directories)" 1 'one directory so far'
account ca refresh pebble
is "$(field directories)" 1 'which has not changed'
account show --ca nobody
exits 1 'a CA that nobody knows'
like "$err" 'nobody: no CA that is known' 'it says so'
account ca nonsense
exits 100 'a word that is no command'

# ---- registering ---------------------------------------------------------------
account register --ca pebble
exits 1 'terms that nobody has agreed to'
like "$err" 'agree to them with --agree-terms' 'it says what to do'
is "$(asked "endpoint = 'newAccount'")" 0 'and has not asked'
account list
is "$out" "$(printf '%s\n' "$out" | head -n 1)" 'nothing is stored'

account register --ca pebble --agree-terms --contact me@example.com
exits 0 'register'
is "$(field result)" created 'a new account'
is "$(field default)" yes 'the first is the default'
like "$(field url)" '^https://localhost' 'it has a URL'
is "$(field contacts)" mailto:me@example.com 'an address becomes a URL'
like "$(field terms_agreed)" '^data:' 'what was agreed to is kept'
is "$(field key_type)" p256 'the key is P-256'
first=$(field id) first_url=$(field url)
is "$(sqlite3 "$T/client/store/acmed.sqlite" \
    'SELECT sealed FROM upstream_accounts')" 1 'the key is sealed'

account register --ca pebble --agree-terms
is "$(field result) $(field id)" "existed $first" 'once more is the same account'
account register --ca pebble
is "$(field result) $(field id)" "existed $first" '... whose terms are agreed to'
account register --ca pebble --agree-terms --contact you@example.com
exits 1 'with another contact it is not'
like "$err" "$first is the default at pebble, with another contact; " \
    '... which is said'
account register --ca pebble --agree-terms --key-type p384
exits 1 'nor with another type of key'
account register --ca pebble --another --default
exits 100 'beside it, or in its place'

account register --ca pebble --agree-terms --contact nonsense
exits 100 'a contact that is none'
account register --ca pebble --agree-terms --another --contact ftp://x.example/
exits 1 'a contact that the CA refuses'
like "$err" 'unsupportedContact' "in the CA's own words"
is "$(sqlite3 "$T/client/store/acmed.sqlite" \
    'SELECT count(*) FROM upstream_accounts')" 1 'leaves nothing behind'

account register --ca pebble --agree-terms --another \
    --contact "$(printf 'a%.0s' $(seq 1 60000))@example.com"
exits 100 'contacts that no request has room for'
is "$(sqlite3 "$T/client/store/acmed.sqlite" \
    'SELECT count(*) FROM upstream_accounts')" 1 '... leave nothing behind either'

# ---- by a key -----------------------------------------------------------------
must openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
    -out "$T/rsa.pem"
chmod 644 "$T/rsa.pem"
account find --ca pebble --key "$T/rsa.pem"
exits 102 'a key that others can read'
chmod 600 "$T/rsa.pem"
account find --ca pebble --key "$T/rsa.pem"
exits 1 'a key that has no account'
like "$err" 'accountDoesNotExist' 'the CA says so'
account register --ca pebble --agree-terms --key "$T/rsa.pem" \
    --certificate-key-type p384 --certificate-key-cycle account_weekly
exits 0 'register with a key'
is "$(field key_type)" rsa2048 'it is that key'
is "$(field default)" no 'the second is not the default'
is "$(field certificate_key_cycle)" account_weekly 'the cycle is kept'
second=$(field id) second_url=$(field url)
account register --ca pebble --agree-terms --key "$T/rsa.pem" \
    --contact other@example.com
is "$(field result) $(field url)" "existed $second_url" \
    'once more is the same account'
is "$(field contacts)" '' '... with the contacts that the CA has'
must sqlite3 "$T/client/store/acmed.sqlite" \
    "DELETE FROM upstream_requests WHERE upstream_account_id = $second;
    DELETE FROM upstream_accounts WHERE id = $second"
account find --ca pebble --key "$T/rsa.pem"
exits 0 'find'
is "$(field url)" "$second_url" 'finds the account of the key'
second=$(field id)
account default "$second"
exits 0 'default'
account show --ca pebble
is "$(field id) $(field result)" "$second valid" 'show takes the default'

# ---- at which CA ---------------------------------------------------------------
account show "$second" --ca letsencrypt
exits 1 'an account of another CA'
like "$err" "$second is not one at letsencrypt" 'it says so'
must sqlite3 "$T/client/store/acmed.sqlite" \
    "UPDATE upstream_accounts SET directory_url = '', is_default = 0
    WHERE id = $second"
account show "$second"
exits 1 'an account of nobody knows which CA'
like "$err" 'say it with --ca' 'it says what to do'
account show "$second" --ca pebble
exits 0 'that helps'
account show "$second"
exits 0 'for good'
account default "$second"

# ---- changes -------------------------------------------------------------------
account update "$first" --contact you@example.com
exits 0 'update'
account show "$first_url"
is "$(field contacts)" mailto:you@example.com 'the CA has the new contact'
account update "$first" --certificate-key-type ed25519
exits 0 'what only we know needs no CA'
account update "$first" --contact tel:123 --certificate-key-type p384
exits 1 'contacts that the CA does not take'
account show "$first"
is "$(field certificate_key_type)" ed25519 \
    'and then nothing else is changed either'
account update "$first" --contact you@example.com --certificate-key-type p384
exits 0 'with contacts that it takes'
account show "$first"
is "$(field certificate_key_type)" p384 'all is'
account update "$first"
exits 100 'nothing to change'

for type in p384 rsa2048 p256; do
	account roll "$first" --key-type $type
	exits 0 "roll to $type"
done
account show "$first"
exits 0 'the CA has the new key'
is "$(field key_type) $(field rolling)" 'p256 no' 'and so have we'
account roll "$first" --key "$T/rsa.pem"
exits 1 'a key that another account has'
like "$err" 'the key is that of upstream account [0-9]+' '... says whose'
account show "$first"
is "$(field rolling)" no 'and all is as before'

# ---- several at once -------------------------------------------------------------
# at_once OPTION...: six that register; prints their accounts, each once.
at_once() {
	for i in 1 2 3 4 5 6; do
		"$BIN/acme-account" register -c "$client" --ca pebble \
		    --agree-terms --no-header "$@" >"$T/once.$i" \
		    2>"$T/once.$i.err" &
	done
	wait
	cut -f 1 "$T"/once.[1-6] | sort -u
}
must sqlite3 "$T/client/store/acmed.sqlite" \
    'UPDATE upstream_accounts SET is_default = 0'
before=$(asked "endpoint = 'newAccount' AND status = 201")
once=$(at_once)
is "$(cat "$T"/once.[1-6] | wc -l)" 6 'six that register at once all do'
is "$(printf '%s\n' "$once" | wc -l)" 1 '... and come out with one account'
is "$(asked "endpoint = 'newAccount' AND status = 201")" $((before + 1)) \
    '... which is all that the CA has made'
must sqlite3 "$T/client/store/acmed.sqlite" \
    "UPDATE upstream_accounts SET is_default = 0;
    UPDATE upstream_accounts SET is_default = 1 WHERE id = $second"

account deactivate "$first"
exits 0 'deactivate'
account show "$first"
exits 1 'it is no more'
account list --json
like "$out" '"status":"deactivated"' 'and the list says so'

# ---- small keys ------------------------------------------------------------------
must openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 \
    -out "$T/small.pem"
account roll "$second" --key "$T/small.pem"
exits 100 'roll does not take a small key'
like "$err" 'small.pem: .*RSA key of 1024 bits' '... and says why'
account register --ca pebble --agree-terms --key "$T/small.pem"
exits 100 'nor does register'

# ---- the log, the trace ------------------------------------------------------
account show "$second" --trace
like "$err" '^> POST https://localhost' 'trace'
unlike "$err" '"signature": *"[^.]' 'without signatures'
ok 'nonces were refused' [ "$(asked "error_type = 'badNonce'")" -gt 0 ]

run "$BIN/acmed-store" log --upstream --last 1 -c "$client"
exits 0 'log --upstream'
is "$(field ca) $(field account) $(field endpoint) $(field status)" \
    "pebble $second account 200" 'says what was asked last'
run "$BIN/acmed-store" log --upstream --count --json -c "$client"
exits 0 'log --upstream --count'
like "$out" '"ca":"pebble".*"endpoint":"keyChange","status":200,.*"requests":3,' \
    'says how often what was asked'
run "$BIN/acmed-store" log --upstream --object "upstream_account/$first" \
    --json -c "$client"
exits 0 'of one account'
like "$out" "\"account\":$first,.*\"status\":[0-9]+,.*\"duration_ms\":[0-9]+" \
    'numbers are numbers'
unlike "$out" "\"account\":$second," 'and of no other'
run "$BIN/acmed-store" log --upstream --object order/1 -c "$client"
exits 100 'of something that sends nothing'
run "$BIN/acmed-store" log --count -c "$client"
exits 100 '--count alone'

# ---- binding -------------------------------------------------------------------
stop pebble
account show "$second"
exits 111 'no CA is temporary'
start_pebble eab
account show "$second"
exits 1 'a CA that has forgotten the account'
account ca refresh pebble
is "$(field binding_required) $(field directories)" 'yes 2' \
    'the directory has changed'
account register --ca pebble --agree-terms
exits 1 'a default account that the CA has forgotten'
like "$err" 'make another with acme-account register --default' '... says what to do'
account register --ca pebble --agree-terms --another
exits 1 'binding is required'
like "$err" 'eab-key-id' 'it says what to do'
key=zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W
(umask 077 && echo $key >"$T/eab")
account register --ca pebble --agree-terms --another --eab-key-id kid-1
exits 100 'a key id without its secret'
account register --ca pebble --agree-terms --another --eab-key-id kid-1 \
    --eab-secret-file "$T/eab" --trace
exits 0 'register with binding'
is "$(field eab_key_id)" kid-1 'to this key id'
unlike "$err" "$key" 'the secret is not in the trace'
unlike "$err" '"signature": *"[^.]' 'nor what it has signed'
account register --ca pebble --agree-terms --another --eab-key-id kid-2 \
    --eab-secret-fd 3 3<"$T/eab"
exits 1 'a key id that the CA does not know'
echo '!' >"$T/eab"
account register --ca pebble --agree-terms --another --eab-key-id kid-1 \
    --eab-secret-file "$T/eab"
exits 100 'a secret that is none'
printf '%s\0more\n' $key >"$T/eab"
account register --ca pebble --agree-terms --another --eab-key-id kid-1 \
    --eab-secret-file "$T/eab"
exits 100 'a secret with a NUL in it'
done_testing
