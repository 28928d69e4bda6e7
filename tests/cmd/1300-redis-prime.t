#!/bin/sh
# Goal: redis-prime fills a Redis with what gateways read, key by key; what is
# as it should be stays, what is not is put right; names that nothing serves are
# removed; what fails leaves whole what was there.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
skip_unless_has openssl sqlite3

start_primed_redis
enter a DNS:a.example
enter b 'DNS:b.example,DNS:www.b.example,DNS:*.w.example'
enter known 'DNS:x.w.example'
sql "UPDATE certificates SET active = 0 WHERE id = 3"
enter rsa 'DNS:rsa.example' RSA -pkeyopt rsa_keygen_bits:2048

# leaf NAME, chain NAME, key NAME: as they are in PEM.
leaf() {
	openssl x509 -in "$T/$1.crt"
}
chain() {
	sed '1,/END/d' "$T/$1.crt"
}
key() {
	openssl pkey -in "$T/$1.key"
}
# read_name NAME: as the Lua module reads style 1: certificate, key, chain.
read_name() {
	value "c:$(field "d1:$1" c)"
	value "p:$(field "d1:$1" p)"
	value "i:$(field "d1:$1" i)"
}

# goes KEY: 1, within ten minutes, or 0, never.
goes() {
	left=$(r pttl "$1")
	[ "$left" -gt 0 ] && [ "$left" -le 600000 ] && echo 1 || echo 0
}

# ---- peter_sslers, style 1 -----------------------------------------------------

prime --all
exits 0 'style 1'
is "$err" '' '... in silence'
is "$out" "$(printf 'certcachain\tcert\tpkey\tdomain\tunchanged\tremoved\tfailed
1\t3\t3\t6\t0\t0\t0')" '... counts what it has written'
for n in a b rsa; do
	is "$(read_name $n.example | grep -v '^$')" \
	    "$(leaf $n; key $n; chain $n)" \
	    "... $n.example is certificate, key and chain"
done
is "$(read_name x.w.example)" "$(read_name b.example)" \
    '... a wildcard serves a name that is known'
is "$(r type d1:a.example) $(r hlen d1:a.example)" 'hash 3' \
    '... with three fields'
is "$(r ttl d1:a.example) $(r ttl "c:$(field d1:a.example c)")" '-1 -1' \
    '... for ever'
is "$(redis-cli -p "$redis_port" -n 0 dbsize)" 0 '... in database 9'
like "$("$BIN/acmed-store" log | grep redis.prime)" 'domain 6' \
    '... which the log knows'

before=$(r get '~acmed:writes')
prime --all
exits 0 'again'
is "$(counts)" '0 0 0 0 6 0 0' '... nothing has changed'
is "$(r get '~acmed:writes')" "$before" '... and nothing is written'

r del d1:a.example "c:$(field d1:b.example c)" >/dev/null
prime --diff --all
exits 0 '--diff'
is "$(printf '%s\n' "$out" | sed 1d | sort)" "$(
	printf 'd1:%s\t%s\t%s\n' '*.w.example' changed 2 a.example new 1 \
	    b.example changed 2 www.b.example changed 2 x.w.example changed 2 |
	sort
)" '... tells what is missing'
is "$(r exists d1:a.example)" 0 '... and writes nothing'
prime --all
is "$(counts)" '1 2 2 5 1 0 0' 'what is missing is put back'

r set "c:$(field d1:a.example c)" broken >/dev/null
prime --all
is "$(counts)" '0 0 0 0 6 0 0' 'a value that others have changed is not seen'
prime --all --verify
is "$(counts)" '1 1 1 1 5 0 0' '... but by --verify, which mends it'
is "$(read_name a.example | head -n1)" '-----BEGIN CERTIFICATE-----' '... so'
prime --all --verify
is "$(counts)" '0 0 0 0 6 0 0' '... and is content then'

# ---- names ---------------------------------------------------------------------

r flushall >/dev/null
prime A.Example y.w.example nothing.example
exits 1 'names, one of which is not there'
is "$(counts)" '1 2 2 2 0 0 0' '... the others are primed'
like "$err" 'nothing.example: there is no certificate for it' '... and it is told'
is "$(read_name y.w.example | head -n1)" '-----BEGIN CERTIFICATE-----' \
    '... a name that only a wildcard knows'
printf 'b.example\nrsa.example\n' >"$T/names"
run sh -c '"$BIN/redis-prime" - <"$T/names"'
exits 0 'names from standard input'
is "$(counts)" '1 2 2 2 0 0 0' '... are primed'
printf 'b.example\n%0256d\n../x y\n\nrsa.example\n' 0 >"$T/names"
run sh -c '"$BIN/redis-prime" - <"$T/names"'
exits 1 '... with lines that are no names'
is "$(counts)" '0 0 0 0 2 0 0' '... the others are looked at'
like "$err" '0: longer than a name may be' '... one that is too long is told of'
like "$err" '\.\./x y: there is no certificate for it' '... and one that is none'
sql "UPDATE certificates SET created = created - 10000,
    not_before = not_before - 10000 WHERE id <> 4"
sql 'UPDATE events SET at = at - 10000'
sql 'UPDATE domains SET created = created - 10000'
prime --changed-since 1h
is "$(counts | cut -d' ' -f4-)" '0 1 0 0' '--changed-since'
sql "UPDATE certificates SET created = created + 10000 WHERE id <> 4"
prime --changed-since 1h
is "$(counts | cut -d' ' -f4)" '3' '... with what a wildcard may serve'

sql "UPDATE certificates SET not_after = 100 WHERE id = 4"
prime rsa.example
exits 0 'what has expired, when there is nothing else'
like "$err" 'info.* prime.done .*names=1 not_valid_now=1' '... is told of'
prime -q rsa.example
is "$status $err" '0 ' '... not to who wants to hear of what is new'
r del d1:rsa.example >/dev/null
prime -q rsa.example
exits 0 'what has expired, and is written'
like "$err" 'warn.* prime.done .*names=1 not_valid_now=1' '... with a warning'
is "$(r exists d1:rsa.example)" 1 '... is there'
sql "UPDATE certificates SET not_after = not_before + 86400 * 90 WHERE id = 4"

# ---- all, once more ------------------------------------------------------------

# looked: how many names were looked at
looked() {
	printf '%s\n' "$err" | sed -n 's/.*prime.done .*names=\([0-9]*\) .*/\1/p'
}
sql 'UPDATE certificates SET created = created - 10000,
    not_before = not_before - 10000'
prime --all -v
is "$(counts | cut -d' ' -f4-) $(looked)" '0 6 0 0 6' 'all names'
prime --all -v
is "$(counts) $(looked)" '0 0 0 0 6 0 0 0' \
    '... once more: nothing has changed, and none is looked at'
r del d1:a.example >/dev/null
prime --all -v
is "$(counts) $(looked)" '1 1 1 1 5 0 0 6' '... all are, when one is missing'
"$BIN/redis-prime" rsa.example --verify >/dev/null
prime --all -v
is "$(counts) $(looked)" '0 0 0 0 6 0 0 0' '... not when somebody has only looked'
r save >/dev/null
stop redis
start_redis
prime --all -v
is "$(counts) $(looked)" '0 0 0 0 6 0 0 6' '... all are, when the Redis was started anew'
r hdel d1:rsa.example c >/dev/null
"$BIN/redis-prime" rsa.example >/dev/null
prime --all -v
is "$(looked)" 6 '... all are, when somebody else has written'
sql "UPDATE certificates SET not_after = $(date +%s) - 5 WHERE id = 4"
prime --all -v
is "$(counts) $(looked)" '0 0 0 0 6 0 0 1' '... one is, that has ended'
"$BIN/cert-manage" deactivate 4 >/dev/null
prime --all -v
is "$(counts) $(looked)" '0 0 0 0 6 0 0 0' '... or serves no longer'
"$BIN/cert-manage" activate 4 >/dev/null
sql 'UPDATE events SET at = 1'
prime --all -v
is "$(looked)" 6 '... all are, for another store'
prime --all --readme-keys -v
is "$(counts | cut -d' ' -f4) $(looked)" '12 6' '... and with other settings'
sql 'UPDATE certificates SET not_after = not_before + 86400 * 90 WHERE id = 4'
r flushall >/dev/null
prime --all

# ---- newer and older -----------------------------------------------------------

request a2 DNS:a.example
must "$BIN/private-key" import "$T/a2.key"
sign a2
sql "UPDATE certificates SET not_after = not_after + 9 WHERE id = 5"
old=$(read_name a.example)
prime a.example
is "$(counts | cut -d' ' -f4)" 1 'a newer certificate takes the place'
ok '... of the old one' test "$(read_name a.example)" != "$old"
is "$(value "c:1")" "$(leaf a)" '... whose values stay for who has read the name'
# Somebody who began later has written this name.
r set '~v:{d1:a.example}' "9999999999999999 $(r get '~v:{d1:a.example}' |
    cut -d' ' -f2-)" >/dev/null
r hset d1:a.example c 77 p 77 i 77 >/dev/null
r set '~v:{d1:a.example}' '9007199254740000 0 0 a.example' >/dev/null
prime a.example
exits 111 'what somebody newer has written'
is "$(field d1:a.example c)" 77 '... stays'
r del '~v:{d1:a.example}' >/dev/null
prime a.example
is "$(field d1:a.example c)" 5 'without that it is written'

# ---- removing ------------------------------------------------------------------

prime --all
sql "UPDATE certificates SET active = 0 WHERE id IN (1, 5)"
prime --diff --prune
is "$(printf '%s\n' "$out" | sed 1d | sort)" \
    "$(printf '%s\tremoved\t\n' c:1 c:5 d1:a.example p:1 p:5)" \
    '--diff --prune tells what would go'
r set c:1000 stranger >/dev/null
r hset d1:stranger.example c 1000 p 1000 i 1000 >/dev/null
prime --prune
exits 0 '--prune'
is "$(r exists d1:a.example)" 0 '... a name that nothing serves is gone'
is "$(goes c:1)$(goes c:5)$(goes p:1)$(goes p:4)" 1110 \
    '... what only it had goes in ten minutes'
is "$(r exists d1:b.example c:2 i:1)" 3 '... the others stay'
is "$(r exists d1:stranger.example c:1000)" 2 '... and what others have written'
prime --all --prune
is "$(counts)" '0 0 0 0 5 0 0' 'nothing is left to be removed'
cp "$T/store/acmed.sqlite" "$T/full.sqlite"
sql 'UPDATE certificates SET active = 0'
prime --all --prune
exits 1 'a store that serves nothing'
like "$err" 'is this the right store' '... empties no Redis'
is "$(r exists d1:b.example)" 1 '... so'
prime --flush
exits 0 '--flush'
is "$(r --scan --pattern 'd1:*')" d1:stranger.example '... does'
is "$(r --scan --pattern '[cpi]:*')" c:1000 '... with all that was pointed to'
cp "$T/full.sqlite" "$T/store/acmed.sqlite"

# ---- times ---------------------------------------------------------------------

r flushall >/dev/null
cp "$T/acmed.conf" "$T/plain.conf"
cat >>"$T/acmed.conf" <<END
timeout_certca = 100s
timeout_cert = 50s
timeout_pkey = 40s
timeout_domain = 80s
END
prime --all
exits 0 'timeouts'
within() {
	[ "$1" -gt "$(($2 * 3 / 4))" ] && [ "$1" -le "$2" ]
}
ok '... of chains' within "$(r ttl i:1)" 100
ok '... of certificates' within "$(r ttl c:2)" 50
ok '... of keys' within "$(r ttl p:2)" 40
ok '... names go before what they need' within "$(r pttl d1:b.example)" 39000
ok '... so' test "$(r pexpiretime d1:b.example)" -lt "$(r pexpiretime p:2)"
prime --all
is "$(counts)" '0 0 0 0 5 0 0' '... what has more than half of its time stays'
r pexpire d1:b.example 10000 >/dev/null
r persist i:1 >/dev/null
prime --all
is "$(counts)" '1 1 1 1 4 0 0' '... what has less is primed again'
is "$(r ttl i:1)" -1 '... and no time is taken away that others may rely on'
ok '... so' within "$(r pttl d1:b.example)" 39000
r flushall >/dev/null
sed -i 's/^timeout_domain.*/timeout_domain = 1s/' "$T/acmed.conf"
prime rsa.example
ok 'a name that is not primed again is gone then' \
    wait_for 10 sh -c "redis-cli -p $redis_port -n 9 exists d1:rsa.example | grep -qx 0"
is "$(r exists c:4)" 1 '... before what it needs'
cp "$T/plain.conf" "$T/acmed.conf"

# ---- other gateways ------------------------------------------------------------

r flushall >/dev/null
prime --style 2 --all --readme-keys
exits 0 'style 2, and the keys of the README'
is "$(counts)" '0 0 0 10 0 0 0' '... counts names'
is "$(field d2:b.example f | grep -v '^$')" "$(grep -v '^$' "$T/b.crt")" \
    '... f is the chain with the certificate'
is "$(field d2:b.example p | grep -v '^$')" "$(key b)" '... p is the key'
is "$(field b.example f)" "$(field d2:b.example f)" '... b.example, as the README'
prime --style 2 --all
is "$(counts)" '0 0 0 0 5 0 0' '... again'
prime --style 2 --prune
is "$(counts)" '0 0 0 0 0 5 0' '... and without them they are removed'
is "$(r exists b.example d2:b.example)" 1 '... only they'

for style in auto-ssl resty-acme kong traefik; do
	prime --style $style --all
	exits 0 "$style"
	prime --style $style --all --verify --prune
	like "$(counts)" '^0 0 0 0 [23456] 0 0$' '... again'
done
cli() {
	redis-cli -p "$redis_port" --raw "$@"
}
is "$(cli --scan --pattern '*:latest' | sort | xargs)" \
    'b.example:latest rsa.example:latest www.b.example:latest x.w.example:latest' \
    'auto-ssl: names, no wildcards'
is "$(cli --scan --pattern 'domain:*' | sort | head -n2 | xargs)" \
    'domain:ecc:b.example domain:ecc:www.b.example' 'resty-acme: by type of key'
is "$(cli exists domain:rsa:rsa.example)" 1 '... of each'
is "$(cli get traefik/tls/certificates/2/keyFile | grep -v '^$')" "$(key b)" \
    'traefik: by certificate'
prime --detect
exits 0 '--detect'
is "$(counts | xargs)" 'auto-ssl 4 0 resty-acme 4 0 kong 4 0 traefik 2 0 2 5 9' \
    '... in both databases'
prime --all
r hset d:readme c 1 >/dev/null
for key in myapp:latest image/tls/certificates/1/certFile x/tls/certificates/x \
    domain:ecc:z kong_acme:cert_key:z; do
	cli set $key 1 >/dev/null
	cli set "{$key}{}:latest" '{"fullchain_pem":1,"privkey_pem":"x"}' >/dev/null
	cli set "{$key}[]:latest" '["fullchain_pem"]' >/dev/null
done
r hset d1:foreign c x p y i z >/dev/null
r set d2:foreign x >/dev/null
r set d1:other x >/dev/null
prime --detect
is "$(counts | xargs)" 'auto-ssl 4 0 resty-acme 4 0 kong 4 0 traefik 2 0 1 5 9 2 5 9' \
    '... and not what others have that is named so'
prime --detect -j
is "$(printf '%s\n' "$out" | head -n1)" '{"style":"auto-ssl","keys":4,"database":0}' \
    '... as JSON'
prime --flush
sed "s|^url = redis.*|&/9|" "$T/plain.conf" >"$T/acmed.conf"
prime --detect
is "$(counts)" '2 5 9' '... or in that of the URL'
cp "$T/plain.conf" "$T/acmed.conf"
cli monitor >"$T/monitor" &
monitor=$!
must wait_for 10 grep -q OK "$T/monitor"
prime --detect
kill $monitor
like "$(cat "$T/monitor")" ' lua\] "GET"' 'values are looked at in the Redis'
unlike "$(grep -v ' lua\]' "$T/monitor")" '\] "[A-Z]*GET' '... and do not leave it'
sql 'UPDATE certificates SET active = 0 WHERE id = 2'
prime --style traefik --prune
is "$(cli --scan --pattern 'traefik/*/2/*')" '' \
    'a certificate that serves nothing goes as a whole'

# ---- what is wrong -------------------------------------------------------------

for words in '' '--detect --style 1' '--all a.example' '--all --flush' '--detect --all' \
    '--all --style 3' '--diff --verify --all' '--changed-since x'; do
	# shellcheck disable=SC2086 # words
	prime $words
	exits 100 "wrong use: $words"
done
like "$err" '^redis-prime: --changed-since x: neither a time' '... which names the option'
cp "$T/acmed.conf" "$T/kept.conf"
sed -i 's|^url = redis.*|url = http://127.0.0.1|' "$T/acmed.conf"
for words in --all --flush a.example --detect; do
	prime $words
	exits 102 "a URL that is none: $words"
	like "$err" '^redis-prime: \[redis\] url: must begin with redis://' '... is named'
done
mv "$T/kept.conf" "$T/acmed.conf"
sed -i 's/^prime_style.*//' "$T/acmed.conf"
prime --all
exits 102 'no style'
printf 'secret' >"$T/password"
chmod 600 "$T/password"
printf 'prime_style = 1\npassword_file = %s\n' "$T/password" >>"$T/acmed.conf"
r config set requirepass secret >/dev/null
prime rsa.example
exits 0 'a password'
echo wrong >"$T/password"
prime rsa.example
exits 102 'a wrong one'
like "$err" 'refuses this' '... is told'
unlike "$err" 'wrong' '... but not which'
# shellcheck disable=SC2046 # words
r -a secret acl setuser primer on '>pass:word' '~*' -@all \
    $(sed -n '/^ACL SETUSER/,/^[.]Ed/p' "$SRC/man/redis-prime.1" |
	grep -o '+[a-z|]*') >/dev/null
printf 'primer:pass:word' >"$T/password"
sed -i 's/^password_file/userpass_file/' "$T/acmed.conf"
prime rsa.example
exits 0 'a user, and a password with a colon'
r -a secret set c:77 '-----BEGIN of what is left over' >/dev/null
cli -a secret set traefik/tls/certificates/77/keyFile \
    '-----BEGIN of what is left over' >/dev/null 2>&1
for style in 1 2 kong traefik resty-acme; do
	for what in --all '--all --verify --prune' '--prune --diff' --flush; do
		# shellcheck disable=SC2086 # words
		prime --style $style $what
		exits 0 "... with the rights of the manual: style $style, $what"
	done
done
prime --detect
exits 0 '... and --detect'
prime rsa.example
sed -i "s|^url = redis.*|url = unix://$T/redis.sock?db=3|" "$T/acmed.conf"
prime rsa.example
exits 0 'a unix socket, and a database'
is "$(redis-cli -p "$redis_port" -a secret -n 3 exists d1:rsa.example 2>/dev/null)" 1 '... that one'
chmod 644 "$T/password"
prime rsa.example
exits 102 'a password that others can read'
done_testing
