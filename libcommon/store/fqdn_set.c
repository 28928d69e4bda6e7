#include "store/fqdn_set.h"

#include "store/domain.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "wrap/digest.h"

enum {
	FQDN_SET_ID,
	FQDN_SET_ADD,
	FQDN_SET_ADD_MEMBER,
	FQDN_SET_NAMES
};

static const char *const sql[] = {
    [FQDN_SET_ID] = "SELECT id FROM fqdn_sets WHERE sha256 = ?1",
    [FQDN_SET_ADD] = "INSERT INTO fqdn_sets (sha256, size, created)"
		     " VALUES (?1, ?2, ?3) RETURNING id",
    [FQDN_SET_ADD_MEMBER] =
	"INSERT INTO fqdn_set_members (fqdn_set_id, domain_id)"
	" VALUES (?1, ?2)",
    [FQDN_SET_NAMES] = "SELECT d.value FROM fqdn_set_members m"
		       " JOIN domains d ON d.id = m.domain_id"
		       " WHERE m.fqdn_set_id = ?1",
};

const struct stmt_table fqdn_set_stmts = {"fqdn_set", sql, ARRAY_LEN(sql)};

int
fqdn_set_names(struct store *st, int64_t id, struct strv *names, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_FQDN_SET, FQDN_SET_NAMES, e, "i", id);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		strv_add(names, db_text(s, 0));
	if (rc == 0)
		strv_sort_unique(names);
	return rc;
}

char *
fqdn_set_describe(struct store *st, int64_t id, int most)
{
	struct strv names = {0};
	struct err ignored = {0};
	char *text = NULL;

	if (fqdn_set_names(st, id, &names, &ignored) == 0 && names.len == 1)
		text = xstrdup(names.v[0]);
	else if (names.len > 1)
		text = xasprintf("%.*s and %zu other%s", most, names.v[0],
		    names.len - 1, names.len > 2 ? "s" : "");
	strv_release(&names);
	return text;
}

/* `names` is sorted, and nothing is there twice. */
static void
set_sha256(const struct strv *names, uint8_t out[DIGEST_SHA256_SIZE])
{
	struct buf all;
	size_t max = 1;

	for (size_t i = 0; i < names->len; i++)
		max += strlen(names->v[i]) + 1;
	buf_init(&all, max);
	for (size_t i = 0; i < names->len; i++) {
		buf_adds(&all, names->v[i]);
		buf_addc(&all, '\n');
	}
	digest_sha256(out, all.data, all.len);
	buf_release(&all);
}

static int
add_members(struct store *st, int64_t id, const struct strv *names,
    const struct strv *ip, struct err *e)
{
	for (size_t i = 0; i < names->len; i++) {
		const char *name = names->v[i];
		int64_t domain;

		if (domain_put(st,
			strv_has(ip, name) ? IDENTIFIER_IP : IDENTIFIER_DNS,
			name, &domain, e) < 0 ||
		    stmt_run(st, STMT_FQDN_SET, FQDN_SET_ADD_MEMBER, e, "ii",
			id, domain) < 0)
			return -1;
	}
	return 0;
}

static int
put(struct store *st, const struct strv *names, const struct strv *ip,
    struct fqdn_set *set, struct err *e)
{
	uint8_t sha256[DIGEST_SHA256_SIZE];
	int rc;

	set->size = names->len;
	set_sha256(names, sha256);
	rc = stmt_int(st, STMT_FQDN_SET, FQDN_SET_ID, &set->id, e, "b", sha256,
	    sizeof(sha256));
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	rc = stmt_int(st, STMT_FQDN_SET, FQDN_SET_ADD, &set->id, e, "bii",
	    sha256, sizeof(sha256), (int64_t)names->len, clock_now());
	return rc < 0 ? -1 : add_members(st, set->id, names, ip, e);
}

int
fqdn_set_put(struct store *st, const struct strv *dns, const struct strv *ip,
    struct fqdn_set *set, struct err *e)
{
	struct strv names = {0};
	int rc = 0;

	for (size_t i = 0; i < dns->len; i++)
		strv_add_lower(&names, dns->v[i]);
	for (size_t i = 0; i < ip->len; i++)
		strv_add_lower(&names, ip->v[i]);
	strv_sort_unique(&names);
	for (size_t i = 0; rc == 0 && i < names.len; i++)
		if (strlen(names.v[i]) > DOMAIN_VALUE_MAX)
			rc = err_set(e, KIND_INPUT,
			    "RFC 1035 2.3.4: a name of more than %d bytes",
			    DOMAIN_VALUE_MAX);
	if (rc == 0)
		rc = put(st, &names, ip, set, e);
	strv_release(&names);
	return rc;
}
