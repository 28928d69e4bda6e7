#!/bin/sh
# Goal: certificate-if-needed takes the fields that programs made for
# peter_sslers send, when they say what the template does; one that says
# something else is refused by name, and changes nothing.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
. "$(dirname "$0")/../lib/store.sh"
. "$(dirname "$0")/../lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl

admin_order_up
work_serve
admin_token order
md5=$(printf x | md5sum | cut -d' ' -f1)
url=$(sql 'SELECT url FROM upstream_accounts')
digest=$(sql 'SELECT lower(hex(spki_sha256)) FROM upstream_accounts')

# needed NAME [FIELD=VALUE...]
needed() {
	needed_name=$1
	shift
	for needed_field; do
		shift
		set -- "$@" --form "$needed_field"
	done
	ask /api/domain/certificate-if-needed.json -H "@$T/token.order" \
	    --form "domain_name=$needed_name" "$@"
}
# gets NAME FIELD=VALUE...: a certificate.
gets() {
	needed "$@"
	answers 200 "$*"
	like "$body" '"certificate_signed.status":"(new|exists)"' \
	    '... has its certificate'
}

# ---- as programs send it -----------------------------------------------------

gets old.example processing_strategy=process_single \
    account_key_option=account_key_global_default \
    "account_key_global_default=$md5" \
    account__private_key_cycle=single_certificate \
    private_key_option=private_key_for_account_key \
    private_key_cycle__renewal=account_key_default
like "$body" '"certificate_signed.status":"new"' 'all fields of 0.5.0: a new one'
gets new.example processing_strategy=process_single note= \
    account_key_option__primary=system_configuration_default \
    account_key_existing__primary= \
    private_key_option__primary=private_key_generate \
    private_key_cycle__primary=single_use \
    private_key_technology__primary=EC_P256 acme_profile__primary= \
    account_key_option__backup=none private_key_option__backup=none
like "$body" '"certificate_signed.status":"new"' \
    'all fields of later versions: a new one'
is "$(sql 'SELECT count(*) FROM upstream_orders')" 2 '... by two orders'

# ---- each value that says the same -------------------------------------------

# same FIELD VALUE...
same() {
	same_field=$1
	shift
	for same_value; do
		needed old.example "$same_field=$same_value"
		answers 200 "$same_field=$same_value"
	done
}
same private_key_option private_key_generate account_default
same private_key_cycle account_default single_certificate single_use \
    system_configuration_default
same private_key_generate EC EC_P256
same private_key_technology account_default
for account in 1 "$url" "$digest"; do
	needed old.example account_key_option=account_key_existing \
	    "account_key_existing=$account"
	answers 200 "an account that is named: $account"
done

# ---- each that says something else -------------------------------------------

must "$BIN/cert-manage" domain disable new.example -c "$client"
state() {
	sql "SELECT (SELECT count(*) FROM autocerts), (SELECT count(*)
	    FROM domain_queue), (SELECT max(id) FROM events),
	    (SELECT active FROM domains WHERE value = 'new.example')"
}
# refuses HAS FIELD=VALUE [FIELD=VALUE...]: because of the first.
refuses() {
	refuses_has=$1
	shift
	needed new.example "$@" "template=${template:-default}"
	answers 400 "not $1"
	like "$body" "\"error\":\"${1%%=*}: ${1#*=} is not what template ${template:-default} has: $refuses_has\"" \
	    '... which is said'
}
before=$(state)
like "$before" '\|0$' 'a disabled name'
refuses process_single processing_strategy=process_multi
refuses upstream_account/1 account_key_option=account_key_file
refuses upstream_account/1 account_key_option=account_key_existing
refuses upstream_account/1 account_key_option__primary=account_key_reuse
refuses upstream_account/1 account_key_existing=2 \
    account_key_option=account_key_existing
refuses upstream_account/1 "account_key_existing=$md5"
refuses upstream_account/1 account_key_existing__primary=https://ca.example/1
refuses upstream_account/1 account_key_global_default=2
refuses 'key cycle single_certificate' account__private_key_cycle=account_daily
refuses 'key cycle single_certificate' private_key_option=private_key_existing
refuses 'key cycle single_certificate' private_key_option=private_key_file
refuses 'key cycle single_certificate' private_key_cycle=global_weekly
refuses 'key cycle single_certificate' private_key_cycle__renewal=x
refuses 'key type p256' private_key_technology__primary=RSA_2048
refuses 'key type p256' private_key_generate=RSA
refuses 'no profile' acme_profile__primary=shortlived
refuses 'no backup' account_key_option__backup=account_key_existing
needed new.example "private_key_cycle=$(printf '%0300d' 0)"
answers 400 'a value that is long'
like "$body" '"private_key_cycle: its value is not what' '... is not repeated'
needed new.example 'account_key_existing=a"b;type=text/plain'
answers 400 'what is quoted'
printf 'a\0b' >"$T/nul"
ask /api/domain/certificate-if-needed -H "@$T/token.order" \
    -F domain_name=new.example -F "account_key_existing=<$T/nul"
answers 400 'a value with a NUL'
for field in template domain_name; do
	ask "/api/domain/certificate-if-needed?$field=none%00" \
	    -H "@$T/token.order" -F domain_names=
	answers 400 "... in $field"
	like "$body" "\"error\":\"$field: has a NUL in it\"" '... which is said'
done
for field in account_key_file_pem account_key_file_le_pkey private_key_file_pem \
    account__contact domain_names template__primary constructor; do
	needed new.example "$field=SECRET"
	answers 400 "not at all: $field"
	like "$body" "\"error\":\"$field is not for this" '... which is said'
	unlike "$body$(cat "$T"/admin*.out "$T"/admin*.log 2>/dev/null)" SECRET \
	    '... without its value'
done
is "$(state)" "$before" '... none of which has changed anything'

# ---- another template --------------------------------------------------------

must "$BIN/acme-account" register --ca pebble --agree-terms --another \
    -c "$client"
same account_key_existing 1 # which is the default still
template=own
must "$BIN/domain-queue" template set $template --account 2 -c "$client" \
    --key-cycle account_daily --key-type rsa2048
before=$(state)
refuses upstream_account/2 account_key_option=account_key_global_default
refuses 'key cycle account_daily' private_key_option=private_key_generate
refuses 'key cycle account_daily' private_key_cycle=account_key_default
refuses 'key type rsa2048' private_key_technology=EC
refuses 'key type rsa2048' private_key_technology=account_default
is "$(state)" "$before" '... none of which has changed anything'
gets own.example template=$template account_key_option=account_key_existing \
    account_key_existing=2 private_key_cycle=account_daily \
    private_key_technology=RSA_2048
is "$(sql "SELECT upstream_account_id FROM upstream_orders
    ORDER BY id DESC LIMIT 1")" 2 '... by that account'

# ---- several defaults --------------------------------------------------------

sql "UPDATE upstream_accounts SET is_default = 1,
    directory_url = 'https://other.example/dir' WHERE id = 2"
template=
same private_key_cycle single_certificate account_key_default
same account_key_option account_key_global_default
before=$(state)
refuses 'the default account' account_key_existing=1
refuses 'key cycle single_certificate' private_key_cycle=account_daily
sql "UPDATE upstream_accounts SET certificate_key_cycle = 'account_daily',
    certificate_key_type = 'rsa2048' WHERE id = 2"
same private_key_cycle account_key_default
refuses 'key cycle of the account' private_key_cycle=account_daily
refuses 'key cycle of the account' private_key_option=private_key_generate
refuses 'key type of the account' private_key_technology=EC
is "$(state)" "$before" '... none of which has changed anything'

done_testing
