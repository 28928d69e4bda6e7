#!/bin/sh
# Goal: a target that is to have it immediately gets what is imported, activated
# or deactivated before the program ends; others wait for renew-queue; what fails
# is told of and stays pending, and who is killed loses nothing.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
skip_unless_has openssl sqlite3 perl

make_export_store
start_redis
targets=$T/targets.conf
printf '[client]\ntargets_file = %s\n' "$targets" >>"$ACMED_CONFIG"

# target_file [LINE...]: these in the section of the Redis.
target_file() {
	{
		printf '%s\n' "[gateways]" "kind = redis" "prime_style = 1" \
		    "url = redis://127.0.0.1:$redis_port" "delete = true" \
		    "$@" "[web]" "kind = tree" "layout = nginx" \
		    "directory = $T/web"
	} >"$targets"
}
# make NAME...: a certificate for NAME.example, and its key.
make() {
	for make_name; do
		must openssl req -x509 -newkey ec -pkeyopt \
		    ec_paramgen_curve:P-256 -nodes -keyout "$T/$make_name.key" \
		    -subj "/CN=$make_name" -days 9 -out "$T/$make_name.crt" \
		    -addext "subjectAltName=DNS:$make_name.example"
	done
}
import() {
	make "$1"
	run "$BIN/cert-import" --key "$T/$1.key" "$T/$1.crt"
}
manage() {
	run "$BIN/cert-manage" "$@"
}
deploy() {
	run "$BIN/renew-queue" deploy "$@"
}
stored() {
	[ "$(sqlite3 "$DB" 'SELECT count(*) FROM certificates')" -eq "$1" ]
}
# let_go: what was killed has held it for long enough.
let_go() {
	sql 'UPDATE deploy_targets SET lease_until = 0'
	sql 'UPDATE deployments SET retry_at = 0'
}

# ---- without the setting ----------------------------------------------------------

target_file
import a
exits 0 'imported'
is "$(primed a) $(sql 'SELECT count(*) FROM deploy_targets')" '0 0' \
    '... nothing is deployed'
plain=$(printf '%s\n' "$out" | cut -f 1,3)
deploy
is "$(primed a)" 1 '... but by renew-queue'
ok '... to all' [ -e "$T/web/a.example.pem" ]
import b
is "$(primed b)" 0 '... and so it goes on'
deploy
writes=$(r get '~acmed:writes')
revisions=$(sql 'SELECT sum(revision) FROM deployments')

# ---- with it ----------------------------------------------------------------------

target_file 'immediately = true'
deploy
is "$(sql 'SELECT sum(revision) FROM deployments')" "$revisions" \
    'the setting deploys nothing again'
import c
exits 0 'imported'
is "$err" '' '... without a word'
is "$(printf '%s\n' "$out" | cut -f 1,3)" "$plain" '... but the usual'
is "$(primed c)" 1 '... and the Redis has it'
is "$(value "c:$(field d1:c.example c)")" "$(cat "$T/c.crt")" '... as it is'
is "$(r get '~acmed:writes')" "$((writes + 1))" '... and nothing else again'
is "$(pending web)" 1 '... while the tree waits'
not_ok '... and has no file' [ -e "$T/web/c.example.pem" ]
must r set '~acmed:writes' 7
run "$BIN/cert-import" --key "$T/c.key" "$T/c.crt"
exits 0 'what is known'
is "$(r get '~acmed:writes')" 7 '... is not deployed'
deploy
ok 'renew-queue does the rest' [ -e "$T/web/c.example.pem" ]
make dry
run "$BIN/cert-import" --dry-run --key "$T/dry.key" "$T/dry.crt"
is "$status $(primed dry)" '0 0' '--dry-run deploys nothing'

manage deactivate 3
exits 0 'cert-manage deactivate'
is "$err$(primed c)" 0 '... removes it'
manage activate 3
is "$status $err$(primed c)" '0 1' 'cert-manage activate brings it back'
manage domain disable c.example
is "$status $err$(primed c)" '0 0' 'cert-manage domain disable'
manage domain enable c.example
is "$status $err$(primed c)" '0 1' '... and enable'
manage deactivate 99
exits 1 'a number that is not there'
is "$(printf '%s\n' "$err" | wc -l)" 1 '... is told once'

# ---- as ever ----------------------------------------------------------------------

run "$BIN/cert-import"
exits 100 'wrong use'
is "$(printf '%s\n' "$err" | wc -l)" 2 '... is told once, with the usage'
make full
status=0
"$BIN/cert-import" --key "$T/full.key" "$T/full.crt" >/dev/full 2>"$T/err" ||
    status=$?
is "$status" 111 'standard output that is full'
is "$(wc -l <"$T/err")" 1 '... is told once'
is "$(primed full)" 1 '... and what was stored is deployed'
echo nothing >"$T/none.pem"
make good
run "$BIN/cert-import" --key "$T/good.key" "$T/good.crt" "$T/none.pem"
exits 1 'something is refused'
is "$(primed good)" 1 '... the rest is stored, and deployed'

# ---- the Redis is not there --------------------------------------------------------

deploy
stop redis
import d
exits 0 'a Redis that is not there: imported all the same'
like "$out" '^certificate.*created' '... which is said'
is "$(printf '%s\n' "$err" | wc -l)" 1 '... in one line'
like "$err" '^cert-import: \[gateways\]: not deployed: .*cannot connect' \
    '... it is told of'
is "$(pending gateways)" 1 '... it is pending'
let_go
run "$BIN/cert-import" --key "$T/c.key" "$T/c.crt"
is "$status $err" '0 ' 'who brings nothing does not try it'
start_redis
deploy
exits 0 '... for renew-queue'
is "$(primed d) $(pending gateways)" '1 0' '... which does it'

# ---- the file -----------------------------------------------------------------------

echo 'nonsense = 1' >>"$targets"
import e
exits 0 'a file of targets that is wrong'
like "$err" '^cert-import: nothing is deployed: .*targets.conf:[0-9]*: ' \
    '... is told of'
is "$(sql 'SELECT count(*) FROM certificates')" 7 '... and it is imported'
target_file 'immediately = perhaps'
deploy
exits 102 'neither true nor false'
like "$err" 'immediately' '... is refused'
target_file 'immediately = true'
if [ "$(id -u)" -eq 0 ]; then
	chown nobody "$targets"
	import f
	is "$status $err" '0 ' "another user's file"
	is "$(primed f)" 0 '... is his business'
	chown 0 "$targets"
else
	skip 2 'needs root'
fi
deploy

# ---- killed ------------------------------------------------------------------------

# begin NAME: the import of it, which waits for the Redis, which is stopped.
begin() {
	make "$1"
	n=$(sql 'SELECT count(*) FROM certificates')
	kill -STOP "$(cat "$T/redis.pid")"
	start import "$BIN/cert-import" --key "$T/$1.key" "$T/$1.crt"
	must wait_for 30 stored $((n + 1))
}
begin g
kill -KILL "$(cat "$T/import.pid")"
ok 'killed between importing and deploying' \
    wait_for 10 ended "$(cat "$T/import.pid")"
kill -CONT "$(cat "$T/redis.pid")"
let_go
deploy
is "$status $(primed g) $(pending gateways)" '0 1 0' '... nothing is lost'

mkfifo "$T/never"
sleep 600 >"$T/never" &
writer=$!
start import sh -c "exec $BIN/cert-import - <$T/never"
working() {
	worker=$(pgrep -P "$(cat "$T/import.pid")") && [ -n "$worker" ]
}
must wait_for 10 working
kill -KILL "$worker"
must wait_for 10 ended "$(cat "$T/import.pid")"
stop import
is "$status" 111 'the work is killed'
like "$(cat "$T/import.log")" 'cert-import: it was killed' '... is told'
start import sh -c "exec $BIN/cert-import - <$T/never"
must wait_for 10 working
stop import
is "$status" 111 'told to end'
ok '... so is the work' ended "$worker"
start import sh -c "exec $BIN/cert-import - <$T/never"
must wait_for 10 working
kill -KILL "$(cat "$T/import.pid")"
ok 'killed: the work, too' wait_for 10 ended "$worker"
kill "$writer"

make k
mkfifo "$T/late"
{
	until [ -e "$T/hung-up" ]; do
		sleep 0.1
	done
	cat "$T/k.key" "$T/k.crt"
} >"$T/late" &
start import sh -c "exec nohup $BIN/cert-import -q - <$T/late"
must wait_for 10 working
kill -HUP "$(cat "$T/import.pid")"
: >"$T/hung-up"
must wait_for 30 ended "$(cat "$T/import.pid")"
stop import
is "$status $(primed k)" '0 1' 'hung up, under nohup: it goes on'

# ---- two at once ---------------------------------------------------------------------

cat >"$targets" <<END
[told]
kind = hook
program = $T/hook
immediately = true
timeout = 300s
END
cat >"$T/hook" <<END
#!/bin/sh
cat >>$T/told
[ -e $T/go ] || { : >$T/asked; until [ -e $T/go ]; do sleep 0.1; done; }
END
chmod 755 "$T/hook"
: >"$T/go"
deploy
rm "$T/go"
make h i
n=$(sql 'SELECT count(*) FROM certificates')
start first "$BIN/cert-import" --key "$T/h.key" "$T/h.crt"
must wait_for 30 [ -e "$T/asked" ]
start second "$BIN/cert-import" --key "$T/i.key" "$T/i.crt"
must wait_for 30 stored $((n + 2))
: >"$T/go"
must wait_for 30 ended "$(cat "$T/first.pid")"
must wait_for 30 ended "$(cat "$T/second.pid")"
is "$(cat "$T/first.log" "$T/second.log")" '' 'two at once'
is "$(grep -c h.example "$T/told") $(grep -c i.example "$T/told")" '1 1' \
    '... what the second has brought is deployed, too'

# A program has what the others have.
cat >>"$targets" <<END
[web]
kind = tree
layout = nginx
directory = $T/web
END
deploy
import j
is "$status $err$(grep -c j.example "$T/told")" '0 0' \
    'a program waits for a tree that waits'
deploy
is "$(grep -c j.example "$T/told")" 1 '... for renew-queue'
done_testing
