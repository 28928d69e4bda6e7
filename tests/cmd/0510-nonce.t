#!/bin/sh
# Goal: nonces: fresh ones with every answer, each good once and everywhere
# (RFC 8555 6.5, 7.2).
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
actor alice
nonce_of() {
	raw -X "$1" @newNonce
	header Replay-Nonce
}

# ---- newNonce

raw -X HEAD @newNonce
expect '200 -' 'HEAD newNonce' nonce
is "$(wc -c <"$ACME_STATE/body")" 0 'HEAD newNonce: no body'
raw -X GET @newNonce
expect '204 -' 'GET newNonce' nonce
is "$(wc -c <"$ACME_STATE/body")" 0 'GET newNonce: no body'
a=$(nonce_of HEAD)
b=$(nonce_of GET)
[ -n "$a" ] && [ "$a" != "$b" ]
is "$?" 0 'two nonces differ'
works '200 -' 'a nonce of HEAD is good' -P nonce="$a" @account
works '200 -' 'a nonce of GET is good' -P nonce="$b" @account
c=$(header Replay-Nonce)
works '200 -' 'a nonce of an answer is good' -P nonce="$c" @account
raw -X GET "$directory"
is "$(header Replay-Nonce)" '' 'GET directory spends no nonce'

# ---- used, missing, strange

bad() {
	bad_name=$1
	misuse '400 badNonce' "$@"
	works '200 -' "$bad_name: the fresh nonce is good" @account
}
bad 'nonce used before' -P nonce="$c" @account
misuse '400 badNonce' 'nonce used twice before' -P nonce="$c" @account
like "$(get detail)" 'JWS has an invalid anti-replay nonce' \
    'nonce used before: the detail that acme.sh looks for'
bad 'nonce missing' -D nonce @account
bad 'nonce not ours' -P nonce=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA @account
bad 'nonce of one letter' -P nonce=AAAA @account
d=$(nonce_of HEAD)
tail=${d#?}
case $d in A*) other=B$tail ;; *) other=A$tail ;; esac
bad 'nonce with its first letter changed' -P nonce="$other" @account
bad 'nonce cut short' -P nonce="${d%????}" @account
bad 'nonce with more at its end' -P nonce="${d}AAAA" @account
works '200 -' 'the nonce itself is still good' -P nonce="$d" @account
misuse '400 malformed' 'nonce padded' -P nonce="AA==" @account
misuse '400 malformed' 'nonce in another alphabet' -P nonce='AAA+' @account
misuse '400 malformed' 'nonce with a blank' -P nonce='AA AA' @account
misuse '400 malformed' 'nonce not ASCII' -P nonce='ÄAAA' @account
misuse '400 malformed' 'nonce not a string' -J nonce=7 @account
misuse '400 malformed' 'nonce null' -J nonce=null @account
raw -P nonce= @account
like "$reply" '^400 (malformed|badNonce)$' 'nonce empty'
long=$(head -c 600 /dev/zero | tr '\0' A)
raw -P nonce="$long" @account
like "$reply" '^400 (malformed|badNonce)$' 'nonce far too long'

# ---- a nonce is dead once it has been seen, RFC 8555 6.5

spent() {
	spent_name=$1
	shift
	n=$(nonce_of HEAD)
	raw -P nonce="$n" "$@"
	case $reply in
	4*) misuse '400 badNonce' "nonce seen with $spent_name" \
	    -P nonce="$n" @account ;;
	*) fail "nonce seen with $spent_name: $reply" ;;
	esac
}
spent 'a padded signature' --pad signature @account
spent 'a padded payload' --pad payload --payload '{}' @account
spent 'an unprotected header' --tail ',"header":{}' @account
spent 'a wrong signature' --spoil flip @account
spent 'a wrong url' -P url="$base/x" @account
spent 'a bad payload' --payload '{}' @newOrder
spent 'no such resource' "$base/nothing"
spent 'another method' -X PUT @newOrder
spent 'a kid unknown' -P kid="$base/account/AAAAAAAAAAAAAAAAAAAAAA" @account

# ---- errors bring nonces as well

misuse '400 malformed' 'an error brings a nonce' --payload '{}' @newOrder
works '200 -' 'the nonce of an error is good' \
    -P nonce="$(header Replay-Nonce)" @account
misuse '415 malformed' 'so does one before the JWS is read' \
    --type text/plain @account
works '200 -' 'and it is good' -P nonce="$(header Replay-Nonce)" @account

# ---- any process knows them; of several with the same nonce one wins

n=$(nonce_of HEAD)
for i in 1 2 3 4 5 6 7 8; do
	cp -R "$T/alice" "$T/twin$i"
	(
		as "twin$i"
		raw -P nonce="$n" @account
		echo "$reply" >"$T/twin$i.reply"
	) &
	twins="${twins:-} $!"
done
# shellcheck disable=SC2086 # a list
wait $twins
is "$(sort "$T"/twin?.reply | uniq -c | sed 's/^ *//' | paste -sd, -)" \
    '1 200 -,7 400 badNonce' 'eight at once with one nonce'

# ---- another account's nonces are as good: they belong to nobody

actor bob
n=$(nonce_of HEAD)
as alice
works '200 -' 'a nonce that another client fetched' -P nonce="$n" @account

# ---- issuing very many costs no room in the store

before=$(store_dump | wc -c)
for i in 1 2 3 4 5 6 7 8 9 10; do
	nonce_of HEAD >"$T/n$i"
done
is "$(store_dump | wc -c)" "$before" 'newNonce writes nothing to the store'

store_is_sound
done_testing
