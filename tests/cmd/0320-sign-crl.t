#!/bin/sh
# Goal: the revocation list has what was revoked and has not expired, and
# replaces the one of before with a greater number.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/sign.sh"

crl_text() {
	openssl crl -inform "${2:-DER}" -in "$1" -noout -text
}

number() {
	crl_text "$1" | sed -n '/CRL Number/{n;s/ //gp;}'
}

# revoke NAME REASON: marks the certificate in $T/NAME.pem; its serial.
revoke() {
	serial=$(openssl x509 -in "$T/$1.pem" -noout -serial | cut -d= -f2)
	must sqlite3 "$T/store/acmed.sqlite" "UPDATE certificates
	    SET status = 'revoked', revoked_at = 1700000000,
	    revocation_reason = $2 WHERE upper(serial) = '$serial'"
	echo "$serial"
}

make_ca 'crl_lifetime = 2d'
for name in a b c; do
	csr "$name" / "DNS:$name.example"
	acme_sign "$T/$name.csr"
	cp "$T/out" "$T/$name.pem"
done

acme_sign crl
exits 0 'a list without an entry'
is "$out$err" '' 'in silence'
ok 'openssl verifies it' openssl crl -inform DER -in "$CA/crl.der" -noout \
    -CAfile "$CA/intermediate.crt"
like "$(crl_text "$CA/crl.der")" 'No Revoked Certificates' 'it is empty'
is "$(stat -c %a "$CA/crl.der")" 644 'everybody may read it'
first=$(number "$CA/crl.der")

a=$(revoke a NULL) b=$(revoke b 1)
cp "$T/c.pem" "$T/expired.pem"
revoke expired 1 >/dev/null
must sqlite3 "$T/store/acmed.sqlite" "UPDATE certificates
    SET not_before = 1, not_after = 2 WHERE id = 3"
acme_sign crl
exits 0 'a list with entries'
text=$(crl_text "$CA/crl.der")
is "$(echo "$text" | grep -c 'Serial Number')" 2 \
    'two entries: what has expired is left out'
like "$text" "Serial Number: $a" 'the first'
like "$text" "Serial Number: $b" 'the second'
like "$text" 'Revocation Date: Nov 14 22:13:20 2023 GMT' 'with its time'
is "$(echo "$text" | grep -c 'CRL Reason Code')" 1 'a reason if there is one'
like "$text" 'Key Compromise' 'and which'
ok 'the number has grown' test "$(number "$CA/crl.der")" -gt "$first"
life=$(($(date -d "$(echo "$text" | sed -n 's/.*Next Update: //p')" +%s) - \
    $(date -d "$(echo "$text" | sed -n 's/.*Last Update: //p')" +%s)))
is "$life" $((2 * 86400)) 'crl_lifetime'

openssl crl -inform DER -in "$CA/crl.der" -out "$T/crl.pem"
cat "$CA/root.crt" "$CA/intermediate.crt" >"$T/ca.pem"
not_ok 'openssl refuses the revoked one' openssl verify -crl_check \
    -CRLfile "$T/crl.pem" -CAfile "$T/ca.pem" "$T/a.pem"
ok 'and no other' openssl verify -crl_check \
    -CRLfile "$T/crl.pem" -CAfile "$T/ca.pem" "$T/c.pem"

# Another file, as PEM.
echo "crl_file = $T/list.pem" >>"$CONF"
acme_sign crl
exits 0 'crl_file'
acme_sign crl
exits 0 'twice'
like "$(crl_text "$T/list.pem" PEM)" "Serial Number: $a" 'PEM by its name'
echo 'notes' >"$T/list.pem"
acme_sign crl
exits 100 'a file that is no list'
is "$(cat "$T/list.pem")" notes 'is not overwritten'

sed "s|^\[local-ca\]|&\ncrl_file = $T/none/crl|" "$CONF" >"$T/nowhere.conf"
run "$BIN/acme-sign" crl -c "$T/nowhere.conf"
exits 102 'crl_file where none can be'

# Nothing would tell whose the revoked certificates are.
must openssl req -new -key "$CA/intermediate.key" -subj /CN=x -out "$T/ca.csr"
printf 'basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=none\n' >"$T/ext"
must openssl x509 -req -in "$T/ca.csr" -CA "$CA/root.crt" \
    -CAkey "$CA/root.key" -days 5 -extfile "$T/ext" -out "$T/ca.crt"
cat "$T/ca.crt" >"$CA/intermediate.crt"
run "$BIN/acme-sign" crl -c "$CONF"
exits 102 'a CA without subject key identifier'
like "$err" 'subject key identifier' '... is refused'

done_testing
