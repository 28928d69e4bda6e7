# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # of tap.sh, for the test
# For tests of acme-order: after tap.sh, pebble.sh and upstream.sh,
#
#	. "$(dirname "$0")/../lib/order.sh"
#	start_pebble
#	order_up
#
# order_up [CA] makes the store of a client with an account at pebble, at acmed
# after start_acmed, or at standin (lib/standin.sh).  order_up_valid does both,
# with a pebble that finds every challenge valid.

order_up() {
	order_ca=${1:-pebble}
	client_up
	case $order_ca in
	pebble) set -- "$pebble_directory" "$pebble_ca" ;;
	acmed) set -- "$directory" "$ca" ;;
	standin)
		standin_up
		set -- "$base/dir" "$T/standin.crt"
		;;
	esac
	account ca add "$order_ca" "$1" --trust "$2"
	exits 0 'a CA'
	account register --ca "$order_ca" --agree-terms --default
	exits 0 'an account'
	sed -i "s/^\[client\]\$/&\nca = $order_ca/" "$client"
}

order_up_valid() {
	PEBBLE_VA_ALWAYS_VALID=1
	export PEBBLE_VA_ALWAYS_VALID
	start_pebble
	order_up
}

# order COMMAND...: acme-order; sets $status $out $err.
order() {
	run "$BIN/acme-order" "$@" -c "$client"
}

# queue, renew, manage COMMAND...: the same of domain-queue, renew-queue and
# cert-manage.
queue() {
	run "$BIN/domain-queue" "$@" -c "$client"
}
renew() {
	run "$BIN/renew-queue" "$@" -c "$client"
}
manage() {
	run "$BIN/cert-manage" "$@" -c "$client"
}

# sql QUERY: of the client's store.
sql() {
	sqlite3 "$T/client/store/acmed.sqlite" "$1"
}

# orders: how many a CA was asked for; refused for its nonce, which pebble does
# at random, is none.
orders() {
	sql "SELECT count(*) FROM upstream_requests WHERE endpoint = 'newOrder'
	    AND coalesce(error_type, '') <> 'badNonce'"
}
