#ifndef BASE_WEEK_H
#define BASE_WEEK_H

#include "base/base.h"

/*
 * Weeks of ISO 8601 in UTC: they begin on Monday, and belong to the year that
 * has their Thursday.
 */
#define WEEK_SIZE 9 /* "2026-W01" and the NUL */
#define WEEK_SECONDS ((int64_t)7 * 86400)

/* When the week of `t` began. */
int64_t week_begin(int64_t t);

/* Writes the week of `t` (years 0 to 9999). */
void week_format(char out[WEEK_SIZE], int64_t t);

#endif
