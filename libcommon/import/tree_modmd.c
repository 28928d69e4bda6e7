#include "base/b64.h"
#include "import/tree_part.h"
#include "wrap/js.h"
#include "wrap/pem.h"

#define PASSWORD_SIZE 48 /* bytes in md_store.json */
#define LABEL_SIZE 64

/* ---- accounts: encrypted under the key of the store -------------------- */

/* Fills `out`, empty when there is none. */
static void
read_password(struct tree_walk *w, struct buf *out)
{
	struct js *v = tree_json(w, "md_store.json");
	const char *text = js_get_text(v, "key");

	if (text &&
	    (b64url_decode(out, text, strlen(text)) < 0 ||
		out->len != PASSWORD_SIZE))
		tree_complain(
		    w, "md_store.json", "no key of %d bytes", PASSWORD_SIZE);
	js_free(v);
}

/* The first block, which may be encrypted or not. */
static struct key *
open_key(const struct buf *pem, const struct buf *password, struct err *e)
{
	struct pem_reader r = {.p = pem->data, .len = pem->len};
	char label[LABEL_SIZE];
	struct key *k = NULL;
	struct buf der;

	buf_init(&der, KEY_DER_MAX);
	if (pem_next(&r, label, sizeof(label), &der) != 1)
		err_set(e, KIND_INPUT, "RFC 7468 2: no PEM");
	else if (strcmp(label, "ENCRYPTED PRIVATE KEY") == 0)
		k = key_from_sealed_der(
		    der.data, der.len, password->data, password->len, e);
	else
		k = key_from_der(der.data, der.len, e);
	buf_wipe(&der);
	return k;
}

static struct key *
read_key(struct tree_walk *w, const char *name, const struct buf *password)
{
	char *path = xasprintf("accounts/%s/account.pem", name);
	struct err e = {0};
	struct key *k = NULL;
	struct buf pem;

	buf_init(&pem, TREE_TEXT_MAX);
	if (tree_text(w, &pem, "%s", path) &&
	    !(k = open_key(&pem, password, &e)))
		tree_problem(w, path, &e);
	buf_wipe(&pem);
	free(path);
	return k;
}

static int
tell_account(struct tree_walk *w, const char *name, const struct buf *password,
    struct err *e)
{
	struct key *k = read_key(w, name, password);
	struct js *v =
	    k ? tree_json(w, "accounts/%s/account.json", name) : NULL;
	struct strv contacts = {0};
	char *data = tree_js_text(v);
	struct tree_account account = {.id = name,
	    .directory_url = js_get_text(v, "ca-url"),
	    .url = js_get_text(v, "url"),
	    .contacts = &contacts,
	    .key = k,
	    .data = data};
	int rc = 0;

	tree_add_texts(&contacts, js_get(v, "contact"));
	if (k)
		rc = tree_tell_account(w, &account, e);
	strv_release(&contacts);
	key_free(k);
	js_free(v);
	free(data);
	return rc;
}

static int
read_accounts(struct tree_walk *w, struct err *e)
{
	struct strv names = {0};
	struct buf password;
	int rc = 0;

	buf_init(&password, 1024);
	read_password(w, &password);
	tree_list(w, &names, "accounts");
	for (size_t i = 0; i < names.len && rc == 0; i++)
		if (tree_wants_account(w, names.v[i]))
			rc = tell_account(w, names.v[i], &password, e);
	strv_release(&names);
	buf_wipe(&password);
	return rc;
}

/* ---- domains/NAME and archive/NAME.N ----------------------------------- */

/* pubcert.pem and privkey.pem, or the same with the type of key between. */
static int
tell(struct tree_walk *w, const char *folder, const char *type,
    const struct tree_item *what, struct err *e)
{
	char *where = xasprintf("%s/pubcert%s.pem", folder, type);
	struct tree_item item = *what;
	struct bundle b = {0};
	int rc;

	item.bundle = &b;
	tree_add(w, &b, NULL, "%s", where);
	tree_add(w, &b, NULL, "%s/privkey%s.pem", folder, type);
	rc = tree_tell_item(w, where, &item, e);
	free(where);
	return rc;
}

static int
tell_types(struct tree_walk *w, const char *folder, struct tree_item *item,
    struct err *e)
{
	struct strv names = {0};
	int rc = 0;

	tree_list(w, &names, "%s", folder);
	for (size_t i = 0; i < names.len && rc == 0; i++) {
		size_t len = strlen(names.v[i]);
		char *type;

		if (!str_starts(names.v[i], "pubcert") ||
		    !str_ends(names.v[i], ".pem") ||
		    len < strlen("pubcert.pem"))
			continue;
		type = xstrndup(names.v[i] + strlen("pubcert"),
		    len - strlen("pubcert.pem"));
		rc = tell(w, folder, type, item, e);
		free(type);
	}
	strv_release(&names);
	return rc;
}

static int
tell_folder(struct tree_walk *w, const char *folder, const char *lineage,
    const char *version, struct err *e)
{
	struct js *v = tree_json(w, "%s/md.json", folder);
	char *settings = version ? NULL : tree_js_text(v);
	struct tree_item item = {.lineage = lineage,
	    .version = version,
	    .newest = !version,
	    .settings = settings,
	    .account = js_get_text(js_get(v, "ca"), "account")};
	int rc = 0;

	if (tree_wants(w, lineage) && tree_wants_version(w, version))
		rc = tell_types(w, folder, &item, e);
	js_free(v);
	free(settings);
	return rc;
}

static int
read_archive(struct tree_walk *w, struct err *e)
{
	struct strv names = {0};
	int rc = 0;

	tree_list(w, &names, "archive");
	for (size_t i = 0; i < names.len && rc == 0; i++) {
		const char *dot = strrchr(names.v[i], '.');
		char version[TREE_VERSION_SIZE];
		char *folder = xasprintf("archive/%s", names.v[i]);

		if (dot && tree_version(version, dot, ".", "")) {
			char *lineage =
			    xstrndup(names.v[i], (size_t)(dot - names.v[i]));

			rc = tell_folder(w, folder, lineage, version, e);
			free(lineage);
		}
		free(folder);
	}
	strv_release(&names);
	return rc;
}

static int
read_domains(struct tree_walk *w, struct err *e)
{
	struct strv names = {0};
	int rc = 0;

	tree_list(w, &names, "domains");
	for (size_t i = 0; i < names.len && rc == 0; i++) {
		char *folder = xasprintf("domains/%s", names.v[i]);

		rc = tell_folder(w, folder, names.v[i], NULL, e);
		free(folder);
	}
	strv_release(&names);
	return rc;
}

int
tree_modmd(struct tree_walk *w, struct err *e)
{
	int rc = tree_wants_accounts(w) ? read_accounts(w, e) : 0;

	if (rc == 0 && tree_wants_items(w))
		rc = read_archive(w, e);
	if (rc == 0 && tree_wants_items(w))
		rc = read_domains(w, e);
	return rc;
}
