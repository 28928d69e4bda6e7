# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables for the test, and of order.sh
# For tests of acmed-admin, after tap.sh and store.sh.

admin=http://localhost/.well-known/admin

# admin_serve [section.key=value...]: on the unix socket $T/admin.sock, a process
# for each connection, and on 127.0.0.1, port $admin_port, workers.
admin_serve() {
	"$SRC/scripts/lib/conf-set" admin.linger=0s "$@" <"$ACMED_CONFIG" \
	    >"$T/admin.conf"
	rm -f "$T/admin.sock"
	start admin-unix socat "UNIX-LISTEN:$T/admin.sock,fork,mode=666" \
	    "EXEC:$BIN/acmed-admin -c $T/admin.conf,nofork"
	start admin "$SRC/scripts/lib/listen" -1 127.0.0.1 0 \
	    "$BIN/acmed-admin" -c "$T/admin.conf"
	must wait_for 10 grep -q . "$T/admin.out"
	must wait_for 10 test -S "$T/admin.sock"
	admin_port=$(cat "$T/admin.out")
}

# admin_token SCOPES...: a new one for each, in $T/token.SCOPES as curl -H @FILE
# has it.
admin_token() {
	for admin_scopes; do
		printf 'Authorization: Bearer %s\n' "$("$BIN/acmed-admin" token \
		    add --scopes "$admin_scopes" --no-header | cut -f2)" \
		    >"$T/token.$admin_scopes"
	done
}

# ask PATH [CURL-OPTION...]: by the unix socket; sets $code, and the answer is
# $body, also in $T/body, its head in $T/head.  ask_tcp: by 127.0.0.1.
ask() {
	ask_path=$1
	shift
	ask_curl --unix-socket "$T/admin.sock" "$@" "$admin$ask_path"
}
ask_tcp() {
	ask_path=$1
	shift
	ask_curl "$@" "http://127.0.0.1:$admin_port/.well-known/admin$ask_path"
}
ask_curl() {
	: >"$T/body"
	code=$(curl -s -m 70 --path-as-is --noproxy '*' -o "$T/body" \
	    -D "$T/head" -w '%{http_code}' "$@")
	body=$(tr -d '\0' <"$T/body")
}

# header NAME: of the last answer.
header() {
	tr -d '\r' <"$T/head" | sed -n "s/^$1: //ip"
}

# answers CODE NAME: that of the last answer.
answers() {
	is "$code" "$1" "$2"
	[ "$code" = "$1" ] || diag "$body"
}

# admin_order_up [section.key=value...]: after order.sh, for a client whose CA
# finds every challenge valid.  Who does the work there is started by work_serve.
admin_order_up() {
	order_up_valid
	ACMED_CONFIG=$client
	export ACMED_CONFIG
	admin_serve "admin.work_socket=$T/work.sock" "$@"
}

# autocert NAME [CURL-OPTION...]: with the token of read+keys+order.
autocert() {
	autocert_name=$1
	shift
	ask /api/domain/autocert.json -H "@$T/token.read+keys+order" \
	    -d "domain_name=$autocert_name" "$@"
}

# work_serve [OPTION...]: the work service on $T/work.sock, a process for each
# connection; of $work_bin, with the programs beside it.
work_serve() {
	"$SRC/scripts/lib/conf-set" "admin.work_socket=$T/work.sock" \
	    <"$ACMED_CONFIG" >"$T/work.conf"
	rm -f "$T/work.sock"
	start work socat "UNIX-LISTEN:$T/work.sock,fork,mode=666" \
	    "EXEC:${work_bin:-$BIN}/acmed-admin work -c $T/work.conf${*:+ $*},nofork"
	must wait_for 10 test -S "$T/work.sock"
}

# work REQUEST: what it replies, in $T/reply, of which the first line is $head.
work() {
	printf '%b' "$1" | socat -t 60 -T 60 - "UNIX-CONNECT:$T/work.sock" \
	    >"$T/reply"
	head=$(head -n 1 "$T/reply" | tr -d '\0')
}
