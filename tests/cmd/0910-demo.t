#!/bin/sh
# Goal: scripts/demo shows a certificate being issued, more than once, says
# where things lie and stops what it has started.
. "$(dirname "$0")/../lib/tap.sh"

skip_unless_has tcpserver openssl curl dehydrated

# A copy of the tree, so that ./demo of this one is left alone; nothing is
# built in it.
tree=$T/tree
must mkdir -p "$tree/scripts"
must cp -R "$SRC/scripts/." "$tree/scripts"
printf 'all:\n\t@:\n' >"$tree/Makefile"
export BIN

demo() {
	run "$tree/scripts/demo" --no-install
}

for round in first again; do
	demo
	exits 0 "$round: exit code"
	like "$out" '^ready$' "$round: the server runs"
	like "$out" 'cert\.pem: OK$' "$round: the chain is good"
	like "$out" 'DNS:www.localhost' "$round: the name is in it"
	like "$out" '^certificate.1.created.www.localhost' "$round: it is taken in"
	like "$out" '^1.valid.shop.localhost' "$round: another is ordered"
	like "$out" '^shop.localhost.(new|changed)' "$round: it is exported"
	unlike "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ')" \
	    "$tree/demo" "$round: no process is left"
done
sed -n '/^== Done/,$s/^\(demo\/[^ ]*\).*/\1/p' "$T/out" >"$T/paths"
while read -r path; do
	ok "$path is there" test -e "$tree/$path"
done <"$T/paths"

run "$tree/scripts/demo" --nonsense
exits 100 'wrong use'

done_testing
