#ifndef IMPORT_DIRECTORIES_H
#define IMPORT_DIRECTORIES_H

#include "base/err.h"
#include "base/str.h"

/*
 * Which CA an account belongs to whose client does not keep the URL of the
 * directory: it is one of those that are known.
 */
struct store;

struct directories {
	struct strv urls; /* known CAs, and those in the store */
	const char *given; /* by the operator, or NULL; borrowed */
};

/* Adds those that everybody knows and those of the store.  {0} is empty. */
int directories_load(struct directories *d, struct store *st, struct err *e);
void directories_release(struct directories *d);

/*
 * The one that `ca`, what a client calls the CA (its host, or host and path,
 * with other characters for `:` and `/`), means; with NULL, the one on the host
 * of the URL of the account.  Of several on one host the one with which that
 * URL begins.  Else the one that was given, unless `ca` says another.  NULL:
 * nobody knows.
 */
const char *directories_find(
    const struct directories *d, const char *ca, const char *account_url);

#endif
