#!/bin/sh
# Goal: Debian's Caddy gets and renews certificates from acmed, by http-01 and
# by tls-alpn-01.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"

need caddy curl openssl
start_dns
start_acmed

# serve NAME OTHER: Caddy with this site, without the other challenge.
serve() {
	cat >"$T/Caddyfile" <<-CADDY
	{
		admin off
		http_port $http_port
		https_port $tls_port
		default_bind 127.0.0.1
		skip_install_trust
		storage file_system $T/caddy
	}
	$1 {
		tls {
			issuer acme {
				dir $directory
				trusted_roots $ca
				email admin@example.com
				disable_$2_challenge
			}
		}
		respond hello
	}
	CADDY
	HOME=$T XDG_CONFIG_HOME=$T XDG_DATA_HOME=$T start caddy caddy run \
	    --adapter caddyfile --config "$T/Caddyfile"
}
# says NAME: the site answers under a certificate of our CA.
says() {
	[ "$(curl -sS --cacert "$issuer" \
	    --connect-to "$1:443:127.0.0.1:$tls_port" "https://$1/")" = hello ]
}
crt() {
	find "$T/caddy" -name "$1.crt"
}

serve h.example.test tlsalpn
ok 'a site by http-01' wait_for 30 says h.example.test
ok 'its certificate is right' cert_is "$(crt h.example.test)" h.example.test
stop caddy
cp "$(crt h.example.test)" "$T/first.pem"
rm -r "$T/caddy/certificates"
serve h.example.test tlsalpn
ok 'the site anew' wait_for 30 says h.example.test
not_ok 'by another certificate' cmp "$T/first.pem" "$(crt h.example.test)"
stop caddy
serve t.example.test http
ok 'a site by tls-alpn-01' wait_for 30 says t.example.test
ok 'its certificate is right' cert_is "$(crt t.example.test)" t.example.test

done_testing
