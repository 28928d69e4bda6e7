#!/bin/sh
# Goal: gateways serve from the trees of cert-export what they should, by name,
# and a renewed certificate when it has come; keystores open in Java.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
skip_unless_has openssl sqlite3

make_export_store
enter a DNS:a.example
enter b 'DNS:b.example,DNS:www.b.example'
enter w DNS:*.w.example

# served PORT NAME: the certificate that is shown for it, as PEM.
served() {
	openssl s_client -connect "127.0.0.1:$1" -servername "$2" \
	    </dev/null 2>/dev/null | openssl x509 2>/dev/null
}
leaf() {
	openssl x509 -in "$T/$1.crt"
}
# serves PORT: each name with its certificate.
serves() {
	is "$(served "$1" a.example)" "$(leaf a)" '... one name'
	is "$(served "$1" b.example)" "$(leaf b)" '... a certificate of two'
	is "$(served "$1" www.b.example)" "$(leaf b)" '... by the other name'
	is "$(served "$1" x.w.example)" "$(leaf w)" '... a wildcard'
}

if command -v haproxy >/dev/null; then
	must "$BIN/cert-export" --tree haproxy "$T/haproxy"
	port=$(free_port)
	cat >"$T/haproxy.cfg" <<-END
		global
			stats socket $T/haproxy.sock
		defaults
			mode http
			timeout client 10s
			timeout connect 10s
			timeout server 10s
		frontend tls
			bind 127.0.0.1:$port ssl crt-list $T/haproxy/crt-list
			http-request return status 200
	END
	start haproxy haproxy -W -f "$T/haproxy.cfg"
	ok 'haproxy starts' wait_for 10 listening "$port"
	serves "$port"
	sign a
	must "$BIN/cert-export" --tree haproxy "$T/haproxy"
	kill -USR2 "$(cat "$T/haproxy.pid")"
	renewed() {
		[ "$(served "$port" a.example)" = "$(leaf a)" ]
	}
	ok 'haproxy has the renewed one when it reloads' wait_for 10 renewed
	stop haproxy
	cat >"$T/directory.cfg" <<-END
		frontend tls
			mode http
			timeout client 10s
			bind 127.0.0.1:$port ssl crt $T/haproxy/certs
	END
	run haproxy -c -f "$T/directory.cfg"
	exits 0 'haproxy takes the directory as well'
else
	skip 7 'needs haproxy'
fi

if command -v nginx >/dev/null; then
	must "$BIN/cert-export" --tree nginx "$T/nginx"
	port=$(free_port)
	mkdir "$T/logs"
	cat >"$T/nginx.conf" <<-END
		daemon off;
		$([ "$(id -u)" -ne 0 ] || echo user root\;)
		pid $T/nginx-pid;
		error_log $T/logs/error.log;
		events { }
		http {
			access_log off;
			client_body_temp_path $T/logs/1;
			proxy_temp_path $T/logs/2;
			fastcgi_temp_path $T/logs/3;
			uwsgi_temp_path $T/logs/4;
			scgi_temp_path $T/logs/5;
			map \$ssl_server_name \$acmed_name {
				hostnames;
				default \$ssl_server_name;
				include $T/nginx/wildcards.map;
			}
			server {
				listen 127.0.0.1:$port ssl;
				ssl_certificate $T/nginx/\$acmed_name.pem;
				ssl_certificate_key $T/nginx/\$acmed_name.pem;
			}
		}
	END
	start nginx nginx -p "$T" -e "$T/logs/error.log" -c "$T/nginx.conf"
	ok 'nginx starts' wait_for 10 listening "$port"
	serves "$port"
	sign a
	must "$BIN/cert-export" --tree nginx "$T/nginx"
	is "$(served "$port" a.example)" "$(leaf a)" \
	    'nginx has the renewed one at once'
	is "$(served "$port" nosuch.example)" '' 'nginx has nothing for others'
	stop nginx
else
	skip 7 'needs nginx'
fi

if command -v keytool >/dev/null; then
	echo secret >"$T/secret"
	for style in '' --legacy; do
		must "$BIN/cert-export" --p12 $style --password-fd 3 \
		    -o "$T/keystore.p12" a.example 3<"$T/secret"
		run keytool -list -v -keystore "$T/keystore.p12" \
		    -storepass secret
		exits 0 "keytool opens it ${style:-as it is}"
		like "$out" 'Alias name: a.example' '... by its name'
		like "$out" 'PrivateKeyEntry' '... with the key'
		like "$out" 'chain length: 2' '... and the chain'
	done
else
	skip 8 'needs keytool'
fi

done_testing
