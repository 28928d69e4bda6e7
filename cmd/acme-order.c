#include <unistd.h>

#include "base/digestmap.h"
#include "base/rfc3339.h"
#include "cli/operands.h"
#include "cli/orderlist.h"
#include "cli/orderwork.h"
#include "cli/prog.h"
#include "cli/progress.h"
#include "cli/renewalinfo.h"
#include "cli/rights.h"
#include "cli/since.h"
#include "order/ordernew.h"
#include "policy/csrs.h"
#include "store/certificate_list.h"
#include "store/certificate_request.h"
#include "store/fqdn_set.h"
#include "store/private_key.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sig.h"
#include "wrap/csr.h"
#include "wrap/digest.h"

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

static const char *account_word, *ca_word, *csr_file, *key_word, *key_type_word;
static const char *key_cycle, *not_after_word, *preferred_chain, *profile;
static const char *replaces_word, *status_word;
static int64_t days, jobs = 50, timeout = 600;
static bool keep_pending, no_auto_renew, no_precheck, no_replaces, traces;
static struct strv challenges;

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
	NUMBER("jobs", jobs, 10000), NUMBER("timeout", timeout, 30 * 86400),   \
	    OPTION("trace", PROG_FLAG, traces)

static const struct prog_option new_options[] = {
    OPTION("account", PROG_TEXT, account_word),
    OPTION("ca", PROG_TEXT, ca_word),
    OPTION("challenge", PROG_LIST, challenges),
    OPTION("csr", PROG_TEXT, csr_file), NUMBER("days", days, 36500),
    OPTION("keep-pending", PROG_FLAG, keep_pending),
    OPTION("key", PROG_TEXT, key_word),
    OPTION("key-cycle", PROG_TEXT, key_cycle),
    OPTION("key-type", PROG_TEXT, key_type_word),
    OPTION("no-auto-renew", PROG_FLAG, no_auto_renew),
    OPTION("no-precheck", PROG_FLAG, no_precheck),
    OPTION("no-replaces", PROG_FLAG, no_replaces),
    OPTION("not-after", PROG_TEXT, not_after_word),
    OPTION("preferred-chain", PROG_TEXT, preferred_chain),
    OPTION("profile", PROG_TEXT, profile),
    OPTION("replaces", PROG_TEXT, replaces_word), OPTIONS_RUN, {0}};

static const struct prog_option run_options[] = {OPTIONS_RUN, {0}};

static const struct prog_option renewal_info_options[] = {
    NUMBER("jobs", jobs, 10000), OPTION("trace", PROG_FLAG, traces), {0}};

static const struct prog_option challenge_options[] = {
    OPTION("challenge", PROG_LIST, challenges), {0}};

static const struct prog_option list_options[] = {
    OPTION("status", PROG_TEXT, status_word),
    OPTION("account", PROG_TEXT, account_word), {0}};

/* ---- running orders ------------------------------------------------------ */

#define WAIT_UNTOLD 10 /* seconds of a wait about which nothing is said */

/* Orders of a command, one after the other, and how far they are to go. */
struct work {
	struct orderwork w;
	struct progress progress;
	struct upstream_order_new new; /* for run and new */
	struct strv sets; /* names with blanks between, an order each */
	struct csr *csr;
	struct orderpolicy policy;
	struct buf policy_text;
	int64_t *ids; /* orders that are there, by account; or in work */
	size_t len;
	size_t at;
	struct digestmap seen; /* names of the sets so far */
	char *waits_for; /* as was told last, or NULL */
	bool is_cancelling; /* an order that is over is no failure */
	bool (*is_enough)(
	    void *arg, const struct upstream_order *o, int64_t steps);
};

static void
fail_one(struct work *k, const struct err *e)
{
	prog_item_failed(k->w.prog, e);
}

/* What was put in place for an authorization and is there still, or NULL. */
static const char *
in_place(const struct upstream_authorization *a)
{
	for (size_t i = 0; i < a->challenges_len; i++)
		if (a->challenges[i].place != UPSTREAM_PLACE_NONE)
			return a->challenges[i].type;
	return NULL;
}

/* What is left, at the CA or in place, though nobody needs it. */
static int
check_left(struct store *st, const struct upstream_order *o, struct err *e)
{
	struct upstream_authorizations l;
	int rc = upstream_authorization_by_order(st, o->id, &l, e);

	for (size_t i = 0; rc == 0 && i < l.len; i++) {
		const struct upstream_authorization *a = &l.v[i];
		const char *type = in_place(a);
		bool is_left =
		    type || a->status == UPSTREAM_AUTHORIZATION_PENDING;
		bool shared = false;

		if (is_left)
			rc = upstream_authorization_is_shared(
			    st, a->id, o->id, &shared, e);
		if (rc == 0 && is_left && !shared)
			rc = err_set(e, KIND_BUSY,
			    "upstream_order/%lld: the %s for %s is still %s",
			    (long long)o->id, type ? type : "authorization",
			    a->value, type ? "in place" : "pending at the CA");
	}
	upstream_authorizations_release(&l);
	return rc;
}

static void
check_given_up(struct work *k, const struct upstream_order *o)
{
	struct orderpolicy policy;
	struct err why = {0};
	int rc = orderpolicy_read(&policy, o->policy, &why);

	if (rc == 0 && !policy.keeps_pending)
		rc = check_left(k->w.up.st, o, &why);
	if (rc < 0)
		fail_one(k, &why);
	orderpolicy_release(&policy);
}

/* A step that has only failed for now is none that was done. */
static int
check_step(const struct work *k, const struct upstream_order *o, struct err *e)
{
	if (!k->is_enough || !o->cause || !upstream_order_is_open(o->status))
		return 0;
	orders_why(o, e);
	return err_is_set(e) ? -1 : 0;
}

/* Once for each reason: who looks on may wonder, and cron's mail is read. */
static void
tell_wait(void *arg, int64_t id, int64_t until)
{
	struct work *k = arg;
	struct upstream_order o;
	struct err why = {0};
	char when[RFC3339_SIZE];

	if (k->w.prog->quiet || until <= clock_now() + WAIT_UNTOLD ||
	    upstream_order_by_id(k->w.up.st, id, &o, &why) < 0)
		return;
	if (!k->waits_for ||
	    strcmp(k->waits_for, o.error ? o.error : "") != 0) {
		rfc3339_format(when, until);
		free(k->waits_for);
		k->waits_for = xstrdup(o.error ? o.error : "");
		err_set(&why, KIND_BUSY,
		    "waits until %s: upstream_order/%lld is %s%s%s", when,
		    (long long)id, upstream_order_status_name(o.status),
		    o.error ? ": " : "", o.error ? o.error : "");
		progress_end(&k->progress);
		prog_fail(k->w.prog, &why);
	}
	upstream_order_release(&o);
}

static void
tell(void *arg, const struct orders_result *r)
{
	struct work *k = arg;
	struct err why = {0};

	progress_add(&k->progress, 1);
	if (r->order && orderwork_print(&k->w.out, k->w.up.st, r->id, &why) < 0)
		fail_one(k, &why);
	if (k->is_cancelling && r->order &&
	    !upstream_order_is_open(r->order->status) &&
	    r->order->status != UPSTREAM_ORDER_VALID)
		check_given_up(k, r->order);
	else if (err_is_set(r->err))
		fail_one(k, r->err);
	else if (r->order && check_step(k, r->order, &why) < 0)
		fail_one(k, &why);
}

static int
run_orders(struct work *k, int (*next)(void *arg, int64_t *id, struct err *e),
    struct err *e)
{
	struct ordering_env env = orderwork_env(&k->w);
	const struct orders how = {.env = &env,
	    .in_flight = (size_t)jobs,
	    .give_up_at = clock_now() + timeout,
	    .next = next,
	    .is_enough = k->is_enough,
	    .tell = tell,
	    .tell_wait = tell_wait,
	    .is_stopped = sig_term,
	    .arg = k};

	env.gives_up_all = k->is_cancelling;
	return orders_run(&how, e);
}

static void
work_close(struct work *k)
{
	progress_end(&k->progress);
	orderwork_stop(&k->w);
	orderpolicy_release(&k->policy);
	buf_release(&k->policy_text);
	strv_release(&k->sets);
	strv_release(&challenges);
	csr_free(k->csr);
	free(k->waits_for);
	free(k->ids);
	digestmap_release(&k->seen);
}

static void
begin_output(struct work *k, const struct prog *p)
{
	k->w.up.trace = traces ? STDERR_FILENO : -1;
	orderwork_begin(&k->w.out, p);
	progress_begin(&k->progress, "orders");
}

/* ---- run, new ------------------------------------------------------------ */

static int
make_policy(struct work *k, struct err *e)
{
	struct orderpolicy *p = &k->policy;

	if (orderkey_check(key_type_word, key_cycle, e) < 0)
		return -1;
	if (challenges.len == 0)
		strv_add(&challenges, "answer");
	if (orderpolicy_set_rules(p, &challenges, NULL, e) < 0)
		return -1;
	p->key_type = key_type_word ? xstrdup(key_type_word) : NULL;
	p->key_cycle = key_cycle ? xstrdup(key_cycle) : NULL;
	p->preferred_chain = preferred_chain ? xstrdup(preferred_chain) : NULL;
	p->keeps_pending = keep_pending;
	p->unchecked = no_precheck;
	p->no_replaces = no_replaces;
	p->auto_renew = !no_auto_renew;
	p->days = days;
	return 0;
}

static int
check_options(struct work *k, struct err *e)
{
	if (!!csr_file + !!key_word + (key_type_word || key_cycle) > 1)
		return prog_misuse(e,
		    "--csr, --key, and --key-type or --key-cycle: only one of "
		    "them");
	if (no_replaces && replaces_word)
		return prog_misuse(
		    e, "--replaces and --no-replaces: one of them");
	if (days != 0 && not_after_word)
		return prog_misuse(e, "--days and --not-after: one of them");
	if (not_after_word &&
	    since_parse_future(
		"not-after", not_after_word, &k->policy.not_after, e) < 0)
		return -1;
	/* so long from now is the same wish later, and finds its order */
	if (not_after_word && since_seconds(not_after_word) > 0) {
		k->policy.lasts = since_seconds(not_after_word);
		k->policy.not_after = 0;
	}
	k->new.profile = profile;
	k->new.resume = true;
	if (make_policy(k, e) < 0)
		return -1;
	k->new.not_after = orderpolicy_end(&k->policy, clock_now());
	return 0;
}

/* The request of others: its names are those of the order. */
static int
read_csr(struct work *k, struct err *e)
{
	struct buf text;
	int rc;

	if (!csr_file)
		return 0;
	buf_init(&text, (size_t)64 * 1024);
	rc = file_read(csr_file, &text, e);
	if (rc == 0)
		k->csr = csr_from_any(text.data, text.len, e);
	buf_release(&text);
	if (rc == 0 && !k->csr)
		rc = err_object(e, "%s", csr_file);
	return rc;
}

/* Adds a set of names. */
static void
add_set(struct strv *sets, const struct strv *a, const struct strv *b)
{
	struct buf line;

	buf_init(&line, OPERANDS_MAX);
	for (size_t i = 0; i < a->len; i++)
		buf_addf(&line, "%s ", a->v[i]);
	for (size_t i = 0; i < b->len; i++)
		buf_addf(&line, "%s ", b->v[i]);
	strv_add(sets, line.data);
	buf_release(&line);
}

#define BLANKS " ,\t\r\n" /* between the names of a line */

/* What is to be ordered: a set of names, or one in each line. */
static int
read_sets(struct work *k, const struct prog *p, struct err *e)
{
	struct strv names = {0}, none = {0};

	if (k->csr && p->argc > 0)
		return prog_misuse(
		    e, "--csr has its names; no others can be given");
	if (!k->csr && p->argc == 0)
		return prog_misuse(e, "no NAME is given");
	if (p->argc == 1 && strcmp(p->argv[0], "-") == 0)
		return operands_read_lines(&k->sets, e);
	for (int i = 0; i < p->argc; i++) {
		if (strpbrk(p->argv[i], BLANKS)) {
			strv_release(&names);
			return prog_misuse(
			    e, "%s: no name has a blank or comma", p->argv[i]);
		}
		strv_add(&names, p->argv[i]);
	}
	if (k->csr)
		add_set(&k->sets, csr_dns(k->csr), csr_ip(k->csr));
	else
		add_set(&k->sets, &names, &none);
	strv_release(&names);
	return 0;
}

/* What options mean in the store. */
static int
find_given(struct work *k, struct err *e)
{
	struct store *st = k->w.up.st;
	struct certificate_item c;
	struct private_key key;
	bool created;

	if (key_word) {
		if (private_key_find(st, key_word, &key, e) < 0 ||
		    orderkey_check_given(
			st, &key, k->new.upstream_account_id, e) < 0)
			return -1;
		k->new.private_key_id = key.id;
	}
	if (k->csr && orderkey_check_request(st, k->csr, e) < 0)
		return err_object(e, "%s", csr_file);
	if (replaces_word && certificate_pick(st, replaces_word, &c, e) < 0)
		return -1;
	if (replaces_word)
		k->new.replaces_id = c.id;
	return k->csr ? certificate_request_add(st, k->csr, "order",
			    &k->new.certificate_request_id, &created, e)
		      : 0;
}

/* Only who wishes for all of this again is led to the order. */
static int
write_policy(struct work *k, struct err *e)
{
	k->policy.private_key_id = k->new.private_key_id;
	k->policy.certificate_request_id = k->new.certificate_request_id;
	k->policy.replaces_id = k->new.replaces_id;
	buf_init(&k->policy_text, ORDERPOLICY_MAX);
	if (orderpolicy_write(&k->policy, &k->policy_text) < 0)
		return prog_misuse(e, "--challenge: too much of it");
	k->new.policy = k->policy_text.data;
	return 0;
}

static int
open_new(struct work *k, struct prog *p, struct err *e)
{
	struct ordercheck check;

	if (check_options(k, e) < 0 || read_csr(k, e) < 0 ||
	    read_sets(k, p, e) < 0 || orderwork_load_limits(&k->w, p, e) < 0)
		return -1;
	if (orderwork_start(&k->w, p, ca_word, &k->policy, NULL, 0, e) < 0)
		return -1;
	begin_output(k, p);
	if (orderwork_pick_account(&k->w, account_word, ca_word,
		&k->new.upstream_account_id, e) < 0 ||
	    find_given(k, e) < 0 || write_policy(k, e) < 0 ||
	    orderwork_open(&k->w, k->new.upstream_account_id, e) < 0)
		return -1;
	k->new.follows =
	    client_url(k->w.up.client, ENDPOINT_RENEWAL_INFO) && !no_replaces;
	check = (struct ordercheck){.client = k->w.up.client,
	    .account = &k->w.account,
	    .policy = &k->policy,
	    .solvers = &k->w.solvers,
	    .profile = profile};
	return ordercheck_account(&check, e);
}

static void
split(const char *line, struct strv *names)
{
	for (line += strspn(line, BLANKS); *line;
	     line += strspn(line, BLANKS)) {
		size_t len = strcspn(line, BLANKS);

		strv_addn(names, line, len);
		line += len;
	}
}

/* Whether a set stood before among those that are given. */
static bool
is_repeated(struct work *k, const struct ordernew *n)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct buf names;
	size_t number = k->at;

	buf_init(&names, OPERANDS_MAX);
	for (size_t i = 0; i < n->dns.len; i++)
		buf_addf(&names, "%s\n", n->dns.v[i]);
	for (size_t i = 0; i < n->ip.len; i++)
		buf_addf(&names, "%s\n", n->ip.v[i]);
	digest_sha256(digest, names.data, names.len);
	buf_release(&names);
	return digestmap_put(&k->seen, digest, number) != number;
}

/* Makes the order of one set, or finds it; `*id` is 0 for one given before. */
static int
create(
    struct work *k, const char *set, int64_t *id, bool *created, struct err *e)
{
	const struct ordercheck check = {.client = k->w.up.client,
	    .account = &k->w.account,
	    .policy = &k->policy,
	    .solvers = &k->w.solvers};
	struct ordernew n = {.row = k->new};
	struct strv names = {0};
	bool repeated;
	int rc;

	split(set, &names);
	*id = 0;
	rc = ordernew_set_names(&n, &names, k->w.suffixes, e);
	repeated = rc == 0 && is_repeated(k, &n);
	if (rc == 0 && !repeated)
		rc = ordercheck_order(&check, &n.dns, &n.ip, e);
	if (rc == 0 && k->csr && csrs_check(k->csr, &n.dns, &n.ip, NULL, e) < 0)
		rc = err_object(e, "%s", csr_file);
	if (rc == 0 && !repeated)
		rc = upstream_order_create(k->w.up.st, &n.row, id, created, e);
	strv_release(&names);
	ordernew_release(&n);
	return rc;
}

/*
 * A set that cannot be ordered does not stop the rest, and one that is given
 * twice is ordered, and told of, once.
 */
static int
next_set(void *arg, int64_t *id, struct err *e)
{
	struct work *k = arg;

	(void)e;
	while (k->at < k->sets.len) {
		struct err why = {0};
		bool created = false;

		if (create(k, k->sets.v[k->at++], id, &created, &why) < 0) {
			fail_one(k, &why);
		} else if (*id != 0) {
			return 1;
		}
	}
	return 0;
}

static int
order_sets(struct prog *p,
    bool (*is_enough)(void *arg, const struct upstream_order *o, int64_t steps),
    struct err *e)
{
	struct work k = {.is_enough = is_enough};
	int rc = open_new(&k, p, e);

	if (rc == 0)
		rc = run_orders(&k, next_set, e);
	work_close(&k);
	return rc;
}

static bool
is_ordered(void *arg, const struct upstream_order *o, int64_t steps)
{
	(void)arg;
	(void)steps;
	return o->status >= UPSTREAM_ORDER_PENDING &&
	    o->status <= UPSTREAM_ORDER_VALID;
}

static int
run(struct prog *p, struct err *e)
{
	return order_sets(p, NULL, e);
}

static int
run_new(struct prog *p, struct err *e)
{
	return order_sets(p, is_ordered, e);
}

/* ---- orders that are there ----------------------------------------------- */

static int
by_number(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* One that is given twice would find that another has it: we have. */
static void
drop_repeated(struct work *k)
{
	size_t n = 0;

	qsort(k->ids, k->len, sizeof(*k->ids), by_number);
	for (size_t i = 0; i < k->len; i++)
		if (n == 0 || k->ids[i] != k->ids[n - 1])
			k->ids[n++] = k->ids[i];
	k->len = n;
}

static int
read_ids(struct work *k, const struct prog *p, struct err *e)
{
	struct strv words = {0};
	int rc = operands_read(p, &words, e);

	k->ids = xcalloc(words.len + 1, sizeof(*k->ids));
	for (size_t i = 0; rc == 0 && i < words.len; i++)
		rc = orderwork_parse_id(words.v[i], &k->ids[k->len++], e);
	strv_release(&words);
	return rc;
}

/* With what meets their challenges, unless that is not needed. */
static int
open_ids(struct work *k, struct prog *p, bool with_solvers, struct err *e)
{
	if (read_ids(k, p, e) < 0)
		return -1;
	drop_repeated(k);
	if (orderwork_load_limits(&k->w, p, e) < 0 ||
	    orderwork_start(
		&k->w, p, NULL, NULL, k->ids, with_solvers ? k->len : 0, e) < 0)
		return -1;
	begin_output(k, p);
	return 0;
}

static int64_t
account_of(struct work *k, int64_t id, struct err *e)
{
	struct upstream_order o;
	int64_t account;

	if (upstream_order_by_id(k->w.up.st, id, &o, e) < 0)
		return -1;
	account = o.upstream_account_id;
	upstream_order_release(&o);
	return account;
}

/* Those of the account that is open; the others come with theirs. */
static int
next_id(void *arg, int64_t *id, struct err *e)
{
	struct work *k = arg;

	(void)e;
	while (k->at < k->len) {
		struct err why = {0};

		*id = k->ids[k->at];
		if (*id != 0 && account_of(k, *id, &why) == k->w.account.id) {
			k->ids[k->at++] = 0;
			return 1;
		}
		k->at++;
	}
	return 0;
}

/* What is done with each order before it is run; NULL: nothing. */
typedef int prepare(struct work *k, int64_t *id, struct err *e);

static int
run_accounts(struct work *k, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < k->len; i++) {
		struct err why = {0};
		int64_t account;

		if (k->ids[i] == 0)
			continue;
		account = account_of(k, k->ids[i], &why);
		if (account < 0 || orderwork_open(&k->w, account, &why) < 0) {
			fail_one(k, &why);
			continue;
		}
		k->at = i;
		rc = run_orders(k, next_id, e);
	}
	return rc;
}

static int
with_ids(struct prog *p, prepare *fn,
    bool (*is_enough)(void *arg, const struct upstream_order *o, int64_t steps),
    struct err *e)
{
	struct work k = {.is_enough = is_enough};
	int rc = open_ids(&k, p, true, e);

	for (size_t i = 0; rc == 0 && fn && i < k.len; i++) {
		struct err why = {0};

		if (fn(&k, &k.ids[i], &why) < 0) {
			fail_one(&k, &why);
			k.ids[i] = 0;
		}
	}
	if (rc == 0)
		rc = run_accounts(&k, e);
	work_close(&k);
	return rc;
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

static int
next(struct prog *p, struct err *e)
{
	return with_ids(p, NULL, is_one_step, e);
}

static int
finalize(struct prog *p, struct err *e)
{
	return with_ids(p, NULL, is_finalized, e);
}

static int
download(struct prog *p, struct err *e)
{
	return with_ids(p, NULL, NULL, e);
}

/* Something of an order that is over: a cancel whose time was over left it. */
static bool
is_left_over(struct store *st, const struct upstream_order *o)
{
	struct err why = {0};

	return !upstream_order_is_open(o->status) &&
	    o->status != UPSTREAM_ORDER_VALID && check_left(st, o, &why) < 0 &&
	    why.kind == KIND_BUSY;
}

/*
 * One that is over may have kept what is pending, which it may no more, or what
 * could not be taken away: `*kept`.
 */
static int
let_go(struct work *k, const struct upstream_order_hold *hold, bool *kept,
    struct err *e)
{
	struct orderpolicy policy = {0};
	struct upstream_order o;
	struct buf text;
	int rc;

	*kept = false;
	if (upstream_order_by_id(k->w.up.st, hold->id, &o, e) < 0)
		return -1;
	*kept = is_left_over(k->w.up.st, &o);
	buf_init(&text, ORDERPOLICY_MAX);
	rc = orderpolicy_read(&policy, o.policy, e);
	if (rc == 0 && policy.keeps_pending) {
		*kept = !upstream_order_is_open(o.status);
		policy.keeps_pending = false;
		orderpolicy_write(&policy, &text);
		rc = upstream_order_let_go(k->w.up.st, hold, text.data, e);
	}
	orderpolicy_release(&policy);
	upstream_order_release(&o);
	buf_release(&text);
	return rc;
}

static int
give_up(struct work *k, int64_t *id, struct err *e)
{
	struct upstream_order_hold hold = {0};
	bool kept;
	int rc;

	k->is_cancelling = true;
	if (upstream_order_take(k->w.up.st, *id, ORDERING_HOLD, &hold, e) < 0)
		return -1;
	rc = let_go(k, &hold, &kept, e);
	if (rc == 0 && !kept)
		rc = upstream_order_fail(k->w.up.st, &hold,
		    UPSTREAM_ORDER_CANCELLED, NULL, "by acme-order cancel", e);
	return upstream_order_leave(k->w.up.st, &hold, e) < 0 ? -1 : rc;
}

static int
cancel(struct prog *p, struct err *e)
{
	return with_ids(p, give_up, NULL, e);
}

/* A new order for what an old one was for. */
static int
order_again(struct work *k, int64_t *id, struct err *e)
{
	struct ordernew n = {0};
	struct upstream_order o;
	bool created;
	int rc;

	if (upstream_order_by_id(k->w.up.st, *id, &o, e) < 0)
		return -1;
	rc = ordernew_again(&n, k->w.up.st, &o, k->w.suffixes, e);
	if (rc == 0)
		rc = upstream_order_create(k->w.up.st, &n.row, id, &created, e);
	upstream_order_release(&o);
	ordernew_release(&n);
	return rc;
}

static int
retry(struct prog *p, struct err *e)
{
	return with_ids(p, order_again, NULL, e);
}

/* ---- sync ---------------------------------------------------------------- */

/* What keeps an order from going on, or has ended it. */
static int
check_synced(const struct upstream_order *o, struct err *e)
{
	if (upstream_order_is_open(o->status) && !o->cause)
		return 0;
	orders_why(o, e);
	return err_is_set(e) ? -1 : 0;
}

static int
sync_one(struct work *k, int64_t id, struct err *e)
{
	int64_t account = account_of(k, id, e);
	struct ordering_env env;
	struct ordering *o;
	int rc;

	if (account < 0 || orderwork_open(&k->w, account, e) < 0)
		return -1;
	env = orderwork_env(&k->w);
	o = ordering_open(&env, id, e);
	if (!o)
		return -1;
	rc = ordering_sync(o, e);
	if (rc == 0)
		rc = check_synced(ordering_order(o), e);
	ordering_close(o);
	return orderwork_print(&k->w.out, k->w.up.st, id, e) < 0 ? -1 : rc;
}

static int
sync_(struct prog *p, struct err *e)
{
	struct work k = {0};
	int rc = open_ids(&k, p, false, e);

	for (size_t i = 0; rc == 0 && i < k.len; i++) {
		struct err why = {0};

		if (sig_term())
			rc = err_set(e, KIND_BUSY,
			    "stopped before order %lld and what follows it",
			    (long long)k.ids[i]);
		else if (sync_one(&k, k.ids[i], &why) < 0)
			fail_one(&k, &why);
	}
	work_close(&k);
	return rc;
}

/* ---- without a CA -------------------------------------------------------- */

static int
status(struct prog *p, struct err *e)
{
	struct work k = {.w.prog = p};
	struct store *st;
	int rc = read_ids(&k, p, e);

	st = rc == 0 ? rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e)
		     : NULL;
	for (size_t i = 0; st && i < k.len; i++) {
		struct err why = {0};

		if (orderwork_show(st, k.ids[i], p->json, &why) < 0)
			fail_one(&k, &why);
	}
	store_close(st);
	free(k.ids);
	return st ? 0 : -1;
}

static int
challenge(struct prog *p, struct err *e)
{
	int rc = orderlist_set_challenges(p, &challenges, e);

	strv_release(&challenges);
	return rc;
}

static int
list(struct prog *p, struct err *e)
{
	return orderlist_print(p, status_word, account_word, e);
}

static int
authorizations(struct prog *p, struct err *e)
{
	return orderlist_authorizations(p, status_word, account_word, e);
}

static int
renewal_info(struct prog *p, struct err *e)
{
	return renewalinfo_run(p, (size_t)jobs, traces, e);
}

#define WITH_CA                                                                \
	.operands_max = PROG_ANY, .sections = CONF_STORE | CONF_CLIENT,        \
	.flags = PROG_JSON
#define ORDERS .options = run_options, .operands_min = 1, WITH_CA

static const struct prog_command commands[] = {
    {.name = "run", .options = new_options, WITH_CA, .run = run},
    {.name = "new", .options = new_options, WITH_CA, .run = run_new},
    {.name = "next", ORDERS, .run = next},
    {.name = "challenge",
	.options = challenge_options,
	.operands_min = 1,
	.operands_max = 1,
	.sections = CONF_STORE,
	.run = challenge},
    {.name = "finalize", ORDERS, .run = finalize},
    {.name = "download", ORDERS, .run = download},
    {.name = "sync", ORDERS, .run = sync_},
    {.name = "cancel", ORDERS, .run = cancel},
    {.name = "retry", ORDERS, .run = retry},
    {.name = "status",
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = status},
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
