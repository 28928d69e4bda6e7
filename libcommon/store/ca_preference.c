#include "store/ca_preference.h"

#include "store/event.h"
#include "store/serving_change.h"
#include "store/stmt.h"

enum {
	CA_PREFERENCE_LOAD,
	CA_PREFERENCE_CLEAR,
	CA_PREFERENCE_ADD
};

static const char *const sql[] = {
    [CA_PREFERENCE_LOAD] = "SELECT ca_certificate_id FROM ca_preferences"
			   " WHERE position > 0 ORDER BY position LIMIT ?1",
    [CA_PREFERENCE_CLEAR] = "DELETE FROM ca_preferences WHERE position > 0",
    [CA_PREFERENCE_ADD] =
	"INSERT INTO ca_preferences (position, ca_certificate_id)"
	" VALUES (?1, ?2)",
};

const struct stmt_table ca_preference_stmts = {
    "ca_preference", sql, ARRAY_LEN(sql)};

int
ca_preference_load(struct store *st, struct ca_preferences *p, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_CA_PREFERENCE,
	    CA_PREFERENCE_LOAD, e, "i", (int64_t)CA_PREFERENCES_MAX);
	int rc = -1;

	p->len = 0;
	while (s && (rc = db_step(s, e)) > 0)
		p->ids[p->len++] = db_int(s, 0);
	return rc;
}

struct change {
	struct store *st;
	const struct ca_preferences *to;
};

static int
set(void *arg, struct err *e)
{
	struct change *c = arg;
	char detail[CA_PREFERENCES_MAX * 21 + 1] = "";
	size_t n = 0;

	if (stmt_run(c->st, STMT_CA_PREFERENCE, CA_PREFERENCE_CLEAR, e, "") < 0)
		return -1;
	for (size_t i = 0; i < c->to->len; i++) {
		if (stmt_run(c->st, STMT_CA_PREFERENCE, CA_PREFERENCE_ADD, e,
			"ii", (int64_t)i + 1, c->to->ids[i]) < 0)
			return -1;
		n += (size_t)snprintf(detail + n, sizeof(detail) - n, "%s%lld",
		    i > 0 ? " " : "", (long long)c->to->ids[i]);
	}
	return serving_change_note_all(c->st, e) < 0
	    ? -1
	    : event_add(c->st, CA_PREFERENCE_EVENT, EVENT_STORE, 0, detail, e);
}

int
ca_preference_set(
    struct store *st, const struct ca_preferences *p, struct err *e)
{
	struct change c = {.st = st, .to = p};

	for (size_t i = 0; i < p->len; i++)
		for (size_t k = 0; k < i; k++)
			if (p->ids[i] == p->ids[k])
				return err_set(e, KIND_INPUT,
				    "ca_certificate/%lld stands twice",
				    (long long)p->ids[i]);
	return db_transaction(st->db, DB_DURABLE, set, &c, e);
}
