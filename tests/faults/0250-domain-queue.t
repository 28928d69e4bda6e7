#!/bin/sh
# Goal: of very many names in the queue, one in twenty of which is bad in every
# way there is, all good ones get exactly one certificate, with pebble and a look
# before the CA is told, with our own server and none, ten to a certificate;
# though processes die, and two and five work at once; nothing is lost or stuck,
# and each bad name says why.  N=60 makes it so many names.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
: "${N:=2000}"
each=$((N / 140)) # of each of seven ways
[ "$each" -ge 3 ] || each=3

# Every name below test. is registered there by somebody of their own.
start_dns
cat >"$T/knot/test.zone" <<-ZONE
\$ORIGIN test.
\$TTL 1
@ SOA ns hostmaster 1 60 60 60 1
@ NS ns
ns A 127.0.0.1
* A 127.0.0.1
gone TXT "nothing below"
*.wrong A 127.0.0.2
*.missing A 127.0.0.3
*.crowd A 127.0.0.1
*.refused A 127.0.0.1
ZONE
cat >>"$T/knot.conf" <<-CONF
  - domain: test
    storage: "$T/knot"
    file: test.zone
    zonefile-sync: -1
    journal-content: none
CONF
stop knot
start knot knotd -c "$T/knot.conf"
must wait_for 10 listening "$dns_port"
must wait_for 10 dns_is a.wrong.test A 127.0.0.2

PEBBLE_REFUSES=refused.test
export PEBBLE_REFUSES
start_pebble
start_acmed
client_up
account ca add pebble "$pebble_directory" --trust "$pebble_ca"
account register --ca pebble --agree-terms --default
exits 0 'an account at pebble'
account ca add acmed "$directory" --trust "$ca"
account register --ca acmed --agree-terms --default
exits 0 'an account at our own server'
printf '[%s]\ncertificates_per_domain = '"$each"'/7d\n' pebble acmed >"$T/limits.conf"
sed -i "s|^\[client\]|&\nca = pebble\nlimits_file = $T/limits.conf|" "$client"
tokens=$T/root/.well-known/acme-challenge
mkdir -p "$tokens" "$T/empty"
start www1 "$TOOLS/http-token" 127.0.0.1 "$pebble_http_port" "$tokens"
start www2 "$TOOLS/http-token" 127.0.0.1 "$http_port" "$tokens"
start www3 "$TOOLS/http-token" 127.0.0.3 "$pebble_http_port" "$T/empty"
start www4 "$TOOLS/http-token" 127.0.0.3 "$http_port" "$T/empty"
for i in 1 2 3 4; do
	must wait_for 5 grep -q ready "$T/www$i.out"
done

queue() {
	run "$BIN/domain-queue" "$@" -c "$client"
}
# names WORD SUFFIX COUNT
names() {
	seq -f "$1%g$2" "$3"
}
# queued LIKE: what of that waits, by cause and number of attempts.
queued() {
	sql "SELECT coalesce(group_concat(DISTINCT coalesce(cause, '-')), '') ||
	    ' ' || count(*) FROM domain_queue WHERE name LIKE '$1'"
}
# once LIKE: how many names have exactly one certificate.
once() {
	sql "SELECT count(*) FROM (SELECT d.id FROM domains d
	    JOIN fqdn_set_members m ON m.domain_id = d.id
	    JOIN certificates c ON c.fqdn_set_id = m.fqdn_set_id
	    WHERE d.value LIKE '$1' GROUP BY d.id HAVING count(*) = 1)"
}
certificates() {
	sql 'SELECT count(*) FROM certificates'
}
# as if the dead had been waited for
forget() {
	sql 'UPDATE domain_queue SET lease_until = 0'
	sql 'UPDATE upstream_orders SET lease_until = 0'
}

stuck() {
	sql "SELECT count(*) FROM domain_queue WHERE lease_until > 0
	    OR (attempts = 0 AND name NOT LIKE '%.crowd.test')"
}

# fill PREFIX TEMPLATE: the names, in an order that mixes them.
fill() {
	queue block "*.$1-blocked.test"
	good=$((N - 7 * each - 3))
	{
		names "$1-good" .test "$good"
		for bad in gone wrong missing refused; do
			names "$1" ".$bad.test" "$each"
		done
		names "$1" .crowd.test $((each + 3))
		names x ".$1-blocked.test" "$each"
		names "$1_bad" .test "$each"
	} | awk '{ print (NR * 7919) % 10007, $0 }' | sort -n |
	    cut -d ' ' -f 2 >"$T/names"
	run "$BIN/domain-queue" add -c "$client" --template "$2" - <"$T/names"
	exits 100 "$1: $N names, some of which are none"
	is "$(printf '%s\n' "$out" | grep -c '	refused	')" "$each" \
	    '... which says so of those'
	is "$(printf '%s\n' "$out" | grep -c '	blocklisted	')" "$each" \
	    '... and of those that are blocked'
	is "$(sql 'SELECT count(*) FROM domain_queue')" $((good + 5 * each + 3)) \
	    '... and takes in the rest'
	run "$BIN/domain-queue" add -c "$client" --template "$2" - <"$T/names"
	is "$(printf '%s\n' "$out" | grep -c '	already_queued	')" \
	    $((good + 5 * each + 3)) '... once'
}

# crash AFTER: a process that is killed when there are so many certificates more
crash() {
	crash_at=$(($(certificates) + $1))
	crash_is() {
		[ "$(certificates)" -ge "$crash_at" ] || ended "$crash_pid"
	}
	"$BIN/domain-queue" process -c "$client" 2>/dev/null &
	crash_pid=$!
	must wait_for 60 crash_is
	kill -KILL "$crash_pid" 2>/dev/null
	wait "$crash_pid" 2>/dev/null
}

# together N: so many processes, until none has more to do.
together() {
	pids=''
	for i in $(seq "$1"); do
		"$BIN/domain-queue" process -c "$client" --jobs 20 \
		    2>>"$T/errors" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid"
		case $? in
		0 | 1 | 111) ;;
		*) echo "a process ended with $?" >>"$T/errors" ;;
		esac
	done
}

# count_crowd PREFIX: how many certificates the limited domain has used, and how
# many of its names have none; two of them may share one.
count_crowd() {
	rest=$((each + 3 - $(once "$1%.crowd.test")))
	used=$(sql "SELECT count(DISTINCT c.id) FROM domains d
	    JOIN fqdn_set_members m ON m.domain_id = d.id
	    JOIN certificates c ON c.fqdn_set_id = m.fqdn_set_id
	    WHERE d.value LIKE '$1%.crowd.test'")
}
crowd_is_done() {
	[ "$used" -eq "$each" ] || { [ "$used" -lt "$each" ] && [ "$rest" -eq 0 ]; }
}

# work PREFIX: all of it.
work() {
	begin=$(date +%s)
	crash 3
	together 2
	forget
	crash 3
	forget
	together 5
	forget
	queue process
	# what waited for others in its domain, a minute each time
	for i in $(seq $((each + 2))); do
		count_crowd "$1"
		[ "$(stuck)" != 0 ] || ! crowd_is_done || break
		sql 'UPDATE domain_queue SET retry_at = 1 WHERE attempts = 0'
		queue process
	done
	count_crowd "$1"
	printf '# %s: %s names in %s s\n' "$1" "$N" $(($(date +%s) - begin))
	is "$(once "$1-good%")" "$good" 'each good name has one certificate'
	is "$(sql "SELECT count(*) FROM domain_queue
	    WHERE name LIKE '$1-good%'")" 0 '... and waits no more'
	ok "a limited domain has the certificates that it may: $used" crowd_is_done
	waits='rate-limited'
	[ "$rest" -gt 0 ] || waits='' # some shared a certificate: none had to wait
	is "$(queued "$1%.crowd.test")" "$waits $rest" \
	    '... and the rest waits, with no fault'
	is "$(stuck)" 0 'nothing is stuck'
	is "$(sort -u "$T/errors" | grep -v '^domain-queue: ')" '' \
	    'every process ended well'
	is "$(sql "SELECT count(*) FROM upstream_challenges
	    WHERE place <> 'none'") $(find "$tokens" -type f | wc -l)" '0 0' \
	    'nothing is left in place'
	run "$BIN/acmed-store" check -c "$client"
	exits 0 'the store is sound'
}

# ---- pebble, and a look before -------------------------------------------------------

prechecks on http_port="$pebble_http_port" resolver="$dns"
queue template set looked --challenge "webroot:$T/root"
exits 0 'a template'
fill p looked
work p
for bad in gone wrong missing; do
	is "$(queued "p%.$bad.test")" "precheck $each" "$bad: found before"
	is "$(sql "SELECT count(*) FROM fqdn_set_members m JOIN domains d
	    ON d.id = m.domain_id WHERE d.value LIKE 'p%.$bad.test'")" 0 \
	    '... and nothing was ordered'
done
is "$(queued 'p%.refused.test')" "name $each" 'refused by the CA'
like "$(sql "SELECT error FROM domain_queue WHERE name = 'p1.missing.test'")" \
    'status 404' 'a bad name says why'
is "$(sql "SELECT count(*) FROM upstream_orders o
    JOIN fqdn_set_members m ON m.fqdn_set_id = o.fqdn_set_id
    JOIN domains d ON d.id = m.domain_id WHERE d.value LIKE 'p-good%'")" \
    "$good" 'no name was ordered twice'

# ---- our own server, and no look -----------------------------------------------------

sql 'DELETE FROM domain_queue'
prechecks off http_port="$http_port" resolver="$dns"
sed -i 's/^ca = pebble/ca = acmed/' "$client"
queue template set blind --challenge "webroot:$T/root" --per-certificate 10
exits 0 'a template for ten in a certificate'
fill q blind
work q
for bad in gone:dns wrong:connection missing:challenge; do
	is "$(queued "q%.${bad%:*}.test")" "${bad#*:} $each" \
	    "${bad%:*}: what the CA found"
done
is "$(queued 'q%.refused.test')" ' 0' 'our server has no such list'
sunk=$(sql "SELECT count(*) FROM upstream_orders WHERE status = 'invalid'
    AND upstream_account_id = 2")
printf '# %s certificates, %s orders that had failed\n' \
    "$(sql 'SELECT count(*) FROM certificates c
    JOIN upstream_orders o ON o.certificate_id = c.id
    WHERE o.upstream_account_id = 2')" "$sunk"
ok 'an order that fails is about one bad name or more' \
    [ "$sunk" -le $((4 * each)) ]
done_testing
