#include "client/hold.h"

#include "base/log.h"
#include "store/upstream_ca.h"
#include "sys/clock.h"
#include "wrap/js.h"

#define HOLD_DEFAULT 60 /* seconds, when a 429 does not say, */
#define HOLD_NAMES 3600 /* and when it is about names */

static enum upstream_hold
kind_of(enum endpoint endpoint)
{
	if (endpoint == ENDPOINT_NEW_ACCOUNT)
		return UPSTREAM_HOLD_REGISTER;
	return endpoint == ENDPOINT_NEW_ORDER ? UPSTREAM_HOLD_ORDER
					      : UPSTREAM_HOLD_ALL;
}

/*
 * A limit on the names of an order holds that order, which its sender knows,
 * and not the account.  Only the words tell: "too many certificates (50)
 * already issued for", "too many failed authorizations (5) for", "Your account
 * is temporarily prevented from requesting certificates for" (Boulder).
 */
static bool
is_about_names(const struct answer *a, enum endpoint endpoint)
{
	const char *detail = js_get_text(a->json, "detail");

	return endpoint == ENDPOINT_NEW_ORDER && detail &&
	    (strstr(detail, "certificates") ||
		strstr(detail, "authorizations"));
}

static void
keep_asked(const struct hold_of *h, struct answer *a)
{
	enum upstream_hold hold = kind_of(h->endpoint);
	bool about_names = is_about_names(a, h->endpoint);
	struct err e = {0};

	if (a->reply.cause == CAUSE_RATE_LIMITED && a->reply.retry_at == 0)
		a->reply.retry_at =
		    clock_now() + (about_names ? HOLD_NAMES : HOLD_DEFAULT);
	if (a->reply.retry_at == 0)
		return;
	if (a->reply.status == 503)
		hold = UPSTREAM_HOLD_ALL;
	else if (a->reply.cause != CAUSE_RATE_LIMITED || about_names)
		return;
	if (upstream_ca_hold(h->st, h->ca->id, h->upstream_account_id, hold,
		a->reply.retry_at, &e) < 0)
		log_err("client.hold", &e);
}

bool
hold_is_away(const struct answer *a)
{
	int status = a->reply.status;

	return (status == 0 && a->reply.cause == CAUSE_CA_UNREACHABLE) ||
	    (status >= 502 && status <= 504) ||
	    (status >= 500 && !a->error_type);
}

/* Without renewal information all else can be done. */
static void
keep_away(const struct hold_of *h, const struct answer *a)
{
	bool is_all = h->endpoint == ENDPOINT_DIRECTORY ||
	    h->endpoint == ENDPOINT_NEW_NONCE ||
	    (a->reply.status == 503 && a->reply.retry_at != 0);
	struct err e = {0};

	if (h->endpoint != ENDPOINT_RENEWAL_INFO && hold_is_away(a) &&
	    upstream_ca_failed(h->st, h->ca->id, is_all, a->text, &e) < 0)
		log_err("client.hold", &e);
}

void
hold_keep(const struct hold_of *h, struct answer *a)
{
	keep_asked(h, a);
	keep_away(h, a);
}

bool
hold_allows(const struct hold_of *h, bool anyway, enum cause *cause,
    int64_t *until, struct err *why)
{
	int64_t now = clock_now();
	struct upstream_held held;

	*until = 0;
	*cause = CAUSE_CA_UNREACHABLE; /* the store may be read next time */
	if (upstream_ca_held_until(h->st, h->ca->id, h->upstream_account_id,
		kind_of(h->endpoint), &held, why) < 0)
		return false;
	*until = held.until;
	if (*until <= now || (held.is_away && anyway))
		return true;
	if (held.is_away)
		err_set(why, KIND_BUSY,
		    "not sent: the CA does not answer, and is left alone for "
		    "%lld more seconds, or until acme-account ca refresh %s: "
		    "%s",
		    (long long)(*until - now), h->ca->name, held.why);
	else
		err_set(why, KIND_BUSY,
		    "not sent: the CA has asked to be left alone for %lld more "
		    "seconds",
		    (long long)(*until - now));
	*cause = held.is_away ? CAUSE_CA_UNREACHABLE : CAUSE_RATE_LIMITED;
	why->retry_after =
	    *until - now > INT_MAX ? INT_MAX : (int)(*until - now);
	return false;
}
