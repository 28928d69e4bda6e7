#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "base/base.h"

/*
 * The only place that asks for the time.  A unit test that needs another time
 * defines both functions itself and so replaces this module at link time.
 */

/* Seconds since 1970, UTC: for what is stored and shown. */
int64_t clock_now(void);

/* Milliseconds since some start; never goes back: for deadlines. */
int64_t clock_mono(void);

#endif
