#!/bin/sh
# Goal: how acme-validate lives: woken, lingering, swept, one at a time; two
# processes, of which one may die; what is in hand is never lost.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/validate.sh"
skip_unless_has knotd knotc sqlite3 openssl perl

DNS_PORT=$(free_port) HTTP_PORT=$(free_port) TLS_PORT=$(free_port)

for name in one two three silent; do
	echo "$name A 127.0.0.1"
	answer_ok "$name.example.test"
done >"$T/zone"
echo silent >"$T/www/silent.example.test"
{
	cat "$T/zone"
	echo '*.many A 127.0.0.1'
	echo '*.slow A 127.0.0.2'
} | zone example.test

# poke: what acmed-accept does when there is work.
poke() {
	"$SRC/tests/lib/mute" poke "$T/validate.sock"
}

ended_well() {
	[ "$(result "$1")" = 'valid valid ready' ]
}

# child_of NAME: the process with the network.
child_of() {
	cat "/proc/$(cat "$T/$1.pid")/task/"*/children | tr -d ' '
}

has_child() {
	[ -n "$(child_of "$1")" ]
}

is_asked() {
	[ "$(asked "$1")" -ge "${2:-1}" ]
}

configure 'validate timeout = 20s' 'validate attempts = 3'
new_store
start_knot
start_web 127.0.0.1

# ---- wrong use, wrong configuration ------------------------------------------
run "$BIN/acme-validate" --help
exits 0 '--help'
run "$BIN/acme-validate" -c "$T/acmed.conf" </dev/null
exits 100 'no socket on descriptor 0'
like "$err" 'datagram' 'says so'
run "$BIN/acme-validate" -c "$T/acmed.conf" nonsense
exits 100 'a command that there is not'
sed '/^allowed/d' "$T/acmed.conf" >"$T/noranges.conf"
run "$BIN/acme-validate" -c "$T/noranges.conf" sweep
exits 102 'no ranges: refused, not unrestricted'
like "$err" 'noranges.conf.*allowed_server_ip_ranges' 'says so'
sed 's/^allowed.*:.*/allowed_server_ip_ranges = 10.0.0.1\/8/' "$T/acmed.conf" \
    >"$T/badrange.conf"
run "$BIN/acme-validate" -c "$T/badrange.conf" sweep
exits 102 'a range with bits beyond its prefix'
like "$err" '10\.0\.0\.1/8' 'the value is named'
run "$BIN/acme-validate" -c "$T/acmed.conf" -s "$T/nosuch.sqlite" sweep
exits 102 'no store'
sweep
exits 0 'nothing to do'
is "$out$err" '' 'is no news'

# ---- serve -------------------------------------------------------------------
start serve sh -c "exec '$BIN/acme-validate' -c '$T/acmed.conf' serve \
    --ready-fd 7 7>'$T/ready'"
ok 'serve says when it is ready' wait_for 10 test -s "$T/ready"
ok 'and listens' test -S "$T/validate.sock"
is "$(stat -c %a "$T/validate.sock")" 660 'the socket has mode 0660'
wait_for 10 has_child serve
challenge http-01 one.example.test
ok 'a poke wakes it' poke
ok 'and it validates' wait_for 10 ended_well one.example.test
child=$(child_of serve)
ok 'the process with the store has it' \
    sh -c "ls -l /proc/$(cat "$T/serve.pid")/fd | grep -q acmed.sqlite"
not_ok 'the one with the network has not' \
    sh -c "ls -l /proc/$child/fd | grep -q -e acmed.sqlite -e validate.lock"

# ---- one at a time -----------------------------------------------------------
challenge http-01 two.example.test
sql "UPDATE jobs SET due = strftime('%s') + 1000"
sql 'UPDATE jobs SET due = 0'
run "$BIN/acme-validate" -v -c "$T/acmed.conf" sweep
exits 0 'a second one leaves the work to the first'
like "$err" 'validate.busy' 'and says so with -v'
poke
ok 'the first does it' wait_for 10 ended_well two.example.test

# ---- the process with the network dies ---------------------------------------
challenge http-01 silent.example.test
poke
wait_for 10 is_asked silent.example.test
kill -KILL "$child"
answer_ok silent.example.test
ok 'killed: its task is done by the next' \
    wait_for 15 ended_well silent.example.test
ok 'which is another process' [ "$child" != "$(child_of serve)" ]
not_ok 'it has not got the store either' \
    sh -c "ls -l /proc/$(child_of serve)/fd | grep -q -e acmed.sqlite"
like "$(cat "$T/serve.log")" 'validate.child' 'the log tells'

# Whatever killed it, a task that was not alone loses nothing by that.
stop serve
configure 'validate timeout = 20s' 'validate attempts = 1'
for name in one two three silent; do
	echo silent >"$T/www/$name.example.test"
	challenge http-01 $name.example.test
done
: >"$T/www/log"
start serve "$BIN/acme-validate" -c "$T/acmed.conf" serve
all_asked() {
	for name in one two three silent; do
		is_asked $name.example.test || return
	done
}
wait_for 10 all_asked
for name in one two three silent; do
	answer_ok $name.example.test
done
kill -KILL "$(child_of serve)"
for name in one two three silent; do
	ok "killed with several tasks and attempts = 1: $name" \
	    wait_for 15 ended_well $name.example.test
done
stop serve
configure 'validate timeout = 20s' 'validate attempts = 3'
start serve sh -c "exec '$BIN/acme-validate' -c '$T/acmed.conf' serve \
    --ready-fd 7 7>'$T/ready'"
wait_for 10 test -s "$T/ready"
wait_for 10 has_child serve

# Nor does one that is lost at the worst moment, and cannot be had anew.
stop serve
fail_calls
start serve "$SRC/tests/lib/failing" "$T/fail" \
    "$BIN/acme-validate" -c "$T/acmed.conf" serve
wait_for 10 has_child serve
child=$(child_of serve)
fail_calls write=032 fork=011
challenge http-01 one.example.test
poke
ok 'no other process can be started: it ends' \
    wait_for 10 ended "$(cat "$T/serve.pid")"
stop serve
is "$status" 111 'with the exit code of the reason'
like "$(cat "$T/serve.log")" 'cannot fork' 'the log tells'
ok 'nobody is left' ended "$child"
configure 'validate timeout = 20s' 'validate attempts = 3'
sweep
sql 'UPDATE jobs SET due = 0'
sweep
good one.example.test 'what it had taken is done by the next'
start serve "$BIN/acme-validate" -c "$T/acmed.conf" serve
wait_for 10 has_child serve

# ---- SIGTERM -----------------------------------------------------------------
echo silent >"$T/www/silent.example.test"
: >"$T/www/log"
challenge http-01 silent.example.test
poke
wait_for 10 is_asked silent.example.test
before=$(date +%s)
child=$(child_of serve)
stop serve
is "$status" 0 'SIGTERM: exit 0'
ok 'within six seconds' [ $(($(date +%s) - before)) -le 6 ]
ok 'nobody is left' ended "$child"
is "$(result silent.example.test)" 'processing pending pending' \
    'what was in hand is in the queue'
is "$(sql "SELECT count(*) FROM jobs WHERE due <= strftime('%s')")" 1 \
    'due at once'
is "$(sql 'SELECT attempts FROM jobs')" 0 'and no attempt is used up'
answer_ok silent.example.test
sweep
good silent.example.test 'and the next run does it'

# ---- the parent is killed ----------------------------------------------------
echo silent >"$T/www/silent.example.test"
: >"$T/www/log"
challenge http-01 silent.example.test
start serve "$BIN/acme-validate" -c "$T/acmed.conf" serve
wait_for 10 is_asked silent.example.test
child=$(child_of serve)
kill -KILL "$(cat "$T/serve.pid")"
ok 'killed: the other process ends by itself' wait_for 10 ended "$child"
stop serve
sweep
is "$(result silent.example.test)" 'processing pending pending' \
    'under its lease nobody takes the task'
sql 'UPDATE jobs SET due = 0'
answer_ok silent.example.test
sweep
good silent.example.test 'after it the next run does'

# ---- as inetd starts it ------------------------------------------------------
configure 'validate timeout = 20s' 'validate linger = 2s'
cat >"$T/inetd" <<'END'
# Binds the socket and starts the program whenever there is something on it.
use Socket;
my ($path, @command) = @ARGV;
unlink $path;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
bind $s, sockaddr_un($path) or die;
$| = 1;
print "ready\n";
for (;;) {
	my $bits = '';
	vec($bits, fileno $s, 1) = 1;
	select $bits, undef, undef, undef;
	my $pid = fork // die;
	if ($pid == 0) {
		open STDIN, '<&', $s or die;
		open STDOUT, '>&', $s or die;
		open STDERR, '>&', $s or die;
		exec @command;
	}
	waitpid $pid, 0;
	print "exit $?\n";
}
END
start inetd perl "$T/inetd" "$T/validate.sock" "$BIN/acme-validate" \
    -c "$T/acmed.conf"
wait_for 10 grep -q ready "$T/inetd.out"
challenge http-01 one.example.test
before=$(date +%s)
poke
ok 'inetd: it validates' wait_for 10 ended_well one.example.test
challenge http-01 two.example.test
poke
ok 'the second while it lingers' wait_for 10 ended_well two.example.test
ok 'then it ends' wait_for 10 grep -q exit "$T/inetd.out"
ok 'not before it has lingered' [ $(($(date +%s) - before)) -ge 2 ]
is "$(cat "$T/inetd.out")" "ready
exit 0" 'once, with 0'
challenge http-01 three.example.test
poke
ok 'and again' wait_for 10 ended_well three.example.test
wait_for 10 sh -c "[ \"\$(grep -c exit '$T/inetd.out')\" -eq 2 ]"
stop inetd

# ---- very many ---------------------------------------------------------------
configure 'validate timeout = 12s' 'validate concurrency = 1200'
{
	echo 'BEGIN;'
	i=0
	while [ "$i" -lt 1000 ]; do
		i=$((i + 1))
		kinds=many
		[ "$i" -gt 250 ] || kinds='many slow'
		for kind in $kinds; do
			n=n$i.$kind.example.test
			echo "INSERT INTO authorizations (url_id, account_id,
			    status, type, value, wildcard, created, expires)
			    VALUES ('$kind$i', 1, 'pending', 'dns', '$n', 0, 1,
			    99999999999);
			    INSERT INTO challenges (authorization_id, type,
			    status, token) VALUES (last_insert_rowid(),
			    'http-01', 'processing',
			    '$(printf 'tokentoken%033d' $i)');
			    INSERT INTO jobs VALUES ('validate',
			    last_insert_rowid(), 0, 0, '');"
		done
		ln "$T/www/one.example.test" "$T/www/n$i.many.example.test"
	done
	echo 'COMMIT;'
} >"$T/many.sql"
must sh -c "sqlite3 '$store' <'$T/many.sql'"
# Half of them go where every connection is accepted and nothing is said.
start hole "$SRC/tests/lib/mute" tcp 127.0.0.2 "$HTTP_PORT"
wait_for 10 grep -q ready "$T/hole.out"
before=$(date +%s)
sweep
exits 0 '1250 validations'
took=$(($(date +%s) - before))
diag "took $took s"
ok 'in the time that the silent ones need' [ "$took" -le 30 ]
is "$(sql "SELECT count(*) FROM challenges c JOIN authorizations a ON a.id =
    authorization_id WHERE value LIKE '%.many.%' AND c.status = 'valid'")" 1000 \
    'all good ones are valid'
is "$(sql "SELECT count(*) FROM challenges c JOIN authorizations a ON a.id =
    authorization_id WHERE value LIKE '%.slow.%' AND c.status = 'invalid'")" \
    250 'all silent ones are not'

# ---- what the store should never hold ----------------------------------------
configure 'validate timeout = 4s'
for name in '127.0.0.1:22/#' 'a b' 'x/y' 'one.example.test#' ''; do
	challenge http-01 "$name"
	sql "UPDATE authorizations SET type = 'dns' WHERE value = '$name'"
	: >"$T/www/log"
	sweep
	bad "$name" malformed 'dns|name|label|ident|RFC' "identifier \"$name\""
	is "$(cat "$T/www/log")" '' 'nothing was asked for'
done
done_testing
