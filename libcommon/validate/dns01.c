#include "validate/dns01.h"

#include "acme/keyauth.h"
#include "validate/attempt.h"
#include "validate/resolve.h"
#include "wrap/digest.h"
#include "wrap/dns.h"

#define SHOWN_MAX 64

struct dns01 {
	struct attempt *attempt;
	char name[sizeof(KEYAUTH_RECORD_PREFIX) + IDENT_DNS_MAX];
	struct dns_query *query;
	struct resolve resolve; /* with dns01_require_address */
};

bool
dns01_has(const struct dns_record *records, size_t len, const char *digest)
{
	size_t want = strlen(digest);
	bool found = false;

	for (size_t i = 0; i < len; i++)
		if (records[i].len == want &&
		    digest_equal(records[i].data, digest, want))
			found = true;
	return found;
}

static void
fail(struct dns01 *d, const char *type, const char *text)
{
	struct err e = {0};

	err_acme(&e,
	    strcmp(type, "unauthorized") == 0 ? KIND_DENIED : KIND_INPUT, type,
	    "TXT record of %s: %s", d->name, text);
	attempt_fail(d->attempt, &e);
}

static void
on_resolved(void *arg)
{
	struct dns01 *d = arg;
	struct resolve *r = &d->resolve;

	struct err e;

	/* Nothing is connected to, so no address of the name may be outside. */
	if (r->found_len > 0 && r->denied == 0) {
		attempt_succeed(d->attempt);
		return;
	}
	e = r->denied > 0 ? r->denial : r->err;
	err_object(&e, "%s: dns01_require_address", r->name);
	attempt_fail(d->attempt, &e);
}

static void
on_txt(void *arg, const struct dns_answer *answer)
{
	struct dns01 *d = arg;
	struct attempt *a = d->attempt;
	char digest[KEYAUTH_DIGEST_SIZE], shown[SHOWN_MAX + 1], text[200];

	d->query = NULL;
	if (answer->status == DNS_NODATA) {
		fail(d, "unauthorized", answer->reason);
		return;
	}
	if (answer->status != DNS_FOUND) {
		fail(d, "dns", answer->reason);
		return;
	}
	keyauth_digest(digest, a->keyauth);
	if (dns01_has(answer->records, answer->len, digest)) {
		if (!a->tools->dns01_require_address) {
			attempt_succeed(a);
			return;
		}
		attempt_set_wake(a, ATTEMPT_RESOLVE_MS);
		resolve_start(&d->resolve, a->tools, a->task.identifier.value,
		    on_resolved, d);
		return;
	}
	str_escape(shown, sizeof(shown), answer->records[0].data,
	    answer->records[0].len);
	snprintf(text, sizeof(text),
	    "RFC 8555 8.4: none of %zu is the digest of the key authorization; "
	    "the first is \"%s\"",
	    answer->len, shown);
	fail(d, "incorrectResponse", text);
}

static void
start(struct attempt *a)
{
	struct dns01 *d = xcalloc(1, sizeof(*d));
	struct err e = {0};

	a->state = d;
	d->attempt = a;
	snprintf(d->name, sizeof(d->name), KEYAUTH_RECORD_PREFIX "%s",
	    a->task.identifier.value);
	attempt_set_wake(a, ATTEMPT_HOP_MS);
	d->query = dns_start(a->tools->dns, d->name, DNS_TXT, on_txt, d, &e);
	if (!d->query)
		fail(d, "dns", e.text);
}

static void
expired(struct attempt *a)
{
	struct dns01 *d = a->state;

	if (d->query)
		fail(d, "dns", "no answer in time");
	else if (resolve_expire(&d->resolve))
		attempt_set_wake(a, ATTEMPT_RESOLVE_MS);
}

static void
stop(struct attempt *a)
{
	struct dns01 *d = a->state;

	dns_cancel(a->tools->dns, d->query);
	resolve_cancel(&d->resolve);
	free(d);
}

const struct attempt_machine dns01_machine = {
    .start = start,
    .expired = expired,
    .stop = stop,
};
