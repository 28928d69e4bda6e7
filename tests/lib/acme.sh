# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the test
# shellcheck source=tests/lib/clients.sh
# For tests of the ACME server by hand-made requests (tests/tool/acme-raw):
# after tap.sh,
#
#	. "$(dirname "$0")/../lib/acme.sh"
#	server_up
#	actor alice
#	misuse '400 malformed' 'newOrder without names' --payload '{}' @newOrder
#	done_testing
#
# server_up runs DNS, acmed-local and an applicant's web server.  The requests
# go to acmed-accept by a socketpair without TLS (fast, any configuration), or
# with ACME_VIA=https through the super-server.

. "$(dirname "$0")/../lib/clients.sh"

# The registered problem types (RFC 8555 9.7.4 and later ones).
PROBLEMS=' accountDoesNotExist alreadyReplaced alreadyRevoked badCSR badNonce'
PROBLEMS="$PROBLEMS badPublicKey badRevocationReason badSignatureAlgorithm caa"
PROBLEMS="$PROBLEMS compound connection dns externalAccountRequired"
PROBLEMS="$PROBLEMS incorrectResponse invalidContact invalidProfile malformed"
PROBLEMS="$PROBLEMS orderNotReady rateLimited rejectedIdentifier serverInternal"
PROBLEMS="$PROBLEMS tls unauthorized unsupportedContact unsupportedIdentifier"
PROBLEMS="$PROBLEMS userActionRequired "

# Tables that no refused request may change.
TABLES='accounts orders identifiers authorizations challenges certificates
domains fqdn_sets fqdn_set_members issuers ca_certificates chains
chain_members certificate_chains jobs'
store_known=	# whether $T/store.after is what the store holds

server_up() {
	need sqlite3 openssl
	start_dns
	acmed_options="$acmed_options --set validate.attempts=1"
	start_acmed
	start_www
	base=${directory%/directory}
	plain=$T/plain.conf
	sed '/^tls_/d' "$config" >"$plain"
	must openssl ecparam -name prime256v1 -genkey -noout -out "$T/cert.key"
}

# variant FILE section.key=value...: $plain with other settings.
variant() {
	variant_file=$1
	shift
	"$SRC/scripts/lib/conf-set" "$@" <"$plain" >"$variant_file"
}

# become NAME [CONF]: a client with a key of its own, not yet an account.
# Further requests are made as NAME.
become() {
	ACME_STATE=$T/$1
	export ACME_STATE
	[ $# -eq 2 ] || [ ! -e "$ACME_STATE/key" ] || return 0
	if [ "${ACME_VIA:-exec}" = https ] && [ $# -eq 1 ]; then
		must "$TOOLS/acme-raw" init --server "$directory" --ca "$ca"
	else
		must "$TOOLS/acme-raw" init --server "$directory" \
		    --exec "$BIN/acmed-accept -c ${2:-$plain}"
	fi
	[ -e "$ACME_STATE/key" ] ||
	    must "$TOOLS/acme-raw" key p256 "$ACME_STATE/key"
}

# actor NAME [TYPE]: a client with an account.
actor() {
	become "$1"
	[ -z "${2:-}" ] || must "$TOOLS/acme-raw" key "$2" "$ACME_STATE/key"
	must_say '201 -' --payload '{}' @newAccount
}

# as NAME: further requests are made by this client.
as() {
	ACME_STATE=$T/$1
}

# raw ARGUMENT...: one request, see acme-raw; sets $reply, and
# $asked to get, post or directory-post.
raw() {
	store_known=
	case " $* " in
	*' -X '*) asked='get' ;;
	*" $directory ") asked='directory-post' ;;
	*) asked='post' ;;
	esac
	reply=$("$TOOLS/acme-raw" request "$@" 2>&1)
}

# members PATH: the names of an object's members in the last body, sorted; "."
# is the whole body.
members() {
	"$TOOLS/acme-raw" keys "$@" | paste -sd' ' -
}

# must_say REPLY ARGUMENT...: a request of the set-up.
must_say() {
	must_reply=$1
	shift
	raw "$@"
	[ "$reply" = "$must_reply" ] && return
	diag "set-up: $*"
	diag "got $reply, want $must_reply: $(cat "$ACME_STATE/body")"
	exit 1
}

# complaints WHAT: what is wrong with the headers of the last answer, by what
# every answer must have; nothing is well.
complaints() {
	awk -v index_url="$directory" -v what="$1" -v base="$base" '
	function bad(text) { print text }
	/^HTTP\// { status = $2; next }
	{
		sub(/\r$/, "")
		name = $0; sub(/:.*/, "", name)
		value = $0; sub(/^[^:]*: */, "", value)
		lower = tolower(name)
		count[lower]++
		if (lower in spelt && name != spelt[lower])
			bad("field name is spelt " name)
		if (lower == "link" && value == "<" index_url ">;rel=\"index\"")
			index_links++
		else if (lower == "link" &&
		    value !~ /^<[^<>]+>;rel="[a-z-]+"$/)
			bad("Link: " value)
		text[lower] = value
	}
	BEGIN {
		spelt["replay-nonce"] = "Replay-Nonce"
		spelt["location"] = "Location"; spelt["link"] = "Link"
		spelt["retry-after"] = "Retry-After"
	}
	END {
		nonces = what != "directory"
		if (what == "get")
			nonces = count["replay-nonce"] > 0
		if (count["replay-nonce"] + 0 != nonces)
			bad(count["replay-nonce"] + 0 " Replay-Nonce fields")
		if (nonces && text["replay-nonce"] !~ /^[A-Za-z0-9_-]+$/)
			bad("Replay-Nonce: " text["replay-nonce"])
		wanted = what ~ /^directory/ ? 0 : 1
		if (index_links != wanted && (wanted || status < 400))
			bad(index_links + 0 " Links to the index")
		if (nonces && text["cache-control"] !~ /no-store/)
			bad("Cache-Control: " text["cache-control"])
		if (status != 204 && count["content-length"] != 1)
			bad(count["content-length"] + 0 " Content-Length")
		type = text["content-type"]
		if (status >= 400 && type != "application/problem+json")
			bad("Content-Type: " type)
		if (status < 400 && text["content-length"] > 0 &&
		    type != "application/json" &&
		    type != "application/pem-certificate-chain")
			bad("Content-Type: " type)
		if (count["location"] > 0 &&
		    index(text["location"], base "/") != 1)
			bad("Location: " text["location"])
		if (count["retry-after"] > 0 &&
		    (text["retry-after"] !~ /^[0-9]+$/ ||
			text["retry-after"] < 1 ||
			text["retry-after"] > (what == "get" ? 86400 : 60)))
			bad("Retry-After: " text["retry-after"])
	}' "$ACME_STATE/headers"
}

# problem_complaints: the same of the body of an error.
problem_complaints() {
	get type detail status >"$T/problem" ||
	    echo 'problem without type, detail or status'
	{
		read -r problem_type
		read -r problem_detail
		read -r problem_status
	} <"$T/problem"
	case $PROBLEMS in
	*" ${problem_type#urn:ietf:params:acme:error:} "*) ;;
	*) echo "type $problem_type is not in IANA's registry" ;;
	esac
	[ -n "$problem_detail" ] || echo 'problem with an empty detail'
	[ "$problem_status" = "${reply%% *}" ] ||
	    echo "problem's status is $problem_status"
}

# expect REPLY NAME [WHAT]: the last request was answered so, with everything
# that belongs to an answer.  One check.
expect() {
	wrong=
	if [ "$reply" = "$1" ]; then
		wrong=$(complaints "${3:-$asked}")
		[ "${1%% *}" -lt 400 ] ||
		    wrong="$wrong$(problem_complaints)"
	else
		wrong="got $reply, want $1"
	fi
	if [ -z "$wrong" ]; then
		pass "$2"
	else
		fail "$2"
		diag "$wrong"
		diag "$(head -c 2000 "$ACME_STATE/body")"
	fi
}

# works REPLY NAME ARGUMENT...: a request and its check.
works() {
	works_reply=$1 works_name=$2
	shift 2
	raw "$@"
	expect "$works_reply" "$works_name"
}

# store_dump: the store's rows, all but the log.
store_dump() {
	# shellcheck disable=SC2086 # a list
	peek "$(printf 'SELECT * FROM %s;\n' $TABLES)"
}

# tamper SQL: changes the store behind the server's back.
tamper() {
	store_known=
	must sql "$1"
}

# store_is_sound: the last check of a test.
store_is_sound() {
	ok 'acmed-store check finds nothing' "$BIN/acmed-store" check -c "$config"
}

# misuse REPLY NAME ARGUMENT...: a request that is refused so, and leaves the
# store as it was.  One check.
misuse() {
	misuse_reply=$1 misuse_name=$2
	shift 2
	if [ -n "$store_known" ]; then
		mv "$T/store.after" "$T/store.before"
	else
		store_dump >"$T/store.before"
	fi
	raw "$@"
	store_dump >"$T/store.after"
	if cmp -s "$T/store.before" "$T/store.after"; then
		expect "$misuse_reply" "$misuse_name"
	else
		fail "$misuse_name"
		diag "the store has changed; answer: $reply"
		diag "$(diff "$T/store.before" "$T/store.after" | head -20)"
	fi
	store_known=yes
}

# ---- orders -----------------------------------------------------------------

# names NAME...: a newOrder payload; IP:ADDRESS for an address.
names() {
	for n in "$@"; do
		case $n in
		IP:*) printf ',{"type":"ip","value":"%s"}' "${n#IP:}" ;;
		*) printf ',{"type":"dns","value":"%s"}' "$n" ;;
		esac
	done | sed 's/^,//; s/.*/{"identifiers":[&]}/'
}

# new_order NAME...: sets $order $finalize $authz (the first).
new_order() {
	must_say '201 -' --payload "$(names "$@")" @newOrder
	order=$(header Location) finalize=$(get finalize)
	authz=$(get authorizations.0)
}

# challenge_of AUTHZ TYPE: sets $challenge; the body is the authorization.
challenge_of() {
	must_say '200 -' "$1"
	challenge=
	i=0
	while [ -n "$(get challenges.$i.type)" ]; do
		[ "$(get challenges.$i.type)" != "$2" ] ||
		    challenge=$(get challenges.$i.url)
		i=$((i + 1))
	done
	[ -n "$challenge" ] || must false "no challenge $2 in $1"
}

# settles URL STATUS...: polls until the object's status is none of these; sets
# $state.
settles() {
	settle_url=$1
	shift
	settle_end=$(($(date +%s) + 20))
	while
		must_say '200 -' "$settle_url"
		state=$(get status)
		case " $* " in *" $state "*) true ;; *) false ;; esac
	do
		[ "$(date +%s)" -lt "$settle_end" ] ||
		    must false "$settle_url stays $state"
		sleep 0.1
	done
}

# authorize: answers all authorizations of $order by http-01.
authorize() {
	"$TOOLS/acme-raw" thumbprint "$ACME_STATE/key" >"$www/thumbprint"
	must_say '200 -' "$order"
	get authorizations | tr -d '[]"' | tr ',' '\n' >"$T/authorizations"
	while read -r a; do
		challenge_of "$a" http-01
		must_say '200 -' --payload '{}' "$challenge"
	done <"$T/authorizations"
	settles "$order" pending
	[ "$state" = ready ] || must false "$order is $state: $(get error)"
}

# csr [-k KEY] [-s SUBJECT] [-o OPTION]... NAME...: a CSR, base64url; OPTION is
# given to openssl req.
csr() {
	csr_key=$T/cert.key csr_subject=/ csr_more=''
	while
		case ${1:-} in -*) true ;; *) false ;; esac
	do
		case $1 in
		-k) csr_key=$2 ;;
		-s) csr_subject=$2 ;;
		-o) csr_more="$csr_more $2" ;;
		esac
		shift 2
	done
	csr_names=$(printf '%s\n' "$@" | sed '/^$/d; /^[A-Za-z]*:/!s/^/DNS:/' |
	    paste -sd, -)
	# shellcheck disable=SC2086 # options
	openssl req -new -key "$csr_key" -subj "$csr_subject" -outform DER \
	    ${csr_names:+-addext "subjectAltName=$csr_names"} $csr_more \
	    -out "$T/csr.der" 2>"$T/csr.err" || must cat "$T/csr.err" /nonexistent
	"$TOOLS/acme-raw" b64 <"$T/csr.der"
}

# state_of URL: its status.
state_of() {
	must_say '200 -' "$1"
	get status
}

# finalize_with CSR: a payload for $finalize.
finalize_with() {
	printf '{"csr":"%s"}' "$1"
}

# issue [-k KEY] NAME...: order, authorize, finalize; sets $certificate (URL),
# the chain is in $T/chain.pem.
issue() {
	issue_key=$T/cert.key
	[ "$1" != -k ] || { issue_key=$2 && shift 2; }
	new_order "$@"
	authorize
	must_say '200 -' --payload "$(finalize_with "$(csr -k "$issue_key" "$@")")" \
	    "$finalize"
	settles "$order" processing
	certificate=$(get certificate)
	must_say '200 -' "$certificate"
	cp "$ACME_STATE/body" "$T/chain.pem"
}

# cert_b64 FILE: its first certificate for revokeCert.
cert_b64() {
	openssl x509 -in "$1" -outform DER | "$TOOLS/acme-raw" b64
}
