#!/bin/sh
# Goal: acmed-store config --print shows every key with its effective value, as
# a configuration that means the same; acmed.conf(5) has the same keys with the
# same defaults and no others.
. "$(dirname "$0")/../lib/tap.sh"

conf=$T/acmed.conf
cat >"$conf" <<END
[server]
base_url = https://localhost:14000
[policy]
allowed_server_ip_ranges = any
END

run "$BIN/acmed-store" config --print -c "$conf"
exits 0 'config --print'
cp "$T/out" "$T/first.conf"
like "$out" '^base_url = https://localhost:14000$' 'a value of the file'
like "$out" '^order_lifetime = 7d$' 'a default'

run "$BIN/acmed-store" config --print -c "$T/first.conf"
exits 0 'what is printed is a configuration'
ok 'that means the same' cmp "$T/first.conf" "$T/out"

# section.key=default, of what has no value in the file
flat() {
	awk '/^\[/ { section = substr($0, 2, length($0) - 2) }
	/^[a-z]/ {
		key = $1
		sub(/^[^=]*= ?/, "")
		print section "." key "=" $0
	}' "$T/first.conf" |
	    sed 's/^\(server.base_url\|policy.allowed[^=]*\)=.*/\1=required/'
}

page() {
	awk '
	function show() {
		if (key)
			print section "." key "=" value
		key = ""
	}
	/^\.S[sh] / { show() }
	/^\.Ss \[/ { section = substr($2, 2, length($2) - 2) }
	/^\.It Ic [a-z0-9_]+ No = / { show(); key = $3; value = "" }
	/^Required\.$/ { value = "required" }
	/^\.Li / && was == "Default:" {
		value = $0
		sub(/^\.Li /, "", value)
		sub(/ \.$/, "", value)
	}
	{ was = $0 }' "$SRC/man/acmed.conf.5"
}

flat | sort >"$T/program"
page | sort >"$T/page"
ok 'acmed.conf(5) has the same keys and defaults' \
    diff -u "$T/program" "$T/page"
ok 'and there are keys at all' grep -q '^policy.verify_ptr=false$' "$T/page"

run env ACMED_STORE=/nowhere/x.sqlite "$BIN/acmed-store" config --print \
    -c "$conf"
like "$out" '^url = /nowhere/x.sqlite$' 'ACMED_STORE takes the place of url'
run env ACMED_STORE=/nowhere/x.sqlite "$BIN/acmed-store" config --print \
    -c "$conf" -s /nowhere/y.sqlite
like "$out" '^url = /nowhere/y.sqlite$' '-s comes before ACMED_STORE'

if [ -w /dev/full ]; then
	status=0
	"$BIN/acmed-store" config --print -c "$conf" >/dev/full 2>"$T/err" ||
		status=$?
	is "$status" 111 'a full disk: exit code'
	like "$(cat "$T/err")" '^acmed-store: standard output: cannot write' \
	    'a full disk: message'
else
	skip 2 'no /dev/full'
fi

done_testing
