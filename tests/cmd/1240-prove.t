#!/bin/sh
# Goal: cert-list prove tells what a server shows from what it should: each
# answer there is, for one and for many, without the store where the network is;
# a target with prove is not done before its gateway serves the certificate.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/export.sh"
skip_unless_has openssl sqlite3 perl

make_export_store
printf '[client]\ntargets_file = %s\n' "$T/targets.conf" >>"$T/acmed.conf"

prove() {
	run "$BIN/cert-list" prove "$@" -c "$T/acmed.conf"
}
# split CERT: into $T/leaf.pem and $T/chain.pem.
split() {
	openssl x509 -in "$T/$1.crt" -out "$T/leaf.pem"
	sed '1,/^-----END/d' "$T/$1.crt" >"$T/chain.pem"
}
# serve CERT [-cert_chain]: what is in $T/CERT.crt and .key, at $port.
serve() {
	port=${3:-$(free_port)}
	split "$1"
	# shellcheck disable=SC2086 # nothing, if there is no option
	start server openssl s_server -accept "127.0.0.1:$port" -quiet \
	    -cert "$T/leaf.pem" -key "$T/$1.key" ${2:-} ${2:+"$T/chain.pem"}
	must wait_for 10 listening "$port"
}
result() {
	printf '%s\n' "$out" | sed -n 2p | cut -f 3
}

enter a 'DNS:a.example,DNS:*.w.example'
serve a -cert_chain
prove a.example "127.0.0.1:$port"
exits 0 'what should be served'
is "$(result)" same '... is'
is "$(printf '%s\n' "$out" | cut -f 1,2,4,5 | sed -n 2p)" \
    "a.example	127.0.0.1:$port	1	1" '... which the record says'
is "$err" '' '... and nothing else'
prove "*.w.example" "127.0.0.1:$port" --json
is "$status $(printf '%s\n' "$out" | perl -MJSON::PP -0777 -ne \
    'my $o = decode_json($_); print "$o->{result} $o->{served}"')" '0 same 1' \
    'a wildcard, by a name that it covers; in JSON'
prove nobody.example "127.0.0.1:$port"
exits 1 'a name without a certificate'
like "$err" 'nobody.example: no active certificate' '... says so'

# ---- what else there is ---------------------------------------------------------

enter a2 'DNS:a.example,DNS:*.w.example'
prove a.example "127.0.0.1:$port"
is "$status $(result)" '1 ours' 'an older one of ours'
is "$(printf '%s\n' "$out" | cut -f 4,5 | sed -n 2p)" '2	1' '... which one'
stop server
serve a2
prove a.example "127.0.0.1:$port"
is "$status $(result)" '1 chain' 'the right one, without its chain'
stop server
must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/x.key" -out "$T/x.crt" -subj /CN=elsewhere -days 3
serve x
prove a.example "127.0.0.1:$port"
is "$status $(result)" '1 other' "another CA's"
like "$out" 'CN=elsewhere' '... and whose'
stop server
must openssl req -new -key "$T/x.key" -subj /CN=old -out "$T/x.csr"
must openssl x509 -req -in "$T/x.csr" -signkey "$T/x.key" -days -1 -out "$T/old.crt"
cp "$T/x.key" "$T/old.key"
serve old
prove a.example "127.0.0.1:$port"
is "$status $(result)" '1 expired' 'one that has expired'
stop server
port=$(free_port)
# shellcheck disable=SC2016 # of perl
start server perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => $ARGV[0],
	    ReuseAddr => 1) or die;
	while (my $c = $s->accept) { print $c "220 hello\r\n"; }' "127.0.0.1:$port"
must wait_for 10 listening "$port"
prove a.example "127.0.0.1:$port"
is "$status $(result)" '1 no-tls' 'no TLS'
stop server
prove a.example "127.0.0.1:$port"
is "$status $(result)" '111 unreachable' 'nobody'
like "$out" 'cannot connect' '... and why'
prove a.example "nowhere.invalid:443"
is "$status $(result)" '111 unreachable' 'no address'
prove a.example
is "$status $(result)" '111 unreachable' 'without a place: the name itself'
like "$out" '^a.example	a.example:443	' '... at its port'

# ---- many ------------------------------------------------------------------------

serve a2 -cert_chain
seq 1 60 | sed "s/.*/a.example 127.0.0.1:$port/" >"$T/list"
echo "a.example	127.0.0.1:1" >>"$T/list"
echo 'nobody.example 127.0.0.1:1' >>"$T/list"
run "$BIN/cert-list" prove --jobs 8 -c "$T/acmed.conf" - <"$T/list"
exits 1 'a list'
is "$(printf '%s\n' "$out" | cut -f 3 | sort | uniq -c | xargs)" \
    '1 result 60 same 1 unreachable' '... each is asked'
prove a.example 'x:y'
exits 100 'no place'
like "$err" 'x:y: not HOST:PORT' '... says so'
prove - x:1
exits 100 'a list and a place'

# shellcheck source=tests/lib/pages.sh
. "$SRC/tests/lib/pages.sh"
script cert-list.1 '^cert-list prove'
sed -i "s/www.example.org/a.example/; s/gateway1.example.org:443/127.0.0.1:$port/" \
    "$T/script"
works
is "$status $(result)" '0 same' 'the example of the page'
script cert-list.1 '^cert-list --no-header --state active' 'prove --jobs'
works
exits 0 '... and that of all names'
like "$out" 'a.example	a.example:443	unreachable' '... says which are not the same'

# ---- after deploying ---------------------------------------------------------------

cat >"$T/targets.conf" <<END
[web]
kind = tree
layout = nginx
directory = $T/web
prove = 127.0.0.1:$port
END
run "$BIN/renew-queue" deploy -c "$T/acmed.conf"
exits 0 'deployed, and served'
enter a3 'DNS:a.example,DNS:*.w.example'
run "$BIN/renew-queue" deploy -c "$T/acmed.conf"
exits 111 'deployed, and not served yet'
like "$err" "target web, 1 certificate: 127.0.0.1:$port: a.example is not served there: ours" \
    '... is told of'
stop server
serve a3 -cert_chain "$port"
sql 'UPDATE deployments SET retry_at = 0'
run "$BIN/renew-queue" deploy -c "$T/acmed.conf"
exits 0 '... and then it is'
like "$err" '^  recovered target web$' '... which is told'
done_testing
