#!/bin/sh
# Goal: config.json of acmed-admin: what gateways of peter_sslers read of a
# domain and of a certificate, and what they must never get.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl

make_export_store
enter one DNS:a.example
enter two 'DNS:a.example,DNS:www.a.example,DNS:*.w.a.example'
enter idn DNS:xn--bcher-kva.example
request bare DNS:bare.example
must sh -c "'$BIN/acme-sign' --no-record '$T/bare.csr' >'$T/bare.crt'"
admin_token read keys+read keys write+order
admin_serve

# member PATH...: of the answer, as JSON; a text as it is.
member() {
	perl -MJSON::PP -e '
		local $/;
		my $v = JSON::PP->new->decode(<STDIN>);
		$v = ref $v eq "HASH" ? $v->{$_} : undef for @ARGV;
		print !defined $v ? "null"
		    : ref $v ? JSON::PP->new->canonical->allow_nonref->encode($v)
		    : $v;' "$@" <"$T/body"
}

# ---- of a domain -------------------------------------------------------------

ask /domain/a.example/config.json
answers 200 'a domain by its name'
is "$(header Content-Type)" application/json '... as JSON'
is "$(perl -MJSON::PP -0777 -ne 'print join " ", sort keys %{decode_json($_)}' \
    "$T/body")" \
    'certificate_signed__latest_multi certificate_signed__latest_single domain x509_certificate__latest_multi x509_certificate__latest_single' \
    '... its members'
is "$(member domain)" '{"domain_name":"a.example","id":"1","is_active":true}' \
    '... the domain'
single=certificate_signed__latest_single multi=certificate_signed__latest_multi
member $single certificate pem >"$T/got"
ok '... the latest for it alone' cmp "$T/got" - <<END
$(openssl x509 -in "$T/one.crt")
END
is "$(member $single private_key pem)" "$(openssl pkey -in "$T/one.key")" \
    '... its key'
is "$(member $multi certificate pem)" "$(openssl x509 -in "$T/two.crt")" \
    '... the latest for others too'
is "$(member $multi fullchain pem)" "$(cat "$T/two.crt")" '... fullchain'
is "$(member $multi chain pem)" "$(sed '1,/END/d' "$T/two.crt")" '... chain'
is "$(member $multi id) $(member $multi certificate id) $(member $multi fullchain id)" \
    "2 2 2,$(member $multi chain id)" '... ids are texts'
is "$(member $multi)" "$(member x509_certificate__latest_multi)" \
    '... under its later name, too'
cp "$T/body" "$T/by-name"
for same in 1 A.Example a.example.; do
	ask /domain/$same/config.json
	ok "the same: $same" cmp "$T/body" "$T/by-name"
done
ask '/domain/bücher.example/config.json'
is "$(member $single id)" 3 'a name in UTF-8'
ask /domain/xn--bcher-kva.example/config.json
is "$(member $single id)" 3 'an A-label'
for s in idonly id_only; do
	ask "/domain/a.example/config.json?$s=1"
	unlike "$body" pem "$s: no pem"
	is "$(member $single)" \
	    '{"certificate":{"id":"1"},"chain":{"id":"1"},"fullchain":{"id":"1,1"},"id":"1","private_key":{"id":"1"}}' \
	    '... but ids'
done
ask '/domain/a.example/config.json?idonly='
like "$body" pem 'idonly= is not set'

# ---- wildcards ---------------------------------------------------------------

ask /domain/x.w.a.example/config.json
is "$code $(member domain id) $(member $single) $(member $multi id)" \
    '200 null null 2' 'a name that only a wildcard serves'
is "$(member covered_by)" '*.w.a.example' '... which is named'
ask '/domain/*.w.a.example/config.json'
is "$code $(member $multi id) $(member covered_by)" '200 2 null' \
    'the wildcard itself'
ask /domain/x.y.w.a.example/config.json
answers 404 'one more level'
is "$(member error)" 'no such domain' '... as gateways know it'
is "$(member message)" "$(member error)" '... with a message'

# ---- what is not there -------------------------------------------------------

for none in bare.example nobody.example 99 99999999999999999999 '%00' '..' \
    'a%' '%zz' '%2e' 'a_b' "$(printf %0300d 0 | tr 0 a)" '-' '*' '*.*'; do
	ask "/domain/$none/config.json"
	answers 404 "no such domain: $(echo "$none" | cut -c1-30)"
done
must "$BIN/cert-import" "$T/bare.crt"
ask /domain/bare.example/config.json
is "$code $(member $single) $(member $multi)" '200 null null' \
    'a certificate without its key is null'
ask /certificate/4/config.json
is "$code $(member private_key)" '200 null' '... as the certificate has it'
must "$BIN/cert-manage" domain disable a.example
ask /domain/a.example/config.json
is "$code $(member domain is_active) $(member $single) $(member $multi)" \
    '200 false null null' 'a disabled domain has none'
must "$BIN/cert-manage" domain enable a.example
sql "UPDATE certificates SET not_after = 1 WHERE id = 3"
ask /domain/xn--bcher-kva.example/config.json
is "$code $(member $single id)" '200 3' 'the latest, although it has expired'

for name in '%0a.w.a.example' '%ff.w.a.example' 'a%22b.w.a.example' \
    '.w.a.example' 'a..w.a.example'; do
	ask "/domain/$name/config.json"
	answers 404 "what is no name has no wildcard: $name"
done
ask /domain/a_b.w.a.example/config.json
answers 200 '... but a host with an underscore has'

# ---- what has ended ------------------------------------------------------------

until=$(sql 'SELECT not_after FROM certificates WHERE id = 2')
sql 'UPDATE certificates SET not_after = 100 WHERE id = 2'
ask /domain/a.example/config.json
is "$(member $multi)" null 'what has ended is not named'
unlike "$(member $single)" null '... while there is another'
sql 'UPDATE certificates SET not_after = 100 WHERE id = 1'
ask /domain/a.example/config.json
unlike "$(member $multi) $(member $single)" 'null null' \
    '... but for want of it, as it is served on'
sql "UPDATE certificates SET not_after = $until WHERE id IN (1, 2)"
enter old DNS:old.v.example
request late DNS:old.v.example
must sh -c "'$BIN/acme-sign' --no-record '$T/late.csr' >'$T/late.crt'"
must "$BIN/cert-import" "$T/late.crt"
sql 'UPDATE certificates SET not_after = 100 + id WHERE id IN (5, 6)'
must "$BIN/cert-manage" update-recents
ask /domain/old.v.example/config.json
is "$code $(member $multi id) $(member covered_by)" '200 5 null' \
    'an earlier one, for want of the key of the latest: no wildcard'

# ---- of a certificate --------------------------------------------------------

ask /certificate/2/config.json
is "$code $(member id) $(member fullchain pem)" "200 2 $(cat "$T/two.crt")" \
    'a certificate'
cp "$T/body" "$T/by-number"
for same in certificate-signed x509-certificate; do
	ask /$same/2/config.json
	ok "the same: $same" cmp "$T/body" "$T/by-number"
done
for none in 0 99 a 99999999999999999999 -1; do
	ask "/certificate/$none/config.json"
	answers 404 "no such certificate: $none"
done

# ---- scopes ------------------------------------------------------------------

with() {
	with_scopes=$1
	shift
	ask "$@" -H "@$T/token.$with_scopes"
}
with keys+read /domain/a.example/config.json
answers 200 'read+keys'
for s in read keys write+order; do
	with $s /domain/a.example/config.json
	answers 403 "not enough: $s"
	with $s /certificate/2/config.json
	answers 403 '... of a certificate'
	unlike "$body" 'PRIVATE KEY|CERTIFICATE' '... nothing of it is there'
done
with read '/domain/a.example/config.json?idonly=1'
answers 200 'ids need read alone'
with keys '/domain/a.example/config.json?idonly=1'
answers 403 '... but that'

# ---- a key that cannot be opened ---------------------------------------------

head -c 32 /dev/urandom | base64 >"$T/other.key"
chmod 600 "$T/other.key"
sed "s|^certificate_key_file.*|certificate_key_file = $T/other.key|" \
    "$T/admin.conf" >"$T/bad.conf"
printf 'GET %s/domain/a.example/config.json HTTP/1.1\r\nHost: x\r\n\r\n' \
    /.well-known/admin >"$T/request"
run "$BIN/acmed-admin" -c "$T/bad.conf" <"$T/request"
exits 102 'another key than that of the store'
is "$out" '' '... answers nothing'

done_testing
