#include "base/rfc3339.h"

void
rfc3339_format(char out[RFC3339_SIZE], int64_t t)
{
	time_t when = (time_t)t;
	struct tm tm = {0};

	gmtime_r(&when, &tm);
	if (strftime(out, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		memcpy(out, "0000-00-00T00:00:00Z", RFC3339_SIZE);
}

/* Reads `count` digits and then `after` (0: nothing); moves `*s` on. */
static int
digits(const char **s, int count, char after, int *out)
{
	int n = 0;

	for (int i = 0; i < count; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		n = n * 10 + (**s - '0');
	}
	if (after != '\0' && *(*s)++ != after)
		return -1;
	*out = n;
	return 0;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* "Z" or "+hh:mm"; the seconds to subtract for UTC. */
static int
offset(const char *s, int *seconds)
{
	int sign, hours, minutes;

	*seconds = 0;
	if (*s == 'Z' || *s == 'z')
		return s[1] == '\0' ? 0 : -1;
	if (*s != '+' && *s != '-')
		return -1;
	sign = *s++ == '-' ? -1 : 1;
	if (digits(&s, 2, ':', &hours) < 0 || digits(&s, 2, 0, &minutes) < 0 ||
	    *s != '\0' || hours > 23 || minutes > 59)
		return -1;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return 0;
}

int
rfc3339_parse(const char *s, int64_t *t)
{
	struct tm tm = {0};
	int year, month, shift;

	if (digits(&s, 4, '-', &year) < 0 || digits(&s, 2, '-', &month) < 0 ||
	    digits(&s, 2, 0, &tm.tm_mday) < 0 || (*s != 'T' && *s != 't'))
		return -1;
	s++;
	if (digits(&s, 2, ':', &tm.tm_hour) < 0 ||
	    digits(&s, 2, ':', &tm.tm_min) < 0 ||
	    digits(&s, 2, 0, &tm.tm_sec) < 0)
		return -1;
	if (*s == '.') {
		if (s[1] < '0' || s[1] > '9')
			return -1;
		s += 1 + strspn(s + 1, "0123456789");
	}
	if (month < 1 || month > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > days_in_month(year, month) || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 59 || offset(s, &shift) < 0)
		return -1;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	*t = (int64_t)timegm(&tm) - shift;
	return 0;
}
