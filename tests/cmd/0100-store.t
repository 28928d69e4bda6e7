#!/bin/sh
# Goal: acmed-store makes a store, says what is wrong with one, and leaves
# everything else as it was.
. "$(dirname "$0")/../lib/tap.sh"

conf=$T/acmed.conf
ACMED_CONFIG=$conf
export ACMED_CONFIG
PATH=$(cd "$BIN" && pwd):$PATH

configure() {
	cat >"$conf" <<-END
	[store]
	url = $T/store/acmed.sqlite
	certificate_key_file = $T/certificates.key
	account_key_file = $T/accounts.key
	[server]
	base_url = $1
	tls_certificate = $T/tls.crt
	tls_private_key = $T/tls.key
	[policy]
	allowed_server_ip_ranges = any
	[local-ca]
	directory = $T/ca
	END
}
configure https://localhost:14000

mode() {
	stat -c %a "$1"
}

run acmed-store stats
exits 102 'no store: a wrong configuration'
like "$err" 'run acmed-store init' '... and what to do'

# ---- init ---------------------------------------------------------------------

(umask 077 && exec acmed-store init) >"$T/out" 2>"$T/err"
is "$?" 0 'init'
is "$(cat "$T/out" "$T/err")" '' 'init is silent'
is "$(mode "$T/store")" 2770 'mode of the directory'
is "$(mode "$T/store/acmed.sqlite")" 660 'mode of the store'
is "$(mode "$T/tls.key") $(mode "$T/tls.crt")" '600 644' 'modes of the TLS files'
is "$(mode "$T/ca/root.key") $(mode "$T/ca/intermediate.key")" '600 600' \
    'modes of the keys of the CA'
ok 'the TLS certificate leads to the root' \
    openssl verify -CAfile "$T/ca/root.crt" -untrusted "$T/tls.crt" \
    -verify_hostname localhost "$T/tls.crt"
ok '... and is for the loopback address' \
    openssl verify -CAfile "$T/ca/root.crt" -untrusted "$T/tls.crt" \
    -verify_ip ::1 "$T/tls.crt"
like "$(openssl pkey -in "$T/tls.key" -noout -text)" 'P-256' 'the key is P-256'

sums() {
	sha256sum "$T/tls.crt" "$T/tls.key" "$T"/ca/*
}
before=$(sums)
run acmed-store init
exits 0 'init again'
is "$(sums)" "$before" '... changes nothing'
run acmed-store check
exits 0 'check'
is "$out" '' '... has nothing to say'

rm "$T/tls.crt"
run acmed-store init
exits 0 'init completes what is partial'
is "$(sha256sum <"$T/tls.key")" "$(printf '%s' "$before" |
    sed -n 's/ .*tls.key/  -/p')" '... and keeps the key'
ok '... which the new certificate is for' \
    [ "$(openssl x509 -in "$T/tls.crt" -noout -pubkey)" = \
    "$(openssl pkey -in "$T/tls.key" -pubout)" ]

mkdir -m 700 "$T/half"
: >"$T/half/acmed.sqlite"
run acmed-store stats -s "$T/half/acmed.sqlite"
exits 102 'an interrupted init leaves no store'
run acmed-store init -s "$T/half/acmed.sqlite"
exits 0 '... and the next one completes it'
ok '... to a sound one' acmed-store check -s "$T/half/acmed.sqlite"

# Two at a time: one waits for the other.
good=0
for i in 1 2 3 4 5; do
	rm -rf "$T/store" "$T/ca" "$T"/tls.*
	acmed-store init 2>"$T/first" &
	both=0
	acmed-store init 2>"$T/second" || both=$?
	wait $! || both=$?
	both=$both,$(acmed-store log --no-header | wc -l)
	[ "$both" != 0,1 ] || good=$((good + 1))
done
is "$good$(cat "$T/first" "$T/second")" 5 'two inits at once: both succeed'

# Killed when a file is to be written to the disk: the 1st, the 2nd, ...
if command -v strace >/dev/null; then
	rm -rf "$T/store" "$T/ca" "$T"/tls.*
	n=0 status=1
	while [ "$status" -ne 0 ] && [ "$n" -lt 50 ]; do
		n=$((n + 1)) status=0
		ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -o /dev/null \
		    -e trace=fsync -e inject=fsync:signal=KILL:when=$n \
		    "$BIN/acmed-store" init || status=$?
	done 2>/dev/null
	ok 'init, killed and run again, comes to its end' [ "$n" -gt 1 ]
	ok '... with a sound store' acmed-store check
	is "$(find "$T/ca" "$T"/tls.* | sort | tr '\n' ' ')" \
	    "$(printf '%s ' "$T/ca" "$T/ca/intermediate.crt" "$T/ca/intermediate.key" \
	    "$T/ca/root.crt" "$T/ca/root.key" "$T/tls.crt" \
	    "$T/tls.crt.lock" "$T/tls.key")" '... and leaves no other file'
else
	skip 3 'no strace'
fi

for path in "$T/fifo" "$T/half"; do
	[ -e "$path" ] || mkfifo -m 600 "$path"
	before=$(mode "$path")
	run acmed-store init -s "$path"
	exits 102 "init of a store that is no file"
	is "$(mode "$path")" "$before" '... leaves its mode alone'
done

# ---- tls-renew ------------------------------------------------------------------

before=$(sums)
run acmed-store tls-renew
exits 0 'tls-renew, not due'
is "$(sums)" "$before" '... changes nothing'
is "$out$err" '' '... silently'
sed '/^account_key_file/d' "$conf" >"$T/clear.conf"
run acmed-store -c "$T/clear.conf" config --check
exits 0 'config --check without a key file'
like "$err" 'config.keys setting="\[store\] account_key_file"' '... warns'
configure https://acme.example.net/prefix
run acmed-store tls-renew
exits 0 'tls-renew for another name'
ok '... has that name' openssl verify -CAfile "$T/ca/root.crt" \
    -untrusted "$T/tls.crt" -verify_hostname acme.example.net "$T/tls.crt"
echo 'lifetime = 2s' >>"$conf"
rm "$T/tls.crt"
run acmed-store tls-renew
short=$(sha256sum <"$T/tls.crt")
renewed() {
	acmed-store -q tls-renew "$@" &&
	    [ "$short" != "$(sha256sum <"$T/tls.crt")" ]
}
ok 'tls-renew, when it is due' wait_for 10 renewed
cp "$T/tls.crt" "$T/tls.ours"
must openssl req -x509 -new -key "$T/tls.key" -days 1 -subj '/CN=Other CA' \
    -addext subjectAltName=DNS:www.example.net -out "$T/tls.crt"
theirs=$(sums)
sed "s|^tls_certificate = .*|tls_certificate = $T/none/tls.crt|" \
    "$ACMED_CONFIG" >"$T/nowhere.conf"
for command in init tls-renew; do
	run acmed-store -c "$T/nowhere.conf" $command
	exits 102 "$command: a certificate where none can be"
done
run acmed-store tls-renew
exits 0 'tls-renew with a certificate of another CA'
is "$(sums)" "$theirs" '... leaves it alone'
mv "$T/tls.ours" "$T/tls.crt"
must acmed-store -q init -s "$T/new.sqlite"
short=$(sha256sum <"$T/tls.crt")
ok 'tls-renew of one of ours that a new store does not know' \
    wait_for 10 renewed -s "$T/new.sqlite"
rm -f "$T"/new.sqlite*
configure 'https://[::1]:14000'

# ---- check ----------------------------------------------------------------------

chmod 640 "$T/tls.key"
run acmed-store check
exits 1 'check: a key that others can read'
like "$out" 'tls.key: mode 0640' '... is named'
run acmed-store check -s "$T/none.sqlite"
exits 102 '... and no store'
like "$out" 'tls.key: mode 0640' '... is named all the same'
chmod 600 "$T/tls.key"
for bits in 775 757 1777; do
	chmod "$bits" "$T/ca"
	run acmed-store check
	is "$status $out" "1 $T/ca: mode $(printf %04d "$bits"): others than \
its owner can replace what is in it" "check: the CA's directory, mode $bits"
done
chmod 755 "$T/ca"

# A rekey that is killed is told by check until another has come to its end.
SHIM=${TOOLS%/tool}/preload/shim.so
case $BIN in
*/asan/*) SHIM='' ;;
esac
if [ -e "$SHIM" ]; then
	mkdir "$T/rekey"
	cat >"$T/rekey/conf" <<-END
		[store]
		url = $T/rekey/acmed.sqlite
		certificate_key_file = $T/rekey/seal.key
		[server]
		base_url = https://localhost
		[policy]
		allowed_server_ip_ranges = any
		[local-ca]
		directory = $T/rekey/ca
	END
	must acmed-store -c "$T/rekey/conf" -q init
	"$BIN/private-key" -c "$T/rekey/conf" generate >/dev/null ||
		must false 'private-key generate'
	n=1 bad='' cut=0
	while :; do
		rm -f "$T/faults"
		LD_PRELOAD=$SHIM FAULT_FILE=$T/faults \
		    FAULT=acmed-store:$n:before "$BIN/acmed-store" \
		    -c "$T/rekey/conf" rekey >/dev/null 2>&1
		[ $? -eq 137 ] || break
		run acmed-store -c "$T/rekey/conf" check
		if [ -e "$T/rekey/seal.key.new" ]; then
			cut=$((cut + 1))
			case $status$out in
			"1$T/rekey/seal.key.new: acmed-store rekey has not "*) ;;
			*) bad="$bad $n:$status:$out" ;;
			esac
		fi
		must acmed-store -c "$T/rekey/conf" rekey
		run acmed-store -c "$T/rekey/conf" check
		[ "$status$out" = 0 ] || bad="$bad $n:then:$out"
		n=$((n + 1))
	done
	is "$bad" '' "check: rekey, killed at each of $n calls"
	ok '... of which some were in the middle' test "$cut" -gt 3
else
	skip 2 'needs the shim, and no sanitizer'
fi
chmod 664 "$T/store/acmed.sqlite"
run acmed-store check --json
exits 1 'check: a store that others can read'
like "$out" '^\{"problem":".*acmed.sqlite: mode 0664' '... is named, in JSON'
chmod 660 "$T/store/acmed.sqlite"
sqlite3 "$T/store/acmed.sqlite" \
    "INSERT INTO jobs VALUES ('issue', 7, 0, 0, '')"
run acmed-store check
exits 1 'check: a state that cannot be'
is "$out" 'order/7: has a job, but is not processing' '... is named'
sqlite3 "$T/store/acmed.sqlite" 'DELETE FROM jobs'
ok 'check, mended' acmed-store check

# damage SQL COMPLAINT: in a copy; check finds it.
damage() {
	rm -f "$T"/damaged*
	must acmed-store backup "$T/damaged"
	must sqlite3 "$T/damaged" "$1"
	chmod 660 "$T"/damaged*
	run acmed-store check -s "$T/damaged"
	is "$status $(head -n 1 "$T/out")" "1 $2" "check: $2"
}
damage 'DROP INDEX orders_status' 'index orders_status is not there'
damage 'DROP TABLE jobs' 'table jobs is not there'
damage 'ALTER TABLE accounts RENAME COLUMN jwk TO key' \
    'table accounts is not as acmed made it'
damage "UPDATE certificates SET der = x'00' WHERE id = 1" \
    'certificate/1: its content is not that of its SHA-256'
damage "UPDATE ca_certificates SET sha256 = x'00'" \
    'ca_certificate/1: its content is not that of its SHA-256'
damage "PRAGMA ignore_check_constraints = 1;
	UPDATE certificates SET status = 'nonsense' WHERE id = 1" \
    'CHECK constraint failed in certificates'
# thumbprint JWK: RFC 7638; the text is canonical.
thumbprint() {
	printf %s "$1" | openssl dgst -sha256 -binary | base64 -w0 |
	    tr '+/' '-_' | tr -d =
}
first="'$(thumbprint '{}')', '{}'"
second="'$(thumbprint '{"k":2}')', '{\"k\":2}'"
account="INSERT INTO accounts (id, url_id, status,
	thumbprint, jwk, contacts, terms_agreed_at, created) VALUES
	(1, 'a', 'valid', $first, '[]', NULL, 1);
	INSERT INTO authorizations VALUES
	(1, 'z', 1, 'pending', 'dns', 'a.example', 0, 1, 2);
	INSERT INTO challenges VALUES
	(1, 1, 'http-01', 'pending', 'k', NULL, NULL, NULL),
	(2, 1, 'dns-01', 'pending', 'l', NULL, NULL, NULL)"
damage "$account; UPDATE accounts SET status = 'deactivated'" \
    'account/1: ended, but an authorization is open'
damage "$account; UPDATE authorizations SET status = 'invalid'" \
    'authorization/1: invalid, but no challenge is'
damage "$account; UPDATE authorizations SET status = 'valid';
	UPDATE challenges SET status = 'valid'" \
    'authorization/1: more than one challenge is valid'
damage "$account; UPDATE authorizations SET status = 'expired';
	UPDATE challenges SET status = 'processing' WHERE id = 1;
	INSERT INTO jobs VALUES ('validate', 1, 0, 0, '')" \
    'challenge/1: processing or valid, but its authorization has ended without it'
order="INSERT INTO accounts (id, url_id, status,
	thumbprint, jwk, contacts, terms_agreed_at, created) VALUES
	(1, 'a', 'valid', $first, '[]', NULL, 1),
	(2, 'b', 'valid', $second, '[]', NULL, 1);
	INSERT INTO authorizations VALUES
	(1, 'z', 1, 'valid', 'dns', 'localhost', 0, 1, 2);
	INSERT INTO challenges VALUES
	(1, 1, 'http-01', 'valid', 'k', 1, NULL, NULL),
	(2, 1, 'dns-01', 'pending', 'l', NULL, NULL, NULL);
	DELETE FROM fqdn_set_members WHERE domain_id IN
	(SELECT id FROM domains WHERE type = 'ip');
	DELETE FROM domains WHERE type = 'ip';
	UPDATE fqdn_sets SET size = 1 WHERE id = 1;
	UPDATE domains SET latest_single_id = 1, latest_multi_id = NULL
	WHERE value = 'localhost';
	INSERT INTO orders (id, url_id, account_id, status,
	created, expires, keep_until, not_before, not_after, error, csr,
	processing_since, certificate_id, chain_id) VALUES
	(1, 'o', 1, 'valid', 1, 2, 3, NULL, NULL, NULL, NULL, 1, 1,
	    (SELECT min(chain_id) FROM certificate_chains
	    WHERE certificate_id = 1));
	INSERT INTO identifiers VALUES (1, 0, 'dns', 'localhost', 1)"
damage "$order" 'certificate/1: its names are not those in it'
damage "$order; UPDATE orders SET chain_id = NULL" \
    'order/1: without a chain, though its certificate has one'
damage "$order; UPDATE identifiers SET value = 'other.example';
	UPDATE authorizations SET value = 'other.example'" \
    'order/1: its certificate has other names'
damage "$order; UPDATE fqdn_sets SET size = 2;
	INSERT INTO domains (id, type, value, active, created, latest_single_id, latest_multi_id) VALUES (9, 'dns', 'x.example', 1, 1, NULL, 1);
	INSERT INTO fqdn_set_members VALUES (1, 9);
	UPDATE domains SET latest_single_id = NULL, latest_multi_id = 1" \
    'order/1: its certificate has other names'
damage "$order; INSERT INTO orders (id, url_id, account_id, status,
	created, expires, keep_until, not_before, not_after, error, csr,
	processing_since, certificate_id, chain_id)
	SELECT 2, 'p', account_id, status, created,
	expires, keep_until, not_before, not_after, error, csr,
	processing_since, certificate_id, chain_id FROM orders;
	INSERT INTO identifiers VALUES (2, 0, 'dns', 'localhost', 1)" \
    'certificate/1: of more than one order'
damage "INSERT INTO certificates (id, sha256, serial, not_before,
	not_after, der, spki_sha256, aki, account_id, source, created, status,
	revoked_at, revocation_reason, sha1, issuer_id, fqdn_set_id, active,
	auto_renew, key_type)
	SELECT 99, x'00', serial, not_before,
	not_after, der, spki_sha256, aki, account_id, 'acme', created, status,
	revoked_at, revocation_reason, sha1, issuer_id, fqdn_set_id, 0, 0,
	key_type
	FROM certificates WHERE id = 1;
	UPDATE certificates SET source = 'acme'" \
    "certificate/99: its serial number is another's too"
damage "$order; UPDATE authorizations SET status = 'invalid';
	UPDATE challenges SET status = 'invalid', validated = NULL,
	error = '{}' WHERE id = 1" \
    'order/1: processing or valid, but an authorization never was valid'
damage "$order; UPDATE authorizations SET account_id = 2" \
    'order/1: an authorization is of another account or for another name'
damage "$order; UPDATE authorizations SET wildcard = 1" \
    'order/1: an authorization is of another account or for another name'
damage "$order; UPDATE orders SET processing_since = NULL" \
    'order/1: processing or valid, but was never finalized'
damage "$order; UPDATE challenges SET validated = 7 WHERE id = 2" \
    'challenge/2: valid without a time of validation, or the other way round'
damage "$order; UPDATE challenges SET status = 'invalid' WHERE id = 2" \
    'challenge/2: invalid, but nothing says why'
processing="$account; UPDATE challenges SET status = 'processing' WHERE id = 1"
damage "$processing; INSERT INTO jobs VALUES ('validate', 1, -1, 0, '')" \
    'job/1: its number of attempts is negative'
damage "$processing; INSERT INTO jobs VALUES ('validate', 1, 0,
	strftime('%s') + 90000, '')" 'job/1: due in more than a day'
damage "UPDATE certificates SET serial = '00' WHERE id = 1" \
    'certificate/1: its serial number or lifetime is not the one in it'
damage "UPDATE certificates SET not_after = 1 WHERE id = 1" \
    'certificate/1: its serial number or lifetime is not the one in it'
for column in spki_sha256:'the SHA-256 of its public key is not that of the one in it' \
    aki:'its key identifier is not the one in it'; do
	damage "UPDATE certificates SET ${column%%:*} = x'00' WHERE id = 1" \
	    "certificate/1: ${column#*:}"
done
damage 'UPDATE certificates SET aki = NULL WHERE id = 1' \
    'certificate/1: its key identifier is not the one in it'
for column in spki_sha256:'the SHA-256 of its public key is not that of the one in it' \
    ski:'its key identifier is not the one in it' \
    subject:'its subject is not the one in it' \
    not_after:'its lifetime is not the one in it'; do
	damage "UPDATE ca_certificates SET ${column%%:*} = CASE '${column%%:*}'
	    WHEN 'subject' THEN 'CN=x' WHEN 'not_after' THEN 1 ELSE x'00' END
	    WHERE id = 1" "ca_certificate/1: ${column#*:}"
done
for column in fqdn_set_id issuer_id sha1; do
	damage "UPDATE domains SET latest_multi_id = NULL
	    WHERE latest_multi_id = 1; UPDATE certificates SET $column = NULL, active = 0 WHERE id = 1" \
	    'certificate/1: not complete; run acmed-store migrate'
done
damage "UPDATE certificates SET sha1 = x'00'" \
    'certificate/1: its SHA-1 is not that of its content'
damage 'UPDATE issuers SET name = "CN=x"' \
    'certificate/1: its issuer is not the one in it'
damage 'UPDATE fqdn_sets SET size = 7' \
    'fqdn_set/1: its size is not the number of its names'
damage 'UPDATE domains SET latest_multi_id = NULL WHERE id = 1' \
    'domain/1: another certificate is the latest; run cert-manage update-recents'
damage 'UPDATE certificates SET active = 0' \
    'domain/1: another certificate is the latest; run cert-manage update-recents'
damage "UPDATE chains SET sha256 = x'00' WHERE id = 1" \
    'chain/1: its SHA-256 is not that of its certificates'
damage 'UPDATE chain_members SET position = position + 1' \
    'chain/1: its certificates are not at 0, 1, 2 and so on'
damage 'UPDATE certificate_chains SET is_default = 0' \
    'certificate/1: not one of its chains is the default, or more than one'
damage "$account; UPDATE accounts SET thumbprint = 't'" \
    'account/1: its thumbprint is not that of its key'
damage "$account; UPDATE challenges SET token = 'k'" \
    "challenge/2: its token is another's too"
damage "$account; UPDATE challenges SET token = '' WHERE id = 2" \
    'challenge/2: without a token'
damage "$order; UPDATE certificates SET source = 'acme'" \
    'certificate/1: not of the account whose order holds it'
damage "$order; UPDATE certificates SET account_id = 2" \
    'certificate/1: not of the account whose order holds it'
damage "$order; UPDATE certificates SET account_id = 1;
	INSERT INTO certificates (id, sha256, serial, not_before,
	not_after, der, spki_sha256, aki, account_id, source, created, status,
	revoked_at, revocation_reason, sha1, issuer_id, fqdn_set_id, active,
	auto_renew, key_type)
	SELECT 99, x'00', '99', not_before, not_after,
	der, spki_sha256, aki, account_id, 'acme', created, status, revoked_at,
	revocation_reason, sha1, issuer_id, fqdn_set_id, 0, 0, key_type
	FROM certificates WHERE id = 1" \
    'certificate/99: of no order, but one of the same account, names and key holds another'
damage "DELETE FROM certificate_chains WHERE certificate_id = 1;
	DELETE FROM certificates WHERE id = 1;
	UPDATE domains SET latest_multi_id = NULL" \
    'certificate/1: gone, but events name it'
event="INSERT INTO events (at, request_id, actor, action, object_type,
	object_id, detail) VALUES (1, '', ''"
damage "$event, 'account.create', 'account', 7, NULL)" \
    'account/7: gone, but events name it'
damage "$event, 'order.valid', 'order', 7, 'certificate/77')" \
    'certificate/77: gone, but events name it'
damage "$event, 'order.start', 'order', 7, NULL)" \
    'order/7: gone, but was processing'
damage "$event, 'order.valid', 'order', 7, 'certificate/1')" \
    'order/7: gone, or with another certificate, but that of before has not expired'
damage 'CREATE TRIGGER guard AFTER DELETE ON orders BEGIN SELECT 1; END' \
    'trigger guard is none that acmed made'
damage 'CREATE VIEW names AS SELECT value FROM domains' \
    'view names is none that acmed made'
damage 'CREATE TABLE notes (text TEXT)' 'table notes is none that acmed made'
damage 'CREATE INDEX orders_expires ON orders (expires)' \
    'index orders_expires is none that acmed made'
# What had a reason to go is not missed.
rm -f "$T"/damaged*
must acmed-store backup "$T/damaged"
must sqlite3 "$T/damaged" "UPDATE certificates SET source = 'sign';
	$event, 'order.create', 'order', 7, NULL);
	$event, 'order.start', 'order', 7, NULL);
	$event, 'order.return', 'order', 7, NULL);
	$event, 'order.start', 'order', 8, NULL);
	$event, 'order.invalid', 'order', 8, '{}');
	$event, 'challenge.valid', 'challenge', 9, NULL); ANALYZE"
chmod 660 "$T"/damaged*
run acmed-store check -s "$T/damaged"
is "$status$out" 0 'check: orders that were purged'
: >"$T/nonces"
run acmed-store check -s "$T/damaged"
like "$out" "^$T/nonces: not whole\$" 'check: half a file of nonces'
rm "$T/nonces"
echo half >"$T/store/nonces.0badcafe"
run acmed-store check
is "$out" "$T/store/nonces: beside it lies nonces.0badcafe, left by a process \
that was killed" 'check: what a killed process left'
rm "$T/store/nonces.0badcafe"
# A table that cannot be read; the others can.
damage 'ALTER TABLE jobs RENAME COLUMN due TO d' \
    'table jobs is not as acmed made it'
like "$out" '^the rest could not be looked at: .*due' '... which is in the way'
page=$(sqlite3 "$T/damaged" "SELECT rootpage FROM sqlite_schema
    WHERE name = 'certificates'")
size=$(sqlite3 "$T/damaged" 'PRAGMA page_size')
rm -f "$T"/damaged*
must acmed-store backup "$T/damaged"
must dd if=/dev/urandom of="$T/damaged" bs="$size" seek=$((page - 1)) count=1 \
    conv=notrunc status=none
run acmed-store check -s "$T/damaged"
exits 1 'check: a broken page'
like "$out" "[Pp]age $page" '... is named'
like "$out" '^the rest could not be looked at: ' '... and what it hides'
is "$(printf '%s\n' "$out" | grep -c 'the rest')" 1 '... once'
truncate -s 20000 "$T/damaged"
rm -f "$T"/damaged-*
run acmed-store check -s "$T/damaged"
ok 'check: half a file; no later run would mend it' \
    [ "$status" -eq 1 -o "$status" -eq 102 ]

# ---- stats, log -----------------------------------------------------------------

run acmed-store stats
like "$out" '^name	label	value	number$' 'stats has a header'
like "$out" '^orders	status	pending	0$' '... and numbers'
run acmed-store stats -j
like "$out" '^\{"name":"chains","label":null,"value":null,"number":[0-9]+\}$' \
    'stats in JSON'
run acmed-store stats --prometheus
like "$out" '^acmed_store_accounts\{status="valid"\} 0$' 'stats for Prometheus'
run acmed-store stats --prometheus --json
exits 100 'one format at a time'

run acmed-store log --last 1 --no-header
like "$out" '^[0-9TZ:-]{20}	certificate.add	certificate/[0-9]+	acmed-store	' \
    'log'
run acmed-store log
is "$(printf '%s\n' "$out" | head -n 1)" \
    'time	action	object	actor	request	detail' 'log has a header'
lines=$(printf '%s\n' "$out" | wc -l)
run acmed-store log --since 1h
is "$(printf '%s\n' "$out" | wc -l)" "$lines" 'log --since an hour ago'
run acmed-store log --since 2126-01-01T00:00:00Z --no-header
is "$out" '' 'log --since a time to come'
sha256=$(openssl x509 -in "$T/tls.crt" -outform DER | sha256sum | cut -c 1-64)
run acmed-store log --object "certificate/$sha256" --no-header
is "$(printf '%s\n' "$out" | wc -l)" 1 'log of a certificate by its SHA-256'
run acmed-store log --object certificate/2 -j
like "$out" '"object":"certificate/2"' 'log of an object by its number'
run acmed-store log --object order/AAAAAAAAAAAAAAAAAAAAAA
exits 1 'log of what is not there'
run acmed-store log --object thing/1
exits 100 'log of what nobody knows'
run acmed-store log --since yesterday
exits 100 'log since nobody knows when'

# ---- backup, migrate, purge -----------------------------------------------------

run acmed-store backup "$T/copy"
exits 0 'backup'
is "$(mode "$T/copy")" 660 '... has the mode of the store'
ok '... is a store' acmed-store check -s "$T/copy"
is "$(acmed-store -s "$T/copy" log)" "$(acmed-store log)" '... with all in it'
run acmed-store backup "$T/copy"
exits 1 'a backup overwrites nothing'
echo rest >"$T/many.part"
for i in 1 2 3 4 5; do
	(
		acmed-store backup "$T/many"
		echo $? >"$T/many-$i"
	) 2>/dev/null &
done
wait
is "$(cat "$T"/many-* | grep -cx 0)" 1 'five backups to one file: one succeeds'
is "$(cat "$T"/many-* | grep -cvx -e 0 -e 1 -e 111)" 0 \
    '... the others are told that it exists, or to come again'
ok '... and it is sound' acmed-store check -s "$T/many"
not_ok '... what an interrupted run left is gone' test -e "$T/many.part"
echo precious >"$T/precious"
ln -s "$T/precious" "$T/linked.part"
not_ok 'a symbolic link in the way' acmed-store backup "$T/linked"
ln -f "$T/precious" "$T/linked.part"
run acmed-store backup "$T/linked"
exits 1 'a hard link in the way'
is "$(cat "$T/precious")" precious '... is not written to'

run acmed-store backup -
exits 100 'a backup is a file'
run acmed-store backup "$T/no/copy"
exits 100 'a backup to nowhere'
for url in "$T/no/store/acmed.sqlite" "$T/precious/acmed.sqlite"; do
	run acmed-store -s "$url" init
	exits 102 "init: no place for a store: ${url#"$T"}"
done

run acmed-store migrate
exits 0 'migrate: nothing to do'

# A store of version 2 with the certificates of this one.
{
	sed -e 's/@id/INTEGER PRIMARY KEY/' -e 's/@int/INTEGER/' \
	    -e 's/@text/TEXT/' -e 's/@blob/BLOB/' -e 's/@strict/STRICT/' \
	    -e 's/@keyed/STRICT, WITHOUT ROWID/' \
	    "$SRC/libcommon/store/schema/0001.sql" \
	    "$SRC/libcommon/store/schema/0002.sql"
	echo "PRAGMA user_version = 2; ATTACH '$T/store/acmed.sqlite' AS new;"
	for table in certificates:14 ca_certificates:7 chains:2 \
	    chain_members:3 certificate_chains:3 events:8; do
		columns=$(sqlite3 "$T/store/acmed.sqlite" "SELECT group_concat(
		    name) FROM (SELECT name FROM
		    pragma_table_info('${table%:*}') LIMIT ${table#*:})")
		echo "INSERT INTO main.${table%:*} SELECT $columns
		    FROM new.${table%:*};"
	done
} >"$T/old.sql"
must sqlite3 "$T/old" <"$T/old.sql"
chmod 660 "$T/old"
run acmed-store -s "$T/old" check
exits 102 'a store of version 2 is told from a new one'
like "$err" 'run acmed-store migrate' '... and what to do'
run acmed-store -s "$T/old" migrate
exits 0 'migrate from version 2'
run acmed-store -s "$T/old" check
is "$status $out" '0 ' '... and the store is sound'
names='SELECT group_concat(value) FROM (SELECT value FROM domains
    ORDER BY value)'
is "$(sqlite3 "$T/old" "$names")" \
    "$(sqlite3 "$T/store/acmed.sqlite" "$names")" '... with all names'
sqlite3 "$T/copy" 'PRAGMA user_version = 99'
for command in migrate stats init check; do
	run acmed-store $command -s "$T/copy"
	exits 102 "$command: a newer store"
	like "$err" 'version 99, made by a newer acmed' '... is refused'
done
is "$(sqlite3 "$T/copy" 'PRAGMA user_version')" 99 '... and left alone'

run acmed-store purge
exits 0 'purge'
is "$out$err" '' '... silently'
is "$(stat -c %s "$T/store/acmed.sqlite-wal")" 0 '... empties the log'

# ---- the examples of the page ---------------------------------------------------

sed -n 's/^\.Dl //p; /^\.Bd -literal/,/^\.Ed/{ /^\.[BE]d/d; p; }' \
    "$SRC/man/acmed-store.8" |
	grep -v -e '^cd ' -e '^rm ' -e '^install ' |
	sed "s/\\\\(dq/\"/g; s|/var/backups|$T|" >"$T/examples"
is "$(grep -c acmed-store "$T/examples")" 13 'the page has examples'
sqlite3 "$T/store/acmed.sqlite" "SELECT serial FROM certificates
    ORDER BY not_after DESC LIMIT 1" >"$T/serials"
while read -r example; do
	run sh -c "cd $T && $example"
	case $status:$example in
	0:* | 1:*order/Aq2* | 1:private-key*) pass "example: $example" ;;
	*)
		fail "example: $example"
		diag "$status: $out$err"
		;;
	esac
done <"$T/examples"

# ---- config, use ----------------------------------------------------------------

run acmed-store config --check
exits 0 'config --check'
is "$out$err" '' '... silently'
acmed-store config --print >"$T/printed"
ok 'what config --print prints can be read' \
    acmed-store -c "$T/printed" config --check
is "$(acmed-store -c "$T/printed" config --print)" "$(cat "$T/printed")" \
    '... and prints the same'
run sh -c "acmed-store config --check -c - <'$T/printed'"
exits 0 'the configuration on standard input'
run sh -c "echo nonsense | acmed-store config --check -c -"
exits 102 '... with a mistake'
like "$err" '^acmed-store: -:1: ' '... says where'
for ca in "$T/store" "$T/store/ca"; do
	"$SRC/scripts/lib/conf-set" "local-ca.directory=$ca" <"$T/printed" \
	    >"$T/below"
	run acmed-store -c "$T/below" config --check
	exits 0 "a CA below the store: $ca"
	like "$err" 'warn: config.ca.* below the directory' '... is warned of'
done
run acmed-store config
exits 100 'config: one or the other'
run acmed-store
exits 100 'no command'
run acmed-store dance
exits 100 'no such command'
run acmed-store backup
exits 100 'backup without a file'
echo 'nonsense = 1' >>"$conf"
run acmed-store config --check
exits 102 'config --check finds a mistake'
like "$err" "$conf:[0-9]+: .*nonsense" '... and says where'

# ---- a certificate manager alone ------------------------------------------------

cat >"$T/manager.conf" <<-END
	[store]
	url = $T/manager/acmed.sqlite
	certificate_key_file = $T/manager.key
	account_key_file = $T/manager-accounts.key
	[client]
	ca = pebble
	END
run acmed-store init -c "$T/manager.conf"
exits 0 'init without a server'
is "$(cd "$T" && echo manager*)" \
    'manager manager-accounts.key manager.conf manager.key' \
    '... makes the store and the keys'
is "$(cd "$T/manager" && echo *.crt *.key ca*)" '*.crt *.key ca*' '... and no CA'
run acmed-store check -c "$T/manager.conf"
exits 0 '... which is sound'
run acmed-store config --check -c "$T/manager.conf"
exits 0 'config --check without a server'
run acmed-store config --print -c "$T/manager.conf"
unlike "$out" '^.(server|policy).$' 'config --print leaves out what is not there'
printf '[server]\nterms_of_service = https://a.example/\n' >>"$T/manager.conf"
run acmed-store config --check -c "$T/manager.conf"
exits 102 'half a server is none'
like "$err" 'base_url: required' '... says what is missing'

done_testing
