#!/bin/sh
# Goal: Debian's certbot gets, renews and revokes certificates from acmed.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"

need certbot openssl sqlite3
start_dns
start_acmed

certbot() {
	REQUESTS_CA_BUNDLE=$ca command certbot "$@" --server "$directory" \
	    --config-dir "$T/config" --work-dir "$T/work" \
	    --logs-dir "$T/logs" --non-interactive
}
live=$T/config/live

ok register certbot register --agree-tos -m admin@example.com
ok 'issue by http-01' certbot certonly --standalone \
    --http-01-port "$http_port" --http-01-address 127.0.0.1 \
    -d a.example.test -d b.example.test
ok 'the certificate is right' cert_is "$live/a.example.test/fullchain.pem" \
    a.example.test b.example.test
cp "$live/a.example.test/cert.pem" "$T/first.pem"
ok renew certbot renew --force-renewal --no-random-sleep-on-renew
ok 'the renewed certificate is right' \
    cert_is "$live/a.example.test/fullchain.pem" a.example.test b.example.test
not_ok 'and another one' cmp "$T/first.pem" "$live/a.example.test/cert.pem"
ok 'a rehearsal' certbot renew --dry-run --no-random-sleep-on-renew
ok 'account update' certbot update_account -m other@example.com
ok 'account show' certbot show_account

cat >"$T/auth" <<EOF
#!/bin/sh
exec "$T/dns-set" "_acme-challenge.\$CERTBOT_DOMAIN" TXT "\$CERTBOT_VALIDATION"
EOF
cat >"$T/clean" <<EOF
#!/bin/sh
exec "$T/dns-set" -d "_acme-challenge.\$CERTBOT_DOMAIN" TXT
EOF
chmod 755 "$T/auth" "$T/clean"
ok 'issue a wildcard by dns-01' certbot certonly --manual \
    --preferred-challenges dns --manual-auth-hook "$T/auth" \
    --manual-cleanup-hook "$T/clean" -d '*.w.example.test' -d w.example.test
ok 'the wildcard certificate is right' \
    cert_is "$live/w.example.test/fullchain.pem" '*.w.example.test' \
    w.example.test

ok 'revoke by the account' certbot revoke --cert-path "$T/first.pem" \
    --no-delete-after-revoke
is "$(status_of "$T/first.pem")" revoked 'it is revoked'
is "$(status_of "$live/w.example.test/cert.pem")" valid 'the other is not'
cp "$live/w.example.test/cert.pem" "$T/w.pem"
cp "$live/w.example.test/privkey.pem" "$T/w.key"
ok 'revoke by the key of the certificate' certbot revoke \
    --cert-path "$T/w.pem" --key-path "$T/w.key" --reason keycompromise \
    --no-delete-after-revoke
is "$(status_of "$T/w.pem")" revoked 'it is revoked, too'
ok unregister certbot unregister
not_ok 'no certificate after that' certbot certonly --standalone \
    --http-01-port "$http_port" -d c.example.test

done_testing
