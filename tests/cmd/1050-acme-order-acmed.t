#!/bin/sh
# Goal: acme-order and acmed's own server: real challenges of each type are met
# and taken away again, and one that fails fails with a cause, and leaves nothing
# pending; many at once.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

start_dns
start_acmed
order_up acmed

order run a.example.test 127.0.0.1 --challenge "listen:$http_port"
exits 0 'http-01, a name and an address'
is "$(field status)" valid '... is valid'
is "$(sqlite3 "$store" "SELECT count(*) FROM challenges
    WHERE type = 'http-01' AND status = 'valid'")" 2 '... and was looked at'

cat >"$T/hook" <<-END
	#!/bin/sh
	echo "\$*" >>"$T/hook.log"
	case \$1 in
	present) exec "$T/dns-set" "\$3" TXT "\$4" ;;
	cleanup) exec "$T/dns-set" -d "\$3" TXT ;;
	esac
END
chmod 755 "$T/hook"
order run '*.b.example.test' b.example.test --challenge "hook:$T/hook" --no-precheck
exits 0 'dns-01, a wildcard and its name'
is "$(field status)" valid '... is valid'
is "$(grep -c '^present ' "$T/hook.log") $(grep -c '^cleanup ' "$T/hook.log")" \
    '2 2' '... what was put in place was taken away'

root=$T/root answers=$T/root/.well-known/acme-challenge
mkdir -p "$answers"
start www "$TOOLS/http-token" 127.0.0.1 "$http_port" "$answers"
must wait_for 5 grep -q ready "$T/www.out"
order run c.example.test w.example.test --challenge "webroot:$root" \
    --challenge "w.example.test=hook:$T/hook" --no-precheck
exits 0 'one way for each name'
is "$(sqlite3 "$store" "SELECT count(*) FROM challenges
    WHERE type = 'dns-01' AND status = 'valid'")" 3 '... each its own'

order run d.example.test nowhere.example.test --challenge answer --no-precheck
exits 1 'nothing answers'
is "$(field status)" invalid '... it is invalid'
like "$(field cause)" '^(connection|challenge)$' '... with a cause'
like "$err" 'example.test: the authorization is invalid: .*; see that ' \
    '... and what to do'
is "$(sqlite3 "$store" "SELECT count(*) FROM authorizations
    WHERE status = 'pending'")" 0 '... and nothing stays pending'

# ---- what is left pending --------------------------------------------------------

cat >"$T/busy" <<-'END'
	#!/bin/sh
	exit 111
END
chmod 755 "$T/busy"
# at_server NAME: the status of its last authorization there.
at_server() {
	sqlite3 "$store" "SELECT status FROM authorizations WHERE value = '$1'
	    ORDER BY id DESC LIMIT 1"
}
order run d.example.test k.example.test --challenge answer \
    --challenge "k.example.test=hook:$T/busy" --no-precheck
exits 1 'one name fails, the other waits'
is "$(at_server k.example.test)" deactivated '... and is given up'
order run d.example.test k.example.test --challenge answer \
    --challenge "k.example.test=hook:$T/busy" --no-precheck --keep-pending
exits 1 'the same with --keep-pending'
is "$(at_server k.example.test)" pending '... and stays pending'
order cancel "$(field id)"
exits 0 'cancel of what has failed'
is "$(at_server k.example.test)" deactivated '... gives it up'
order cancel "$(field id)"
exits 1 '... once'
order new d.example.test --no-precheck --challenge answer --keep-pending
begun=$(field id)
order cancel "$begun"
exits 0 'cancel of an order that would keep them'
is "$(at_server d.example.test)" deactivated '... gives them up as well'
order new d2.example.test --no-precheck --challenge answer --not-after 36h
begun=$(field id) second=$(date +%s)
later() {
	[ "$(date +%s)" -gt "$second" ]
}
must wait_for 5 later
order new d2.example.test --no-precheck --challenge answer --not-after 36h
is "$(field id)" "$begun" '--not-after, so long from now: goes on with the order'
must "$BIN/acme-order" cancel -c "$client" "$begun"

# ---- a hook that hangs -----------------------------------------------------------

cat >"$T/hang" <<-END
	#!/bin/sh
	verb=\${1:-}
	[ -n "\$verb" ] || read -r verb rest
	[ "\$verb" = present ] || { echo ok; exit; }
	echo "\$\$" >>"$T/hangs"
	exec sleep 1000
END
chmod 755 "$T/hang"
# --timeout holds for the hook, and for those that would come after it.
for kind in hook hook-line; do
	: >"$T/hangs"
	since=$(date +%s)
	order run g1.example.test g2.example.test g3.example.test \
	    --challenge "$kind:$T/hang" --no-precheck --timeout 3
	took=$(($(date +%s) - since))
	exits 111 "$kind that hangs"
	ok "... for no longer than --timeout ($took s)" [ "$took" -le 20 ]
	is "$(field status)" pending '... the order can go on'
	is "$(wc -l <"$T/hangs")" 1 '... and nothing is begun when time is over'
	must "$BIN/acme-order" cancel -c "$client" "$(field id)"
done
for kind in hook hook-line hook-http; do
	: >"$T/hangs"
	"$BIN/acme-order" run "$kind.example.test" -c "$client" --no-precheck \
	    --challenge "$kind:$T/hang" >"$T/killed" 2>&1 &
	killed=$!
	must wait_for 10 grep -q . "$T/hangs"
	kill -9 $killed
	ok "$kind dies with who has called it" wait_for 5 \
	    ended "$(cat "$T/hangs")"
	wait $killed 2>"$T/killed"
done

# ---- how long ---------------------------------------------------------------------

# ends_in SECONDS: the last certificate, give or take a quarter of an hour.
ends_in() {
	must "$BIN/cert-export" -c "$client" --cert -o "$T/ends.pem" \
	    "$(field certificate)"
	openssl x509 -in "$T/ends.pem" -noout -checkend "$(($1 - 900))" &&
	    ! openssl x509 -in "$T/ends.pem" -noout -checkend "$(($1 + 900))"
}
order run e.example.test --challenge "webroot:$root" --no-precheck --days 3
exits 0 '--days'
ok '... is when the certificate ends' ends_in $((3 * 86400))
order run e.example.test --challenge "webroot:$root" --no-precheck --not-after 36h
exits 0 '--not-after, so long from now'
ok '... is when the certificate ends' ends_in $((36 * 3600))
end=$(date -u -d '+2 days' +%Y-%m-%dT%H:%M:%SZ)
order run e.example.test --challenge "webroot:$root" --no-precheck \
    --not-after "$end"
exits 0 '--not-after, a time'
must "$BIN/cert-export" -c "$client" --cert -o "$T/ends.pem" "$(field certificate)"
is "$(date -u -d "$(openssl x509 -in "$T/ends.pem" -noout -enddate |
    sed 's/.*=//')" +%Y-%m-%dT%H:%M:%SZ)" "$end" \
    '... is when the certificate ends, to the second'
order run e.example.test --challenge "webroot:$root" --no-precheck \
    --no-replaces --days 30000
exits 1 'longer than the CA gives'
like "$err" 'notAfter' '... is what the CA says'

# ---- our clock ---------------------------------------------------------------------

case $BIN in */asan/*) preloads=no ;; *) preloads=yes ;; esac
if [ $preloads = yes ] && command -v faketime >/dev/null; then
	run faketime -f +1h "$BIN/acme-order" run -c "$client" t.example.test \
	    --challenge "webroot:$root" --no-precheck
	exits 0 'our clock is an hour ahead'
	is "$(field status)" valid '... the order goes through'
	run faketime -f -1h "$BIN/acme-order" run -c "$client" u.example.test \
	    --challenge "webroot:$root" --no-precheck
	exits 0 'our clock is an hour late'
	is "$(field status)" valid '... the order goes through'
	run faketime -f -3h "$BIN/acme-order" run -c "$client" v.example.test \
	    --challenge "webroot:$root" --no-precheck
	exits 111 'our clock is three hours late'
	like "$err" 'not yet valid' '... which is said'
else
	skip 6 'needs faketime, and no sanitizer'
fi

# ---- whose -------------------------------------------------------------------------

run "$BIN/cert-list" -c "$client" --account upstream_account/1 --no-header
is "$(printf '%s\n' "$out" | wc -l)" \
    "$(sql 'SELECT count(DISTINCT certificate_id) FROM upstream_orders')" \
    'cert-list --account: what it has ordered'

order list --account 1 --no-header
exits 0 'list --account'
is "$(printf '%s\n' "$out" | wc -l)" \
    "$(sql 'SELECT count(*) FROM upstream_orders')" '... has all of them'
account register --ca acmed --agree-terms --another
exits 0 'another account'
order list --account "$(field id)" --no-header
is "$status$out" 0 '... has none'
order list --account 77
exits 1 '... and one that is none is not there'

seq 1 60 | sed 's/.*/m&.example.test/' >"$T/many"
run "$BIN/acme-order" run -c "$client" --jobs 30 --challenge "webroot:$root" \
    --no-precheck --no-header - <"$T/many"
exits 0 'sixty orders, thirty at once'
is "$(printf '%s\n' "$out" | grep -c '	valid	')" 60 '... are valid'
is "$(printf '%s\n' "$out" | cut -f5 | sort -u | wc -l)" 60 \
    '... each a certificate of its own'
is "$(sql "SELECT count(*) FROM upstream_requests
    WHERE endpoint = 'newOrder'")" \
    "$(sql 'SELECT count(*) FROM upstream_orders')" '... an order each'

is "$(ls "$answers")" '' '... and their files are gone'

order run a.example.test 127.0.0.1 --challenge "webroot:$root" --replaces 1
exits 0 'run --replaces'
is "$(field status) $(field replaces)" 'valid 1' '... is a later one'

# ---- secrets ---------------------------------------------------------------------

prechecks resolver="$dns"
acme_dns=$(free_port)
start acme-dns "$SRC/tests/lib/acme-dns" "$acme_dns" "$T" auth.example.test
must wait_for 10 listening "$acme_dns"
must dns_set _acme-challenge.z.example.test CNAME sub-1.auth.example.test.
order -v run z.example.test --trace \
    --challenge "acme-dns:http://127.0.0.1:$acme_dns"
exits 0 'acme-dns, with a trace and debug events'
like "$err" '^> POST ' '... which are there'
like "$(cat "$T/acme-dns.calls")" 'POST /update' '... a password was used'
unlike "$out$err" 'open-sesame|user-1|PRIVATE' '... and is nowhere, nor a key'
done_testing
