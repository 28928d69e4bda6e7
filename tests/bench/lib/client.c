#include "client.h"

#include <err.h>
#include <jansson.h>
#include <time.h>

#include "base/b64.h"
#include "jws.h"
#include "usage.h"

#define SECOND ((int64_t)1000000)
#define REQUEST_TIME (30 * SECOND)
#define PAUSE (SECOND / 100) /* after a failure */
#define TRIES 5
#define SHOWN 10 /* reasons of failures */

int64_t
bench_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

/* ---- JSON ------------------------------------------------------------------
 */

static json_t *
answer(struct client *c)
{
	struct response *r = &c->wire.response;

	return json_loadb(r->body, r->body_len, 0, NULL);
}

/* Puts a string member into an array of `size`; false without one. */
static bool
take(const json_t *j, const char *name, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(j, name));

	if (!s || strlen(s) >= size)
		return false;
	memcpy(out, s, strlen(s) + 1);
	return true;
}
#define TAKE(j, name, array) take(j, name, array, sizeof(array))

/* ---- steps -----------------------------------------------------------------
 */

/* Each gives the URL of its request, and the payload as base64url. */
struct stage {
	const char *name;
	const char *(*url)(struct client *c);
	const char *payload; /* as text; NULL: POST-as-GET or special */
	int status; /* what a good answer has */
	/* Reads the answer: the next step, or -1 with *why set. */
	int (*take)(struct client *c, const char **why);
};

static const struct stage stages[STEP__MAX];

static void
go(struct client *c, enum step step, int64_t delay)
{
	c->step = step;
	c->tries = 0;
	c->wake = bench_clock() + delay;
}

static void
failed(struct client *c, const char *why)
{
	struct bench *b = c->bench;
	const struct response *r = &c->wire.response;

	if (c->step < STEP_READY)
		errx(111, "no account: %s: %s: %.300s", stages[c->step].name,
		    why, r->body_len ? r->body : "");
	if (b->failed++ < SHOWN)
		warnx("%s: %s: %s: %d %.300s", c->want->name,
		    stages[c->step].name, why, r->status,
		    r->body_len ? r->body : "");
	c->nonce[0] = '\0';
	client_order(c);
	if (c->wake)
		c->wake += PAUSE;
}

static void
count_kind(struct bench *b, enum step step)
{
	int64_t cpu = usage_cpu(b->server);

	b->kinds[b->last].requests++;
	b->kinds[b->last].cpu += cpu - b->cpu;
	b->cpu = cpu;
	b->last = step;
}

static void
send_now(struct client *c)
{
	const struct stage *s = &stages[c->step];
	struct buf jws, text;
	const char *payload = "";

	c->wake = 0;
	c->deadline = bench_clock() + REQUEST_TIME;
	c->wire.response.status = 0;
	c->wire.response.body_len = 0;
	c->bench->requests++;
	if (c->bench->server)
		count_kind(c->bench, c->step);
	if (c->step == STEP_DIRECTORY || c->step == STEP_NONCE) {
		wire_request(&c->wire, s->url(c), c->step == STEP_NONCE, NULL);
		return;
	}
	buf_init(&jws, 65536);
	buf_init(&text, 4096);
	if (c->step == STEP_ORDER) {
		struct buf json;

		buf_init(&json, 4096);
		buf_addf(&json,
		    "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]}",
		    c->want->name);
		b64url_encode(&text, json.data, json.len);
		buf_release(&json);
		payload = text.data;
	} else if (c->step == STEP_FINALIZE) {
		payload = c->want->finalize;
	} else if (s->payload) {
		b64url_encode(&text, s->payload, strlen(s->payload));
		payload = text.data;
	}
	jws_sign(c->jws, c->nonce, s->url(c), payload, &jws);
	c->nonce[0] = '\0';
	wire_request(&c->wire, s->url(c), false, &jws);
	buf_release(&jws);
	buf_release(&text);
}

static const char *
url_directory(struct client *c)
{
	return c->bench->directory;
}

static int
take_directory(struct client *c, const char **why)
{
	struct bench *b = c->bench;
	json_t *j = answer(c);
	bool ok = TAKE(j, "newNonce", b->new_nonce) &&
	    TAKE(j, "newAccount", b->new_account) &&
	    TAKE(j, "newOrder", b->new_order);

	json_decref(j);
	*why = "not a directory";
	return ok ? STEP_ACCOUNT : -1;
}

static const char *
url_nonce(struct client *c)
{
	return c->bench->new_nonce;
}

static int
take_nonce(struct client *c, const char **why)
{
	*why = "no nonce";
	return c->nonce[0] ? (int)c->after : -1;
}

static const char *
url_account(struct client *c)
{
	return c->bench->new_account;
}

static int
take_account(struct client *c, const char **why)
{
	(void)why;
	jws_set_kid(c->jws, c->wire.response.location);
	return STEP_READY;
}

static const char *
url_new_order(struct client *c)
{
	return c->bench->new_order;
}

static int
take_new_order(struct client *c, const char **why)
{
	json_t *j = answer(c);
	const char *first = json_string_value(
	    json_array_get(json_object_get(j, "authorizations"), 0));
	bool ok = first && TAKE(j, "finalize", c->finalize);

	snprintf(c->order, sizeof(c->order), "%s", c->wire.response.location);
	snprintf(c->authorization, sizeof(c->authorization), "%s",
	    first ? first : "");
	json_decref(j);
	*why = "no order";
	return ok ? STEP_AUTHORIZATION : -1;
}

static const char *
url_authorization(struct client *c)
{
	return c->authorization;
}

static int
take_authorization(struct client *c, const char **why)
{
	json_t *j = answer(c), *item;
	bool ok = false;
	size_t i;

	json_array_foreach(json_object_get(j, "challenges"), i, item)
	{
		char type[32] = "";

		TAKE(item, "type", type);
		if (!strcmp(type, "http-01"))
			ok = TAKE(item, "url", c->challenge) &&
			    TAKE(item, "token", c->token);
	}
	json_decref(j);
	*why = "no http-01";
	return ok ? STEP_CHALLENGE : -1;
}

static const char *
url_challenge(struct client *c)
{
	return c->challenge;
}

static int
take_challenge(struct client *c, const char **why)
{
	(void)c;
	(void)why;
	return STEP_VALIDATED;
}

/* The status of what was asked for: next when valid, else again. */
static int
take_status(struct client *c, const char **why, int next, bool finalized)
{
	char status[32] = "";
	json_t *j = answer(c);
	bool going_on;

	TAKE(j, "status", status);
	if (finalized)
		TAKE(j, "certificate", c->certificate);
	json_decref(j);
	going_on = !strcmp(status, "pending") ||
	    !strcmp(status, "processing") ||
	    (finalized && !strcmp(status, "ready"));
	*why = "invalid";
	return !strcmp(status, "valid") ? next : going_on ? (int)c->step : -1;
}

static int
take_validated(struct client *c, const char **why)
{
	return take_status(c, why, STEP_FINALIZE, false);
}

static const char *
url_finalize(struct client *c)
{
	return c->finalize;
}

/* The order is read again even if it is valid now, as most clients do. */
static int
take_finalize(struct client *c, const char **why)
{
	c->certificate[0] = '\0';
	return take_status(c, why, STEP_ISSUED, true) < 0 ? -1 : STEP_ISSUED;
}

static const char *
url_order(struct client *c)
{
	return c->order;
}

static int
take_issued(struct client *c, const char **why)
{
	return take_status(c, why, STEP_CERTIFICATE, true);
}

static const char *
url_certificate(struct client *c)
{
	return c->certificate;
}

static int
take_certificate(struct client *c, const char **why)
{
	struct bench *b = c->bench;

	*why = prover_check(b->prover, c->want, c->wire.response.body);
	if (*why)
		return -1;
	b->latency[b->done++] = bench_clock() - c->begun;
	return STEP_FINISHED;
}

static const struct stage stages[STEP__MAX] = {
    [STEP_DIRECTORY] = {"directory", url_directory, NULL, 200, take_directory},
    [STEP_NONCE] = {"newNonce", url_nonce, NULL, 200, take_nonce},
    [STEP_ACCOUNT] = {"newAccount", url_account,
	"{\"termsOfServiceAgreed\":true}", 201, take_account},
    [STEP_ORDER] = {"newOrder", url_new_order, NULL, 201, take_new_order},
    [STEP_AUTHORIZATION] = {"authorization", url_authorization, NULL, 200,
	take_authorization},
    [STEP_CHALLENGE] = {"challenge", url_challenge, "{}", 200, take_challenge},
    [STEP_VALIDATED] = {"authorization-poll", url_authorization, NULL, 200,
	take_validated},
    [STEP_FINALIZE] = {"finalize", url_finalize, NULL, 200, take_finalize},
    [STEP_ISSUED] = {"order", url_order, NULL, 200, take_issued},
    [STEP_CERTIFICATE] = {"certificate", url_certificate, NULL, 200,
	take_certificate},
};

const char *
step_name(enum step step)
{
	return stages[step].name;
}

/* ---- the client ------------------------------------------------------------
 */

static bool
is_bad_nonce(const struct response *r)
{
	return r->status == 400 && strstr(r->body, ":badNonce");
}

/*
 * What is not done yet, or cannot be, is looked at in a while, and again in
 * twice that.
 */
static int64_t
delay(struct client *c, int next)
{
	bool again = next == (int)c->step;
	bool early = again || next == STEP_VALIDATED ||
	    (next == STEP_ISSUED && !c->certificate[0]);

	c->bench->polls += again;
	c->pause = again ? c->pause * 2 : c->bench->poll;
	return early ? c->pause : 0;
}

static void
on_answer(void *arg, const char *error)
{
	struct client *c = arg;
	const struct stage *s = &stages[c->step];
	const struct response *r = &c->wire.response;
	const char *why = error;
	int next = -1;

	if (!error)
		c->bench->answered = bench_clock();
	if (!error && r->nonce[0])
		memcpy(c->nonce, r->nonce, sizeof(c->nonce));
	if (!error && is_bad_nonce(r) && c->tries++ < TRIES) {
		c->bench->bad_nonces++;
		c->wake = bench_clock();
		return;
	}
	if (!error && r->status != s->status)
		why = "refused";
	else if (!error)
		next = s->take(c, &why);
	if (next < 0)
		failed(c, why);
	else if (next == STEP_FINISHED)
		client_order(c);
	else
		go(c, (enum step)next, delay(c, next));
}

void
client_init(struct client *c, struct bench *b)
{
	memset(c, 0, sizeof(*c));
	c->bench = b;
	c->jws = jws_new();
	wire_init(&c->wire, &b->site, on_answer, c);
}

void
client_release(struct client *c)
{
	wire_release(&c->wire);
	jws_free(c->jws);
}

void
client_start(struct client *c)
{
	go(c, STEP_DIRECTORY, 0);
}

void
client_order(struct client *c)
{
	struct bench *b = c->bench;

	c->token[0] = '\0';
	if (b->next == b->want_count) {
		c->step = STEP_FINISHED;
		c->wake = 0;
		return;
	}
	c->want = &b->wants[b->next++];
	c->begun = bench_clock();
	go(c, STEP_ORDER, 0);
}

int64_t
client_tick(struct client *c, int64_t now)
{
	if (c->wire.wanting) {
		if (now >= c->deadline)
			wire_abort(&c->wire, "no answer in time");
	} else if (c->step == STEP_READY || c->step == STEP_FINISHED) {
		return 0;
	} else if (now >= c->wake) {
		bool signs = c->step != STEP_DIRECTORY && c->step != STEP_NONCE;

		if (signs && !c->nonce[0]) {
			c->after = c->step;
			c->step = STEP_NONCE;
		}
		send_now(c);
	}
	return c->wire.wanting ? c->deadline : c->wake;
}

const char *
client_thumbprint(const struct client *c, const char *token)
{
	return !strcmp(c->token, token) ? jws_thumbprint(c->jws) : NULL;
}
