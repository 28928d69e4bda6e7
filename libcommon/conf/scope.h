#ifndef CONF_SCOPE_H
#define CONF_SCOPE_H

#include "base/err.h"

/* What somebody may do with acmed-admin: a set, written as "read+keys". */
#define SCOPE_READ 1U /* all that is no secret */
#define SCOPE_KEYS 2U /* private keys of certificates */
#define SCOPE_WRITE 4U /* changes of the store, of the Redis, of caches */
#define SCOPE_ORDER 8U /* certificates from other CAs */
#define SCOPE_ALL 15U

#define SCOPE_TEXT_SIZE 32

/* KIND_INPUT when a word is none, or there is no word. */
int scope_parse(const char *text, unsigned *scopes, struct err *e);
void scope_print(unsigned scopes, char out[SCOPE_TEXT_SIZE]);

/* The word of one scope. */
const char *scope_name(unsigned scope);

#endif
