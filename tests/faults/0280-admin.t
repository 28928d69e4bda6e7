#!/bin/sh
# Goal: acmed-admin may be killed at every system call that writes, under load
# too, and its disk may be full: what it has said is done is there, nothing is
# there by halves, and what is sent again is taken.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"
skip_unless_has curl
skip_unless_root

faults_up 'admin linger = 0s' 'admin workers = 4' \
    "store certificate_key_file = $T/seal.key"
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=ca -keyout "$T/ca.key" -out "$T/ca.crt"
# leaf NAME: $T/NAME.key and .crt.
leaf() {
	must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj / -addext "subjectAltName=DNS:$1.example.org" \
	    -keyout "$T/$1.key" -out "$T/$1.csr"
	must openssl x509 -req -in "$T/$1.csr" -CA "$T/ca.crt" -CAkey "$T/ca.key" \
	    -copy_extensions copy -days 30 -out "$T/$1.crt"
}
leaf one

# have NAME: the certificate, its key and its chain are in the store.
have() {
	[ "$(sql "SELECT count(*) FROM certificates c
	    JOIN private_keys k ON k.spki_sha256 = c.spki_sha256
	    JOIN certificate_chains h ON h.certificate_id = c.id
	    WHERE hex(c.sha256) = upper('$(openssl x509 -in "$T/$1.crt" \
		-outform DER | sha256sum | cut -c1-64)')")" = 1 ]
}
# whole: what is there has all that belongs to it, and its event.
whole() {
	said=$(sql "SELECT 'half: certificate ' || id FROM certificates c
	    WHERE NOT EXISTS (SELECT 1 FROM private_keys k
		WHERE k.spki_sha256 = c.spki_sha256)
	    OR NOT EXISTS (SELECT 1 FROM certificate_chains h
		WHERE h.certificate_id = c.id)
	    OR NOT EXISTS (SELECT 1 FROM events e
		WHERE e.object_type = 'certificate' AND e.object_id = c.id)
	    UNION SELECT 'half: key ' || id FROM private_keys k
	    WHERE source <> 'imported' OR NOT EXISTS (SELECT 1 FROM events e
		WHERE e.object_type = 'private_key' AND e.object_id = k.id)")
	[ -z "$said" ]
}
checked() {
	said=$("$BIN/acmed-store" check -c "$config" 2>&1)
}

# ---- each system call --------------------------------------------------------

# The token is of the store that all rounds begin with.
fresh_round
printf 'Authorization: Bearer %s' "$("$BIN/acmed-admin" token add -c "$config" \
    --scopes read+keys+write --no-header | cut -f2)" >"$T/token"
rm -rf "$T/template"
mv "$R" "$T/template"
admin=/.well-known/admin

# post PATH TYPE FILE: a request, as a file.
post() {
	printf 'POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n' "$admin$1" \
	    "$(cat "$T/token")"
	printf 'Content-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n' \
	    "$2" "$(wc -c <"$3")"
	cat "$3"
}
{
	for part in "private_key_file_pem one.key" "certificate_file one.crt" \
	    "chain_file ca.crt"; do
		printf -- '--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n' \
		    "${part% *}"
		cat "$T/${part#* }"
		printf '\r\n'
	done
	printf -- '--x--\r\n'
} >"$T/form"
post /certificate/upload.json 'multipart/form-data; boundary=x' "$T/form" \
    >"$T/upload"
printf domain_names=a.example.org,b.example.org >"$T/names"
post /queue-domains/add.json application/x-www-form-urlencoded "$T/names" \
    >"$T/queue"

# send FILE COMMAND...: by one process; its answer is $T/reply.
send() {
	send_file=$1
	shift
	"$@" "$BIN/acmed-admin" -c "$config" <"$T/$send_file" >"$T/reply" \
	    2>"$T/admin.log"
}
done_well() {
	head -n 1 "$T/reply" | grep -q '^HTTP/1.1 200 '
}
uploaded() {
	have one
}
queued() {
	[ "$(sql "SELECT count(*) FROM domain_queue
	    WHERE name IN ('a.example.org', 'b.example.org')")" = 2 ]
}
half_queued() {
	[ "$(sql 'SELECT count(*) FROM domain_queue')" = 1 ]
}
# killed FILE CHECK: once under the shim, and then again.
# shellcheck disable=SC2317 # called by until_done
killed() {
	send "$1" under
	whole || return 1
	half_queued && said='one name of two' && return 1
	! done_well || "$2" || { said='it was said to be done' && return 1; }
	send "$1" env
	said=$(head -n 1 "$T/reply")
	done_well && "$2" && whole && checked
}
for mode in before half; do
	until_done "an upload, $mode" acmed-admin $mode killed upload uploaded
	until_done "names, $mode" acmed-admin $mode killed queue queued
done

# ---- under load --------------------------------------------------------------

fresh_round
NAMES=${NAMES:-12}
for i in $(seq "$NAMES"); do
	leaf "n$i"
done
FAULT=acmed-admin+:40:random
port=$(free_port)
supervise pool "$SRC/scripts/lib/listen" -1 127.0.0.1 "$port" \
    "$BIN/acmed-admin" -c "$config"
must wait_for 20 test -s "$T/pool.out"

# try NAME PATH CURL-OPTION...: until it is done.
try() {
	try_name=$1 try_path=$2
	shift 2
	for _ in $(seq 60); do
		[ "$(curl -s -m 20 --noproxy '*' -o /dev/null -w '%{http_code}' \
		    -H "$(cat "$T/token")" "$@" \
		    "http://127.0.0.1:$port$admin$try_path")" != 200 ] || {
			echo "$try_name" >>"$T/done"
			return
		}
		sleep 0.05
	done
}
uploads() {
	for i in $(seq "$1" 2 "$NAMES"); do
		try "n$i" /certificate/upload.json \
		    -F "private_key_file_pem=@$T/n$i.key" \
		    -F "certificate_file=@$T/n$i.crt" -F "chain_file=@$T/ca.crt"
	done
}
names() {
	for i in $(seq 40); do
		try "q$1-$i" /queue-domains/add.json \
		    -d "domain_names=q$1-$i.example.org"
	done
}
pids=''
for i in 1 2; do
	(trap - EXIT && uploads $i) &
	pids="$pids $!"
	(trap - EXIT && names $i) &
	pids="$pids $!"
done
for pid in $pids; do
	wait "$pid"
done
FAULT=''
stop pool
diag "$(wc -l <"$T/faults.log") killed"
ok 'under load: some were killed' [ "$(wc -l <"$T/faults.log")" -gt 2 ]
is "$(wc -l <"$T/done" | tr -d ' ')" $((NAMES + 80)) '... all came to an end'
lost=''
while read -r name; do
	case $name in
	n*) have "$name" || lost="$lost $name" ;;
	*) [ "$(sql "SELECT count(*) FROM domain_queue
	    WHERE name = '$name.example.org'")" = 1 ] || lost="$lost $name" ;;
	esac
done <"$T/done"
is "$lost" '' '... what was said to be done is there'
ok '... nothing is there by halves' whole
ok '... and the store is sound' checked

# ---- no room -----------------------------------------------------------------

rm -rf "$R"
mkdir "$R"
mount -t tmpfs -o size=4m,mode=0770 acmed-test "$R" 2>"$T/mount.err" ||
    skip_all "cannot mount: $(cat "$T/mount.err")"
trap 'umount -l "$R"; tap_end' EXIT
cp -a "$T/template/." "$R"
start full "$SRC/scripts/lib/listen" -1 127.0.0.1 "$port" "$BIN/acmed-admin" \
    -c "$config"
must wait_for 20 test -s "$T/full.out"
# upload, whoami: the status; the answer is $T/body.
upload() {
	curl -s -m 20 --noproxy '*' -D "$T/head" -o "$T/body" -w '%{http_code}' \
	    -H "$(cat "$T/token")" -F "private_key_file_pem=@$T/one.key" \
	    -F "certificate_file=@$T/one.crt" -F "chain_file=@$T/ca.crt" \
	    "http://127.0.0.1:$port$admin/certificate/upload.json"
}
whoami() {
	curl -s -m 20 --noproxy '*' -o "$T/body" -w '%{http_code}' \
	    -H "$(cat "$T/token")" "http://127.0.0.1:$port$admin/whoami"
}
is "$(whoami)" 200 'no room: it serves'
workers=$(pgrep -P "$(pgrep -P "$(cat "$T/full.pid")")" | sort | paste -sd' ' -)
sqlite3 "$store" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
dd if=/dev/zero of="$R/ballast" bs=64k 2>/dev/null
dd if=/dev/zero bs=512 2>/dev/null >>"$R/ballast"
is "$(upload)" 503 '... and refuses an upload'
is "$(grep -ci '^Retry-After: [0-9]' "$T/head")" 1 '... for a while'
is "$(wc -l <"$T/body" | tr -d ' ')" 1 '... in one line'
grep -q '^{"result":"error","error":"[^"]*","message":"[^"]*"}$' "$T/body"
is "$?" 0 '... with a sentence'
is "$(sql 'SELECT (SELECT count(*) FROM certificates) + (SELECT count(*) FROM
    private_keys) + (SELECT count(*) FROM ca_certificates)')" 0 \
    '... and nothing of it is there'
is "$(whoami)" 200 '... while it can be asked'
rm -f "$R/ballast"
is "$(upload)" 200 'room again: the same upload is taken'
ok '... whole' have one
ok '... by the processes of before' [ -n "$workers" ]
for pid in $workers; do
	kill -0 "$pid" || fail "$pid has ended"
done
stop full
ok '... and the store is sound' checked

done_testing
