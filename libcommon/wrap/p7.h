#ifndef WRAP_P7_H
#define WRAP_P7_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Certificates alone in a PKCS#7 SignedData without signatures (RFC 2315 9, RFC
 * 5652 5: "certs-only", .p7b, .p7c).
 */
struct cert_list;

#define P7_MAX ((size_t)16 * 1024 * 1024) /* bytes of DER */

/*
 * Appends the certificates of `der` to `out`, in their order; KIND_INPUT when
 * it is no SignedData, or one of them is broken, or there are none; `out` is
 * then as it was.
 */
int p7_read(const void *der, size_t len, struct cert_list *out, struct err *e);

/*
 * Appends the DER of such a structure to `out`, the certificates in the order
 * given.  KIND_SYS, KIND_BUG (`out` full).
 */
int p7_write(const struct cert_list *list, struct buf *out, struct err *e);

#endif
