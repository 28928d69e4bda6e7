#include "sys/sig.h"

#include <signal.h>

static volatile sig_atomic_t term_seen;

static void
on_term(int number)
{
	(void)number;
	term_seen = 1;
}

void
sig_catch_term(void)
{
	struct sigaction sa = {.sa_handler = on_term};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

bool
sig_term(void)
{
	return term_seen != 0;
}

void
sig_ignore_pipe(void)
{
	struct sigaction sa = {.sa_handler = SIG_IGN};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGPIPE, &sa, NULL);
}
