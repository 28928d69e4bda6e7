#ifndef WRAP_DN_H
#define WRAP_DN_H

#include "base/der.h"
#include "base/err.h"
#include "base/str.h"

/* Distinguished names (RFC 5280 4.1.2.4). */

/*
 * Appends the DER Name of an RFC 4514 text, "CN=a.example,O=Example"; NULL or
 * "" is the empty name.  The attributes are CN, O, OU, L, ST, C, STREET, DC,
 * UID, serialNumber and emailAddress, one in each RDN, with the escapes of
 * RFC 4514 2.4; lengths are those of RFC 5280 A.1 (commonName: 64).
 * KIND_INPUT for anything else.
 */
int dn_encode(const char *text, struct buf *out, struct err *e);

/* Appends `value` with the escapes that make it one value of that text. */
int dn_add_value(struct buf *out, const char *value);

/* Whether two Names are the same by the rules of RFC 5280 7.1. */
bool dn_equal(struct der a, struct der b);

/* The RFC 2253 text of a Name with its header; the caller frees. */
char *dn_text(struct der name);

/*
 * The same of UTF-8 and in the order of the Name, an RDN a line, "C=US"; only
 * control characters are escaped.  A value that is not of its kind, as UTF-8
 * that is none, is read as Latin-1.
 */
char *dn_lines(struct der name);

/*
 * Adds the commonNames of a Name to `out`.
 * Returns 0, or -1 for a Name that is broken, or a commonName that is empty or
 * not printable ASCII or UTF-8 without control characters.
 */
int dn_common_names(struct der name, struct strv *out);

#endif
