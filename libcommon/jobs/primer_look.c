#include "base/hex.h"
#include "jobs/primer_part.h"
#include "wrap/digest.h"

/* ---- by stamps ----------------------------------------------------------- */

/*
 * The entry number `n` of those that gateways look up, NULL when it is not
 * asked for.
 */
static const struct redis_entry *
domain_at(const struct item *i, size_t n)
{
	for (size_t k = 0; i->state != ITEM_FAILED && k < i->entries.len; k++)
		if (i->entries.v[k].kind == REDIS_DOMAIN && n-- == 0)
			return &i->entries.v[k];
	return NULL;
}

/* What stands before the numbers that it has in its fields. */
static const char *
reference(const struct primer *p, size_t n)
{
	if (!p->format->refers)
		return "-";
	return n == 0 ? ":" : "";
}

/* What SCRIPT_LOOK and SCRIPT_LOOK_ONE want of all names with such a key. */
static void
add_wants(struct primer *p, const struct redis_entry *r, size_t n)
{
	kv_arg_int(p->o.kv, p->lasts_ms / 2);
	kv_arg_text(p->o.kv, reference(p, n));
	kv_arg_text(p->o.kv, r && r->field[0] ? "hash" : "string");
}

/* In a cluster each key is asked for by itself. */
static int
ask_stamp(struct primer *p, const struct item *i, size_t n, struct err *e)
{
	const struct redis_entry *r = domain_at(i, n);
	char *side = primer_side(r->key);

	kv_to_key(p->o.kv, r->key);
	primer_eval(p, SCRIPT_LOOK_ONE, 2, 4);
	kv_arg_text(p->o.kv, r->key);
	kv_arg_text(p->o.kv, side);
	add_wants(p, r, n);
	kv_arg_text(p->o.kv, i->stamp);
	free(side);
	return kv_send(p->o.kv, e);
}

static int
ask_each(struct primer *p, const struct batch *b, size_t n, struct err *e)
{
	for (size_t i = 0; i < b->len; i++)
		if (domain_at(&b->v[i], n) && ask_stamp(p, &b->v[i], n, e) < 0)
			return -1;
	return 0;
}

static int
ask_stamps(struct primer *p, const struct batch *b, size_t n, struct err *e)
{
	const struct redis_entry *r = NULL;
	size_t asked = 0;

	if (kv_is_cluster(p->o.kv))
		return ask_each(p, b, n, e);
	for (size_t i = 0; i < b->len; i++)
		asked += domain_at(&b->v[i], n) != NULL;
	primer_eval(p, SCRIPT_LOOK, 2 * asked, 3 + asked);
	for (size_t i = 0; i < b->len; i++) {
		const struct redis_entry *entry = domain_at(&b->v[i], n);
		char *side;

		if (!entry)
			continue;
		r = entry;
		side = primer_side(r->key);
		kv_arg_text(p->o.kv, r->key);
		kv_arg_text(p->o.kv, side);
		free(side);
	}
	add_wants(p, r, n);
	for (size_t i = 0; i < b->len; i++)
		if (domain_at(&b->v[i], n))
			kv_arg_text(p->o.kv, b->v[i].stamp);
	return kv_send(p->o.kv, e);
}

/* The worst of its keys says how an item is. */
static void
add_finding(struct item *i, int64_t found)
{
	if (found == 0)
		i->state = ITEM_NEW;
	else if (found != 1 && i->state == ITEM_SAME)
		i->state = ITEM_CHANGED;
}

static int
read_each(struct primer *p, struct batch *b, size_t n, struct err *e)
{
	for (size_t i = 0; i < b->len; i++) {
		struct kv_reply *r;
		int rc;

		if (!domain_at(&b->v[i], n))
			continue;
		r = kv_receive(p->o.kv, e);
		rc = r ? kv_check(r, e) : -1;
		if (rc == 0)
			rc = primer_cluster_read(&b->v[i], n, r, e);
		if (rc >= 0)
			add_finding(&b->v[i], rc);
		kv_free(r);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
read_stamps(struct primer *p, struct batch *b, size_t n, struct err *e)
{
	struct kv_reply *r;
	size_t at = 0;
	int rc;

	if (kv_is_cluster(p->o.kv))
		return read_each(p, b, n, e);
	r = kv_receive(p->o.kv, e);
	rc = r ? kv_check(r, e) : -1;
	for (size_t i = 0; rc == 0 && i < b->len; i++) {
		if (!domain_at(&b->v[i], n))
			continue;
		if (at < kv_len(r))
			add_finding(&b->v[i], kv_int(kv_at(r, at++)));
		else
			rc = err_set(e, KIND_SYS, "this is no Redis");
	}
	kv_free(r);
	return rc;
}

/* How many keys a name has at most that gateways look up. */
static size_t
count_domains(const struct batch *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		while (domain_at(&b->v[i], n))
			n++;
	return n;
}

int
primer_look_ask(struct primer *p, struct batch *b, struct err *e)
{
	size_t domains = count_domains(b);

	for (; b->looks < domains; b->looks++)
		if (ask_stamps(p, b, b->looks, e) < 0)
			return -1;
	return 0;
}

int
primer_look_read(struct primer *p, struct batch *b, struct err *e)
{
	for (size_t n = 0; n < b->looks; n++)
		if (read_stamps(p, b, n, e) < 0)
			return -1;
	b->looks = 0;
	return 0;
}

/* ---- by what is there ---------------------------------------------------- */

static int
ask_digest(struct primer *p, const struct redis_entry *r, struct err *e)
{
	bool is_hash = r->field[0] != NULL;

	kv_to_key(p->o.kv, r->key);
	primer_eval(p, SCRIPT_DIGEST, 1, is_hash ? r->len : 0);
	kv_arg_text(p->o.kv, r->key);
	for (size_t f = 0; is_hash && f < r->len; f++)
		kv_arg_text(p->o.kv, r->field[f]);
	return kv_send(p->o.kv, e);
}

static void
digest_of(const struct redis_entry *r, struct buf *out)
{
	uint8_t hash[DIGEST_SHA1_SIZE];
	char hex[2 * DIGEST_SHA1_SIZE + 1];

	for (size_t f = 0; f < r->len; f++) {
		digest_sha1(hash, r->value[f].data, r->value[f].len);
		hex_encode(hex, hash, sizeof(hash));
		buf_adds(out, hex);
	}
}

static int
read_digest(
    struct primer *p, const struct redis_entry *r, bool *same, struct err *e)
{
	struct kv_reply *reply = kv_receive(p->o.kv, e);
	struct buf want;
	size_t len;
	int rc = reply ? kv_check(reply, e) : -1;

	buf_init(&want, 1024);
	digest_of(r, &want);
	*same = rc == 0 && strcmp(kv_text(reply, &len), want.data) == 0;
	buf_release(&want);
	kv_free(reply);
	return rc;
}

/* Whether all is there as it is to be: 1, 0, -1; 1 as well for a failure. */
static int
is_whole(struct primer *p, struct item *i, struct err *e)
{
	bool whole = true;
	int rc = primer_fill(p, i, true, e);

	if (rc != 0)
		return rc;
	for (size_t k = 0; rc == 0 && k < i->entries.len; k++)
		rc = ask_digest(p, &i->entries.v[k], e);
	for (size_t k = 0; rc == 0 && k < i->entries.len; k++) {
		bool same;

		rc = read_digest(p, &i->entries.v[k], &same, e);
		whole &= same;
	}
	return rc < 0 ? -1 : whole;
}

/* What does not have its stamp was not written by us, or not as a whole. */
int
primer_look_closer(struct primer *p, struct batch *b, struct err *e)
{
	for (size_t i = 0; i < b->len; i++) {
		struct item *item = &b->v[i];
		int rc;

		if (item->state != ITEM_SAME)
			continue;
		rc = is_whole(p, item, e);
		if (rc < 0)
			return -1;
		if (rc == 0)
			item->state = ITEM_MENDED;
	}
	return 0;
}

int
primer_read_back(struct primer *p, struct batch *b, struct err *e)
{
	for (size_t i = 0; i < b->len; i++) {
		struct item *item = &b->v[i];
		struct err why = {0};
		int rc;

		if (item->state == ITEM_SAME || item->state == ITEM_DONE ||
		    item->state == ITEM_FAILED || item->refused)
			continue;
		rc = is_whole(p, item, e);
		if (rc < 0)
			return -1;
		if (rc > 0)
			continue;
		err_set(&why, KIND_CONFLICT,
		    "%s: is not in the Redis as it was written", item->s.name);
		primer_fail(p, item, &why);
	}
	return 0;
}
