#!/bin/sh
# Goal: cert-import takes in what Debian's certbot, lego, Caddy, dehydrated,
# mod_md and uacme have kept, as they made it; and nothing twice.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"

need certbot lego caddy dehydrated openssl sqlite3
start_dns
start_acmed

conf=$T/import.conf
cat >"$conf" <<-END
	[store]
	url = $T/import/acmed.sqlite
	certificate_key_file = $T/seal.key
	account_key_file = $T/account.key
	[server]
	base_url = https://localhost
	[policy]
	allowed_server_ip_ranges = any
	[local-ca]
	directory = $T/import-ca
END
must "$BIN/acmed-store" -c "$conf" init

imp() {
	run "$BIN/cert-import" -c "$conf" "$@"
}
# counts: how many lines of each object and result, as "object result N".
counts() {
	printf '%s\n' "$out" | awk -F '\t' 'NR > 1 { n[$1 " " $3]++ }
	END { for (k in n) print k, n[k] }' | sort | paste -sd, -
}
imported() {
	sqlite3 "$T/import/acmed.sqlite" "$1"
}
# fingerprint FILE: of the first certificate, as the store has it.
fingerprint() {
	openssl x509 -in "$1" -outform DER | sha256sum | cut -d' ' -f1
}
# has FILE: its first certificate is in the store, and the key of it.
has() {
	imported "SELECT lower(hex(c.sha256)) FROM certificates c
	    JOIN private_keys k ON k.spki_sha256 = c.spki_sha256" |
	    grep -qx "$(fingerprint "$1")"
}

not_there() {
	[ ! -e "$1" ]
}

certbot() {
	REQUESTS_CA_BUNDLE=$ca command certbot "$@" --server "$directory" \
	    --config-dir "$T/certbot" --work-dir "$T/work" \
	    --logs-dir "$T/logs" --non-interactive
}
must certbot register --agree-tos -m admin@example.com
must certbot certonly --standalone --http-01-port "$http_port" \
    --http-01-address 127.0.0.1 -d a.example.test -d b.example.test
must certbot renew --force-renewal --no-random-sleep-on-renew
must certbot certonly --standalone --http-01-port "$http_port" \
    --http-01-address 127.0.0.1 --key-type rsa --cert-name other \
    -d c.example.test
live=$T/certbot/live
run "$BIN/cert-import" -c "$conf" --certbot "$T/certbot" \
    --lineage a.example.test --lineage-version 1
is "$(counts)" 'ca_certificate created 1,certificate created 1,private_key created 1' \
    'one version of one lineage of certbot'
imp --certbot "$T/certbot"
exits 0 'certbot'
is "$(counts)" "certificate created 2,certificate known 1,lineage created 2,\
private_key created 2,private_key known 1,upstream_account created 1" \
    'its account, three certificates, two lineages'
ok 'that of one is there' has "$live/a.example.test/cert.pem"
ok 'and that of the other' has "$live/other/cert.pem"
imp --certbot "$T/certbot"
exits 0 'certbot again'
unlike "$(counts)" created 'nothing is there twice'

# What peter_sslers keeps, by the names of its tables in 0.5.0.
archive=$T/certbot/archive/a.example.test
must openssl req -new -newkey rsa:2048 -nodes -subj / -keyout "$T/peter.key" \
    -out "$T/peter.csr"
sqlite3 "$T/peter.sqlite" <<-END
	CREATE TABLE acme_account_provider (id INTEGER, directory TEXT);
	CREATE TABLE acme_account (id INTEGER, contact TEXT, account_url TEXT,
	    acme_account_provider_id INTEGER);
	CREATE TABLE acme_account_key (id INTEGER, acme_account_id INTEGER,
	    is_active BOOLEAN, key_pem TEXT);
	CREATE TABLE private_key (id INTEGER, key_pem TEXT,
	    is_compromised BOOLEAN);
	CREATE TABLE certificate_request (id INTEGER, csr_pem TEXT);
	CREATE TABLE certificate_ca_chain (id INTEGER, chain_pem TEXT);
	CREATE TABLE certificate_signed (id INTEGER PRIMARY KEY, cert_pem TEXT,
	    unique_fqdn_set_id INTEGER, private_key_id INTEGER,
	    certificate_request_id INTEGER, is_active BOOLEAN,
	    is_revoked BOOLEAN, is_compromised_private_key BOOLEAN);
	CREATE TABLE certificate_signed_chain (id INTEGER,
	    certificate_signed_id INTEGER, certificate_ca_chain_id INTEGER,
	    is_upstream_default BOOLEAN);
	INSERT INTO acme_account_provider VALUES (1, '$directory');
	INSERT INTO acme_account VALUES (4, 'a@example.com', NULL, 1);
	INSERT INTO acme_account_key VALUES
	    (1, 4, 1, CAST(readfile('$T/peter.key') AS TEXT)),
	    (2, 4, NULL, 'an old one');
	INSERT INTO private_key VALUES (0, 'placeholder', NULL),
	    (1, CAST(readfile('$archive/privkey1.pem') AS TEXT), NULL),
	    (2, CAST(readfile('$archive/privkey2.pem') AS TEXT), NULL);
	INSERT INTO certificate_ca_chain VALUES
	    (1, CAST(readfile('$archive/chain1.pem') AS TEXT));
	INSERT INTO certificate_signed VALUES
	    (1, CAST(readfile('$archive/cert1.pem') AS TEXT), 7, 1, NULL, 0, 0,
	    NULL),
	    (2, CAST(readfile('$archive/cert2.pem') AS TEXT), 7, 2, NULL, 1, 0,
	    NULL),
	    (3, 'broken', 8, 0, NULL, 1, 0, NULL);
	INSERT INTO certificate_signed_chain VALUES (1, 1, 1, 1), (2, 2, 1, 1);
END
sum=$(sha256sum <"$T/peter.sqlite")
imp --peter-sqlite "$T/peter.sqlite"
exits 1 'the database of peter_sslers, in which something is broken'
is "$(counts)" "certificate known 2,file refused 1,private_key known 2,\
upstream_account created 1" 'its account, and two certificates that are known'
like "$out" 'certificate_signed 3: ' 'it is said what was broken'
is "$(sha256sum <"$T/peter.sqlite")" "$sum" 'nothing is written to it'
states() {
	sqlite3 "$T/states.sqlite" 'SELECT status, active FROM certificates
	    ORDER BY not_after, id' | paste -sd, -
}
for change in "is_active = 0:valid|0,valid|0" \
    "is_revoked = 1:valid|0,revoked|1" \
    "is_compromised_private_key = 1:valid|0,revoked|1"; do
	cp "$T/peter.sqlite" "$T/changed.sqlite"
	sqlite3 "$T/changed.sqlite" \
	    "UPDATE certificate_signed SET ${change%%:*} WHERE id = 2"
	rm -f "$T"/states.sqlite*
	must "$BIN/acmed-store" -c "$conf" -s "$T/states.sqlite" init
	imp -s "$T/states.sqlite" --peter-sqlite "$T/changed.sqlite"
	is "$(states)" "${change#*:}" "... with ${change%%:*}"
done
is "$(sqlite3 "$T/states.sqlite" "SELECT count(*) FROM private_keys
    WHERE status = 'compromised'")" 1 '... and its key'
echo x >"$T/peter.sqlite-journal"
imp --peter-sqlite "$T/peter.sqlite"
exits 111 'not while it is in use'
imp --peter-sqlite "$archive/cert1.pem"
exits 100 'nor what is none'

LEGO_CA_CERTIFICATES=$ca must lego --server "$directory" --path "$T/lego" \
    --accept-tos --email admin@example.com --http \
    --http.port "127.0.0.1:$http_port" -d l.example.test run
imp --lego "$T/lego"
exits 0 'lego'
is "$(counts)" "certificate created 1,lineage created 1,\
private_key created 1,upstream_account created 1" 'its account and certificate'
ok 'which is there' has "$T/lego/certificates/l.example.test.crt"

cat >"$T/Caddyfile" <<-CADDY
{
	admin off
	http_port $http_port
	https_port $tls_port
	default_bind 127.0.0.1
	skip_install_trust
	storage file_system $T/caddy
}
y.example.test {
	tls {
		issuer acme {
			dir $directory
			trusted_roots $ca
			email admin@example.com
		}
	}
}
CADDY
HOME=$T XDG_CONFIG_HOME=$T XDG_DATA_HOME=$T start caddy caddy run \
    --adapter caddyfile --config "$T/Caddyfile"
site() {
	find "$T/caddy/certificates" -name y.example.test.json | grep .
}
must wait_for 30 site
stop caddy
imp --caddy "$T/caddy"
exits 0 'Caddy'
is "$(counts)" "certificate created 1,lineage created 1,\
private_key created 1,upstream_account created 1" 'its account and certificate'
ok 'which is there' has "$(site | sed 's/json$/crt/')"

# mod_md takes a certificate that it has got into use when it starts anew.
modules=/usr/lib/apache2/modules
apache() {
	/usr/sbin/apache2 -f "$T/apache.conf" -k "$1"
}
if [ -e $modules/mod_md.so ] && [ "$(id -u)" = 0 ]; then
	mkdir "$T/apache"
	chmod 755 "$T" "$T/apache"
	cat >"$T/apache.conf" <<-END
	ServerRoot $T/apache
	PidFile $T/apache/pid
	ErrorLog $T/apache/error.log
	LoadModule mpm_event_module $modules/mod_mpm_event.so
	LoadModule authz_core_module $modules/mod_authz_core.so
	LoadModule socache_shmcb_module $modules/mod_socache_shmcb.so
	LoadModule ssl_module $modules/mod_ssl.so
	LoadModule md_module $modules/mod_md.so
	User nobody
	Group nogroup
	Listen 127.0.0.1:$http_port
	Listen 127.0.0.1:$tls_port https
	ServerName m.example.test
	MDStoreDir $T/md
	MDCertificateAuthority $directory
	MDCACertificateFile $ca
	MDCertificateAgreement accepted
	MDContactEmail admin@example.com
	MDCAChallenges http-01
	MDPortMap 80:$http_port 443:$tls_port
	MDomain m.example.test
	<VirtualHost *:$tls_port>
		ServerName m.example.test
		SSLEngine on
	</VirtualHost>
	END
	must apache start
	must wait_for 40 grep -q '"finished": *true' \
	    "$T/md/staging/m.example.test/job.json"
	must apache graceful
	must wait_for 10 test -e "$T/md/domains/m.example.test/pubcert.pem"
	must apache stop
	must wait_for 10 not_there "$T/apache/pid"
	imp --mod_md "$T/md"
	exits 0 'mod_md'
	is "$(counts)" "certificate created 1,lineage created 1,\
private_key created 1,upstream_account created 1" 'its account and certificate'
	ok 'which is there' has "$T/md/domains/m.example.test/pubcert.pem"
else
	skip 3 'needs mod_md, of the package apache2-bin, and root'
fi

start_www
mkdir "$T/d"
cat >"$T/d/config" <<EOT
CA="$directory"
BASEDIR="$T/d"
WELLKNOWN="$www"
CURL_OPTS="--cacert $ca"
CONTACT_EMAIL=admin@example.com
EOT
echo 'd.example.test e.example.test > alias' >"$T/d/domains.txt"
must dehydrated --config "$T/d/config" --register --accept-terms
must dehydrated --config "$T/d/config" --cron
must dehydrated --config "$T/d/config" --cron --force
imp --dehydrated "$T/d"
exits 0 'dehydrated'
is "$(counts)" "certificate created 2,certificate_request created 2,\
lineage created 1,private_key created 2,upstream_account created 1" \
    'its account and both versions'
ok 'the newest is there' has "$T/d/certs/alias/cert.pem"

# uacme trusts the system's CAs and no others, see tests/clients/uacme.t.
roots=/etc/ssl/certs/ca-certificates.crt
if command -v uacme >/dev/null && [ "$(id -u)" = 0 ] && [ -e $roots ] &&
    unshare --mount true; then
	cat >"$T/hook" <<-EOT
	#!/bin/sh
	# begin|done|failed TYPE IDENT TOKEN AUTH
	case \$1-\$2 in
	begin-http-01) printf %s "\$5" >"$www/\$4" ;;
	*-http-01) rm -f "$www/\$4" ;;
	*) exit 1 ;;
	esac
	EOT
	chmod 755 "$T/hook"
	# shellcheck disable=SC2016 # for the inner shell
	uacme() {
		unshare --mount sh -c \
		    'mount --bind "$1" "$2" && shift 2 && exec "$@"' \
		    sh "$ca" $roots uacme -a "$directory" -c "$T/uacme" \
		    -h "$T/hook" -y "$@"
	}
	must uacme new admin@example.com
	must uacme issue u.example.test
	must uacme -f issue u.example.test
	imp --uacme "$T/uacme"
	like "$(counts)" 'certificate created 2' 'both versions of uacme'
	ok 'the newest is there' has "$T/uacme/u.example.test/cert.pem"
else
	skip 2 'needs uacme, root and mount namespaces'
fi

done_testing
