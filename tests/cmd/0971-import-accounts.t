#!/bin/sh
# Goal: accounts of clients that do not keep the URL of the directory find their
# CA all the same, and certificates their account; what nobody knows is said.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/store.sh"
skip_unless_has openssl sqlite3

make_store "certificate_key_file = $T/seal.key" \
    "account_key_file = $T/account.key"
cd "$T" || exit 1
le=acme-v02.api.letsencrypt.org

imp() {
	run "$BIN/cert-import" "$@"
}
store() {
	sqlite3 "$T/store/acmed.sqlite" "$1"
}
# directory_of KID: what the store says of an account
directory_of() {
	store "SELECT directory_url FROM upstream_accounts WHERE url = '$1'"
}
# reason: of the first line that has one
reason() {
	printf '%s\n' "$out" | awk -F '\t' 'NR > 1 && $6 != "" { print $6; exit }'
}
# key FILE, leaf NAME FILE.crt FILE.key
key() {
	mkdir -p "$(dirname "$1")"
	must openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
	    -out "$1"
}
leaf() {
	mkdir -p "$(dirname "$2")"
	must openssl req -x509 -newkey ec:p256.param -nodes -subj / \
	    -addext "subjectAltName=DNS:$1" \
	    -addext basicConstraints=critical,CA:FALSE -keyout "$3" -out "$2"
}
must openssl genpkey -genparam -algorithm EC -pkeyopt \
    ec_paramgen_curve:P-256 -out p256.param

# ---- lego 4 ------------------------------------------------------------------------

# lego HOST EMAIL KID: an account of lego 4 in lego/
lego() {
	key "lego/accounts/$1/$2/keys/$2.key"
	printf '{"email":"%s","registration":{"body":{"status":"valid"},"uri":"%s"}}' \
	    "$2" "$3" >"lego/accounts/$1/$2/account.json"
}
# lego_leaf NAME URL
lego_leaf() {
	leaf "$1" "lego/certificates/$1.crt" "lego/certificates/$1.key"
	printf '{"domain":"%s","certUrl":"%s"}' "$1" "$2" \
	    >"lego/certificates/$1.json"
}
lego "$le" a@example.org "https://$le/acme/acct/1"
lego ca.example_14000 b@example.org https://ca.example:14000/my-account/1
lego two.example c@example.org https://two.example/acct/1
lego two.example d@example.org https://two.example/acct/2
lego_leaf one.example.org "https://$le/acme/cert/1"
lego_leaf two.example.org https://ca.example:14000/certZ/2
lego_leaf three.example.org https://two.example/cert/3
imp --lego lego
exits 0 'lego'
is "$(directory_of "https://$le/acme/acct/1")" "https://$le/directory" \
    'a CA that everybody knows'
is "$(directory_of https://ca.example:14000/my-account/1)" '' 'one that nobody does'
is "$(reason)" 'the directory of its CA is not known: ca.example_14000; --directory gives it' \
    '... is said'
is "$(store "SELECT data ->> 'directory_hint' FROM upstream_accounts
    WHERE url LIKE 'https://ca.example%'")" ca.example_14000 \
    '... and what is known of it is kept'
is "$(store "SELECT group_concat(l.name || ' ' || COALESCE(a.url, '-'), ', ')
    FROM (SELECT * FROM lineages ORDER BY name DESC) l LEFT JOIN
    upstream_accounts a ON a.id = l.upstream_account_id")" \
    "two.example.org https://ca.example:14000/my-account/1, three.example.org -, one.example.org https://$le/acme/acct/1" \
    'a certificate has the only account on its host'
run "$BIN/cert-list" --no-header --account upstream_account/1
like "$out" one.example.org '... by which it is found'
imp --dry-run --lego lego
like "$out" 'not known: ca.example_14000' '--dry-run says it, too'
imp --lego lego --directory https://ca.example:14000/dir
is "$status $(directory_of https://ca.example:14000/my-account/1)" \
    '0 https://ca.example:14000/dir' '--directory'
is "$(directory_of https://two.example/acct/1)" '' '... not for another host'
imp --lego lego
unlike "$out" 'known: ca.example_14000' '... once and for all'
run "$BIN/acme-account" ca add two https://two.example/acme/directory
imp --lego lego
is "$status $(directory_of https://two.example/acct/2)" \
    "0 https://two.example/acme/directory" 'a CA that is in the store'

# ---- Caddy ---------------------------------------------------------------------------

# caddy ISSUER USER KID
caddy() {
	key "caddy/acme/$1/users/$2/$2.key"
	printf '{"status":"valid","location":"%s"}' "$3" \
	    >"caddy/acme/$1/users/$2/$2.json"
}
caddy acme.zerossl.com-v2-dv90 default https://acme.zerossl.com/v2/DV90/account/x
caddy ca.example-14000-dir default https://ca.example:14000/my-account/2
caddy new.example-dir default https://new.example/acct/1
leaf four.example.org \
    caddy/certificates/new.example-dir/four.example.org/four.example.org.crt \
    caddy/certificates/new.example-dir/four.example.org/four.example.org.key
echo '{"sans":["four.example.org"]}' \
    >caddy/certificates/new.example-dir/four.example.org/four.example.org.json
imp --caddy caddy
is "$status $(reason)" '0 the directory of its CA is not known: new.example-dir; --directory gives it' \
    'Caddy'
is "$(directory_of https://acme.zerossl.com/v2/DV90/account/x)" \
    https://acme.zerossl.com/v2/DV90 'host and path'
is "$(directory_of https://ca.example:14000/my-account/2)" \
    https://ca.example:14000/dir '... at a CA where there is an account already'
is "$(store "SELECT a.url FROM lineages l JOIN upstream_accounts a
    ON a.id = l.upstream_account_id WHERE l.name = 'four.example.org'")" \
    https://new.example/acct/1 'a site has the only account at its issuer'
# site NAME ISSUER DATA
site() {
	site_stem=caddy/certificates/$2/$1/$1
	leaf "$1" "$site_stem.crt" "$site_stem.key"
	printf '{"sans":["%s"],"issuer_data":%s}' "$1" "$3" >"$site_stem.json"
}
caddy many.example-dir a@example.org https://many.example/acct/1
caddy many.example-dir b@example.org https://many.example/acct/2
site named.example.org many.example-dir \
    '{"ca":"https://many.example/dir","account":"https://many.example/acct/2"}'
site old.example.org many.example-dir '{"ca":"https://many.example/dir"}'
site gone.example.org many.example-dir \
    '{"ca":"https://many.example/dir","account":"https://many.example/acct/3"}'
imp --caddy caddy
is "$status $(store "SELECT group_concat(l.name || ' ' || COALESCE(a.url, '-'))
    FROM (SELECT * FROM lineages ORDER BY name DESC) l LEFT JOIN
    upstream_accounts a ON a.id = l.upstream_account_id
    WHERE l.name IN ('old.example.org', 'gone.example.org',
    'named.example.org')")" \
    '0 old.example.org -,named.example.org https://many.example/acct/2,gone.example.org -' \
    '... of several the one that it names'

# ---- one lineage -------------------------------------------------------------------

caddy one.example-dir default https://one.example/acct/1
site stored.example.org one.example-dir '{}'
site alone.example.org two.example-dir '{}'
caddy two.example-dir default https://two.example/acct/3
echo '{' >caddy/acme/two.example-dir/users/default/other.json
imp --caddy caddy --account one.example-dir/default
exits 0 'an account alone'
for name in stored alone; do
	imp --caddy caddy --lineage $name.example.org
	exits 0 "a lineage alone: $name"
	unlike "$out" upstream_account '... without an account'
done
is "$(store "SELECT group_concat(l.name || ' ' || COALESCE(a.url, '-'))
    FROM (SELECT * FROM lineages ORDER BY name) l LEFT JOIN
    upstream_accounts a ON a.id = l.upstream_account_id
    WHERE l.name IN ('stored.example.org', 'alone.example.org')")" \
    'alone.example.org -,stored.example.org https://one.example/acct/1' \
    '... but linked to one that is stored'
is "$(store "SELECT a.url FROM certificates c JOIN upstream_accounts a
    ON a.id = c.upstream_account_id JOIN lineages l
    ON l.fqdn_set_id = c.fqdn_set_id WHERE l.name = 'stored.example.org'")" \
    https://one.example/acct/1 '... as the certificate is'

# ---- Traefik -------------------------------------------------------------------------

# resolver NAME KID
resolver() {
	key "$1.key"
	printf '"%s":{"Account":{"Email":"x@example.org","Registration":{"uri":"%s"},"PrivateKey":"%s"},"Certificates":null}' \
	    "$1" "$2" "$(openssl pkey -in "$1.key" -outform DER | base64 -w0)"
}
{
	printf '{'
	resolver le "https://acme-staging-v02.api.letsencrypt.org/acme/acct/9"
	printf ,
	resolver ssl "https://acme.ssl.com/sslcom-dv-rsa/acct/1"
	printf ,
	resolver eab "https://accounts.example/1"
	printf '}'
} >acme.json
imp --traefik acme.json
is "$status $(reason)" '0 the directory of its CA is not known; --directory gives it' \
    'Traefik'
is "$(directory_of https://acme-staging-v02.api.letsencrypt.org/acme/acct/9)" \
    https://acme-staging-v02.api.letsencrypt.org/directory \
    'the host of the account'
is "$(directory_of https://acme.ssl.com/sslcom-dv-rsa/acct/1)" \
    https://acme.ssl.com/sslcom-dv-rsa '... of two there the one that it is below'
imp --traefik acme.json --account eab --directory https://acme.example/d
is "$status $(directory_of https://accounts.example/1)" \
    '0 https://acme.example/d' '--directory where nothing says another'
for wrong in http://a.example/d https:// 'https://a b' nonsense; do
	imp --traefik acme.json --directory "$wrong"
	exits 100 "--directory $wrong"
done
imp --directory https://a.example/d acme.json
exits 100 '--directory without a tree'
for wrong in javascript:x http://acme.example/acct/1 'https://a.example/<b>'; do
	rm -r lego
	lego "$le" w@example.org "$wrong"
	imp --lego lego
	exits 1 "an account whose URL is $wrong"
	like "$out$err" "the URL of the account is not https: $wrong" '... is told of'
	is "$(store "SELECT count(*) FROM upstream_accounts
	    WHERE url = '$wrong'")" 0 '... and not stored'
done
run "$BIN/acmed-store" check
exits 0 'the store is sound'

done_testing
