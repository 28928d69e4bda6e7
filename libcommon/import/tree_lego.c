#include "base/str.h"
#include "import/tree_part.h"
#include "wrap/js.h"

/* ---- accounts ---------------------------------------------------------- */

/* Version 4: keys/EMAIL.key; version 5: ID.key beside account.json. */
static struct key *
find_key(struct tree_walk *w, const char *folder, const char *name)
{
	struct key *k = tree_key(w, NULL, "%s/keys/%s.key", folder, name);

	if (!k)
		k = tree_key(w, NULL, "%s/%s.key", folder, name);
	if (!k)
		tree_complain(w, folder, "no key of the account");
	return k;
}

/* What version 4 keeps in the body of its registration, version 5 above it. */
static int
tell_account(struct tree_walk *w, const char *host, const char *name,
    const struct js *v, struct err *e)
{
	char *folder = xasprintf("accounts/%s/%s", host, name);
	const struct js *registration = js_get(v, "registration");
	const struct js *body = js_get(registration, "body");
	struct strv contacts = {0};
	struct key *k = find_key(w, folder, name);
	char *data = tree_js_text(v);
	struct tree_account account = {.id = folder + strlen("accounts/"),
	    .directory_url = js_get_text(v, "server"),
	    .ca = host,
	    .url = js_get_text(registration, "uri"),
	    .contacts = &contacts,
	    .key = k,
	    .data = data};
	const char *status = js_get_text(body ? body : registration, "status");
	int rc = 0;

	account.deactivated = str_same(status, "deactivated");
	if (!account.url)
		account.url = js_get_text(registration, "accountURL");
	tree_add_texts(
	    &contacts, js_get(body ? body : registration, "contact"));
	if (k)
		rc = tree_tell_account(w, &account, e);
	key_free(k);
	strv_release(&contacts);
	free(data);
	free(folder);
	return rc;
}

static int
read_host(struct tree_walk *w, const char *host, struct err *e)
{
	struct strv names = {0};
	int rc = 0;

	tree_list(w, &names, "accounts/%s", host);
	for (size_t i = 0; i < names.len && rc == 0; i++) {
		char *id = xasprintf("%s/%s", host, names.v[i]);
		struct js *v = tree_wants_account(w, id)
		    ? tree_json(w, "accounts/%s/account.json", id)
		    : NULL;

		if (v)
			rc = tell_account(w, host, names.v[i], v, e);
		js_free(v);
		free(id);
	}
	strv_release(&names);
	return rc;
}

static int
read_accounts(struct tree_walk *w, struct err *e)
{
	struct strv hosts = {0};
	int rc = 0;

	tree_list(w, &hosts, "accounts");
	for (size_t i = 0; i < hosts.len && rc == 0; i++)
		rc = read_host(w, hosts.v[i], e);
	strv_release(&hosts);
	return rc;
}

/* ---- certificates ------------------------------------------------------ */

/*
 * The account cannot be told but by what is left: the only one on the host that
 * the certificate is from.
 */
static char *
find_account(struct tree_walk *w, const char *settings)
{
	struct err ignored = {0};
	struct js *v =
	    settings ? js_parse(settings, strlen(settings), &ignored) : NULL;
	const char *url = js_get_text(v, "certUrl"), *scheme;
	char *host, *name, *id = NULL;

	scheme = url ? strstr(url, "://") : NULL;
	host = scheme ? xstrndup(scheme + 3, strcspn(scheme + 3, "/"))
		      : xstrdup("");
	for (char *p = host; *p; p++)
		if (*p == ':')
			*p = '_';
	name = tree_only(w, "accounts/%s", host);
	if (name)
		id = xasprintf("%s/%s", host, name);
	js_free(v);
	free(host);
	free(name);
	return id;
}

static int
tell(struct tree_walk *w, const char *stem, const struct tree_item *what,
    struct err *e)
{
	static const char *const suffixes[] = {"crt", "issuer.crt", "key"};
	struct tree_item item = *what;
	struct bundle b = {0};
	char *settings, *account;
	int rc;

	item.bundle = &b;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		tree_add(w, &b, NULL, "%s.%s", stem, suffixes[i]);
	settings = item.newest ? tree_json_text(w, "%s.json", stem) : NULL;
	account = find_account(w, settings);
	item.settings = settings;
	item.account = account;
	rc = tree_tell_item(w, stem, &item, e);
	free(account);
	free(settings);
	return rc;
}

/* In archives/ the time of the move stands in front of the name. */
static int
tell_file(struct tree_walk *w, const char *folder, const char *name,
    bool archived, struct err *e)
{
	const char *dot = strchr(name, '.');
	char *stem = xasprintf(
	    "%s/%.*s", folder, (int)(strlen(name) - strlen(".crt")), name);
	char version[TREE_VERSION_SIZE];
	struct tree_item item = {
	    .lineage = stem + strlen(folder) + 1, .newest = !archived};
	char *head = xstrndup(name, (size_t)(dot - name));
	int rc = 0;

	if (archived && dot[1] && tree_version(version, head, "", "")) {
		item.version = version;
		item.lineage += strlen(head) + 1;
	}
	if (tree_wants(w, item.lineage) && tree_wants_version(w, item.version))
		rc = tell(w, stem, &item, e);
	free(head);
	free(stem);
	return rc;
}

static int
read_folder(
    struct tree_walk *w, const char *folder, bool archived, struct err *e)
{
	struct strv names = {0};
	int rc = 0;

	tree_list(w, &names, "%s", folder);
	for (size_t i = 0; i < names.len && rc == 0; i++)
		if (str_ends(names.v[i], ".crt") &&
		    !str_ends(names.v[i], ".issuer.crt"))
			rc = tell_file(w, folder, names.v[i], archived, e);
	strv_release(&names);
	return rc;
}

int
tree_lego(struct tree_walk *w, struct err *e)
{
	int rc = tree_wants_accounts(w) ? read_accounts(w, e) : 0;

	if (rc == 0 && tree_wants_items(w))
		rc = read_folder(w, "archives", true, e);
	if (rc == 0 && tree_wants_items(w))
		rc = read_folder(w, "certificates", false, e);
	return rc;
}
