#include "base/rfc3339.h"

#include "base/date.h"

void
rfc3339_format(char out[RFC3339_SIZE], int64_t t)
{
	char text[5 + RFC3339_SIZE] = "0000"; /* strftime does not pad */
	size_t len = 4, n = 0;
	time_t when = (time_t)t;
	struct tm tm;

	if (gmtime_r(&when, &tm) && tm.tm_year >= -1900)
		n = strftime(
		    text + len, sizeof(text) - len, "%Y-%m-%dT%H:%M:%SZ", &tm);
	len += n;
	if (n == 0 || n > RFC3339_SIZE - 1)
		memcpy(out, "0000-00-00T00:00:00Z", RFC3339_SIZE);
	else
		memcpy(out, text + len - (RFC3339_SIZE - 1), RFC3339_SIZE);
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
	int year, month, day, hour, minute, second, shift;
	int64_t local;

	if (digits(&s, 4, '-', &year) < 0 || digits(&s, 2, '-', &month) < 0 ||
	    digits(&s, 2, 0, &day) < 0 || (*s != 'T' && *s != 't'))
		return -1;
	s++;
	if (digits(&s, 2, ':', &hour) < 0 || digits(&s, 2, ':', &minute) < 0 ||
	    digits(&s, 2, 0, &second) < 0)
		return -1;
	if (*s == '.') {
		if (s[1] < '0' || s[1] > '9')
			return -1;
		s += 1 + strspn(s + 1, "0123456789");
	}
	if (date_to_time(year, month, day, hour, minute, second, &local) < 0 ||
	    offset(s, &shift) < 0)
		return -1;
	*t = local - shift;
	return 0;
}
