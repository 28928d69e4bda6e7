# shellcheck shell=sh
# shellcheck disable=SC2154 # of tap.sh
# For tests of programs that talk to CAs: after tap.sh,
#
#	. "$(dirname "$0")/../lib/upstream.sh"
#	client_up
#	account register --ca pebble --agree-terms
#
# client_up makes a store of their own with keys sealed; $client is its
# configuration.  Challenges are not looked at, unless prechecks says where:
#
#	prechecks http_port=5002 tls_port=5001 resolver=127.0.0.1:53

client_up() {
	skip_unless_has sqlite3 openssl
	client=$T/client.conf
	mkdir -p "$T/client"
	cat >"$client" <<-END
	[store]
	url = $T/client/store/acmed.sqlite
	account_key_file = $T/client/account.seal
	certificate_key_file = $T/client/certificate.seal
	[client]
	connect_timeout = 5s
	timeout = 20s
	precheck = off
	END
	must "$BIN/acmed-store" init -c "$client"
}

prechecks() {
	sed -i '/^precheck/d; /^resolver = /d' "$client"
	for prechecks_setting; do
		case $prechecks_setting in
		resolver=*) echo "resolver = ${prechecks_setting#*=}" ;;
		*=*)
			echo "precheck_${prechecks_setting%%=*} =" \
			    "${prechecks_setting#*=}"
			;;
		*) echo "precheck = $prechecks_setting" ;;
		esac >>"$client"
	done
}

# account COMMAND...: acme-account; sets $status $out $err.
account() {
	run "$BIN/acme-account" "$@" -c "$client"
}

# asked WHERE: how many requests of this kind were sent.
asked() {
	sqlite3 "$T/client/store/acmed.sqlite" \
	    "SELECT count(*) FROM upstream_requests WHERE $1"
}

# field NAME: of the first record of the last output, which has a header.
field() {
	printf '%s\n' "$out" | awk -F '\t' -v name="$1" '
	NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) n = i }
	NR == 2 { print n ? $n : "no column " name }'
}
