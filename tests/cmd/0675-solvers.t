#!/bin/sh
# Goal: every solver of challenges puts its answer in place, where who asks for
# it finds it, and takes it away; twice is no error; what fails says why.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/clients.sh"
need curl nsupdate keymgr openssl perl
start_dns

token=evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA
keyauth=$token.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
digest=$(printf %s $keyauth | openssl dgst -sha256 -binary | base64 |
    tr '+/' '-_' | tr -d '=')

# solve SOLVER TYPE NAME STEP...: sets $status and $out.
solve() {
	solve_kind=$1 solve_type=$2 solve_name=$3
	shift 3
	run "$TOOLS/solve" ${db:+--store "$db"} ${seal:+--seal "$seal"} --resolver "$dns" \
	    --dns-port "$dns_port" --timeout "${timeout:-20000}" "$solve_kind" \
	    "$solve_type" "$solve_name" "${use:-$token}" "${auth:-$keyauth}" "$@"
}
# does NAME SOLVER TYPE NAME STEP...: all of them work.
does() {
	does_name=$1
	shift
	solve "$@"
	is "$status $(printf '%s\n' "$out" | grep -vc ' ok$')" '0 0' \
	    "$does_name"
	[ "$status" -eq 0 ] || diag "$out $err"
}
# refuses PATTERN SOLVER TYPE NAME STEP...
refuses() {
	refuses_what=$1
	shift
	solve "$@"
	like "$out" "$refuses_what" "$1: $refuses_what"
}
# hold SOLVER TYPE NAME: present, until let_go.
hold() {
	mkfifo "$T/hold"
	"$TOOLS/solve" --resolver "$dns" "$1" "$2" "$3" $token $keyauth \
	    present wait cleanup present cleanup wait <"$T/hold" \
	    >"$T/held" 2>&1 &
	held=$!
	exec 8>"$T/hold"
	must wait_for 10 grep -q '^present ok' "$T/held"
}
let_clean() {
	echo >&8
	must wait_for 10 sh -c "[ \$(grep -c 'cleanup ok' '$T/held') = 2 ]"
}
let_go() {
	exec 8>&-
	wait $held
	rm "$T/hold"
}

# ---- what is no solver -------------------------------------------------------

refuses 'make usage .*no such solver' nothing http-01 a.example.test
refuses 'make usage .*argument' answer:x http-01 a.example.test
refuses 'make usage .*argument' webroot http-01 a.example.test
refuses 'make usage .*argument' webroot: http-01 a.example.test
refuses 'make usage .*needs a store' answer http-01 a.example.test
refuses 'make usage ' "webroot:$T/none" http-01 a.example.test
refuses 'make usage .*no port' listen:x http-01 a.example.test
refuses 'make usage .*no port' listen:70000 http-01 a.example.test
refuses 'make usage .*absolute path' hook:true dns-01 a.example.test
refuses 'make usage .*absolute path' webroot:tests http-01 a.example.test
refuses 'make usage .*absolute path' rfc2136:Makefile dns-01 a.example.test

# ---- webroot -----------------------------------------------------------------

mkdir "$T/www"
file=$T/www/.well-known/acme-challenge/$token
does 'webroot: present' "webroot:$T/www" http-01 a.example.test \
    present present check
is "$(cat "$file")" $keyauth 'the file is there'
is "$(stat -c %a "$file")" 644 'for all to read'
does 'webroot: cleanup' "webroot:$T/www" http-01 a.example.test cleanup cleanup
is "$(ls -A "$T/www/.well-known/acme-challenge")" '' 'nothing is left'
rm -r "$T/www/.well-known"
does 'webroot: cleanup of nothing' "webroot:$T/www" http-01 a.example.test \
    cleanup
mkdir "$T/elsewhere"
ln -s "$T/elsewhere" "$T/www/.well-known"
refuses 'present denied .*not followed' "webroot:$T/www" http-01 \
    a.example.test present
is "$(ls -A "$T/elsewhere")" '' 'a link is not followed'
rm "$T/www/.well-known"
mkdir -p "$T/www/.well-known/acme-challenge"
echo secret >"$T/elsewhere/secret"
ln -s "$T/elsewhere/secret" "$file"
does 'webroot: a link in the place of the file' "webroot:$T/www" http-01 \
    a.example.test present
is "$(cat "$T/elsewhere/secret")" secret '... is replaced, not followed'
for bad in ../../../etc/passwd short "$token/x" ''; do
	use=$bad auth="$bad.x"
	refuses 'present input ' "webroot:$T/www" http-01 a.example.test present
done
use='' auth=''
refuses 'present input ' "webroot:$T/www" http-01 'a b' present

# ---- listen ------------------------------------------------------------------

port=$(free_port)
get() {
	curl -s -m 5 -o "$T/body" -w '%{http_code} ' "http://127.0.0.1:$port$1" &&
	    cat "$T/body"
}
at=/.well-known/acme-challenge
hold "listen:$port" http-01 a.example.test
is "$(get $at/$token)" "200 $keyauth" 'listen: the answer'
is "$(get $at/x$token)" '404 ' '... and no other'
is "$(curl -s -m 5 "http://[::1]:$port$at/$token")" $keyauth '... by IPv6'
refuses "make conf .*port $port.*in use" "listen:$port" http-01 a.example.test
let_clean
is "$(get $at/$token)" '404 ' 'after cleanup'
let_go
not_ok 'listen: the port is free again' listening "$port"
hold "listen:$port" http-01 a.example.test
kill -9 $held
gone() { ! listening "$port"; }
ok 'listen: it dies with its parent' wait_for 10 gone
let_go 2>"$T/killed"

# ---- tls-alpn-01 -------------------------------------------------------------

# is_alpn FILE DNS|IP:NAME: a certificate of RFC 8737 in PEM.
is_alpn() {
	text=$(openssl x509 -in "$1" -noout -text)
	like "$text" "$2\$" "... for $2"
	hex=$(printf %s $keyauth | openssl dgst -sha256 | sed 's/.*= //')
	like "$(openssl x509 -in "$1" -outform DER | od -An -v -tx1 | tr -d ' \n')" \
	    "2b0601050507011f0101ff04220420$hex" '... with the digest, critical'
}
mkdir "$T/alpn"
does 'alpn-dir: present' "alpn-dir:$T/alpn" tls-alpn-01 a.example.test \
    present present check
is_alpn "$T/alpn/a.example.test.pem" 'DNS:a.example.test'
ok 'with its key' openssl pkey -in "$T/alpn/a.example.test.pem" -noout
is "$(stat -c %a "$T/alpn/a.example.test.pem")" 640 'which is not for all'
does 'alpn-dir: cleanup' "alpn-dir:$T/alpn" tls-alpn-01 a.example.test \
    cleanup cleanup
does 'alpn-dir: an address' "alpn-dir:$T/alpn" tls-alpn-01 192.0.2.7 present
is_alpn "$T/alpn/7.2.0.192.in-addr.arpa.pem" 'IP Address:192.0.2.7'

other=$T/alpn/b.example.test.pem
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj /CN=b.example.test -keyout "$T/key" -out "$T/served"
cat "$T/key" >>"$T/served"
for what in "$T/served" /dev/null "$BIN/acme-order"; do
	cp "$what" "$other"
	refuses 'present denied .*b.example.test.pem: is there already, and no ' \
	    "alpn-dir:$T/alpn" tls-alpn-01 b.example.test present
	does 'alpn-dir: cleanup of what is not there' "alpn-dir:$T/alpn" \
	    tls-alpn-01 b.example.test cleanup
	ok '... leaves what the gateway serves' cmp "$what" "$other"
done
rm "$other"
does 'alpn-dir: one order' "alpn-dir:$T/alpn" tls-alpn-01 b.example.test present
auth=$token.aaaaaXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs
does '... and another' "alpn-dir:$T/alpn" tls-alpn-01 b.example.test present
auth=''
does '... the first ends' "alpn-dir:$T/alpn" tls-alpn-01 b.example.test cleanup
ok '... and leaves the other its file' test -s "$other"

port=$(free_port)
handshake() {
	openssl s_client -connect "127.0.0.1:$port" "$@" </dev/null 2>&1
}
hold "alpn-listen:$port" tls-alpn-01 a.example.test
handshake -servername a.example.test -alpn acme-tls/1 >"$T/tls"
like "$(cat "$T/tls")" 'ALPN protocol: acme-tls/1' 'alpn-listen: the protocol'
openssl x509 -in "$T/tls" >"$T/tls.pem"
is_alpn "$T/tls.pem" 'DNS:a.example.test'
unlike "$(handshake -servername b.example.test -alpn acme-tls/1)" BEGIN \
    'no certificate for another name'
unlike "$(handshake -servername a.example.test)" BEGIN '... nor without ALPN'
unlike "$(handshake -servername a.example.test -alpn http/1.1)" BEGIN \
    '... nor for another protocol'
let_clean
unlike "$(handshake -servername a.example.test -alpn acme-tls/1)" BEGIN \
    '... nor after cleanup'
let_go

# ---- answer ------------------------------------------------------------------

cat >"$T/acmed.conf" <<-END
	[store]
	url = $T/store/acmed.sqlite
	[server]
	base_url = https://localhost
	[policy]
	allowed_server_ip_ranges = any
	[local-ca]
	directory = $T/ca
END
must "$BIN/acmed-store" init -c "$T/acmed.conf"
db=$T/store/acmed.sqlite
answers() {
	"$BIN/acmed-challenge" -c "$T/acmed.conf" --no-header list
}
does 'answer: present' answer http-01 A.example.test present present check
like "$(answers)" "^$token	a.example.test	.*$keyauth" 'it is in the store'
does 'answer: cleanup' answer http-01 a.example.test cleanup cleanup
is "$(answers)" '' '... and gone'

# ---- hooks -------------------------------------------------------------------

cat >"$T/hook" <<-END
	#!/bin/sh
	echo "\$*" >>"$T/calls"
	[ -z "\${ACMED_CONFIG:-}\${SECRET:-}" ] || echo leak >>"$T/calls"
	[ ! -e "$T/fails" ] || { echo first >&2; cat "$T/fails" >&2; exit 1; }
	[ ! -e "$T/later" ] || exit 111
	[ ! -e "$T/hangs" ] || { sleep 1000 & echo \$! >"$T/sleeper"; wait; }
	case \$1 in
	present) exec "$T/dns-set" "\$3" TXT "\$4" ;;
	*) exec "$T/dns-set" -d "\$3" TXT ;;
	esac
END
chmod 755 "$T/hook"
SECRET=x does 'hook: present, check, cleanup' "hook:$T/hook" dns-01 \
    a.example.test present check cleanup
is "$(cat "$T/calls")" \
    "present a.example.test _acme-challenge.a.example.test $digest
cleanup a.example.test _acme-challenge.a.example.test $digest" \
    'as it should be called, with a small environment'
refuses 'check busy .*not there yet' "hook:$T/hook" dns-01 b.example.test check
must dns_set _acme-challenge.c.example.test CNAME delegated.example.test.
does 'hook: a name that is delegated' "hook:$T/hook" dns-01 c.example.test \
    present
like "$(cat "$T/calls")" "^present c.example.test delegated.example.test " \
    'the CNAME is followed'
does '... and looked up' "hook:$T/hook" dns-01 c.example.test check cleanup

must dns_set _acme-challenge.o.example.test CNAME 'a\\032b.example.test.'
refuses 'present denied .*CNAME of its record leads to an odd name' \
    "hook:$T/hook" dns-01 o.example.test present

# A second name server, which does not know of the update.
sed -e 's/127\.0\.0\.1@/127.0.0.2@/' -e "s|$T/knot\"|$T/knot2\"|" \
    "$T/knot.conf" >"$T/knot2.conf"
mkdir "$T/knot2"
cp "$T/knot/example.test.zone" "$T/knot2"
start knot2 knotd -c "$T/knot2.conf"
must dns_set ns2.example.test A 127.0.0.2
must dns_set example.test NS ns2.example.test.
refuses 'check busy .*not there yet, by name server 127\.0\.0\.2' \
    "hook:$T/hook" dns-01 a.example.test present check cleanup
stop knot2
does 'hook: a name server that does not answer is passed over' \
    "hook:$T/hook" dns-01 a.example.test present check cleanup
must "$T/dns-set" -d example.test 'NS ns2.example.test.'
echo 'no such zone  ' >"$T/fails"
refuses 'present denied .*exit code 1: no such zone$' "hook:$T/hook" dns-01 \
    a.example.test present
rm "$T/fails"
touch "$T/later"
refuses 'present busy .*exit code 111' "hook:$T/hook" dns-01 a.example.test \
    present
rm "$T/later"
touch "$T/hangs"
timeout=1000
refuses 'present busy .*longer than 1 s and was killed' "hook:$T/hook" dns-01 \
    a.example.test present
ok 'with all that it has started' wait_for 5 ended "$(cat "$T/sleeper")"
rm "$T/hangs"
cat >"$T/deaf" <<-'END'
	#!/bin/sh
	trap 'echo TERM >>"$0.said"' TERM
	echo $$ >"$0.pid"
	(trap '' TERM; while :; do sleep 1; done) &
	echo $! >"$0.child"
	while :; do sleep 1; done
END
chmod 755 "$T/deaf"
for kind in hook hook-line; do
	rm -f "$T"/deaf.*
	refuses 'present busy ' "$kind:$T/deaf" dns-01 a.example.test present
	is "$(sort -u "$T/deaf.said")" TERM "$kind: one that is asked to end"
	ok '... and does not listen is killed' wait_for 5 ended "$(cat "$T/deaf.pid")"
	ok '... with its children' wait_for 5 ended "$(cat "$T/deaf.child")"
done
timeout=
for kind in hook hook-line; do
	rm -f "$T"/deaf.*
	"$TOOLS/solve" --resolver "$dns" "$kind:$T/deaf" dns-01 a.example.test \
	    $token $keyauth present >"$T/deaf.out" &
	must wait_for 10 [ -s "$T/deaf.child" ]
	kill -9 $!
	ok "$kind: one whose caller is killed" \
	    wait_for 10 ended "$(cat "$T/deaf.pid")"
	ok '... ends with its children' wait_for 10 ended "$(cat "$T/deaf.child")"
done 2>"$T/deaf.err"
: >"$T/calls"
cat >"$T/http" <<-END
	#!/bin/sh
	echo "\$*" >>"$T/calls"
END
chmod 755 "$T/http"
does 'hook-http' "hook-http:$T/http" http-01 a.example.test present check cleanup
is "$(cat "$T/calls")" "present a.example.test $token $keyauth
cleanup a.example.test $token $keyauth" 'as it should be called'

cat >"$T/line" <<-END
	#!/bin/sh
	echo "started" >>"$T/calls"
	while read -r verb name fqdn value; do
		case \$name in
		bad.*) echo 'error the zone is locked'; continue ;;
		odd.*) echo what; continue ;;
		die.*) exit 1 ;;
		hang.*) sleep 100 ;;
		esac
		case \$verb in
		present) "$T/dns-set" "\$fqdn" TXT "\$value" ;;
		*) "$T/dns-set" -d "\$fqdn" TXT ;;
		esac >&2
		echo ok
	done
END
chmod 755 "$T/line"
: >"$T/calls"
does 'hook-line: present, check, cleanup' "hook-line:$T/line" dns-01 \
    d.example.test present check cleanup present check cleanup
is "$(cat "$T/calls")" started 'by one process'
refuses 'present denied .*: the zone is locked$' "hook-line:$T/line" dns-01 \
    bad.example.test present
refuses 'present denied .*: what$' "hook-line:$T/line" dns-01 odd.example.test \
    present
: >"$T/calls"
refuses "present busy $T/line: has ended without an answer" \
    "hook-line:$T/line" dns-01 die.example.test present present
is "$(grep -c started "$T/calls")" 2 'one that has died is started again'
timeout=1000
refuses 'present busy ' "hook-line:$T/line" dns-01 hang.example.test present
timeout=
cat >"$T/polite" <<-'END'
	#!/bin/sh
	while read -r line; do echo ok; done
	sleep 0.3
	echo bye >"$0.said"
END
chmod 755 "$T/polite"
does 'hook-line: one that has something to do at its end' \
    "hook-line:$T/polite" dns-01 a.example.test present
is "$(cat "$T/polite.said")" bye '... has time for it'
cat >"$T/once" <<-END
	#!/bin/sh
	echo started >>"$T/calls"
	while read -r verb name rest; do
		case \$name in
		end.*) echo ok; exit ;;
		twice.*) printf 'ok\\nok\\n' ;;
		later.*)
			[ \$verb = present ] || { echo error; continue; }
			echo ok; sleep 0.1; echo ok
			;;
		nul.*) printf 'ok\\000\\n' ;;
		file.*) echo ok >/dev/stdout ;;
		esac
	done </dev/stdin
END
chmod 755 "$T/once"
: >"$T/calls"
does 'hook-line: one that ends after each answer' "hook-line:$T/once" dns-01 \
    end.example.test present cleanup present
is "$(grep -c started "$T/calls")" 3 '... is started for each'
: >"$T/calls"
does 'hook-line: two answers to one line' "hook-line:$T/once" dns-01 \
    twice.example.test present cleanup
is "$(grep -c started "$T/calls")" 2 '... it is started again'
mkfifo "$T/pause"
{ sleep 0.5 && echo; } >"$T/pause" &
solve "hook-line:$T/once" dns-01 later.example.test present wait cleanup \
    <"$T/pause"
like "$out" 'cleanup denied .*: error' '... also when the second comes late'
like "$err" 'says more than a line' '... and it is told of'
refuses 'present denied .*: ok\?$' "hook-line:$T/once" dns-01 nul.example.test \
    present
does 'hook-line: the ends are files that can be opened' "hook-line:$T/once" \
    dns-01 file.example.test present cleanup

# ---- adapters ----------------------------------------------------------------

cat >"$T/foreign" <<-END
	#!/bin/sh
	echo "\$*" >>"$T/calls"
	set | sed -n "s/^\(CERTBOT_[A-Z_]*\)='*\([^']*\)'*\$/\1=\2/p" >>"$T/calls"
	echo a cookie
END
chmod 755 "$T/foreign"
mkdir "$T/state"
export HOOK_DEHYDRATED="$T/foreign" HOOK_UACME="$T/foreign"
export HOOK_CERTBOT_AUTH="$T/foreign" HOOK_CERTBOT_CLEANUP="$T/foreign"
export HOOK_CERTBOT_STATE="$T/state"
# adapter NAME: what the foreign hook is called with.
adapter() {
	: >"$T/calls"
	does "hooks/$1: dns-01" "hook:$SRC/scripts/hooks/$1" dns-01 \
	    e.example.test present cleanup
	does "hooks/$1: http-01" "hook-http:$SRC/scripts/hooks/$1" http-01 \
	    e.example.test present cleanup
	calls=$(cat "$T/calls")
}
adapter dehydrated
is "$calls" "deploy_challenge e.example.test $digest $digest
clean_challenge e.example.test $digest $digest
deploy_challenge e.example.test $token $keyauth
clean_challenge e.example.test $token $keyauth" '... as dehydrated does it'
adapter uacme
is "$calls" "begin dns-01 e.example.test $digest $digest
done dns-01 e.example.test $digest $digest
begin http-01 e.example.test $token $keyauth
done http-01 e.example.test $token $keyauth" '... as uacme does it'
adapter certbot
is "$(printf '%s\n' "$calls" | grep -c '^CERTBOT_DOMAIN=e.example.test$')" 4 \
    '... as certbot does it'
like "$calls" "^CERTBOT_VALIDATION=$digest\$" '... the text of the record'
like "$calls" "^CERTBOT_TOKEN=$token\$" '... the token'
like "$calls" '^CERTBOT_AUTH_OUTPUT=a cookie$' '... what the first one said'
refuses 'does not begin with _acme-challenge' \
    "hook:$SRC/scripts/hooks/uacme" dns-01 c.example.test present

# ---- acme-dns ----------------------------------------------------------------

port=$(free_port)
start acme-dns "$SRC/tests/lib/acme-dns" "$port" "$T" auth.example.test
must wait_for 10 listening "$port"
url=http://127.0.0.1:$port
head -c 32 /dev/urandom | base64 >"$T/seal.key"
chmod 600 "$T/seal.key"
seal=$T/seal.key
refuses 'make usage .*https' acme-dns:http://192.0.2.1 dns-01 g.example.test
refuses 'make usage .*https' acme-dns:http://127.0.0.1.example dns-01 \
    g.example.test
touch "$T/acme-dns.bad"
refuses 'present denied .*something else than an account' "acme-dns:$url/" \
    dns-01 g.example.test present
rm "$T/acme-dns.bad"
refuses 'present denied _acme-challenge.g.example.test is not yet a CNAME to sub-1.auth.example.test' \
    "acme-dns:$url/" dns-01 g.example.test present
refuses 'check denied .*not yet a CNAME' "acme-dns:$url" dns-01 g.example.test \
    check
must dns_set _acme-challenge.g.example.test CNAME sub-1.auth.example.test.
does 'acme-dns: present, check, cleanup' "acme-dns:$url" dns-01 \
    g.example.test present check cleanup
is "$(grep -c register "$T/acme-dns.calls")" 2 \
    'registered once, and once in vain'
is "$(tail -n 1 "$T/acme-dns.calls")" \
    "POST /update {\"subdomain\":\"sub-1\",\"txt\":\"$digest\"}" 'the update'
not_ok 'the password is not in the store in the clear' \
    grep -aq open-sesame- "$db" "$db-wal"
sed "s|^\[server\]|account_key_file = $T/seal.key\\n&|" "$T/acmed.conf" \
    >"$T/sealed.conf"
run "$BIN/acmed-store" rekey -c "$T/sealed.conf"
exits 0 "rekey: $err"
does 'acme-dns: with another sealing key' "acme-dns:$url" dns-01 \
    g.example.test present check
seal=
refuses 'present conf .*account_key_file' "acme-dns:$url" dns-01 \
    g.example.test present

# ---- rfc2136 -----------------------------------------------------------------

keymgr -t update hmac-sha256 >"$T/tsig.yaml"
secret=$(sed -n 's/.*secret: *//p' "$T/tsig.yaml")
cat >"$T/update.key" <<-END
	key "update" {
		algorithm hmac-sha256;
		secret "$secret";
	};
END
chmod 600 "$T/update.key"
stop knot
{
	cat "$T/tsig.yaml"
	sed 's/^    address: 127.0.0.1$/    key: update/' "$T/knot.conf"
} >"$T/tsig.conf"
start knot knotd -c "$T/tsig.conf"
must wait_for 10 listening "$dns_port"
cat >"$T/rfc2136" <<-END
	[rfc2136]
	server = 127.0.0.1
	port = $dns_port
	zone = example.test
	key_file = $T/update.key
	ttl = 1
END
has() {
	kdig "@127.0.0.1" -p "$dns_port" +short TXT "$1" | tr -d '"'
}
does 'rfc2136: present' "rfc2136:$T/rfc2136" dns-01 f.example.test \
    present present check
is "$(has _acme-challenge.f.example.test)" "$digest" 'the record is there'
does 'rfc2136: cleanup' "rfc2136:$T/rfc2136" dns-01 f.example.test \
    cleanup cleanup
is "$(has _acme-challenge.f.example.test)" '' '... and gone'
chmod 644 "$T/update.key"
refuses 'make conf .*update.key' "rfc2136:$T/rfc2136" dns-01 f.example.test
chmod 600 "$T/update.key"
sed 's/^zone = .*/zone = example.invalid/' "$T/rfc2136" >"$T/foreign"
refuses 'present denied .*NOTAUTH: the server is not the primary one' \
    "rfc2136:$T/foreign" dns-01 f.example.test present
sed 's/key "update"/key "other"/' "$T/update.key" >"$T/other.key"
chmod 600 "$T/other.key"
sed 's/update\.key$/other.key/' "$T/rfc2136" >"$T/unknown"
refuses 'present denied .*BADKEY.: the server has no such key' \
    "rfc2136:$T/unknown" dns-01 f.example.test present
library=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
if [ -n "$library" ]; then
	stop knot
	start knot env LD_PRELOAD="$library" FAKETIME=+1h \
	    FAKETIME_DONT_FAKE_MONOTONIC=1 knotd -c "$T/tsig.conf"
	must wait_for 10 listening "$dns_port"
	refuses 'present busy .*BADTIME.: the clock here, or that of the server' \
	    "rfc2136:$T/rfc2136" dns-01 f.example.test present
	stop knot
	start knot knotd -c "$T/tsig.conf"
	must wait_for 10 listening "$dns_port"
else
	skip 1 'needs libfaketime'
fi
sed -i 's/secret "x/secret "y/; t; s/secret "./secret "x/' "$T/update.key"
refuses 'present denied .*BADSIG.: the key has another secret at the server' \
    "rfc2136:$T/rfc2136" dns-01 f.example.test present
is "$(has _acme-challenge.f.example.test)" '' 'with a wrong key nothing changes'
sed -i '/^key_file/d' "$T/rfc2136"
refuses 'present denied .*: the server .* wants a key' "rfc2136:$T/rfc2136" \
    dns-01 f.example.test present
sed "s/^port = .*/port = $(free_port)/" "$T/rfc2136" >"$T/down"
refuses 'present busy .*Communication with' "rfc2136:$T/down" dns-01 \
    f.example.test present
sed 's/^server = .*/server = no-such-host.invalid/' "$T/rfc2136" >"$T/nohost"
refuses "present busy .*couldn't get address for 'no-such-host.invalid'" \
    "rfc2136:$T/nohost" dns-01 f.example.test present
sed -i '/^zone/d' "$T/down"
refuses 'present busy .*could not reach any name server' "rfc2136:$T/down" \
    dns-01 f.example.test present
for twice in 'server = 192.0.2.1' 'ttl = 60'; do
	{
		cat "$T/rfc2136"
		echo "$twice"
	} >"$T/twice"
	refuses "make conf .*twice:[0-9]+: ${twice%% *}: stands twice" \
	    "rfc2136:$T/twice" dns-01 f.example.test
done
echo 'colour = blue' >>"$T/rfc2136"
refuses 'make conf .*rfc2136:[0-9]+.*colour: unknown key' \
    "rfc2136:$T/rfc2136" dns-01 f.example.test

done_testing
