#include "base/week.h"

#define DAY 86400

int64_t
week_begin(int64_t t)
{
	/* Monday, 1969-12-29, was three days before 1970. */
	int64_t since = t + (int64_t)3 * DAY;
	int64_t over = since % WEEK_SECONDS;

	return t - (over < 0 ? over + WEEK_SECONDS : over);
}

void
week_format(char out[WEEK_SIZE], int64_t t)
{
	time_t thursday = (time_t)(week_begin(t) + (int64_t)3 * DAY);
	struct tm tm = {0};

	gmtime_r(&thursday, &tm);
	snprintf(out, WEEK_SIZE, "%04u-W%02u",
	    (unsigned)(tm.tm_year + 1900) % 10000U,
	    (unsigned)(tm.tm_yday / 7 + 1) % 100U);
}
