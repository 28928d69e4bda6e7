#!/bin/sh
# Goal: acme-order meets every type of challenge in every way for every kind of
# identifier that it is for, at pebble and at our own server, with real looks of
# both sides, and leaves nothing in place; what cannot be is refused with a
# sentence, and the CA is not asked.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
need nginx nsupdate openssl perl socat

start_dns
start_pebble
start_acmed

# Both CAs look at the same ports.
stop pebble
pebble_http_port=$http_port pebble_tls_port=$tls_port
start_pebble
order_up
account ca add acmed "$directory" --trust "$ca"
exits 0 'our own server is a CA, too'
account register --ca acmed --agree-terms --default
exits 0 '... with an account'
prechecks on http_port="$http_port" tls_port="$tls_port" resolver="$dns"
# Whose name servers are asked is in 0675; here they only could be waited for.
must dns_set example.test NS none.invalid.
must "$T/dns-set" -d example.test 'NS ns.example.test.'

# ---- the ways --------------------------------------------------------------------

mkdir "$T/certificates" "$T/lines"
cat >"$T/hook" <<-END
	#!/bin/sh
	case \$1 in
	present) exec "$T/dns-set" "\$3" TXT "\$4" ;;
	*) exec "$T/dns-set" -d "\$3" "TXT \$4" ;;
	esac
END
cat >"$T/line" <<-END
	#!/bin/sh
	while read -r verb name fqdn value; do
		"$T/hook" "\$verb" "\$name" "\$fqdn" "\$value" >&2 && echo ok ||
		    echo error it does not work
	done
END
cat >"$T/gateway" <<-END
	#!/bin/sh
	# Shakes hands with the certificate that is in the directory.
	server=
	trap 'kill \$server; exit' TERM
	while :; do
		for file in "$T/certificates"/*.pem; do
			[ -e "\$file" ] || continue
			openssl s_server -accept $tls_port -alpn acme-tls/1 -quiet \\
			    -cert "\$file" -key "\$file" </dev/zero &
			server=\$!
			while [ -e "\$file" ]; do sleep 0.1; done
			kill \$server
			wait
		done
		sleep 0.1
	done
END
chmod 755 "$T/hook" "$T/line" "$T/gateway"
cat >"$T/updates" <<-END
	[rfc2136]
	server = 127.0.0.1
	port = $dns_port
	zone = example.test
	ttl = 1
END
cat >"$T/nginx.conf" <<-END
	user root;
	daemon off;
	pid $T/nginx.pid;
	error_log stderr;
	events { }
	http {
		access_log off;
		server {
			listen 127.0.0.1:$http_port;
			listen [::1]:$http_port;
			root $T/www;
		}
	}
END
acme_dns_port=$(free_port)

# begin WAY: who answers for it, if that is not acme-order; sets $solver.
begin() {
	case $1 in
	answer)
		start answerer socat \
		    "TCP6-LISTEN:$http_port,ipv6only=0,reuseaddr,fork" \
		    "EXEC:$BIN/acmed-challenge -c $client"
		must wait_for 5 listening "$http_port"
		solver=answer
		;;
	webroot)
		mkdir -p "$T/www"
		start answerer nginx -c "$T/nginx.conf"
		must wait_for 5 listening "$http_port"
		solver=webroot:$T/www
		;;
	listen) solver=listen:$http_port ;;
	alpn-dir)
		start answerer "$T/gateway"
		solver=alpn-dir:$T/certificates
		;;
	alpn-listen) solver=alpn-listen:$tls_port ;;
	hook) solver=hook:$T/hook ;;
	hook-line) solver=hook-line:$T/line ;;
	rfc2136) solver=rfc2136:$T/updates ;;
	acme-dns)
		start answerer "$SRC/tests/lib/acme-dns" "$acme_dns_port" "$T" \
		    auth.example.test
		must wait_for 5 listening "$acme_dns_port"
		solver=acme-dns:http://127.0.0.1:$acme_dns_port
		;;
	esac
}
end() {
	case $1 in
	answer | webroot | alpn-dir | acme-dns) stop answerer ;;
	esac
}
# Whatever a way puts in place; acme-dns keeps its last texts.
in_place() {
	sql 'SELECT token FROM challenge_answers'
	find "$T/www" "$T/certificates" -type f 2>/dev/null
	[ "$way" = acme-dns ] || kdig @127.0.0.1 -p "$dns_port" +short TXT "_acme-challenge.$base"
	sql "SELECT id FROM upstream_challenges WHERE place <> 'none'"
}

# ---- the table -------------------------------------------------------------------

http='http-01' tls='tls-alpn-01' dns01='dns-01'
cat >"$T/table" <<END
answer      $http  name wildcard ipv4 ipv6
webroot     $http  name wildcard ipv4 ipv6
listen      $http  name wildcard ipv4 ipv6
alpn-dir    $tls   name wildcard ipv4 ipv6
alpn-listen $tls   name wildcard ipv4 ipv6
hook        $dns01 name wildcard ipv4 ipv6
hook-line   $dns01 name wildcard ipv4 ipv6
rfc2136     $dns01 name wildcard ipv4 ipv6
acme-dns    $dns01 name wildcard ipv4 ipv6
END

# can TYPE KIND: RFC 8555 8.3, 8.4, RFC 8737, RFC 8738.
can() {
	case $1:$2 in
	dns-01:ip* | http-01:wildcard | tls-alpn-01:wildcard) return 1 ;;
	esac
}
is_valid() {
	order run --ca "$1" --challenge "$solver" "$2"
	is "$status $(field status)" '0 valid' "$1: $way for $2"
	[ "$status" -eq 0 ] || diag "$err"
	is "$(in_place)" '' '... and nothing is left'
}
is_refused() {
	before=$(asked 1=1)
	order run --ca "$1" --challenge "$solver" "$2"
	is "$status" 1 "$1: no $way for $2"
	case $2 in
	\**) like "$err" "^acme-order: \*\.$base: .* dns-01, as for all wildcards\$" \
	    '... which is said' ;;
	*) like "$err" "^acme-order: $2: .* http-01 or tls-alpn-01, as for all addresses\$" \
	    '... which is said' ;;
	esac
	is "$(asked 1=1)" "$before" '... and the CA is not asked'
}
# meet TYPE KIND: by $way.
meet() {
	base=$way.example.test
	case $2 in
	name) name=$base ;;
	wildcard) name="*.$base" ;;
	ipv4) name=127.0.0.1 ;;
	ipv6) name=::1 ;;
	esac
	for ca_name in pebble acmed; do
		if can "$1" "$2"; then
			is_valid $ca_name "$name"
		else
			is_refused $ca_name "$name"
		fi
	done
}

while read -r way type kinds; do
	begin "$way"
	if [ "$way" = acme-dns ]; then
		order run --ca pebble --challenge "$solver" acme-dns.example.test
		like "$err" 'is not yet a CNAME to sub-1\.auth\.example\.test: make it' \
		    'acme-dns: which CNAME is to be made'
		must dns_set _acme-challenge.acme-dns.example.test CNAME \
		    sub-1.auth.example.test.
	fi
	for kind in $kinds; do
		meet "$type" "$kind"
	done
	end "$way"
done <"$T/table"

# ---- beside the table ------------------------------------------------------------

base=v6.example.test
must dns_set v6.example.test AAAA ::1
for way in listen alpn-listen; do
	begin $way
	is_valid pebble v6.example.test
done
begin hook
base=both.example.test
order run --ca pebble --challenge "$solver" '*.both.example.test' \
    both.example.test
is "$status $(field status)" '0 valid' 'a wildcard and its name: two records of one'
is "$(in_place)" '' '... and nothing is left'
done_testing
