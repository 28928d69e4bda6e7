# shellcheck shell=sh
# shellcheck disable=SC2034 # variables for the tests
# For tests that kill: after tap.sh,
#
#	. "$(dirname "$0")/../lib/faults.sh"
#	faults_up [LINE...]
#
# makes a configuration ($config; each LINE is "section key = value") whose
# store, sockets and CA lie in $R, an applicant's web server, and $T/template,
# to which fresh_round puts $R back in no time.  The one name ordered is the
# address 127.0.0.1, so no DNS is needed.
#
# The programs run under tests/preload/shim.so with what $FAULT says; see there.

# shellcheck source=tests/lib/look.sh
. "$SRC/tests/lib/look.sh"

SHIM=${TOOLS%/tool}/preload/shim.so
# Sanitizers want to be the first library.
case $BIN in
*/asan/*) skip_all 'only in the release flavour' ;;
esac
[ -e "$SHIM" ] || skip_all "needs $SHIM; make tests"
for faults_prog in sqlite3 openssl perl; do
	command -v "$faults_prog" >/dev/null || skip_all "needs $faults_prog"
done

R=$T/round
config=$T/acmed.conf
store=$R/acmed.sqlite
FAULT='' said='' certificate=''

faults_up() {
	http_port=$(free_port)
	{
		printf '%s\n' "$@" 'server base_url = https://localhost:1' \
		    'policy allow_ip_identifiers = true' \
		    'policy allowed_server_ip_ranges = 127.0.0.0/8' \
		    "store url = $store" "local-ca directory = $T/ca" \
		    "signer socket = $T/sign.sock" \
		    "validate socket = $T/validate.sock" \
		    "validate http_port = $http_port" 'validate attempts = 3' \
		    'validate retry_delay = 0s'
	} | sort -s -k 1,1 | awk '
		NF == 0 || seen[$1, $2]++ { next }
		$1 != section { section = $1; print "[" section "]" }
		{ sub(/^[^ ]* /, ""); print }' >"$config"
	must "$BIN/acmed-store" init -c "$config"
	mv "$R" "$T/template"
	must openssl ecparam -name prime256v1 -genkey -noout -out "$T/cert.key"
	must openssl req -new -key "$T/cert.key" -subj / -outform DER \
	    -addext 'subjectAltName=IP:127.0.0.1' -out "$T/csr.der"
	CSR=$("$TOOLS/acme-raw" b64 <"$T/csr.der")
	must "$TOOLS/acme-raw" key p256 "$T/account.key"
	mkdir "$T/www"
	"$TOOLS/acme-raw" thumbprint "$T/account.key" >"$T/www/thumbprint"
	start www "$TOOLS/http-token" 127.0.0.1 "$http_port" "$T/www"
	must wait_for 10 grep -q ready "$T/www.out"
}

# under COMMAND...: runs it with the shim.  The counters are $T/faults.
under() {
	FAULT_FILE=$T/faults FAULT=$FAULT LD_PRELOAD=$SHIM "$@"
}

# fired: somebody has been killed in this round.
fired() {
	[ -s "$T/faults.log" ]
}

# where: where, for the reader of a failure.
where() {
	cat "$T/faults.log" 2>/dev/null
}

# counted ROLE: how many calls the shim has seen.
counted() {
	case $1 in
	acmed-accept) counted_slot=0 ;;
	acmed-accept+) counted_slot=1 ;;
	acme-validate) counted_slot=2 ;;
	acme-validate+) counted_slot=3 ;;
	acme-sign) counted_slot=4 ;;
	acme-sign+) counted_slot=5 ;;
	acmed-store) counted_slot=6 ;;
	acmed-store+) counted_slot=7 ;;
	cert-import) counted_slot=8 ;;
	cert-import+) counted_slot=9 ;;
	cert-export) counted_slot=10 ;;
	acme-order) counted_slot=12 ;;
	renew-queue) counted_slot=14 ;;
	renew-queue+) counted_slot=15 ;;
	redis-prime) counted_slot=16 ;;
	acmed-admin) counted_slot=18 ;;
	acmed-admin+) counted_slot=19 ;;
	*) must false "no role $1" ;;
	esac
	od -An -t u8 -j $((counted_slot * 8)) -N 8 "$T/faults" | tr -d ' '
}

# fresh_round [FROM]: the store of $T/template, nobody killed yet.
fresh_round() {
	rm -rf "$R" "$T/faults" "$T/faults.log"
	cp -a "${1:-$T/template}" "$R"
	ACME_STATE=$T/client
	export ACME_STATE
	rm -rf "$ACME_STATE"
	client
}

# client: a client in $ACME_STATE.  It speaks to $via, or runs acmed-accept
# for each request.
via=''
client() {
	must "$TOOLS/acme-raw" init --server https://localhost:1/directory \
	    --exec "${via:-env FAULT=$FAULT FAULT_FILE=$T/faults \
	    LD_PRELOAD=$SHIM $BIN/acmed-accept -c $config}"
	cp "$T/account.key" "$ACME_STATE/key"
}

# listens SOCKET: somebody takes connections at it; for wait_for.
listens() {
	perl -MIO::Socket::UNIX -e 'exit !IO::Socket::UNIX->new(Peer => shift)' \
	    "$1"
}

# relayed: the signing service, with tests/lib/signer-relay in front of it;
# then "relay MODE" says what that does.
relayed() {
	sed "s#^socket = $T/sign.sock#socket = $T/real.sock#" "$config" \
	    >"$T/real.conf"
	relay pass
	start sign "$BIN/acme-sign" -c "$T/real.conf" serve
	must wait_for 20 test -S "$T/real.sock"
	start relay "$SRC/tests/lib/signer-relay" "$T/sign.sock" \
	    "$T/real.sock" "$T/mode"
	must wait_for 20 test -S "$T/sign.sock"
}

relay() {
	echo "$1" >"$T/mode.new"
	mv "$T/mode.new" "$T/mode"
}

# once ARGUMENT...: one request, made once; sets $reply.
once() {
	reply=$("$TOOLS/acme-raw" request "$@" 2>&1)
}

# refused NAME: it was answered with 503, to come again.
refused() {
	is "$reply" '503 serverInternal' "$1: come again"
	ok '... in a while' [ "$(header Retry-After)" -ge 1 ]
}

# supervise NAME COMMAND...: as start, and started again whenever it ends.
# shellcheck disable=SC2016 # for the inner shell
supervise() {
	supervise_name=$1
	shift
	start "$supervise_name" env FAULT="$FAULT" FAULT_FILE="$T/faults" \
	    SHIM="$SHIM" sh -c '
		trap "kill \$pid; exit 0" TERM
		while :; do
			LD_PRELOAD=$SHIM "$@" &
			pid=$!
			wait $pid
			sleep 0.02
		done' - "$@"
}

# ask REPLIES ARGUMENT...: a request, made again when the connection broke or
# the server said 5xx.  Sets $reply; 1 when it is none of these at the end.
ask() {
	ask_wanted=$1
	shift
	for ask_try in 0 0.05 0.1 0.2 0.4 0.8; do
		sleep "$ask_try"
		reply=$("$TOOLS/acme-raw" request "$@" 2>"$ACME_STATE/ask.err")
		case $reply in
		[1234]*) break ;;
		esac
	done
	case ",$ask_wanted," in
	*",$reply,"*) return 0 ;;
	esac
	said="$* ($ask_wanted): $reply $(cat "$ACME_STATE/ask.err")"
	[ ! -e "$ACME_STATE/body" ] ||
	    said="$said $(head -c 300 "$ACME_STATE/body")"
	return 1
}

# order_is STATUS [ORDER]: for wait_for.
order_is() {
	ask '200 -' "${2:-$order}" && [ "$(get status)" = "$1" ]
}

# time_passes: all leases end, and cron runs.
time_passes() {
	sql 'UPDATE jobs SET due = 0'
	# The service does not see that, and the sweep leaves it its work.
	[ -z "$served" ] || {
		"$SRC/tests/lib/mute" poke "$T/validate.sock" 2>/dev/null
		sleep 0.1
	}
	under "$BIN/acme-validate" -c "$config" sweep 2>>"$T/sweep.log"
	under "$BIN/acme-sign" -c "$config" sweep 2>>"$T/sweep.log"
}

# ---- one whole order --------------------------------------------------------
# Each step remembers what it was told; $said is what went wrong.

step_account() {
	ask '201 -,200 -' --payload '{}' @newAccount || return 1
	account=$(header Location)
}

step_order() {
	ask '201 -' --payload \
	    '{"identifiers":[{"type":"ip","value":"127.0.0.1"}]}' @newOrder ||
	    return 1
	order=$(header Location) finalize=$(get finalize)
	authz=$(get authorizations.0)
}

# until_not STATUS URL: polls; time passes in between.
until_not() {
	for until_try in 1 2 3 4; do
		ask '200 -' "$2" || return 1
		[ "$(get status)" = "$1" ] || return 0
		if [ "$until_try" -eq 1 ] && [ -n "$served" ]; then
			sleep 0.2
		else
			time_passes
		fi
	done
	said="$2 stays $1"
	return 1
}

step_challenge() {
	ask '200 -' "$authz" || return 1
	challenge=$(get challenges.0.url)
	ask '200 -,400 malformed' --payload '{}' "$challenge" &&
	    until_not pending "$order" || return 1
	[ "$(get status)" = ready ] && return
	said="the order is $(get status), not ready: $(get error)"
	return 1
}

step_finalize() {
	ask '200 -,403 orderNotReady' --payload "{\"csr\":\"$CSR\"}" \
	    "$finalize" || return 1
	until_not processing "$order" || return 1
	# A real client comes again when the order was given back.
	[ "$(get status)" != ready ] ||
	    { ask '200 -' --payload "{\"csr\":\"$CSR\"}" "$finalize" &&
		until_not processing "$order"; } || return 1
	certificate=$(get certificate)
	[ -n "$certificate" ] && return
	said="the order is $(get status), not valid: $(get error)"
	return 1
}

step_certificate() {
	ask '200 -' "$certificate" || return 1
	cp "$ACME_STATE/body" "$ACME_STATE/chain.pem"
}

step_revoke() {
	ask '200 -,400 alreadyRevoked' --payload "{\"certificate\":\"$(
	    openssl x509 -in "$ACME_STATE/chain.pem" -outform DER |
		"$TOOLS/acme-raw" b64)\"}" @revokeCert
}

# whole_order: from nothing to the revoked certificate.  Returns 1 with $said.
served=''
whole_order() {
	step_account && step_order && step_challenge && step_finalize &&
	    step_certificate && step_revoke
}

# issued N FOLDER: a store with so many certificates of our CA, for renew_now.
issued() {
	fresh_round
	must sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
	    WHERE i < $1) INSERT INTO certificates (sha256, serial, not_before,
	    not_after, der, spki_sha256, source, created, status)
	    SELECT randomblob(32), printf('%x', i), 1,
	    strftime('%s', 'now') + 8640000 + i, x'00', randomblob(32), 'acme',
	    strftime('%s', 'now') - 60, 'valid' FROM n"
	rm -rf "$2"
	mv "$R" "$2"
}

# renew_now: all windows are pulled forward, in two runs when the first is
# killed: each is set once, with its event, and lies where it should; and taken
# back in the same way.
renew_now() {
	for renew_undo in '' --undo; do
		# shellcheck disable=SC2086 # a word or none
		under "$BIN/acmed-store" -q -c "$config" renew-now --all \
		    $renew_undo >/dev/null 2>&1
		renew_half=$(sql "SELECT (SELECT count(*) FROM certificates
		    WHERE renew_start IS NOT NULL) -
		    (SELECT count(*) FROM events
		    WHERE action = 'certificate.renew_now') +
		    (SELECT count(*) FROM events
		    WHERE action = 'certificate.renew_undo')")
		[ "$renew_half" -eq 0 ] || {
			said="$renew_half windows without their event"
			return 1
		}
		# shellcheck disable=SC2086 # a word or none
		said=$("$BIN/acmed-store" -q -c "$config" renew-now --all \
		    $renew_undo --no-header 2>&1) || return 1
		case $renew_undo in
		'') renew_left=$(sql "SELECT count(*) FROM certificates
		    WHERE renew_start IS NULL OR renew_end <= renew_start
		    OR renew_end > strftime('%s', 'now') + 6 * 3600") ;;
		*) renew_left=$(sql "SELECT count(*) FROM certificates
		    WHERE renew_start IS NOT NULL OR renew_end IS NOT NULL") ;;
		esac
		[ "$renew_left" -eq 0 ] || {
			said="renew-now $renew_undo: $renew_left are left"
			return 1
		}
	done
	said=$(sql "SELECT count(*) - (SELECT count(*) FROM certificates)
	    FROM events WHERE action = 'certificate.renew_now'")
	[ "$said" -eq 0 ]
}

# ---- what must be true afterwards -------------------------------------------

# serials LOG ORDER-URL: what the signer says it has signed for the order.
serials() {
	sed -n "s/.*sign.issued order=${2##*/} .*serial=\([0-9a-f]*\).*/\1/p" \
	    "$1" | sort -u
}

# is_sound: nothing that was acknowledged is lost, nothing is stuck, half made
# or made twice.  Returns 1 with $said.
is_sound() {
	time_passes
	said=$("$BIN/acmed-store" check -c "$config" 2>&1) || return 1
	said=$(sql "SELECT 'stuck: order ' || id FROM orders WHERE status =
	    'processing' UNION SELECT 'stuck: challenge ' || id FROM challenges
	    WHERE status = 'processing'")
	[ -z "$said" ] || return 1
	said=$(find "$R" -mindepth 1 -printf '%f\n' | grep -vxF -e acmed.sqlite \
	    -e acmed.sqlite-wal -e acmed.sqlite-shm -e nonces -e nonces.lock \
	    -e validate.lock)
	[ -z "$said" ] || { said="left over: $said" && return 1; }
	# What follows is of a whole order.
	[ -n "${certificate:-}" ] || return 0
	ask '200 -' "$account" && ask '200 -' "$certificate" || return 1
	cmp -s "$ACME_STATE/body" "$ACME_STATE/chain.pem" ||
	    { said='another certificate than before' && return 1; }
	[ "$(sql "SELECT count(*) FROM certificates
	    WHERE source = 'acme'")" = 1 ] ||
	    { said='more than one certificate in the store' && return 1; }
	[ "$(serials "$T/sign.log" "$order" | wc -l)" = 1 ] ||
	    { said="signed: $(serials "$T/sign.log" "$order")" && return 1; }
	[ "$(sql "SELECT status FROM certificates
	    WHERE source = 'acme'")" = revoked ] ||
	    { said='the revocation is lost' && return 1; }
}

# round: a whole order, and what must be true afterwards.
round() {
	whole_order && is_sound
}

# until_done NAME ROLE MODE COMMAND...: runs the command in fresh rounds, each
# killing ROLE one call later, until nobody is killed; one check for all.  (After
# one call is before the next: what is in between changes nothing.)  The
# command returns 1 and sets $said when something is wrong.  FROM may name
# another template, FIRST and STEP what is killed first and how far apart.
until_done() {
	until_name=$1 until_role=$2 until_mode=$3 until_n=${FIRST:-1}
	until_bad=0 until_rounds=0
	shift 3
	while
		FAULT=$until_role:$until_n:$until_mode
		fresh_round ${FROM:+"$FROM"}
		said='' certificate=''
		"$@" || {
			until_bad=$((until_bad + 1))
			diag "$until_name: killed $(where): $said"
			diag "$(tail -n 3 "$T"/*.log)"
		}
		fired
	do
		until_n=$((until_n + ${STEP:-1}))
		until_rounds=$((until_rounds + 1))
		[ "$until_bad" -lt 10 ] || break
	done
	FAULT=''
	diag "$until_name: killed $until_rounds times"
	if [ "$until_bad" -eq 0 ] && [ "$until_rounds" -gt 0 ]; then
		pass "$until_name"
	else
		fail "$until_name"
	fi
}
