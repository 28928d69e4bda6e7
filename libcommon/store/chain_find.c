#include "store/chain_find.h"

#include "store/ca_certificate.h"
#include "store/certificate.h"
#include "store/stmt.h"
#include "sys/sig.h"
#include "wrap/cert.h"

enum {
	CHAIN_FIND_NEXT
};

static const char *const sql[] = {
    [CHAIN_FIND_NEXT] =
	"SELECT c.id, c.not_after, c.der FROM certificates c"
	" WHERE c.issuer_id = (SELECT i.id FROM ca_certificates ca"
	" JOIN issuers i ON i.sha256 = ca.subject_sha256 WHERE ca.id = ?1"
	" AND i.id <> ca.issuer_id)" /* a root is in no chain */
	" AND (c.not_after, c.id) > (?2, ?3) AND NOT EXISTS"
	" (SELECT 1 FROM certificate_chains k WHERE k.certificate_id = c.id)"
	" ORDER BY c.not_after, c.id LIMIT 1",
};

const struct stmt_table chain_find_stmts = {"chain_find", sql, ARRAY_LEN(sql)};

/* ---- one chain ----------------------------------------------------------- */

struct search {
	const struct cert *subject;
	const struct cert_list *chain; /* so far */
	struct cert *issuer;
};

static bool
is_in(const struct cert_list *chain, const struct ca_certificate *ca)
{
	for (size_t i = 0; i < chain->len; i++) {
		size_t len;
		const uint8_t *der = cert_der(chain->v[i], &len);

		if (len == ca->der_len && memcmp(der, ca->der, len) == 0)
			return true;
	}
	return false;
}

/* One that is in the chain already is a loop. */
static int
try_issuer(void *arg, const struct ca_certificate *ca, struct err *e)
{
	struct search *s = arg;
	struct err ignored = {0};
	struct cert *c;

	(void)e;
	if ((s->issuer && cert_not_after(s->issuer) >= ca->not_after) ||
	    is_in(s->chain, ca))
		return 0;
	c = cert_from_der(ca->der, ca->der_len, &ignored);
	if (c && cert_is_issued_by(s->subject, c, &ignored) == 0) {
		cert_free(s->issuer);
		s->issuer = c;
	} else {
		cert_free(c);
	}
	return 0;
}

static bool
is_self_issued(const struct cert *c)
{
	size_t a_len, b_len;
	const uint8_t *a = cert_subject_der(c, &a_len),
		      *b = cert_issuer_der(c, &b_len);

	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

int
chain_find(struct store *st, const struct cert *c, struct cert_list *out,
    struct err *e)
{
	for (size_t n = 0; n < CHAIN_FIND_MAX && !is_self_issued(c); n++) {
		struct search s = {.subject = c, .chain = out};

		if (ca_certificate_each_issuer(st, c, try_issuer, &s, e) < 0) {
			cert_free(s.issuer);
			return -1;
		}
		if (!s.issuer || is_self_issued(s.issuer)) {
			cert_free(s.issuer);
			return 0;
		}
		cert_list_take(out, s.issuer);
		c = s.issuer;
	}
	return 0;
}

/* ---- all that a CA has issued ---------------------------------------------
 */

/* A walk; `not_after` and `id` are those of the last one looked at. */
struct walk {
	struct store *st;
	int64_t ca, not_after, id;
};

/* The next certificate, which the caller frees: 1, 0 for none, -1. */
static int
next(struct walk *w, struct cert **c, struct err *e)
{
	struct db_stmt *s = stmt_query(w->st, STMT_CHAIN_FIND, CHAIN_FIND_NEXT,
	    e, "iii", w->ca, w->not_after, w->id);
	int rc = s ? db_step(s, e) : -1;
	struct err ignored = {0};
	const void *der;
	size_t len;

	*c = NULL;
	if (rc <= 0)
		return rc;
	w->id = db_int(s, 0);
	w->not_after = db_int(s, 1);
	der = db_blob(s, 2, &len);
	*c = cert_from_der(der, len, &ignored); /* else check tells of it */
	db_reset(s);
	return 1;
}

static int
give_chain(struct walk *w, struct cert *c, struct err *e)
{
	struct cert_list certs = {0};
	const struct certificate_new n = {.certs = &certs, .source = "import"};
	int64_t id;
	int rc;

	cert_list_take(&certs, c);
	rc = chain_find(w->st, c, &certs, e);
	if (rc == 0 && certs.len > 1)
		rc = certificate_add(w->st, &n, &id, NULL, e);
	cert_list_release(&certs);
	return rc;
}

static int
find_for_ca(struct store *st, int64_t ca, struct err *e)
{
	struct walk w = {.st = st, .ca = ca};
	struct cert *c;
	int rc;

	while (!sig_term() && (rc = next(&w, &c, e)) != 0)
		if (rc < 0 || (c && give_chain(&w, c, e) < 0))
			return -1;
	return 0;
}

int
chain_find_for_issued(struct store *st, int64_t after, struct err *e)
{
	int64_t last;
	int rc = ca_certificate_last(st, &last, e);

	for (; rc == 0 && after < last && !sig_term(); after++)
		rc = find_for_ca(st, after + 1, e);
	return rc;
}
