#ifndef CLI_PROG_H
#define CLI_PROG_H

#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"

/*
 * What every program does the same way: start, options, configuration, the
 * last line on stderr and the exit code.  A cmd/NAME.c is a usage text, option
 * tables, one function per command, and this main:
 *
 *	int
 *	main(int argc, char **argv)
 *	{
 *		return prog_main(argc, argv, usage_text, commands);
 *	}
 *
 * prog_main makes sure of descriptors 0 to 2, takes a socket of systemd
 * (sys/handed.h) as descriptor 0, chooses the log sink, finds the
 * command, parses its options, loads the configuration sections it names, and
 * calls its function, which opens what it needs, drops rights (proc_drop,
 * rights_enter) and works.  Then stdout is flushed and checked.
 *
 * Options that all commands have (struct prog says where they end up):
 *	-c, --config FILE   else ACMED_CONFIG, else CONF_DEFAULT_PATH
 *	-s, --store URL     else ACMED_STORE, else [store] url
 *	-j, --json          if the command has PROG_JSON
 *	    --no-header     if the command has PROG_JSON
 *	-n, --dry-run       if the command has PROG_DRY_RUN
 *	-q, --quiet         warnings and errors only
 *	-v, --verbose       debug events as well
 *	    --ready-fd N    if the command has PROG_SERVES
 *	-l, --log SINK      stderr, syslog or fd:N instead of [log] sink
 *	-h, --help          the usage text on stdout, exit 0
 *	-V, --version       exit 0
 * Options may stand before the command's name (these) or after it (all); a
 * single-valued option that stands twice is wrong use, exit 100.
 */

/* What an option of a command's own takes, and the type `value` points to. */
enum prog_type {
	PROG_FLAG, /* bool: set true */
	PROG_TEXT, /* const char *: borrowed from argv */
	PROG_NUMBER, /* int64_t: decimal, min to max */
	PROG_LIST /* struct strv: may stand several times, each adds one */
};

struct prog_option {
	const char *name; /* long, without the dashes */
	char letter; /* or 0; none of the reserved letters */
	enum prog_type type;
	void *value; /* holds the default until the option is met */
	int64_t min, max; /* PROG_NUMBER */
};

#define PROG_JSON 1U /* has --json and --no-header: prints through cli/out */
#define PROG_DRY_RUN 2U /* has --dry-run */
#define PROG_SERVES 4U /* has --ready-fd N; calls prog_ready */
#define PROG_ANY (-1) /* operands_max: no limit */

struct prog;

/*
 * One thing a program does.  `run` returns 0, or -1 with the reason, which
 * decides the exit code (err.h); an honest "no" without a line on stderr is
 * `p->exit_code = 1` and 0.
 */
struct prog_command {
	/*
	 * A word, or two with a blank between; NULL: when the first operand
	 * names no other
	 */
	const char *name;
	const struct prog_option *options; /* ends with a NULL name, or NULL */
	int operands_min;
	int operands_max; /* PROG_ANY */
	unsigned sections; /* CONF_* to load first; LOG, SANDBOX with any */
	unsigned flags; /* PROG_* */
	int (*run)(struct prog *p, struct err *e);
	/* The same, if `run` is deploynow_run (cli/deploynow.h). */
	int (*work)(struct prog *p, struct err *e);
};

struct prog {
	const char *name; /* basename of argv[0] */
	const char *usage;
	const struct prog_command *command;
	int argc; /* operands, without the command's name */
	char **argv;
	const char *config_path; /* NULL when the command reads none */
	const char *store_url; /* -s or ACMED_STORE; is in conf already */
	const char *log_sink; /* -l */
	int ready_fd; /* --ready-fd, or -1 */
	/* paths that the command reads, and below which it writes, for
	 * rights_enter */
	struct strv reads, writes;
	bool json;
	bool no_header;
	bool dry_run;
	bool quiet;
	bool verbose;
	bool forced_syslog; /* descriptor 2 was the client's */
	bool no_stdout; /* descriptor 1 was closed */
	struct conf conf; /* the sections of the command */
	const char *output; /* what the command writes to, for rights_enter */
	int exit_code; /* when run returns 0 */
	bool brings; /* it has changed something: see cli/deploynow.h */
};

/*
 * Runs a program; `commands` ends with an entry whose run is NULL.  Returns the
 * exit code: 0 done, 1 a well-formed no, 100 wrong use or bad input, 101 our
 * bug, 102 bad configuration, 111 temporary.  Leaves by exit() for wrong use,
 * --help and --version.
 */
int prog_main(int argc, char **argv, const char *usage,
    const struct prog_command *commands);

/*
 * Wrong use that the tables cannot express (two options that exclude each
 * other): returns -1 with KIND_USAGE, for `return prog_misuse(e, ...)`.
 * prog_main then prints it, and the first line of the usage, on stderr and
 * exits 100.
 */
int prog_misuse(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * For a service, when its socket is bound and listens: writes a newline to the
 * descriptor of --ready-fd and closes it (s6's notification-fd), so that who
 * started it waits for an event and not for time.  Nothing without the option.
 */
void prog_ready(struct prog *p);

/*
 * Prints `e` for a person: one line `PROG: text` on stderr, or an event when
 * the log goes to syslog.  Nothing when `e` is not set.  For items of a batch;
 * prog_main does it for what `run` returns.  Returns the exit code of `e`.
 */
int prog_fail(const struct prog *p, const struct err *e);

/* One of several things has failed: prog_fail, and the worse exit code. */
void prog_item_failed(struct prog *p, const struct err *e);

/*
 * Says how it ended, as prog_main does in the end: closes stdout and, if `e` is
 * set, or stdout has failed, prints why.  Returns the exit code.
 */
int prog_end(const struct prog *p, struct err *e);

/*
 * The exit code of a batch of which one item ended with `a`, another with `b`:
 * 1 outranks 111 outranks 0, anything else outranks all.
 */
int prog_worse(int a, int b);

#endif
