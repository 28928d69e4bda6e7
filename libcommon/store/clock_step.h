#ifndef STORE_CLOCK_STEP_H
#define STORE_CLOCK_STEP_H

#include "store/store.h"

/*
 * A run whose clock was far ahead has written when to try again what.  What is
 * later than anybody would have it, is ready: after a failure two days, or
 * when a CA was away, for what waits for a limit what a CA may ask for, renewal
 * information a day.  At the beginning of a run.
 */
int clock_step_forget(struct store *st, struct err *e);

#define CLOCK_STEP_OWN ((int64_t)2 * 86400) /* beyond our pauses */
#define CLOCK_STEP_CA ((int64_t)34 * 86400) /* beyond client/field.h's, too */
#define CLOCK_STEP_INFO ((int64_t)86400) /* as client/ari.c has it */

#endif
