#!/bin/sh
# Goal: cert-export --tree keeps trees as gateways read them: whole sets only,
# whenever it is killed; what is right is left alone, what is wrong put right,
# what is others' never touched.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
skip_unless_has openssl sqlite3

make_export_store
enter a DNS:a.example
enter b 'DNS:b.example,DNS:www.b.example,DNS:*.w.example'
enter ip 'IP:192.0.2.7,IP:2001:db8::7'
request bare DNS:bare.example
sign bare
enter gone DNS:gone.example
sql "UPDATE certificates SET active = 0 WHERE id = 5"
enter off DNS:off.example
sql "UPDATE domains SET active = 0 WHERE value = 'off.example'"
off=$(sql "SELECT max(id) FROM certificates")
sql "UPDATE certificates SET active = 0 WHERE id = $off"

# tree LAYOUT [OPTION...]: into $T/LAYOUT.
tree() {
	tree_layout=$1
	shift
	export_cert --tree "$tree_layout" "$@" "$T/$tree_layout"
}
# names: that the last run has told of, each with what has changed.
changes() {
	printf '%s\n' "$out" | sed 1d | cut -f1,2 | tr '\t' '=' | sort | xargs
}
# bundle NAME: leaf, chain and key.
bundle() {
	cat "$T/$1.crt"
	openssl pkey -in "$T/$1.key"
}
# entries DIRECTORY: what is in it.
entries() {
	find "$1" -mindepth 1 -maxdepth 1 -not -name '.*' -printf '%f\n' |
	sort | xargs
}

# ---- the layouts ---------------------------------------------------------------

all='*.w.example=new 192.0.2.7=new 2001:db8::7=new a.example=new b.example=new'
all="$all www.b.example=new"
for layout in certbot peter_sslers haproxy nginx envoy kubernetes traefik; do
	tree $layout
	exits 0 "$layout"
	is "$err" '' '... in silence'
	is "$(changes)" "$all" '... tells what is new'
	find "$T/$layout" ! -name lock -printf '%p %i %T@ %C@ %l\n' | sort >"$T/before"
	tree $layout
	exits 0 "$layout, again"
	is "$out$err" '' '... has nothing to tell'
	find "$T/$layout" ! -name lock -printf '%p %i %T@ %C@ %l\n' | sort >"$T/after"
	is "$(cat "$T/after")" "$(cat "$T/before")" '... and touches nothing'
	is "$(find "$T/$layout" -type f -perm /077 -exec grep -l PRIVATE {} +)" '' \
	    '... keys are their owner'\''s alone'
done
names='192.0.2.7 2001_db8__7 _.w.example a.example b.example www.b.example'
live=$T/certbot/live
is "$(entries "$live")" "$names" 'certbot: a directory for each name'
is "$(cat "$live/a.example/fullchain.pem")" "$(cat "$T/a.crt")" \
    '... fullchain.pem'
is "$(cat "$live/a.example/cert.pem" "$live/a.example/chain.pem")" \
    "$(cat "$T/a.crt")" '... cert.pem and chain.pem'
is "$(cat "$live/_.w.example/privkey.pem")" "$(openssl pkey -in "$T/b.key")" \
    '... privkey.pem'
sets=$T/peter_sslers/certificates/global
is "$(entries "$sets")" "$(echo "$names" | sed 's/b.example/& rc-1 rc-2 rc-3/')" \
    'peter_sslers: sets, and a label for each name'
is "$(cat "$sets/www.b.example/primary/fullchain.pem" \
    "$sets/rc-2/primary/pkey.pem")" "$(bundle b)" '... with what belongs there'
is "$(cat "$T/haproxy/certs/b.example.pem")" "$(bundle b)" \
    'haproxy: a file for each name'
is "$(sort "$T/haproxy/crt-list")" "$T/haproxy/certs/192.0.2.7.pem
$T/haproxy/certs/_.w.example.pem *.w.example b.example www.b.example
$T/haproxy/certs/a.example.pem a.example" '... a line for each certificate'
is "$(cat "$T/nginx/www.b.example.pem")" "$(bundle b)" \
    'nginx: a file for each name'
is "$(cat "$T/nginx/wildcards.map")" '*.w.example _.w.example;' \
    '... and a map of wildcards'
current=$T/envoy/a.example/current
is "$(cat "$current/fullchain.pem" "$current/privkey.pem")" "$(bundle a)" \
    'envoy: a directory for each name'
is "$(grep -E 'filename|path' "$current/sds.yaml" | cut -d'"' -f2)" \
    "$current/fullchain.pem
$current/privkey.pem
$T/envoy/a.example" '... with a secret that names its files'
k8s=$T/kubernetes
is "$(entries "$k8s")" '192.0.2.7.yaml a.example.yaml b.example.yaml ip6-2001-db8--7.yaml wildcard.w.example.yaml www.b.example.yaml' \
    'kubernetes: a file for each name'
is "$(sed -n 's/^  tls.*: //p' "$k8s/a.example.yaml" | base64 -d)" \
    "$(bundle a)" '... with certificate and key'
like "$(cat "$k8s/wildcard.w.example.yaml")" '^type: kubernetes.io/tls' \
    '... of the right type'
is "$(sed -n 's/.*: "\(.*\)"/\1/p' "$T/traefik/dynamic/a.example.yaml" |
    xargs cat)" "$(bundle a)" 'traefik: a file for each name, that names two'

# Nothing is ordered for it any more; what there is of it is served on.
sql "UPDATE certificates SET active = 1 WHERE id = $off"
tree certbot
is "$status $(changes)" '0 off.example=new' 'a domain that is disabled'
sql "UPDATE certificates SET active = 0 WHERE id = $off"
tree certbot --delete
is "$(changes)" off.example=removed '... until it has no certificate'

tree haproxy --since 1h
exits 0 '--since'
tree certbot --json --since 2000-01-01T00:00:00Z
is "$out$err" '' '... has nothing to tell'
export_cert --tree nginx "$T/haproxy"
exits 1 'a tree of another layout'
like "$err" 'of another layout, haproxy' '... is left alone'

for layout in envoy traefik; do
	mv "$T/$layout" "$T/moved"
	export_cert --tree $layout "$T/moved"
	exits 0 "a tree that has moved, $layout"
	not_ok '... has its new path' grep -rq "$T/$layout" "$T/moved/.acmed"
	export_cert --tree $layout "$T/moved"
	is "$out" '' '... once'
	mv "$T/moved" "$T/$layout"
	tree $layout >/dev/null
done
tree certbot --chain-shortest
is "$out" '' 'another choice of the same chain changes nothing'

# ---- what somebody has changed -------------------------------------------------

archive=$T/certbot/.acmed
before=$(cat "$live/a.example/privkey.pem")
echo x >>"$live/a.example/privkey.pem"
tree certbot
is "$(changes)" a.example=mended 'a file that somebody has added to'
is "$(cat "$live/a.example/privkey.pem")" "$before" '... is as it was'
sed -i 's/^M/N/' "$live/a.example/cert.pem"
tree certbot
is "$(cat "$live/a.example/cert.pem")" "$(openssl x509 -in "$T/a.crt")" \
    'one that has kept its size'
rm "$live/a.example/chain.pem"
chmod 644 "$live/a.example/privkey.pem"
tree certbot
exits 0 'one that is gone, and a mode'
ok '... the file is back' test -s "$live/a.example/chain.pem"
is "$(stat -Lc %a "$live/a.example/privkey.pem")" 600 '... so is the mode'
touch -r "$live/a.example/cert.pem" "$T/time"
sed -i 's/^M/N/' "$live/a.example/cert.pem"
touch -r "$T/time" "$live/a.example/cert.pem"
tree certbot
is "$out" '' 'one whose time was forged as well'
tree certbot --verify
is "$(changes)" a.example=mended '... is found by --verify'
mkdir "$T/outside"
rm "$live/a.example"
ln -s "$T/outside" "$live/a.example"
rm "$live/b.example/cert.pem"
ln -s "$T/outside/file" "$live/b.example/cert.pem"
rm "$live/192.0.2.7"
echo mine >"$live/192.0.2.7"
tree certbot
exits 0 'links that lead out, a file in the place of a link'
is "$(entries "$T/outside")" '' '... are not followed'
like "$(readlink "$live/a.example")" '^\.\./\.acmed/1-1-' '... but replaced'
is "$(stat -c %F "$live/b.example/cert.pem")" 'regular file' '... all of them'
ok '... the file, too' test -s "$live/192.0.2.7/cert.pem"
rm "$live/192.0.2.7"
mkdir "$live/192.0.2.7"
tree certbot
exits 1 'a directory in the place of a link'
like "$err" "^cert-export: $live/192.0.2.7: " '... is named'
rmdir "$live/192.0.2.7"
mv "$live" "$T/live"
ln -s "$T/outside" "$live"
tree certbot
exits 1 'a link in the place of a directory'
is "$(entries "$T/outside")" '' '... is not followed either'
rm "$live"
mv "$T/live" "$live"
tree certbot --mode 640
exits 0 --mode
is "$(stat -Lc %a "$live/a.example/privkey.pem" "$live/a.example/cert.pem" |
    xargs)" '640 644' '... is that of keys'
if [ "$(id -u)" -eq 0 ]; then
	tree certbot --owner daemon --group 1234
	is "$(stat -Lc '%U %g %a' "$live/a.example/privkey.pem")" \
	    'daemon 1234 600' '--owner, --group'
else
	skip 1 'needs root'
fi
tree certbot
exits 0 'and back'

# ---- renewal, and what is served no more -----------------------------------------

since=$(date -u +%Y-%m-%dT%H:%M:%SZ)
cp "$T/a.crt" "$T/a.old"
sign a
sql "UPDATE certificates SET created = created + 7200 WHERE id = 7"
tree certbot --since "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)"
is "$(changes)" a.example=changed '--since: what has come since'
is "$(cat "$live/a.example/fullchain.pem")" "$(cat "$T/a.crt")" \
    '... has another certificate'
is "$(cat "$archive"/1-1-*/fullchain.pem)" "$(cat "$T/a.old")" \
    '... the old one is there for its readers'
export_cert --tree haproxy --since "$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)" \
    "$T/delta"
is "$(cat "$T/delta/crt-list")" "$T/delta/certs/a.example.pem a.example" \
    '... into a new tree: nothing but that'
tree certbot
not_ok '... until the run after the next' ls "$archive"/1-1-*
sql "UPDATE certificates SET active = 0 WHERE id = 2"
tree certbot
is "$out" '' 'what is served no more'
ok '... stays without --delete' test -s "$live/b.example/cert.pem"
rm "$T/haproxy/certs/a.example.pem"
mkdir "$T/haproxy/certs/a.example.pem"
tree haproxy
exits 1 'a directory in the place of a file of HAProxy'
not_ok '... is not in its list' grep -q a.example "$T/haproxy/crt-list"
rmdir "$T/haproxy/certs/a.example.pem"
echo mine >"$live/README"
ln -s /nowhere "$live/other"
for layout in certbot peter_sslers haproxy nginx envoy kubernetes traefik; do
	tree $layout >/dev/null
	tree $layout --delete
	exits 0 "--delete, $layout"
	is "$(printf '%s\n' "$out" | grep -c removed)" 3 '... removes three names'
	[ $layout = kubernetes ] ||
	    like "$out" '\*\.w\.example	removed' '... as they were called'
	is "$(find "$T/$layout" | grep -c 'b[.]example')" \
	    "$(find "$T/$layout/.acmed" | grep -c 'b[.]example')" '... all of them'
	tree $layout
	is "$out" '' '... once'
	is "$(find "$T/$layout" -xtype l | grep -v other)" '' \
	    '... and no link is left that leads nowhere'
done
is "$(cat "$live/README")$(readlink "$live/other")" mine/nowhere \
    'what others have put there stays'
not_ok 'haproxy: the list is without them' grep -q b.example \
    "$T/haproxy/crt-list"
sql "UPDATE certificates SET active = 1 WHERE id = 2"
"$BIN/acmed-store" log >/dev/null
tree certbot
is "$(changes)" '*.w.example=new b.example=new www.b.example=new' 'and back'
sql "UPDATE certificates SET active = 0 WHERE id = 2;
    INSERT INTO events (at, request_id, actor, action, object_type, object_id)
    VALUES ($(date +%s), '', '', 'certificate.deactivate', 'certificate', 2)"
tree certbot --since "$since" --delete
is "$(changes)" \
    '*.w.example=removed b.example=removed www.b.example=removed' \
    '--since --delete'
cp -r "$T/store" "$T/store.full"
sql 'UPDATE certificates SET active = 0'
tree certbot --delete
exits 1 'a store with nothing for a tree'
like "$err" 'nothing is removed' '... may be the wrong one'
ok '... nothing is removed' test -s "$live/a.example/cert.pem"
rm -r "$T/store"
mv "$T/store.full" "$T/store"
sql "UPDATE certificates SET not_after = 1000000000 WHERE id = 3"
tree certbot
exits 0 'a name that has only what has expired'
like "$err" 'warn: export.done .*not_valid_now=2' '... is a warning'
enter evil 'DNS:evil.example,DNS:good.example'
sql "UPDATE domains SET value = '../../evil' WHERE value = 'evil.example'"
tree certbot
exits 1 'a name that is a path'
like "$err" '^cert-export: \.\./\.\./evil: not fit' '... is refused'
ok '... the other one of the certificate is there' \
    test -s "$live/good.example/cert.pem"
sql 'UPDATE certificates SET active = 0 WHERE id = 8'

# ---- another one at the same time --------------------------------------------------

if command -v flock >/dev/null; then
	flock "$archive/lock" "$BIN/cert-export" --tree certbot "$T/certbot" \
	    2>"$T/err"
	is $? 111 'another one has the tree'
else
	skip 1 'needs flock'
fi

# ---- killed ------------------------------------------------------------------------

SHIM=${TOOLS%/tool}/preload/shim.so
case $BIN in
*/asan/*) SHIM='' ;;
esac
[ -e "$SHIM" ] || SHIM=''

# killed LAYOUT WHERE [OPTION...]: 0 when the run was killed, 1 when it came to
# its end; what it has told of is in $T/said.
killed() {
	killed_layout=$1
	killed_at=$2
	shift 2
	rm -f "$T/faults" "$T/faults.log"
	LD_PRELOAD=$SHIM FAULT_FILE=$T/faults FAULT=$killed_at \
	    "$BIN/cert-export" --tree "$killed_layout" "$@" "$T/round" \
	    >"$T/said" 2>/dev/null
	[ $? -eq 137 ]
}
# listed: each file in the crt-list of $T/round is there, and is whole.
listed() {
	while read -r file _; do
		openssl x509 -in "$file" -noout 2>/dev/null || return 1
	done <"$T/round/crt-list"
}
# whole: every set in $T/round is the old one or the new one.
whole() {
	for name in a.example c.example; do
		case $layout in
		certbot) set -- "$T/round/live/$name/fullchain.pem" \
		    "$T/round/live/$name/privkey.pem" ;;
		nginx) set -- "$T/round/$name.pem" ;;
		esac
		[ -e "$1" ] || [ ! -L "${1%/fullchain.pem}" ] || return 1
		[ -e "$1" ] || continue
		case $(cat "$@") in
		"$old_a" | "$new_a" | "$c") ;;
		*) return 1 ;;
		esac
	done
}

if [ -n "$SHIM" ]; then
	enter c DNS:c.example
	c=$(bundle c)
	for layout in certbot nginx; do
		sql "UPDATE certificates SET active = 0 WHERE id = 9"
		rm -rf "$T/old"
		must "$BIN/cert-export" --tree $layout "$T/old"
		old_a=$(bundle a)
		sign a
		new_a=$(bundle a)
		sql "UPDATE certificates SET active = 1 WHERE id = 9;
		    UPDATE certificates SET active = 0 WHERE id = 3"
		for how in before half; do
			n=1 bad=''
			while :; do
				rm -rf "$T/round"
				cp -a "$T/old" "$T/round"
				killed $layout "cert-export:$n:$how" --delete ||
					break
				whole || bad="$bad $n:halves"
				"$BIN/cert-export" --tree $layout --delete \
				    "$T/round" >/dev/null 2>&1 ||
				    bad="$bad $n:again"
				whole || bad="$bad $n:then"
				"$BIN/cert-export" --tree $layout --delete \
				    "$T/round" >"$T/out" 2>&1 ||
				    bad="$bad $n:still"
				[ -s "$T/out" ] && bad="$bad $n:tells"
				[ "$(find "$T/round" -name 'tmp.*' -o \
				    -name '.acmed-new' -o -name 'new.*')" ] &&
				    bad="$bad $n:left"
				[ "$(entries "$T/round/.acmed" | wc -w)" -eq 4 ] ||
				    bad="$bad $n:$(entries "$T/round/.acmed")"
				n=$((n + 1))
			done
			is "$bad" '' "$layout, killed at $how each of $n calls"
			ok '... of which there are some' test "$n" -gt 20
		done
		sql 'UPDATE certificates SET active = 1 WHERE id = 3'
	done

	# The list never names what is not there: not while names go and come,
	# and not for who looks at all, or only at what has changed.
	rm -rf "$T/old" "$T/round"
	must "$BIN/cert-export" --tree haproxy "$T/round"
	mv "$T/round" "$T/old"
	c_id=$(openssl x509 -in "$T/c.crt" -noout -fingerprint -sha256 |
	    sed 's/.*=//; s/://g')
	must "$BIN/cert-manage" deactivate "$c_id"
	sign a
	enter d DNS:d.example
	for option in --delete '--delete --since 1h'; do
		n=1 bad=''
		while :; do
			rm -rf "$T/round"
			cp -a "$T/old" "$T/round"
			# shellcheck disable=SC2086 # words
			killed haproxy "cert-export:$n:before" $option || break
			listed || bad="$bad $n:list"
			# shellcheck disable=SC2086 # words
			"$BIN/cert-export" --tree haproxy $option "$T/round" \
			    >/dev/null 2>&1 || bad="$bad $n:again"
			listed || bad="$bad $n:then"
			n=$((n + 2))
		done
		is "$bad" '' "crt-list, $option, killed at every other of $n calls"
		is "$(entries "$T/round/certs" | grep -c c.example)$(grep -c \
		    'd.example' "$T/round/crt-list")" 01 '... names went and came'
	done
	must "$BIN/cert-manage" activate "$c_id"

	# What is mended is told, by the run that was killed or by the next: each
	# name of it, also when others are between them.
	enter e DNS:b1.example
	enter f DNS:f.example
	enter m 'DNS:b1.example,DNS:z.example'
	rm -rf "$T/old" "$T/round"
	must "$BIN/cert-export" --tree certbot "$T/round"
	mv "$T/round" "$T/old"
	echo x >>"$T/old/live/z.example/fullchain.pem"
	chmod 644 "$T/old/live/d.example/privkey.pem"
	rm -r "$(readlink -f "$T/old/live/c.example")"
	n=1 bad=''
	while :; do
		rm -rf "$T/round"
		cp -a "$T/old" "$T/round"
		killed certbot "cert-export:$n:before" --delete || break
		"$BIN/cert-export" --tree certbot --delete "$T/round" \
		    >>"$T/said" 2>/dev/null
		for name in b1.example z.example c.example d.example; do
			grep -q "^$name	mended" "$T/said" ||
				bad="$bad $n:$name"
		done
		n=$((n + 2))
	done
	is "$bad" '' "what is mended, killed at every other of $n calls, is told"
	run "$BIN/cert-export" --tree certbot --delete "$T/round"
	is "$status $out" '0 ' '... until it has been'
else
	skip 14 'needs the shim, and no sanitizer'
fi

# ---- two names, one file -----------------------------------------------------------

enter star 'DNS:*.t.example'
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj / -addext subjectAltName=DNS:_.t.example -keyout "$T/under.key" \
    -out "$T/under.crt"
must "$BIN/cert-import" -q --key "$T/under.key" "$T/under.crt"
enter exact DNS:x.t.example
rm -rf "$T/nginx"
tree nginx
exits 1 'two names that would have one file'
like "$err" '_.t.example: another name has the file _.t.example already' \
    '... one is told'
is "$(cat "$T/nginx/_.t.example.pem")" "$(bundle star)" '... the first has it'
tree nginx
is "$out" '' '... each time'
is "$(grep -c t.example "$T/nginx/wildcards.map")" 2 \
    'a name that a wildcard would take is in the map'
like "$(cat "$T/nginx/wildcards.map")" '^x.t.example x.t.example;$' \
    '... by itself'
# ---- what is told before it is done ---------------------------------------------
if command -v strace >/dev/null; then
	# Leaks cannot be looked for under strace.
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 \
	    strace -f -o "$T/trace" -e trace=write,rename,renameat,renameat2 \
	    "$BIN/cert-export" --tree haproxy "$T/told" >"$T/told.out"
	is "$(sed -n '/write(1, "name/{s/.*/told/p;q}; /acmed-new.*pem/{p;q}' \
	    "$T/trace")" told 'a name is told of before its link is switched'
else
	skip 1 'no strace'
fi

# ---- another chain -----------------------------------------------------------------

make_export_store "$T/second/acmed.sqlite"
# certify NAME KEY ISSUER [OPTION...]: $T/NAME.pem.
certify() {
	certify_name=$1 certify_key=$2 certify_ca=$3
	shift 3
	[ -e "$T/$certify_key.key" ] || must openssl genpkey -algorithm ED25519 \
	    -out "$T/$certify_key.key"
	must openssl req -x509 -key "$T/$certify_key.key" -CA "$T/$certify_ca.pem" \
	    -CAkey "$T/$certify_ca.key" -out "$T/$certify_name.pem" "$@"
}
for root in one two; do
	must openssl req -x509 -newkey ed25519 -nodes -subj "/CN=$root" \
	    -keyout "$T/$root.key" -out "$T/$root.pem"
	certify "sub-$root" sub "$root" -subj /CN=sub
done
cp "$T/sub.key" "$T/sub-one.key"
printf '[req]\ndistinguished_name = none\n[none]\n' >"$T/leaf.cnf"
certify chain chain sub-one -config "$T/leaf.cnf" -subj / \
    -addext subjectAltName=DNS:chain.example
import() {
	must "$BIN/cert-import" -q "$@"
}
prefer() {
	must "$BIN/cert-manage" prefer "$@"
}
# since: what the tree gets of the last minutes; it was long ago then.
since() {
	export_cert --tree certbot --since 1h "$T/since"
	sql 'UPDATE events SET at = at - 7200;
	    UPDATE domains SET created = created - 7200;
	    UPDATE certificates SET created = created - 7200,
	    not_before = not_before - 7200'
}
has_chain() {
	ok "... with the chain to $1" cmp "$T/since/live/chain.example/chain.pem" \
	    "$T/sub-$1.pem"
}
import "$T/chain.pem" --chain "$T/sub-one.pem"
import "$T/sub-two.pem"
since
is "$(changes)" '' '--since: a certificate without its key'
import "$T/chain.key"
since
is "$(changes)" chain.example=new '... which comes later'
has_chain one
prefer "$(openssl x509 -in "$T/sub-two.pem" -outform DER | sha256sum |
    cut -d' ' -f1)"
since
is "$(changes)" chain.example=changed \
    'the wish for a chain that the CA certificate alone has made'
has_chain two
import "$T/chain.pem" --chain "$T/sub-two.pem"
since
is "$(changes)" '' '... which is brought, too'
sql "DELETE FROM certificate_chains WHERE chain_id IN (SELECT m.chain_id
    FROM chain_members m JOIN ca_preferences p
    ON p.ca_certificate_id = m.ca_certificate_id)"
import --ca "$T/sub-two.pem"
since
like "$(changes)" '^chain.example=' '... and comes later, with the CA certificate'
has_chain two
prefer none
since
is "$(changes)" chain.example=changed 'no wish any more'
has_chain one

# ---- a key that does not open --------------------------------------------------

prefer none
certify broken broken sub-one -config "$T/leaf.cnf" -subj / \
    -addext subjectAltName=DNS:chain.example -days 99
for layout in haproxy peter_sslers; do
	export_cert --tree $layout "$T/broken-$layout"
done
import "$T/broken.pem" "$T/broken.key"
broken=$(sqlite3 "$DB" 'SELECT max(id) FROM private_keys')
certify later later sub-one -config "$T/leaf.cnf" -subj / \
    -addext subjectAltName=DNS:later.example
import "$T/later.pem" "$T/later.key"
# under another seal; damaged
for how in "substr(der, 1, 1) || x'0000000000000000' || substr(der, 10)" \
    "x'00'"; do
	sql "UPDATE private_keys SET der = CAST($how AS BLOB)
	    WHERE id = $broken"
	for layout in haproxy peter_sslers; do
		export_cert --tree $layout --delete "$T/broken-$layout"
		like "$status $err" '^(1|102|111) .*private key [0-9]*: ' \
		    "$layout: a key that does not open is named"
		unlike "$(changes)" removed '... and its name has what it had'
	done
	ok '... and the rest is done' \
	    test -e "$T/broken-haproxy/certs/later.example.pem"
	ok '... also in the list of all' \
	    grep -q '/chain.example.pem chain.example$' "$T/broken-haproxy/crt-list"
	ok '... and on disk' openssl x509 -noout -in \
	    "$T/broken-peter_sslers/certificates/global/chain.example/primary/cert.pem"
done

# ---- a directory that cannot be ------------------------------------------------

for place in none/tree broken.pem broken.pem/tree; do
	export_cert --tree haproxy "$T/$place"
	exits 100 "no place for a tree: $place"
	like "$err" "/$place: cannot make the directory: " '... says why'
	is "$(printf '%s\n' "$err" | wc -l)" 1 '... in one line'
done
not_ok '... and makes nothing on the way' test -e "$T/none"

done_testing
