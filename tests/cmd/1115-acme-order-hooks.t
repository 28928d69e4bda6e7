#!/bin/sh
# Goal: a hook that takes its time holds nobody but its order, which stays taken;
# it ends with the program that orders, and with the time of a cancel, and what
# was in place then is taken away by whoever comes next.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pebble.sh"
. "$(dirname "$0")/../lib/upstream.sh"
. "$(dirname "$0")/../lib/order.sh"

order_up_valid
# an order is held for 62 seconds, less than a hook may take
sed -i 's/^timeout = .*/timeout = 1s/' "$client"

# It hears no SIGTERM, nor does its child, while there is a file VERB.NAME.
cat >"$T/hook" <<-END
	#!/bin/sh
	echo "\$1 \$2" >>"$T/calls"
	[ -e "$T/\$1.\$2" ] || exit 0
	trap 'echo TERM >>"$T/said"' TERM
	(trap '' TERM; while [ -e "$T/\$1.\$2" ]; do sleep 0.2; done) &
	echo \$! >"$T/child"
	echo \$\$ >"$T/hangs"
	echo \$\$ >"$T/pid.\$2"
	while [ -e "$T/\$1.\$2" ]; do sleep 0.2; done
END
chmod 755 "$T/hook"
hook=hook-http:$T/hook

# hang VERB NAME: its hook hangs.  let_be VERB NAME: it does no more.
hang() {
	rm -f "$T/hangs" "$T/said"
	touch "$T/$1.$2"
}
let_be() {
	rm "$T/$1.$2"
}
# begin COMMAND...: acme-order, until a hook of it hangs; sets $pid.
begin() {
	"$BIN/acme-order" "$@" -c "$client" <"$T/names" >"$T/begun" \
	    2>"$T/begun.err" &
	pid=$!
	must wait_for 20 [ -s "$T/hangs" ]
}
# over STATUS NAME: it has ended so.
over() {
	ok "$2" wait_for 20 ended "$pid"
	wait "$pid"
	is "$?" "$1" "... with exit code $1"
}
gone() {
	ok 'the hook, which does not listen, is killed' wait_for 10 ended \
	    "$(cat "$T/hangs")"
	ok '... with what it has started' wait_for 10 ended "$(cat "$T/child")"
	is "$(sort -u "$T/said")" TERM '... and was asked to end before'
}
# place NAME: where its challenge is.
place() {
	sql "SELECT c.place FROM upstream_challenges c
	    JOIN upstream_authorizations a ON a.id = c.upstream_authorization_id
	    JOIN domains d ON d.id = a.domain_id
	    WHERE d.value = '$1' AND c.type = 'http-01'"
}
valid() {
	[ "$(sql "SELECT count(*) FROM upstream_orders WHERE status = 'valid'")" \
	    = "$1" ]
}

# ---- others go on ------------------------------------------------------------------

hang present slow.example
printf '%s\n' slow.example a.example b.example c.example >"$T/names"
begin run --jobs 4 --challenge "$hook" -
ok 'while a hook hangs, others are done' wait_for 20 valid 3
not_ok '... and it hangs still' ended "$(cat "$T/hangs")"
is "$(place slow.example)" placing '... and what it is at is known'
id=$(sql "SELECT id FROM upstream_orders WHERE status <> 'valid'")
order download "$id"
exits 111 'another process'
like "$err" "upstream_order/$id: another process " '... leaves its order alone'
lease() {
	sql "SELECT lease_until FROM upstream_orders WHERE id = $id"
}
first=$(lease)
longer() {
	[ "$(lease)" -gt "$first" ]
}
ok 'it stays taken for longer' wait_for 40 longer
let_be present slow.example
over 0 'with the hook all is over'
ok '... and done' valid 4
sed -i 's/^\[client\]$/&\nhook_jobs = 1/' "$client"
hang present one.example
hang present two.example
printf '%s\n' one.example two.example >"$T/names"
begin run --jobs 4 --challenge "$hook" -
both() {
	[ "$(sql "SELECT count(*) FROM upstream_challenges
	    WHERE place = 'placing'")" = 2 ]
}
must wait_for 20 both
is "$(grep -Ec 'present (one|two).example' "$T/calls")" 1 \
    'hook_jobs = 1: one after the other'
let_be present one.example
let_be present two.example
over 0 '... and all are done'
sed -i '/^hook_jobs/d' "$client"

# ---- all is to end -----------------------------------------------------------------

for signal in TERM INT; do
	name=$(echo $signal | tr TERMIN termin).example
	hang present "$name"
	begin run --challenge "$hook" "$name"
	kill -s $signal "$pid"
	over 111 "SIG$signal"
	gone
	is "$(place "$name")" placing 'what it was at is known'
	let_be present "$name"
	order run --challenge "$hook" "$name"
	exits 0 'who comes next goes on'
	is "$(grep -c "cleanup $name" "$T/calls")" 1 '... and takes it away'
done

hang cleanup clean.example
begin run --challenge "$hook" clean.example
kill "$pid"
over 111 'SIGTERM while a hook takes away'
gone
is "$(place clean.example)" triggered 'what it was at is still in place'
let_be cleanup clean.example
order run --challenge "$hook" clean.example
exits 0 'who comes next goes on'
is "$(grep -c 'cleanup clean.example' "$T/calls") $(place clean.example)" \
    '2 none' '... and takes it away'

hang present killed.example
begin run --challenge "$hook" killed.example
kill -9 "$pid"
{ wait "$pid"; } 2>"$T/killed"
gone
let_be present killed.example
sql 'UPDATE upstream_orders SET lease_until = 0'
order run --challenge "$hook" killed.example
exits 0 'who comes after SIGKILL goes on'

# parent PID
parent() {
	ps -o ppid= -p "$1" | tr -d ' '
}
hang present hangs.example
hang present dies.example
printf '%s\n' hangs.example dies.example >"$T/names"
begin run --jobs 4 --challenge "$hook" -
must wait_for 20 [ -s "$T/pid.hangs.example" ]
must wait_for 20 [ -s "$T/pid.dies.example" ]
rm "$T/present.dies.example"
kill -9 "$(parent "$(cat "$T/pid.dies.example")")"
another() {
	[ "$(grep -c 'present dies.example' "$T/calls")" = 2 ]
}
ok 'a hook whose process is lost is run again' wait_for 20 another
not_ok '... and the others go on' ended "$(cat "$T/pid.hangs.example")"
let_be present hangs.example
over 0 '... until all is done'
is "$(grep -c 'present hangs.example' "$T/calls")" 1 '... each once'
hang present lost.example
begin run --challenge "$hook" lost.example
kill -9 "$(parent "$(parent "$(cat "$T/hangs")")")"
over 111 'the process that runs hooks is lost'
like "$(cat "$T/begun.err")" 'a helping process is lost' '... and it says so'
ok '... the hook ends with it' wait_for 10 ended "$(cat "$T/hangs")"
let_be present lost.example
order run --challenge "$hook" lost.example
exits 0 'who comes next goes on'

# ---- the time of a cancel ----------------------------------------------------------

cancels() {
	order new --challenge "$hook" "$1"
	id=$(field id)
	hang present "$1"
	begin download "$id"
	kill "$pid"
	over 111 "$1: something may be in place"
	let_be present "$1"
}
cancels cancel.example
hang cleanup cancel.example
begin cancel --timeout 1 "$id"
over 111 'cancel: its time is over'
gone
like "$(cat "$T/begun.err")" \
    "upstream_order/$id: .*cancel.example.* still in place" '... and it says so'
is "$(place cancel.example)" placing 'what was not taken away is known'
let_be cleanup cancel.example
order cancel "$id"
exits 0 'another cancel'
is "$(place cancel.example)" none '... takes it away'
done_testing
