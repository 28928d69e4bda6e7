#!/bin/sh
# Goal: what was deployed together is looked at side by side, and what a run had
# no time to look at is not done.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
skip_unless_has openssl sqlite3 python3

make_export_store
printf '[client]\ntargets_file = %s\n' "$T/targets.conf" >>"$T/acmed.conf"
mkdir "$T/served"
targets() {
	cat >"$T/targets.conf" <<-END
	[web]
	kind = tree
	layout = nginx
	directory = $T/web
	prove = 127.0.0.1:$port
	END
}
gateway() {
	start gateway "$SRC/tests/lib/gateway" "$1" "$T/served"
	must wait_for 10 grep -q . "$T/gateway.out"
	port=$(cat "$T/gateway.out")
}
deploy() {
	run "$@" "$BIN/renew-queue" deploy -c "$T/acmed.conf"
}
stands() {
	sql "SELECT status || coalesce(': ' || error, '') FROM deployments
	    ORDER BY id"
}

# ---- side by side ----------------------------------------------------------------

for name in a b c d; do
	enter "$name" "DNS:$name.example"
	cp "$T/$name.crt" "$T/served/$name.example.crt"
	cp "$T/$name.key" "$T/served/$name.example.key"
done
gateway 4
targets
deploy
exits 0 'a gateway that answers four at once, or nobody: all four are looked at'
is "$err" '' '... silently'
is "$(stands | xargs)" 'done done done done' '... and are done'
stop gateway

# ---- a place that hangs --------------------------------------------------------------

enter b2 'DNS:b.example'
port=$(free_port)
start mute "$SRC/tests/lib/mute" tcp 127.0.0.1 "$port"
must wait_for 10 listening "$port"
targets
deploy
exits 111 'one that takes connections and says nothing'
like "$(stands)" 'pending: 127.0.0.1:[0-9]*: b.example is not served there' \
    '... is told as that'
is "$(stands | grep -c pending)" 4 '... all that was deployed there is to be again'
stop mute

# ---- no time -------------------------------------------------------------------------

# The program of the target takes so long that nothing is looked at any more.
library=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
case $library$BIN in
/*asan*) library='' ;;
esac
if [ -z "$library" ]; then
	skip 'needs libfaketime, and no sanitizer'
	done_testing
	exit
fi
FAKETIME_TIMESTAMP_FILE=$T/clock FAKETIME_NO_CACHE=1
FAKETIME_DONT_FAKE_MONOTONIC=1
export FAKETIME_TIMESTAMP_FILE FAKETIME_NO_CACHE FAKETIME_DONT_FAKE_MONOTONIC
printf '[sandbox]\nlandlock = off\n' >>"$T/acmed.conf"
echo +0s >"$T/clock"
printf '#!/bin/sh\ncat >/dev/null\necho +1000s >%s/clock\n' "$T" >"$T/slow"
chmod 755 "$T/slow"
cp "$T/b2.crt" "$T/served/b.example.crt"
cp "$T/b2.key" "$T/served/b.example.key"
gateway 1
targets
cat >>"$T/targets.conf" <<-END
	[slow]
	kind = hook
	program = $T/slow
	prove = 127.0.0.1:$port
END
sql 'UPDATE deployments SET retry_at = 0'
slow() {
	sql "SELECT d.status, count(*), max(d.error) FROM deployments d
	    JOIN deploy_targets t ON t.id = d.deploy_target_id
	    WHERE t.name = 'slow' GROUP BY d.status"
}
deploy env "LD_PRELOAD=$library"
exits 111 'a program that has used up the time of the run'
is "$(slow)" 'pending|4|there was no time to look whether it is served' \
    '... all is still to be looked at'
printf '#!/bin/sh\ncat >/dev/null\n' >"$T/slow"
sql 'UPDATE deployments SET retry_at = 0'
deploy env "LD_PRELOAD=$library"
exits 0 'the next run has it'
is "$(slow)" 'done|4|' '... all is served'
done_testing
