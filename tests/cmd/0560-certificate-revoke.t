#!/bin/sh
# Goal: revocation by the account, by the certificate's key, and by another
# account that holds all names (RFC 8555 7.6).
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
actor alice
actor bob
revoke=$base/revoke-cert

# certificate FILE NAME...: alice gets one, FILE.key is its key.
certificate() {
	as alice
	certificate_file=$1
	shift
	must "$TOOLS/acme-raw" key p256 "$certificate_file.key"
	issue -k "$certificate_file.key" "$@"
	cp "$T/chain.pem" "$certificate_file"
}
payload() {
	printf '{"certificate":"%s"%s}' "$(cert_b64 "$1")" "${2:-}"
}

# ---- what is refused

certificate "$T/one" one.example.test
while IFS='|' read -r name value; do
	misuse '400 badRevocationReason' "reason $name" \
	    --payload "$(payload "$T/one" ",\"reason\":$value")" "$revoke"
done <<'EOT'
7, which does not exist|7
11|11
-1|-1
2, of the CA|2
6, hold|6
8, for CRL changes|8
9|9
10, of the CA|10
1.5|1.5
text|"1"
null|null
true|true
beyond 32 bits|4294967297
EOT
for value in '{}' '{"certificate":7}' '{"certificate":null}' \
    '{"certificate":""}' '{"certificate":"AA"}' '{"certificate":"!"}'; do
	misuse '400 malformed' "revokeCert $value" --payload "$value" "$revoke"
done
misuse '400 malformed' 'certificate padded' --payload \
    "{\"certificate\":\"$(cert_b64 "$T/one")==\"}" "$revoke"
misuse '400 malformed' 'certificate with trailing bytes' --payload \
    "{\"certificate\":\"$( (openssl x509 -in "$T/one" -outform DER; printf x) |
	"$TOOLS/acme-raw" b64)\"}" "$revoke"
must openssl req -x509 -new -key "$T/one.key" -subj /CN=one.example.test \
    -days 1 -out "$T/foreign"
misuse '404 malformed' 'certificate that we did not issue' \
    --payload "$(payload "$T/foreign")" "$revoke"
misuse '404 malformed' 'certificate of the CA itself' \
    --payload "$(payload "$issuer")" "$revoke"
must openssl req -x509 -new -key "$T/one.key" -subj /CN=x -days 1 \
    -addext basicConstraints=critical,CA:FALSE \
    -addext subjectAltName=DNS:one.example.test -out "$T/imported"
must "$BIN/cert-import" -c "$config" "$T/imported"
is "$(status_of "$T/imported")" valid 'a certificate of another CA is in the store'
works '404 malformed' 'its key does not revoke it here' --jwk \
    -k "$T/one.key" --payload "$(payload "$T/imported")" "$revoke"
works '404 malformed' 'nor does an account that holds its name' \
    --payload "$(payload "$T/imported")" "$revoke"
is "$(status_of "$T/imported")" valid '... and it stays valid'
as bob
misuse '403 unauthorized' 'by an account that has nothing to do with it' \
    --payload "$(payload "$T/one")" "$revoke"
must "$TOOLS/acme-raw" key p256 "$T/stranger"
misuse '403 unauthorized' 'by a key that is not the certificate'"'"'s' --jwk \
    -k "$T/stranger" --payload "$(payload "$T/one")" "$revoke"
misuse '403 unauthorized' 'by the key of the account, as jwk' --jwk \
    -k "$T/alice/key" --payload "$(payload "$T/one")" "$revoke"
misuse '400 malformed' 'by the key of the certificate, wrong signature' --jwk \
    -k "$T/one.key" --spoil flip --payload "$(payload "$T/one")" "$revoke"
is "$(status_of "$T/one")" valid 'nothing of this has revoked it'

# ---- by the account

as alice
works '200 -' 'by the account' --payload "$(payload "$T/one")" "$revoke"
is "$(wc -c <"$ACME_STATE/body")" 0 'revokeCert: no body'
is "$(status_of "$T/one")" revoked 'by the account: revoked'
misuse '400 alreadyRevoked' 'a second time' --payload "$(payload "$T/one")" \
    "$revoke"
misuse '400 alreadyRevoked' 'a second time, with a reason' \
    --payload "$(payload "$T/one" ',"reason":1')" "$revoke"
misuse '400 alreadyRevoked' 'a second time, by its key' --jwk -k "$T/one.key" \
    --payload "$(payload "$T/one")" "$revoke"
for reason in 0 1 3 4 5; do
	certificate "$T/r$reason" "r$reason.example.test"
	works '200 -' "by the account, reason $reason" \
	    --payload "$(payload "$T/r$reason" ",\"reason\":$reason")" "$revoke"
done
is "$(peek "SELECT c.revocation_reason FROM
    certificates c JOIN fqdn_set_members m ON m.fqdn_set_id = c.fqdn_set_id
    JOIN domains n ON n.id = m.domain_id
    WHERE n.value = 'r4.example.test'")" 4 'the reason is kept'
works '200 -' 'certificate of a revoked one can still be read' "$certificate"

# ---- by the certificate's key, with no account at all

certificate "$T/two" two.example.test
become nobody
works '200 -' 'by the key of the certificate' --jwk -k "$T/two.key" \
    --payload "$(payload "$T/two" ',"reason":1')" "$revoke"
is "$(status_of "$T/two")" revoked 'by the key: revoked'

# ---- by another account that holds authorizations for all names

certificate "$T/three" x.example.test y.example.test
as bob
new_order x.example.test
authorize
misuse '403 unauthorized' 'by an account that holds one of two names' \
    --payload "$(payload "$T/three")" "$revoke"
new_order y.example.test
authorize
works '200 -' 'by an account that holds both names' \
    --payload "$(payload "$T/three")" "$revoke"
is "$(status_of "$T/three")" revoked 'by another account: revoked'

# ---- an account that is gone

certificate "$T/mine" mine.example.test

certificate "$T/four" four.example.test
as alice
must_say '200 -' --payload '{"status":"deactivated"}' @account
misuse '401 unauthorized' 'by a deactivated account' \
    --payload "$(payload "$T/four")" "$revoke"
is "$(status_of "$T/four")" valid 'deactivation of the account revokes nothing'
become nobody
works '200 -' 'by the key, though the account is gone' --jwk \
    -k "$T/four.key" --payload "$(payload "$T/four")" "$revoke"

# ---- the list of the CA

variant "$T/crl.conf" local-ca.crl_file="$T/crl"
run "$BIN/acme-sign" crl -c "$T/crl.conf"
exits 0 'acme-sign crl'
crl=$(openssl crl -in "$T/crl" -noout -text 2>/dev/null ||
    openssl crl -inform DER -in "$T/crl" -noout -text)
for file in one two three; do
	serial=$(openssl x509 -in "$T/$file" -noout -serial | cut -d= -f2)
	like "$crl" "Serial Number: 0*$serial" "the CRL lists $file"
done
unlike "$crl" "Serial Number: 0*$(openssl x509 -in "$T/mine" -noout -serial |
    cut -d= -f2)" 'the CRL lists no other'

store_is_sound
done_testing
