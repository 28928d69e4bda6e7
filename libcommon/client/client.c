#include "client/client.h"

#include <sys/queue.h>
#include <unistd.h>

#include "acme/jws.h"
#include "base/log.h"
#include "base/str.h"
#include "client/answer.h"
#include "client/directory.h"
#include "client/hold.h"
#include "client/trace.h"
#include "http/network.h"
#include "store/upstream_ca.h"
#include "store/upstream_request.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/sig.h"
#include "wrap/js.h"

#define DIRECTORY_AGE ((int64_t)86400)
#define NONCES_MAX 256 /* kept */
#define NONCES_AT_ONCE 16 /* asked for by newNonce */
#define NONCE_TRIES 10 /* of one request */
#define PAYLOAD_MAX ((size_t)48 * 1024)
#define ASKED_AT_ONCE 3 /* until the CA has answered */

/* A request, from client_send to its callback. */
struct transfer {
	TAILQ_ENTRY(transfer) entry;
	struct client *client;
	struct request r; /* its texts are copies */
	struct signer signer;
	char *url; /* where it goes */
	client_callback *fn;
	void *arg;
	int tries;
	bool is_checked; /* that it may be sent, when it came */
	/* when it is called back without an answer */
	enum cause cause;
	struct err err;
	int64_t retry_at;
};
TAILQ_HEAD(transfers, transfer);

struct client {
	struct store *st;
	struct network *net;
	const struct upstream_ca *ca;
	struct trace trace;
	struct directory directory;
	bool directory_asked, accepts_any;
	bool is_unattended;
	struct strv nonces; /* the last is the freshest */
	size_t nonces_asked;
	bool nonces_fail; /* the last that was asked for did not come */
	struct transfers waiting, sent, ready;
	size_t asked; /* signed requests that are sent */
	bool is_well; /* one was answered since the last that was not */
	uint64_t called; /* back, ever */
	enum cause cause; /* of the last client_call */
};

/* ---- transfers ----------------------------------------------------------- */

static void
transfer_free(struct transfer *t)
{
	free((char *)(uintptr_t)t->r.url);
	free((char *)(uintptr_t)t->r.payload);
	free((char *)(uintptr_t)t->signer.url);
	free(t->url);
	free(t);
}

static struct transfer *
transfer_new(
    struct client *c, const struct request *r, client_callback *fn, void *arg)
{
	struct transfer *t = xcalloc(1, sizeof(*t));

	t->client = c;
	t->r = *r;
	t->r.url = str_dup(r->url);
	t->r.payload = str_dup(r->payload);
	if (r->signer) {
		t->signer = *r->signer;
		t->signer.url = str_dup(r->signer->url);
		t->r.signer = &t->signer;
	}
	t->fn = fn;
	t->arg = arg;
	return t;
}

/* Why it was not sent, when it was not the CA: what may be over next time. */
static enum cause
cause_here(const struct err *e)
{
	return e->kind == KIND_SYS || e->kind == KIND_BUSY
	    ? CAUSE_CA_UNREACHABLE
	    : CAUSE_OTHER;
}

/* From waiting to ready: it is not sent. */
static void
give_up(struct transfer *t, enum cause cause, const struct err *why,
    int64_t retry_at)
{
	struct client *c = t->client;

	t->cause = cause;
	t->err = *why;
	t->retry_at = retry_at;
	TAILQ_REMOVE(&c->waiting, t, entry);
	TAILQ_INSERT_TAIL(&c->ready, t, entry);
}

/* Puts in front of the CA's words whose they are, and what was asked. */
static void
name_error(const struct client *c, enum endpoint endpoint, struct err *e)
{
	err_object(e, "%s: %s", c->ca->name, endpoint_name(endpoint));
}

static void
call_back(struct transfer *t, const struct reply *reply)
{
	t->client->called++;
	t->fn(t->arg, reply);
	transfer_free(t);
}

static void
call_ready(struct client *c)
{
	struct transfers now = TAILQ_HEAD_INITIALIZER(now);
	struct transfer *t, *next;
	struct strv none = {0};

	TAILQ_CONCAT(&now, &c->ready, entry);
	for (t = TAILQ_FIRST(&now); t; t = next) {
		const struct err why = t->err;
		const struct reply reply = {.cause = t->cause,
		    .err = &t->err,
		    .text = why.text,
		    .alternates = &none,
		    .retry_at = t->retry_at,
		    .body = ""};

		next = TAILQ_NEXT(t, entry);
		if (t->cause != CAUSE_NONE)
			name_error(c, t->r.endpoint, &t->err);
		call_back(t, &reply);
	}
}

/* ---- the log, nonces ----------------------------------------------------- */

static void
record(struct client *c, enum endpoint endpoint, const struct signer *signer,
    int64_t order, const struct network_reply *r, const struct answer *a)
{
	const struct upstream_request row = {.upstream_ca_id = c->ca->id,
	    .upstream_account_id = signer ? signer->upstream_account_id : 0,
	    .upstream_order_id = order,
	    .endpoint = endpoint_name(endpoint),
	    .status = r->status,
	    .error_type = a->error_type,
	    .retry_after =
		a->reply.retry_at ? a->reply.retry_at - clock_now() : -1,
	    .duration_ms = r->duration_ms};
	struct err e = {0};

	if (upstream_request_add(c->st, &row, &e) < 0)
		log_err("client.record", &e);
}

static void
keep_nonce(struct client *c, const char *nonce)
{
	if (!nonce)
		return;
	if (c->nonces.len == NONCES_MAX) {
		free(c->nonces.v[0]);
		memmove(c->nonces.v, c->nonces.v + 1,
		    --c->nonces.len * sizeof(*c->nonces.v));
	}
	strv_add(&c->nonces, nonce);
}

/* The caller frees. */
static char *
take_nonce(struct client *c)
{
	return c->nonces.len > 0 ? c->nonces.v[--c->nonces.len] : NULL;
}

/* ---- holds --------------------------------------------------------------- */

/* Whether it may be sent now; gives it up otherwise. */
static bool
may_send(struct transfer *t)
{
	struct client *c = t->client;
	const struct hold_of h = {
	    c->st, c->ca, t->r.endpoint, t->signer.upstream_account_id};
	struct err e = {0};
	enum cause cause;
	int64_t until;

	if (hold_allows(&h, !c->is_unattended, &cause, &until, &e))
		return true;
	give_up(t, cause, &e, until);
	return false;
}

static void
keep_hold(
    struct client *c, enum endpoint endpoint, int64_t account, struct answer *a)
{
	const struct hold_of h = {c->st, c->ca, endpoint, account};

	hold_keep(&h, a);
	if (hold_is_away(a))
		c->is_well = false;
}

/* Once it answers, or a person has asked it, it is no longer away. */
static void
note_answered(struct client *c)
{
	struct err e = {0};

	if (!c->is_well && upstream_ca_answered(c->st, c->ca->id, &e) < 0)
		log_err("client.hold", &e);
	c->is_well = true;
}

/*
 * As long as nothing shows that the CA answers, a few requests are enough to
 * find out.  What is not signed may come from elsewhere, and shows nothing.
 */
static bool
is_enough(const struct client *c)
{
	return c->is_unattended && !c->is_well && c->asked >= ASKED_AT_ONCE;
}

/* ---- directory ----------------------------------------------------------- */

static void pump(struct client *c);

static void
give_up_all(struct client *c, const struct reply *why)
{
	struct transfer *t;

	while ((t = TAILQ_FIRST(&c->waiting)) != NULL)
		give_up(t, why->cause, why->err, why->retry_at);
}

static void
tell_change(const struct client *c, const char *text)
{
	log_event(LOG_LEVEL_WARN, "client.directory", "ca", c->ca->name,
	    "changed", text, NULL);
}

/* The new directory takes the place of the one at hand, and is kept. */
static void
use_directory(struct client *c, struct directory *d, struct answer *a)
{
	bool changed = false, is_first = c->ca->directory == NULL;
	struct buf text;
	struct err e = {0};

	buf_init(&text, NETWORK_BODY_MAX);
	if (directory_write(d, &text) < 0)
		answer_fail(a, CAUSE_CA_BROKEN, "the directory is too long");
	else if (upstream_ca_set_directory(
		     c->st, c->ca->id, text.data, &changed, &e) < 0)
		log_err("client.directory", &e);
	if (changed && !is_first)
		tell_change(c, text.data);
	directory_release(&c->directory);
	c->directory = *d;
	*d = (struct directory){0}; /* transferred */
	buf_release(&text);
}

static void
read_directory(struct client *c, struct answer *a)
{
	struct directory d = {0}, before = {0};
	struct buf away;
	struct err e = {0}, ignored = {0};
	const char *url = c->ca->directory_url, *old = c->ca->directory;

	buf_init(&away, 512);
	if (directory_read(&d, url, a->reply.body, a->reply.len, &e) < 0)
		answer_fail(a, CAUSE_CA_BROKEN, "%s", e.text);
	else if (old && !c->accepts_any &&
	    directory_read(&before, url, old, strlen(old), &ignored) == 0 &&
	    directory_leads_away(&d, &before, &away))
		answer_fail(a, CAUSE_CA_BROKEN,
		    "the directory leads to %s, which it did not before; if "
		    "that is right, acme-account ca refresh %s takes it",
		    away.data, c->ca->name);
	else
		use_directory(c, &d, a);
	directory_release(&d);
	directory_release(&before);
	buf_release(&away);
}

static void
on_directory(void *arg, const struct network_reply *r)
{
	struct client *c = arg;
	struct answer a;

	c->directory_asked = false;
	answer_read(&a, r, ENDPOINT_DIRECTORY, &c->directory, clock_now());
	trace_reply(&c->trace, r);
	record(c, ENDPOINT_DIRECTORY, NULL, 0, r, &a);
	keep_hold(c, ENDPOINT_DIRECTORY, 0, &a);
	if (a.reply.cause == CAUSE_NONE)
		read_directory(c, &a);
	if (a.reply.cause == CAUSE_NONE && c->accepts_any)
		note_answered(c);
	if (a.reply.cause != CAUSE_NONE) {
		err_object(&a.err, "%s", c->ca->directory_url);
		give_up_all(c, &a.reply);
	}
	answer_release(&a);
	pump(c);
}

/* A request of our own, to the CA; its failure fails all that wait. */
static int
ask(struct client *c, const char *method, const char *url, network_callback *fn)
{
	const struct network_request r = {
	    .method = method, .url = url, .trust = c->ca->trust};
	struct err e = {0};
	struct reply why = {.err = &e};

	trace_request(&c->trace, &r, NULL);
	if (network_send(c->net, &r, fn, c, &e) == 0)
		return 0;
	why.cause = cause_here(&e);
	give_up_all(c, &why);
	return -1;
}

static void
ask_directory(struct client *c)
{
	struct transfer *t, *next;

	if (c->directory_asked)
		return;
	for (t = TAILQ_FIRST(&c->waiting); t; t = next) {
		next = TAILQ_NEXT(t, entry);
		may_send(t);
	}
	if (TAILQ_EMPTY(&c->waiting))
		return;
	c->directory_asked =
	    ask(c, "GET", c->ca->directory_url, on_directory) == 0;
}

/* ---- nonces -------------------------------------------------------------- */

/* What waits for a nonce and can have none fails; the rest goes on. */
static void
on_nonce(void *arg, const struct network_reply *r)
{
	struct client *c = arg;
	struct answer a;

	c->nonces_asked--;
	c->nonces_fail = !r->nonce;
	answer_read(&a, r, ENDPOINT_NEW_NONCE, &c->directory, clock_now());
	trace_reply(&c->trace, r);
	record(c, ENDPOINT_NEW_NONCE, NULL, 0, r, &a);
	keep_hold(c, ENDPOINT_NEW_NONCE, 0, &a);
	keep_nonce(c, r->nonce);
	if (!r->nonce)
		answer_fail(
		    &a, CAUSE_CA_BROKEN, "newNonce gives no Replay-Nonce");
	if (!r->nonce && c->nonces.len == 0 && c->nonces_asked == 0)
		give_up_all(c, &a.reply);
	answer_release(&a);
	pump(c);
}

static void
ask_nonces(struct client *c, size_t wanted)
{
	const char *url = client_url(c, ENDPOINT_NEW_NONCE);

	/* another in the place of each that fails would never come to an end */
	if (c->nonces_fail && c->nonces_asked > 0)
		return;
	if (wanted > NONCES_AT_ONCE)
		wanted = NONCES_AT_ONCE;
	while (c->nonces_asked < wanted) {
		if (ask(c, "HEAD", url, on_nonce) < 0)
			return;
		c->nonces_asked++;
	}
}

/* ---- sending ------------------------------------------------------------- */

static void on_reply(void *arg, const struct network_reply *r);

/* Where it goes; a URL that the CA gave must be the CA's. */
static int
find_url(struct transfer *t, struct err *e)
{
	struct client *c = t->client;
	const char *url = t->r.url ? t->r.url : client_url(c, t->r.endpoint);

	if (!url) {
		err_set(e, KIND_DENIED, "the CA has no such thing");
		t->cause = CAUSE_OTHER;
		return -1;
	}
	if (!directory_owns(&c->directory, url)) {
		err_set(e, KIND_BUSY, "%s leads away from the CA", url);
		t->cause = CAUSE_CA_BROKEN;
		return -1;
	}
	if (!t->url)
		t->url = xstrdup(url);
	return 0;
}

static int
make_payload(struct transfer *t, struct buf *out, struct err *e)
{
	if (t->r.make_payload)
		return t->r.make_payload(t->r.make_arg, t->url, out, e);
	return buf_adds(out, t->r.payload ? t->r.payload : "") < 0
	    ? err_set(e, KIND_INPUT, "the request is too long")
	    : 0;
}

static int
send_signed(struct transfer *t, const char *nonce, struct err *e)
{
	struct client *c = t->client;
	const struct jws_make how = {
	    .url = t->url, .nonce = nonce, .kid = t->signer.url};
	struct network_request r = {
	    .method = "POST", .url = t->url, .trust = c->ca->trust};
	struct buf payload, body;
	int rc;

	buf_init(&payload, PAYLOAD_MAX);
	buf_init(&body, NETWORK_BODY_MAX);
	rc = make_payload(t, &payload, e);
	if (rc == 0)
		rc = jws_sign(t->signer.key, &how,
		    payload.len > 0 ? payload.data : NULL, &body, e);
	r.body = body.data;
	r.len = body.len;
	trace_request(&c->trace, &r, payload.data);
	if (rc == 0)
		rc = network_send(c->net, &r, on_reply, t, e);
	buf_release(&payload);
	buf_release(&body);
	return rc;
}

static int
send_plain(struct transfer *t, struct err *e)
{
	const struct network_request r = {
	    .method = "GET", .url = t->url, .trust = t->client->ca->trust};

	trace_request(&t->client->trace, &r, NULL);
	return network_send(t->client->net, &r, on_reply, t, e);
}

/* Sends one that waits; false when it has to wait for a nonce. */
static bool
send_one(struct transfer *t)
{
	struct client *c = t->client;
	bool needs_nonce = t->r.signer && c->nonces.len == 0;
	struct err e = {0};
	char *nonce;
	int rc;

	if (t->r.endpoint == ENDPOINT_DIRECTORY) {
		give_up(t, CAUSE_NONE, &e, 0); /* it is here */
		return true;
	}
	if (t->r.signer && is_enough(c))
		return true;
	/* before a nonce is asked for in vain, and again when there is one */
	if ((!t->is_checked || !needs_nonce) && !may_send(t))
		return true;
	t->is_checked = true;
	if (needs_nonce)
		return false;
	rc = find_url(t, &e);
	nonce = rc == 0 && t->r.signer ? take_nonce(c) : NULL;
	if (rc == 0) {
		t->tries++;
		rc = nonce ? send_signed(t, nonce, &e) : send_plain(t, &e);
		t->cause = cause_here(&e);
	}
	free(nonce);
	if (rc < 0) {
		give_up(t, t->cause, &e, 0);
		return true;
	}
	TAILQ_REMOVE(&c->waiting, t, entry);
	TAILQ_INSERT_TAIL(&c->sent, t, entry);
	c->asked += t->r.signer != NULL;
	return true;
}

/* Sends what can be sent, and asks for what it waits for. */
static void
pump(struct client *c)
{
	struct transfer *t, *next;
	size_t wanted = 0;

	if (TAILQ_EMPTY(&c->waiting))
		return;
	if (!c->directory.object) {
		ask_directory(c);
		return;
	}
	for (t = TAILQ_FIRST(&c->waiting); t; t = next) {
		next = TAILQ_NEXT(t, entry);
		if (!send_one(t))
			wanted++;
	}
	if (c->is_unattended && !c->is_well && wanted > ASKED_AT_ONCE)
		wanted = ASKED_AT_ONCE;
	ask_nonces(c, wanted);
}

static bool
is_bad_nonce(const struct answer *a)
{
	return str_same(a->error_type, "badNonce");
}

static void
on_reply(void *arg, const struct network_reply *r)
{
	struct transfer *t = arg;
	struct client *c = t->client;
	struct answer a;

	answer_read(&a, r, t->r.endpoint, &c->directory, clock_now());
	trace_reply(&c->trace, r);
	record(c, t->r.endpoint, t->r.signer, t->r.upstream_order_id, r, &a);
	TAILQ_REMOVE(&c->sent, t, entry);
	c->asked -= t->r.signer != NULL;
	keep_nonce(c, r->nonce);
	/* the error has brought a fresh one (RFC 8555 6.5), which is next */
	if (is_bad_nonce(&a) && t->tries < NONCE_TRIES) {
		TAILQ_INSERT_HEAD(&c->waiting, t, entry);
		answer_release(&a);
		pump(c);
		return;
	}
	keep_hold(c, t->r.endpoint, t->signer.upstream_account_id, &a);
	if (t->r.signer && !hold_is_away(&a))
		note_answered(c);
	if (a.reply.cause != CAUSE_NONE)
		name_error(c, t->r.endpoint, &a.err);
	call_back(t, &a.reply);
	answer_release(&a);
}

/* ---- the client ---------------------------------------------------------- */

static void
use_cached(struct client *c)
{
	const char *text = c->ca->directory;
	int64_t age = clock_now() - c->ca->fetched;
	struct err ignored = {0};

	if (!text || age < 0 || age > DIRECTORY_AGE)
		return;
	if (directory_read(&c->directory, c->ca->directory_url, text,
		strlen(text), &ignored) < 0)
		directory_release(&c->directory);
}

struct client *
client_new(struct store *st, struct network *net, const struct upstream_ca *ca,
    int trace)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->st = st;
	c->net = net;
	c->ca = ca;
	c->trace.fd = trace;
	TAILQ_INIT(&c->waiting);
	TAILQ_INIT(&c->sent);
	TAILQ_INIT(&c->ready);
	use_cached(c);
	return c;
}

static void
free_all(struct transfers *list)
{
	struct transfer *t;

	while ((t = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, t, entry);
		network_drop(t->client->net, t);
		transfer_free(t);
	}
}

void
client_set_unattended(struct client *c)
{
	c->is_unattended = true;
}

void
client_free(struct client *c)
{
	if (!c)
		return;
	free_all(&c->waiting);
	free_all(&c->sent);
	free_all(&c->ready);
	network_drop(c->net, c);
	directory_release(&c->directory);
	strv_release(&c->nonces);
	free(c);
}

void
client_send(
    struct client *c, const struct request *r, client_callback *fn, void *arg)
{
	struct transfer *t = transfer_new(c, r, fn, arg);

	TAILQ_INSERT_TAIL(&c->waiting, t, entry);
	pump(c);
}

int
client_wait(struct client *c, int64_t until, struct err *e)
{
	uint64_t before = c->called;

	call_ready(c);
	if (c->called != before)
		return 0;
	if (network_wait(c->net, until, e) < 0)
		return -1;
	pump(c);
	call_ready(c);
	return 0;
}

/* ---- one after the other ------------------------------------------------- */

struct call {
	int (*fn)(void *arg, const struct reply *reply, struct err *e);
	void *arg;
	struct err *e;
	int rc;
	bool done;
	enum cause cause;
};

static void
on_call(void *arg, const struct reply *reply)
{
	struct call *call = arg;

	call->done = true;
	call->cause = reply->cause;
	if (reply->cause != CAUSE_NONE) {
		*call->e = *reply->err;
		call->rc = -1;
	} else {
		call->rc = call->fn ? call->fn(call->arg, reply, call->e) : 0;
	}
}

/* Nobody is there any more to be called back. */
static void
forget(struct client *c, const struct call *call)
{
	struct transfers *const lists[] = {&c->waiting, &c->sent, &c->ready};
	struct transfer *t, *next;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		for (t = TAILQ_FIRST(lists[i]); t; t = next) {
			next = TAILQ_NEXT(t, entry);
			if (t->arg != call)
				continue;
			TAILQ_REMOVE(lists[i], t, entry);
			c->asked -= lists[i] == &c->sent && t->r.signer;
			network_drop(c->net, t);
			transfer_free(t);
		}
}

int
client_call(struct client *c, const struct request *r,
    int (*fn)(void *arg, const struct reply *reply, struct err *e), void *arg,
    struct err *e)
{
	struct call call = {.fn = fn, .arg = arg, .e = e};

	c->cause = CAUSE_NONE;
	client_send(c, r, on_call, &call);
	while (!call.done) {
		int rc = client_wait(c, FD_FOREVER, e);

		if (rc == 0 && !call.done && sig_term())
			rc = err_set(
			    e, KIND_BUSY, "stopped before the CA has answered");
		if (rc < 0) {
			forget(c, &call);
			return -1;
		}
	}
	c->cause = call.cause;
	return call.rc;
}

enum cause
client_cause(const struct client *c)
{
	return c->cause;
}

/* ---- the directory at hand ----------------------------------------------- */

int
client_directory(struct client *c, struct err *e)
{
	const struct request r = {
	    .endpoint = ENDPOINT_DIRECTORY, .url = c->ca->directory_url};

	return c->directory.object ? 0 : client_call(c, &r, NULL, NULL, e);
}

int
client_refresh(struct client *c, struct err *e)
{
	directory_release(&c->directory);
	c->accepts_any = true;
	return client_directory(c, e);
}

const char *
client_url(const struct client *c, enum endpoint endpoint)
{
	if (endpoint == ENDPOINT_DIRECTORY)
		return c->ca->directory_url;
	return endpoint_is_member(endpoint)
	    ? directory_url(&c->directory, endpoint_name(endpoint))
	    : NULL;
}

const char *
client_terms(const struct client *c)
{
	return js_get_text(directory_meta(&c->directory), "termsOfService");
}

bool
client_needs_binding(const struct client *c)
{
	return js_is_true(
	    js_get(directory_meta(&c->directory), "externalAccountRequired"));
}

bool
client_has_profile(const struct client *c, const char *profile)
{
	return js_get(js_get(directory_meta(&c->directory), "profiles"),
		   profile) != NULL;
}
