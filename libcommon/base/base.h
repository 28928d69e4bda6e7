#ifndef BASE_BASE_H
#define BASE_BASE_H

/*
 * What every file of acmed may rely on: fixed-width types, a few macros, and
 * a list of functions that nobody may call.
 */

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * Allocation that does not fail: on exhaustion one line goes to stderr and the
 * process exits with 111 (temporary), because dying is the clean-up.
 */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

#ifdef __GNUC__
#undef sprintf /* macros, where clang meets _FORTIFY_SOURCE */
#undef vsprintf
#pragma GCC poison strtok sprintf vsprintf strcpy strcat atoi atol system gmtime
#pragma GCC poison localtime mktemp tmpnam gets
#endif

#endif
