# Results of tests/bench/client: -v head=1 prints the heading, -v line=1 each
# as a line of a table; else the aims beside the figures.
BEGIN {
	if (head)
		print "client   server   orders orders/s  CPU ms requests      MiB"
}

{
	split("", v)
	for (i = 1; i <= NF; i++) {
		split($i, pair, "=")
		v[pair[1]] = pair[2]
	}
	if (line)
		printf "%-8s %-8s %6d %8.2f %7.1f %8.2f %8.1f\n", v["client"],
		    v["server"], v["count"], v["rate"], v["cpu"],
		    v["requests"], v["rss"]
	rate[v["client"], v["server"]] = v["rate"]
	if (v["client"] == "order") {
		servers[++count] = v["server"]
		requests[v["server"]] = v["requests"]
	}
	if (v["client"] == "renew")
		renewing[v["server"]] = v["rss"]
}

function aim(text, value, limit, is_least) {
	printf "%-60s %8.2f %8.2f  %s\n", text, value, limit,
	    (is_least ? value >= limit : value <= limit) ? "met" : "missed"
}

END {
	if (head || line)
		exit
	printf "\n%-60s %8s %8s\n", "", "figure", "aim"
	for (i = 1; i <= count; i++) {
		s = servers[i]
		aim(s ": certificates a second, at least", rate["order", s], 30,
		    1)
		if (rate["uacme", s])
			aim(s ": times the rate of uacme, at least",
			    rate["order", s] / rate["uacme", s], 20, 1)
		aim(s ": requests per certificate, at most", requests[s], 9)
		aim(s ": MiB of renew-queue, at most", renewing[s], 64)
	}
}
