#!/bin/sh
# Goal: acmed-admin gets a certificate for a name that is unknown, when the rules
# allow it, once, within limits, and remembers what has failed; what is refused
# changes nothing.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
. "$(dirname "$0")/../lib/store.sh"
. "$(dirname "$0")/../lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl

admin_order_up
admin_token read+keys+order read+keys
gateway=$T/token.read+keys+order
serve() {
	stop admin
	stop admin-unix
	admin_serve "admin.work_socket=$T/work.sock" "$@"
}
field() {
	perl -MJSON::PP -e 'local $/; my $o = decode_json(<STDIN>);
	    $o = ref $o ? $o->{$_} : undef for split m{/}, $ARGV[0];
	    print ref $o ? "object" : $o // "null"' "$1" <"$T/body"
}
state() {
	sql 'SELECT (SELECT count(*) FROM autocerts), (SELECT count(*)
	    FROM domain_queue), (SELECT max(id) FROM events)'
}

# ---- rules -----------------------------------------------------------------------

before=$(state)
autocert a.example
answers 403 'no rule: nothing is ordered'
like "$body" 'autocert_allow does not have a\.example' '... which is said'
serve 'admin.autocert_allow=a.example, *.shop.example, b.example'
for name in '' 'a.example,b.example' 'a.example b.example' '*.shop.example' \
    "$(printf '\357\274\212.shop.example')" 192.0.2.1 a..b; do
	autocert "$name"
	answers 400 "not one name: $name"
done
for name in x.a.example shop.example ashop.example c.example; do
	autocert "$name"
	answers 403 "not allowed: $name"
	like "$body" '"domain":null.*"certificate_signed__latest_multi":null' \
	    '... as an answer without a certificate'
done
ask /api/domain/autocert.json -H "@$T/token.read+keys" -d domain_name=a.example
answers 403 'the scope order is needed'
ask /api/domain/autocert.json -H "@$gateway"
is "$code $(header Allow)" '405 POST' 'GET orders nothing'
is "$(state)" "$before" '... none of which has left a trace'
must "$BIN/domain-queue" block b.example
autocert b.example
answers 403 'blocked'
like "$body" 'This domain_name has been blocklisted' '... which is said'

# ---- nobody works ----------------------------------------------------------------

serve 'admin.autocert_allow=a.example, *.shop.example' \
    admin.autocert_per_hour=1
before=$(state)
autocert a.example
answers 503 'no work service'
is "$(field result) $(field domain)" 'error null' '... is no certificate'
like "$(header Retry-After)" '^[0-9]+$' '... with Retry-After'
autocert a.example
answers 503 '... again'
autocert other.shop.example
answers 503 '... also for another name, as nothing of the hour is used up'
is "$(state)" "$before" '... and nothing has changed'

# ---- an order --------------------------------------------------------------------

serve 'admin.autocert_allow=a.example, *.shop.example, b.example'
work_serve
autocert a.example
answers 200 'a certificate'
is "$(field result): $(field notes)" 'success: new AcmeOrder, valid' '... new'
is "$(field domain/domain_name) $(field AcmeOrder/id)" 'a.example 1' \
    '... by this order'
is "$(field certificate_signed__latest_single/private_key)" object \
    '... with its key'
autocert A.Example.
answers 200 'again'
is "$(field notes)" 'existing certificate(s)' '... it is there'
autocert one.shop.example -H 'Content-Type:'
answers 200 'below an allowed name, a body without a type'
is "$(sql "SELECT count(*) FROM events WHERE action = 'autocert.valid'
    AND actor LIKE 'token/%'")" 2 'the log says who asked'

# keyless NAME DAYS: a certificate whose key is elsewhere.
keyless() {
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj / -addext "subjectAltName=DNS:$1" -days "$2" \
	    -addext basicConstraints=critical,CA:FALSE \
	    -keyout "$T/elsewhere.key" -out "$T/elsewhere.crt"
	must "$BIN/cert-import" -c "$client" "$T/elsewhere.crt"
}
keyless two.shop.example 30
together=
for i in 1 2 3 4; do
	curl -s -o "$T/two.$i" -w '%{http_code}\n' -H "@$gateway" \
	    --unix-socket "$T/admin.sock" -d domain_name=two.shop.example \
	    "$admin/api/domain/autocert.json" >"$T/code.$i" &
	together="$together $!"
done
for i in $together; do
	wait "$i"
done
like "$(cat "$T"/two.[1-4])" 'BEGIN PRIVATE KEY' \
    'one whose key is elsewhere is none: there is another, with its key'
keyless two.shop.example 3650
autocert two.shop.example
is "$code $(field notes) $(field certificate_signed__latest_multi/private_key)" \
    '200 existing certificate(s) object' '... also when it ends later'
is "$(sort -u "$T"/code.[1-4] | tr '\n' ' ' | sed 's/200 409/200/')" '200 ' \
    'four at once: a certificate, or one is running'
is "$(sql "SELECT count(*) FROM autocerts WHERE name = 'two.shop.example'"
sql 'SELECT count(*) FROM upstream_orders')" '1
3' '... and one order'
must "$BIN/cert-manage" domain disable one.shop.example -c "$client"
autocert one.shop.example
answers 403 'disabled'

# ---- a target that takes its time ------------------------------------------------

cat >"$T/targets.conf" <<-END
	[slow]
	kind = hook
	program = $T/slow
	immediately = true
END
cat >"$T/slow" <<-END
	#!/bin/sh
	cat >"$T/told"
	i=0
	while [ -e "$T/holds" ] && [ \$i -lt 300 ]; do
		sleep 0.1
		i=\$((i + 1))
	done
	touch "$T/done"
END
chmod 755 "$T/slow"
touch "$T/holds"
cp "$client" "$T/plain.conf"
sed -i "s|^\[client\]\$|&\ntargets_file = $T/targets.conf|" "$client"
stop work
work_serve
autocert slow.shop.example
answers 200 'a target that is to have it immediately, and takes its time'
ok '... is not waited for' [ ! -e "$T/done" ]
rm "$T/holds"
ok '... but told' wait_for 20 test -e "$T/done"
cp "$T/plain.conf" "$client"
stop work
work_serve

# ---- limits ----------------------------------------------------------------------

serve 'admin.autocert_allow=*' admin.autocert_per_hour=3
autocert d.example
answers 429 'no more in an hour'
like "$(header Retry-After)" '^3[56][0-9][0-9]$' '... when there is one again'
sql 'UPDATE autocerts SET started = started - 3600, again_at = 1'
sql "INSERT INTO autocerts (name, kind, actor, started, queued, lease_until,
    failures) SELECT 'busy' || id || '.example', 'autocert', 'x',
    unixepoch() - 4000, 0, unixepoch() + 100, 0 FROM events LIMIT 8"
autocert d.example
answers 429 'no more at once'
autocert "$(sql "SELECT name FROM autocerts WHERE name LIKE 'busy%' LIMIT 1")"
answers 409 'one runs'
like "$body" 'There is an active or recent autocert attempt for this domain' \
    '... which is said'
sql "UPDATE autocerts SET lease_until = 1 WHERE ended IS NULL"
autocert d.example
answers 200 'whoever has died holds no place'

# ---- its template ----------------------------------------------------------------

must "$BIN/domain-queue" template set autocert --key-type p256
sql "UPDATE domain_templates SET policy = 'x' WHERE name = 'autocert'"
before=$(state)
autocert e.example
answers 500 'its template cannot be read'
is "$(state)" "$before" '... and no other one is taken instead'
must "$BIN/domain-queue" template remove autocert

# ---- failures --------------------------------------------------------------------

must "$BIN/domain-queue" template set autocert --key-type p256
autocert refused.invalid
answers 502 'it fails'
is "$(field result) $(field notes) $(field domain)" \
    'error new AcmeOrder, invalid null' '... which is no certificate'
is "$(sql "SELECT count(*) FROM domain_queue WHERE name = 'refused.invalid'")" 0 \
    '... and it leaves the queue'
before=$(state)
autocert refused.invalid
answers 502 '... as is remembered'
like "$body" 'it has failed at 20.*Z: ' '... with why'
is "$(state)" "$before" '... and costs nothing'
like "$(header Retry-After)" '^3[56][0-9][0-9]$' '... for an hour'
sql 'UPDATE autocerts SET again_at = 1'
autocert refused.invalid
autocert refused.invalid
like "$(header Retry-After)" '^7[12][0-9][0-9]$' '... or two'

# ---- certificate-if-needed -------------------------------------------------------

needed() {
	ask /api/domain/certificate-if-needed -H "@$gateway" "$@"
}
must "$BIN/domain-queue" template remove autocert
needed -d domain_name=n.example -d processing_strategy=process_single
answers 200 'if needed: a new one'
is "$(sed 's/[0-9][0-9]*/N/g' "$T/body")" \
    '{"domain_results":{"n.example":{"domain.status":"new","domain.id":N,"certificate_signed.status":"new","certificate_signed.id":N,"acme_order.id":N}},"result":"success"}' \
    '... and what became of it'
needed -d domain_name=n.example
is "$(sed 's/[0-9][0-9]*/N/g' "$T/body")" \
    '{"domain_results":{"n.example":{"domain.status":"existing.active","domain.id":N,"certificate_signed.status":"exists","certificate_signed.id":N,"acme_order.id":null}},"result":"success"}' \
    'if needed: it is there'
needed -d domain_name=one.shop.example
answers 200 'if needed: a disabled one'
like "$body" '"domain.status":"existing.activated"' '... is enabled'
needed -d domain_name=b.example
answers 403 'if needed: blocked'
like "$body" '"domain.status":"blocklisted"' '... in its words'
needed -d domain_name=m.example -d account_key_option=account_key_file
answers 400 'if needed: what it does not do'
like "$body" 'account_key_option: account_key_file is not what template default has' '... by name'

done_testing
