#!/bin/sh
# Goal: Debian's dehydrated gets, renews and revokes certificates from acmed.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"

need dehydrated openssl sqlite3
start_dns
start_acmed
start_www

mkdir "$T/d"
cat >"$T/d/config" <<EOF
CA="$directory"
BASEDIR="$T/d"
WELLKNOWN="$www"
CURL_OPTS="--cacert $ca"
CONTACT_EMAIL=admin@example.com
KEY_ALGO=prime256v1
ACCOUNT_KEYSIZE=2048
EOF
cat >"$T/d/hook" <<EOF
#!/bin/sh
# deploy_challenge|clean_challenge DOMAIN TOKEN VALUE
case \$1 in
deploy_challenge) exec "$T/dns-set" "_acme-challenge.\$2" TXT "\$4" ;;
clean_challenge) exec "$T/dns-set" -d "_acme-challenge.\$2" TXT ;;
esac
EOF
chmod 755 "$T/d/hook"
dehydrated() {
	command dehydrated "$@" --config "$T/d/config"
}
certs=$T/d/certs

ok register dehydrated --register --accept-terms
ok 'issue by http-01' dehydrated --cron -d a.example.test -d b.example.test
ok 'the certificate is right' cert_is "$certs/a.example.test/fullchain.pem" \
    a.example.test b.example.test
cp "$certs/a.example.test/cert.pem" "$T/first.pem"
ok renew dehydrated --cron --force -d a.example.test -d b.example.test
ok 'the renewed certificate is right' \
    cert_is "$certs/a.example.test/fullchain.pem" a.example.test b.example.test
not_ok 'and another one' cmp "$T/first.pem" "$certs/a.example.test/cert.pem"
ok 'issue a wildcard by dns-01' dehydrated --cron -t dns-01 -k "$T/d/hook" \
    -d '*.w.example.test' --alias w
ok 'the wildcard certificate is right' cert_is "$certs/w/fullchain.pem" \
    '*.w.example.test'
cp "$T/first.pem" "$T/revoke.pem"
ok revoke dehydrated --revoke "$T/revoke.pem"
is "$(status_of "$T/first.pem")" revoked 'it is revoked'
is "$(status_of "$certs/w/cert.pem")" valid 'the other is not'
ok 'account update' dehydrated --account
ok deactivate dehydrated --deactivate
not_ok 'no certificate after that' dehydrated --cron -d c.example.test

done_testing
