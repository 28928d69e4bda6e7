#!/bin/sh
# Goal: the library that kills sees every call that writes: it counts what
# strace counts, and kills where it says.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/faults.sh"
skip_unless_has strace

faults_up
calls=write,pwrite64,writev,pwritev,sendto,sendmsg,sendmmsg,fsync,fdatasync
calls=$calls,ftruncate,fallocate,fchmod,chmod,fchmodat,mkdir,mkdirat,rename
calls=$calls,renameat,renameat2,link,linkat,symlink,unlink,unlinkat,bind
calls=$calls,openat,open,creat,copy_file_range,sendfile,msync,truncate

# strace_of FILE...: how many calls there are in these traces, without opening
# what is there; from when the library has mapped its counters.  What stdio
# writes to standard output (the chain of acme-sign) it cannot see.
strace_of() {
	awk -v counters="$T/faults" '
	FNR == 1 { on = 0 }
	index($0, counters) { on = 2; next }
	on == 2 && /ftruncate\([0-9]*, 4096\)/ { on = 1; next }
	!on || /^open/ && !/O_CREAT|O_TMPFILE/ { next }
	/^write\(1, "-----BEGIN/ { next }
	/^[a-z]/ { n++ }
	END { print n + 0 }' "$@"
}

# same ROLE NAME COMMAND...: the library and strace agree over the command.
same() {
	same_role=$1 same_name=$2
	shift 2
	rm -f "$T/faults" "$T"/trace.*
	strace -ff -qq -e "trace=$calls" -e signal=none -o "$T/trace" \
	    -E "LD_PRELOAD=$SHIM" -E "FAULT_FILE=$T/faults" "$@" \
	    >"$T/out" 2>"$T/err"
	seen=$(counted "$same_role")
	is "$seen" "$(strace_of "$T"/trace.*)" "$same_name: $seen calls"
}

same acmed-store 'acmed-store init' "$BIN/acmed-store" -c "$config" init
same acmed-store 'acmed-store check' "$BIN/acmed-store" -c "$config" check
same acmed-store 'acmed-store purge' "$BIN/acmed-store" -c "$config" purge
same acmed-store 'acmed-store backup' \
    "$BIN/acmed-store" -c "$config" backup "$T/copy"
same acme-sign 'acme-sign' "$BIN/acme-sign" -c "$config" "$T/csr.der"
same acme-sign 'acme-sign crl' "$BIN/acme-sign" -c "$config" crl
"$BIN/acmed-accept" -c "$config" <"$T/csr.der" >"$T/out" 2>&1 # the nonces
printf 'HEAD /nonce HTTP/1.1\r\nHost: localhost:1\r\n\r\n' >"$T/request"
same acmed-accept 'acmed-accept' \
    sh -c "exec '$BIN/acmed-accept' -c '$config' <'$T/request'"

# It kills before, after and half way: here the last call, the answer.
last=$seen
for mode in before after half; do
	rm -f "$T/faults" "$T/faults.log"
	FAULT=acmed-accept:$last:$mode
	under "$BIN/acmed-accept" -c "$config" <"$T/request" >"$T/x" 2>/dev/null
	is "$? $(cut -d ' ' -f 1-3 "$T/faults.log")" \
	    "137 acmed-accept $last write" "killed $mode the last write"
	eval "size_$mode=$(stat -c %s "$T/x")"
done
# shellcheck disable=SC2154 # set by eval
is "$size_before $size_half" "0 $((size_after / 2))" 'none, all, half is written'
done_testing
