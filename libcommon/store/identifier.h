#ifndef STORE_IDENTIFIER_H
#define STORE_IDENTIFIER_H

#include "base/base.h"

/* What a certificate is to name (RFC 8555 9.7.7, RFC 8738). */
enum identifier_type {
	IDENTIFIER_DNS,
	IDENTIFIER_IP,
	IDENTIFIER__MAX
};

struct identifier {
	enum identifier_type type;
	char *value; /* canonical: lower-case A-labels; inet_ntop's spelling */
};

/* "dns", "ip". */
const char *identifier_type_name(enum identifier_type type);

/* The type of that name. Returns 0, or -1 when there is none. */
int identifier_type_by_name(const char *name, enum identifier_type *type);

/* Whether it begins with "*." (and is a DNS name). */
bool identifier_is_wildcard(const struct identifier *id);

/* Frees the value. NULL-safe. */
void identifier_release(struct identifier *id);

#endif
