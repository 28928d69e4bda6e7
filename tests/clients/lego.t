#!/bin/sh
# Goal: Debian's lego gets, renews and revokes certificates from acmed.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"

need lego openssl sqlite3
start_dns
start_acmed

lego() {
	LEGO_CA_CERTIFICATES=$ca command lego --server "$directory" \
	    --path "$T/lego" --accept-tos --email admin@example.com "$@"
}
http() {
	lego --http --http.port "127.0.0.1:$http_port" -d a.example.test "$@"
}
certs=$T/lego/certificates

ok 'issue by http-01' http run
ok 'the certificate is right' cert_is "$certs/a.example.test.crt" \
    a.example.test
cp "$certs/a.example.test.crt" "$T/first.pem"
ok renew http renew --days 9999 --no-random-sleep
ok 'the renewed certificate is right' cert_is "$certs/a.example.test.crt" \
    a.example.test
not_ok 'and another one' cmp "$T/first.pem" "$certs/a.example.test.crt"
ok revoke http revoke --keep
is "$(status_of "$certs/a.example.test.crt")" revoked 'it is revoked'
is "$(status_of "$T/first.pem")" valid 'the first is not'

ok 'issue by tls-alpn-01' lego --tls --tls.port "127.0.0.1:$tls_port" \
    -d t.example.test run
ok 'the certificate by tls-alpn-01 is right' \
    cert_is "$certs/t.example.test.crt" t.example.test

cat >"$T/exec" <<EOF
#!/bin/sh
# present|cleanup FQDN VALUE
case \$1 in
present) exec "$T/dns-set" "\$2" TXT "\$3" ;;
*) exec "$T/dns-set" -d "\$2" TXT ;;
esac
EOF
chmod 755 "$T/exec"
export EXEC_PATH="$T/exec" EXEC_POLLING_INTERVAL=1
ok 'issue a wildcard by dns-01' lego --dns exec --dns.resolvers "$dns" \
    --dns.disable-cp --key-type rsa2048 -d '*.w.example.test' run
ok 'the wildcard certificate is right' \
    cert_is "$certs/_.w.example.test.crt" '*.w.example.test'

done_testing
