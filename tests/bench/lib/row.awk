# A result as a line of a table; -v head=1 prints the heading.
BEGIN {
	if (head)
		print "mode   clients server   orders failed orders/s    p50 ms" \
		    "    p99 ms  CPU ms requests all MiB one MiB private"
}

{
	for (i = 1; i <= NF; i++) {
		split($i, pair, "=")
		v[pair[1]] = pair[2]
	}
	printf "%-6s %7d %-8s %6d %6d %8.1f %9.1f %9.1f %7.2f %8.2f %7.1f" \
	    " %7.1f %7.1f\n", v["mode"], v["clients"], v["server"],
	    v["orders"], v["failed"], v["rate"], v["p50"], v["p99"], v["cpu"],
	    v["requests"], v["pss"], v["rss"], v["private"]
}
