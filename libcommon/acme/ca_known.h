#ifndef ACME_CA_KNOWN_H
#define ACME_CA_KNOWN_H

#include <stddef.h>

/* CAs that everybody knows. */
struct ca_known {
	const char *name;
	const char *directory_url;
	const char *note; /* one line */
};
extern const struct ca_known ca_known[];
extern const size_t ca_known_len;

#endif
