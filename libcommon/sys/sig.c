#include "sys/sig.h"

static const int terms[] = {SIGTERM, SIGINT, SIGHUP};

static volatile sig_atomic_t term_seen;
static struct sigaction before_catch[ARRAY_LEN(terms)];
static bool is_caught;

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
	for (size_t i = 0; i < ARRAY_LEN(terms); i++) {
		if (!is_caught)
			sigaction(terms[i], NULL, &before_catch[i]);
		/* nohup(1) */
		if (terms[i] != SIGHUP || before_catch[i].sa_handler != SIG_IGN)
			sigaction(terms[i], &sa, NULL);
	}
	is_caught = true;
}

void
sig_leave_term(void)
{
	for (size_t i = 0; is_caught && i < ARRAY_LEN(terms); i++)
		sigaction(terms[i], &before_catch[i], NULL);
	is_caught = false;
}

void
sig_hold_term(sigset_t *waiting, sigset_t *before)
{
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < ARRAY_LEN(terms); i++)
		sigaddset(&held, terms[i]);
	sigprocmask(SIG_BLOCK, &held, before);
	*waiting = *before;
	for (size_t i = 0; i < ARRAY_LEN(terms); i++)
		sigdelset(waiting, terms[i]);
}

static void
on_child(int number)
{
	(void)number;
}

void
sig_hold_child(sigset_t *waiting)
{
	struct sigaction sa = {.sa_handler = on_child};
	sigset_t held;

	sigemptyset(&sa.sa_mask);
	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&held);
	sigaddset(&held, SIGCHLD);
	sigprocmask(SIG_BLOCK, &held, NULL);
	sigdelset(waiting, SIGCHLD);
}

void
sig_forget_child(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGCHLD, &sa, NULL);
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
