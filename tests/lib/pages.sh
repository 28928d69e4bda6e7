# shellcheck shell=sh
# For tests that run the examples of manual pages: after tap.sh,
#
#	. "$(dirname "$0")/../lib/pages.sh"
#	script acme-account.1 '^acme-account register' 'show'
#	works
#
# The programs are found by their names; they work in $T/work.

PATH=$BIN:$PATH
mkdir -p "$T/work"

# examples PAGE: what stands in literal displays under EXAMPLES and
# DIAGNOSTICS, with the machine's directories under $T and today's date.
examples() {
	awk '/^\.Sh / { here = / (EXAMPLES|DIAGNOSTICS)$/ }
	!here { next }
	/^\.Ed/ { literal = 0 }
	literal { print }
	/^\.Bd -literal/ { literal = 1 }
	sub(/^\.Dl /, "") { print }' "$SRC/man/$1" |
	    sed -e 's/^[$#] //' -e 's/\\(dq/"/g' -e 's/\\e/\\/g' \
		-e "s|/var/|$T/var/|g" \
		-e "s|acmed-20[0-9-]*\\.sqlite|acmed-$(date +%F).sqlite|g"
}

# script PAGE FROM [TO]: the line of its examples that matches FROM and those
# behind it as far as TO, as a script; none is an error.
script() {
	examples "$1" | awk -v from="$2" -v to="${3:-$2}" '
	$0 ~ from { on = 1 }
	on { print }
	on && $0 ~ to { exit }' >"$T/script"
	[ -s "$T/script" ] || must false "no example /$2/ in $1"
}

# works: runs the script.
works() {
	run sh -c 'cd "$1" && . "$2"' sh "$T/work" "$T/script"
}
