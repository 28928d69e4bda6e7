#include "solve/hands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/helper.h"
#include "sys/run.h"

/*
 * dns-01 by a program of the operator that stays: a line
 *	present|cleanup NAME FQDN VALUE
 * on its standard input, and "ok" or "error TEXT" on its standard output.  It
 * is started with the first and ends with the solver, or when its standard
 * input does.
 */
#define LINE_SIZE 1024

struct self {
	struct solve_dns dns;
	char *program;
	int64_t timeout_ms;
	pid_t pid; /* 0: none */
	int in, out; /* our ends of what it reads and writes */
	int leash;
};

/* The end of its input is the wish that it ends, which one at work overhears.
 */
static void
stop(struct self *s, int64_t patience_ms)
{
	fd_close(&s->in);
	fd_close(&s->out);
	run_end(&s->pid, patience_ms, SOLVE_GRACE_MS);
}

static int
launch(struct self *s, struct err *e)
{
	const char *argv[] = {s->program, NULL};
	int in[2] = {-1, -1}, out[2] = {-1, -1};
	pid_t pid = -1;

	/* Not a socket: a script may open its /dev/stdout by that name. */
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		err_sys(e, "cannot make a pipe");
	else
		pid = run_start(
		    argv, (const int[]){in[0], out[1], STDERR_FILENO}, e);
	fd_close(&in[0]);
	fd_close(&out[1]);
	s->in = in[1];
	s->out = out[0];
	s->pid = pid > 0 ? pid : 0;
	if (pid > 0)
		return 0;
	stop(s, 0);
	return -1;
}

static void
tell_more(const struct self *s)
{
	log_event(LOG_LEVEL_WARN, "solver.hook_line", "program", s->program,
	    "result", "says more than a line: it is started again", NULL);
}

/*
 * One that has ended since its last answer is started again, and so is one that
 * has said more: that would be taken for the next answer.
 */
static int
make_ready(struct self *s, struct err *e)
{
	struct err ignored = {0};
	char more;

	if (s->pid > 0 && fd_wait(s->out, POLLIN, 0, &ignored) > 0) {
		if (fd_read(s->out, &more, 1, 0, &ignored) > 0)
			tell_more(s);
		stop(s, 0);
	}
	return s->pid > 0 ? 0 : launch(s, e);
}

/* Until it says something, or is not to be listened to any more. */
static int
listen_to(const struct self *s, int64_t deadline, struct err *e)
{
	struct pollfd p[2] = {{.fd = s->out, .events = POLLIN},
	    {.fd = s->leash, .events = POLLRDHUP}};
	int64_t left;

	while ((left = deadline - clock_mono()) > 0) {
		int n = poll(p, ARRAY_LEN(p), (int)left);

		if (n < 0 && errno != EINTR)
			return err_sys(e, "cannot wait for an answer");
		if (n > 0 && p[0].revents)
			return 0;
		if (n > 0)
			return err_set(e, KIND_BUSY,
			    "was ended, as all that runs was told to stop");
	}
	return err_set(e, KIND_BUSY, "does not answer in time");
}

/* One line without its end; KIND_BUSY. */
static int
read_line(struct self *s, char out[LINE_SIZE], int64_t deadline, struct err *e)
{
	char *end = NULL;
	size_t len = 0;

	while (!end) {
		ssize_t n;

		if (listen_to(s, deadline, e) < 0)
			return -1;
		n = fd_read(
		    s->out, out + len, LINE_SIZE - 1 - len, deadline, e);
		if (n < 0)
			return -1;
		len += (size_t)n;
		end = memchr(out, '\n', len);
		if (!end && (n == 0 || len == LINE_SIZE - 1))
			return err_set(e, KIND_BUSY, "%s",
			    n == 0 ? "has ended without an answer"
				   : "answers with too long a line");
	}
	if (end + 1 < out + len) {
		tell_more(s);
		stop(s, 0);
	}
	if (end > out && end[-1] == '\r')
		end--;
	*end = '\0';
	/* "ok" and more is not ok */
	for (char *c = out; c < end; c++)
		*c = *c == '\0' ? '?' : *c;
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
speak(struct self *s, const char *request, char line[LINE_SIZE],
    int64_t deadline, struct err *e)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	int rc;

	if (make_ready(s, e) < 0)
		return -1;
	sigaction(SIGPIPE, &ignore, &before);
	rc = fd_write_all(s->in, request, strlen(request), deadline, e);
	sigaction(SIGPIPE, &before, NULL);
	if (rc == 0)
		rc = read_line(s, line, deadline, e);
	if (rc < 0)
		/* What it says later would be taken for the next answer. */
		stop(s, 0);
	return rc;
}

static int
exchange(struct self *s, const char *request, int64_t until, struct err *e)
{
	int64_t deadline = clock_mono() + solve_patience(s->timeout_ms, until);
	bool is_old = s->pid > 0;
	char line[LINE_SIZE];
	int rc = speak(s, request, line, deadline, e);

	/* It may have been about to end when it was asked. */
	if (rc < 0 && is_old && clock_mono() < deadline &&
	    !helper_is_left(s->leash)) {
		err_clear(e);
		rc = speak(s, request, line, deadline, e);
	}
	if (rc == 0)
		return judge(s, line, e);
	e->kind = KIND_BUSY;
	return err_object(e, "%.60s", s->program);
}

static int
change(void *self, int leash, const struct solve_record *r, struct err *e)
{
	struct self *s = self;
	char *request =
	    xasprintf("%s %s %s %s\n", r->verb, r->name, r->fqdn, r->value);
	int rc;

	s->leash = leash;
	rc = exchange(s, request, r->until, e);
	free(request);
	return rc;
}

/* One that is idle has time for what it does at its end. */
static void
end(void *self)
{
	stop(self, SOLVE_GRACE_MS);
}

static void
free_self(void *self)
{
	struct self *s = self;

	solve_dns_release(&s->dns);
	free(s->program);
	free(s);
}

int
solve_hook_line_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct hands_options how = {.change = change,
	    .end = end,
	    .one_by_one = true,
	    .options = m->options};
	struct self *s;

	if (solve_check_program(m->argument, e) < 0)
		return -1;
	s = xcalloc(1, sizeof(*s));
	s->program = xstrdup(m->argument);
	s->timeout_ms = how.timeout_ms = solve_timeout(m->options);
	s->in = s->out = -1;
	how.self = s;
	s->dns.hands = hands_new(&how, e);
	if (s->dns.hands)
		return solve_dns_make(&s->dns, free_self, m->options, out, e);
	free_self(s);
	return -1;
}
