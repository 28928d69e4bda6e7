#ifndef SERVER_EAB_H
#define SERVER_EAB_H

#include "base/err.h"

/* External account binding (RFC 8555 7.3.4), as [server] wants it. */
struct account;
struct call;

/*
 * Checks the binding of a newAccount and notes it in `a`, for account_create to
 * count it; what is not verified leaves no trace there.
 * KIND_DENIED externalAccountRequired when there is none but must be one,
 * KIND_INPUT malformed for a wrong form, KIND_DENIED unauthorized when the key
 * is unknown or has not made it.
 */
int eab_check(struct call *c, struct account *a, struct err *e);

/*
 * For what account_create refuses (KIND_DENIED): the client hears the same as
 * of a key that is unknown.  Returns -1.
 */
int eab_refused(const struct account *a, struct err *e);

#endif
