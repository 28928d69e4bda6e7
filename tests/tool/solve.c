/*
 * solve [--store URL] [--seal FILE] [--resolver ADDRESS] [--dns-port N]
 * [--timeout MS] SOLVER TYPE NAME TOKEN KEYAUTH [STEP...]
 *
 * A solver of challenges (solve/solver.h) by hand.  A STEP is present, check,
 * cleanup, or wait (until standard input has a line).  Each prints itself and
 * "ok", or the kind of its error and the text.  Exit code 1 when one failed.
 */
#include <getopt.h>

#include "solve/solver.h"
#include "store/store.h"
#include "sys/asker.h"
#include "wrap/digest.h"
#include "wrap/seal.h"

static int
wait_for_line(void)
{
	char line[16];

	return fgets(line, sizeof(line), stdin) ? 0 : -1;
}

static int
step(const struct solver *s, const char *what, const struct solver_task *t,
    struct err *e)
{
	if (strcmp(what, "present") == 0)
		return solver_do(s, SOLVER_PRESENT, t, e);
	if (strcmp(what, "check") == 0)
		return solver_do(s, SOLVER_CHECK, t, e);
	if (strcmp(what, "cleanup") == 0)
		return solver_do(s, SOLVER_CLEANUP, t, e);
	return wait_for_line();
}

static void
say(const char *what, int rc, const struct err *e)
{
	char text[900];

	err_format(e, text, sizeof(text));
	if (rc == 0)
		printf("%s ok\n", what);
	else
		printf("%s %s %s\n", what, err_row(e->kind)->name, text);
	fflush(stdout);
}

static int
run(const struct solver *s, char **steps, const struct solver_task *t)
{
	int code = 0;

	for (; *steps; steps++) {
		struct err e = {0};
		int rc = step(s, *steps, t, &e);

		say(*steps, rc, &e);
		if (rc < 0)
			code = 1;
	}
	return code;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"store", required_argument, NULL, 's'},
	    {"resolver", required_argument, NULL, 'r'},
	    {"dns-port", required_argument, NULL, 'p'},
	    {"timeout", required_argument, NULL, 't'},
	    {"seal", required_argument, NULL, 'k'}, {0}};
	struct strv resolvers = {0};
	struct askers askers = {0};
	struct solver_options o = {.resolvers = &resolvers, .askers = &askers};
	struct seal_key key;
	struct store *st = NULL;
	struct solver s;
	struct err e = {0};
	int c, code = 1;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 's')
			st = store_open(optarg, STORE_WRITE, &e);
		else if (c == 'r')
			strv_add(&resolvers, optarg);
		else if (c == 'p')
			o.dns_port = (uint16_t)strtoul(optarg, NULL, 10);
		else if (c == 'k' && seal_key_read(optarg, &key, &e) == 0)
			o.account_key = &key;
		else if (c == 't')
			o.timeout_ms = (int64_t)strtoul(optarg, NULL, 10);
		else
			return 100;
	}
	argv += optind;
	if (argc - optind < 5)
		return 100;
	digest_start_fast();
	if (solver_make(argv[0], st, &o, &s, &e) == 0) {
		const struct solver_task t = {.type = argv[1],
		    .identifier_type = strchr(argv[2], ':') ||
			    strspn(argv[2], "0123456789.") == strlen(argv[2])
			? "ip"
			: "dns",
		    .value = argv[2],
		    .token = argv[3],
		    .key_authorization = argv[4]};

		say(s.type, 0, &e);
		code = run(&s, argv + 5, &t);
	} else {
		say("make", -1, &e);
	}
	solver_release(&s);
	askers_release(&askers);
	store_close(st);
	strv_release(&resolvers);
	return code;
}
