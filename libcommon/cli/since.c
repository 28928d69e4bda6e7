#include "cli/since.h"

#include "base/rfc3339.h"
#include "base/str.h"
#include "cli/prog.h"
#include "sys/clock.h"

#define COUNT_MAX 999999999
#define COUNT_DIGITS 9
#define YEAR_9999_END INT64_C(253402300799) /* RFC 3339 has no later one */

/* A number and its unit, in seconds; -1 when it is something else. */
static int64_t
read_age(const char *text)
{
	static const char units[] = "smhdw";
	static const int64_t seconds[] = {1, 60, 3600, 86400, 7 * 86400};
	size_t len = strlen(text);
	const char *unit = len > 1 ? strchr(units, text[len - 1]) : NULL;
	char number[COUNT_DIGITS + 1];
	uint64_t n;

	snprintf(number, sizeof(number), "%.*s", (int)len - 1, text);
	if (!unit || len > sizeof(number) || !str_to_u64(number, COUNT_MAX, &n))
		return -1;
	return (int64_t)n * seconds[unit - units];
}

int64_t
since_seconds(const char *text)
{
	return read_age(text);
}

int
since_parse(const char *option, const char *text, int64_t *t, struct err *e)
{
	int64_t age = read_age(text);

	if (rfc3339_parse(text, t) == 0)
		return 0;
	if (age < 0)
		return prog_misuse(e,
		    "--%s %s: neither a time (2026-01-31T12:00:00Z) nor an "
		    "age (90s 15m 36h 7d 4w)",
		    option, text);
	*t = clock_now() - age;
	return 0;
}

int
since_parse_ahead(
    const char *option, const char *text, int64_t *t, struct err *e)
{
	int64_t age = read_age(text);

	if (rfc3339_parse(text, t) == 0)
		return 0;
	if (age < 0)
		return prog_misuse(e,
		    "--%s %s: neither a time (2026-01-31T12:00:00Z) nor so "
		    "long from now (90s 15m 36h 7d 4w)",
		    option, text);
	*t = clock_now() + age;
	return *t > YEAR_9999_END
	    ? prog_misuse(e, "--%s %s: after the year 9999", option, text)
	    : 0;
}

int
since_parse_future(
    const char *option, const char *text, int64_t *t, struct err *e)
{
	if (since_parse_ahead(option, text, t, e) < 0)
		return -1;
	return *t <= clock_now()
	    ? prog_misuse(e, "--%s %s: that time has passed", option, text)
	    : 0;
}
