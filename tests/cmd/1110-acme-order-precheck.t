#!/bin/sh
# Goal: a challenge that would fail is not triggered: the order says what was
# asked, where, and what was found there, and the CA was told nothing; what may
# look, and where, is set.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"
need openssl

start_dns
start_acmed
order_up acmed
prechecks on http_port="$http_port" tls_port="$tls_port" resolver="$dns"

# orders SOLVER NAME...: an order for each.
orders() {
	orders_solver=$1
	shift
	printf '%s\n' "$@" >"$T/names"
	run "$BIN/acme-order" run -c "$client" --challenge "$orders_solver" - \
	    <"$T/names"
}
# found NAME PATTERN: what the order for it says.
found() {
	is "$(sql "SELECT status, cause FROM upstream_orders
	    WHERE error LIKE '$1: %'")" 'invalid|precheck' "$1: the order is invalid"
	like "$(sql "SELECT error FROM upstream_orders WHERE error LIKE '$1: %'")" \
	    "^$1: $2" '... and says why'
}
told() {
	asked "endpoint = 'challenge'"
}

# ---- http-01 -----------------------------------------------------------------------

start_www
mkdir "$T/elsewhere"
echo of-somebody-else >"$www/thumbprint.other.example.test"
orders "webroot:$T/elsewhere" nothing.example.test other.example.test \
    none.example.invalid
exits 1 'http-01 that would fail'
at="http://[a-z.]*:$http_port/.well-known/acme-challenge/[A-Za-z0-9_-]+"
found nothing.example.test "$at \[127.0.0.1\]: status 404; "
found other.example.test "$at \[127.0.0.1\]: .*the body is not the key authorization: "
found none.example.invalid "$at: looking up "
is "$(told)" 0 'the CA was told nothing'
like "$err" 'mend that, or use --no-precheck; the CA has not been told' \
    'and the operator what to do'
is "$(sql "SELECT count(*) FROM upstream_authorizations
    WHERE status = 'pending'")" 0 'nothing stays pending'
is "$(find "$T/elsewhere" -type f)" '' 'nor in place'

order run 'ok.example.test' --challenge "webroot:$T/elsewhere" --no-precheck
exits 1 '--no-precheck'
is "$(field cause) $(told)" 'challenge 1' '... lets the CA see for itself'
for word in off dns-01; do
	prechecks $word http_port="$http_port" tls_port="$tls_port" resolver="$dns"
	before=$(told)
	order run "$word.example.test" --challenge "webroot:$T/elsewhere"
	is "$(field cause) $(told)" "challenge $((before + 1))" \
	    "precheck = $word: the same"
done
prechecks on http_port="$http_port" tls_port="$tls_port" resolver="$dns"
stop www

# Names that do not answer take no longer than one of them.
i=0
many=''
while [ $i -lt 70 ]; do
	i=$((i + 1))
	many="$many n$i.example.test"
done
start together "$SRC/tests/lib/together" 64 "$http_port"
must wait_for 10 listening "$http_port"
# shellcheck disable=SC2086 # a word each
order run $many --challenge "webroot:$T/elsewhere"
exits 1 '70 names of an order'
like "$(field error)" "^n1.example.test: .*: status 404; " \
    '... are looked at side by side'
stop together

# ---- later -------------------------------------------------------------------------

www=$T/elsewhere/.well-known/acme-challenge
"$BIN/acme-order" run -c "$client" --challenge "webroot:$T/elsewhere" \
    late.example.test >"$T/late" 2>&1 &
late=$!
sees_nothing() {
	[ "$(sql "SELECT count(*) FROM upstream_orders WHERE status = 'pending'
	    AND cause = 'precheck'")" = 1 ]
}
must wait_for 20 sees_nothing
start www "$TOOLS/http-token" 127.0.0.1 "$http_port" "$www"
wait $late
is "$? $(cut -f2 "$T/late" | tail -n 1)" '0 valid' \
    'what is late by a few seconds is waited for'
stop www

# ---- tls-alpn-01 -------------------------------------------------------------------

must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=plain -addext subjectAltName=DNS:plain.example.test \
    -keyout "$T/plain.key" -out "$T/plain.crt"
mkdir "$T/certificates"
before=$(told)
start gateway openssl s_server -accept "$tls_port" -alpn acme-tls/1 \
    -cert "$T/plain.crt" -key "$T/plain.key" -quiet
orders "alpn-dir:$T/certificates" plain.example.test
exits 1 'tls-alpn-01 that would fail'
found plain.example.test "plain.example.test \[127.0.0.1\]:$tls_port: certificate: .*no acmeIdentifier"
stop gateway
orders "alpn-dir:$T/certificates" closed.example.test
found closed.example.test "closed.example.test \[127.0.0.1\]:$tls_port: cannot connect: "
is "$(told)" "$before" 'the CA was told nothing'

# ---- dns-01 ------------------------------------------------------------------------

must dns_set example.test NS none.invalid.
must "$T/dns-set" -d example.test 'NS ns.example.test.'
order run 'record.example.test' --challenge hook:/bin/true --timeout 3
exits 111 'dns-01: a record that is not there is waited for'
is "$(field status) $(field cause)" 'pending precheck' '... for longer'
like "$(field error)" 'record.example.test: the TXT record is not there yet, by ' \
    '... and it is said'
is "$(told)" "$before" '... and the CA is told nothing'

# ---- what is given up ---------------------------------------------------------------

start www "$TOOLS/http-token" 127.0.0.1 "$http_port" "$www"
order run -v sandbox.example.test --challenge "webroot:$T/elsewhere"
exits 0 'a solver that writes'
like "$err" 'debug: sandbox role=client.order ' '... leaves a role to enter'
order run -v sandbox.example.test --challenge hook:/bin/true --no-precheck
unlike "$err" 'role=client.order' 'a program leaves none'
stop www

# ---- the processes that look -------------------------------------------------------

order new listed.example.test --challenge "listen:$http_port"
id=$(field id)
"$BIN/acme-order" download -c "$client" --log fd:7 "$id" 7>"$T/log7" \
    8>"$T/open" >"$T/listed" 2>&1 &
parent=$!
has_children() { [ "$(pgrep -P $parent | wc -l)" -ge 3 ]; }
if wait_for 5 has_children; then
	children=$(pgrep -P $parent)
	opened=''
	for child in $children; do
		opened=$opened$(find "/proc/$child/fd" -type l -lname "$T/open" \
		    2>/dev/null)
	done
	is "$opened" '' 'its processes have nothing that the shell has opened'
else
	skip 1 'it was too fast'
fi
wait $parent
is $? 0 'a log on another descriptor is no harm'

if [ "$(id -u)" = 0 ]; then
	sed 's/^\[client\]$/&\nuser = nobody/' "$client" >"$T/nobody.conf"
	chmod 711 "$T"
	chown -R nobody "$T/client"
	order new nobody.example.test --challenge "listen:$http_port"
	id=$(field id)
	chown -R nobody "$T/client"
	"$BIN/acme-order" download -c "$T/nobody.conf" "$id" >"$T/nobody" 2>&1 &
	parent=$!
	if wait_for 5 has_children; then
		is "$(ps -o user= --ppid $parent | sort -u)" nobody \
		    'started as root: all its processes are [client] user'
	else
		skip 1 'it was too fast'
	fi
	wait $parent
	is $? 0 '... and do their work'
else
	skip 2 'needs root'
fi
done_testing
