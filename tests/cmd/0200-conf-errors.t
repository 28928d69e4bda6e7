#!/bin/sh
# Goal: what is wrong in a configuration is refused before anything happens,
# with file, line, section and key, and exit code 102; never taken for "no
# restriction".
. "$(dirname "$0")/../lib/tap.sh"

conf=$T/acmed.conf

good() {
	cat <<-END
	[store]
	url = $T/store/acmed.sqlite
	[server]
	base_url = https://localhost:14000
	[policy]
	allowed_server_ip_ranges = 127.0.0.0/8
	verify_ptr = false
	[local-ca]
	directory = $T/ca
	[store]
	certificate_key_file = $T/certificates.key
	account_key_file = $T/accounts.key
	END
}

# What a run might have left behind, besides the files of the harness.
traces() {
	find "$T" -mindepth 1 ! -name '.*' ! -name out ! -name err \
	    ! -name acmed.conf
}

# refused NAME TEXT PROGRAM...: exit 102, this one line, nothing made.
refused() {
	name=$1 text=$2
	shift 2
	run "$@"
	exits 102 "$name: exit code"
	is "$err" "$text" "$name: message"
	is "$out" '' "$name: nothing on standard output"
	is "$(traces)" '' "$name: nothing made"
}

# check NAME TEXT: the configuration as it stands, by acmed-store.
check() {
	refused "$1" "acmed-store: $2" "$BIN/acmed-store" config --check \
	    -c "$conf"
}

good >"$conf"
run "$BIN/acmed-store" config --check -c "$conf"
exits 0 'a good configuration'
is "$out$err" '' 'a good configuration: silent'
good | sed 's/^url = /&sqlite:/' >"$conf"
run "$BIN/acmed-store" config --check -c "$conf"
exits 0 'url = sqlite:/path'

good | sed 's/verify_ptr = false/verify_ptr = yes/' >"$conf"
check 'bad value' "$conf:7: [policy] verify_ptr: must be true or false"
good | sed 's/verify_ptr/verify_prt/' >"$conf"
check 'unknown key' "$conf:7: [policy] verify_prt: unknown key"
good | sed 's/^verify_ptr.*/&\n&/' >"$conf"
check 'repeated key' "$conf:8: [policy] verify_ptr: stands twice"
good | sed 's/^verify_ptr.*/verify_ptr/' >"$conf"
check 'no equals sign' \
    "$conf:7: neither [section] nor key = value nor # comment"
good | sed 's/^\[policy\]/[polcy]/' >"$conf"
check 'unknown section' "$conf:5: [polcy]: unknown section"
good | sed 1d >"$conf"
check 'key before any section' "$conf:1: a key before the first [section]"
good | sed 's/127.0.0.0\/8/127.0.0.0\/33/' >"$conf"
check 'bad range' "$conf:6: [policy] allowed_server_ip_ranges: must be\
 addresses or ranges ADDRESS/BITS, or any"
good | sed 's/127.0.0.0\/8/127.0.0.1\/8/' >"$conf"
check 'range with bits of a host' "[policy] allowed_server_ip_ranges:\
 \"127.0.0.1/8\": bits are set beyond the prefix"
good | sed "s/^verify_ptr.*/# $(printf '%01100d' 0)/" >"$conf"
check 'long line' "$conf:7: longer than 1024 bytes"
good | sed 's/^verify_ptr.*/&\r/' >"$conf"
check 'carriage return' \
    "$conf:7: control byte 0x0d (lines end with a line feed alone)"
good | sed '/^base_url/d' >"$conf"
check 'missing base_url' "$conf: [server] base_url: required, but\
 absent; the URL that clients see in front of /directory"

missing="[policy] allowed_server_ip_ranges: required, but absent; absent is not\
 \"no restriction\": list the ranges, or say any"
good | sed '/^allowed/d' >"$conf"
check 'missing policy' "$conf: $missing"
good | sed '/^\[policy\]/,/^verify/d' >"$conf"
check 'missing section' "$conf: $missing"
: >"$conf"
check 'empty file' "$conf: [server] base_url: required, but absent; the URL\
 that clients see in front of /directory"
good | sed 's/^allowed.*/allowed_server_ip_ranges =/' >"$conf"
check 'empty policy' \
    "$conf:6: [policy] allowed_server_ip_ranges: must not be empty"

good | sed 's|^url.*|url = mysql://localhost/acmed|' >"$conf"
check 'an engine that is not there' "[store] url: mysql://localhost/acmed:\
 no engine for this kind of store"

# Every program that acts on the policy refuses in the same way.
good | sed '/^allowed/d' >"$conf"
for program in 'acmed-accept' 'acme-validate serve' 'acme-validate sweep' \
    'acme-sign' 'acme-sign serve' 'acmed-store init'; do
	# shellcheck disable=SC2086 # a program and its command
	refused "$program without policy" "${program%% *}: $conf: $missing" \
	    "$BIN/"$program -c "$conf"
	# shellcheck disable=SC2086
	refused "$program without a file" \
	    "${program%% *}: $T/none.conf: no such file" \
	    "$BIN/"$program -c "$T/none.conf"
done

# A section that a program does not use cannot stop it.
good | sed 's/^directory.*/&\nnonsense = 1/' >"$conf"
run "$BIN/acme-validate" sweep -c "$conf"
unlike "$err" nonsense 'a section that is not used is not read'

# Wrong use is not a wrong configuration.
good >"$conf"
run "$BIN/acmed-store" config --check -c "$conf" -c "$conf"
exits 100 'an option given twice'
like "$err" '^acmed-store: --config: given twice$' 'and it says so'
like "$err" '^usage: ' 'with the usage'
ACMED_CONFIG=$T/none.conf run "$BIN/acmed-store" config --check
exits 102 'ACMED_CONFIG names the configuration'
ACMED_CONFIG=$T/none.conf run "$BIN/acmed-store" config --check -c "$conf"
exits 0 '-c comes before ACMED_CONFIG'

done_testing
