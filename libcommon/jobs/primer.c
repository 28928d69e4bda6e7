#include "jobs/primer_part.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/str.h"
#include "store/event.h"
#include "sys/clock.h"
#include "wrap/digest.h"

static const char *const change_names[] = {
    [PRIMER_NEW] = "new",
    [PRIMER_CHANGED] = "changed",
    [PRIMER_MENDED] = "mended",
    [PRIMER_REMOVED] = "removed",
};
_Static_assert(ARRAY_LEN(change_names) == PRIMER_CHANGE__MAX, "one each");

const char *
primer_change_name(enum primer_change change)
{
	return change_names[change];
}

/* The prefix that its keys have, if that is another than without one. */
static const char *
prefix_of(const struct redis_format *f, const char *prefix)
{
	return f->prefix && !str_same(prefix, f->prefix) ? prefix : NULL;
}

int
primer_settings_read(struct primer_settings *out, const struct conf_redis *c,
    const char *style, struct err *e)
{
	const struct redis_format *f;

	style = style ? style : c->prime_style;
	if (!style)
		return err_set(e, KIND_CONF, "prime_style: is not set");
	f = redis_format_by_name(style);
	if (!f)
		return err_set(e, KIND_CONF, "prime_style: must be one of %s",
		    redis_format_names());
	*out = (struct primer_settings){.format = f,
	    .options = {.prefix = prefix_of(f, c->prefix),
		.readme_keys = c->readme_keys,
		.own_renewal = !c->gateway_renews},
	    .expire = {[REDIS_CERTCA] = c->timeout_certca,
		[REDIS_CERT] = c->timeout_cert,
		[REDIS_PKEY] = c->timeout_pkey,
		[REDIS_DOMAIN] = c->timeout_domain}};
	return 0;
}

/* ---- beginning and end --------------------------------------------------- */

/*
 * What a name lasts: as long as it is to, and not longer than what it holds or
 * points to; of that the times are such that it goes first.
 */
static int64_t
lasting(const struct primer_settings *s)
{
	int64_t least = s->expire[REDIS_DOMAIN] * 1000;

	for (size_t k = 0; k < REDIS_DOMAIN; k++) {
		int64_t ms = s->expire[k] * 1000;

		if (ms > 0 && s->format->refers)
			ms -= ms > 1000 ? 1000 : ms / 2;
		if (ms > 0 && (least == 0 || ms < least))
			least = ms;
	}
	return least;
}

static void
set_tag(struct primer *p)
{
	const char *prefix = p->o.settings->options.prefix;
	uint8_t hash[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];
	char *text = xasprintf("%s %s", p->format->name, prefix ? prefix : "");

	digest_sha256(hash, text, strlen(text));
	hex_encode(hex, hash, sizeof(hash));
	memcpy(p->tag, hex, PRIMER_TAG);
	free(text);
}

struct primer *
primer_open(const struct primer_options *o, struct err *e)
{
	struct primer *p = xcalloc(1, sizeof(*p));

	p->o = *o;
	p->format = o->settings->format;
	p->lasts_ms = lasting(o->settings);
	for (size_t i = 0; i < STAGE__MAX; i++)
		p->batches[i].v =
		    xcalloc(PRIMER_BATCH, sizeof(*p->batches[i].v));
	material_init(&p->last);
	set_tag(p);
	if (primer_cluster_check(p, e) == 0 && primer_load_scripts(p, e) == 0 &&
	    (o->dry_run ||
		(primer_take_fence(p, e) == 0 && primer_take_base(p, e) == 0)))
		return p;
	primer_close(p);
	return NULL;
}

static void
empty_batch(struct batch *b)
{
	for (size_t i = 0; i < b->len; i++)
		redis_entries_release(&b->v[i].entries);
	b->len = b->values = b->looks = 0;
	b->names = false;
}

void
primer_close(struct primer *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < STAGE__MAX; i++) {
		empty_batch(&p->batches[i]);
		free(p->batches[i].v);
	}
	material_release(&p->last);
	for (size_t i = 0; i < SCRIPT__MAX; i++)
		free(p->scripts[i]);
	for (size_t i = 0; i < REDIS_KIND__MAX; i++)
		idset_release(&p->sent[i]);
	for (size_t i = 0; i < REDIS_DOMAIN; i++)
		for (size_t n = 0; n < PRIMER_KEYS; n++) {
			idset_release(&p->there[n][i]);
			idset_release(&p->missing[n][i]);
		}
	free(p);
}

const struct primer_counts *
primer_counts(const struct primer *p)
{
	return &p->counts;
}

/* ---- batches ------------------------------------------------------------- */

void
primer_tell(const struct primer *p, const char *key, enum primer_change change,
    int64_t certificate_id)
{
	if (p->o.changed)
		p->o.changed(p->o.arg, key, change, certificate_id);
}

/* For who only wants to know. */
static void
tell_all(struct primer *p, const struct batch *b)
{
	for (size_t i = 0; i < b->len; i++) {
		const struct item *item = &b->v[i];
		enum primer_change change = item->state == ITEM_NEW ? PRIMER_NEW
		    : item->state == ITEM_MENDED ? PRIMER_MENDED
						 : PRIMER_CHANGED;

		for (size_t k = 0; item->state != ITEM_SAME &&
		     item->state != ITEM_FAILED && k < item->entries.len;
		     k++)
			if (item->entries.v[k].kind == REDIS_DOMAIN)
				primer_tell(p, item->entries.v[k].key, change,
				    item->s.certificate_id);
	}
}

static int
look(struct primer *p, struct batch *b, struct err *e)
{
	for (size_t i = 0; i < b->len; i++)
		if (primer_identify(p, &b->v[i], e) < 0)
			return -1;
	return primer_look_ask(p, b, e);
}

static void
count(struct primer *p, const struct batch *b)
{
	p->names += (int64_t)b->len;
	for (size_t i = 0; i < b->len; i++) {
		const struct serving *s = &b->v[i].s;

		p->counts.unchanged += b->v[i].state == ITEM_SAME;
		p->fresh += b->v[i].state == ITEM_NEW;
		if (s->not_before <= p->o.now && s->not_after >= p->o.now)
			continue;
		p->invalid++;
		p->has_news |= b->v[i].state != ITEM_SAME;
	}
}

/*
 * What asks and waits for each answer by itself comes when no other answer is
 * under way.
 */
static int
look_closer(struct primer *p, struct err *e)
{
	struct batch *looked = &p->batches[STAGE_LOOKED];

	if (!p->o.verify)
		return 0;
	if (primer_receive_values(p, &p->batches[STAGE_VALUES], e) < 0 ||
	    primer_receive_names(p, &p->batches[STAGE_NAMES], e) < 0)
		return -1;
	return primer_look_closer(p, looked, e);
}

static int
settle(struct primer *p, struct err *e)
{
	struct batch *names = &p->batches[STAGE_NAMES];

	if (!p->o.verify && !primer_has_refused(names))
		return 0;
	if (primer_look_read(p, &p->batches[STAGE_GATHERED], e) < 0 ||
	    primer_receive_values(p, &p->batches[STAGE_LOOKED], e) < 0 ||
	    primer_receive_names(p, &p->batches[STAGE_VALUES], e) < 0)
		return -1;
	return primer_settle(p, names, e);
}

static int
read_looks(struct primer *p, struct err *e)
{
	struct batch *looked = &p->batches[STAGE_LOOKED];

	if (primer_look_read(p, looked, e) < 0 || look_closer(p, e) < 0)
		return -1;
	count(p, looked);
	if (!p->o.dry_run)
		return 0;
	if (primer_cluster_ask(p, looked, e) < 0 ||
	    primer_cluster_receive(p, looked, e) < 0)
		return -1;
	tell_all(p, looked);
	empty_batch(looked);
	return 0;
}

/* What was sent is done, also when no more is to be; so it counts. */
static void
take_answers(struct primer *p)
{
	struct err ignored = {0};

	if (primer_look_read(p, &p->batches[STAGE_LOOKED], &ignored) == 0 &&
	    primer_receive_values(p, &p->batches[STAGE_VALUES], &ignored) == 0)
		primer_receive_names(p, &p->batches[STAGE_NAMES], &ignored);
}

/*
 * Answers come in the order of what was sent, and what was sent the last time
 * was done while we loaded what was sent after it.
 */
static int
advance(struct primer *p, struct err *e)
{
	struct batch *values = &p->batches[STAGE_VALUES];
	struct batch done;

	if (read_looks(p, e) < 0 ||
	    look(p, &p->batches[STAGE_GATHERED], e) < 0 ||
	    kv_flush(p->o.kv, e) < 0 ||
	    primer_send_values(p, &p->batches[STAGE_LOOKED], e) < 0 ||
	    kv_flush(p->o.kv, e) < 0 ||
	    primer_receive_values(p, values, e) < 0 ||
	    primer_send_names(p, values, e) < 0 || kv_flush(p->o.kv, e) < 0 ||
	    primer_receive_names(p, &p->batches[STAGE_NAMES], e) < 0 ||
	    settle(p, e) < 0)
		return -1;
	done = p->batches[STAGE_NAMES];
	empty_batch(&done);
	memmove(&p->batches[1], &p->batches[0],
	    (STAGE__MAX - 1) * sizeof(p->batches[0]));
	p->batches[0] = done;
	if (p->o.goes_on(p->o.arg, p->names, e) == 0)
		return 0;
	take_answers(p);
	return -1;
}

static int
finish_all(struct primer *p, struct err *e)
{
	for (int i = 0; i < STAGE__MAX; i++)
		if (advance(p, e) < 0)
			return -1;
	return 0;
}

/*
 * What a long run has sent would be over before what points to it: it begins
 * anew with those that are gathered.
 */
static int
renew_base(struct primer *p, struct err *e)
{
	struct batch gathered = p->batches[STAGE_GATHERED];
	int rc;

	if (p->lasts_ms == 0 || p->o.dry_run ||
	    clock_mono() - p->base_mono < p->lasts_ms / 8)
		return 0;
	p->batches[STAGE_GATHERED] =
	    (struct batch){.v = xcalloc(PRIMER_BATCH, sizeof(*gathered.v))};
	rc = finish_all(p, e);
	empty_batch(&p->batches[STAGE_GATHERED]);
	free(p->batches[STAGE_GATHERED].v);
	p->batches[STAGE_GATHERED] = gathered;
	for (size_t k = 0; k < REDIS_DOMAIN; k++)
		idset_release(&p->sent[k]);
	return rc < 0 ? -1 : primer_take_base(p, e);
}

bool
primer_wants(const struct primer *p, const struct serving *s)
{
	return s->certificate_id != 0 && !s->disabled &&
	    redis_format_wants(p->format, s->name);
}

int
primer_add(void *arg, const struct serving *s, struct err *e)
{
	struct primer *p = arg;
	struct batch *b = &p->batches[STAGE_GATHERED];

	if (!primer_wants(p, s))
		return 0;
	if (p->format->by_certificate &&
	    idset_add(&p->sent[REDIS_DOMAIN], s->certificate_id))
		return 0;
	b->v[b->len++] = (struct item){.s = *s, .state = ITEM_SAME};
	if (b->len < PRIMER_BATCH)
		return 0;
	return renew_base(p, e) < 0 ? -1 : advance(p, e);
}

int
primer_finish(struct primer *p, struct err *e)
{
	char names[32], invalid[32];

	if (renew_base(p, e) < 0 || finish_all(p, e) < 0)
		return -1;
	snprintf(names, sizeof(names), "%lld", (long long)p->names);
	snprintf(invalid, sizeof(invalid), "%lld", (long long)p->invalid);
	log_event(p->has_news	 ? LOG_LEVEL_WARN
		: p->invalid > 0 ? LOG_LEVEL_INFO
				 : LOG_LEVEL_DEBUG,
	    "prime.done", "style", p->format->name, "names", names,
	    "not_valid_now", invalid, NULL);
	return 0;
}

/* ---- what was done ------------------------------------------------------- */

static int
note(void *arg, struct err *e)
{
	const struct primer *p = arg;
	const struct primer_counts *c = &p->counts;
	char text[200];

	snprintf(text, sizeof(text),
	    "style %s: certcachain %lld, cert %lld, pkey %lld, domain %lld, "
	    "removed %lld",
	    p->format->name, (long long)c->written[REDIS_CERTCA],
	    (long long)c->written[REDIS_CERT],
	    (long long)c->written[REDIS_PKEY],
	    (long long)c->written[REDIS_DOMAIN], (long long)c->removed);
	return event_add(p->o.st, "redis.prime", EVENT_STORE, 0, text, e);
}

int
primer_note(struct primer *p, struct err *e)
{
	int64_t done = p->counts.removed;

	for (size_t i = 0; i < REDIS_KIND__MAX; i++)
		done += p->counts.written[i];
	return done > 0 ? store_transaction(p->o.st, note, p, e) : 0;
}
