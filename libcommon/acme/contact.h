#ifndef ACME_CONTACT_H
#define ACME_CONTACT_H

#include "base/err.h"
#include "base/str.h"

struct js;

#define CONTACT_LEN_MAX 320

/*
 * Reads the `contact` member of an account (RFC 8555 7.3): an array of at most
 * `max` mailto URLs, each with exactly one ASCII address and no header fields,
 * into `out`.  KIND_INPUT: malformed (no array of strings), invalidContact,
 * unsupportedContact (another scheme).
 */
int contact_parse(
    const struct js *array, size_t max, struct strv *out, struct err *e);

#endif
