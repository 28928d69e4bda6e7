# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the test
# For tests of the ACME client against Debian's pebble: after tap.sh,
#
#	. "$(dirname "$0")/../lib/pebble.sh"
#	start_pebble [eab]
#
# With $dns it asks that about names; see start_dns of clients.sh.  After "stop
# pebble" it may be started again, and has forgotten everything.

pebble_http_port=''

# One certificate for localhost that is its own CA; ports stay the same.
prepare_pebble() {
	[ -z "$pebble_http_port" ] || return 0
	skip_unless_has pebble openssl curl
	pebble_port=$(free_port) pebble_manage=$(free_port)
	pebble_http_port=$(free_port) pebble_tls_port=$(free_port)
	pebble_ca=$T/pebble.crt
	pebble_directory=https://localhost:$pebble_port/dir
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj /CN=localhost -addext subjectAltName=DNS:localhost \
	    -keyout "$T/pebble.key" -out "$pebble_ca"
}

pebble_answers() {
	curl -s --fail --cacert "$pebble_ca" -o "$T/pebble.dir" \
	    "$pebble_directory"
}

# start_pebble [eab]: with what PEBBLE_* say.  On more than one processor its
# store deadlocks.
start_pebble() {
	prepare_pebble
	pebble_eab='"externalAccountBindingRequired": false'
	[ "${1:-}" != eab ] ||
	    pebble_eab='"externalAccountBindingRequired": true,
	"externalAccountMACKeys": {"kid-1":
	"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}'
	cat >"$T/pebble.json" <<-END
	{"pebble": {"listenAddress": "127.0.0.1:$pebble_port",
	"managementListenAddress": "127.0.0.1:$pebble_manage",
	"certificate": "$pebble_ca", "privateKey": "$T/pebble.key",
	"httpPort": $pebble_http_port, "tlsPort": $pebble_tls_port,
	"ocspResponderURL": "", $pebble_eab}}
	END
	start pebble env GOMAXPROCS=1 PEBBLE_VA_NOSLEEP=1 \
	    PEBBLE_WFE_NONCEREJECT="${PEBBLE_WFE_NONCEREJECT:-5}" \
	    pebble -config "$T/pebble.json" ${dns:+-dnsserver "$dns"}
	wait_for 20 pebble_answers || must cat "$T/pebble.out" /nonexistent
}
