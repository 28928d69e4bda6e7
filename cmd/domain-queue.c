#include <unistd.h>

#include "cli/deploynow.h"
#include "cli/domains.h"
#include "cli/onboarding.h"
#include "cli/operands.h"
#include "cli/prog.h"
#include "cli/templates.h"
#include "store/clock_step.h"
#include "sys/clock.h"
#include "sys/sig.h"

static const char usage_text[] =
    "usage: domain-queue [-hqVv] [-c FILE] [-s URL] [-l SINK] COMMAND ...\n"
    "Names that wait for their first certificate, and what they become.  - is "
    "a list\n"
    "of names on standard input.\n"
    "\n"
    "  add [-j] [--template TEMPLATE] NAME ...\n"
    "                      puts names in, and says of each what became of it\n"
    "  list [-j]           what is in the queue, the oldest first\n"
    "  remove NAME ...     takes out\n"
    "  process [OPTION ...] [NAME ...]\n"
    "                      orders certificates; several may run at once, and\n"
    "                      renew-queue run does it, too; NAME: for that, at "
    "once\n"
    "  block NAME ...      nothing is ordered for NAME; *.NAME is all below "
    "it\n"
    "  unblock NAME ...    takes off the blocklist\n"
    "  blocklist [-j]      what is on it\n"
    "  template list [-j]  what names can become\n"
    "  template show [-j] TEMPLATE\n"
    "                      one in full\n"
    "  template set TEMPLATE [OPTION ...]\n"
    "                      changes one, or makes it\n"
    "  template remove TEMPLATE ...\n"
    "\n"
    "      --account ACCOUNT\n"
    "                      number or URL, or none: the CA's default\n"
    "      --budget N      take up nothing more after N seconds (600)\n"
    "      --challenge [NAME=]SOLVER\n"
    "                      how challenges are met, as in acme-order; NAME may\n"
    "                      have {DOMAIN} in it\n"
    "      --jobs N        so many orders at once (50)\n"
    "      --key-cycle CYCLE\n"
    "                      when there is another key, or none: the account's\n"
    "      --key-type TYPE p256, rsa2048 ..., or none: the account's\n"
    "      --max N         take up no more than N names\n"
    "      --names NAMES   what is in a certificate: \"{DOMAIN} "
    "www.{DOMAIN}\"\n"
    "      --one-domain yes|no\n"
    "                      only names in one registered domain go together\n"
    "      --per-certificate N\n"
    "                      so many names of the queue in one at most\n"
    "      --preferred-chain NAME\n"
    "                      the chain whose last issuer has this commonName, or "
    "none\n"
    "      --profile NAME  of the CA's profiles, or none\n"
    "      --template TEMPLATE\n"
    "                      what the names become (default)\n"
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

#define NUMBER(n, v, most)                                                     \
	{                                                                      \
		.name = (n), .type = PROG_NUMBER, .value = &(v), .min = 1,     \
		.max = (most)                                                  \
	}
#define TEXT(n, v)                                                             \
	{                                                                      \
		.name = (n), .type = PROG_TEXT, .value = &(v)                  \
	}

/* ---- process ------------------------------------------------------------- */

static int64_t budget = 600, jobs = 50, max = INT64_MAX, per_certificate;
static bool traces;

static const struct prog_option process_options[] = {
    NUMBER("budget", budget, BUDGET_MAX), NUMBER("jobs", jobs, 10000),
    NUMBER("max", max, INT64_MAX),
    NUMBER("per-certificate", per_certificate,
	DOMAIN_TEMPLATE_PER_CERTIFICATE_MAX),
    {.name = "trace", .type = PROG_FLAG, .value = &traces}, {0}};

static int
find(struct onboarding *k, struct prog *p, struct err *e)
{
	struct strv names = {0};
	struct store *st = NULL;
	int rc = operands_read(p, &names, e);

	if (rc == 0)
		st = store_open(p->conf.store.url, STORE_WRITE, e);
	rc = st ? clock_step_forget(st, e) : -1;
	if (rc == 0 && p->argc > 0)
		onboarding_find_named(k, p, st, &names);
	else if (rc == 0)
		rc = onboarding_find(k, st, e);
	store_close(st);
	strv_release(&names);
	return rc;
}

static int
order(struct onboarding *k, struct orderwork *w, struct prog *p, struct err *e)
{
	const struct onboarding_how how = {.in_flight = (size_t)jobs,
	    .per_certificate = (size_t)per_certificate,
	    .left = &max,
	    .take_until = clock_now() + budget};

	if (orderwork_load_limits(w, p, e) < 0 ||
	    orderwork_prepare(w, p, NULL, e) < 0)
		return -1;
	onboarding_prepare(k, w);
	if (orderwork_enter(w, e) < 0)
		return -1;
	w->up.trace = traces ? STDERR_FILENO : -1;
	w->up.is_unattended = true;
	return onboarding_run(k, w, &how, e);
}

/* Mostly there is nothing to do. */
static int
process(struct prog *p, struct err *e)
{
	struct onboarding k = {0};
	struct orderwork w = {0};
	int rc = find(&k, p, e);

	if (rc == 0 && k.len > 0)
		rc = order(&k, &w, p, e);
	orderwork_stop(&w);
	onboarding_end(&k, p);
	return rc;
}

/* ---- templates ----------------------------------------------------------- */

static struct templates_change change = {.policy = {.placeholder = "{DOMAIN}"}};

static const struct prog_option set_options[] = {
    TEXT("account", change.account),
    {.name = "challenge",
	.type = PROG_LIST,
	.value = &change.policy.challenges},
    TEXT("key-cycle", change.policy.key_cycle),
    TEXT("key-type", change.policy.key_type), TEXT("names", change.names),
    TEXT("one-domain", change.one_domain),
    NUMBER("per-certificate", change.per_certificate,
	DOMAIN_TEMPLATE_PER_CERTIFICATE_MAX),
    TEXT("preferred-chain", change.policy.preferred_chain),
    TEXT("profile", change.profile), {0}};

static int
set(struct prog *p, struct err *e)
{
	int rc = templates_set(p, p->argv[0], &change, e);

	strv_release(&change.policy.challenges);
	return rc;
}

/* ---- add ----------------------------------------------------------------- */

static const char *template;

static const struct prog_option add_options[] = {
    TEXT("template", template), {0}};

static int
add(struct prog *p, struct err *e)
{
	return domains_add(p, template, e);
}

#define NAMES                                                                  \
	.operands_min = 1, .operands_max = PROG_ANY, .sections = CONF_STORE
#define LOOKING .sections = CONF_STORE, .flags = PROG_JSON
#define ONE .operands_min = 1, .operands_max = 1, .sections = CONF_STORE

static const struct prog_command commands[] = {
    {.name = "add",
	.options = add_options,
	NAMES,
	.flags = PROG_JSON,
	.run = add},
    {.name = "list",
	.sections = CONF_STORE | CONF_CLIENT,
	.flags = PROG_JSON,
	.run = domains_list},
    {.name = "remove", NAMES, .run = domains_remove},
    {.name = "process",
	.options = process_options,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE | CONF_CLIENT,
	DEPLOYNOW(process)},
    {.name = "block", NAMES, .run = domains_block},
    {.name = "unblock", NAMES, .run = domains_unblock},
    {.name = "blocklist", LOOKING, .run = domains_blocklist},
    {.name = "template list", LOOKING, .run = templates_list},
    {.name = "template show", ONE, .flags = PROG_JSON, .run = templates_show},
    {.name = "template set", .options = set_options, ONE, .run = set},
    {.name = "template remove", NAMES, .run = templates_remove},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
