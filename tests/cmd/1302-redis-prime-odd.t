#!/bin/sh
# Goal: what stands in the Redis at a place of ours, and is not ours, or of
# another type, is mended like any other change, and keeps nobody from the rest;
# what redis-prime has not written it does not remove, or take for something.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
skip_unless_has openssl sqlite3

make_export_store
start_redis
cat >>"$T/acmed.conf" <<END
[redis]
url = redis://127.0.0.1:$redis_port
prime_style = 1
END
cp "$T/acmed.conf" "$T/plain.conf"
enter a DNS:a.example
enter b DNS:b.example

prime() {
	run "$BIN/redis-prime" "$@"
}
# counts: of the last run, without the header.
counts() {
	printf '%s\n' "$out" | sed 1d | tr '\t' ' '
}
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
done_testing
