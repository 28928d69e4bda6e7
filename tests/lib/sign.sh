# shellcheck shell=sh
# For tests of acme-sign, after tap.sh: a CA and requests.
#
#	$CONF  the configuration      $CA   the directory of the CA

CONF=$T/acmed.conf CA=$T/ca

# make_ca [LINE...]: configuration, with more lines for [local-ca], and store
# and CA as acmed-store init makes them.
make_ca() {
	cat >"$CONF" <<-EOF
	[store]
	url = $T/store/acmed.sqlite
	[server]
	base_url = https://localhost:14000
	[policy]
	allowed_server_ip_ranges = any
	key_blocklist_file = $T/blocked
	[signer]
	socket = $T/sign.sock
	[local-ca]
	directory = $CA
	EOF
	printf '%s\n' "$@" >>"$CONF"
	: >"$T/blocked"
	must "$BIN/acmed-store" -c "$CONF" init
}

# csr NAME SUBJECT SAN [ARG...]: a key and a request, $T/NAME.key and
# $T/NAME.csr; ARGs go to openssl req.  An empty SAN is none.
csr() {
	csr_name=$1 csr_subject=$2 csr_san=$3
	shift 3
	[ -f "$T/$csr_name.key" ] || must openssl genpkey -algorithm EC \
	    -pkeyopt ec_paramgen_curve:P-256 -out "$T/$csr_name.key"
	must openssl req -new -key "$T/$csr_name.key" -subj "$csr_subject" \
	    ${csr_san:+-addext "subjectAltName=$csr_san"} "$@" \
	    -out "$T/$csr_name.csr"
}

# acme_sign [ARG...]: runs it with the configuration.
acme_sign() {
	run "$BIN/acme-sign" -c "$CONF" "$@"
}

# certificates: how many the store has.
certificates() {
	sqlite3 "$T/store/acmed.sqlite" 'SELECT count(*) FROM certificates'
}
