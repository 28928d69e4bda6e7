#!/bin/sh
# Goal: how CAs are reached is as [client] says: through a proxy or not, as
# another user, and no longer than it may take to connect.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/standin.sh"
. "$(dirname "$0")/../lib/upstream.sh"

skip_unless_has perl
client_up
standin_up
# set_client KEY=VALUE...: in [client].
set_client() {
	for set_word in "$@"; do
		"$SRC/scripts/lib/conf-set" "client.$set_word" <"$client" \
		    >"$T/conf" && mv "$T/conf" "$client"
	done
}
account ca add here "$base/dir" --trust "$T/standin.crt"
exits 0 'a CA'

# ---- proxy ---------------------------------------------------------------------
export https_proxy=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1
export HTTPS_PROXY=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1
account register --ca here --agree-terms
exits 0 'without proxy: the environment has no say'
id=$(field id)
cd "$T" || exit
start proxy "$SRC/tests/lib/connect-proxy"
must wait_for 10 test -s "$T/proxy.out"
set_client "proxy=http://127.0.0.1:$(cat "$T/proxy.out")"
export no_proxy=localhost NO_PROXY=localhost
account show "$id"
exits 0 'through a proxy, whatever the environment says'
is "$(sort -u "$T/proxy.log")" "CONNECT ${base#https://}" '... that was asked'
touch "$T/refuse"
account show "$id"
exits 111 'a proxy that refuses'
like "$err" 'CONNECT.*403|403.*CONNECT' '... is told of'
rm "$T/refuse"
stop proxy
account show "$id"
exits 111 'a proxy that is not there'
like "$err" '[Cc]onnect' '... is told of'
set_client proxy=

# ---- the time to connect ---------------------------------------------------------
# A socket whose queue is full: connections to it are never answered.
# shellcheck disable=SC2016 # it is Perl
start full perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(Listen => 0, LocalAddr => "127.0.0.1");
	my @queue = map { IO::Socket::INET->new(Blocking => 0,
	    PeerAddr => "127.0.0.1", PeerPort => $s->sockport) } 1 .. 4;
	$| = 1;
	print $s->sockport, "\n";
	sleep 600'
must wait_for 10 test -s "$T/full.out"
account ca add full "https://localhost:$(cat "$T/full.out")/dir" \
    --trust "$T/standin.crt"
set_client connect_timeout=1s timeout=5m
begin=$(date +%s)
account register --ca full --agree-terms
exits 111 'a CA that does not answer'
like "$err" '[Tt]imed out|[Tt]imeout' '... is told of'
ok '... soon' [ $(($(date +%s) - begin)) -lt 60 ]
set_client timeout=20s

# ---- user ------------------------------------------------------------------------
user=nobody
if [ "$(id -u)" -eq 0 ] && group=$(id -gn $user); then
	set_client user=$user
	chmod 711 "$T"
	must chgrp -R "$group" "$T/client/store"
	must chmod 2770 "$T/client/store"
	rules '/dir slow 8'
	sqlite3 "$T/client/store/acmed.sqlite" 'UPDATE upstream_cas SET fetched = 1'
	start show "$BIN/acme-account" show "$id" -c "$client"
	pid=$(cat "$T/show.pid")
	must wait_for 10 grep -q 'GET /dir' "$T/standin.log"
	must wait_for 10 pgrep -P "$pid"
	uids() {
		awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$1/status"
	}
	is "$(uids "$pid")" "$(id -u $user | sed 's/.*/& & & &/')" \
	    'the process with the keys is another user'
	is "$(uids "$(pgrep -P "$pid")")" "$(uids "$pid")" \
	    '... and so is that with the network'
	is "$(awk '/^Groups:/ { print $2, $3 }' "/proc/$pid/status")" \
	    "$(id -G $user) " '... in no other group'
	wait "$pid"
	is "$?" 0 '... and it does what it is for'
	set_client user=nobody-at-all
	account show "$id"
	exits 102 'a user who is not there'
	like "$err" 'user' '... is told of'
else
	skip 6 'needs root'
fi
done_testing
