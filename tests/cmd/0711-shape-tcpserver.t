#!/bin/sh
# Goal: whole orders under tcpserver, with the ready-made run files.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/shape.sh"
need tcpserver curl socat
world

for s in sign validate accept challenge; do
	start $s $share/tcpserver/$s/run
done
must wait_for 10 test -S /run/acmed/sign.sock
must wait_for 10 test -S /run/acmed/validate.sock
orders
apart
challenges
is "$(users tcpserver)" acmed 'tcpserver is not root any more'
is "$(users acme-sign)" acmed-sign 'the signer has its user'
is "$(users acme-validate)" acmed-validate 'the validator has its user'
for s in sign validate; do
	stop $s
	is "$status" 0 "$s: SIGTERM ends it"
done
stop accept
stop challenge
wait_for 30 gone
is "$?" 0 'nothing remains'

done_testing
