#!/bin/sh
# Goal: certificates, keys and chains that are sent to acmed-admin are in the
# store, whole, or not at all.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl

make_export_store
for n in one two three; do
	request $n DNS:$n.example
	must sh -c "'$BIN/acme-sign' --no-record '$T/$n.csr' >'$T/$n.crt'"
	openssl x509 -in "$T/$n.crt" >"$T/$n.leaf"
	sed '1,/END/d' "$T/$n.crt" >"$T/$n.chain"
done
must openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/x.key" \
    -subj /CN=x -out "$T/x.crt"
admin_token read+keys
admin_serve
up=/certificate-signed/upload.json
rows() {
	sql 'SELECT (SELECT count(*) FROM certificates) || " " ||
	    (SELECT count(*) FROM private_keys) || " " ||
	    (SELECT count(*) FROM chains) || " " ||
	    (SELECT count(*) FROM ca_certificates)'
}
before=$(rows)

# ---- what is not whole -------------------------------------------------------

# refused NAME FIELD...: nothing of it is in the store.
refused() {
	refused_name=$1
	shift
	ask $up "$@"
	answers 400 "$refused_name"
	like "$body" '^\{"result":"error",' '... with a reason'
	is "$(rows)" "$before" '... and nothing of it is there'
}
key="private_key_file_pem=@$T/one.key"
leaf="certificate_file=@$T/one.leaf"
chain="chain_file=@$T/one.chain"
refused 'nothing' -F x=y
refused 'no key' -F "$leaf" -F "$chain"
refused 'no certificate' -F "$key" -F "$chain"
refused 'the key of another' -F "private_key_file_pem=@$T/two.key" -F "$leaf" \
    -F "$chain"
refused 'another chain' -F "$key" -F "$leaf" -F "chain_file=@$T/x.crt"
refused 'two certificates' -F "$key" -F "$leaf" \
    -F "chain_file=@$T/one.chain" -F "certificate_file=@$T/two.leaf"
refused 'no PEM' -F "$key" -F certificate_file=x -F "$chain"
head -c 300 "$T/one.leaf" >"$T/cut"
refused 'half a certificate' -F "$key" -F "certificate_file=@$T/cut" -F "$chain"
head -c 5000 /dev/urandom >"$T/noise"
refused 'noise' -F "$key" -F "certificate_file=@$T/noise" -F "$chain"
ask $up -H "@$T/token.read+keys" -F "$key" -F "$leaf" -F "$chain"
answers 403 'who may not write'
is "$(rows)" "$before" '... changes nothing'

# ---- what is -----------------------------------------------------------------

ask $up -F "$key" -F "$leaf" -F "$chain"
answers 200 'a triplet'
like "$body" '"CertificateSigned":\{"created":true,"id":"1","url":"/.well-known/admin/certificate-signed/1"\}' \
    '... is new'
like "$body" '"CertificateCAChain":\{"id":"1"\}' '... with its chain'
like "$body" '"PrivateKey":\{"created":true,"id":"1"\}' '... its key, too'
like "$body" '"result":"success"' '... and says so'
ask /domain/one.example/config.json
like "$body" 'PRIVATE KEY' '... and is served'
ask /certificate/1/fullchain.pem
ok '... as it was' cmp "$T/body" "$T/one.crt"
ask $up -F "$key" -F "$leaf" -F "$chain"
like "$code $body" '^200 .*"CertificateSigned":\{"created":false,"id":"1"' \
    'once more: it is known'
ask /certificate/upload -F "private_key_file=@$T/two.key" \
    -F "certificate_file=@$T/two.leaf" -F "chain_file=@$T/two.chain"
like "$code $body" '^200 .*"id":"2"' 'in the spelling of the README'
is "$(sql 'SELECT min(sealed) FROM private_keys')" 1 'keys are sealed'
ask /certificate-ca/upload-cert.json -F "cert_file=@$T/x.crt" -F cert_file_name=x
like "$code $body" '^200 .*"CertificateCA":\{"created":true' 'a CA certificate'
ask /certificate-ca-chain/upload.json -F "chain_file=@$T/one.chain"
like "$code $body" '^200 .*"CertificateCAChain":\{"created":false,"id":"1"\}' \
    'a chain, of one'
for path in certificate-ca-chain x509-certificate-trust-chain; do
	ask /$path/upload-chain.json -F "chain_file=@$T/one.chain"
	like "$code $body" '^200 .*"X509CertificateTrustChain":\{"created":false,"id":"1"\}' \
	    "a chain, as peter_sslers and its later versions spell it: $path"
done
ask /x509-certificate-trusted/upload-cert -F "cert_file=@$T/x.crt"
like "$code $body" '^200 .*"X509CertificateTrusted":\{"created":false' \
    '... and a CA certificate'
ask /x509-certificate/upload.json -F "$key" -F "$leaf" -F "$chain"
like "$code $body" '^200 .*"X509Certificate":\{"created":false,"id":"1","url":' \
    '... and a certificate'
ask /certificate-ca-chain/upload.json -F "chain_file=@$T/x.crt"
like "$code $body" '^200 .*"CertificateCAChain":\{"created":true,' \
    '... also when it is new'
ask /certificate-ca/upload-cert.json -F "cert_file=@$T/one.leaf"
answers 400 'no CA'
must openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/y.key" \
    -subj /CN=y -out "$T/y.crt"
before=$(rows)
cat "$T/y.crt" "$T/x.crt" >"$T/both"
ask /certificate-ca-chain/upload.json -F "chain_file=@$T/both"
like "$code $body" '^400 .*not each is signed by the next' 'no chain'
is "$(rows)" "$before" '... and nothing of it is there'
cat "$T/y.crt" "$T/one.leaf" >"$T/both"
ask /certificate-ca/upload-cert.json -F "cert_file=@$T/both"
answers 400 '... nor one beside it'
is "$(rows)" "$before" '... and nothing of it is there'
cat "$T/three.key" "$T/x.key" >"$T/keys"
refused 'a key too many' -F "private_key_file_pem=@$T/keys" \
    -F "certificate_file=@$T/three.leaf" -F "chain_file=@$T/three.chain"

# ---- without a chain ---------------------------------------------------------

ask $up -F "private_key_file_pem=@$T/three.key" -F "certificate_file=@$T/three.leaf"
like "$code $body" '^200 .*"CertificateCAChain":\{"id":"1"\}' \
    'no chain: the one that is known'
number=$(sql 'SELECT max(id) FROM certificates')
ask "/certificate/$number/fullchain.pem"
ok '... is served' cmp "$T/body" "$T/three.crt"
request four DNS:four.example
must openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/z.key" \
    -subj /CN=z -out "$T/z.crt"
must openssl x509 -req -in "$T/four.csr" -CA "$T/z.crt" -CAkey "$T/z.key" \
    -copy_extensions copy -out "$T/four.leaf"
before=$(rows)
refused 'no chain, and no key' -F "certificate_file=@$T/four.leaf" -F chain_file=
ask $up -F "private_key_file_pem=@$T/four.key" -F "certificate_file=@$T/four.leaf" \
    -F chain_file=
like "$code $body" '^200 .*"CertificateCAChain":null' \
    'an empty chain, and none is known'
like "$body" '"CertificateSigned":\{"created":true' '... and it is kept'
like "$body" '"X509CertificateTrustChain":null' '... as later versions spell it, too'
ask /domain/four.example/config.json
like "$body" '"chain":null' '... and is served without'

# ---- a private key -----------------------------------------------------------

must openssl genpkey -algorithm ED25519 -out "$T/ed.key"
must openssl pkey -in "$T/ed.key" -outform DER -out "$T/ed.der"
before=$(rows)
up=/private-key/upload.json
cat "$T/three.key" "$T/ed.key" >"$T/keys"
cat "$T/ed.key" "$T/one.leaf" >"$T/both"
head -c 60 "$T/ed.key" >"$T/cut"
for bad in keys both cut noise x.crt; do
	refused "no key: $bad" -F "private_key_file_pem=@$T/$bad"
done
refused 'an empty field' -F private_key_file_pem=
ask $up -H "@$T/token.read+keys" -F "private_key_file_pem=@$T/ed.key"
answers 403 'a key of who may not write'
ask $up -F "private_key_file_pem=@$T/ed.der"
like "$code $body" '^200 \{"PrivateKey":\{"created":true,"id":"[0-9]+"\},"is_created":true,"result":"success"\}' \
    'a key'
ask /private-key/upload -F "private_key_file=@$T/ed.key"
like "$code $body" '^200 .*"is_created":false' '... is known then'
number=$(sql 'SELECT max(id) FROM private_keys')
ask "/private-key/$number/key.pem"
ok '... and is served' cmp "$T/body" "$T/ed.key"
is "$(sql "SELECT sealed FROM private_keys WHERE id = $number")" 1 \
    '... but sealed in the store'
unlike "$(cat "$T"/*.log)" 'PRIVATE KEY' 'no key is in the log'

# ---- accounts ----------------------------------------------------------------

for path in upload.json upload new.json new; do
	ask /acme-account/$path -F "account_key_file_pem=@$T/one.key"
	like "$code $body" '^501 .*holds no keys of accounts' "no account: $path"
done
ask /acme-account/1/key.pem
answers 501 'nor the key of one'

ok 'the store is sound' "$BIN/acmed-store" check

done_testing
