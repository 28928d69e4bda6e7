#!/bin/sh
# Goal: what acme-sign must not sign it refuses, each with its reason; nothing
# is printed and nothing stored.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/sign.sh"

# refused CSR ERE NAME
refused() {
	acme_sign "$1"
	exits 100 "$3: refused"
	like "$err" "^acme-sign: $1: .*$2" "$3: says why"
	is "$out$(certificates)" 0 "$3: no certificate"
}

# rsa NAME OPTION...: an RSA key.
rsa() {
	rsa_name=$1
	shift
	must openssl genpkey -algorithm RSA "$@" -out "$T/$rsa_name.key"
}

# changed CSR OLD NEW: the DER with some bytes replaced, in $T/changed.
changed() {
	openssl req -in "$1" -outform DER |
	    OLD=$2 NEW=$3 perl -0777 -pe 's/\Q$ENV{OLD}/$ENV{NEW}/' >"$T/changed"
}

make_ca 'name = Test CA'
csr good / DNS:a.example

# What is no request.
printf 'hello\n' >"$T/no.csr"
refused "$T/no.csr" 'RFC 2986' 'not a request'
csr one /CN=one.example ''
csr two /CN=two.example ''
cat "$T/one.csr" "$T/two.csr" >"$T/both.csr"
refused "$T/both.csr" 'more than one' 'two requests in one file'
: >"$T/empty.csr"
refused "$T/empty.csr" 'RFC 2986' 'nothing'
refused "$CA/root.crt" 'RFC 7468' 'a certificate'
{ openssl req -in "$T/good.csr" -outform DER; echo; } >"$T/behind.csr"
refused "$T/behind.csr" 'bytes after' 'bytes behind it'
head -c 100000 /dev/zero >"$T/large.csr"
acme_sign "$T/large.csr"
exits 100 'a large file is refused'
acme_sign "$T/absent.csr"
exits 1 'a file that is not there'

# Names.
csr other / DNS:a.example,DNS:b.example
ACMED_SANS=a.example refused "$T/other.csr" \
    'RFC 8555 7.4: CSR names b.example' 'a name that was not ordered'
ACMED_SANS=a.example,b.example refused "$T/good.csr" \
    'RFC 8555 7.4: the order names b.example' 'a name that was ordered'
csr cn /CN=b.example DNS:a.example
ACMED_SANS=a.example refused "$T/cn.csr" 'CSR names b.example' \
    'a common name of its own'
csr email / DNS:a.example,email:x@a.example
refused "$T/email.csr" 'rfc822Name' 'a mail address'
csr uri / DNS:a.example,URI:http://a.example/
refused "$T/uri.csr" 'uniformResourceIdentifier' 'a URI'
csr ca / DNS:a.example -addext basicConstraints=CA:TRUE
refused "$T/ca.csr" 'CA certificate' 'CA:TRUE'
csr none / ''
refused "$T/none.csr" 'no names' 'no name at all'
for name in 'a.example:22' '10.0.0.1:22' 'a.example#x' 'a..example' \
    '-a.example' 'a.*.example' 'localhost.' 'a_b.example' '1.2.3'; do
	csr odd / DNS:a.example
	ACMED_SANS=$name refused "$T/odd.csr" '.' "the name $name"
done
changed "$T/good.csr" a.example 'a	example'
refused "$T/changed" 'RFC 5280 4.2.1.6' 'a tab in a name'

# Signatures.
changed "$T/good.csr" a.example b.example
refused "$T/changed" 'RFC 2986 4.2' 'a signature over something else'
csr sha1 / DNS:a.example -sha1
refused "$T/sha1.csr" 'ecdsa-with-SHA1' 'SHA-1'
rsa md5 -pkeyopt rsa_keygen_bits:2048
csr md5 / DNS:a.example -md5
refused "$T/md5.csr" 'md5With' 'MD5'

# Keys.
rsa short -pkeyopt rsa_keygen_bits:1024
csr short / DNS:a.example
refused "$T/short.csr" '1024 bits' 'RSA 1024'
rsa exponent -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3
csr exponent / DNS:a.example
refused "$T/exponent.csr" 'exponent' 'exponent 3'
must openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 \
    -out "$T/curve.key"
csr curve / DNS:a.example
refused "$T/curve.csr" 'none of RSA, P-256' 'another curve'
openssl pkey -in "$T/good.key" -pubout -outform DER | sha256sum >"$T/blocked"
refused "$T/good.csr" 'blocked' 'a blocked key'
: >"$T/blocked"

# The key of an account: JWK, thumbprint, and a row.
point() {
	openssl pkey -in "$T/good.key" -pubout -outform DER | tail -c 64 |
	    "$@" -c 32 | base64 -w0 | tr '+/' '-_' | tr -d =
}
jwk='{"crv":"P-256","kty":"EC","x":"'$(point head)'","y":"'$(point tail)'"}'
thumbprint=$(printf %s "$jwk" | openssl dgst -sha256 -binary | base64 -w0 |
    tr '+/' '-_' | tr -d =)
must sqlite3 "$T/store/acmed.sqlite" "INSERT INTO accounts (url_id, status,
    thumbprint, jwk, contacts, created) VALUES ('aaaaaaaaaaaaaaaaaaaaaa',
    'deactivated', '$thumbprint', '$jwk', '[]', 1)"
refused "$T/good.csr" 'RFC 8555 11.1' 'the key of an account'

# The CA's own files.
chmod 640 "$CA/intermediate.key"
acme_sign --no-record "$T/good.csr"
exits 102 'a key that others can read is not used'
like "$err" 'intermediate.key: mode 0640' 'and named'
chmod 600 "$CA/intermediate.key"
mv "$CA/intermediate.key" "$CA/key"
acme_sign --no-record "$T/good.csr"
exits 102 'no key of the CA'
cp "$CA/root.key" "$CA/intermediate.key"
acme_sign --no-record "$T/good.csr"
exits 102 'another key'
mv "$CA/key" "$CA/intermediate.key"
echo nonsense >"$T/blocked"
acme_sign --no-record "$T/good.csr"
exits 102 'a broken list of blocked keys'
like "$err" "$T/blocked:1: " 'with its line'
: >"$T/blocked"
mv "$CA/root.key" "$T/"
acme_sign --no-record "$T/good.csr"
exits 0 'the key of the root may be elsewhere'

acme_sign --no-record "$T/good.csr" "$T/good.csr"
exits 100 'two files are wrong use'

done_testing
