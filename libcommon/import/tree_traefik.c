#include "base/b64.h"
#include "import/tree_part.h"
#include "wrap/js.h"

/* One resolver of acme.json. */
struct resolver {
	struct tree_walk *walk;
	const char *name;
	struct err *e;
};

/* Version 1 began its members with a capital letter. */
static const struct js *
get(const struct js *v, const char *member, const char *old)
{
	const struct js *found = js_get(v, member);

	return found ? found : js_get(v, old);
}

static void
complain(const struct resolver *r, const char *what, const char *rule)
{
	tree_complain(
	    r->walk, r->walk->file, "%s: %s: %s", r->name, what, rule);
}

/* Adds what a member holds in base64: PEM, or DER. */
static void
add_member(const struct resolver *r, struct bundle *b, const char *of,
    const char *what, const struct js *member)
{
	const char *text = js_text(member);
	char *name =
	    xasprintf("%s: %s: %s %s", r->walk->file, r->name, of, what);
	struct buf bytes;

	buf_init(&bytes, TREE_TEXT_MAX);
	if (!text || b64_decode(&bytes, text, strlen(text)) < 0) {
		char *line = xasprintf("%s: no base64", name);

		bundle_add_line(b, name, line);
		free(line);
	} else {
		bundle_add(b, name, bytes.data, bytes.len, NULL);
	}
	buf_wipe(&bytes);
	free(name);
}

/* ---- account ----------------------------------------------------------- */

/* All but the key. */
static char *
account_data(const struct js *account)
{
	const struct js *registration = js_get(account, "Registration");
	struct js *data = js_object();
	char *text;

	js_put_text(data, "Email", js_get_text(account, "Email"));
	js_put_text(data, "KeyType", js_get_text(account, "KeyType"));
	text = tree_js_text(registration);
	if (text) {
		struct err ignored = {0};

		js_put(data, "Registration",
		    js_parse(text, strlen(text), &ignored));
		free(text);
	}
	text = tree_js_text(data);
	js_free(data);
	return text;
}

static int
tell_account(const struct resolver *r, const struct js *v)
{
	const struct js *registration = js_get(v, "Registration");
	const char *email = js_get_text(v, "Email");
	struct strv contacts = {0};
	struct bundle b = {0};
	char *mailto, *data = account_data(v);
	struct tree_account account = {.id = r->name,
	    .url = js_get_text(registration, "uri"),
	    .contacts = &contacts,
	    .data = data};
	int rc = 0;

	tree_add_texts(
	    &contacts, js_get(js_get(registration, "body"), "contact"));
	if (contacts.len == 0 && email && *email) {
		mailto = xasprintf("mailto:%s", email);
		strv_add(&contacts, mailto);
		free(mailto);
	}
	add_member(r, &b, "Account", "key", js_get(v, "PrivateKey"));
	account.key = b.keys.len == 1 ? b.keys.v[0] : NULL;
	if (account.key)
		rc = tree_tell_account(r->walk, &account, r->e);
	else
		complain(r, "Account", "no private key");
	bundle_release(&b);
	strv_release(&contacts);
	free(data);
	return rc;
}

/* ---- certificates ------------------------------------------------------ */

static int
tell_certificate(const struct resolver *r, const struct js *v, size_t i)
{
	const struct js *domain = get(v, "domain", "Domain");
	const char *main = js_text(get(domain, "main", "Main"));
	struct bundle b = {0};
	char where[64];
	char *settings;
	int rc;

	snprintf(where, sizeof(where), "certificate %zu", i + 1);
	if (!main) {
		complain(r, where, "no domain");
		return 0;
	}
	if (!tree_wants(r->walk, main))
		return 0;
	settings = tree_js_text(domain);
	struct tree_item item = {.lineage = main,
	    .newest = true,
	    .bundle = &b,
	    .settings = settings,
	    .account = r->name};
	add_member(
	    r, &b, main, "certificate", get(v, "certificate", "Certificate"));
	add_member(r, &b, main, "key", get(v, "key", "Key"));
	rc = tree_tell_item(r->walk, r->walk->file, &item, r->e);
	free(settings);
	return rc;
}

static int
read_resolver(const char *name, const struct js *v, void *arg)
{
	struct resolver *r = arg;
	const struct js *account = js_get(v, "Account");
	const struct js *list = js_get(v, "Certificates");
	int rc = 0;

	r->name = name;
	if (js_type(account) == JS_OBJECT && tree_wants_account(r->walk, name))
		rc = tell_account(r, account);
	if (!tree_wants_items(r->walk) || !tree_wants_version(r->walk, NULL))
		return rc;
	for (size_t i = 0; i < js_len(list) && rc == 0; i++)
		rc = tell_certificate(r, js_at(list, i), i);
	return rc;
}

int
tree_traefik(struct tree_walk *w, struct err *e)
{
	struct resolver r = {.walk = w, .e = e};
	struct js *v = tree_json(w, "%s", w->file);
	int rc;

	/* version 1 of the file is one resolver without a name */
	if (js_get(v, "Account") || js_get(v, "Certificates"))
		rc = read_resolver("acme", v, &r);
	else
		rc = js_each(v, read_resolver, &r);
	js_free(v);
	return rc;
}
