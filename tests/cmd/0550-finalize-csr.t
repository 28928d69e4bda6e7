#!/bin/sh
# Goal: finalize: when it may be called, which CSRs are refused and leave the
# order ready, what is issued (RFC 8555 7.4, 11.1).
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
actor alice
key=$T/cert.key

# ---- not ready

new_order early.example.test
misuse '403 orderNotReady' 'finalize of a pending order' \
    --payload "$(finalize_with "$(csr early.example.test)")" "$finalize"
is "$(state_of "$order")" pending 'the order is still pending'

new_order half.example.test other-half.example.test
must_say '200 -' "$order"
"$TOOLS/acme-raw" thumbprint "$ACME_STATE/key" >"$www/thumbprint"
authz=$(get authorizations.1)
challenge_of "$authz" http-01
must_say '200 -' --payload '{}' "$challenge"
settles "$authz" pending processing
is "$state $(state_of "$order")" 'valid pending' 'one of two names validated'
misuse '403 orderNotReady' 'finalize with one of two names validated' \
    --payload "$(finalize_with "$(csr half.example.test \
	other-half.example.test)")" "$finalize"
misuse '403 orderNotReady' 'finalize for the one name validated' \
    --payload "$(finalize_with "$(csr other-half.example.test)")" "$finalize"

# ---- CSRs that are refused; the order stays ready

new_order fin.example.test
authorize
refused() {
	refused_name=$1
	misuse '400 badCSR' "CSR $1" --payload "$(finalize_with "$2")" "$finalize"
	[ "$(state_of "$order")" = ready ] ||
	    fail "CSR $refused_name: the order stays ready"
}
good=$(csr fin.example.test)
cp "$T/csr.der" "$T/good.der"
b64() {
	"$TOOLS/acme-raw" b64
}

refused 'empty' ''
refused 'padded' "$good="
refused 'in another alphabet' "$(openssl base64 -A -in "$T/good.der")+/"
refused 'as PEM' "$(openssl req -inform DER -in "$T/good.der" | tr '\n' ' ')"
refused 'as PEM in base64url' \
    "$(openssl req -inform DER -in "$T/good.der" | b64)"
refused 'with trailing bytes' "$( (cat "$T/good.der"; printf x) | b64)"
refused 'cut short' "$(head -c 100 "$T/good.der" | b64)"
refused 'of rubbish' "$(head -c 300 /dev/zero | b64)"
refused 'that is a certificate' "$(openssl x509 -in "$issuer" -outform DER | b64)"
refused 'of an empty sequence' "$(printf '0\000' | b64)"
refused 'beyond the limit' "$(csr -s "/CN=fin.example.test/O=$(
    head -c 60 /dev/zero | tr '\0' x)" fin.example.test >/dev/null;
    (cat "$T/csr.der"; head -c 20000 /dev/zero) | b64)"

size=$(wc -c <"$T/good.der")
refused 'with a bad signature' "$( (head -c $((size - 1)) "$T/good.der"
    tail -c 1 "$T/good.der" | tr '\000-\377' '\001-\377\000') | b64)"
must "$TOOLS/acme-raw" key p256 "$T/stranger"
csr -k "$T/stranger" fin.example.test >/dev/null
refused 'for a key that did not sign it' "$(perl -0777 -e '
    # The other request with the public key of ours put in its place.
    my ($ours, $theirs) = map { open my $f, "<", $_; local $/; <$f> } @ARGV;
    my $head = pack "H*", "3059301306072a8648ce3d020106082a8648ce3d030107034200";
    my ($a, $b) = map { index $_, $head } $ours, $theirs;
    substr($theirs, $b, 91) = substr $ours, $a, 91;
    print $theirs' "$T/good.der" "$T/csr.der" | b64)"

refused 'with a name missing and one too many' "$(csr other.example.test)"
refused 'with a name too many' "$(csr fin.example.test other.example.test)"
refused 'with an address too many' "$(csr fin.example.test IP:127.0.0.1)"
refused 'with a wildcard too many' "$(csr fin.example.test '*.example.test')"
refused 'without names' "$(csr)"
refused 'with a foreign CN' \
    "$(csr -s /CN=other.example.test fin.example.test)"
refused 'with two CNs, one foreign' \
    "$(csr -s /CN=fin.example.test/CN=other.example.test fin.example.test)"
refused 'with a CN that holds a name more' \
    "$(csr -s '/CN=fin.example.test,DNSNAME=victim.corp' fin.example.test)"
refused 'with a CN alone, foreign' "$(csr -s /CN=other.example.test)"
refused 'with an e-mail address' "$(csr fin.example.test email:a@example.com)"
refused 'with a URI' "$(csr fin.example.test URI:https://fin.example.test/)"
refused 'with another name' \
    "$(csr fin.example.test 'otherName:1.2.3.4;UTF8:x')"
refused 'with a registered id' "$(csr fin.example.test RID:1.2.3.4)"
refused 'with a directory name' "$(
    cat >"$T/dir.cnf" <<-CNF
	[req]
	distinguished_name = dn
	req_extensions = ext
	[dn]
	[ext]
	subjectAltName = DNS:fin.example.test, dirName:d
	[d]
	CN = fin.example.test
	CNF
    openssl req -new -config "$T/dir.cnf" -key "$key" -subj / -outform DER | b64)"
refused 'that wants to be a CA' \
    "$(csr -o '-addext basicConstraints=critical,CA:TRUE' fin.example.test)"

weak() {
	refused "$1" "$(csr -k "$2" fin.example.test)"
}
must "$TOOLS/acme-raw" key rsa:1024 "$T/rsa1024"
weak 'with RSA 1024' "$T/rsa1024"
must openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
    -pkeyopt rsa_keygen_pubexp:3 -out "$T/rsa3"
weak 'with RSA exponent 3' "$T/rsa3"
must openssl ecparam -name prime192v1 -genkey -noout -out "$T/p192"
weak 'with P-192' "$T/p192"
must openssl ecparam -name secp256k1 -genkey -noout -out "$T/k256"
weak 'with secp256k1' "$T/k256"
must openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 \
    -out "$T/dsa.param"
must openssl genpkey -paramfile "$T/dsa.param" -out "$T/dsa"
weak 'with DSA' "$T/dsa"
weak 'with the account key' "$ACME_STATE/key"
actor bob
as alice
weak 'with the key of another account' "$T/bob/key"
refused 'signed with SHA-1' "$(csr -o -sha1 fin.example.test)"
must "$TOOLS/acme-raw" key rsa:2048 "$T/rsa2048"
refused 'signed with MD5' "$(csr -k "$T/rsa2048" -o -md5 fin.example.test)"

openssl pkey -in "$T/stranger" -pubout -outform DER | sha256sum |
    cut -d' ' -f1 >"$T/blocked"
blocked_csr=$(csr -k "$T/stranger" fin.example.test)
variant "$T/blocked.conf" policy.key_blocklist_file="$T/blocked"
become alice "$T/blocked.conf"
raw --payload '{"onlyReturnExisting":true}' @newAccount
refused 'with a blocked key' "$blocked_csr"
become alice "$plain"
raw --payload '{"onlyReturnExisting":true}' @newAccount

whole=$order whole_finalize=$finalize
new_order m1.example.test m2.example.test
authorize
refused 'with a name missing' "$(csr m1.example.test)"
refused 'with a name in the place of another' \
    "$(csr m1.example.test m3.example.test)"
refused 'with a name twice, another missing' \
    "$(csr m1.example.test m1.example.test)"
order=$whole finalize=$whole_finalize

# ---- payloads of finalize

for payload in '{}' '{"csr":7}' '{"csr":null}' '{"csr":["x"]}' '{"x":1}'; do
	raw --payload "$payload" "$finalize"
	like "$reply" '^400 (malformed|badCSR)$' "finalize $payload"
done
is "$(state_of "$order")" ready 'the order is ready still'

# ---- a good one

csr -s /CN=fin.example.test FIN.example.test >/dev/null
works '200 -' 'finalize' --payload "$(finalize_with "$(b64 <"$T/csr.der")")" \
    "$finalize"
is "$(header Location)" "$order" 'finalize: Location is the order'
like "$(get status)" '^(processing|valid)$' 'finalize: status'
[ "$(get status)" != processing ] || [ -n "$(header Retry-After)" ]
is $? 0 'finalize: Retry-After while processing'
settles "$order" processing
is "$state" valid 'the order becomes valid'
certificate=$(get certificate)
is "$certificate" "$base/certificate/${order##*/}" 'valid order: certificate'
is "$(members .)" 'authorizations certificate expires finalize identifiers status' \
    'valid order: its members'
is "$(header Location)" "$order" 'valid order: Location'
misuse '403 orderNotReady' 'finalize of a valid order' \
    --payload "$(finalize_with "$good")" "$finalize"
is "$(state_of "$order")" valid 'the order stays valid'

# ---- the certificate

works '200 -' 'certificate' "$certificate"
is "$(header Content-Type)" application/pem-certificate-chain \
    'certificate: Content-Type'
cp "$ACME_STATE/body" "$T/chain.pem"
is "$(grep -v -e '^[A-Za-z0-9+/=]*$' "$T/chain.pem" | sort -u | paste -sd' ' -)" \
    '-----BEGIN CERTIFICATE----- -----END CERTIFICATE-----' \
    'certificate: PEM, LF, and nothing between'
[ "$(grep -c BEGIN "$T/chain.pem")" -ge 2 ] || header Link | grep -q up
is $? 0 'certificate: a chain'
is "$(tail -c 1 "$T/chain.pem" | od -An -tx1 | tr -d ' ')" 0a \
    'certificate: ends with a newline'
ok 'certificate: verifies, for the name of the order' \
    cert_is "$T/chain.pem" fin.example.test
is "$(openssl x509 -in "$T/chain.pem" -noout -pubkey)" \
    "$(openssl pkey -in "$key" -pubout)" 'certificate: for the key of the CSR'
text=$(openssl x509 -in "$T/chain.pem" -noout -text)
like "$text" 'Version: 3' 'certificate: version 3'
like "$text" 'CA:FALSE' 'certificate: CA:FALSE'
like "$text" 'TLS Web Server Authentication' 'certificate: serverAuth'
like "$text" 'Authority Key Identifier' 'certificate: AKI'
is "$(openssl x509 -in "$T/chain.pem" -noout -subject | tr -d ' ')" subject= \
    'certificate: the subject is empty'
start=$(date -d "$(openssl x509 -in "$T/chain.pem" -noout -startdate |
    cut -d= -f2)" +%s)
end=$(date -d "$(openssl x509 -in "$T/chain.pem" -noout -enddate |
    cut -d= -f2)" +%s)
[ $((end - start + 1)) -le $((90 * 86400 + 3600)) ] &&
    [ "$end" -gt "$(date -d '+80 days' +%s)" ]
is $? 0 'certificate: lives as long as configured, not a second more'
misuse '200 -' 'certificate again' "$certificate"
is "$(cat "$ACME_STATE/body")" "$(cat "$T/chain.pem")" \
    'certificate again: the same'
misuse '400 malformed' 'certificate with a payload' --payload '{}' "$certificate"
misuse '405 malformed' 'GET certificate' -X GET "$certificate"
is "$(header Allow)" POST 'GET certificate: Allow: POST'

# ---- several names, addresses, other keys, other requests

issue b.example.test a.example.test IP:127.0.0.1
ok 'names and an address' cert_is "$T/chain.pem" a.example.test \
    b.example.test IP:127.0.0.1
for type in p384 rsa:2048 rsa:3072; do
	must "$TOOLS/acme-raw" key $type "$T/key-$type"
	issue -k "$T/key-$type" "k.example.test"
	ok "certificate for $type" cert_is "$T/chain.pem" k.example.test
done
new_order cn.example.test
authorize
works '200 -' 'CSR whose only name is its CN' --payload \
    "$(finalize_with "$(csr -s /CN=cn.example.test)")" "$finalize"
settles "$order" processing
must_say '200 -' "$(get certificate)"
ok 'name from the CN' cert_is "$ACME_STATE/body" cn.example.test
new_order ext.example.test
authorize
works '200 -' 'CSR that asks for more: subject, usages' --payload \
    "$(finalize_with "$(csr -s '/O=Evil/OU=x/CN=ext.example.test' \
	-o '-addext keyUsage=keyCertSign' \
	-o '-addext extendedKeyUsage=codeSigning' ext.example.test)")" "$finalize"
settles "$order" processing
must_say '200 -' "$(get certificate)"
text=$(openssl x509 -in "$ACME_STATE/body" -noout -text)
unlike "$text" 'Evil|Code Signing|Certificate Sign' \
    'certificate: nothing of the CSR but its key and names'

# ---- one certificate for each order, however many ask at once

new_order race.example.test
authorize
payload=$(finalize_with "$(csr race.example.test)")
for i in 1 2 3 4; do
	cp -R "$T/alice" "$T/racer$i"
	rm -f "$T/racer$i/nonce"
	(
		as "racer$i"
		raw --payload "$payload" "$finalize"
		echo "$reply" >"$T/racer$i.reply"
	) &
	racers="${racers:-} $!"
done
# shellcheck disable=SC2086 # a list
wait $racers
is "$(sort "$T"/racer?.reply | uniq -c | sed 's/^ *//' | paste -sd, -)" \
    '1 200 -,3 403 orderNotReady' 'four finalizes at once: one is accepted'
settles "$order" processing
is "$state" valid 'four finalizes at once: the order is valid'
is "$(peek "SELECT count(*) FROM certificates c
    JOIN fqdn_set_members m ON m.fqdn_set_id = c.fqdn_set_id
    JOIN domains d ON d.id = m.domain_id WHERE d.value = 'race.example.test'")" 1 'four finalizes at once: one certificate'

# ---- the signer is not there

variant "$T/unsigned.conf" signer.socket="$T/nobody.sock"
become unsigned "$T/unsigned.conf"
must_say '201 -' --payload '{}' @newAccount
new_order down.example.test
authorize
works '503 serverInternal' 'finalize while the signer is down' \
    --payload "$(finalize_with "$(csr down.example.test)")" "$finalize"
[ -n "$(header Retry-After)" ]
is $? 0 'signer down: Retry-After'
is "$(state_of "$order")" ready 'signer down: the order is ready again'


# ---- the signer took the request and says nothing

perl -MIO::Socket::UNIX -e '
	my $l = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 8) or die;
	my @c;
	print "ready\n"; close STDOUT;
	while (my $c = $l->accept) { push @c, $c }' "$T/slow.sock" \
    >"$T/slow.out" &
slow=$!
must wait_for 5 grep -q ready "$T/slow.out"
variant "$T/slow.conf" signer.socket="$T/slow.sock" signer.timeout=1s
become slow "$T/slow.conf"
must_say '201 -' --payload '{}' @newAccount
new_order slow.example.test
authorize
works '200 -' 'finalize while the signer is slow' \
    --payload "$(finalize_with "$(csr slow.example.test)")" "$finalize"
is "$(get status) $(header Location)" "processing $order" \
    'signer slow: the order is processing'
[ -n "$(header Retry-After)" ]
is $? 0 'signer slow: Retry-After'
misuse '200 -' 'processing order read' "$order"
is "$(get status) $(header Retry-After | grep -c '^[0-9]')" 'processing 1' \
    'processing order: Retry-After'
is "$(get certificate)" '' 'processing order: no certificate member'
misuse '403 orderNotReady' 'finalize of a processing order' \
    --payload "$(finalize_with "$(csr slow.example.test)")" "$finalize"
misuse '404 malformed' 'certificate of a processing order' \
    "$base/certificate/${order##*/}"
kill "$slow"
wait "$slow" 2>/dev/null
tamper "UPDATE jobs SET due = 0 WHERE kind = 'issue'"
run "$BIN/acme-sign" sweep -c "$plain"
exits 0 'acme-sign sweep'
is "$(state_of "$order")" valid 'acme-sign sweep: the order is valid'
must_say '200 -' "$(get certificate)"
ok 'acme-sign sweep: the certificate is right' \
    cert_is "$ACME_STATE/body" slow.example.test

store_is_sound
done_testing
