#include "import/intake_part.h"
#include "store/upstream_account.h"

/* What is stored in one transaction. */
#define BATCH_ITEMS 512
#define BATCH_THINGS 4096

struct intake *
intake_open(struct store *st, const struct intake_conf *conf)
{
	struct intake *in = xcalloc(1, sizeof(*in));

	in->st = st;
	in->conf = conf;
	in->items = xcalloc(BATCH_ITEMS, sizeof(*in->items));
	return in;
}

/* ---- putting together ---------------------------------------------------- */

static void
item_release(struct intake_item *it)
{
	bundle_sets_free(it->sets, it->sets_len);
	bundle_release(&it->bundle);
	digestmap_release(&it->used);
	digestmap_release(&it->cert_keys);
	free(it->place);
	free(it->client);
	free(it->name);
	free(it->settings);
	*it = (struct intake_item){0};
}

static void
mark_used(struct intake_item *it, const struct bundle_set *s)
{
	uint8_t digest[DIGESTMAP_KEY_SIZE];

	cert_sha256(s->cert, digest);
	digestmap_put(&it->used, digest, 0);
	cert_spki_sha256(s->cert, digest);
	digestmap_put(&it->cert_keys, digest, 0);
	for (size_t i = 0; i < s->chains_len; i++)
		for (size_t k = 0; k < s->chains[i].len; k++) {
			cert_sha256(s->chains[i].certs[k], digest);
			digestmap_put(&it->used, digest, 0);
		}
}

static int
put_together(struct intake *in, struct intake_item *it, struct err *e)
{
	if (in->conf->ca_only)
		return 0;
	it->sets = bundle_sets(&it->bundle, &it->sets_len);
	for (size_t i = 0; i < it->sets_len; i++) {
		if (intake_add_chains(in, &it->sets[i], e) < 0)
			return -1;
		mark_used(it, &it->sets[i]);
	}
	return 0;
}

/* ---- storing ------------------------------------------------------------- */

/* Items of a batch, in one transaction. */
struct batch {
	struct intake *in;
	const struct intake_item *items;
	size_t len, cas; /* the second: noted before */
	bool done; /* all was stored, and a dry run takes it back */
};

static int
put_batch(void *arg, struct err *e)
{
	struct batch *b = arg;

	intake_drop_reports(b->in);
	digestmap_release(&b->in->issuers);
	free(b->in->failed_place);
	b->in->failed_place = NULL;
	b->in->cas_len = b->cas;
	b->done = false;
	for (size_t i = 0; i < b->len; i++)
		if (intake_put(b->in, &b->items[i], e) < 0)
			return -1;
	if (!b->in->conf->dry_run)
		return 0;
	b->done = true;
	return err_set(e, KIND_CONFLICT, "only a dry run");
}

static int
store_batch(struct intake *in, const struct intake_item *items, size_t len,
    struct err *e)
{
	struct batch b = {
	    .in = in, .items = items, .len = len, .cas = in->cas_len};
	int rc = store_transaction(in->st, put_batch, &b, e);

	if (rc == 0)
		return 0;
	in->cas_len = b.cas;
	if (!b.done)
		return -1;
	err_clear(e);
	return 0;
}

bool
intake_is_refusal(const struct err *e)
{
	return e->kind == KIND_INPUT || e->kind == KIND_CONFLICT;
}

static int
store_alone(struct intake *in, const struct intake_item *it, struct err *e)
{
	char text[1024], *place;

	if (store_batch(in, it, 1, e) == 0)
		return intake_send_reports(in, e);
	if (!intake_is_refusal(e))
		return -1;
	err_format(e, text, sizeof(text));
	err_clear(e);
	intake_drop_reports(in);
	place = in->failed_place ? in->failed_place : xstrdup(it->place);
	in->failed_place = NULL; /* transferred */
	intake_note_refused(in, place, "file", xstrdup(""), text);
	return intake_send_reports(in, e);
}

static int
flush(struct intake *in, struct err *e)
{
	int rc;

	if (in->len == 0)
		return 0;
	rc = store_batch(in, in->items, in->len, e);
	if (rc == 0) {
		rc = intake_send_reports(in, e);
	} else if (intake_is_refusal(e)) {
		err_clear(e);
		rc = 0;
		for (size_t i = 0; rc == 0 && i < in->len; i++)
			rc = store_alone(in, &in->items[i], e);
	}
	if (rc == 0)
		rc = intake_spread_chains(in, e);
	for (size_t i = 0; i < in->len; i++)
		item_release(&in->items[i]);
	in->len = in->things = 0;
	intake_forget_ways(in); /* what items borrow from */
	return rc;
}

/* ---- adding -------------------------------------------------------------- */

/* The next free item; its bundle is taken from `b`. */
static struct intake_item *
next_item(struct intake *in, const char *place, struct bundle *b)
{
	struct intake_item *it = &in->items[in->len++];

	*it = (struct intake_item){.place = xstrdup(place), .bundle = *b};
	*b = (struct bundle){0};
	in->things += it->bundle.certs.len + it->bundle.keys.len +
	    it->bundle.csrs_len + 1;
	return it;
}

static int
item_added(struct intake *in, struct intake_item *it, struct err *e)
{
	if (put_together(in, it, e) < 0)
		return -1;
	return in->len == BATCH_ITEMS || in->things >= BATCH_THINGS
	    ? flush(in, e)
	    : 0;
}

int
intake_add(
    struct intake *in, const char *place, struct bundle *b, struct err *e)
{
	return item_added(in, next_item(in, place, b), e);
}

/* The number here of an account there; 0: it is not known. */
static int64_t
find_account(const struct intake *in, const char *id)
{
	for (size_t i = 0; i < in->accounts.len; i++)
		if (strcmp(in->accounts.v[i], id) == 0)
			return in->account_ids[i];
	return 0;
}

int
intake_add_lineage(struct intake *in, const char *place, struct bundle *b,
    const struct intake_state *state, const struct intake_lineage *lineage,
    struct err *e)
{
	struct intake_item *it = next_item(in, place, b);

	it->state = *state;
	it->is_lineage = true;
	if (lineage) {
		it->client = xstrdup(lineage->client);
		it->name = xstrdup(lineage->name);
		it->settings = xstrdup(lineage->settings);
		if (lineage->account)
			it->account_id = find_account(in, lineage->account);
	}
	return item_added(in, it, e);
}

/* ---- the end ------------------------------------------------------------- */

int
intake_finish(struct intake *in, struct err *e)
{
	return flush(in, e);
}

void
intake_close(struct intake *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < in->len; i++)
		item_release(&in->items[i]);
	intake_drop_reports(in);
	free(in->failed_place);
	intake_forget_ways(in);
	free(in->cas);
	intake_drop_dry(in);
	directories_release(&in->directories);
	digestmap_release(&in->issuers);
	strv_release(&in->accounts);
	free(in->account_ids);
	free(in->reports);
	free(in->items);
	free(in);
}
