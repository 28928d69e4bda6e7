# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # variables for and of the test
# shellcheck source=tests/lib/acme.sh
# For tests of the ready-made files of a super-server: after tap.sh,
#
#	. "$(dirname "$0")/../lib/shape.sh"
#	world
#
# The test is run again in namespaces of its own (mounts, network, processes):
# with its own /etc, /run, /usr/local, /var/lib and /var/log, its own loopback
# with all ports, and nothing in it that outlives it.  So the files are used as
# they are, with their paths, ports and users.

. "$(dirname "$0")/../lib/acme.sh"

share=/usr/local/share/acmed

# world [section.key=value...]: enters it; installs acmed, runs setup, DNS and
# an applicant's web server.
world() {
	skip_unless_root
	need openssl sqlite3 unshare ip uacme
	unshare --mount --net --pid --fork true 2>/dev/null ||
	    skip_all 'needs namespaces'
	if [ -z "${SHAPE_WORLD:-}" ]; then
		rm -rf "$T"
		trap - EXIT HUP INT TERM
		SHAPE_WORLD=1 exec unshare --mount --net --pid --fork \
		    --kill-child --mount-proc "$0"
	fi
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	must ip link set lo up
	mkdir "$T/etc" "$T/local"
	must cp -a /etc/. "$T/etc"
	must mount --bind "$T/etc" /etc
	must mount --bind "$T/local" /usr/local
	for d in /run /var/lib /var/log; do
		must mount -t tmpfs -o mode=755 none $d
	done
	mkdir /var/lib/nginx /var/log/nginx
	printf '127.0.0.1 localhost acme.lan\n' >/etc/hosts
	mkdir /usr/local/bin /usr/local/sbin
	must cp "$BIN/acme-sign" "$BIN/renew-queue" /usr/local/bin
	must cp "$BIN/acme-validate" "$BIN/acmed-accept" \
	    "$BIN/acmed-admin" "$BIN/acmed-challenge" "$BIN/acmed-store" \
	    /usr/local/sbin
	must env -u MAKEFLAGS -u MFLAGS make -s -C "$SRC" install-share
	start_dns
	http_port=8080
	start_www
	run $share/setup
	is "$status" 1 'setup makes users and a configuration, to be edited'
	"$SRC/scripts/lib/conf-set" "validate.resolver=$dns" \
	    "validate.http_port=$http_port" "$@" \
	    <$share/acmed.conf >/etc/acmed/acmed.conf
	ok 'setup, again, makes the rest' $share/setup
	ok '... and may be run once more' $share/setup
	directory=https://acme.lan/directory
	base=${directory%/directory}
	config=/etc/acmed/acmed.conf store=/var/lib/acmed/acmed.sqlite
	ca=/var/lib/acmed-ca/root.crt issuer=$ca
	cat $ca >>/etc/ssl/certs/ca-certificates.crt
	must openssl ecparam -name prime256v1 -genkey -noout -out "$T/cert.key"
	ACME_VIA=https
}

# answers: the server is there; for wait_for.
answers() {
	curl -sf -m 5 -o "$T/directory" "$directory"
}

# supervised NAME...: s6-supervise is there for these services, so that others can
# ask it.
supervised() {
	for supervised_name in "$@"; do
		must wait_for 30 \
		    test -s "/run/service/$supervised_name/supervise/status"
	done
}

# orders: whole orders, by hand-made requests and by uacme, with checks.
orders() {
	ok 'the server answers' wait_for 30 answers
	actor alice
	issue a.example.test b.example.test
	ok 'an order' cert_is "$T/chain.pem" a.example.test b.example.test
	cat >"$T/hook" <<-END
	#!/bin/sh
	case \$1-\$2 in
	begin-http-01) printf %s "\$5" >"$www/\$4" ;;
	*-http-01) rm -f "$www/\$4" ;;
	*) exit 1 ;;
	esac
	END
	chmod 755 "$T/hook"
	ok 'uacme: an account' uacme -a "$directory" -c "$T/uacme" -y new
	ok 'uacme: an order' uacme -a "$directory" -c "$T/uacme" -h "$T/hook" \
	    -y issue c.example.test
	ok '... and its certificate' \
	    cert_is "$T/uacme/c.example.test/cert.pem" c.example.test
	sweeps
	store_is_sound
}

# token_is URL KEYAUTH; asked TOKEN: for wait_for.
token_is() {
	[ "$(curl -s -m 5 "$1")" = "$2" ]
}
asked() {
	acmed-challenge log --no-header --token "$1" |
	grep -q '	127\.0\.0\.1	127\.0\.0\.1	.*yes'
}

# challenges: acmed-challenge answers on port 80 and knows who asked; the web
# server of applicants is at another port.
challenges() {
	token=evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA
	keyauth=$token.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
	must acmed-challenge add $keyauth
	challenge_url=http://127.0.0.1/.well-known
	ok 'acmed-challenge answers a token' wait_for 20 token_is \
	    "$challenge_url/acme-challenge/$token" "$keyauth"
	is "$(curl -s -m 10 -H 'Host: www.example.org:80' \
	    "$challenge_url/public/whoami")" www.example.org '... and whoami'
	ok '... and knows who asked' wait_for 10 asked "$token"
}

# as_user USER COMMAND...
as_user() {
	as_name=$1
	shift
	setpriv --reuid "$as_name" --regid acmed --clear-groups "$@"
}

# sweeps: what cron or timers do, each under its user.
sweeps() {
	ok 'acme-validate sweep' as_user acmed-validate acme-validate sweep
	ok 'acme-sign sweep' as_user acmed-sign acme-sign sweep
	ok 'acme-sign crl' as_user acmed-sign acme-sign crl
	ok 'acmed-store tls-renew' acmed-store tls-renew
}

# users PROGRAM: the users its processes run under.
users() {
	# shellcheck disable=SC2009 # their users
	ps -eo user:32,comm | awk -v p="$1" '$2 == p { print $1 }' | sort -u |
	    paste -sd' ' -
}

# apart: no uid can read or do what is another's.
apart() {
	is "$(stat -c '%U %a' /var/lib/acmed-ca/intermediate.key)" \
	    'acmed-sign 600' 'the key of the CA is for acmed-sign alone'
	is "$(stat -c '%U %a' /etc/acmed/tls.key)" 'acmed 600' \
	    'the key of TLS is for acmed alone'
	for u in acmed acmed-validate; do
		not_ok "$u cannot read the key of the CA" \
		    as_user $u cat /var/lib/acmed-ca/intermediate.key
		not_ok "... nor put another CA in its place" \
		    as_user $u mv /var/lib/acmed-ca /var/lib/acmed/ca
		not_ok '... nor another signer' \
		    as_user $u rm -f /run/acmed/sign.sock
	done
	not_ok 'acmed-validate cannot read the key of TLS' \
	    as_user acmed-validate cat /etc/acmed/tls.key
	must wait_for 10 test -S /run/acmed/sign.sock
	ok 'the signer hangs up on acmed-validate' as_user acmed-validate \
	    timeout 10 socat -u UNIX-CONNECT:/run/acmed/sign.sock -
	not_ok 'nobody else reaches the signer' setpriv --reuid nobody \
	    --regid nogroup --clear-groups socat -u /dev/null \
	    UNIX-CONNECT:/run/acmed/sign.sock
}

# gone: none of our programs is left; for wait_for.
gone() {
	! pgrep -x 'acmed-accept|acmed-admin|acmed-challenge|acme-sign|acme-validate' \
	    >/dev/null
}
