#include "cli/backups.h"

#include "cli/operands.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/progress.h"
#include "cli/rights.h"
#include "client/ca.h"
#include "order/orderpolicy.h"
#include "store/renewal_backup.h"
#include "store/renewal_configuration.h"
#include "store/upstream_account.h"
#include "store/upstream_ca.h"
#include "sys/sig.h"

#define BATCH 200

/* ---- making -------------------------------------------------------------- */

/* The policy of `c`, as its backup has it. */
static int
write_policy(const struct renewal_configuration *c,
    const struct upstream_account *a, struct buf *text, struct err *e)
{
	struct orderpolicy policy;
	int rc = orderpolicy_read(&policy, c->policy, e);

	if (rc == 0) {
		orderpolicy_for_backup(&policy, a->certificate_key_cycle);
		if (orderpolicy_write(&policy, text) < 0)
			rc = err_set(e, KIND_BUG, "a policy is too long");
	}
	orderpolicy_release(&policy);
	return rc;
}

static int
add_backup(struct store *st, const char *operand, void *account, struct err *e)
{
	struct renewal_configuration c = {0};
	struct upstream_account a = {0};
	struct renewal_backup_new n;
	struct buf text;
	int64_t id;
	int rc = upstream_account_pick(st, account, &a, e);

	buf_init(&text, ORDERPOLICY_MAX);
	if (rc == 0)
		rc = renewal_configuration_pick(st, operand, &c, e);
	if (rc == 0)
		rc = write_policy(&c, &a, &text, e);
	if (rc == 0) {
		n = (struct renewal_backup_new){
		    .renewal_configuration_id = c.id,
		    .upstream_account_id = a.id,
		    .policy = text.data};
		rc = renewal_backup_add(st, &n, &id, e);
	}
	buf_release(&text);
	renewal_configuration_release(&c);
	upstream_account_release(&a);
	return rc;
}

int
backups_add(struct prog *p, const char *account, struct err *e)
{
	char *word;
	int rc;

	if (!account)
		return prog_misuse(
		    e, "renewal backup: no --account at another CA is given");
	word = xstrdup(account);
	rc = operands_each(p, add_backup, word, e);
	free(word);
	return rc;
}

/* ---- failover ------------------------------------------------------------ */

struct failover {
	struct prog *prog;
	struct store *st;
	struct progress progress;
	struct out out;
	struct strv operands;
	int64_t account;
	struct upstream_ca ca; /* its directory is NULL: any */
	int64_t after;
	size_t at; /* of the operands */
	int64_t ids[BATCH];
	struct err why[BATCH];
	size_t len;
};

static int
check_which(const struct prog *p, const struct backups_which *w, struct err *e)
{
	if (w->account && w->ca)
		return prog_misuse(e, "--account and --ca: only one of them");
	if (!w->account && !w->ca && p->argc == 0)
		return prog_misuse(e,
		    "failover: which ones? CONFIGURATION, --account or --ca");
	return 0;
}

static int
find_which(struct failover *f, const struct backups_which *w, struct err *e)
{
	struct upstream_account a;

	if (w->ca)
		return ca_find(f->st, w->ca, &f->ca, e);
	if (!w->account)
		return 0;
	if (upstream_account_pick(f->st, w->account, &a, e) < 0)
		return -1;
	f->account = a.id;
	upstream_account_release(&a);
	return 0;
}

/* 1: it serves by what was asked for; 0, -1. */
static int
is_meant(
    struct failover *f, const struct renewal_configuration *c, struct err *e)
{
	struct upstream_account a;
	int rc;

	if (f->account)
		return c->upstream_account_id == f->account;
	if (!f->ca.directory_url)
		return 1;
	if (upstream_account_by_id(f->st, c->upstream_account_id, &a, e) < 0)
		return -1;
	rc = strcmp(a.directory_url, f->ca.directory_url) == 0;
	upstream_account_release(&a);
	return rc;
}

/* The next ones that the operands mean; what is none is told. */
static void
take_operands(struct failover *f)
{
	while (f->len < BATCH && f->at < f->operands.len) {
		struct renewal_configuration c;
		struct err why = {0};
		int rc = renewal_configuration_pick(
		    f->st, f->operands.v[f->at++], &c, &why);

		if (rc == 0 && (rc = is_meant(f, &c, &why)) > 0)
			f->ids[f->len++] = c.id;
		if (rc < 0)
			prog_item_failed(f->prog, &why);
		renewal_configuration_release(&c);
	}
}

static int
take_batch(struct failover *f, struct err *e)
{
	int64_t n;

	f->len = 0;
	if (f->prog->argc > 0) {
		take_operands(f);
		return 0;
	}
	n = renewal_backup_list(
	    f->st, f->after, f->account, f->ca.directory_url, f->ids, BATCH, e);
	if (n < 0)
		return -1;
	f->len = (size_t)n;
	if (n > 0)
		f->after = f->ids[n - 1];
	return 0;
}

static void
tell(struct failover *f)
{
	for (size_t i = 0; i < f->len; i++) {
		if (err_is_set(&f->why[i])) {
			prog_item_failed(f->prog, &f->why[i]);
			continue;
		}
		f->prog->brings = true;
		out_int(&f->out, f->ids[i]);
		out_end(&f->out);
	}
	progress_add(&f->progress, (int64_t)f->len);
}

static int
make_spare(void *st, struct renewal_configuration *c, struct err *e)
{
	struct upstream_account a;
	struct orderpolicy policy = {0};
	struct buf text;
	int rc = upstream_account_by_id(st, c->upstream_account_id, &a, e);

	buf_init(&text, ORDERPOLICY_MAX);
	if (rc == 0)
		rc = orderpolicy_read(&policy, c->policy, e);
	if (rc == 0) {
		orderpolicy_unshare(&policy, a.certificate_key_cycle);
		if (orderpolicy_write(&policy, &text) < 0)
			rc = err_set(e, KIND_BUG, "a policy is too long");
	}
	if (rc == 0) {
		free(c->policy);
		c->policy = xstrdup(text.data);
	}
	orderpolicy_release(&policy);
	upstream_account_release(&a);
	buf_release(&text);
	return rc;
}

static int
fail_over(struct failover *f, struct err *e)
{
	const struct renewal_failover_how how = {
	    .dry_run = f->prog->dry_run, .spare = make_spare, .arg = f->st};

	do {
		if (sig_term())
			return err_set(
			    e, KIND_BUSY, "stopped; what was done is printed");
		if (take_batch(f, e) < 0 ||
		    renewal_failover(f->st, f->ids, f->len, &how, f->why, e) <
			0)
			return -1;
		tell(f);
	} while (f->at < f->operands.len || (f->prog->argc == 0 && f->len > 0));
	return 0;
}

int
backups_failover(
    struct prog *p, const struct backups_which *which, struct err *e)
{
	static const char *const columns[] = {"renewal", NULL};
	struct failover *f;
	int rc;

	if (check_which(p, which, e) < 0)
		return -1;
	f = xcalloc(1, sizeof(*f));
	f->prog = p;
	rc = operands_read(p, &f->operands, e);
	if (rc == 0)
		f->st =
		    rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	if (!f->st || find_which(f, which, e) < 0)
		rc = -1;
	sig_catch_term();
	out_init(&f->out, p->json, !p->no_header, columns);
	progress_begin(&f->progress, "renewals");
	if (rc == 0)
		rc = fail_over(f, e);
	progress_end(&f->progress);
	if (rc == 0)
		out_finish(&f->out);
	upstream_ca_release(&f->ca);
	store_close(f->st);
	strv_release(&f->operands);
	free(f);
	return rc;
}
