#include "import/tree_part.h"

/* Neither the CA nor the account's URL is kept, only its key. */
static int
tell_account(struct tree_walk *w, struct err *e)
{
	static const struct strv none;
	struct tree_account account = {.id = "key", .contacts = &none};
	struct key *k;
	int rc = 0;

	if (!tree_wants_account(w, account.id))
		return 0;
	k = tree_key(w, NULL, "private/key.pem");
	account.key = k;
	if (k)
		rc = tree_tell_account(w, &account, e);
	key_free(k);
	return rc;
}

static int
tell(struct tree_walk *w, const char *lineage, const char *version,
    struct err *e)
{
	char *path = version ? xasprintf("%s/cert-%s.pem", lineage, version)
			     : xasprintf("%s/cert.pem", lineage);
	struct bundle b = {0};
	struct tree_item item = {.lineage = lineage,
	    .version = version,
	    .newest = !version,
	    .bundle = &b};
	int rc = 0;

	if (tree_wants_version(w, version)) {
		tree_add(w, &b, NULL, "%s", path);
		tree_add(w, &b, NULL, "private/%s/key.pem", lineage);
		rc = tree_tell_item(w, path, &item, e);
	}
	free(path);
	return rc;
}

static int
tell_lineage(struct tree_walk *w, const char *lineage, struct err *e)
{
	char version[TREE_VERSION_SIZE];
	struct strv names = {0};
	int rc = 0;

	tree_list(w, &names, "%s", lineage);
	for (size_t i = 0; i < names.len && rc == 0; i++)
		if (tree_version(version, names.v[i], "cert-", ".pem"))
			rc = tell(w, lineage, version, e);
	if (rc == 0 && strv_has(&names, "cert.pem"))
		rc = tell(w, lineage, NULL, e);
	strv_release(&names);
	return rc;
}

int
tree_uacme(struct tree_walk *w, struct err *e)
{
	struct strv names = {0};
	int rc = tell_account(w, e);

	if (tree_wants_items(w))
		tree_list(w, &names, ".");
	for (size_t i = 0; i < names.len && rc == 0; i++)
		if (strcmp(names.v[i], "private") != 0 &&
		    tree_wants(w, names.v[i]) &&
		    tree_is_folder(w, "%s", names.v[i]))
			rc = tell_lineage(w, names.v[i], e);
	strv_release(&names);
	return rc;
}
