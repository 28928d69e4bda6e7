#!/bin/sh
# Goal: accounts: made once for each key, read, updated, deactivated; contacts
# and terms of service (RFC 8555 7.1.2, 7.3).
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up

# ---- newAccount

become alice
misuse '400 accountDoesNotExist' 'onlyReturnExisting, none' \
    --payload '{"onlyReturnExisting":true}' @newAccount
works '201 -' 'newAccount {}' --payload '{}' @newAccount
account=$(header Location)
like "$account" "^$base/account/[A-Za-z0-9_-]{22}\$" 'newAccount: Location'
is "$(members .)" 'orders status' \
    'account without contact or terms: its members'
is "$(get status)" valid 'account: status'
is "$(get orders)" "$account/orders" 'account: orders'
misuse '200 -' 'newAccount again' --payload '{}' @newAccount
is "$(header Location)" "$account" 'newAccount again: Location'
is "$(get status) $(get orders)" "valid $account/orders" \
    'newAccount again: the whole object'
misuse '200 -' 'newAccount again, with other contacts' \
    --payload '{"contact":["mailto:x@example.com"]}' @newAccount
misuse '200 -' 'onlyReturnExisting' --payload '{"onlyReturnExisting":true}' \
    @newAccount
is "$(header Location)" "$account" 'onlyReturnExisting: Location'
become bob
works '201 -' 'newAccount with contacts' --payload '{"contact":
    ["mailto:a@example.com","mailto:b+c@sub.example.com"],
    "onlyReturnExisting":false,"unknown":{"a":[1]}}' @newAccount
is "$(get contact)" '["mailto:a@example.com","mailto:b+c@sub.example.com"]' \
    'newAccount: contact'
works '200 -' 'newAccount again, with contacts' --payload '{}' @newAccount
is "$(get contact)" '["mailto:a@example.com","mailto:b+c@sub.example.com"]' \
    'newAccount again: contact'
become carol
works '201 -' 'newAccount with terms agreed, where none are' \
    --payload '{"termsOfServiceAgreed":true,"contact":[]}' @newAccount
like "$(get termsOfServiceAgreed)" '^(true)?$' 'termsOfServiceAgreed'
is "$(get contact)" '' 'no contact: no member'

# ---- eight at once with the same key are one account

become crowd
raw -X GET "$directory"
cp "$ACME_STATE/body" "$ACME_STATE/directory"
for i in 1 2 3 4 5 6 7 8; do
	cp -R "$T/crowd" "$T/crowd$i"
	(
		as "crowd$i"
		raw --payload '{}' @newAccount
		echo "$reply $(header Location)" >"$T/crowd$i.reply"
	) &
	crowd="${crowd:-} $!"
done
# shellcheck disable=SC2086 # a list
wait $crowd
is "$(cut -d' ' -f1 "$T"/crowd?.reply | sort | uniq -c | sed 's/^ *//' |
    paste -sd, -)" '7 200,1 201' 'eight newAccounts at once: one is made'
is "$(cut -d' ' -f3 "$T"/crowd?.reply | sort -u | wc -l)" 1 \
    'eight newAccounts at once: one Location'

# ---- payloads of newAccount

become dave
refused() {
	misuse "$2" "newAccount: $1" --payload "$3" @newAccount
}
refused 'onlyReturnExisting not a boolean' '400 malformed' \
    '{"onlyReturnExisting":"yes"}'
refused 'terms agreed not a boolean' '400 malformed' \
    '{"termsOfServiceAgreed":"yes"}'

# name|answer|contact, for newAccount and for an update
contacts() {
	cat <<-'EOT'
	contact a string|400 malformed|"mailto:a@example.com"
	contact a string, and wrong|400 malformed|"nomailto@foo.test"
	contact an object|400 malformed|{"a":"b"}
	contact null|400 malformed|null
	contact of null|400 malformed|[null]
	contact of a number|400 malformed|[7]
	contact of a list|400 malformed|[["mailto:a@example.com"]]
	contact tel|400 unsupportedContact|["tel:+12025551212"]
	contact https|400 unsupportedContact|["https://example.com/"]
	contact one of two unsupported|400 unsupportedContact|["mailto:a@example.com","tel:1"]
	contact with hfields|400 invalidContact|["mailto:a@example.com?subject=x"]
	contact with two addresses|400 invalidContact|["mailto:a@example.com,b@example.com"]
	contact without @|400 invalidContact|["mailto:example.com"]
	contact without local part|400 invalidContact|["mailto:@example.com"]
	contact without domain|400 invalidContact|["mailto:a@"]
	contact of mailto alone|400 invalidContact|["mailto:"]
	contact with two @|400 invalidContact|["mailto:a@b@example.com"]
	contact with a blank|400 invalidContact|["mailto:a b@example.com"]
	contact with a newline|400 invalidContact|["mailto:a@example.com\nBcc:b@example.com"]
	contact with a control character|400 invalidContact|["mailto:a\u0007@example.com"]
	contact not ASCII|400 invalidContact|["mailto:\u00e4@example.com"]
	contact quoted|400 invalidContact|["mailto:\"a b\"@example.com"]
	contact with an escape|400 invalidContact|["mailto:a%0ab@example.com"]
	contact with two parts|400 invalidContact|["mailto:a;b@example.com"]
	contact with angle brackets|400 invalidContact|["mailto:<a@example.com"]
	contact with a path for a domain|400 invalidContact|["mailto:a@example.com/x"]
	contact with an underscore in its domain|400 invalidContact|["mailto:a@b_c.com"]
	contact with a name|400 invalidContact|["mailto:A <a@example.com>"]
	EOT
}
contacts >"$T/contacts"
while IFS='|' read -r name answer value; do
	refused "$name" "$answer" "{\"contact\":$value}"
done <"$T/contacts"
misuse '400 invalidContact' 'newAccount: contact without scheme' \
    --payload '{"contact":["foo@bar.baz"]}' @newAccount
ten=$(printf ',"mailto:a%s@example.com"' 1 2 3 4 5 6 7 8 9 10 | cut -c2-)
refused 'eleven contacts' '400 invalidContact' \
    "{\"contact\":[$ten,\"mailto:a11@example.com\"]}"
long=$(head -c 400 /dev/zero | tr '\0' a)
refused 'contact too long' '400 invalidContact' \
    "{\"contact\":[\"mailto:$long@example.com\"]}"
works '201 -' 'newAccount: ten contacts' --payload "{\"contact\":[$ten]}" \
    @newAccount

# ---- read and update, RFC 8555 7.3.2

as alice
misuse '200 -' 'account read' @account
is "$(get status)" valid 'account read: status'
misuse '200 -' 'account update {}' --payload '{}' @account
while IFS='|' read -r name answer value; do
	misuse "$answer" "update: $name" --payload "{\"contact\":$value}" \
	    @account
done <"$T/contacts"
misuse '400 invalidContact' 'update: contact without scheme' \
    --payload '{"contact":["foo@bar.baz"]}' @account
works '200 -' 'update of contact' \
    --payload '{"contact":["mailto:foo@bar.baz"]}' @account
is "$(get contact)" '["mailto:foo@bar.baz"]' 'update: the new contact'
misuse '200 -' 'account read after the update' @account
is "$(get contact)" '["mailto:foo@bar.baz"]' 'account read: the new contact'
misuse '200 -' 'update: unknown members are ignored' --payload \
    '{"unknown":1,"orders":"https://example.com/","key":{},"createdAt":"x"}' \
    @account
is "$(get orders)" "$account/orders" 'update cannot change orders'
misuse '200 -' 'update: termsOfServiceAgreed is ignored' \
    --payload '{"termsOfServiceAgreed":false}' @account
for value in '"valid"' '"revoked"' '"x"' 7 null; do
	misuse '200 -' "update: status $value is ignored" \
	    --payload "{\"status\":$value}" @account
	is "$(get status)" valid "update: status stays valid"
done
works '200 -' 'update: no more contacts' --payload '{"contact":[]}' @account
is "$(get contact)" '' 'update: no contact, no member'
as bob
misuse '403 unauthorized' 'account of another' "$account"
misuse '403 unauthorized' 'update of another' \
    --payload '{"contact":["mailto:evil@example.com"]}' "$account"
misuse '403 unauthorized' 'deactivation of another' \
    --payload '{"status":"deactivated"}' "$account"
misuse '403 unauthorized' 'orders of another' "$account/orders"
as alice
misuse '403 unauthorized' 'account that does not exist, told from no other' \
    "$base/account/AAAAAAAAAAAAAAAAAAAAAA"

# ---- terms of service, RFC 8555 7.3, 7.3.3

variant "$T/terms.conf" server.terms_of_service=https://example.com/terms/1
become erin "$T/terms.conf"
raw -X GET "$directory"
is "$(get meta.termsOfService)" https://example.com/terms/1 \
    'directory: meta.termsOfService'
misuse '403 userActionRequired' 'newAccount without agreeing to the terms' \
    --payload '{}' @newAccount
like "$(header Link)" '^<https://example.com/terms/1>;rel="terms-of-service"$' \
    'newAccount without agreeing: Link terms-of-service'
is "$(get instance)" https://example.com/terms/1 \
    'newAccount without agreeing: instance'
misuse '403 userActionRequired' 'newAccount with terms not agreed' \
    --payload '{"termsOfServiceAgreed":false}' @newAccount
works '201 -' 'newAccount agreeing to the terms' \
    --payload '{"termsOfServiceAgreed":true}' @newAccount
is "$(get termsOfServiceAgreed)" true 'account: termsOfServiceAgreed'

# ---- meta

variant "$T/meta.conf" server.website=https://example.com/ \
    server.caa_identities=ca.example.com
become frank "$T/meta.conf"
raw -X GET "$directory"
is "$(get meta.website) $(get meta.caaIdentities)" \
    'https://example.com/ ["ca.example.com"]' 'directory: meta'

# ---- orders

as alice
works '200 -' 'orders, none yet' "$account/orders"
is "$(get orders)" '[]' 'orders, none yet: an empty list'

# ---- deactivation, RFC 8555 7.3.6

new_order deactivate.example.test
works '200 -' 'account deactivation' --payload '{"status":"deactivated"}' \
    @account
is "$(get status)" deactivated 'account deactivation: status'
is "$(peek "SELECT DISTINCT a.status || ' ' || o.status
    FROM orders o JOIN identifiers i ON i.order_id = o.id
    JOIN authorizations a ON a.id = i.authorization_id
    WHERE i.value = 'deactivate.example.test'")" 'deactivated invalid' \
    'account deactivation ends its orders and authorizations'
for url in "$account" "$account/orders" "$order" "$authz" "$finalize" \
    "$base/new-order" "$base/key-change" "$base/revoke-cert" "$directory"; do
	name=$(echo "${url#"$base"/}" | sed 's,/[A-Za-z0-9_-]\{22\},/ID,')
	misuse '401 unauthorized' "deactivated: $name" "$url"
done
misuse '401 unauthorized' 'deactivated: reactivation' \
    --payload '{"status":"valid"}' @account
misuse '401 unauthorized' 'deactivated: newAccount with its key' \
    --payload '{}' @newAccount
misuse '401 unauthorized' 'deactivated: onlyReturnExisting' \
    --payload '{"onlyReturnExisting":true}' @newAccount

store_is_sound
done_testing
