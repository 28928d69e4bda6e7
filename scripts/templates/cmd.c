#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "store/store.h"

static const char usage_text[] =
    "usage: @NAME@ [options] name ...\n"
    "Does this and that to each name.\n"
    "\n"
    "  -m, --max N        stop after N names (default 100)\n"
    "\n"
    "  -c, --config FILE  the configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL    the store, instead of the configured one\n"
    "  -j, --json         one JSON object per line\n"
    "      --no-header    no line of column names\n"
    "  -q, --quiet        warnings and errors only\n"
    "  -v, --verbose      say what is done\n"
    "  -l, --log SINK     where the log goes: stderr, syslog or fd:N\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n";

static int64_t max_names = 100;

static const struct prog_option options[] = {
    {.name = "max",
	.letter = 'm',
	.type = PROG_NUMBER,
	.value = &max_names,
	.min = 1,
	.max = INT_MAX},
    {0},
};

static void
print_names(const struct prog *p)
{
	static const char *const columns[] = {"name", NULL};
	struct out o;

	out_init(&o, p->json, !p->no_header, columns);
	for (int i = 0; i < p->argc && i < max_names; i++) {
		out_text(&o, p->argv[i]);
		out_end(&o);
	}
	out_finish(&o);
}

/* Opens what needs rights, drops them, works. */
static int
run(struct prog *p, struct err *e)
{
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);

	if (!st)
		return -1;
	print_names(p);
	store_close(st);
	return 0;
}

static const struct prog_command commands[] = {
    {.options = options,
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = run},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
