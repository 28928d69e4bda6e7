# shellcheck shell=sh
# shellcheck disable=SC2154 # T
# For tests with Debian's nginx; after tap.sh,
#
#	. "$SRC/tests/lib/nginx.sh"
#	start_nginx NAME <<END
#	server { ... }
#	END
#
# runs one with this in its http block, until the test ends; what was asked of
# it is in $T/NAME/asked, a line "STATUS USER REQUEST" each, its errors in
# $T/NAME/errors.  nginx_main is what stands in front of the http block,
# nginx_http what stands in it before, nginx_user who its workers are.

# As root, its workers are root too: the test's folder is for nobody else.
start_nginx() {
	skip_unless_has nginx
	mkdir -p "$T/$1"
	rm -f "$T/$1/nginx.pid"
	{
		[ "$(id -u)" -ne 0 ] || echo "user ${nginx_user:-root};"
		cat <<-END
			daemon off;
			pid $T/$1/nginx.pid;
			error_log $T/$1/errors info;
			${nginx_main:-}
			events { worker_connections 1024; }
			http {
			log_format asked '\$status \$remote_user \$request';
			access_log $T/$1/asked asked;
			client_body_temp_path $T/$1/body;
			proxy_temp_path $T/$1/proxy;
			fastcgi_temp_path $T/$1/fastcgi;
			uwsgi_temp_path $T/$1/uwsgi;
			scgi_temp_path $T/$1/scgi;
			${nginx_http:-}
		END
		cat
		echo '}'
	} >"$T/$1/nginx.conf"
	start "$1" nginx -p "$T/$1" -e "$T/$1/errors" -c "$T/$1/nginx.conf"
	must wait_for 30 nginx_ready "$1"
}

nginx_ready() {
	ended "$(cat "$T/$1.pid")" && return 1
	[ -s "$T/$1/nginx.pid" ]
}

# asked NAME: the requests since the last time.
asked() {
	cat "$T/$1/asked"
	: >"$T/$1/asked"
}

# make_ca NAME, make_leaf CA NAME SAN: $T/NAME.crt and .key, for 127.0.0.1.
make_ca() {
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj "/CN=$1" -days 9 -keyout "$T/$1.key" -out "$T/$1.crt"
}

make_leaf() {
	must openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj "/CN=$2" -keyout "$T/$2.key" -out "$T/$2.csr"
	printf 'subjectAltName = %s\n' "$3" >"$T/$2.ext"
	must openssl x509 -req -in "$T/$2.csr" -CA "$T/$1.crt" \
	    -CAkey "$T/$1.key" -days 9 -extfile "$T/$2.ext" -out "$T/$2.crt"
}
