#include "import/tree_part.h"
#include "wrap/db_peter.h"

struct reading {
	struct tree_walk *walk;
	struct db_peter *db;
	struct bundle *bundle; /* of the certificate that is read now */
	const char *where;
};

static void
add_pem(const struct reading *r, const char *pem)
{
	if (pem && *pem)
		bundle_add(r->bundle, r->where, pem, strlen(pem), NULL);
}

/* The contact is an address, without its scheme. */
static int
tell_account(void *arg, const char *const *columns, struct err *e)
{
	struct reading *r = arg;
	const char *id = columns[DB_PETER_ID];
	const char *contact = columns[DB_PETER_CONTACT];
	char *where, *mailto;
	struct strv contacts = {0};
	struct bundle b = {0};
	struct tree_account account = {.id = id,
	    .directory_url = columns[DB_PETER_DIRECTORY],
	    .url = columns[DB_PETER_URL],
	    .contacts = &contacts};
	int rc = 0;

	if (!tree_wants_account(r->walk, id))
		return 0;
	where = xasprintf("%s: acme_account %s", r->walk->file, id);
	mailto = contact && *contact && !strchr(contact, ':')
	    ? xasprintf("mailto:%s", contact)
	    : NULL;
	r->bundle = &b;
	r->where = where;
	if (contact && *contact)
		strv_add(&contacts, mailto ? mailto : contact);
	add_pem(r, columns[DB_PETER_KEY]);
	account.key = b.keys.len == 1 ? b.keys.v[0] : NULL;
	if (account.key)
		rc = tree_tell_account(r->walk, &account, e);
	else
		tree_complain(r->walk, where, "not one private key");
	bundle_release(&b);
	strv_release(&contacts);
	free(mailto);
	free(where);
	return rc;
}

static int
add_chain(void *arg, const char *const *columns, struct err *e)
{
	(void)e;
	add_pem(arg, columns[DB_PETER_CHAIN_PEM]);
	return 0;
}

/* A set of names is what peter_sslers renews; that it is a lineage. */
static int
tell_certificate(void *arg, const char *const *columns, struct err *e)
{
	struct reading *r = arg;
	const char *id = columns[DB_PETER_CERTIFICATE_ID];
	const char *set = columns[DB_PETER_SET_ID];
	char *where = xasprintf("%s: certificate_signed %s", r->walk->file, id);
	struct bundle b = {0};
	struct tree_item item = {.lineage = set ? set : "",
	    .version = id,
	    .newest = strcmp(columns[DB_PETER_IN_USE], "1") == 0,
	    .revoked = strcmp(columns[DB_PETER_REVOKED], "1") == 0,
	    .compromised = strcmp(columns[DB_PETER_COMPROMISED], "1") == 0,
	    .bundle = &b};
	int rc = 0;

	r->bundle = &b;
	r->where = where;
	if (tree_wants(r->walk, item.lineage) &&
	    tree_wants_version(r->walk, id)) {
		add_pem(r, columns[DB_PETER_CERTIFICATE_PEM]);
		add_pem(r, columns[DB_PETER_KEY_PEM]);
		add_pem(r, columns[DB_PETER_CSR_PEM]);
		rc = db_peter_each(r->db, DB_PETER_CHAINS, id, add_chain, r, e);
		if (rc == 0)
			rc = tree_tell_item(r->walk, where, &item, e);
	}
	bundle_release(&b);
	free(where);
	return rc;
}

static int
read_all(struct reading *r, struct err *e)
{
	int rc = 0;

	if (tree_wants_accounts(r->walk))
		rc = db_peter_each(
		    r->db, DB_PETER_ACCOUNTS, NULL, tell_account, r, e);
	if (rc == 0 && tree_wants_items(r->walk))
		rc = db_peter_each(
		    r->db, DB_PETER_CERTIFICATES, NULL, tell_certificate, r, e);
	return rc;
}

int
tree_peterdb(struct tree_walk *w, struct err *e)
{
	struct reading r = {.walk = w};
	int rc = -1;

	if (!tree_is_file(w, "%s", w->file))
		return 0;
	r.db = db_peter_open(w->path, e);
	if (r.db)
		rc = read_all(&r, e);
	db_peter_close(r.db);
	return rc < 0 ? err_object(e, "%s", w->file) : 0;
}
