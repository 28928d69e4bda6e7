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
		rc = tell_account(w, names.v[i], e);
	strv_release(&names);
	return rc;
}

/* ---- domains.txt: NAME ALT... [> ALIAS] -------------------------------- */

/* The words of a line; whether it is the one of this certificate. */
static bool
read_words(struct strv *words, const char *line, const char *lineage)
{
	const char *alias = NULL;

	while (*(line += strspn(line, " \t\r")) && *line != '#') {
		size_t len = strcspn(line, " \t\r");

		strv_addn(words, line, len);
		line += len;
	}
	if (words->len >= 3 && strcmp(words->v[words->len - 2], ">") == 0)
		alias = words->v[words->len - 1];
	else if (words->len > 0)
		alias = words->v[0];
	return alias && strcmp(alias, lineage) == 0;
}

static void
add_names(struct js *settings, const struct strv *words)
{
	struct js *names = js_array();

	for (size_t i = 0; i < words->len; i++) {
		if (strcmp(words->v[i], ">") == 0)
			break;
		js_add_text(names, words->v[i]);
	}
	js_put(settings, "domains", names); /* transferred */
}

static void
find_line(struct js *settings, const struct buf *text, const char *lineage)
{
	const char *p = text->data, *end = text->data + text->len;
	bool found = false;

	while (p < end && !found) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		char *line = xstrndup(p, (size_t)((nl ? nl : end) - p));
		struct strv words = {0};

		found = read_words(&words, line, lineage);
		if (found)
			add_names(settings, &words);
		strv_release(&words);
		free(line);
		p = nl ? nl + 1 : end;
	}
}

static char *
read_settings(struct tree_walk *w, const char *lineage)
{
	struct js *settings = js_object();
	struct buf text;
	char *out;

	buf_init(&text, TREE_FILE_MAX);
	if (tree_text(w, &text, "domains.txt"))
		find_line(settings, &text, lineage);
	buf_release(&text);
	js_put(settings, "config", tree_shell(w, "certs/%s/config", lineage));
	out = js_len(settings) > 0 ? tree_js_text(settings) : NULL;
	js_free(settings);
	return out;
}

/* ---- certificates ------------------------------------------------------ */

/* `mark` is "-EPOCH", or "" for the names without a number. */
static int
tell(struct tree_walk *w, const char *mark, const struct tree_item *what,
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
	char *settings = item.newest ? read_settings(w, item.lineage) : NULL;
	int rc;

	item.bundle = &b;
	item.settings = settings;
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		tree_add(w, &b, NULL, "certs/%s/%s%s.%s", item.lineage,
		    files[i][0], mark, files[i][1]);
	rc = tree_tell_item(w, where, &item, e);
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
tell_versions(struct tree_walk *w, const char *lineage,
    const struct strv *versions, struct err *e)
{
	char current[TREE_VERSION_SIZE], mark[TREE_VERSION_SIZE + 1];
	int rc = 0;

	find_current(w, lineage, versions, current);
	for (size_t i = 0; i < versions->len && rc == 0; i++) {
		struct tree_item item = {.lineage = lineage,
		    .version = versions->v[i],
		    .newest = strcmp(versions->v[i], current) == 0};

		snprintf(mark, sizeof(mark), "-%s", item.version);
		if (tree_wants_version(w, item.version))
			rc = tell(w, mark, &item, e);
	}
	return rc;
}

static int
tell_lineage(struct tree_walk *w, const char *lineage, struct err *e)
{
	struct tree_item plain = {.lineage = lineage, .newest = true};
	struct strv names = {0}, versions = {0};
	char version[TREE_VERSION_SIZE];
	int rc = 0;

	tree_list(w, &names, "certs/%s", lineage);
	for (size_t i = 0; i < names.len; i++)
		if (tree_version(version, names.v[i], "cert-", ".pem"))
			strv_add(&versions, version);
	strv_sort_unique(&versions);
	if (versions.len > 0)
		rc = tell_versions(w, lineage, &versions, e);
	else if (tree_wants_version(w, NULL))
		rc = tell(w, "", &plain, e);
	strv_release(&versions);
	strv_release(&names);
	return rc;
}

int
tree_dehydrated(struct tree_walk *w, struct err *e)
{
	struct strv names = {0};
	int rc = tree_wants_accounts(w) ? read_accounts(w, e) : 0;

	if (tree_wants_items(w))
		tree_list(w, &names, "certs");
	for (size_t i = 0; i < names.len && rc == 0; i++)
		if (tree_wants(w, names.v[i]) &&
		    !tree_is_file(w, "certs/%s", names.v[i]))
			rc = tell_lineage(w, names.v[i], e);
	strv_release(&names);
	return rc;
}
