#ifndef CLI_RENEWALINFO_H
#define CLI_RENEWALINFO_H

#include "cli/upstream.h"

/*
 * The certificates that the CA at hand (upstream_open_ca) is to be asked about
 * now (RFC 9773); the caller frees.  A CA is not asked for its directory when
 * there are none, and those of one without renewal information are not looked
 * at, however many there are.
 */
int renewalinfo_due(
    struct upstream *u, int64_t **ids, size_t *len, struct err *e);

/* Whether there is a CA with any. */
int renewalinfo_is_due(struct store *st, bool *is_due, struct err *e);

#endif
