# shellcheck shell=sh
# For tests of programs on a store, after tap.sh: $ACMED_CONFIG and $DB.

ACMED_CONFIG=$T/acmed.conf
DB=$T/store/acmed.sqlite
export ACMED_CONFIG DB

# make_store SETTING...: an empty one at $DB, with these in [store].
make_store() {
	{
		printf '[store]\nurl = %s\n' "$DB"
		[ $# -eq 0 ] || printf '%s\n' "$@"
		cat <<-END
			[server]
			base_url = https://localhost
			[policy]
			allowed_server_ip_ranges = any
			[local-ca]
			directory = $T/ca
		END
	} >"$ACMED_CONFIG"
	must "$BIN/acmed-store" init
}
