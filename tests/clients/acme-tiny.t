#!/bin/sh
# Goal: Debian's acme-tiny gets certificates from acmed, twice.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"

need acme-tiny openssl
start_dns
start_acmed
start_www

must openssl genrsa -out "$T/account.key" 2048
must openssl req -new -newkey rsa:2048 -nodes -keyout "$T/a.key" -subj / \
    -addext subjectAltName=DNS:a.example.test,DNS:b.example.test \
    -out "$T/a.csr"
tiny() {
	SSL_CERT_FILE=$ca acme-tiny --account-key "$T/account.key" \
	    --csr "$T/a.csr" --acme-dir "$www" --directory-url "$directory" \
	    --contact mailto:admin@example.com --check-port "$http_port" \
	    --disable-check >"$1"
}

ok 'issue by http-01' tiny "$T/first.pem"
ok 'the certificate is right' cert_is "$T/first.pem" a.example.test \
    b.example.test
ok 'and again' tiny "$T/second.pem"
ok 'the second certificate is right' cert_is "$T/second.pem" a.example.test \
    b.example.test
not_ok 'and another one' cmp "$T/first.pem" "$T/second.pem"

done_testing
