#!/bin/sh
# Goal: a CA in [client] ca that is not there is a fault of the configuration,
# in every program that needs it, and keeps nothing else from being done.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up_valid
order run r.example --challenge answer
exits 0 'a certificate'
printf 'targets_file = %s\n' "$T/targets.conf" >>"$client"
cat >"$T/targets.conf" <<-END
	[web]
	kind = tree
	layout = nginx
	directory = $T/web
END
waiting() {
	sql 'SELECT group_concat(name) FROM (SELECT name FROM domain_queue
	    ORDER BY name)'
}

sed -i 's/^ca = pebble$/ca = nowhere/' "$client"
queue template set own --account 1
queue add --template own a.example
queue add b.example
queue process
exits 102 'domain-queue process: [client] ca is not there'
like "$err" 'template default: \[client\] ca: nowhere: no CA that is known' \
    '... says where it stands'
is "$(waiting)" b.example '... what has an account of its own is ordered'
is "$(sql 'SELECT attempts FROM domain_queue')" 0 '... the other is not to blame'
queue add --template own c.example
must "$BIN/renew-queue" add r.example -c "$client"
run "$BIN/renew-queue" run -c "$client"
exits 102 'renew-queue run'
is "$(waiting)" b.example '... orders the same'
is "$(sql 'SELECT count(*) FROM renewal_queue')" 0 '... renews'
is "$(sql "SELECT group_concat(DISTINCT status) FROM deployments")" 'done' \
    '... and deploys'
order run d.example --challenge answer
exits 102 'acme-order'
order run d.example --challenge answer --ca nowhere
exits 1 '... but 1 where the command line says it'
sed -i 's|^ca = nowhere$|ca = http://localhost/dir|' "$client"
queue process
exits 102 'a URL that is none of a CA'
sed -i 's/^ca = .*$/ca = pebble/' "$client"
queue process
exits 0 'when it is put right'
is "$(waiting)" '' '... all is ordered'
done_testing
