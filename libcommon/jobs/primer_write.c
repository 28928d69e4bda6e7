#include "jobs/primer_part.h"

#define ROUNDS 5 /* after that somebody else writes the same all the time */

/* ---- what is pointed to -------------------------------------------------- */

static int
send_value(
    struct primer *p, const struct redis_entry *r, size_t *n, struct err *e)
{
	int64_t over = primer_deadline(p,
	    p->format->refers ? p->o.settings->expire[r->kind] * 1000
			      : p->lasts_ms);

	if (kv_is_cluster(p->o.kv) && p->format->refers) {
		if (primer_cluster_use(p, r->key, e) < 0)
			return -1;
		++*n;
	}
	kv_to_key(p->o.kv, r->key);
	if (over == 0) {
		kv_begin(p->o.kv, 3);
		kv_arg_text(p->o.kv, "SET");
		kv_arg_text(p->o.kv, r->key);
		kv_arg(p->o.kv, r->value[0].data, r->value[0].len);
	} else {
		primer_eval(p, SCRIPT_VALUE, 1, 2);
		kv_arg_text(p->o.kv, r->key);
		kv_arg(p->o.kv, r->value[0].data, r->value[0].len);
		kv_arg_int(p->o.kv, over);
	}
	p->counts.written[r->kind]++;
	++*n;
	return kv_send(p->o.kv, e);
}

/* Each once in a run. */
static int
send_values(struct primer *p, struct item *i, size_t *n, struct err *e)
{
	bool sent[REDIS_KIND__MAX];

	for (size_t k = 0; k < REDIS_DOMAIN; k++)
		sent[k] = idset_add(
		    &p->sent[k], primer_number(p, i, (enum redis_kind)k));
	for (size_t k = 0; k < REDIS_DOMAIN; k++)
		primer_cluster_sent(p, (enum redis_kind)k,
		    primer_number(p, i, (enum redis_kind)k));
	for (size_t k = 0; k < i->entries.len; k++) {
		struct redis_entry *r = &i->entries.v[k];

		if (r->kind == REDIS_DOMAIN)
			continue;
		if (!sent[r->kind] && send_value(p, r, n, e) < 0)
			return -1;
		for (size_t f = 0; f < r->len; f++)
			buf_wipe(&r->value[f]);
	}
	return 0;
}

int
primer_receive_values(struct primer *p, struct batch *b, struct err *e)
{
	for (; b->values > 0; b->values--) {
		struct kv_reply *r = kv_receive(p->o.kv, e);
		int rc = r ? kv_check(r, e) : -1;

		kv_free(r);
		if (rc < 0)
			return -1;
	}
	return primer_cluster_receive(p, b, e);
}

static bool
is_to_write(const struct item *i)
{
	return i->state == ITEM_NEW || i->state == ITEM_CHANGED ||
	    i->state == ITEM_MENDED;
}

struct sending {
	struct primer *p;
	struct batch *b;
	size_t at; /* the first that was not done */
};

static int
fill_and_send(void *arg, struct err *e)
{
	struct sending *w = arg;

	for (; w->at < w->b->len; w->at++) {
		struct item *item = &w->b->v[w->at];
		int rc;

		if (!is_to_write(item))
			continue;
		rc = primer_fill(w->p, item, false, e);
		if (rc < 0 ||
		    (rc == 0 && send_values(w->p, item, &w->b->values, e) < 0))
			return -1;
	}
	return 0;
}

int
primer_send_values(struct primer *p, struct batch *b, struct err *e)
{
	struct sending w = {.p = p, .b = b};

	if (b->len == 0)
		return 0;
	primer_cluster_forget(p);
	return store_snapshot(p->o.st, fill_and_send, &w, e) < 0
	    ? -1
	    : primer_cluster_ask(p, b, e);
}

/* ---- what points --------------------------------------------------------- */

static size_t
count_values(const struct item *i)
{
	size_t n = 0;

	for (size_t k = 0; k < i->entries.len; k++)
		n += i->entries.v[k].kind != REDIS_DOMAIN;
	return n;
}

static int
send_name(struct primer *p, const struct item *i, const struct redis_entry *r,
    struct err *e)
{
	bool is_hash = r->field[0] != NULL;
	char *side = primer_side(r->key), *subject = primer_subject(p, i);
	char *beside = xasprintf("%s %s %s", i->stamp, p->tag, subject);
	struct kv *k = p->o.kv;
	bool alone = !kv_is_cluster(k);

	kv_to_key(k, r->key);
	primer_eval(p, SCRIPT_NAME, alone ? 3 + count_values(i) : 2,
	    4 + (is_hash ? 2 : 1) * r->len);
	kv_arg_text(k, r->key);
	kv_arg_text(k, side);
	if (alone)
		kv_arg_text(k, PRIMER_WRITES_KEY);
	for (size_t v = 0; alone && v < i->entries.len; v++)
		if (i->entries.v[v].kind != REDIS_DOMAIN)
			kv_arg_text(k, i->entries.v[v].key);
	kv_arg_int(k, p->fence);
	kv_arg_text(k, beside);
	kv_arg_int(k, primer_deadline(p, p->lasts_ms));
	kv_arg_text(k, is_hash ? "1" : "0");
	for (size_t f = 0; f < r->len; f++) {
		if (is_hash)
			kv_arg_text(k, r->field[f]);
		kv_arg(k, r->value[f].data, r->value[f].len);
	}
	free(beside);
	free(subject);
	free(side);
	return kv_send(k, e);
}

/*
 * The key that a name has with a private key of another type; it goes when this
 * one has been written.  NULL: there is none; the caller frees.
 */
static char *
other_key(const struct primer *p, const struct item *i)
{
	struct redis_item it = i->it;
	struct redis_entries other = {0};
	struct err ignored = {0};
	char *key = NULL;

	it.m = NULL;
	it.is_rsa = !it.is_rsa;
	if (p->format->by_key_type &&
	    p->format->make(&it, &p->o.settings->options, &other, &ignored) ==
		0)
		key = xstrdup(other.v[0].key);
	redis_entries_release(&other);
	return key;
}

static int
send_item(struct primer *p, const struct item *i, struct err *e)
{
	static const struct redis_entries none;
	char *other = other_key(p, i);
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < i->entries.len; k++)
		if (i->entries.v[k].kind == REDIS_DOMAIN)
			rc = send_name(p, i, &i->entries.v[k], e);
	if (rc == 0 && other)
		rc = primer_send_removal(p, other, i->s.name, &none, e);
	free(other);
	return rc;
}

int
primer_send_names(struct primer *p, struct batch *b, struct err *e)
{
	b->names = true;
	for (size_t i = 0; i < b->len; i++)
		if (is_to_write(&b->v[i]) && send_item(p, &b->v[i], e) < 0)
			return -1;
	return 0;
}

static void
tell(const struct primer *p, const struct item *i, const char *key)
{
	static const enum primer_change changes[] = {
	    [ITEM_NEW] = PRIMER_NEW,
	    [ITEM_CHANGED] = PRIMER_CHANGED,
	    [ITEM_MENDED] = PRIMER_MENDED,
	};

	primer_tell(p, key, changes[i->state], i->s.certificate_id);
}

static int
receive_name(struct primer *p, struct item *i, const struct redis_entry *r,
    struct err *e)
{
	int64_t done;

	if (primer_receive(p, &done, e) < 0)
		return -1;
	if (done == 1) {
		p->counts.written[REDIS_DOMAIN]++;
		tell(p, i, r->key);
	} else {
		i->refused = true;
	}
	/* What it points to was removed under our hands. */
	for (size_t k = 0; done == 2 && k < REDIS_KIND__MAX; k++)
		idset_release(&p->sent[k]);
	return 0;
}

static int
receive_item(struct primer *p, struct item *i, struct err *e)
{
	char *other = other_key(p, i);
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < i->entries.len; k++)
		if (i->entries.v[k].kind == REDIS_DOMAIN)
			rc = receive_name(p, i, &i->entries.v[k], e);
	if (rc == 0 && other)
		rc = primer_receive_removal(p, other, e);
	free(other);
	return rc < 0 ? -1 : 0;
}

int
primer_receive_names(struct primer *p, struct batch *b, struct err *e)
{
	for (size_t i = 0; b->names && i < b->len; i++)
		if (is_to_write(&b->v[i]) && receive_item(p, &b->v[i], e) < 0)
			return -1;
	b->names = false;
	return 0;
}

/* ---- what somebody newer has written ------------------------------------- */

bool
primer_has_refused(const struct batch *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->v[i].refused)
			return true;
	return false;
}

/* What is known of it is as old as we are: it is asked for again. */
static int
ask_again(struct primer *p, struct item *i, struct err *e)
{
	char name[DOMAIN_VALUE_MAX + 1];
	struct err why = {0};

	memcpy(name, i->s.name, sizeof(name));
	i->refused = false;
	redis_entries_release(&i->entries);
	if (serving_by_name(p->o.st, name, p->o.now, &i->s, &why) < 0 &&
	    why.kind != KIND_NOTFOUND) {
		*e = why;
		return -1;
	}
	i->state = why.kind != KIND_NOTFOUND && primer_wants(p, &i->s)
	    ? ITEM_CHANGED
	    : ITEM_DONE;
	return i->state == ITEM_DONE ? 0 : primer_identify(p, i, e);
}

/* Leaves only those in the batch; how many, or -1. */
static int
keep_refused(struct primer *p, struct batch *b, struct err *e)
{
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < b->len; i++) {
		struct item *item = &b->v[i];

		if (item->refused && rc == 0)
			rc = ask_again(p, item, e);
		else
			item->state = ITEM_DONE;
		n += item->state == ITEM_CHANGED;
	}
	return rc < 0 ? -1 : (int)n;
}

static int
write_again(struct primer *p, struct batch *b, struct err *e)
{
	if (primer_send_values(p, b, e) < 0 ||
	    primer_receive_values(p, b, e) < 0 ||
	    primer_send_names(p, b, e) < 0)
		return -1;
	return primer_receive_names(p, b, e);
}

static int
settle(struct primer *p, struct batch *b, struct err *e)
{
	for (int round = 0;; round++) {
		int left;

		if (p->o.verify && primer_read_back(p, b, e) < 0)
			return -1;
		if (!primer_has_refused(b))
			return 0;
		if (round == ROUNDS)
			return err_set(e, KIND_BUSY,
			    "others write the same names all the time");
		if (primer_take_fence(p, e) < 0)
			return -1;
		left = keep_refused(p, b, e);
		if (left <= 0)
			return left;
		if (write_again(p, b, e) < 0)
			return -1;
	}
}

int
primer_settle(struct primer *p, struct batch *b, struct err *e)
{
	const int64_t fence = p->fence;
	int rc = settle(p, b, e);

	p->fence = fence; /* the other batches are no younger than that */
	return rc;
}
