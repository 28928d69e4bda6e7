#include "import/tree_part.h"

#include <inttypes.h>

#include "acme/jwk.h"
#include "base/str.h"
#include "import/configobj.h"
#include "sys/dir.h"
#include "wrap/js.h"

#define VERSION_MAX UINT32_MAX
#define ACCOUNT_DEPTH_MAX 10 /* directories of a URL's path */

/* ---- settings ---------------------------------------------------------- */

static struct js *
read_renewal(struct tree_walk *w, const char *lineage)
{
	char *path = xasprintf("renewal/%s.conf", lineage);
	struct js *v = NULL;
	struct err e = {0};
	struct buf text;

	buf_init(&text, TREE_TEXT_MAX);
	if (tree_text(w, &text, "%s", path)) {
		v = configobj_read(text.data, text.len, &e);
		if (!v)
			tree_problem(w, path, &e);
	}
	buf_wipe(&text);
	free(path);
	return v;
}

/* The names that have a file in renewal/. */
static void
list_renewals(struct tree_walk *w, struct strv *lineages)
{
	struct strv files = {0};

	tree_list(w, &files, "renewal");
	for (size_t i = 0; i < files.len; i++)
		if (str_ends(files.v[i], ".conf"))
			strv_addn(lineages, files.v[i],
			    strlen(files.v[i]) - strlen(".conf"));
	strv_release(&files);
}

/* ---- accounts ---------------------------------------------------------- */

struct accounts {
	struct tree_walk *walk;
	struct strv real, linked; /* directories of accounts */
	struct strv servers; /* URLs of directories that renewals name */
};

static void
list_servers(struct accounts *a)
{
	/* its problems are told when its turn comes */
	struct tree_walk quiet = tree_quiet(a->walk);
	struct strv lineages = {0};

	list_renewals(&quiet, &lineages);
	for (size_t i = 0; i < lineages.len; i++) {
		struct js *v = read_renewal(&quiet, lineages.v[i]);
		const char *server =
		    js_get_text(js_get(v, "renewalparams"), "server");

		if (server && !strv_has(&a->servers, server))
			strv_add(&a->servers, server);
		js_free(v);
	}
	strv_release(&lineages);
}

/* The path lacks the scheme; who has renewed there may have kept it. */
static char *
directory_url(const struct accounts *a, const char *path)
{
	for (size_t i = 0; i < a->servers.len; i++) {
		const char *host = strstr(a->servers.v[i], "://");

		if (host && strcmp(host + 3, path) == 0)
			return xstrdup(a->servers.v[i]);
	}
	return xasprintf("https://%s", path);
}

static struct key *
read_account_key(struct tree_walk *w, const char *folder)
{
	char *path = xasprintf("%s/private_key.json", folder);
	struct js *jwk = tree_json(w, "%s", path);
	struct err e = {0};
	struct key *k = NULL;

	if (!tree_is_file(w, "%s", path))
		tree_complain(w, folder, "no private_key.json");
	else if (jwk && !(k = jwk_parse_private(jwk, &e)))
		tree_problem(w, path, &e);
	js_free(jwk);
	free(path);
	return k;
}

/* What certbot keeps besides the key, each file under its own name. */
static char *
account_data(struct tree_walk *w, const char *folder, struct js *regr)
{
	struct js *data = js_object();
	char *text;

	js_put(data, "regr", regr);
	js_put(data, "meta", tree_json(w, "%s/meta.json", folder));
	text = tree_js_text(data);
	js_free(data);
	return text;
}

static const char *
account_id(const char *folder)
{
	return strrchr(folder, '/') + 1;
}

/* accounts/HOST/PATH/ID */
static int
tell_account(struct accounts *a, const char *folder, struct err *e)
{
	const char *inside = folder + strlen("accounts/");
	const char *id = account_id(folder);
	struct key *k;
	struct js *regr;
	struct strv contacts = {0};
	int rc;

	if (!tree_wants_account(a->walk, id))
		return 0;
	k = read_account_key(a->walk, folder);
	regr = k ? tree_json(a->walk, "%s/regr.json", folder) : NULL;
	if (!k)
		return 0;
	char *server = id > inside ? xstrndup(inside, (size_t)(id - inside - 1))
				   : xstrdup("");
	char *directory = directory_url(a, server);
	char *url = str_dup(js_get_text(regr, "uri"));
	tree_add_texts(&contacts, js_get(js_get(regr, "body"), "contact"));
	char *data = account_data(a->walk, folder, regr);
	struct tree_account account = {.id = id,
	    .directory_url = directory,
	    .url = url,
	    .contacts = &contacts,
	    .key = k,
	    .data = data};
	rc = tree_tell_account(a->walk, &account, e);
	strv_release(&contacts);
	key_free(k);
	free(server);
	free(directory);
	free(url);
	free(data);
	return rc;
}

/*
 * Whether what is at `path` is to be gone into.  A link that is absolute is one
 * that certbot made to the accounts of an older address of the same CA, which
 * are in the tree themselves.
 */
static bool
is_to_enter(struct accounts *a, const char *path, bool *linked)
{
	char *target = dir_link(a->walk->root, path);
	bool enter = dir_kind(a->walk->root, path) == DIR_FOLDER;

	if (target) {
		*linked = true;
		if (!enter && !strstr(target, "/accounts/"))
			tree_complain(a->walk, path,
			    "a link that leads out of the tree, or nowhere");
	}
	free(target);
	return enter;
}

struct level {
	char *path;
	bool linked;
	size_t depth;
};

/* Directories that are still to be looked into. */
struct levels {
	struct level *v;
	size_t len;
};

/* Each of them once: links may go in circles, and very many at once. */
struct search {
	struct levels real, linked;
	struct digestmap seen;
};

static void
push(struct search *s, char *path, bool linked, size_t depth)
{
	struct levels *l = linked ? &s->linked : &s->real;

	l->v = xreallocarray(l->v, l->len + 1, sizeof(*l->v));
	l->v[l->len++] = (struct level){path, linked, depth};
}

static void
look_into(struct accounts *a, struct search *s, const struct level *at)
{
	struct strv names = {0};

	if (!tree_is_new_folder(a->walk, &s->seen, at->path))
		return;
	if (tree_is_file(a->walk, "%s/private_key.json", at->path) ||
	    tree_is_file(a->walk, "%s/regr.json", at->path)) {
		strv_add(at->linked ? &a->linked : &a->real, at->path);
		return;
	}
	if (at->depth > ACCOUNT_DEPTH_MAX) {
		tree_complain(a->walk, at->path, "too deep for accounts");
		return;
	}
	tree_list(a->walk, &names, "%s", at->path);
	for (size_t i = 0; i < names.len; i++) {
		char *path = xasprintf("%s/%s", at->path, names.v[i]);
		bool linked = at->linked;

		if (is_to_enter(a, path, &linked))
			push(s, path, linked, at->depth + 1);
		else
			free(path);
	}
	strv_release(&names);
}

static void
find_accounts(struct accounts *a)
{
	struct search s = {0};

	push(&s, xstrdup("accounts"), false, 0);
	while (s.real.len + s.linked.len > 0) {
		struct levels *l = s.real.len > 0 ? &s.real : &s.linked;
		struct level at = l->v[--l->len];

		look_into(a, &s, &at);
		free(at.path);
	}
	free(s.real.v);
	free(s.linked.v);
	digestmap_release(&s.seen);
	strv_sort_unique(&a->real);
	strv_sort_unique(&a->linked);
}

/*
 * What is reached by a link comes last: its path tells less of the CA, and
 * mostly it is one of those that are told already.
 */
static int
read_accounts(struct tree_walk *w, struct err *e)
{
	struct accounts a = {.walk = w};
	struct strv told = {0};
	int rc = 0;

	find_accounts(&a);
	list_servers(&a);
	for (size_t i = 0; i < a.real.len && rc == 0; i++)
		rc = tell_account(&a, a.real.v[i], e);
	for (size_t i = 0; i < a.real.len; i++)
		strv_add(&told, account_id(a.real.v[i]));
	for (size_t i = 0; i < a.linked.len && rc == 0; i++)
		if (!strv_has(&told, account_id(a.linked.v[i])))
			rc = tell_account(&a, a.linked.v[i], e);
	strv_release(&told);
	strv_release(&a.real);
	strv_release(&a.linked);
	strv_release(&a.servers);
	return rc;
}

/* ---- lineages ---------------------------------------------------------- */

static const char *const parts[] = {"cert", "privkey", "chain", "fullchain"};

/* The number of a file PARTn.pem; 0 for another. */
static uint64_t
version_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		size_t len = strlen(parts[i]);
		char digits[16];
		uint64_t n;

		if (!str_starts(name, parts[i]) || !str_ends(name, ".pem") ||
		    strlen(name) - len - 4 >= sizeof(digits))
			continue;
		snprintf(digits, sizeof(digits), "%.*s",
		    (int)(strlen(name) - len - 4), name + len);
		if (str_to_u64(digits, VERSION_MAX, &n) && digits[0] != '0')
			return n;
	}
	return 0;
}

struct versions {
	uint64_t *v; /* in order, none twice */
	size_t len;
};

static int
compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
add_version(struct versions *l, uint64_t n)
{
	for (size_t i = 0; i < l->len; i++)
		if (l->v[i] == n)
			return;
	l->v = xreallocarray(l->v, l->len + 1, sizeof(*l->v));
	l->v[l->len++] = n;
}

static struct versions
list_versions(struct tree_walk *w, const char *lineage)
{
	struct versions l = {0};
	struct strv names = {0};

	tree_list(w, &names, "archive/%s", lineage);
	for (size_t i = 0; i < names.len; i++) {
		uint64_t n = version_of(names.v[i]);

		if (n > 0)
			add_version(&l, n);
	}
	strv_release(&names);
	if (l.len > 0)
		qsort(l.v, l.len, sizeof(*l.v), compare);
	return l;
}

/* What live/ points to; the highest when it points to nothing that is there. */
static uint64_t
live_version(
    const struct tree_walk *w, const char *lineage, const struct versions *l)
{
	char *path = xasprintf("live/%s/cert.pem", lineage);
	char *target = dir_link(w->root, path);
	const char *slash = target ? strrchr(target, '/') : NULL;
	uint64_t n = target ? version_of(slash ? slash + 1 : target) : 0;

	if (n == 0 || !bsearch(&n, l->v, l->len, sizeof(n), compare))
		n = l->v[l->len - 1];
	free(target);
	free(path);
	return n;
}

static int
tell_version(struct tree_walk *w, struct tree_item *item, struct err *e)
{
	char *where =
	    xasprintf("archive/%s, version %s", item->lineage, item->version);
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		tree_add(w, item->bundle, NULL, "archive/%s/%s%s.pem",
		    item->lineage, parts[i], item->version);
	rc = tree_tell_item(w, where, item, e);
	free(where);
	return rc;
}

/* What renewal/ says of a lineage. */
struct renewal {
	char *account, *text; /* or NULL */
};

static struct renewal
load_renewal(struct tree_walk *w, const char *lineage)
{
	struct js *v = read_renewal(w, lineage);
	const char *id = js_get_text(js_get(v, "renewalparams"), "account");
	struct renewal r = {.account = str_dup(id)};

	r.text = tree_js_text(v);
	js_free(v);
	return r;
}

static int
tell_versions(struct tree_walk *w, const char *lineage,
    const struct versions *l, const struct renewal *r, struct err *e)
{
	uint64_t live = live_version(w, lineage, l);
	int rc = 0;

	for (size_t i = 0; i < l->len && rc == 0; i++) {
		struct bundle b = {0};
		char version[24];
		struct tree_item item = {.lineage = lineage,
		    .version = version,
		    .newest = l->v[i] == live,
		    .bundle = &b,
		    .account = r->account};

		snprintf(version, sizeof(version), "%" PRIu64, l->v[i]);
		item.settings = item.newest ? r->text : NULL;
		if (tree_wants_version(w, version))
			rc = tell_version(w, &item, e);
	}
	return rc;
}

/* live/ alone, with files in the place of links: a copy of what is in use. */
static int
tell_live(struct tree_walk *w, const char *lineage, const struct renewal *r,
    struct err *e)
{
	char *where = xasprintf("live/%s", lineage);
	struct bundle b = {0};
	struct tree_item item = {.lineage = lineage,
	    .newest = true,
	    .bundle = &b,
	    .settings = r->text,
	    .account = r->account};
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		tree_add(w, &b, NULL, "live/%s/%s.pem", lineage, parts[i]);
	rc = tree_tell_item(w, where, &item, e);
	free(where);
	return rc;
}

static int
tell_lineage(struct tree_walk *w, const char *lineage, struct err *e)
{
	struct versions l = list_versions(w, lineage);
	struct renewal r = load_renewal(w, lineage);
	int rc = 0;

	if (l.len > 0)
		rc = tell_versions(w, lineage, &l, &r, e);
	else if (tree_wants_version(w, NULL))
		rc = tell_live(w, lineage, &r, e);
	free(r.account);
	free(r.text);
	free(l.v);
	return rc;
}

static void
add_folders(struct tree_walk *w, struct strv *lineages, const char *folder)
{
	struct strv names = {0};

	tree_list(w, &names, "%s", folder);
	for (size_t i = 0; i < names.len; i++)
		if (tree_is_folder(w, "%s/%s", folder, names.v[i]))
			strv_add(lineages, names.v[i]);
		else if (!tree_is_file(w, "%s/%s", folder, names.v[i]))
			tree_complain(w, folder, "%s: no directory in the tree",
			    names.v[i]);
	strv_release(&names);
}

int
tree_certbot(struct tree_walk *w, struct err *e)
{
	struct strv lineages = {0};
	int rc = 0;

	if (tree_wants_accounts(w))
		rc = read_accounts(w, e);
	if (tree_wants_items(w)) {
		add_folders(w, &lineages, "archive");
		add_folders(w, &lineages, "live");
		list_renewals(w, &lineages);
		strv_sort_unique(&lineages);
	}
	for (size_t i = 0; i < lineages.len && rc == 0; i++)
		if (tree_wants(w, lineages.v[i]))
			rc = tell_lineage(w, lineages.v[i], e);
	strv_release(&lineages);
	return rc;
}
