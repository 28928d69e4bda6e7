#include "cli/progress.h"

#include <unistd.h>

#include "sys/clock.h"

#define FIRST_MS 1000
#define EVERY_MS 200
#define LOOK_EVERY 64 /* the clock costs more than what is counted */

void
progress_begin(struct progress *p, const char *what)
{
	*p = (struct progress){.what = what,
	    .shown = isatty(STDERR_FILENO) == 1,
	    .next_ms = clock_mono() + FIRST_MS};
}

void
progress_add(struct progress *p, int64_t n)
{
	int64_t before = p->count, now;

	p->count += n;
	if (!p->shown || before / LOOK_EVERY == p->count / LOOK_EVERY)
		return;
	now = clock_mono();
	if (now < p->next_ms)
		return;
	p->next_ms = now + EVERY_MS;
	p->written = true;
	fprintf(stderr, "\r%lld %s", (long long)p->count, p->what);
	fflush(stderr);
}

void
progress_end(struct progress *p)
{
	if (p->written)
		fputs("\r\033[K", stderr);
	p->written = false;
}
