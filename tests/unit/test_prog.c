#include "cli/prog.h"

#include "cli/parse.h"
#include "unit.h"

/* Options and commands; how a whole program behaves is in tests/cmd. */

static bool flag;
static const char *text;
static int64_t number;
static struct strv list;

static int
run(struct prog *p, struct err *e)
{
	(void)p;
	(void)e;
	return 0;
}

static const struct prog_option own[] = {
    {.name = "flag", .letter = 'f', .type = PROG_FLAG, .value = &flag},
    {.name = "text", .letter = 't', .type = PROG_TEXT, .value = &text},
    {.name = "number",
	.type = PROG_NUMBER,
	.value = &number,
	.min = 1,
	.max = 9},
    {.name = "list", .letter = 'L', .type = PROG_LIST, .value = &list},
    {0},
};

static const struct prog_command commands[] = {
    {.name = "serve", .flags = PROG_SERVES, .run = run},
    {.name = "list",
	.options = own,
	.operands_max = 2,
	.flags = PROG_JSON,
	.run = run},
    {.options = own, .operands_max = PROG_ANY, .run = run},
    {0},
};

static const struct prog_command named_only[] = {
    {.name = "need", .operands_min = 1, .operands_max = 1, .run = run},
    {0},
};

/* Parses the words of `line`, separated by one blank each. */
static int
parse(struct prog *p, const char *line, const struct prog_command *c,
    struct err *e)
{
	static char copy[200];
	static char *argv[20];
	int argc = 1;
	char *at = copy;

	memset(p, 0, sizeof(*p));
	p->name = "prog";
	p->ready_fd = -1;
	err_clear(e);
	flag = false;
	text = NULL;
	number = 0;
	strv_release(&list);
	snprintf(copy, sizeof(copy), "%s", line);
	argv[0] = copy;
	for (; (at = strchr(at, ' ')); argc++) {
		*at++ = '\0';
		argv[argc] = at;
	}
	argv[argc] = NULL;
	return parse_args(p, argc, argv, c, e);
}

static void
test_commands(void **state)
{
	struct err e = {0};
	struct prog p;

	(void)state;
	assert_int_equal(parse(&p, "prog serve", commands, &e), PARSE_RUN);
	assert_ptr_equal(p.command, &commands[0]);
	assert_int_equal(p.argc, 0);
	assert_int_equal(
	    parse(&p, "prog -c x list -j a b", commands, &e), PARSE_RUN);
	assert_ptr_equal(p.command, &commands[1]);
	assert_string_equal(p.config_path, "x");
	assert_true(p.json);
	assert_int_equal(p.argc, 2);
	assert_string_equal(p.argv[1], "b");
	assert_int_equal(
	    parse(&p, "prog -f file list", commands, &e), PARSE_RUN);
	assert_ptr_equal(p.command, &commands[2]);
	assert_int_equal(p.argc, 2);
	assert_int_equal(parse(&p, "prog -t list x", commands, &e), PARSE_RUN);
	assert_ptr_equal(p.command, &commands[2]);
	assert_string_equal(text, "list");
	assert_int_equal(parse(&p, "prog", commands, &e), PARSE_RUN);
	assert_ptr_equal(p.command, &commands[2]);
	assert_int_equal(parse(&p, "prog -- -x", commands, &e), PARSE_RUN);
	assert_string_equal(p.argv[0], "-x");
	assert_int_equal(parse(&p, "prog -", commands, &e), PARSE_RUN);
	assert_string_equal(p.argv[0], "-");
	assert_int_equal(parse(&p, "prog -h", named_only, &e), PARSE_HELP);
	assert_int_equal(
	    parse(&p, "prog need -V", named_only, &e), PARSE_VERSION);
}

static void
test_own_options(void **state)
{
	struct err e = {0};
	struct prog p;

	(void)state;
	assert_int_equal(parse(&p,
			     "prog list x -f --text=a --number 9 -L 1 "
			     "--list 2 -qv -s /s -l syslog",
			     commands, &e),
	    PARSE_RUN);
	assert_true(flag);
	assert_string_equal(text, "a");
	assert_int_equal(number, 9);
	assert_int_equal(list.len, 2);
	assert_string_equal(list.v[1], "2");
	assert_true(p.quiet && p.verbose);
	assert_string_equal(p.store_url, "/s");
	assert_string_equal(p.log_sink, "syslog");
	assert_string_equal(p.argv[0], "x");
	strv_release(&list);
}

static void
test_wrong_use(void **state)
{
	static const struct {
		const char *line;
		const char *want;
	} rows[] = {
	    {"prog list -t a -t b", "--text: given twice"},
	    {"prog list -t a --text=a", "--text: given twice"},
	    {"prog -c a list -c b", "--config: given twice"},
	    {"prog -s a --store b", "--store: given twice"},
	    {"prog list --number 1 --number 1", "--number: given twice"},
	    {"prog list --number 10", "--number: must be a number from 1 to 9"},
	    {"prog list --number 0", "--number: must be a number from 1 to 9"},
	    {"prog list --number -1", "--number: must be a number from 1 to 9"},
	    {"prog list --number", "--number: needs a value"},
	    {"prog list -t", "-t: needs a value"},
	    {"prog list --flag=1", "--flag=1: takes no value"},
	    {"prog list --nonsense", "--nonsense: unknown or ambiguous"},
	    {"prog list --ver", "--ver: unknown or ambiguous"},
	    {"prog list -Z", "-Z: unknown option"},
	    {"prog list -fZ", "-Z: unknown option"},
	    {"prog list a b c", "c: one operand too many"},
	    {"prog -j", "--json: not an option of prog"},
	    {"prog serve -n", "--dry-run: not an option of prog serve"},
	    {"prog serve -t x", "-t: unknown option"},
	    {"prog list --ready-fd 1", "--ready-fd: not an option of"},
	    {"prog serve --ready-fd 99", "--ready-fd: must be an open"},
	    {"prog serve --ready-fd x", "--ready-fd: must be an open"},
	};
	struct err e = {0};
	struct prog p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
		    parse(&p, rows[i].line, commands, &e), PARSE_FAILED);
		assert_int_equal(e.kind, KIND_USAGE);
		if (strncmp(e.text, rows[i].want, strlen(rows[i].want)) != 0)
			fail_msg("%s: %s", rows[i].line, e.text);
	}
	assert_kind(parse(&p, "prog", named_only, &e), KIND_USAGE, &e);
	assert_kind(parse(&p, "prog other", named_only, &e), KIND_USAGE, &e);
	assert_kind(parse(&p, "prog need", named_only, &e), KIND_USAGE, &e);
	strv_release(&list);
}

static void
test_worse(void **state)
{
	(void)state;
	assert_int_equal(prog_worse(0, 0), 0);
	assert_int_equal(prog_worse(0, 111), 111);
	assert_int_equal(prog_worse(111, 0), 111);
	assert_int_equal(prog_worse(111, 1), 1);
	assert_int_equal(prog_worse(1, 111), 1);
	assert_int_equal(prog_worse(1, 101), 101);
	assert_int_equal(prog_worse(102, 1), 102);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_commands),
    cmocka_unit_test(test_own_options),
    cmocka_unit_test(test_wrong_use),
    cmocka_unit_test(test_worse),
};
UNIT_MAIN(tests)
