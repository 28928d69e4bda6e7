#ifndef WRAP_NAME_H
#define WRAP_NAME_H

#include "base/err.h"

/* Names of hosts, also internationalised (RFC 5890), by libidn2. */

/*
 * Whether a label that begins with "xn--" (lower case) is a proper A-label:
 * it decodes, and what it decodes to is spelled so and no other way (IDNA2008,
 * RFC 5891 4.2).  `len` is at most 63.
 */
bool name_is_a_label(const char *label, size_t len);

/*
 * Checks that `name`, which is lower case and has lost its "*.", is labels of
 * letters, digits and hyphens, 1 to 63 long, not beginning or ending with a
 * hyphen, the last with a letter (so that no IPv4 address is a name); one that
 * begins with "xn--" is a proper A-label.  KIND_INPUT, without the name.
 */
int name_check(const char *name, struct err *e);

/* Makes a DNS name lower case, without a dot at its end, in place. */
void name_fold(char *name);

/*
 * A DNS name in UTF-8 as it is stored: A-labels in lower case, by UTS #46
 * without its transitional mappings; a "*." in front stays.  The caller frees.
 * NULL when it has no such form.
 */
char *name_to_ascii(const char *name);

/*
 * Whether a client may have asked for `name`, as name_spell has it, by SNI, or
 * it is a wildcard for such: up to 253 letters, digits, hyphens and
 * underscores, with dots between and no hyphen in front, perhaps behind "*.".
 */
bool name_is_sni(const char *name);

#define NAME_SNI_RULE                                                          \
	"letters, digits, - and _, with dots between, perhaps behind *."

/* Whether it is an IP address, in any spelling. */
bool name_is_address(const char *text);

/*
 * What a person has typed, as it is stored: a DNS name in lower case and
 * A-labels without a dot at the end, an address as inet_ntop(3) writes it.
 * What is neither is only made lower case.  The caller frees.
 */
char *name_spell(const char *text);

#endif
