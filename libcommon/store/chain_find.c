#include "store/chain_find.h"

#include "store/ca_certificate.h"
#include "wrap/digest.h"

#define ISSUERS_MAX 16 /* certificates of one issuer */

static bool
is_self_issued(const struct cert *c)
{
	size_t a_len, b_len;
	const uint8_t *a = cert_subject_der(c, &a_len),
		      *b = cert_issuer_der(c, &b_len);

	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool
same_key(const struct cert *a, const struct cert *b)
{
	uint8_t x[DIGEST_SHA256_SIZE], y[DIGEST_SHA256_SIZE];

	cert_spki_sha256(a, x);
	cert_spki_sha256(b, y);
	return memcmp(x, y, sizeof(x)) == 0;
}

static bool
same_cert(const struct cert *a, const struct cert *b)
{
	size_t a_len, b_len;
	const uint8_t *x = cert_der(a, &a_len), *y = cert_der(b, &b_len);

	return a_len == b_len && memcmp(x, y, a_len) == 0;
}

void
chain_issuer_digest(const struct cert *ca, uint8_t out[32])
{
	uint8_t both[2 * DIGEST_SHA256_SIZE];
	const uint8_t *der;
	size_t len;

	der = cert_subject_der(ca, &len);
	digest_sha256(both, der, len);
	cert_spki_sha256(ca, both + DIGEST_SHA256_SIZE);
	digest_sha256(out, both, sizeof(both));
}

/* ---- the certificates of one issuer -------------------------------------- */

/* Those that end latest first; all are of one key. */
struct issuers {
	const struct cert *of; /* what is signed; or */
	const struct cert *like; /* one whose subject and key they have */
	struct cert *v[ISSUERS_MAX];
	size_t len;
};

static void
issuers_release(struct issuers *s)
{
	for (size_t i = 0; i < s->len; i++)
		cert_free(s->v[i]);
	s->len = 0;
}

/* A second one is by the same key: one signature is verified for all. */
static bool
is_wanted(const struct issuers *s, const struct cert *c)
{
	struct err ignored = {0};

	if (s->like)
		return same_key(s->like, c);
	return s->len > 0 && same_key(s->v[0], c)
	    ? true
	    : cert_is_issued_by(s->of, c, &ignored) == 0;
}

/* When it is full, the one that ends first goes. */
static void
insert(struct issuers *s, struct cert *c)
{
	size_t i;

	for (i = s->len;
	     i > 0 && cert_not_after(s->v[i - 1]) < cert_not_after(c); i--)
		;
	if (s->len == ISSUERS_MAX)
		cert_free(i < s->len ? s->v[--s->len] : c);
	if (i == ISSUERS_MAX)
		return;
	memmove(&s->v[i + 1], &s->v[i], (s->len - i) * sizeof(s->v[0]));
	s->v[i] = c;
	s->len++;
}

static int
try_issuer(void *arg, const struct ca_certificate *ca, struct err *e)
{
	struct issuers *s = arg;
	struct err ignored = {0};
	struct cert *c = cert_from_der(ca->der, ca->der_len, &ignored);

	(void)e;
	if (c && is_wanted(s, c))
		insert(s, c);
	else
		cert_free(c);
	return 0;
}

static int
find_issuers(struct store *st, struct issuers *s, struct err *e)
{
	int rc = s->like
	    ? ca_certificate_each_named(st, s->like, try_issuer, s, e)
	    : ca_certificate_each_issuer(st, s->of, try_issuer, s, e);

	if (rc < 0)
		issuers_release(s);
	return rc;
}

int
chain_find_issuer(
    struct store *st, const struct cert *c, struct cert **issuer, struct err *e)
{
	struct issuers s = {.of = c};

	*issuer = NULL;
	if (is_self_issued(c))
		return 0;
	if (find_issuers(st, &s, e) < 0)
		return -1;
	if (s.len > 0) {
		*issuer = s.v[0];
		s.v[0] = NULL; /* transferred */
	}
	issuers_release(&s);
	return 0;
}

/* ---- ways ---------------------------------------------------------------- */

/* What has been gone so far. */
struct search {
	struct store *st;
	struct chain_ways *out;
	bool rounds[CHAIN_WAYS_MAX]; /* those that end where a loop closes */
	struct issuers levels[CHAIN_FIND_MAX + 1]; /* what is at each height */
	size_t at[CHAIN_FIND_MAX]; /* which of them is on the way */
	size_t len; /* of the way */
};

static const struct cert *
on_way(const struct search *s, size_t i)
{
	return s->levels[i].v[s->at[i]];
}

/* A name and a key that are on the way already. */
static bool
is_round(const struct search *s, const struct cert *c)
{
	uint8_t x[DIGEST_SHA256_SIZE], y[DIGEST_SHA256_SIZE];

	chain_issuer_digest(c, x);
	for (size_t i = 0; i < s->len; i++) {
		chain_issuer_digest(on_way(s, i), y);
		if (memcmp(x, y, sizeof(x)) == 0)
			return true;
	}
	return false;
}

static int
keep_way(struct search *s, bool is_a_round, struct err *e)
{
	struct cert_list *way = &s->out->v[s->out->len];

	if (s->len == 0)
		return 0;
	for (size_t i = 0; i < s->len; i++) {
		size_t len;
		const uint8_t *der = cert_der(on_way(s, i), &len);
		struct cert *copy = cert_from_der(der, len, e);

		if (!copy) {
			cert_list_release(way);
			return -1;
		}
		cert_list_take(way, copy);
	}
	s->rounds[s->out->len++] = is_a_round;
	return 0;
}

/*
 * What can follow, a root but once: it ends the way, and is not on it.  Returns
 * how many there are.
 */
static size_t
count_next(const struct search *s, bool *has_round)
{
	const struct issuers *next = &s->levels[s->len];
	size_t n = 0;

	*has_round = false;
	for (size_t i = 0; i < next->len; i++)
		if (is_round(s, next->v[i]))
			*has_round = true;
		else
			n++;
	return n;
}

static int go_on(struct search *s, struct err *e);

/* All ways by what is at the next height. */
static int
go_up(struct search *s, struct err *e)
{
	const struct issuers *next = &s->levels[s->len];
	bool ended = false;
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && i < next->len && s->out->len < CHAIN_WAYS_MAX; i++) {
		if (is_round(s, next->v[i]))
			continue;
		if (is_self_issued(next->v[i])) {
			rc = ended ? 0 : keep_way(s, false, e);
			ended = true;
			continue;
		}
		s->at[s->len++] = i;
		rc = go_on(s, e);
		s->len--;
	}
	return rc;
}

/* Up from the last on the way; at most CHAIN_FIND_MAX deep. */
static int
go_on(struct search *s, struct err *e)
{
	struct issuers *next = &s->levels[s->len];
	bool has_round = false;
	int rc = 0;

	*next = (struct issuers){.of = on_way(s, s->len - 1)};
	if (s->len < CHAIN_FIND_MAX)
		rc = find_issuers(s->st, next, e);
	if (rc == 0)
		rc = count_next(s, &has_round) > 0 ? go_up(s, e)
						   : keep_way(s, has_round, e);
	issuers_release(next);
	return rc;
}

/* A loop leads nowhere: a way that ends in one is for want of a better. */
static void
drop_rounds(struct search *s)
{
	struct chain_ways *w = s->out;
	size_t n = 0;

	for (size_t i = 0; i < w->len; i++)
		n += !s->rounds[i];
	if (n == 0)
		return;
	n = 0;
	for (size_t i = 0; i < w->len; i++) {
		struct cert_list way = w->v[i];

		w->v[i] = (struct cert_list){0};
		if (s->rounds[i])
			cert_list_release(&way);
		else
			w->v[n++] = way;
	}
	w->len = n;
}

int
chain_find_ways(struct store *st, const struct cert *issuer,
    struct chain_ways *out, struct err *e)
{
	struct search *s = xcalloc(1, sizeof(*s));
	int rc;

	chain_ways_release(out);
	s->st = st;
	s->out = out;
	s->levels[0].like = issuer;
	rc = find_issuers(st, &s->levels[0], e);
	if (rc == 0)
		rc = go_up(s, e);
	if (rc == 0)
		drop_rounds(s);
	else
		chain_ways_release(out);
	issuers_release(&s->levels[0]);
	free(s);
	return rc;
}

bool
chain_is_way(
    const struct cert_list *way, const struct cert *const *chain, size_t len)
{
	if (len < way->len || len > way->len + 1 ||
	    (len > way->len && !is_self_issued(chain[way->len])))
		return false;
	for (size_t i = 0; i < way->len; i++)
		if (!same_cert(way->v[i], chain[i]))
			return false;
	return true;
}

void
chain_ways_release(struct chain_ways *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->len; i++)
		cert_list_release(&w->v[i]);
	w->len = 0;
}
