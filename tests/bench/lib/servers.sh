# shellcheck shell=sh
# Servers to measure, each on ports of its own, and the run of acme-bench
# against one of them.  Sourced by the scripts of tests/bench; $dir is theirs,
# and $results, a line of NAME=VALUE for each run.
: "${BIN:?}" "${TOOLS:?}" "${SRC:?}"
BENCH=${TOOLS%/tool}/bench

dir=$(mktemp -d)
results=$dir/results
servers=

# One at a time: some of ours take a while to end.
stop() {
	for pid in "$@"; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
}

cleanup() {
	# shellcheck disable=SC2086 # a list of numbers
	stop $servers
	"$SRC/tests/lib/free-port" --release $$
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

port() {
	"$SRC/tests/lib/free-port" $$
}

http_port=$(port)
dns_port=$(port)

# wait_until COMMAND: a shell command, tried until it succeeds.
wait_until() {
	timeout 30 sh -c "until $1; do sleep 0.1; done"
}

# keep NAME PID DIRECTORY CA ISSUER: what measure needs to know.
keep() {
	servers="$servers $2"
	echo "--server $2 --directory $3 --ca $4 --issuer $5" >"$dir/$1.site"
}

# start_acmed NAME LISTEN [OPTION...]: in $dir/NAME, which may be there.
start_acmed() {
	name=$1 listen=$2
	shift 2
	rm -f "$dir/$name.out"
	BIN=$BIN "$SRC/scripts/acmed-local" --dir "$dir/$name" --port "$(port)" \
	    --http-port "$http_port" --resolver "127.0.0.1:$dns_port" \
	    --listen "$listen" "$@" >"$dir/$name.out" 2>"$dir/$name.err" &
	acmed_pid=$!
	wait_until "grep -qs ^ready '$dir/$name.out'" || {
		cat "$dir/$name.err" >&2
		return 1
	}
	keep "$name" "$acmed_pid" "$(sed -n 's/^directory=//p' "$dir/$name.out")" \
	    "$(sed -n 's/^ca=//p' "$dir/$name.out")" \
	    "$(sed -n 's/^issuer=//p' "$dir/$name.out")"
}

# start_pebble: hangs now and then, and is started again then.
start_pebble() {
	port=$(port) manage=$(port)
	mkdir -p "$dir/pebble"
	PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0 "$SRC/tests/lib/pebble" \
	    "$dir/pebble" "$port" "$manage" "$http_port" 5001 \
	    -dnsserver "127.0.0.1:$dns_port" >"$dir/pebble/log" 2>&1 &
	pebble_pid=$!
	keep pebble "$pebble_pid" "https://localhost:$port/dir" \
	    "$dir/pebble/tls.crt" "$dir/pebble/root.crt"
	wait_until "curl -sk --fail -o '$dir/pebble/root.crt' \
	    'https://localhost:$manage/roots/0'"
}

# measure NAME MODE CLIENTS ORDERS: MODE is keep (one connection for each
# client), resume (one for each request) or full (so, and nothing resumed).
# Fails if an order of ours did.
measure() {
	case $2 in
	keep) options= ;;
	resume) options=--per-request ;;
	full) options='--per-request --no-resume' ;;
	esac
	code=0
	# shellcheck disable=SC2046,SC2086 # words without blanks
	"$BENCH/acme-bench" $(cat "$dir/$1.site") --http-port "$http_port" \
	    --dns-port "$dns_port" --clients "$3" --orders "$4" $options \
	    >"$dir/run" || code=$?
	if [ "$code:$1" = 1:pebble ]; then
		echo 'pebble: hangs; once more' >&2
		stop "$pebble_pid"
		start_pebble
		measure "$@"
		return
	fi
	awk -v head="server=$1 mode=$2 clients=$3" '
		/^result/ { sub(/^result/, ""); result = $0 }
		/^memory program=(acmed-accept|pebble)/ {
			split($4, rss, "="); split($5, private, "=")
			worker = " rss=" rss[2] " private=" private[2]
		}
		END { print head result worker }' "$dir/run" >>"$results"
	tail -n 1 "$results" | awk -f "$SRC/tests/bench/lib/row.awk"
	return "$code"
}
