#!/bin/sh
# Goal: @NAME@ tells what it is, and refuses what it does not understand.
. "$(dirname "$0")/../lib/tap.sh"

run "$BIN/@NAME@" --help
exits 0 '--help'
like "$out" '^usage: @NAME@' 'the help is on stdout'
is "$err" '' 'and nowhere else'

run "$BIN/@NAME@" --version
exits 0 '--version'
like "$out" '^@NAME@ .*[0-9]' 'the version is on stdout'

run "$BIN/@NAME@" --no-such-option
exits 100 'an unknown option is wrong use'
is "$out" '' 'with nothing on stdout'

run "$BIN/@NAME@" -c a -c b name
exits 100 'an option given twice is wrong use'

done_testing
