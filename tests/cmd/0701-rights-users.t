#!/bin/sh
# Goal: with a user for each program, acmed-store init leaves a store, a CA and
# a TLS key that each can use as far as it must and no further.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/rights.sh"
skip_unless_root
skip_unless_has curl openssl perl setpriv sqlite3
skip_unless_landlock

# Three users whom every Debian has, with a group in common.
group=nogroup server=nobody validator=_apt signer=sync
for user in $server $validator $signer; do
	[ "$(id -gn "$user" 2>/dev/null)" = $group ] ||
	    skip_all "needs $user in $group"
done
rights_conf store.group=$group server.user=$server \
    validate.user=$validator signer.user=$signer \
    "server.tls_certificate=$T/tls.crt" "server.tls_private_key=$T/tls.key" \
    "store.certificate_key_file=$T/certificates.key" \
    "store.eab_key_file=$T/eab.key" server.external_account_binding=required
must install -d -m 2770 -g $group "$T/run"
"$SRC/scripts/lib/conf-set" "signer.socket=$T/run/sign.sock" \
    "validate.socket=$T/run/validate.sock" <"$conf" >"$T/new.conf"
mv "$T/new.conf" "$conf"
chmod 644 "$conf"
run "$BIN/acmed-store" -c "$conf" init
exits 0 'init'
run "$BIN/acmed-store" -c "$conf" init
exits 0 'again'

mode() {
	stat -c '%a %U %G' "$T/$1"
}
is "$(mode store)" "2770 root $group" 'the directory of the store'
for file in '' -wal -shm; do
	is "$(mode store/acmed.sqlite$file)" "660 root $group" \
	    "acmed.sqlite$file"
done
is "$(mode ca)" "755 $signer $group" 'the directory of the CA'
is "$(mode ca/intermediate.key)" "600 $signer $group" 'the key that signs'
is "$(mode ca/root.key)" '600 root root' 'the key of the root'
is "$(mode tls.key)" "600 $server $group" 'the key of the server'
is "$(mode eab.key)" "600 $server $group" 'what seals account bindings'
is "$(mode certificates.key)" '600 root root' 'what seals private keys'
PROBE_READ=$PROBE_READ:$T/eab.key:$T/certificates.key

# as USER: how a supervisor starts a program, with the group in common.
as() {
	echo "setpriv --reuid $1 --regid $group --clear-groups"
}
rest='privs=1 tcp=EACCES read:intermediate.key=EACCES read:root.key=EACCES
    read:passwd=EACCES exec=EACCES'
# A program with a sanitizer keeps the right to a thread of it.
case $BIN in
*asan*) only_one='' ;;
*) only_one=fork=EAGAIN ;;
esac

for how in '' "$(as $server)"; do
	# shellcheck disable=SC2086 # two words
	start accept $how "$probed" "$SRC/scripts/lib/listen" -1 127.0.0.1 0 \
	    "$BIN/acmed-accept" -v -c "$conf"
	wait_for 10 grep -q . "$T/accept.out"
	run curl -s -m 20 --cacert "$T/ca/root.crt" \
	    "https://localhost:$(cat "$T/accept.out")/directory"
	like "$out" newNonce "acmed-accept answers, ${how:+not }started by root"
	like "$out" '"externalAccountRequired":true' '... and can verify bindings'
	# shellcheck disable=SC2086
	could acmed-accept "$(pid_of accept accept)" "uid=$(id -u $server)" \
	    $rest write=EACCES read:acmed.sqlite=EACCES read:eab.key=EACCES \
	    read:certificates.key=EACCES $only_one
	stop accept
done

for how in '' "$(as $validator)"; do
	rm -f "$T/run/validate.sock"
	# shellcheck disable=SC2086
	start validate $how "$probed" "$BIN/acme-validate" -v -c "$conf" serve
	wait_for 10 grep -q role=validate.network "$T/validate.log"
	# shellcheck disable=SC2086
	could acme-validate "$(pid_of validate.store validate)" \
	    "uid=$(id -u $validator)" $rest write=ok read:acmed.sqlite=ok
	# shellcheck disable=SC2086
	could acme-validate "$(pid_of validate.network validate)" \
	    "uid=$(id -u $validator)" $rest write=EACCES read:acmed.sqlite=EACCES
	stop validate
	is "$status" 0 "acme-validate ends well, ${how:+not }started by root"
done

for how in '' "$(as $signer)"; do
	rm -f "$T/run/sign.sock"
	# shellcheck disable=SC2086
	start sign $how "$probed" "$BIN/acme-sign" -v -c "$conf" serve
	wait_for 10 test -S "$T/run/sign.sock"
	# shellcheck disable=SC2086
	could acme-sign "$(pid_of sign.service sign)" "uid=$(id -u $signer)" \
	    $rest write=EACCES read:acmed.sqlite=EACCES $only_one
	# shellcheck disable=SC2086
	run $how "$BIN/acme-sign" -c "$conf" sweep
	exits 0 "acme-sign sweep, ${how:+not }started by root"
	stop sign
	# shellcheck disable=SC2086
	run $how "$BIN/acme-sign" -c "$conf" crl
	exits 0 "acme-sign crl, ${how:+not }started by root"
	is "$(mode ca/crl.der)" "644 $signer $group" 'the CRL is its own'
done

# Landlock is not alone: without it a user does not reach the other's key.
export LANDLOCK_ABI=0 PROBE_EXEC=/nonexistent
# shellcheck disable=SC2046
run $(as $server) "$probed" "$BIN/acmed-accept" -v -c "$conf" </dev/null
unset LANDLOCK_ABI
could acmed-accept "$(pid_of accept)" read:intermediate.key=EACCES \
    read:root.key=EACCES read:passwd=ok
# shellcheck disable=SC2046
run $(as $validator) mv "$T/ca" "$T/other"
exits 1 'the directory of the CA cannot be put aside'

# The key of before gives its owner to the new one.
run "$BIN/acmed-store" -c "$conf" rekey
exits 0 rekey
is "$(mode eab.key)" "600 $server $group" 'what seals bindings, anew'
is "$(mode certificates.key)" '600 root root' 'what seals private keys, anew'

# ---- what seals private keys, and acmed-admin ------------------------------------

# It has read the file before it has given up its rights, and can then no more
# read it than spoil it, even in a directory of its own; nobody but root can change
# who may read what is root's.
seal=$T/own/seal.key
must install -d -o $signer -g $group "$T/own"
must mv "$T/certificates.key" "$seal"
"$SRC/scripts/lib/conf-set" admin.user=$signer \
    "store.certificate_key_file=$seal" <"$conf" >"$T/new.conf"
mv "$T/new.conf" "$conf"
chmod 644 "$conf"
run "$BIN/acmed-store" -c "$conf" init
is "$(mode own/seal.key)" "600 $signer $group" \
    'what seals private keys is given to acmed-admin'
cp -p "$seal" "$T/seal"
export PROBE_SPOIL="$seal" PROBE_READ="$PROBE_READ:$seal" PROBE_EXEC=/bin/true
spoiled='read:seal.key=EACCES spoil:write=EACCES spoil:truncate=EACCES
    spoil:rename=EACCES spoil:remove=EACCES'
printf 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >"$T/request"
# admin HOW ERRNO: a worker, and a process for a connection; ERRNO is what comes
# of another mode.
admin() {
	# shellcheck disable=SC2086 # words
	start admin $1 "$probed" "$SRC/scripts/lib/listen" -1 127.0.0.1 0 \
	    "$BIN/acmed-admin" -v -c "$conf"
	wait_for 10 grep -q . "$T/admin.out"
	is "$(curl -s -m 20 -o /dev/null -w '%{http_code}' \
	    "http://127.0.0.1:$(cat "$T/admin.out")/")" 401 \
	    "acmed-admin answers, ${1:+not }started by root"
	# shellcheck disable=SC2086
	could acmed-admin "$(pid_of admin admin)" "uid=$(id -u $signer)" \
	    $rest write=EACCES $spoiled "spoil:mode=$2"
	stop admin
	# shellcheck disable=SC2086
	run $1 "$probed" "$BIN/acmed-admin" -v -c "$conf" <"$T/request"
	like "$out" '^HTTP/1.1 401 ' '... also a connection'
	# shellcheck disable=SC2086
	could acmed-admin "$(pid_of admin)" "uid=$(id -u $signer)" \
	    $rest write=EACCES $spoiled "spoil:mode=$2"
	ok '... the file is as it was' cmp -s "$seal" "$T/seal"
}
admin "$(as $signer)" ok
admin '' ok
chown root:root "$seal"
admin '' EPERM
# Without Landlock all of that could be done.
must cp -p "$T/seal" "$seal"
export LANDLOCK_ABI=0 PROBE_EXEC=/nonexistent
# shellcheck disable=SC2046
run $(as $signer) "$probed" "$BIN/acmed-admin" -v -c "$conf" <"$T/request"
unset LANDLOCK_ABI
could acmed-admin "$(pid_of admin)" read:seal.key=ok spoil:write=ok \
    spoil:truncate=ok spoil:rename=ok spoil:remove=ok
must cp -p "$T/seal" "$seal"
unset PROBE_SPOIL

run "$BIN/acmed-store" -c "$conf" check
exits 0 'the store is sound'

done_testing
