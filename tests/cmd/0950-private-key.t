#!/bin/sh
# Goal: private-key makes and takes in keys, knows those it has, keeps them
# sealed and shows none.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/store.sh"
skip_unless_has openssl sqlite3

make_store "certificate_key_file = $T/seal.key"
is "$(stat -c %a "$T/seal.key")" 600 'init makes the sealing key'
before=$(sha256sum "$T/seal.key")
must "$BIN/acmed-store" init
is "$(sha256sum "$T/seal.key")" "$before" '... once'

pk() {
	run "$BIN/private-key" "$@"
}
# field NAME N: of the Nth line of $out.
field() {
	printf '%s\n' "$out" | awk -F '\t' -v name="$1" -v line="$(($2 + 1))" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i }
		NR == line { print $at }'
}

# ---- generate ------------------------------------------------------------------

for type in p256 p384 ed25519 rsa2048 rsa3072; do
	pk generate --type $type
	exits 0 "generate $type"
	is "$(field type 1),$(field status 1),$(field source 1)" \
	    "$type,active,generated" '... is what was asked for'
	is "$(field sealed 1),$(field result 1)" yes,created '... sealed, and new'
done
pk generate --count 3 --no-header
is "$(printf '%s\n' "$out" | wc -l)" 3 '--count, --no-header'
for wrong in p521 rsa1024 rsa8192 dsa ''; do
	pk generate --type "$wrong"
	exits 100 "generate --type '$wrong'"
done
pk generate --count 0
exits 100 'generate --count 0'

# ---- import --------------------------------------------------------------------

must openssl ecparam -name prime256v1 -genkey -noout -out "$T/sec1.pem"
must openssl genpkey -algorithm ED25519 -out "$T/ed.pem"
must openssl genrsa -traditional -out "$T/rsa.pem" 2048
must openssl req -x509 -key "$T/rsa.pem" -subj /CN=x -out "$T/cert.pem"
# spki FILE: the identity of the key in it.
spki() {
	openssl pkey -in "$1" -pubout -outform DER | sha256sum | cut -d' ' -f1
}
cat "$T/cert.pem" "$T/sec1.pem" "$T/ed.pem" >"$T/many.pem"
pk import "$T/many.pem" "$T/rsa.pem"
exits 0 'import: several files, several keys in one'
is "$err" '' '... silently'
is "$(field sha256 1)" "$(spki "$T/sec1.pem")" 'an EC key in its old form'
is "$(field sha256 2)" "$(spki "$T/ed.pem")" 'a key in PKCS#8'
is "$(field sha256 3)" "$(spki "$T/rsa.pem")" 'an RSA key in its old form'
is "$(field source 3),$(field result 3)" imported,created 'they are new'
pk import - <"$T/ed.pem"
is "$(field result 1)" known 'standard input; a key that is there is known'
for form in pkcs8 scrypt p12; do
	must openssl ecparam -name secp384r1 -genkey -noout -out "$T/$form.pem"
	printf 'a secret\n' >"$T/password"
	chmod 600 "$T/password"
	case $form in
	pkcs8) must openssl pkcs8 -topk8 -in "$T/$form.pem" -out "$T/$form" \
	    -passout "file:$T/password" ;;
	scrypt) must openssl pkcs8 -topk8 -scrypt -in "$T/$form.pem" \
	    -out "$T/$form" -passout "file:$T/password" ;;
	p12)
		must openssl req -x509 -key "$T/$form.pem" -subj /CN=x \
		    -out "$T/$form.crt"
		must openssl pkcs12 -export -inkey "$T/$form.pem" \
		    -in "$T/$form.crt" -out "$T/$form" \
		    -passout "file:$T/password"
		;;
	esac
	pk import "$T/$form"
	exits 1 "encrypted, $form: refused without a password"
	like "$err" "^private-key: $T/$form: .*needs a password" '... and said so'
	pk import --password-file "$T/password" "$T/$form"
	exits 0 "encrypted, $form: taken with it"
	is "$(field sha256 1)" "$(spki "$T/$form.pem")" '... and right'
done
# In scrypt's parameters: N, two bytes, r and p, one each.
must openssl pkcs8 -topk8 -scrypt -in "$T/sec1.pem" -outform DER \
    -out "$T/dear.der" -passout "file:$T/password"
for dear in '\x02\x02\x7f\xff\x02\x01\x08\x02\x01\x01' \
    '\x02\x02\x40\x00\x02\x01\x08\x02\x01\x10' \
    '\x02\x02\x40\x00\x02\x01\x08\x02\x01\xff'; do
	LC_ALL=C sed "s/\x02\x02\x40\x00\x02\x01\x08\x02\x01\x01/$dear/" \
	    "$T/dear.der" >"$T/dear"
	not_ok "scrypt, other parameters: $dear" cmp -s "$T/dear.der" "$T/dear"
	pk import --password-file "$T/password" "$T/dear"
	exits 1 '... refused'
	like "$err" "$T/dear: .*scrypt that would take more than 32 MiB" '... and said so'
done
chmod 644 "$T/password"
pk import --password-file "$T/password" "$T/p12"
exits 102 'a password that others can read'
echo nonsense >"$T/bad"
pk import "$T/bad" "$T/nosuch" "$T/sec1.pem"
exits 1 'what cannot be read'
like "$err" "$T/bad: " '... is named'
like "$err" "$T/nosuch: " '... also a file that is not there'
is "$(field result 1)" known '... and the rest is done'
pk import "$T/cert.pem"
exits 0 'a file without a key'
is "$out" '' '... has none'

# ---- what is in the store ------------------------------------------------------

is "$(sqlite3 "$T/store/acmed.sqlite" 'SELECT count(*) FROM private_keys
    WHERE sealed = 0')" 0 'all are sealed'
for key in sec1 ed rsa; do
	openssl pkey -in "$T/$key.pem" -outform DER >"$T/der"
	tail -c 32 "$T/der" | od -An -tx1 -v | tr -d ' \n' >"$T/part"
	od -An -tx1 -v "$T"/store/* | tr -d ' \n' >"$T/hex"
	not_ok "$key: nothing of it is in the files of the store" \
	    grep -qF -f "$T/part" "$T/hex"
done
run "$BIN/acmed-store" check
exits 0 'acmed-store check'
run "$BIN/acmed-store" log
like "$out" 'private_key.add.*private_key/1' 'acmed-store log'

# ---- list, states --------------------------------------------------------------

pk list
exits 0 'list'
is "$(printf '%s\n' "$out" | head -n 1)" \
    "$(printf 'id\ttype\tstatus\tsource\tcreated\tsealed\tsha256')" \
    'list: its columns'
is "$(printf '%s\n' "$out" | wc -l)" 15 'list: all of them, and the header'
unlike "$out$err" 'BEGIN|PRIVATE' 'list: no key'
id=$(spki "$T/ed.pem")
pk list "${id%"${id#????????}"}"
is "$(field sha256 1)" "$id" 'list: one by the beginning of its SHA-256'
pk list -j 1
like "$out" '^\{"id":1,"type":"p256","status":"active","source":"generated",' \
    'list --json'
pk list 4711
exits 1 'list: one that is not there'
pk list xyz
exits 100 'list: no name of a key'
pk list --status sealed
exits 100 'list: no such status'
pk retire 1 2
exits 0 'retire'
is "$out$err" '' '... is silent'
pk list --status retired --no-header
is "$(printf '%s\n' "$out" | cut -f1 | paste -sd' ' -)" '1 2' 'they are retired'
pk activate 2
pk list --no-header 2 >"$T/list"
printf '%s\n' "$out" >"$T/list"
run "$BIN/private-key" retire - <"$T/list"
exits 0 'retire -: a list, as list prints it'
pk list --status retired --no-header
is "$(printf '%s\n' "$out" | cut -f1 | paste -sd' ' -)" '1 2' '... is retired'
pk retire 1 3 4711
exits 1 'retire: one that is, one that is not there'
like "$err" 'private key 1 is retired' '... say so'
pk list --status retired --no-header
is "$(printf '%s\n' "$out" | wc -l)" 3 '... and the third is done'
pk activate 1
exits 0 'activate'
pk compromise 1
exits 0 'compromise'
pk activate 1
exits 1 'there is no way back'

# ---- without the sealing key ---------------------------------------------------

mv "$T/seal.key" "$T/away"
pk generate
exits 102 'without the sealing key no key is stored'
like "$err" "$T/seal.key" '... which is named'
pk list 1
exits 0 'list needs it not'
pk compromise 2
exits 0 'nor does what only marks a key'
cp "$T/away" "$T/seal.key"
chmod 640 "$T/seal.key"
pk generate
exits 102 'nor with one that others can read'
run "$BIN/acmed-store" check
exits 1 'acmed-store check'
like "$out" "$T/seal.key" '... names it'
sed '/certificate_key_file/d' "$ACMED_CONFIG" >"$T/clear.conf"
pk generate -c "$T/clear.conf"
exits 0 'without one configured'
is "$(field sealed 1)" no 'keys are in the clear'
chmod 600 "$T/seal.key"
run "$BIN/acmed-store" check
exits 1 'acmed-store check'
like "$out" 'private_key/[0-9]*: .*not sealed' '... says so'

# ---- what cannot be opened -----------------------------------------------------

copy=$T/copy/acmed.sqlite
mkdir "$T/copy"
must "$BIN/acmed-store" backup "$copy"
sqlite3 "$copy" "DELETE FROM private_keys WHERE sealed = 0;
    UPDATE private_keys SET der = CAST(substr(der, 1, 60) || x'00000000' ||
    substr(der, 65) AS BLOB) WHERE id = 3;
    UPDATE private_keys SET der = x'00' WHERE id = 4"
run "$BIN/acmed-store" -s "$copy" check
exits 1 'acmed-store check: keys that are damaged'
is "$out" "$(printf 'private_key/%s: a sealed value is not whole%s\n' \
    3 ", or is another's" 4 '')" '... are named'
must "$BIN/acmed-store" backup "$T/copy/other.sqlite"
sqlite3 "$T/copy/other.sqlite" 'DELETE FROM private_keys WHERE sealed = 0'
sed "s|$T/seal.key|$T/other.key|" "$ACMED_CONFIG" >"$T/other.conf"
run "$BIN/acmed-store" -c "$T/other.conf" init
exits 102 'a new sealing key is no other for that of the store'
like "$err" ' \[store\] certificate_key_file: the key in it is ' '... which is told'
run "$BIN/acmed-store" -c "$T/other.conf" -s "$T/copy/other.sqlite" check
exits 1 '... and those that are sealed under another key'
like "$out" '^private_key/1: sealed under another key' '... of which the first is named'
like "$out" '^private_key: 1[0-9] more are sealed so$' '... and the others counted'
must openssl req -x509 -key "$T/rsa.pem" -subj /CN=tree.example -days 9 \
    -out "$T/tree.crt"
before=$(sqlite3 "$T/copy/other.sqlite" .dump)
for program in "private-key generate" "private-key import $T/rsa.pem" \
    "private-key pool --type p256 --size 99" \
    "cert-import $T/tree.crt $T/rsa.pem" "cert-export --tree certbot $T/tree"; do
	# shellcheck disable=SC2086
	run "$BIN"/$program -c "$T/other.conf" -s "$T/copy/other.sqlite"
	exits 102 "$program: with another sealing key"
	like "$err" ' \[store\] certificate_key_file: the key in it is ' '... which is told'
	is "$(printf '%s\n' "$err" | wc -l)" 1 '... in one line'
done
is "$(sqlite3 "$T/copy/other.sqlite" .dump)" "$before" '... and nothing is stored'
sqlite3 "$T/copy/other.sqlite" 'DELETE FROM sealing_keys'
must "$BIN/cert-import" -q -c "$T/other.conf" -s "$T/copy/other.sqlite" \
    "$T/tree.crt" "$T/rsa.pem"
run "$BIN/cert-export" -c "$T/other.conf" -s "$T/copy/other.sqlite" \
    --tree certbot "$T/tree"
exits 102 'cert-export --tree'
like "$err" 'private key [0-9]*: sealed under another key' '... names it, too'
touch "$T/other.key.new"
run "$BIN/acmed-store" -c "$T/other.conf" -s "$T/copy/other.sqlite" check
unlike "$out" 'private_key' '... not while a rekey has not come to its end'

# ---- pool ----------------------------------------------------------------------

pk pool --type p256 --size 2 --no-header
is "$status $(printf '%s\n' "$out" | grep -c created)" '0 2' 'pool makes keys'
pk pool --type p256 --size 3 --no-header
is "$status $(printf '%s\n' "$out" | grep -c created)" '0 1' '... as many as are missing'
pk pool --type p256 --size 2
is "$status $out" '0 ' '... none when there are enough'
pk retire "$(sqlite3 "$T/store/acmed.sqlite" 'SELECT min(id) FROM private_keys
    WHERE pooled = 1')"
pk pool --type p256 --size 3 --no-header
is "$(printf '%s\n' "$out" | grep -c created)" 1 '... one that was retired is none'
pk pool --type p521
exits 100 'pool --type p521'
pk pool --size 0
exits 100 'pool --size 0'

# ---- rekey --------------------------------------------------------------------------

store() {
	run "$BIN/acmed-store" "$@"
}
for round in 1 2 3 4 5 6; do
	pids=''
	for _ in 1 2 3; do
		"$BIN/acmed-store" rekey 2>>"$T/rekeys" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || [ $? -eq 111 ] || echo "round $round: $?" >>"$T/rekeys"
	done
done
is "$(grep -v 'another rekey is at work\|store.rekeyed' "$T/rekeys")" '' 'rekey: several at once'
run flock "$T/seal.key.lock" "$BIN/acmed-store" rekey
exits 111 '... while another is at work'
like "$err" 'another rekey is at work' '... which is told'
store rekey
exits 0 '... and one more'
store check
is "$status $out" '0 ' '... lose nothing'
id=$(sqlite3 "$T/store/acmed.sqlite" 'SELECT lower(hex(key_id)) FROM sealing_keys')
: >"$T/seal.key.old-$id"
store rekey
exits 102 'rekey: something else is where the key of before is to be kept'
like "$err" "seal\.key\.old-$id: the key of .* is to be kept there" '... is told'
rm "$T/seal.key.old-$id"
store rekey
exits 0 '... and it is no more'
mv "$T/seal.key" "$T/away"
store check
exits 1 'check: without the sealing key'
like "$out" '\[store\] certificate_key_file: .*seal\.key.* cannot be opened$' '... tells it'
echo garbage >"$T/seal.key"
chmod 600 "$T/seal.key"
store check
exits 1 'check: with something else'
mv "$T/away" "$T/seal.key"
sed "s|^certificate_key_file.*|&\naccount_key_file = $T/seal.key|" \
    "$ACMED_CONFIG" >"$T/twice.conf"
store config --check -c "$T/twice.conf"
exits 102 'one file for two settings'
like "$err" 'is a file of its own' '... is told'

# ---- EXAMPLES of the manual page -------------------------------------------------

grep -q '^\$ private-key list$' "$SRC/man/private-key.1" ||
    must false 'no such example'
PATH=$BIN:$PATH
run sh -c "$(sed -n "/^\.Sh EXAMPLES/,/^\.Sh SEE/{
    s|/etc/ssl/private/www.example.org.pem|$T/many.pem|
    s/^\\$ //p; }" "$SRC/man/private-key.1")"
exits 0 'the examples'
is "$(printf '%s\n' "$out" | grep -cE '	(created|known)$')" 5 \
    '... one key made, two for the pool, two taken in'
pk dance
exits 100 'no such command'
pk
exits 100 'no command'

done_testing
