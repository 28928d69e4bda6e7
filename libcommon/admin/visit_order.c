#include "admin/visit.h"

#include <poll.h>

#include "acme/workmsg.h"
#include "admin/admin.h"
#include "admin/wish.h"
#include "conf/conf.h"
#include "conf/pattern.h"
#include "jobs/enlist.h"
#include "store/autocert.h"
#include "store/blocked_name.h"
#include "store/domain.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "wrap/js.h"

/*
 * Since it was asked for: gateways and programs give up after 60 s, and what
 * came of it may have to wait for the store.
 */
#define WAIT_MS 45000
/* How often it is looked for while somebody works on it. */
#define LOOK_MS 500
#define TEMPLATE "autocert" /* if there is one */

/* A certificate that is asked for. */
struct asking {
	struct visit *visit;
	struct enlist list;
	enum autocert_kind kind;
	int64_t until; /* clock_mono(); it is answered then */
	char *name;
	int64_t attempt; /* 0: none yet */
	int64_t began;
	int64_t order; /* at the CA; 0: none is known */
	int64_t certificate; /* that serves it; 0: none */
};

static void
release(struct asking *a)
{
	free(a->name);
	enlist_release(&a->list);
}

/* ---- the name ------------------------------------------------------------ */

static int
open_list(struct asking *a, const char *template, struct err *e)
{
	const struct admin *admin = a->visit->admin;

	if (enlist_open(&a->list, admin->store, template ? template : TEMPLATE,
		admin->setup->suffixes, e) == 0)
		return 0;
	if (template || err_forgive(e, KIND_NOTFOUND) < 0)
		return -1;
	enlist_release(&a->list);
	return enlist_open(
	    &a->list, admin->store, NULL, admin->setup->suffixes, e);
}

static int
read_name(struct asking *a, struct err *e)
{
	const char *typed = form_text(&a->visit->form, "domain_name");

	if (!typed)
		return err_set(e, KIND_INPUT, "Found no domain names");
	if (strpbrk(typed, ", \t\r\n"))
		return err_set(e, KIND_INPUT,
		    "This endpoint currently supports only 1 domain name");
	/* There are several ways to write an asterisk. */
	a->name = enlist_spell(typed, e);
	if (!a->name)
		return -1;
	if (a->name[0] == '*')
		return err_set(e, KIND_INPUT, "a wildcard is not for this");
	free(a->name);
	a->name = enlist_name(&a->list, typed, e);
	return a->name ? 0 : -1;
}

/* ---- what there is ------------------------------------------------------- */

/* 1: the store has the domain; 0; -1. */
static int
find_domain(const struct asking *a, struct domain *d, struct err *e)
{
	if (domain_by_value(a->visit->admin->store, a->name, d, e) == 0)
		return 1;
	return err_forgive(e, KIND_NOTFOUND);
}

/* 1, and `e` says so: it is on the blocklist; 0; -1. */
static int
is_blocked(const struct asking *a, struct err *e)
{
	char *entry;
	int rc = blocked_name_of(a->visit->admin->store, a->name, &entry, e);

	if (rc <= 0)
		return rc;
	free(entry);
	err_set(e, KIND_DENIED, "This domain_name has been blocklisted");
	return 1;
}

/* Sets `certificate`: one whose key is elsewhere is no use to who asks. */
static int
find_certificate(struct asking *a, struct err *e)
{
	return autocert_certificate(
	    a->visit->admin->store, a->name, &a->certificate, e);
}

/* ---- an order ------------------------------------------------------------ */

/* Half of those who serve must be there for others. */
static int64_t
at_once(const struct asking *a, const struct conf_admin *conf)
{
	int64_t half = (conf->listener.workers + 1) / 2;

	return a->kind == AUTOCERT_AUTO && conf->autocert_at_once < half
	    ? conf->autocert_at_once
	    : half;
}

static struct autocert_new
attempt(const struct asking *a)
{
	const struct conf_admin *conf = &a->visit->admin->setup->conf->admin;

	return (struct autocert_new){.kind = a->kind,
	    .name = a->name,
	    .registered = enlist_registered(&a->list, a->name),
	    .domain_template_id = a->list.template.id,
	    .limits = {conf->autocert_again, conf->autocert_per_hour,
		at_once(a, conf)}};
}

/*
 * Until the service replies or the certificate is there, which it may be long
 * before targets have it that are to have it immediately.
 */
static int
wait_for(struct asking *a, int fd, struct err *why)
{
	int rc = 0;

	while (rc == 0 && !a->certificate && clock_mono() < a->until) {
		int64_t until = clock_mono() + LOOK_MS;
		struct err later = {
		    0}; /* a store that is busy is asked again */

		rc = fd_wait(
		    fd, POLLIN, until < a->until ? until : a->until, why);
		if (rc == 0)
			find_certificate(a, &later);
	}
	return rc;
}

/* The reply says no more than why not: what came of it is in the store. */
static void
ask_for(struct asking *a, int fd, struct workmsg_reply *r, struct err *why)
{
	char *request = xasprintf("order %s", a->name);

	if (workmsg_send(fd, request, a->until, r, why) == 0 &&
	    wait_for(a, fd, why) >= 0 && !a->certificate)
		workmsg_receive(fd, a->until, r, why);
	free(request);
}

static int
fail(struct err *e, int status, int retry, const char *text)
{
	e->retry_after = retry;
	return err_http(e, KIND_DENIED, status, "%s", text);
}

/* There is no certificate: what the queue says of that.  Returns -1. */
static int
conclude_without(struct asking *a, const struct workmsg_reply *r,
    const struct err *why, struct err *e)
{
	struct store *st = a->visit->admin->store;
	const struct conf_admin *conf = &a->visit->admin->setup->conf->admin;
	struct autocert_end x = {.again_at = clock_now() + conf->autocert_again,
	    .upstream_order_id = a->order};
	enum autocert_state state;
	char *error, text[320];

	if (autocert_look(st, a->name, &state, &error, e) < 0)
		return -1;
	snprintf(text, sizeof(text), "%s",
	    error		  ? error
		: err_is_set(why) ? why->text
		: r->text[0]	  ? r->text
		: state == AUTOCERT_QUEUE_ABSENT
		? "it was taken out of the queue"
		: "it waits in the queue");
	free(error);
	if (state == AUTOCERT_QUEUE_HELD || (err_is_set(why) && r->is_sent))
		return fail(e, 504, 30,
		    "the order goes on; ask again for what came of it");
	x.outcome =
	    state == AUTOCERT_QUEUE_FAILED || state == AUTOCERT_QUEUE_ABSENT
	    ? AUTOCERT_FAILED
	    : AUTOCERT_WAITING;
	x.error = text;
	if (autocert_end(st, a->attempt, &x, e) < 0)
		return -1;
	return x.outcome == AUTOCERT_FAILED ? fail(e, 502, 0, text)
					    : fail(e, 503, 60, text);
}

static int
conclude(struct asking *a, const struct workmsg_reply *r, const struct err *why,
    struct err *e)
{
	struct store *st = a->visit->admin->store;
	struct autocert_end x = {.outcome = AUTOCERT_VALID};

	if (find_certificate(a, e) < 0 ||
	    autocert_order_of(st, a->name, a->began, &a->order, e) < 0)
		return -1;
	if (!a->certificate)
		return conclude_without(a, r, why, e);
	x.upstream_order_id = a->order;
	x.again_at =
	    clock_now() + a->visit->admin->setup->conf->admin.autocert_again;
	return autocert_end(st, a->attempt, &x, e);
}

/* With the connection `fd`, or none, and why. */
static int
order_by(struct asking *a, int fd, struct err *why, struct err *e)
{
	const struct autocert_new n = attempt(a);
	struct workmsg_reply r;
	int rc;

	a->began = clock_now();
	if (autocert_begin(a->visit->admin->store, &n, &a->attempt, e) < 0)
		return -1;
	workmsg_reply_init(&r);
	if (fd >= 0)
		ask_for(a, fd, &r, why);
	rc = conclude(a, &r, why, e);
	workmsg_reply_release(&r);
	return rc;
}

/*
 * Where nobody works a gateway's attempt would use up what there may be in an
 * hour.  An operator's name is in the queue then.
 */
static int
order(struct asking *a, struct err *e)
{
	const struct admin *admin = a->visit->admin;
	const struct autocert_new n = attempt(a);
	struct err why = {0};
	int fd, rc;

	if (autocert_check(admin->store, &n, e) < 0)
		return -1;
	fd = workmsg_open(admin->setup->conf->admin.work_socket, &why);
	if (fd < 0 && a->kind == AUTOCERT_AUTO)
		return fail(e, 503, 60, why.text);
	rc = order_by(a, fd, &why, e);
	fd_close(&fd);
	return rc;
}

/* ---- autocert ------------------------------------------------------------ */

static void
put_order(struct js *body, int64_t id)
{
	struct js *o;

	if (id == 0)
		return;
	o = js_object();
	js_put_int(o, "id", id);
	js_put(body, "AcmeOrder", o);
}

static int
check_domain(struct asking *a, struct err *e)
{
	struct domain d;
	int rc = find_domain(a, &d, e);

	if (rc <= 0 || d.active)
		return rc < 0 ? -1 : 0;
	return err_set(e, KIND_DENIED, "This domain_name has been disabled");
}

/* Nothing of this writes to the store. */
static int
check_rules(struct asking *a, struct err *e)
{
	const struct strv *allow =
	    &a->visit->admin->setup->conf->admin.autocert_allow;

	if (is_blocked(a, e) != 0)
		return -1;
	return pattern_has(allow, a->name)
	    ? 0
	    : err_set(
		  e, KIND_DENIED, "autocert_allow does not have %s", a->name);
}

static int
answer(struct asking *a, const char *notes, struct err *e)
{
	struct js *body = visit_config_of(a->visit, a->name, e);

	if (!body)
		return -1;
	js_put_text(body, "result", "success");
	js_put_text(body, "notes", notes);
	put_order(body, a->order);
	visit_prime(a->visit, a->name);
	return visit_json(a->visit, body);
}

/* What an answer has in which there is no certificate. */
static void
put_nothing(struct asking *a, const struct err *e)
{
	static const char *const names[] = {"domain",
	    "certificate_signed__latest_single",
	    "certificate_signed__latest_multi",
	    "x509_certificate__latest_single",
	    "x509_certificate__latest_multi"};
	struct js *body = a->visit->also = js_object();

	if (e->http_status == 502)
		js_put_text(body, "notes", "new AcmeOrder, invalid");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		js_put(body, names[i], js_null());
	put_order(body, a->order);
}

static int
autocert(struct asking *a, struct err *e)
{
	if (open_list(a, NULL, e) < 0 || read_name(a, e) < 0 ||
	    check_domain(a, e) < 0 || find_certificate(a, e) < 0)
		return -1;
	if (a->certificate)
		return answer(a, "existing certificate(s)", e);
	if (check_rules(a, e) < 0)
		return -1;
	return order(a, e) < 0 ? -1 : answer(a, "new AcmeOrder, valid", e);
}

int
visit_order_autocert(struct visit *v, struct err *e)
{
	struct asking a = {
	    .visit = v, .kind = AUTOCERT_AUTO, .until = clock_mono() + WAIT_MS};
	int rc = autocert(&a, e);

	if (rc < 0 && a.name)
		put_nothing(&a, e);
	release(&a);
	return rc;
}

/* ---- certificate-if-needed ----------------------------------------------- */

/* The word for what the domain was, and its id, or 0; NULL: failure. */
static const char *
enable(const struct asking *a, int64_t *id, struct err *e)
{
	struct domain d;
	int rc = find_domain(a, &d, e);

	*id = rc > 0 ? d.id : 0;
	if (rc <= 0)
		return rc < 0 ? NULL : "new";
	if (d.active)
		return "existing.active";
	return domain_set_active(a->visit->admin->store, d.id, true, e) < 0
	    ? NULL
	    : "existing.activated";
}

static void
put_id(struct js *o, const char *key, int64_t id)
{
	if (id)
		js_put_int(o, key, id);
	else
		js_put(o, key, js_null());
}

/* What became of it, also when that is a failure. */
static struct js *
results(const struct asking *a, const char *status, int64_t domain,
    const char *certificate, const struct err *why)
{
	struct js *body = js_object(), *all = js_object(), *o = js_object();

	js_put_text(o, "domain.status", status);
	put_id(o, "domain.id", domain);
	js_put_text(o, "certificate_signed.status", certificate);
	put_id(o, "certificate_signed.id", a->certificate);
	put_id(o, "acme_order.id", a->order);
	if (err_is_set(why))
		js_put_text(o, "error", why->text);
	js_put(all, a->name, o);
	js_put(body, "domain_results", all);
	return body;
}

static int
if_needed(struct asking *a, struct err *e)
{
	const char *status, *certificate = "exists";
	int64_t domain;
	struct js *body;
	int rc;

	if (open_list(a, form_text(&a->visit->form, "template"), e) < 0 ||
	    wish_check(a->visit->admin->store, &a->visit->form, &a->list, e) <
		0 ||
	    read_name(a, e) < 0)
		return -1;
	rc = is_blocked(a, e);
	if (rc > 0)
		a->visit->also = results(a, "blocklisted", 0, "fail", e);
	status = rc == 0 ? enable(a, &domain, e) : NULL;
	if (!status || find_certificate(a, e) < 0)
		return -1;
	if (!a->certificate) {
		certificate = "new";
		rc = order(a, e);
	}
	/* With the order a new name has come into the store: its number. */
	if (domain == 0)
		enable(a, &domain, &(struct err){0});
	if (rc < 0) {
		a->visit->also = results(a, status, domain, "fail", e);
		return -1;
	}
	body = results(a, status, domain, certificate, &(struct err){0});
	js_put_text(body, "result", "success");
	return visit_json(a->visit, body);
}

int
visit_order_if_needed(struct visit *v, struct err *e)
{
	struct asking a = {.visit = v,
	    .kind = AUTOCERT_IF_NEEDED,
	    .until = clock_mono() + WAIT_MS};
	int rc = if_needed(&a, e);

	release(&a);
	return rc;
}
