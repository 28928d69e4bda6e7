#!/bin/sh
# Goal: cert-list finds certificates by all that is known of them, shows each
# thing in full, counts what ends, and says why a name is served as it is.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/store.sh"
skip_unless_has openssl sqlite3

make_store

# issue NAME...: a certificate, with a new key in $T/key.pem.
issue() {
	san=$(printf ',DNS:%s' "$@")
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$T/key.pem" -subj / -addext "subjectAltName=${san#,}" \
	    -out "$T/csr.pem" 2>/dev/null || return
	"$BIN/acme-sign" "$T/csr.pem" >"$T/chain.pem"
}
must issue a.example
must "$BIN/private-key" import "$T/key.pem"
must issue a.example b.example
must issue '*.example.org'
must issue www.example.org
openssl x509 -in "$T/chain.pem" -outform DER >"$T/4.der"
sql() {
	must sqlite3 "$T/store/acmed.sqlite" "$1"
}
now=$(date +%s)
# Their ends: 1 in ten days, 2 in twenty, 3 in thirty, 4 was yesterday.
sql "UPDATE certificates SET not_after = $now + 10 * 86400 WHERE id = 1;
    UPDATE certificates SET not_after = $now + 20 * 86400 WHERE id = 2;
    UPDATE certificates SET not_after = $now + 30 * 86400 WHERE id = 3;
    UPDATE certificates SET not_after = $now - 86400 WHERE id = 4;"

cl() {
	run "$BIN/cert-list" "$@"
}
# ids ARGUMENT...: those that are found, in their order.
ids() {
	cl --no-header "$@"
	printf '%s\n' "$out" | cut -f1 | paste -sd' ' -
}

# ---- search --------------------------------------------------------------------

is "$(ids)" '4 1 2 3' 'all, by their end'
cl
is "$(printf '%s\n' "$out" | head -n 1)" "$(printf '%s\t' id names not_before \
    not_after state auto_renew has_key key_type source issuer serial)sha256" \
    'its columns'
is "$(ids a.example)" '1 2' 'by name'
is "$(ids A.EXAMPLE)" '1 2' '... in any case'
is "$(ids new.example.org)" 3 '... that a wildcard covers'
is "$(ids www.example.org)" '4 3' '... and that it has itself'
is "$(ids '*.example.org')" 3 '... the wildcard itself'
is "$(ids a.example 3)" '1 2 3' 'several operands'
is "$(printf 'b.example\n3\tx\n\n' | "$BIN/cert-list" --no-header - | cut -f1 |
    paste -sd' ' -)" '2 3' 'from standard input, the first column'
sha256=$(sha256sum "$T/4.der" | cut -d' ' -f1)
sha1=$(openssl sha1 -r "$T/4.der" | cut -d' ' -f1)
is "$(ids "$sha256")" 4 'by SHA-256'
is "$(ids --fingerprint "$sha1")" 4 'by SHA-1'
is "$(ids --fingerprint "$(echo "$sha256" | cut -c1-12)")" 4 '... its beginning'
serial=$(openssl x509 -inform DER -in "$T/4.der" -noout -serial | cut -d= -f2)
is "$(ids --serial "00:$serial")" 4 'by serial number'
is "$(ids --key 1)" 1 'by key'
spki=$(openssl x509 -inform DER -in "$T/4.der" -noout -pubkey |
    openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)
is "$(ids --key "$spki")" 4 '... that is not in the store'
is "$(ids --issuer 'ACMED ca')" '4 1 2 3' 'by issuer'
cl --issuer nobody
exits 0 '... whom nobody has'
is "$(ids --expiring 15d)" 1 'that expire soon'
is "$(ids --expiring 3w)" '1 2' '... in weeks'
is "$(ids --state expired)" 4 'that have expired'
is "$(ids --text EXAMPLE.o)" '4 3' 'by text'
is "$(ids --limit 2)" '4 1' 'no more than two'
sql "INSERT INTO accounts (url_id, status, thumbprint, jwk, contacts, created)
    VALUES ('AAAAAAAAAAAAAAAAAAAAAA', 'valid', 't', '{}', '[]', 1);
    UPDATE certificates SET account_id = 1 WHERE id = 2"
is "$(ids --account AAAAAAAAAAAAAAAAAAAAAA)" 2 'by account'
is "$(ids --account 1)" 2 '... by its number'
must "$BIN/cert-manage" deactivate 1
is "$(ids --state deactivated)" 1 'by state'
is "$(ids --state active a.example)" 2 '... and name'
is "$(ids --expiring 15d)" '' '--expiring is for active ones'
cl -j 2
like "$out" '^\{"id":2,"names":\["a.example","b.example"\],"not_before":"20.*"state":"active","auto_renew":false,"has_key":false,"key_type":"p256","source":"sign"' \
    '--json'
must "$BIN/acmed-store" init -s "$T/odd/acmed.sqlite"
for san in DNS:deadbeef DNS:12345678 IP:2001:db8::1; do
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj / -addext "subjectAltName=$san" -keyout "$T/odd.key" \
	    -out "$T/odd.crt"
	must "$BIN/cert-import" -q -s "$T/odd/acmed.sqlite" \
	    --key "$T/odd.key" "$T/odd.crt"
done
is "$(ids -s "$T/odd/acmed.sqlite" deadbeef 12345678 2001:DB8:0::1)" '1 2 3' \
    'names that look like the beginning of a fingerprint'
cl c.example
exits 1 'a name that nobody has'
cl --serial 77
exits 1 'a serial number that nobody has'
for wrong in '--state valid' '--expiring soon' '--serial xyz' \
    '--fingerprint 12' '--limit 0' '--state expired --expiring 3d'; do
	# shellcheck disable=SC2086 # two words or more
	cl $wrong
	exits 100 "$wrong"
done
cl --account nobody
exits 100 'an account that is none'
cl --key 77
exits 1 'a key that is not there'

# ---- show ----------------------------------------------------------------------

cl show a.example
exits 0 'show'
like "$out" '^object: +certificate/2$' '... the one that serves a name'
cl show certificate/1
for line in 'names: +a.example' 'state: +deactivated' 'key_type: +p256' \
    'key_usage: +digitalSignature' 'key_purposes: +serverAuth' \
    'issuer: +CN=acmed CA Intermediate' 'refs: +fqdn_set/1' \
    'refs: +private_key/1' 'refs: +chain/1' 'issuers: +ca_certificate/1' \
    'served_chain: +chain/1' \
    'events: +.* certificate.deactivate by cert-manage'; do
	like "$out" "^$line$" "... $line"
done
cl show --tsv domain/a.example
like "$out" "^latest_multi	certificate/2$" 'show --tsv, a domain'
cl show -j fqdn_set/2 ca_certificate/1 chain/1 private_key/1
exits 0 'show -j, several'
like "$out" '^\{"object":"fqdn_set/2","names":\["a.example","b.example"\]' \
    '... a set of names'
like "$out" '^\{"object":"ca_certificate/1","trusted":false' '... a CA'
like "$out" '"issued":\["certificate/4","certificate/1",' '... what it issued'
like "$out" '^\{"object":"chain/1","refs":\["ca_certificate/1","cert' '... a chain'
like "$out" '^\{"object":"private_key/1".*"refs":\["certificate/1"\]' '... a key'
unlike "$out" 'BEGIN|"der"' '... which is not shown'
cl show fqdn_set/77 certificate/2
exits 1 'show: one that is not there'
like "$err" '^cert-list: fqdn_set/77: not in the store' '... is named'
like "$out" 'certificate/2' '... and the rest is shown'
sql "INSERT INTO upstream_accounts (directory_url, url, contacts, status,
    source, created, data, spki_sha256, type, sealed, der) VALUES
    ('https://ca.test/dir', 'https://ca.test/acct/1', '[\"mailto:a@ca.test\"]',
    'valid', 'import', 1, '{}', x'$sha256', 'p256', 0, x'00');
    INSERT INTO lineages (source, name, fqdn_set_id, upstream_account_id,
    settings, created) VALUES ('certbot', 'lin', 2, 1, '{\"x\":1}', 1)"
sql 'UPDATE certificates SET upstream_account_id = 1 WHERE id = 2'
is "$(ids --account upstream_account/1)" 2 'by an account at another CA'
is "$(ids --account upstream_account/https://ca.test/acct/1)" 2 '... by its URL'
cl --account upstream_account/9
exits 1 '... that is not there'
cl show -j upstream_account/1
exits 0 'show, an account'
like "$out" '^\{"object":"upstream_account/1","directory":"https://ca.test/dir","url":"https://ca.test/acct/1","state":"valid","default":false,"contacts":\["mailto:a@ca.test"\]' \
    '... where it is'
like "$out" "\"spki_sha256\":\"$sha256\"" '... the digest of its key'
cl show upstream_account/https://ca.test/acct/1
like "$out" '^object: +upstream_account/1$' '... by its URL'
like "$out" '^refs: +lineage/1$' '... with the lineages that were renewed by it'
cl show lineage/1
exits 0 'show, a lineage'
for line in 'name: +lin' 'source: +certbot' 'settings: +\{"x":1\}' \
    'names: +b.example' 'refs: +fqdn_set/2' 'refs: +upstream_account/1'; do
	like "$out" "^$line$" "... $line"
done
cl show lineage/7 upstream_account/7
exits 1 'show, what is not there'
cl show order/1
exits 1 'show: a type that is not shown'
cl show thing/1
exits 100 'show: no type'

# ---- why -----------------------------------------------------------------------

cl why www.example.org
exits 0 'why'
like "$out" "^www.example.org	20[^	]*Z	served	3	it alone is valid; " \
    '... what is served, and by which rule'
like "$out" "	passed over	4	it has expired$" '... what is not'
like "$out" "	served next	4	it has the name itself, .* has expired; " \
    '... what comes next'
like "$out" "	renewal	3	auto-renew is off" '... who renews it'
cl why WWW.Example.Org.
exits 0 'why, as a person spells it'
like "$out" 'www.example.org	' '... and named as certificates do'
cl --no-header B.EXAMPLE.
is "$(printf '%s\n' "$out" | wc -l)" 1 'a search, as a person spells it'
cl show domain/A.Example.
exits 0 'show, as a person spells it'
cl why -j b.example
like "$out" '^\{"name":"b.example","at":"20.*","what":"served","certificate":2,' \
    'why --json'
like "$out" '"what":"expires","certificate":2,"rule":"nothing that is valid' \
    '... and it is served on'
must "$BIN/cert-manage" deactivate 2
cl why b.example
exits 1 'why: nothing is served'
like "$out" "	passed over	2	it is deactivated$" '... and that is why'
cl why c.example
exits 1 'why: a name that nobody has'
must "$BIN/cert-manage" activate 2

# ---- chart ---------------------------------------------------------------------

cl chart --weeks 6
exits 0 'chart'
is "$(printf '%s\n' "$out" | wc -l)" 6 '... a line for each week'
is "$(printf '%s\n' "$out" | cut -c1-8 | head -n 1)" "$(date -u +%G-W%V)" \
    '... from this one on'
is "$(printf '%s\n' "$out" | grep -c '#$')" 2 '... with a bar where some end'
cl chart --tsv --weeks 6
is "$(printf '%s\n' "$out" | awk -F '\t' 'NR > 1 { n += $3 } END { print n }')" \
    2 'chart --tsv'
week=$(date -u -d "@$((now + 20 * 86400))" +%G-W%V)
cl chart -j --weeks 6
like "$out" "^\\{\"week\":\"$week\",\"begins\":\"20.*T00:00:00Z\",\"certificates\":1" \
    'chart --json: in the right week'

# ---- EXAMPLES of the manual page -------------------------------------------------

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj / -addext basicConstraints=CA:FALSE \
    -addext subjectAltName=IP:2001:db8::1 -keyout "$T/six.key" \
    -out "$T/six.pem"
must "$BIN/cert-import" -q "$T/six.pem"
cl 2001:DB8:0::1
exits 0 'an address is no fingerprint with colons'
like "$out" '2001:db8::1' '... and is found'

PATH=$BIN:$PATH
# Those of prove, which need a server, are run by 1240-prove.t.
sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/{ s/\\e/\\/g; s/^\$ //p; }' \
    "$SRC/man/cert-list.1" | grep -v -e prove -e '|$' >"$T/examples"
is "$(wc -l <"$T/examples")" 5 'there are examples'
run sh -e "$T/examples"
exits 0 'the examples'
like "$out" '^b.example$' '... one name per line'
cl --dance
exits 100 'no such option'

done_testing
