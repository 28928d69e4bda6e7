#!/bin/sh
# Goal: the requests that real clients make (tests/data/csr) are signed, each
# for exactly its own names and its own key, with all that its client adds.
. "$(dirname "$0")/../lib/tap.sh"
. "$SRC/tests/lib/sign.sh"

# names KIND FILE: the DNS names of a certificate (x509) or request (req).
names() {
	openssl "$1" -noout -text -in "$2" | grep -o 'DNS:[^, ]*' | sort
}

# key KIND FILE: its public key.
key() {
	openssl "$1" -noout -pubkey -in "$2"
}

make_ca
for csr in "$SRC"/tests/data/csr/*.pem; do
	client=$(basename "$csr" .pem)
	acme_sign "$csr"
	exits 0 "$client: signed"
	is "$(names x509 "$T/out")" "$(names req "$csr")" "$client: its names"
	is "$(key x509 "$T/out")" "$(key req "$csr")" "$client: its key"
done

done_testing
