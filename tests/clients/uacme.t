#!/bin/sh
# Goal: Debian's uacme gets, renews and revokes certificates from acmed.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"

need uacme openssl sqlite3 unshare
# uacme trusts the system's CAs and no others: ours takes their place where
# nobody else sees it.
roots=/etc/ssl/certs/ca-certificates.crt
skip_unless_root
[ -e $roots ] || skip_all "needs $roots, of the package ca-certificates"
unshare --mount true 2>/dev/null || skip_all 'needs mount namespaces'
start_dns
start_acmed
start_www

cat >"$T/hook" <<EOF
#!/bin/sh
# begin|done|failed TYPE IDENT TOKEN AUTH
case \$1-\$2 in
begin-http-01) printf %s "\$5" >"$www/\$4" ;;
begin-dns-01) exec "$T/dns-set" "_acme-challenge.\$3" TXT "\$5" ;;
*-http-01) rm -f "$www/\$4" ;;
*-dns-01) exec "$T/dns-set" -d "_acme-challenge.\$3" TXT ;;
*) exit 1 ;;
esac
EOF
chmod 755 "$T/hook"
# shellcheck disable=SC2016 # for the inner shell
uacme() {
	unshare --mount sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' \
	    sh "$ca" $roots uacme -a "$directory" -c "$T/uacme" -h "$T/hook" \
	    -y "$@"
}
sed 's/http-01)/no-01)/' "$T/hook" >"$T/dns-hook"
chmod 755 "$T/dns-hook"

ok new uacme new admin@example.com
ok 'issue by http-01' uacme issue a.example.test b.example.test
cert=$T/uacme/a.example.test/cert.pem
ok 'the certificate is right' cert_is "$cert" a.example.test b.example.test
cp "$cert" "$T/first.pem"
run uacme issue a.example.test b.example.test
exits 1 'nothing to renew yet'
ok renew uacme -f issue a.example.test b.example.test
ok 'the renewed certificate is right' cert_is "$cert" a.example.test \
    b.example.test
not_ok 'and another one' cmp "$T/first.pem" "$cert"
ok 'issue a wildcard by dns-01' uacme -h "$T/dns-hook" -t EC \
    issue '*.w.example.test'
ok 'the wildcard certificate is right' \
    cert_is "$(find "$T/uacme" -name cert.pem -path '*w.example.test*')" \
    '*.w.example.test'
ok 'account update' uacme update other@example.com
cp "$T/first.pem" "$T/revoke.pem"
ok revoke uacme revoke "$T/revoke.pem"
is "$(status_of "$T/first.pem")" revoked 'it is revoked'
is "$(status_of "$cert")" valid 'the other is not'
cp "$cert" "$T/second.pem"
ok 'revoke by the key of the certificate' uacme revoke "$cert" \
    "$T/uacme/private/a.example.test/key.pem"
is "$(status_of "$T/second.pem")" revoked 'now it is'
ok 'a new account key' uacme newkey
ok 'issue with the new account key' uacme issue c.example.test
ok deactivate uacme deactivate
not_ok 'no certificate after that' uacme issue d.example.test

done_testing
