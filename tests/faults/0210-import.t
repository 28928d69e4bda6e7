#!/bin/sh
# Goal: cert-import may be killed at every system call that writes, and its disk
# may be full: what it has told of is there, what is not whole is not there, and
# run again it does the rest.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"
skip_unless_root

faults_up
mkdir "$T/pems"
for n in 1 2 3 4 5; do
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj "/CN=n$n" -addext "subjectAltName=DNS:n$n.example.org" \
	    -keyout "$T/pems/n$n.key" -out "$T/n$n.crt"
	cat "$T/n$n.crt" >>"$T/pems/n$n.key"
done

import() {
	"$@" "$BIN/cert-import" -c "$config" --each "$T/pems"/* \
	    >"$T/import.out" 2>"$T/import.err"
}
# told: what was told of is in the store.
told() {
	awk -F '\t' '$1 == "certificate" && $2 { print $2 }' \
	    "$T/import.out" >"$T/told"
	while read -r told_id; do
		[ "$(sql "SELECT count(*) FROM certificates c
		    JOIN private_keys k ON k.spki_sha256 = c.spki_sha256
		    WHERE c.id = $told_id")" = 1 ] || {
			said="certificate $told_id was told of"
			return 1
		}
	done <"$T/told"
}
# whole: each certificate there has its key, its names and its event.
whole() {
	said=$(sql "SELECT c.id FROM certificates c WHERE NOT EXISTS
	    (SELECT 1 FROM private_keys k WHERE k.spki_sha256 = c.spki_sha256)
	    OR NOT EXISTS (SELECT 1 FROM fqdn_set_members m
	    WHERE m.fqdn_set_id = c.fqdn_set_id) OR NOT EXISTS
	    (SELECT 1 FROM events e WHERE e.object_type = 'certificate'
	    AND e.object_id = c.id)")
	[ -z "$said" ]
}
# shellcheck disable=SC2317 # called by until_done
killed() {
	import under
	told && whole || return 1
	import env || {
		said=$(cat "$T/import.err")
		return 1
	}
	said="$(sql 'SELECT count(*) FROM certificates') certificates"
	[ "$said" = '5 certificates' ] || return 1
	said=$("$BIN/acmed-store" check -c "$config" 2>&1 |
	    grep -v 'not sealed')
	[ -z "$said" ]
}
until_done import cert-import before killed
STEP=3 until_done 'import, half way' cert-import half killed

# ---- chains for what was there before -------------------------------------------------

# Two certificates with the chain of one root; then one comes with that of another,
# which is a way for all three.
mkdir "$T/two"
must openssl ecparam -name prime256v1 -out "$T/two/param"
printf 'basicConstraints = critical, CA:true\n' >"$T/two/ext"
for root in r q; do
	must openssl req -x509 -newkey "ec:$T/two/param" -nodes -days 30 \
	    -subj "/CN=Root $root" -keyout "$T/two/$root.key" -out "$T/two/$root.crt"
done
must openssl req -new -newkey "ec:$T/two/param" -nodes -subj /CN=Sub \
    -keyout "$T/two/sub.key" -out "$T/two/sub.csr"
for root in r q; do
	must openssl x509 -req -in "$T/two/sub.csr" -CA "$T/two/$root.crt" \
	    -CAkey "$T/two/$root.key" -days 20 -extfile "$T/two/ext" \
	    -out "$T/two/sub-$root.crt"
done
for n in 1 2 3; do
	must openssl req -new -newkey "ec:$T/two/param" -nodes -subj "/CN=l$n" \
	    -keyout "$T/two/l$n.key" -out "$T/two/l$n.csr"
	printf 'subjectAltName = DNS:l%s.example.org\n' "$n" >"$T/two/leaf"
	must openssl x509 -req -in "$T/two/l$n.csr" -CA "$T/two/sub-r.crt" \
	    -CAkey "$T/two/sub.key" -days 10 -extfile "$T/two/leaf" \
	    -out "$T/two/l$n.crt"
done
fresh_round
for n in 1 2; do
	must "$BIN/cert-import" -q -c "$config" --chain "$T/two/sub-r.crt" \
	    "$T/two/l$n.crt"
done
mv "$R" "$T/two/store"

cross() {
	"$@" "$BIN/cert-import" -c "$config" --chain "$T/two/sub-q.crt" \
	    "$T/two/l3.crt" >"$T/import.out" 2>"$T/import.err"
}
# shellcheck disable=SC2317 # called by until_done
crossed() {
	cross under
	cross env || {
		said=$(cat "$T/import.err")
		return 1
	}
	said="chains: $(sql 'SELECT group_concat(n) FROM (SELECT count(*) AS n
	    FROM certificate_chains GROUP BY certificate_id
	    ORDER BY certificate_id)')"
	[ "$said" = 'chains: 2,2,2' ]
}
FROM=$T/two/store
until_done 'import of a way for what is there' cert-import before crossed
FROM=''

# ---- the disk is full ---------------------------------------------------------------

rm -rf "$R"
mkdir "$R"
mount -t tmpfs -o size=4m,mode=0770 acmed-test "$R" 2>"$T/mount.err" ||
    skip_all "cannot mount: $(cat "$T/mount.err")"
trap 'umount -l "$R"; tap_end' EXIT
cp -a "$T/template/." "$R"
dd if=/dev/zero of="$R/ballast" bs=64k 2>/dev/null
dd if=/dev/zero bs=512 2>/dev/null >>"$R/ballast"
import env
is "$?" 111 'full: cert-import is to come again'
is "$(grep -c created "$T/import.out")" 0 '... and tells of nothing'
is "$(wc -l <"$T/import.err")" 1 '... but of the disk, in one line'
rm "$R/ballast"
import env
is "$?" 0 'room again: it is done'
is "$(grep -c 'certificate.*created' "$T/import.out")" 5 '... all of it'
done_testing
