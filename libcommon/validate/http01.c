#include "validate/http01.h"

#include "conf/conf.h"
#include "sys/clock.h"
#include "validate/attempt.h"
#include "validate/resolve.h"
#include "wrap/digest.h"
#include "wrap/web.h"

#define REDIRECTS_MAX 10
#define HTTP_PORT 80
#define HTTPS_PORT 443

struct http01 {
	struct attempt *attempt;
	struct web_url url; /* of the hop in hand */
	char *seen[REDIRECTS_MAX + 1]; /* all hops so far */
	size_t hops; /* redirects followed */
	int64_t hop_deadline;
	struct resolve resolve;
	size_t tried; /* addresses of `resolve` */
	struct web_transfer *transfer;
};

static void connect_next(struct http01 *h);

/* ---- judgements ---------------------------------------------------------- */

bool
http01_body_is(const char *body, size_t len, const char *keyauth)
{
	size_t want = strlen(keyauth);

	while (len > 0 && strchr(" \t\r\n\v\f", body[len - 1]) &&
	    body[len - 1] != '\0')
		len--;
	return len == want && digest_equal(body, keyauth, len);
}

static bool
is_redirect(long status)
{
	return status == 301 || status == 302 || status == 307 || status == 308;
}

enum http01_verdict
http01_judge(const struct web_response *r, const char *keyauth, bool may_quote,
    struct err *e)
{
	char shown[HTTP01_SHOWN_MAX + 1] = "";

	if (is_redirect(r->status) && r->redirect)
		return HTTP01_REDIRECT;
	if (r->status != 200) {
		err_acme(e, KIND_DENIED, "unauthorized",
		    "status %ld; RFC 8555 8.3 wants 200", r->status);
		return HTTP01_BAD;
	}
	if (!r->is_cut && http01_body_is(r->body, r->body_len, keyauth))
		return HTTP01_GOOD;
	if (may_quote)
		str_escape(shown, sizeof(shown), r->body, r->body_len);
	err_acme(e, KIND_INPUT, "incorrectResponse",
	    "RFC 8555 8.3: the body is not the key authorization%s%s%s",
	    r->is_cut ? ", and too long" : "", shown[0] ? ": " : "", shown);
	return HTTP01_BAD;
}

/* Whether a redirect may name this host. */
static int
check_host(const char *host, const struct identifier *identifier,
    const struct attempt_tools *tools, struct err *e)
{
	struct identifier parsed = {0};
	struct err ignored = {0};
	int rc;

	if (strcasecmp(host, identifier->value) == 0)
		return 0;
	if (tools->conf->redirect_same_host)
		return err_set(e, KIND_INPUT,
		    "leads to another host; this server stays on %s",
		    identifier->value);
	rc = ident_parse("dns", host, &parsed, &ignored);
	identifier_release(&parsed);
	if (rc < 0 || ident_is_wildcard(host))
		return err_set(e, KIND_INPUT,
		    "leads to what is no host name: a redirect to an address "
		    "is not followed");
	return 0;
}

/* Standard ports stand for the configured ones, which differ in tests. */
static int
check_port(struct web_url *u, const struct conf_validate *conf, struct err *e)
{
	if (u->port == HTTP_PORT || u->port == conf->http_port)
		u->port = (uint16_t)conf->http_port;
	else if (u->port == HTTPS_PORT || u->port == conf->tls_port)
		u->port = (uint16_t)conf->tls_port;
	else
		return err_set(e, KIND_INPUT,
		    "leads to port %u; only %d and %d are followed", u->port,
		    HTTP_PORT, HTTPS_PORT);
	return 0;
}

int
http01_redirect(const char *location, const struct identifier *identifier,
    const struct attempt_tools *tools, struct web_url *next, struct err *e)
{
	char shown[120];

	if (web_url_parse(location, next, e) == 0 &&
	    check_port(next, tools->conf, e) == 0 &&
	    check_host(next->host, identifier, tools, e) == 0)
		return 0;
	str_escape(shown, sizeof(shown), location, strlen(location));
	err_object(e, "redirect to %s", shown);
	e->acme_type = "unauthorized";
	return -1;
}

/* ---- the machine --------------------------------------------------------- */

/* Ends the attempt: what was asked for, at which address, and what came. */
static void
fail(struct http01 *h, const struct err *why)
{
	struct attempt *a = h->attempt;
	struct err e = *why;
	char shown[140];
	char *url = web_url_format(&h->url);

	/* The path of the first hop is known; that of a redirect is not. */
	str_escape(shown, sizeof(shown), url, strlen(url));
	if (a->result.address[0])
		err_object(&e, "%s [%s]", shown, a->result.address);
	else
		err_object(&e, "%s", shown);
	free(url);
	attempt_fail(a, &e);
}

static void
on_resolved(void *arg)
{
	struct http01 *h = arg;

	h->attempt->wake = INT64_MAX;
	if (h->resolve.found_len > 0)
		connect_next(h);
	else
		fail(h, &h->resolve.err);
}

static void
begin_hop(struct http01 *h)
{
	struct attempt *a = h->attempt;

	h->tried = 0;
	a->result.address[0] = '\0';
	h->hop_deadline = clock_mono() + ATTEMPT_HOP_MS;
	attempt_set_wake(a, ATTEMPT_RESOLVE_MS);
	h->seen[h->hops] = web_url_format(&h->url);
	resolve_start(&h->resolve, a->tools, h->url.host, on_resolved, h);
}

/* Follows a redirect, or fails the hop that sent it. */
static void
follow(struct http01 *h, const char *location)
{
	struct attempt *a = h->attempt;
	const struct conf_validate *conf = a->tools->conf;
	struct web_url next;
	struct err e = {0};
	char *url = NULL;

	if ((int64_t)h->hops >= conf->redirects || h->hops >= REDIRECTS_MAX)
		err_acme(&e, KIND_INPUT, "unauthorized",
		    "more than %zu redirects", h->hops);
	else if (http01_redirect(
		     location, &a->task.identifier, a->tools, &next, &e) == 0) {
		url = web_url_format(&next);
		for (size_t i = 0; i <= h->hops; i++)
			if (strcmp(h->seen[i], url) == 0)
				err_acme(&e, KIND_INPUT, "unauthorized",
				    "the redirects go in a circle");
		free(url);
	}
	if (err_is_set(&e)) {
		fail(h, &e);
		return;
	}
	h->url = next;
	h->hops++;
	begin_hop(h);
}

/* Why there is no answer, as an error of the ACME kind. */
static void
explain(const struct web_response *r, struct err *e)
{
	static const struct {
		const char *type;
		const char *text;
	} rows[] = {
	    [WEB_NO_CONNECTION] = {"connection", "cannot connect"},
	    [WEB_TIMEOUT] = {"connection", "no whole answer in time"},
	    [WEB_TLS] = {"tls", "no TLS connection"},
	    [WEB_BROKEN] = {"connection", "the answer is broken"},
	};
	char reason[160];

	str_escape(reason, sizeof(reason), r->reason, strlen(r->reason));
	err_acme(e, KIND_INPUT, rows[r->outcome].type, "%s: %s",
	    rows[r->outcome].text, reason);
}

static void
on_response(void *arg, const struct web_response *r)
{
	struct http01 *h = arg;
	struct attempt *a = h->attempt;
	struct err e = {0};

	h->transfer = NULL;
	if (r->outcome == WEB_NO_CONNECTION &&
	    h->tried < h->resolve.found_len) {
		connect_next(h);
		return;
	}
	if (r->outcome != WEB_ANSWER) {
		explain(r, &e);
		fail(h, &e);
		return;
	}
	switch (http01_judge(r, a->keyauth, h->hops == 0, &e)) {
	case HTTP01_GOOD:
		attempt_succeed(a);
		break;
	case HTTP01_REDIRECT:
		follow(h, r->redirect);
		break;
	case HTTP01_BAD:
		fail(h, &e);
		break;
	}
}

/* Sends the request to the next address, which resolve has checked. */
static void
connect_next(struct http01 *h)
{
	struct attempt *a = h->attempt;
	const struct conf_validate *conf = a->tools->conf;
	const struct address *address = &h->resolve.found[h->tried++];
	struct sockaddr_storage where;
	char *url = web_url_format(&h->url);
	struct web_request request = {
	    .url = url,
	    .address = &where,
	    .user_agent = conf->user_agent ? conf->user_agent : "acmed",
	    .total_ms = attempt_left(a, h->hop_deadline - clock_mono()),
	    .connect_ms = conf->connect_timeout * 1000,
	};
	struct err e = {0};

	if (request.connect_ms > request.total_ms)
		request.connect_ms = request.total_ms;
	address_to_sockaddr(address, h->url.port, &where);
	attempt_note_address(a, address);
	h->transfer = web_start(a->tools->web, &request, on_response, h, &e);
	free(url);
	if (!h->transfer)
		fail(h, &e);
}

static void
start(struct attempt *a)
{
	struct http01 *h = xcalloc(1, sizeof(*h));

	a->state = h;
	h->attempt = a;
	h->url.port = (uint16_t)a->tools->conf->http_port;
	snprintf(
	    h->url.host, sizeof(h->url.host), "%s", a->task.identifier.value);
	snprintf(h->url.path, sizeof(h->url.path),
	    "/.well-known/acme-challenge/%s", a->task.token);
	begin_hop(h);
}

static void
expired(struct attempt *a)
{
	struct http01 *h = a->state;

	if (resolve_expire(&h->resolve))
		attempt_set_wake(a, ATTEMPT_RESOLVE_MS);
}

static void
stop(struct attempt *a)
{
	struct http01 *h = a->state;

	resolve_cancel(&h->resolve);
	web_cancel(a->tools->web, h->transfer);
	for (size_t i = 0; i < ARRAY_LEN(h->seen); i++)
		free(h->seen[i]);
	free(h);
}

const struct attempt_machine http01_machine = {
    .start = start,
    .expired = expired,
    .stop = stop,
};
