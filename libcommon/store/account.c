#include "store/account.h"

#include "store/eab_key.h"
#include "store/event.h"
#include "store/stmt.h"
#include "store/token.h"
#include "sys/clock.h"
#include "wrap/js.h"

#define CONTACTS_MAX 65536

enum {
	ACCOUNT_ADD,
	ACCOUNT_BY_URL_ID,
	ACCOUNT_BY_THUMBPRINT,
	ACCOUNT_BY_ID,
	ACCOUNT_SET_CONTACTS,
	ACCOUNT_END,
	ACCOUNT_END_ORDERS,
	ACCOUNT_END_JOBS,
	ACCOUNT_END_CHALLENGES,
	ACCOUNT_END_AUTHORIZATIONS,
	ACCOUNT_HOLDER,
	ACCOUNT_SET_KEY
};

#define COLUMNS                                                                \
	"id, url_id, status, thumbprint, jwk, contacts, terms_agreed_at,"      \
	" created, eab_key_id, eab"
#define OF_ACCOUNT " (SELECT id FROM authorizations WHERE account_id = ?1)"

static const char *const sql[] = {
    [ACCOUNT_ADD] = "INSERT INTO accounts (url_id, status, thumbprint, jwk,"
		    " contacts, terms_agreed_at, created, eab_key_id, eab)"
		    " VALUES (?1, 'valid', ?2, ?3, ?4, ?5, ?6,"
		    " NULLIF(CAST(?7 AS BIGINT), 0), ?8)"
		    " ON CONFLICT (thumbprint) DO NOTHING RETURNING id",
    [ACCOUNT_BY_URL_ID] = "SELECT " COLUMNS " FROM accounts WHERE url_id = ?1",
    [ACCOUNT_BY_THUMBPRINT] =
	"SELECT " COLUMNS " FROM accounts WHERE thumbprint = ?1",
    [ACCOUNT_BY_ID] = "SELECT " COLUMNS " FROM accounts WHERE id = ?1",
    [ACCOUNT_SET_CONTACTS] = "UPDATE accounts SET contacts = ?2"
			     " WHERE id = ?1 AND status = 'valid'",
    [ACCOUNT_END] = "UPDATE accounts SET status = 'deactivated'"
		    " WHERE id = ?1 AND status = 'valid'",
    [ACCOUNT_END_ORDERS] =
	"UPDATE orders SET status = 'invalid', error = ?2"
	" WHERE account_id = ?1 AND status IN ('pending', 'ready')",
    [ACCOUNT_END_JOBS] =
	"DELETE FROM jobs WHERE kind = 'validate' AND object_id IN"
	" (SELECT id FROM challenges WHERE status = 'processing'"
	" AND authorization_id IN" OF_ACCOUNT ")",
    [ACCOUNT_END_CHALLENGES] =
	"UPDATE challenges SET status = 'invalid', error = ?2"
	" WHERE status = 'processing' AND authorization_id IN" OF_ACCOUNT,
    [ACCOUNT_END_AUTHORIZATIONS] =
	"UPDATE authorizations SET status = 'deactivated'"
	" WHERE account_id = ?1 AND status IN ('pending', 'valid')",
    [ACCOUNT_HOLDER] = "SELECT url_id FROM accounts WHERE thumbprint = ?1",
    [ACCOUNT_SET_KEY] =
	"UPDATE accounts SET thumbprint = ?3, jwk = ?4"
	" WHERE id = ?1 AND status = 'valid' AND thumbprint = ?2",
};

const struct stmt_table account_stmts = {"account", sql, ARRAY_LEN(sql)};

static const char *const names[] = {
    [ACCOUNT_VALID] = "valid",
    [ACCOUNT_DEACTIVATED] = "deactivated",
    [ACCOUNT_REVOKED] = "revoked",
};
_Static_assert(ARRAY_LEN(names) == ACCOUNT__MAX, "one per status");

static const char deactivated_error[] =
    "{\"type\":\"urn:ietf:params:acme:error:unauthorized\","
    "\"detail\":\"the account was deactivated\",\"status\":403}";

const char *
account_status_name(enum account_status status)
{
	return status < ACCOUNT__MAX ? names[status] : "?";
}

void
account_release(struct account *a)
{
	if (!a)
		return;
	free(a->jwk);
	free(a->eab);
	strv_release(&a->contacts);
	memset(a, 0, sizeof(*a));
}

/* The column holds an array; our reader of JSON takes objects. */
static int
contacts_read(const char *text, struct strv *out, struct err *e)
{
	char *wrapped = xasprintf("{\"contacts\":%s}", text);
	struct js *v = js_parse(wrapped, strlen(wrapped), e);

	js_texts(js_get(v, "contacts"), out);
	free(wrapped);
	if (!v)
		return -1;
	js_free(v);
	return 0;
}

static int
contacts_write(const struct strv *contacts, struct buf *out, struct err *e)
{
	struct js *list = js_array_of(contacts);
	int rc = js_write(list, out);

	js_free(list);
	if (rc < 0)
		return err_set(e, KIND_INPUT, "contacts: more than %d bytes",
		    CONTACTS_MAX);
	return 0;
}

static int
load(struct db_stmt *s, struct account *a, struct err *e)
{
	int rc = s ? db_step(s, e) : -1;

	memset(a, 0, sizeof(*a));
	if (rc == 0)
		return err_acme(
		    e, KIND_NOTFOUND, "accountDoesNotExist", "no such account");
	if (rc < 0)
		return -1;
	a->id = db_int(s, 0);
	stmt_text_to(s, 1, a->url_id, sizeof(a->url_id));
	a->status = (enum account_status)stmt_word(s, 2, names, ACCOUNT__MAX);
	stmt_text_to(s, 3, a->thumbprint, sizeof(a->thumbprint));
	a->jwk = stmt_text_dup(s, 4);
	rc = contacts_read(db_text(s, 5), &a->contacts, e);
	a->terms_agreed_at = db_int(s, 6);
	a->created = db_int(s, 7);
	a->eab_key_id = db_int(s, 8);
	a->eab = stmt_text_dup(s, 9);
	db_reset(s);
	if (rc < 0)
		account_release(a);
	return rc;
}

int
account_by_url_id(
    struct store *st, const char *url_id, struct account *a, struct err *e)
{
	return load(
	    stmt_query(st, STMT_ACCOUNT, ACCOUNT_BY_URL_ID, e, "t", url_id), a,
	    e);
}

int
account_by_thumbprint(
    struct store *st, const char *thumbprint, struct account *a, struct err *e)
{
	return load(stmt_query(st, STMT_ACCOUNT, ACCOUNT_BY_THUMBPRINT, e, "t",
			thumbprint),
	    a, e);
}

int
account_by_id(struct store *st, int64_t id, struct account *a, struct err *e)
{
	return load(
	    stmt_query(st, STMT_ACCOUNT, ACCOUNT_BY_ID, e, "i", id), a, e);
}

const char *
account_email(const struct account *a)
{
	for (size_t i = 0; i < a->contacts.len; i++)
		if (strncasecmp(a->contacts.v[i], "mailto:", 7) == 0)
			return a->contacts.v[i] + 7;
	return NULL;
}

struct creation {
	struct store *st;
	struct account *a;
	const char *contacts;
	bool created;
};

static int
create(void *arg, struct err *e)
{
	struct creation *c = arg;
	struct account *a = c->a;
	int rc;

	a->status = ACCOUNT_VALID;
	a->created = clock_now();
	token_make(a->url_id, TOKEN_URL_ID_BYTES);
	rc = stmt_int(c->st, STMT_ACCOUNT, ACCOUNT_ADD, &a->id, e, "ttttiiit",
	    a->url_id, a->thumbprint, a->jwk, c->contacts, a->terms_agreed_at,
	    a->created, a->eab_key_id, a->eab);
	c->created = rc > 0;
	if (rc <= 0)
		return rc;
	if (a->eab_key_id != 0 &&
	    eab_key_use(c->st, a->eab_key_id, a->id, e) < 0)
		return -1;
	return event_add(
	    c->st, "account.create", EVENT_ACCOUNT, a->id, a->url_id, e);
}

int
account_create(
    struct store *st, struct account *a, bool *created, struct err *e)
{
	struct creation c = {.st = st, .a = a};
	struct account existing;
	struct buf contacts;
	int rc = -1;

	buf_init(&contacts, CONTACTS_MAX);
	if (contacts_write(&a->contacts, &contacts, e) < 0)
		goto out;
	c.contacts = contacts.data;
	if (db_transaction(st->db, DB_DURABLE, create, &c, e) < 0)
		goto out;
	*created = c.created;
	if (!c.created) {
		if (account_by_thumbprint(st, a->thumbprint, &existing, e) < 0)
			goto out;
		account_release(a);
		*a = existing; /* transferred */
	}
	rc = 0;
out:
	buf_release(&contacts);
	return rc;
}

struct change {
	struct store *st;
	int64_t id;
	const char *contacts; /* the new ones, of change() */
};

static int
change(void *arg, struct err *e)
{
	struct change *c = arg;
	int64_t n;

	n = stmt_run(c->st, STMT_ACCOUNT, ACCOUNT_SET_CONTACTS, e, "it", c->id,
	    c->contacts);
	if (n == 0)
		return err_set(e, KIND_CONFLICT, "the account is not valid");
	if (n < 0)
		return -1;
	return event_add(
	    c->st, "account.contacts", EVENT_ACCOUNT, c->id, c->contacts, e);
}

int
account_set_contacts(
    struct store *st, int64_t id, const struct strv *contacts, struct err *e)
{
	struct change c = {.st = st, .id = id};
	struct buf text;
	int rc = -1;

	buf_init(&text, CONTACTS_MAX);
	if (contacts_write(contacts, &text, e) == 0) {
		c.contacts = text.data;
		rc = db_transaction(st->db, DB_QUICK, change, &c, e);
	}
	buf_release(&text);
	return rc;
}

static int
deactivate(void *arg, struct err *e)
{
	struct change *c = arg;
	int64_t n = stmt_run(c->st, STMT_ACCOUNT, ACCOUNT_END, e, "i", c->id);

	if (n == 0)
		return err_set(e, KIND_CONFLICT, "the account is not valid");
	/* The jobs first: they are found by what the next one changes. */
	if (n < 0 ||
	    stmt_run(c->st, STMT_ACCOUNT, ACCOUNT_END_ORDERS, e, "it", c->id,
		deactivated_error) < 0 ||
	    stmt_run(c->st, STMT_ACCOUNT, ACCOUNT_END_JOBS, e, "i", c->id) <
		0 ||
	    stmt_run(c->st, STMT_ACCOUNT, ACCOUNT_END_CHALLENGES, e, "it",
		c->id, deactivated_error) < 0 ||
	    stmt_run(c->st, STMT_ACCOUNT, ACCOUNT_END_AUTHORIZATIONS, e, "i",
		c->id) < 0)
		return -1;
	return event_add(
	    c->st, "account.deactivate", EVENT_ACCOUNT, c->id, NULL, e);
}

int
account_deactivate(struct store *st, int64_t id, struct err *e)
{
	struct change c = {.st = st, .id = id};

	return db_transaction(st->db, DB_DURABLE, deactivate, &c, e);
}

struct key_change {
	struct store *st;
	int64_t id;
	const char *from, *to, *jwk;
	char *holder;
};

/* Writes who has the key; 1 when somebody has, 0 when nobody, -1. */
static int
find_holder(struct store *st, const char *thumbprint,
    char holder[STORE_URL_ID_SIZE], struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_ACCOUNT, ACCOUNT_HOLDER, e, "t", thumbprint);
	int rc = s ? db_step(s, e) : -1;

	holder[0] = '\0';
	if (rc > 0) {
		stmt_text_to(s, 0, holder, STORE_URL_ID_SIZE);
		db_reset(s);
	}
	return rc;
}

int
account_has_key(
    struct store *st, const char *thumbprint, bool *has, struct err *e)
{
	char holder[STORE_URL_ID_SIZE];
	int rc = find_holder(st, thumbprint, holder, e);

	*has = rc > 0;
	return rc < 0 ? -1 : 0;
}

static int
change_key(void *arg, struct err *e)
{
	struct key_change *c = arg;
	int64_t n = find_holder(c->st, c->to, c->holder, e);

	if (n > 0)
		return err_set(e, KIND_CONFLICT,
		    "RFC 8555 7.3.5: the new key belongs to an account");
	if (n == 0)
		n = stmt_run(c->st, STMT_ACCOUNT, ACCOUNT_SET_KEY, e, "ittt",
		    c->id, c->from, c->to, c->jwk);
	else
		return -1;
	if (n == 0)
		return err_set(e, KIND_CONFLICT,
		    "RFC 8555 7.3.5: the account no longer has the old key");
	if (n < 0)
		return -1;
	return event_add(c->st, "account.key", EVENT_ACCOUNT, c->id, c->to, e);
}

int
account_change_key(struct store *st, int64_t id, const char *old_thumbprint,
    const char *new_thumbprint, const char *new_jwk,
    char holder_url_id[STORE_URL_ID_SIZE], struct err *e)
{
	struct key_change c = {.st = st,
	    .id = id,
	    .from = old_thumbprint,
	    .to = new_thumbprint,
	    .jwk = new_jwk,
	    .holder = holder_url_id};

	return db_transaction(st->db, DB_DURABLE, change_key, &c, e);
}
