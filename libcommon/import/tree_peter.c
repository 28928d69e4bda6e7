#include "import/tree_part.h"

/* FOLDER/rc-N/{primary,backup}/; links beside them are labels of the same. */
static int
tell(struct tree_walk *w, const char *folder, const char *name,
    const char *version, struct err *e)
{
	static const char *const files[] = {
	    "cert", "pkey", "chain", "fullchain"};
	char *set = bundle_path(folder, name);
	char *where = xasprintf("%s/%s", set, version);
	struct bundle b = {0};
	struct tree_item item = {.lineage = name,
	    .version = version,
	    .newest = strcmp(version, "primary") == 0,
	    .bundle = &b};
	int rc = 0;

	if (tree_wants_version(w, version) && tree_is_folder(w, "%s", where)) {
		for (size_t i = 0; i < ARRAY_LEN(files); i++)
			tree_add(w, &b, NULL, "%s/%s.pem", where, files[i]);
		rc = tree_tell_item(w, where, &item, e);
	}
	free(set);
	free(where);
	return rc;
}

static int
read_folder(struct tree_walk *w, const char *folder, struct err *e)
{
	struct strv names = {0};
	int rc = 0;

	tree_list(w, &names, "%s", folder);
	for (size_t i = 0; i < names.len && rc == 0; i++) {
		if (!str_starts(names.v[i], "rc-") ||
		    !tree_wants(w, names.v[i]))
			continue;
		rc = tell(w, folder, names.v[i], "backup", e);
		if (rc == 0)
			rc = tell(w, folder, names.v[i], "primary", e);
	}
	strv_release(&names);
	return rc;
}

/* global/, and a folder for each EnrollmentFactory, beside which it lies. */
static int
read_factories(struct tree_walk *w, const char *folder, struct err *e)
{
	struct strv names = {0};
	int rc = 0;

	tree_list(w, &names, "%s", folder);
	for (size_t i = 0; i < names.len && rc == 0; i++) {
		char *path = bundle_path(folder, names.v[i]);

		if (!str_starts(names.v[i], "rc-") &&
		    tree_is_folder(w, "%s", path))
			rc = read_folder(w, path, e);
		free(path);
	}
	strv_release(&names);
	return rc;
}

/* The directory above certificates/, that itself, or one of those in it. */
int
tree_peter(struct tree_walk *w, struct err *e)
{
	const char *root =
	    tree_is_folder(w, "certificates") ? "certificates" : ".";
	int rc;

	if (!tree_wants_items(w))
		return 0;
	rc = read_folder(w, root, e);
	return rc == 0 ? read_factories(w, root, e) : -1;
}
