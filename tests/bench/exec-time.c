/*
 * exec-time: how long whole programs take, by turns.
 */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

static const char usage_text[] =
    "usage: exec-time RUNS -- PROGRAM [ARG ...] [-- PROGRAM [ARG ...]] ...\n"
    "\n"
    "Runs the programs RUNS times, by turns, with nothing to read and their\n"
    "output thrown away.  Prints a line for each: the medians of the time "
    "from\n"
    "start to end and of the CPU, in ms, and the largest memory, in MiB.\n";

#define PROGRAMS_MAX 8

extern char **environ;

struct program {
	char **argv;
	double *wall, *cpu; /* of each run, ms */
	double rss; /* MiB */
};

static double
ms_of(struct timeval t)
{
	return (double)t.tv_sec * 1000 + (double)t.tv_usec / 1000;
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1000000;
}

static void
run(struct program *p, long n)
{
	posix_spawn_file_actions_t files;
	struct rusage used;
	double begin = now_ms(), rss;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, p->argv[0], &files, NULL, p->argv, environ) != 0)
		err(1, "%s", p->argv[0]);
	posix_spawn_file_actions_destroy(&files);
	if (wait4(pid, &status, 0, &used) != pid)
		err(1, "wait4");
	p->wall[n] = now_ms() - begin;
	p->cpu[n] = ms_of(used.ru_utime) + ms_of(used.ru_stime);
	rss = (double)used.ru_maxrss / 1024;
	if (rss > p->rss)
		p->rss = rss;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		errx(1, "%s has failed", p->argv[0]);
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median(double *v, long n)
{
	qsort(v, (size_t)n, sizeof(*v), compare);
	return v[n / 2];
}

int
main(int argc, char **argv)
{
	struct program programs[PROGRAMS_MAX] = {0};
	long runs = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
	int len = 0;

	if (runs < 1 || strcmp(argv[2], "--") != 0)
		errx(100, "%s", usage_text);
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--") != 0)
			continue;
		argv[i] = NULL;
		if (len == PROGRAMS_MAX || i + 1 == argc)
			errx(100, "%s", usage_text);
		programs[len] = (struct program){.argv = argv + i + 1,
		    .wall = xcalloc((size_t)runs, sizeof(double)),
		    .cpu = xcalloc((size_t)runs, sizeof(double))};
		len++;
	}
	for (long n = 0; n < runs; n++)
		for (int i = 0; i < len; i++)
			run(&programs[i], n);
	for (int i = 0; i < len; i++) {
		printf("%.3f %.3f %.1f\n", median(programs[i].wall, runs),
		    median(programs[i].cpu, runs), programs[i].rss);
		free(programs[i].wall);
		free(programs[i].cpu);
	}
	return 0;
}
