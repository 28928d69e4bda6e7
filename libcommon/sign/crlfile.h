#ifndef SIGN_CRLFILE_H
#define SIGN_CRLFILE_H

#include "base/err.h"

/* The file with the revocation list of the built-in CA. */
struct conf;
struct local;
struct store;

/*
 * Takes the lock that whoever calls crlfile_write must hold: the file of
 * conf_crl_file with ".lock" behind its name.  Of two runs at once the second
 * waits here for the first.  Returns the descriptor, to be closed, or -1.
 */
int crlfile_lock(const struct conf *conf, struct err *e);

/*
 * Writes the file of conf_crl_file: the list of all certificates that `l` has
 * issued, that are revoked in `st`, and that have not expired, in one step and
 * with mode 0644: DER, or PEM when the name of the file ends in ".pem".  The
 * number of the list is above that of the file that was there, and at least the
 * time. KIND_INPUT when the file that is there is something else.
 */
int crlfile_write(
    const struct conf *conf, struct local *l, struct store *st, struct err *e);

#endif
