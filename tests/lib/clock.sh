# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # of tap.sh, for the test
# For tests in which days pass: after tap.sh, clients.sh and upstream.sh,
#
#	. "$(dirname "$0")/../lib/clock.sh"
#	acmed_under 30d
#	cron 3600
#
# acmed_under LIFETIME: acmed, which gives certificates for so long, and the
# store of a client with an account there, all under one clock that forward moves
# (the monotonic clock stays honest).  order_listening NAME...: an order there.
# cron SECONDS: what the crontabs of both do, so much later.

library=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
[ -n "$library" ] || skip_all 'needs libfaketime'
case $BIN in
*/asan/*) skip_all 'a sanitizer and faketime do not go together' ;;
esac
FAKETIME_TIMESTAMP_FILE=$T/clock FAKETIME_NO_CACHE=1
FAKETIME_DONT_FAKE_MONOTONIC=1
export FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE FAKETIME_DONT_FAKE_MONOTONIC
ahead=0
forward() {
	ahead=$((ahead + $1))
	printf '%+ds\n' "$ahead" >"$T/clock.new"
	mv "$T/clock.new" "$T/clock"
}
now() {
	echo $(($(date +%s) + ahead))
}
under() {
	LD_PRELOAD=$library "$@"
}

acmed_under() {
	start_dns
	forward 0
	# Landlock would keep the file of the clock from them.
	acmed_options="--set local-ca.lifetime=$1 --set sandbox.landlock=off"
	LD_PRELOAD=$library
	export LD_PRELOAD
	start_acmed
	unset LD_PRELOAD
	client_up
	printf '[sandbox]\nlandlock = off\n' >>"$client"
	sed -i 's/^\[client\]$/[client]\nca = acmed/' "$client"
	must under "$BIN/acme-account" ca add acmed "$directory" \
	    --trust "$ca" -c "$client"
	must under "$BIN/acme-account" register --ca acmed --agree-terms \
	    --default -c "$client"
}

order_listening() {
	run under "$BIN/acme-order" run "$@" --challenge "listen:$http_port" \
	    -c "$client"
}

cron() {
	forward "$1"
	must under "$BIN/acmed-store" --quiet tls-renew -c "$config"
	run under "$BIN/renew-queue" run -c "$client"
}
