#include "solve/solve_part.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/run.h"

/*
 * dns-01 by a program of the operator that stays: a line
 *	present|cleanup NAME FQDN VALUE
 * on its standard input, and "ok" or "error TEXT" on its standard output.  It
 * is started with the first and ends with the solver; one that has died is
 * started again with the next.
 */
#define LINE_SIZE 1024

struct self {
	struct solve_dns dns;
	char *program;
	int64_t timeout_ms;
	pid_t pid; /* 0: none */
	int fd; /* both ways */
};

/* The end of its input is the wish that it ends, which one at work overhears.
 */
static void
stop(struct self *s, int64_t patience_ms)
{
	fd_close(&s->fd);
	run_end(&s->pid, patience_ms, SOLVE_GRACE_MS);
}

static int
start(struct self *s, struct err *e)
{
	const char *argv[] = {s->program, NULL};
	int pair[2];

	if (s->pid > 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "cannot make a socket pair");
	s->pid =
	    run_start(argv, (const int[]){pair[1], pair[1], STDERR_FILENO}, e);
	close(pair[1]);
	s->fd = pair[0];
	if (s->pid > 0)
		return 0;
	s->pid = 0;
	fd_close(&s->fd);
	return -1;
}

/* One line without its end; KIND_BUSY. */
static int
read_line(struct self *s, char out[LINE_SIZE], int64_t deadline, struct err *e)
{
	size_t len = 0;

	do {
		ssize_t n =
		    fd_read(s->fd, out + len, LINE_SIZE - 1 - len, deadline, e);

		if (n < 0)
			return -1;
		len += (size_t)n;
		if (n == 0 || len == LINE_SIZE - 1)
			return err_set(e, KIND_BUSY, "%s",
			    n == 0 ? "has ended without an answer"
				   : "answers with too long a line");
	} while (!memchr(out, '\n', len));
	out[len] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return 0;
}

static int
judge(const struct self *s, const char *line, struct err *e)
{
	char text[240];

	if (strcmp(line, "ok") == 0)
		return 0;
	if (str_starts(line, "error "))
		line += strlen("error ");
	str_escape(text, sizeof(text), line, strlen(line));
	return err_set(e, KIND_DENIED, "%.60s: %s", s->program, text);
}

static int
exchange(struct self *s, const char *request, struct err *e)
{
	int64_t deadline = clock_mono() + s->timeout_ms;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	char line[LINE_SIZE];
	int rc;

	if (start(s, e) < 0)
		return -1;
	sigaction(SIGPIPE, &ignore, &before);
	rc = fd_write_all(s->fd, request, strlen(request), deadline, e);
	sigaction(SIGPIPE, &before, NULL);
	if (rc == 0)
		rc = read_line(s, line, deadline, e);
	if (rc < 0) {
		/* What it says later would be taken for the next answer. */
		stop(s, 0);
		e->kind = KIND_BUSY;
		return err_object(e, "%.60s", s->program);
	}
	return judge(s, line, e);
}

static int
change(void *self, const struct solve_record *r, struct err *e)
{
	char *request =
	    xasprintf("%s %s %s %s\n", r->verb, r->name, r->fqdn, r->value);
	int rc = exchange(self, request, e);

	free(request);
	return rc;
}

static void
free_self(void *self)
{
	struct self *s = self;

	stop(s, SOLVE_GRACE_MS);
	solve_dns_release(&s->dns);
	free(s->program);
	free(s);
}

int
solve_hook_line_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct self *s;

	if (solve_check_program(m->argument, e) < 0)
		return -1;
	s = xcalloc(1, sizeof(*s));
	s->program = xstrdup(m->argument);
	s->timeout_ms = solve_timeout(m->options);
	s->fd = -1;
	return solve_dns_make(&s->dns, change, free_self, m->options, out, e);
}
