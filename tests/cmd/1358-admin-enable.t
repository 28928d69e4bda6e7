#!/bin/sh
# Goal: acmed-admin enables and disables names as programs of peter_sslers ask for
# it: what is disabled is in no queue, and has no certificate for gateways.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has curl jq socat openssl sqlite3

make_export_store
enter one DNS:one.example
enter wild 'DNS:*.w.example'
admin_token read write
admin_serve
on=/api/domain/enable.json off=/api/domain/disable.json
# says NAME=STATUS,...: the last answer's domain_results.
says() {
	is "$code $(printf '%s' "$body" |
	    sed 's/"operations_event":[0-9nul]*,//')" "200 {\"result\":\"success\",\"domain_results\":{$(
	    printf '%s' "$1" | sed 's/\([^=,]*\)=\([^,]*\)/"\1":"\2"/g')}}" "$2"
}
waiting() {
	"$BIN/domain-queue" list --no-header | cut -f1 | sort | paste -sd' '
}

must "$BIN/domain-queue" block blocked.example
ask $on -d domain_names=a.example,B.Example,blocked.example,a..b
says 'a..b=refused,a.example=queued,b.example=queued,blocked.example=blocklisted' \
    'enable: new names'
is "$(waiting)" 'a.example b.example' '... wait'
ask $off -d "domain_names=one.example a.example none.example 1.2.3.4"
says '1.2.3.4=refused,a.example=de-queued,none.example=not active or in queue,one.example=deactivated' \
    'disable'
like "$(sql "SELECT action FROM events WHERE id = $(printf '%s' "$body" |
    jq .operations_event)")" '^domain' '... is in the log'
is "$(waiting)" b.example '... takes out of the queue'
ask "/domain/one.example/config.json?idonly=1"
like "$body" '"is_active":false\},"certificate_signed__latest_single":null' \
    '... and gateways get nothing'
ask "/domain/foo.w.example/config.json"
like "$body" '"covered_by":"\*.w.example"' 'a wildcard'
ask $off -d 'domain_names=*.w.example'
says '*.w.example=deactivated' '... is disabled'
ask "/domain/foo.w.example/config.json"
like "$code $body" '404 .*no such domain' '... also for what is below it' ||
    diag "$body"
ask $on -d 'domain_names=*.W.example,*.other.example'
says '*.other.example=refused,*.w.example=activated' '... and enabled'
ask "/domain/foo.w.example/config.json"
like "$body" '"covered_by":"\*.w.example"' '... as it was'
ask /api/domain/disable -d domain_name=ONE.example
says 'one.example=already deactivated' 'disable twice'
ask $on -d domain_names=one.example
says 'one.example=activated' 'enable one that was disabled'
ask "/domain/one.example/config.json?idonly=1"
like "$body" '"is_active":true\},"certificate_signed__latest_single":\{' \
    '... which gateways get again'
is "$(waiting)" 'b.example one.example' '... and waits, as it has no renewal'
ask $off -d domain_names=one.example
says 'one.example=deactivated' 'disable one that waits'
is "$(waiting)" b.example '... takes it out'
for path in $on $off; do
	ask "$path" -d domain_names=1.2.3.4,a..b
	answers 400 "none is a name: $path"
done

# ---- what is in the store, whatever it is ------------------------------------

# is_active: of each name that is here.
is_active() {
	sql "SELECT group_concat(value || '=' || active, ' ') FROM (SELECT * FROM
	    domains WHERE value IN ('192.0.2.77', '2001:db8::7', 'a_b.example',
	    'm0.example') ORDER BY value)"
}
must openssl req -x509 -newkey ed25519 -nodes -keyout "$T/odd.key" -days 30 \
    -subj /CN=odd -addext \
    subjectAltName=IP:192.0.2.77,IP:2001:db8::7,DNS:a_b.example,DNS:m0.example \
    -out "$T/odd.crt"
must "$BIN/cert-import" --key "$T/odd.key" "$T/odd.crt"
is "$(is_active)" '192.0.2.77=1 2001:db8::7=1 a_b.example=1 m0.example=1' \
    'an address, and a name with an underscore'
odd=192.0.2.77,2001:DB8:0::7,A_b.example,M0.example,m0.example
ask $off -d "domain_names=$odd"
says '192.0.2.77=deactivated,2001:db8::7=deactivated,a_b.example=deactivated,m0.example=deactivated' \
    '... are disabled, each once'
is "$(is_active)" '192.0.2.77=0 2001:db8::7=0 a_b.example=0 m0.example=0' \
    '... in the store, too'
must "$BIN/domain-queue" block m0.example
ask $on -d "domain_names=$odd"
says 'm0.example=blocklisted,192.0.2.77=activated,2001:db8::7=activated,a_b.example=activated' \
    '... are enabled'
is "$(is_active)" '192.0.2.77=1 2001:db8::7=1 a_b.example=1 m0.example=0' \
    '... in the store, too'
ask $on -d domain_names=192.0.2.77
says '192.0.2.77=exists' '... which may be so already'
must "$BIN/domain-queue" block '*.w.example'
ask $on -d 'domain_names=*.w.example'
says '*.w.example=blocklisted' '... but not of what is blocked'
is "$(waiting)" b.example '... and do not wait'

# ---- what is not ------------------------------------------------------------

# As if a process was at it.
sql "UPDATE domain_queue SET lease_until = $(($(date +%s) + 600))
    WHERE name = 'b.example'"
ask $off -d domain_names=b.example
answers 503 'one that is being worked on'
like "$body" 'b.example is just being worked on' '... is named'
for path in $on $off; do
	ask "$path" -d x=y
	answers 400 "no names: $path"
	ask "$path" -d "domain_names=$(seq -s, -f n%g.example 1001)"
	answers 400 '... too many'
	ask "$path" -d domain_names=b.example -H "@$T/token.read"
	answers 403 '... without write'
	ask "$path"
	answers 405 '... GET'
done
ask $off -d "domain_names=$(seq -s, -f n%g.example 1000)"
answers 200 'a thousand names'
ok 'the store is sound' "$BIN/acmed-store" check

done_testing
