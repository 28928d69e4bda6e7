#!/bin/sh
# Goal: parse.json of acmed-admin says what openssl says of a certificate, of a
# CA's, of a request and of a private key, of which it shows nothing secret.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl

make_export_store
admin_token read keys
admin_serve

# member NAME: of the object in $T/body at the path $at; a list with "," between.
member() {
	perl -CO -MJSON::PP -0777 -ne 'BEGIN { $path = shift }
	    my $o = decode_json($_); $o = $o->{$_} for split m{/}, $path;
	    print ref $o ? join(",", @$o) : $o // "null"' "$at/$1" "$T/body"
}
upper() {
	tr -d ': \n' | tr a-f A-F
}
# lines COMMAND...: a name of openssl, an RDN a line.
lines() {
	"$@" -noout -nameopt sep_multiline,utf8,sname,esc_ctrl | sed '1d;s/^ *//'
}
# digest COMMAND...: of the key that openssl says it has.
digest() {
	"$@" | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r |
	    cut -d' ' -f1 | upper
}
x509() {
	openssl x509 -in "$file" "$@"
}
req() {
	openssl req -in "$file" "$@"
}
# says NAME VALUE
says() {
	is "$(member "$1")" "$2" "... $1"
}
# key_is TYPE COMMAND...: of the key that is in it.
key_is() {
	case $1 in
	rsa*) says key_technology RSA ;;
	p*) says key_technology EC ;;
	*) says key_technology null ;;
	esac
	says key_type "$1"
	shift
	says spki_sha256 "$(digest "$@")"
}
# is_cert PATH OBJECT FILE TYPE
is_cert() {
	at=$2/parsed file=$3
	ask "$1" -H "@$T/token.read"
	is "$code $(header Content-Type)" '200 application/json' "$1"
	says subject "$(lines x509 -subject)"
	says issuer "$(lines x509 -issuer)"
	says startdate "$(x509 -noout -startdate -dateopt iso_8601 |
	    sed 's/.*=//; s/ /T/')"
	says enddate "$(x509 -noout -enddate -dateopt iso_8601 |
	    sed 's/.*=//; s/ /T/')"
	says serial "$(x509 -noout -serial | sed 's/.*=//' | tr A-F a-f)"
	says fingerprint_sha1 "$(x509 -noout -fingerprint -sha1 |
	    sed 's/.*=//' | upper)"
	key_is "$4" x509 -noout -pubkey
}

# ---- certificates, of each type of key ---------------------------------------

printf '%s\n' '[req]' 'distinguished_name = dn' '[dn]' >"$T/req.conf"
n=0
for type in p256 p384 p521 ed25519 rsa2048 rsa4096; do
	case $type in
	rsa*) set -- RSA -pkeyopt "rsa_keygen_bits:${type#rsa}" ;;
	p*) set -- EC -pkeyopt "ec_paramgen_curve:P-${type#p}" ;;
	*) set -- ED25519 ;;
	esac
	must openssl genpkey -algorithm "$@" -out "$T/$type.key"
	must openssl req -x509 -key "$T/$type.key" -days 30 -config "$T/req.conf" \
	    -utf8 -subj "/C=DE/O=A\\/B, Müller \\+ \"x\"/OU=1+CN=$type.example" \
	    -addext basicConstraints=critical,CA:FALSE \
	    -addext subjectKeyIdentifier=hash -addext \
	    "subjectAltName=DNS:z.$type.example,IP:192.0.2.1,DNS:$type.example,IP:2001:db8::1" \
	    -addext 'authorityInfoAccess=OCSP;URI:http://o.example/,caIssuers;URI:http://i.example/a.cer' \
	    -addext authorityKeyIdentifier=keyid:always -out "$T/$type.crt"
	must "$BIN/cert-import" --key "$T/$type.key" "$T/$type.crt"
	n=$((n + 1))
	is_cert /certificate-signed/$n/parse.json CertificateSigned \
	    "$T/$type.crt" $type
	says SubjectAlternativeName \
	    "$type.example,z.$type.example,192.0.2.1,2001:db8::1"
	says issuer_uri http://i.example/a.cer
	says authority_key_identifier "$(x509 -noout \
	    -ext authorityKeyIdentifier | sed '1d;s/keyid://' | upper)"
done
is_cert /certificate/1/parse.json CertificateSigned "$T/p256.crt" p256
is_cert /x509-certificate/1/parse.json X509Certificate "$T/p256.crt" p256
is "$(at=X509Certificate member id)" 1 '... its number'
says subject 'C=DE
O=A/B, Müller + "x"
OU=1 + CN=p256.example'


# One with nothing but a name, and a key of no kind that is known here.
must openssl req -x509 -newkey ed448 -nodes -keyout "$T/bare.key" -days 30 \
    -config "$T/req.conf" -subj "/O=$(printf 'a\nCN=b')/CN=bare.example" \
    -out "$T/bare.crt"
must "$BIN/cert-import" "$T/bare.crt"
n=$((n + 1))
is_cert /certificate/$n/parse.json CertificateSigned "$T/bare.crt" other
says SubjectAlternativeName ''
is "$(member subject | grep -c "")" 2 '... no line of the subject is made up'
says issuer_uri null
says authority_key_identifier null

# One whose O is no UTF-8, although it says so.
must openssl req -x509 -newkey ed25519 -nodes -keyout "$T/odd.key" -days 30 \
    -config "$T/req.conf" -utf8 -subj "/C=DE/O=odd Mxller/CN=odd.example" \
    -outform DER -out "$T/odd.der"
perl -0777 -pi -e 's/Mxller/M\xfcller/g' "$T/odd.der"
must "$BIN/cert-import" "$T/odd.der"
n=$((n + 1))
at=CertificateSigned/parsed
ask /certificate/$n/parse.json
says subject 'C=DE
O=odd Müller
CN=odd.example'
says issuer "$(member subject)"

# ---- certificates of CAs -----------------------------------------------------

enter one DNS:one.example
must "$BIN/cert-import" "$T/one.csr" "$T/one.crt"
is_cert /certificate/$((n + 1))/parse.json CertificateSigned "$T/one.crt" p256
sed '1,/END/d' "$T/one.crt" >"$T/ca.crt"
ca_type=$(openssl x509 -in "$T/ca.crt" -noout -text |
    sed -n 's/.*NIST CURVE: P-/p/p')
is_cert /certificate-ca/1/parse.json CertificateCA "$T/ca.crt" "$ca_type"
is_cert /certificate-ca/1/parse.json X509CertificateTrusted "$T/ca.crt" \
    "$ca_type"

# ---- requests ----------------------------------------------------------------

# is_request NUMBER TYPE
is_request() {
	at=CertificateRequest/parsed
	ask /certificate-request/"$1"/parse.json -H "@$T/token.read"
	answers 200 "request $1"
	is "$(at=CertificateRequest member id)" "$1" '... its number'
	says subject "$(lines req -subject)"
	key_is "$2" req -noout -pubkey
}
file=$T/one.csr
is_request 1 p256
says SubjectAlternativeName one.example
must openssl req -new -key "$T/rsa2048.key" -subj '/C=DE/CN=r.example' -addext \
    subjectAltName=DNS:r.example,DNS:b.example,IP:192.0.2.9 -out "$T/r.csr"
must "$BIN/cert-import" "$T/r.csr"
file=$T/r.csr
is_request 2 rsa2048
says SubjectAlternativeName b.example,r.example,192.0.2.9

# ---- private keys ------------------------------------------------------------

is "$(sqlite3 "$DB" 'SELECT min(sealed) FROM private_keys')" 1 \
    'private keys are sealed'
n=0
for type in p256 p384 p521 ed25519 rsa2048 rsa4096; do
	n=$((n + 1))
	at=$n
	ask /private-key/$n/parse.json -H "@$T/token.read"
	answers 200 "private key $n"
	key_is $type openssl pkey -in "$T/$type.key" -pubout
	is "$(perl -MJSON::PP -0777 -ne 'my $o = decode_json($_);
	    print join " ", sort(keys %$o), map { sort keys %$_ } values %$o' \
	    "$T/body")" "$n key_technology key_type spki_sha256" \
	    '... and nothing else of it'
done

# ---- who may, and nothing ----------------------------------------------------

for path in certificate/1 certificate-ca/1 certificate-request/1 private-key/1; do
	ask /$path/parse.json -H "@$T/token.keys"
	answers 403 "the scope read is needed: $path"
done
for none in /certificate/99 /certificate/0 /certificate/x /certificate/-1 \
    /certificate/99999999999999999999 /x509-certificate/99 \
    /certificate-signed/1x /certificate-ca/99 /certificate-ca/x \
    /certificate-request/99 /certificate-request/x /private-key/99 \
    /private-key/x /private-key/18446744073709551617 /certificate-ca-chain/1 \
    /domain/one.example /acme-account/1; do
	ask $none/parse.json
	answers 404 "nothing there: $none"
done
ask /certificate/1/parse.json -d ''
is "$code $(header Allow)" '405 GET, HEAD' 'it is only read'
sql "UPDATE certificates SET der = x'3000' WHERE id = 1"
ask /certificate/1/parse.json
answers 500 'what is broken in the store is no fault of who asks'

done_testing
