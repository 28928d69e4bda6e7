#include "cli/parse.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>

#include "base/str.h"

#define OWN_MAX 32 /* options of one command */
#define OWN_BASE 256 /* val of the first, above every letter */
#define NO_HEADER (OWN_BASE - 1) /* reserved options without a letter */
#define READY_FD (OWN_BASE - 2)

static const struct option reserved[] = {
    {"config", required_argument, NULL, 'c'},
    {"store", required_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},
    {"no-header", no_argument, NULL, NO_HEADER},
    {"dry-run", no_argument, NULL, 'n'},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"ready-fd", required_argument, NULL, READY_FD},
    {"log", required_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
};

/* What getopt_long wants, made from the tables. */
struct grammar {
	struct option longs[ARRAY_LEN(reserved) + OWN_MAX + 1];
	char letters[1 + 2 * (ARRAY_LEN(reserved) + OWN_MAX) + 2];
	const struct prog_option *own;
	size_t own_len;
	bool seen[OWN_MAX];
};

static void
add_letter(struct grammar *g, int letter, bool has_argument)
{
	size_t len = strlen(g->letters);

	g->letters[len++] = (char)letter;
	if (has_argument)
		g->letters[len++] = ':';
	g->letters[len] = '\0';
}

/* `mode` is "+:" to stop at the first operand, ":" to look further. */
static void
make_grammar(struct grammar *g, const char *mode, const struct prog_option *own)
{
	size_t n = 0;

	memset(g, 0, sizeof(*g));
	snprintf(g->letters, sizeof(g->letters), "%s", mode);
	for (; n < ARRAY_LEN(reserved); n++) {
		g->longs[n] = reserved[n];
		if (reserved[n].val < READY_FD)
			add_letter(g, reserved[n].val,
			    reserved[n].has_arg == required_argument);
	}
	g->own = own;
	for (size_t i = 0; own && own[i].name; i++) {
		if (i == OWN_MAX)
			abort();
		g->longs[n].name = own[i].name;
		g->longs[n].has_arg =
		    own[i].type == PROG_FLAG ? no_argument : required_argument;
		g->longs[n++].val = OWN_BASE + (int)i;
		if (own[i].letter)
			add_letter(g, own[i].letter, own[i].type != PROG_FLAG);
		g->own_len = i + 1;
	}
}

/* Index into the command's own options of what getopt_long returned, or -1. */
static int
own_index(const struct grammar *g, int c)
{
	if (c >= OWN_BASE)
		return c - OWN_BASE;
	for (size_t i = 0; i < g->own_len; i++)
		if (g->own[i].letter == c && c != 0)
			return (int)i;
	return -1;
}

static int
store_own(struct grammar *g, int i, struct err *e)
{
	const struct prog_option *o = &g->own[i];
	uint64_t n;

	if (g->seen[i] && o->type != PROG_LIST && o->type != PROG_FLAG)
		return prog_misuse(e, "--%s: given twice", o->name);
	g->seen[i] = true;
	switch (o->type) {
	case PROG_FLAG:
		*(bool *)o->value = true;
		return 0;
	case PROG_TEXT:
		*(const char **)o->value = optarg;
		return 0;
	case PROG_LIST:
		strv_add(o->value, optarg);
		return 0;
	case PROG_NUMBER:
		if (!str_to_u64(optarg, (uint64_t)o->max, &n) ||
		    (int64_t)n < o->min)
			return prog_misuse(e,
			    "--%s: must be a number from %" PRId64
			    " to %" PRId64,
			    o->name, o->min, o->max);
		*(int64_t *)o->value = (int64_t)n;
		return 0;
	}
	return err_set(e, KIND_BUG, "--%s: no such type", o->name);
}

static int
store_once(const char **place, const char *name, struct err *e)
{
	if (*place)
		return prog_misuse(e, "--%s: given twice", name);
	*place = optarg;
	return 0;
}

static int
need(const struct prog *p, unsigned flag, const char *name, bool *place,
    struct err *e)
{
	if (!(p->command->flags & flag))
		return prog_misuse(e, "--%s: not an option of %s%s%s", name,
		    p->name, p->command->name ? " " : "",
		    p->command->name ? p->command->name : "");
	*place = true;
	return 0;
}

static int
store_ready_fd(struct prog *p, struct err *e)
{
	bool given = p->ready_fd >= 0;
	uint64_t fd;

	if (need(p, PROG_SERVES, "ready-fd", &given, e) < 0)
		return -1;
	if (p->ready_fd >= 0)
		return prog_misuse(e, "--ready-fd: given twice");
	if (!str_to_u64(optarg, INT_MAX, &fd) ||
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return prog_misuse(e, "--ready-fd: must be an open descriptor");
	p->ready_fd = (int)fd;
	return 0;
}

static int
store_reserved(struct prog *p, int c, struct err *e)
{
	switch (c) {
	case 'c':
		return store_once(&p->config_path, "config", e);
	case 's':
		return store_once(&p->store_url, "store", e);
	case 'l':
		return store_once(&p->log_sink, "log", e);
	case 'j':
		return need(p, PROG_JSON, "json", &p->json, e);
	case NO_HEADER:
		return need(p, PROG_JSON, "no-header", &p->no_header, e);
	case READY_FD:
		return store_ready_fd(p, e);
	case 'n':
		return need(p, PROG_DRY_RUN, "dry-run", &p->dry_run, e);
	case 'q':
		p->quiet = true;
		return 0;
	case 'v':
		p->verbose = true;
		return 0;
	case 'h':
		return PARSE_HELP;
	case 'V':
		return PARSE_VERSION;
	default:
		return err_set(e, KIND_BUG, "option %d: not handled", c);
	}
}

/* getopt_long returned '?' or ':' for the word just passed, or in it. */
static int
refuse(int c, char *const *argv, struct err *e)
{
	const char *word = argv[optind - 1];
	char letter[3] = {'-', (char)optopt, '\0'};
	bool is_letter = optopt > 0 && optopt < READY_FD;

	if (c == ':')
		return prog_misuse(
		    e, "%s: needs a value", is_letter ? letter : word);
	if (is_letter && !str_starts(word, "--"))
		return prog_misuse(e, "%s: unknown option", letter);
	return prog_misuse(e, "%s: %s", word,
	    optopt == 0 ? "unknown or ambiguous option" : "takes no value");
}

static int
parse_options(
    struct prog *p, struct grammar *g, int argc, char **argv, struct err *e)
{
	int c, i, rc;

	opterr = 0;
	optind = 0; /* GNU: start afresh */
	while (
	    (c = getopt_long(argc, argv, g->letters, g->longs, NULL)) != -1) {
		i = own_index(g, c);
		if (c == '?' || c == ':')
			rc = refuse(c, argv, e);
		else if (i >= 0)
			rc = store_own(g, i, e);
		else
			rc = store_reserved(p, c, e);
		if (rc != 0)
			return rc;
	}
	return PARSE_RUN;
}

/* Where in argv the first operand is; argc when there is none. */
static int
first_operand(int argc, char **argv, const struct prog_option *own)
{
	struct grammar g;
	int c;

	make_grammar(&g, "+:", own);
	opterr = 0;
	optind = 0;
	do {
		c = getopt_long(argc, argv, g.letters, g.longs, NULL);
	} while (c != -1 && c != '?' && c != ':');
	return c == -1 ? optind : argc;
}

static const struct prog_command *
find(const struct prog_command *commands, const char *name)
{
	for (; commands->run; commands++)
		if (name ? str_same(commands->name, name) : !commands->name)
			return commands;
	return NULL;
}

/* The second word of a command's name, if `first` is its first; or NULL. */
static const char *
second_word(const struct prog_command *c, const char *first)
{
	size_t len = strlen(first);

	return c->name && strncmp(c->name, first, len) == 0 &&
		c->name[len] == ' '
	    ? c->name + len + 1
	    : NULL;
}

/* The first command of those that begin with this word. */
static const struct prog_command *
find_group(const struct prog_command *commands, const char *first)
{
	for (; commands->run; commands++)
		if (second_word(commands, first))
			return commands;
	return NULL;
}

static const struct prog_command *
find_second(
    const struct prog_command *commands, const char *first, const char *second)
{
	const char *word;

	for (; commands->run; commands++)
		if ((word = second_word(commands, first)) &&
		    strcmp(word, second) == 0)
			return commands;
	return NULL;
}

static int
refuse_second(const struct prog_command *commands, const char *first,
    const char *second, struct err *e)
{
	struct buf words;
	const char *word;

	buf_init(&words, sizeof(e->text));
	for (; commands->run; commands++)
		if ((word = second_word(commands, first)))
			buf_addf(&words, " %s", word);
	prog_misuse(
	    e, "%s %s: none of%s", first, second, words.data ? words.data : "");
	buf_release(&words);
	return -1;
}

static void
take_out(int *argc, char **argv, int at)
{
	memmove(argv + at, argv + at + 1, (size_t)(*argc - at) * sizeof(*argv));
	--*argc;
}

/* The same for a name of two words, of which the first is at `at`. */
static int
choose_second(struct prog *p, int *argc, char **argv, int at,
    const struct prog_command *commands, struct err *e)
{
	int next = at + first_operand(*argc - at, argv + at, NULL);

	if (next == *argc) {
		p->command = find_group(commands, argv[at]);
		return 0;
	}
	p->command = find_second(commands, argv[at], argv[next]);
	if (!p->command)
		return refuse_second(commands, argv[at], argv[next], e);
	take_out(argc, argv, next);
	take_out(argc, argv, at);
	return 0;
}

/* Sets p->command; takes its name out of argv. */
static int
choose(struct prog *p, int *argc, char **argv,
    const struct prog_command *commands, struct err *e)
{
	const struct prog_command *other = find(commands, NULL);
	int at = first_operand(*argc, argv, other ? other->options : NULL);

	if (at < *argc && (p->command = find(commands, argv[at]))) {
		take_out(argc, argv, at);
		return 0;
	}
	if (at < *argc && find_group(commands, argv[at]))
		return choose_second(p, argc, argv, at, commands, e);
	/* Without a command -h and -V are parsed like the first one's. */
	p->command = other ? other : commands;
	if (other || at == *argc)
		return 0;
	return prog_misuse(e, "%s: unknown command", argv[at]);
}

static int
check_operands(const struct prog *p, struct err *e)
{
	int most = p->command->operands_max;

	if (p->argc < p->command->operands_min)
		return prog_misuse(e, "too few operands");
	if (most != PROG_ANY && p->argc > most)
		return prog_misuse(
		    e, "%s: one operand too many", p->argv[most]);
	return 0;
}

int
parse_args(struct prog *p, int argc, char **argv,
    const struct prog_command *commands, struct err *e)
{
	struct grammar g;
	int before = argc;
	int rc;

	if (choose(p, &argc, argv, commands, e) < 0)
		return PARSE_FAILED;
	make_grammar(&g, ":", p->command->options);
	rc = parse_options(p, &g, argc, argv, e);
	if (rc != PARSE_RUN)
		return rc;
	if (p->command->name && before == argc)
		return prog_misuse(e, "which command?");
	p->argc = argc - optind;
	p->argv = argv + optind;
	return check_operands(p, e) < 0 ? PARSE_FAILED : PARSE_RUN;
}
