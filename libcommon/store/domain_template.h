#ifndef STORE_DOMAIN_TEMPLATE_H
#define STORE_DOMAIN_TEMPLATE_H

#include "store/store.h"

/*
 * How names of the queue (store/domain_queue.h) become certificates: for which
 * names, by which account, and in which ways.  "{DOMAIN}" in it stands for the
 * name (order/ordertemplate.h).  One is always there: DOMAIN_TEMPLATE_DEFAULT.
 */
#define DOMAIN_TEMPLATE_DEFAULT "default"
#define DOMAIN_TEMPLATE_NAME_MAX 64
#define DOMAIN_TEMPLATE_NAMES_MAX 4096 /* bytes */

struct domain_template {
	int64_t id;
	char *name;
	int64_t upstream_account_id; /* 0: the default one */
	char *names; /* blanks between */
	char *policy; /* JSON, see order/orderpolicy.h */
	char *profile; /* or NULL */
	int64_t per_certificate; /* so many names of the queue at most */
	bool one_domain; /* and all in one registered domain */
	int64_t created;
};
#define DOMAIN_TEMPLATE_PER_CERTIFICATE_MAX 100

/* NULL-safe; it is empty then. */
void domain_template_release(struct domain_template *t);

/*
 * Loads one; the caller releases.  KIND_NOTFOUND.  `t` need not be initialised,
 * and is empty on failure.
 */
int domain_template_by_name(struct store *st, const char *name,
    struct domain_template *t, struct err *e);
int domain_template_by_id(
    struct store *st, int64_t id, struct domain_template *t, struct err *e);

/*
 * Stores one in the place of that of its name, if there is one; its number and
 * when it was created do not matter.  Durable.  KIND_INPUT: the name is none
 * (letters, digits, "-", "_" and ".").
 */
int domain_template_put(
    struct store *st, const struct domain_template *t, struct err *e);

/*
 * Durable.  KIND_CONFLICT: names in the queue are of it, or it is the default
 * one; KIND_NOTFOUND.
 */
int domain_template_remove(struct store *st, const char *name, struct err *e);

/*
 * Calls `fn` for each, by name, until it returns -1, which is then the result.
 * `fn` must not call the store.
 */
int domain_template_each(struct store *st,
    int (*fn)(void *arg, const struct domain_template *t, struct err *e),
    void *arg, struct err *e);

#endif
