#!/bin/sh
# Goal: acmed-store may be killed at every system call that writes; run again it
# does what it was asked for, and leaves nothing lying about.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"

faults_up "server tls_certificate = $T/round/tls.crt" \
    "server tls_private_key = $T/round/tls.key"
supervise sign "$BIN/acme-sign" -c "$config" serve
must wait_for 10 test -S "$T/sign.sock"
mkdir "$T/empty"

# again COMMAND...: killed, then not killed.
again() {
	under "$BIN/acmed-store" -q -c "$config" "$@" 2>/dev/null
	said=$("$BIN/acmed-store" -q -c "$config" "$@" 2>&1) || return 1
	said=$("$BIN/acmed-store" check -c "$config" 2>&1) || return 1
	left=$(find "$R" -mindepth 1 -printf '%f\n' | grep -vx -e 'acmed\.sqlite.*' -e 'tls\.key' \
	    -e 'tls\.crt' -e 'tls\.crt\.lock' -e copy)
	said=${left:+left over: $left}
	[ -z "$left" ]
}

# init leaves a store, a CA and a certificate, or what the next can complete.
init() {
	rm -rf "$T/ca"
	again init && openssl verify -CAfile "$T/ca/root.crt" -untrusted \
	    "$R/tls.crt" "$R/tls.crt" >/dev/null
}
FROM=$T/empty until_done 'init' acmed-store before init
FROM=$T/empty STEP=3 until_done 'init, half way' acmed-store half init
rm -rf "$T/ca" "$R"
must "$BIN/acmed-store" init -c "$config"
rm -rf "$T/template"
mv "$R" "$T/template"

# A store with orders to purge.
fresh_round
must sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
    WHERE i < 300) INSERT INTO orders (url_id, account_id, status, created,
    expires, keep_until) SELECT 'order' || i, 1, 'pending', 1, 2, 2 FROM n;
    INSERT INTO accounts (id, url_id, status,
    thumbprint, jwk, contacts, terms_agreed_at, created) VALUES (1, 'a', 'valid',
    'RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o', '{}', '[]', NULL, 1);
    INSERT INTO authorizations SELECT id, 'a' || id, 1, 'pending', 'dns',
    'x.test', 0, 1, 2 FROM orders;
    INSERT INTO challenges (authorization_id, type, status, token)
    SELECT id, 'http-01', 'pending', 't' || id FROM authorizations;
    INSERT INTO identifiers SELECT id, 0, 'dns', 'x.test', id FROM orders"
rm -rf "$T/many"
mv "$R" "$T/many"
purge() {
	again purge &&
	    said="$(sql "SELECT count(*) FROM orders WHERE status =
	        'pending'") orders stay" && [ "${said%% *}" -eq 0 ]
}
FROM=$T/many STEP=7 until_done 'purge' acmed-store before purge

backup() {
	under "$BIN/acmed-store" -c "$config" backup "$R/copy" 2>/dev/null
	[ -e "$R/copy" ] ||
	    said=$("$BIN/acmed-store" -c "$config" backup "$R/copy" 2>&1) ||
	    return 1
	said=$(find "$R" -name 'copy.*')
	[ -z "$said" ] || return 1
	said=$("$BIN/acmed-store" check -c "$config" -s "$R/copy" 2>&1)
}
until_done 'backup' acmed-store before backup

renew() {
	rm -f "$R/tls.crt"
	again tls-renew
}
until_done 'tls-renew' acmed-store before renew

issued 30 "$T/few"
FROM=$T/few until_done 'renew-now' acmed-store before renew_now
issued 4500 "$T/thousands"
FROM=$T/thousands STEP=61 until_done 'renew-now, several transactions' \
    acmed-store before renew_now

crl() {
	under "$BIN/acme-sign" -c "$config" crl 2>/dev/null
	said=$("$BIN/acme-sign" -c "$config" crl 2>&1) &&
	    openssl crl -inform DER -in "$T/ca/crl.der" -noout &&
	    left=$(find "$T/ca" -name 'crl.der.*' ! -name crl.der.lock)
	said=${left:+left over: $left}
	[ -z "$left" ]
}
until_done 'crl' acme-sign before crl
done_testing
