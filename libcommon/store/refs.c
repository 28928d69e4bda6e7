#include "store/refs.h"

#include "store/stmt.h"

/* In the order of ways[] below, then one for each type that exists. */
enum {
	OF_CERTIFICATE_SET,
	OF_CERTIFICATE_KEY,
	OF_CERTIFICATE_REQUEST,
	OF_CERTIFICATE_CHAIN,
	OF_CERTIFICATE_ISSUER,
	OF_CERTIFICATE_ACCOUNT,
	OF_CERTIFICATE_ORDER,
	OF_DOMAIN_SET,
	OF_DOMAIN_CERTIFICATE,
	OF_SET_DOMAIN,
	OF_SET_CERTIFICATE,
	OF_SET_REQUEST,
	OF_SET_LINEAGE,
	OF_CA_ISSUER,
	OF_CA_ISSUED_CA,
	OF_CA_ISSUED,
	OF_CA_CHAIN,
	OF_CHAIN_CA,
	OF_CHAIN_CERTIFICATE,
	OF_KEY_CERTIFICATE,
	OF_KEY_REQUEST,
	OF_REQUEST_SET,
	OF_REQUEST_KEY,
	OF_REQUEST_CERTIFICATE,
	OF_LINEAGE_SET,
	OF_LINEAGE_UPSTREAM_ACCOUNT,
	OF_UPSTREAM_ACCOUNT_UPSTREAM_ORDER,
	OF_UPSTREAM_ACCOUNT_LINEAGE,
	EXISTS_CA_CERTIFICATE,
	EXISTS_CERTIFICATE,
	EXISTS_CERTIFICATE_REQUEST,
	EXISTS_CHAIN,
	EXISTS_DOMAIN,
	EXISTS_FQDN_SET,
	EXISTS_LINEAGE,
	EXISTS_PRIVATE_KEY,
	EXISTS_UPSTREAM_ACCOUNT
};

static const char *const sql[] = {
    [OF_CERTIFICATE_SET] = "SELECT fqdn_set_id FROM certificates"
			   " WHERE id = ?1 LIMIT ?2",
    [OF_CERTIFICATE_KEY] =
	"SELECT k.id FROM certificates c"
	" JOIN private_keys k ON k.spki_sha256 = c.spki_sha256"
	" WHERE c.id = ?1 LIMIT ?2",
    [OF_CERTIFICATE_REQUEST] =
	"SELECT r.id FROM certificate_requests r WHERE r.spki_sha256 ="
	" (SELECT c.spki_sha256 FROM certificates c WHERE c.id = ?1)"
	" ORDER BY r.id LIMIT ?2",
    [OF_CERTIFICATE_CHAIN] = "SELECT chain_id FROM certificate_chains"
			     " WHERE certificate_id = ?1"
			     " ORDER BY chain_id LIMIT ?2",
    [OF_CERTIFICATE_ISSUER] =
	"SELECT ca.id FROM certificates c JOIN issuers i ON i.id = c.issuer_id"
	" JOIN ca_certificates ca ON ca.subject_sha256 = i.sha256"
	" WHERE c.id = ?1 LIMIT ?2",
    [OF_CERTIFICATE_ACCOUNT] =
	"SELECT account_id FROM certificates"
	" WHERE id = ?1 AND account_id IS NOT NULL LIMIT ?2",
    [OF_CERTIFICATE_ORDER] = "SELECT id FROM orders WHERE certificate_id = ?1"
			     " ORDER BY id LIMIT ?2",
    [OF_DOMAIN_SET] = "SELECT fqdn_set_id FROM fqdn_set_members"
		      " WHERE domain_id = ?1 ORDER BY fqdn_set_id LIMIT ?2",
    [OF_DOMAIN_CERTIFICATE] =
	"SELECT c.id FROM fqdn_set_members m"
	" JOIN certificates c ON c.fqdn_set_id = m.fqdn_set_id"
	" WHERE m.domain_id = ?1 LIMIT ?2",
    [OF_SET_DOMAIN] = "SELECT domain_id FROM fqdn_set_members"
		      " WHERE fqdn_set_id = ?1 ORDER BY domain_id LIMIT ?2",
    [OF_SET_CERTIFICATE] = "SELECT id FROM certificates WHERE fqdn_set_id = ?1"
			   " ORDER BY not_after, id LIMIT ?2",
    [OF_SET_REQUEST] = "SELECT id FROM certificate_requests"
		       " WHERE fqdn_set_id = ?1 ORDER BY id LIMIT ?2",
    [OF_SET_LINEAGE] = "SELECT id FROM lineages WHERE fqdn_set_id = ?1"
		       " ORDER BY id LIMIT ?2",
    [OF_CA_ISSUER] = "SELECT up.id FROM ca_certificates ca"
		     " JOIN issuers i ON i.id = ca.issuer_id"
		     " JOIN ca_certificates up ON up.subject_sha256 = i.sha256"
		     " WHERE ca.id = ?1 LIMIT ?2",
    [OF_CA_ISSUED_CA] =
	"SELECT x.id FROM ca_certificates x WHERE x.issuer_id ="
	" (SELECT i.id FROM ca_certificates ca"
	" JOIN issuers i ON i.sha256 = ca.subject_sha256 WHERE ca.id = ?1)"
	" ORDER BY x.id LIMIT ?2",
    [OF_CA_ISSUED] =
	"SELECT x.id FROM certificates x WHERE x.issuer_id ="
	" (SELECT i.id FROM ca_certificates ca"
	" JOIN issuers i ON i.sha256 = ca.subject_sha256 WHERE ca.id = ?1)"
	" ORDER BY x.not_after, x.id LIMIT ?2",
    [OF_CA_CHAIN] = "SELECT chain_id FROM chain_members"
		    " WHERE ca_certificate_id = ?1"
		    " ORDER BY chain_id LIMIT ?2",
    [OF_CHAIN_CA] = "SELECT ca_certificate_id FROM chain_members"
		    " WHERE chain_id = ?1 ORDER BY position LIMIT ?2",
    [OF_CHAIN_CERTIFICATE] =
	"SELECT certificate_id FROM certificate_chains WHERE chain_id = ?1"
	" ORDER BY certificate_id LIMIT ?2",
    [OF_KEY_CERTIFICATE] =
	"SELECT c.id FROM private_keys k"
	" JOIN certificates c ON c.spki_sha256 = k.spki_sha256"
	" WHERE k.id = ?1 LIMIT ?2",
    [OF_KEY_REQUEST] =
	"SELECT r.id FROM certificate_requests r WHERE r.spki_sha256 ="
	" (SELECT k.spki_sha256 FROM private_keys k WHERE k.id = ?1)"
	" ORDER BY r.id LIMIT ?2",
    [OF_REQUEST_SET] = "SELECT fqdn_set_id FROM certificate_requests"
		       " WHERE id = ?1 LIMIT ?2",
    [OF_REQUEST_KEY] = "SELECT k.id FROM certificate_requests r"
		       " JOIN private_keys k ON k.spki_sha256 = r.spki_sha256"
		       " WHERE r.id = ?1 LIMIT ?2",
    [OF_REQUEST_CERTIFICATE] =
	"SELECT c.id FROM certificate_requests r"
	" JOIN certificates c ON c.spki_sha256 = r.spki_sha256"
	" WHERE r.id = ?1 LIMIT ?2",
    [OF_LINEAGE_SET] = "SELECT fqdn_set_id FROM lineages"
		       " WHERE id = ?1 LIMIT ?2",
    [OF_LINEAGE_UPSTREAM_ACCOUNT] =
	"SELECT upstream_account_id FROM lineages"
	" WHERE id = ?1 AND upstream_account_id IS NOT NULL LIMIT ?2",
    [OF_UPSTREAM_ACCOUNT_UPSTREAM_ORDER] =
	"SELECT id FROM upstream_orders WHERE upstream_account_id = ?1"
	" ORDER BY id LIMIT ?2",
    [OF_UPSTREAM_ACCOUNT_LINEAGE] =
	"SELECT id FROM lineages WHERE upstream_account_id = ?1"
	" ORDER BY id LIMIT ?2",
    [EXISTS_CA_CERTIFICATE] = "SELECT 1 FROM ca_certificates WHERE id = ?1",
    [EXISTS_CERTIFICATE] = "SELECT 1 FROM certificates WHERE id = ?1",
    [EXISTS_CERTIFICATE_REQUEST] =
	"SELECT 1 FROM certificate_requests WHERE id = ?1",
    [EXISTS_CHAIN] = "SELECT 1 FROM chains WHERE id = ?1",
    [EXISTS_DOMAIN] = "SELECT 1 FROM domains WHERE id = ?1",
    [EXISTS_FQDN_SET] = "SELECT 1 FROM fqdn_sets WHERE id = ?1",
    [EXISTS_LINEAGE] = "SELECT 1 FROM lineages WHERE id = ?1",
    [EXISTS_PRIVATE_KEY] = "SELECT 1 FROM private_keys WHERE id = ?1",
    [EXISTS_UPSTREAM_ACCOUNT] = "SELECT 1 FROM upstream_accounts WHERE id = ?1",
};

const struct stmt_table refs_stmts = {"refs", sql, ARRAY_LEN(sql)};

static const char *const names[] = {
    [REFS_ACCOUNT] = "account",
    [REFS_CA_CERTIFICATE] = "ca_certificate",
    [REFS_CERTIFICATE] = "certificate",
    [REFS_CERTIFICATE_REQUEST] = "certificate_request",
    [REFS_CHAIN] = "chain",
    [REFS_DOMAIN] = "domain",
    [REFS_FQDN_SET] = "fqdn_set",
    [REFS_LINEAGE] = "lineage",
    [REFS_ORDER] = "order",
    [REFS_PRIVATE_KEY] = "private_key",
    [REFS_UPSTREAM_ACCOUNT] = "upstream_account",
    [REFS_UPSTREAM_ORDER] = "upstream_order",
};
_Static_assert(ARRAY_LEN(names) == REFS__MAX, "one per type");

/* Which types have to do with which, and how. */
static const struct {
	enum refs_type of;
	const char *what;
	enum refs_type type;
} ways[] = {
    [OF_CERTIFICATE_SET] = {REFS_CERTIFICATE, "refs", REFS_FQDN_SET},
    [OF_CERTIFICATE_KEY] = {REFS_CERTIFICATE, "refs", REFS_PRIVATE_KEY},
    [OF_CERTIFICATE_REQUEST] = {REFS_CERTIFICATE, "same_key",
	REFS_CERTIFICATE_REQUEST},
    [OF_CERTIFICATE_CHAIN] = {REFS_CERTIFICATE, "refs", REFS_CHAIN},
    [OF_CERTIFICATE_ISSUER] = {REFS_CERTIFICATE, "issuers",
	REFS_CA_CERTIFICATE},
    [OF_CERTIFICATE_ACCOUNT] = {REFS_CERTIFICATE, "refs", REFS_ACCOUNT},
    [OF_CERTIFICATE_ORDER] = {REFS_CERTIFICATE, "refs", REFS_ORDER},
    [OF_DOMAIN_SET] = {REFS_DOMAIN, "refs", REFS_FQDN_SET},
    [OF_DOMAIN_CERTIFICATE] = {REFS_DOMAIN, "refs", REFS_CERTIFICATE},
    [OF_SET_DOMAIN] = {REFS_FQDN_SET, "refs", REFS_DOMAIN},
    [OF_SET_CERTIFICATE] = {REFS_FQDN_SET, "refs", REFS_CERTIFICATE},
    [OF_SET_REQUEST] = {REFS_FQDN_SET, "refs", REFS_CERTIFICATE_REQUEST},
    [OF_SET_LINEAGE] = {REFS_FQDN_SET, "refs", REFS_LINEAGE},
    [OF_CA_ISSUER] = {REFS_CA_CERTIFICATE, "issuers", REFS_CA_CERTIFICATE},
    [OF_CA_ISSUED_CA] = {REFS_CA_CERTIFICATE, "issued", REFS_CA_CERTIFICATE},
    [OF_CA_ISSUED] = {REFS_CA_CERTIFICATE, "issued", REFS_CERTIFICATE},
    [OF_CA_CHAIN] = {REFS_CA_CERTIFICATE, "refs", REFS_CHAIN},
    [OF_CHAIN_CA] = {REFS_CHAIN, "refs", REFS_CA_CERTIFICATE},
    [OF_CHAIN_CERTIFICATE] = {REFS_CHAIN, "refs", REFS_CERTIFICATE},
    [OF_KEY_CERTIFICATE] = {REFS_PRIVATE_KEY, "refs", REFS_CERTIFICATE},
    [OF_KEY_REQUEST] = {REFS_PRIVATE_KEY, "refs", REFS_CERTIFICATE_REQUEST},
    [OF_REQUEST_SET] = {REFS_CERTIFICATE_REQUEST, "refs", REFS_FQDN_SET},
    [OF_REQUEST_KEY] = {REFS_CERTIFICATE_REQUEST, "refs", REFS_PRIVATE_KEY},
    [OF_REQUEST_CERTIFICATE] = {REFS_CERTIFICATE_REQUEST, "same_key",
	REFS_CERTIFICATE},
    [OF_LINEAGE_SET] = {REFS_LINEAGE, "refs", REFS_FQDN_SET},
    [OF_LINEAGE_UPSTREAM_ACCOUNT] = {REFS_LINEAGE, "refs",
	REFS_UPSTREAM_ACCOUNT},
    [OF_UPSTREAM_ACCOUNT_UPSTREAM_ORDER] = {REFS_UPSTREAM_ACCOUNT, "refs",
	REFS_UPSTREAM_ORDER},
    [OF_UPSTREAM_ACCOUNT_LINEAGE] = {REFS_UPSTREAM_ACCOUNT, "refs",
	REFS_LINEAGE},
};

const char *
refs_name(enum refs_type type)
{
	return names[type];
}

int
refs_by_name(const char *name, size_t len, enum refs_type *type)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == len &&
		    memcmp(names[i], name, len) == 0) {
			*type = (enum refs_type)i;
			return 0;
		}
	return -1;
}

int
refs_exists(struct store *st, enum refs_type type, int64_t id, bool *is_there,
    struct err *e)
{
	static const size_t rows[REFS__MAX] = {
	    [REFS_CA_CERTIFICATE] = EXISTS_CA_CERTIFICATE,
	    [REFS_CERTIFICATE] = EXISTS_CERTIFICATE,
	    [REFS_CERTIFICATE_REQUEST] = EXISTS_CERTIFICATE_REQUEST,
	    [REFS_CHAIN] = EXISTS_CHAIN,
	    [REFS_DOMAIN] = EXISTS_DOMAIN,
	    [REFS_FQDN_SET] = EXISTS_FQDN_SET,
	    [REFS_LINEAGE] = EXISTS_LINEAGE,
	    [REFS_PRIVATE_KEY] = EXISTS_PRIVATE_KEY,
	    [REFS_UPSTREAM_ACCOUNT] = EXISTS_UPSTREAM_ACCOUNT,
	};
	int64_t one;
	int rc;

	*is_there = false;
	if (rows[type] == 0)
		return 0;
	rc = stmt_int(st, STMT_REFS, rows[type], &one, e, "i", id);
	*is_there = rc > 0;
	return rc < 0 ? -1 : 0;
}

/* The numbers first, so that `fn` may call the store. */
static int
each_of(struct store *st, size_t way, int64_t id, int64_t limit,
    int (*fn)(void *arg, const char *what, enum refs_type type, int64_t id,
	struct err *e),
    void *arg, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_REFS, way, e, "ii", id, limit);
	int64_t *ids = NULL;
	size_t len = 0;
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0) {
		ids = xreallocarray(ids, len + 1, sizeof(*ids));
		ids[len++] = db_int(s, 0);
	}
	for (size_t i = 0; rc == 0 && i < len; i++)
		rc = fn(arg, ways[way].what, ways[way].type, ids[i], e);
	free(ids);
	return rc;
}

int
refs_each(struct store *st, enum refs_type type, int64_t id, int64_t limit,
    int (*fn)(void *arg, const char *what, enum refs_type type, int64_t id,
	struct err *e),
    void *arg, struct err *e)
{
	for (size_t way = 0; way < ARRAY_LEN(ways); way++)
		if (ways[way].of == type &&
		    each_of(st, way, id, limit, fn, arg, e) < 0)
			return -1;
	return 0;
}
