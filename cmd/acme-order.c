#include "cli/deploynow.h"
#include "cli/ordergiven.h"
#include "cli/orderlist.h"
#include "cli/ordermake.h"
#include "cli/prog.h"
#include "cli/renewalinfo.h"

static const char usage_text[] =
    "usage: acme-order [-hqVv] [-c FILE] [-s URL] [-l SINK] COMMAND ...\n"
    "Orders certificates at other CAs, in one go or step by step.  ORDER is a\n"
    "number; - is a list of them on standard input.\n"
    "\n"
    "  run [-j] [OPTION ...] NAME ... | -\n"
    "                      orders a certificate for the names, or, with -, one "
    "for\n"
    "                      each line of standard input, which has names with\n"
    "                      blanks between; an order like it that is open is "
    "taken up\n"
    "  new [-j] [OPTION ...] NAME ... | -\n"
    "                      the order only\n"
    "  next [-j] ORDER ... takes one step\n"
    "  challenge ORDER --challenge [NAME=]SOLVER ...\n"
    "                      meets challenges in other ways from now on\n"
    "  finalize [-j] ORDER ...\n"
    "                      goes on until the certificate is asked for\n"
    "  download [-j] ORDER ...\n"
    "                      goes on until it is here\n"
    "  sync [-j] ORDER ... asks the CA for what it knows of an order\n"
    "  cancel [-j] ORDER ...\n"
    "                      gives an order up, and what is pending of it\n"
    "  retry [-j] ORDER ...\n"
    "                      orders again what has failed\n"
    "  status [-j] ORDER ...\n"
    "                      all that is known here\n"
    "  list [-j] [--status STATUS] [--account ACCOUNT]\n"
    "                      all orders\n"
    "  authorizations [-j] [--status STATUS] [--account ACCOUNT]\n"
    "                      what is to be proved, and what is in place for "
    "it\n"
    "  renewal-info [-j] [--jobs N] [--trace] [CERT ...]\n"
    "                      asks the CAs when certificates should be renewed: "
    "those\n"
    "                      that are due to be asked for, or CERT now\n"
    "\n"
    "      --account ACCOUNT\n"
    "                      number or URL, instead of the CA's default\n"
    "      --ca CA         instead of [client] ca\n"
    "      --challenge [NAME=]SOLVER\n"
    "                      how challenges are met, for NAME or for all:\n"
    "                      answer (default), webroot:DIR, hook:PROGRAM ...\n"
    "      --csr FILE      a request that was made elsewhere\n"
    "      --days N        ask for a certificate of so many days\n"
    "      --jobs N        so many orders at once (default 50)\n"
    "      --keep-pending  authorizations of an order that has failed\n"
    "      --key KEY       number of a private key, or the beginning of its\n"
    "                      SHA-256\n"
    "      --key-cycle CYCLE\n"
    "                      when there is another key: single_certificate,\n"
    "                      account_daily, account_weekly, global_daily,\n"
    "                      global_weekly, reuse_year, account_key_default\n"
    "      --key-type TYPE p256, p384, rsa2048 ...\n"
    "      --no-auto-renew the certificate is not renewed by itself\n"
    "      --no-precheck   tell the CA to look without looking first\n"
    "      --no-replaces   do not tell the CA which certificate this one "
    "follows\n"
    "      --not-after TIME\n"
    "                      ask for a certificate that ends then\n"
    "      --preferred-chain NAME\n"
    "                      the chain whose last issuer has this commonName\n"
    "      --profile NAME  of the CA's profiles\n"
    "      --replaces CERT the certificate that this one follows, instead of "
    "the\n"
    "                      last one for the same names\n"
    "      --timeout N     leave orders that wait for longer (600 seconds)\n"
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

static struct ordermake_options making = {.run = {.jobs = 50, .timeout = 600}};
static const char *status_word;

#define OPTION(n, t, v)                                                        \
	{                                                                      \
		.name = (n), .type = (t), .value = &(v)                        \
	}
#define NUMBER(n, v, most)                                                     \
	{                                                                      \
		.name = (n), .type = PROG_NUMBER, .value = &(v), .min = 1,     \
		.max = (most)                                                  \
	}
#define OPTIONS_RUN                                                            \
	NUMBER("jobs", making.run.jobs, 10000),                                \
	    NUMBER("timeout", making.run.timeout, 30 * 86400),                 \
	    OPTION("trace", PROG_FLAG, making.run.traces)

static const struct prog_option new_options[] = {
    OPTION("account", PROG_TEXT, making.account),
    OPTION("ca", PROG_TEXT, making.ca),
    OPTION("challenge", PROG_LIST, making.challenges),
    OPTION("csr", PROG_TEXT, making.csr_file),
    NUMBER("days", making.days, 36500),
    OPTION("keep-pending", PROG_FLAG, making.keep_pending),
    OPTION("key", PROG_TEXT, making.key),
    OPTION("key-cycle", PROG_TEXT, making.key_cycle),
    OPTION("key-type", PROG_TEXT, making.key_type),
    OPTION("no-auto-renew", PROG_FLAG, making.no_auto_renew),
    OPTION("no-precheck", PROG_FLAG, making.no_precheck),
    OPTION("no-replaces", PROG_FLAG, making.no_replaces),
    OPTION("not-after", PROG_TEXT, making.not_after),
    OPTION("preferred-chain", PROG_TEXT, making.preferred_chain),
    OPTION("profile", PROG_TEXT, making.profile),
    OPTION("replaces", PROG_TEXT, making.replaces), OPTIONS_RUN, {0}};

static const struct prog_option run_options[] = {OPTIONS_RUN, {0}};

static const struct prog_option renewal_info_options[] = {
    NUMBER("jobs", making.run.jobs, 10000),
    OPTION("trace", PROG_FLAG, making.run.traces), {0}};

static const struct prog_option challenge_options[] = {
    OPTION("challenge", PROG_LIST, making.challenges), {0}};

static const struct prog_option list_options[] = {
    OPTION("status", PROG_TEXT, status_word),
    OPTION("account", PROG_TEXT, making.account), {0}};

/* ---- how far ------------------------------------------------------------- */

static bool
is_ordered(void *arg, const struct upstream_order *o, int64_t steps)
{
	(void)arg;
	(void)steps;
	return o->status >= UPSTREAM_ORDER_PENDING &&
	    o->status <= UPSTREAM_ORDER_VALID;
}

static bool
is_one_step(void *arg, const struct upstream_order *o, int64_t steps)
{
	(void)arg;
	(void)o;
	return steps > 0;
}

static bool
is_finalized(void *arg, const struct upstream_order *o, int64_t steps)
{
	(void)arg;
	(void)steps;
	return o->status >= UPSTREAM_ORDER_PROCESSING &&
	    o->status <= UPSTREAM_ORDER_VALID;
}

/* ---- commands ------------------------------------------------------------ */

static int
run(struct prog *p, struct err *e)
{
	return ordermake_run(p, &making, NULL, e);
}

static int
run_new(struct prog *p, struct err *e)
{
	return ordermake_run(p, &making, is_ordered, e);
}

static int
next(struct prog *p, struct err *e)
{
	return ordergiven_run(p, &making.run, is_one_step, e);
}

static int
finalize(struct prog *p, struct err *e)
{
	return ordergiven_run(p, &making.run, is_finalized, e);
}

static int
download(struct prog *p, struct err *e)
{
	return ordergiven_run(p, &making.run, NULL, e);
}

static int
cancel(struct prog *p, struct err *e)
{
	return ordergiven_cancel(p, &making.run, e);
}

static int
retry(struct prog *p, struct err *e)
{
	return ordergiven_retry(p, &making.run, e);
}

static int
sync_(struct prog *p, struct err *e)
{
	return ordergiven_sync(p, &making.run, e);
}

static int
challenge(struct prog *p, struct err *e)
{
	int rc = orderlist_set_challenges(p, &making.challenges, e);

	strv_release(&making.challenges);
	return rc;
}

static int
list(struct prog *p, struct err *e)
{
	return orderlist_print(p, status_word, making.account, e);
}

static int
authorizations(struct prog *p, struct err *e)
{
	return orderlist_authorizations(p, status_word, making.account, e);
}

static int
renewal_info(struct prog *p, struct err *e)
{
	return renewalinfo_run(
	    p, (size_t)making.run.jobs, making.run.traces, e);
}

#define WITH_CA                                                                \
	.operands_max = PROG_ANY, .sections = CONF_STORE | CONF_CLIENT,        \
	.flags = PROG_JSON
#define ORDERS .options = run_options, .operands_min = 1, WITH_CA

static const struct prog_command commands[] = {
    {.name = "run", .options = new_options, WITH_CA, DEPLOYNOW(run)},
    {.name = "new", .options = new_options, WITH_CA, .run = run_new},
    {.name = "next", ORDERS, DEPLOYNOW(next)},
    {.name = "challenge",
	.options = challenge_options,
	.operands_min = 1,
	.operands_max = 1,
	.sections = CONF_STORE,
	.run = challenge},
    {.name = "finalize", ORDERS, DEPLOYNOW(finalize)},
    {.name = "download", ORDERS, DEPLOYNOW(download)},
    {.name = "sync", ORDERS, .run = sync_},
    {.name = "cancel", ORDERS, .run = cancel},
    {.name = "retry", ORDERS, DEPLOYNOW(retry)},
    {.name = "status",
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = ordergiven_status},
    {.name = "list",
	.options = list_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = list},
    {.name = "authorizations",
	.options = list_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = authorizations},
    {.name = "renewal-info",
	.options = renewal_info_options,
	WITH_CA,
	.run = renewal_info},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
