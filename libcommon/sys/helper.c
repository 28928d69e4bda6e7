#include "sys/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/proc.h"

/* Descriptors of the new process, besides 0 to 2 and HELPER_KEPT. */
#define CHANNEL 3
#define LOG 5

/* Out of the way of all that are to be in their places. */
static int
lift(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD, 10);
}

/* At `place` there is `fd` then, or nothing. */
static void
put(int fd, int place)
{
	if (fd < 0)
		close(place);
	else if (dup2(fd, place) < 0)
		_exit(111);
}

static void
keep_few(int channel, int kept)
{
	int null = open("/dev/null", O_RDWR), log = log_fd();
	bool moves = log > STDERR_FILENO || log < 0;

	channel = lift(channel);
	kept = lift(kept);
	if (moves)
		log = lift(log);
	put(null, STDIN_FILENO);
	/* whose log is on standard output */
	if (log != STDOUT_FILENO)
		put(null, STDOUT_FILENO);
	put(channel, CHANNEL);
	put(kept, HELPER_KEPT);
	put(moves ? log : -1, LOG);
	syscall(SYS_close_range, LOG + 1U, ~0U, 0U);
	if (moves)
		log_set_fd(LOG);
}

static void
live(int channel, const struct helper_options *o)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
	struct err e = {0};

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	keep_few(channel, o->keep);
	if (proc_drop(o->user, &e) < 0) {
		log_err("helper", &e);
		_exit(err_exit(&e));
	}
	if (!o->lingers)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	o->live(CHANNEL, o->arg);
	_exit(0);
}

int
helper_start(struct helper *h, const struct helper_options *o, struct err *e)
{
	int pair[2];

	*h = (struct helper){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "cannot make a socket pair");
	h->pid = fork();
	if (h->pid == 0)
		live(pair[1], o);
	close(pair[1]);
	h->fd = pair[0];
	if (h->pid > 0)
		return 0;
	err_sys(e, "cannot fork");
	helper_stop(h);
	return -1;
}

int
helper_ask(struct helper *h, const struct buf *question, struct buf *answer,
    int64_t timeout_ms, struct err *e)
{
	int64_t deadline = clock_mono() + timeout_ms;
	struct err why = {0};

	if (h->fd >= 0 &&
	    frame_write(h->fd, question->data, question->len, deadline, &why) ==
		0 &&
	    frame_read(h->fd, answer, deadline, &why) > 0)
		return 0;
	/* What it answers later would be taken for the next answer. */
	helper_stop(h);
	return err_set(e, KIND_SYS, "a helping process is lost%s%s",
	    why.text[0] ? ": " : "", why.text);
}

void
helper_stop(struct helper *h)
{
	if (!h || h->pid == 0)
		return; /* {0} has no descriptor either */
	fd_close(&h->fd);
	if (h->pid > 0) {
		kill(h->pid, SIGKILL);
		while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	h->pid = 0;
}

void
helper_end(struct helper *h, int64_t patience_ms)
{
	int pidfd = h->pid > 0 ? (int)syscall(SYS_pidfd_open, h->pid, 0U) : -1;
	struct err ignored = {0};

	fd_close(&h->fd);
	if (pidfd >= 0)
		fd_wait(pidfd, POLLIN, clock_mono() + patience_ms, &ignored);
	fd_close(&pidfd);
	helper_stop(h);
}

/* ---- in the helper ------------------------------------------------------- */

static int
answer(int fd, const struct helper_service *s, const struct buf *question,
    struct err *e)
{
	struct buf out;
	int rc;

	buf_init(&out, HELPER_ANSWER_MAX);
	s->answer(s->arg, question, &out);
	rc = frame_write(fd, out.data, out.len, FD_FOREVER, e);
	buf_release(&out);
	return rc;
}

/* In a process of its own, or here when there can be none. */
static int
answer_apart(int fd, const struct helper_service *s, const struct buf *question,
    struct err *e)
{
	pid_t parent = getpid(), pid = fork();
	struct err why = {0};

	if (pid < 0)
		return answer(fd, s, question, e);
	if (pid > 0)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(111);
	if (answer(fd, s, question, &why) < 0)
		_exit(err_exit(&why));
	_exit(0);
}

static void
reap(int flags)
{
	pid_t pid;

	do
		pid = waitpid(-1, NULL, flags);
	while (pid > 0 || (pid < 0 && errno == EINTR));
}

int
helper_serve(int fd, const struct helper_service *s, struct err *e)
{
	struct buf question;
	int rc;

	buf_init(&question, FRAME_MAX);
	while ((rc = frame_read(fd, &question, FD_FOREVER, e)) > 0) {
		rc = s->one_by_one ? answer(fd, s, &question, e)
				   : answer_apart(fd, s, &question, e);
		if (rc < 0)
			break;
		if (!s->one_by_one)
			reap(WNOHANG);
	}
	buf_release(&question);
	if (!s->one_by_one)
		reap(0);
	return rc;
}

bool
helper_is_left(int fd)
{
	struct err ignored = {0};

	return fd_wait(fd, POLLRDHUP, 0, &ignored) > 0;
}
