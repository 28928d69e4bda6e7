# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the test
# For tests that talk to a server: after tap.sh,
#
#	. "$(dirname "$0")/../lib/clients.sh"
#	start_dns
#	start_acmed
#
# start_dns runs knot on loopback with the zone example.test, whose every name
# is 127.0.0.1, and sets $dns (ADDRESS:PORT).  dns_set NAME TYPE DATA puts a
# record there, dns_unset NAME TYPE takes it away; at once.
#
# start_acmed runs scripts/acmed-local in $T/acmed with $acmed_options, which
# tries a challenge again after $acmed_retry_delay, and sets
# $directory $ca $issuer $config, $store (its database), $http_port and
# $tls_port (where it validates).

# shellcheck source=tests/lib/look.sh
. "$SRC/tests/lib/look.sh"

# Under CI nothing may be missing: what would be a skip is a failure.
need() {
	for need_prog in "$@"; do
		command -v "$need_prog" >/dev/null && continue
		[ -z "${CI:-}" ] || must command -v "$need_prog"
		skip_all "needs $need_prog"
	done
}

start_dns() {
	PATH=$PATH:/usr/sbin
	need knotd knsupdate kdig
	dns_port=$(free_port)
	dns=127.0.0.1:$dns_port
	mkdir "$T/knot"
	cat >"$T/knot/example.test.zone" <<-ZONE
	\$ORIGIN example.test.
	\$TTL 1
	@ SOA ns hostmaster 1 60 60 60 1
	@ NS ns
	@ A 127.0.0.1
	* A 127.0.0.1
	ZONE
	cat >"$T/knot.conf" <<-CONF
	server:
	    rundir: "$T/knot"
	    listen: 127.0.0.1@$dns_port
	    background-workers: 1
	    udp-workers: 1
	    tcp-workers: 2
	database:
	    storage: "$T/knot"
	log:
	  - target: stderr
	    any: warning
	acl:
	  - id: update
	    address: 127.0.0.1
	    action: update
	zone:
	  - domain: example.test
	    storage: "$T/knot"
	    file: example.test.zone
	    zonefile-sync: -1
	    journal-content: none
	    acl: update
	CONF
	start knot knotd -c "$T/knot.conf"
	must wait_for 10 listening "$dns_port" # kdig alone would wait a second
	must wait_for 10 dns_is ns.example.test A 127.0.0.1
	cat >"$T/dns-set" <<-HOOK
	#!/bin/sh
	# dns-set NAME TYPE DATA; dns-set -d NAME TYPE
	{
		echo "server 127.0.0.1 $dns_port"
		echo "zone example.test."
		if [ "\$1" = -d ]; then
			echo "update delete \${2%.}. \$3"
		else
			echo "update add \${1%.}. 1 \$2 \$3"
		fi
		echo send
	} | knsupdate -v
	HOOK
	chmod 755 "$T/dns-set"
}

dns_set() {
	"$T/dns-set" "$@"
}

dns_unset() {
	"$T/dns-set" -d "$@"
}

# dns_is NAME TYPE DATA: the record is there.
dns_is() {
	kdig "@127.0.0.1" -p "$dns_port" +short +timeout=1 +retry=0 "$1" "$2" |
	    grep -Fx -e "$3"
}

acmed_options='' acmed_retry_delay=1s
start_acmed() {
	http_port=$(free_port) tls_port=$(free_port)
	acmed_dir=$T/acmed
	# shellcheck disable=SC2086 # options
	start acmed "$SRC/scripts/acmed-local" --dir "$acmed_dir" \
	    --port "$(free_port)" --http-port "$http_port" \
	    --tls-port "$tls_port" ${dns:+--resolver "$dns"} \
	    --set validate.retry_delay="$acmed_retry_delay" $acmed_options
	must wait_for 30 acmed_ready
	directory=$(acmed_said directory) ca=$(acmed_said ca)
	issuer=$(acmed_said issuer) config=$(acmed_said config)
	store=$acmed_dir/store/acmed.sqlite
}

acmed_ready() {
	grep -qx ready "$T/acmed.out" || ended "$(cat "$T/acmed.pid")"
}

acmed_said() {
	sed -n "s/^$1=//p" "$T/acmed.out" | grep . ||
	    must grep "^$1=." "$T/acmed.out"
}

# start_www: an applicant's web server on $http_port, see tests/tool/http-token;
# its folder is $www.
start_www() {
	www=$T/www
	mkdir "$www"
	start www "$TOOLS/http-token" 127.0.0.1 "$http_port" "$www"
	must wait_for 5 grep -q ready "$T/www.out"
}

# cert_is FILE NAME...: the first certificate in FILE is of our CA, not
# expired, and for exactly these names (IP:ADDRESS for addresses).  A check.
cert_is() {
	cert_file=$1
	shift
	cert_want=$(printf '%s\n' "$@" | sed '/^IP:/!s/^/DNS:/' | LC_ALL=C sort)
	cert_got=$(openssl x509 -in "$cert_file" -noout -ext subjectAltName |
	    tail -n +2 | tr -d ' ' | sed 's/IPAddress:/IP:/g' | tr ',' '\n' |
	    LC_ALL=C sort)
	if [ "$cert_got" != "$cert_want" ]; then
		echo "names: got $cert_got, want $cert_want"
		return 1
	fi
	openssl verify -purpose sslserver -x509_strict -CAfile "$issuer" \
	    -untrusted "$cert_file" "$cert_file"
}

# status_of FILE: what the store says of that certificate.
status_of() {
	status_sha=$(openssl x509 -in "$1" -outform DER | sha256sum)
	peek "SELECT status FROM certificates
	    WHERE sha256 = x'${status_sha%% *}'" 2>&1
}
