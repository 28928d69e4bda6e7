#!/bin/sh
# Goal: cert-manage changes states, puts aside what is of no more use but never
# what serves, revokes with a key what it is for, and prefers chains.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/store.sh"
skip_unless_has openssl sqlite3

make_store

# issue KEY NAME...: a certificate for a key, which is made if it is not there.
issue() {
	key=$T/$1.pem
	shift
	[ -e "$key" ] ||
	    openssl ecparam -name prime256v1 -genkey -noout -out "$key"
	san=$(printf ',DNS:%s' "$@")
	openssl req -new -key "$key" -subj / -out "$T/csr.pem" \
	    -addext "subjectAltName=${san#,}" || return
	"$BIN/acme-sign" "$T/csr.pem" >"$T/chain.pem"
}
sql() {
	must sqlite3 "$T/store/acmed.sqlite" "$1"
}
cm() {
	run "$BIN/cert-manage" "$@"
}
# ids ARGUMENT...: the certificates that cert-list finds.
ids() {
	"$BIN/cert-list" --no-header "$@" | cut -f1 | paste -sd' ' -
}
must issue one a.example
must issue one a.example
must issue two a.example b.example
must issue three c.example
must "$BIN/private-key" import "$T/one.pem"

# ---- one by one ----------------------------------------------------------------

cm deactivate 1 certificate/2
exits 0 'deactivate'
is "$out$err" '' '... is silent'
is "$(ids --state deactivated)" '1 2' '... and done'
cm deactivate 1 4 77
exits 1 'deactivate: one that is, one that is not there'
like "$err" 'certificate 1 is deactivated' '... say so'
like "$err" '77: no such certificate' '... both'
is "$(ids --state deactivated)" '1 2 4' '... and the third is done'
sha256=$("$BIN/cert-list" --no-header 4 | cut -f12)
cm activate "$(echo "$sha256" | cut -c1-10)"
exits 0 'activate, by the beginning of a SHA-256'
"$BIN/cert-list" --state deactivated >"$T/list"
run "$BIN/cert-manage" activate - <"$T/list"
exits 100 'activate what cert-list prints'
like "$err" 'id: neither the number of a certificate' '... but for the header'
is "$(ids --state deactivated)" '' '... is done'
cm deactivate a.example
exits 100 'deactivate: a name'
cm auto-renew on 3
exits 0 'auto-renew on'
cm auto-renew on 3
exits 1 '... twice'
is "$("$BIN/cert-list" --no-header 3 | cut -f6)" yes '... is on'
cm auto-renew off 3
exits 0 'auto-renew off'
cm auto-renew maybe 3
exits 100 'auto-renew: another word'
cm domain disable A.example
exits 0 'domain disable'
like "$("$BIN/cert-list" show domain/a.example)" '^enabled: +no$' '... is disabled'
cm domain disable a.example nobody.example
exits 1 'domain disable: one that is, one that is not there'
like "$err" 'nobody.example: no such domain' '... is named'
cm domain enable a.example
exits 0 'domain enable'
run "$BIN/acmed-store" log
like "$out" 'domain.disable	domain/1	cert-manage	' 'all of it is logged'

# ---- what is of no more use ------------------------------------------------------

now=$(date +%s)
sql "UPDATE certificates SET not_after = $now - 3000 WHERE id = 2;
    UPDATE certificates SET not_after = $now - 2000 WHERE id IN (1, 3)"
cm update-recents --dry-run --no-header
is "$out" 1 'update-recents --dry-run: how many names'
cm update-recents
exits 0 'update-recents'
is "$out$err" '' '... is silent'
cm update-recents -nj
is "$out" '{"domains":0}' '... and done'
cm deactivate-expired -n --no-header
exits 0 'deactivate-expired --dry-run'
is "$(printf '%s\n' "$out" | cut -f1)" 2 '... not the latest of any name'
is "$(ids --state deactivated)" '' '... changes nothing'
cm deactivate-expired
exits 0 'deactivate-expired'
is "$out$err" '' '... is silent'
is "$(ids --state deactivated)" 2 '... and done'
like "$("$BIN/cert-list" show 2)" 'certificate.deactivate by cert-manage: expired' \
    '... and logged'
cm deactivate-expired -n --no-header
is "$out" '' '... and nothing is left'
cm activate 2
# 2 is served as long as the later 1 has not begun.
sql "UPDATE certificates SET not_before = $now + 2000 WHERE id = 1"
cm deactivate-expired -n --no-header
is "$out" '' '... nor the last that has begun'
sql "UPDATE certificates SET not_before = $now - 9000 WHERE id = 1"
sql "UPDATE certificates SET not_after = $now + 3000 WHERE id = 1;
    UPDATE certificates SET not_after = $now + 2000 WHERE id IN (2, 3)"
# What something else has changed is noticed first.
sql 'UPDATE domains SET latest_single_id = NULL, latest_multi_id = NULL'
cm deactivate-expired
is "$(ids --state deactivated)" '' 'deactivate-expired works out the latest'
cm deactivate-duplicates -n --no-header
is "$(printf '%s\n' "$out" | cut -f1)" 2 'deactivate-duplicates --dry-run'
cm deactivate-duplicates
exits 0 'deactivate-duplicates'
is "$(ids --state deactivated)" 2 '... the one that ends first'

# ---- prefer --------------------------------------------------------------------

cm prefer --no-header
is "$out" '' 'prefer: nothing yet'
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/ca2.key" -subj '/CN=other' -outform DER -out "$T/ca2.der"
sql "INSERT INTO ca_certificates (sha256, der, subject, spki_sha256, not_after,
	source) VALUES (X'$(sha256sum <"$T/ca2.der" | cut -d' ' -f1)',
	readfile('$T/ca2.der'), 'CN=other', zeroblob(32), 2000000000, 'import');
    INSERT INTO chains (sha256) VALUES (zeroblob(32));
    INSERT INTO chain_members VALUES (2, 0, 2);
    INSERT INTO certificate_chains (certificate_id, chain_id, is_default)
    VALUES (4, 2, 0)"
served() {
	"$BIN/cert-list" show --tsv 4 | sed -n 's/^served_chain	//p'
}
is "$(served)" chain/1 'a certificate with two chains has the first'
cm prefer ca_certificate/2
exits 0 'prefer'
is "$(served)" chain/2 '... and then the other'
"$BIN/cert-export" --chain 4 | openssl x509 -outform DER -out "$T/exported"
ok '... which is exported' cmp "$T/exported" "$T/ca2.der"
cm prefer -j
like "$out" '^\{"position":1,"id":2,"subject":"CN=other","not_after":"2033' \
    'prefer: what there is'
cm prefer 1 "$(sha256sum <"$T/ca2.der" | cut -c1-12)"
is "$(served)" chain/1 'prefer: the first of two'
cm prefer 2 2
exits 100 'prefer: one twice'
cm prefer 77
exits 1 'prefer: one that is not there'
cm prefer none
exits 0 'prefer none'
cm prefer --no-header
is "$out" '' '... leaves none'

# ---- compromise ----------------------------------------------------------------

cm compromise 1
exits 0 'compromise'
is "$(ids --state revoked)" '2 1' '... revokes its certificates'
like "$("$BIN/cert-list" show 1)" '^revocation_reason: +1$' \
    '... with the reason keyCompromise'
like "$("$BIN/private-key" list 1)" '	compromised	' '... and the key is'
cm activate 1
exits 1 'there is no way back'
cm compromise 1
exits 1 'compromise: twice'
must "$BIN/acme-sign" crl
openssl crl -in "$T/ca/crl.pem" -noout -text >"$T/crl" 2>/dev/null ||
    openssl crl -inform DER -in "$T/ca/crl.der" -noout -text >"$T/crl"
is "$(grep -c 'Key Compromise' "$T/crl")" 2 'both are in the CRL'
must "$BIN/private-key" import "$T/three.pem"
must "$BIN/private-key" compromise 2
is "$(ids --state revoked)" '2 1 4' 'private-key compromise does the same'

# ---- no names -------------------------------------------------------------------

must "$BIN/acmed-store" -s "$T/mail.sqlite" init
for who in alice bob; do
	must openssl req -x509 -key "$T/one.pem" -subj / -out "$T/$who.crt" \
	    -addext "subjectAltName=email:$who@x.test" \
	    -addext basicConstraints=CA:FALSE
	must "$BIN/cert-import" -q -s "$T/mail.sqlite" "$T/$who.crt"
done
cm deactivate-duplicates -s "$T/mail.sqlite"
exits 0 'deactivate-duplicates: certificates without a name'
is "$(sqlite3 "$T/mail.sqlite" \
    'SELECT count(*) FROM certificates WHERE active = 1')" 2 \
    '... stand in for none'

# ---- EXAMPLES of the manual page -------------------------------------------------

must "$BIN/private-key" import "$T/two.pem"
PATH=$BIN:$PATH
# Those of renewal are for 1200-renew-queue.t, 1270-failover.t and
# 1275-renewal-add.t.
sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/{ /manage renewal\|failover\|^\$ renew-queue\|upstream_account/d; s/^\$ //p; s/^    cert-/cert-/p; }' \
    "$SRC/man/cert-manage.1" |
sed 's/compromise 1/compromise 3/; s/Old CA/acmed CA/' >"$T/examples"
is "$(wc -l <"$T/examples")" 8 'there are examples'
run sh -e "$T/examples"
exits 0 'the examples'
is "$(ids --state revoked --key 3)" 3 '... the key was compromised'
cm deactivate
exits 100 'nothing to deactivate'
cm dance
exits 100 'no such command'
run "$BIN/acmed-store" check
unlike "$out$err" 'latest' 'acmed-store check: the latest ones are right'

done_testing
