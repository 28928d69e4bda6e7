#include "store/certificate_list.h"

#include "base/hex.h"
#include "store/fqdn_set.h"
#include "store/stmt.h"
#include "wrap/name.h"

#define PAGE 1000
#define FINGERPRINT_MIN 8 /* digits of a SHA-256 */
#define SERIAL_MAX 128
#define PREFIX "certificate/"
#define NO_ID (-1) /* of a certificate that cannot be */

enum {
	LIST_BY_ID,
	LIST_BY_SHA256,
	LIST_BY_SHA1,
	LIST_BY_SERIAL,
	LIST_BY_KEY,
	LIST_BY_SET,
	LIST_BY_NAME,
	LIST_BY_ISSUER,
	LIST_BY_ACCOUNT,
	LIST_BY_UPSTREAM_ACCOUNT,
	LIST_BY_TEXT,
	LIST_ACTIVE,
	LIST_DEACTIVATED,
	LIST_REVOKED,
	LIST_ALL,
	LIST_ISSUER_NEXT,
	LIST_COUNT_ENDING
};

#define SELECT                                                                 \
	"SELECT c.id, c.sha256, c.sha1, c.spki_sha256, c.serial,"              \
	" c.not_before, c.not_after, c.status, c.active, c.auto_renew,"        \
	" c.account_id, c.source, c.created, c.fqdn_set_id, c.key_type,"       \
	" (SELECT i.name FROM issuers i WHERE i.id = c.issuer_id),"            \
	" COALESCE((SELECT 1 FROM private_keys k"                              \
	" WHERE k.spki_sha256 = c.spki_sha256), 0), c.upstream_account_id"     \
	" FROM certificates c WHERE "

/* The page after (notAfter, id); by an index that has them at its end. */
#define PAGED                                                                  \
	" AND (c.not_after, c.id) > (?1, ?2) AND c.not_after <= ?3"            \
	" ORDER BY c.not_after, c.id LIMIT ?4"

/* The same of the few that another index finds. */
#define FEW                                                                    \
	" AND (+c.not_after, +c.id) > (?1, ?2) AND +c.not_after <= ?3"         \
	" ORDER BY +c.not_after, +c.id LIMIT ?4"

#define IS_ACTIVE "c.active = 1 AND c.status = 'valid'"

static const char *const sql[] = {
    [LIST_BY_ID] = SELECT "c.id = ?5" FEW,
    [LIST_BY_SHA256] = SELECT "c.sha256 >= ?5 AND c.sha256 <= ?6" FEW,
    [LIST_BY_SHA1] = SELECT "c.sha1 = ?5" FEW,
    [LIST_BY_SERIAL] = SELECT "c.serial = ?5" FEW,
    [LIST_BY_KEY] = SELECT "c.spki_sha256 = ?5" FEW,
    [LIST_BY_SET] = SELECT "c.fqdn_set_id = ?5" PAGED,
    [LIST_BY_NAME] =
	SELECT "c.fqdn_set_id IN (SELECT m.fqdn_set_id FROM domains d"
	       " JOIN fqdn_set_members m ON m.domain_id = d.id"
	       " WHERE d.value IN (?5, ?6))" FEW,
    [LIST_BY_ISSUER] = SELECT "c.issuer_id = ?5" PAGED,
    [LIST_BY_ACCOUNT] = SELECT "c.account_id = ?5" PAGED,
    [LIST_BY_UPSTREAM_ACCOUNT] = SELECT "c.upstream_account_id = ?5" PAGED,
    /* Reads all; each page goes on where the last one ended. */
    [LIST_BY_TEXT] =
	SELECT "(c.serial LIKE ?5 ESCAPE '!' OR (SELECT count(*)"
	       " FROM fqdn_set_members m JOIN domains d ON d.id = m.domain_id"
	       " WHERE m.fqdn_set_id = c.fqdn_set_id"
	       " AND d.value LIKE ?5 ESCAPE '!') > 0"
	       " OR (SELECT lower(x.name) FROM issuers x"
	       " WHERE x.id = c.issuer_id) LIKE ?5 ESCAPE '!')" PAGED,
    [LIST_ACTIVE] = SELECT IS_ACTIVE PAGED,
    [LIST_DEACTIVATED] = SELECT "c.active = 0 AND c.status = 'valid'" PAGED,
    [LIST_REVOKED] = SELECT "c.status = 'revoked'" PAGED,
    [LIST_ALL] = SELECT "c.id > 0" PAGED,
    [LIST_ISSUER_NEXT] = "SELECT id FROM issuers WHERE id > ?1"
			 " AND lower(name) LIKE ?2 ESCAPE '!'"
			 " ORDER BY id LIMIT 1",
    [LIST_COUNT_ENDING] =
	"SELECT count(*) FROM certificates c"
	" WHERE " IS_ACTIVE " AND c.not_after >= ?1 AND c.not_after < ?2",
};

const struct stmt_table certificate_list_stmts = {
    "certificate_list", sql, ARRAY_LEN(sql)};

/* ---- words --------------------------------------------------------------- */

static const char *const states[] = {
    [CERTIFICATE_ACTIVE] = "active",
    [CERTIFICATE_DEACTIVATED] = "deactivated",
    [CERTIFICATE_IS_REVOKED] = "revoked",
};
_Static_assert(ARRAY_LEN(states) == CERTIFICATE_STATE__MAX, "one per state");

enum certificate_state
certificate_item_state(const struct certificate_item *c)
{
	if (c->status == CERTIFICATE_REVOKED)
		return CERTIFICATE_IS_REVOKED;
	return c->active ? CERTIFICATE_ACTIVE : CERTIFICATE_DEACTIVATED;
}

const char *
certificate_state_name(enum certificate_state state)
{
	return states[state];
}

int
certificate_state_by_name(const char *name, enum certificate_state *state)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (strcmp(name, states[i]) == 0) {
			*state = (enum certificate_state)i;
			return 0;
		}
	return -1;
}

/* Lower-case hex without colons; the caller frees.  NULL when it is not hex. */
static char *
clean_hex(const char *text)
{
	char *out = xcalloc(1, strlen(text) + 1);
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ':')
			continue;
		if (!strchr("0123456789abcdefABCDEF", *text))
			break;
		out[n++] = *text;
	}
	if (*text || n == 0) {
		free(out);
		return NULL;
	}
	str_lower(out);
	return out;
}

char *
certificate_serial_clean(const char *text)
{
	char *hex = clean_hex(text), *out;
	const char *p = hex;

	if (!hex || strlen(hex) > SERIAL_MAX) {
		free(hex);
		return NULL;
	}
	while (p[0] == '0' && p[1] != '\0')
		p++;
	out = xasprintf("%s%s", strlen(p) % 2 == 1 ? "0" : "", p);
	free(hex);
	return out;
}

int
certificate_filter_fingerprint(struct certificate_filter *f, const char *text)
{
	char *hex = clean_hex(text);
	size_t n = hex ? strlen(hex) : 0;
	bool is_one = false;

	if (n == 2 * sizeof(f->sha1))
		is_one = f->by_sha1 = hex_decode(f->sha1, n / 2, hex) == 0;
	else if (n >= FINGERPRINT_MIN)
		is_one = f->by_sha256 = hex_range(f->sha256, f->sha256_to,
					    sizeof(f->sha256), hex) > 0;
	free(hex);
	return is_one ? 0 : -1;
}

/* "%TEXT%" for LIKE, in lower case; the caller frees. */
static char *
like_pattern(const char *text)
{
	char *out = xcalloc(1, 2 * strlen(text) + 3);
	size_t n = 0;

	out[n++] = '%';
	for (; *text; text++) {
		if (strchr("%_!", *text))
			out[n++] = '!';
		out[n++] = *text;
	}
	out[n] = '%';
	str_lower(out);
	return out;
}

/* ---- one look-up --------------------------------------------------------- */

/* Which statement, and the state of a walk over what it finds. */
struct walk {
	struct store *st;
	const struct certificate_filter *f;
	size_t row; /* LIST_* */
	int64_t issuer_id;
	char *pattern; /* of issuer or text */
	char *wildcard;
	int64_t after, after_id;
	struct certificate_item *items;
	size_t len;
	int64_t given;
};

static size_t
choose(const struct certificate_filter *f)
{
	static const size_t of_state[] = {
	    [CERTIFICATE_ACTIVE] = LIST_ACTIVE,
	    [CERTIFICATE_DEACTIVATED] = LIST_DEACTIVATED,
	    [CERTIFICATE_IS_REVOKED] = LIST_REVOKED,
	};
	const struct {
		bool is_set;
		size_t row;
	} ways[] = {
	    {f->id != 0, LIST_BY_ID},
	    {f->by_sha256, LIST_BY_SHA256},
	    {f->by_sha1, LIST_BY_SHA1},
	    {f->serial != NULL, LIST_BY_SERIAL},
	    {f->by_key, LIST_BY_KEY},
	    {f->fqdn_set_id != 0, LIST_BY_SET},
	    {f->name != NULL, LIST_BY_NAME},
	    {f->issuer != NULL, LIST_BY_ISSUER},
	    {f->account_id != 0, LIST_BY_ACCOUNT},
	    {f->upstream_account_id != 0, LIST_BY_UPSTREAM_ACCOUNT},
	    {f->text != NULL, LIST_BY_TEXT},
	    {f->by_state, of_state[f->state]},
	};

	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (ways[i].is_set)
			return ways[i].row;
	return LIST_ALL;
}

static struct db_stmt *
query(const struct walk *w, struct err *e)
{
	const struct certificate_filter *f = w->f;
	int64_t to = f->to != 0 ? f->to : INT64_MAX;

#define QUERY(types, ...)                                                      \
	stmt_query(w->st, STMT_CERTIFICATE_LIST, w->row, e, "iiii" types,      \
	    w->after, w->after_id, to, (int64_t)PAGE, __VA_ARGS__)
	switch (w->row) {
	case LIST_BY_ID:
		return QUERY("i", f->id);
	case LIST_BY_SHA256:
		return QUERY("bb", f->sha256, sizeof(f->sha256), f->sha256_to,
		    sizeof(f->sha256_to));
	case LIST_BY_SHA1:
		return QUERY("b", f->sha1, sizeof(f->sha1));
	case LIST_BY_SERIAL:
		return QUERY("t", f->serial);
	case LIST_BY_KEY:
		return QUERY("b", f->spki_sha256, sizeof(f->spki_sha256));
	case LIST_BY_SET:
		return QUERY("i", f->fqdn_set_id);
	case LIST_BY_NAME:
		return QUERY(
		    "tt", f->name, w->wildcard ? w->wildcard : f->name);
	case LIST_BY_ISSUER:
		return QUERY("i", w->issuer_id);
	case LIST_BY_ACCOUNT:
		return QUERY("i", f->account_id);
	case LIST_BY_UPSTREAM_ACCOUNT:
		return QUERY("i", f->upstream_account_id);
	case LIST_BY_TEXT:
		return QUERY("t", w->pattern);
	default:
		break;
	}
#undef QUERY
	return stmt_query(w->st, STMT_CERTIFICATE_LIST, w->row, e, "iiii",
	    w->after, w->after_id, to, (int64_t)PAGE);
}

static void
read_row(struct db_stmt *s, struct certificate_item *c)
{
	const void *sha1;
	size_t len;

	*c = (struct certificate_item){.id = db_int(s, 0)};
	stmt_digest(s, 1, c->sha256);
	sha1 = db_blob(s, 2, &len);
	if (sha1 && len == sizeof(c->sha1))
		memcpy(c->sha1, sha1, len);
	stmt_digest(s, 3, c->spki_sha256);
	stmt_text_to(s, 4, c->serial, sizeof(c->serial));
	c->not_before = db_int(s, 5);
	c->not_after = db_int(s, 6);
	c->status = certificate_status_of(db_text(s, 7));
	c->active = db_int(s, 8) != 0;
	c->auto_renew = db_int(s, 9) != 0;
	c->account_id = db_int(s, 10);
	stmt_text_to(s, 11, c->source, sizeof(c->source));
	c->created = db_int(s, 12);
	c->fqdn_set_id = db_int(s, 13);
	stmt_text_to(s, 14, c->key_type, sizeof(c->key_type));
	c->issuer = stmt_text_dup(s, 15);
	c->has_key = db_int(s, 16) != 0;
	c->upstream_account_id = db_int(s, 17);
}

static int
read_page(struct walk *w, struct err *e)
{
	struct db_stmt *s = query(w, e);
	int rc = -1;

	w->len = 0;
	while (s && (rc = db_step(s, e)) > 0)
		read_row(s, &w->items[w->len++]);
	if (w->len > 0) {
		w->after = w->items[w->len - 1].not_after;
		w->after_id = w->items[w->len - 1].id;
	}
	return rc;
}

static void
drop_page(struct walk *w)
{
	for (size_t i = 0; i < w->len; i++)
		free(w->items[i].issuer);
	w->len = 0;
}

/* ---- the rest of the filter ---------------------------------------------- */

static bool
contains(const char *text, const char *part)
{
	return text && strcasestr(text, part) != NULL;
}

/* What the row alone can tell. */
static bool
row_matches(
    const struct certificate_filter *f, const struct certificate_item *c)
{
	return (f->id == 0 || f->id == c->id) &&
	    (!f->by_sha256 ||
		(memcmp(c->sha256, f->sha256, 32) >= 0 &&
		    memcmp(c->sha256, f->sha256_to, 32) <= 0)) &&
	    (!f->by_sha1 || memcmp(c->sha1, f->sha1, sizeof(c->sha1)) == 0) &&
	    (!f->serial || strcmp(c->serial, f->serial) == 0) &&
	    (!f->by_key || memcmp(c->spki_sha256, f->spki_sha256, 32) == 0) &&
	    (f->fqdn_set_id == 0 || f->fqdn_set_id == c->fqdn_set_id) &&
	    (!f->issuer || contains(c->issuer, f->issuer)) &&
	    (f->account_id == 0 || f->account_id == c->account_id) &&
	    (f->upstream_account_id == 0 ||
		f->upstream_account_id == c->upstream_account_id) &&
	    (!f->by_state || certificate_item_state(c) == f->state);
}

static bool
has_text(const char *text, const struct certificate_item *c,
    const struct strv *names)
{
	for (size_t i = 0; i < names->len; i++)
		if (contains(names->v[i], text))
			return true;
	return contains(c->serial, text) || contains(c->issuer, text);
}

static bool
names_match(const struct walk *w, const struct certificate_item *c,
    const struct strv *names)
{
	const struct certificate_filter *f = w->f;

	return (!f->text || has_text(f->text, c, names)) &&
	    (!f->name || strv_has(names, f->name) ||
		(w->wildcard && strv_has(names, w->wildcard)));
}

/* Also what the names tell, where the statement has not looked at them. */
static int
matches(struct walk *w, const struct certificate_item *c, bool *is_match,
    struct err *e)
{
	struct strv names = {0};
	int rc;

	*is_match = row_matches(w->f, c);
	if (!*is_match ||
	    ((!w->f->name || w->row == LIST_BY_NAME) &&
		(!w->f->text || w->row == LIST_BY_TEXT)))
		return 0;
	rc = fqdn_set_names(w->st, c->fqdn_set_id, &names, e);
	*is_match = rc == 0 && names_match(w, c, &names);
	strv_release(&names);
	return rc;
}

/* ---- the walk ------------------------------------------------------------ */

static int
give_page(struct walk *w,
    int (*fn)(void *arg, const struct certificate_item *c, struct err *e),
    void *arg, struct err *e)
{
	for (size_t i = 0; i < w->len; i++) {
		bool is_match;

		if (w->f->limit != 0 && w->given == w->f->limit)
			return 0;
		if (matches(w, &w->items[i], &is_match, e) < 0)
			return -1;
		if (!is_match)
			continue;
		w->given++;
		if (fn(arg, &w->items[i], e) < 0)
			return -1;
	}
	return 0;
}

static int
walk(struct walk *w,
    int (*fn)(void *arg, const struct certificate_item *c, struct err *e),
    void *arg, struct err *e)
{
	size_t n = PAGE;
	int rc = 0;

	w->after = w->f->from != 0 ? w->f->from - 1 : INT64_MIN;
	w->after_id = INT64_MAX;
	while (rc == 0 && n == PAGE &&
	    (w->f->limit == 0 || w->given < w->f->limit)) {
		rc = read_page(w, e);
		n = w->len;
		if (rc == 0)
			rc = give_page(w, fn, arg, e);
		drop_page(w);
	}
	return rc;
}

static int
walk_issuers(struct walk *w,
    int (*fn)(void *arg, const struct certificate_item *c, struct err *e),
    void *arg, struct err *e)
{
	int rc;

	while ((rc = stmt_int(w->st, STMT_CERTIFICATE_LIST, LIST_ISSUER_NEXT,
		    &w->issuer_id, e, "it", w->issuer_id, w->pattern)) > 0)
		if (walk(w, fn, arg, e) < 0)
			return -1;
	return rc;
}

int
certificate_list(struct store *st, const struct certificate_filter *f,
    int (*fn)(void *arg, const struct certificate_item *c, struct err *e),
    void *arg, struct err *e)
{
	struct walk w = {.st = st, .f = f, .row = choose(f)};
	int rc;

	w.items = xcalloc(PAGE, sizeof(*w.items));
	w.wildcard = f->name ? certificate_wildcard_of(f->name) : NULL;
	if (w.row == LIST_BY_ISSUER && f->issuer)
		w.pattern = like_pattern(f->issuer);
	else if (w.row == LIST_BY_TEXT && f->text)
		w.pattern = like_pattern(f->text);
	rc = w.row == LIST_BY_ISSUER ? walk_issuers(&w, fn, arg, e)
				     : walk(&w, fn, arg, e);
	free(w.items);
	free(w.wildcard);
	free(w.pattern);
	return rc;
}

/* ---- operands ------------------------------------------------------------ */

/* What one may mean, the first before the others. */
enum reading {
	READ_NUMBER,
	READ_FINGERPRINT, /* a whole one */
	READ_NAME,
	READ_BEGINNING, /* of a SHA-256 */
	READING__MAX
};

/* Whether it can mean that; then the filter looks for it. */
static bool
read_as(enum reading how, const char *text, const char *name,
    struct certificate_filter *f)
{
	uint8_t fingerprint[32];
	uint64_t id;

	switch (how) {
	case READ_NUMBER:
		if (!str_to_u64(text, INT64_MAX, &id))
			return false;
		f->id = id != 0 ? (int64_t)id : NO_ID;
		return true;
	case READ_FINGERPRINT:
		return certificate_fingerprint(text, fingerprint) > 0 &&
		    certificate_filter_fingerprint(f, text) == 0;
	case READ_NAME:
		f->name = name;
		return name != NULL;
	default:
		return certificate_filter_fingerprint(f, text) == 0;
	}
}

/* Passes on what is found, and counts it. */
struct found {
	int (*fn)(void *arg, const struct certificate_item *c, struct err *e);
	void *arg;
	int64_t n;
};

static int
pass_on(void *arg, const struct certificate_item *c, struct err *e)
{
	struct found *f = arg;

	f->n++;
	return f->fn(f->arg, c, e);
}

/* `name` is NULL when it may be none.  `*readable`: it can mean something. */
static int
list_operand(struct store *st, const struct certificate_filter *f,
    const char *text, const char *name, struct found *found, bool *readable,
    struct err *e)
{
	int rc = 0;

	*readable = false;
	for (int how = 0; rc == 0 && found->n == 0 && how < READING__MAX;
	     how++) {
		struct certificate_filter one = *f;

		if (!read_as((enum reading)how, text, name, &one))
			continue;
		*readable = true;
		rc = certificate_list(st, &one, pass_on, found, e);
	}
	return rc;
}

static const char *
without_prefix(const char *text)
{
	return str_starts(text, PREFIX) ? text + strlen(PREFIX) : text;
}

int
certificate_list_operand(struct store *st, const struct certificate_filter *f,
    const char *text,
    int (*fn)(void *arg, const struct certificate_item *c, struct err *e),
    void *arg, struct err *e)
{
	struct found found = {.fn = fn, .arg = arg};
	char *name = name_spell(without_prefix(text));
	bool readable;
	int rc = list_operand(
	    st, f, without_prefix(text), name, &found, &readable, e);

	free(name);
	return rc;
}

static int
keep(void *arg, const struct certificate_item *c, struct err *e)
{
	struct certificate_item *out = arg;

	(void)e;
	*out = *c;
	out->issuer = NULL;
	return 0;
}

int
certificate_pick(struct store *st, const char *text,
    struct certificate_item *out, struct err *e)
{
	/* A second one is one too many. */
	const struct certificate_filter f = {.limit = 2};
	struct found found = {.fn = keep, .arg = out};
	bool readable;

	if (list_operand(
		st, &f, without_prefix(text), NULL, &found, &readable, e) < 0)
		return -1;
	if (!readable)
		return err_set(e, KIND_INPUT,
		    "%s: neither the number of a certificate nor a fingerprint",
		    text);
	if (found.n == 0)
		return err_set(
		    e, KIND_NOTFOUND, "%s: no such certificate", text);
	if (found.n > 1)
		return err_set(e, KIND_INPUT,
		    "%s: more than one certificate begins so", text);
	return 0;
}

int
certificate_count_ending(
    struct store *st, int64_t from, int64_t to, int64_t *n, struct err *e)
{
	return stmt_int(st, STMT_CERTIFICATE_LIST, LIST_COUNT_ENDING, n, e,
		   "ii", from, to) < 0
	    ? -1
	    : 0;
}
