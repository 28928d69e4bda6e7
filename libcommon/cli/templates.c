#include "cli/templates.h"

#include "cli/listing.h"
#include "cli/operands.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/sheet.h"
#include "order/ordercheck.h"
#include "order/ordertemplate.h"
#include "store/domain_template.h"
#include "store/store.h"
#include "store/upstream_account.h"

/* ---- showing ------------------------------------------------------------- */

static int
print(void *arg, const struct domain_template *t, struct err *e)
{
	struct out *o = arg;

	out_text(o, t->name);
	out_text(o, t->names);
	out_id(o, t->upstream_account_id);
	out_int(o, t->per_certificate);
	out_yes(o, t->one_domain);
	out_text(o, t->profile);
	out_end(o);
	return out_check(e);
}

static int
each_template(struct store *st, struct out *o, struct err *e)
{
	return domain_template_each(st, print, o, e);
}

int
templates_list(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"template", "names", "account",
	    "per_certificate", "one_domain", "profile", NULL};

	return listing_print(p, columns, each_template, e);
}

static int
show(struct prog *p, const struct domain_template *t, struct err *e)
{
	struct orderpolicy policy = {0};
	struct sheet s;
	int rc = orderpolicy_read(&policy, t->policy, e);

	if (rc == 0) {
		sheet_init(&s, p->json ? SHEET_JSON : SHEET_TEXT);
		sheet_text(&s, "template", t->name);
		sheet_text(&s, "names", t->names);
		if (t->upstream_account_id)
			sheet_int(&s, "account", t->upstream_account_id);
		sheet_int(&s, "per_certificate", t->per_certificate);
		sheet_yes(&s, "one_domain", t->one_domain);
		sheet_text(&s, "profile", t->profile);
		policyset_show(&policy, &s);
		sheet_time(&s, "created", t->created);
		sheet_end(&s);
	}
	orderpolicy_release(&policy);
	return rc;
}

int
templates_show(struct prog *p, struct err *e)
{
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	struct domain_template t = {0};
	int rc = st ? domain_template_by_name(st, p->argv[0], &t, e) : -1;

	if (rc == 0)
		rc = show(p, &t, e);
	domain_template_release(&t);
	store_close(st);
	return rc;
}

/* ---- changing ------------------------------------------------------------ */

static int
remove_one(struct store *st, const char *operand, void *arg, struct err *e)
{
	(void)arg;
	return domain_template_remove(st, operand, e);
}

int
templates_remove(struct prog *p, struct err *e)
{
	return operands_each(p, remove_one, NULL, e);
}

static bool
is_empty(const struct templates_change *c)
{
	return policyset_is_empty(&c->policy) && !c->account && !c->names &&
	    !c->profile && !c->one_domain && c->per_certificate == 0;
}

static int
check(const struct templates_change *c, struct err *e)
{
	if (is_empty(c))
		return prog_misuse(e, "template set: nothing to set is given");
	if (c->one_domain && strcmp(c->one_domain, "yes") != 0 &&
	    strcmp(c->one_domain, "no") != 0)
		return prog_misuse(
		    e, "--one-domain %s: neither yes nor no", c->one_domain);
	if (c->names && strlen(c->names) > DOMAIN_TEMPLATE_NAMES_MAX)
		return prog_misuse(e, "--names: too much of it");
	return policyset_check_text("profile", c->profile, e) < 0
	    ? -1
	    : policyset_check(&c->policy, e);
}

/* One that is not there begins as the default one. */
static int
load(struct store *st, const char *name, struct domain_template *t,
    struct err *e)
{
	if (domain_template_by_name(st, name, t, e) == 0)
		return 0;
	if (err_forgive(e, KIND_NOTFOUND) < 0 ||
	    domain_template_by_name(st, DOMAIN_TEMPLATE_DEFAULT, t, e) < 0)
		return -1;
	free(t->name);
	t->name = xstrdup(name);
	return 0;
}

static int
pick_account(struct store *st, const char *word, struct domain_template *t,
    struct err *e)
{
	struct upstream_account a;

	if (!word)
		return 0;
	t->upstream_account_id = 0;
	if (strcmp(word, "none") == 0)
		return 0;
	if (upstream_account_pick(st, word, &a, e) < 0)
		return -1;
	t->upstream_account_id = a.id;
	upstream_account_release(&a);
	return 0;
}

static int
apply(struct store *st, const struct templates_change *c,
    struct domain_template *t, struct err *e)
{
	if (pick_account(st, c->account, t, e) < 0 ||
	    policyset_apply(&c->policy, &t->policy, e) < 0)
		return -1;
	policyset_replace(&t->profile, c->profile);
	policyset_replace(&t->names, c->names);
	if (c->per_certificate != 0)
		t->per_certificate = c->per_certificate;
	if (c->one_domain)
		t->one_domain = strcmp(c->one_domain, "yes") == 0;
	return ordertemplate_check(t->names ? t->names : "",
	    (size_t)(ORDERCHECK_NAMES_MAX / t->per_certificate), e);
}

int
templates_set(struct prog *p, const char *name,
    const struct templates_change *change, struct err *e)
{
	struct domain_template t = {0};
	struct store *st;
	int rc = -1;

	if (check(change, e) < 0)
		return -1;
	st = rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	if (st)
		rc = load(st, name, &t, e);
	if (rc == 0)
		rc = apply(st, change, &t, e);
	if (rc == 0)
		rc = domain_template_put(st, &t, e);
	domain_template_release(&t);
	store_close(st);
	return rc;
}
