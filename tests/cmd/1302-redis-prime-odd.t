#!/bin/sh
# Goal: what stands in the Redis at a place of ours, and is not ours, or of
# another type, is mended like any other change, and keeps nobody from the rest;
# what redis-prime has not written it does not remove, or take for something.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
skip_unless_has openssl sqlite3

start_primed_redis
cp "$T/acmed.conf" "$T/plain.conf"
enter a DNS:a.example
enter b DNS:b.example

# told: what --diff says.
told() {
	printf '%s\n' "$out" | sed 1d | cut -f1,2 | sort | xargs
}

# ---- of another type -----------------------------------------------------------

# spoil TYPE KEY
spoil() {
	r del "$2" >/dev/null
	case $1 in
	string) r set "$2" x ;;
	list) r lpush "$2" x ;;
	hash) r hset "$2" x y ;;
	esac >/dev/null
}
for style in 1 2 kong; do
	case $style in
	1) key=d1:b.example other=string ;;
	2) key=d2:b.example other=list ;;
	kong) key=kong_acme:cert_key:b.example other=hash ;;
	esac
	sed "s|^url = redis.*|&/9|; s/^prime_style.*/prime_style = $style/" \
	    "$T/plain.conf" >"$T/acmed.conf"
	for what in "$other $key" "list ~v:{$key}"; do
		# shellcheck disable=SC2086 # words
		again() {
			r flushall >/dev/null
			prime --all
			spoil $what
			prime "$@"
		}
		again --all
		is "$status $(counts | cut -d' ' -f4,5)" '0 1 1' \
		    "style $style, a $what: --all mends it"
		again --all --verify
		is "$status $(counts | cut -d' ' -f4,5)" '0 1 1' '... and --verify'
		again --all --diff
		is "$status $(told)" "0 $key changed" '... --diff tells it'
		again --all --prune
		is "$status $(counts | cut -d' ' -f4-6)" '0 1 1 0' '... and --prune'
		again b.example
		is "$status $(counts | cut -d' ' -f4)" '0 1' '... by its name'
		prime --all --verify
		is "$(counts)" '0 0 0 0 2 0 0' '... so'
		again --flush
		exits 0 '... and --flush'
	done
done
cp "$T/plain.conf" "$T/acmed.conf"
for what in 'list c:2' 'list ~acmed:fence'; do
	again --all --verify
	exits 0 "a $what"
	prime --all --verify
	is "$(counts)" '0 0 0 0 2 0 0' '... is mended'
done

# ---- of somebody else ----------------------------------------------------------

r flushall >/dev/null
prime --all
pem=$(value c:1)
r set p2024 foreign >/dev/null
r hset c7 x y >/dev/null
r set i:99 foreign >/dev/null
r set c:12 '' >/dev/null
r lpush p:13 x >/dev/null
r set c14 "$pem" >/dev/null
r set c:15 "$pem" >/dev/null
foreign='p2024 c7 i:99 c:12 p:13 c14'
# shellcheck disable=SC2086 # words
prime --all --prune --diff
is "$(told)" 'c:15 removed' 'what no name points to: --diff --prune tells what is ours'
prime --all --prune
# shellcheck disable=SC2086 # words
is "$(counts | cut -d' ' -f6) $(r exists $foreign)" '1 6' '... and only that goes'
prime --flush --diff
is "$(told)" "$(printf '%s removed\n' c:1 c:15 c:2 d1:a.example d1:b.example \
    i:1 p:1 p:2 | xargs)" '--flush --diff tells all that is ours'
prime --flush
# shellcheck disable=SC2086 # words
is "$(r exists $foreign) $(r --scan --pattern '[cpid]*:*' | sort | xargs)" \
    '6 c:12 i:99 p:13' '--flush, too'
prime --flush --readme-keys --diff
is "$(told)" 'c14 removed' '... with --readme-keys also what is like those'
prime --flush --readme-keys
is "$(r exists p2024 c7 c14)" 2 '... so'
prime --all --readme-keys
is "$(r exists c1 p1 i1)" 3 'values of the README'
prime --all --prune
is "$(r exists d:a.example c1 p1 i1)" 3 '... stay without --readme-keys'
prime --flush --readme-keys
is "$(r exists c1 p1 i1)" 0 '... and go with them'

enter c5 DNS:c5
enter c DNS:c,DNS:d5
prime --style 2 --readme-keys --all
is "$(counts | cut -d' ' -f4) $(r type c5) $(r exists d2:c5 c d5)" '9 none 3' \
    'a name that is like a value has no README key'
prime --style 2 --readme-keys --all
is "$(counts | cut -d' ' -f4,5)" '0 5' '... again'
sql 'UPDATE certificates SET active = 0 WHERE id IN (3, 4)'
prime --style 2 --flush --readme-keys

# ---- halves --------------------------------------------------------------------

z() {
	redis-cli -p "$redis_port" "$@"
}
prime --style traefik --all
at=traefik/tls/certificates
ok 'traefik: for ever' [ "$(z pttl $at/1/keyFile)" = -1 ]
echo 'timeout_pkey = 100s' >>"$T/acmed.conf"
prime --style traefik --all
is "$(counts)" '0 2 2 2 0 0 0' '... then with times'
over=$(z pexpiretime $at/1/keyFile)
ok '... of all' [ "$over" -gt 0 ]
is "$(z pexpiretime $at/1/certFile) $(z pexpiretime $at/1/stores/0)" "$over $over" \
    '... which go at the same time'
prime --style traefik --flush
printf 'timeout_cert = 50s\ntimeout_domain = 70s\n' >>"$T/acmed.conf"
prime --style traefik --all
over=$(z pexpiretime $at/1/keyFile)
is "$(z pexpiretime $at/1/certFile) $(z pexpiretime $at/1/stores/0)" "$over $over" \
    '... with whatever times'
cp "$T/plain.conf" "$T/acmed.conf"
prime --style traefik --all
is "$(z pttl $at/1/keyFile) $(z pttl $at/1/certFile) $(z pttl $at/1/stores/0)" \
    '-1 -1 -1' '... and without'
for how in '--all --prune' --flush; do
	prime --style traefik --all
	z set $at/77/stores/0 default >/dev/null
	z set $at/78/keyFile "$pem" >/dev/null
	z set $at/79/keyFile foreign >/dev/null
	z set $at/80/other "$pem" >/dev/null
	z set $at/x/keyFile "$pem" >/dev/null
	z set image/tls/certificates/1/keyFile "$pem" >/dev/null
	# shellcheck disable=SC2086 # words
	prime --style traefik $how --diff
	like "$(told)" "$at/77/stores/0 removed $at/78/keyFile removed\$" \
	    "halves: $how --diff tells them"
	unlike "$(told)" '(79|80|x|image)/' '... and nothing else'
	# shellcheck disable=SC2086 # words
	prime --style traefik $how
	is "$(z exists $at/77/stores/0 $at/78/keyFile)" 0 '... they are removed'
	is "$(z exists $at/79/keyFile $at/80/other $at/x/keyFile \
	    image/tls/certificates/1/keyFile)" 4 '... and nothing else'
done
is "$(z exists $at/1/keyFile $at/1/stores/0 $at/1/certFile)" 0 '--flush leaves no half'
sed 's/^prime_style.*/&\nprefix = [a*/' "$T/plain.conf" >"$T/acmed.conf"
prime --style traefik --all
z set '[a*/tls/certificates/77/stores/0' default >/dev/null
z set 'a/tls/certificates/77/stores/0' default >/dev/null
prime --style traefik --flush
is "$(z exists '[a*/tls/certificates/77/stores/0' a/tls/certificates/77/stores/0)" 1 \
    'a prefix is no pattern'
cp "$T/plain.conf" "$T/acmed.conf"

# ---- a private key of another type ---------------------------------------------

enter rsa DNS:r.example RSA -pkeyopt rsa_keygen_bits:2048
prime --style resty-acme --all
enter ecc DNS:r.example
sql 'UPDATE certificates SET not_after = not_after + 9 WHERE id = 6'
z set domain:ecc:a.example foreign >/dev/null
z set domain:rsa:b.example foreign >/dev/null
prime --style resty-acme r.example
is "$(counts)" '0 0 0 1 0 1 0' 'resty-acme, from RSA to EC'
is "$(z exists domain:rsa:r.example) $(z exists domain:ecc:r.example)" '0 1' \
    '... the old key goes with the new one'
sql 'UPDATE certificates SET active = 0 WHERE id = 6'
for key in $(z --scan --pattern '~acmed:all:*'); do
	z del "$key" >/dev/null
done
prime --style resty-acme --all
is "$(counts) $(z exists domain:rsa:r.example domain:ecc:r.example)" \
    '0 0 0 1 2 1 0 1' '... and back, with all names'
is "$(z --scan --pattern '~acmed:all:*' | wc -l)" 1 \
    '... which are noted as what they are to be'
is "$(z get domain:rsa:b.example)" foreign '... what others have written stays'
sql 'UPDATE certificates SET active = 0 WHERE id = 5'

# ---- names that get nothing ----------------------------------------------------

r flushall >/dev/null
enter ip 'IP:127.0.0.1,DNS:ip.example'
enter w 'DNS:*.w.example'
enter x DNS:x.w.example
sql 'UPDATE certificates SET active = 0 WHERE id = 9'
sql "UPDATE certificates SET created = created - 10000,
    not_before = not_before - 10000"
sql 'UPDATE domains SET created = created - 10000'
sql 'UPDATE events SET at = at - 10000'
prime 127.0.0.1 a.example
is "$status $(counts | cut -d' ' -f4)" '1 1' 'an address'
is "$err" 'redis-prime: 127.0.0.1: gateways of style 1 ask for no such name' \
    '... is told, and the rest is done'
prime --style kong '*.w.example'
is "$status $err" '1 redis-prime: *.w.example: gateways of style kong ask for no such name' \
    '... and a wildcard'
prime --style kong q.w.example
is "$status $err" '0 ' '... but not what it serves'

prime --all
is "$(counts | cut -d' ' -f4,5)" '4 1' 'all names'
must "$BIN/cert-manage" domain disable a.example
prime --all
prime --all --diff --prune
is "$(told)" 'c:1 removed d1:a.example removed p:1 removed' 'a domain that was disabled'
prime a.example
is "$status $err" '1 redis-prime: a.example: it is disabled, or the wildcard that would serve it' \
    '... is not primed'
prime --changed-since 1h
is "$(counts | cut -d' ' -f4,5)" '0 0' '... nor by --changed-since'
prime --all --prune
is "$(counts | cut -d' ' -f4,6) $(r exists d1:a.example)" '0 3 0' \
    '... and goes with --prune'
prime --all --verify
is "$(counts | cut -d' ' -f4)" 0 '... and stays away'
must "$BIN/cert-manage" domain enable a.example
prime --changed-since 1h
is "$(counts | cut -d' ' -f4) $(r exists d1:a.example)" '1 1' \
    'enabled: it is there with --changed-since'
must "$BIN/cert-manage" domain disable a.example
prime --all --prune
prime --all
must "$BIN/cert-manage" domain enable a.example
prime --all -v
is "$(counts | cut -d' ' -f4)" 1 '... and with --all'
like "$err" 'prime.done .*names=1 ' '... that looks at what has changed'

must "$BIN/cert-manage" domain disable '*.w.example'
prime --all --prune
is "$(counts | cut -d' ' -f6) $(r exists 'd1:*.w.example' d1:x.w.example)" '4 0' \
    'a wildcard, and what only it serves'
prime q.w.example
exits 1 '... nor do other names get it'
sql 'UPDATE certificates SET active = 1 WHERE id = 9'
prime --all
is "$(r exists 'd1:*.w.example' d1:x.w.example)" 1 '... but what has its own'
must "$BIN/cert-manage" domain enable '*.w.example'
prime --style traefik --all
must "$BIN/cert-manage" domain disable ip.example
prime --style traefik --all --prune
is "$(counts | cut -d' ' -f6)" 0 'traefik: a certificate with another name stays'
must "$BIN/cert-manage" domain disable 127.0.0.1
prime --style traefik --all --prune
is "$(counts | cut -d' ' -f6)" 1 '... and goes without one'

# ---- a prefix that says nothing ------------------------------------------------

# left STYLE: how many names are, after its --flush.
left() {
	prime --style "$1" --flush
	case $1 in
	1) r --scan --pattern 'd1:*' | wc -l ;;
	*) z --scan --pattern 'traefik/*' | wc -l ;;
	esac
}
for style in 1 traefik; do
	cp "$T/plain.conf" "$T/acmed.conf"
	prime --style $style --all
	echo 'prefix = traefik' >>"$T/acmed.conf"
	is "$(left $style)" 0 "style $style: what was primed without it goes"
	prime --style $style --all
	cp "$T/plain.conf" "$T/acmed.conf"
	is "$(left $style)" 0 '... and what was with it'
done

# ---- a password that is no file ------------------------------------------------

must mkfifo -m 600 "$T/fifo"
for what in fifo store; do
	cp "$T/plain.conf" "$T/acmed.conf"
	echo "password_file = $T/$what" >>"$T/acmed.conf"
	run timeout 10 "$BIN/redis-prime" --all
	exits 102 "a $what as a password file"
	like "$err" "$T/$what: is no regular file" '... is told, and not waited for'
done
done_testing
