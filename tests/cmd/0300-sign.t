#!/bin/sh
# Goal: acme-sign makes of a request, however it comes, a certificate with
# exactly the names and extensions that it should have, and records it.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/sign.sh"

seconds() {
	date -d "$(openssl x509 -noout "-$1" -in "$2" | cut -d= -f2)" +%s
}

extensions() {
	openssl x509 -noout -text -in "$1" |
	    sed -n '/X509v3 extensions/,/Signature Algorithm/p' |
	    sed -e '1d;$d' -e 's/^ *//' -e 's/ *$//' \
		-e 's/\([0-9A-F]\{2\}:\)\{19\}[0-9A-F]\{2\}/KEYID/'
}

verifies() {
	openssl verify -x509_strict -CAfile "$CA/root.crt" \
	    -untrusted "$1" "$@"
}

make_ca 'lifetime = 7d' 'backdate = 1h' 'name = Test "CA", Inc.'

is "$(stat -c %a "$CA/root.key" "$CA/intermediate.key" "$CA/root.crt" \
    "$CA/intermediate.crt" | tr '\n' ' ')" '600 600 644 644 ' \
    'the keys of the CA are private'
ok 'intermediate and root verify' openssl verify -x509_strict \
    -CAfile "$CA/root.crt" "$CA/intermediate.crt"
is "$(openssl x509 -noout -subject -nameopt RFC2253 \
    -in "$CA/intermediate.crt")" \
    'subject=CN=Test \"CA\"\, Inc. Intermediate' 'the name of the CA'

# PEM from a file.
csr a /CN=a.example 'DNS:*.b.example,DNS:A.example,IP:192.0.2.1,IP:2001:db8::1'
acme_sign "$T/a.csr"
exits 0 'a request in a file is signed'
is "$err" '' 'in silence'
is "$(grep -c 'BEGIN CERT' "$T/out")" 2 'the chain has two certificates'
cp "$T/out" "$T/a.pem"
ok 'openssl verifies it' verifies "$T/a.pem"
is "$(sed -n '/BEGIN/,/END/p' "$T/a.pem" | sed '1,/END/d')" \
    "$(cat "$CA/intermediate.crt")" 'the second is the intermediate'
is "$(openssl x509 -noout -pubkey -in "$T/a.pem")" \
    "$(openssl pkey -pubout -in "$T/a.key")" 'it is for the key of the request'
is "$(openssl x509 -noout -subject -in "$T/a.pem")" 'subject=' \
    'its subject is empty'
is "$(extensions "$T/a.pem")" 'X509v3 Key Usage: critical
Digital Signature
X509v3 Basic Constraints: critical
CA:FALSE
X509v3 Extended Key Usage:
TLS Web Server Authentication
X509v3 Subject Key Identifier:
KEYID
X509v3 Authority Key Identifier:
KEYID
X509v3 Subject Alternative Name: critical
DNS:*.b.example, DNS:a.example, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1' \
    'it has these extensions and no others'
like "$(openssl x509 -noout -serial -in "$T/a.pem")" \
    '^serial=[0-9A-F]{26,32}$' 'its serial number is of 128 bits'
begin=$(seconds startdate "$T/a.pem") end=$(seconds enddate "$T/a.pem")
is $((end - begin + 1)) $((7 * 86400)) 'its lifetime, both ends included'
age=$(($(date +%s) - begin))
ok 'it began an hour ago' test "$age" -ge 3600 -a "$age" -le 3660
is "$(certificates)" 1 'it is in the store'
is "$(sqlite3 "$T/store/acmed.sqlite" 'SELECT source FROM certificates')" \
    sign 'as one of ours'

# The same from elsewhere.
must openssl req -in "$T/a.csr" -outform DER -out "$T/a.der"
acme_sign "$T/a.der"
exits 0 'DER from a file'
run sh -c '"$0" -c "$1" <"$2"' "$BIN/acme-sign" "$CONF" "$T/a.csr"
exits 0 'PEM from stdin'
run sh -c '"$0" -c "$1" - <"$2"' "$BIN/acme-sign" "$CONF" "$T/a.der"
exits 0 'DER from stdin'
{ echo 'some text'; cat "$T/a.csr"; echo 'more'; } >"$T/text.csr"
acme_sign "$T/text.csr"
exits 0 'text around PEM'
is "$(certificates)" 5 'each is another certificate'
acme_sign --no-record "$T/a.csr"
exits 0 '--no-record'
is "$(certificates)" 5 'is not stored'
acme_sign -s "$T/none" --no-record "$T/a.csr"
exits 0 'nor is the store opened'
acme_sign -s "$T/none" "$T/a.csr"
exits 102 'which otherwise must be there'
is "$out" '' 'before anything is printed'

# Names and subject from the environment.
ACMED_SANS='A.example *.b.example,192.0.2.1
2001:DB8:0::1' ACMED_SUBJECT_DN='CN=a.example,O=Example\, Inc.' \
    acme_sign "$T/a.csr"
exits 0 'names from ACMED_SANS'
is "$(openssl x509 -noout -subject -nameopt RFC2253 -in "$T/out")" \
    'subject=CN=a.example,O=Example\, Inc.' 'subject from ACMED_SUBJECT_DN'
like "$(extensions "$T/out")" '^X509v3 Subject Alternative Name:$' \
    'with a subject the names are not critical'
csr cn /CN=only.example ''
acme_sign "$T/cn.csr"
exits 0 'a request with a common name only'
like "$(extensions "$T/out")" '^DNS:only.example$' 'which becomes a name'

# Keys of other kinds.
for kind in 'RSA 2048' 'EC P-384' 'EC P-521' 'ED25519 x'; do
	# shellcheck disable=SC2086
	set -- $kind
	name=$1-$2
	case $1 in
	RSA) option=rsa_keygen_bits:$2 ;;
	EC) option=ec_paramgen_curve:$2 ;;
	*) option='' ;;
	esac
	must openssl genpkey -algorithm "$1" ${option:+-pkeyopt "$option"} \
	    -out "$T/$name.key"
	csr "$name" / DNS:a.example
	acme_sign "$T/$name.csr"
	exits 0 "a key of kind $name"
	ok "verifies: $name" verifies "$T/out"
done
csr RSA-2048 / DNS:a.example
acme_sign "$T/RSA-2048.csr"
like "$(extensions "$T/out")" '^Digital Signature, Key Encipherment$' \
    'keyEncipherment for RSA'

# A CA of RSA, with URLs, shorter than its certificates.
CA=$T/rsa T2=$T/two
mkdir "$T2"
sed -e "s|$T/ca|$CA|" -e "s|$T/store|$T2/store|" "$CONF" >"$T2/conf"
sed -i -e 's/^lifetime.*/lifetime = 90d/' "$T2/conf"
cat >>"$T2/conf" <<-'EOF'
	key_type = rsa2048
	ca_lifetime = 30d
	crl_url = http://ca.example/crl.der
	issuer_url = http://ca.example/ca.crt
EOF
CONF=$T2/conf
must "$BIN/acmed-store" -c "$CONF" init
acme_sign "$T/a.csr"
exits 0 'a CA of RSA signs'
ok 'openssl verifies that, too' verifies "$T/out"
like "$(extensions "$T/out")" 'URI:http://ca.example/crl.der$' 'crl_url'
like "$(extensions "$T/out")" 'CA Issuers - URI:http://ca.example/ca.crt$' \
    'issuer_url'
is "$(seconds enddate "$T/out")" "$(seconds enddate "$CA/intermediate.crt")" \
    'no certificate outlives its issuer'

done_testing
