#include "jobs/retry.h"

#define DAY ((int64_t)86400)

int64_t
retry_pause(int64_t attempts, int64_t lifetime, uint32_t random)
{
	static const int64_t pauses[] = {60, 600, 6000, DAY};
	size_t i = attempts < 1 ? 0 : (size_t)(attempts - 1);
	int64_t pause =
	    pauses[i < ARRAY_LEN(pauses) ? i : ARRAY_LEN(pauses) - 1];

	if (lifetime > 0 && pause > lifetime / 24)
		pause = lifetime / 24 > pauses[0] ? lifetime / 24 : pauses[0];
	return pause + random % (pause / 10 + 1);
}
