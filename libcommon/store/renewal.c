#include "store/renewal.h"

#include "base/rfc3339.h"
#include "store/certificate_part.h"
#include "store/event.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "sys/sig.h"

#define DAY 86400
#define SHORT (10 * DAY) /* a lifetime below is a short one */
#define AT_ONCE 2000 /* certificates that are looked at in one transaction */
#define SLICE 50 /* a window is that part of the span */

enum {
	RENEWAL_FIND,
	RENEWAL_BY_SHA256,
	RENEWAL_PAGE,
	RENEWAL_PAGE_OF_ISSUER,
	RENEWAL_OF_SERIAL,
	RENEWAL_SET,
	RENEWAL_UNSET,
	RENEWAL_ISSUERS
};

#define COLUMNS                                                                \
	"c.id, c.status, c.not_before, c.not_after, c.created, c.revoked_at,"  \
	" c.renew_start, c.renew_end"
#define PAGED                                                                  \
	"SELECT " COLUMNS ", CASE WHEN " CERTIFICATE_IS_OURS " AND NOT EXISTS" \
	" (SELECT 1 FROM orders o WHERE o.replaces_id = c.id"                  \
	" AND o.status = 'valid') THEN 1 ELSE 0 END"                           \
	" FROM certificates c WHERE "

static const char *const sql[] = {
    [RENEWAL_FIND] =
	"SELECT " COLUMNS " FROM certificates c"
	" WHERE c.serial = ?1 AND c.aki = ?2 AND " CERTIFICATE_IS_OURS
	" LIMIT 1",
    [RENEWAL_BY_SHA256] = "SELECT " COLUMNS " FROM certificates c"
			  " WHERE c.sha256 = ?1 AND " CERTIFICATE_IS_OURS,
    [RENEWAL_PAGE] = PAGED "(c.not_after, c.id) > (?1, ?2)"
			   " ORDER BY c.not_after, c.id LIMIT ?3",
    [RENEWAL_PAGE_OF_ISSUER] =
	PAGED "c.issuer_id = ?4 AND (c.not_after, c.id) > (?1, ?2)"
	      " ORDER BY c.not_after, c.id LIMIT ?3",
    [RENEWAL_OF_SERIAL] = PAGED "c.serial = ?1 LIMIT ?2",
    [RENEWAL_SET] = "UPDATE certificates SET renew_start = ?2, renew_end = ?3"
		    " WHERE id = ?1 AND status = 'valid'"
		    " AND (renew_start IS NULL OR renew_start > ?2)",
    [RENEWAL_UNSET] =
	("UPDATE certificates SET renew_start = NULL, renew_end = NULL"
	 " WHERE id = ?1 AND status = 'valid' AND renew_start IS NOT NULL"),
    [RENEWAL_ISSUERS] = "SELECT id, name FROM issuers WHERE id > 0 ORDER BY id",
};

const struct stmt_table renewal_stmts = {"renewal", sql, ARRAY_LEN(sql)};

/* ---- windows ------------------------------------------------------------- */

/*
 * When a third of the life is left, or half of a short one, so that there is
 * time for more attempts; and wide enough that certificates which were issued
 * together need not be renewed together.  Life begins when it was issued:
 * notBefore may lie before that by as much as the whole.
 */
static void
usual_window(int64_t begin, int64_t end, struct renewal *r)
{
	int64_t life = end - begin + 1;
	int64_t middle = end - life / (life < SHORT ? 2 : 3);

	r->lifetime = life;
	r->start = middle - life / 100;
	r->end = middle + life / 100;
	if (r->end <= r->start)
		r->end = r->start + 1;
	r->is_usual = true;
}

static void
read_row(struct db_stmt *s, struct renewal *r)
{
	int64_t begin = db_int(s, 2), end = db_int(s, 3), made = db_int(s, 4);

	*r = (struct renewal){.certificate_id = db_int(s, 0),
	    .status = certificate_status_of(db_text(s, 1))};
	usual_window(made > begin && made < end ? made : begin, end, r);
	r->is_usual = false;
	if (r->status == CERTIFICATE_REVOKED) { /* over, whatever the clock */
		r->end = db_int(s, 5) - 1800;
		r->start = r->end - 1800;
	} else if (!db_is_null(s, 6)) {
		r->start = db_int(s, 6);
		r->end = db_int(s, 7);
	} else {
		r->is_usual = true;
	}
}

static int
read_one(struct db_stmt *s, struct renewal *r, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	if (rc == 0)
		return err_set(
		    e, KIND_NOTFOUND, "no certificate of ours has this name");
	if (rc < 0)
		return -1;
	read_row(s, r);
	db_reset(s);
	return 0;
}

int
renewal_find(struct store *st, const void *aki, size_t aki_len,
    const char *serial_hex, struct renewal *r, struct err *e)
{
	return read_one(stmt_query(st, STMT_RENEWAL, RENEWAL_FIND, e, "tb",
			    serial_hex, aki, aki_len),
	    r, e);
}

int
renewal_by_sha256(struct store *st, const uint8_t sha256[32], struct renewal *r,
    struct err *e)
{
	return read_one(stmt_query(st, STMT_RENEWAL, RENEWAL_BY_SHA256, e, "b",
			    sha256, (size_t)32),
	    r, e);
}

/* ---- pulling them forward ------------------------------------------------ */

/* One page, or all with one serial number. */
struct pull {
	struct store *st;
	const struct renewal_pull *how;
	const char *serial; /* or: */
	int64_t issuer_id; /* 0: any */
	int64_t after, after_id; /* what has been looked at */
	int64_t to, to_id;
	size_t looked, len;
	struct renewal *v; /* AT_ONCE of them: those to be changed */
	struct renewal_pulled done;
};

/*
 * The part of the span that is a certificate's: multiples of the golden ratio,
 * whole parts taken away, lie evenly however many there are of them.
 */
static int64_t
place(const struct pull *p, int64_t id, int64_t room)
{
	const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t part = ((uint64_t)id * golden) >> 32;

	return p->how->from + (int64_t)((part * (uint64_t)room) >> 32);
}

static void
pulled_window(const struct pull *p, struct renewal *r)
{
	int64_t span = p->how->until - p->how->from;
	int64_t width = span / SLICE > 0 ? span / SLICE : 1;

	r->start = place(p, r->certificate_id, span > width ? span - width : 0);
	r->end = r->start + width;
}

/* Of a row: whether it is one, and if so, whether it is to be changed. */
static void
judge(struct pull *p, struct db_stmt *s)
{
	struct renewal *r = &p->v[p->len];
	int64_t start;

	read_row(s, r);
	if (db_int(s, 8) == 0 || r->status != CERTIFICATE_VALID ||
	    db_int(s, 3) <= p->how->from)
		return;
	start = r->start;
	if (!p->how->undo)
		pulled_window(p, r);
	if (p->how->undo ? r->is_usual : start <= r->start)
		p->done.kept++;
	else
		p->len++;
}

static struct db_stmt *
query(struct pull *p, struct err *e)
{
	const int64_t n = AT_ONCE;

	if (p->serial)
		return stmt_query(p->st, STMT_RENEWAL, RENEWAL_OF_SERIAL, e,
		    "ti", p->serial, n);
	if (p->issuer_id != 0)
		return stmt_query(p->st, STMT_RENEWAL, RENEWAL_PAGE_OF_ISSUER,
		    e, "iiii", p->after, p->after_id, n, p->issuer_id);
	return stmt_query(p->st, STMT_RENEWAL, RENEWAL_PAGE, e, "iii", p->after,
	    p->after_id, n);
}

static int
look(struct pull *p, struct err *e)
{
	struct db_stmt *s = query(p, e);
	int rc = -1;

	p->looked = p->len = 0;
	p->done = (struct renewal_pulled){0};
	while (s && (rc = db_step(s, e)) > 0) {
		p->to_id = db_int(s, 0);
		p->to = db_int(s, 3);
		p->looked++;
		judge(p, s);
	}
	p->done.pulled = (int64_t)p->len;
	return rc;
}

static int
set(struct pull *p, const struct renewal *r, struct err *e)
{
	bool undo = p->how->undo;
	char start[RFC3339_SIZE];
	int64_t n = undo ? stmt_run(p->st, STMT_RENEWAL, RENEWAL_UNSET, e, "i",
			       r->certificate_id)
			 : stmt_run(p->st, STMT_RENEWAL, RENEWAL_SET, e, "iii",
			       r->certificate_id, r->start, r->end);

	if (n == 0) /* revoked a moment ago */
		p->done.pulled--;
	if (n <= 0)
		return n < 0 ? -1 : 0;
	rfc3339_format(start, r->start);
	return event_add(p->st,
	    undo ? "certificate.renew_undo" : "certificate.renew_now",
	    EVENT_CERTIFICATE, r->certificate_id, undo ? NULL : start, e);
}

static int
change(void *arg, struct err *e)
{
	struct pull *p = arg;

	if (look(p, e) < 0)
		return -1;
	for (size_t i = 0; i < p->len; i++)
		if (set(p, &p->v[i], e) < 0)
			return -1;
	return 0;
}

/* The next page, and what was done with it to `done`. */
static int
turn(struct pull *p, struct renewal_pulled *done, struct err *e)
{
	int rc = p->how->dry_run
	    ? look(p, e)
	    : db_transaction(p->st->db, DB_DURABLE, change, p, e);

	if (rc < 0)
		return -1;
	p->after = p->to;
	p->after_id = p->to_id;
	done->pulled += p->done.pulled;
	done->kept += p->done.kept;
	return 0;
}

/* Whose names were found: those that are the text, or else have it in them. */
struct found {
	int64_t *ids;
	size_t len;
	bool is_whole;
};

static void
find_name(struct found *f, int64_t id, const char *name, const char *text)
{
	bool is_whole = strcmp(name, text) == 0;

	if (!strcasestr(name, text) || (f->is_whole && !is_whole))
		return;
	if (is_whole && !f->is_whole) {
		f->is_whole = true;
		f->len = 0;
	}
	f->ids = xreallocarray(f->ids, f->len + 1, sizeof(*f->ids));
	f->ids[f->len++] = id;
}

/* One name may be spelt in several ways in DER, each an issuer. */
static int
find_issuers(struct store *st, const char *text, struct found *f, struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_RENEWAL, RENEWAL_ISSUERS, e, "");
	int rc = -1;

	while (s && (rc = db_step(s, e)) > 0)
		find_name(f, db_int(s, 0), db_text(s, 1), text);
	if (rc < 0)
		return -1;
	if (f->len == 0)
		return err_set(
		    e, KIND_NOTFOUND, "%s: no issuer has this name", text);
	if (f->len > 1 && !f->is_whole)
		return err_set(e, KIND_INPUT,
		    "%s: %zu issuers have this in their name; give the whole "
		    "name of one",
		    text, f->len);
	return 0;
}

/* All pages of one issuer, or (0) of all. */
static int
turn_all(struct pull *p, int64_t issuer_id, struct renewal_pulled *done,
    struct err *e)
{
	int rc;

	p->issuer_id = issuer_id;
	p->after = p->how->from;
	p->after_id = INT64_MAX;
	do
		rc = turn(p, done, e);
	while (rc == 0 && p->looked == AT_ONCE && !sig_term());
	return rc;
}

int
renewal_pull(struct store *st, const struct renewal_pull *how,
    struct renewal_pulled *done, struct err *e)
{
	struct pull p = {.st = st, .how = how};
	struct found f = {0};
	int rc = 0;

	*done = (struct renewal_pulled){0};
	if (how->issuer)
		rc = find_issuers(st, how->issuer, &f, e);
	p.v = xcalloc(AT_ONCE + 1, sizeof(*p.v));
	for (size_t i = 0; rc == 0 && i < f.len && !sig_term(); i++)
		rc = turn_all(&p, f.ids[i], done, e);
	if (rc == 0 && !how->issuer)
		rc = turn_all(&p, 0, done, e);
	free(p.v);
	free(f.ids);
	return rc;
}

int
renewal_pull_serial(struct store *st, const char *serial_hex,
    const struct renewal_pull *how, struct renewal_pulled *done, struct err *e)
{
	struct pull p = {.st = st, .how = how, .serial = serial_hex};
	int rc;

	p.v = xcalloc(AT_ONCE + 1, sizeof(*p.v));
	rc = turn(&p, done, e);
	free(p.v);
	if (rc == 0 && p.done.pulled + p.done.kept == 0)
		return err_set(e, KIND_NOTFOUND,
		    "%s: no certificate of ours that is valid and not replaced "
		    "has this serial number",
		    serial_hex);
	return rc;
}
