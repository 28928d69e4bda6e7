# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the test
# For tests of a store of PostgreSQL: after tap.sh,
#
#	. "$SRC/tests/lib/postgres.sh"
#	start_postgres [PORT]
#
# runs a server for this test alone and sets $postgres, the URL of a database
# without anything in it, by a unix socket; with PORT also $postgres_tcp.  In
# "$postgres&$(schema NAME)" acmed-store init makes a schema of its own.
# pg_sql STATEMENT... runs them, as the superuser.

# Under CI nothing may be missing.
start_postgres() {
	for postgres_bin in /usr/lib/postgresql/*/bin; do :; done
	if [ ! -x "$postgres_bin/postgres" ] || ! command -v psql >/dev/null
	then
		[ -z "${CI:-}" ] || must test -x "$postgres_bin/postgres"
		skip_all 'needs postgresql'
	fi
	start postgres "$SRC/tests/lib/postgres" "$@"
	must wait_for 60 postgres_ready
	postgres=$(sed -n 's/^url=//p' "$T/postgres.out")
	postgres_tcp=$(sed -n 's/^tcp=//p' "$T/postgres.out")
	[ -n "$postgres" ] || must grep ready "$T/postgres.out"
}

postgres_ready() {
	grep -qx ready "$T/postgres.out" || ended "$(cat "$T/postgres.pid")"
}

schema() {
	echo "options=-csearch_path%3D$1"
}

pg_sql() {
	printf '%s;\n' "$@" | psql -X -q -A -t -v ON_ERROR_STOP=1 "$postgres"
}
