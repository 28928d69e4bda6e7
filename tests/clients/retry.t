#!/bin/sh
# Goal: clients live with a validation that fails at first: the challenge stays
# processing, shows an error (RFC 8555 8.2), and becomes valid later.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"

need certbot lego dehydrated uacme acme-tiny openssl unshare
start_dns
acmed_retry_delay=4s
start_acmed

# later NAME VALUE: the TXT record, once the first attempt has failed.
cat >"$T/later" <<END
#!/bin/sh
(
	name=\${1%.}
	while ! grep -q "challenge.retry identifier=\${name#*.} " "$T/acmed.log"
	do
		sleep 0.1
	done
	exec "$T/dns-set" "\$name" TXT "\$2"
) </dev/null >/dev/null 2>&1 &
END
cat >"$T/certbot-hook" <<END
#!/bin/sh
exec "$T/later" "_acme-challenge.\$CERTBOT_DOMAIN" "\$CERTBOT_VALIDATION"
END
cat >"$T/lego-hook" <<END
#!/bin/sh
[ "\$1" != present ] || exec "$T/later" "\$2" "\$3"
END
cat >"$T/dehydrated-hook" <<END
#!/bin/sh
[ "\$1" != deploy_challenge ] || exec "$T/later" "_acme-challenge.\$2" "\$4"
END
cat >"$T/uacme-hook" <<END
#!/bin/sh
case \$1-\$2 in
begin-dns-01) exec "$T/later" "_acme-challenge.\$3" "\$5" ;;
begin-*) exit 1 ;;
esac
END
chmod 755 "$T/later" "$T/certbot-hook" "$T/lego-hook" "$T/dehydrated-hook" \
    "$T/uacme-hook"

# was_retried NAME: its first attempt has failed indeed.
was_retried() {
	grep -q "challenge.retry identifier=$1 " "$T/acmed.log"
}

c_certbot() {
	REQUESTS_CA_BUNDLE=$ca certbot certonly --server "$directory" \
	    --config-dir "$T/config" --work-dir "$T/work" \
	    --logs-dir "$T/logs" --non-interactive --agree-tos \
	    -m admin@example.com --manual --preferred-challenges dns \
	    --manual-auth-hook "$T/certbot-hook" -d certbot.example.test
}
c_lego() {
	LEGO_CA_CERTIFICATES=$ca EXEC_PATH=$T/lego-hook \
	    EXEC_POLLING_INTERVAL=1 lego --server "$directory" \
	    --path "$T/lego" --accept-tos --email admin@example.com \
	    --dns exec --dns.resolvers "$dns" --dns.disable-cp \
	    -d lego.example.test run
}
c_dehydrated() {
	cat >"$T/dehydrated.conf" <<-END
	CA="$directory"
	BASEDIR="$T/dehydrated"
	CURL_OPTS="--cacert $ca"
	KEY_ALGO=prime256v1
	ACCOUNT_KEYSIZE=2048
	END
	mkdir "$T/dehydrated"
	dehydrated --register --accept-terms --config "$T/dehydrated.conf" &&
	    dehydrated --cron -t dns-01 -k "$T/dehydrated-hook" \
	    -d dehydrated.example.test --config "$T/dehydrated.conf"
}
# shellcheck disable=SC2016 # for the inner shell
in_uacme() {
	unshare --mount sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' \
	    sh "$ca" /etc/ssl/certs/ca-certificates.crt uacme \
	    -a "$directory" -c "$T/uacme" -h "$T/uacme-hook" -y "$@"
}
c_uacme() {
	in_uacme new && in_uacme -t EC issue uacme.example.test
}

ok 'certbot' c_certbot
ok 'certbot: after an error' was_retried certbot.example.test
ok 'lego' c_lego
ok 'lego: after an error' was_retried lego.example.test
ok 'dehydrated' c_dehydrated
ok 'dehydrated: after an error' was_retried dehydrated.example.test
if [ "$(id -u)" -eq 0 ] && unshare --mount true 2>/dev/null; then
	ok 'uacme' c_uacme
	ok 'uacme: after an error' was_retried uacme.example.test
else
	skip 2 'uacme needs root and mount namespaces'
fi

# acme-tiny knows http-01 only: its web server comes up late.
must openssl genrsa -out "$T/account.key" 2048
must openssl req -new -newkey rsa:2048 -nodes -keyout "$T/a.key" -subj / \
    -addext subjectAltName=DNS:tiny.example.test -out "$T/a.csr"
mkdir "$T/www"
SSL_CERT_FILE=$ca start tiny acme-tiny --account-key "$T/account.key" \
    --csr "$T/a.csr" --acme-dir "$T/www" --directory-url "$directory" \
    --disable-check
wait_for 20 was_retried tiny.example.test
start www "$TOOLS/http-token" 127.0.0.1 "$http_port" "$T/www"
ok 'acme-tiny' wait_for 20 cert_is "$T/tiny.out" tiny.example.test
ok 'acme-tiny: after an error' was_retried tiny.example.test

done_testing
