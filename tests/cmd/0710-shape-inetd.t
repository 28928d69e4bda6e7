#!/bin/sh
# Goal: whole orders under openbsd-inetd, with the ready-made inetd.conf.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/shape.sh"
PATH=$PATH:/usr/sbin
need inetd curl socat
world signer.linger=2s server.linger=2s challenge.linger=2s

cp $share/inetd/inetd.conf /etc/inetd.conf
start inetd inetd -i /etc/inetd.conf
must wait_for 10 test -S /run/acmed/validate.sock
orders
apart
challenges
is "$(users acmed-challenge)" acmed 'acmed-challenge has its user'
is "$(users acme-sign)" acmed-sign 'the signer has its user'
many() {
	seq 300 | xargs -P 4 -I{} curl -sf -m 30 -o /dev/null "$directory"
}
ok 'more than 256 connections in a minute' many
wait_for 30 gone
is "$?" 0 'signer and validator end when they are not needed'
new_order d.example.test
authorize
ok '... and are started again' [ "$state" = ready ]

stop inetd
sed 's/nowait\.60000/wait.60000/' $share/inetd/inetd.conf >/etc/inetd.conf
start inetd inetd -i /etc/inetd.conf
must wait_for 10 answers
issue e.example.test
ok 'wait: an order' cert_is "$T/chain.pem" e.example.test
is "$(users acmed-accept)" acmed 'wait: workers have their user'
stop inetd
wait_for 30 gone
is "$?" 0 'nothing remains'

done_testing
