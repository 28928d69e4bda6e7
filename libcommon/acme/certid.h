#ifndef ACME_CERTID_H
#define ACME_CERTID_H

#include "base/buf.h"
#include "base/err.h"

/*
 * How renewal information names a certificate (RFC 9773 4.1): its authority key
 * identifier and its serial number, each as base64url, with a dot between.
 */
struct cert;

#define CERTID_AKI_MAX 64
#define CERTID_SERIAL_MAX 20 /* RFC 5280 4.1.2.2 */

struct certid {
	uint8_t aki[CERTID_AKI_MAX];
	size_t aki_len;
	/* as cert_serial_hex has it: without the zeros in front */
	char serial_hex[2 * CERTID_SERIAL_MAX + 1];
};

/*
 * Reads one.  KIND_INPUT, malformed, for everything that certid_write does not
 * write: padding, a serial number that is not the content of a DER INTEGER, is
 * zero or negative; so that each certificate has one name.
 */
int certid_parse(const char *text, struct certid *id, struct err *e);

/*
 * Appends that of a certificate.  KIND_INPUT when it has none: no authority key
 * identifier, or one of the two is longer than above.
 */
int certid_write(const struct cert *c, struct buf *out, struct err *e);

#endif
