#!/bin/sh
# Goal: what a CA would refuse by its limits is not asked for; what is for names
# that had one is, as often as it may.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"

client_up
sed -i "s|^\[client\]|&\nlimits_file = $T/limits.conf|" "$client"
export PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_WFE_NONCEREJECT=0
start_pebble
account ca add pebble "$pebble_directory" --trust "$pebble_ca"
exits 0 'a CA'
account register --ca pebble --agree-terms --default
exits 0 'an account there'
order() {
	run "$BIN/acme-order" "$@" -c "$client" --ca pebble --no-precheck
}

echo '[pebble]
orders_per_account = 2/1h
certificates_per_set = 2/1d' >"$T/limits.conf"
order run a.example.test
exits 0 'the first order'
order run b.example.test
exits 0 'the second'
# A certificate of the same second as an order may be its own.
age() {
	must sqlite3 "$T/client/store/acmed.sqlite" \
	    'UPDATE certificates SET created = created - 1;
	    UPDATE upstream_orders SET created = created - 1'
}
age
order new c.example.test
exits 111 'the third would be one too many'
like "$out" 'rate-limited.*not sent: .*orders_per_account' '... which is told'
is "$(asked "endpoint = 'newOrder'")" 2 '... and not sent'
order run a.example.test
exits 0 'names that had one are renewed'
order run a.example.test
exits 111 'but not for ever'
like "$out" 'certificates_per_set' '... which is another limit'
order cancel "$(sqlite3 "$T/client/store/acmed.sqlite" \
    "SELECT id FROM upstream_orders WHERE status = 'new'
    ORDER BY id DESC LIMIT 1")"
order new --replaces 1 a.example.test
exits 111 'a CA without renewal information knows of no replacement'

# Many at once are no more than one after the other.
echo '[pebble]
orders_per_account = 5/1h' >"$T/limits.conf"
before=$(asked "endpoint = 'newOrder' AND status = 201")
seq -f 'many%g.test' 12 >"$T/names"
run "$BIN/acme-order" run -c "$client" --ca pebble --no-precheck --timeout 60 - \
    <"$T/names"
exits 111 'more orders at once than the CA would take'
is "$(printf '%s\n' "$out" | grep -c '	valid	')" 3 '... are sent as far as it would'
is "$(($(asked "endpoint = 'newOrder' AND status = 201") - before))" 3 \
    '... and no further'
is "$(printf '%s\n' "$out" | grep -c 'not sent: .*orders_per_account')" 9 \
    '... the others wait'

# Nor are several processes at once, which would each see the last token.
echo '[pebble]
orders_per_account = 12/1h' >"$T/limits.conf"
before=$(asked "endpoint = 'newOrder' AND status = 201")
pids=
for i in 1 2 3 4 5 6; do
	seq -f "process$i-%g.test" 6 | "$BIN/acme-order" run -c "$client" \
	    --ca pebble --no-precheck --timeout 60 - >"$T/process.$i" \
	    2>"$T/process.$i.err" &
	pids="$pids $!"
done
# shellcheck disable=SC2086 # a word for each
wait $pids
is "$(($(asked "endpoint = 'newOrder' AND status = 201") - before))" 7 \
    'six processes at once send what the CA takes, together'
is "$(cat "$T"/process.[1-6] | grep -c 'not sent: .*orders_per_account')" 29 \
    '... and the others wait'

# A certificate of one's own for the same names makes no renewal.
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj / -addext subjectAltName=DNS:own.example.test -keyout "$T/own.key" \
    -out "$T/own.crt"
must "$BIN/cert-import" -c "$client" --key "$T/own.key" "$T/own.crt"
order run --timeout 1 own.example.test
exits 111 'a certificate that another has made is none of the CA'

# ---- names ---------------------------------------------------------------------
echo '[pebble]
certificates_per_domain = 2/1d' >"$T/limits.conf"
order run a.shop.co.uk
exits 0 'a name in a registered domain'
order run b.shop.co.uk c.shop.co.uk
exits 0 'two more there'
age
seq -f 'x%g.at-once.test' 6 | run "$BIN/acme-order" run -c "$client" \
    --ca pebble --no-precheck --timeout 60 -
is "$(sqlite3 "$T/client/store/acmed.sqlite" "SELECT count(*)
    FROM upstream_order_domains d JOIN upstream_orders o
    ON o.id = d.upstream_order_id WHERE d.registered = 'at-once.test'
    AND o.status = 'valid'")" 2 'six at once in one domain are two'
before=$(asked "endpoint = 'newOrder'")
order run e.example.test d.shop.co.uk
exits 111 'a third order with one there'
like "$out" 'not sent: .*certificates_per_domain for shop.co.uk is used up' \
    '... which is told, with the domain'
is "$(asked "endpoint = 'newOrder'")" "$before" '... and not sent'
order run a.shop.co.uk
exits 0 'names that had one are renewed'
order run a.other.co.uk
exits 0 'another domain below the same suffix is another'
order run 127.0.0.1
exits 0 'an address'

# Nobody answers, and what has failed is counted.
echo '[pebble]
failures_per_name = 2/1h' >"$T/limits.conf"
stop pebble
unset PEBBLE_VA_ALWAYS_VALID
start_pebble
account register --ca pebble --agree-terms --default
exits 0 'an account at a CA that looks'
for i in 1 2; do
	order run f.example.test
	exits 1 "validation $i fails"
done
before=$(asked "endpoint = 'newOrder'")
order run f.example.test g.example.test
exits 111 'a third would be one too many'
like "$out" 'not sent: .*failures_per_name for f.example.test is used up' \
    '... which is told, with the name'
is "$(asked "endpoint = 'newOrder'")" "$before" '... and not sent'
order run --timeout 20 g.example.test
exits 1 'another name may fail'
export PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_WFE_NONCEREJECT=0
stop pebble
start_pebble
account register --ca pebble --agree-terms --default
exits 0 'an account again'

# ---- the file ------------------------------------------------------------------
echo '[pebble]
orders_per_account = many' >"$T/limits.conf"
order run d.example.test
exits 102 'a limit that is none'
like "$err" 'limits.conf:2: orders_per_account: must be COUNT/DURATION' \
    '... is named, with its line'
rm "$T/limits.conf"
order run d.example.test
exits 0 'without a file nothing is known'

# Who waits for a limit says so, once, and not if that is over soon.
account register --ca pebble --agree-terms --another
other=$(field id)
echo '[pebble]
orders_per_account = 1/16s' >"$T/limits.conf"
order run w1.test --account "$other"
sqlite3 "$T/client/store/acmed.sqlite" "UPDATE upstream_requests
    SET at = unixepoch() WHERE upstream_account_id = $other
    AND endpoint = 'newOrder'" # however long it has taken
order run w2.test --account "$other" --timeout 40
exits 0 'an order that has to wait'
is "$(printf '%s\n' "$err" | grep -Ec \
    '^acme-order: waits until 2[-0-9]*T[0-9:]*Z: upstream_order/[0-9]* is new: not sent: .*orders_per_account')" \
    1 '... says so'
is "$(printf '%s\n' "$err" | wc -l)" 1 '... in a line'
echo '[pebble]
orders_per_account = 100/100s' >"$T/limits.conf"
order run w3.test --account "$other" --timeout 40
is "$status$err" 0 'one that need not wait says nothing'
done_testing
