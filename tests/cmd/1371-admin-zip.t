#!/bin/sh
# Goal: config.zip of acmed-admin: an archive that everybody can unpack, of a
# certificate, its key and a chain of its choice; and config.json with that.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl python3

make_export_store
enter one DNS:a.example
request bare DNS:bare.example
must sh -c "'$BIN/acme-sign' --no-record '$T/bare.csr' >'$T/bare.crt'"
must "$BIN/cert-import" "$T/bare.crt"
# Another chain: the intermediate by a key that is not the root's.
sed '1,/END/d' "$T/one.crt" >"$T/ca.pem"
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/cross.key" -subj /CN=cross -out "$T/cross.crt"
openssl x509 -in "$T/ca.pem" -noout -pubkey >"$T/ca.pub"
must openssl x509 -new -force_pubkey "$T/ca.pub" -CA "$T/cross.crt" \
    -CAkey "$T/cross.key" -set_serial 7 -days 30 -extfile /dev/fd/3 \
    -subj "/$(openssl x509 -in "$T/ca.pem" -noout -subject -nameopt RFC2253 |
        sed 's/^subject=//')" -out "$T/crossed.crt" 3<<END
basicConstraints = critical,CA:true
keyUsage = keyCertSign
subjectKeyIdentifier = hash
END
must "$BIN/cert-import" --ca "$T/crossed.crt" "$T/cross.crt"
admin_token read keys+read keys
admin_serve

default=$(sql 'SELECT chain_id FROM certificate_chains
    WHERE certificate_id = 1 AND is_default')
other=$(sql "SELECT max(chain_id) FROM certificate_chains
    WHERE certificate_id = 1 AND chain_id <> $default")
like "$other" '^[0-9]+$' 'there is another chain'

# unzip_body: into $T/zip, as a program that is not ours sees it.
unzip_body() {
	rm -rf "$T/zip"
	must python3 -c '
import stat, sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
z.extractall(sys.argv[2])
for i in z.infolist():
    print(i.filename, oct(i.external_attr >> 16), i.date_time[0] > 2000)
' "$T/body" "$T/zip"
}

# archive PATH CHAIN-FILE NAME: what is in it.
archive() {
	ask "$1"
	is "$code $(header Content-Type)" '200 application/zip' "$3"
	is "$(header Content-Disposition)" 'attachment; filename="cert1.zip"' \
	    '... with its name'
	unzip_body
	is "$(cat "$T/.must")" 'privkey1.pem 0o100600 True
cert1.pem 0o100644 True
chain1.pem 0o100644 True
fullchain1.pem 0o100644 True' '... these files, and the key is for its owner'
	ok '... the key' cmp "$T/zip/privkey1.pem" - <<END
$(openssl pkey -in "$T/one.key")
END
	ok '... the certificate' cmp "$T/zip/cert1.pem" - <<END
$(openssl x509 -in "$T/one.crt")
END
	ok '... the chain' cmp "$T/zip/chain1.pem" "$2"
	cat "$T/zip/cert1.pem" "$T/zip/chain1.pem" >"$T/both"
	ok '... and both' cmp "$T/zip/fullchain1.pem" "$T/both"
}
archive /certificate/1/config.zip "$T/ca.pem" 'config.zip'
archive /certificate-signed/1/config.zip "$T/ca.pem" '... as the seed spells it'
via=/certificate/1/via-certificate-ca-chain/
ask "$via$other/chain.pem"
cp "$T/body" "$T/other.pem"
not_ok 'the other chain is another' cmp -s "$T/other.pem" "$T/ca.pem"
archive "$via$other/config.zip" "$T/other.pem" '... with the other chain'
archive "$via$default/config.zip" "$T/ca.pem" '... with the default by its number'

ask "$via$other/config.json"
is "$code $(header Content-Type)" '200 application/json' 'config.json by a chain'
perl -MJSON::PP -0777 -ne 'print decode_json($_)->{chain}{pem}' "$T/body" \
    >"$T/chain"
ok '... has that chain' cmp "$T/chain" "$T/other.pem"
like "$body" "\"fullchain\":\\{\"id\":\"1,$other\"," '... and its number'
ask "$via$other/config.json?idonly=1" -H "@$T/token.read"
like "$code $body" "^200 .*\"chain\":\\{\"id\":\"$other\"\\}" '... or only that'

for none in /certificate/9/config.zip /certificate/2/config.zip \
    /certificate/x/config.zip "${via}99/config.zip" "${via}x/config.json" \
    "${via}99/config.json"; do
	ask "$none"
	answers 404 "nothing there: $none"
	like "$body" '"result":"error"' '... as JSON'
done
for scope in read keys; do
	for path in /certificate/1/config.zip "$via$other/config.zip" \
	    "$via$other/config.json"; do
		ask "$path" -H "@$T/token.$scope"
		answers 403 "$scope: $path"
		unlike "$(tr -d '\0' <"$T/body")" 'PRIVATE KEY' '... nothing of it'
	done
done
ask /certificate/1/config.zip -H "@$T/token.keys+read"
answers 200 'with read and keys'

done_testing
