#ifndef STORE_STMT_H
#define STORE_STMT_H

#include "store/store.h"
#include "wrap/db.h"

/*
 * The statements of store/, as data: each module has a table, an enum beside it
 * gives the rows their names.  A statement is prepared when a handle first uses
 * it, and kept.  For the modules of store/ and their tests only.
 */
struct stmt_table {
	const char *module;
	const char *const *sql;
	size_t len;
};

enum stmt_module {
	STMT_ACCOUNT,
	STMT_ACME_DNS_ACCOUNT,
	STMT_ADMIN_TOKEN,
	STMT_AUTHORIZATION,
	STMT_AUTOCERT,
	STMT_BLOCKED_NAME,
	STMT_CA_CERTIFICATE,
	STMT_CA_PREFERENCE,
	STMT_CERTIFICATE,
	STMT_CERTIFICATE_LIST,
	STMT_CERTIFICATE_REQUEST,
	STMT_CERTIFICATE_SWEEP,
	STMT_CHAIN,
	STMT_CHAIN_SPREAD,
	STMT_CHALLENGE,
	STMT_CHALLENGE_ANSWER,
	STMT_CHALLENGE_REQUEST,
	STMT_CHECK,
	STMT_CHECK_CHAINS,
	STMT_CHECK_CONTENT,
	STMT_CHECK_DEPLOY,
	STMT_CHECK_UPSTREAM,
	STMT_CLOCK_STEP,
	STMT_DEPLOY_TARGET,
	STMT_DEPLOYMENT,
	STMT_DOMAIN,
	STMT_DOMAIN_QUEUE,
	STMT_DOMAIN_QUEUE_WORK,
	STMT_DOMAIN_TEMPLATE,
	STMT_EAB_KEY,
	STMT_EVENT,
	STMT_FQDN_SET,
	STMT_ISSUER,
	STMT_JOB,
	STMT_KEY_CYCLE,
	STMT_LINEAGE,
	STMT_ORDER,
	STMT_PRIVATE_KEY,
	STMT_PURGE,
	STMT_REFS,
	STMT_REKEY,
	STMT_RENEWAL,
	STMT_RENEWAL_BACKUP,
	STMT_RENEWAL_CONFIGURATION,
	STMT_RENEWAL_INFO,
	STMT_RENEWAL_QUEUE,
	STMT_RENEWAL_QUEUE_WORK,
	STMT_SEALING_KEY,
	STMT_SERVED_NAME,
	STMT_SERVING,
	STMT_SERVING_CHANGE,
	STMT_STATS,
	STMT_TELLING,
	STMT_UPSTREAM_ACCOUNT,
	STMT_UPSTREAM_AUTHORIZATION,
	STMT_UPSTREAM_ORDER,
	STMT_UPSTREAM_CA,
	STMT_UPSTREAM_REQUEST,
	STMT_UPSTREAM_REST,
	STMT_UPSTREAM_USE,
	STMT__MAX
};

/* The tables, each in the .c of its module. */
extern const struct stmt_table account_stmts;
extern const struct stmt_table acme_dns_account_stmts;
extern const struct stmt_table admin_token_stmts;
extern const struct stmt_table authorization_stmts;
extern const struct stmt_table autocert_stmts;
extern const struct stmt_table blocked_name_stmts;
extern const struct stmt_table ca_certificate_stmts;
extern const struct stmt_table ca_preference_stmts;
extern const struct stmt_table certificate_list_stmts;
extern const struct stmt_table certificate_request_stmts;
extern const struct stmt_table certificate_stmts;
extern const struct stmt_table certificate_sweep_stmts;
extern const struct stmt_table chain_spread_stmts;
extern const struct stmt_table chain_stmts;
extern const struct stmt_table challenge_answer_stmts;
extern const struct stmt_table challenge_request_stmts;
extern const struct stmt_table challenge_stmts;
extern const struct stmt_table check_chains_stmts;
extern const struct stmt_table check_content_stmts;
extern const struct stmt_table check_deploy_stmts;
extern const struct stmt_table check_stmts;
extern const struct stmt_table check_upstream_stmts;
extern const struct stmt_table clock_step_stmts;
extern const struct stmt_table deploy_target_stmts;
extern const struct stmt_table deployment_stmts;
extern const struct stmt_table domain_queue_stmts;
extern const struct stmt_table domain_queue_work_stmts;
extern const struct stmt_table domain_stmts;
extern const struct stmt_table domain_template_stmts;
extern const struct stmt_table eab_key_stmts;
extern const struct stmt_table event_stmts;
extern const struct stmt_table fqdn_set_stmts;
extern const struct stmt_table issuer_stmts;
extern const struct stmt_table job_stmts;
extern const struct stmt_table key_cycle_stmts;
extern const struct stmt_table lineage_stmts;
extern const struct stmt_table order_stmts;
extern const struct stmt_table private_key_stmts;
extern const struct stmt_table purge_stmts;
extern const struct stmt_table refs_stmts;
extern const struct stmt_table rekey_stmts;
extern const struct stmt_table renewal_backup_stmts;
extern const struct stmt_table renewal_configuration_stmts;
extern const struct stmt_table renewal_info_stmts;
extern const struct stmt_table renewal_queue_stmts;
extern const struct stmt_table renewal_queue_work_stmts;
extern const struct stmt_table sealing_key_stmts;
extern const struct stmt_table renewal_stmts;
extern const struct stmt_table served_name_stmts;
extern const struct stmt_table serving_stmts;
extern const struct stmt_table serving_change_stmts;
extern const struct stmt_table stats_stmts;
extern const struct stmt_table telling_stmts;
extern const struct stmt_table upstream_account_stmts;
extern const struct stmt_table upstream_authorization_stmts;
extern const struct stmt_table upstream_order_stmts;
extern const struct stmt_table upstream_ca_stmts;
extern const struct stmt_table upstream_request_stmts;
extern const struct stmt_table upstream_rest_stmts;
extern const struct stmt_table upstream_use_stmts;

/* All of them, by module. */
extern const struct stmt_table *const stmt_tables[STMT__MAX];

/* The prepared statements of one handle. */
struct stmt_cache {
	struct db_stmt **prepared[STMT__MAX];
};

/* The handle behind store.h, open to the modules of store/ only. */
struct store {
	struct db *db;
	struct stmt_cache stmts;
	char *actor; /* for events */
	int64_t last_event; /* of this actor, or 0 */
};

/* Finalizes all. */
void stmt_cache_release(struct stmt_cache *c);

/*
 * Statement `row` of a module with its parameters bound (types and values as
 * db_bindv), ready to be stepped.  NULL on failure, as db_prepare.
 */
struct db_stmt *stmt_query(struct store *st, enum stmt_module m, size_t row,
    struct err *e, const char *types, ...);

/*
 * Binds and runs a statement whose rows do not matter.  Returns how many rows
 * it changed, or -1 as db_step.
 */
int64_t stmt_run(struct store *st, enum stmt_module m, size_t row,
    struct err *e, const char *types, ...);

/*
 * Binds a statement and reads the integer of the first column of its first
 * row: 1 with `*value`, 0 when there is no row, -1 as db_step.
 */
int stmt_int(struct store *st, enum stmt_module m, size_t row, int64_t *value,
    struct err *e, const char *types, ...);

/*
 * The first number from which on rows are not before `since`, for numbers that
 * grow with time: `row` gives number and time of the first row from ?1 on,
 * `last` is the largest number; one more when all are before.
 */
int stmt_first_since(struct store *st, enum stmt_module m, size_t row,
    int64_t since, int64_t last, int64_t *first, struct err *e);

/*
 * The index of the word in `column` of the row at hand among `names`; `len`,
 * which is no status of anything, when it is none of them.
 */
size_t stmt_word(
    struct db_stmt *s, int column, const char *const *names, size_t len);

/* A copy of the text or bytes in `column`; NULL for NULL. */
char *stmt_text_dup(struct db_stmt *s, int column);
uint8_t *stmt_blob_dup(struct db_stmt *s, int column, size_t *len);

/* A SHA-256 in `column`; zeros when there is none. */
void stmt_digest(struct db_stmt *s, int column, uint8_t out[32]);

/* Copies the text in `column` to an array; cut when it does not fit. */
void stmt_text_to(struct db_stmt *s, int column, char *out, size_t size);

#endif
