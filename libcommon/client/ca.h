#ifndef CLIENT_CA_H
#define CLIENT_CA_H

#include "acme/ca_known.h"
#include "base/err.h"
#include "base/str.h"

/* CAs as an operator names them. */
struct store;
struct upstream_ca;

/*
 * Loads the CA that `text` means: the name of one in the store, of one that
 * everybody knows, or the URL of a directory.  One of those that is not in the
 * store has the number 0, and no directory.  The caller releases.
 * KIND_NOTFOUND.
 */
int ca_find(
    struct store *st, const char *text, struct upstream_ca *ca, struct err *e);

/*
 * The same, but one that is not in the store yet is put there, also for the
 * https URL of any directory.  KIND_INPUT as well.
 */
int ca_open(
    struct store *st, const char *text, struct upstream_ca *ca, struct err *e);

/*
 * Adds the TCP ports to which the CA of this directory (JSON, or NULL) leads,
 * as decimal numbers.
 */
void ca_add_ports(
    const char *directory_url, const char *directory, struct strv *ports);

#endif
