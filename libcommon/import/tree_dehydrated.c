#include "base/b64.h"
#include "import/tree_part.h"
#include "sys/dir.h"
#include "wrap/js.h"

/* ---- accounts ---------------------------------------------------------- */

/* The directory of an account is named by the URL and a newline in base64. */
static char *
directory_url(const char *name)
{
	struct buf url;

	buf_init(&url, 1024);
	if (b64url_decode(&url, name, strlen(name)) < 0 ||
	    !str_starts(url.data, "http") || url.len < 8) {
		buf_release(&url);
		return NULL;
	}
	while (url.len > 0 && url.data[url.len - 1] == '\n')
		url.data[--url.len] = '\0';
	return buf_detach(&url);
}

static struct js *
account_data(struct tree_walk *w, const char *name)
{
	struct js *data = js_object();

	js_put(data, "registration_info",
	    tree_json(w, "accounts/%s/registration_info.json", name));
	js_put(data, "account_id",
	    tree_json(w, "accounts/%s/account_id.json", name));
	if (tree_is_file(w, "accounts/%s/deactivated", name))
		js_put_bool(data, "deactivated", true);
	return data;
}

static int
tell_account(struct tree_walk *w, const char *name, struct err *e)
{
	struct key *k = tree_key(w, NULL, "accounts/%s/account_key.pem", name);
	struct strv contacts = {0};
	struct js *v;
	int rc;

	if (!k)
		return 0;
	v = account_data(w, name);
	tree_add_texts(
	    &contacts, js_get(js_get(v, "registration_info"), "contact"));
	char *directory = directory_url(name);
	char *data = tree_js_text(v);
	struct tree_account account = {.id = name,
	    .directory_url = directory,
	    .url = js_get_text(js_get(v, "account_id"), "url"),
	    .contacts = &contacts,
	    .key = k,
	    .deactivated = js_is_true(js_get(v, "deactivated")),
	    .data = data};
	rc = tree_tell_account(w, &account, e);
	key_free(k);
	strv_release(&contacts);
	js_free(v);
	free(directory);
	free(data);
	return rc;
}

static int
read_accounts(struct tree_walk *w, struct err *e)
{
	struct strv names = {0};
	int rc = 0;

	tree_list(w, &names, "accounts");
	for (size_t i = 0; i < names.len && rc == 0; i++)
		if (tree_wants_account(w, names.v[i]))
			rc = tell_account(w, names.v[i], e);
	strv_release(&names);
	return rc;
}

/* ---- domains.txt: NAME ALT... [> ALIAS] -------------------------------- */

/* The names of a certificate, and what it is called. */
static const char *
read_words(struct strv *words, const char *line)
{
	while (*(line += strspn(line, " \t\r")) && *line != '#') {
		size_t len = strcspn(line, " \t\r");

		strv_addn(words, line, len);
		line += len;
	}
	if (words->len >= 3 && strcmp(words->v[words->len - 2], ">") == 0)
		return words->v[words->len - 1];
	return words->len > 0 ? words->v[0] : NULL;
}

/* Each line under what its certificate is called; the caller frees. */
static struct js *
read_domains(struct tree_walk *w)
{
	struct js *domains = js_object();
	struct buf text;

	buf_init(&text, TREE_FILE_MAX);
	tree_text(w, &text, "domains.txt");
	for (char *p = text.data, *line; (line = strsep(&p, "\n"));) {
		struct strv words = {0};
		const char *lineage = read_words(&words, line);

		/* the first one counts */
		if (lineage && !js_get(domains, lineage))
			js_put_text(domains, lineage, line);
		strv_release(&words);
	}
	buf_release(&text);
	return domains;
}

static void
add_names(struct js *settings, const char *line)
{
	struct strv words = {0};
	struct js *names = js_array();

	read_words(&words, line);
	for (size_t i = 0; i < words.len && strcmp(words.v[i], ">") != 0; i++)
		js_add_text(names, words.v[i]);
	js_put(settings, "domains", names); /* transferred */
	strv_release(&words);
}

static char *
read_settings(
    struct tree_walk *w, const struct js *domains, const char *lineage)
{
	struct js *settings = js_object();
	const char *line = js_get_text(domains, lineage);
	char *out;

	if (line)
		add_names(settings, line);
	js_put(settings, "config", tree_shell(w, "certs/%s/config", lineage));
	out = js_len(settings) > 0 ? tree_js_text(settings) : NULL;
	js_free(settings);
	return out;
}

/* ---- certificates ------------------------------------------------------ */

struct reading {
	struct tree_walk *walk;
	const struct js *domains;
};

/* `mark` is "-EPOCH", or "" for the names without a number. */
static int
tell(const struct reading *r, const char *mark, const struct tree_item *what,
    struct err *e)
{
	static const char *const files[][2] = {
	    {"cert", "pem"},
	    {"privkey", "pem"},
	    {"chain", "pem"},
	    {"fullchain", "pem"},
	    {"cert", "csr"},
	};
	struct tree_item item = *what;
	struct bundle b = {0};
	char *where = xasprintf("certs/%s/cert%s.pem", item.lineage, mark);
	char *settings = item.newest
	    ? read_settings(r->walk, r->domains, item.lineage)
	    : NULL;
	int rc;

	item.bundle = &b;
	item.settings = settings;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		tree_add(r->walk, &b, NULL, "certs/%s/%s%s.%s", item.lineage,
		    files[i][0], mark, files[i][1]);
	rc = tree_tell_item(r->walk, where, &item, e);
	free(settings);
	free(where);
	return rc;
}

/* The version that cert.pem is a link to; else the last. */
static void
find_current(const struct tree_walk *w, const char *lineage,
    const struct strv *versions, char out[TREE_VERSION_SIZE])
{
	char *path = xasprintf("certs/%s/cert.pem", lineage);
	char *target = dir_link(w->root, path);

	if (!target || !tree_version(out, target, "cert-", ".pem") ||
	    !strv_has(versions, out))
		snprintf(out, TREE_VERSION_SIZE, "%s",
		    versions->v[versions->len - 1]);
	free(target);
	free(path);
}

static int
tell_versions(const struct reading *r, const char *lineage,
    const struct strv *versions, struct err *e)
{
	char current[TREE_VERSION_SIZE], mark[TREE_VERSION_SIZE + 1];
	int rc = 0;

	find_current(r->walk, lineage, versions, current);
	for (size_t i = 0; i < versions->len && rc == 0; i++) {
		struct tree_item item = {.lineage = lineage,
		    .version = versions->v[i],
		    .newest = strcmp(versions->v[i], current) == 0};

		snprintf(mark, sizeof(mark), "-%s", item.version);
		if (tree_wants_version(r->walk, item.version))
			rc = tell(r, mark, &item, e);
	}
	return rc;
}

static int
tell_lineage(const struct reading *r, const char *lineage, struct err *e)
{
	struct tree_item plain = {.lineage = lineage, .newest = true};
	struct strv names = {0}, versions = {0};
	char version[TREE_VERSION_SIZE];
	int rc = 0;

	tree_list(r->walk, &names, "certs/%s", lineage);
	for (size_t i = 0; i < names.len; i++)
		if (tree_version(version, names.v[i], "cert-", ".pem"))
			strv_add(&versions, version);
	strv_sort_unique(&versions);
	if (versions.len > 0)
		rc = tell_versions(r, lineage, &versions, e);
	else if (tree_wants_version(r->walk, NULL))
		rc = tell(r, "", &plain, e);
	strv_release(&versions);
	strv_release(&names);
	return rc;
}

static int
read_certificates(struct tree_walk *w, struct err *e)
{
	struct js *domains = read_domains(w);
	const struct reading r = {.walk = w, .domains = domains};
	struct strv names = {0};
	int rc = 0;

	tree_list(w, &names, "certs");
	for (size_t i = 0; i < names.len && rc == 0; i++)
		if (tree_wants(w, names.v[i]) &&
		    !tree_is_file(w, "certs/%s", names.v[i]))
			rc = tell_lineage(&r, names.v[i], e);
	strv_release(&names);
	js_free(domains);
	return rc;
}

int
tree_dehydrated(struct tree_walk *w, struct err *e)
{
	int rc = tree_wants_accounts(w) ? read_accounts(w, e) : 0;

	return rc == 0 && tree_wants_items(w) ? read_certificates(w, e) : rc;
}
