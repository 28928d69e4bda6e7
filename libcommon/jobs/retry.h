#ifndef JOBS_RETRY_H
#define JOBS_RETRY_H

#include "base/base.h"

/*
 * Seconds until the next attempt after so many that failed, the last one
 * included: a minute, ten, a hundred, a day, but no more than a 24th of the
 * lifetime (0: unknown); and up to a tenth longer, by a random number.
 */
int64_t retry_pause(int64_t attempts, int64_t lifetime, uint32_t random);

#endif
