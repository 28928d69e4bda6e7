#!/bin/sh
# Goal: a process of ours that somebody has taken over can do nothing but its
# job: with one user for everything, where Landlock alone holds; on kernels
# that have less of it, or none.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/rights.sh"
skip_unless_has openssl perl curl
skip_unless_landlock

rights_conf
must "$BIN/acmed-store" -c "$conf" init
must openssl req -new -newkey rsa:2048 -nodes -keyout "$T/key" -subj / \
    -addext subjectAltName=DNS:a.example -out "$T/csr"

# ---- one user ----------------------------------------------------------------
nothing='privs=1 tcp=EACCES write=EACCES read:intermediate.key=EACCES
    read:root.key=EACCES read:acmed.sqlite=EACCES read:passwd=EACCES
    exec=EACCES'

connection
exits 0 'acmed-accept: a connection'
like "$out" '^HTTP/1.1 200 ' 'is answered'
like "$err" 'debug: sandbox role=accept landlock=[0-9]+$' 'and says its role'
# shellcheck disable=SC2086 # a list of words
could acmed-accept "$pid" $nothing

start pool "$probed" "$SRC/scripts/lib/listen" -1 127.0.0.1 0 \
    "$BIN/acmed-accept" -v -c "$conf"
wait_for 10 grep -q . "$T/pool.out"
must curl -s -m 20 -o "$T/answer" \
    "http://127.0.0.1:$(cat "$T/pool.out")/directory"
ok 'acmed-accept: a worker answers' grep -q newNonce "$T/answer"
master=$(pid_of accept.master pool) worker=$(pid_of accept pool)
# shellcheck disable=SC2086
could acmed-accept "$worker" $nothing
limited acmed-accept "$worker" core=0 files=64 memory=$((512 << 20)) processes=0
could acmed-accept "$master" privs=1 tcp=EACCES write=ok \
    read:intermediate.key=EACCES read:root.key=EACCES read:passwd=EACCES \
    exec=EACCES
limited 'acmed-accept, the master' "$master" core=0
stop pool
is "$status" 0 'which ends well'

run "$probed" "$BIN/acmed-admin" -v -c "$conf" <"$T/request"
exits 0 'acmed-admin: a connection'
like "$out" '^HTTP/1.1 401 ' 'is answered'
# shellcheck disable=SC2086
could acmed-admin "$(pid_of admin)" $nothing

start validate "$probed" "$BIN/acme-validate" -v -c "$conf" serve
wait_for 10 grep -q role=validate.network "$T/validate.log"
parent=$(pid_of validate.store validate)
child=$(pid_of validate.network validate)
could acme-validate "$parent" privs=1 tcp=EACCES write=ok \
    read:intermediate.key=EACCES read:root.key=EACCES read:acmed.sqlite=ok \
    read:passwd=EACCES exec=EACCES
# shellcheck disable=SC2086
could acme-validate "$child" $nothing
for pid in "$parent" "$child"; do
	limited acme-validate "$pid" core=0 memory=$((2047 << 20))
done
stop validate
is "$status" 0 'which ends well'

start sign "$probed" "$BIN/acme-sign" -v -c "$conf" serve
wait_for 10 test -S "$T/sign.sock"
# shellcheck disable=SC2086
could acme-sign "$(pid_of sign.service sign)" $nothing
limited acme-sign "$(pid_of sign.service sign)" core=0 files=512 \
    memory=$((512 << 20)) processes=0
stop sign
is "$status" 0 'which ends well'

for command in "$T/csr" crl sweep; do
	run "$probed" "$BIN/acme-sign" -v -c "$conf" "$command"
	exits 0 "acme-sign ${command##*/}"
	could acme-sign "$(pid_of 'sign.[a-z]*')" privs=1 tcp=EACCES \
	    write=EACCES read:intermediate.key=EACCES read:root.key=EACCES \
	    read:passwd=EACCES exec=EACCES
done
for command in stats log purge check "backup $T/copy/file"; do
	mkdir -p "$T/copy"
	# shellcheck disable=SC2086
	run "$probed" "$BIN/acmed-store" -v -c "$conf" $command
	exits 0 "acmed-store ${command%% *}"
	could acmed-store "$(pid_of 'store[a-z.]*')" privs=1 tcp=EACCES \
	    write=EACCES read:passwd=EACCES exec=EACCES
done

# ---- kernels that have less --------------------------------------------------
less() {
	export LANDLOCK_ABI="$1"
	connection
	unset LANDLOCK_ABI
}

less 0
exits 0 'without Landlock'
like "$out" '^HTTP/1.1 200 ' 'it works'
like "$err" 'role=accept landlock=none without="files links truncate tcp dev' \
    'and says what it lacks'
# What the others may not, this one may; root has no limit on processes.
[ "$(id -u)" -ne 0 ] || only_root='fork=ok exec=ok'
# shellcheck disable=SC2086
could acmed-accept "$pid" privs=1 tcp=ok write=ok read:root.key=ok \
    ${only_root:-}
less 1
like "$err" 'landlock=1 without="links truncate tcp devices signals"$' 'ABI 1'
could acmed-accept "$pid" tcp=ok write=EACCES read:root.key=EACCES exec=EACCES
less 3
like "$err" 'landlock=3 without="tcp devices signals"$' 'ABI 3'
could acmed-accept "$pid" tcp=ok write=EACCES read:root.key=EACCES exec=EACCES
less 99
like "$err" 'role=accept landlock=99$' 'an ABI to come'

"$SRC/scripts/lib/conf-set" sandbox.landlock=required <"$conf" >"$T/strict.conf"
run "$BIN/acmed-store" config --check -c "$T/strict.conf"
exits 0 'required'
plain=$conf conf=$T/strict.conf
connection
exits 0 'where there is Landlock, it works'
less 0
exits 102 'where there is none, it does not'
like "$err" '\[sandbox\] landlock.*no Landlock' 'and says why'
is "$out" '' 'nothing is answered'
"$SRC/scripts/lib/conf-set" sandbox.landlock=off <"$plain" >"$T/off.conf"
conf=$T/off.conf
connection
like "$err" 'role=accept landlock=off ' 'off'
could acmed-accept "$pid" privs=1 read:root.key=ok

done_testing
