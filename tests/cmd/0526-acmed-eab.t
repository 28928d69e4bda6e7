#!/bin/sh
# Goal: acmed-eab makes, lists and revokes keys, and shows a secret once.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/told.sh"

conf=$T/acmed.conf
cat >"$conf" <<-END
[store]
url = $T/store/acmed.sqlite
eab_key_file = $T/eab.key
END
cat >"$T/init.conf" <<-END
[store]
url = $T/store/acmed.sqlite
eab_key_file = $T/eab.key
[server]
base_url = https://localhost
[policy]
allowed_server_ip_ranges = any
[local-ca]
directory = $T/ca
END
must "$BIN/acmed-store" -c "$T/init.conf" init
eab() {
	run "$BIN/acmed-eab" -c "$conf" "$@"
}

run "$BIN/acmed-eab" --help
exits 0 '--help'
like "$out" '^usage: acmed-eab' 'the help is on stdout'
for wrong in '' 'add name' 'add --uses 0' 'add --uses x' 'add --expires never' \
    'add --expires 2020-01-01T00:00:00Z' 'add --expires 999999999w' 'revoke' 'list name' 'remove x' 'add --uses 1 --uses 2'; do
	# shellcheck disable=SC2086 # words
	eab $wrong
	exits 100 "wrong use: ${wrong:-nothing}"
done

eab list
exits 0 'list, none yet'
is "$out" "$(printf 'key_id\tstatus\tuses_left\taccounts\tcreated\texpires\tsealed\tnote')" \
    'list, none yet: the names of the columns'

eab add
exits 0 add
is "$(echo "$out" | head -n 1)" "$(printf 'key_id\tsecret')" 'add: the columns'
kid=$(echo "$out" | sed -n 2p | cut -f1)
secret=$(echo "$out" | sed -n 2p | cut -f2)
like "$kid" '^[A-Za-z0-9_-]{22}$' 'add: a key id'
like "$secret" '^[A-Za-z0-9_-]{86}$' 'add: a secret of 64 bytes'
not_ok 'the secret is nowhere in the store' grep -aqF "$secret" \
    "$T/store/acmed.sqlite" "$T/store/acmed.sqlite-wal"
hex=$(printf '%s==' "$secret" | tr '_-' '/+' | base64 -d | od -An -v -tx1 |
    tr -d ' \n')
not_ok '... nor as bytes' sh -c "od -An -v -tx1 '$T/store/acmed.sqlite' \
    '$T/store/acmed.sqlite-wal' | tr -d ' \n' | grep -q $hex"
eab add --uses 3 --expires 2040-01-01T00:00:00Z --note 'für Bob	x' --json
exits 0 'add with everything'
like "$out" '^\{"key_id":"[A-Za-z0-9_-]{22}","secret":"[A-Za-z0-9_-]{86}"\}$' \
    'add --json'
second=$(echo "$out" | sed 's/.*"key_id":"\([^"]*\)".*/\1/')
eab add --note "$(printf %0201d 0)"
exits 100 'a note of 201 bytes is refused'

eab list --json
exits 0 'list --json'
like "$(tail -n 1 "$T/out")" "^\\{\"key_id\":\"$second\",\"status\":\"valid\",\"uses_left\":3,\"accounts\":0,\"created\":\"[^\"]*Z\",\"expires\":\"2040-01-01T00:00:00Z\",\"sealed\":true,\"note\":\"für Bob\\\\tx\"\\}\$" \
    'list --json: its members'
like "$(echo "$out" | head -n 1)" '"uses_left":null.*"expires":null.*"note":null' \
    'list --json: what is not limited is null'
unlike "$out" "$secret" 'list shows no secret'

eab revoke "$kid" nobody "$second"
exits 1 'revoke: one of three is unknown'
like "$err" '^acmed-eab: nobody: no such key' 'revoke: which one'
eab list --no-header
is "$(echo "$out" | cut -f1,2)" "$(printf '%s\trevoked\n%s\trevoked' "$kid" \
    "$second")" 'the others are revoked'
eab revoke "$kid"
exits 1 'revoke twice'
like "$err" 'revoked already' '... says so'

run "$BIN/acmed-store" -c "$conf" log --no-header
is "$(echo "$out" | cut -f2,3 | grep eab_key | paste -sd, -)" \
    "$(printf 'eab_key.add\teab_key/1,eab_key.add\teab_key/2,eab_key.revoke\teab_key/1,eab_key.revoke\teab_key/2')" \
    'the log has it all'
run "$BIN/acmed-store" -c "$conf" stats --no-header
like "$out" 'eab_keys	status	revoked	2' 'stats counts them'

# ---- in the clear

sed '/^eab_key_file/d' "$conf" >"$T/clear.conf"
run "$BIN/acmed-eab" -c "$T/clear.conf" add
exits 0 'add without a sealing key'
like "$err" 'eab_key_file is not set' '... warns'
run "$BIN/acmed-store" -c "$T/init.conf" check
exits 1 'acmed-store check'
like "$out" 'eab_key/3: not sealed' '... says which one'
run "$BIN/acmed-store" -c "$T/clear.conf" stats --no-header
like "$out" 'eab_keys_in_the_clear			1' '... and stats how many'
run "$BIN/acmed-store" -c "$conf" rekey
exits 0 'rekey'
run "$BIN/acmed-store" -c "$T/init.conf" check
exits 0 '... seals it'
for how in off optional required; do
	"$SRC/scripts/lib/conf-set" server.external_account_binding=$how \
	    <"$T/init.conf" | sed '/^eab_key_file/d' >"$T/$how.conf"
	run "$BIN/acmed-store" -c "$T/$how.conf" config --check
	exits 0 "config --check, $how"
	if [ "$how" = off ]; then
		unlike "$err" eab_key_file '... has nothing to warn of'
	else
		like "$err" 'setting="\[store\] eab_key_file"' '... warns'
	fi
done

# ---- what nobody hears of

add_key() {
	"$BIN/acmed-eab" -c "$conf" add
}
list_keys() {
	"$BIN/acmed-eab" -c "$conf" list --no-header
}
revokes_untold add_key list_keys

mv "$T/eab.key" "$T/gone.key"
eab add
exits 102 'add without the file'
like "$err" 'acmed-store init' '... says what to do'

done_testing
