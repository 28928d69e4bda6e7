#ifndef CLI_ORDERLIST_H
#define CLI_ORDERLIST_H

#include "base/err.h"
#include "base/str.h"

/*
 * Orders at other CAs, and what is to be proved for them, as the store knows
 * them: no CA is asked.  The commands need CONF_STORE.
 */
struct prog;

/*
 * Prints all orders, or authorizations, with a status and of an account, as an
 * operator writes these; each may be NULL.  KIND_USAGE: no such status.
 */
int orderlist_print(struct prog *p, const char *status_word,
    const char *account_word, struct err *e);
int orderlist_authorizations(struct prog *p, const char *status_word,
    const char *account_word, struct err *e);

/*
 * Has the challenges of the order that the operand names met in these ways, as
 * --challenge has them, from now on.
 */
int orderlist_set_challenges(
    struct prog *p, const struct strv *challenges, struct err *e);

#endif
