#!/bin/sh
# Goal: cert-manage reconcile fetches the certificates of issuers that are not
# known, in every form, up to the root; takes only what has signed; is led to no
# address that is not allowed; and tries each only once in a run.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/store.sh"
skip_unless_has openssl sqlite3 perl

make_store
mkdir "$T/www"
start www "$SRC/tests/lib/serve-files" "$T/www"
must wait_for 10 grep -q . "$T/www.out"
port=$(cat "$T/www.out")
web=http://127.0.0.1:$port

# sign NAME ISSUER CA URL...: NAME.pem and NAME.der, signed by ISSUER (itself,
# when they are the same); CA is TRUE or FALSE.
sign() {
	name=$1 issuer=$2 ca=$3
	shift 3
	{
		echo "basicConstraints = critical,CA:$ca"
		[ "$ca" = TRUE ] || echo "subjectAltName = DNS:$name.example"
		urls=$(printf ',caIssuers;URI:%s' "$@")
		[ $# -eq 0 ] || echo "authorityInfoAccess = ${urls#,}"
	} >"$T/ext"
	[ -e "$T/$name.key" ] || openssl ecparam -name prime256v1 -genkey \
	    -noout -out "$T/$name.key" || return
	openssl req -new -key "$T/$name.key" -subj "/CN=$name" \
	    -out "$T/$name.csr" || return
	if [ "$name" = "$issuer" ]; then
		set -- -signkey "$T/$name.key"
	else
		set -- -CA "$T/$issuer.pem" -CAkey "$T/$issuer.key" \
		    -CAcreateserial
	fi
	openssl x509 -req -in "$T/$name.csr" "$@" -days 30 -extfile "$T/ext" \
	    -out "$T/$name.pem" || return
	openssl x509 -in "$T/$name.pem" -outform DER -out "$T/$name.der"
}
cas() {
	sqlite3 "$T/store/acmed.sqlite" \
	    'SELECT subject FROM ca_certificates ORDER BY id' | paste -sd' ' -
}
cm() {
	run "$BIN/cert-manage" reconcile "$@"
}
# go: with what a test on this machine needs.
go() {
	cm --allow 127.0.0.0/8 --port "$port" "$@"
}

# root signs lower, which signs inter, which signs leaf.
must sign root root TRUE
must sign lower root TRUE "$web/moved/root.pem"
must sign inter lower TRUE "http://localhost:$port/lower.p7c"
must sign leaf inter FALSE "$web/nothing-here" "$web/inter.der"
must cp "$T/root.pem" "$T/inter.der" "$T/www"
must openssl crl2pkcs7 -nocrl -certfile "$T/root.pem" -certfile "$T/lower.pem" \
    -outform DER -out "$T/www/lower.p7c"
must "$BIN/cert-import" "$T/leaf.pem"

# ---- what would be done ----------------------------------------------------------

cm --dry-run
exits 0 'reconcile --dry-run'
like "$out" "^CN=inter	certificate/1	$web/inter.der$" '... says where'
is "$(wc -c <"$T/www.log")" 0 '... and looks nowhere'

# ---- where we are not led ----------------------------------------------------------

cm
exits 1 'without leave'
like "$err" "^cert-manage: $web/inter.der, for certificate/1: .*port $port" \
    '... not to another port'
cm -v --port "$port"
exits 1 'not to this machine'
like "$err" '^cert-manage: http.*address 127.0.0.1' '... which is said'
like "$err" 'sandbox role=fetch ' 'who has the network has a role of its own'
like "$err" 'sandbox role=store ' '... and who has the store'
is "$(wc -c <"$T/www.log")" 0 '... and nobody was asked'
is "$(cas)" '' 'nothing was enrolled'
for wrong in '--port 0' '--port x' '--allow nowhere' '--port 65536'; do
	# shellcheck disable=SC2086 # two words
	cm $wrong
	exits 100 "$wrong"
done

# ---- up to the root ----------------------------------------------------------------

go
exits 111 'reconcile: one of two places has nothing'
like "$err" "nothing-here, for certificate/1: .*404" '... is said'
is "$(cas)" 'CN=inter CN=lower CN=root' 'DER, PKCS#7, PEM, a redirect: all are there'
like "$("$BIN/cert-list" show ca_certificate/3)" '^source: +aia$' \
    '... as coming from there'
like "$("$BIN/cert-list" show 1)" "issuer.fetch by cert-manage: $web/inter.der$" \
    'the URL is in the log'
like "$("$BIN/cert-list" show 1)" 'issuer.fetch_failed .*nothing-here: ' \
    '... also the one that had nothing'
is "$(sqlite3 "$T/store/acmed.sqlite" "SELECT group_concat(subject, ' < ')
    FROM (SELECT ca.subject FROM certificate_chains k
    JOIN chain_members m ON m.chain_id = k.chain_id
    JOIN ca_certificates ca ON ca.id = m.ca_certificate_id
    WHERE k.certificate_id = 1 ORDER BY m.position)")" 'CN=inter < CN=lower' \
    'the certificate has its chain now'
# An import that was killed in between leaves it like this.
must sqlite3 "$T/store/acmed.sqlite" 'DELETE FROM certificate_chains'
go
exits 0 'a second time there is nothing to fetch'
is "$(sqlite3 "$T/store/acmed.sqlite" 'SELECT count(*) FROM certificate_chains')" 1 \
    '... but a chain that is missing is found'
go
exits 0 'a third time there is nothing to do'
is "$out$err" '' '... silently'

# ---- what is not taken -------------------------------------------------------------

must mkdir "$T/real"
must sign false false TRUE
must mv "$T/false.key" "$T/real"
must cp "$T/false.der" "$T/www/false.der" # of the same name, with another key
must sign false false TRUE
for kind in false.der loop big junk file; do
	must sign false false TRUE
	url=$web/$kind
	[ $kind != file ] || url=file:///etc/passwd
	must sign "leaf-$kind" false FALSE "$url"
done
echo junk >"$T/www/junk"
must "$BIN/cert-import" "$T/leaf-false.der.pem"
go
exits 1 'one of the same name that has not signed it'
like "$err" 'RFC 5280 6.1.3' '... is refused'
for kind in loop:redirects big:longer junk:neither file:Protocol; do
	sqlite3 "$T/store/acmed.sqlite" \
	    'UPDATE certificates SET not_after = not_after - 86400'
	must "$BIN/cert-import" "$T/leaf-${kind%:*}.pem"
	go
	like "$err" "^cert-manage: .*, for certificate/[0-9]+: .*${kind#*:}" \
	    "${kind%:*}: is refused"
	case $kind in loop:*) want=111 ;; *) want=1 ;; esac
	exits $want '... with a code that says so'
done
is "$(cas)" 'CN=inter CN=lower CN=root' 'none of them is enrolled'

# What RFC 5280 4.2.2.1 does not know of, and is there all the same.
must sign other other TRUE
must sign leaf-p7 other FALSE "$web/other.p7"
must openssl crl2pkcs7 -nocrl -certfile "$T/root.pem" -certfile "$T/other.pem" \
    -out "$T/www/other.p7"
must "$BIN/cert-import" "$T/leaf-p7.pem"
go
is "$(cas)" 'CN=inter CN=lower CN=root CN=other' 'a PKCS#7 as PEM is taken'

stop www
sqlite3 "$T/store/acmed.sqlite" "UPDATE certificates SET not_after = 1
    WHERE id <> (SELECT id FROM certificates WHERE source = 'import'
    ORDER BY id LIMIT 1 OFFSET 1)"
go
exits 111 'nobody is there'
ACMED_STORE=$T/nowhere/acmed.sqlite cm
exits 102 'no store'

done_testing
