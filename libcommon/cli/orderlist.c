#include "cli/orderlist.h"

#include "cli/orderwork.h"
#include "cli/prog.h"
#include "cli/rights.h"

static int
set_challenges(
    struct store *st, int64_t id, const struct strv *challenges, struct err *e)
{
	struct upstream_order_hold hold = {0};
	struct upstream_order o = {0};
	struct orderpolicy policy = {0};
	struct buf text;
	int rc;

	if (upstream_order_take(st, id, ORDERING_HOLD, &hold, e) < 0)
		return -1;
	buf_init(&text, ORDERPOLICY_MAX);
	rc = upstream_order_by_id(st, id, &o, e);
	if (rc == 0)
		rc = orderpolicy_read(&policy, o.policy, e);
	if (rc == 0)
		rc = orderpolicy_set_rules(&policy, challenges, NULL, e);
	if (rc == 0 && orderpolicy_write(&policy, &text) < 0)
		rc = prog_misuse(e, "--challenge: too much of it");
	if (rc == 0)
		rc = upstream_order_set_policy(st, &hold, text.data, e);
	orderpolicy_release(&policy);
	upstream_order_release(&o);
	buf_release(&text);
	return upstream_order_leave(st, &hold, e) < 0 ? -1 : rc;
}

int
orderlist_set_challenges(
    struct prog *p, const struct strv *challenges, struct err *e)
{
	struct store *st;
	int64_t id;
	int rc = -1;

	if (challenges->len == 0)
		return prog_misuse(e, "challenge needs --challenge");
	if (orderwork_parse_id(p->argv[0], &id, e) < 0)
		return -1;
	st = rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	if (st)
		rc = set_challenges(st, id, challenges, e);
	store_close(st);
	return rc;
}

struct listing {
	struct store *st;
	struct out out;
};

static int
print_each(void *arg, const struct upstream_order *o, struct err *e)
{
	struct listing *l = arg;

	return orderwork_print(&l->out, l->st, o->id, e);
}

/* The number of --account; nothing without it. */
static int
find_account(
    struct store *st, const char *account_word, int64_t *id, struct err *e)
{
	struct upstream_account a;
	int rc;

	if (!account_word)
		return 0;
	rc = upstream_account_pick(st, account_word, &a, e);
	*id = a.id;
	upstream_account_release(&a);
	return rc;
}

int
orderlist_print(struct prog *p, const char *status_word,
    const char *account_word, struct err *e)
{
	struct upstream_order_filter f = {.status = UPSTREAM_ORDER__MAX};
	struct listing l = {0};
	int rc;

	if (status_word &&
	    upstream_order_status_by_name(status_word, &f.status) < 0)
		return prog_misuse(e, "--status %s: no status", status_word);
	l.st = rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	if (!l.st)
		return -1;
	orderwork_begin(&l.out, p);
	rc = find_account(l.st, account_word, &f.upstream_account_id, e);
	if (rc == 0)
		rc = upstream_order_each(l.st, &f, print_each, &l, e);
	if (rc == 0)
		out_finish(&l.out);
	store_close(l.st);
	return rc;
}

int
orderlist_authorizations(struct prog *p, const char *status_word,
    const char *account_word, struct err *e)
{
	struct upstream_authorization_filter f = {
	    .status = UPSTREAM_AUTHORIZATION__MAX};
	struct store *st;
	int rc;

	if (status_word &&
	    upstream_authorization_status_parse(status_word, &f.status) < 0)
		return prog_misuse(e, "--status %s: no status", status_word);
	st = rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	if (!st)
		return -1;
	rc = find_account(st, account_word, &f.upstream_account_id, e);
	if (rc == 0)
		rc = orderwork_print_authorizations(p, st, &f, e);
	store_close(st);
	return rc;
}
