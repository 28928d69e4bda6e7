#include "store/event.h"

#include "base/hex.h"
#include "base/log.h"
#include "store/stmt.h"
#include "sys/clock.h"

#define PAGE 1000 /* events in memory at a time, whatever the engine */

enum {
	EVENT_ADD,
	EVENT_ALL,
	EVENT_OF_OBJECT,
	EVENT_NEXT,
	EVENT_TIME,
	EVENT_LAST,
	EVENT_LAST_OF_OBJECT,
	EVENT_ACCOUNT_ID,
	EVENT_ORDER_ID,
	EVENT_AUTHORIZATION_ID,
	EVENT_CERTIFICATE_ID
};

#define COLUMNS                                                                \
	"id, at, request_id, actor, action, object_type, object_id, detail"

static const char *const sql[] = {
    [EVENT_ADD] = "INSERT INTO events (at, request_id, actor, action,"
		  " object_type, object_id, detail)"
		  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id",
    [EVENT_ALL] = "SELECT " COLUMNS " FROM events WHERE id >= ?1"
		  " ORDER BY id LIMIT ?2",
    [EVENT_OF_OBJECT] = "SELECT " COLUMNS " FROM events"
			" WHERE object_type = ?2 AND object_id = ?3"
			" AND id >= ?1 ORDER BY id LIMIT ?4",
    [EVENT_NEXT] = "SELECT id, at FROM events WHERE id >= ?1"
		   " ORDER BY id LIMIT 1",
    [EVENT_TIME] = "SELECT at FROM events WHERE id = ?1",
    /* The last but ?1. */
    [EVENT_LAST] = "SELECT id FROM events WHERE id > 0"
		   " ORDER BY id DESC LIMIT 1 OFFSET ?1",
    [EVENT_LAST_OF_OBJECT] =
	"SELECT id FROM events WHERE object_type = ?2 AND object_id = ?3"
	" ORDER BY id DESC LIMIT 1 OFFSET ?1",
    [EVENT_ACCOUNT_ID] = "SELECT id FROM accounts WHERE url_id = ?1",
    [EVENT_ORDER_ID] = "SELECT id FROM orders WHERE url_id = ?1",
    [EVENT_AUTHORIZATION_ID] =
	"SELECT id FROM authorizations WHERE url_id = ?1",
    [EVENT_CERTIFICATE_ID] = "SELECT id FROM certificates WHERE sha256 = ?1",
};

const struct stmt_table event_stmts = {"event", sql, ARRAY_LEN(sql)};

static const char *const names[] = {
    [EVENT_ACCOUNT] = "account",
    [EVENT_ORDER] = "order",
    [EVENT_AUTHORIZATION] = "authorization",
    [EVENT_CHALLENGE] = "challenge",
    [EVENT_CERTIFICATE] = "certificate",
    [EVENT_CERTIFICATE_REQUEST] = "certificate_request",
    [EVENT_CA_CERTIFICATE] = "ca_certificate",
    [EVENT_CHAIN] = "chain",
    [EVENT_PRIVATE_KEY] = "private_key",
    [EVENT_DOMAIN] = "domain",
    [EVENT_UPSTREAM_ACCOUNT] = "upstream_account",
    [EVENT_UPSTREAM_ORDER] = "upstream_order",
    [EVENT_LINEAGE] = "lineage",
    [EVENT_EAB_KEY] = "eab_key",
    [EVENT_UPSTREAM_CA] = "upstream_ca",
    [EVENT_RENEWAL_CONFIGURATION] = "renewal_configuration",
    [EVENT_DEPLOY_TARGET] = "deploy_target",
    [EVENT_ADMIN_TOKEN] = "admin_token",
    [EVENT_STORE] = "store",
};
_Static_assert(ARRAY_LEN(names) == EVENT_OBJECT__MAX, "one per type");

const char *
event_object_name(enum event_object type)
{
	return type < EVENT_OBJECT__MAX ? names[type] : "?";
}

int
event_add(struct store *st, const char *action, enum event_object type,
    int64_t object_id, const char *detail, struct err *e)
{
	return stmt_int(st, STMT_EVENT, EVENT_ADD, &st->last_event, e,
		   "ittttit", clock_now(), log_get_id(), st->actor, action,
		   names[type], object_id, detail) < 0
	    ? -1
	    : 0;
}

int64_t
event_last(const struct store *st)
{
	return st->last_event;
}

/* The row of the object that is called `id` in URLs; 1, 0 for none, -1. */
static int
find_object(struct store *st, enum event_object type, const char *id,
    int64_t *row, struct err *e)
{
	uint8_t sha256[32];
	uint64_t n;

	if (type == EVENT_CERTIFICATE && hex_decode(sha256, 32, id) == 0)
		return stmt_int(st, STMT_EVENT, EVENT_CERTIFICATE_ID, row, e,
		    "b", sha256, sizeof(sha256));
	if (strlen(id) == STORE_URL_ID_LEN && type <= EVENT_AUTHORIZATION)
		return stmt_int(st, STMT_EVENT,
		    type == EVENT_ACCOUNT     ? EVENT_ACCOUNT_ID
			: type == EVENT_ORDER ? EVENT_ORDER_ID
					      : EVENT_AUTHORIZATION_ID,
		    row, e, "t", id);
	if (!str_to_u64(id, INT64_MAX, &n))
		return err_set(e, KIND_INPUT,
		    "%s: neither the id in a URL, nor a number, nor (for a "
		    "certificate) a SHA-256",
		    id);
	*row = (int64_t)n;
	return 1;
}

int
event_filter_object(struct store *st, const char *text,
    struct event_filter *filter, struct err *e)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : 0, i;
	int rc;

	for (i = 0; i < EVENT_OBJECT__MAX; i++)
		if (strlen(names[i]) == n && memcmp(names[i], text, n) == 0)
			break;
	if (!slash || i == EVENT_OBJECT__MAX)
		return err_set(e, KIND_INPUT,
		    "%s: not of the form order/ID (account, order, "
		    "authorization, challenge, certificate, private_key, "
		    "domain and others)",
		    text);
	filter->by_object = true;
	filter->object_type = (enum event_object)i;
	rc = find_object(
	    st, filter->object_type, slash + 1, &filter->object_id, e);
	if (rc == 0)
		return err_set(e, KIND_NOTFOUND, "%s: not in the store", text);
	return rc < 0 ? -1 : 0;
}

/* The first event from `id` on; 1 with id and time, 0 for none, -1. */
/* The first id whose event is not before `since`. */
static int
first_since(struct store *st, int64_t since, int64_t *first, struct err *e)
{
	int64_t last = 0;

	if (stmt_int(st, STMT_EVENT, EVENT_LAST, &last, e, "i", (int64_t)0) < 0)
		return -1;
	return stmt_first_since(
	    st, STMT_EVENT, EVENT_NEXT, since, last, first, e);
}

/* The id of the first event to show. */
static int
first_id(struct store *st, const struct event_filter *f, int64_t *from,
    struct err *e)
{
	int64_t last = 0;
	int rc;

	*from = 0;
	if (f->since > 0 && first_since(st, f->since, from, e) < 0)
		return -1;
	if (f->last == 0)
		return 0;
	if (f->by_object)
		rc = stmt_int(st, STMT_EVENT, EVENT_LAST_OF_OBJECT, &last, e,
		    "iti", (int64_t)f->last - 1, names[f->object_type],
		    f->object_id);
	else
		rc = stmt_int(st, STMT_EVENT, EVENT_LAST, &last, e, "i",
		    (int64_t)f->last - 1);
	if (last > *from)
		*from = last;
	return rc < 0 ? -1 : 0;
}

static void
read_event(struct db_stmt *s, struct event *ev)
{
	ev->id = db_int(s, 0);
	ev->at = db_int(s, 1);
	ev->request_id = db_text(s, 2);
	ev->actor = db_text(s, 3);
	ev->action = db_text(s, 4);
	ev->object_type =
	    (enum event_object)stmt_word(s, 5, names, EVENT_OBJECT__MAX);
	ev->object_id = db_int(s, 6);
	ev->detail = db_text(s, 7);
}

/* How many there were from `*from` on; `*from` is then where to go on. */
static int
each_of_page(struct store *st, const struct event_filter *f, int64_t *from,
    int (*fn)(void *arg, const struct event *ev, struct err *e), void *arg,
    struct err *e)
{
	struct db_stmt *s;
	struct event ev;
	int rc = -1, n = 0;

	if (f->by_object)
		s = stmt_query(st, STMT_EVENT, EVENT_OF_OBJECT, e, "itii",
		    *from, names[f->object_type], f->object_id, (int64_t)PAGE);
	else
		s = stmt_query(
		    st, STMT_EVENT, EVENT_ALL, e, "ii", *from, (int64_t)PAGE);
	for (; s && (rc = db_step(s, e)) > 0; n++) {
		read_event(s, &ev);
		*from = ev.id + 1;
		if (fn(arg, &ev, e) < 0) {
			db_reset(s);
			return -1;
		}
	}
	return rc < 0 ? -1 : n;
}

int
event_time(struct store *st, int64_t id, int64_t *at, struct err *e)
{
	int rc = stmt_int(st, STMT_EVENT, EVENT_TIME, at, e, "i", id);

	return rc > 0 ? 0
	    : rc < 0  ? -1
		      : err_set(e, KIND_NOTFOUND, "there is no such event");
}

int
event_each(struct store *st, const struct event_filter *f,
    int (*fn)(void *arg, const struct event *ev, struct err *e), void *arg,
    struct err *e)
{
	int64_t from;
	int n = PAGE;

	if (first_id(st, f, &from, e) < 0)
		return -1;
	while (n == PAGE)
		n = each_of_page(st, f, &from, fn, arg, e);
	return n < 0 ? -1 : 0;
}
