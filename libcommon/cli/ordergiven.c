#include "cli/ordergiven.h"

#include "cli/operands.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "order/ordernew.h"
#include "sys/sig.h"

struct given {
	struct orderrun run;
	int64_t *ids; /* 0: failed, or in work */
	size_t len;
	size_t at; /* the next of them */
};

/* ---- which --------------------------------------------------------------- */

static int
by_number(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* One that is given twice would find that another has it: we have. */
static void
drop_repeated(struct given *k)
{
	size_t n = 0;

	qsort(k->ids, k->len, sizeof(*k->ids), by_number);
	for (size_t i = 0; i < k->len; i++)
		if (n == 0 || k->ids[i] != k->ids[n - 1])
			k->ids[n++] = k->ids[i];
	k->len = n;
}

static int
read_ids(struct given *k, const struct prog *p, struct err *e)
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
open_ids(struct given *k, struct prog *p, bool with_solvers, struct err *e)
{
	if (read_ids(k, p, e) < 0)
		return -1;
	drop_repeated(k);
	if (orderwork_load_limits(&k->run.w, p, e) < 0 ||
	    orderwork_start(&k->run.w, p, NULL, NULL, k->ids,
		with_solvers ? k->len : 0, e) < 0)
		return -1;
	orderrun_begin(&k->run, p);
	return 0;
}

static int64_t
account_of(struct given *k, int64_t id, struct err *e)
{
	struct upstream_order o;
	int64_t account;

	if (upstream_order_by_id(k->run.w.up.st, id, &o, e) < 0)
		return -1;
	account = o.upstream_account_id;
	upstream_order_release(&o);
	return account;
}

/* Those of the account that is open; the others come with theirs. */
static int
next_id(void *arg, int64_t *id, struct err *e)
{
	struct given *k = arg;

	(void)e;
	while (k->at < k->len) {
		struct err why = {0};

		*id = k->ids[k->at];
		if (*id != 0 &&
		    account_of(k, *id, &why) == k->run.w.account.id) {
			k->ids[k->at++] = 0;
			return 1;
		}
		k->at++;
	}
	return 0;
}

/* ---- all of them ----------------------------------------------------------
 */

/* What is done with each order before it is run; NULL: nothing. */
typedef int prepare(struct given *k, int64_t *id, struct err *e);

static int
run_accounts(struct given *k, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < k->len; i++) {
		struct err why = {0};
		int64_t account;

		if (k->ids[i] == 0)
			continue;
		account = account_of(k, k->ids[i], &why);
		if (account < 0 ||
		    orderwork_open(&k->run.w, account, &why) < 0) {
			orderrun_fail_one(&k->run, &why);
			continue;
		}
		k->at = i;
		rc = orderrun_all(&k->run, e);
	}
	return rc;
}

static int
run_prepared(struct prog *p, const struct orderrun_options *how, prepare *fn,
    orderrun_enough *is_enough, struct err *e)
{
	struct given k = {.run = {.how = how,
			      .is_enough = is_enough,
			      .next = next_id,
			      .arg = &k}};
	int rc = open_ids(&k, p, true, e);

	for (size_t i = 0; rc == 0 && fn && i < k.len; i++) {
		struct err why = {0};

		if (fn(&k, &k.ids[i], &why) < 0) {
			orderrun_fail_one(&k.run, &why);
			k.ids[i] = 0;
		}
	}
	if (rc == 0)
		rc = run_accounts(&k, e);
	orderrun_close(&k.run);
	free(k.ids);
	return rc;
}

int
ordergiven_run(struct prog *p, const struct orderrun_options *how,
    orderrun_enough *is_enough, struct err *e)
{
	return run_prepared(p, how, NULL, is_enough, e);
}

/* ---- cancel, retry ------------------------------------------------------- */

/* Something of an order that is over: a cancel whose time was over left it. */
static bool
is_left_over(struct store *st, const struct upstream_order *o)
{
	struct err why = {0};

	return !upstream_order_is_open(o->status) &&
	    o->status != UPSTREAM_ORDER_VALID &&
	    orderrun_check_left(st, o, &why) < 0 && why.kind == KIND_BUSY;
}

/*
 * One that is over may have kept what is pending, which it may no more, or what
 * could not be taken away: `*kept`.
 */
static int
let_go(struct given *k, const struct upstream_order_hold *hold, bool *kept,
    struct err *e)
{
	struct orderpolicy policy = {0};
	struct upstream_order o;
	struct buf text;
	int rc;

	*kept = false;
	if (upstream_order_by_id(k->run.w.up.st, hold->id, &o, e) < 0)
		return -1;
	*kept = is_left_over(k->run.w.up.st, &o);
	buf_init(&text, ORDERPOLICY_MAX);
	rc = orderpolicy_read(&policy, o.policy, e);
	if (rc == 0 && policy.keeps_pending) {
		*kept = !upstream_order_is_open(o.status);
		policy.keeps_pending = false;
		orderpolicy_write(&policy, &text);
		rc = upstream_order_let_go(k->run.w.up.st, hold, text.data, e);
	}
	orderpolicy_release(&policy);
	upstream_order_release(&o);
	buf_release(&text);
	return rc;
}

static int
give_up(struct given *k, int64_t *id, struct err *e)
{
	struct upstream_order_hold hold = {0};
	bool kept;
	int rc;

	k->run.is_cancelling = true;
	if (upstream_order_take(k->run.w.up.st, *id, ORDERING_HOLD, &hold, e) <
	    0)
		return -1;
	rc = let_go(k, &hold, &kept, e);
	if (rc == 0 && !kept)
		rc = upstream_order_fail(k->run.w.up.st, &hold,
		    UPSTREAM_ORDER_CANCELLED, NULL, "by acme-order cancel", e);
	return upstream_order_leave(k->run.w.up.st, &hold, e) < 0 ? -1 : rc;
}

int
ordergiven_cancel(
    struct prog *p, const struct orderrun_options *how, struct err *e)
{
	return run_prepared(p, how, give_up, NULL, e);
}

/* A new order for what an old one was for. */
static int
order_again(struct given *k, int64_t *id, struct err *e)
{
	struct ordernew n = {0};
	struct upstream_order o;
	bool created;
	int rc;

	if (upstream_order_by_id(k->run.w.up.st, *id, &o, e) < 0)
		return -1;
	rc = ordernew_again(&n, k->run.w.up.st, &o, k->run.w.suffixes, e);
	if (rc == 0)
		rc = upstream_order_create(
		    k->run.w.up.st, &n.row, id, &created, e);
	upstream_order_release(&o);
	ordernew_release(&n);
	return rc;
}

int
ordergiven_retry(
    struct prog *p, const struct orderrun_options *how, struct err *e)
{
	return run_prepared(p, how, order_again, NULL, e);
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
sync_one(struct given *k, int64_t id, struct err *e)
{
	int64_t account = account_of(k, id, e);
	struct ordering_env env;
	struct ordering *o;
	int rc;

	if (account < 0 || orderwork_open(&k->run.w, account, e) < 0)
		return -1;
	env = orderwork_env(&k->run.w);
	o = ordering_open(&env, id, e);
	if (!o)
		return -1;
	rc = ordering_sync(o, e);
	if (rc == 0)
		rc = check_synced(ordering_order(o), e);
	ordering_close(o);
	return orderwork_print(&k->run.w.out, k->run.w.up.st, id, e) < 0 ? -1
									 : rc;
}

int
ordergiven_sync(
    struct prog *p, const struct orderrun_options *how, struct err *e)
{
	struct given k = {.run = {.how = how}};
	int rc = open_ids(&k, p, false, e);

	for (size_t i = 0; rc == 0 && i < k.len; i++) {
		struct err why = {0};

		if (sig_term())
			rc = err_set(e, KIND_BUSY,
			    "stopped before order %lld and what follows it",
			    (long long)k.ids[i]);
		else if (sync_one(&k, k.ids[i], &why) < 0)
			orderrun_fail_one(&k.run, &why);
	}
	orderrun_close(&k.run);
	free(k.ids);
	return rc;
}

/* ---- without a CA -------------------------------------------------------- */

int
ordergiven_status(struct prog *p, struct err *e)
{
	struct given k = {0};
	struct store *st;
	int rc = read_ids(&k, p, e);

	st = rc == 0 ? rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e)
		     : NULL;
	for (size_t i = 0; st && i < k.len; i++) {
		struct err why = {0};

		if (orderwork_show(st, k.ids[i], p->json, &why) < 0)
			prog_item_failed(p, &why);
	}
	store_close(st);
	free(k.ids);
	return st ? 0 : -1;
}
