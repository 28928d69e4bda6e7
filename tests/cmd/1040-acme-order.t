#!/bin/sh
# Goal: acme-order tells what it is, and refuses what it does not understand.
. "$(dirname "$0")/../lib/tap.sh"

run "$BIN/acme-order" --help
exits 0 '--help'
like "$out" '^usage: acme-order' 'the help is on stdout'
is "$err" '' 'and nowhere else'

run "$BIN/acme-order" --version
exits 0 '--version'
like "$out" '^acme-order .*[0-9]' 'the version is on stdout'

run "$BIN/acme-order" --no-such-option
exits 100 'an unknown option is wrong use'
is "$out" '' 'with nothing on stdout'

run "$BIN/acme-order" -c a -c b name
exits 100 'an option given twice is wrong use'

done_testing
