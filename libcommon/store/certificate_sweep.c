#include "store/certificate_sweep.h"

#include "store/domain.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "sys/sig.h"

#define AT_ONCE 2000 /* certificates that are looked at in one transaction */

enum {
	SWEEP_EXPIRED,
	SWEEP_DUPLICATES,
	SWEEP_EXPIRED_END,
	SWEEP_DUPLICATES_END
};

/* 1 if its private key is here, 0 if not. */
#define HAS_KEY(certificate)                                                   \
	"COALESCE((SELECT 1 FROM private_keys p"                               \
	" WHERE p.spki_sha256 = " certificate ".spki_sha256), 0)"

/*
 * Whether a name of `c` has no later active one whose key is here and that has
 * begun by ?5.  Not NOT EXISTS, which PostgreSQL would answer from the side of
 * all certificates.
 */
#define IS_LAST_WITH_KEY                                                       \
	"EXISTS (SELECT 1 FROM fqdn_set_members m"                             \
	" WHERE m.fqdn_set_id = c.fqdn_set_id AND"                             \
	" (SELECT n.fqdn_set_id FROM fqdn_set_members n"                       \
	" WHERE n.domain_id = m.domain_id AND (SELECT k.id FROM certificates " \
	"k"                                                                    \
	" WHERE k.fqdn_set_id = n.fqdn_set_id AND +k.active = 1"               \
	" AND k.status || '' = 'valid'"                                        \
	" AND (k.not_after, k.id) > (c.not_after, c.id)"                       \
	" AND k.not_before <= ?5"                                              \
	" AND " HAS_KEY("k") " = 1 LIMIT 1) IS NOT NULL LIMIT 1) IS NULL)"

/* 'r', 'p', 'e' of the words of key_spki_word. */
#define FAMILY(certificate) "substr(" certificate ".key_type, 1, 1)"

static const char *const sql[] = {
    /* Of the active ones after (?1, ?2) and up to (?3, ?4). */
    [SWEEP_EXPIRED] =
	"SELECT c.id FROM certificates c WHERE c.active = 1"
	" AND c.status = 'valid' AND (c.not_after, c.id) > (?1, ?2)"
	" AND (c.not_after, c.id) <= (?3, ?4) AND c.not_after < ?5"
	" AND NOT EXISTS (SELECT 1 FROM fqdn_set_members m"
	" JOIN domains d ON d.id = m.domain_id"
	" WHERE m.fqdn_set_id = c.fqdn_set_id"
	" AND c.id IN (d.latest_single_id, d.latest_multi_id))"
	" AND NOT (" HAS_KEY("c") " = 1 AND " IS_LAST_WITH_KEY ")"
				  " ORDER BY c.not_after, c.id",
    /* After ?1 and up to ?2; in this order the table is read as it lies. */
    [SWEEP_DUPLICATES] =
	"SELECT c.id FROM certificates c WHERE c.id > ?1 AND c.id <= ?2"
	" AND +c.active = 1 AND c.status || '' = 'valid'"
	" AND c.key_type <> 'other'"
	" AND (SELECT f.size FROM fqdn_sets f WHERE f.id = c.fqdn_set_id) > 0"
	" AND EXISTS"
	" (SELECT 1 FROM certificates k"
	" WHERE k.fqdn_set_id = c.fqdn_set_id"
	" AND (k.not_after, k.id) > (c.not_after, c.id)"
	" AND +k.active = 1 AND k.status || '' = 'valid'"
	" AND " FAMILY("k") " = " FAMILY(
	    "c") " AND (k.not_before <= ?3"
		 " OR c.not_before > ?3 OR c.not_after < ?3)"
		 " AND " HAS_KEY("k") " >= " HAS_KEY("c") ") ORDER BY c.id",
    [SWEEP_EXPIRED_END] =
	"SELECT c.not_after, c.id FROM certificates c WHERE c.active = 1"
	" AND c.status = 'valid' AND (c.not_after, c.id) > (?1, ?2)"
	" AND c.not_after < ?3"
	" ORDER BY c.not_after, c.id LIMIT 1 OFFSET ?4",
    [SWEEP_DUPLICATES_END] =
	("SELECT id FROM certificates WHERE id > ?1 ORDER BY id"
	 " LIMIT 1 OFFSET ?2"),
};

const struct stmt_table certificate_sweep_stmts = {
    "certificate_sweep", sql, ARRAY_LEN(sql)};

struct sweep {
	struct store *st;
	const struct certificate_sweep *how;
	int64_t now;
	int64_t after, after_id; /* where the window begins */
	int64_t to, to_id; /* ... and ends */
	bool is_last;
	int64_t *ids;
	size_t len;
};

static bool
by_end(const struct sweep *w)
{
	return w->how->kind == CERTIFICATE_SWEEP_EXPIRED;
}

/* The last of the next AT_ONCE, or all that is left. */
static int
find_end(struct sweep *w, struct err *e)
{
	const int64_t skip = AT_ONCE - 1;
	struct db_stmt *s = by_end(w)
	    ? stmt_query(w->st, STMT_CERTIFICATE_SWEEP, SWEEP_EXPIRED_END, e,
		  "iiii", w->after, w->after_id, w->now, skip)
	    : stmt_query(w->st, STMT_CERTIFICATE_SWEEP, SWEEP_DUPLICATES_END, e,
		  "ii", w->after_id, skip);
	int rc = s ? db_step(s, e) : -1;

	w->is_last = rc == 0;
	w->to = w->now;
	w->to_id = INT64_MAX;
	if (rc > 0) {
		w->to = by_end(w) ? db_int(s, 0) : 0;
		w->to_id = db_int(s, by_end(w) ? 1 : 0);
		db_reset(s);
	}
	return rc < 0 ? -1 : 0;
}

static struct db_stmt *
query(struct sweep *w, struct err *e)
{
	return by_end(w)
	    ? stmt_query(w->st, STMT_CERTIFICATE_SWEEP, SWEEP_EXPIRED, e,
		  "iiiii", w->after, w->after_id, w->to, w->to_id, w->now)
	    : stmt_query(w->st, STMT_CERTIFICATE_SWEEP, SWEEP_DUPLICATES, e,
		  "iii", w->after_id, w->to_id, w->now);
}

static int
find(struct sweep *w, struct err *e)
{
	struct db_stmt *s = query(w, e);
	int rc = -1;

	w->len = 0;
	while (s && (rc = db_step(s, e)) > 0) {
		if (w->len % AT_ONCE == 0)
			w->ids = xreallocarray(
			    w->ids, w->len + AT_ONCE, sizeof(*w->ids));
		w->ids[w->len++] = db_int(s, 0);
	}
	return rc;
}

/* What is the latest of a name must be known first. */
static int
refresh(struct sweep *w, struct err *e)
{
	return by_end(w) ? domain_refresh_ending(
			       w->st, w->after, w->after_id, w->to, w->to_id, e)
			 : 0;
}

static int
deactivate(void *arg, struct err *e)
{
	static const char *const reasons[] = {
	    [CERTIFICATE_SWEEP_EXPIRED] = "expired",
	    [CERTIFICATE_SWEEP_DUPLICATES] = "duplicate",
	};
	struct sweep *w = arg;

	if (find_end(w, e) < 0 || refresh(w, e) < 0 || find(w, e) < 0)
		return -1;
	for (size_t i = 0; i < w->len; i++)
		if (certificate_deactivate_spare(
			w->st, w->ids[i], reasons[w->how->kind], e) < 0)
			return -1;
	return 0;
}

static int
tell(struct sweep *w, struct err *e)
{
	if (find_end(w, e) < 0 || find(w, e) < 0)
		return -1;
	for (size_t i = 0; i < w->len; i++) {
		struct certificate_filter f = {.id = w->ids[i]};

		if (certificate_list(w->st, &f, w->how->fn, w->how->arg, e) < 0)
			return -1;
	}
	return 0;
}

int
certificate_sweep(
    struct store *st, const struct certificate_sweep *how, struct err *e)
{
	struct sweep w = {
	    .st = st, .how = how, .now = clock_now(), .after = INT64_MIN};
	int rc = 0;

	if (how->deactivated)
		*how->deactivated = 0;
	while (rc == 0 && !w.is_last && !sig_term()) {
		rc = how->dry_run
		    ? tell(&w, e)
		    : db_transaction(st->db, DB_DURABLE, deactivate, &w, e);
		if (rc == 0 && !how->dry_run && how->deactivated)
			*how->deactivated += (int64_t)w.len;
		w.after = w.to;
		w.after_id = w.to_id;
	}
	free(w.ids);
	return rc;
}
