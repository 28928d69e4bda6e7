#!/bin/sh
# Goal: what a CA would refuse by its limits is not asked for; what is for names
# that had one is, as often as it may.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"

client_up
sed -i "s|^\[client\]|&\nlimits_file = $T/limits.conf|" "$client"
export PEBBLE_VA_ALWAYS_VALID=1
start_pebble
account ca add pebble "$pebble_directory" --trust "$pebble_ca"
exits 0 'a CA'
account register --ca pebble --agree-terms --default
exits 0 'an account there'
order() {
	run "$BIN/acme-order" "$@" -c "$client" --ca pebble --no-precheck
}

echo '[pebble]
orders_per_account = 2/1h
certificates_per_set = 2/1d' >"$T/limits.conf"
order run a.example.test
exits 0 'the first order'
order run b.example.test
exits 0 'the second'
order new c.example.test
exits 111 'the third would be one too many'
like "$out" 'rate-limited.*not sent: .*orders_per_account' '... which is told'
is "$(asked "endpoint = 'newOrder'")" 2 '... and not sent'
order run a.example.test
exits 0 'names that had one are renewed'
order run a.example.test
exits 111 'but not for ever'
like "$out" 'certificates_per_set' '... which is another limit'
order cancel "$(sqlite3 "$T/client/store/acmed.sqlite" \
    "SELECT id FROM upstream_orders WHERE status = 'new'
    ORDER BY id DESC LIMIT 1")"
order new --replaces 1 a.example.test
exits 111 'a CA without renewal information knows of no replacement'

# ---- the file ------------------------------------------------------------------
echo '[pebble]
orders_per_account = many' >"$T/limits.conf"
order run d.example.test
exits 102 'a limit that is none'
like "$err" 'limits.conf:2: orders_per_account: must be COUNT/DURATION' \
    '... is named, with its line'
rm "$T/limits.conf"
order run d.example.test
exits 0 'without a file nothing is known'

done_testing
