#!/bin/sh
# Goal: cert-import takes in what it is given in any form and order, says what
# became of each thing, and is stopped by none.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/store.sh"
skip_unless_has openssl sqlite3

make_store "certificate_key_file = $T/seal.key" \
    "account_key_file = $T/account.key"
cd "$T" || exit 1

imp() {
	run "$BIN/cert-import" "$@"
}
# counts: how many lines of each object and result, as "object result N".
counts() {
	printf '%s\n' "$out" | awk -F '\t' 'NR > 1 { n[$1 " " $3]++ }
	END { for (k in n) print k, n[k] }' | sort | paste -sd, -
}
store() {
	sqlite3 "$T/store/acmed.sqlite" "$1"
}
rows() {
	for table in certificates private_keys certificate_requests \
	    ca_certificates chains events; do
		store "SELECT count(*) FROM $table"
	done | paste -sd' ' -
}
# make NAME SAN [ALGORITHM...]: NAME.key .csr .crt .pem (with the chain)
make() {
	name=$1
	san=$2
	shift 2
	must openssl req -new -newkey "${1:-ec:p256.param}" -nodes -subj / \
	    -keyout "$name.key" -addext "subjectAltName=$san" -out "$name.csr"
	"$BIN/acme-sign" --no-record "$name.csr" >"$name.pem" ||
		must false "acme-sign $name.csr"
	must openssl x509 -in "$name.pem" -out "$name.crt"
	awk '/BEGIN/ { n++ } n > 1' "$name.pem" >"$name.chain"
}
must openssl genpkey -genparam -algorithm EC -pkeyopt \
    ec_paramgen_curve:P-256 -out p256.param
make www DNS:www.example.org,DNS:example.org
make ftp DNS:ftp.example.org
make ip IP:192.0.2.1,DNS:Ip.Example.ORG
make rsa DNS:rsa.example.org rsa:2048

# ---- files, in any order and form ----------------------------------------------

imp www.chain www.csr www.key www.crt
exits 0 'certificate, key, chain and request in four files'
is "$(counts)" 'ca_certificate created 1,certificate created 1,certificate_request created 1,private_key created 1' \
    '... are one set'
is "$(store 'SELECT count(*) FROM certificate_chains')" 1 '... with a chain'
is "$(store 'SELECT group_concat(value) FROM (SELECT value FROM domains
    ORDER BY value)')" example.org,www.example.org '... and its names'
is "$(store "SELECT source, active, auto_renew FROM certificates")" \
    'import|1|1' '... active, to be renewed'
before=$(rows)
imp www.chain www.csr www.key www.crt
is "$status $(counts)" '0 certificate known 1,certificate_request known 1,private_key known 1' \
    'the same again is known'
is "$(rows)" "$before" '... and changes nothing'
cat rsa.key rsa.pem | "$BIN/cert-import" - >"$T/out" 2>"$T/err"
is "$? $(grep -c 'created' "$T/out")" '0 2' 'from standard input'
must openssl x509 -in ftp.crt -outform DER -out ftp.crt.der
must openssl pkey -in ftp.key -outform DER -out ftp.key.der
must openssl req -in ftp.csr -outform DER -out ftp.csr.der
imp ftp.key.der ftp.crt.der ftp.csr.der
is "$status $(counts)" '0 certificate created 1,certificate_request created 1,private_key created 1' \
    'DER'
is "$(store "SELECT count(*) FROM certificate_chains k JOIN certificates c
    ON c.id = k.certificate_id WHERE c.sha1 = x'$(openssl x509 -in ftp.crt \
    -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')'")" 1 \
    '... with the chain that the store knows'
make der DNS:der.example.org
for piece in pkey:der.key req:der.csr x509:der.crt; do
	must openssl ${piece%:*} -in "${piece#*:}" -outform DER -out piece
	cat piece >>pieces
done
imp - <pieces
is "$status $(counts)" '0 certificate created 1,certificate_request created 1,private_key created 1' \
    'pieces of DER, one behind the other'
{ cat pieces; printf '0\202\001'; } >short
imp short
exits 1 '... of which the last is cut short'
like "$out" '^file	.*refused.*	short	[^:]*: ' '... are refused'
printf '0\003\002\001\001' >piece
cat piece pieces >short
imp short
is "$status $(counts)" '1 certificate known 1,certificate_request known 1,file refused 1,private_key known 1' \
    '... of which one is nothing: the rest is taken'
like "$out" '	short	block 1 \(DER\): ' '... and it is said which'
echo secret >password
chmod 600 password
must openssl pkcs12 -export -inkey ip.key -in ip.pem -passout file:password \
    -out ip.p12
imp ip.p12
exits 1 'PKCS#12 without its password'
like "$out" '^file	.*refused.*	ip.p12	PKCS#12 needs' \
    '... is refused, and named, once'
imp --password-file password ip.p12
is "$status $(counts)" '0 certificate created 1,private_key created 1' \
    '... with it'
like "$out" 'ip.example.org 192.0.2.1|Ip.Example.ORG 192.0.2.1' '... its names'
is "$(store "SELECT type FROM domains WHERE value = '192.0.2.1'")" ip \
    '... of both types'
is "$(store "SELECT count(*) FROM domains WHERE value = 'ip.example.org'")" 1 \
    '... in lower case'
is "$(store 'SELECT count(*) FROM private_keys WHERE sealed = 0')" 0 \
    'all keys are sealed'
ok 'the store is sound' "$BIN/acmed-store" check
must openssl pkcs12 -export -legacy -inkey ip.key -in ip.pem \
    -passout file:password -out old.p12
must "$BIN/acmed-store" -s "$T/rc2.sqlite" init
imp -s "$T/rc2.sqlite" --password-file password old.p12
exits 0 'a PKCS#12 of before 2019, with RC2 of 40 bits'

# What Java's own tool makes: a key with its chain, and the CA by itself.
if command -v keytool >/dev/null; then
	kt() {
		must keytool "$@" -storepass:file password
	}
	kt -genkeypair -alias ca -keyalg EC -dname CN=java -ext bc:c \
	    -keystore java-ca.p12
	kt -exportcert -alias ca -rfc -keystore java-ca.p12 -file java-ca.pem
	kt -genkeypair -alias leaf -keyalg RSA -keysize 2048 -dname CN=leaf \
	    -keystore java.p12
	kt -certreq -alias leaf -keystore java.p12 -file java.csr
	kt -gencert -alias ca -ext san=dns:java.example.org -rfc \
	    -keystore java-ca.p12 -infile java.csr -outfile java.pem
	kt -importcert -noprompt -alias ca -file java-ca.pem -keystore java.p12
	kt -importcert -noprompt -alias leaf -file java.pem -keystore java.p12
	must "$BIN/acmed-store" -s "$T/java.sqlite" init
	imp -s "$T/java.sqlite" --password-file password java.p12
	is "$status $(counts)" '0 ca_certificate created 1,certificate created 1,private_key created 1' \
	    'what keytool has made'
	for chain in fullchain cert; do
		run "$BIN/cert-export" -s "$T/java.sqlite" --$chain \
		    java.example.org
		cat java.pem java-ca.pem >fullchain
		cp java.pem cert
		is "$(openssl crl2pkcs7 -nocrl -certfile out |
		    openssl pkcs7 -print_certs)" \
		    "$(openssl crl2pkcs7 -nocrl -certfile $chain |
		    openssl pkcs7 -print_certs)" "... $chain"
	done
else
	skip 3 'needs keytool'
fi

# Keys that OpenSSL has encrypted before PKCS#8, by a header of PEM.
for cipher in aes256 aes128 des3; do
	must openssl rsa -traditional -in rsa.key "-$cipher" \
	    -passout file:password -out rsa.old
	must "$BIN/acmed-store" -s "$T/$cipher.sqlite" init
	imp -s "$T/$cipher.sqlite" --password-file password rsa.old rsa.crt
	is "$status $(counts)" '0 certificate created 1,private_key created 1' \
	    "a key with Proc-Type: 4,ENCRYPTED, by $cipher"
done
must openssl ec -in www.key -aes256 -passout file:password -out ec.old
imp -s "$T/des3.sqlite" --password-file password ec.old www.crt
is "$status $(counts)" '0 certificate created 1,private_key created 1' \
    '... an EC key'
imp ec.old
exits 1 '... without a password'
is "$(printf '%s\n' "$out" | sed 1d)" \
    'file		refused		ec.old	block 1 (EC PRIVATE KEY): private key that needs a password' \
    '... is refused'
echo wrong >wrong
chmod 600 wrong
imp --password-file wrong ec.old
exits 1 '... with another'
like "$out" 'the password does not open the private key$' '... too'
for file in none loop; do
	imp --password-file $file ec.old
	like "$status $err" "^102 cert-import: $file: .*[a-z]$" \
	    "a password file that cannot be opened: $file"
	ln -sf loop loop
done

# ---- what the options say --------------------------------------------------------

make two DNS:two.example.org
before=$(rows)
imp --key www.key two.pem
exits 100 '--key of another certificate'
is "$err" 'cert-import: www.key: the private key fits none of the certificates' \
    '... is told'
must openssl req -x509 -newkey ec:p256.param -nodes -subj /CN=other \
    -keyout other.key -out other.crt
imp --key two.key --chain other.crt two.crt
exits 100 '--chain of another CA'
like "$err" 'other.crt: RFC 5280 6.1.3: none of its certificates has signed' \
    '... is told'
imp --key two.crt two.crt
exits 100 '--key without one'
imp --csr two.key two.crt
exits 100 '--csr without one'
imp --csr www.csr two.crt
exits 100 '--csr for another key'
imp --key none.pem two.crt
exits 100 '--key that is not there'
is "$(rows)" "$before" '... and nothing was stored'
imp --dry-run --key two.key --chain two.chain --csr two.csr two.crt
is "$status $(counts)" '0 certificate created 1,certificate_request created 1,private_key created 1' \
    '--dry-run'
is "$(rows)" "$before" '... stores nothing'
imp --inactive --no-auto-renew --key two.key --chain two.chain two.crt
exits 0 '--inactive --no-auto-renew'
is "$(store 'SELECT active, auto_renew FROM certificates
    ORDER BY id DESC LIMIT 1')" '0|0' '... are in the store'
imp --json --key two.key two.crt
like "$out" '^\{"object":"private_key","id":[0-9]*,"result":"known","name":"p256","place":"two.key","reason":null\}' \
    '--json'
imp -q two.crt two.key
is "$status $out$err" '0 ' '-q is silent when nothing was refused'
for wrong in '--ca --system-roots' '--ca --key www.key x' '--each --key www.key x' \
    '--ca --inactive x' ''; do
	# shellcheck disable=SC2086 # words
	imp $wrong
	exits 100 "cert-import $wrong"
done

# ---- CA certificates ---------------------------------------------------------------

must openssl req -x509 -newkey ec:p256.param -nodes -subj '/CN=Root R' \
    -keyout root.key -out root.crt -days 3000
must openssl req -new -newkey ec:p256.param -nodes -subj '/CN=Sub S' \
    -keyout sub.key -out sub.csr
printf 'basicConstraints = critical, CA:TRUE\n' >ca.ext
must openssl x509 -req -in sub.csr -CA root.crt -CAkey root.key -days 2000 \
    -extfile ca.ext -out sub.crt
cat sub.crt root.crt >both.pem
cat root.crt sub.crt >wrong.pem
imp --ca wrong.pem
is "$status $(counts)" '0 ca_certificate created 2' '--ca in the wrong order'
imp --ca both.pem
is "$status $(counts)" '0 ca_certificate known 2,chain created 1' \
    '--ca in the right one is a chain'
imp --ca both.pem
is "$(counts)" 'ca_certificate known 2,chain known 1' '... once'
imp --ca root.crt www.crt www.key
is "$status $(counts)" '1 ca_certificate known 1,certificate refused 1,private_key refused 1' \
    '--ca takes nothing else'
is "$(store 'SELECT sum(trusted) FROM ca_certificates')" 0 'none is a root'
imp --system-roots root.crt
exits 0 '--system-roots FILE'
is "$(store "SELECT group_concat(subject) FROM ca_certificates
    WHERE trusted = 1")" 'CN=Root R' '... is relied on'
imp --system-roots -q
is "$status $out" '0 ' '--system-roots'
is "$(store "SELECT count(*) > 100 FROM ca_certificates WHERE trusted = 1")" 1 \
    '... are those of the machine'

# ---- chains that are not as they should be -----------------------------------------

must openssl req -new -newkey ec:p256.param -nodes -subj / \
    -addext subjectAltName=DNS:deep.example.org -keyout deep.key -out deep.csr
printf 'subjectAltName = DNS:deep.example.org\n' >leaf.ext
must openssl x509 -req -in deep.csr -CA sub.crt -CAkey sub.key -days 30 \
    -extfile leaf.ext -out deep.crt
chain_of() {
	store "SELECT group_concat(subject, ' < ') FROM (SELECT ca.subject
	    FROM certificates c JOIN certificate_chains k
	    ON k.certificate_id = c.id AND k.is_default = 1
	    JOIN chain_members m ON m.chain_id = k.chain_id
	    JOIN ca_certificates ca ON ca.id = m.ca_certificate_id
	    JOIN fqdn_set_members s ON s.fqdn_set_id = c.fqdn_set_id
	    JOIN domains d ON d.id = s.domain_id WHERE d.value = '$1'
	    ORDER BY m.position)"
}
imp root.crt deep.crt sub.crt
exits 0 'a chain in the wrong order'
is "$(chain_of deep.example.org)" 'CN=Sub S < CN=Root R' '... is put right'
must openssl req -new -key deep.key -subj / -out gap.csr
printf 'subjectAltName = DNS:gap.example.org\n' >leaf.ext
must openssl x509 -req -in gap.csr -CA sub.crt -CAkey sub.key -days 30 \
    -extfile leaf.ext -out gap.crt
must "$BIN/acmed-store" -s "$T/new.sqlite" init
imp -s "$T/new.sqlite" gap.crt root.crt
is "$status $(counts)" '0 ca_certificate created 1,certificate created 1' \
    'a chain with a gap: the certificate has none'
is "$(sqlite3 "$T/new.sqlite" 'SELECT count(*) FROM certificate_chains')" 0 \
    '... that would not hold'
# A CA of the same name that did not sign.
must openssl req -x509 -newkey ec:p256.param -nodes -subj '/CN=Sub S' \
    -keyout false.key -out false.crt
imp -s "$T/new.sqlite" gap.crt false.crt
is "$(sqlite3 "$T/new.sqlite" 'SELECT count(*) FROM certificate_chains')" 0 \
    'an issuer by name only is none'

# Signed by the same key twice, and by one that another root has signed, too:
# all ways are chains, the one that ends latest is the default.
must openssl req -x509 -newkey ec:p256.param -nodes -subj '/CN=Root Q' \
    -keyout rootq.key -out rootq.crt -days 3000
must openssl x509 -req -in sub.csr -CA root.crt -CAkey root.key -days 1 \
    -extfile ca.ext -out subold.crt
must openssl x509 -req -in sub.csr -CA rootq.crt -CAkey rootq.key -days 1000 \
    -extfile ca.ext -out subq.crt
printf 'subjectAltName = DNS:alt.example.org\n' >leaf.ext
must openssl x509 -req -in gap.csr -CA sub.crt -CAkey sub.key -days 30 \
    -extfile leaf.ext -out alt.crt
imp alt.crt subold.crt subq.crt root.crt rootq.crt sub.crt
exits 0 'three ways up'
is "$(store "SELECT count(*) FROM certificate_chains k JOIN certificates c
    ON c.id = k.certificate_id JOIN fqdn_set_members s
    ON s.fqdn_set_id = c.fqdn_set_id JOIN domains d ON d.id = s.domain_id
    WHERE d.value = 'alt.example.org'")" 3 '... are three chains'
is "$(chain_of alt.example.org)" 'CN=Sub S < CN=Root R' \
    '... the default is the one that lasts'
is "$(store "SELECT ca.not_after > strftime('%s') + 1500 * 86400
    FROM certificate_chains k JOIN chain_members m ON m.chain_id = k.chain_id
    JOIN ca_certificates ca ON ca.id = m.ca_certificate_id
    WHERE k.is_default = 1 AND m.position = 0
    ORDER BY k.certificate_id DESC LIMIT 1")" 1 '... by the newer intermediate'

# The issuer comes later.
imp -s "$T/new.sqlite" --ca sub.crt
is "$status $(sqlite3 "$T/new.sqlite" 'SELECT count(*) FROM certificate_chains
    k JOIN chain_members m ON m.chain_id = k.chain_id')" '0 1' \
    'the issuer comes later: the certificate has its chain then'
must "$BIN/acmed-store" -s "$T/beside.sqlite" init
imp -s "$T/beside.sqlite" gap.crt
imp -s "$T/beside.sqlite" alt.crt sub.crt
is "$status $(sqlite3 "$T/beside.sqlite" 'SELECT count(*) FROM certificates c
    JOIN certificate_chains k ON k.certificate_id = c.id')" '0 2' \
    '... also when it comes in the chain of another'

# ---- ways that the store knows -------------------------------------------------------

# fresh: a store of its own; in_fresh SQL; chains N: those of a certificate, the
# default first, as subjects and who issued the last
fresh() {
	rm -f "$T"/fresh.sqlite*
	must "$BIN/acmed-store" -s "$T/fresh.sqlite" init
}
in_fresh() {
	sqlite3 "$T/fresh.sqlite" "$1"
}
chains() {
	in_fresh "SELECT group_concat(line, '; ') FROM (SELECT
	    (SELECT group_concat(subject, ' < ') || ' < ' || last FROM
	        (SELECT ca.subject, (SELECT i.name FROM chain_members l
	        JOIN ca_certificates a ON a.id = l.ca_certificate_id
	        JOIN issuers i ON i.id = a.issuer_id
	        WHERE l.chain_id = k.chain_id ORDER BY l.position DESC LIMIT 1)
	        AS last FROM chain_members m
	        JOIN ca_certificates ca ON ca.id = m.ca_certificate_id
	        WHERE m.chain_id = k.chain_id ORDER BY m.position)) AS line
	    FROM certificate_chains k WHERE k.certificate_id = $1
	    ORDER BY k.is_default DESC, k.chain_id)"
}
fimp() {
	imp -s "$T/fresh.sqlite" "$@"
}
fresh
fimp -q --ca --each root.crt rootq.crt sub.crt subq.crt
fimp alt.crt gap.key
fimp alt.crt
is "$status $(chains 1)" '0 CN=Sub S < CN=Root R; CN=Sub S < CN=Root Q' \
    'all ways that the store knows are chains of what comes alone'
run "$BIN/cert-export" -s "$T/fresh.sqlite" --chain --chain-issuer 'Root Q' 1
is "$status $(printf '%s\n' "$out" | openssl x509 -noout -issuer)" \
    '0 issuer=CN = Root Q' '... the other one is exported, if asked for'
run "$BIN/cert-manage" prefer -s "$T/fresh.sqlite" "$(in_fresh \
    "SELECT 'ca_certificate/' || ca.id FROM ca_certificates ca JOIN issuers i
    ON i.id = ca.issuer_id WHERE i.name = 'CN=Root Q'
    AND ca.subject = 'CN=Sub S'")"
run "$BIN/cert-export" -s "$T/fresh.sqlite" --chain 1
is "$status $(printf '%s\n' "$out" | openssl x509 -noout -issuer)" \
    '0 issuer=CN = Root Q' '... or preferred'
# ca_of NAME: the number of a root
ca_of() {
	in_fresh "SELECT id FROM ca_certificates WHERE subject = 'CN=$1'"
}
run "$BIN/cert-manage" prefer -s "$T/fresh.sqlite" "$(ca_of 'Root R')"
run "$BIN/cert-export" -s "$T/fresh.sqlite" --chain 1
is "$status $(printf '%s\n' "$out" | openssl x509 -noout -issuer)" \
    '0 issuer=CN = Root R' '... by the root that is left out of it'
run "$BIN/cert-manage" prefer -s "$T/fresh.sqlite" "$(ca_of 'Root Q')"
run "$BIN/cert-export" -s "$T/fresh.sqlite" --chain 1
is "$status $(printf '%s\n' "$out" | openssl x509 -noout -issuer)" \
    '0 issuer=CN = Root Q' '... whichever that is'
run "$BIN/acmed-store" -s "$T/fresh.sqlite" check
exits 0 '... the store is sound'

fresh
fimp alt.crt subq.crt
fimp gap.crt
fimp --ca sub.crt
is "$(chains 1)" 'CN=Sub S < CN=Root Q; CN=Sub S < CN=Root R' \
    'a way that comes later: the chain that came first stays the default'
is "$(chains 2)" 'CN=Sub S < CN=Root Q; CN=Sub S < CN=Root R' \
    '... also where the first was found in the store'
fimp -q deep.crt subq.crt
is "$(chains 3)" 'CN=Sub S < CN=Root Q; CN=Sub S < CN=Root R' \
    '... and what comes then has both'
is "$(in_fresh 'SELECT count(*) FROM chains')" 2 '... chains are shared'
fimp --ca sub.crt root.crt
is "$(in_fresh 'SELECT count(*) FROM certificate_chains')" 6 \
    '... and a root behind makes no other way'
fimp deep.crt sub.crt root.crt
is "$(in_fresh 'SELECT count(*) FROM certificate_chains
    WHERE certificate_id = 3')" 3 '... but is kept when it is brought with one'
must sqlite3 "$T/fresh.sqlite" 'DELETE FROM certificate_chains
    WHERE found = 1 AND certificate_id < 3'
fimp --ca sub.crt
is "$(chains 1)/$(chains 2)" 'CN=Sub S < CN=Root Q; CN=Sub S < CN=Root R/CN=Sub S < CN=Root R; CN=Sub S < CN=Root Q' \
    'what a call that was cut short has left out comes with the next'
is "$(in_fresh 'SELECT count(*) FROM ca_certificates WHERE spread = 0')" 0 \
    'a call that ends has left nothing out'
must sqlite3 "$T/fresh.sqlite" 'DELETE FROM certificate_chains
    WHERE found = 1 AND certificate_id < 3;
    UPDATE ca_certificates SET spread = 0'
fimp other.crt
is "$status $(chains 1)/$(chains 2)" '0 CN=Sub S < CN=Root Q; CN=Sub S < CN=Root R/CN=Sub S < CN=Root R; CN=Sub S < CN=Root Q' \
    'what was killed before that is taken up by any that comes'

# Very many of one issuer are not looked at one by one.
many() {
	in_fresh "INSERT INTO certificates (sha256, serial, not_before, not_after,
	    der, spki_sha256, source, created, status, sha1, issuer_id,
	    fqdn_set_id) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL
	    SELECT i + 1 FROM n WHERE i < $1) SELECT randomblob(32), serial,
	    not_before, not_after, der, spki_sha256, source, created, status,
	    randomblob(20), issuer_id, fqdn_set_id FROM n, certificates c
	    WHERE c.id = 1; INSERT INTO certificate_chains (certificate_id,
	    chain_id, is_default, found) SELECT c.id, k.chain_id, 1, k.found
	    FROM certificates c, certificate_chains k
	    WHERE c.id > 1 AND k.certificate_id = 1"
}
fresh
fimp alt.crt sub.crt
many 12000
fimp --ca subq.crt
is "$status $(in_fresh "SELECT count(*), sum(is_default), sum(found)
    FROM certificate_chains")" '0 24002|12001|12001' \
    'one way more for each of 12001 certificates'
is "$(in_fresh "SELECT group_concat(action || ' ' || detail, ', ') FROM events
    WHERE object_type = 'chain'")" \
    'chain.spread certificates 5000, chain.spread certificates 5000, chain.spread certificates 2001' \
    '... in three steps'
run "$BIN/cert-list" -s "$T/fresh.sqlite" show chain/2
like "$out" 'chain.spread by cert-import: certificates 2001$' '... which the chain tells'
run "$BIN/cert-export" -s "$T/fresh.sqlite" --tree haproxy --since 1h "$T/tree"
exits 0 '... which --since takes note of'

# From the bottom up: what was found so far is no chain of its own.
must openssl req -new -newkey ec:p256.param -nodes -subj '/CN=Low' \
    -keyout low.key -out low.csr
must openssl x509 -req -in low.csr -CA sub.crt -CAkey sub.key -days 400 \
    -extfile ca.ext -out low.crt
printf 'subjectAltName = DNS:low.example.org\n' >leaf.ext
must openssl x509 -req -in gap.csr -CA low.crt -CAkey low.key -days 30 \
    -extfile leaf.ext -out lowleaf.crt
printf 'subjectAltName = DNS:lower.example.org\n' >leaf.ext
must openssl x509 -req -in gap.csr -CA low.crt -CAkey low.key -days 30 \
    -extfile leaf.ext -out lowerleaf.crt
fresh
fimp lowleaf.crt
fimp --ca low.crt
fimp lowerleaf.crt low.crt
is "$(chains 1)/$(chains 2)" 'CN=Low < CN=Sub S/CN=Low < CN=Sub S' \
    'the first issuer is there'
fimp --ca sub.crt
is "$(chains 1)" 'CN=Low < CN=Sub S < CN=Root R' \
    '... the next: the chain that was found goes on'
is "$(chains 2)" 'CN=Low < CN=Sub S; CN=Low < CN=Sub S < CN=Root R' \
    '... one that was brought stays, too'
fimp --ca subq.crt
is "$(chains 1)" 'CN=Low < CN=Sub S < CN=Root R; CN=Low < CN=Sub S < CN=Root Q' \
    '... and a second way further up'
run "$BIN/acmed-store" -s "$T/fresh.sqlite" check
exits 0 '... the store is sound'

# A root that another has signed, too, ends a way and is in another.
must openssl x509 -x509toreq -in root.crt -signkey root.key -out rootx.csr
must openssl x509 -req -in rootx.csr -CA rootq.crt -CAkey rootq.key -days 9 \
    -extfile ca.ext -out rootx.crt
fresh
fimp --ca --each sub.crt rootx.crt
fimp alt.crt
is "$(chains 1)" 'CN=Sub S < CN=Root R < CN=Root Q' 'a root that is signed by another'
fimp --system-roots root.crt
is "$(chains 1)" 'CN=Sub S < CN=Root R < CN=Root Q; CN=Sub S < CN=Root R' \
    '... and by itself, as one that is relied on'

# At most so many: 3 x 5 ways are there.
fresh
for i in 1 2 3 4 5; do
	must openssl x509 -req -in sub.csr -CA root.crt -CAkey root.key \
	    -days "1$i" -extfile ca.ext -out "sub$i.crt"
done
for i in 1 2; do
	must openssl x509 -req -in low.csr -CA sub.crt -CAkey sub.key \
	    -days "1$i" -extfile ca.ext -out "low$i.crt"
done
fimp lowleaf.crt
fimp -q --ca --each low.crt low1.crt low2.crt sub[1-5].crt
fimp lowerleaf.crt
is "$status $(in_fresh 'SELECT group_concat(n) FROM (SELECT count(*) AS n
    FROM certificate_chains GROUP BY certificate_id ORDER BY certificate_id)')" \
    '0 8,8' 'of very many ways there are eight'
run "$BIN/acmed-store" -s "$T/fresh.sqlite" check
exits 0 '... the store is sound'

# Two CAs that have signed each other: a chain goes round once.
must openssl req -x509 -newkey ec:p256.param -nodes -subj '/CN=Loop A' \
    -keyout loopa.key -out loopa.crt
must openssl req -x509 -newkey ec:p256.param -nodes -subj '/CN=Loop B' \
    -keyout loopb.key -out loopb.crt
for ca in a:b b:a; do
	must openssl x509 -x509toreq -in "loop${ca%:*}.crt" \
	    -signkey "loop${ca%:*}.key" -out loop.csr
	must openssl x509 -req -in loop.csr -CA "loop${ca#*:}.crt" \
	    -CAkey "loop${ca#*:}.key" -extfile ca.ext -out "loop${ca%:*}2.crt"
done
imp -q --ca loopa2.crt loopb2.crt
printf 'subjectAltName = DNS:loop.example.org\n' >leaf.ext
must openssl x509 -req -in gap.csr -CA loopa.crt -CAkey loopa.key \
    -extfile leaf.ext -out loop.crt
imp loop.crt
is "$status $(chain_of loop.example.org)" '0 CN=Loop A < CN=Loop B' \
    'a loop in what the store knows of CAs: the chain goes round once'

# ---- names -----------------------------------------------------------------------

must "$BIN/acmed-store" -s "$T/names.sqlite" init
# self NAME SUBJECT [EXTENSION...]: NAME.crt, signed by itself
self() {
	name=$1
	subject=$2
	shift 2
	for extension; do
		set -- "$@" -addext "$extension"
		shift
	done
	must openssl req -x509 -newkey ec:p256.param -nodes -subj "$subject" \
	    -keyout "$name.key" -out "$name.crt" -days 30 "$@"
}
# names_in DATABASE: of each certificate
names_in() {
	sqlite3 "$1" "SELECT ifnull((SELECT group_concat(value, ' ') FROM
	    (SELECT d.value FROM fqdn_set_members m
	    JOIN domains d ON d.id = m.domain_id
	    WHERE m.fqdn_set_id = c.fqdn_set_id ORDER BY d.value)), '-')
	    FROM certificates c ORDER BY c.id" | paste -sd, -
}
self cn /CN=Only.CN.example.
self cnmail /CN=mail.example subjectAltName=email:alice@mail.example
self cnsan /CN=not.example subjectAltName=DNS:san.example
self person '/CN=Alice Example/CN=alice/CN=192.0.2.1'
self dot / subjectAltName=DNS:Trail.example.,DNS:trail.example,DNS:b.example.
self nul /CN=good.test \
    subjectAltName=DER:3011820f676f6f642e74657374002e6576696c
for name in cn cnmail cnsan person dot; do
	imp -s "$T/names.sqlite" $name.crt $name.key
	exits 0 "names of $name.crt"
done
imp -s "$T/names.sqlite" nul.crt nul.key
is "$status $(counts)" \
    '1 certificate created 1,domain refused 1,private_key created 1' \
    'a name with a zero byte in it is refused, not its certificate'
like "$out" 'domain.*refused.*subjectAltName: a dNSName has bytes that no' \
    '... and it is said why'
names='only.cn.example,mail.example,san.example,-,b.example trail.example,-'
is "$(names_in "$T/names.sqlite")" "$names" \
    'a commonName is a name where there is no other; no name ends with a dot'
run "$BIN/acmed-store" -s "$T/names.sqlite" check
is "$status $out" '0 ' '... and the store is sound'
for name in only.cn.example trail.example trail.example. MAIL.example; do
	run "$BIN/cert-export" -s "$T/names.sqlite" --cert $name
	exits 0 "cert-export $name"
done

# A store of version 3, which knew no better.
{
	sed -e 's/@id/INTEGER PRIMARY KEY/' -e 's/@int/INTEGER/' \
	    -e 's/@text/TEXT/' -e 's/@blob/BLOB/' -e 's/@strict/STRICT/' \
	    -e 's/@keyed/STRICT, WITHOUT ROWID/' \
	    "$SRC/libcommon/store/schema/000"[123].sql
	echo 'PRAGMA user_version = 3;'
} >old.sql
must sqlite3 "$T/old.sqlite" <old.sql
{
	echo "ATTACH '$T/names.sqlite' AS new;"
	sqlite3 "$T/old.sqlite" "SELECT 'INSERT INTO main.' || t.name ||
	    ' SELECT ' || (SELECT group_concat(c.name)
	    FROM pragma_table_info(t.name) c) || ' FROM new.' || t.name || ';'
	    FROM sqlite_schema t WHERE t.type = 'table'"
	echo "INSERT INTO fqdn_sets (id, sha256, size, created)
		VALUES (100, x'00', 0, 0);
	    UPDATE certificates SET fqdn_set_id = 100 WHERE id <= 2;
	    UPDATE domains SET value = value || '.' WHERE value = 'b.example';
	    UPDATE fqdn_sets SET sha256 = x'01' WHERE size = 2;"
} >fill.sql
must sqlite3 "$T/old.sqlite" <fill.sql
chmod 660 "$T/old.sqlite"
run "$BIN/acmed-store" -s "$T/old.sqlite" migrate
exits 0 'migrate'
is "$(names_in "$T/old.sqlite")" "$names" '... finds the names anew'
run "$BIN/acmed-store" -s "$T/old.sqlite" check
is "$status $out" '0 ' '... and the store is sound'

# ---- what is bad -----------------------------------------------------------------

printf 'nonsense\n' >nonsense
head -c 100 www.crt >short
head -c 200 ftp.crt.der >short.der
: >empty
mkdir directory
make good DNS:good.example.org
imp nonsense short short.der empty directory none.pem good.pem good.key
is "$status $(counts)" '1 certificate created 1,file refused 6,private_key created 1' \
    'six bad files do not stop a good one'
for name in nonsense short short.der empty directory none.pem; do
	like "$out" "^file	.*	refused		$name	" "... $name is named"
done
make odd DNS:odd.example.org
imp odd.crt www.key
is "$status $(counts)" '1 certificate created 1,private_key refused 1' \
    'a key that fits none of the certificates beside it'
mkdir -p misfit/archive/odd
cp odd.crt misfit/archive/odd/cert1.pem
cp root.crt misfit/archive/odd/chain1.pem
cp www.key misfit/archive/odd/privkey1.pem
must "$BIN/acmed-store" -s "$T/misfit.sqlite" init
imp -s "$T/misfit.sqlite" --certbot misfit
is "$status $(counts)" \
    '1 ca_certificate created 1,certificate created 1,chain refused 1,private_key refused 1' \
    "... and in another client's store, with a chain that has not signed"
head -c 70000000 /dev/zero >huge
imp huge
exits 1 'a huge file'
like "$out" 'refused.*huge' '... is refused'
rm huge
cat good.pem good.pem good.key good.pem good.key >many
imp many
is "$(counts)" 'certificate known 1,private_key known 1' \
    'what stands twice is once'
chmod 644 password
imp --password-file password ip.p12
exits 102 'a password that others can read'
chmod 600 password
echo wrong >password
imp --password-file password ip.p12
exits 1 'the wrong password'
unlike "$out$err" 'wrong|secret' '... which nobody sees'

# places: "object result place" of each line, in order
places() {
	printf '%s\n' "$out" | awk -F '\t' 'NR > 1 { print $1, $3, $5 }'
}
must "$BIN/acmed-store" -s "$T/places.sqlite" init
make pl DNS:pl.example.org
imp -s "$T/places.sqlite" --dry-run pl.chain nonsense two.csr www.key pl.key \
    pl.crt www.key nul.crt nul.key
is "$(places)" 'file refused nonsense
private_key refused www.key
private_key created pl.key
private_key created nul.key
certificate_request created two.csr
ca_certificate created pl.chain
certificate created pl.crt
certificate created nul.crt
domain refused nul.crt' 'each thing is told with the file that it is from'
imp -s "$T/places.sqlite" --dry-run --ca root.crt pl.crt pl.key pl.csr
is "$(places)" 'ca_certificate created root.crt
certificate refused pl.crt
private_key refused pl.key
certificate_request refused pl.csr' '... also with --ca'
imp -s "$T/places.sqlite" --certbot misfit
is "$(places)" 'chain refused misfit/archive/odd/chain1.pem
private_key refused misfit/archive/odd/privkey1.pem
certificate created misfit/archive/odd/cert1.pem
ca_certificate created misfit/archive/odd/chain1.pem' \
    '... and in a tree'
# A name that is longer than any.
long=$(printf 'a%.0s' $(seq 60))
self long / "subjectAltName=DNS:$long.$long.$long.$long.$long.example"
imp -s "$T/places.sqlite" pl.crt long.crt long.key
exits 1 'a certificate that the store does not take'
is "$(places)" 'file refused long.crt' '... is the one that is named'

# ---- many at once ---------------------------------------------------------------

mkdir haproxy
for n in 1 2 3 4 5 6 7 8 9; do
	make "n$n" "DNS:n$n.example.org"
	cat "n$n.pem" "n$n.key" >"haproxy/n$n.pem"
done
imp --each -s "$T/first.sqlite" haproxy/*.pem
exits 102 'no store'
must "$BIN/acmed-store" -s "$T/first.sqlite" init
for n in 1 2 3 4; do
	"$BIN/cert-import" --each -s "$T/first.sqlite" haproxy/*.pem \
	    >"race$n.out" 2>"race$n.err" || echo failed >"race$n.failed" &
done
wait
is "$(find . -name 'race*.failed')" '' 'four imports of the same at once'
is "$(cat race*.out | grep -c '^certificate	.*created')" 9 \
    '... each certificate is created once'
is "$(sqlite3 "$T/first.sqlite" 'SELECT count(*) FROM certificates') $(
    sqlite3 "$T/first.sqlite" 'SELECT count(*) FROM private_keys')" '9 9' \
    '... and is there once'
ok '... the store is sound' "$BIN/acmed-store" -s "$T/first.sqlite" check

# ---- a directory ----------------------------------------------------------------

mkdir -p sites/a sites/b/deep sites/.hidden
make da DNS:da.example.org
make db DNS:db.example.org
cp da.crt da.chain da.key sites/a
cp db.crt db.chain sites/b
cp db.key sites/b/deep
cp www.key sites/.hidden
ln -s ../../password sites/a/outside
ln -s ../b/db.chain sites/a/inside
for n in 1 2 3 4 5 6; do
	ln -s . "sites/a/loop$n"
	ln -s .. "sites/b/deep/up$n"
done
must "$BIN/acmed-store" -s "$T/sites.sqlite" init
imp --each -s "$T/sites.sqlite" sites
is "$status $(counts)" '1 ca_certificate created 1,certificate created 2,file refused 1,private_key created 2' \
    'a directory'
like "$out" 'certificate.*da.example.org	sites/a/da.crt	' \
    '... each folder by itself'
like "$out" 'refused.*	sites/a/outside	a link that' \
    '... a link out of it is refused'
is "$(sqlite3 "$T/sites.sqlite" 'SELECT count(*) FROM private_keys')" 2 \
    '... hidden ones are passed over'

# ---- accounts of another client ------------------------------------------------------

for account in a b c broken; do
	mkdir -p "dehydrated/accounts/$account"
	cp www.key "dehydrated/accounts/$account/account_key.pem"
	echo "{\"url\": \"https://ca.example/$account\"}" \
	    >"dehydrated/accounts/$account/account_id.json"
done
echo '{"url": "https://ca.example/a"}' >dehydrated/accounts/b/account_id.json
echo nonsense >dehydrated/accounts/broken/account_key.pem
must "$BIN/acmed-store" -s "$T/accounts.sqlite" init
for how in --dry-run --no-auto-renew; do
	imp -s "$T/accounts.sqlite" $how --dehydrated dehydrated
	is "$status $(counts)" '1 file refused 1,upstream_account created 1,upstream_account known 1,upstream_account refused 1' \
	    "$how: one key in three accounts, of which two are one"
	like "$out" 'refused	https://ca.example/c	' '... and it is said which'
done
imp -s "$T/accounts.sqlite" --dehydrated dehydrated --account a
is "$status $(counts)" '0 upstream_account known 1' \
    '--account: another that is broken is not asked for'
imp -s "$T/accounts.sqlite" --dehydrated dehydrated --account none
is "$status $out$err" '1 cert-import: dehydrated: no account none in it' \
    '... one that is not there is told'
imp -s "$T/accounts.sqlite" --dehydrated dehydrated --account broken
is "$status $(counts)" '1 file refused 1' '... and one that is broken'
is "$(places)" 'file refused dehydrated/accounts/broken/account_key.pem' \
    '... by its own file'
mkdir -p late/archive/a
cp www.crt late/archive/a/cert1.pem
ln -s /etc late/archive/out
imp -s "$T/accounts.sqlite" --certbot late --account none --lineage a
is "$status $err $(counts)" '1 cert-import: late: no account none in it certificate created 1,file refused 1' \
    'what is there is taken beside what is not'

# ---- EXAMPLES of the manual page ---------------------------------------------------

cp www.crt www-only.pem
cp www.chain ca.pem
must openssl pkcs12 -export -inkey www.key -in www.pem -passout file:password \
    -out www.p12
cp password secret
PATH=$BIN:$PATH
mkdir -p letsencrypt/archive/www
cp www.crt letsencrypt/archive/www/cert1.pem
cp www.chain letsencrypt/archive/www/chain1.pem
cp www.key letsencrypt/archive/www/privkey1.pem
run sh -ec "$(sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/{
    s|/etc/letsencrypt|letsencrypt|; s/^\$ //p; }' "$SRC/man/cert-import.1")"
exits 0 'the examples'
is "$(printf '%s\n' "$out" | grep -c '^certificate	')" 13 '... import'

done_testing
