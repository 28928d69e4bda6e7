#!/bin/sh
# Goal: cert-export gives any object out of the store, by what a person calls
# it, in any format, byte for byte as openssl(1) writes it.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
skip_unless_has openssl sqlite3

make_export_store
enter a DNS:a.example
enter b 'DNS:b.example,DNS:www.b.example,DNS:*.w.example'
enter rsa 'DNS:rsa.example,IP:192.0.2.7,IP:2001:db8::7' RSA \
    -pkeyopt rsa_keygen_bits:2048
enter ed DNS:ed.example ED25519
enter idn DNS:xn--bcher-kva.example
request bare DNS:bare.example
sign bare
awk -v out="$T/part" '/BEGIN/ { n++ } { print >(out n) }' "$T/a.crt"
cp "$T/part1" "$T/a.leaf"
cat "$T/part2" >"$T/a.chain"
openssl x509 -in "$T/a.leaf" -outform DER -out "$T/a.der"

# same FILE NAME: the last run has succeeded with the bytes of the file.
same() {
	exits 0 "$2"
	if cmp -s "$T/out" "$1"; then
		pass "$2: byte for byte"
	else
		fail "$2: byte for byte"
		diag "$(diff "$T/out" "$1")"
	fi
}

# ---- PEM and DER ---------------------------------------------------------------

export_cert a.example
same "$T/a.crt" 'fullchain as PEM by default'
is "$err" '' '... in silence'
export_cert --fullchain --pem A.Example.
same "$T/a.crt" 'any case, and a dot at the end'
export_cert --cert a.example
same "$T/a.leaf" --cert
export_cert --chain a.example
same "$T/a.chain" --chain
export_cert --der a.example
same "$T/a.der" '--der is the leaf'
export_cert --cert --der a.example
same "$T/a.der" '--cert --der'
for key in a rsa ed; do
	openssl pkey -in "$T/$key.key" >"$T/want"
	export_cert --key $key.example
	same "$T/want" "--key, $key"
	openssl pkcs8 -topk8 -nocrypt -in "$T/$key.key" -outform DER >"$T/want"
	export_cert --key --der $key.example
	same "$T/want" "--key --der is PKCS#8, $key"
done
openssl pkey -in "$T/a.key" | cat "$T/a.crt" - >"$T/want"
export_cert --bundle a.example
same "$T/want" '--bundle: leaf, chain, key'
unlike "$(od -c "$T/out")" '\\r|\\n +\\n' 'one newline at the end, Unix newlines'
cat "$T/a.crt" "$T/b.crt" >"$T/want"
export_cert a.example b.example
same "$T/want" 'several names'

# ---- names ---------------------------------------------------------------------

id=$(sql "SELECT c.id FROM certificates c JOIN fqdn_set_members m USING
    (fqdn_set_id) JOIN domains d ON d.id = m.domain_id WHERE value = 'a.example'")
sum=$(openssl x509 -in "$T/a.leaf" -noout -fingerprint -sha256 | cut -d= -f2)
sha1=$(openssl x509 -in "$T/a.leaf" -noout -fingerprint -sha1 | cut -d= -f2)
for name in "$id" "certificate/$id" "$sum" "$sha1" \
    "$(echo "$sum" | tr -d : | tr '[:upper:]' '[:lower:]')"; do
	export_cert "$name"
	same "$T/a.crt" "NAME $name"
done
for name in www.b.example '*.w.example' x.w.example; do
	export_cert "$name"
	same "$T/b.crt" "NAME $name"
done
for name in 192.0.2.7 2001:db8::7; do
	export_cert "$name"
	same "$T/rsa.crt" "NAME $name"
done
for name in bücher.example BÜCHER.Example xn--bcher-kva.example; do
	export_cert "$name"
	same "$T/idn.crt" "NAME $name"
done
export_cert "$(printf '\377.example')"
exits 100 'no name at all'
for name in nosuch.example y.x.w.example 4711 certificate/4711 \
    "$(echo "$sum" | tr 0-9 1-90)"; do
	export_cert "$name"
	exits 1 "not there: $name"
	is "$out" '' '... nothing comes'
	like "$err" "^cert-export: $name: " '... and it is named'
	is "$(grep -c "$name" "$T/err")" 1 '... once'
done
export_cert nosuch.example a.example
exits 1 'one of two is not there'
is "$out" "$(cat "$T/a.crt")" '... the other comes'

# ---- other objects -------------------------------------------------------------

ca=$(openssl x509 -in "$T/a.chain" -outform DER | sha256sum | cut -d' ' -f1)
export_cert --cert ca_certificate/1
same "$T/a.chain" 'a CA certificate by number'
export_cert --cert "$ca"
same "$T/a.chain" '... by SHA-256'
export_cert --cert \
    "$(openssl x509 -in "$T/a.chain" -noout -fingerprint | cut -d= -f2)"
same "$T/a.chain" '... by SHA-1'
spki=$(openssl pkey -in "$T/ed.key" -pubout -outform DER | sha256sum |
    cut -d' ' -f1)
openssl pkey -in "$T/ed.key" >"$T/want"
export_cert --key "$spki"
same "$T/want" 'a key by the SHA-256 of its public part'
number=$("$BIN/private-key" list --no-header "$spki" | cut -f1)
export_cert --key "private_key/$number"
same "$T/want" '... by number'
export_cert --cert "private_key/$number"
exits 100 'a key is no certificate'
sql "INSERT INTO upstream_accounts (directory_url, contacts, status, source,
    created, spki_sha256, type, sealed, der) SELECT '', '[]', 'valid',
    'import', 1, spki_sha256, type, sealed, der FROM private_keys
    WHERE id = $number"
export_cert --key upstream_account/1
same "$T/want" 'the key of an account'
mv "$T/account.key" "$T/away"
export_cert --key upstream_account/1
exits 102 '... has a sealing key of its own'
export_cert --key "private_key/$number"
exits 0 '... which others need not'
mv "$T/away" "$T/account.key"
export_cert --key upstream_account/2
exits 1 'no such account'
sql "CREATE TABLE away AS SELECT * FROM private_keys WHERE id = $number;
    DELETE FROM private_keys WHERE id = $number"
export_cert --key "$spki"
same "$T/want" 'the key of an account, by the SHA-256 of its public part'
mv "$T/account.key" "$T/away"
export_cert --key "$spki"
exits 102 '... for which its sealing key is wanted'
like "$err" "$T/account.key" '... and named'
sql "INSERT INTO private_keys SELECT * FROM away; DROP TABLE away"
export_cert --key "$spki"
same "$T/want" '... but not for that of a certificate'
mv "$T/away" "$T/account.key"
openssl req -in "$T/a.csr" -outform DER -out "$T/csr.der"
must "$BIN/cert-import" "$T/a.csr"
export_cert --csr a.example
same "$T/a.csr" --csr
export_cert --csr --der certificate_request/1
same "$T/csr.der" '... by number, as DER'
export_cert --csr b.example
exits 1 'no request'
like "$err" '^cert-export: b.example: no request' '... says so'

# ---- PKCS#12, PKCS#7 -----------------------------------------------------------

printf 'open sesame\nmore\n' >"$T/password"
chmod 600 "$T/password"
export_cert --p12 --password-fd 3 a.example 3<"$T/password"
exits 0 --p12
cp "$T/out" "$T/p12"
p12() {
	openssl pkcs12 -in "$T/p12" -passin 'pass:open sesame' "$@"
}
is "$(p12 -noenc -nocerts | openssl pkey)" "$(openssl pkey -in "$T/a.key")" \
    '... has the key'
is "$(p12 -nokeys -clcerts | openssl x509)" "$(cat "$T/a.leaf")" \
    '... the certificate'
is "$(p12 -nokeys -cacerts | openssl x509)" "$(cat "$T/a.chain")" \
    '... the chain'
like "$(p12 -noenc)" 'friendlyName: a.example' '... and its name'
like "$(p12 -info -noout 2>&1)" 'AES-256-CBC.*PRF hmacWithSHA256' \
    '... in what is modern'
export_cert --p12 --legacy --password-file "$T/password" \
    --friendly-name 'the name' a.example
exits 0 '--p12 --legacy'
cp "$T/out" "$T/p12"
like "$(p12 -info -noout -legacy 2>&1)" 'pbeWithSHA1And3-KeyTripleDES' \
    '... in what is old'
like "$(p12 -noenc -legacy)" 'friendlyName: the name' '... under another name'
chmod 644 "$T/password"
export_cert --p12 --password-file "$T/password" a.example
exits 102 'a password that others can read'
export_cert --p7b a.example
exits 0 --p7b
is "$(openssl pkcs7 -inform DER -print_certs <"$T/out" | grep -Ev '^(subject|issuer)=' |
    grep .)" "$(cat "$T/a.crt")" '... has the chain'
openssl crl2pkcs7 -nocrl -certfile "$T/a.crt" >"$T/want"
export_cert --p7b --pem a.example
exits 0 '--p7b --pem'
is "$(openssl pkcs7 -print_certs <"$T/out")" \
    "$(openssl pkcs7 -print_certs <"$T/want")" '... as of openssl crl2pkcs7'
export_cert --p7b --cert a.example
is "$(openssl pkcs7 -inform DER -print_certs <"$T/out" | grep -c BEGIN)" 1 \
    '--p7b --cert'

# ---- JSON ----------------------------------------------------------------------

json() {
	perl -MJSON::PP -e '$v = decode_json(join "", <STDIN>);
		$v = ref $v eq "HASH" ? $v->{$_} : undef for @ARGV;
		print ref $v ? encode_json($v) : $v // "null"' "$@" <"$T/out"
}
if perl -MJSON::PP -e 1; then
	export_cert --json "$id"
	exits 0 --json
	is "$(printf '%s\n' "$out" | wc -l)" 1 '... one line'
	like "$out" "^\\{\"id\":\"$id\",\"private_key\":\\{\"id\":\"1\",\"pem\"" \
	    '... ids are strings'
	is "$(json certificate pem)" "$(cat "$T/a.leaf")" '... the certificate'
	is "$(json chain pem)" "$(cat "$T/a.chain")" '... the chain'
	is "$(json fullchain pem)" "$(cat "$T/a.crt")" '... both'
	is "$(json private_key pem)" "$(openssl pkey -in "$T/a.key")" \
	    '... the key'
	is "$(json fullchain id)" "$id,1" '... the id of both'
	export_cert --json --id-only b.example
	unlike "$out" pem '--id-only: no PEM'
	is "$(json domain domain_name)" b.example '... the domain'
	is "$(json certificate_signed__latest_single)" null '... of one name'
	is "$(json certificate_signed__latest_multi fullchain id)" 2,1 \
	    '... of several'
	export_cert --json bare.example
	exits 0 '--json without a key'
	is "$(json private_key)" null '... is null'
	is "$(json certificate_signed__latest_single)" null \
	    '... and nothing for a gateway'
	sql "UPDATE domains SET active = 0 WHERE value = 'a.example'"
	export_cert --json a.example
	is "$(json certificate_signed__latest_single)" null 'a disabled domain'
	sql "UPDATE domains SET active = 1 WHERE value = 'a.example'"
else
	skip 15 'needs JSON::PP'
fi

# ---- chains --------------------------------------------------------------------

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/ca.key" -subj '/CN=Other Root/O=x' -out "$T/other.pem"
openssl x509 -in "$T/other.pem" -outform DER -out "$T/other.der"
other=$(sha256sum "$T/other.der" | cut -d' ' -f1)
sql "INSERT INTO ca_certificates (sha256, der, subject, spki_sha256, not_after)
    VALUES (x'$other', readfile('$T/other.der'), 'x', x'00', 9);
    INSERT INTO chains (id, sha256) VALUES (77, x'00');
    INSERT INTO chain_members SELECT 77, 0, id FROM ca_certificates
	WHERE sha256 = x'$ca';
    INSERT INTO chain_members SELECT 77, 1, id FROM ca_certificates
	WHERE sha256 = x'$other';
    INSERT INTO certificate_chains (certificate_id, chain_id, is_default)
    VALUES ($id, 77, 0)"
cat "$T/a.chain" "$T/other.pem" >"$T/long"
ski=$(openssl x509 -in "$T/other.pem" -noout -ext subjectKeyIdentifier |
    tail -n 1 | tr -d ' ')
for pick in "--chain-issuer Other\\ Root" "--chain-fingerprint $other" \
    "--chain-key-id $ski"; do
	eval "export_cert --chain $pick a.example"
	same "$T/long" "$pick"
done
export_cert --chain --chain-shortest a.example
same "$T/a.chain" --chain-shortest
export_cert --chain a.example
same "$T/a.chain" 'the default chain'
for thing in ca_certificate/1:--cert private_key/1:--key \
    upstream_account/1:--key; do
	export_cert "${thing%:*}"
	is "$status $(printf '%s\n' "$err" | head -n 1)" \
	    "100 cert-export: ${thing%:*}: it comes with ${thing#*:}" \
	    "${thing%:*} without its option"
done
export_cert --chain-issuer Nobody a.example
exits 1 'no such chain'
like "$err" '^cert-export: a.example: .*no chain' '... says so'

# ---- files ---------------------------------------------------------------------

export_cert -o "$T/file" a.example
exits 0 '-o'
is "$out$err" '' '... in silence'
ok '... the same' cmp "$T/file" "$T/a.crt"
is "$(stat -c %a "$T/file")" 644 '... for all to read'
ln -s "$T/a.crt" "$T/link"
export_cert -o "$T/link" --bundle b.example
exits 0 '-o, onto a link'
is "$(stat -c '%a %F' "$T/link")" '600 regular file' \
    '... replaces the link; a key is for its owner alone'
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj / -addext subjectAltName=DNS:alone.example -keyout "$T/alone.key" \
    -out "$T/alone.crt"
must "$BIN/cert-import" -q --key "$T/alone.key" "$T/alone.crt"
for pick in '--chain-issuer Nobody' "--bundle --chain-fingerprint $other" \
    '--json --chain-key-id 01:02'; do
	# shellcheck disable=SC2086 # words
	export_cert $pick alone.example
	exits 1 "a certificate without a chain: $pick"
	is "$out" '' '... does not come'
done
export_cert --chain-shortest alone.example
exits 0 '... has no shorter one'
export_cert -o "$T/file" --mode 640 --key a.example
is "$(stat -c %a "$T/file")" 640 --mode
before=$(cat "$T/file")
export_cert -o "$T/file" a.example nosuch.example
exits 1 '-o, when one is not there'
is "$(cat "$T/file")" "$before" '... leaves the file alone'
export_cert -o "$T/none/file" a.example
exits 100 '-o, into no directory'
if [ "$(id -u)" -eq 0 ]; then
	export_cert -o "$T/file" --owner 1234 --group daemon --key a.example
	is "$(stat -c '%u %G %a' "$T/file")" '1234 daemon 600' \
	    '--owner, --group'
else
	skip 1 'needs root'
fi
export_cert -o "$T/file" --owner no-such-user a.example
exits 102 'no such user'
ln -s /dev/null "$T/null"
for file in "$T" "$T/null"; do
	export_cert -o "$file" a.example
	exits 100 '-o, onto what is no file'
done
ok '... is left alone' test -L "$T/null"
export_cert -o - --cert a.example
same "$T/a.leaf" '-o -'

# ---- keys ----------------------------------------------------------------------

for what in --key --bundle; do
	export_cert $what bare.example
	exits 1 "$what without the key"
	is "$err" "cert-export: bare.example: the private key of certificate \
$(sql "SELECT c.id FROM certificates c JOIN fqdn_set_members USING (fqdn_set_id)
    JOIN domains d ON d.id = domain_id WHERE value = 'bare.example'") is not in the store" '... says so'
done
export_cert bare.example
same "$T/bare.crt" 'the certificate without a key'
mv "$T/seal.key" "$T/away"
export_cert --key a.example
exits 102 'the sealing key is not there'
like "$err" "$T/seal.key" '... and named'
export_cert a.example
same "$T/a.crt" '... not needed for certificates'
ln -s seal.key "$T/seal.key"
export_cert --key a.example
exits 102 'a sealing key that cannot be opened'
is "$err" "cert-export: $T/seal.key: cannot open: Too many levels of symbolic links" \
    '... one line'
rm "$T/seal.key"
head -c 32 /dev/urandom | base64 >"$T/seal.key"
chmod 600 "$T/seal.key"
export_cert --key a.example
exits 102 'another sealing key'
mv "$T/away" "$T/seal.key"
sql "CREATE TABLE swap AS SELECT id, der FROM private_keys WHERE id < 3;
    UPDATE private_keys SET der = (SELECT der FROM swap WHERE id = 2)
	WHERE id = 1"
export_cert --key a.example
exits 111 'a key in the place of another'
is "$out" '' '... does not come'
sql "UPDATE private_keys SET der = (SELECT der FROM swap WHERE id = 1)
    WHERE id = 1; DROP TABLE swap"
sed '/certificate_key_file/d' "$ACMED_CONFIG" >"$T/clear.conf"
export_cert -c "$T/clear.conf" --key a.example
exits 102 'sealed, and no sealing key configured'
must openssl genpkey -algorithm ED25519 -out "$T/clear.key"
must "$BIN/private-key" import -c "$T/clear.conf" "$T/clear.key"
spki=$(openssl pkey -in "$T/clear.key" -pubout -outform DER | sha256sum |
    cut -d' ' -f1)
export_cert --key "$spki"
same "$T/clear.key" 'a key that is not sealed'
sql "UPDATE private_keys SET der = (SELECT der FROM private_keys
    WHERE sealed = 1 LIMIT 1) WHERE sealed = 0"
export_cert --key "$spki"
exits 111 'a key in the clear that is none'

# ---- which certificate ---------------------------------------------------------

sign a
export_cert a.example
same "$T/a.crt" 'the newer of two'
sql "UPDATE certificates SET not_after = 1000000000
    WHERE fqdn_set_id = (SELECT fqdn_set_id FROM certificates WHERE id = $id)"
export_cert a.example
same "$T/a.crt" 'expired, and the only one'
like "$err" 'warn: certificate.expired name=a.example' '... with a warning'
is "$(printf '%s\n' "$err" | wc -l)" 1 '... of one line'
export_cert "$id"
is "$err" '' '... but not by its number'

# ---- wrong use -----------------------------------------------------------------

while read -r args; do
	# shellcheck disable=SC2086 # words
	export_cert $args a.example
	exits 100 "wrong use: $args"
done <<-END
	--der --chain
	--der --fullchain
	--der --bundle
	--p7b --key
	--p7b --bundle
	--p12
	--p12 --cert --password-fd 0
	--json --key
	--pem --der
	--p12 --json
	--cert --key
	--der b.example
	--p7b b.example
	--legacy
	--password-fd 0
	--id-only
	--mode 644
	--mode 999 -o x
	--mode 1777 -o x
	--chain-shortest --chain-issuer x
	--delete
	--since 1h
	--verify
	--tree nosuch
	--tree certbot --key
	--tree certbot --pem
	--tree certbot -o x
	--tree certbot --since yesterday
	--chain-fingerprint zz
	--chain-key-id 123
	--cert --chain-issuer x
	--tree certbot --chain-fingerprint zz
	--tree certbot two
	--no-such-option
END
export_cert
exits 100 'no name'

for name in '' a..b; do
	export_cert "$name"
	exits 100 "no name: '$name'"
done
export_cert --p12 --password-fd 9 a.example 9<&-
exits 100 'a descriptor that is closed'
like "$err" 'descriptor 9 is not open' '... is named'
ln -s /proc/self/fd/1 "$T/stdout"
export_cert -o "$T/stdout" a.example
exits 100 'a link to standard output is not replaced'
ok '... and stays' test -L "$T/stdout"
# ---- EXAMPLES of the manual page -----------------------------------------------

echo secret >"$T/secret"
PATH=$BIN:$PATH
mkdir "$T/etc"
run sh -ec "$(sed -n "/^\.Sh EXAMPLES/,/^\.Sh SEE/{
    s|www.example.org|b.example|
    s|/etc/|$T/etc/|g
    s|~/secret|$T/secret|
    s/\\\\e\$/\\\\/
    s/^\\$ //p
    s/^    //p; }" "$SRC/man/cert-export.1")"
exits 0 'the examples'
like "$out" 'BEGIN CERTIFICATE' '... print'
ok '... write a file' test -s "$T/etc/app.pem"
ok '... a PKCS#12' openssl pkcs12 -in "$T/etc/keystore.p12" \
    -passin pass:secret -noout
ok '... a tree' test -s "$T/etc/haproxy/crt-list"

done_testing
