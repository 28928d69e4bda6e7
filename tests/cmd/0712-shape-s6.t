#!/bin/sh
# Goal: whole orders under s6 behind nginx, with the ready-made service
# directories and nginx.conf.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/shape.sh"
PATH=$PATH:/usr/sbin
need s6-svscan s6-svwait nginx curl socat
world server.peer_from=x-real-ip challenge.peer_from=x-real-ip \
    challenge.linger=0s

cp -R $share/s6 /run/service
rm /run/service/nginx.conf
rm -f /etc/nginx/sites-enabled/* /etc/nginx/modules-enabled/*
cp $share/s6/nginx.conf /etc/nginx/conf.d/acmed.conf
start svscan s6-svscan /run/service
supervised accept sign validate
ok 'all are ready' s6-svwait -U -t 20000 /run/service/accept \
    /run/service/sign /run/service/validate
renewed() {
	[ "$(sqlite3 /var/lib/acmed/acmed.sqlite \
	    'SELECT succeeded_at > 0 FROM runs')" = 1 ]
}
ok 'the line for renewals has run' wait_for 20 renewed
ok '... and is stopped at once' s6-svc -wD -T 10000 -d /run/service/renew
start nginx nginx -g 'daemon off;'
orders
apart
challenges
is "$(users acmed-challenge)" acmed 'acmed-challenge has its user'
is "$(users acmed-accept)" acmed 'acmed-accept has its user'
is "$(users acme-sign)" acmed-sign 'the signer has its user'
is "$(users acme-validate)" acmed-validate 'the validator has its user'
not_ok 'acmed cannot speak in the place of nginx' as_user acmed socat -u \
    /dev/null UNIX-CONNECT:/run/acmed-front/accept.sock
curl -s -m 10 -H 'X-Real-IP: 192.0.2.1' --interface 127.0.0.7 \
    -o "$T/out" "$directory"
peer() {
	grep -q "peer=$1 " /var/log/acmed/accept/current
}
ok 'the log has the address that nginx sees' wait_for 10 peer 127.0.0.7
not_ok '... and not what the client says' peer 192.0.2.1

# Workers in the place of a process for each connection, as accept/run says.
service=/run/service/accept
must s6-svc -wD -T 10000 -d $service
rm $service/notification-fd
"$SRC/scripts/lib/conf-set" server.linger=0s <"$config" >"$T/new.conf"
cat "$T/new.conf" >"$config"
{
	sed '/^exec s6/,$d' $service/run
	sed -n 's/^#	//p' $service/run
} >"$T/run"
cat "$T/run" >$service/run
must s6-svc -wu -T 10000 -u $service
must wait_for 20 answers
issue d.example.test
ok 'workers: an order' cert_is "$T/chain.pem" d.example.test
workers() {
	pgrep -P "$(pgrep -P "$(pgrep -f "s6-supervise accept$")")"
}
ok 'by processes that live on' [ "$(workers | wc -l)" -ge 1 ]
is "$(users acmed-accept)" acmed 'with their user'
stop nginx
stop svscan
wait_for 30 gone
is "$?" 0 'nothing remains'

done_testing
