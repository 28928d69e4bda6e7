#include "cli/renewals.h"

#include "base/str.h"
#include "cli/operands.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/sheet.h"
#include "store/certificate_list.h"
#include "store/fqdn_set.h"
#include "store/renewal_backup.h"
#include "store/renewal_configuration.h"
#include "store/store.h"
#include "store/upstream_account.h"

/* ---- showing ------------------------------------------------------------- */

/* "33", "33.3"; the caller frees. */
static char *
percent(int64_t thousandths)
{
	if (thousandths == 0)
		return NULL;
	return thousandths % 10 == 0
	    ? xasprintf("%lld", (long long)thousandths / 10)
	    : xasprintf("%lld.%lld", (long long)thousandths / 10,
		  (long long)thousandths % 10);
}

struct renewals {
	struct store *st;
	struct out out;
};

static int
print_renewal(void *arg, const struct renewal_configuration *c, struct err *e)
{
	struct renewals *l = arg;
	struct strv names = {0};
	char *part = percent(c->part_left);
	int rc = fqdn_set_names(l->st, c->fqdn_set_id, &names, e);

	out_int(&l->out, c->id);
	out_text(&l->out, c->label);
	out_yes(&l->out, c->active);
	out_list(&l->out, &names);
	out_int(&l->out, c->upstream_account_id);
	out_id(&l->out, c->certificate_id);
	out_time(&l->out, c->due.at);
	out_text(&l->out, renewal_rule_name(c->due.rule));
	out_text(&l->out, c->profile);
	out_text(&l->out, part);
	out_id(&l->out, c->backup_of_id);
	out_end(&l->out);
	strv_release(&names);
	free(part);
	return rc < 0 ? -1 : out_check(e);
}

int
renewals_list(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"id", "label", "active", "names",
	    "account", "certificate", "due_at", "rule", "profile", "part_left",
	    "backup_of", NULL};
	const struct renewal_configuration_filter all = {0};
	struct renewals l = {
	    .st = rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e)};
	int rc = -1;

	out_init(&l.out, p->json, !p->no_header, columns);
	if (l.st)
		rc = renewal_configuration_each(
		    l.st, &all, print_renewal, &l, e);
	if (rc == 0)
		out_finish(&l.out);
	store_close(l.st);
	return rc;
}

static int
show_renewal(struct prog *p, struct store *st,
    const struct renewal_configuration *c, struct err *e)
{
	struct orderpolicy policy = {0};
	struct strv names = {0};
	char *part = percent(c->part_left);
	struct sheet s;
	int64_t backup;
	int rc = orderpolicy_read(&policy, c->policy, e);

	if (rc == 0)
		rc = fqdn_set_names(st, c->fqdn_set_id, &names, e);
	if (rc == 0)
		rc = renewal_backup_of(st, c->id, &backup, e);
	if (rc == 0) {
		sheet_init(&s, p->json ? SHEET_JSON : SHEET_TEXT);
		sheet_int(&s, "id", c->id);
		sheet_text(&s, "label", c->label);
		sheet_yes(&s, "active", c->active);
		sheet_list(&s, "names", &names);
		sheet_int(&s, "account", c->upstream_account_id);
		if (c->certificate_id)
			sheet_int(&s, "certificate", c->certificate_id);
		if (c->backup_of_id)
			sheet_int(&s, "backup_of", c->backup_of_id);
		if (backup)
			sheet_int(&s, "backup", backup);
		sheet_time(&s, "due_at", c->due.at);
		sheet_text(&s, "rule", renewal_rule_name(c->due.rule));
		sheet_text(&s, "part_left", part);
		sheet_text(&s, "profile", c->profile);
		policyset_show(&policy, &s);
		sheet_time(&s, "created", c->created);
		sheet_end(&s);
	}
	orderpolicy_release(&policy);
	strv_release(&names);
	free(part);
	return rc;
}

int
renewals_show(struct prog *p, struct err *e)
{
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	struct renewal_configuration c = {0};
	int rc = st ? renewal_configuration_pick(st, p->argv[0], &c, e) : -1;

	if (rc == 0)
		rc = show_renewal(p, st, &c, e);
	renewal_configuration_release(&c);
	store_close(st);
	return rc;
}

/* ---- setting ------------------------------------------------------------- */

/* "33" and "33.3" are 330 and 333 thousandths. */
static bool
parse_percent(const char *text, int64_t *thousandths)
{
	size_t len = strcspn(text, ".");
	char *whole = xstrndup(text, len);
	uint64_t n = 0, tenths = 0;
	bool is_good = str_to_u64(whole, 99, &n) &&
	    (text[len] == '\0' ||
		(strlen(text + len) == 2 &&
		    str_to_u64(text + len + 1, 9, &tenths))) &&
	    n + tenths > 0;

	free(whole);
	if (is_good)
		*thousandths = (int64_t)(n * 10 + tenths);
	return is_good;
}

static int
read_part(const char *text, int64_t *out, struct err *e)
{
	if (!text || parse_percent(text, out))
		return 0;
	if (strcmp(text, "rule") != 0)
		return prog_misuse(e,
		    "--part-left %s: neither a percentage from 0.1 to 99.9 nor "
		    "rule",
		    text);
	*out = 0;
	return 0;
}

static bool
is_empty(const struct renewals_change *c)
{
	return policyset_is_empty(&c->policy) && !c->label && !c->part_left &&
	    !c->profile;
}

static int
check(const struct renewals_change *c, struct err *e)
{
	int64_t ignored;
	int rc = read_part(c->part_left, &ignored, e);

	if (rc == 0)
		rc = policyset_check_text("profile", c->profile, e);
	return rc < 0 ? -1 : policyset_check(&c->policy, e);
}

/*
 * The cycle by which its keys are chosen, which the caller frees; NULL: a new
 * key each time, or a failure.
 */
static char *
cycle_of(struct store *st, const struct renewal_configuration *c, struct err *e)
{
	struct upstream_account a = {0};
	struct orderpolicy policy;
	const char *word = NULL;
	char *cycle;

	if (orderpolicy_read(&policy, c->policy, e) == 0)
		word = orderpolicy_key_cycle(&policy);
	if (!word && !err_is_set(e) &&
	    upstream_account_by_id(st, c->upstream_account_id, &a, e) == 0)
		word = a.certificate_key_cycle;
	cycle = str_dup(word);
	orderpolicy_release(&policy);
	upstream_account_release(&a);
	return cycle;
}

/* 1: that of a configuration and the other's could be one key; 0, -1. */
static int
check_other(struct store *st, int64_t id, struct err *e)
{
	struct renewal_configuration other;
	char *cycle;
	int rc;

	if (renewal_configuration_by_id(st, id, &other, e) < 0)
		return -1;
	cycle = cycle_of(st, &other, e);
	rc = err_is_set(e) ? -1 : orderpolicy_shares_keys(cycle);
	renewal_configuration_release(&other);
	free(cycle);
	return rc;
}

/*
 * The key of a backup is its own, and stays so when the cycle of its account
 * changes.
 */
static int
check_backup(struct store *st, const struct renewal_configuration *c,
    const struct policyset *s, struct err *e)
{
	char *cycle;
	int64_t backup;
	int rc = renewal_backup_of(st, c->id, &backup, e);

	if (rc < 0 || !s->key_cycle || (!c->backup_of_id && !backup))
		return rc;
	if (c->backup_of_id &&
	    (strcmp(s->key_cycle, "none") == 0 ||
		strcmp(s->key_cycle, ORDERPOLICY_KEY_CYCLE_ACCOUNT) == 0))
		return err_set(e, KIND_DENIED,
		    "renewal_configuration/%lld is a backup, whose key is its "
		    "own: name a cycle, since that of the account may change",
		    (long long)c->id);
	cycle = cycle_of(st, c, e);
	rc = err_is_set(e) ? -1 : orderpolicy_shares_keys(cycle);
	if (rc > 0 && backup)
		rc = check_other(st, backup, e);
	if (rc > 0)
		rc = err_set(e, KIND_DENIED,
		    "renewal_configuration/%lld %s a backup, and a backup's "
		    "key is its own: with %s they would share one",
		    (long long)c->id, backup ? "has" : "is", cycle);
	free(cycle);
	return rc;
}

int
renewals_set(struct prog *p, const char *text,
    const struct renewals_change *change, struct err *e)
{
	struct renewal_configuration c = {0};
	struct store *st;
	int rc = -1;

	if (is_empty(change))
		return prog_misuse(e, "renewal set: nothing to set is given");
	if (check(change, e) < 0)
		return -1;
	st = rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	if (st)
		rc = renewal_configuration_pick(st, text, &c, e);
	if (rc == 0)
		rc = policyset_apply(&change->policy, &c.policy, e);
	if (rc == 0)
		rc = check_backup(st, &c, &change->policy, e);
	if (rc == 0)
		rc = read_part(change->part_left, &c.part_left, e);
	policyset_replace(&c.label, change->label);
	policyset_replace(&c.profile, change->profile);
	if (rc == 0)
		rc = renewal_configuration_set(st, &c, e);
	renewal_configuration_release(&c);
	store_close(st);
	return rc;
}

/* ---- making -------------------------------------------------------------- */

struct adding {
	const struct renewals_change *how;
	const char *account;
	char *policy; /* JSON */
};

static int
find_account(struct store *st, const char *text, int64_t *id, struct err *e)
{
	struct upstream_account a;

	if (!text)
		return 0;
	if (upstream_account_pick(st, text, &a, e) < 0)
		return -1;
	*id = a.id;
	upstream_account_release(&a);
	return 0;
}

static int
add_one(struct store *st, const char *operand, void *arg, struct err *e)
{
	struct adding *a = arg;
	struct certificate_item c;
	struct renewal_configuration_new n = {.policy = a->policy,
	    .label = a->how->label,
	    .profile = a->how->profile};
	int64_t id;

	if (certificate_pick(st, operand, &c, e) < 0)
		return -1;
	n.certificate_id = c.id;
	n.upstream_account_id = c.upstream_account_id;
	if (find_account(st, a->account, &n.upstream_account_id, e) < 0 ||
	    read_part(a->how->part_left, &n.part_left, e) < 0)
		return -1;
	if (n.upstream_account_id == 0)
		return err_set(e, KIND_CONFLICT,
		    "certificate %lld came from no account of ours; --account "
		    "says which one renews it",
		    (long long)c.id);
	return renewal_configuration_add(st, &n, &id, e);
}

int
renewals_add(struct prog *p, const struct renewals_change *how,
    const char *account, struct err *e)
{
	struct adding a = {.how = how, .account = account};
	int rc = check(how, e);

	if (rc == 0)
		a.policy = policyset_make(&how->policy, e);
	if (rc == 0)
		rc = a.policy ? 0 : -1;
	if (rc == 0)
		rc = operands_each(p, add_one, &a, e);
	free(a.policy);
	return rc;
}
