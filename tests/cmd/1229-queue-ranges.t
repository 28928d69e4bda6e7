#!/bin/sh
# Goal: what is out of range or no value at all, in options of the queues, their
# templates and settings, is told in one clear line, and nothing is changed.
. "$(dirname "$0")/../lib/tap.sh"
skip_unless_has sqlite3

cat >"$T/acmed.conf" <<END_OF_FILE
[store]
url = $T/store/acmed.sqlite
[client]
targets_file = $T/targets.conf
END_OF_FILE
must "$BIN/acmed-store" init -c "$T/acmed.conf"
must "$BIN/domain-queue" template set shop --names '{DOMAIN} www.{DOMAIN}' \
    --profile classic --preferred-chain 'Root Ä' -c "$T/acmed.conf"
must "$BIN/domain-queue" add a.example.org -c "$T/acmed.conf"
contents() {
	sqlite3 "$T/store/acmed.sqlite" .dump | sha256sum
}
before=$(contents)

newline='a
b'
latin=$(printf '\344')
long=$(printf '%0250d' 0)
# refuses STATUS SAYS PROGRAM ARGUMENT...: its first line says so, and besides
# that there is the usage at most.
refuses() {
	refuses_status=$1 refuses_says=$2
	shift 2
	refuses_name=$(echo "$*" | LC_ALL=C tr -c ' -~' '?' | cut -c 1-60)
	refuses_program=$1
	shift
	run env ACMED_CONFIG="$T/acmed.conf" "$BIN/$refuses_program" "$@"
	is "$status" "$refuses_status" "$refuses_name"
	like "$(printf '%s\n' "$err" | head -n 1)" "^$refuses_program: .*$refuses_says" '... says so'
	is "$out$(printf '%s\n' "$err" | sed 1d | grep -v '^usage: ')" '' \
	    '... and nothing else'
}
# ---- numbers --------------------------------------------------------------------

# numbers MAX PROGRAM ARGUMENT...: the last is an option, its value is tried.
numbers() {
	numbers_max=$1
	shift
	for value in '' -1 0 +1 ' 1' '1 ' 1x 1.5 1e2 0x1 ١ "$((numbers_max + 1))" \
	    9223372036854775808 18446744073709551617 "$newline"; do
		refuses 100 "must be a number from 1 to $numbers_max$" "$@" "$value"
	done
}
numbers 43200 domain-queue process --budget
numbers 10000 domain-queue process --jobs
numbers 100 domain-queue process --per-certificate
numbers 100 domain-queue template set shop --per-certificate
numbers 43200 renew-queue run --budget
numbers 10000 renew-queue process --jobs
numbers 43200 renew-queue deploy --budget
for value in '' -1 0 1x 9223372036854775808; do
	refuses 100 'must be a number from 1 to 9223372036854775807' \
	    domain-queue process --max "$value"
	refuses 100 'must be a number from 1 to 9223372036854775807' \
	    renew-queue run --max "$value"
done
refuses 100 'given twice' renew-queue run --jobs 1 --jobs 2

# ---- templates ------------------------------------------------------------------

for option in profile preferred-chain; do
	for value in '' "$long"; do
		refuses 100 "--$option: must be 1 to 200 bytes, or none" \
		    domain-queue template set shop --$option "$value"
	done
	for value in "$newline" "$latin" "$(printf '\033[2J')"; do
		refuses 100 "--$option: must be UTF-8 without control characters" \
		    domain-queue template set shop --$option "$value"
	done
done
for value in '' -1 x "$newline"; do
	refuses 100 'neither yes nor no' domain-queue template set shop \
	    --one-domain "$value"
	refuses 100 'no type of key' domain-queue template set shop --key-type "$value"
	refuses 100 'no cycle' domain-queue template set shop --key-cycle "$value"
	refuses 100 'no such solver' domain-queue template set shop \
	    --challenge "$value"
	refuses 1 'no such upstream account' domain-queue template set shop \
	    --account "$value"
	refuses 1 'no such template' domain-queue add b.example.org \
	    --template "$value"
done
for value in 0 99999999999999999999; do
	refuses 1 'no such upstream account' domain-queue template set shop \
	    --account "$value"
done
for value in '' 'a b' ../x "$newline" "$latin" "$long"; do
	refuses 100 'the name of a template is 1 to 64 letters' \
	    domain-queue template set --names '{DOMAIN}' "$value"
done
for value in '' x '{DOMAIN' '{domain}' '{DOMAIN}_x' '{DOMAIN} {DOMAIN' "$newline"; do
	refuses 100 '' domain-queue template set shop --names "$value"
done
refuses 100 'not 1 to 253 bytes long' domain-queue template set shop \
    --names "$(printf '{DOMAIN} %02000d' 0)"

# ---- renewals -------------------------------------------------------------------

for value in '' -1 0 0.05 100 99.95 1e1 x "$newline" 99999999999999999999; do
	refuses 100 'neither a percentage from 0.1 to 99.9 nor rule' \
	    cert-manage renewal set 1 --part-left "$value"
done
refuses 100 '--profile: must be' cert-manage renewal set 1 --profile "$long"
refuses 100 '--preferred-chain: must be' cert-manage renewal set 1 \
    --preferred-chain "$latin"
is "$(contents)" "$before" 'nothing of it has changed anything'

# ---- settings -------------------------------------------------------------------

# setting KEY VALUE...: each is refused, with its place.
setting() {
	setting=$1
	shift
	for value; do
		cp "$T/acmed.conf" "$T/good"
		printf '%s = %s\n' "$setting" "$value" >>"$T/acmed.conf"
		refuses 102 "acmed\.conf:5: .*$setting" renew-queue run --jobs 1
		cp "$T/good" "$T/acmed.conf"
	done
}
setting tell_again -1 1 1x 366d 99999999999999999999d '1 d' 1.5h
setting new_names_share '' -1 0 100 50% 99999999999999999999 1.5
for value in '' -1s 0 0s 3601s 2h x 99999999999999999999s; do
	printf '[a]\nkind = hook\nprogram = /bin/true\ntimeout = %s\n' "$value" \
	    >"$T/targets.conf"
	refuses 102 'targets\.conf:[0-9]+: .*timeout' renew-queue deploy --budget 1
done
for value in -1 8 1777 99999999999999999999 0x1ff; do
	printf '[a]\nkind = tree\nlayout = nginx\ndirectory = /x\nmode = %s\n' \
	    "$value" >"$T/targets.conf"
	refuses 102 'targets\.conf:[0-9]+: .*octal' renew-queue deploy --budget 1
done
rm "$T/targets.conf"
is "$(contents)" "$before" 'nor have they'

done_testing
