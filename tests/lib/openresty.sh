# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # nginx_main, nginx_http; T, SRC
# For tests of scripts/openresty, after nginx.sh:
#
#	. "$SRC/tests/lib/openresty.sh"
#	start_openresty SETUP [EXTRA]
#
# runs nginx with the module as `gateway`, TLS on $tls_port and its cache on
# $cache_port; SETUP stands in the braces of setup, EXTRA in the http block.

start_openresty() {
	openresty_setup=$(printf '%s' "$1" | tr '\n' ' ')
	[ -e /usr/lib/nginx/modules/ngx_http_lua_module.so ] ||
		skip_all 'needs libnginx-mod-http-lua'
	tls_port=${tls_port:-$(free_port)}
	cache_port=${cache_port:-$(free_port)}
	[ -e "$T/default.crt" ] || make_ca default
	nginx_main="load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
worker_processes 2;"
	nginx_http="lua_package_path \"$SRC/scripts/openresty/?.lua;;\";
lua_shared_dict acmed_certificates 16m;
lua_shared_dict acmed_misses 1m;
init_by_lua_block { require('acmed').setup { $openresty_setup } }"
	start_nginx gateway <<END
${2:-}
server {
	listen 127.0.0.1:$tls_port ssl;
	ssl_certificate $T/default.crt;
	ssl_certificate_key $T/default.key;
	ssl_certificate_by_lua_block { require('acmed').certificate() }
	location / { return 200 "served\n"; }
}
server {
	listen 127.0.0.1:$cache_port;
	location /.peter_sslers/nginx/shared_cache/expire/ {
		content_by_lua_block { require('acmed').expire() }
	}
	location = /.peter_sslers/nginx/shared_cache/status {
		content_by_lua_block { require('acmed').status() }
	}
}
END
}

# shown NAME [OPTION]...: the certificates that a client sees, in $T/shown, and
# the digest of the first; nothing when the handshake fails.
shown() {
	shown_name=$1
	shift
	openssl s_client -connect "127.0.0.1:$tls_port" \
	    -servername "$shown_name" -showcerts "$@" \
	    </dev/null >"$T/shown" 2>"$T/shown.err" || return 0
	openssl x509 -in "$T/shown" -noout -fingerprint -sha256
}

# digest FILE: as shown prints it.
digest() {
	openssl x509 -in "$1" -noout -fingerprint -sha256
}

# cache status|expire/all|expire/domain/NAME: what it answers.
cache() {
	curl -s -m 10 "http://127.0.0.1:$cache_port/.peter_sslers/nginx/shared_cache/$1"
}
