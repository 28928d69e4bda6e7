#include "store/sealing_key.h"

#include "base/buf.h"
#include "base/hex.h"
#include "store/stmt.h"
#include "wrap/seal.h"

enum {
	SEALING_KEY_GET,
	SEALING_KEY_ADD,
	SEALING_KEY_REPLACE
};

static const char *const sql[] = {
    [SEALING_KEY_GET] = "SELECT key_id FROM sealing_keys WHERE setting = ?1",
    [SEALING_KEY_ADD] = "INSERT INTO sealing_keys (setting, key_id)"
			" VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    [SEALING_KEY_REPLACE] =
	"INSERT INTO sealing_keys (setting, key_id) VALUES (?1, ?2)"
	" ON CONFLICT (setting) DO UPDATE SET key_id = excluded.key_id",
};

const struct stmt_table sealing_key_stmts = {
    "sealing_key", sql, ARRAY_LEN(sql)};

/* 1, 0 when none is known, -1. */
static int
get(struct store *st, const char *setting, uint8_t id[SEAL_ID_SIZE],
    struct err *e)
{
	struct db_stmt *s =
	    stmt_query(st, STMT_SEALING_KEY, SEALING_KEY_GET, e, "t", setting);
	int rc = s ? db_step(s, e) : -1;
	const void *p;
	size_t len;

	if (rc <= 0)
		return rc;
	p = db_blob(s, 0, &len);
	memset(id, 0, SEAL_ID_SIZE);
	memcpy(id, p, len < SEAL_ID_SIZE ? len : SEAL_ID_SIZE);
	db_reset(s);
	return 1;
}

/* As get; -1, KIND_CONF, when it is another. */
static int
compare(struct store *st, const char *setting, const uint8_t id[SEAL_ID_SIZE],
    struct err *e)
{
	char is_hex[2 * SEAL_ID_SIZE + 1], want_hex[2 * SEAL_ID_SIZE + 1];
	uint8_t want[SEAL_ID_SIZE];
	int rc = get(st, setting, want, e);

	if (rc <= 0 || memcmp(id, want, SEAL_ID_SIZE) == 0)
		return rc;
	hex_encode(is_hex, id, SEAL_ID_SIZE);
	hex_encode(want_hex, want, SEAL_ID_SIZE);
	return err_set(e, KIND_CONF,
	    "[store] %s: the key in it is %s, but that of the store is %s; "
	    "if acmed-store rekey was cut short, run it again",
	    setting, is_hex, want_hex);
}

int
sealing_key_is_known(struct store *st, const char *setting, struct err *e)
{
	uint8_t id[SEAL_ID_SIZE];

	return get(st, setting, id, e);
}

int
sealing_key_check(struct store *st, const char *setting,
    const struct seal_key *k, struct err *e)
{
	return k && compare(st, setting, k->id, e) < 0 ? -1 : 0;
}

int
sealing_key_note(struct store *st, const char *setting,
    const struct buf *sealed, struct err *e)
{
	const uint8_t *id = sealed ? seal_id(sealed->data, sealed->len) : NULL;
	int rc = id ? compare(st, setting, id, e) : 1;

	if (rc == 0)
		rc = stmt_run(st, STMT_SEALING_KEY, SEALING_KEY_ADD, e, "tb",
			 setting, id, (size_t)SEAL_ID_SIZE) < 0
		    ? -1
		    : 0;
	return rc < 0 ? -1 : 0;
}

int
sealing_key_replace(struct store *st, const char *setting,
    const struct seal_key *k, struct err *e)
{
	return stmt_run(st, STMT_SEALING_KEY, SEALING_KEY_REPLACE, e, "tb",
		   setting, k->id, (size_t)SEAL_ID_SIZE) < 0
	    ? -1
	    : 0;
}
