#!/bin/sh
# Goal: orders: made, read, listed; their objects (RFC 8555 7.1.2.1, 7.1.3,
# 7.4).
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/acme.sh"

server_up
actor alice
id='[A-Za-z0-9_-]{22}'
time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z'

# ---- newOrder

works '201 -' newOrder --payload "$(names One.Example.TEST two.example.test)" \
    @newOrder
order=$(header Location)
like "$order" "^$base/order/$id\$" 'order: Location'
is "$(members .)" 'authorizations expires finalize identifiers status' \
    'pending order: its members'
is "$(get status)" pending 'order: status'
is "$(get identifiers)" '[{"type":"dns","value":"one.example.test"},{"type":"dns","value":"two.example.test"}]' \
    'order: identifiers in lower case, in the order asked for'
like "$(get expires)" "^$time\$" 'order: expires, whole seconds UTC'
[ "$(date -d "$(get expires)" +%s)" -gt "$(date +%s)" ]
is $? 0 'order: expires in the future'
is "$(get finalize)" "$order/finalize" 'order: finalize'
like "$(get authorizations)" \
    "^\\[\"$base/authorization/$id\",\"$base/authorization/$id\"\\]\$" \
    'order: one authorization for each name'
like "$(cat "$ACME_STATE/body")" '"authorizations": ?\[[^]]*\]' \
    'order: authorizations on one line'
is "$(header Retry-After)" '' 'newOrder: no Retry-After'
cp "$ACME_STATE/body" "$T/made"
misuse '200 -' 'order read' "$order"
is "$(header Location)" "$order" 'order read: Location'
is "$(cat "$ACME_STATE/body")" "$(cat "$T/made")" 'order read: the same object'
works '201 -' 'the same names again' \
    --payload "$(names one.example.test two.example.test)" @newOrder
isnt=$(header Location)
[ "$isnt" != "$order" ]
is $? 0 'the same names again: another order'
works '201 -' 'newOrder: unknown members are ignored' --payload '{"identifiers":
    [{"type":"dns","value":"a.example.test","unknown":1}],"unknown":[1]}' \
    @newOrder
works '201 -' 'newOrder: a wildcard' --payload "$(names '*.w.example.test')" \
    @newOrder
is "$(get identifiers.0.value)" '*.w.example.test' 'order of a wildcard keeps *.'
works '201 -' 'newOrder: name and wildcard' \
    --payload "$(names w.example.test '*.w.example.test')" @newOrder
is "$(get authorizations.1 | wc -l)" 1 'name and wildcard: two authorizations'
works '201 -' 'newOrder: an IPv4 address' --payload "$(names IP:127.0.0.1)" \
    @newOrder
works '201 -' 'newOrder: an IPv6 address' --payload "$(names IP:::1)" @newOrder
is "$(get identifiers)" '[{"type":"ip","value":"::1"}]' 'order of an address'

# ---- how many names

hundred=$(i=0; while [ $i -lt 100 ]; do echo "n$i.example.test"; i=$((i + 1)); done)
# shellcheck disable=SC2086 # a list
set -- $hundred
works '201 -' 'newOrder: a hundred names' --payload "$(names "$@")" @newOrder
is "$(get authorizations.99 | wc -l)" 1 'a hundred names: as many authorizations'
misuse '400 malformed' 'newOrder: a hundred and one names' \
    --payload "$(names "$@" n100.example.test)" @newOrder
misuse '400 malformed' 'newOrder: no names' --payload '{"identifiers":[]}' \
    @newOrder
misuse '400 malformed' 'newOrder {}' --payload '{}' @newOrder
while IFS='|' read -r name value; do
	misuse '400 malformed' "newOrder: identifiers $name" \
	    --payload "{\"identifiers\":$value}" @newOrder
done <<'EOT'
an object|{"type":"dns","value":"a.example.test"}
a string|"a.example.test"
null|null
of {}|[{}]
of null|[null]
of strings|["a.example.test"]
of a list|[[{"type":"dns","value":"a.example.test"}]]
without type|[{"value":"a.example.test"}]
without value|[{"type":"dns"}]
with a type that is a number|[{"type":1,"value":"a.example.test"}]
with a value that is a number|[{"type":"dns","value":7}]
with a value that is null|[{"type":"dns","value":null}]
with a value that is a list|[{"type":"dns","value":["a.example.test"]}]
good and {}|[{"type":"dns","value":"a.example.test"},{}]
good and null|[{"type":"dns","value":"a.example.test"},null]
with a duplicate member|[{"type":"dns","type":"ip","value":"a.example.test"}]
EOT
for type in foo DNS email permanent-identifier; do
	misuse '400 unsupportedIdentifier' "newOrder: identifier type $type" \
	    --payload "{\"identifiers\":[{\"type\":\"$type\",
	    \"value\":\"a.example.test\"}]}" @newOrder
done
misuse '400 unsupportedIdentifier' 'newOrder: one of two types unsupported' \
    --payload '{"identifiers":[{"type":"dns","value":"a.example.test"},
    {"type":"foo","value":"a"}]}' @newOrder
works '201 -' 'newOrder: a name twice is one name' \
    --payload "$(names d.example.test D.example.test)" @newOrder
is "$(get authorizations | tr -cd , | wc -c)" 0 \
    'a name twice: one authorization'
is "$(get identifiers)" '[{"type":"dns","value":"d.example.test"}]' \
    'a name twice: one identifier'

# ---- policy

variant "$T/strict.conf" policy.allow_wildcards=false \
    policy.allow_ip_identifiers=false
become strict "$T/strict.conf"
must_say '201 -' --payload '{}' @newAccount
misuse '403 rejectedIdentifier' 'wildcard where none are allowed' \
    --payload "$(names '*.w.example.test')" @newOrder
is "$(get subproblems)" '' 'one name: the problem is its own, no subproblem'
misuse '400 unsupportedIdentifier' 'address where none are allowed' \
    --payload "$(names IP:127.0.0.1)" @newOrder
misuse '403 rejectedIdentifier' 'two wildcards where none are allowed' \
    --payload "$(names '*.w.example.test' ok.example.test '*.x.example.test')" \
    @newOrder
is "$(get subproblems | grep -o '"value":"[^"]*"' | sort | paste -sd' ' -)" \
    '"value":"*.w.example.test" "value":"*.x.example.test"' \
    'two wildcards: subproblems name both, and no other'
is "$(get subproblems.0.type)" urn:ietf:params:acme:error:rejectedIdentifier \
    'two wildcards: type of the subproblem'
variant "$T/ranges.conf" policy.allowed_server_ip_ranges=10.0.0.0/8
become ranges "$T/ranges.conf"
must_say '201 -' --payload '{}' @newAccount
misuse '403 rejectedIdentifier' 'address outside the ranges' \
    --payload "$(names IP:127.0.0.1)" @newOrder
variant "$T/few.conf" server.max_identifiers=2
become few "$T/few.conf"
must_say '201 -' --payload '{}' @newAccount
misuse '400 malformed' 'three names where two are allowed' \
    --payload "$(names a.example.test b.example.test c.example.test)" @newOrder

# ---- notBefore, notAfter

as alice
with_times() {
	names t.example.test | sed "s/}\$/,$1}/"
}
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
soon=$(date -u -d '+2 days' +%Y-%m-%dT%H:%M:%SZ)
far=$(date -u -d '+20 years' +%Y-%m-%dT%H:%M:%SZ)
past=$(date -u -d '-20 days' +%Y-%m-%dT%H:%M:%SZ)
works '201 -' 'newOrder: notAfter inside the lifetime' \
    --payload "$(with_times "\"notAfter\":\"$soon\"")" @newOrder
is "$(get notAfter)" "$soon" 'order: notAfter as asked for'
works '201 -' 'newOrder: notBefore now' \
    --payload "$(with_times "\"notBefore\":\"$now\"")" @newOrder
is "$(get notBefore)" "$now" 'order: notBefore as asked for'
while IFS='|' read -r name value; do
	misuse '400 malformed' "newOrder: $name" \
	    --payload "$(with_times "$value")" @newOrder
done <<EOT
notAfter beyond the lifetime|"notAfter":"$far"
notAfter in the past|"notAfter":"$past"
notAfter before notBefore|"notBefore":"$soon","notAfter":"$now"
notBefore in the past|"notBefore":"$past"
notBefore in the far future|"notBefore":"$far"
notAfter no date|"notAfter":"tomorrow"
notAfter a number|"notAfter":7
notBefore with an impossible month|"notBefore":"2026-13-01T00:00:00Z"
notBefore empty|"notBefore":""
EOT

# ---- the list of orders, RFC 8555 7.1.2.1

actor lister
list=$(cat "$ACME_STATE/account")/orders
i=0
while [ $i -lt 3 ]; do
	new_order "l$i.example.test"
	echo "$order" >>"$T/mine"
	i=$((i + 1))
done
works '200 -' 'orders' "$list"
is "$(members .)" orders 'orders: its members'
is "$(get orders | tr -d '[]"' | tr , '\n' | sort)" "$(sort "$T/mine")" \
    'orders: those of the account'
while [ $i -lt 102 ]; do
	raw --payload "$(names "l$i.example.test")" @newOrder
	sed -n 's/^Location: *\([^[:space:]]*\).*/\1/p' "$ACME_STATE/headers" >>"$T/mine"
	i=$((i + 1))
done
works '200 -' 'orders, many' "$list"
pages=1
get orders | tr -d '[]"' | tr , '\n' >"$T/listed"
while next=$(header Link | sed -n 's/^<\(.*\)>;rel="next"$/\1/p')
	[ -n "$next" ] && [ $pages -lt 20 ]; do
	must_say '200 -' "$next"
	get orders | tr -d '[]"' | tr , '\n' >>"$T/listed"
	pages=$((pages + 1))
done
[ $pages -gt 1 ]
is $? 0 'orders, many: several pages'
is "$(sort "$T/listed")" "$(sort "$T/mine")" \
    'orders, many: each once, over all pages'
misuse '404 malformed' 'orders with a cursor that is none' "$list?cursor=x%00"
misuse '404 malformed' 'orders with another parameter' "$list?page=1"

# ---- no such order; it cannot be had unfinished

as alice
misuse '404 malformed' 'order unknown' "$base/order/AAAAAAAAAAAAAAAAAAAAAA"
misuse '404 malformed' 'finalize of an order unknown' \
    --payload '{"csr":"AA"}' "$base/order/AAAAAAAAAAAAAAAAAAAAAA/finalize"
misuse '404 malformed' 'certificate unknown' \
    "$base/certificate/AAAAAAAAAAAAAAAAAAAAAA"
new_order unfinished.example.test
misuse '404 malformed' 'certificate of an unfinished order' \
    "$base/certificate/${order##*/}"
is "$(get certificate)" '' 'unfinished order: no certificate member'

# ---- an order that has expired

tamper "UPDATE orders SET expires = 1000000000
    WHERE url_id = '${order##*/}'"
misuse '200 -' 'expired order read' "$order"
is "$(get status)" invalid 'expired order: status'
like "$(get error.type)" '^urn:ietf:params:acme:error:' 'expired order: error'
is "$(get error.status | grep -c '^[45]')" 1 'expired order: status of its error'
misuse '403 orderNotReady' 'expired order: finalize' \
    --payload "$(finalize_with "$(csr unfinished.example.test)")" "$finalize"

store_is_sound
done_testing
