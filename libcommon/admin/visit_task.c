#include "admin/visit.h"

#include "admin/admin.h"
#include "base/str.h"
#include "jobs/enlist.h"
#include "store/certificate_sweep.h"
#include "store/domain.h"
#include "store/domain_queue.h"
#include "store/event.h"
#include "wrap/js.h"

#define NAMES_MAX 1000 /* in one request */

/* With the event that says so in the log, when anything has changed. */
static struct js *
success(const struct visit *v)
{
	struct js *body = js_object();
	int64_t event = event_last(v->admin->store);

	js_put_text(body, "result", "success");
	if (event != 0)
		js_put_int(body, "operations_event", event);
	else
		js_put(body, "operations_event", js_null());
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

int
visit_task_queue(struct visit *v, struct err *e)
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
	js_put(body, "domains", q.answers);
	return visit_json(v, body);
}
