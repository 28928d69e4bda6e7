#include "store/stmt.h"

#include "base/str.h"

const struct stmt_table *const stmt_tables[] = {
    [STMT_ACCOUNT] = &account_stmts,
    [STMT_ACME_DNS_ACCOUNT] = &acme_dns_account_stmts,
    [STMT_ADMIN_TOKEN] = &admin_token_stmts,
    [STMT_AUTHORIZATION] = &authorization_stmts,
    [STMT_AUTOCERT] = &autocert_stmts,
    [STMT_BLOCKED_NAME] = &blocked_name_stmts,
    [STMT_CA_CERTIFICATE] = &ca_certificate_stmts,
    [STMT_CA_PREFERENCE] = &ca_preference_stmts,
    [STMT_CERTIFICATE] = &certificate_stmts,
    [STMT_CERTIFICATE_LIST] = &certificate_list_stmts,
    [STMT_CERTIFICATE_REQUEST] = &certificate_request_stmts,
    [STMT_CERTIFICATE_SWEEP] = &certificate_sweep_stmts,
    [STMT_CHAIN] = &chain_stmts,
    [STMT_CHAIN_SPREAD] = &chain_spread_stmts,
    [STMT_CHALLENGE] = &challenge_stmts,
    [STMT_CHALLENGE_ANSWER] = &challenge_answer_stmts,
    [STMT_CHALLENGE_REQUEST] = &challenge_request_stmts,
    [STMT_CHECK] = &check_stmts,
    [STMT_CHECK_CHAINS] = &check_chains_stmts,
    [STMT_CHECK_CONTENT] = &check_content_stmts,
    [STMT_CHECK_DEPLOY] = &check_deploy_stmts,
    [STMT_CHECK_UPSTREAM] = &check_upstream_stmts,
    [STMT_CLOCK_STEP] = &clock_step_stmts,
    [STMT_DEPLOY_TARGET] = &deploy_target_stmts,
    [STMT_DEPLOYMENT] = &deployment_stmts,
    [STMT_DOMAIN] = &domain_stmts,
    [STMT_DOMAIN_QUEUE] = &domain_queue_stmts,
    [STMT_DOMAIN_QUEUE_WORK] = &domain_queue_work_stmts,
    [STMT_DOMAIN_TEMPLATE] = &domain_template_stmts,
    [STMT_EAB_KEY] = &eab_key_stmts,
    [STMT_EVENT] = &event_stmts,
    [STMT_FQDN_SET] = &fqdn_set_stmts,
    [STMT_ISSUER] = &issuer_stmts,
    [STMT_JOB] = &job_stmts,
    [STMT_KEY_CYCLE] = &key_cycle_stmts,
    [STMT_LINEAGE] = &lineage_stmts,
    [STMT_ORDER] = &order_stmts,
    [STMT_PRIVATE_KEY] = &private_key_stmts,
    [STMT_PURGE] = &purge_stmts,
    [STMT_REFS] = &refs_stmts,
    [STMT_REKEY] = &rekey_stmts,
    [STMT_RENEWAL] = &renewal_stmts,
    [STMT_RENEWAL_BACKUP] = &renewal_backup_stmts,
    [STMT_RENEWAL_CONFIGURATION] = &renewal_configuration_stmts,
    [STMT_RENEWAL_INFO] = &renewal_info_stmts,
    [STMT_RENEWAL_QUEUE] = &renewal_queue_stmts,
    [STMT_RENEWAL_QUEUE_WORK] = &renewal_queue_work_stmts,
    [STMT_SEALING_KEY] = &sealing_key_stmts,
    [STMT_SERVED_NAME] = &served_name_stmts,
    [STMT_SERVING] = &serving_stmts,
    [STMT_SERVING_CHANGE] = &serving_change_stmts,
    [STMT_STATS] = &stats_stmts,
    [STMT_TELLING] = &telling_stmts,
    [STMT_UPSTREAM_ACCOUNT] = &upstream_account_stmts,
    [STMT_UPSTREAM_AUTHORIZATION] = &upstream_authorization_stmts,
    [STMT_UPSTREAM_ORDER] = &upstream_order_stmts,
    [STMT_UPSTREAM_CA] = &upstream_ca_stmts,
    [STMT_UPSTREAM_REQUEST] = &upstream_request_stmts,
    [STMT_UPSTREAM_REST] = &upstream_rest_stmts,
    [STMT_UPSTREAM_USE] = &upstream_use_stmts,
};
_Static_assert(ARRAY_LEN(stmt_tables) == STMT__MAX, "one per module");

void
stmt_cache_release(struct stmt_cache *c)
{
	size_t m, i;

	for (m = 0; m < STMT__MAX; m++) {
		for (i = 0; c->prepared[m] && i < stmt_tables[m]->len; i++)
			db_finalize(c->prepared[m][i]);
		free(c->prepared[m]);
		c->prepared[m] = NULL;
	}
}

static struct db_stmt *
get(struct store *st, enum stmt_module m, size_t row, struct err *e)
{
	struct stmt_cache *c = &st->stmts;

	if (!c->prepared[m])
		c->prepared[m] =
		    xcalloc(stmt_tables[m]->len, sizeof(*c->prepared[m]));
	if (!c->prepared[m][row])
		c->prepared[m][row] =
		    db_prepare(st->db, stmt_tables[m]->sql[row], e);
	return c->prepared[m][row];
}

struct db_stmt *
stmt_query(struct store *st, enum stmt_module m, size_t row, struct err *e,
    const char *types, ...)
{
	struct db_stmt *s = get(st, m, row, e);
	va_list ap;

	if (!s)
		return NULL;
	va_start(ap, types);
	db_bindv(s, types, ap);
	va_end(ap);
	return s;
}

int64_t
stmt_run(struct store *st, enum stmt_module m, size_t row, struct err *e,
    const char *types, ...)
{
	struct db_stmt *s = get(st, m, row, e);
	va_list ap;

	if (!s)
		return -1;
	va_start(ap, types);
	db_bindv(s, types, ap);
	va_end(ap);
	return db_run(s, e);
}

int
stmt_int(struct store *st, enum stmt_module m, size_t row, int64_t *value,
    struct err *e, const char *types, ...)
{
	struct db_stmt *s = get(st, m, row, e);
	va_list ap;
	int rc;

	if (!s)
		return -1;
	va_start(ap, types);
	db_bindv(s, types, ap);
	va_end(ap);
	rc = db_step(s, e);
	if (rc > 0)
		*value = db_int(s, 0);
	db_reset(s);
	return rc;
}

/* 0 when there is none from `*id` on. */
static int
next_row(struct store *st, enum stmt_module m, size_t row, int64_t *id,
    int64_t *at, struct err *e)
{
	struct db_stmt *s = stmt_query(st, m, row, e, "i", *id);
	int rc = s ? db_step(s, e) : -1;

	if (rc > 0) {
		*id = db_int(s, 0);
		*at = db_int(s, 1);
		db_reset(s);
	}
	return rc;
}

int
stmt_first_since(struct store *st, enum stmt_module m, size_t row,
    int64_t since, int64_t last, int64_t *first, struct err *e)
{
	int64_t low = 1, high = last + 1;

	while (low < high) {
		int64_t middle = low + (high - low) / 2, id = middle, at;
		int rc = next_row(st, m, row, &id, &at, e);

		if (rc < 0)
			return -1;
		if (rc == 0 || at >= since)
			high = middle;
		else
			low = id + 1;
	}
	*first = low;
	return 0;
}

size_t
stmt_word(struct db_stmt *s, int column, const char *const *names, size_t len)
{
	const char *word = db_text(s, column);
	size_t i;

	for (i = 0; i < len; i++)
		if (str_same(word, names[i]))
			break;
	return i;
}

char *
stmt_text_dup(struct db_stmt *s, int column)
{
	return str_dup(db_text(s, column));
}

uint8_t *
stmt_blob_dup(struct db_stmt *s, int column, size_t *len)
{
	const void *p = db_blob(s, column, len);
	uint8_t *copy;

	if (!p)
		return NULL;
	copy = xmalloc(*len);
	memcpy(copy, p, *len);
	return copy;
}

void
stmt_text_to(struct db_stmt *s, int column, char *out, size_t size)
{
	const char *text = db_text(s, column);

	snprintf(out, size, "%s", text ? text : "");
}

void
stmt_digest(struct db_stmt *s, int column, uint8_t out[32])
{
	size_t len;
	const void *p = db_blob(s, column, &len);

	memset(out, 0, 32);
	if (len == 32)
		memcpy(out, p, len);
}
