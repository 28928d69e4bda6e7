#include "store/stats.h"

#include "store/account.h"
#include "store/eab_key.h"
#include "store/job.h"
#include "store/private_key.h"
#include "store/schema.h"
#include "store/stmt.h"
#include "sys/clock.h"

enum {
	STATS_ACCOUNTS,
	STATS_ORDERS,
	STATS_ORDERS_UNTIL,
	STATS_ORDERS_EXPIRED,
	STATS_CERTIFICATES,
	STATS_CERTIFICATES_EXPIRED,
	STATS_CERTIFICATES_REVOKED,
	STATS_CHAINS,
	STATS_DOMAINS,
	STATS_PRIVATE_KEYS,
	STATS_CLEAR_PRIVATE_KEYS,
	STATS_UPSTREAM_ACCOUNTS,
	STATS_CLEAR_UPSTREAM_ACCOUNTS,
	STATS_EAB_KEYS,
	STATS_CLEAR_EAB_KEYS,
	STATS_ACME_DNS_ACCOUNTS,
	STATS_CLEAR_ACME_DNS_ACCOUNTS,
	STATS_JOBS,
	STATS_JOBS_DUE,
	STATS_JOBS_FIRST
};

static const char *const sql[] = {
    [STATS_ACCOUNTS] = "SELECT count(*) FROM accounts WHERE status = ?1",
    [STATS_ORDERS] = "SELECT count(*) FROM orders WHERE status = ?1",
    [STATS_ORDERS_UNTIL] = "SELECT count(*) FROM orders WHERE status = ?1"
			   " AND keep_until > ?2",
    [STATS_ORDERS_EXPIRED] =
	"SELECT count(*) FROM orders WHERE status IN ('pending', 'ready')"
	" AND keep_until <= ?1",
    [STATS_CERTIFICATES] =
	"SELECT count(*) FROM certificates WHERE not_after >= ?1",
    [STATS_CERTIFICATES_EXPIRED] =
	"SELECT count(*) FROM certificates WHERE not_after < ?1",
    [STATS_CERTIFICATES_REVOKED] =
	"SELECT count(*) FROM certificates WHERE status = 'revoked'"
	" AND not_after >= ?1",
    [STATS_CHAINS] = "SELECT count(*) FROM chains",
    [STATS_DOMAINS] = "SELECT count(*) FROM domains WHERE id > 0",
    [STATS_PRIVATE_KEYS] =
	"SELECT count(*) FROM private_keys WHERE status = ?1",
    [STATS_CLEAR_PRIVATE_KEYS] =
	"SELECT count(*) FROM private_keys WHERE sealed = 0 AND id > 0",
    [STATS_UPSTREAM_ACCOUNTS] =
	"SELECT count(*) FROM upstream_accounts WHERE id > 0",
    [STATS_CLEAR_UPSTREAM_ACCOUNTS] =
	"SELECT count(*) FROM upstream_accounts WHERE sealed = 0 AND id > 0",
    [STATS_EAB_KEYS] =
	"SELECT count(*) FROM eab_keys WHERE status = ?1 AND id > 0",
    [STATS_CLEAR_EAB_KEYS] =
	"SELECT count(*) FROM eab_keys WHERE sealed = 0 AND id > 0",
    [STATS_ACME_DNS_ACCOUNTS] =
	"SELECT count(*) FROM acme_dns_accounts WHERE id > 0",
    [STATS_CLEAR_ACME_DNS_ACCOUNTS] =
	"SELECT count(*) FROM acme_dns_accounts WHERE sealed = 0 AND id > 0",
    [STATS_JOBS] = "SELECT count(*) FROM jobs WHERE kind = ?1",
    [STATS_JOBS_DUE] =
	"SELECT count(*) FROM jobs WHERE kind = ?1 AND due <= ?2",
    [STATS_JOBS_FIRST] =
	"SELECT due FROM jobs WHERE kind = ?1 ORDER BY due LIMIT 1",
};

const struct stmt_table stats_stmts = {"stats", sql, ARRAY_LEN(sql)};

struct list {
	struct store *st;
	int64_t now;
	struct stats_value *v;
	size_t len;
};

static void
add(struct list *l, const char *name, const char *label, const char *value,
    const char *help, int64_t number)
{
	struct stats_value *v;

	l->v = xreallocarray(l->v, l->len + 1, sizeof(*l->v));
	v = &l->v[l->len++];
	v->name = name;
	v->label = label;
	v->value = value;
	v->help = help;
	v->number = number;
}

static int
count_accounts(struct list *l, struct err *e)
{
	int64_t n;
	int i;

	for (i = 0; i < ACCOUNT__MAX; i++) {
		const char *status =
		    account_status_name((enum account_status)i);

		if (stmt_int(l->st, STMT_STATS, STATS_ACCOUNTS, &n, e, "t",
			status) < 0)
			return -1;
		add(l, "accounts", "status", status, "ACME accounts", n);
	}
	return 0;
}

/* As a client sees them: what has expired is invalid. */
static int
count_orders(struct list *l, struct err *e)
{
	static const char help[] = "ACME orders";
	static const char *const open[] = {"pending", "ready"};
	static const char *const other[] = {"processing", "valid"};
	int64_t n, expired;
	size_t i;

	for (i = 0; i < ARRAY_LEN(open); i++) {
		if (stmt_int(l->st, STMT_STATS, STATS_ORDERS_UNTIL, &n, e, "ti",
			open[i], l->now) < 0)
			return -1;
		add(l, "orders", "status", open[i], help, n);
	}
	for (i = 0; i < ARRAY_LEN(other); i++) {
		if (stmt_int(l->st, STMT_STATS, STATS_ORDERS, &n, e, "t",
			other[i]) < 0)
			return -1;
		add(l, "orders", "status", other[i], help, n);
	}
	if (stmt_int(l->st, STMT_STATS, STATS_ORDERS, &n, e, "t", "invalid") <
		0 ||
	    stmt_int(l->st, STMT_STATS, STATS_ORDERS_EXPIRED, &expired, e, "i",
		l->now) < 0)
		return -1;
	add(l, "orders", "status", "invalid", help, n + expired);
	return 0;
}

static int
count_certificates(struct list *l, struct err *e)
{
	static const char help[] = "Certificates";
	int64_t unexpired, expired, revoked, chains;

	if (stmt_int(l->st, STMT_STATS, STATS_CERTIFICATES, &unexpired, e, "i",
		l->now) < 0 ||
	    stmt_int(l->st, STMT_STATS, STATS_CERTIFICATES_EXPIRED, &expired, e,
		"i", l->now) < 0 ||
	    stmt_int(l->st, STMT_STATS, STATS_CERTIFICATES_REVOKED, &revoked, e,
		"i", l->now) < 0 ||
	    stmt_int(l->st, STMT_STATS, STATS_CHAINS, &chains, e, "") < 0)
		return -1;
	add(l, "certificates", "status", "valid", help, unexpired - revoked);
	add(l, "certificates", "status", "revoked", help, revoked);
	add(l, "certificates", "status", "expired", help, expired);
	add(l, "chains", NULL, NULL, "Distinct chains of CA certificates",
	    chains);
	return 0;
}

static int
count_one(struct list *l, const char *name, const char *help, size_t row,
    struct err *e)
{
	int64_t n;

	if (stmt_int(l->st, STMT_STATS, row, &n, e, "") < 0)
		return -1;
	add(l, name, NULL, NULL, help, n);
	return 0;
}

static int
count_keys(struct list *l, struct err *e)
{
	int64_t n;

	for (int i = 0; i < PRIVATE_KEY__MAX; i++) {
		const char *status =
		    private_key_status_name((enum private_key_status)i);

		if (stmt_int(l->st, STMT_STATS, STATS_PRIVATE_KEYS, &n, e, "t",
			status) < 0)
			return -1;
		add(l, "private_keys", "status", status, "Private keys", n);
	}
	return count_one(l, "private_keys_in_the_clear",
	    "Private keys that are not sealed", STATS_CLEAR_PRIVATE_KEYS, e);
}

static int
count_upstream_accounts(struct list *l, struct err *e)
{
	if (count_one(l, "upstream_accounts", "Accounts at other CAs",
		STATS_UPSTREAM_ACCOUNTS, e) < 0)
		return -1;
	return count_one(l, "upstream_accounts_in_the_clear",
	    "Accounts whose key is not sealed", STATS_CLEAR_UPSTREAM_ACCOUNTS,
	    e);
}

static int
count_acme_dns_accounts(struct list *l, struct err *e)
{
	if (count_one(l, "acme_dns_accounts", "Accounts at acme-dns servers",
		STATS_ACME_DNS_ACCOUNTS, e) < 0)
		return -1;
	return count_one(l, "acme_dns_accounts_in_the_clear",
	    "Such accounts whose password is not sealed",
	    STATS_CLEAR_ACME_DNS_ACCOUNTS, e);
}

static int
count_eab_keys(struct list *l, struct err *e)
{
	int64_t n;

	for (int i = 0; i < EAB_KEY__MAX; i++) {
		const char *status =
		    eab_key_status_name((enum eab_key_status)i);

		if (stmt_int(l->st, STMT_STATS, STATS_EAB_KEYS, &n, e, "t",
			status) < 0)
			return -1;
		add(l, "eab_keys", "status", status,
		    "Keys of external account binding", n);
	}
	return count_one(l, "eab_keys_in_the_clear",
	    "Such keys that are not sealed", STATS_CLEAR_EAB_KEYS, e);
}

static int
count_jobs(struct list *l, struct err *e)
{
	int64_t all, due, first;
	int i, rc;

	for (i = 0; i < JOB__MAX; i++) {
		const char *kind = job_kind_name((enum job_kind)i);

		if (stmt_int(l->st, STMT_STATS, STATS_JOBS, &all, e, "t",
			kind) < 0 ||
		    stmt_int(l->st, STMT_STATS, STATS_JOBS_DUE, &due, e, "ti",
			kind, l->now) < 0)
			return -1;
		rc = stmt_int(
		    l->st, STMT_STATS, STATS_JOBS_FIRST, &first, e, "t", kind);
		if (rc < 0)
			return -1;
		add(l, "jobs", "kind", kind, "Work not yet finished", all);
		add(l, "jobs_due", "kind", kind, "Work that nobody is doing",
		    due);
		add(l, "jobs_late_seconds", "kind", kind,
		    "How long the oldest of it waits",
		    rc > 0 && first < l->now ? l->now - first : 0);
	}
	return 0;
}

static int
count_all(void *arg, struct err *e)
{
	struct list *l = arg;

	l->len = 0;
	if (count_accounts(l, e) < 0 || count_orders(l, e) < 0 ||
	    count_certificates(l, e) < 0 ||
	    count_one(l, "domains", "Names", STATS_DOMAINS, e) < 0 ||
	    count_keys(l, e) < 0 || count_upstream_accounts(l, e) < 0 ||
	    count_acme_dns_accounts(l, e) < 0 || count_eab_keys(l, e) < 0)
		return -1;
	return count_jobs(l, e);
}

int
stats_load(
    struct store *st, struct stats_value **values, size_t *len, struct err *e)
{
	struct list l = {.st = st, .now = clock_now()};
	int64_t size = db_size(st->db, e);

	if (size < 0 || db_snapshot(st->db, count_all, &l, e) < 0) {
		free(l.v);
		return -1;
	}
	add(&l, "bytes", NULL, NULL, "Size of the store's files", size);
	add(&l, "version", NULL, NULL, "Schema version", schema_version());
	*values = l.v; /* transferred */
	*len = l.len;
	return 0;
}

static bool
is_first_of_name(const struct stats_value *values, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (strcmp(values[k].name, values[i].name) == 0)
			return false;
	return true;
}

static void
write_label(const struct stats_value *v, struct buf *out)
{
	buf_addf(out, "{%s=\"", v->label);
	for (const char *p = v->value; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *p == '\n' ? ' ' : *p);
	}
	buf_adds(out, "\"}");
}

/* The lines of one metric must stand together. */
static void
write_metric(const char *prefix, const struct stats_value *values, size_t len,
    size_t first, struct buf *out)
{
	const char *name = values[first].name;
	size_t i;

	buf_addf(out, "# HELP %s%s %s\n", prefix, name, values[first].help);
	buf_addf(out, "# TYPE %s%s gauge\n", prefix, name);
	for (i = first; i < len; i++) {
		if (strcmp(values[i].name, name) != 0)
			continue;
		buf_addf(out, "%s%s", prefix, name);
		if (values[i].label)
			write_label(&values[i], out);
		buf_addf(out, " %lld\n", (long long)values[i].number);
	}
}

void
stats_prometheus(const char *prefix, const struct stats_value *values,
    size_t len, struct buf *out)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (is_first_of_name(values, i))
			write_metric(prefix, values, len, i, out);
}
