#!/bin/sh
# Goal: Debian's lego and certbot register at a server that demands external
# account binding, and get certificates.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"

need lego certbot openssl sqlite3
start_dns
acmed_options='--set server.external_account_binding=required'
start_acmed

# key OPTION...: a new key; sets $kid and $secret.
key() {
	"$BIN/acmed-eab" -c "$config" add --no-header "$@" >"$T/key" ||
	    must false 'acmed-eab add'
	kid=$(cut -f1 "$T/key") secret=$(cut -f2 "$T/key")
}

# bound: how many accounts there are with a binding to $kid.
bound() {
	"$BIN/acmed-eab" -c "$config" list --no-header | grep "^$kid" | cut -f4
}

lego() {
	lego_path=$1
	shift
	LEGO_CA_CERTIFICATES=$ca command lego --server "$directory" \
	    --path "$T/$lego_path" --accept-tos --email admin@example.com \
	    --http --http.port "127.0.0.1:$http_port" -d a.example.test "$@"
}
key --uses 1
not_ok 'lego without a key gets no account' lego none run
ok 'lego with a key gets a certificate' lego one --eab --kid "$kid" \
    --hmac "$secret" run
ok '... which is right' cert_is "$T/one/certificates/a.example.test.crt" \
    a.example.test
is "$(bound)" 1 '... and its account is bound'
ok 'lego renews with the account that it has' lego one --eab --kid "$kid" \
    --hmac "$secret" renew --days 9999 --no-random-sleep
not_ok 'lego with a key that is used up gets none' lego two --eab \
    --kid "$kid" --hmac "$secret" run
key
not_ok 'lego with the secret of another key gets none' lego two --eab \
    --kid "$kid" --hmac "$(printf %086d 0 | tr 0 B)" run

certbot() {
	REQUESTS_CA_BUNDLE=$ca command certbot "$@" --server "$directory" \
	    --config-dir "$T/config" --work-dir "$T/work" \
	    --logs-dir "$T/logs" --non-interactive
}
not_ok 'certbot without a key gets no account' certbot register --agree-tos \
    -m admin@example.com
ok 'certbot with a key registers' certbot register --agree-tos \
    -m admin@example.com --eab-kid "$kid" --eab-hmac-key "$secret"
is "$(bound)" 1 '... and its account is bound'
ok 'certbot gets a certificate' certbot certonly --standalone \
    --http-01-port "$http_port" --http-01-address 127.0.0.1 -d b.example.test
ok '... which is right' cert_is \
    "$T/config/live/b.example.test/fullchain.pem" b.example.test
ok 'certbot updates the account' certbot update_account -m other@example.com

must "$BIN/acmed-eab" -c "$config" revoke "$kid"
ok 'the account stays when its key is revoked' certbot renew --force-renewal \
    --no-random-sleep-on-renew
ok 'certbot unregisters' certbot unregister
not_ok 'and does not come back with that key' certbot register --agree-tos \
    -m admin@example.com --eab-kid "$kid" --eab-hmac-key "$secret"

done_testing
