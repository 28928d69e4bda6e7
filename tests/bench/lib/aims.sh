# shellcheck shell=sh
# For benchmarks of programs that are run: how long they take, beside aims.
# Before it, $BENCH is where the tools are, and $dir a directory.

# aim TITLE FIGURE UNIT at-most|at-least AIM
aim() {
	awk -v title="$1" -v figure="$2" -v unit="$3" -v how="$4" -v aim="$5" '
	BEGIN {
		met = how == "at-most" ? figure <= aim : figure >= aim
		printf "%-46s %10.2f %-8s %s %s: %s\n", title, figure, unit,
		    how, aim, met ? "met" : "MISSED"
	}'
}

# divide A B
divide() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", a / b }'
}

# timed RUNS -- PROGRAM ...: "wall cpu rss" of each, a line for each program.
timed() {
	"$BENCH/exec-time" "$@" >"${dir:?}/times"
}

# field LINE COLUMN
field() {
	awk -v line="$1" -v column="$2" 'NR == line { print $column }' \
	    "$dir/times"
}
