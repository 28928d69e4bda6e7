#!/bin/sh
# Goal: accounts at acmed's own server; a change of keys that is cut short
# between any two of its steps is brought to its end by whoever comes next.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/upstream.sh"

client_up
start_acmed
port=${directory##*:} port=${port%%/*}
store=$T/client/store/acmed.sqlite

# acmed_up, acmed_down: the server, on the same port.
acmed_down() {
	stop acmed
}
acmed_up() {
	start acmed "$SRC/scripts/acmed-local" --dir "$acmed_dir" \
	    --port "$port" --http-port "$http_port" --tls-port "$tls_port"
	must wait_for 30 acmed_ready
}

account ca add here "$directory" --trust "$ca"
exits 0 'ca add'
account register --ca here --contact me@example.com
exits 0 'register: there are no terms to agree to'
id=$(field id)
account register --ca here
is "$(field result) $(field id)" "existed $id" 'once more is the same account'
account register --ca here --another
exits 0 'a second account'
second=$(field id)
account show "$id"
is "$(field contacts) $(field result)" 'mailto:me@example.com valid' 'show'
account update "$id" --contact none
exits 0 'update'
account show "$id"
is "$(field contacts)" '' 'no contact any more'
for type in p384 ed25519 rsa2048; do
	account roll "$id" --key-type $type
	exits 0 "roll to $type"
	account show "$id"
	is "$(field key_type) $(field rolling)" "$type no" 'it has that key'
done

# ---- cut short before the CA has heard of it -------------------------------------
acmed_down
account roll "$id" --key-type p256
exits 111 'roll without the CA'
account list
like "$out" 'rsa2048.*	yes$' 'the new key is stored, the old one is in use'
must sqlite3 "$store" ".backup $T/before"
acmed_up
account show "$id"
exits 0 'show: the old key works'
is "$(field key_type) $(field rolling)" 'rsa2048 yes' 'and stays'
account roll "$id"
exits 0 'roll goes on'
account show "$id"
is "$(field key_type) $(field rolling)" 'p256 no' \
    'with the key that was stored first'

# ---- cut short after the CA has changed it ---------------------------------------
must sqlite3 "$store" ".restore $T/before"
account list
like "$out" 'rsa2048.*	yes$' 'as if the answer had been lost'
account show "$id"
exits 0 'show: the new key works'
is "$(field key_type) $(field rolling)" 'p256 no' 'and takes its place'
must sqlite3 "$store" ".restore $T/before"
account roll "$id"
exits 0 'roll finds out the same'
account show "$id"
is "$(field key_type) $(field rolling)" 'p256 no' 'with the same end'

# ---- the key of a change that is not over is sealed anew as well ------------------
must sqlite3 "$store" ".restore $T/before"
run "$BIN/acmed-store" rekey -c "$client"
exits 0 'rekey in the middle of it'
account show "$id"
exits 0 'show: the new key is still known'
is "$(field key_type) $(field rolling)" 'p256 no' 'and takes its place'

# ---- killed anywhere --------------------------------------------------------------
# Each run is killed a little later than the one before, until one is not.
i=1 alive=0 killed=0
while [ $i -le 60 ] && [ $alive -lt 3 ]; do
	status=0
	timeout -s KILL "0.0$(printf '%02d' $i)" "$BIN/acme-account" roll \
	    "$id" -c "$client" >"$T/out" 2>&1 || status=$?
	[ "$status" -ne 0 ] || alive=$((alive + 1))
	[ "$status" -ne 137 ] || killed=$((killed + 1))
	account show "$id"
	[ "$status" -eq 0 ] || break
	i=$((i + 1))
done
exits 0 'killed in the middle, the account always works'
ok 'some were killed' [ $killed -gt 0 ]
account roll "$id"
exits 0 'and comes to an end'
account show "$id"
is "$(field rolling)" no 'with one key'
children() {
	! pgrep -f "acme-account roll $id" >/dev/null
}
ok 'no process with the network is left' wait_for 5 children

# ---- several at once ------------------------------------------------------------------
# Whoever loses has to come again; the key that the CA has is never lost.
: >"$T/exits"
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	pids='' n=0
	for type in p256 p384 p521 ed25519 p256; do
		n=$((n + 1))
		{
			"$BIN/acme-account" roll "$id" --key-type $type \
			    -c "$client" >"$T/roll.$n" 2>&1
			echo "$? $(tail -n 1 "$T/roll.$n")" >>"$T/exits"
		} &
		pids="$pids $!"
	done
	# shellcheck disable=SC2086 # a list
	wait $pids
	account show "$id"
	[ "$status $(field rolling)" = '0 no' ] || break
done
exits 0 'five changes of keys at once: the account can be used'
is "$(field rolling)" no '... and no change is left'
is "$(grep -v '^0 ' "$T/exits" | grep -v '^111 ')" '' \
    '... who comes too late is told to come again'

# ---- the end ------------------------------------------------------------------------
must sqlite3 "$store" ".backup $T/before"
account deactivate "$id"
exits 0 'deactivate'
must sqlite3 "$store" ".restore $T/before"
account deactivate "$id"
exits 0 'and again, as if the answer had been lost'
account roll "$id"
exits 1 'then nothing goes any more'
account show "$second"
exits 0 'with the other one it does'
run "$BIN/acmed-store" check -c "$client"
exits 0 'the store is sound'
done_testing
