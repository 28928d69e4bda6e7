# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the tests
# Helpers for tests of acme-validate, on top of tap.sh: a store with challenges
# in it, a DNS server (knot) and web servers on loopback.

# of the key {}: RFC 7638
THUMBPRINT=RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o
OTHER_TOKENS=0
store=$T/acmed.sqlite

# shellcheck source=tests/lib/look.sh
. "$SRC/tests/lib/look.sh"

# new_store: an empty store with one account.
new_store() {
	must "$BIN/acmed-store" init -c "$T/acmed.conf"
	must sql "INSERT INTO accounts (url_id, status, thumbprint, jwk,
	    contacts, created) VALUES ('aaaaaaaaaaaaaaaaaaaaaa', 'valid',
	    '$THUMBPRINT', '{}', '[]', 1)"
}

# configure [LINE...]: writes the configuration; each LINE is "section key =
# value" and comes after the defaults of that section.
configure() {
	{
		echo '[store]'
		echo "url = $store"
		echo '[local-ca]'
		echo "directory = $T/ca"
		echo '[server]'
		echo 'base_url = https://localhost:1'
		echo '[policy]'
		printf '%s\n' "$@" | grep -q '^policy allowed_server' ||
		    printf 'allowed_server_ip_ranges = %s\n' 127.0.0.0/8 ::1
		printf '%s\n' "$@" | sed -n 's/^policy //p'
		echo '[validate]'
		echo "socket = $T/validate.sock"
		printf '%s\n' "$@" | grep -q '^validate resolver' ||
		    echo "resolver = 127.0.0.1:$DNS_PORT"
		echo "http_port = $HTTP_PORT"
		echo "tls_port = $TLS_PORT"
		printf '%s\n' "$@" | grep -q '^validate attempts' ||
		    echo 'attempts = 1'
		printf '%s\n' "$@" | grep -q '^validate retry_delay' ||
		    echo 'retry_delay = 0s'
		printf '%s\n' "$@" | sed -n 's/^validate //p'
	} >"$T/acmed.conf"
}

# token_of NAME: the token of the challenge of that name, made of its letters.
token_of() {
	printf '%s' "$1" | tr -c 'A-Za-z0-9' _ | cut -c 1-40 |
	    awk '{ printf "%s", $0; for (i = length($0); i < 43; i++) printf "0" }'
}

# keyauth_of NAME, digest_of NAME: its key authorization, and what is in TXT.
keyauth_of() {
	printf '%s.%s' "$(token_of "$1")" "$THUMBPRINT"
}

digest_of() {
	keyauth_of "$1" | openssl dgst -sha256 -binary | base64 |
	    tr '+/' '-_' | tr -d '=\n'
}

# challenge TYPE NAME [WILDCARD]: puts a challenge that is processing, with its
# job, authorization and order, into the store.  Its id is that of the newest.
challenge() {
	case $2 in
	*:* | [0-9]*.[0-9]*.[0-9]*.[0-9]*) kind=ip ;;
	*) kind=dns ;;
	esac
	must sql "BEGIN IMMEDIATE;
	    INSERT INTO orders (url_id, account_id, status, created, expires,
	    keep_until) VALUES (lower(hex(randomblob(11))), 1, 'pending', 1,
	    99999999999, 99999999999);
	    INSERT INTO authorizations (url_id, account_id, status, type, value,
	    wildcard, created, expires) VALUES (lower(hex(randomblob(11))), 1,
	    'pending', '$kind', '$2', ${3:-0}, 1, 99999999999);
	    INSERT INTO identifiers VALUES ((SELECT max(id) FROM orders), 0,
	    '$kind', '$2', (SELECT max(id) FROM authorizations));
	    INSERT INTO challenges (authorization_id, type, status, token)
	    VALUES ((SELECT max(id) FROM authorizations), '$1', 'processing',
	    '$(token_of "$2")');
	    INSERT INTO jobs (kind, object_id, attempts, due, request_id) VALUES
	    ('validate', (SELECT max(id) FROM challenges), 0, 0, '');
	    COMMIT"
}

# result NAME [TYPE]: "status authorization order" of its newest challenge.
result() {
	sql "SELECT c.status || ' ' || a.status || ' ' || o.status
	    FROM challenges c JOIN authorizations a ON a.id = c.authorization_id
	    JOIN identifiers i ON i.authorization_id = a.id
	    JOIN orders o ON o.id = order_id
	    WHERE a.value = '$1' AND c.type LIKE '${2:-%}'
	    ORDER BY c.id DESC LIMIT 1"
}

# error_of NAME, address_of NAME: the problem document, what was connected to.
error_of() {
	sql "SELECT coalesce(error, '') FROM challenges c JOIN authorizations a
	    ON a.id = c.authorization_id WHERE value = '$1'
	    ORDER BY c.id DESC LIMIT 1"
}

address_of() {
	sql "SELECT coalesce(address, '') FROM challenges c JOIN authorizations
	    a ON a.id = c.authorization_id WHERE value = '$1'
	    ORDER BY c.id DESC LIMIT 1"
}

# sweep: one run over what is due; sets $status, $out, $err.
sweep() {
	run "$BIN/acme-validate" -c "$T/acmed.conf" sweep
}

# good NAME WHY: the challenge has ended well.  bad NAME TYPE ERE WHY: badly,
# with that ACME type and a detail that matches.
good() {
	is "$(result "$1")" 'valid valid ready' "$2"
}

bad() {
	bad_got=$(result "$1")
	bad_error=$(error_of "$1")
	if [ "$bad_got" = 'invalid invalid invalid' ] &&
	    printf '%s\n' "$bad_error" | grep -q "acme:error:$2\"" &&
	    printf '%s\n' "$bad_error" | grep -Eq -e "$3"; then
		pass "$4"
	else
		fail "$4"
		diag "got:  $bad_got $bad_error"
		diag "want: invalid, $2, /$3/"
	fi
}

# start_knot: serves the zone files $T/dns/ZONE.zone, all of them, on DNS_PORT.
start_knot() {
	mkdir -p "$T/dns/run" "$T/dns/db"
	{
		echo 'server:'
		echo "    rundir: \"$T/dns/run\""
		echo "    listen: 127.0.0.1@$DNS_PORT"
		echo '    udp-max-payload: 1232'
		echo 'control:'
		echo "    listen: $T/dns/knot.sock"
		echo 'log:'
		echo '  - target: stderr'
		echo '    any: warning'
		echo 'database:'
		echo "    storage: \"$T/dns/db\""
		echo 'template:'
		echo '  - id: default'
		echo "    storage: \"$T/dns\""
		echo '    file: "%s.zone"'
		echo '    semantic-checks: off'
		echo '    zonefile-sync: -1'
		echo '    zonefile-load: whole'
		echo '    journal-content: none'
		echo 'zone:'
		for zone in "$T"/dns/*.zone; do
			zone=${zone##*/}
			echo "  - domain: ${zone%.zone}"
		done
	} >"$T/dns/knot.conf"
	start knotd knotd -c "$T/dns/knot.conf"
	wait_for 20 knot_is_ready || exit 1
}

knot_is_ready() {
	knotc -s "$T/dns/knot.sock" zone-status | grep -q 'serial: [0-9]'
}

# zone NAME: makes a zone of what stands on stdin, below SOA and NS.
zone() {
	mkdir -p "$T/dns"
	{
		echo "\$ORIGIN $1."
		echo "\$TTL 60"
		echo "@ SOA ns.$1. admin.$1. $(date +%s) 3600 600 86400 60"
		echo '@ NS ns'
		echo 'ns A 127.0.0.1'
		cat
	} >"$T/dns/$1.zone"
}

# reload_zones: after a zone file has changed.
reload_zones() {
	must knotc -s "$T/dns/knot.sock" -b zone-reload
}

# start_web ADDRESS...: a server of the answers in $T/www.
start_web() {
	mkdir -p "$T/www"
	printf '%s' "$THUMBPRINT" >"$T/www/thumbprint"
	start web "$SRC/tests/lib/http-raw" "$T/www" "$HTTP_PORT" "$@"
	wait_for 20 grep -q ready "$T/web.out" || exit 1
}

# answer HOST: what stands on stdin is what the web server says for HOST; line
# ends become CR LF up to the first empty line.
answer() {
	mkdir -p "$T/www"
	awk '!body && /^(slow|endless|silent)$/ { print; next }
	    !body { printf "%s\r\n", $0; if ($0 == "") body = 1; next }
	    { printf "%s%s", nl, $0; nl = "\n" }' >"$T/www/$1"
}

# answer_ok HOST: the right answer.
answer_ok() {
	answer "$1" <<'END'
HTTP/1.1 200 OK

@KEYAUTH@
END
}

# asked HOST: how often the web server was asked for it.
asked() {
	grep -c "^[^ ]* $1 " "$T/www/log" 2>/dev/null
}
