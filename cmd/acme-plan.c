#include "base/rfc3339.h"
#include "cli/operands.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/sheet.h"
#include "cli/since.h"
#include "client/ca.h"
#include "jobs/plan.h"
#include "order/ordercheck.h"
#include "store/renewal_configuration.h"
#include "store/upstream_account.h"
#include "store/upstream_ca.h"
#include "store/upstream_use.h"
#include "sys/clock.h"
#include "wrap/suffix.h"

#define COUNT_MAX 10000000

static const char usage_text[] =
    "usage: acme-plan [-hjqVv] [-c FILE] [-s URL] [-l SINK] [OPTION ...]\n"
    "                 [NAME ... | -]\n"
    "Tells when new names and renewals will be done under the limits of a CA,\n"
    "and which limit binds first.  Nothing is asked of anybody.  - is a list "
    "of\n"
    "names on standard input.  Exit status 1: a renewal will miss its window.\n"
    "\n"
    "      --account ACCOUNT\n"
    "                      at a CA, instead of the default one of --ca\n"
    "      --ca CA         a CA, instead of [client] ca\n"
    "      --count N       so many names more, each in a domain of its own\n"
    "      --each          each order in a line, instead of the summary\n"
    "      --per-certificate N\n"
    "                      names of a registered domain in one (1)\n"
    "      --rate COUNT/DURATION\n"
    "                      how many orders we make, at most\n"
    "      --until TIME    renewals due by then, a time or 30d from now on "
    "(90d)\n"
    "  -c, --config FILE   configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL     store, instead of [store] url\n"
    "  -j, --json          objects instead of text\n"
    "      --no-header     no line of column names\n"
    "  -l, --log SINK      stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet         log warnings and errors only\n"
    "  -v, --verbose       log debug events as well\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

static const char *account_word, *ca_word, *rate_word, *until_word = "90d";
static int64_t count, per_certificate = 1;
static bool prints_each;

static const struct prog_option options[] = {
    {.name = "account", .type = PROG_TEXT, .value = &account_word},
    {.name = "ca", .type = PROG_TEXT, .value = &ca_word},
    {.name = "count",
	.type = PROG_NUMBER,
	.value = &count,
	.min = 1,
	.max = COUNT_MAX},
    {.name = "each", .type = PROG_FLAG, .value = &prints_each},
    {.name = "per-certificate",
	.type = PROG_NUMBER,
	.value = &per_certificate,
	.min = 1,
	.max = ORDERCHECK_NAMES_MAX},
    {.name = "rate", .type = PROG_TEXT, .value = &rate_word},
    {.name = "until", .type = PROG_TEXT, .value = &until_word},
    {0},
};

struct work {
	struct prog *prog;
	struct store *st;
	struct suffix_list *suffixes;
	struct buf limits_text;
	struct upstream_ca ca;
	int64_t account; /* 0: there is none yet */
	struct limits limits;
	struct strv dns, ip, registered;
	struct plan_how how;
	int64_t until;
	struct plan *plan;
	struct out out;
	/* what came of it */
	int64_t orders, renewals, late, last_at;
	struct plan_step first_late;
	struct {
		int64_t orders;
		struct plan_step first;
	} waits[PLAN_RULE__MAX];
};

/* ---- what is to be planned ----------------------------------------------- */

static int
read_options(struct work *w, struct err *e)
{
	struct err why = {0};

	w->how = (struct plan_how){.now = clock_now(),
	    .new_percent = (int)w->prog->conf.client.new_names_share,
	    .per_order = (size_t)per_certificate};
	if (rate_word && limit_parse(rate_word, &w->how.rate, &why) < 0)
		return prog_misuse(e, "--rate %s: %s", rate_word, why.text);
	return since_parse_future("until", until_word, &w->until, e);
}

static void
add_name(struct work *w, const char *typed)
{
	struct err why = {0};

	if (ordercheck_name(typed, &w->dns, &w->ip, &why) < 0)
		prog_item_failed(w->prog, &why);
}

static int
read_names(struct work *w, struct err *e)
{
	struct strv typed = {0};
	char name[64];
	int rc = operands_read(w->prog, &typed, e);

	for (size_t i = 0; i < typed.len; i++)
		add_name(w, typed.v[i]);
	/* RFC 6761: no such name is anybody's. */
	for (int64_t i = 0; i < count; i++) {
		snprintf(
		    name, sizeof(name), "count-%lld.invalid", (long long)i);
		strv_add(&w->dns, name);
	}
	strv_release(&typed);
	strv_sort_unique(&w->dns);
	strv_sort_unique(&w->ip);
	return rc;
}

/* ---- what the CA allows, and what was used of it ------------------------- */

static int
find_account(struct work *w, struct err *e)
{
	const char *word = ca_word ? ca_word : w->prog->conf.client.ca;
	struct upstream_account a = {0};
	int rc;

	if (account_word && upstream_account_pick(w->st, account_word, &a, e))
		return -1;
	rc = ca_find(w->st, account_word ? a.directory_url : word, &w->ca, e);
	if (rc == 0 && !account_word &&
	    upstream_account_default(w->st, w->ca.directory_url, &a, e) < 0)
		rc = err_forgive(e, KIND_NOTFOUND);
	w->account = a.id;
	upstream_account_release(&a);
	return rc;
}

static int
read_limits(struct work *w, struct err *e)
{
	if (limits_read(w->prog->conf.client.limits_file, w->limits_text.data,
		w->limits_text.len, w->ca.name, &w->limits, e) < 0)
		return -1;
	w->how.account = w->limits.orders_per_account;
	w->how.domain = w->limits.certificates_per_domain;
	return 0;
}

static int
spend_account(struct work *w, enum plan_kind kind, struct err *e)
{
	static const enum upstream_use_by by[] = {
	    [PLAN_ALL] = UPSTREAM_USE_BY_ALL,
	    [PLAN_NEW] = UPSTREAM_USE_BY_NEW,
	    [PLAN_RENEWALS] = UPSTREAM_USE_BY_RENEWALS};
	struct upstream_use use = {.max = 2 * (size_t)w->how.account.count,
	    .since = w->how.now - 2 * w->how.account.seconds,
	    .by = by[kind]};
	int rc;

	if (w->how.account.count == 0)
		return 0;
	use.at = xcalloc(use.max, sizeof(*use.at));
	rc = upstream_use_orders(w->st, w->account, 0, &use, e);
	if (rc == 0)
		plan_spent_account(w->plan, kind, use.at, use.len);
	free(use.at);
	return rc;
}

static void
spend_domain(void *arg, const char *registered, int64_t at)
{
	struct work *w = arg;

	plan_spent_domain(w->plan, registered, at);
}

static void
add_renewal(void *arg, int64_t id, int64_t at, int64_t by, bool is_first)
{
	struct work *w = arg;

	plan_add_renewal(w->plan, id, at, by, is_first);
}

static int
load_store(struct work *w, struct err *e)
{
	if (w->account == 0)
		return 0;
	for (int k = 0; k < PLAN_KIND__MAX; k++)
		if (spend_account(w, (enum plan_kind)k, e) < 0)
			return -1;
	if (w->how.domain.count > 0 &&
	    upstream_use_each_domain(w->st, w->account,
		w->how.now - 2 * w->how.domain.seconds, spend_domain, w, e) < 0)
		return -1;
	return renewal_configuration_each_due(
	    w->st, w->account, w->until, add_renewal, w, e);
}

static void
add_names(struct work *w)
{
	for (size_t i = 0; i < w->dns.len; i++)
		limits_add_registered(
		    w->suffixes, w->dns.v[i], false, &w->registered);
	for (size_t i = 0; i < w->ip.len; i++)
		limits_add_registered(
		    w->suffixes, w->ip.v[i], true, &w->registered);
	for (size_t i = 0; i < w->dns.len; i++)
		plan_add_name(w->plan, w->dns.v[i], w->registered.v[i]);
	for (size_t i = 0; i < w->ip.len; i++)
		plan_add_name(
		    w->plan, w->ip.v[i], w->registered.v[w->dns.len + i]);
}

/* ---- what comes of it ---------------------------------------------------- */

static void
print_step(struct work *w, const struct plan_step *s)
{
	struct strv names = {0};

	for (size_t i = 0; i < s->len; i++)
		strv_add(&names, s->names[i]);
	out_time(&w->out, s->at);
	out_id(&w->out, s->renewal_id);
	out_time(&w->out, s->by);
	out_text(&w->out, plan_rule_name(s->rule));
	out_text(&w->out, s->registered);
	out_list(&w->out, &names);
	out_end(&w->out);
	strv_release(&names);
}

static void
take_step(void *arg, const struct plan_step *s)
{
	struct work *w = arg;

	if (prints_each)
		print_step(w, s);
	if (w->waits[s->rule].orders++ == 0)
		w->waits[s->rule].first = *s;
	if (s->renewal_id == 0) {
		w->orders++;
		w->last_at = s->at;
		return;
	}
	w->renewals++;
	if (s->at > s->by && w->late++ == 0)
		w->first_late = *s;
}

/* The limits by which one binds first. */
static void
sort_rules(const struct work *w, enum plan_rule rules[PLAN_RULE__MAX])
{
	for (size_t i = 0; i < PLAN_RULE__MAX; i++)
		rules[i] = (enum plan_rule)i;
	for (size_t i = PLAN_ACCOUNT; i < PLAN_RULE__MAX; i++)
		for (size_t j = i; j > PLAN_ACCOUNT &&
		     w->waits[rules[j]].first.at <
			 w->waits[rules[j - 1]].first.at;
		     j--) {
			enum plan_rule t = rules[j];

			rules[j] = rules[j - 1];
			rules[j - 1] = t;
		}
}

static void
print_waits(const struct work *w, struct sheet *s)
{
	enum plan_rule rules[PLAN_RULE__MAX];
	struct strv texts = {0};
	char time[RFC3339_SIZE], *text;

	sort_rules(w, rules);
	for (size_t i = PLAN_ACCOUNT; i < PLAN_RULE__MAX; i++) {
		const struct plan_step *first = &w->waits[rules[i]].first;

		if (w->waits[rules[i]].orders == 0)
			continue;
		rfc3339_format(time, first->at);
		text = xasprintf("%s: %lld orders wait, the first until %s%s%s",
		    plan_rule_name(rules[i]),
		    (long long)w->waits[rules[i]].orders, time,
		    rules[i] == PLAN_DOMAIN ? " for " : "",
		    rules[i] == PLAN_DOMAIN ? first->registered : "");
		strv_add(&texts, text);
		free(text);
	}
	sheet_list(s, "binds", &texts);
	strv_release(&texts);
}

static void
print_summary(const struct work *w)
{
	struct sheet s;

	sheet_init(&s, w->prog->json ? SHEET_JSON : SHEET_TEXT);
	sheet_text(&s, "ca", w->ca.name);
	if (w->account)
		sheet_int(&s, "account", w->account);
	if (w->how.account.count == 0 && w->how.domain.count == 0)
		sheet_text(&s, "limits", "none is known for this CA");
	sheet_int(&s, "names", (int64_t)(w->dns.len + w->ip.len));
	sheet_int(&s, "orders", w->orders);
	sheet_time(&s, "done", w->orders > 0 ? w->last_at : 0);
	print_waits(w, &s);
	sheet_int(&s, "renewals", w->renewals);
	sheet_int(&s, "late", w->late);
	if (w->late > 0) {
		sheet_int(&s, "first_late", w->first_late.renewal_id);
		sheet_time(&s, "first_late_at", w->first_late.at);
		sheet_time(&s, "first_late_by", w->first_late.by);
	}
	sheet_end(&s);
}

static int
open_work(struct work *w, struct err *e)
{
	buf_init(&w->limits_text, LIMITS_FILE_MAX);
	if (read_options(w, e) < 0 || read_names(w, e) < 0)
		return -1;
	w->suffixes = suffix_list_load(e);
	if (!w->suffixes ||
	    limits_load(w->prog->conf.client.limits_file, &w->limits_text, e) <
		0)
		return -1;
	w->st = rights_open_store(w->prog, STORE_READ, SANDBOX_STORE_USER, e);
	if (!w->st || find_account(w, e) < 0 || read_limits(w, e) < 0)
		return -1;
	w->plan = plan_new(&w->how);
	return load_store(w, e);
}

static int
plan(struct prog *p, struct err *e)
{
	static const char *const columns[] = {
	    "at", "renewal", "by", "limit", "registered", "names", NULL};
	struct work w = {.prog = p};
	int rc = open_work(&w, e);

	if (rc == 0) {
		add_names(&w);
		out_init(&w.out, p->json, !p->no_header, columns);
		plan_run(w.plan, take_step, &w);
		if (prints_each)
			out_finish(&w.out);
		else
			print_summary(&w);
		if (w.late > 0)
			p->exit_code = 1;
	}
	plan_free(w.plan);
	upstream_ca_release(&w.ca);
	store_close(w.st);
	suffix_list_free(w.suffixes);
	buf_release(&w.limits_text);
	strv_release(&w.dns);
	strv_release(&w.ip);
	strv_release(&w.registered);
	return rc;
}

static const struct prog_command commands[] = {
    {.options = options,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE | CONF_CLIENT,
	.flags = PROG_JSON,
	.run = plan},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
