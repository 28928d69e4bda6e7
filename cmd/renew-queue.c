#include <unistd.h>

#include "base/log.h"
#include "cli/deploywork.h"
#include "cli/operands.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/renewwork.h"
#include "cli/rights.h"
#include "cli/sheet.h"
#include "jobs/teller.h"
#include "store/deploy_target.h"
#include "store/domain_queue_work.h"
#include "store/fqdn_set.h"
#include "store/renewal_configuration.h"
#include "store/renewal_queue_work.h"
#include "sys/child.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/sig.h"

static const char usage_text[] =
    "usage: renew-queue [-hqVv] [-c FILE] [-s URL] [-l SINK] COMMAND ...\n"
    "Renews certificates in time, from cron.  NAME is as in cert-export: a "
    "name,\n"
    "the number of a certificate, or a fingerprint; - is a list of them on\n"
    "standard input.\n"
    "\n"
    "  run [OPTION ...]    update, process, deploy, and ask CAs when to renew "
    "what\n"
    "                      there is: the one line of a crontab\n"
    "  update              puts in what is due\n"
    "  process [OPTION ...]\n"
    "                      renews what is in the queue; several may run at "
    "once\n"
    "  deploy [OPTION ...] brings the targets to what serves\n"
    "  add NAME ...        puts in what is not due, or was parked\n"
    "  remove NAME ...     takes out, until the next update\n"
    "  list [-j]           what is in the queue, first what is first\n"
    "  status [-j]         how it stands, in a few lines\n"
    "  metrics [-o FILE]   the same for Prometheus\n"
    "\n"
    "      --again         deploy all that serves, also what was deployed\n"
    "      --budget N      take up nothing more after N seconds (600)\n"
    "      --jobs N        so many at once (50)\n"
    "      --max N         take up no more than N\n"
    "  -o, --output FILE   replace FILE instead of writing to stdout\n"
    "      --target NAME   deploy to this target only\n"
    "      --trace         what is said to the CA and back, on standard error\n"
    "  -c, --config FILE   configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL     store, instead of [store] url\n"
    "  -j, --json          an object per line, instead of tabs\n"
    "      --no-header     no line of column names\n"
    "  -l, --log SINK      stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet         log warnings and errors only\n"
    "  -v, --verbose       log debug events as well\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

#define BUDGET_MAX 43200
#define DEPLOY_LEAST 120 /* seconds, however long renewals have taken */

static int64_t budget = 600, jobs = 50, max = INT64_MAX;
static bool traces, again;
static const char *target, *output;

static const struct prog_option process_options[] = {
    {.name = "budget",
	.type = PROG_NUMBER,
	.value = &budget,
	.min = 1,
	.max = BUDGET_MAX},
    {.name = "jobs",
	.type = PROG_NUMBER,
	.value = &jobs,
	.min = 1,
	.max = 10000},
    {.name = "max",
	.type = PROG_NUMBER,
	.value = &max,
	.min = 1,
	.max = INT64_MAX},
    {.name = "trace", .type = PROG_FLAG, .value = &traces},
    {0},
};

static const struct prog_option deploy_options[] = {
    {.name = "again", .type = PROG_FLAG, .value = &again},
    {.name = "budget",
	.type = PROG_NUMBER,
	.value = &budget,
	.min = 1,
	.max = BUDGET_MAX},
    {.name = "target", .type = PROG_TEXT, .value = &target},
    {0},
};

static const struct prog_option metrics_options[] = {
    {.name = "output", .letter = 'o', .type = PROG_TEXT, .value = &output},
    {0},
};

/* ---- telling ------------------------------------------------------------- */

static int
print_block(void *arg, const struct buf *block, struct err *e)
{
	(void)arg;
	if (log_fd() == STDERR_FILENO)
		return fd_write_all(
		    STDERR_FILENO, block->data, block->len, FD_FOREVER, e);
	/* standard error is not for people */
	log_event(LOG_LEVEL_WARN, "telling", "text", block->data, (char *)NULL);
	return 0;
}

static int
look_at_target(void *arg, const struct deploy_target *t, struct err *e)
{
	bool *is_all = arg;

	(void)e;
	*is_all &= !t->resting && t->pending + t->failing == 0;
	return 0;
}

/* Nothing is ready or fails, but names: those are their customers'. */
static int
is_all_done(struct store *st, bool *is_all, struct err *e)
{
	struct renewal_summary s;
	int64_t account = 0, template = 0, ignored;
	int rc = renewal_queue_summarize(st, &s, e);

	*is_all = rc == 0 && s.failing == 0;
	if (rc == 0)
		rc = renewal_queue_next_account(st, &account, &ignored, e);
	*is_all &= rc == 0;
	if (rc >= 0)
		rc = domain_queue_next_template(st, &template, e);
	*is_all &= rc == 0;
	return rc < 0 ? -1 : deploy_target_each(st, look_at_target, is_all, e);
}

static int
note_success(struct store *st, struct err *e)
{
	bool is_all;
	int rc = is_all_done(st, &is_all, e);

	return rc == 0 && is_all ? telling_note_run(st, TELLER_RUN, e) : rc;
}

/* `ran`: all that there was to do was looked at. */
static int
finish(struct prog *p, bool ran, struct err *e)
{
	struct store *st = store_open(p->conf.store.url, STORE_WRITE, e);
	const struct teller t = {.st = st,
	    .prog = p->name,
	    .again = p->conf.client.tell_again,
	    .now = clock_now(),
	    .write = print_block};
	int rc = st ? teller_tell(&t, e) : -1;

	if (rc == 0 && ran && p->exit_code == 0)
		rc = note_success(st, e);
	store_close(st);
	return rc;
}

/* ---- all of it ----------------------------------------------------------- */

struct working {
	struct prog *prog;
	struct renewwork how;
};

/* What is for CAs is confined to that for good: a process of its own. */
static int
work_apart(void *arg)
{
	struct working *w = arg;
	struct err e = {0};

	if (renewwork_run(w->prog, &w->how, &e) < 0)
		w->prog->exit_code =
		    prog_worse(w->prog->exit_code, prog_fail(w->prog, &e));
	return w->prog->exit_code;
}

static int
work_and_wait(struct prog *p, bool is_all, struct err *e)
{
	struct working w = {.prog = p,
	    .how = {.is_all = is_all,
		.in_flight = (size_t)jobs,
		.max = max,
		.budget = budget,
		.traces = traces}};
	int code;

	sig_catch_term();
	if (child_run(work_apart, &w, &code, e) < 0)
		return -1;
	p->exit_code = prog_worse(p->exit_code, code);
	return 0;
}

/* What each part would say for itself is said once. */
static int
check_store(const struct prog *p, struct err *e)
{
	struct store *st = store_open(p->conf.store.url, STORE_WRITE, e);

	store_close(st);
	return st ? 0 : -1;
}

static int
deploy_all(struct prog *p, int64_t take_until, struct err *e)
{
	const struct deploywork w = {.prog = p,
	    .only = target,
	    .again = again,
	    .take_until = take_until};

	return deploywork_run(&w, e);
}

static void
deploy_immediately(struct prog *p)
{
	const struct deploywork w = {.prog = p,
	    .immediately = true,
	    .take_until = clock_now() + DEPLOY_LEAST};
	struct err why = {0};
	int rc = deploywork_is_immediate(p, &why);

	if (rc < 0 || (rc > 0 && deploywork_run(&w, &why) < 0))
		prog_item_failed(p, &why);
}

static int
process(struct prog *p, struct err *e)
{
	if (check_store(p, e) < 0 || work_and_wait(p, false, e) < 0)
		return -1;
	deploy_immediately(p);
	return finish(p, false, e);
}

static int
deploy(struct prog *p, struct err *e)
{
	struct err why = {0};

	if (deploy_all(p, clock_now() + budget, e) < 0)
		return -1;
	if (finish(p, false, &why) < 0)
		prog_item_failed(p, &why);
	return 0;
}

/*
 * What is wrong with targets does not keep certificates from being renewed, nor
 * the other way round.
 */
static int
run(struct prog *p, struct err *e)
{
	int64_t end = clock_now() + budget;
	struct err why = {0};

	if (check_store(p, e) < 0)
		return -1;
	if (work_and_wait(p, true, &why) < 0)
		prog_item_failed(p, &why);
	err_clear(&why);
	if (deploy_all(p, clock_now() < end ? end : clock_now() + DEPLOY_LEAST,
		&why) < 0)
		prog_item_failed(p, &why);
	return finish(p, true, e);
}

/* ---- without a CA -------------------------------------------------------- */

static int
update(struct prog *p, struct err *e)
{
	struct store *st =
	    rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	int64_t added;
	int rc = st ? renewal_queue_update(st, &added, e) : -1;

	store_close(st);
	return rc;
}

struct change {
	int (*fn)(struct store *st, int64_t configuration, struct err *e);
};

static int
change_one(struct store *st, const char *operand, void *arg, struct err *e)
{
	const struct change *change = arg;
	struct renewal_configuration c;
	int rc = renewal_configuration_find(st, operand, &c, e);

	if (rc == 0)
		rc = change->fn(st, c.id, e);
	renewal_configuration_release(&c);
	return rc;
}

static int
add(struct prog *p, struct err *e)
{
	struct change change = {renewal_queue_add};

	return operands_each(p, change_one, &change, e);
}

static int
remove_(struct prog *p, struct err *e)
{
	struct change change = {renewal_queue_remove};

	return operands_each(p, change_one, &change, e);
}

/* ---- looking ------------------------------------------------------------- */

struct listing {
	struct store *st;
	struct out out;
	int64_t now;
};

static const char *
state_of(const struct renewal_item *i, int64_t now)
{
	return i->is_parked		? "parked"
	    : i->lease_until > now	? "held"
	    : i->past.failing_since > 0 ? "failing"
					: "waiting";
}

static int
print_item(void *arg, const struct renewal_item *i, struct err *e)
{
	struct listing *l = arg;
	struct out *o = &l->out;
	struct renewal_configuration c;
	struct strv names = {0};

	if (renewal_configuration_by_id(
		l->st, i->renewal_configuration_id, &c, e) < 0)
		return -1;
	if (fqdn_set_names(l->st, c.fqdn_set_id, &names, e) < 0) {
		renewal_configuration_release(&c);
		return -1;
	}
	out_id(o, c.certificate_id);
	out_text(o, state_of(i, l->now));
	out_text(o, renewal_rule_name(i->why));
	out_list(o, &names);
	out_int(o, c.id);
	out_int(o, i->upstream_account_id);
	out_id(o, i->upstream_order_id);
	out_time(o, i->added);
	out_time(o, i->window_end);
	out_time(o, i->retry_at);
	out_int(o, i->past.attempts);
	out_time(o, i->past.failing_since);
	out_text(o, i->cause);
	out_text(o, i->error);
	out_end(o);
	strv_release(&names);
	renewal_configuration_release(&c);
	return out_check(e);
}

static int
list(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"certificate", "state", "why",
	    "names", "configuration", "account", "order", "added", "window_end",
	    "retry_at", "attempts", "failing_since", "cause", "error", NULL};
	struct listing l = {.now = clock_now(),
	    .st = rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e)};
	int rc = -1;

	out_init(&l.out, p->json, !p->no_header, columns);
	if (l.st)
		rc = renewal_queue_each(l.st, print_item, &l, e);
	if (rc == 0)
		out_finish(&l.out);
	store_close(l.st);
	return rc;
}

#define TARGETS_SHOWN 4 /* all fit on a screen of 24 lines */
#define TARGET_WIDTH 59 /* and this on one of 80 columns, beside the word */
#define TARGET_MAX 4096

struct standing {
	struct store *st;
	struct renewal_summary queue;
	struct domain_queue_summary names;
	struct teller_counts fares;
	int64_t next_expiry, last_run;
	struct strv lagging, done; /* targets, a line each */
	bool json;
};

static void
add_count(struct buf *line, int64_t n, const char *word)
{
	if (n > 0)
		buf_addf(line, "%s%lld %s", line->len > 0 ? ", " : "",
		    (long long)n, word);
}

/*
 * Numbers and the whole name first, by which it is found; for a person the rest
 * of the line is for the error, as far as it goes.
 */
static int
add_target(void *arg, const struct deploy_target *t, struct err *e)
{
	struct standing *s = arg;
	const char *error = t->resting ? t->resting : t->error;
	struct deploy_target counted = *t;
	struct buf line;
	size_t least;

	if (deploy_target_count(s->st, &counted, e) < 0)
		return -1;
	buf_init(&line, TARGET_MAX);
	if (t->resting) {
		buf_adds(&line, "rests");
	} else {
		add_count(&line, t->failing, "failing");
		add_count(&line, t->pending, "pending");
		add_count(&line, counted.done, "done");
	}
	buf_addf(&line, "%s: %s", line.len > 0 ? "" : "nothing yet", t->name);
	least = line.len;
	buf_addf(
	    &line, " (%s)%s%s", t->kind, error ? ": " : "", error ? error : "");
	if (!s->json && line.len > TARGET_WIDTH)
		line.data[least > TARGET_WIDTH ? least : TARGET_WIDTH] = '\0';
	strv_add(
	    t->resting || t->pending + t->failing > 0 ? &s->lagging : &s->done,
	    line.data);
	buf_release(&line);
	return 0;
}

static int
load_standing(struct standing *s, struct err *e)
{
	int64_t now = clock_now();

	if (renewal_queue_summarize(s->st, &s->queue, e) < 0 ||
	    domain_queue_summarize(s->st, &s->names, e) < 0 ||
	    teller_count(s->st, now, &s->fares, e) < 0 ||
	    telling_next_expiry(s->st, &s->next_expiry, e) < 0 ||
	    telling_last_run(s->st, TELLER_RUN, &s->last_run, e) < 0)
		return -1;
	return deploy_target_each(s->st, add_target, s, e);
}

static bool
has_served(const struct standing *s)
{
	return s->names.served.waiting + s->names.served.parked > 0;
}

static size_t
targets_shown(const struct standing *s)
{
	return TARGETS_SHOWN - (has_served(s) ? 1 : 0);
}

/* What lags comes first. */
static void
print_targets(const struct standing *s, struct sheet *sheet)
{
	size_t all = s->lagging.len + s->done.len;
	struct strv shown = {0};

	for (size_t i = 0; i < all && (s->json || i < targets_shown(s)); i++)
		strv_add(&shown,
		    i < s->lagging.len ? s->lagging.v[i]
				       : s->done.v[i - s->lagging.len]);
	if (all > 0) {
		sheet_int(sheet, "targets_lagging", (int64_t)s->lagging.len);
		sheet_list(sheet, s->json ? "targets" : "target", &shown);
	}
	if (all > shown.len)
		sheet_int(sheet, "more_targets", (int64_t)(all - shown.len));
	strv_release(&shown);
}

/* For a person in one line, as they must all fit. */
static void
print_names(const struct domain_queue_count *n, const char *what, bool json,
    struct sheet *sheet)
{
	const struct {
		const char *name;
		int64_t n;
	} counts[] = {{"waiting", n->waiting}, {"quarantined", n->quarantined},
	    {"parked", n->parked}};
	char name[32], *line;

	for (size_t i = 0; json && i < ARRAY_LEN(counts); i++) {
		snprintf(name, sizeof(name), "%s_%s", what, counts[i].name);
		sheet_int(sheet, name, counts[i].n);
	}
	if (json)
		return;
	snprintf(name, sizeof(name), "%s_names", what);
	line = xasprintf("%lld waiting, %lld quarantined, %lld parked",
	    (long long)n->waiting, (long long)n->quarantined,
	    (long long)n->parked);
	sheet_text(sheet, name, line);
	free(line);
}

static void
print_standing(const struct standing *s)
{
	const struct renewal_summary *q = &s->queue;
	struct sheet sheet;

	sheet_init(&sheet, s->json ? SHEET_JSON : SHEET_TEXT);
	for (int i = 0; i < TELLING__MAX; i++) {
		char name[32];

		snprintf(name, sizeof(name), "renewals_%s",
		    telling_state_name((enum telling_state)i));
		sheet_int(&sheet, name, s->fares.renewals[i]);
	}
	sheet_int(&sheet, "waiting", q->waiting);
	sheet_int(&sheet, "failing", q->failing);
	sheet_int(&sheet, "held", q->held);
	sheet_int(&sheet, "late", q->late);
	sheet_int(&sheet, "parked", q->parked);
	sheet_time(&sheet, "first_window_end", q->first_end);
	sheet_int(&sheet, "due", q->due);
	sheet_int(&sheet, "due_in_a_day", q->due_day);
	sheet_int(&sheet, "due_in_a_week", q->due_week);
	sheet_time(&sheet, "next_due", q->next_due);
	print_names(&s->names.new, "new", s->json, &sheet);
	if (s->json || has_served(s))
		print_names(&s->names.served, "served", s->json, &sheet);
	sheet_time(&sheet, "next_expiry", s->next_expiry);
	sheet_time(&sheet, "last_success", s->last_run);
	print_targets(s, &sheet);
	sheet_end(&sheet);
}

static int
status(struct prog *p, struct err *e)
{
	struct standing s = {.json = p->json,
	    .st = rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e)};
	int rc = s.st ? load_standing(&s, e) : -1;

	store_close(s.st);
	if (rc == 0)
		print_standing(&s);
	strv_release(&s.lagging);
	strv_release(&s.done);
	return rc;
}

#define METRICS_MAX ((size_t)1024 * 1024)

static int
metrics(struct prog *p, struct err *e)
{
	struct store *st;
	struct buf text;
	int rc = -1;

	if (output && strcmp(output, "-") != 0)
		p->output = output;
	buf_init(&text, METRICS_MAX);
	st = rights_open_store(p, STORE_READ,
	    p->output ? SANDBOX_EXPORT_FILE : SANDBOX_STORE_USER, e);
	if (st)
		rc = teller_metrics(st, clock_now(), &text, e);
	if (rc == 0 && !p->output) {
		rc = fd_write_all(
		    STDOUT_FILENO, text.data, text.len, FD_FOREVER, e);
	} else if (rc == 0) {
		rc = file_replace(p->output, 0644, text.data, text.len, e);
		file_blame(e, KIND_INPUT);
	}
	buf_release(&text);
	store_close(st);
	return rc;
}

#define WITH_CA .options = process_options, .sections = CONF_STORE | CONF_CLIENT
#define NAMES                                                                  \
	.operands_min = 1, .operands_max = PROG_ANY, .sections = CONF_STORE
#define LOOKING .sections = CONF_STORE, .flags = PROG_JSON

static const struct prog_command commands[] = {
    {.name = "run", WITH_CA, .run = run},
    {.name = "update", .sections = CONF_STORE, .run = update},
    {.name = "process", WITH_CA, .run = process},
    {.name = "deploy",
	.options = deploy_options,
	.sections = CONF_STORE | CONF_CLIENT,
	.run = deploy},
    {.name = "add", NAMES, .run = add},
    {.name = "remove", NAMES, .run = remove_},
    {.name = "list", LOOKING, .run = list},
    {.name = "status", LOOKING, .run = status},
    {.name = "metrics",
	.options = metrics_options,
	.sections = CONF_STORE,
	.run = metrics},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
