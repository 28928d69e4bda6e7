#include "sys/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/sig.h"

#define ERRORS_MAX ((size_t)64 * 1024)
#define ERRORS_KEPT ((size_t)1024)
#define LINE_MAX_SHOWN 240
#define ECHO_MS 1000 /* so long whoever reads our log may take */
#define TEMPORARY 111

extern char **environ;

static bool
is_passed_on(const char *variable)
{
	static const char *const names[] = {"PATH=", "HOME=", "USER=",
	    "LOGNAME=", "LANG=", "LC_ALL=", "TZ=", "TMPDIR=", "HOOK_"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_starts(variable, names[i]))
			return true;
	return false;
}

/* A small one: we do not come back. */
static void
make_environment(const char *const *more)
{
	char **made;
	size_t n = 1, len = 0;

	for (char **v = environ; *v; v++)
		n++;
	for (size_t i = 0; more && more[i]; i++)
		n++;
	made = xcalloc(n, sizeof(*made));
	for (char **v = environ; *v; v++)
		if (is_passed_on(*v))
			made[len++] = *v;
	for (size_t i = 0; more && more[i]; i++)
		made[len++] = xstrdup(more[i]);
	environ = made;
}

/* What is done before a process becomes another program. */
struct becoming {
	const char *const *argv, *const *environment;
	const int *fds;
	pid_t parent; /* whose death is its own, or 0 */
};

static void
become(const struct becoming *b)
{
	int null = open("/dev/null", O_RDWR), high[3];
	const int *fds = b->fds;
	sigset_t none;

	setpgid(0, 0);
	if (b->parent) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != b->parent)
			_exit(TEMPORARY); /* it is dead already */
	}
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Out of each other's way first. */
	for (int i = 0; i < 3; i++)
		high[i] = fcntl(fds[i] < 0 ? null : fds[i], F_DUPFD, 3);
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			_exit(TEMPORARY);
	syscall(SYS_close_range, 3U, ~0U, 0U);
	make_environment(b->environment);
	execvp(b->argv[0], (char *const *)(uintptr_t)b->argv);
	dprintf(STDERR_FILENO, "%s: cannot be started: %s\n", b->argv[0],
	    strerrordesc_np(errno));
	_exit(127);
}

static pid_t
start(const struct becoming *b, struct err *e)
{
	pid_t pid = fork();

	if (pid == 0)
		become(b);
	if (pid < 0)
		return err_sys(e, "cannot fork");
	/* Both do it, so that it is done for whoever comes first. */
	setpgid(pid, pid);
	return pid;
}

pid_t
run_start(const char *const *argv, const int fds[3], struct err *e)
{
	const struct becoming b = {
	    .argv = argv, .fds = fds, .parent = getpid()};

	return start(&b, e);
}

void
run_kill(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(-*pid, SIGKILL);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
}

/* Whether it ends in time; it is not waited for. */
static bool
ends_in(int pidfd, int64_t ms)
{
	int64_t deadline = clock_mono() + ms, left;

	while ((left = deadline - clock_mono()) > 0) {
		struct pollfd p = {.fd = pidfd, .events = POLLIN};
		int n = poll(&p, 1, (int)left);

		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
	return false;
}

void
run_end(pid_t *pid, int64_t patience_ms, int64_t grace_ms)
{
	int pidfd = *pid > 0 ? (int)syscall(SYS_pidfd_open, *pid, 0U) : -1;

	if (pidfd >= 0 && !ends_in(pidfd, patience_ms)) {
		kill(-*pid, SIGTERM);
		ends_in(pidfd, grace_ms);
	}
	fd_close(&pidfd);
	run_kill(pid);
}

/* ---- to its end ---------------------------------------------------------- */

struct running {
	const struct run *r;
	pid_t pid;
	int pidfd, in, out, err; /* our ends */
	size_t written;
	struct buf errors; /* their beginning, or their end */
	int leash; /* -1: none, or pulled */
	sigset_t waiting; /* heeds_term: the mask of waits */
	bool is_pulled;
};

/* How many bytes; 0 at the end, -1 when there are none now. */
static ssize_t
read_chunk(int fd, void *chunk, size_t size)
{
	ssize_t n = read(fd, chunk, size);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -1 : 0;
	return n;
}

static ssize_t
read_output(struct running *g)
{
	char chunk[4096];
	ssize_t n = read_chunk(g->out, chunk, sizeof(chunk));

	if (n > 0)
		buf_add(g->r->output, chunk, (size_t)n);
	return n;
}

static ssize_t
read_errors(struct running *g)
{
	char chunk[4096];
	ssize_t n = read_chunk(g->err, chunk, sizeof(chunk));

	if (n <= 0)
		return n;
	if (g->r->echoes)
		fd_write_all(STDERR_FILENO, chunk, (size_t)n,
		    clock_mono() + ECHO_MS, &(struct err){0});
	if (g->errors.len + (size_t)n > ERRORS_MAX && !g->r->first_line)
		buf_consume(&g->errors, g->errors.len - ERRORS_KEPT);
	if (g->errors.len + (size_t)n <= ERRORS_MAX)
		buf_add(&g->errors, chunk, (size_t)n);
	return n;
}

/* What was there when it ended: who is left behind may write for ever. */
static void
read_last(struct running *g, int fd, ssize_t (*take)(struct running *g))
{
	int left = 0;

	if (fd < 0 || ioctl(fd, FIONREAD, &left) < 0)
		return;
	while (left > 0) {
		ssize_t n = take(g);

		if (n <= 0)
			return;
		left -= (int)n;
	}
}

static void
write_input(struct running *g)
{
	size_t len = g->r->input ? strlen(g->r->input) : 0;
	ssize_t n = 0;

	if (g->written < len)
		n = write(g->in, g->r->input + g->written, len - g->written);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* It may have ended without reading: its exit code says more. */
	if (n > 0)
		g->written += (size_t)n;
	if (n < 0 || g->written == len)
		fd_close(&g->in);
}

/* What is ready by the deadline, as poll(2). */
static int
look(const struct running *g, struct pollfd *p, size_t len, int64_t deadline)
{
	int64_t left = deadline - clock_mono();
	const struct timespec wait = {left / 1000, left % 1000 * 1000000};

	return left > 0 ? ppoll(p, len, &wait, &g->waiting) : 0;
}

static bool
is_told_to_end(const struct running *g)
{
	return g->r->heeds_term && !g->is_pulled && sig_term();
}

/* Returns 1 when it has ended, 0 when its time is over, -1. */
static int
attend(struct running *g, int64_t deadline, struct err *e)
{
	while (!is_told_to_end(g)) {
		struct pollfd p[] = {{.fd = g->pidfd, .events = POLLIN},
		    {.fd = g->err, .events = POLLIN},
		    {.fd = g->in, .events = POLLOUT},
		    {.fd = g->leash, .events = POLLRDHUP},
		    {.fd = g->out, .events = POLLIN}};
		int n = look(g, p, ARRAY_LEN(p), deadline);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(e, "cannot poll");
		if (n < 0)
			continue;
		if (p[2].revents)
			write_input(g);
		if (p[1].revents && read_errors(g) == 0)
			fd_close(&g->err);
		if (p[4].revents && read_output(g) == 0)
			fd_close(&g->out);
		if (p[0].revents)
			return 1;
		if (p[3].revents)
			break;
	}
	g->is_pulled = true;
	g->leash = -1;
	return 0;
}

static void
join_lines(const char *text, size_t len, char *out, size_t size)
{
	struct buf joined;

	buf_init(&joined, 2 * ERRORS_MAX);
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			buf_adds(&joined, "; ");
		else
			buf_addc(&joined, text[i]);
	str_escape(out, size, joined.len > 0 ? joined.data : "", joined.len);
	buf_release(&joined);
}

/* A line that says something, fit for an error text. */
static void
pick_line(struct running *g, char *out, size_t size)
{
	const char *text;
	size_t end, begin;

	text = g->errors.data;
	end = g->errors.len;
	if (g->r->first_line) {
		text += strspn(text, "\r\n \t");
		end = strcspn(text, "\r\n");
	}
	while (end > 0 && strchr("\r\n \t", text[end - 1]))
		end--;
	begin = end;
	while (begin > 0 && text[begin - 1] != '\n')
		begin--;
	if (g->r->all_lines)
		join_lines(g->errors.data, end, out, size);
	else
		str_escape(out, size, text + begin, end - begin);
}

static int
judge(struct running *g, int status, struct err *e)
{
	char line[LINE_MAX_SHOWN];
	const char *name = g->r->name ? g->r->name : g->r->argv[0];

	read_last(g, g->err, read_errors);
	read_last(g, g->out, read_output);
	if (WIFEXITED(status) && g->r->code)
		*g->r->code = WEXITSTATUS(status);
	if (g->r->output && g->r->output->full)
		return err_set(e, KIND_SYS, "%.60s: says more than %zu bytes",
		    name, g->r->output->max);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	pick_line(g, line, sizeof(line));
	if (WIFSIGNALED(status))
		return err_set(e, KIND_BUSY, "%.60s: ended by signal %d: %s",
		    name, WTERMSIG(status), line);
	return err_set(e,
	    WEXITSTATUS(status) == TEMPORARY ? KIND_BUSY : KIND_DENIED,
	    "%.60s: exit code %d: %s", name, WEXITSTATUS(status),
	    line[0] ? line : "it does not say why");
}

static int
await(struct running *g, struct err *e)
{
	int rc = attend(g, clock_mono() + g->r->timeout_ms, e), status = 0;

	if (rc > 0) {
		while (waitpid(g->pid, &status, 0) < 0 && errno == EINTR)
			;
		g->pid = 0;
		return judge(g, status, e);
	}
	if (rc == 0 && g->r->grace_ms > 0) {
		kill(-g->pid, SIGTERM);
		attend(g, clock_mono() + g->r->grace_ms, &(struct err){0});
	}
	run_kill(&g->pid);
	if (rc == 0 && g->is_pulled)
		err_set(e, KIND_BUSY,
		    "%.60s: was ended, as all that runs was told to stop",
		    g->r->argv[0]);
	else if (rc == 0)
		err_set(e, KIND_BUSY,
		    "%.60s: took longer than %lld s and was killed",
		    g->r->argv[0], (long long)(g->r->timeout_ms / 1000));
	return -1;
}

static int
begin(struct running *g, struct err *e)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, rc = -1;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ||
	    (g->r->output && pipe2(out, O_CLOEXEC) < 0)) {
		err_sys(e, "cannot make a pipe");
	} else {
		const int fds[3] = {in[0], out[1], err[1]};
		const struct becoming b = {.argv = g->r->argv,
		    .environment = g->r->environment,
		    .fds = fds,
		    .parent = g->r->dies_too ? getpid() : 0};

		g->pid = start(&b, e);
		rc = g->pid > 0 ? 0 : -1;
	}
	fd_close(&in[0]);
	fd_close(&out[1]);
	fd_close(&err[1]);
	g->in = in[1];
	g->out = out[0];
	g->err = err[0];
	if (rc < 0)
		return -1;
	g->pidfd = (int)syscall(SYS_pidfd_open, g->pid, 0U);
	if (g->pidfd < 0)
		return err_sys(e, "cannot wait for a process");
	if (g->out >= 0 && fd_nonblock(g->out, e) < 0)
		return -1;
	return fd_nonblock(g->in, e) < 0 ? -1 : fd_nonblock(g->err, e);
}

int
run_wait(const struct run *r, struct err *e)
{
	struct running g = {.r = r,
	    .pidfd = -1,
	    .in = -1,
	    .out = -1,
	    .err = -1,
	    .leash = r->leash > 0 ? r->leash : -1};
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	sigset_t mask;
	int rc;

	if (r->code)
		*r->code = -1;
	buf_init(&g.errors, ERRORS_MAX);
	sigaction(SIGPIPE, &ignore, &before);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	g.waiting = mask;
	if (r->heeds_term)
		sig_hold_term(&g.waiting, &mask);
	rc = begin(&g, e);
	if (rc == 0)
		rc = await(&g, e);
	run_kill(&g.pid);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGPIPE, &before, NULL);
	fd_close(&g.pidfd);
	fd_close(&g.in);
	fd_close(&g.out);
	fd_close(&g.err);
	buf_release(&g.errors);
	return rc;
}
