#include "cli/requests.h"

#include "base/str.h"
#include "cli/out.h"
#include "store/upstream_ca.h"

/* Names of CAs by number: there are few. */
struct names {
	struct name {
		int64_t id;
		char *name;
	} * v;
	size_t len;
};

/* Requests that have all this in common. */
struct kind {
	int64_t ca, account;
	char *endpoint, *error_type;
	int status;
	int64_t count, duration_ms;
};

struct printing {
	struct names names;
	struct kind *kinds;
	size_t kinds_len;
	struct out out;
};

static int
add_name(void *arg, const struct upstream_ca *ca, struct err *e)
{
	struct names *n = arg;

	(void)e;
	n->v = xreallocarray(n->v, n->len + 1, sizeof(*n->v));
	n->v[n->len++] = (struct name){.id = ca->id, .name = xstrdup(ca->name)};
	return 0;
}

static const char *
name_of(const struct names *n, int64_t id)
{
	for (size_t i = 0; i < n->len; i++)
		if (n->v[i].id == id)
			return n->v[i].name;
	return NULL;
}

/* What a request and a kind both begin with. */
static void
put_kind(struct printing *p, int64_t ca, int64_t account, const char *endpoint,
    int status, const char *error_type)
{
	out_text(&p->out, name_of(&p->names, ca));
	out_id(&p->out, account);
	out_text(&p->out, endpoint);
	out_int(&p->out, status);
	out_text(&p->out, error_type);
}

/* ---- one after the other ------------------------------------------------- */

static int
print_one(void *arg, const struct upstream_request *r, struct err *e)
{
	struct printing *p = arg;

	out_time(&p->out, r->at);
	put_kind(p, r->upstream_ca_id, r->upstream_account_id, r->endpoint,
	    r->status, r->error_type);
	out_id(&p->out, r->upstream_order_id);
	out_count(&p->out, r->retry_after);
	out_int(&p->out, r->duration_ms / r->requests);
	out_text(&p->out, r->request_id[0] ? r->request_id : NULL);
	out_int(&p->out, r->requests);
	out_end(&p->out);
	return out_check(e);
}

/* ---- how many ------------------------------------------------------------ */

static struct kind *
kind_of(struct printing *p, const struct upstream_request *r)
{
	struct kind *k;

	for (size_t i = 0; i < p->kinds_len; i++) {
		k = &p->kinds[i];
		if (k->ca == r->upstream_ca_id &&
		    k->account == r->upstream_account_id &&
		    k->status == r->status &&
		    str_same(k->endpoint, r->endpoint) &&
		    str_same(k->error_type, r->error_type))
			return k;
	}
	p->kinds = xreallocarray(p->kinds, p->kinds_len + 1, sizeof(*p->kinds));
	k = &p->kinds[p->kinds_len++];
	*k = (struct kind){.ca = r->upstream_ca_id,
	    .account = r->upstream_account_id,
	    .status = r->status,
	    .endpoint = xstrdup(r->endpoint),
	    .error_type = str_dup(r->error_type)};
	return k;
}

static int
count_one(void *arg, const struct upstream_request *r, struct err *e)
{
	struct kind *k = kind_of(arg, r);

	(void)e;
	k->count += r->requests;
	k->duration_ms += r->duration_ms;
	return 0;
}

static void
print_kinds(struct printing *p)
{
	for (size_t i = 0; i < p->kinds_len; i++) {
		const struct kind *k = &p->kinds[i];

		put_kind(p, k->ca, k->account, k->endpoint, k->status,
		    k->error_type);
		out_int(&p->out, k->count);
		out_int(&p->out, k->duration_ms / k->count);
		out_end(&p->out);
	}
}

static void
release(struct printing *p)
{
	for (size_t i = 0; i < p->names.len; i++)
		free(p->names.v[i].name);
	free(p->names.v);
	for (size_t i = 0; i < p->kinds_len; i++) {
		free(p->kinds[i].endpoint);
		free(p->kinds[i].error_type);
	}
	free(p->kinds);
}

#define KIND_COLUMNS "ca", "account", "endpoint", "status", "error"

int
requests_print(struct store *st, const struct requests_how *how, struct err *e)
{
	static const char *const one[] = {"time", KIND_COLUMNS, "order",
	    "retry_after", "duration_ms", "request", "requests", NULL};
	static const char *const many[] = {
	    KIND_COLUMNS, "requests", "duration_ms", NULL};
	struct printing p = {0};
	int rc = upstream_ca_each(st, add_name, &p.names, e);

	out_init(&p.out, how->json, how->header, how->count ? many : one);
	if (rc == 0)
		rc = upstream_request_each(st, &how->filter,
		    how->count ? count_one : print_one, &p, e);
	if (rc == 0 && how->count)
		print_kinds(&p);
	if (rc == 0)
		out_finish(&p.out);
	release(&p);
	return rc;
}
