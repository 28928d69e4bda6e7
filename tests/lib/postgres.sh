# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the test
# For tests of a store of PostgreSQL: after tap.sh,
#
#	. "$SRC/tests/lib/postgres.sh"
#	start_postgres
#
# runs a server for this test alone and sets $postgres, the URL of a database
# without anything in it.  postgres_url SCHEMA prints that of a schema there,
# which acmed-store init makes.  sql STATEMENT... runs them, as its superuser.

# Under CI nothing may be missing.
start_postgres() {
	for postgres_bin in /usr/lib/postgresql/*/bin; do :; done
	if [ ! -x "$postgres_bin/postgres" ] || ! command -v psql >/dev/null
	then
		[ -z "${CI:-}" ] || must test -x "$postgres_bin/postgres"
		skip_all 'needs postgresql'
	fi
	start postgres "$SRC/tests/lib/postgres"
	must wait_for 60 postgres_ready
	postgres=$(sed -n 's/^url=//p' "$T/postgres.out")
	[ -n "$postgres" ] || must cat "$T/postgres.log" -
}

postgres_ready() {
	grep -qx ready "$T/postgres.out" || ended "$(cat "$T/postgres.pid")"
}

postgres_url() {
	echo "$postgres&options=-csearch_path%3D$1"
}

sql() {
	printf '%s;\n' "$@" | psql -X -q -A -t -v ON_ERROR_STOP=1 "$postgres"
}
