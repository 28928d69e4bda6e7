#include "store/chain.h"

#include "store/ca_certificate.h"
#include "store/stmt.h"
#include "wrap/cert.h"
#include "wrap/digest.h"

enum {
	CHAIN_ID,
	CHAIN_ADD,
	CHAIN_ADD_MEMBER,
	CHAIN_MEMBERS,
	CHAIN_OF_CERTIFICATE
};

/*
 * What is wanted of a chain: that a CA is in it, or is a root
 * that has issued its last certificate.  Without preferences neither
 * costs anything.
 */
#define HAS                                                                    \
	"SELECT ca_preferences.position AS rank FROM ca_preferences"           \
	" CROSS JOIN chain_members m WHERE m.chain_id = cc.chain_id"           \
	" AND m.ca_certificate_id = ca_preferences.ca_certificate_id"
#define ENDS_AT                                                                \
	"SELECT ca_preferences.position AS rank FROM ca_preferences"           \
	" CROSS JOIN ca_certificates root CROSS JOIN chain_members m"          \
	" CROSS JOIN ca_certificates ca CROSS JOIN issuers i"                  \
	" WHERE root.id = ca_preferences.ca_certificate_id"                    \
	" AND m.chain_id = cc.chain_id"                                        \
	" AND m.position = (SELECT max(x.position) FROM chain_members x"       \
	" WHERE x.chain_id = cc.chain_id)"                                     \
	" AND ca.id = m.ca_certificate_id AND i.id = ca.issuer_id"             \
	" AND i.sha256 = root.subject_sha256 AND root.issuer_id = i.id"

static const char *const sql[] = {
    [CHAIN_ID] = "SELECT id FROM chains WHERE sha256 = ?1",
    [CHAIN_ADD] = "INSERT INTO chains (sha256) VALUES (?1)"
		  " ON CONFLICT (sha256) DO NOTHING RETURNING id",
    [CHAIN_ADD_MEMBER] =
	"INSERT INTO chain_members (chain_id, position, ca_certificate_id)"
	" VALUES (?1, ?2, ?3)",
    [CHAIN_MEMBERS] = "SELECT ca.der FROM chain_members m"
		      " JOIN ca_certificates ca ON ca.id = m.ca_certificate_id"
		      " WHERE m.chain_id = ?1 ORDER BY m.position",
    [CHAIN_OF_CERTIFICATE] =
	"SELECT cc.chain_id, cc.is_default FROM certificate_chains cc"
	" WHERE cc.certificate_id = ?1 ORDER BY COALESCE((SELECT"
	" min(w.rank) FROM (" HAS " UNION ALL " ENDS_AT ") w),"
	" 1000000), cc.is_default DESC, cc.chain_id LIMIT ?2",
};

const struct stmt_table chain_stmts = {"chain", sql, ARRAY_LEN(sql)};

/* A chain is known by the digests of its members, one after the other. */
static void
members_sha256(const struct cert_list *certs, size_t from, uint8_t out[32])
{
	size_t n = certs->len - from;
	uint8_t *all = xcalloc(n, 32);

	for (size_t i = 0; i < n; i++)
		cert_sha256(certs->v[from + i], all + i * 32);
	digest_sha256(out, all, n * 32);
	free(all);
}

static int
add_members(struct store *st, const struct cert_list *certs, size_t from,
    int64_t id, struct err *e)
{
	for (size_t i = from; i < certs->len; i++) {
		int64_t ca;
		bool created;

		if (ca_certificate_put(st, certs->v[i], "chain", false, &ca,
			&created, e) < 0 ||
		    stmt_run(st, STMT_CHAIN, CHAIN_ADD_MEMBER, e, "iii", id,
			(int64_t)(i - from), ca) < 0)
			return -1;
	}
	return 0;
}

int
chain_put(struct store *st, const struct cert_list *certs, size_t from,
    int64_t *id, bool *created, struct err *e)
{
	uint8_t sha256[32];
	int rc;

	*id = 0;
	*created = false;
	if (certs->len <= from)
		return 0;
	members_sha256(certs, from, sha256);
	rc = stmt_int(
	    st, STMT_CHAIN, CHAIN_ID, id, e, "b", sha256, sizeof(sha256));
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	rc = stmt_int(
	    st, STMT_CHAIN, CHAIN_ADD, id, e, "b", sha256, sizeof(sha256));
	if (rc == 0)
		return err_set(e, KIND_BUG, "a chain has come and gone");
	*created = rc > 0;
	return rc < 0 ? -1 : add_members(st, certs, from, *id, e);
}

struct addition {
	struct store *st;
	const struct cert_list *certs;
	int64_t id;
	bool created;
};

static int
add(void *arg, struct err *e)
{
	struct addition *a = arg;

	return chain_put(a->st, a->certs, 0, &a->id, &a->created, e);
}

int
chain_add(struct store *st, const struct cert_list *certs, int64_t *id,
    bool *created, struct err *e)
{
	struct addition a = {.st = st, .certs = certs};

	if (db_transaction(st->db, DB_DURABLE, add, &a, e) < 0)
		return -1;
	*id = a.id;
	*created = a.created;
	return 0;
}

void
chain_release(struct chain *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->len; i++)
		free(c->certs[i].der);
	free(c->certs);
	*c = (struct chain){0};
}

void
chains_free(struct chain *chains, size_t len)
{
	for (size_t i = 0; i < len; i++)
		chain_release(&chains[i]);
	free(chains);
}

int
chain_load(struct store *st, int64_t id, struct chain *out, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_CHAIN, CHAIN_MEMBERS, e, "i", id);
	int rc = -1;

	*out = (struct chain){.id = id};
	while (s && (rc = db_step(s, e)) > 0) {
		struct certificate_der *d;

		out->certs = xreallocarray(
		    out->certs, out->len + 1, sizeof(*out->certs));
		d = &out->certs[out->len++];
		d->der = stmt_blob_dup(s, 0, &d->len);
	}
	if (rc < 0)
		chain_release(out);
	return rc;
}

/* The numbers alone. */
static int
find_chains(struct store *st, int64_t certificate_id, struct chain **out,
    size_t *len, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_CHAIN, CHAIN_OF_CERTIFICATE, e,
	    "ii", certificate_id, (int64_t)INT64_MAX);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		struct chain c = {
		    .id = db_int(s, 0), .is_default = db_int(s, 1) != 0};

		*out = xreallocarray(*out, *len + 1, sizeof(**out));
		(*out)[(*len)++] = c;
	}
	return rc;
}

int
chain_preferred(
    struct store *st, int64_t certificate_id, int64_t *id, struct err *e)
{
	*id = 0;
	return stmt_int(st, STMT_CHAIN, CHAIN_OF_CERTIFICATE, id, e, "ii",
		   certificate_id, (int64_t)1) < 0
	    ? -1
	    : 0;
}

int
chain_load_all(struct store *st, int64_t certificate_id, struct chain **out,
    size_t *len, struct err *e)
{
	int rc;

	*out = NULL;
	*len = 0;
	rc = find_chains(st, certificate_id, out, len, e);
	for (size_t i = 0; rc == 0 && i < *len; i++) {
		bool is_default = (*out)[i].is_default;

		rc = chain_load(st, (*out)[i].id, &(*out)[i], e);
		(*out)[i].is_default = is_default;
	}
	if (rc < 0) {
		chains_free(*out, *len);
		*out = NULL;
		*len = 0;
	}
	return rc;
}
