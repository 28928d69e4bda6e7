#!/bin/sh
# Goal: redis-prime fills a Redis Cluster, each key at the server that has its
# slot, names never before what they point to; what is not as it should be is
# put right, and what nothing points to goes when that has been so for long.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
skip_unless_has openssl sqlite3

start_primed_cluster
for n in a b c d e f g; do
	enter $n "DNS:$n.example"
done
enter w 'DNS:w.example,DNS:*.w.example'

# read_name NAME: certificate, key, chain as a gateway finds them.
read_name() {
	k "c:$(k "d1:$1" c)"
	k "p:$(k "d1:$1" p)"
	k "i:$(k "d1:$1" i)"
}
# k KEY [FIELD]: what the cluster has there.
k() {
	if [ $# -eq 2 ]; then c --raw hget "$1" "$2"; else c --raw get "$1"; fi
}
# want NAME: the same, as it is to be.
want() {
	openssl x509 -in "$T/$1.crt"
	openssl pkey -in "$T/$1.key"
	sed '1,/END/d' "$T/$1.crt"
}

# ---- style 1 -------------------------------------------------------------------

prime --all
exits 0 'style 1'
is "$err" '' '... in silence'
is "$(counts)" '1 8 8 9 0 0 0' '... counts what it has written'
for n in a b c d e f g w; do
	is "$(read_name $n.example | grep -v '^$')" "$(want $n)" \
	    "... $n.example is certificate, key and chain"
done
for i in 1 2 3; do
	ok "server $i has some of it" [ "$(keys_of $i)" -gt 3 ]
done

prime --all
is "$(counts)" '0 0 0 0 9 0 0' 'once more: nothing has changed'
prime --all --diff
is "$(counts)" '' '--diff: nothing would'
prime --all --verify
is "$(counts)" '0 0 0 0 9 0 0' '--verify: all is as it was written'

# ---- what is not there any more -----------------------------------------------

n=$(k d1:c.example c)
c del "c:$n" >/dev/null
prime --all --diff
is "$(counts)" "$(printf 'd1:c.example changed %s' "$n")" \
    '--diff tells the name whose certificate is gone'
prime --all
is "$(counts)" '1 1 1 1 8 0 0' '... which is mended'
is "$(read_name c.example | grep -v '^$')" "$(want c)" '... as it should be'
c del "c:$n" >/dev/null
c del d1:b.example >/dev/null
prime --all
is "$status $err" '0 ' 'a certificate is gone, and another name: one run mends both'
is "$(counts)" '2 2 2 2 7 0 0' '... and writes no more than that'
c del "c:$n" >/dev/null
c del d1:b.example >/dev/null
prime b.example c.example d.example
is "$(counts)" '2 2 2 2 1 0 0' '... also when they are named'
c del "i:$(k d1:a.example i)" >/dev/null
prime --all
is "$(k "i:$(k d1:a.example i)")" "$(sed '1,/END/d' "$T/a.crt")" \
    'a chain that is gone is there again, for all'
c del d1:b.example >/dev/null
c hset d1:d.example c 77 >/dev/null
c del d1:c.example >/dev/null
c del '~v:{d1:a.example}' >/dev/null
c set d1:c.example x >/dev/null
c lpush '~v:{d1:a.example}' x >/dev/null
prime --all --verify
is "$(counts | cut -d' ' -f4,5)" '4 5' '--verify mends what others have changed'
is "$(read_name b.example | grep -v '^$')" "$(want b)" '... b.example'
is "$(read_name d.example | grep -v '^$')" "$(want d)" '... d.example'

# ---- what goes -------------------------------------------------------------------

n=$(k d1:e.example c)
sql "UPDATE certificates SET active = 0 WHERE id = $n"
prime --all --prune --diff
is "$(counts)" 'd1:e.example removed ' '--diff --prune tells what would go'
c set c:99 foreign >/dev/null
"$BIN/cert-manage" update-recents >/dev/null 2>&1
prime --all --prune
is "$(counts)" '0 0 0 0 8 1 0' '--prune removes the name'
is "$(c exists d1:e.example)" 0 '... which is gone'
is "$(c exists "c:$n")" 1 '... what it pointed to is there'
prime --all --prune
is "$(c exists "c:$n")" 1 '... also after the next one'
c set "~v:{c:$n}" 'unused 1000' >/dev/null
c set "~v:{p:$n}" 'unused 1000' >/dev/null
c set '~v:{c:99}' 'unused 1000' >/dev/null
prime --all --prune --diff
is "$(counts | sort | xargs)" "c:$n removed p:$n removed" '... --diff tells it'
prime --all --prune
is "$(counts)" '0 0 0 0 8 2 0' 'what was unused for long goes'
is "$(c exists "c:$n")$(c exists "p:$n")" 00 '... really'
c set '~v:{c:1}' 'unused 1000' >/dev/null
prime --all --prune
is "$(read_name a.example | grep -v '^$')" "$(want a)" 'what is used stays'
is "$(c exists '~v:{c:1}')" 0 '... and is noted as unused no longer'
sql "UPDATE certificates SET active = 1 WHERE id = $n"
"$BIN/cert-manage" update-recents >/dev/null 2>&1
prime --all
is "$(read_name e.example | grep -v '^$')" "$(want e)" \
    'what comes back is there again'
prime --flush
exits 0 '--flush'
is "$(c_all keys '[cpid]*' | xargs)" c:99 '... leaves nothing of ours'

# ---- other styles ----------------------------------------------------------------

prime --all --style 2
is "$(counts)" '0 0 0 9 0 0 0' 'style 2'
is "$(k d2:g.example p)" "$(openssl pkey -in "$T/g.key")" '... with its key'
for style in auto-ssl resty-acme kong traefik; do
	prime --all --style $style
	is "$status $err" '0 ' "style $style"
	prime --all --style $style
	is "$(counts | cut -d' ' -f1-4,7)" '0 0 0 0 0' \
	    "... nothing has changed when it comes again"
	prime --flush --style $style
	is "$status $err" '0 ' "... --flush"
done
prime --detect
is "$(counts)" '2 9 0' '--detect counts what all servers have'
c hset d2:b.example p changed >/dev/null
prime --all --verify --style 2
is "$(counts | cut -d' ' -f4,5)" '1 8' '--verify mends a key'

sed -i 's/^prime_style.*/prime_style = 1\ntimeout_cert = 100s\ntimeout_pkey = 90s/' \
    "$T/acmed.conf"
prime a.example
is "$(counts)" '1 1 1 1 0 0 0' 'with times'
ok '... which are kept' [ "$(c pttl "c:$(k d1:a.example c)")" -gt 80000 ]
ok '... and the name goes first' [ "$(c pttl d1:a.example)" -lt \
    "$(c pttl "p:$(k d1:a.example p)")" ]

# ---- what cannot be done ---------------------------------------------------------

sed -i "s|^url = .*|&/3|" "$T/acmed.conf"
prime --all
exits 102 'another database than 0'
like "$err" 'cluster, which has database 0 only' '... is told'
sed -i "s|^\(url = .*\)/3|\1|; s/^prime_style.*/&\nprefix = {x}/" "$T/acmed.conf"
prime --all --style kong
exits 102 'a prefix with braces'
like "$err" 'prefix: must have no braces' '... is told'
sed -i '/^prefix/d; /^timeout/d' "$T/acmed.conf"
stop redis2
prime --all
exits 111 'a server of the cluster is down'
like "$err" "127.0.0.1:[0-9]*" '... which is named'
done_testing
