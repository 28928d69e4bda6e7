/*
 * acme-bench: many whole ACME orders at once, and what they cost the server.
 */
#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <sys/resource.h>

#include "lib/answer.h"
#include "lib/client.h"
#include "lib/usage.h"

static const char usage_text[] =
    "usage: acme-bench --directory URL --ca FILE --issuer FILE\n"
    "       --http-port PORT [--dns-port PORT] [--clients N] [--orders N]\n"
    "       [--per-request] [--no-resume] [--poll MS] [--server PID "
    "[--kinds]]\n"
    "\n"
    "Obtains --orders certificates (http-01, P-256, one name each) with\n"
    "--clients clients at once, each with an account of its own, in one\n"
    "process.  Answers http-01, and DNS if told so, on 127.0.0.1 itself.  "
    "Every\n"
    "certificate is verified.\n"
    "\n"
    "  --directory URL   of the server, https\n"
    "  --ca FILE         certificates to trust for TLS, PEM\n"
    "  --issuer FILE     what the chains must end in, PEM\n"
    "  --http-port PORT  where the server looks for http-01\n"
    "  --dns-port PORT   where it asks for addresses: all are 127.0.0.1\n"
    "  --clients N       default 1\n"
    "  --orders N        of all clients together, default 100\n"
    "  --per-request     a connection for each request, not one kept\n"
    "  --no-resume       TLS sessions are not resumed\n"
    "  --poll MS         before a look at what may not be done yet,\n"
    "                    twice that before the next; default 10\n"
    "  --server PID      measure this process and all that descend from it\n"
    "  --kinds           by kinds of requests too; one client only, and slow\n"
    "\n"
    "The clock runs from the moment when all accounts, keys and CSRs are "
    "there.\n"
    "Prints one line \"result\" of NAME=VALUE: orders, failed, seconds, rate\n"
    "(orders per second), p50, p90, p99 (ms for an order), requests and polls\n"
    "per order (polls: looks that came too early), connections, resumed,\n"
    "reconnects, badnonces, own (ms of CPU per order of acme-bench itself), "
    "and\n"
    "with --server cpu (ms per order) and pss (MiB, the most of all processes\n"
    "together); then a line \"memory\" for each program of the server: "
    "processes,\n"
    "rss and private (MiB, of the largest process), pss (of all).  With "
    "--kinds\n"
    "a line \"kind\" for each kind of request: requests and cpu (ms for one, "
    "with\n"
    "what the server does on its own until the next request).\n"
    "\n"
    "If nobody gets an answer for 20 s it is over, and what is not done has\n"
    "failed.  Exit status: 0 all orders done, 1 some failed, 100 wrong use, "
    "111\n"
    "no server.\n";

#define SECOND ((int64_t)1000000)
#define LOOK (SECOND) /* between looks at the server's memory */
#define STALLED (20 * SECOND) /* without an answer to anybody: it is over */

struct options {
	const char *directory;
	const char *ca;
	const char *issuer;
	const char *http_port;
	const char *dns_port;
	long clients;
	long orders;
	long poll;
	long server;
	int per_request;
	int no_resume;
	int kinds;
};

struct run {
	struct bench bench;
	struct client *clients;
	size_t client_count;
	struct usage_all memory;
	int64_t begin; /* microseconds, of which clock ... */
	int64_t end;
	int64_t cpu; /* ... and of the server's and our processors */
	int64_t own;
};

static long
number(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || n < 0 || n > 100000000)
		errx(100, "%s: must be a number", text);
	return n;
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	const struct option table[] = {
	    {"directory", required_argument, NULL, 'd'},
	    {"ca", required_argument, NULL, 'a'},
	    {"issuer", required_argument, NULL, 'i'},
	    {"http-port", required_argument, NULL, 'H'},
	    {"dns-port", required_argument, NULL, 'D'},
	    {"clients", required_argument, NULL, 'c'},
	    {"orders", required_argument, NULL, 'o'},
	    {"poll", required_argument, NULL, 'p'},
	    {"server", required_argument, NULL, 's'},
	    {"per-request", no_argument, &o->per_request, 1},
	    {"no-resume", no_argument, &o->no_resume, 1},
	    {"kinds", no_argument, &o->kinds, 1},
	    {"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 0:
			break;
		case 'd':
			o->directory = optarg;
			break;
		case 'a':
			o->ca = optarg;
			break;
		case 'i':
			o->issuer = optarg;
			break;
		case 'H':
			o->http_port = optarg;
			break;
		case 'D':
			o->dns_port = optarg;
			break;
		case 'c':
			o->clients = number(optarg);
			break;
		case 'o':
			o->orders = number(optarg);
			break;
		case 'p':
			o->poll = number(optarg);
			break;
		case 's':
			o->server = number(optarg);
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		default:
			fputs(usage_text, stderr);
			exit(100);
		}
	}
	if (argc != optind || !o->directory || !o->ca || !o->issuer ||
	    !o->http_port || o->clients < 1 || o->orders < 1 ||
	    (o->kinds && (o->clients != 1 || !o->server))) {
		fputs(usage_text, stderr);
		exit(100);
	}
}

/* ---- the run ---------------------------------------------------------------
 */

static const char *
thumbprint(void *arg, const char *token)
{
	struct run *r = arg;
	const char *found = NULL;

	for (size_t i = 0; i < r->client_count && !found; i++)
		found = client_thumbprint(&r->clients[i], token);
	return found;
}

static int64_t
own_cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * SECOND +
	    u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

static size_t
count_at(const struct run *r, enum step step)
{
	size_t n = 0;

	for (size_t i = 0; i < r->client_count; i++)
		n += r->clients[i].step == step;
	return n;
}

/* Goes on until every client has come to `step`; false if none comes there. */
static bool
run_until(struct run *r, enum step step, long server)
{
	int64_t look = server ? bench_clock() : INT64_MAX;

	r->bench.answered = bench_clock();
	while (count_at(r, step) < r->client_count) {
		int64_t now = bench_clock(), next = now + SECOND;

		if (now - r->bench.answered > STALLED)
			return false;
		if (now >= look) {
			usage_memory((int)server, &r->memory);
			look = now + LOOK;
		}
		for (size_t i = 0; i < r->client_count; i++) {
			int64_t t = client_tick(&r->clients[i], now);

			if (t && t < next)
				next = t;
		}
		now = bench_clock();
		loop_once(r->bench.site.loop,
		    next > now ? (int)((next - now + 999) / 1000) : 0);
	}
	return true;
}

static void
prepare(struct run *r, const struct options *o, struct loop *loop)
{
	struct bench *b = &r->bench;

	site_init(&b->site, loop, o->directory, o->ca);
	b->site.per_request = o->per_request;
	b->site.resume = !o->no_resume;
	b->directory = o->directory;
	b->server = o->kinds ? (int)o->server : 0;
	b->prover = prover_new(o->issuer);
	b->poll = o->poll * 1000;
	b->want_count = (size_t)o->orders;
	b->wants = xcalloc(b->want_count, sizeof(*b->wants));
	b->latency = xcalloc(b->want_count, sizeof(*b->latency));
	for (size_t i = 0; i < b->want_count; i++) {
		snprintf(b->wants[i].name, sizeof(b->wants[i].name),
		    "n%zu.t%llx.bench.test", i, (unsigned long long)time(NULL));
		want_prepare(&b->wants[i]);
	}
	r->client_count = (size_t)o->clients;
	r->clients = xcalloc(r->client_count, sizeof(*r->clients));
	for (size_t i = 0; i < r->client_count; i++) {
		client_init(&r->clients[i], b);
		client_start(&r->clients[i]);
	}
}

static void
measure(struct run *r, long server)
{
	if (!run_until(r, STEP_READY, 0))
		errx(111, "no answer");
	r->bench.requests = 0;
	r->bench.site.connections = r->bench.site.resumed = 0;
	if (server)
		r->cpu = -usage_cpu((int)server);
	r->own = -own_cpu();
	r->begin = bench_clock();
	for (size_t i = 0; i < r->client_count; i++)
		client_order(&r->clients[i]);
	if (!run_until(r, STEP_FINISHED, server)) {
		warnx("no answer any more");
		r->bench.failed = r->bench.want_count - r->bench.done;
	}
	r->end = bench_clock();
	r->own += own_cpu();
	if (server) {
		r->cpu += usage_cpu((int)server);
		usage_memory((int)server, &r->memory);
	}
}

/* ---- the report ------------------------------------------------------------
 */

static int
compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int
compare_serials(const void *a, const void *b)
{
	const struct want *x = a, *y = b;

	return memcmp(x->serial, y->serial, SERIAL_MAX);
}

/* A serial number that came twice is a failure. */
static void
check_serials(struct bench *b)
{
	static const uint8_t none[SERIAL_MAX];

	qsort(b->wants, b->want_count, sizeof(*b->wants), compare_serials);
	for (size_t i = 1; i < b->want_count; i++) {
		const struct want *w = &b->wants[i];

		if (memcmp(w->serial, none, SERIAL_MAX) == 0 ||
		    compare_serials(w - 1, w) != 0)
			continue;
		warnx("%s: serial number of %s", w->name, (w - 1)->name);
		b->failed++;
	}
}

static double
percentile(const struct bench *b, int percent)
{
	if (b->done == 0)
		return 0;
	return (double)b->latency[(b->done - 1) * (size_t)percent / 100] / 1000;
}

static void
report(struct run *r, long server)
{
	struct bench *b = &r->bench;
	double n = b->done ? (double)b->done : 1;
	double seconds = (double)(r->end - r->begin) / (double)SECOND;

	check_serials(b);
	qsort(b->latency, b->done, sizeof(*b->latency), compare_times);
	printf("result orders=%zu failed=%zu seconds=%.2f rate=%.1f p50=%.1f "
	       "p90=%.1f p99=%.1f requests=%.2f polls=%.2f connections=%lu "
	       "resumed=%lu reconnects=%lu badnonces=%lu own=%.2f",
	    b->done, b->failed, seconds, (double)b->done / seconds,
	    percentile(b, 50), percentile(b, 90), percentile(b, 99),
	    (double)b->requests / n, (double)b->polls / n, b->site.connections,
	    b->site.resumed, b->site.reconnects, b->bad_nonces,
	    (double)r->own / 1000 / n);
	if (server)
		printf(" cpu=%.3f pss=%.1f", (double)r->cpu / 1000 / n,
		    (double)r->memory.pss / 1024);
	printf("\n");
	for (size_t i = 0; i < r->memory.count; i++) {
		const struct usage *u = &r->memory.program[i];

		printf("memory program=%s processes=%d rss=%.1f private=%.1f "
		       "pss=%.1f\n",
		    u->name, u->processes, (double)u->rss / 1024,
		    (double)u->private / 1024, (double)u->pss / 1024);
	}
}

static void
report_kinds(const struct bench *b)
{
	for (enum step step = STEP_ORDER; step < STEP__MAX; step++) {
		const struct kind *k = &b->kinds[step];

		if (k->requests)
			printf("kind request=%s requests=%lu cpu=%.3f\n",
			    step_name(step), k->requests,
			    (double)k->cpu / 1000 / (double)k->requests);
	}
}

static void
release(struct run *r)
{
	for (size_t i = 0; i < r->client_count; i++)
		client_release(&r->clients[i]);
	free(r->clients);
	for (size_t i = 0; i < r->bench.want_count; i++)
		want_release(&r->bench.wants[i]);
	free(r->bench.wants);
	free(r->bench.latency);
	prover_free(r->bench.prover);
	loop_free(r->bench.site.loop);
	site_release(&r->bench.site);
}

int
main(int argc, char **argv)
{
	struct options o = {.clients = 1, .orders = 100, .poll = 10};
	struct run r = {0};
	struct loop *loop;
	int failed;

	parse_options(argc, argv, &o);
	signal(SIGPIPE, SIG_IGN);
	loop = loop_new();
	answer_http(loop, o.http_port, thumbprint, &r);
	if (o.dns_port)
		answer_dns(loop, o.dns_port);
	prepare(&r, &o, loop);
	measure(&r, o.server);
	report(&r, o.server);
	if (o.kinds)
		report_kinds(&r.bench);
	failed = r.bench.failed > 0;
	release(&r);
	return failed;
}
