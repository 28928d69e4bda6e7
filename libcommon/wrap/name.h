#ifndef WRAP_NAME_H
#define WRAP_NAME_H

#include "base/base.h"

/* Internationalised names (RFC 5890), by libidn2. */

/*
 * Whether a label that begins with "xn--" (lower case) is a proper A-label:
 * it decodes, and what it decodes to is spelled so and no other way (IDNA2008,
 * RFC 5891 4.2).  `len` is at most 63.
 */
bool name_is_a_label(const char *label, size_t len);

/*
 * A DNS name in UTF-8 as it is stored: A-labels in lower case, by UTS #46
 * without its transitional mappings; a "*." in front stays.  The caller frees.
 * NULL when it has no such form.
 */
char *name_to_ascii(const char *name);

/*
 * What a person has typed, as it is stored: a DNS name in lower case and
 * A-labels without a dot at the end, an address as inet_ntop(3) writes it.
 * What is neither is only made lower case.  The caller frees.
 */
char *name_spell(const char *text);

#endif
