# From the rounds of two servers, empty and full: medians, and full / empty.
{
	split("", v)
	for (i = 1; i <= NF; i++) {
		split($i, pair, "=")
		v[pair[1]] = pair[2]
	}
	run = v["mode"] " " v["clients"]
	if (!(run in known)) {
		known[run] = 1
		runs[++count] = run
	}
	n = ++rounds[v["server"], run]
	for (i = 1; i <= split("cpu p50 p99 rate", figures, " "); i++)
		all[v["server"], run, figures[i], n] = v[figures[i]]
}

function median(server, run, figure,    n, i, j, x, a) {
	n = rounds[server, run]
	for (i = 1; i <= n; i++) {
		x = all[server, run, figure, i] + 0
		for (j = i; j > 1 && a[j - 1] > x; j--)
			a[j] = a[j - 1]
		a[j] = x
	}
	return a[int((n + 1) / 2)]
}

END {
	printf "\n%-6s %7s %-8s %9s %9s %7s\n", "mode", "clients", "figure",
	    "empty", "full", "ratio"
	for (r = 1; r <= count; r++) {
		split(runs[r], part, " ")
		for (i = 1; i <= 4; i++) {
			x = median("empty", runs[r], figures[i])
			y = median("full", runs[r], figures[i])
			printf "%-6s %7d %-8s %9.2f %9.2f %7.2f\n", part[1],
			    part[2], figures[i], x, y, x ? y / x : 0
		}
	}
}
