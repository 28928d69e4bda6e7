#!/bin/sh
# Goal: redis-prime, while slots of a Redis Cluster go from one server to another:
# a run that meets that says so in one line and is to come again, no name ever
# points to what is not there, and a run after that has all done.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
. "$SRC/tests/lib/redis.sh"
skip_unless_has openssl sqlite3

start_primed_cluster
names=
for n in a b c d; do
	enter $n "DNS:$n.example"
	names="$names $n.example"
done
sans=
for n in $(seq 100); do
	sans="$sans,DNS:n$n.example"
	[ "$n" -gt 8 ] || names="$names n$n.example"
done
enter n "${sans#,}"
# shellcheck disable=SC2086 # a list of words
set -- $cluster_ports
port1=$1 port3=$3
id1=$(redis-cli -p "$port1" cluster myid)
id3=$(redis-cli -p "$port3" cluster myid)

# told NAME: the last run has ended as it should when slots are on the move.
told() {
	exits 111 "$1"
	is "$(printf '%s\n' "$err" | wc -l)" 1 '... with one line'
	like "$err" 'its cluster has given this to another server meanwhile' \
	    '... that says why'
	whole
}
# whole: what names there are point to is there.
whole() {
	whole_bad=
	for whole_name in $names; do
		whole_file=$T/${whole_name%.example}
		[ -e "$whole_file.crt" ] || whole_file=$T/n
		[ "$(c exists "d1:$whole_name")" = 1 ] || continue
		whole_c=$(c --raw hget "d1:$whole_name" c)
		whole_p=$(c --raw hget "d1:$whole_name" p)
		whole_i=$(c --raw hget "d1:$whole_name" i)
		[ "$(c --raw get "c:$whole_c")" = "$(openssl x509 -in "$whole_file.crt")" ] &&
		    [ "$(c --raw get "p:$whole_p")" = "$(openssl pkey -in "$whole_file.key")" ] &&
		    [ "$(c --raw get "i:$whole_i")" = "$(sed '1,/END/d' "$whole_file.crt")" ] ||
		    whole_bad="$whole_bad $whole_name"
	done
	is "$whole_bad" '' '... no name points to what is not there'
}
done_with_all() {
	prime --all
	is "$status $err" '0 ' "$1"
	prime --all --verify
	is "$(counts)" '0 0 0 0 104 0 0' '... all are as they are to be'
	whole
}
# slot_of SERVER KEY...: of these keys, one whose slot is there.
slot_of() {
	slot_first=$((($1 - 1) * 5461)) slot_last=$(($1 * 5461 - 1))
	shift
	for slot_key in "$@"; do
		slot=$(c cluster keyslot "$slot_key")
		[ "$slot" -lt $slot_first ] || [ "$slot" -gt $slot_last ] ||
		    return 0
	done
	must false "no key in $slot_first to $slot_last"
}
# at 1|3 COMMAND...
at() {
	if [ "$1" = 1 ]; then at_port=$port1; else at_port=$port3; fi
	shift
	must redis-cli -p "$at_port" "$@" >/dev/null
}
# begin_move: of $slot, from server 1 to server 3.  end_move: and its keys.
begin_move() {
	at 3 cluster setslot "$slot" importing "$id1"
	at 1 cluster setslot "$slot" migrating "$id3"
}
end_move() {
	for end_key in $(redis-cli -p "$port1" cluster getkeysinslot "$slot" 999); do
		at 1 migrate 127.0.0.1 "$port3" "$end_key" 0 9999
	done
	at 3 cluster setslot "$slot" node "$id3"
	at 1 cluster setslot "$slot" node "$id3"
}
# knows PORT: that server has heard of it.
knows() {
	redis-cli -p "$1" cluster nodes | grep "^$id3 " |
	    grep -Eq "[ -]$slot( |-|\$)"
}
all_know() {
	for all_port in $cluster_ports; do
		must wait_for 30 knows "$all_port"
	done
}

# ---- on its way --------------------------------------------------------------

# shellcheck disable=SC2046 # words
slot_of 1 $(seq -f 'd1:n%.0f.example' 100)
begin_move
prime --all
told 'a slot is on its way (ASK)'
end_move
all_know
done_with_all '... and when it is there: the next run has all done'

# ---- some of its keys are on their way ------------------------------------------

c_all flushall >/dev/null
# shellcheck disable=SC2046
slot_of 1 $(seq -f 'c:%.0f' 5) $(seq -f 'p:%.0f' 5) i:1
begin_move
prime --all
told 'that of a certificate, a key or a chain'
end_move
all_know
done_with_all '... then'

# One key of two that belong together: the server cannot say who has the other.
# shellcheck disable=SC2046
slot_of 1 $(seq -f 'd1:n%.0f.example' 100 -1 50)
c del "$slot_key" >/dev/null
begin_move
prime --all
told 'a name that has no more than the key beside it there (TRYAGAIN)'
end_move
all_know
done_with_all '... then'

# ---- gone while it runs ----------------------------------------------------------

c_all flushall >/dev/null
c_all config resetstat >/dev/null
# shellcheck disable=SC2046
slot_of 1 $(seq -f 'd1:n%.0f.example' 9 100)
asked() {
	redis-cli -p "$port1" info commandstats | grep -q '^cmdstat_cluster.slots'
}
# Who has slots was asked for; then a server is slow, and meanwhile they move.
must kill -STOP "$(cat "$T/redis2.pid")"
"$BIN/redis-prime" --all >"$T/out" 2>"$T/err" &
pid=$!
must wait_for 10 asked
begin_move
end_move
must kill -CONT "$(cat "$T/redis2.pid")"
status=0
wait "$pid" || status=$?
err=$(cat "$T/err")
told 'it has gone while the run went on (MOVED)'
all_know
done_with_all '... then'

# ---- all the while ----------------------------------------------------------------

c_all flushall >/dev/null
redis-cli --cluster reshard "127.0.0.1:$port1" --cluster-from "$id1" \
    --cluster-to "$id3" --cluster-slots 2000 --cluster-yes \
    >"$T/reshard" 2>&1 &
reshard=$!
bad='' runs=0
while kill -0 "$reshard" 2>/dev/null && [ "$runs" -lt 300 ]; do
	[ $((runs % 3)) -ne 0 ] || c del "d1:n$runs.example" >/dev/null
	prime --all
	case $status:$err in
	0:) ;;
	111:*'its cluster has given this to another server meanwhile') ;;
	*) bad="$bad [$status: $err]" ;;
	esac
	runs=$((runs + 1))
done
wait "$reshard"
is "$?" 0 'thousands of slots move'
is "$bad" '' '... and each run has all done, or is to come again'
diag "$runs runs"
whole
done_with_all '... then all is done'
done_testing
