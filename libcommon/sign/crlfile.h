#ifndef SIGN_CRLFILE_H
#define SIGN_CRLFILE_H

#include "base/err.h"

/* The file with the revocation list of the built-in CA. */
struct conf;
struct local;
struct store;

/*
 * Writes the file `[local-ca] crl_file`, or else crl.der in its directory: the
 * list of all certificates that `l` has issued, that are revoked in
 * `st`, and that have not expired, in one step and with mode 0644: DER, or PEM
 * when the name of the file ends in ".pem".  The number of the list is above
 * that of the file that was there, and at least the time.  Of two runs at once
 * the second waits for the first.
 * KIND_INPUT when the file that is there is something else.
 */
int crlfile_write(
    const struct conf *conf, struct local *l, struct store *st, struct err *e);

#endif
