#ifndef WRAP_EXT_H
#define WRAP_EXT_H

#include "base/der.h"
#include "base/err.h"
#include "base/str.h"

/*
 * X.509 extensions (RFC 5280 4.2), as certificates have them and as requests
 * ask for them.  For wrap/ only.
 */
enum ext_id {
	EXT_SKI,
	EXT_KEY_USAGE,
	EXT_SAN,
	EXT_BASIC_CONSTRAINTS,
	EXT_CRL_NUMBER,
	EXT_REASON,
	EXT_CRL_POINTS,
	EXT_AKI,
	EXT_KEY_PURPOSE,
	EXT_AIA,
	EXT_ACME_IDENTIFIER, /* RFC 8737 3 */
	EXT__MAX
};

/* The content bytes of an extension's OID. */
struct der ext_oid(enum ext_id id);

struct ext {
	struct der oid;
	bool critical;
	struct der value; /* content of extnValue */
};

#define EXT_COUNT_MAX 100

/*
 * Checks that `list`, the content of an Extensions, is well-formed, of at most
 * EXT_COUNT_MAX, and has no OID twice (RFC 5280 4.2).  KIND_INPUT otherwise.
 */
int ext_check(struct der list, struct err *e);

/* Finds an extension in a list that ext_check has taken. */
bool ext_find(struct der list, struct der oid, struct ext *out);

/* Reads basicConstraints. Returns 0 or -1. */
int ext_read_ca(struct der value, bool *is_ca);

/* The names in a subjectAltName. */
struct ext_names {
	struct strv dns;
	struct strv ip;
	const char *other; /* the kind of the first one of another kind */
	const char *bad; /* what is wrong with the first broken one */
};

/*
 * Reads a subjectAltName, adding to `out` ({0} at first).  Broken names are
 * left out and noted in `bad`: the value itself, an empty list (RFC 5280
 * 4.2.1.6), a dNSName that is empty or has bytes other than printable ASCII
 * without blank, an iPAddress not of 4 or 16 bytes.
 */
void ext_read_names(struct der value, struct ext_names *out);
void ext_names_release(struct ext_names *n);

/* Begins an extension; what is added until ext_end is its value. */
struct ext_mark {
	size_t whole, value;
};
struct ext_mark ext_begin(struct buf *out, enum ext_id id, bool critical);
void ext_end(struct buf *out, struct ext_mark m);

/*
 * Adds the GeneralNames of a subjectAltName.  KIND_INPUT for a DNS name that
 * ext_read_names would not take, or an address that inet_pton(3) does not.
 */
int ext_write_names(struct buf *out, const struct strv *dns,
    const struct strv *ip, struct err *e);

#endif
