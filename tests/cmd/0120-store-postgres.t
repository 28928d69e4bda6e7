#!/bin/sh
# Goal: what the units prove of wrap/db and store/ with SQLite, they prove with
# PostgreSQL too.
. "$(dirname "$0")/../lib/tap.sh"
# shellcheck source=tests/lib/postgres.sh
. "$SRC/tests/lib/postgres.sh"

start_postgres
ENGINE_URL=$postgres
CMOCKA_MESSAGE_OUTPUT=TAP
export ENGINE_URL CMOCKA_MESSAGE_OUTPUT

for unit in "$TOOLS"/../unit/test_db "$TOOLS"/../unit/test_limit \
    "$TOOLS"/../unit/test_store_*; do
	[ -x "$unit" ] || continue
	ok "${unit##*/}" "$unit"
done
ok 'all of them are there' [ "$tap_count" -ge 8 ]

done_testing
