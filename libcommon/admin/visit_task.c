#include "admin/visit.h"

#include "admin/admin.h"
#include "base/str.h"
#include "jobs/enlist.h"
#include "store/blocked_name.h"
#include "store/certificate_sweep.h"
#include "store/domain.h"
#include "store/domain_queue.h"
#include "wrap/js.h"
#include "wrap/name.h"

#define NAMES_MAX 1000 /* in one request */

/* With the event that says so in the log, when anything has changed. */
static struct js *
success(const struct visit *v)
{
	struct js *body = js_object();

	js_put_text(body, "result", "success");
	visit_put_event(v, body, "operations_event");
	return body;
}

/* ---- the store ----------------------------------------------------------- */

int
visit_task_recents(struct visit *v, struct err *e)
{
	struct js *body;
	int64_t changed;

	if (domain_refresh_all(v->admin->store, false, &changed, e) < 0)
		return -1;
	body = success(v);
	js_put_int(body, "domains", changed);
	return visit_json(v, body);
}

int
visit_task_expired(struct visit *v, struct err *e)
{
	struct js *body, *counts;
	int64_t n = 0;
	const struct certificate_sweep sweep = {
	    .kind = CERTIFICATE_SWEEP_EXPIRED, .deactivated = &n};

	if (certificate_sweep(v->admin->store, &sweep, e) < 0)
		return -1;
	counts = js_object();
	js_put_int(counts, "expired", n);
	body = success(v);
	js_put(body, "CertificateSigned", counts);
	return visit_json(v, body);
}

/* ---- names that wait ----------------------------------------------------- */

/* Names on their way, each by itself. */
struct queueing {
	struct enlist list;
	struct strv names; /* as they would be stored, or what is none */
	struct domain_addition *v; /* the good ones, of `names` */
	size_t len;
	struct strv stored; /* those that are none, but in the store */
	struct js *answers; /* by name */
};

/* Of a list with commas, blanks or line ends between. */
static void
split(const char *text, struct strv *out)
{
	static const char between[] = ", \t\r\n";
	size_t len;

	for (text += strspn(text, between); *text;
	     text += len, text += strspn(text, between)) {
		len = strcspn(text, between);
		strv_addn(out, text, len);
	}
}

/* Each once, however it is spelled. */
static void
spell(const struct strv *typed, struct strv *names)
{
	for (size_t i = 0; i < typed->len; i++) {
		char *name = name_spell(typed->v[i]);

		strv_add(names, name);
		free(name);
	}
	strv_sort_unique(names);
}

static int
read_names(const struct visit *v, struct queueing *q, struct err *e)
{
	static const char *const fields[] = {
	    "domain_names_http01", "domain_names", "domain_name"};
	struct strv typed = {0};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *text = form_text(&v->form, fields[i]);

		if (text)
			split(text, &typed);
	}
	if (typed.len == 0)
		rc = err_set(e, KIND_INPUT, "no domain names");
	else if (typed.len > NAMES_MAX)
		rc = err_set(
		    e, KIND_INPUT, "more than %d domain names", NAMES_MAX);
	else
		spell(&typed, &q->names);
	strv_release(&typed);
	return rc;
}

static bool
is_text(const char *name)
{
	return str_is_text(name, strlen(name));
}

/* What is no text is told as the log would have it. */
static void
put_refused(struct queueing *q, const char *name)
{
	char text[DOMAIN_VALUE_MAX + 1];

	if (!is_text(name)) {
		str_escape(text, sizeof(text), name, strlen(name));
		name = text;
	}
	js_put_text(q->answers, name, "refused");
}

static int
refuse_all(struct err *e)
{
	return err_set(e, KIND_INPUT, "none of these is a domain name");
}

/* A domain of the store, whatever it is: 1; 0; -1. */
static int
find_stored(struct store *st, const char *name, struct domain *d, struct err *e)
{
	if (!is_text(name))
		return 0;
	if (domain_by_value(st, name, d, e) == 0)
		return 1;
	return err_forgive(e, KIND_NOTFOUND);
}

/* So is what certificates were for that came from elsewhere, as addresses. */
static int
judge_other(struct store *st, struct queueing *q, const char *name,
    bool with_stored, struct err *e)
{
	struct domain d;
	int rc = with_stored ? find_stored(st, name, &d, e) : 0;

	if (rc > 0)
		strv_add(&q->stored, name);
	else if (rc == 0)
		put_refused(q, name);
	return rc < 0 ? -1 : 0;
}

static int
judge_names(
    struct store *st, struct queueing *q, bool with_stored, struct err *e)
{
	q->v = xcalloc(q->names.len, sizeof(*q->v));
	for (size_t i = 0; i < q->names.len; i++) {
		const char *spelled = q->names.v[i];
		struct err why = {0};
		char *name = enlist_name(&q->list, spelled, &why);

		if (name)
			q->v[q->len++] = (struct domain_addition){.name = name,
			    .registered = enlist_registered(&q->list, name)};
		else if (judge_other(st, q, spelled, with_stored, e) < 0)
			return -1;
	}
	return q->len + q->stored.len > 0 ? 0 : refuse_all(e);
}

static int
queue_names(struct store *st, struct queueing *q, struct err *e)
{
	if (q->len > 0 &&
	    domain_queue_add(st, q->list.template.id, q->v, q->len, e) < 0)
		return -1;
	for (size_t i = 0; i < q->len; i++)
		js_put_text(q->answers, q->v[i].name,
		    domain_answer_name(q->v[i].answer));
	return 0;
}

/* What cannot be ordered is enabled, and no more: 0, -1. */
static int
enable_stored(struct store *st, const char *name, enum domain_answer *answer,
    struct err *e)
{
	struct domain d;
	char *entry;
	int rc = blocked_name_of(st, name, &entry, e);

	*answer = DOMAIN_BLOCKLISTED;
	if (rc > 0)
		free(entry);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (domain_by_value(st, name, &d, e) < 0)
		return -1;
	*answer = DOMAIN_ACTIVATED;
	if (!d.active && domain_set_active(st, d.id, true, e) == 0)
		return 0;
	if (!d.active && err_forgive(e, KIND_CONFLICT) < 0)
		return -1;
	*answer = DOMAIN_EXISTS;
	return 0;
}

static int
enable_all_stored(struct store *st, struct queueing *q, struct err *e)
{
	for (size_t i = 0; i < q->stored.len; i++) {
		const char *name = q->stored.v[i];
		enum domain_answer answer;

		if (enable_stored(st, name, &answer, e) < 0)
			return -1;
		js_put_text(q->answers, name, domain_answer_name(answer));
	}
	return 0;
}

static void
release(struct queueing *q)
{
	for (size_t i = 0; i < q->len; i++)
		free((char *)(uintptr_t)q->v[i].name);
	free(q->v);
	strv_release(&q->names);
	strv_release(&q->stored);
	enlist_release(&q->list);
	js_free(q->answers);
}

/* What became of each is the member `key` of the answer. */
static int
tell(struct visit *v, const char *key, struct queueing *q)
{
	struct js *body = success(v);

	js_put(body, key, js_share(q->answers));
	return visit_json(v, body);
}

static int
queue_typed(struct visit *v, const char *key, bool with_stored, struct err *e)
{
	const struct admin *a = v->admin;
	struct queueing q = {.answers = js_object()};
	int rc = enlist_open(&q.list, a->store, form_text(&v->form, "template"),
	    a->setup->suffixes, e);

	if (rc == 0)
		rc = read_names(v, &q, e);
	if (rc == 0)
		rc = judge_names(a->store, &q, with_stored, e);
	if (rc == 0)
		rc = queue_names(a->store, &q, e);
	if (rc == 0)
		rc = enable_all_stored(a->store, &q, e);
	if (rc == 0)
		rc = tell(v, key, &q);
	release(&q);
	return rc;
}

int
visit_task_queue(struct visit *v, struct err *e)
{
	return queue_typed(v, "domains", false, e);
}

/* ---- names that are wanted, and that are not any more -------------------- */

int
visit_task_enable(struct visit *v, struct err *e)
{
	return queue_typed(v, "domain_results", true, e);
}

/* Takes it out of the queue, if it is there: 1; 0; -1. */
static int
dequeue(struct store *st, const char *name, struct err *e)
{
	if (domain_queue_remove(st, name, e) == 0)
		return 1;
	return err_forgive(e, KIND_NOTFOUND);
}

/* In the words of peter_sslers; NULL on failure. */
static const char *
disable_name(struct store *st, const char *name, struct err *e)
{
	struct domain d;
	int queued, stored = find_stored(st, name, &d, e);

	if (stored < 0)
		return NULL;
	/* First, so that nothing new comes of what is in the queue. */
	if (stored && d.active && domain_set_active(st, d.id, false, e) < 0 &&
	    err_forgive(e, KIND_CONFLICT) < 0)
		return NULL;
	queued = dequeue(st, name, e);
	/* Who works on it finds it disabled. */
	if (queued < 0 && stored)
		queued = err_forgive(e, KIND_BUSY);
	if (queued < 0)
		return NULL;
	if (stored)
		return d.active ? "deactivated" : "already deactivated";
	return queued ? "de-queued" : "not active or in queue";
}

/* What is none is looked for only in the store: 1; 0: it is refused; -1. */
static int
disable_one(
    struct store *st, struct queueing *q, const char *name, struct err *e)
{
	struct err why = {0};
	struct domain d;
	char *good = enlist_spell(name, &why);
	int rc = good ? 1 : find_stored(st, name, &d, e);
	const char *said = rc > 0 ? disable_name(st, name, e) : NULL;

	free(good);
	if (rc == 0)
		put_refused(q, name);
	if (rc <= 0)
		return rc;
	if (said)
		js_put_text(q->answers, name, said);
	return said ? 1 : -1;
}

/* One that fails does not undo those before it: the answer is that of all. */
static int
disable_names(struct store *st, struct queueing *q, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < q->names.len; i++) {
		int rc = disable_one(st, q, q->names.v[i], e);

		if (rc < 0)
			return -1;
		n += (size_t)rc;
	}
	return n > 0 ? 0 : refuse_all(e);
}

int
visit_task_disable(struct visit *v, struct err *e)
{
	struct queueing q = {.answers = js_object()};
	int rc = read_names(v, &q, e);

	if (rc == 0)
		rc = disable_names(v->admin->store, &q, e);
	if (rc == 0)
		rc = tell(v, "domain_results", &q);
	release(&q);
	return rc;
}
