#include "admin/visit.h"

#include "admin/admin.h"
#include "base/str.h"
#include "jobs/enlist.h"
#include "store/certificate_sweep.h"
#include "store/domain.h"
#include "store/domain_queue.h"
#include "wrap/js.h"

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
	struct strv typed;
	struct domain_addition *v; /* the good ones, whose names are owned */
	size_t len;
	struct js *answers; /* by what was typed */
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

static int
read_names(const struct visit *v, struct queueing *q, struct err *e)
{
	static const char *const fields[] = {
	    "domain_names_http01", "domain_names", "domain_name"};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *text = form_text(&v->form, fields[i]);

		if (text)
			split(text, &q->typed);
	}
	if (q->typed.len == 0)
		return err_set(e, KIND_INPUT, "no domain names");
	if (q->typed.len > NAMES_MAX)
		return err_set(
		    e, KIND_INPUT, "more than %d domain names", NAMES_MAX);
	strv_sort_unique(&q->typed);
	return 0;
}

/* What is no text is told as the log would have it. */
static void
put_refused(struct queueing *q, const char *typed)
{
	char text[DOMAIN_VALUE_MAX + 1];

	if (!str_is_text(typed, strlen(typed))) {
		str_escape(text, sizeof(text), typed, strlen(typed));
		typed = text;
	}
	js_put_text(q->answers, typed, "refused");
}

static void
judge_names(struct queueing *q)
{
	q->v = xcalloc(q->typed.len, sizeof(*q->v));
	for (size_t i = 0; i < q->typed.len; i++) {
		struct err why = {0};
		char *name = enlist_name(&q->list, q->typed.v[i], &why);

		if (!name) {
			put_refused(q, q->typed.v[i]);
			continue;
		}
		q->v[q->len++] = (struct domain_addition){.name = name,
		    .registered = enlist_registered(&q->list, name)};
	}
}

static int
queue_names(struct visit *v, struct queueing *q, struct err *e)
{
	if (q->len == 0)
		return err_set(e, KIND_INPUT, "none of these is a domain name");
	if (domain_queue_add(
		v->admin->store, q->list.template.id, q->v, q->len, e) < 0)
		return -1;
	for (size_t i = 0; i < q->len; i++)
		js_put_text(q->answers, q->v[i].name,
		    domain_answer_name(q->v[i].answer));
	return 0;
}

static void
release(struct queueing *q)
{
	for (size_t i = 0; i < q->len; i++)
		free((char *)(uintptr_t)q->v[i].name);
	free(q->v);
	strv_release(&q->typed);
	enlist_release(&q->list);
}

/* What became of each is the member `key` of the answer. */
static int
queue_typed(struct visit *v, const char *key, struct err *e)
{
	const struct admin *a = v->admin;
	struct queueing q = {.answers = js_object()};
	struct js *body;
	int rc = enlist_open(&q.list, a->store, form_text(&v->form, "template"),
	    a->setup->suffixes, e);

	if (rc == 0)
		rc = read_names(v, &q, e);
	if (rc == 0) {
		judge_names(&q);
		rc = queue_names(v, &q, e);
	}
	release(&q);
	if (rc < 0) {
		js_free(q.answers);
		return -1;
	}
	body = success(v);
	js_put(body, key, q.answers);
	return visit_json(v, body);
}

int
visit_task_queue(struct visit *v, struct err *e)
{
	return queue_typed(v, "domains", e);
}

/* ---- names that are wanted, and that are not any more -------------------- */

int
visit_task_enable(struct visit *v, struct err *e)
{
	return queue_typed(v, "domain_results", e);
}

/* Takes it out of the queue, if it is there: 1; 0; -1. */
static int
dequeue(struct store *st, const char *name, struct err *e)
{
	if (domain_queue_remove(st, name, e) == 0)
		return 1;
	if (e->kind != KIND_NOTFOUND)
		return -1;
	err_clear(e);
	return 0;
}

/* In the words of peter_sslers.  NULL on failure. */
static const char *
disable_name(struct store *st, const char *name, struct err *e)
{
	struct domain d;
	int queued, rc = domain_by_value(st, name, &d, e);

	if (rc < 0 && e->kind != KIND_NOTFOUND)
		return NULL;
	err_clear(e);
	/* First, so that nothing new comes of what is in the queue. */
	if (rc == 0 && d.active && domain_set_active(st, d.id, false, e) < 0) {
		if (e->kind != KIND_CONFLICT)
			return NULL;
		err_clear(e);
	}
	queued = dequeue(st, name, e);
	/* Who works on it finds it disabled. */
	if (queued < 0 && e->kind == KIND_BUSY && rc == 0) {
		err_clear(e);
		queued = 0;
	}
	if (queued < 0)
		return NULL;
	if (rc == 0)
		return d.active ? "deactivated" : "already deactivated";
	return queued ? "de-queued" : "not active or in queue";
}

/* One that fails does not undo those before it: the answer is that of all. */
static int
disable_names(struct visit *v, struct queueing *q, struct err *e)
{
	for (size_t i = 0; i < q->typed.len; i++) {
		struct err why = {0};
		char *name = enlist_spell(q->typed.v[i], &why);
		const char *said;

		if (!name) {
			put_refused(q, q->typed.v[i]);
			continue;
		}
		said = disable_name(v->admin->store, name, e);
		if (said)
			js_put_text(q->answers, name, said);
		free(name);
		if (!said)
			return -1;
	}
	return 0;
}

int
visit_task_disable(struct visit *v, struct err *e)
{
	struct queueing q = {.answers = js_object()};
	struct js *body;
	int rc = read_names(v, &q, e);

	if (rc == 0)
		rc = disable_names(v, &q, e);
	strv_release(&q.typed);
	if (rc < 0) {
		js_free(q.answers);
		return -1;
	}
	body = success(v);
	js_put(body, "domain_results", q.answers);
	return visit_json(v, body);
}
