#!/bin/sh
# Goal: several users with a common group share one store, whatever their umask
# and whoever of them came first.
. "$(dirname "$0")/../lib/tap.sh"
skip_unless_root
skip_unless_has setpriv

group=$(id -g nobody)
chmod 711 "$T"
cat >"$T/acmed.conf" <<-END
	[store]
	url = $T/store/acmed.sqlite
	[server]
	base_url = https://localhost
	[policy]
	allowed_server_ip_ranges = any
	[local-ca]
	directory = $T/ca
END
chmod 644 "$T/acmed.conf"

# as UID COMMAND...: acmed-store as that user, of the common group only.
as() {
	uid=$1
	shift
	run setpriv --reuid "$uid" --regid "$group" --clear-groups \
	    sh -c 'umask 077; exec "$@"' sh \
	    "$BIN/acmed-store" -c "$T/acmed.conf" "$@"
}

must "$BIN/acmed-store" -c "$T/acmed.conf" init
must chgrp -R "$group" "$T/store"
must "$BIN/acmed-store" -c "$T/acmed.conf" purge # the log is empty now
rm "$T"/store/acmed.sqlite-*
modes() {
	stat -c '%a %g' "$T"/store/* | sort -u
}

as 61001 purge --event-age 1
exits 0 'the first user writes'
as 61002 purge --event-age 1
exits 0 'the second user writes'
as 61002 stats
exits 0 '... and reads'
is "$(modes)" "660 $group" 'all files belong to the group, with mode 660'
ok 'three files: the log outlives its makers' \
    [ "$(find "$T/store" -type f | wc -l)" -eq 3 ]
run "$BIN/acmed-store" -c "$T/acmed.conf" check
exits 0 'root finds nothing wrong'

group=65533
as 61003 stats
exits 111 'a stranger cannot read'
unlike "$out" . '... and sees nothing'

done_testing
