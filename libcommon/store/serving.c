#include "store/serving.h"

#include "store/ca_preference.h"
#include "store/certificate.h"
#include "store/certificate_part.h"
#include "store/chain.h"
#include "store/event.h"
#include "store/stmt.h"

enum {
	SERVING_BETWEEN,
	SERVING_BY_VALUE,
	SERVING_DETAILS,
	SERVING_LAST_DOMAIN,
	SERVING_CERTIFICATE_NEXT,
	SERVING_DOMAIN_NEXT,
	SERVING_NEW_DOMAINS,
	SERVING_CERTIFICATE_LAST,
	SERVING_OF_CERTIFICATES,
	SERVING_OF_CHOICES,
	SERVING_OF_CHAINS,
	SERVING_OF_KEYS,
	SERVING_OF_ENDED,
	SERVING_OF_BEGUN,
	SERVING_SERVED,
	SERVING_BELOW
};

/* A domain with its best certificate, if it has one. */
#define BEST(now)                                                              \
	"SELECT d.id, d.value,"                                                \
	" (SELECT c.id FROM fqdn_set_members m"                                \
	" JOIN certificates c ON c.fqdn_set_id = m.fqdn_set_id"                \
	" WHERE m.domain_id = d.id AND c.active = 1 AND c.status = 'valid'"    \
	" AND " SERVING_KEY                                                    \
	" ORDER BY " SERVING_VALID(now) ", " SERVING_LATER                     \
					" LIMIT 1), d.active FROM domains d"

static const char *const sql[] = {
    [SERVING_BETWEEN] =
	BEST("?3") " WHERE d.id > ?1 AND d.id <= ?2 ORDER BY d.id",
    [SERVING_BY_VALUE] = BEST("?2") " WHERE d.value = ?1",
    [SERVING_DETAILS] =
	"SELECT c.fqdn_set_id, c.not_before, c.not_after, c.created,"
	" c.sha256 FROM certificates c WHERE c.id = ?1",
    [SERVING_LAST_DOMAIN] =
	"SELECT id FROM domains WHERE id > 0 ORDER BY id DESC LIMIT 1",
    [SERVING_CERTIFICATE_NEXT] = "SELECT id, created FROM certificates"
				 " WHERE id >= ?1 ORDER BY id LIMIT 1",
    [SERVING_DOMAIN_NEXT] = "SELECT id, created FROM domains"
			    " WHERE id >= ?1 ORDER BY id LIMIT 1",
    [SERVING_NEW_DOMAINS] =
	"SELECT id FROM domains WHERE id >= ?1 AND id <= ?2",
    [SERVING_CERTIFICATE_LAST] = "SELECT id FROM certificates WHERE id > 0"
				 " ORDER BY id DESC LIMIT 1",
    [SERVING_OF_CERTIFICATES] =
	"SELECT m.domain_id FROM certificates c"
	" JOIN fqdn_set_members m ON m.fqdn_set_id = c.fqdn_set_id"
	" WHERE c.id >= ?1 AND c.id <= ?2",
    /* Of those that have more than one chain. */
    [SERVING_OF_CHOICES] =
	"SELECT m.domain_id FROM certificates c"
	" JOIN fqdn_set_members m ON m.fqdn_set_id = c.fqdn_set_id"
	" WHERE c.id >= ?1 AND c.id <= ?2"
	" AND (SELECT count(*) FROM certificate_chains k"
	" WHERE k.certificate_id = c.id) > 1",
    [SERVING_OF_CHAINS] =
	"SELECT m.domain_id FROM certificate_chains k"
	" JOIN certificates c ON c.id = k.certificate_id"
	" JOIN fqdn_set_members m ON m.fqdn_set_id = c.fqdn_set_id"
	" WHERE k.chain_id >= ?1 AND k.chain_id <= ?2",
    /* Of the certificates of the private keys from ?1 to ?2. */
    [SERVING_OF_KEYS] =
	"SELECT m.domain_id FROM private_keys p"
	" JOIN certificates c ON c.spki_sha256 = p.spki_sha256"
	" JOIN fqdn_set_members m ON m.fqdn_set_id = c.fqdn_set_id"
	" WHERE p.id >= ?1 AND p.id <= ?2",
    /* Of those that have ended, or begun after they came, from ?1 to ?2. */
    [SERVING_OF_ENDED] =
	"SELECT m.domain_id FROM certificates c"
	" JOIN fqdn_set_members m ON m.fqdn_set_id = c.fqdn_set_id"
	" WHERE c.not_after >= ?1 AND c.not_after <= ?2",
    [SERVING_OF_BEGUN] =
	"SELECT m.domain_id FROM certificates c"
	" JOIN fqdn_set_members m ON m.fqdn_set_id = c.fqdn_set_id"
	" WHERE c.not_before > c.created"
	" AND c.not_before >= ?1 AND c.not_before <= ?2",
    /* Of wildcards with the numbers from ?1 to ?2. */
    [SERVING_BELOW] = "SELECT b.id FROM " WILDCARD_AND_BELOW
		      " WHERE d.id >= ?1 AND d.id <= ?2",
    [SERVING_SERVED] = "SELECT id FROM domains"
		       " WHERE served_certificate_id >= ?1"
		       " AND served_certificate_id <= ?2",
};

const struct stmt_table serving_stmts = {"serving", sql, ARRAY_LEN(sql)};

/*
 * Numbers of domains, or of certificates: so few that who does something with
 * a page does not wait long for the next.
 */
#define PAGE 256
/* Rows become visible in another order than they are numbered in. */
#define CLOCK_SLACK 60 /* seconds */

struct page {
	struct serving *v;
	size_t len, cap;
};

static void
read_row(struct db_stmt *s, struct serving *out)
{
	memset(out, 0, sizeof(*out));
	out->domain_id = db_int(s, 0);
	stmt_text_to(s, 1, out->name, sizeof(out->name));
	out->certificate_id = db_int(s, 2);
	out->disabled = db_int(s, 3) == 0;
}

/* What the row does not say.  Neighbours often have the same certificate. */
static int
add_details(struct store *st, const struct serving *last, struct serving *s,
    struct err *e)
{
	struct db_stmt *q;
	int rc;

	if (s->certificate_id == 0)
		return 0;
	if (last && last->certificate_id == s->certificate_id) {
		s->fqdn_set_id = last->fqdn_set_id;
		s->not_before = last->not_before;
		s->not_after = last->not_after;
		s->created = last->created;
		s->chain_id = last->chain_id;
		memcpy(s->sha256, last->sha256, sizeof(s->sha256));
		return 0;
	}
	q = stmt_query(
	    st, STMT_SERVING, SERVING_DETAILS, e, "i", s->certificate_id);
	rc = q ? db_step(q, e) : -1;
	if (rc == 0)
		s->certificate_id = 0;
	if (rc <= 0)
		return rc;
	s->fqdn_set_id = db_int(q, 0);
	s->not_before = db_int(q, 1);
	s->not_after = db_int(q, 2);
	s->created = db_int(q, 3);
	stmt_digest(q, 4, s->sha256);
	db_reset(q);
	return chain_preferred(st, s->certificate_id, &s->chain_id, e);
}

static bool
is_valid(const struct serving *s, int64_t now)
{
	return s->certificate_id != 0 && s->not_before <= now &&
	    s->not_after >= now;
}

/* A wildcard serves what has no certificate of its own that is valid. */
static int
look_higher(struct store *st, int64_t now, struct serving *s, struct err *e)
{
	char *wildcard = certificate_wildcard_of(s->name);
	struct serving w = {0};
	struct db_stmt *q;
	int rc = 0;

	if (!wildcard)
		return 0;
	q = stmt_query(
	    st, STMT_SERVING, SERVING_BY_VALUE, e, "ti", wildcard, now);
	rc = q ? db_step(q, e) : -1;
	if (rc > 0) {
		read_row(q, &w);
		db_reset(q);
		rc = add_details(st, NULL, &w, e);
	}
	free(wildcard);
	if (s->certificate_id == 0 || is_valid(&w, now)) {
		w.domain_id = s->domain_id;
		w.disabled |= s->disabled;
		memcpy(w.name, s->name, sizeof(w.name));
		*s = w;
	}
	return rc < 0 ? -1 : 0;
}

/* All rows of the statement. */
static int
read_page(struct db_stmt *s, struct page *page, struct err *e)
{
	int rc = -1;

	page->len = 0;
	while (s && (rc = db_step(s, e)) > 0) {
		if (page->len == page->cap) {
			page->cap = page->cap * 2 + 64;
			page->v =
			    xreallocarray(page->v, page->cap, sizeof(*page->v));
		}
		read_row(s, &page->v[page->len++]);
	}
	return rc;
}

/* The names with these numbers, after the first; the page is the caller's. */
struct range {
	struct store *st;
	int64_t after, last, now;
	struct page *page;
};

static int
read_range(void *arg, struct err *e)
{
	const struct range *r = arg;
	struct page *page = r->page;
	int rc = read_page(stmt_query(r->st, STMT_SERVING, SERVING_BETWEEN, e,
			       "iii", r->after, r->last, r->now),
	    page, e);

	for (size_t i = 0; rc == 0 && i < page->len; i++) {
		rc = add_details(
		    r->st, i > 0 ? &page->v[i - 1] : NULL, &page->v[i], e);
		if (rc == 0 && !is_valid(&page->v[i], r->now))
			rc = look_higher(r->st, r->now, &page->v[i], e);
	}
	return rc;
}

static int
each_between(struct range *r, int64_t after, int64_t last, serving_fn fn,
    void *arg, struct err *e)
{
	int rc;

	r->after = after;
	r->last = last;
	rc = db_snapshot(r->st->db, read_range, r, e);
	for (size_t i = 0; rc == 0 && i < r->page->len; i++)
		rc = fn(arg, &r->page->v[i], e);
	return rc;
}

int
serving_read(struct store *st, int64_t after, int64_t last, int64_t now,
    serving_fn fn, void *arg, struct err *e)
{
	struct page page = {0};
	struct range r = {
	    .st = st, .after = after, .last = last, .now = now, .page = &page};
	int rc = read_range(&r, e);

	for (size_t i = 0; rc == 0 && i < page.len; i++)
		rc = fn(arg, &page.v[i], e);
	free(page.v);
	return rc;
}

int
serving_each(
    struct store *st, int64_t now, serving_fn fn, void *arg, struct err *e)
{
	struct page page = {0};
	struct range r = {.st = st, .now = now, .page = &page};
	int64_t last = 0;
	int rc = stmt_int(st, STMT_SERVING, SERVING_LAST_DOMAIN, &last, e, "");

	if (rc > 0)
		rc = 0;
	for (int64_t at = 0; rc == 0 && at < last; at += PAGE)
		rc = each_between(&r, at, at + PAGE, fn, arg, e);
	free(page.v);
	return rc;
}

/* ---- one ----------------------------------------------------------------- */

struct asking {
	struct store *st;
	const char *name;
	int64_t now;
	struct serving *s;
};

static int
read_one(void *arg, struct err *e)
{
	const struct asking *a = arg;
	struct serving *s = a->s;
	struct db_stmt *q = stmt_query(
	    a->st, STMT_SERVING, SERVING_BY_VALUE, e, "ti", a->name, a->now);
	int rc = q ? db_step(q, e) : -1;

	if (rc > 0) {
		read_row(q, s);
		db_reset(q);
		rc = add_details(a->st, NULL, s, e);
	} else if (rc == 0) {
		memset(s, 0, sizeof(*s));
		snprintf(s->name, sizeof(s->name), "%s", a->name);
	}
	return rc == 0 && !is_valid(s, a->now)
	    ? look_higher(a->st, a->now, s, e)
	    : rc;
}

int
serving_by_name(struct store *st, const char *name, int64_t now,
    struct serving *s, struct err *e)
{
	struct asking a = {.st = st, .name = name, .now = now, .s = s};

	if (strlen(name) > DOMAIN_VALUE_MAX)
		return err_set(e, KIND_INPUT, "longer than a name may be");
	if (db_snapshot(st->db, read_one, &a, e) < 0)
		return -1;
	return s->domain_id != 0 || s->certificate_id != 0
	    ? 0
	    : err_set(e, KIND_NOTFOUND, "there is no certificate for it");
}

/* ---- since --------------------------------------------------------------- */

/* Numbers, not in order, some of them twice. */
struct ids {
	int64_t *v;
	size_t len, cap;
};

static void
ids_add(struct ids *ids, int64_t id)
{
	if (ids->len == ids->cap) {
		ids->cap = ids->cap * 2 + 64;
		ids->v = xreallocarray(ids->v, ids->cap, sizeof(*ids->v));
	}
	ids->v[ids->len++] = id;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void
ids_sort_unique(struct ids *ids)
{
	size_t n = 0;

	if (ids->len > 0)
		qsort(ids->v, ids->len, sizeof(*ids->v), compare);
	for (size_t i = 0; i < ids->len; i++)
		if (n == 0 || ids->v[n - 1] != ids->v[i])
			ids->v[n++] = ids->v[i];
	ids->len = n;
}

/* Adds the names that a statement finds by numbers from `first` to `last`. */
static int
add_names_of(struct store *st, size_t row, int64_t first, int64_t last,
    struct ids *domains, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_SERVING, row, e, "ii", first, last);
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		ids_add(domains, db_int(s, 0));
	return rc;
}

static int
add_names_of_each(struct store *st, size_t row, struct ids *of,
    struct ids *domains, struct err *e)
{
	int rc = 0;

	ids_sort_unique(of);
	for (size_t i = 0; rc == 0 && i < of->len; i++)
		rc = add_names_of(st, row, of->v[i], of->v[i], domains, e);
	return rc;
}

/* From this certificate on, some at a time. */
static int
add_names_from(struct store *st, size_t row, int64_t first, int64_t last,
    struct ids *domains, struct err *e)
{
	int rc = 0;

	for (; rc == 0 && first <= last; first += PAGE)
		rc = add_names_of(st, row, first, first + PAGE - 1, domains, e);
	return rc;
}

/* The names that wildcards among them serve besides. */
static int
add_below(struct store *st, struct ids *domains, struct err *e)
{
	struct ids below = {0};
	int rc;

	rc = add_names_of_each(st, SERVING_BELOW, domains, &below, e);
	for (size_t i = 0; i < below.len; i++)
		ids_add(domains, below.v[i]);
	ids_sort_unique(domains);
	free(below.v);
	return rc;
}

struct changes {
	struct ids certificates, chains, keys, domains;
	bool preferences; /* of chains */
};

/* Those that have come; and those that have another chain to prefer. */
static int
add_all(struct store *st, int64_t since, struct changes *c, struct err *e)
{
	int64_t first, last;
	int rc =
	    stmt_int(st, STMT_SERVING, SERVING_CERTIFICATE_LAST, &last, e, "");

	if (rc <= 0)
		return rc;
	rc = stmt_first_since(
	    st, STMT_SERVING, SERVING_CERTIFICATE_NEXT, since, last, &first, e);
	if (rc == 0)
		rc = add_names_from(
		    st, SERVING_OF_CERTIFICATES, first, last, &c->domains, e);
	if (rc == 0 && c->preferences)
		rc = add_names_from(
		    st, SERVING_OF_CHOICES, 1, last, &c->domains, e);
	return rc;
}

/* Names that have come: a wildcard may serve them already. */
static int
add_new(struct store *st, int64_t since, struct ids *domains, struct err *e)
{
	int64_t first, last;
	int rc = stmt_int(st, STMT_SERVING, SERVING_LAST_DOMAIN, &last, e, "");

	if (rc <= 0)
		return rc;
	return stmt_first_since(st, STMT_SERVING, SERVING_DOMAIN_NEXT, since,
		   last, &first, e) < 0
	    ? -1
	    : add_names_from(st, SERVING_NEW_DOMAINS, first, last, domains, e);
}

static int
note_event(void *arg, const struct event *ev, struct err *e)
{
	struct changes *c = arg;

	(void)e;
	if (ev->object_type == EVENT_CERTIFICATE)
		ids_add(&c->certificates, ev->object_id);
	else if (ev->object_type == EVENT_CHAIN)
		ids_add(&c->chains, ev->object_id);
	else if (ev->object_type == EVENT_PRIVATE_KEY)
		ids_add(&c->keys, ev->object_id);
	else if (ev->object_type == EVENT_DOMAIN)
		ids_add(&c->domains, ev->object_id);
	else if (strcmp(ev->action, CA_PREFERENCE_EVENT) == 0)
		c->preferences = true;
	return 0;
}

static int
find_changes(struct store *st, int64_t since, int64_t now, struct changes *c,
    struct err *e)
{
	const struct event_filter filter = {.since = since};
	int rc = event_each(st, &filter, note_event, c, e);

	if (rc == 0)
		rc = add_all(st, since, c, e);
	if (rc == 0)
		rc = add_names_of_each(st, SERVING_OF_CERTIFICATES,
		    &c->certificates, &c->domains, e);
	if (rc == 0)
		rc = add_names_of_each(
		    st, SERVING_OF_CHAINS, &c->chains, &c->domains, e);
	if (rc == 0)
		rc = add_names_of_each(
		    st, SERVING_OF_KEYS, &c->keys, &c->domains, e);
	if (rc == 0)
		rc = add_names_of(
		    st, SERVING_OF_ENDED, since, now, &c->domains, e);
	if (rc == 0)
		rc = add_names_of(
		    st, SERVING_OF_BEGUN, since, now, &c->domains, e);
	if (rc == 0)
		rc = add_new(st, since, &c->domains, e);
	return rc < 0 ? -1 : add_below(st, &c->domains, e);
}

/* Each by itself: they need not be neighbours. */
static int
each_of(struct store *st, const struct ids *domains, int64_t now, serving_fn fn,
    void *arg, struct err *e)
{
	struct page page = {0};
	struct range r = {.st = st, .now = now, .page = &page};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < domains->len; i++)
		rc = each_between(
		    &r, domains->v[i] - 1, domains->v[i], fn, arg, e);
	free(page.v);
	return rc;
}

int
serving_each_since(struct store *st, int64_t since, int64_t now, serving_fn fn,
    void *arg, struct err *e)
{
	struct changes c = {0};
	int rc = find_changes(st, since - CLOCK_SLACK, now, &c, e);

	if (rc == 0)
		rc = each_of(st, &c.domains, now, fn, arg, e);
	free(c.certificates.v);
	free(c.chains.v);
	free(c.keys.v);
	free(c.domains.v);
	return rc;
}

int
serving_each_of(struct store *st, const int64_t *certificate_ids, size_t len,
    int64_t now, serving_fn fn, void *arg, struct err *e)
{
	struct ids domains = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < len; i++)
		rc = add_names_of(st, SERVING_SERVED, certificate_ids[i],
		    certificate_ids[i], &domains, e);
	ids_sort_unique(&domains);
	if (rc == 0)
		rc = each_of(st, &domains, now, fn, arg, e);
	free(domains.v);
	return rc;
}
