#include "client/ari.h"

#include "acme/certid.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "store/certificate.h"
#include "store/renewal_info.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "wrap/cert.h"
#include "wrap/digest.h"
#include "wrap/js.h"

#define WINDOW_MAX ((int64_t)366 * 86400)
#define NEXT_LEAST 60
#define NEXT_MOST 86400
#define NEXT_USUAL 21600
#define NEXT_AFTER_FAILURE 3600
#define ID_MAX 256
#define EXPLANATION_MAX 1000

/* ---- what it says -------------------------------------------------------- */

static int
read_moment(
    const struct js *window, const char *member, int64_t *t, struct err *e)
{
	const char *text = js_get_text(window, member);

	return text && rfc3339_parse(text, t) == 0
	    ? 0
	    : err_set(e, KIND_INPUT,
		  "suggestedWindow: \"%s\" is no date (RFC 9773 4.2)", member);
}

/* What a person may be shown. */
static const char *
read_explanation(const struct js *object)
{
	const char *url = js_get_text(object, "explanationURL");

	return url && strlen(url) <= EXPLANATION_MAX &&
		str_is_printable(url, strlen(url)) &&
		(str_starts(url, "https://") || str_starts(url, "http://"))
	    ? url
	    : NULL;
}

int
ari_read(const struct js *object, struct ari *out, struct err *e)
{
	const struct js *window = js_get(object, "suggestedWindow");

	*out = (struct ari){.explanation_url = read_explanation(object)};
	if (read_moment(window, "start", &out->start, e) < 0 ||
	    read_moment(window, "end", &out->end, e) < 0)
		return -1;
	if (out->end <= out->start || out->end - out->start > WINDOW_MAX)
		return err_set(e, KIND_INPUT,
		    "suggestedWindow ends before it begins, or is too long");
	return 0;
}

int64_t
ari_choose(const struct ari *a, uint64_t number)
{
	return a->start + (int64_t)(number % (uint64_t)(a->end - a->start));
}

int64_t
ari_next(int64_t retry_at, int64_t now)
{
	if (retry_at == 0)
		return now + NEXT_USUAL;
	if (retry_at < now + NEXT_LEAST)
		return now + NEXT_LEAST;
	return retry_at > now + NEXT_MOST ? now + NEXT_MOST : retry_at;
}

/* ---- asking -------------------------------------------------------------- */

struct asking {
	struct store *st;
	int64_t upstream_ca_id, certificate_id;
	ari_callback *fn;
	void *arg;
};

static int
keep(const struct asking *a, const struct reply *reply, struct err *e)
{
	struct ari ari;
	uint64_t number;

	if (ari_read(reply->json, &ari, e) < 0)
		return -1;
	digest_random(&number, sizeof(number));
	const struct renewal_info r = {.certificate_id = a->certificate_id,
	    .upstream_ca_id = a->upstream_ca_id,
	    .window_start = ari.start,
	    .window_end = ari.end,
	    .chosen = ari_choose(&ari, number),
	    .explanation_url = (char *)(uintptr_t)ari.explanation_url,
	    .retry_at = ari_next(reply->retry_at, clock_now())};

	return renewal_info_keep(a->st, &r, e);
}

static void
put_off(struct store *st, int64_t upstream_ca_id, int64_t certificate_id,
    int64_t retry_at)
{
	struct err e = {0};

	if (renewal_info_postpone(st, certificate_id, upstream_ca_id,
		ari_next(retry_at, clock_now()), &e) < 0)
		log_err("client.ari", &e);
}

static void
put_off_by_reply(const struct asking *a, const struct reply *reply)
{
	int64_t at = reply->retry_at;

	/* of what it does not know it will hardly hear tomorrow */
	if (at == 0)
		at = clock_now() +
		    (reply->cause == CAUSE_GONE ? NEXT_MOST
						: NEXT_AFTER_FAILURE);
	put_off(a->st, a->upstream_ca_id, a->certificate_id, at);
}

static void
on_reply(void *arg, const struct reply *reply)
{
	struct asking *a = arg;
	struct err e = {0}, why = {0};

	if (reply->cause != CAUSE_NONE)
		e = *reply->err;
	else if (keep(a, reply, &why) < 0 && why.kind == KIND_INPUT)
		err_set(&e, cause_kind(CAUSE_CA_BROKEN),
		    "the CA's answer is of no use: %s", why.text);
	else
		e = why;
	if (err_is_set(&e))
		put_off_by_reply(a, reply);
	a->fn(a->arg, a->certificate_id, err_is_set(&e) ? &e : NULL);
	free(a);
}

/* Appends the identifier of the certificate. */
static int
add_id(struct store *st, int64_t certificate_id, struct buf *out, struct err *e)
{
	struct certificate stored;
	struct cert *leaf;
	int rc = -1;

	if (certificate_by_id(st, certificate_id, &stored, e) < 0)
		return -1;
	leaf = cert_from_der(stored.leaf.der, stored.leaf.len, e);
	if (leaf)
		rc = certid_write(leaf, out, e);
	cert_free(leaf);
	certificate_release(&stored);
	return rc;
}

int
ari_ask(struct client *c, struct store *st, int64_t upstream_ca_id,
    int64_t certificate_id, ari_callback *fn, void *arg, struct err *e)
{
	struct request r = {.endpoint = ENDPOINT_RENEWAL_INFO};
	struct asking *a;
	const char *base;
	struct buf url;
	int rc = client_directory(c, e);

	if (rc < 0)
		return -1;
	base = client_url(c, ENDPOINT_RENEWAL_INFO);
	if (!base)
		return err_set(
		    e, KIND_DENIED, "the CA has no renewal information");
	buf_init(&url, strlen(base) + 1 + ID_MAX);
	buf_addf(&url, "%s%s", base, str_ends(base, "/") ? "" : "/");
	rc = add_id(st, certificate_id, &url, e);
	if (rc == 0) {
		a = xmalloc(sizeof(*a));
		*a = (struct asking){.st = st,
		    .upstream_ca_id = upstream_ca_id,
		    .certificate_id = certificate_id,
		    .fn = fn,
		    .arg = arg};
		r.url = url.data;
		client_send(c, &r, on_reply, a);
	}
	buf_release(&url);
	return rc;
}

/* ---- very many ----------------------------------------------------------- */

struct flight {
	const struct ari_run *how;
	size_t n; /* under way */
	int failures; /* of the CA, in a row */
};

static void
tell(struct flight *f, int64_t certificate_id, const struct err *why)
{
	f->failures = why && why->kind == KIND_BUSY ? f->failures + 1 : 0;
	f->how->tell(f->how->arg, certificate_id, why);
}

static void
on_landing(void *arg, int64_t certificate_id, const struct err *why)
{
	struct flight *f = arg;

	f->n--;
	tell(f, certificate_id, why);
}

/* One that cannot be asked for, having no name, will hardly be tomorrow. */
static void
take_off(struct flight *f, int64_t certificate_id)
{
	const struct ari_run *r = f->how;
	struct err why = {0}, e = {0};

	if (ari_ask(r->client, r->st, r->upstream_ca_id, certificate_id,
		on_landing, f, &why) == 0) {
		f->n++;
		return;
	}
	put_off(
	    r->st, r->upstream_ca_id, certificate_id, clock_now() + NEXT_MOST);
	if (why.kind == KIND_INPUT)
		err_set(&e, KIND_DENIED, "%s", why.text);
	tell(f, certificate_id, err_is_set(&e) ? &e : &why);
}

static bool
goes_on(const struct flight *f)
{
	return f->failures < ARI_FAILURES_MAX && !f->how->is_stopped();
}

int
ari_run(const struct ari_run *r, const int64_t *certificate_ids, size_t len,
    struct err *e)
{
	struct flight f = {.how = r};
	size_t at = 0;

	if (client_directory(r->client, e) < 0)
		return -1;
	if (!client_url(r->client, ENDPOINT_RENEWAL_INFO))
		return err_set(
		    e, KIND_DENIED, "the CA has no renewal information");
	for (;;) {
		while (at < len && f.n < r->in_flight && goes_on(&f))
			take_off(&f, certificate_ids[at++]);
		if (f.n == 0)
			break;
		if (client_wait(r->client, FD_FOREVER, e) < 0)
			return -1;
	}
	return at == len
	    ? 0
	    : err_set(e, KIND_BUSY, "%zu certificates are left for a later run",
		  len - at);
}
