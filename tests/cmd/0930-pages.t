#!/bin/sh
# Goal: the examples of the manual pages do what the pages say, taken from the
# pages themselves; and the messages under DIAGNOSTICS are those that the
# programs print.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/pages.sh"
skip_unless_has openssl sqlite3

ACMED_CONFIG=$T/acmed.conf
export PATH ACMED_CONFIG
state=$T/var/lib/acmed
mkdir -p "$T/var/lib" "$T/var/backups"

# names PAGE TEXT: a text under DIAGNOSTICS.
names() {
	is "$(sed 's/\\&//g' "$SRC/man/$1" | grep -Fc "$2")" 1 \
	    "$1 names: $2"
}

# ---- acmed.conf(5) -----------------------------------------------------------
{
	examples acmed.conf.5 | sed "/^acmed-store/d; s|/etc/acmed|$T|"
	printf '%s\n' '[store]' "url = $state/acmed.sqlite" '[local-ca]' \
	    "directory = $state/ca" '[validate]' "socket = $T/validate.sock" \
	    '[signer]' "socket = $T/sign.sock"
} >"$ACMED_CONFIG"
cp "$ACMED_CONFIG" "$T/work/acmed.conf"
script acmed.conf.5 '^acmed-store config'
works
exits 0 'acmed.conf: the least that a server needs'
like "$out" '^base_url = https://acme.example.org$' 'acmed.conf: is printed'

# ---- acmed-store(8) ----------------------------------------------------------
script acmed-store.8 '^acmed-store init'
works
exits 0 'acmed-store: begin'
is "$out$err" '' 'acmed-store: begin: silent'
script acmed-store.8 '^acmed-store purge' 'backup'
works
exits 0 'acmed-store: nightly'
is "$out$err" '' 'acmed-store: nightly: silent'

# The example of acme-sign(1) puts a certificate into the store.
must openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$T/work/web1.key" -subj / \
    -addext subjectAltName=DNS:ftp.example.org -out "$T/work/web1.csr"
script acme-sign.1 '^acme-sign web1' '^openssl'
works
exits 0 'acme-sign: sign a request'
like "$out" 'DNS:ftp.example.org' 'acme-sign: look at the result'
script acme-sign.1 '^ACMED_SANS'
works
exits 100 'acme-sign: not in the inventory'
is "$err" "$(examples acme-sign.1 | sed -n '/^acme-sign: /,/does not$/p' |
    paste -sd' ' -)" 'acme-sign: says what the page shows'
script acme-sign.1 'acme-sign crl'
sed -i 's/^17 [* ]*//' "$T/script"
works
exits 0 'acme-sign: revocation list'

certificates() {
	sqlite3 "$state/acmed.sqlite" 'SELECT count(*) FROM certificates'
}
before=$(certificates)
script acmed-store.8 '^cd ' '^acmed-store check'
works
exits 0 'acmed-store: a backup instead of the store'
is "$before $(certificates)" '2 1' 'acmed-store: it is what it was then'
is "$(stat -c %a "$state/acmed.sqlite")" 660 'acmed-store: with its mode'

script acmed-store.8 'order.valid'
must sqlite3 "$state/acmed.sqlite" "CREATE TEMP TABLE one AS SELECT * FROM
    events LIMIT 1; UPDATE one SET id = 1077, object_id = 77, action =
    'order.valid'; INSERT INTO events SELECT * FROM one"
works
exits 0 'acmed-store: with awk'
like "$out" '/77$' 'acmed-store: awk prints the object'
script acmed-store.8 'stats --prometheus'
works
exits 0 'acmed-store: numbers for Prometheus'
ok 'acmed-store: they are there' grep -q '^acmed_store_' "$T/work/acmed.prom"

# ---- acmed-accept(8) ---------------------------------------------------------
sed '/^tls_/d' "$T/acmed.conf" >"$T/plain.conf"
script acmed-accept.8 '^printf'
ACMED_CONFIG=$T/plain.conf works
exits 0 'acmed-accept: by hand'
like "$out" 'newNonce' 'acmed-accept: answers'
works
like "$err" 'connection.broken .*TLS: handshake failed' \
    'acmed-accept: not where TLS is in the process'
names acmed-accept.8 'connection.broken ... TLS: handshake failed'

# ---- acmed(7), acme-validate(8): what to run, what it means ------------------
script acmed.7 '^acmed-store config' 'log --last'
works
exits 0 'acmed: what to look at'
like "$out" '^jobs_late_seconds' 'acmed: the number it speaks of'
script acme-validate.8 '^acmed-store stats' 'sweep$'
works
exits 0 'acme-validate: a challenge stays processing'
like "$out" '^jobs_late_seconds.kind.validate' 'acme-validate: the number'
script acme-validate.8 'acme-validate -q sweep$'
sed -i 's/.*acme-validate -q/acme-validate -q/' "$T/script"
works
exits 0 'acme-validate: from cron'
is "$out$err" '' 'acme-validate: from cron: silent'

sed "s|$T/[a-z]*\\.sock|$T/none/x.sock|" "$T/acmed.conf" >"$T/none.conf"
for program in acme-sign acme-validate; do
	run "$program" serve -c "$T/none.conf"
	exits 111 "$program: no directory for the socket"
	like "$err" ': cannot bind: No such file or directory$' \
	    "$program: says so"
done
names acmed.7 'cannot bind: No such file or directory'
names acme-validate.8 'cannot bind: No such file or directory'
start sign sh -c "exec acme-sign serve --ready-fd 7 7>'$T/ready'"
must wait_for 10 test -s "$T/ready"
run acme-sign serve
exits 1 'acme-sign: another one serves'
like "$err" 'sign.sock: in use$' 'acme-sign: says so'
names acmed.7 'Li in use'
run acmed-store check -s "$T/none.sqlite"
exits 102 'acmed-store: no store'
like "$err" ': no such store; run acmed-store init$' 'acmed-store: says so'
names acmed.7 'no such store; run acmed-store init'

done_testing
