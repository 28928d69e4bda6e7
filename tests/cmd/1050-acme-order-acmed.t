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
client_up
account ca add acmed "$directory" --trust "$ca"
exits 0 'acmed as a CA'
account register --ca acmed --agree-terms --default
exits 0 'an account there'
sed -i 's/^\[client\]$/[client]\nca = acmed/' "$client"

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
done_testing
