#include "base/str.h"
#include "import/directories.h"
#include "import/intake_part.h"
#include "store/upstream_account.h"
#include "wrap/digest.h"
#include "wrap/js.h"

#define DATA_MAX ((size_t)1024 * 1024) /* as the readers of trees have it */

struct account_batch {
	struct intake *in;
	const struct upstream_account_new *new;
	int64_t id;
	bool created, done;
};

/* What a dry run has taken back, and of which this one may be another copy. */
static int
put_dry(const struct intake *in, const struct key *k, struct err *e)
{
	static const struct strv none;
	bool created;
	int64_t id;

	for (size_t i = 0; i < in->dry_len; i++) {
		const struct intake_dry *d = &in->dry[i];
		const struct upstream_account_new n = {
		    .directory_url = d->directory_url,
		    .url = d->url,
		    .contacts = &none,
		    .source = in->conf->source,
		    .key = d->key};

		if (key_equal(d->key, k) &&
		    upstream_account_add(in->st, &n, in->conf->account_seal,
			&id, &created, e) < 0)
			return -1;
	}
	return 0;
}

static int
put_account(void *arg, struct err *e)
{
	struct account_batch *b = arg;

	b->done = false;
	if (put_dry(b->in, b->new->key, e) < 0 ||
	    upstream_account_add(b->in->st, b->new, b->in->conf->account_seal,
		&b->id, &b->created, e) < 0)
		return -1;
	if (!b->in->conf->dry_run)
		return 0;
	b->done = true;
	return err_set(e, KIND_CONFLICT, "only a dry run");
}

static int
remember_dry(
    struct intake *in, const struct upstream_account_new *n, struct err *e)
{
	struct intake_dry *d;
	struct key *k = NULL;
	struct buf der;

	buf_init(&der, KEY_DER_MAX);
	if (key_to_der(n->key, &der, e) == 0)
		k = key_from_der(der.data, der.len, e);
	buf_wipe(&der);
	if (!k)
		return -1;
	in->dry = xreallocarray(in->dry, in->dry_len + 1, sizeof(*in->dry));
	d = &in->dry[in->dry_len++];
	d->directory_url = str_dup(n->directory_url);
	d->url = str_dup(n->url);
	d->key = k; /* transferred */
	return 0;
}

void
intake_drop_dry(struct intake *in)
{
	for (size_t i = 0; i < in->dry_len; i++) {
		free(in->dry[i].directory_url);
		free(in->dry[i].url);
		key_free(in->dry[i].key);
	}
	free(in->dry);
}

static void
remember_account(struct intake *in, const char *id, int64_t number)
{
	strv_add(&in->accounts, id);
	in->account_ids = xreallocarray(
	    in->account_ids, in->accounts.len, sizeof(*in->account_ids));
	in->account_ids[in->accounts.len - 1] = number;
}

int
intake_know_account(
    struct intake *in, const char *id, const struct key *k, struct err *e)
{
	uint8_t identity[DIGEST_SHA256_SIZE];
	struct upstream_account a;

	key_spki_sha256(k, identity);
	if (upstream_account_by_key(in->st, identity, &a, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	remember_account(in, id, a.id);
	upstream_account_release(&a);
	return 0;
}

/* ---- the CA -------------------------------------------------------------- */

/* What the store knows: once, and what comes meanwhile is added. */
static const char *
find_directory(struct intake *in, const struct intake_account *a, struct err *e)
{
	struct directories *d = &in->directories;

	d->given = in->conf->directory_url;
	if (a->directory_url) {
		if (d->urls.len > 0 && !strv_has(&d->urls, a->directory_url))
			strv_add(&d->urls, a->directory_url);
		return a->directory_url;
	}
	if (d->urls.len == 0 && directories_load(d, in->st, e) < 0)
		return NULL;
	return directories_find(d, a->ca, a->url);
}

/* The client's data, with what it calls the CA; the caller frees. */
static char *
add_hint(const struct intake_account *a)
{
	struct err ignored = {0};
	struct js *v = a->data ? js_parse(a->data, strlen(a->data), &ignored)
			       : js_object();
	struct buf text;

	if (js_type(v) != JS_OBJECT) {
		js_free(v);
		return xstrdup(a->data);
	}
	js_put_text(v, "directory_hint", a->ca);
	buf_init(&text, DATA_MAX);
	js_write(v, &text);
	js_free(v);
	return buf_detach(&text);
}

/* Whether the store does not know it either, from another time. */
static int
is_unknown(struct intake *in, const struct account_batch *b, bool *unknown,
    struct err *e)
{
	struct upstream_account a;

	*unknown = b->new->directory_url == NULL;
	if (!*unknown || in->conf->dry_run)
		return 0;
	if (upstream_account_by_id(in->st, b->id, &a, e) < 0)
		return -1;
	*unknown = *a.directory_url == '\0';
	upstream_account_release(&a);
	return 0;
}

static int
note_account(struct intake *in, const char *place,
    const struct account_batch *b, const struct intake_account *a,
    struct err *e)
{
	const char *name = a->url ? a->url : a->id;
	char reason[256];
	bool unknown;

	if (is_unknown(in, b, &unknown, e) < 0)
		return -1;
	snprintf(reason, sizeof(reason),
	    "the directory of its CA is not known%s%s; --directory gives it",
	    a->ca ? ": " : "", a->ca ? a->ca : "");
	intake_note_lacking(in, xstrdup(place), "upstream_account", b->id,
	    b->created, xstrdup(name), unknown ? reason : NULL);
	return 0;
}

/* ---- adding -------------------------------------------------------------- */

static int
add_account(struct intake *in, const char *place,
    const struct intake_account *a, const struct upstream_account_new *n,
    struct err *e)
{
	struct account_batch b = {.in = in, .new = n};
	char text[1024];

	if (store_transaction(in->st, put_account, &b, e) == 0 || b.done) {
		err_clear(e);
		if (!in->conf->dry_run)
			remember_account(in, a->id, b.id);
		else if (remember_dry(in, n, e) < 0)
			return -1;
		if (note_account(in, place, &b, a, e) < 0)
			return -1;
	} else if (intake_is_refusal(e)) {
		err_format(e, text, sizeof(text));
		err_clear(e);
		intake_note_refused(in, xstrdup(place), "upstream_account",
		    xstrdup(a->url ? a->url : a->id), text);
	} else {
		return -1;
	}
	return intake_send_reports(in, e);
}

int
intake_add_account(struct intake *in, const char *place,
    const struct intake_account *a, struct err *e)
{
	struct upstream_account_new n = {.url = a->url,
	    .contacts = a->contacts,
	    .source = in->conf->source,
	    .data = a->data,
	    .deactivated = a->deactivated,
	    .key = a->key};
	char *data = NULL;
	int rc;

	if (intake_finish(in, e) < 0)
		return -1;
	n.directory_url = find_directory(in, a, e);
	if (err_is_set(e))
		return -1;
	if (!n.directory_url && a->ca)
		n.data = data = add_hint(a);
	rc = add_account(in, place, a, &n, e);
	free(data);
	return rc;
}
