#include "admin/visit.h"

#include "admin/admin.h"
#include "base/log.h"
#include "conf/conf.h"
#include "conf/scope.h"
#include "http/response.h"
#include "jobs/primer.h"
#include "store/certificate.h"
#include "sys/clock.h"
#include "sys/sig.h"
#include "wrap/js.h"
#include "wrap/kv.h"

#define MOMENT_MS 1000 /* for the Redis, while a client waits */
#define REST_MS 10000 /* for a Redis that was away */
#define ALL_MS 50000 /* programs give up after 60 s */
#define ANSWER_MS 5000 /* of these */
#define START_MS 10000 /* to connect, and to hear whose turn it is */
#define TURN_MS 60000 /* how long who was killed keeps others off */

/*
 * One use of a primer, whose settings and options point into it: it stays where
 * prepare() has made it.
 */
struct priming {
	struct primer_settings settings;
	struct primer_options options;
	struct primer *primer;
	int64_t deadline; /* clock_mono */
	bool is_over;
};

static void
failed(void *arg, int64_t certificate_id, const struct err *why)
{
	struct err e = *why;

	(void)arg;
	err_object(&e, "certificate %lld", (long long)certificate_id);
	log_err("redis.prime", &e);
}

static int
goes_on(void *arg, int64_t names, struct err *e)
{
	struct priming *p = arg;

	(void)names;
	p->is_over = clock_mono() >= p->deadline || sig_term();
	return p->is_over ? err_set(e, KIND_BUSY, "the next run does the rest")
			  : 0;
}

static int
prepare(struct priming *p, const struct admin *a, int64_t until, struct err *e)
{
	*p = (struct priming){.deadline = until,
	    .options = {.st = a->store,
		.seal = a->setup->seal,
		.settings = &p->settings,
		.now = clock_now(),
		.failed = failed,
		.goes_on = goes_on,
		.arg = p}};
	return primer_settings_read(
	    &p->settings, &a->setup->conf->redis, NULL, e);
}

static struct kv *
connect_to(const struct priming *p, const struct admin *a, int64_t most_ms,
    int64_t until, struct err *e)
{
	struct kv_access access = *a->setup->redis;

	access.database = p->settings.format->database;
	access.until = until;
	if (access.connect_ms > most_ms)
		access.connect_ms = most_ms;
	if (access.timeout_ms > most_ms)
		access.timeout_ms = most_ms;
	return kv_open(&access, e);
}

/* ---- a name -------------------------------------------------------------- */

/*
 * A name that is not in the store is served by a wildcard, and that is written:
 * there is no end of such names.
 */
static int
find_serving(
    const struct priming *p, const char *name, struct serving *s, struct err *e)
{
	const struct primer_options *o = &p->options;
	char *wildcard;
	int rc = serving_by_name(o->st, name, o->now, s, e);

	if (rc < 0 || s->domain_id != 0)
		return rc;
	wildcard = certificate_wildcard_of(name);
	if (wildcard)
		rc = serving_by_name(o->st, wildcard, o->now, s, e);
	free(wildcard);
	return rc;
}

static int
prime_name(struct priming *p, const char *name, struct err *e)
{
	const struct primer_options *o = &p->options;
	struct serving s;
	int rc;

	if (find_serving(p, name, &s, e) < 0)
		return -1;
	p->primer = primer_open(o, e);
	rc = p->primer ? primer_add(p->primer, &s, e) : -1;
	if (rc == 0)
		rc = primer_finish(p->primer, e);
	if (rc == 0)
		rc = primer_note(p->primer, e);
	primer_close(p->primer);
	return rc;
}

/* By the connection that there is, or else by a new one. */
static int
try_name(struct admin *a, const char *name, int64_t until, struct err *e)
{
	struct priming p;
	int rc = prepare(&p, a, until, e);

	if (rc == 0 && !a->redis)
		a->redis = connect_to(&p, a, MOMENT_MS, until, e);
	if (!a->redis)
		return -1;
	kv_until(a->redis, until);
	p.options.kv = a->redis;
	rc = prime_name(&p, name, e);
	if (rc < 0 && e->kind != KIND_NOTFOUND) {
		kv_close(a->redis);
		a->redis = NULL;
	}
	return rc;
}

/* Says so once, and leaves it alone for a while. */
static void
note_away(struct admin *a, const struct err *e)
{
	a->redis_rest = clock_mono() + REST_MS;
	if (!a->redis_is_away)
		log_err("redis.away", e);
	a->redis_is_away = true;
}

void
visit_prime(struct visit *v, const char *name)
{
	struct admin *a = v->admin;
	bool was_open = a->redis != NULL;
	int64_t until = clock_mono() + MOMENT_MS;
	struct err e = {0};

	if (!a->setup->redis || !form_text(&v->form, "openresty") ||
	    !(v->caller.scopes & SCOPE_KEYS) || clock_mono() < a->redis_rest)
		return;
	/* It may have been started anew since. */
	if (try_name(a, name, until, &e) < 0 && was_open && !a->redis) {
		err_clear(&e);
		try_name(a, name, until, &e);
	}
	if (err_is_set(&e) && e.kind != KIND_NOTFOUND)
		note_away(a, &e);
	else
		a->redis_is_away = false;
}

/* ---- all names ----------------------------------------------------------- */

static struct js *
total(const struct primer_counts *c)
{
	static const char *const kinds[] = {[REDIS_CERTCA] = "certcachain",
	    [REDIS_CERT] = "cert",
	    [REDIS_PKEY] = "pkey",
	    [REDIS_DOMAIN] = "domain"};
	struct js *o = js_object();

	_Static_assert(ARRAY_LEN(kinds) == REDIS_KIND__MAX, "one each");
	for (size_t i = 0; i < REDIS_KIND__MAX; i++)
		js_put_int(o, kinds[i], c->written[i]);
	return o;
}

static int
answer(struct visit *v, const struct primer_counts *c, bool complete)
{
	struct js *body = js_object(), *event = js_object();

	if (!complete)
		v->response->status = 202;
	js_put_text(body, "result", "success");
	visit_put_event(v, event, "id");
	js_put(event, "total_primed", total(c));
	js_put(body, "operations_event", event);
	js_put_int(body, "unchanged", c->unchanged);
	js_put_int(body, "removed", c->removed);
	js_put_int(body, "failed", c->failed);
	js_put_bool(body, "complete", complete);
	return visit_json(v, body);
}

/* What it says is for whoever asks. */
static int
blame(const struct err *why, struct err *e)
{
	if (why->kind == KIND_CONF)
		return err_set(e, KIND_CONFLICT, "[redis]: %s", why->text);
	if (why->kind == KIND_BUSY) {
		err_set(e, KIND_BUSY, "[redis]: %s", why->text);
		e->retry_after = why->retry_after;
		return -1;
	}
	*e = *why;
	return -1;
}

/* What was done is told, and noted, also when the time was over. */
static int
prime_all(struct visit *v, struct priming *p, struct err *e)
{
	struct err why = {0};
	int rc;

	kv_until(p->options.kv, p->deadline + ANSWER_MS);
	rc = primer_all(p->primer, false, e);
	if (rc < 0 && p->is_over) {
		err_clear(e);
		rc = 0;
	}
	primer_give_turn(p->primer);
	if (primer_note(p->primer, &why) < 0 && rc == 0)
		rc = err_set(e, why.kind, "%s", why.text);
	return rc < 0 ? -1 : answer(v, primer_counts(p->primer), !p->is_over);
}

/* A worker is busy with it for long, and others must be there for gateways. */
static int
prime_alone(struct visit *v, struct priming *p, struct err *e)
{
	int rc = -1;

	p->options.kv =
	    connect_to(p, v->admin, ANSWER_MS, clock_mono() + START_MS, e);
	if (!p->options.kv)
		return -1;
	p->primer = primer_open(&p->options, e);
	if (p->primer && primer_take_turn(p->primer, TURN_MS, e) == 0)
		rc = prime_all(v, p, e);
	primer_close(p->primer);
	kv_close(p->options.kv);
	return rc;
}

int
visit_redis_prime(struct visit *v, struct err *e)
{
	const struct admin *a = v->admin;
	struct err why = {0};
	struct priming p;

	if (!a->setup->redis)
		return err_set(e, KIND_NOTFOUND,
		    "there is no Redis: [redis] url is not set");
	return prepare(&p, a, clock_mono() + ALL_MS, &why) < 0 ||
		prime_alone(v, &p, &why) < 0
	    ? blame(&why, e)
	    : 0;
}
