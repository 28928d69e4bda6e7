#include "store/chain_spread.h"

#include "base/digestmap.h"
#include "store/ca_certificate.h"
#include "store/chain.h"
#include "store/chain_find.h"
#include "store/event.h"
#include "store/serving_change.h"
#include "store/stmt.h"
#include "sys/sig.h"
#include "wrap/digest.h"

enum {
	CHAIN_SPREAD_BARE,
	CHAIN_SPREAD_GIVE,
	CHAIN_SPREAD_CHAINS,
	CHAIN_SPREAD_PAGE,
	CHAIN_SPREAD_ADD,
	CHAIN_SPREAD_DEFAULT,
	CHAIN_SPREAD_DROP,
	CHAIN_SPREAD_ISSUED,
	CHAIN_SPREAD_DONE,
	CHAIN_SPREAD_DONE_TO
};

#define PAGE_BARE 256 /* certificates in a transaction: each is verified, */
#define PAGE 5000 /* or only its chains are added */

/* The certificates of a chain, after one number and up to another. */
#define OF_CHAIN                                                               \
	"k.chain_id = ?1 AND k.certificate_id > ?3 AND k.certificate_id <= ?4"

static const char *const sql[] = {
    [CHAIN_SPREAD_BARE] =
	"SELECT c.id, c.not_after, c.der FROM certificates c"
	" WHERE c.issuer_id = (SELECT i.id FROM ca_certificates ca"
	" JOIN issuers i ON i.sha256 = ca.subject_sha256 WHERE ca.id = ?1)"
	" AND (c.not_after, c.id) > (?2, ?3) AND NOT EXISTS"
	" (SELECT 1 FROM certificate_chains k WHERE k.certificate_id = c.id)"
	" ORDER BY c.not_after, c.id LIMIT ?4",
    [CHAIN_SPREAD_GIVE] =
	"INSERT INTO certificate_chains (certificate_id, chain_id, is_default,"
	" found) VALUES (?1, ?2, CASE WHEN EXISTS"
	" (SELECT 1 FROM certificate_chains x WHERE x.certificate_id = ?1)"
	" THEN 0 ELSE 1 END, 1)"
	" ON CONFLICT (certificate_id, chain_id) DO NOTHING",
    [CHAIN_SPREAD_CHAINS] =
	"SELECT m.chain_id FROM ca_certificates ca"
	" JOIN chain_members m ON m.ca_certificate_id = ca.id"
	" WHERE ca.subject_sha256 = ?1 AND ca.spki_sha256 = ?2"
	" AND m.position = 0",
    [CHAIN_SPREAD_PAGE] =
	"SELECT max(p.certificate_id) FROM (SELECT k.certificate_id"
	" FROM certificate_chains k WHERE k.chain_id = ?1"
	" AND k.certificate_id > ?2 ORDER BY k.certificate_id LIMIT ?3) p",
    [CHAIN_SPREAD_ADD] =
	"INSERT INTO certificate_chains (certificate_id, chain_id, is_default,"
	" found) SELECT k.certificate_id, CAST(?2 AS BIGINT), 0, 1"
	" FROM certificate_chains k WHERE " OF_CHAIN
	" AND (SELECT count(*) FROM certificate_chains x"
	" WHERE x.certificate_id = k.certificate_id) < ?5"
	" AND NOT EXISTS (SELECT 1 FROM certificate_chains x"
	" WHERE x.certificate_id = k.certificate_id"
	" AND x.chain_id IN (?2, ?6, ?7, ?8))"
	" ON CONFLICT (certificate_id, chain_id) DO NOTHING",
    /* Where ?1 was found and is the default, ?2 is that now. */
    [CHAIN_SPREAD_DEFAULT] =
	"UPDATE certificate_chains SET is_default = 1 WHERE chain_id = ?2"
	" AND certificate_id IN (SELECT k.certificate_id"
	" FROM certificate_chains k WHERE " OF_CHAIN
	" AND k.is_default = 1 AND k.found = 1)",
    [CHAIN_SPREAD_DROP] =
	"DELETE FROM certificate_chains WHERE chain_id = ?1 AND certificate_id"
	" IN (SELECT k.certificate_id FROM certificate_chains k"
	" JOIN certificate_chains n ON n.certificate_id = k.certificate_id"
	" AND n.chain_id = ?2 WHERE " OF_CHAIN " AND k.found = 1)",
    [CHAIN_SPREAD_ISSUED] =
	"SELECT id FROM ca_certificates WHERE issuer_id ="
	" (SELECT i.id FROM ca_certificates ca JOIN issuers i"
	" ON i.sha256 = ca.subject_sha256 WHERE ca.id = ?1) AND id <> ?1",
    [CHAIN_SPREAD_DONE] =
	"UPDATE ca_certificates SET spread = 1 WHERE id = ?1 AND spread = 0",
    [CHAIN_SPREAD_DONE_TO] =
	"UPDATE ca_certificates SET spread = 1 WHERE spread = 0 AND id <= ?1",
};

const struct stmt_table chain_spread_stmts = {
    "chain_spread", sql, ARRAY_LEN(sql)};

/* Numbers, of chains or CA certificates. */
struct ids {
	int64_t *v;
	size_t len;
};

static void
ids_add(struct ids *ids, int64_t id)
{
	ids->v = xreallocarray(ids->v, ids->len + 1, sizeof(*ids->v));
	ids->v[ids->len++] = id;
}

/* Adds what a statement finds. */
static int
ids_read(struct ids *ids, struct db_stmt *s, struct err *e)
{
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		ids_add(ids, db_int(s, 0));
	return rc;
}

/* A way, and chains that are the same with a root behind. */
#define ROOTED_MAX 3
struct way {
	int64_t id;
	int64_t rooted[ROOTED_MAX]; /* or 0 */
};

/* What the CA certificate at hand makes. */
struct spread {
	struct store *st;
	int64_t ca;
	struct cert *cert;
	struct chain_ways found;
	struct way ways[CHAIN_WAYS_MAX]; /* the same */
};

/* ---- certificates that have no chain ------------------------------------- */

/* A walk; `not_after` and `id` are those of the last one looked at. */
struct walk {
	struct spread *s;
	int64_t not_after, id;
	struct cert *certs[PAGE_BARE]; /* as far as they are signed by it */
	int64_t ids[PAGE_BARE];
	size_t len, seen;
};

static void
drop_page(struct walk *w)
{
	for (size_t i = 0; i < w->len; i++)
		cert_free(w->certs[i]);
	w->len = w->seen = 0;
}

/* What is stored and is none is for acmed-store check to tell. */
static int
read_page(struct walk *w, struct err *e)
{
	struct db_stmt *q =
	    stmt_query(w->s->st, STMT_CHAIN_SPREAD, CHAIN_SPREAD_BARE, e,
		"iiii", w->s->ca, w->not_after, w->id, (int64_t)PAGE_BARE);
	int rc = -1;

	while (q && (rc = db_step(q, e)) > 0) {
		struct err ignored = {0};
		size_t len;
		const void *der = db_blob(q, 2, &len);
		struct cert *c = cert_from_der(der, len, &ignored);

		w->id = db_int(q, 0);
		w->not_after = db_int(q, 1);
		w->seen++;
		if (c && cert_is_issued_by(c, w->s->cert, &ignored) == 0) {
			w->ids[w->len] = w->id;
			w->certs[w->len++] = c;
		} else {
			cert_free(c);
		}
	}
	return rc;
}

static int
give(struct spread *s, int64_t certificate, struct err *e)
{
	char detail[32];

	for (size_t i = 0; i < s->found.len; i++) {
		int64_t n = stmt_run(s->st, STMT_CHAIN_SPREAD,
		    CHAIN_SPREAD_GIVE, e, "ii", certificate, s->ways[i].id);

		snprintf(detail, sizeof(detail), "chain/%lld",
		    (long long)s->ways[i].id);
		if (n < 0 ||
		    (n > 0 &&
			event_add(s->st, "certificate.add_chain",
			    EVENT_CERTIFICATE, certificate, detail, e) < 0))
			return -1;
	}
	return 0;
}

static int
give_page(void *arg, struct err *e)
{
	struct walk *w = arg;

	for (size_t i = 0; i < w->len; i++)
		if (give(w->s, w->ids[i], e) < 0)
			return -1;
	return 0;
}

static int
spread_to_bare(struct spread *s, struct err *e)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	int rc;

	w->s = s;
	do {
		drop_page(w);
		rc = read_page(w, e);
		if (rc == 0 && w->len > 0)
			rc = db_transaction(
			    s->st->db, DB_DURABLE, give_page, w, e);
	} while (rc == 0 && w->seen == PAGE_BARE && !sig_term());
	drop_page(w);
	free(w);
	return rc;
}

/* ---- certificates that have one ------------------------------------------ */

/* A chain that begins with the issuer, and certificates that have it. */
struct page {
	struct spread *s;
	int64_t chain, after, last;
	bool wanted[CHAIN_WAYS_MAX]; /* which ways it does not say */
	size_t longer; /* the way that goes on where it ends; or none */
};

static int
add_way(struct page *p, size_t i, struct err *e)
{
	struct store *st = p->s->st;
	const struct way *w = &p->s->ways[i];
	int64_t n, dropped = 0;
	char detail[48];

	n = stmt_run(st, STMT_CHAIN_SPREAD, CHAIN_SPREAD_ADD, e, "iiiiiiii",
	    p->chain, w->id, p->after, p->last, (int64_t)CHAIN_WAYS_MAX,
	    w->rooted[0], w->rooted[1], w->rooted[2]);
	if (n >= 0 && i == p->longer &&
	    (stmt_run(st, STMT_CHAIN_SPREAD, CHAIN_SPREAD_DEFAULT, e, "iiii",
		 p->chain, w->id, p->after, p->last) < 0 ||
		(dropped = stmt_run(st, STMT_CHAIN_SPREAD, CHAIN_SPREAD_DROP, e,
		     "iiii", p->chain, w->id, p->after, p->last)) < 0))
		n = -1;
	if (n < 0 || n + dropped == 0)
		return n < 0 ? -1 : 0;
	snprintf(detail, sizeof(detail), "certificates %lld",
	    (long long)(n > dropped ? n : dropped));
	if (serving_change_note_all(st, e) < 0)
		return -1;
	return event_add(st, "chain.spread", EVENT_CHAIN, w->id, detail, e);
}

/* The longer one comes last, when the others have had the page too. */
static int
add_ways(void *arg, struct err *e)
{
	struct page *p = arg;

	for (size_t i = 0; i < p->s->found.len; i++)
		if (p->wanted[i] && i != p->longer && add_way(p, i, e) < 0)
			return -1;
	return p->longer < p->s->found.len ? add_way(p, p->longer, e) : 0;
}

static int
spread_pages(struct page *p, struct err *e)
{
	int rc = 0;

	while (rc == 0 && !sig_term()) {
		p->last = 0;
		rc = stmt_int(p->s->st, STMT_CHAIN_SPREAD, CHAIN_SPREAD_PAGE,
		    &p->last, e, "iii", p->chain, p->after, (int64_t)PAGE);
		if (rc < 0 || p->last == 0)
			break;
		rc = db_transaction(p->s->st->db, DB_DURABLE, add_ways, p, e);
		p->after = p->last;
	}
	return rc < 0 ? -1 : 0;
}

/* Whether a chain is where a way begins that goes on. */
static bool
goes_on(
    const struct cert_list *way, const struct cert *const *chain, size_t len)
{
	const struct cert_list beginning = {.v = way->v, .len = len};

	return way->len > len && chain_is_way(&beginning, chain, len);
}

/* Which ways are to be added: those that the chain itself does not say. */
static bool
compare_ways(struct page *p, const struct cert_list *chain)
{
	const struct cert *const *v = (const struct cert *const *)chain->v;
	const struct chain_ways *found = &p->s->found;
	bool any = false, is_way = false;

	p->longer = found->len;
	for (size_t i = 0; i < found->len; i++) {
		p->wanted[i] = !chain_is_way(&found->v[i], v, chain->len);
		any = any || p->wanted[i];
		is_way = is_way || p->s->ways[i].id == p->chain;
		if (p->longer == found->len &&
		    goes_on(&found->v[i], v, chain->len))
			p->longer = i;
	}
	if (is_way)
		p->longer = found->len;
	return any;
}

/* Notes a chain that is one of the ways, and a root. */
static void
note_rooted(struct spread *s, int64_t id, const struct cert_list *chain)
{
	for (size_t i = 0; i < s->found.len; i++)
		for (size_t k = 0;
		     chain->len == s->found.v[i].len + 1 && k < ROOTED_MAX &&
		     chain_is_way(&s->found.v[i],
			 (const struct cert *const *)chain->v, chain->len);
		     k++)
			if (s->ways[i].rooted[k] == 0) {
				s->ways[i].rooted[k] = id;
				break;
			}
}

static int
read_chain(struct store *st, int64_t id, struct cert_list *out, struct err *e)
{
	struct chain chain;
	struct err ignored = {0};
	int rc = chain_load(st, id, &chain, e);

	for (size_t i = 0; rc == 0 && i < chain.len; i++) {
		struct cert *c = cert_from_der(
		    chain.certs[i].der, chain.certs[i].len, &ignored);

		if (!c)
			break;
		cert_list_take(out, c);
	}
	chain_release(&chain);
	return rc;
}

/* Of each chain that begins with the issuer. */
static int
read_chains(struct spread *s, struct ids *chains, struct err *e)
{
	uint8_t subject[DIGEST_SHA256_SIZE], spki[DIGEST_SHA256_SIZE];
	const uint8_t *der;
	size_t len;

	der = cert_subject_der(s->cert, &len);
	digest_sha256(subject, der, len);
	cert_spki_sha256(s->cert, spki);
	return ids_read(chains,
	    stmt_query(s->st, STMT_CHAIN_SPREAD, CHAIN_SPREAD_CHAINS, e, "bb",
		subject, sizeof(subject), spki, sizeof(spki)),
	    e);
}

static int
spread_to_chains(struct spread *s, struct err *e)
{
	struct ids ids = {0};
	int rc = read_chains(s, &ids, e);
	struct cert_list *chains = xcalloc(ids.len + 1, sizeof(*chains));

	for (size_t i = 0; rc == 0 && i < ids.len; i++) {
		rc = read_chain(s->st, ids.v[i], &chains[i], e);
		if (rc == 0)
			note_rooted(s, ids.v[i], &chains[i]);
	}
	for (size_t i = 0; rc == 0 && i < ids.len; i++) {
		struct page p = {.s = s, .chain = ids.v[i]};

		if (compare_ways(&p, &chains[i]))
			rc = spread_pages(&p, e);
	}
	for (size_t i = 0; i < ids.len; i++)
		cert_list_release(&chains[i]);
	free(chains);
	free(ids.v);
	return rc;
}

/* ---- CA certificates ----------------------------------------------------- */

static int
put_ways(void *arg, struct err *e)
{
	struct spread *s = arg;
	bool created;

	for (size_t i = 0; i < s->found.len; i++)
		if (chain_put(s->st, &s->found.v[i], 0, &s->ways[i].id,
			&created, e) < 0)
			return -1;
	return 0;
}

static int
spread_ways(struct spread *s, struct err *e)
{
	int rc = chain_find_ways(s->st, s->cert, &s->found, e);

	if (rc == 0 && s->found.len > 0) {
		rc = db_transaction(s->st->db, DB_DURABLE, put_ways, s, e);
		if (rc == 0)
			rc = spread_to_bare(s, e);
		if (rc == 0)
			rc = spread_to_chains(s, e);
	}
	chain_ways_release(&s->found);
	return rc;
}

/* 1, or 0 when its issuer has had its turn already, or -1. */
static int
spread_one(struct store *st, int64_t ca, struct digestmap *done, struct err *e)
{
	struct spread s = {.st = st, .ca = ca};
	struct ca_certificate row;
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	struct err ignored = {0};
	size_t n = done->len;
	int rc = 0;

	if (ca_certificate_by_id(st, ca, &row, e) < 0)
		return -1;
	s.cert = cert_from_der(row.der, row.der_len, &ignored);
	ca_certificate_release(&row);
	if (s.cert) {
		chain_issuer_digest(s.cert, digest);
		digestmap_put(done, digest, 0);
		if (done->len > n)
			rc = spread_ways(&s, e) < 0 ? -1 : 1;
	}
	cert_free(s.cert);
	return rc;
}

/* Not before all is done that they make, also further down. */
static int
note_done(struct store *st, const int64_t *ids, size_t len, struct err *e)
{
	if (sig_term())
		return 0;
	for (size_t i = 0; i < len; i++)
		if (stmt_run(st, STMT_CHAIN_SPREAD, CHAIN_SPREAD_DONE, e, "i",
			ids[i]) < 0)
			return -1;
	return 0;
}

/*
 * Down from what has come: the ways of each CA that it has signed, and so on,
 * begin anew with it.
 */
int
chain_spread(struct store *st, const int64_t *ids, size_t len, struct err *e)
{
	struct digestmap done = {0};
	struct ids queue = {0};
	int rc = 0;

	for (size_t i = 0; i < len; i++)
		ids_add(&queue, ids[i]);
	for (size_t i = 0; rc >= 0 && i < queue.len && !sig_term(); i++) {
		int64_t ca = queue.v[i];

		rc = spread_one(st, ca, &done, e);
		if (rc > 0)
			rc = ids_read(&queue,
			    stmt_query(st, STMT_CHAIN_SPREAD,
				CHAIN_SPREAD_ISSUED, e, "i", ca),
			    e);
	}
	free(queue.v);
	digestmap_release(&done);
	return rc < 0 ? -1 : note_done(st, ids, len, e);
}

int
chain_spread_all(struct store *st, struct err *e)
{
	struct digestmap done = {0};
	int64_t ca = 0;
	int rc = 1;

	while (
	    rc > 0 && !sig_term() && (rc = ca_certificate_next(st, &ca, e)) > 0)
		rc = spread_one(st, ca, &done, e) < 0 ? -1 : 1;
	digestmap_release(&done);
	if (rc == 0 &&
	    stmt_run(st, STMT_CHAIN_SPREAD, CHAIN_SPREAD_DONE_TO, e, "i", ca) <
		0)
		rc = -1;
	return rc < 0 ? -1 : 0;
}
