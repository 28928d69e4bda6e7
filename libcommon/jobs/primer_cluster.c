#include "base/str.h"
#include "jobs/primer_part.h"
#include "sys/clock.h"

int
primer_cluster_check(const struct primer *p, struct err *e)
{
	const char *prefix = p->o.settings->options.prefix;

	return kv_is_cluster(p->o.kv) && prefix && strpbrk(prefix, "{}")
	    ? err_set(e, KIND_CONF,
		  "[redis] prefix: must have no braces in a cluster")
	    : 0;
}

/* ---- what names point to ------------------------------------------------- */

/* A number that is none points to nothing. */
int
primer_cluster_read(
    struct item *i, size_t n, const struct kv_reply *r, struct err *e)
{
	size_t text_len;

	if (kv_len(r) == 0)
		return err_set(e, KIND_SYS, "this is no Redis");
	for (size_t k = 0;
	     n < PRIMER_KEYS && k < REDIS_DOMAIN && k + 1 < kv_len(r); k++) {
		uint64_t id;
		bool good = str_to_u64(
		    kv_text(kv_at(r, k + 1), &text_len), INT64_MAX, &id);

		i->points[n][k] = good ? (int64_t)id : -1;
	}
	return (int)kv_int(kv_at(r, 0));
}

static bool
is_asked(const struct primer *p, const struct item *i)
{
	return kv_is_cluster(p->o.kv) && p->format->refers &&
	    i->state == ITEM_SAME && !i->refused;
}

static int
ask_one(struct primer *p, struct item *i, size_t n, size_t k, struct err *e)
{
	int64_t id = i->points[n][k];
	char *key;
	int rc;

	if (idset_add(&p->there[n][k], id))
		return 0;
	key = xasprintf(
	    "%s%s%lld", primer_letters[k], n == 0 ? ":" : "", (long long)id);
	kv_to_key(p->o.kv, key);
	rc = kv_command(p->o.kv, e, "EXISTS", key, NULL);
	free(key);
	i->asked |= 1U << (n * REDIS_DOMAIN + k);
	return rc;
}

static size_t
count_keys(const struct item *i)
{
	size_t n = 0;

	for (size_t k = 0; k < i->entries.len; k++)
		n += i->entries.v[k].kind == REDIS_DOMAIN;
	return n;
}

int
primer_cluster_ask(struct primer *p, struct batch *b, struct err *e)
{
	for (size_t i = 0; i < b->len; i++) {
		struct item *item = &b->v[i];
		size_t keys = is_asked(p, item) ? count_keys(item) : 0;

		for (size_t n = 0; n < keys && n < PRIMER_KEYS; n++)
			for (size_t k = 0; k < REDIS_DOMAIN; k++)
				if (ask_one(p, item, n, k, e) < 0)
					return -1;
	}
	return 0;
}

static int
receive_each(struct primer *p, struct item *i, struct err *e)
{
	for (size_t at = 0; i->asked != 0; at++, i->asked >>= 1) {
		size_t n = at / REDIS_DOMAIN, k = at % REDIS_DOMAIN;
		int64_t there;

		if ((i->asked & 1) == 0)
			continue;
		if (primer_receive(p, &there, e) < 0)
			return -1;
		if (there == 0)
			idset_add(&p->missing[n][k], i->points[n][k]);
	}
	return 0;
}

static bool
is_dangling(const struct primer *p, const struct item *i)
{
	size_t keys = count_keys(i);

	for (size_t n = 0; n < keys && n < PRIMER_KEYS; n++)
		for (size_t k = 0; k < REDIS_DOMAIN; k++)
			if (i->points[n][k] < 0 ||
			    idset_has(&p->missing[n][k], i->points[n][k]))
				return true;
	return false;
}

static void
refuse(struct primer *p, struct item *i)
{
	p->counts.unchanged--;
	if (p->o.dry_run)
		i->state = ITEM_CHANGED;
	else
		i->refused = true;
	for (size_t k = 0; k < REDIS_DOMAIN; k++)
		idset_release(&p->sent[k]);
}

int
primer_cluster_receive(struct primer *p, struct batch *b, struct err *e)
{
	for (size_t i = 0; i < b->len; i++)
		if (receive_each(p, &b->v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < b->len; i++)
		if (is_asked(p, &b->v[i]) && is_dangling(p, &b->v[i]))
			refuse(p, &b->v[i]);
	return 0;
}

/* ---- what nothing points to ---------------------------------------------- */

int
primer_cluster_use(struct primer *p, const char *key, struct err *e)
{
	char *side = primer_side(key);
	int rc;

	kv_to_key(p->o.kv, key);
	rc = kv_command(p->o.kv, e, "DEL", side, NULL);
	free(side);
	return rc;
}

void
primer_cluster_sent(struct primer *p, enum redis_kind kind, int64_t id)
{
	for (size_t n = 0; n < PRIMER_KEYS; n++)
		idset_remove(&p->missing[n][kind], id);
}

int
primer_cluster_drop(
    struct primer *p, const char *key, bool at_once, struct err *e)
{
	char *side = primer_side(key);

	kv_to_key(p->o.kv, key);
	primer_eval(p, SCRIPT_DROP_LATER, 2, 2);
	kv_arg_text(p->o.kv, key);
	kv_arg_text(p->o.kv, side);
	kv_arg_int(p->o.kv, p->o.dry_run);
	kv_arg_int(p->o.kv, at_once ? 0 : PRIMER_LATER);
	free(side);
	return kv_send(p->o.kv, e);
}

void
primer_cluster_forget(struct primer *p)
{
	int64_t now = clock_mono();

	if (!kv_is_cluster(p->o.kv) ||
	    now - p->sent_mono < (int64_t)PRIMER_LATER * 1000 / 2)
		return;
	p->sent_mono = now;
	for (size_t k = 0; k < REDIS_DOMAIN; k++)
		idset_release(&p->sent[k]);
}
