#!/bin/sh
# Goal: what lint proves by our own scripts, it really refuses.
. "$(dirname "$0")/../lib/tap.sh"

cd "$T" || exit 1
mkdir -p libcommon/base libcommon/store libcommon/acme libcommon/wrap cmd man

# put FILE LINE...: a file of these lines.
put() {
	file=$1
	shift
	printf '%s\n' "$@" >"$file"
}

# layers FILE LINE-OF-CODE WANT NAME: WANT is a part of the complaint; none
# means that the line is allowed.
layers() {
	put "$1" '/* sqlite3_open */' "$2"
	run "$SRC/scripts/lint/layers" "$1"
	if [ -n "$3" ]; then
		like "$out" "^$1:2: .*$3" "$4"
	else
		exits 0 "$4"
	fi
}

layers libcommon/store/a.c '#include "base/buf.h"' '' 'a lower floor'
layers libcommon/store/a.c '#include "store/db.h"' '' 'the same folder'
layers libcommon/base/a.c '#include "store/a.h"' 'floor' 'a higher floor'
layers libcommon/acme/a.c '#include "http/a.h"' 'floor' 'a room beside'
layers libcommon/acme/a.c '#include "a.h"' 'no folder' 'no folder at all'
layers cmd/a.c '#include "acme/a.h"' '' 'a program uses all floors'
layers libcommon/wrap/a.c '#include <jansson.h>' '' 'a library in wrap/'
layers libcommon/wrap/a.h '#include <jansson.h>' 'library' 'not in a header'
layers libcommon/acme/a.c '#include <jansson.h>' 'library' 'not above wrap/'
layers libcommon/store/a.c 'sqlite3 *db;' 'library' 'a type above wrap/'
layers libcommon/acme/a.c 'EVP_PKEY *k;' 'library' 'nor one of OpenSSL'
layers libcommon/acme/a.c 'f("X509 CRL", RSA_BITS);' '' 'a string, a number'
layers libcommon/store/a.c 'f("SELECT 1");' '' 'SQL in store/'
layers libcommon/acme/a.c 'f("SELECT 1");' 'SQL' 'SQL above store/'
layers libcommon/acme/a.c 'exit(1);' 'exits' 'exit() below cli/'

{
	echo 'int'
	echo 'f(void)'
	echo '{'
	seq 78
	echo '}'
} >cmd/long.c
ok 'a function of 80 lines' "$SRC/scripts/lint/length" cmd/long.c
put cmd/longer.c 'int' "$(cat cmd/long.c)"
sed -i 's/^7$/7\n7/' cmd/longer.c
run "$SRC/scripts/lint/length" cmd/long.c cmd/longer.c
like "$out" '^cmd/longer.c:4: function of 81 lines' 'a function of 81 lines'

put man/a.1 '.Xr a 1 ,' '.Xr openssl 1' 'and' '.Pq Xr missing 3'
run "$SRC/scripts/lint/xref" man/a.1
is "$out" 'man/a.1:4: no page missing.3' 'a page that does not exist'

mkdir bin
: >cmd/a.c
rm cmd/long.c cmd/longer.c
put bin/a '#!/bin/sh' 'echo "usage: a [-c file] [--fast | --slow] well-known -"'
chmod +x bin/a
put man/a.1 '.Sh SYNOPSIS' '.Op Fl c Ar file' '.Op Fl -fast | Fl -slow' \
    '.Sh EXAMPLES' '.Dl curl Fl -silent'
ok 'a page with all options' "$SRC/scripts/lint/synopsis" bin
put man/a.1 '.Sh SYNOPSIS' '.Op Fl c Ar file' '.Sh DESCRIPTION' \
    '.It Fl f , Fl -fast'
run "$SRC/scripts/lint/synopsis" bin
is "$out" 'man/a.1:1: --slow is in --help but not in the page
man/a.1:1: -f is in the page but not in --help' 'a page and a help that differ'
put bin/a '#!/bin/sh' 'printf "usage: a\n  go        goes\n  stop      stops\n"'
put man/a.1 '.Sh SYNOPSIS' '.Nm' '.Cm go' '.Ar where' '.Cm stop'
run "$SRC/scripts/lint/synopsis" bin
is "$out" 'man/a.1:1: stop is in --help, and no form of SYNOPSIS' \
    'a command whose form does not begin with the name'
put man/a.1 '.Sh SYNOPSIS' '.Nm' '.Cm go' '.Ar where' '.Nm' '.Cm stop | end'
ok 'each with its own' "$SRC/scripts/lint/synopsis" bin

mkdir -p scripts/lint tests/cmd
cp "$SRC/scripts/lint/run" scripts/lint
put tests/cmd/a.t '#!/bin/sh'
run scripts/lint/run modes
exits 1 'a test that is not executable'
is "$err" 'tests/cmd/a.t: not executable' 'is named'
chmod +x tests/cmd/a.t
ok 'one that is' scripts/lint/run modes

if [ -e /usr/bin/curl ]; then
	run "$SRC/scripts/lint/fast" /usr/bin curl
	like "$out" 'libcurl' 'a fast program with a slow library'
else
	skip 1 'no curl'
fi

done_testing
