#!/bin/sh
# Goal: the work service starts the programs of a few requests and nothing else,
# for those who may ask; whatever they do, there is a reply.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/store.sh"
. "$SRC/tests/lib/admin.sh"
skip_unless_has socat perl

make_store
# Beside it are programs that say what they get.
work_bin=$T/bin
mkdir "$T/bin"
cp "$BIN/acmed-admin" "$T/bin"
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$T/bin/$1"
	chmod 755 "$T/bin/$1"
}
# shellcheck disable=SC2016 # is for that shell
program nginx-expire 'echo "$0: $*"'
# shellcheck disable=SC2016
program domain-queue 'echo "$0: $*"'
work_serve --timeout 2

# ---- requests ----------------------------------------------------------------

# does REQUEST PROGRAM ARGUMENTS...
does() {
	does_name=$1
	work "$1\n"
	shift
	like "$head" '^0 [0-9]+ $' "$does_name"
	is "$(tail -n +2 "$T/reply")" \
	    "$T/bin/$1: --config $T/work.conf $2" '... starts that'
}
does 'nginx status' nginx-expire '--json --status'
does 'nginx expire all' nginx-expire '--json --all'
does 'nginx expire a.example *.b-c.example _x.1.example' nginx-expire \
    '--json -- a.example *.b-c.example _x.1.example'
does 'order a.example' domain-queue 'process --budget 60 -- a.example'
many=$(perl -e 'print join " ", map { ("a" x 60) . ".$_.example" } 1..1000')
does "nginx expire $many" nginx-expire "--json -- $many"
for bad in '' ' ' 'nginx' 'nginx ' 'nginx statuss' 'nginx status x' \
    'NGINX status' 'nginx  status' ' nginx status' 'nginx status ' \
    'nginx expire' 'nginx expire ' 'nginx expire  a.example' \
    'nginx expire --all' 'nginx expire a.example -' 'nginx expire A.example' \
    'nginx expire a.example;id' 'nginx expire ../a' "nginx expire \$(id)" \
    'nginx expire a\tb' 'nginx expire a\0b' 'nginx expire é.example' \
    "nginx expire $many a.example" "nginx expire $(printf %0256d 0)" \
    'order' 'order a.example b.example' 'order -a.example' \
    'domain-queue process' 'order a.example\norder b.example' \
    'nginx status\r' "$(printf %0400000d 0)"; do
	work "$bad\n"
	like "$head" '^100 0 .+' \
	    "no request: $(printf '%s' "$bad" | head -c 60)"
done
work 'nginx status'
like "$head" '^100 0 no newline at the end$' 'no newline'
like "$(cat "$T/work.log")" 'no such request' 'the log has them'
unlike "$(cat "$T/work.log")" 'order b' 'nothing of them was started'

# ---- programs ----------------------------------------------------------------

program nginx-expire 'echo out; echo one >&2; echo "two 	lines" >&2; exit 1'
work 'nginx status\n'
is "$head" "1 4 nginx-expire: exit code 1: two \\x09lines" \
    'a program that fails: its code and its last line'
is "$(tail -n +2 "$T/reply")" out '... and its output'
like "$(cat "$T/work.log")" '^one$' '... and all it says is in the log'
program nginx-expire 'head -c 983040 /dev/zero'
work 'nginx status\n'
like "$head" '^0 983040 $' 'much output'
is "$(tail -n +2 "$T/reply" | wc -c)" 983040 '... comes whole'
program nginx-expire 'head -c 983041 /dev/zero; echo ended >&2'
work 'nginx status\n'
like "$head" '^101 [0-9]+ .*says more than' 'too much output'
like "$(cat "$T/work.log")" '^ended$' '... does not stop it'
# shellcheck disable=SC2016
program nginx-expire 'sleep 60 & echo $! >'"$T"'/child; echo $$ >'"$T"'/pid
    trap "echo term >>'"$T"'/term" TERM; wait; exit 3'
work 'nginx status\n'
like "$head" '^111 0 .*took longer than 2 s and was killed' \
    'a program that does not end'
ok '... was told before' grep -q term "$T/term"
ok '... and has ended' ended "$(cat "$T/pid")"
ok '... with all it had started' wait_for 10 ended "$(cat "$T/child")"
# shellcheck disable=SC2016
program nginx-expire 'kill -KILL $$'
work 'nginx status\n'
like "$head" '^111 0 .*ended by signal 9' 'a program that is killed'
chmod 644 "$T/bin/nginx-expire"
work 'nginx status\n'
like "$head" '^111 0 .*nginx-expire: cannot be started' \
    'a program that cannot be started'
rm "$T/bin/nginx-expire"
work 'nginx status\n'
like "$head" '^111 0 .*nginx-expire: cannot be started' \
    'a program that is not there'
mkdir "$T/sbin"
mv "$T/bin/acmed-admin" "$T/sbin"
program nginx-expire 'echo from bin'
stop work
work_bin=$T/sbin
work_serve
work 'nginx status\n'
is "$(tail -n 1 "$T/reply")" 'from bin' 'a program in bin beside sbin'

# ---- clients -----------------------------------------------------------------

program domain-queue "touch $T/began
    while [ ! -e $T/go ]; do sleep 0.1; done
    echo said; touch $T/done"
# begin SOCKET: a client that goes away when the program runs.
begin() {
	rm -f "$T/go" "$T/began" "$T/done"
	perl  -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die;
		print $s "order a.example\n"; $s->flush;
		alarm 30;
		until (-e $ARGV[1]) { select undef, undef, undef, 0.05 }
	    ' "$1" "$T/began"
}
begin "$T/work.sock"
touch "$T/go"
ok 'a client that goes away stops nothing' wait_for 20 test -e "$T/done"
if [ "$(id -u)" -eq 0 ]; then
	chmod 711 "$T"
	as_nobody() {
		printf 'nginx status\n' | setpriv --reuid nobody \
		    --regid nogroup --clear-groups \
		    socat -t 60 - "UNIX-CONNECT:$T/work.sock"
	}
	is "$(as_nobody)" "1 0 user $(id -u nobody) may not ask for work" \
	    'somebody else'
	unlike "$(cat "$T/work.log")" 'may not ask' '... does not fill the log'
	stop work
	work_serve -v
	as_nobody >"$T/dropped"
	like "$(cat "$T/work.log")" \
	    "debug: work.refused .*user $(id -u nobody) may not ask" \
	    '... which -v has it in'
	# Who is refused is not waited for: not a byte was sent.
	is "$(setpriv --reuid nobody --regid nogroup --clear-groups \
	    socat -u "UNIX-CONNECT:$T/work.sock" -)" \
	    "1 0 user $(id -u nobody) may not ask for work" \
	    '... before anything is read'
	"$SRC/scripts/lib/conf-set" admin.user=nobody <"$T/work.conf" >"$T/new"
	mv "$T/new" "$T/work.conf"
	like "$(as_nobody)" '^0 9 $' '... but for the user of acmed-admin'
else
	skip 5 'needs root'
fi
is "$(echo nginx status |
    socat -t 20 - "EXEC:$T/sbin/acmed-admin work -c $T/work.conf")" \
    '1 0 user -1 may not ask for work' \
    'of a pair of sockets nobody knows who is at the end'
run "$BIN/acmed-admin" work --timeout 0
exits 100 'wrong use'

# ---- a socket of its own ---------------------------------------------------------

stop work
rm -f "$T/work.sock" "$T/ready"
start own "$T/sbin/acmed-admin" work --ready-fd 3 -c "$T/work.conf" 3>"$T/ready"
must wait_for 10 test -s "$T/ready"
work 'nginx status\n'
is "$(tail -n 1 "$T/reply")" 'from bin' 'without a socket it makes one'
is "$(stat -c %a "$T/work.sock")" 660 '... for its group'
stop own
is "$status" 0 '... until SIGTERM'

# ---- a listening socket ------------------------------------------------------

# shellcheck disable=SC2016 # of perl
start listens perl -MIO::Socket::UNIX -MPOSIX -e '
	my $s = IO::Socket::UNIX->new(Local => shift, Listen => 9) or die;
	POSIX::dup2(fileno $s, 0); exec @ARGV' "$T/many.sock" \
    "$T/sbin/acmed-admin" work -c "$T/work.conf"
must wait_for 10 test -S "$T/many.sock"
for i in 1 2 3; do
	is "$(printf 'nginx status\n' | socat -t 60 - "UNIX-CONNECT:$T/many.sock")" \
	    "0 9 
from bin" "listening: request $i"
done
begin "$T/many.sock"
is "$(printf 'nginx status\n' | socat -t 60 - "UNIX-CONNECT:$T/many.sock" |
    tail -n 1)" 'from bin' '... also while one works'
stop listens
is "$status" 0 'SIGTERM ends it'
not_ok '... and the program before it was through' test -e "$T/done"
ok '... which is in the log' grep -q 'was told to stop' "$T/listens.log"

done_testing
