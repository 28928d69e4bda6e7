#ifndef ORDER_ORDERPOLICY_H
#define ORDER_ORDERPOLICY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * How an order is to be done, as upstream_orders.policy has it in JSON: ways to
 * meet challenges, the key, the chain, and what else was given, so that only
 * who wishes for the same is led to an order that is there.
 */
#define ORDERPOLICY_MAX ((size_t)32 * 1024) /* bytes of JSON */
#define ORDERPOLICY_RULES_MAX 200

struct orderpolicy_rule {
	char *name; /* as it is ordered, with "*." for a wildcard; NULL: any */
	char *solver; /* as solve/solver.h has it */
};

struct orderpolicy {
	struct orderpolicy_rule *rules; /* the first that can is taken */
	size_t rules_len;
	char *key_type; /* key_type_parse; NULL: the account's */
	char *key_cycle; /* store/key_cycle.h; as the account: NULL or */
#define ORDERPOLICY_KEY_CYCLE_ACCOUNT "account_key_default"
	char *preferred_chain; /* commonName of its last issuer, or NULL */
	bool keeps_pending; /* authorizations, when the order has failed */
	bool unchecked; /* challenges are not looked at before the CA is told */
	bool auto_renew;
	bool no_replaces; /* it tells of no certificate that it follows */
	/* rows that were given, and are in the order; 0: none */
	int64_t private_key_id, certificate_request_id, replaces_id;
	int64_t replaced_key_id; /* one that was given, and is not any more */
	int64_t domain_template_id; /* that names of a queue share it by; 0 */
	int64_t days, not_after; /* the end that is asked for; 0: none */
	int64_t lasts; /* seconds until it, of one order */
};

/*
 * Has what an operator writes, [NAME=]SOLVER each, in the place of all rules
 * there were.  Rules for a name go before those for any.  A name may have
 * `placeholder` in it (order/ordertemplate.h), unless that is NULL.  KIND_USAGE
 * when one names no solver (solver_check), or there are too many.
 */
int orderpolicy_set_rules(struct orderpolicy *p, const struct strv *words,
    const char *placeholder, struct err *e);

/* Adds one rule, for a name or (NULL) for any. */
void orderpolicy_add(
    struct orderpolicy *p, const char *name, const char *solver);

/* The JSON, the same for the same policy; -1 when it is too long. */
int orderpolicy_write(const struct orderpolicy *p, struct buf *out);

/*
 * Reads it again; the caller releases, also on failure.  KIND_BUG: it is none.
 */
int orderpolicy_read(struct orderpolicy *p, const char *text, struct err *e);

/*
 * Makes it that of a backup (store/renewal_backup.h): nothing that was for one
 * certificate, and a cycle by which no key is shared with what it stands in
 * for.  `account_cycle` is that of the backup's account, or NULL.
 */
void orderpolicy_for_backup(struct orderpolicy *p, const char *account_cycle);

/*
 * The key `id` that was given is retired or compromised: it is given no more,
 * in the JSON `text`, which the caller frees as before.  Nothing changes when
 * another was given, or none.
 */
int orderpolicy_replace_key(char **text, int64_t id, struct err *e);

/* The cycle that it names; NULL: the account's, whichever that is. */
const char *orderpolicy_key_cycle(const struct orderpolicy *p);

/*
 * Gives it a cycle by which no key is shared with another account, also when
 * that of its own account changes.
 */
void orderpolicy_unshare(struct orderpolicy *p, const char *account_cycle);

/* Whether a cycle may share keys with another account's certificates. */
bool orderpolicy_shares_keys(const char *key_cycle);

/* The end to ask for in an order that is made `now`; 0: none. */
int64_t orderpolicy_end(const struct orderpolicy *p, int64_t now);

/* Whether a rule may be used for a name. */
bool orderpolicy_matches(const struct orderpolicy_rule *r, const char *name);

/* Frees what it owns; it is empty then.  NULL-safe. */
void orderpolicy_release(struct orderpolicy *p);

#endif
