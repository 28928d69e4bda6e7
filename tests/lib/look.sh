# shellcheck shell=sh
# shellcheck disable=SC2154 # $store is the test's
# For other libraries here: a look at the last answer that tests/tool/acme-raw
# got, and into $store.

# get PATH...: members of the object in the last body.
get() {
	"$TOOLS/acme-raw" get "$@"
}

# header NAME: of the last answer.
header() {
	"$TOOLS/acme-raw" header "$@"
}

# sql STATEMENT: by itself, behind everybody's back.
sql() {
	sqlite3 -cmd '.timeout 20000' "$store" "$1"
}

# peek QUERY: the same, and surely nothing is changed.
peek() {
	sqlite3 -readonly -cmd '.timeout 20000' "$store" "$1"
}
