#include "import/tree_part.h"
#include "wrap/js.h"

#define ACCOUNT_DEPTH_MAX 10 /* directories of a URL's path */
#define ECC "_ecc"

/* ---- accounts: ca/HOST/PATH -------------------------------------------- */

/* ACCOUNT_URL and the rest of ca.conf, beside what the CA has answered. */
static struct js *
account_data(struct tree_walk *w, const char *folder)
{
	struct js *data = js_object();

	js_put(data, "account", tree_json(w, "%s/account.json", folder));
	js_put(data, "ca", tree_shell(w, "%s/ca.conf", folder));
	return data;
}

static int
tell_account(struct tree_walk *w, const char *folder, struct err *e)
{
	const char *id = folder + strlen("ca/");
	struct strv contacts = {0};
	struct key *k;
	struct js *v;
	int rc;

	if (!tree_wants_account(w, id))
		return 0;
	k = tree_key(w, NULL, "%s/account.key", folder);
	if (!k)
		return 0;
	v = account_data(w, folder);
	tree_add_texts(&contacts, js_get(js_get(v, "account"), "contact"));
	/* the oldest kept no path */
	char *directory = strchr(id, '/') ? xasprintf("https://%s", id) : NULL;
	char *data = tree_js_text(v);
	struct tree_account account = {.id = id,
	    .directory_url = directory,
	    .ca = id,
	    .url = js_get_text(js_get(v, "ca"), "ACCOUNT_URL"),
	    .contacts = &contacts,
	    .key = k,
	    .data = data};
	rc = tree_tell_account(w, &account, e);
	key_free(k);
	strv_release(&contacts);
	js_free(v);
	free(directory);
	free(data);
	return rc;
}

/* The directories of the next depth, each once: links may go in circles. */
static void
descend(struct tree_walk *w, struct digestmap *seen, struct strv *level)
{
	struct strv next = {0};

	for (size_t i = 0; i < level->len; i++) {
		struct strv names = {0};

		tree_list(w, &names, "%s", level->v[i]);
		for (size_t j = 0; j < names.len; j++) {
			char *path =
			    xasprintf("%s/%s", level->v[i], names.v[j]);

			if (tree_is_new_folder(w, seen, path))
				strv_add(&next, path);
			free(path);
		}
		strv_release(&names);
	}
	strv_release(level);
	*level = next; /* transferred */
}

static int
read_accounts(struct tree_walk *w, struct err *e)
{
	struct digestmap seen = {0};
	struct strv level = {0};
	int rc = 0;

	if (tree_is_new_folder(w, &seen, "ca"))
		strv_add(&level, "ca");
	for (int depth = 0; depth < ACCOUNT_DEPTH_MAX && level.len > 0;
	     depth++) {
		descend(w, &seen, &level);
		for (size_t i = 0; i < level.len && rc == 0; i++)
			rc = tell_account(w, level.v[i], e);
	}
	strv_release(&level);
	digestmap_release(&seen);
	return rc;
}

/* ---- certificates: NAME/ and NAME_ecc/ --------------------------------- */

/* The account at the CA that the settings name, if it is there. */
static const char *
account_of(const struct tree_walk *w, const struct js *settings)
{
	const char *api = js_get_text(settings, "Le_API");
	const char *host = api ? strstr(api, "://") : NULL;

	if (!host || !tree_is_file(w, "ca/%s/account.key", host + 3))
		return NULL;
	return host + 3;
}

static int
tell(struct tree_walk *w, const char *folder, const char *name, struct err *e)
{
	struct bundle b = {0};
	struct js *v = tree_shell(w, "%s/%s.conf", folder, name);
	char *settings = tree_js_text(v);
	struct tree_item item = {.lineage = folder,
	    .newest = true,
	    .bundle = &b,
	    .settings = settings,
	    .account = account_of(w, v)};
	int rc;

	tree_add(w, &b, NULL, "%s/%s.cer", folder, name);
	tree_add(w, &b, NULL, "%s/%s.key", folder, name);
	tree_add(w, &b, NULL, "%s/ca.cer", folder);
	tree_add(w, &b, NULL, "%s/fullchain.cer", folder);
	tree_add(w, &b, NULL, "%s/%s.csr", folder, name);
	rc = tree_tell_item(w, folder, &item, e);
	js_free(v);
	free(settings);
	return rc;
}

static int
tell_folder(struct tree_walk *w, const char *folder, struct err *e)
{
	size_t len = strlen(folder);
	char *name =
	    xstrndup(folder, str_ends(folder, ECC) ? len - strlen(ECC) : len);
	int rc = 0;

	if (tree_is_file(w, "%s/%s.cer", folder, name) ||
	    tree_is_file(w, "%s/%s.conf", folder, name))
		rc = tell(w, folder, name, e);
	free(name);
	return rc;
}

int
tree_acmesh(struct tree_walk *w, struct err *e)
{
	struct strv names = {0};
	int rc = tree_wants_accounts(w) ? read_accounts(w, e) : 0;

	if (tree_wants_items(w) && tree_wants_version(w, NULL))
		tree_list(w, &names, ".");
	for (size_t i = 0; i < names.len && rc == 0; i++)
		if (tree_wants(w, names.v[i]) &&
		    tree_is_folder(w, "%s", names.v[i]))
			rc = tell_folder(w, names.v[i], e);
	strv_release(&names);
	return rc;
}
