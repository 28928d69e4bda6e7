#include "jobs/primer_part.h"

#include "store/fqdn_set.h"

#define GONE "-" /* the stamp of what was removed */
#define SUBJECT_SIZE (DOMAIN_VALUE_MAX + 1)

/* ---- what gateways look up ----------------------------------------------- */

struct pruning {
	struct primer *p;
	bool all;
	bool counts; /* and removes nothing */
	int64_t kept, stale;
	struct strv gone; /* what would be removed, when nothing is */
};

/* Another name of a certificate may still be served by it. */
static int
find_served(
    struct pruning *w, int64_t certificate_id, struct serving *s, struct err *e)
{
	struct strv names = {0};
	struct certificate c;
	struct err why = {0};
	bool found = false;

	if (certificate_by_id(w->p->o.st, certificate_id, &c, e) < 0)
		return -1;
	if (fqdn_set_names(w->p->o.st, c.fqdn_set_id, &names, &why) < 0)
		*e = why;
	certificate_release(&c);
	for (size_t i = 0; i < names.len && !found; i++)
		found = serving_by_name(w->p->o.st, names.v[i], w->p->o.now, s,
			    &why) == 0 &&
		    s->certificate_id == certificate_id && !s->disabled;
	strv_release(&names);
	return found ? 0 : err_set(e, KIND_NOTFOUND, "nothing is served by it");
}

static int
find_serving(
    struct pruning *w, const char *subject, struct serving *s, struct err *e)
{
	uint64_t id;

	if (*subject != '#')
		return serving_by_name(w->p->o.st, subject, w->p->o.now, s, e);
	if (!str_to_u64(subject + 1, INT64_MAX, &id))
		return err_set(e, KIND_NOTFOUND, "no number");
	return find_served(w, (int64_t)id, s, e);
}

/* Whether that key is what would be written now: 1, 0, -1. */
static int
is_wanted(struct pruning *w, const char *key, const char *subject,
    struct item *i, struct err *e)
{
	struct err why = {0};
	int rc = 0;

	if (find_serving(w, subject, &i->s, &why) < 0) {
		if (why.kind == KIND_NOTFOUND || why.kind == KIND_INPUT)
			return 0;
		*e = why;
		return -1;
	}
	if (!primer_wants(w->p, &i->s))
		return 0;
	if (primer_identify(w->p, i, e) < 0)
		return -1;
	for (size_t k = 0; k < i->entries.len; k++)
		rc |= i->entries.v[k].kind == REDIS_DOMAIN &&
		    strcmp(i->entries.v[k].key, key) == 0;
	redis_entries_release(&i->entries);
	return rc;
}

/* What stands under a certificate's number goes with it. */
static int
find_rest(struct primer *p, const char *subject, struct redis_entries *out,
    struct err *e)
{
	const struct redis_item it = {
	    .name = "", .certificate_id = strtoll(subject + 1, NULL, 10)};

	return *subject == '#' && p->format->by_certificate
	    ? p->format->make(&it, &p->o.settings->options, out, e)
	    : 0;
}

/* Where one step cannot do it all. */
static int
remove_rest(struct primer *p, const struct redis_entries *rest, struct err *e)
{
	for (size_t i = 0; i < rest->len; i++) {
		struct kv_reply *r;

		kv_to_key(p->o.kv, rest->v[i].key);
		r = kv_ask(p->o.kv, e, "DEL", rest->v[i].key, NULL);
		if (!r)
			return -1;
		kv_free(r);
	}
	return 0;
}

int
primer_send_removal(struct primer *p, const char *key, const char *subject,
    const struct redis_entries *rest, struct err *e)
{
	bool alone = !kv_is_cluster(p->o.kv);
	char *side = primer_side(key);
	char *beside = xasprintf(GONE " %s %s", p->tag, subject);

	kv_to_key(p->o.kv, key);
	primer_eval(p, SCRIPT_REMOVE, alone ? 3 + rest->len : 2, 2);
	kv_arg_text(p->o.kv, key);
	kv_arg_text(p->o.kv, side);
	if (alone)
		kv_arg_text(p->o.kv, PRIMER_WRITES_KEY);
	for (size_t i = 0; alone && i < rest->len; i++)
		kv_arg_text(p->o.kv, rest->v[i].key);
	kv_arg_int(p->o.kv, p->fence);
	kv_arg_text(p->o.kv, beside);
	free(beside);
	free(side);
	return kv_send(p->o.kv, e);
}

int
primer_receive_removal(struct primer *p, const char *key, struct err *e)
{
	int64_t done;

	if (primer_receive(p, &done, e) < 0)
		return -1;
	if (done == 0)
		return 0;
	p->counts.removed++;
	primer_tell(p, key, PRIMER_REMOVED, 0);
	return 1;
}

static int
remove_key(
    struct primer *p, const char *key, const char *subject, struct err *e)
{
	struct redis_entries rest = {0};
	int rc = find_rest(p, subject, &rest, e);

	if (rc == 0)
		rc = primer_send_removal(p, key, subject, &rest, e);
	if (rc == 0)
		rc = primer_receive_removal(p, key, e);
	if (rc == 1 && kv_is_cluster(p->o.kv))
		rc = remove_rest(p, &rest, e);
	redis_entries_release(&rest);
	return rc;
}

static int
tell_removed(struct pruning *w, const char *key)
{
	primer_tell(w->p, key, PRIMER_REMOVED, 0);
	if (w->p->o.dry_run)
		strv_add(&w->gone, key);
	return 0;
}

/* The key beside one, with what it holds. */
static int
judge_key(struct pruning *w, const char *side, const char *held, struct err *e)
{
	char stamp[PRIMER_STAMP + 1], tag[PRIMER_TAG + 1];
	char subject[SUBJECT_SIZE];
	struct item item = {0};
	size_t len = strlen(side);
	char *key;
	int rc;

	if (len < sizeof(PRIMER_SIDE) || side[len - 1] != '}' ||
	    sscanf(held, "%*u %32s %8s %255s", stamp, tag, subject) != 3 ||
	    strcmp(tag, w->p->tag) != 0 || strcmp(stamp, GONE) == 0)
		return 0;
	key =
	    xstrndup(side + sizeof(PRIMER_SIDE) - 1, len - sizeof(PRIMER_SIDE));
	rc = w->all ? 0 : is_wanted(w, key, subject, &item, e);
	w->kept += rc == 1;
	w->stale += rc == 0;
	if (rc == 0 && !w->counts)
		rc = w->p->o.dry_run ? tell_removed(w, key)
				     : remove_key(w->p, key, subject, e);
	free(key);
	return rc < 0 ? -1 : 0;
}

static int
judge_page(void *arg, const struct kv_reply *keys, struct err *e)
{
	struct pruning *w = arg;
	struct kv *k = w->p->o.kv;
	int rc = 0;
	struct kv_reply **held = xcalloc(kv_len(keys) + 1, sizeof(*held));
	size_t len;

	for (size_t i = 0; rc == 0 && i < kv_len(keys); i++) {
		const char *key = kv_text(kv_at(keys, i), &len);

		kv_to_key(k, key);
		rc = kv_command(k, e, "MGET", key, NULL);
	}
	for (size_t i = 0; rc == 0 && i < kv_len(keys); i++)
		rc = (held[i] = kv_receive(k, e)) ? kv_check(held[i], e) : -1;
	for (size_t i = 0; rc == 0 && i < kv_len(keys); i++)
		if (kv_len(held[i]) == 1)
			rc = judge_key(w, kv_text(kv_at(keys, i), &len),
			    kv_text(kv_at(held[i], 0), &len), e);
	for (size_t i = 0; i < kv_len(keys); i++)
		kv_free(held[i]);
	free(held);
	return rc < 0 ? -1 : w->p->o.goes_on(w->p->o.arg, w->p->names, e);
}

/* ---- all of it ----------------------------------------------------------- */

/* An empty store, or another one, must not empty the Redis. */
static int
check_rest(struct primer *p, struct err *e)
{
	struct pruning w = {.p = p, .counts = true};

	if (p->names > 0)
		return 0;
	if (primer_scan(p->o.kv, PRIMER_SIDE "*", judge_page, &w, e) < 0)
		return -1;
	return w.stale == 0 || w.kept > 0
	    ? 0
	    : err_set(e, KIND_CONFLICT,
		  "nothing of what is there would stay: is this the right "
		  "store?  (--flush removes all)");
}

int
primer_prune(struct primer *p, bool all, struct err *e)
{
	struct pruning w = {.p = p, .all = all};
	int rc = all ? 0 : check_rest(p, e);

	if (rc == 0)
		rc = primer_scan(p->o.kv, PRIMER_SIDE "*", judge_page, &w, e);
	if (rc == 0)
		rc = primer_remove_left(p, all, &w.gone, e);
	strv_release(&w.gone);
	return rc;
}
