#ifndef ACME_CERTID_H
#define ACME_CERTID_H

#include "base/buf.h"

/*
 * How renewal information and `replaces` name a certificate (RFC 9773 4.1):
 * base64url of the authority key identifier, a dot, base64url of the serial
 * number as it is encoded.
 */
struct cert;

#define CERTID_MAX 128 /* bytes of text; RFC 5280 keys and serials fit */

/*
 * Appends it to `out`.  -1, and nothing is appended, when the certificate has
 * no authority key identifier, or one of a length that nobody uses.
 */
int certid_format(const struct cert *c, struct buf *out);

/*
 * Reads one into two buffers, which are empty and hold CERTID_MAX bytes.  -1
 * when it is none.
 */
int certid_parse(const char *text, struct buf *aki, struct buf *serial);

#endif
