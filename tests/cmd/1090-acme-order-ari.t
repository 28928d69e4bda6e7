#!/bin/sh
# Goal: renewal information (RFC 9773) from end to end: acme-order renewal-info
# asks when it is due and keeps what makes sense, an order says which certificate
# it replaces, once, and a CA that will not hear of it issues all the same.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
. "$(dirname "$0")/../lib/standin.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

start_dns
start_acmed
order_up acmed

# get NAME...: orders it.
get() {
	order run "$@" --challenge "listen:$http_port" --no-precheck
}
# served QUERY: of the server's store.
served() {
	sqlite3 "$store" "$1"
}
# from_now TIME: seconds.
from_now() {
	echo $(($(date -d "$1" +%s) - $(date +%s)))
}
rows() {
	printf '%s\n' "$out" | sed 1d | grep -c .
}

# ---- a window ------------------------------------------------------------------------

get a.example.test
exits 0 'a certificate'
is "$(field replaces)" '' '... that replaces none'
order renewal-info
exits 0 'renewal-info'
is "$(rows) $(field certificate) $(field names) $(field ca)" \
    '1 1 a.example.test acmed' '... asks about it'
ok '... a window before it ends' [ "$(from_now "$(field window_start)")" -gt 5000000 ]
ok '... a moment in it' [ "$(date -d "$(field chosen)" +%s)" -ge \
    "$(date -d "$(field window_start)" +%s)" ]
is "$(field explanation_url)" '' '... that is as usual'
ok '... and when to ask again, as the CA says' \
    [ "$((($(from_now "$(field retry_at)") + 60) / 600))" -eq 36 ]
chosen=$(field chosen)
order renewal-info
exits 0 'renewal-info: nothing is due'
is "$(rows) $(asked "endpoint = 'renewalInfo'")" '0 1' '... and nothing is asked'
order renewal-info a.example.test -j
exits 0 'renewal-info: by name'
like "$out" "^\\{\"certificate\":1,\"names\":\\[\"a.example.test\"\\],.*\"chosen\":\"$chosen\",\"explanation_url\":null" \
    '... in JSON, with the same moment'
run "$BIN/cert-list" why -c "$client" --no-header a.example.test
like "$out" "	$chosen	renewal	1	.*the CA's window" 'cert-list why: by the window'
run "$BIN/cert-list" show -c "$client" certificate/1
like "$out" "^renewal_window_start: " 'cert-list show: has it'

# ---- pulled forward --------------------------------------------------------------------

must "$BIN/acmed-store" -q -c "$config" renew-now --all --spread 0s
sql 'UPDATE renewal_infos SET retry_at = 0'
order renewal-info
is "$(rows)" 1 'renew-now: when it is due again'
ok '... the window is now' [ "$(from_now "$(field window_end)")" -le 1 ]
unlike "$(field chosen)" "^$chosen\$" '... and the moment in it'
chosen=$(field chosen)
run "$BIN/cert-list" why -c "$client" --no-header a.example.test
like "$out" "	$chosen	renewal	1	" '... which cert-list why says'

get a.example.test
exits 0 'the next certificate'
is "$(field replaces)" 1 '... replaces it'
is "$(served "SELECT count(*) FROM orders WHERE replaces IS NOT NULL
    AND status = 'valid'")" 1 '... as the server knows'
is "$err" '' '... without a word'
sql 'UPDATE renewal_infos SET retry_at = 0'
order renewal-info
is "$(rows) $(field certificate)" '1 2' 'what is replaced is not asked for again'

# ---- refused ---------------------------------------------------------------------------

before=$(asked "endpoint = 'newOrder'")
get a.example.test --replaces 1
exits 0 '--replaces: what is replaced already'
is "$(field status) $(field replaces)" 'valid ' '... is issued without'
like "$err" 'drop_replaces .*replaces=certificate/1 why=.*replaces this certificate' \
    '... and told'
is "$(printf '%s\n' "$err" | wc -l)" 1 '... in one line'
is $(($(asked "endpoint = 'newOrder'") - before)) 2 '... asked twice'
get a.example.test --no-replaces
exits 0 '--no-replaces'
is "$(field replaces)" '' '... replaces none'
is "$(served "SELECT count(*) FROM orders WHERE replaces IS NOT NULL")" 1 \
    '... as the server knows'
get a.example.test --no-replaces --replaces 2
exits 100 '--no-replaces and --replaces'
get a.example.test b.example.test
is "$(field replaces)" '' 'other names replace none'
get b.example.test
order new b.example.test --challenge "listen:$http_port"
first=$(field id) replaced=$(field replaces)
is "$replaced" "$(sql "SELECT max(id) FROM certificates")" 'new: replaces'
order new b.example.test --challenge "listen:$http_port"
is "$(field id)" "$first" '... and is taken up as it is'
order new b.example.test --challenge "listen:$http_port" --no-replaces
unlike "$(field id)" "^$first\$" '... but not by who does not want that'
order cancel "$first"
order retry "$first"
exits 0 'retry'
is "$(field replaces)" "$replaced" '... replaces the same'

# ---- the examples of the page --------------------------------------------------------------

. "$(dirname "$0")/../lib/pages.sh"
ACMED_CONFIG=$client
export ACMED_CONFIG
script acme-order.1 'renewal-info --quiet'
works
is "$status$out$err" 0 'acme-order(1): from cron, silently'
script acme-order.1 'renewal-info example.org' 'renewal-info -$'
sed -i s/example.org/b.example.test/ "$T/script"
works
exits 0 'acme-order(1): by name, and of a list'
is "$(printf '%s\n' "$out" | grep -c '^[0-9]')" \
    $((1 + $(sql 'SELECT count(*) FROM certificates WHERE active = 1'))) \
    '... asks for each'

# ---- named wrongly -----------------------------------------------------------------------

order renewal-info 999
exits 1 'renewal-info: no such certificate'
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/other.key" -out "$T/other.pem" -days 30 -subj /CN=x \
    -addext subjectAltName=DNS:x.example.test \
    -addext basicConstraints=critical,CA:FALSE
must "$BIN/cert-import" -q -c "$client" "$T/other.pem"
order renewal-info x.example.test
exits 1 'renewal-info: a certificate of nobody'
like "$err" 'no account of ours has got it' '... says so'

# ---- what a CA may say ---------------------------------------------------------------------

standin_up
account ca add standin "$base/dir" --trust "$T/standin.crt"
account register --ca standin --agree-terms --default
exits 0 'another CA'
standin_leaf s.example.test
must openssl req -new -key "$T/leaf.key" -subj / \
    -addext subjectAltName=DNS:s.example.test -out "$T/leaf.csr"
cat >"$T/standin/ready" <<-END
	{"status":"ready","finalize":"$base/f/1","authorizations":["$base/z/1"]}
END
cat >"$T/standin/valid" <<-END
	{"status":"valid","finalize":"$base/f/1","authorizations":["$base/z/1"],
	"certificate":"$base/c/1"}
END
rules '/order file ready 201' "/order location $base/o/1" \
    '/f/1 file valid 200' '/c/1 file cert 200'
order run --ca standin --csr "$T/leaf.csr"
exits 0 '... and its certificate'
cert=$(field certificate)

# says BODY [RULE]: what the CA answers; asks it.
says() {
	printf '%s\n' "$1" >"$T/standin/window"
	rules '/ari/ file window 200' "${2:-}"
	order renewal-info "$cert"
}
# window START END [MEMBER]
window() {
	printf '%s\n' \
	    "{\"suggestedWindow\":{\"start\":\"$1\",\"end\":\"$2\"}${3:-}}"
}
# no_use STATUS NAME: nothing came of it, and the window before is there still.
no_use() {
	exits "$1" "$2"
	is "$(field window_start)" 2031-01-01T00:00:00Z '... the window stays'
	ok '... and is asked for again' [ "$(from_now "$(field retry_at)")" -gt 0 ]
}
good=$(window 2031-01-01T00:00:00Z 2031-01-02T00:00:00Z \
    ',"explanationURL":"https://ca.example/why"')
says "$good"
exits 0 'a window'
is "$(field window_start) $(field explanation_url)" \
    '2031-01-01T00:00:00Z https://ca.example/why' '... with its reason'
ok '... asked for again in six hours' \
    [ "$((($(from_now "$(field retry_at)") + 60) / 3600))" -eq 6 ]
run "$BIN/cert-list" show -c "$client" "certificate/$cert"
like "$out" '^renewal_explanation_url: https://ca.example/why' \
    'cert-list show: the reason'
run "$BIN/cert-list" why -c "$client" --no-header s.example.test
like "$out" 'renewal.*when a third of its lifetime is left' \
    'cert-list why: not by a window after its end'
says "$(window 2031-01-02T00:00:00Z 2031-01-01T00:00:00Z)"
no_use 111 'a window that ends before it begins'
like "$err" "certificate/$cert: .*ends before it begins" '... is told'
says "$(window 2031-01-02T00:00:00Z 2031-01-02T00:00:00Z)"
no_use 111 'a window of no length'
says "$(window yesterday 2031-01-01T00:00:00Z)"
no_use 111 'a start that is none'
says '{}'
no_use 111 'no window'
says '[]'
no_use 111 'no object'
says '' '/ari/ html'
no_use 111 'HTML'
says '' '/ari/ status 500'
no_use 111 '500'
says '' '/ari/ drop'
no_use 111 'no answer'
says '' '/ari/ problem 404 malformed'
no_use 1 'a certificate that the CA does not know'
ok '... tomorrow' [ "$(from_now "$(field retry_at)")" -gt 80000 ]
for row in 5:50:60 9999999:86000:86400 7200:7000:7200; do
	says "$good" "/ari/ retry ${row%%:*}"
	left=$(from_now "$(field retry_at)") want=${row#*:}
	ok "Retry-After: ${row%%:*}" [ "$left" -ge "${want%:*}" ]
	ok '... no later' [ "$left" -le "${want#*:}" ]
done
says "$good" "/ari/ retry $(date -u -d '+2 hours' '+%a,_%d_%b_%Y_%H:%M:%S_GMT')"
is "$((($(from_now "$(field retry_at)") + 60) / 3600))" 2 'Retry-After: a date'
for url in 'https://ca.example/\u001b[31m' 'javascript:alert(1)' \
    'https://ca.example/\nX: y' "https://ca.example/$(head -c 1500 /dev/zero |
    tr '\0' x)"; do
	says "$(window 2031-01-01T00:00:00Z 2031-01-02T00:00:00Z \
	    ",\"explanationURL\":\"$url\"")"
	exits 0 "a reason that is no URL: $(printf '%.30s' "$url")"
	is "$(field explanation_url)" '' '... is not shown'
done
says "$(window 2020-01-01T00:00:00Z 2020-01-02T00:00:00Z)"
exits 0 'a window that is over'
like "$(field chosen)" ^2020-01-01 '... is kept: at once'
run "$BIN/cert-list" why -c "$client" --no-header s.example.test
like "$out" '	2020-01-01T.*	renewal	' '... as cert-list why says'

says '' '/ari/ problem 429 rateLimited 3000'
exits 111 'a CA that has had enough'
before=$(grep -c ' /ari/' "$T/standin.log")
says "$good"
exits 111 '... is left alone'
is "$(grep -c ' /ari/' "$T/standin.log")" "$before" '... for as long as it said'
sql 'UPDATE upstream_cas SET retry_at = 0'

# ---- very many -----------------------------------------------------------------------------

sql "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
    WHERE i < 300) INSERT INTO certificates (sha256, serial, not_before,
    not_after, der, spki_sha256, aki, source, created, status, fqdn_set_id)
    SELECT randomblob(32), c.serial, c.not_before, c.not_after, c.der,
    c.spki_sha256, c.aki, c.source, c.created, c.status, c.fqdn_set_id
    FROM certificates c, n WHERE c.id = $cert;
    INSERT INTO renewal_infos SELECT c.id, i.upstream_ca_id, 0, 0, 0, NULL, 0, 0
    FROM certificates c, renewal_infos i WHERE i.certificate_id = $cert
    AND c.fqdn_set_id = (SELECT fqdn_set_id FROM certificates
    WHERE id = $cert) AND c.id <> $cert"
due() {
	sql "SELECT count(*) FROM renewal_infos WHERE retry_at <= $(date +%s)
	    AND window_start = 0"
}
fetched() {
	sql 'SELECT count(*) FROM renewal_infos WHERE fetched > 0'
}
rules '/ari/ status 500'
order renewal-info --jobs 1
exits 111 'a CA that fails'
is "$(printf '%s\n' "$out" | grep -c '	standin	')" 5 '... is asked five times'
like "$err" 'standin: 295 certificates are left for a later run' '... and left'
rules '/ari/ file window 200' '/ari/ slow 0.05'
before=$(fetched)
start asking "$BIN/acme-order" renewal-info --jobs 2 -c "$client"
some() {
	[ "$(fetched)" -gt $((before + 20)) ]
}
must wait_for 30 some
kill -9 "$(cat "$T/asking.pid")"
sleep 0.3
left=$(due)
ok 'killed in the middle' [ "$left" -gt 0 ]
rules '/ari/ file window 200'
order renewal-info
exits 0 '... the next run'
is "$(rows) $(due)" "$left 0" '... asks for the rest'
run "$BIN/acmed-store" check -c "$config"
exits 0 'the store of the server is sound'
run "$BIN/acmed-store" check -c "$client"
is "$(printf '%s\n' "$out" | grep -c renewal)" 0 'and ours'
done_testing
