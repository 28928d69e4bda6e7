# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the test
# For tests of the ACME client against Debian's pebble: after tap.sh,
#
#	. "$(dirname "$0")/../lib/pebble.sh"
#	start_pebble [eab] [OPTION ...]
#
# which are those of tests/lib/pebble.  With $dns it asks that about names; see
# start_dns of clients.sh.  After "stop pebble" it may be started again, and has
# forgotten everything.

pebble_http_port=''

# Ports stay the same.
prepare_pebble() {
	[ -z "$pebble_http_port" ] || return 0
	skip_unless_has pebble openssl curl
	pebble_port=$(free_port) pebble_manage=$(free_port)
	pebble_http_port=$(free_port) pebble_tls_port=$(free_port)
	pebble_ca=$T/pebble/tls.crt
	pebble_directory=https://localhost:$pebble_port/dir
}

pebble_answers() {
	curl -s --fail --cacert "$pebble_ca" -o "$T/pebble.dir" \
	    "$pebble_directory"
}

start_pebble() {
	prepare_pebble
	start pebble env PEBBLE_WFE_NONCEREJECT="${PEBBLE_WFE_NONCEREJECT:-5}" \
	    "$SRC/tests/lib/pebble" "$T/pebble" "$pebble_port" \
	    "$pebble_manage" "$pebble_http_port" "$pebble_tls_port" "$@" \
	    ${dns:+-dnsserver "$dns"}
	wait_for 20 pebble_answers || must cat "$T/pebble.out" /nonexistent
}
