#!/bin/sh
# Goal: the files of acmed-admin: certificates, chains, requests and keys, each
# in its forms, of their types, and for whoever may have them.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl

make_export_store
enter one DNS:a.example
enter rsa DNS:b.example RSA -pkeyopt rsa_keygen_bits:2048
must "$BIN/cert-import" "$T/one.csr" "$T/one.crt"
admin_token read
admin_serve

# file PATH TYPE: it is there, and of this type.
file() {
	ask "$1"
	is "$code $(header Content-Type)" "200 $2" "$1"
}
# same FILE: the body is that.
same() {
	ok '... as it should be' cmp "$T/body" "$1"
}
openssl x509 -in "$T/one.crt" >"$T/leaf.pem"
openssl x509 -in "$T/one.crt" -outform DER >"$T/leaf.der"
sed '1,/END/d' "$T/one.crt" >"$T/chain.pem"
openssl pkey -in "$T/one.key" >"$T/key.pem"
openssl pkcs8 -topk8 -nocrypt -in "$T/one.key" -outform DER >"$T/key.der"
openssl pkcs8 -topk8 -nocrypt -in "$T/rsa.key" -outform DER >"$T/rsa.der"

file /certificate/1/cert.pem application/x-pem-file
same "$T/leaf.pem"
file /certificate-signed/1/cert.pem.txt text/plain
same "$T/leaf.pem"
file /x509-certificate/1/cert.cer application/pkix-cert
same "$T/leaf.der"
for ending in crt der; do
	file /certificate/1/cert.$ending application/x-x509-server-cert
	same "$T/leaf.der"
done
file /certificate/1/chain.pem application/x-pem-file
same "$T/chain.pem"
file /certificate/1/fullchain.pem application/x-pem-file
same "$T/one.crt"
file /certificate/1/fullchain.p7c application/pkcs7-mime
is "$(openssl pkcs7 -inform DER -print_certs <"$T/body" | grep -c BEGIN)" \
    "$(grep -c BEGIN "$T/one.crt")" '... with all of it'
chain_id=$(sqlite3 "$DB" 'SELECT id FROM chains')
via=/certificate/1/via-certificate-ca-chain/$chain_id
file "$via/chain.pem" application/x-pem-file
same "$T/chain.pem"
file "$via/fullchain.pem.txt" text/plain
same "$T/one.crt"
file /certificate-ca-chain/"$chain_id"/chain.pem application/x-pem-file
same "$T/chain.pem"
file /certificate-ca/1/cert.der application/x-x509-ca-cert
openssl x509 -in "$T/chain.pem" -outform DER >"$T/ca.der"
same "$T/ca.der"
file /certificate-ca/1/cert.cer application/pkix-cert
file /x509-certificate-trusted/1/cert.der application/x-x509-ca-cert
same "$T/ca.der"
file /x509-certificate-trust-chain/"$chain_id"/chain.pem.txt text/plain
same "$T/chain.pem"
file /certificate/1/privkey.pem application/x-pem-file
same "$T/key.pem"
file /certificate/1/privkey.key application/pkcs8
same "$T/key.der"
file /private-key/2/key.key application/pkcs8
same "$T/rsa.der"
file /private-key/1/key.pem.txt text/plain
same "$T/key.pem"
file /certificate-request/1/csr.csr application/pkcs10
openssl req -in "$T/one.csr" -outform DER >"$T/csr.der"
same "$T/csr.der"
file /x509-certificate-request/1/csr.csr application/pkcs10
same "$T/csr.der"
file /certificate-request/1/csr.pem application/x-pem-file
ask /certificate/1/privkey.pem -I
is "$code $(header Content-Length)" "200 $(wc -c <"$T/key.pem")" \
    'HEAD: how much there would be'
unlike "$(cat "$T/body")" KEY '... and nothing of it'

for none in /certificate/1/cert.p12 /certificate/1/cert. /certificate/1/cert \
    /certificate/1/chain.der /certificate/9/cert.pem /certificate/x/cert.pem \
    /certificate/1/cert.pem.tx /certificate/1/CERT.PEM /private-key/9/key.pem \
    /certificate-ca/99/cert.pem /certificate-ca-chain/9/chain.pem \
    /certificate-request/9/csr.pem $via/cert.pem \
    /certificate/1/via-certificate-ca-chain/9/chain.pem \
    "/certificate/2/via-certificate-ca-chain/99/chain.pem" \
    "/certificate/0/via-certificate-ca-chain/$chain_id/chain.pem" \
    /certificate/1/../../../etc/passwd; do
	ask "$none"
	answers 404 "nothing there: $none"
done
for secret in /certificate/1/privkey.pem /certificate/1/privkey.key \
    /certificate/9/privkey.pem /private-key/1/key.pem /private-key/9/key.key; do
	ask "$secret" -H "@$T/token.read"
	answers 403 "without keys: $secret"
	unlike "$body" 'PRIVATE KEY' '... nothing of it is there'
done
ask /certificate/1/cert.pem -H "@$T/token.read"
answers 200 'what is no secret is there'

done_testing
