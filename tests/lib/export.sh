# shellcheck shell=sh
# For tests of cert-export, after tap.sh: a store with certificates and keys.
#
#	$T/store, $T/seal.key, $ACMED_CONFIG; $T/NAME.key, .csr and .crt

# shellcheck source=tests/lib/store.sh
. "${SRC:?}/tests/lib/store.sh"

# make_export_store [URL]: one that knows keys.
make_export_store() {
	DB=${1:-$DB}
	make_store "directory = $T/store" \
	    "certificate_key_file = $T/seal.key" \
	    "account_key_file = $T/account.key"
	# The tests move keys from one table to the other.
	cp "$T/seal.key" "$T/account.key"
}

# request NAME SAN [TYPE...]: a key, which is not in the store, and a request.
request() {
	request_name=$1 request_san=$2
	shift 2
	[ $# -gt 0 ] || set -- EC -pkeyopt ec_paramgen_curve:P-256
	must openssl genpkey -algorithm "$@" -out "$T/$request_name.key"
	must openssl req -new -key "$T/$request_name.key" -subj / \
	    -addext "subjectAltName=$request_san" -out "$T/$request_name.csr"
}

# sign NAME: a certificate for the request; another one each time.
sign() {
	"$BIN/acme-sign" "$T/$1.csr" >"$T/$1.crt" || must false 'signing'
}

# enter NAME SAN [TYPE...]: key and certificate, both in the store.
enter() {
	request "$@"
	must "$BIN/private-key" import "$T/$1.key"
	sign "$1"
}

# sql TEXT: what no program does, or not yet.
sql() {
	sqlite3 "$DB" "$1" || must false "$1"
}

export_cert() {
	run "$BIN/cert-export" "$@"
}
