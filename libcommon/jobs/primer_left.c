#include "jobs/primer_part.h"

/*
 * What goes when the names have: values that no name points to, and what is
 * left of a certificate that has no name any more.
 */
struct leaving {
	struct primer *p;
	bool at_once;
	const struct strv *gone; /* names that are as if they were not there */
	char writes[24]; /* the count of them, before we looked */
	struct idset used[2][REDIS_DOMAIN]; /* with a colon, and without */
	char *before; /* the number, in keys */
};

/* ---- what names point to ------------------------------------------------- */

const char *const primer_letters[] = {
    [REDIS_CERTCA] = "i", [REDIS_CERT] = "c", [REDIS_PKEY] = "p"};

static bool
read_id(const char *text, int64_t *id)
{
	uint64_t n;

	if (!str_to_u64(text, (uint64_t)IDSET_MAX, &n))
		return false;
	*id = (int64_t)n;
	return true;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, *(char *const *)b);
}

static bool
is_gone(const struct leaving *w, const char *key)
{
	return w->gone->len > 0 &&
	    bsearch(
		key, w->gone->v, w->gone->len, sizeof(*w->gone->v), compare);
}

static int
note_page(struct leaving *w, const struct kv_reply *keys, struct idset *used,
    struct err *e)
{
	struct kv *k = w->p->o.kv;
	int rc = 0;
	size_t len, asked = 0;

	for (size_t i = 0; rc == 0 && i < kv_len(keys); i++) {
		const char *key = kv_text(kv_at(keys, i), &len);

		if (is_gone(w, key))
			continue;
		asked++;
		kv_to_key(k, key);
		rc = kv_command(k, e, "HMGET", key, primer_letters[0],
		    primer_letters[1], primer_letters[2], NULL);
	}
	for (; rc == 0 && asked > 0; asked--) {
		struct kv_reply *r = kv_receive(k, e);
		int64_t id;

		if (!r)
			return -1;
		for (size_t f = 0; f < kv_len(r) && f < REDIS_DOMAIN; f++)
			if (read_id(kv_text(kv_at(r, f), &len), &id))
				idset_add(&used[f], id);
		kv_free(r);
	}
	return rc;
}

static int
note_colon(void *arg, const struct kv_reply *keys, struct err *e)
{
	struct leaving *w = arg;

	return note_page(w, keys, w->used[0], e);
}

static int
note_readme(void *arg, const struct kv_reply *keys, struct err *e)
{
	struct leaving *w = arg;

	return note_page(w, keys, w->used[1], e);
}

enum value {
	VALUE_NONE, /* another key */
	VALUE_USED,
	VALUE_LEFT_OVER /* nothing points to it */
};

static enum value
judge_value(const struct leaving *w, const char *key)
{
	int64_t id;

	for (size_t k = 0; k < REDIS_DOMAIN; k++) {
		bool colon = key[0] != '\0' && key[1] == ':';

		if (key[0] == primer_letters[k][0] &&
		    read_id(key + 1 + colon, &id))
			return idset_has(&w->used[!colon][k], id)
			    ? VALUE_USED
			    : VALUE_LEFT_OVER;
	}
	return VALUE_NONE;
}

/* In a cluster it may have been noted that nothing points to one. */
static int
use_page(struct leaving *w, const struct kv_reply *keys, struct err *e)
{
	struct primer *p = w->p;
	int rc = 0;
	size_t len, asked = 0;

	for (size_t i = 0; rc == 0 && i < kv_len(keys); i++) {
		const char *key = kv_text(kv_at(keys, i), &len);

		if (judge_value(w, key) != VALUE_USED)
			continue;
		rc = primer_cluster_use(p, key, e);
		asked++;
	}
	for (; rc == 0 && asked > 0; asked--) {
		int64_t done;

		rc = primer_receive(p, &done, e);
	}
	return rc;
}

static int
ask_drop(const struct leaving *w, const char *key, struct err *e)
{
	struct primer *p = w->p;

	if (kv_is_cluster(p->o.kv))
		return primer_cluster_drop(p, key, w->at_once, e);
	primer_eval(p, SCRIPT_DROP, 2, 3);
	kv_arg_text(p->o.kv, key);
	kv_arg_text(p->o.kv, PRIMER_WRITES_KEY);
	kv_arg_int(p->o.kv, p->o.dry_run);
	kv_arg_text(p->o.kv, w->writes);
	kv_arg_int(p->o.kv, w->at_once ? 0 : PRIMER_LATER * 1000);
	return kv_send(p->o.kv, e);
}

/* Whether that key has gone, or would. */
static int
receive_drop(const struct leaving *w, const char *key, struct err *e)
{
	struct primer *p = w->p;
	int64_t done;

	if (primer_receive(p, &done, e) < 0)
		return -1;
	if (done == 1) {
		p->counts.removed += !p->o.dry_run;
		primer_tell(p, key, PRIMER_REMOVED, 0);
	}
	return 0;
}

static int
drop_page(void *arg, const struct kv_reply *keys, struct err *e)
{
	struct leaving *w = arg;
	struct primer *p = w->p;
	bool uses = kv_is_cluster(p->o.kv) && !p->o.dry_run;
	int rc = uses ? use_page(w, keys, e) : 0;
	size_t len;

	for (size_t i = 0; rc == 0 && i < kv_len(keys); i++) {
		const char *key = kv_text(kv_at(keys, i), &len);

		if (judge_value(w, key) == VALUE_LEFT_OVER)
			rc = ask_drop(w, key, e);
	}
	for (size_t i = 0; rc == 0 && i < kv_len(keys); i++) {
		const char *key = kv_text(kv_at(keys, i), &len);

		if (judge_value(w, key) == VALUE_LEFT_OVER)
			rc = receive_drop(w, key, e);
	}
	return rc;
}

/*
 * Whoever writes a name while we look at those that are there makes us leave
 * what is left over to the next one.
 */
static int
note_writes(struct leaving *w, struct err *e)
{
	struct kv *k = w->p->o.kv;
	struct kv_reply *r;
	size_t len;

	if (kv_is_cluster(k))
		return 0;
	if (!(r = kv_ask(k, e, "GET", PRIMER_WRITES_KEY, NULL)))
		return -1;
	snprintf(w->writes, sizeof(w->writes), "%s",
	    kv_type(r) == KV_TEXT ? kv_text(r, &len) : "0");
	kv_free(r);
	return 0;
}

static int
remove_values(struct leaving *w, struct err *e)
{
	struct kv *k = w->p->o.kv;
	bool readme = w->p->o.settings->options.readme_keys;
	int rc = note_writes(w, e);

	if (rc == 0)
		rc = primer_scan(k, "d1:*", note_colon, w, e);
	if (rc == 0)
		rc = primer_scan(k, "[cpi]:[0-9]*", drop_page, w, e);
	if (rc == 0 && readme)
		rc = primer_scan(k, "d:*", note_readme, w, e);
	if (rc == 0 && readme)
		rc = primer_scan(k, "[cpi][0-9]*", drop_page, w, e);
	for (size_t i = 0; i < REDIS_DOMAIN; i++) {
		idset_release(&w->used[0][i]);
		idset_release(&w->used[1][i]);
	}
	return rc;
}

/* ---- halves -------------------------------------------------------------- */

/*
 * What goes with the key of a certificate of which there is none; NULL, or that
 * key, which the caller frees.
 */
static char *
key_of_half(const struct leaving *w, const char *half)
{
	const struct primer *p = w->p;
	struct redis_item it = {.name = ""};
	struct redis_entries all = {0};
	struct err ignored = {0};
	bool is_one = false;
	char *key = NULL;

	it.certificate_id = strtoll(half + strlen(w->before), NULL, 10);
	if (p->format->make(&it, &p->o.settings->options, &all, &ignored) < 0)
		goto out;
	for (size_t i = 0; i < all.len; i++) {
		if (all.v[i].kind == REDIS_DOMAIN)
			key = xstrdup(all.v[i].key);
		else
			is_one |= strcmp(all.v[i].key, half) == 0;
	}
out:
	redis_entries_release(&all);
	if (is_one)
		return key;
	free(key);
	return NULL;
}

static int
remove_half(const struct leaving *w, const char *half, struct err *e)
{
	struct primer *p = w->p;
	char *key = key_of_half(w, half);

	if (!key)
		return 0;
	primer_eval(p, SCRIPT_DROP_HALF, 2, 1);
	kv_arg_text(p->o.kv, half);
	kv_arg_text(p->o.kv, key);
	kv_arg_int(p->o.kv, p->o.dry_run);
	free(key);
	return kv_send(p->o.kv, e) < 0 ? -1 : receive_drop(w, half, e);
}

static int
halves_page(void *arg, const struct kv_reply *keys, struct err *e)
{
	const struct leaving *w = arg;
	int rc = 0;
	size_t len;

	for (size_t i = 0; rc == 0 && i < kv_len(keys); i++)
		rc = remove_half(w, kv_text(kv_at(keys, i), &len), e);
	return rc;
}

/* That a pattern means these characters only. */
static char *
escape_pattern(const char *text)
{
	char *out = xcalloc(2 * strlen(text) + 2, 1), *to = out;

	for (; *text; *to++ = *text++)
		if (strchr("*?[]\\", *text))
			*to++ = '\\';
	*to = '*';
	return out;
}

static int
remove_halves(struct leaving *w, struct err *e)
{
	const struct primer *p = w->p;
	char *pattern;
	int rc;

	w->before = p->format->before_number(&p->o.settings->options);
	pattern = escape_pattern(w->before);
	rc = primer_scan(p->o.kv, pattern, halves_page, w, e);
	free(pattern);
	free(w->before);
	return rc;
}

int
primer_remove_left(
    struct primer *p, bool at_once, struct strv *gone, struct err *e)
{
	struct leaving w = {.p = p, .at_once = at_once, .gone = gone};

	strv_sort_unique(gone);
	if (p->format->refers)
		return remove_values(&w, e);
	return p->format->before_number && !kv_is_cluster(p->o.kv)
	    ? remove_halves(&w, e)
	    : 0;
}
