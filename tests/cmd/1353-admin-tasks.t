#!/bin/sh
# Goal: what acmed-admin changes: names that wait for certificates, the latest of
# names, what has expired.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has curl socat openssl sqlite3 perl

make_export_store
admin_token read write
admin_serve
with() {
	with_scopes=$1
	shift
	ask "$@" -H "@$T/token.$with_scopes"
}

# ---- names that wait ---------------------------------------------------------

add=/queue-domains/add.json
must "$BIN/domain-queue" block blocked.example
ask $add -d domain_names_http01=a.example,B.Example,blocked.example,1.2.3.4,a..b
answers 200 'names'
event=$(sql 'SELECT max(id) FROM events')
is "$body" '{"result":"success","operations_event":'"$event"',"domains":{"1.2.3.4":"refused","a..b":"refused","a.example":"queued","b.example":"queued","blocked.example":"blocklisted"}}' \
    '... what became of each'
is "$("$BIN/domain-queue" list --no-header | cut -f1 | sort | paste -sd' ')" \
    'a.example b.example' '... and they wait'
ask "$add" --data-urlencode "domain_names= a.example c.example
bücher.example"
event=$(sql 'SELECT max(id) FROM events')
is "$body" '{"result":"success","operations_event":'"$event"',"domains":{"a.example":"already_queued","c.example":"queued","xn--bcher-kva.example":"queued"}}' \
    'with blanks, in UTF-8'
ask $add -d domain_names=Twice.example,twice.example,TWICE.example.
like "$body" '"domains":\{"twice.example":"queued"\}' 'one name in three spellings'
ask $add -d domain_name=a.example
like "$body" '"operations_event":null' 'what changes nothing has no event'
ask $add -F domain_names_http01=d.example
answers 200 'multipart'
printf -- '--b\r\nContent-Disposition: form-data; name=domain_names\r\n\r\nt.example\r\n--b--\r\n' >"$T/part"
ask $add -H 'Content-Type: multipart/form-data; boundary=b' \
    --data-binary "@$T/part"
answers 200 '... with a name that is a token'
ask "$add?domain_names=e.example" -X POST -H 'Content-Length: 0'
answers 200 'in the query'
ask $add -H 'Content-Type:' -d domain_name=f.example
answers 200 'a body without a type'
ask /queue-domains/add -d domain_name=g.example
answers 200 'without .json'
for wrong in domain_names= x=y "domain_names=,,," "domain_names=a..b,-"; do
	ask $add -d "$wrong"
	answers 400 "no names: $wrong"
done
ask $add -d domain_names=h.example -d template=nobody
answers 404 'no such template'
before=$("$BIN/domain-queue" list)
for nul in template=nobody%00 template=%00 domain_name=h.example%00 x=a%00b; do
	ask $add -d "domain_names=h.example&$nul"
	answers 400 "a NUL: $nul"
	like "$body" "\"error\":\"${nul%%=*}: has a NUL in it\"" '... in which field'
	ask "$add?$nul" -F domain_names=h.example
	answers 400 '... also in the query'
done
printf 'nobody\0' >"$T/nul"
ask $add -F domain_names=h.example -F "template=<$T/nul"
answers 400 '... and in multipart'
is "$("$BIN/domain-queue" list)" "$before" '... which changes nothing'
ask $add -H 'Content-Type: application/json' -d '{"domain_names":"i.example"}'
answers 415 'no form'
ask $add
is "$code $(header Allow)" '405 POST' 'GET changes nothing'
ask $add -d "domain_names=$(seq -s, -f n%g.example 1001)"
answers 400 'too many at once'
head -c 1100000 /dev/zero | tr '\0' a >"$T/huge"
ask $add --data-binary "@$T/huge"
answers 413 'too much'
with read $add -d domain_names=j.example
answers 403 'who may only read'
with write $add -d domain_names=k.example
answers 200 'who may write'
is "$("$BIN/domain-queue" list --no-header | wc -l)" 11 'as many wait as should'
like "$("$BIN/acmed-store" log --no-header)" 'token/' 'the log knows who it was'

# ---- the latest, and what has expired ----------------------------------------

enter one DNS:one.example
sql 'UPDATE domains SET latest_single_id = NULL'
ask /api/update-recents.json -d ''
is "$code $body" "200 {\"result\":\"success\",\"operations_event\":$(
	sql 'SELECT max(id) FROM events WHERE action = '\''domain.refresh'\'),\"domains\":1}" \
    'update-recents'
ask /domain/one.example/config.json?idonly=1
like "$body" '"certificate_signed__latest_single":\{' '... and there it is'
sign one
sql "UPDATE certificates SET not_after = $(($(date +%s) - 3000)) WHERE id = 1"
must "$BIN/cert-manage" update-recents
ask /api/deactivate-expired.json -d ''
is "$code $body" "200 {\"result\":\"success\",\"operations_event\":$(
	sql 'SELECT max(id) FROM events'),\"CertificateSigned\":{\"expired\":1}}" \
    'deactivate-expired'
is "$(sql 'SELECT group_concat(active) FROM certificates')" 0,1 \
    '... but not the latest'
for task in update-recents deactivate-expired; do
	with read /api/$task.json -d ''
	answers 403 "who may only read: $task"
	ask /api/$task.json
	answers 405 "GET: $task"
done

done_testing
