# From all results: ratios, and the aims beside the figures.
{
	for (i = 1; i <= NF; i++) {
		split($i, pair, "=")
		v[pair[1]] = pair[2]
	}
	key = v["server"] SUBSEP v["mode"] SUBSEP v["clients"]
	cpu[key] = v["cpu"]
	rate[key] = v["rate"]
	failed[v["server"]] += v["failed"]
	if (v["rss"] + 0 > rss[v["server"]] + 0)
		rss[v["server"]] = v["rss"]
	if (!(v["clients"] in seen)) {
		seen[v["clients"]] = 1
		clients[++count] = v["clients"]
	}
}

# A quotient for each number of clients; keeps the largest in `worst`.
function quotients(title, a, b, mode_a, mode_b,    i, x, y, line) {
	worst = 0
	for (i = 1; i <= count; i++) {
		x = cpu[a, mode_a, clients[i]]
		y = cpu[b, mode_b, clients[i]]
		if (!x || !y)
			continue
		line = line sprintf(" %7.2f", x / y)
		if (x / y > worst)
			worst = x / y
	}
	if (line)
		printf "%-44s%s\n", title, line
}

function most(values, server, mode,    i, x, y) {
	for (i = 1; i <= count; i++) {
		y = values[server, mode, clients[i]]
		if (y > x)
			x = y
	}
	return x
}

function aim(text, value, limit, sense) {
	if (value == "" || value + 0 == 0 && sense != "none")
		return
	good = sense == "least" ? value >= limit : value <= limit
	aims = aims sprintf("%-60s %8.2f %8.2f  %s\n", text, value, limit,
	    good ? "met" : "missed")
}

END {
	printf "\n%-44s", "ratio of CPU per order, by clients"
	for (i = 1; i <= count; i++)
		printf " %7d", clients[i]
	print ""
	aim("wait, kept: CPU ms per order, at most",
	    most(cpu, "wait", "keep"), 3.5)
	quotients("wait / pebble, kept", "wait", "pebble", "keep", "keep")
	aim("wait, kept: CPU as a part of Pebble's, at most", worst, 0.5)
	quotients("accept / pebble, kept", "accept", "pebble", "keep", "keep")
	aim("wait, kept: orders a second, at least",
	    most(rate, "wait", "keep"), 300, "least")
	quotients("wait: resumed per request / kept", "wait", "wait", "resume",
	    "keep")
	aim("wait: resumed per request / kept, at most", worst, 1.6)
	quotients("wait: full per request / kept", "wait", "wait", "full",
	    "keep")
	aim("wait: full per request / kept, at most", worst, 2.3)
	quotients("wait / pebble, resumed per request", "wait", "pebble",
	    "resume", "resume")
	quotients("wait / pebble, full per request", "wait", "pebble", "full",
	    "full")
	quotients("accept / pebble, full per request", "accept", "pebble",
	    "full", "full")
	aim("accept, kept: CPU ms per order, at most",
	    most(cpu, "accept", "keep"), 12)
	aim("wait: MiB of the largest worker, at most", rss["wait"], 16)
	if ("wait" in failed)
		aim("wait: failed orders", failed["wait"], 0, "none")
	if ("accept" in failed)
		aim("accept: failed orders", failed["accept"], 0, "none")
	printf "\n%-60s %8s %8s\n%s", "", "figure", "aim", aims
}
