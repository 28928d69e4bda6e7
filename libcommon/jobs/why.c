#include "jobs/why_part.h"

#include "store/fqdn_set.h"
#include "store/renewal_configuration.h"
#include "wrap/name.h"

static const char *const words[] = {
    [WHY_SERVED] = "served",
    [WHY_PASSED_OVER] = "passed over",
    [WHY_NEXT] = "served next",
    [WHY_EXPIRES] = "expires",
    [WHY_RENEWAL] = "renewal",
};
_Static_assert(ARRAY_LEN(words) == WHY__MAX, "one per line");

const char *
why_word(enum why_what what)
{
	return words[what];
}

/* ---- who has the name ---------------------------------------------------- */

static int
add_candidate(void *arg, const struct certificate_item *c, struct err *e)
{
	struct why *w = arg;
	struct strv names = {0};
	struct why_candidate *to;

	if (fqdn_set_names(w->st, c->fqdn_set_id, &names, e) < 0)
		return -1;
	w->v = xreallocarray(w->v, w->len + 1, sizeof(*w->v));
	to = &w->v[w->len++];
	to->item = *c;
	to->item.issuer = NULL;
	to->has_name = strv_has(&names, w->name);
	to->names = names.len;
	strv_release(&names);
	return 0;
}

static const struct why_candidate *
candidate(const struct why *w, int64_t id)
{
	for (size_t i = 0; i < w->len; i++)
		if (w->v[i].item.id == id)
			return &w->v[i];
	return NULL;
}

/* ---- the rules, in the order of certificate_serving ---------------------- */

static bool
is_valid_at(const struct why_candidate *c, int64_t t)
{
	return c->item.not_before <= t && c->item.not_after >= t;
}

/* By what `better` comes before `c`, said of `c`. */
static const char *
what_is_worse(const struct why_candidate *c, const struct why_candidate *better,
    int64_t t)
{
	if (is_valid_at(better, t) != is_valid_at(c, t))
		return c->item.not_after < t ? "it has expired"
					     : "it is not valid yet";
	if (better->item.has_key != c->item.has_key)
		return "its private key is not in the store";
	if (better->has_name != c->has_name)
		return "only a wildcard of it covers the name";
	if (better->item.not_after != c->item.not_after)
		return "it ends earlier";
	if (better->names != c->names)
		return "it has fewer names";
	return "it was stored earlier";
}

/* The same said of the better one. */
static const char *
what_is_better(const struct why_candidate *better,
    const struct why_candidate *c, int64_t t)
{
	if (is_valid_at(better, t) != is_valid_at(c, t))
		return "it alone is valid";
	if (better->item.has_key != c->item.has_key)
		return "its private key is in the store";
	if (better->has_name != c->has_name)
		return "it has the name itself, not only a wildcard";
	if (better->item.not_after != c->item.not_after)
		return "it ends last";
	if (better->names != c->names)
		return "it has the most names";
	return "it was stored last";
}

static const char *
why_passed_over(const struct why_candidate *c,
    const struct why_candidate *served, int64_t t)
{
	if (c->item.status == CERTIFICATE_REVOKED)
		return "it is revoked";
	if (!c->item.active)
		return "it is deactivated";
	return what_is_worse(c, served, t);
}

static bool
can_serve(const struct why_candidate *c)
{
	return c->item.active && c->item.status == CERTIFICATE_VALID;
}

static const struct why_candidate *
serving_at(const struct why *w, int64_t t, bool *failed, struct err *e)
{
	struct certificate c;
	int64_t id;

	if (certificate_serving(w->st, w->name, t, &c, e) < 0) {
		*failed = err_forgive(e, KIND_NOTFOUND) < 0;
		return NULL;
	}
	*failed = false;
	id = c.id;
	certificate_release(&c);
	return candidate(w, id);
}

/* The one that would be served at `t` if `c` were not there. */
static const struct why_candidate *
runner_up(const struct why *w, const struct why_candidate *c, int64_t t)
{
	const struct why_candidate *best = NULL;

	for (size_t i = 0; i < w->len; i++) {
		const struct why_candidate *x = &w->v[i];

		if (x == c || !can_serve(x))
			continue;
		if (!best || is_valid_at(x, t) > is_valid_at(best, t) ||
		    (is_valid_at(x, t) == is_valid_at(best, t) &&
			x->item.has_key > best->item.has_key))
			best = x;
	}
	return best;
}

/* ---- telling ------------------------------------------------------------- */

int
why_tell(const struct why *w, enum why_what what, int64_t at,
    const struct why_candidate *c, const char *rule, struct err *e)
{
	const struct why_line line = {.at = at,
	    .what = what,
	    .name = w->name,
	    .certificate_id = c->item.id,
	    .rule = rule};

	return w->fn(w->arg, &line, e);
}

static int
tell_served(const struct why *w, enum why_what what, int64_t at,
    const struct why_candidate *c, struct err *e)
{
	const struct why_candidate *other = runner_up(w, c, at);
	const char *rule =
	    other ? what_is_better(c, other, at) : "no other active one has it";
	char text[200];

	snprintf(text, sizeof(text), "%s%s%s", rule,
	    is_valid_at(c, at)		 ? ""
		: c->item.not_after < at ? "; but it has expired"
					 : "; but it is not valid yet",
	    c->item.has_key ? "" : "; its private key is not in the store");
	return why_tell(w, what, at, c, text, e);
}

/* What a backup keeps ready is not active for that: 1, and what to say, 0, -1.
 */
static int
is_spare(const struct why *w, const struct why_candidate *c, char *text,
    size_t size, struct err *e)
{
	struct renewal_configuration r;
	bool it_is;

	if (c->item.active || c->item.status == CERTIFICATE_REVOKED)
		return 0;
	if (renewal_configuration_by_certificate(w->st, c->item.id, &r, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	it_is = r.backup_of_id != 0 && r.certificate_id == c->item.id;
	snprintf(text, size,
	    "renewal_configuration/%lld, a backup, keeps it ready: cert-manage "
	    "failover",
	    (long long)r.id);
	renewal_configuration_release(&r);
	return it_is;
}

static int
tell_passed_over(
    const struct why *w, const struct why_candidate *served, struct err *e)
{
	for (size_t i = 0; i < w->len; i++) {
		const struct why_candidate *c = &w->v[i];
		char text[120];
		int rc =
		    c == served ? 0 : is_spare(w, c, text, sizeof(text), e);

		if (rc < 0)
			return -1;
		if (c != served &&
		    why_tell(w, WHY_PASSED_OVER, w->now, c,
			rc > 0
			    ? text
			    : why_passed_over(c, served ? served : c, w->now),
			e) < 0)
			return -1;
	}
	return 0;
}

/* 99991231235959Z: no end is known (RFC 5280 4.1.2.5). */
#define END_OF_TIME 253402300799

/* The first moment after `t` at which one begins or has ended; 0: none. */
static int64_t
next_moment(const struct why *w, int64_t t)
{
	int64_t next = 0;

	for (size_t i = 0; i < w->len; i++) {
		const int64_t moments[] = {
		    w->v[i].item.not_before, w->v[i].item.not_after + 1};

		for (size_t k = 0; can_serve(&w->v[i]) && k < 2; k++)
			if (moments[k] > t && moments[k] <= END_OF_TIME &&
			    (next == 0 || moments[k] < next))
				next = moments[k];
	}
	return next;
}

static int
tell_next(
    const struct why *w, const struct why_candidate *served, struct err *e)
{
	int64_t t = w->now;
	bool failed = false;

	for (int n = 0; n < WHY_CHANGES_MAX && (t = next_moment(w, t)) != 0;) {
		const struct why_candidate *then = serving_at(w, t, &failed, e);

		if (!then)
			return failed ? -1 : 0;
		if (then == served) {
			if (served->item.not_after + 1 != t)
				continue;
			n++;
			if (why_tell(w, WHY_EXPIRES, t, served,
				"nothing that is valid has the name then: it "
				"is served on",
				e) < 0)
				return -1;
			continue;
		}
		n++;
		if (tell_served(w, WHY_NEXT, t, then, e) < 0)
			return -1;
		served = then;
	}
	return 0;
}

/* The one that was got last. */
static const struct why_candidate *
newest(const struct why *w)
{
	const struct why_candidate *best = &w->v[0];

	for (size_t i = 1; i < w->len; i++)
		if (w->v[i].item.id > best->item.id)
			best = &w->v[i];
	return best;
}

static int
explain(const struct why *w, bool *is_served, struct err *e)
{
	bool failed;
	const struct why_candidate *served = serving_at(w, w->now, &failed, e);

	*is_served = served != NULL;
	if (failed ||
	    (served && tell_served(w, WHY_SERVED, w->now, served, e) < 0))
		return -1;
	if (tell_passed_over(w, served, e) < 0)
		return -1;
	if (!served)
		return why_tell_renewal(w, newest(w), e);
	return tell_next(w, served, e) < 0 ? -1
					   : why_tell_renewal(w, served, e);
}

/* What is between that it waits and its error. */
static const char *
why_waits(const struct domain_item *i)
{
	static const char *const texts[] = {
	    [QUEUE_FRESH] = "",
	    [QUEUE_LIMITED] = ": ",
	    [QUEUE_AWAY] = ", but its CA is away: ",
	    [QUEUE_FAILING] = ", where it has failed: ",
	};

	return i->error ? texts[queue_state_of(&i->past, i->error)] : "";
}

/* It may wait for its first one. */
static int
has_none(const struct why *w, const char *name, struct err *e)
{
	struct domain_item i;
	struct err why = {0};
	bool waits = domain_queue_by_name(w->st, w->name, &i, &why) == 0;

	if (!waits && why.kind != KIND_NOTFOUND)
		return err_set(e, why.kind, "%s", why.text);
	if (waits && why_complete(w, &i, e) < 0) {
		domain_item_release(&i);
		return -1;
	}
	err_set(e, KIND_NOTFOUND, "%s: no certificate has this name%s%s%s",
	    name, waits ? "; it waits in domain-queue" : "",
	    waits ? why_waits(&i) : "", waits && i.error ? i.error : "");
	if (waits)
		domain_item_release(&i);
	return -1;
}

int
why_explain(struct store *st, const struct why_question *q,
    int (*fn)(void *arg, const struct why_line *l, struct err *e), void *arg,
    bool *is_served, struct err *e)
{
	char *spelled = name_spell(q->name);
	struct why w = {.st = st,
	    .name = spelled,
	    .ca = q->ca,
	    .now = q->now,
	    .fn = fn,
	    .arg = arg};
	struct certificate_filter f = {.name = spelled};
	int rc;

	*is_served = false;
	rc = certificate_list(st, &f, add_candidate, &w, e);
	if (rc == 0 && w.len == 0)
		rc = has_none(&w, q->name, e);
	if (rc == 0)
		rc = explain(&w, is_served, e);
	free(w.v);
	free(spelled);
	return rc;
}
