#include "store/renewal_backup.h"

#include "store/certificate.h"
#include "store/event.h"
#include "store/renewal_configuration.h"
#include "store/stmt.h"
#include "sys/clock.h"

enum {
	BACKUP_OF,
	BACKUP_LIST,
	BACKUP_LIST_ACCOUNT,
	BACKUP_LIST_CA,
	BACKUP_IS_SAME_CA,
	BACKUP_EXISTS,
	BACKUP_ADD,
	BACKUP_STATE,
	BACKUP_TO_DEACTIVATE,
	BACKUP_TO_SLEEP,
	BACKUP_WHOSE,
	BACKUP_SET_OF,
	BACKUP_LABEL,
	BACKUP_SET_LABEL,
	BACKUP_SET_POLICY
};

#define HAVING                                                                 \
	"SELECT b.backup_of_id FROM renewal_configurations b"                  \
	" WHERE b.backup_of_id > ?1"
#define ACCOUNT_OF_IT                                                          \
	"(SELECT p.upstream_account_id FROM renewal_configurations p"          \
	" WHERE p.id = b.backup_of_id)"
#define BY_NUMBER " ORDER BY b.backup_of_id LIMIT ?2"

static const char *const sql[] = {
    [BACKUP_OF] =
	"SELECT id FROM renewal_configurations WHERE backup_of_id = ?1",
    [BACKUP_LIST] = HAVING BY_NUMBER,
    [BACKUP_LIST_ACCOUNT] = HAVING " AND " ACCOUNT_OF_IT " = ?3" BY_NUMBER,
    [BACKUP_LIST_CA] =
	HAVING " AND (SELECT a.directory_url FROM upstream_accounts a"
	       " WHERE a.id = " ACCOUNT_OF_IT ") = ?3" BY_NUMBER,
    [BACKUP_IS_SAME_CA] =
	"SELECT 1 FROM upstream_accounts a JOIN upstream_accounts o"
	" ON o.directory_url = a.directory_url WHERE a.id = ?1 AND o.id = ?2",
    [BACKUP_EXISTS] = "SELECT id FROM renewal_configurations"
		      " WHERE fqdn_set_id = ?1 AND upstream_account_id = ?2",
    [BACKUP_ADD] =
	"INSERT INTO renewal_configurations (active, upstream_account_id,"
	" fqdn_set_id, policy, part_left, backup_of_id, due_at, due_by,"
	" due_rule, created) SELECT 1, CAST(?2 AS BIGINT), p.fqdn_set_id,"
	" CAST(?3 AS TEXT), p.part_left, p.id, CAST(?4 AS BIGINT),"
	" CAST(?4 AS BIGINT), 'first', CAST(?4 AS BIGINT)"
	" FROM renewal_configurations p WHERE p.id = ?1 RETURNING id",
    [BACKUP_STATE] = "SELECT b.certificate_id, c.status, c.not_before, "
		     "c.not_after, c.active,"
		     " (SELECT k.id FROM private_keys k"
		     " WHERE k.spki_sha256 = c.spki_sha256)"
		     " FROM renewal_configurations b"
		     " LEFT JOIN certificates c ON c.id = b.certificate_id"
		     " WHERE b.id = ?1",
    [BACKUP_TO_DEACTIVATE] =
	"SELECT id FROM certificates WHERE fqdn_set_id = (SELECT fqdn_set_id"
	" FROM renewal_configurations WHERE id = ?1) AND +active = 1"
	" AND status || '' = 'valid' AND id <> ?2 LIMIT 1",
    [BACKUP_TO_SLEEP] =
	"SELECT c.id FROM renewal_configurations b"
	" JOIN certificates c ON c.id = b.certificate_id"
	" WHERE b.id = ?1 AND b.backup_of_id IS NOT NULL AND c.active = 1"
	" AND c.status = 'valid'",
    [BACKUP_WHOSE] = "SELECT id FROM renewal_configurations"
		     " WHERE certificate_id = ?1 AND backup_of_id IS NOT NULL",
    [BACKUP_SET_OF] = "UPDATE renewal_configurations SET backup_of_id ="
		      " NULLIF(CAST(?2 AS BIGINT), 0) WHERE id = ?1",
    [BACKUP_LABEL] = "SELECT label FROM renewal_configurations WHERE id = ?1",
    [BACKUP_SET_LABEL] =
	"UPDATE renewal_configurations SET label = CAST(?2 AS TEXT)"
	" WHERE id = ?1",
    [BACKUP_SET_POLICY] =
	"UPDATE renewal_configurations SET policy = ?2 WHERE id = ?1",
};

const struct stmt_table renewal_backup_stmts = {
    "renewal_backup", sql, ARRAY_LEN(sql)};

#define M STMT_RENEWAL_BACKUP

/* ---- making -------------------------------------------------------------- */

struct adding {
	struct store *st;
	const struct renewal_backup_new *new;
	int64_t id;
};

static int
check_primary(struct store *st, const struct renewal_configuration *c,
    int64_t account, struct err *e)
{
	long long id = (long long)c->id;
	int64_t other = c->backup_of_id;
	int rc;

	if (other != 0)
		return err_set(e, KIND_CONFLICT,
		    "renewal_configuration/%lld is the backup of "
		    "renewal_configuration/%lld",
		    id, (long long)other);
	if (!c->active)
		return err_set(e, KIND_CONFLICT,
		    "renewal_configuration/%lld is deactivated", id);
	if (renewal_backup_of(st, c->id, &other, e) < 0)
		return -1;
	if (other != 0)
		return err_set(e, KIND_CONFLICT,
		    "renewal_configuration/%lld has a backup: "
		    "renewal_configuration/%lld",
		    id, (long long)other);
	rc = stmt_int(st, M, BACKUP_IS_SAME_CA, &other, e, "ii",
	    c->upstream_account_id, account);
	if (rc > 0)
		return err_set(e, KIND_DENIED,
		    "upstream account %lld is at the same CA as "
		    "renewal_configuration/%lld",
		    (long long)account, id);
	rc = rc < 0 ? -1
		    : stmt_int(st, M, BACKUP_EXISTS, &other, e, "ii",
			  c->fqdn_set_id, account);
	if (rc > 0)
		return err_set(e, KIND_CONFLICT,
		    "renewal_configuration/%lld is for the same names and "
		    "upstream account %lld already",
		    (long long)other, (long long)account);
	return rc;
}

static int
add(void *arg, struct err *e)
{
	struct adding *a = arg;
	const struct renewal_backup_new *n = a->new;
	struct renewal_configuration c;
	char detail[64];
	int rc;

	if (renewal_configuration_by_id(
		a->st, n->renewal_configuration_id, &c, e) < 0)
		return -1;
	rc = check_primary(a->st, &c, n->upstream_account_id, e);
	renewal_configuration_release(&c);
	if (rc < 0 ||
	    stmt_int(a->st, M, BACKUP_ADD, &a->id, e, "iiti",
		n->renewal_configuration_id, n->upstream_account_id, n->policy,
		clock_now()) < 0)
		return -1;
	snprintf(detail, sizeof(detail), "renewal_configuration/%lld",
	    (long long)n->renewal_configuration_id);
	return event_add(a->st, "renewal_configuration.backup",
	    EVENT_RENEWAL_CONFIGURATION, a->id, detail, e);
}

int
renewal_backup_add(struct store *st, const struct renewal_backup_new *n,
    int64_t *id, struct err *e)
{
	struct adding a = {.st = st, .new = n};

	if (db_transaction(st->db, DB_DURABLE, add, &a, e) < 0)
		return -1;
	*id = a.id;
	return 0;
}

/* ---- reading ------------------------------------------------------------- */

int
renewal_backup_of(struct store *st, int64_t renewal_configuration_id,
    int64_t *backup_id, struct err *e)
{
	*backup_id = 0;
	return stmt_int(st, M, BACKUP_OF, backup_id, e, "i",
		   renewal_configuration_id) < 0
	    ? -1
	    : 0;
}

int64_t
renewal_backup_list(struct store *st, int64_t after,
    int64_t upstream_account_id, const char *directory_url, int64_t *ids,
    size_t max, struct err *e)
{
	struct db_stmt *s = directory_url
	    ? stmt_query(st, M, BACKUP_LIST_CA, e, "iit", after, (int64_t)max,
		  directory_url)
	    : upstream_account_id
	    ? stmt_query(st, M, BACKUP_LIST_ACCOUNT, e, "iii", after,
		  (int64_t)max, upstream_account_id)
	    : stmt_query(st, M, BACKUP_LIST, e, "ii", after, (int64_t)max);
	int64_t len = 0;
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		ids[len++] = db_int(s, 0);
	return rc < 0 ? -1 : len;
}

/* ---- failover ------------------------------------------------------------ */

struct failing_over {
	struct store *st;
	const int64_t *ids;
	size_t len;
	const struct renewal_failover_how *how;
	struct err *why;
};

/* The certificate of a backup; somebody may have activated it already. */
struct spare {
	int64_t id;
	bool active;
};

/* Gives it if it could serve now. */
static int
find_ready(struct store *st, int64_t backup, struct spare *spare, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, BACKUP_STATE, e, "i", backup);
	const char *what = NULL;
	int rc = s ? db_step(s, e) : -1;

	if (rc <= 0)
		return -1;
	spare->id = db_int(s, 0);
	spare->active = db_int(s, 4) == 1;
	if (db_is_null(s, 0))
		what = "has no certificate yet";
	else if (strcmp(db_text(s, 1), "valid") != 0)
		what = "has a certificate that is revoked";
	else if (db_int(s, 2) > clock_now() || db_int(s, 3) < clock_now())
		what = "has a certificate that is not valid now";
	else if (db_is_null(s, 5))
		what = "has a certificate without its private key";
	db_reset(s);
	return what ? err_set(e, KIND_CONFLICT,
			  "renewal_configuration/%lld, its backup, %s",
			  (long long)backup, what)
		    : 0;
}

static int
swap_certificates(struct store *st, int64_t configuration,
    const struct spare *to, const char *detail, struct err *e)
{
	int64_t id;
	int rc;

	while ((rc = stmt_int(st, M, BACKUP_TO_DEACTIVATE, &id, e, "ii",
		    configuration, to->id)) > 0)
		if (certificate_switch(st, id, false, detail, e) < 0)
			return -1;
	return rc < 0 || to->active
	    ? rc
	    : certificate_switch(st, to->id, true, detail, e);
}

static int
swap_roles(struct store *st, int64_t from, int64_t to, struct err *e)
{
	return stmt_run(st, M, BACKUP_SET_OF, e, "ii", to, (int64_t)0) < 0 ||
		stmt_run(st, M, BACKUP_SET_OF, e, "ii", from, to) < 0
	    ? -1
	    : 0;
}

static int
load_label(struct store *st, int64_t id, char **label, struct err *e)
{
	struct db_stmt *s = stmt_query(st, M, BACKUP_LABEL, e, "i", id);

	if (!s || db_step(s, e) <= 0)
		return -1;
	*label = stmt_text_dup(s, 0);
	db_reset(s);
	return 0;
}

static int
set_label(struct store *st, int64_t id, const char *label, struct err *e)
{
	return stmt_run(st, M, BACKUP_SET_LABEL, e, "it", id, label) < 0 ? -1
									 : 0;
}

/* Like a name, a label is of what serves.  No two have the same. */
static int
swap_labels(struct store *st, const char *label, int64_t from, int64_t to,
    struct err *e)
{
	char *other = NULL;
	int rc = load_label(st, to, &other, e);

	if (rc == 0 && (label || other))
		rc = set_label(st, from, NULL, e) < 0 ||
			set_label(st, to, label, e) < 0 ||
			set_label(st, from, other, e) < 0
		    ? -1
		    : 0;
	free(other);
	return rc;
}

/* What becomes a backup shares its key with nothing. */
static int
make_spare(const struct failing_over *f, struct renewal_configuration *c,
    struct err *e)
{
	char *before = xstrdup(c->policy);
	int rc = f->how->spare(f->how->arg, c, e);

	if (rc == 0 && strcmp(before, c->policy) != 0) {
		rc = stmt_run(f->st, M, BACKUP_SET_POLICY, e, "it", c->id,
			 c->policy) < 0
		    ? -1
		    : event_add(f->st, "renewal_configuration.set",
			  EVENT_RENEWAL_CONFIGURATION, c->id, c->policy, e);
	}
	free(before);
	return rc;
}

static int
swap(const struct failing_over *f, struct renewal_configuration *from,
    int64_t to, const struct spare *spare, struct err *e)
{
	struct store *st = f->st;
	char detail[64];

	snprintf(detail, sizeof(detail), "renewal_configuration/%lld",
	    (long long)from->id);
	if (make_spare(f, from, e) < 0 || swap_roles(st, from->id, to, e) < 0 ||
	    swap_labels(st, from->label, from->id, to, e) < 0 ||
	    swap_certificates(st, to, spare, "failover", e) < 0 ||
	    (from->certificate_id &&
		renewal_configuration_refresh(st, from->certificate_id, e) < 0))
		return -1;
	return event_add(st, "renewal_configuration.failover",
	    EVENT_RENEWAL_CONFIGURATION, to, detail, e);
}

/* Nothing is changed before `why`; -1 without it is the store's failure. */
static int
fail_over(
    const struct failing_over *f, int64_t id, struct err *why, struct err *e)
{
	struct store *st = f->st;
	struct renewal_configuration c;
	struct spare spare = {0};
	int64_t backup = 0;
	int rc = renewal_configuration_by_id(st, id, &c, why);

	if (rc == 0 && c.backup_of_id != 0)
		rc = err_set(why, KIND_CONFLICT,
		    "renewal_configuration/%lld is the backup of "
		    "renewal_configuration/%lld",
		    (long long)id, (long long)c.backup_of_id);
	if (rc == 0)
		rc = renewal_backup_of(st, id, &backup, why);
	if (rc == 0 && backup == 0)
		rc = err_set(why, KIND_NOTFOUND,
		    "renewal_configuration/%lld has no backup", (long long)id);
	if (rc == 0)
		rc = find_ready(st, backup, &spare, why);
	if (rc == 0 && !f->how->dry_run)
		rc = swap(f, &c, backup, &spare, e);
	renewal_configuration_release(&c);
	return rc;
}

static bool
is_no_failure(const struct err *why)
{
	return why->kind == KIND_NOTFOUND || why->kind == KIND_CONFLICT;
}

static int
fail_over_all(void *arg, struct err *e)
{
	struct failing_over *f = arg;

	for (size_t i = 0; i < f->len; i++) {
		err_clear(&f->why[i]);
		if (fail_over(f, f->ids[i], &f->why[i], e) == 0 ||
		    is_no_failure(&f->why[i]))
			continue;
		if (!err_is_set(e))
			*e = f->why[i];
		return -1;
	}
	return 0;
}

int
renewal_failover(struct store *st, const int64_t *ids, size_t len,
    const struct renewal_failover_how *how, struct err *why, struct err *e)
{
	struct failing_over f = {
	    .st = st, .ids = ids, .len = len, .how = how, .why = why};

	return how->dry_run
	    ? fail_over_all(&f, e)
	    : db_transaction(st->db, DB_DURABLE, fail_over_all, &f, e);
}

int
renewal_backup_arrived(
    struct store *st, int64_t renewal_configuration_id, struct err *e)
{
	int64_t id;
	int rc = stmt_int(
	    st, M, BACKUP_TO_SLEEP, &id, e, "i", renewal_configuration_id);

	return rc <= 0 ? rc : certificate_switch(st, id, false, "backup", e);
}

int
renewal_backup_check_awake(
    struct store *st, int64_t certificate_id, struct err *e)
{
	int64_t id;
	int rc = stmt_int(st, M, BACKUP_WHOSE, &id, e, "i", certificate_id);

	return rc <= 0 ? rc
		       : err_set(e, KIND_CONFLICT,
			     "certificate %lld is what renewal_configuration/"
			     "%lld, a backup, keeps ready: cert-manage "
			     "failover has it serve",
			     (long long)certificate_id, (long long)id);
}
