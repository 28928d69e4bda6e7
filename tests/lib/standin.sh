# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # of tap.sh, for the test
# A CA that answers as it is told (ca-standin says how): after tap.sh,
#
#	. "$(dirname "$0")/../lib/standin.sh"
#	standin_up
#	account ca add standin "$base/dir" --trust "$T/standin.crt"
#	rules '/dir status 500'
#
# What files it serves lie in $T/standin.

standin_up() {
	skip_unless_has python3 openssl
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj /CN=localhost -days 3650 -addext subjectAltName=DNS:localhost \
	    -keyout "$T/standin.key" -out "$T/standin.crt"
	mkdir "$T/standin"
	start standin "$SRC/tests/lib/ca-standin" "$T/standin.crt" \
	    "$T/standin.key" "$T/standin"
	must wait_for 10 grep -q . "$T/standin.out"
	base=https://localhost:$(cat "$T/standin.out")
}

# rules LINE...: what is wrong from now on, instead of what was.
rules() {
	printf '%s\n' "$@" >"$T/standin/rules"
}

# standin_leaf NAME: the certificate in file cert of the CA, and its key, are for
# this name.
standin_leaf() {
	must openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	    -nodes -subj / -addext "subjectAltName=DNS:$1" -addext \
	    basicConstraints=critical,CA:FALSE -keyout "$T/leaf.key" \
	    -out "$T/standin/cert" -days 10
}
