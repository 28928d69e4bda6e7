#ifndef BASE_DATE_H
#define BASE_DATE_H

#include "base/base.h"

/*
 * The moment of a date and time in UTC: month and day count from 1, no leap
 * second.  Returns 0, or -1 when there is no such one; `*t` is then unmodified.
 */
int date_to_time(
    int year, int month, int day, int hour, int minute, int second, int64_t *t);

#endif
