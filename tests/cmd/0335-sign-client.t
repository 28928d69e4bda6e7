#!/bin/sh
# Goal: with [signer] client_user the signing service answers that user and its
# own, and nobody else, on a listening socket and on a connection it is given.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/sign.sh"
skip_unless_root
skip_unless_has openssl perl setpriv

user=nobody other=_apt
for name in "$user" "$other"; do
	id "$name" >"$T/none" || skip_all "needs $name"
done

make_ca 'name = Test CA' 'ca_lifetime = 20d' 'lifetime = 30d'
"$SRC/scripts/lib/conf-set" signer.client_user=$user <"$CONF" >"$T/new.conf"
mv "$T/new.conf" "$CONF"
chmod 711 "$T"
csr a / DNS:a.example
der=$(openssl req -in "$T/a.csr" -outform DER | base64 -w0 | tr '+/' '-_' |
    tr -d =)
printf '{"csr":"%s","dns":["a.example"],"order":"o7"}' "$der" >"$T/request"
chmod 644 "$T/request"

# ask USER: one request over the socket; prints the reply, if there is one.
cat >"$T/ask" <<'EOT'
use strict;
use warnings;
use IO::Socket::UNIX;
my ($path, $file) = @ARGV;
open my $f, '<', $file or die;
my $text = do { local $/; <$f> };
my $s = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!\n";
$SIG{PIPE} = 'IGNORE';
syswrite $s, pack('N', length $text) . $text;
my $reply = '';
while (length $reply < 4 || length $reply < 4 + unpack 'N', $reply) {
	sysread $s, $reply, 65536, length $reply or die "closed\n";
}
print substr($reply, 4), "\n";
EOT
ask() {
	run setpriv --reuid "$1" --clear-groups perl "$T/ask" "$T/sign.sock" \
	    "$T/request"
}

# listen MODE: gives acme-sign the socket itself, or the next connection of it.
listen() {
	rm -f "$T/sign.sock"
	# shellcheck disable=SC2016 # perl
	start sign perl -MIO::Socket::UNIX -MPOSIX -e '
		my ($path, $mode) = splice @ARGV, 0, 2;
		my $s = IO::Socket::UNIX->new(Local => $path, Listen => 5)
		    or die;
		chmod 0666, $path;
		$s = $s->accept if $mode eq "one";
		dup2(fileno $s, 0);
		exec @ARGV' "$T/sign.sock" "$1" \
	    "$BIN/acme-sign" serve -c "$CONF"
	must wait_for 10 test -S "$T/sign.sock"
	must wait_for 10 sh -c "[ \$(stat -c %a '$T/sign.sock') = 666 ]"
}

listen all
for who in $user root; do
	ask "$who"
	like "$out" '^\{"chain"' "a listening socket: $who is answered"
done
ask $other
is "$out" '' 'another user is not'
ask $user
like "$out" '^\{"chain"' 'which the first one does not notice'
like "$(cat "$T/sign.log")" 'sign.drop.*client_user' 'the log tells'
stop sign
is "$status" 0 'exit code 0'

listen one
ask $user
like "$out" '^\{"chain"' "one connection: $user is answered"
stop sign
is "$status" 0 'exit code 0'
listen one
ask $other
is "$out" '' 'one connection: another user is not'
must wait_for 10 ended "$(cat "$T/sign.pid")"
stop sign
is "$status" 1 'and the exit code says so'
like "$(cat "$T/sign.log")" 'client_user' 'with the reason'

done_testing
