#ifndef CONF_PATTERN_H
#define CONF_PATTERN_H

#include "base/str.h"

/*
 * Patterns of names: "example.org" is that name, "*.example.org" and
 * ".example.org" all below it, "*" all there are.
 */
bool pattern_is(const char *text);

/* Whether one of them is for a name, in lower case; none is for a wildcard. */
bool pattern_has(const struct strv *patterns, const char *name);

#endif
