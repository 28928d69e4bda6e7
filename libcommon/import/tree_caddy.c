#include "import/tree_part.h"
#include "wrap/js.h"

/* ---- accounts ---------------------------------------------------------- */

/*
 * An issuer's key is host and path with '-' for '/', which cannot be undone;
 * what was issued there names the CA.
 */
static char *
directory_url(struct tree_walk *w, const char *issuer)
{
	/* problems are told with the site */
	struct tree_walk quiet = tree_quiet(w);
	struct strv sites = {0};
	char *url = NULL;

	tree_list(&quiet, &sites, "certificates/%s", issuer);
	for (size_t i = 0; i < sites.len && !url; i++) {
		struct js *v = tree_json(&quiet, "certificates/%s/%s/%s.json",
		    issuer, sites.v[i], sites.v[i]);
		const char *ca = js_get_text(js_get(v, "issuer_data"), "ca");

		if (ca)
			url = xstrdup(ca);
		js_free(v);
	}
	strv_release(&sites);
	return url;
}

/* `stem`: ISSUER/users/USER/NAME, of a .json and a .key */
static int
tell_account(struct tree_walk *w, const char *issuer, const char *id,
    const char *stem, struct err *e)
{
	struct key *k = tree_key(w, NULL, "%s.key", stem);
	struct js *v = k ? tree_json(w, "%s.json", stem) : NULL;
	struct strv contacts = {0};
	int rc;

	if (!k)
		return 0;
	tree_add_texts(&contacts, js_get(v, "contact"));
	char *directory = directory_url(w, issuer);
	char *data = tree_js_text(v);
	struct tree_account account = {.id = id,
	    .directory_url = directory,
	    .ca = issuer,
	    .url = js_get_text(v, "location"),
	    .contacts = &contacts,
	    .key = k,
	    .data = data};
	rc = tree_tell_account(w, &account, e);
	key_free(k);
	js_free(v);
	strv_release(&contacts);
	free(directory);
	free(data);
	return rc;
}

static int
read_user(
    struct tree_walk *w, const char *issuer, const char *user, struct err *e)
{
	char *id = xasprintf("%s/%s", issuer, user);
	struct strv names = {0};
	int rc = 0;

	if (tree_wants_account(w, id))
		tree_list(w, &names, "acme/%s/users/%s", issuer, user);
	for (size_t i = 0; i < names.len && rc == 0; i++) {
		size_t len = strlen(names.v[i]);
		char *stem;

		if (!str_ends(names.v[i], ".key"))
			continue;
		stem = xasprintf("acme/%s/users/%s/%.*s", issuer, user,
		    (int)(len - strlen(".key")), names.v[i]);
		rc = tell_account(w, issuer, id, stem, e);
		free(stem);
	}
	strv_release(&names);
	free(id);
	return rc;
}

static int
read_issuer_users(struct tree_walk *w, const char *issuer, struct err *e)
{
	struct strv users = {0};
	int rc = 0;

	tree_list(w, &users, "acme/%s/users", issuer);
	for (size_t i = 0; i < users.len && rc == 0; i++)
		rc = read_user(w, issuer, users.v[i], e);
	strv_release(&users);
	return rc;
}

/* ---- certificates ------------------------------------------------------ */

/* The accounts at an issuer: their ids, and their URLs or "". */
struct users {
	struct strv ids, urls;
};

static void
add_user(struct tree_walk *quiet, const char *issuer, const char *user,
    struct users *u)
{
	struct strv names = {0};
	char *id = xasprintf("%s/%s", issuer, user);

	tree_list(quiet, &names, "acme/%s/users/%s", issuer, user);
	for (size_t i = 0; i < names.len; i++) {
		struct js *v;
		const char *url;

		if (!str_ends(names.v[i], ".json"))
			continue;
		v = tree_json(
		    quiet, "acme/%s/users/%s/%s", issuer, user, names.v[i]);
		url = js_get_text(v, "location");
		strv_add(&u->ids, id);
		strv_add(&u->urls, url ? url : "");
		js_free(v);
	}
	strv_release(&names);
	free(id);
}

static void
list_users(struct tree_walk *w, const char *issuer, struct users *u)
{
	/* problems are told with the accounts */
	struct tree_walk quiet = tree_quiet(w);
	struct strv names = {0};

	tree_list(&quiet, &names, "acme/%s/users", issuer);
	for (size_t i = 0; i < names.len; i++)
		add_user(&quiet, issuer, names.v[i], u);
	if (names.len == 1 && u->ids.len == 0) { /* a key alone */
		char *id = xasprintf("%s/%s", issuer, names.v[0]);

		strv_add(&u->ids, id);
		strv_add(&u->urls, "");
		free(id);
	}
	strv_release(&names);
}

/*
 * The only one; of several the one that a site names: Caddy 2.6 names none,
 * later ones do.
 */
static const char *
find_account(const struct users *u, const char *settings)
{
	struct err ignored = {0};
	const char *id = u->ids.len == 1 ? u->ids.v[0] : NULL;
	struct js *v = !id && settings
	    ? js_parse(settings, strlen(settings), &ignored)
	    : NULL;
	const char *url = js_get_text(js_get(v, "issuer_data"), "account");

	for (size_t i = 0; url && *url && i < u->ids.len && !id; i++)
		if (strcmp(u->urls.v[i], url) == 0)
			id = u->ids.v[i];
	js_free(v);
	return id;
}

static int
tell_site(struct tree_walk *w, const struct users *u, const char *issuer,
    const char *site, struct err *e)
{
	char *stem = xasprintf("certificates/%s/%s/%s", issuer, site, site);
	struct bundle b = {0};
	char *settings = tree_json_text(w, "%s.json", stem);
	struct tree_item item = {.lineage = site,
	    .newest = true,
	    .bundle = &b,
	    .settings = settings,
	    .account = find_account(u, settings)};
	int rc;

	tree_add(w, &b, NULL, "%s.crt", stem);
	tree_add(w, &b, NULL, "%s.key", stem);
	rc = tree_tell_item(w, stem, &item, e);
	free(settings);
	free(stem);
	return rc;
}

static int
read_issuer(struct tree_walk *w, const char *issuer, struct err *e)
{
	struct strv sites = {0};
	struct users u = {0};
	int rc = 0;

	list_users(w, issuer, &u);
	tree_list(w, &sites, "certificates/%s", issuer);
	for (size_t i = 0; i < sites.len && rc == 0; i++)
		if (tree_wants(w, sites.v[i]))
			rc = tell_site(w, &u, issuer, sites.v[i], e);
	strv_release(&sites);
	strv_release(&u.ids);
	strv_release(&u.urls);
	return rc;
}

static int
each_issuer(struct tree_walk *w, const char *folder,
    int (*read)(struct tree_walk *w, const char *issuer, struct err *e),
    struct err *e)
{
	struct strv issuers = {0};
	int rc = 0;

	tree_list(w, &issuers, "%s", folder);
	for (size_t i = 0; i < issuers.len && rc == 0; i++)
		rc = read(w, issuers.v[i], e);
	strv_release(&issuers);
	return rc;
}

int
tree_caddy(struct tree_walk *w, struct err *e)
{
	int rc = 0;

	if (tree_wants_accounts(w))
		rc = each_issuer(w, "acme", read_issuer_users, e);
	if (rc == 0 && tree_wants_items(w) && tree_wants_version(w, NULL))
		rc = each_issuer(w, "certificates", read_issuer, e);
	return rc;
}
