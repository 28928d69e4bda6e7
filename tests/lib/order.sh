# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # of tap.sh, for the test
# For tests of acme-order: after tap.sh, pebble.sh and upstream.sh,
#
#	. "$(dirname "$0")/../lib/order.sh"
#	start_pebble
#	order_up
#
# order_up makes the store of a client with an account at pebble.

order_up() {
	client_up
	account ca add pebble "$pebble_directory" --trust "$pebble_ca"
	exits 0 'a CA'
	account register --ca pebble --agree-terms --default
	exits 0 'an account'
	sed -i 's/^\[client\]$/[client]\nca = pebble/' "$client"
}

# order COMMAND...: acme-order; sets $status $out $err.
order() {
	run "$BIN/acme-order" "$@" -c "$client"
}

# sql QUERY: of the client's store.
sql() {
	sqlite3 "$T/client/store/acmed.sqlite" "$1"
}
