#!/bin/sh
# Goal: what scripts/new-cmd makes builds without a warning, passes its own
# test and is clean for lint, in a copy of the tree.
. "$(dirname "$0")/../lib/tap.sh"

flavour=release sanitize=
case $BIN in
*/asan/bin) flavour=asan sanitize=address,undefined ;;
esac

# The copy has no other program, and takes the library as it was built.
tree=$T/tree
must mkdir -p "$tree/tests/cmd" "$tree/build/$flavour/obj"
cp -a "$SRC/Makefile" "$SRC/libcommon" "$SRC/scripts" "$SRC/.clang-format" \
    "$SRC/.shellcheckrc" "$tree"
cp -a "$SRC/tests/lib" "$tree/tests"
cp -a "$SRC/man" "$tree"
for part in obj/libcommon obj/gen gen libcommon.a flags members; do
	[ ! -e "$SRC/build/$flavour/$part" ] ||
	    cp -a "$SRC/build/$flavour/$part" "$tree/build/$flavour/$part"
done
cd "$tree" || exit 1

run scripts/new-cmd try-me 8
exits 0 'new-cmd makes a program'
is "$out" 'cmd/try-me.c
man/try-me.8
tests/cmd/0010-try-me.t' 'a source, a page and a test'
run scripts/new-cmd try-me
exits 1 'new-cmd does not overwrite'
run scripts/new-cmd Try_me
exits 100 'new-cmd refuses a name that is not of our kind'

run make -s SANITIZE="$sanitize"
exits 0 'it builds'
is "$err" '' 'without a warning'
bin=build/bin
[ "$flavour" = release ] || bin=build/$flavour/bin
ok 'its test passes' env BIN="$tree/$bin" SRC="$tree" tests/cmd/0010-try-me.t

ok 'its page is clean' mandoc -Tlint -Wwarning man/try-me.8
ok 'its page has the options of --help' scripts/lint/synopsis "$bin"
ok 'its page names pages that exist' scripts/lint/xref man/*
ok 'its source is formatted' clang-format --dry-run --Werror cmd/try-me.c
ok 'its source keeps to the layers' scripts/lint/layers cmd/try-me.c
ok 'its test is clean' shellcheck tests/cmd/0010-try-me.t

ok 'make install' make -s install DESTDIR="$T/root" PREFIX=/usr \
    SANITIZE="$sanitize"
ok 'puts a program of section 8 into sbin' test -x "$T/root/usr/sbin/try-me"
ok 'with its page' test -f "$T/root/usr/share/man/man8/try-me.8"
ok 'make uninstall' make -s uninstall DESTDIR="$T/root" PREFIX=/usr
is "$(find "$T/root" -type f)" '' 'leaves no file'

done_testing
