#include "jobs/plan.h"

#include "base/heap.h"

#define NEVER INT64_MAX

/* A bucket of tokens: when it will be full (client/limit.h), in ms. */
struct bucket {
	int64_t each,
	    all; /* in which one fills, and all of them; 0: no limit */
	int64_t full;
};

struct name {
	const char *name, *registered;
	size_t number;
};

/* Names of a registered domain that have not been ordered, and its bucket. */
struct domain {
	size_t at, end; /* of the names */
	size_t number; /* of its first name: what came first goes first */
	struct bucket bucket;
};

struct renewal {
	int64_t id, at, by;
	bool is_first;
};

struct spent {
	const char *registered;
	int64_t at;
};

struct plan {
	struct plan_how how;
	/* Of all, and the part of each kind while both wait. */
	struct bucket account[PLAN_KIND__MAX], rate[PLAN_KIND__MAX];
	struct name *names;
	size_t names_len, names_cap;
	struct renewal *renewals;
	size_t renewals_len, renewals_cap;
	struct spent *spent;
	size_t spent_len, spent_cap;
	struct strv spent_domains; /* what the texts of `spent` are in */
	struct domain *domains;
	size_t domains_len;
	const char **sorted; /* the names, for steps */
	int64_t now; /* ms */
	/* Numbers of domains and renewals: by when they can go on, and those
	 * that can now. */
	struct heap later_domains, later_renewals, domains_now, renewals_now,
	    firsts_now;
};

const char *
plan_rule_name(enum plan_rule rule)
{
	static const char *const names[] = {[PLAN_FREE] = "free",
	    [PLAN_ACCOUNT] = "orders_per_account",
	    [PLAN_DOMAIN] = "certificates_per_domain",
	    [PLAN_RATE] = "rate"};

	return names[rule];
}

/* ---- buckets ------------------------------------------------------------- */

static struct bucket
bucket_of(const struct limit *l)
{
	struct bucket b = {0};

	if (l->count > 0) {
		b.each = l->seconds * 1000 / l->count;
		b.all = l->seconds * 1000;
	}
	return b;
}

/* As limits_order: each part has room for one at least. */
static void
buckets_of(
    const struct limit *l, int new_percent, struct bucket out[PLAN_KIND__MAX])
{
	const int percent[] = {
	    [PLAN_NEW] = new_percent, [PLAN_RENEWALS] = 100 - new_percent};

	out[PLAN_ALL] = bucket_of(l);
	for (int k = PLAN_NEW; k <= PLAN_RENEWALS && new_percent > 0; k++) {
		struct limit part = *l;

		part.count = l->count * percent[k] / 100;
		if (l->count > 0 && part.count == 0)
			part.count = 1;
		out[k] = bucket_of(&part);
	}
}

/* When there is a token, in ms. */
static int64_t
free_at(const struct bucket *b, int64_t now)
{
	int64_t at = b->full + b->each - b->all;

	return b->all == 0 || at <= now ? now : at;
}

static void
take(struct bucket *b, int64_t at)
{
	b->full = (b->full > at ? b->full : at) + b->each;
}

static void
take_both(struct bucket b[PLAN_KIND__MAX], enum plan_kind kind, int64_t at)
{
	take(&b[PLAN_ALL], at);
	take(&b[kind], at);
}

/* ---- making -------------------------------------------------------------- */

struct plan *
plan_new(const struct plan_how *how)
{
	struct plan *p = xcalloc(1, sizeof(*p));

	p->how = *how;
	buckets_of(&how->account, how->new_percent, p->account);
	buckets_of(&how->rate, how->new_percent, p->rate);
	p->now = how->now * 1000;
	return p;
}

void
plan_free(struct plan *p)
{
	if (!p)
		return;
	free(p->names);
	free(p->renewals);
	free(p->spent);
	free(p->domains);
	free(p->sorted);
	strv_release(&p->spent_domains);
	heap_release(&p->later_domains);
	heap_release(&p->later_renewals);
	heap_release(&p->domains_now);
	heap_release(&p->renewals_now);
	heap_release(&p->firsts_now);
	free(p);
}

/* Room for one more of what is `size` long. */
static void *
grow(void *v, size_t len, size_t *cap, size_t size)
{
	if (len < *cap)
		return v;
	*cap = *cap ? 2 * *cap : 256;
	return xreallocarray(v, *cap, size);
}

void
plan_spent_account(
    struct plan *p, enum plan_kind kind, const int64_t *used, size_t len)
{
	for (size_t i = len; i-- > 0;)
		take(&p->account[kind], used[i] * 1000);
}

void
plan_spent_domain(struct plan *p, const char *registered, int64_t at)
{
	strv_add(&p->spent_domains, registered);
	p->spent =
	    grow(p->spent, p->spent_len, &p->spent_cap, sizeof(*p->spent));
	p->spent[p->spent_len++] =
	    (struct spent){p->spent_domains.v[p->spent_domains.len - 1], at};
}

void
plan_add_name(struct plan *p, const char *name, const char *registered)
{
	p->names =
	    grow(p->names, p->names_len, &p->names_cap, sizeof(*p->names));
	p->names[p->names_len] = (struct name){name, registered, p->names_len};
	p->names_len++;
}

void
plan_add_renewal(
    struct plan *p, int64_t id, int64_t at, int64_t by, bool is_first)
{
	p->renewals = grow(p->renewals, p->renewals_len, &p->renewals_cap,
	    sizeof(*p->renewals));
	p->renewals[p->renewals_len++] = (struct renewal){id, at, by, is_first};
}

/* ---- domains ------------------------------------------------------------- */

static int
by_domain(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int c = strcmp(x->registered, y->registered);

	return c != 0 ? c : (x->number > y->number) - (x->number < y->number);
}

static int
by_domain_and_time(const void *a, const void *b)
{
	const struct spent *x = a, *y = b;
	int c = strcmp(x->registered, y->registered);

	return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

static void
add_domain(struct plan *p, size_t at, size_t end)
{
	p->domains[p->domains_len++] = (struct domain){.at = at,
	    .end = end,
	    .number = p->names[at].number,
	    .bucket = bucket_of(&p->how.domain)};
}

/* Both lists are sorted by domain. */
static void
spend(struct plan *p)
{
	size_t i = 0;

	for (size_t d = 0; d < p->domains_len; d++) {
		struct domain *domain = &p->domains[d];
		const char *name = p->names[domain->at].registered;

		while (i < p->spent_len &&
		    strcmp(p->spent[i].registered, name) < 0)
			i++;
		for (; i < p->spent_len &&
		     strcmp(p->spent[i].registered, name) == 0;
		     i++)
			take(&domain->bucket, p->spent[i].at * 1000);
	}
}

static void
find_domains(struct plan *p)
{
	size_t first = 0;

	if (p->names_len == 0)
		return;
	qsort(p->names, p->names_len, sizeof(*p->names), by_domain);
	p->domains = xcalloc(p->names_len, sizeof(*p->domains));
	p->sorted = xcalloc(p->names_len, sizeof(*p->sorted));
	for (size_t i = 0; i < p->names_len; i++) {
		p->sorted[i] = p->names[i].name;
		if (strcmp(p->names[i].registered,
			p->names[first].registered) != 0) {
			add_domain(p, first, i);
			first = i;
		}
	}
	add_domain(p, first, p->names_len);
	if (p->spent_len > 0)
		qsort(p->spent, p->spent_len, sizeof(*p->spent),
		    by_domain_and_time);
	spend(p);
}

/* ---- going on ------------------------------------------------------------ */

static void
wait_for_domain(struct plan *p, size_t d)
{
	struct domain *domain = &p->domains[d];

	if (domain->at < domain->end)
		heap_push(
		    &p->later_domains, free_at(&domain->bucket, p->now), d);
}

static void
begin(struct plan *p)
{
	find_domains(p);
	for (size_t d = 0; d < p->domains_len; d++)
		wait_for_domain(p, d);
	for (size_t i = 0; i < p->renewals_len; i++)
		heap_push(&p->later_renewals, p->renewals[i].at * 1000, i);
}

/* What has waited until now. */
static void
wake(struct plan *p)
{
	while (
	    p->later_domains.len > 0 && p->later_domains.v[0].key <= p->now) {
		size_t d = heap_pop(&p->later_domains).number;

		heap_push(&p->domains_now,
		    (int64_t)p->names[p->domains[d].at].number, d);
	}
	while (
	    p->later_renewals.len > 0 && p->later_renewals.v[0].key <= p->now) {
		size_t i = heap_pop(&p->later_renewals).number;

		heap_push(
		    p->renewals[i].is_first ? &p->firsts_now : &p->renewals_now,
		    p->renewals[i].by, i);
	}
}

static int64_t
first_key(const struct heap *h)
{
	return h->len > 0 ? h->v[0].key : NEVER;
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When a limit, and the part of it when both wait, has a token. */
static int64_t
free_for(const struct bucket b[PLAN_KIND__MAX], enum plan_kind kind,
    bool both_wait, int64_t now)
{
	int64_t at = free_at(&b[PLAN_ALL], now);

	return both_wait ? most(at, free_at(&b[kind], now)) : at;
}

static bool
new_wait(const struct plan *p)
{
	return p->how.new_percent > 0 && p->domains_now.len > 0;
}

static bool
renewals_wait(const struct plan *p)
{
	return p->how.new_percent > 0 &&
	    p->renewals_now.len + p->firsts_now.len > 0;
}

/* What new names could not use has no part for them. */
static bool
new_want_rate(const struct plan *p)
{
	return new_wait(p) &&
	    free_for(p->account, PLAN_NEW, renewals_wait(p), p->now) <= p->now;
}

static int64_t
renewal_time(const struct plan *p)
{
	return p->renewals_now.len == 0
	    ? NEVER
	    : free_for(p->rate, PLAN_RENEWALS, new_want_rate(p), p->now);
}

static int64_t
first_time(const struct plan *p)
{
	if (p->firsts_now.len == 0)
		return NEVER;
	return most(free_for(p->account, PLAN_RENEWALS, new_wait(p), p->now),
	    free_for(p->rate, PLAN_RENEWALS, new_want_rate(p), p->now));
}

static int64_t
order_time(const struct plan *p)
{
	if (p->domains_now.len == 0)
		return NEVER;
	return most(free_for(p->account, PLAN_NEW, renewals_wait(p), p->now),
	    free_for(p->rate, PLAN_NEW, renewals_wait(p), p->now));
}

/* Whether the limit of the account had no token a moment ago. */
static bool
waited_for_account(const struct plan *p, enum plan_kind kind, bool both_wait)
{
	int64_t before = p->now - 1;

	return free_for(p->account, kind, both_wait, before) > before;
}

static struct plan_step
renew(struct plan *p, struct heap *from)
{
	bool both = new_wait(p);
	const struct renewal *r = &p->renewals[heap_pop(from).number];
	struct plan_step s = {.at = p->now / 1000,
	    .rule = PLAN_FREE,
	    .renewal_id = r->id,
	    .by = r->by};

	if (s.at > r->at && s.at > p->how.now)
		s.rule =
		    r->is_first && waited_for_account(p, PLAN_RENEWALS, both)
		    ? PLAN_ACCOUNT
		    : PLAN_RATE;
	if (r->is_first)
		take_both(p->account, PLAN_RENEWALS, p->now);
	take_both(p->rate, PLAN_RENEWALS, p->now);
	return s;
}

/* Which of the limits had no token a moment ago. */
static enum plan_rule
rule_of(const struct plan *p, const struct domain *d)
{
	int64_t before = p->now - 1;

	if (p->now / 1000 == p->how.now)
		return PLAN_FREE;
	if (free_at(&d->bucket, before) > before)
		return PLAN_DOMAIN;
	return waited_for_account(p, PLAN_NEW, renewals_wait(p)) ? PLAN_ACCOUNT
								 : PLAN_RATE;
}

static struct plan_step
order(struct plan *p)
{
	size_t number = heap_pop(&p->domains_now).number;
	struct domain *d = &p->domains[number];
	struct plan_step s = {.at = p->now / 1000,
	    .rule = rule_of(p, d),
	    .registered = p->names[d->at].registered,
	    .names = p->sorted + d->at,
	    .len = d->end - d->at};

	if (s.len > p->how.per_order)
		s.len = p->how.per_order;
	d->at += s.len;
	take(&d->bucket, p->now);
	take_both(p->account, PLAN_NEW, p->now);
	take_both(p->rate, PLAN_NEW, p->now);
	wait_for_domain(p, number);
	return s;
}

void
plan_run(
    struct plan *p, void (*fn)(void *arg, const struct plan_step *s), void *arg)
{
	begin(p);
	for (;;) {
		int64_t renewal, first, new, later;
		struct plan_step s;

		wake(p);
		renewal = renewal_time(p);
		first = first_time(p);
		new = order_time(p);
		later = least(first_key(&p->later_domains),
		    first_key(&p->later_renewals));
		p->now = least(least(renewal, first), least(new, later));
		if (p->now == NEVER)
			return;
		if (p->now == later) /* which may go before others */
			continue;
		if (p->now == renewal || p->now == first)
			s = renew(p,
			    p->now == renewal ? &p->renewals_now
					      : &p->firsts_now);
		else
			s = order(p);
		fn(arg, &s);
	}
}
