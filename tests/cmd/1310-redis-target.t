#!/bin/sh
# Goal: a target of kind redis: what is issued, renewed or imported is primed by
# renew-queue deploy, once; what fails is tried again; what goes is removed.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
skip_unless_has openssl sqlite3

make_export_store
start_redis
targets=$T/targets.conf
printf '[client]\ntargets_file = %s\n' "$targets" >>"$T/acmed.conf"
cat >"$targets" <<END
[gateways]
kind = redis
url = redis://127.0.0.1:$redis_port
prime_style = 1
delete = true
timeout = 2s

[told]
kind = hook
program = $T/hook
END
cat >"$T/hook" <<END
#!/bin/sh
cat >$T/told
redis-cli -p $redis_port -n 9 exists d1:a.example >$T/seen
END
chmod 755 "$T/hook"

deploy() {
	run "$BIN/renew-queue" deploy "$@"
}
again() {
	sql 'UPDATE deployments SET retry_at = 0'
}
pending() {
	sql "SELECT count(*) FROM deployments WHERE status <> 'done'"
}

enter a DNS:a.example
enter b 'DNS:b.example,DNS:www.b.example'
deploy
exits 0 'deployed'
is "$out$err" '' '... in silence'
is "$(value "c:$(field d1:a.example c)")" "$(openssl x509 -in "$T/a.crt")" \
    '... the Redis has it'
is "$(r exists d1:a.example d1:b.example d1:www.b.example)" 3 '... all names'
is "$(cat "$T/seen")" 1 '... before the program is told'
like "$("$BIN/acmed-store" log | grep redis.prime)" 'domain 3' '... and the log'

writes=$(r get '~acmed:writes')
deploy
exits 0 'again'
is "$(r get '~acmed:writes')" "$writes" '... writes nothing'

# ---- imported ------------------------------------------------------------------

request new DNS:new.example
must openssl req -x509 -key "$T/new.key" -subj /CN=new -days 9 \
    -addext subjectAltName=DNS:new.example -out "$T/new.crt"
must "$BIN/cert-import" --key "$T/new.key" "$T/new.crt"
r set before 1 >/dev/null
deploy
exits 0 'what is imported'
is "$(value "c:$(field d1:new.example c)")" "$(cat "$T/new.crt")" '... is primed'
is "$(value "i:$(field d1:new.example i)")" '' '... with an empty chain'
is "$(r exists "i:$(field d1:new.example i)")" 1 '... which is there'
is "$(r get '~acmed:writes')" "$((writes + 1))" '... and nothing else'

# ---- wildcards -----------------------------------------------------------------

enter x DNS:x.w.example
enter w 'DNS:*.w.example'
x=$(sql "SELECT max(id) - 1 FROM certificates")
must "$BIN/cert-manage" deactivate "$x"
deploy
is "$(field d1:x.w.example c)" "$((x + 1))" \
    'a name that only a wildcard serves is primed'
sign w
sql "UPDATE certificates SET not_after = not_after + 9 WHERE id = $x + 2"
deploy
is "$(field d1:x.w.example c)" "$((x + 2))" '... again when that is renewed'

# ---- the Redis is not there ----------------------------------------------------

stop redis
enter c DNS:c.example
deploy
exits 111 'a Redis that is not there'
like "$err" 'cannot connect' '... is told'
is "$(pending)" 2 '... with the program that comes after it'
start_redis
deploy
is "$(pending)" 2 '... and not at once tried again'
again
deploy
exits 0 'there again'
is "$(pending) $(r exists d1:c.example)" '0 1' '... it has what is new'
is "$(r exists d1:a.example)" 0 '... but not what it has lost'
deploy --again --target gateways
is "$(r exists d1:a.example d1:b.example)" 2 '... until it is told'

# ---- gone ----------------------------------------------------------------------

must "$BIN/cert-manage" deactivate 1
deploy
exits 0 'a name that nothing serves any more'
is "$(r exists d1:a.example)" 0 '... is removed'
ok '... and what it had goes' [ "$(r pttl c:1)" -gt 0 ]
is "$(r exists d1:b.example)" 1 '... and the others stay'

# ---- disabled ------------------------------------------------------------------

must "$BIN/cert-manage" domain disable www.b.example
deploy
is "$(r exists d1:b.example) $(r exists d1:www.b.example)" '1 0' \
    'a name that is disabled is removed'
must "$BIN/cert-manage" domain enable www.b.example
deploy
is "$(r exists d1:www.b.example)" 1 '... and there again when it is enabled'
must "$BIN/cert-manage" domain disable '*.w.example'
deploy
is "$(field d1:x.w.example c)" '' '... with a wildcard what only it serves'
must "$BIN/cert-manage" domain enable '*.w.example'
deploy
is "$(field d1:x.w.example c)" "$((x + 2))" '... and again'

# ---- beside a tree that fails ---------------------------------------------------

printf '[files]\nkind = tree\nlayout = nginx\ndirectory = %s\n' "$T/files" \
    >>"$targets"
: >"$T/files"
rm "$T/told"
enter d DNS:d.example
deploy
exits 111 'a tree that cannot be'
is "$(r exists d1:d.example)" 1 '... does not keep it from the Redis'
not_ok '... but from the program, which may read both' [ -e "$T/told" ]

# ---- the file ------------------------------------------------------------------

refused() {
	printf '[x]\nkind = redis\n%b' "$1" >"$targets"
	deploy
	exits 102 "$2"
	like "$err" "$3" '... is told'
}
refused 'prime_style = 1\n' 'no URL' 'needs url'
refused 'url = http://a\nprime_style = 1\n' 'a URL that is none' \
    'targets.conf:1: \[x\] url: must begin with redis://'
refused 'url = redis://a\n' 'no style' 'prime_style: is not set'
refused 'url = redis://a\nprime_style = 3\n' 'a style that is none' 'must be one of 1 2'
refused 'url = redis://:secret@a\nprime_style = 1\n' 'a password in the URL' 'in a file'
refused 'url = redis://a\nprime_style = 1\ndirectory = /x\n' \
    'what is of a tree' 'directory: is not of a redis'
done_testing
