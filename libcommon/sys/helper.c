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
#include "sys/sig.h"

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
send_answer(int fd, const struct buf *out, struct err *e)
{
	return frame_write(fd, out->data, out->len, FD_FOREVER, e);
}

static int
answer(int fd, const struct helper_service *s, const struct buf *question,
    struct err *e)
{
	struct buf out;
	int rc;

	buf_init(&out, HELPER_ANSWER_MAX);
	s->answer(s->arg, question, &out);
	rc = send_answer(fd, &out, e);
	buf_release(&out);
	return rc;
}

static int
serve_here(int fd, const struct helper_service *s, struct err *e)
{
	struct buf question;
	int rc;

	buf_init(&question, FRAME_MAX);
	while ((rc = frame_read(fd, &question, FD_FOREVER, e)) > 0)
		if (answer(fd, s, &question, e) < 0) {
			rc = -1;
			break;
		}
	buf_release(&question);
	return rc;
}

/* ---- each question in a process of its own ------------------------------- */

struct answering {
	pid_t pid;
	struct buf question;
};

struct serving {
	int fd;
	const struct helper_service *s;
	struct answering *v;
	size_t len;
};

/* Its process has said nothing, or perhaps nothing that arrived. */
static int
answer_for(
    struct serving *g, const struct answering *a, int status, struct err *e)
{
	char why[60];
	struct buf out;
	int rc;

	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why),
		    "the process for it was ended by signal %d",
		    WTERMSIG(status));
	else
		snprintf(why, sizeof(why),
		    "the process for it ended with exit code %d",
		    WEXITSTATUS(status));
	buf_init(&out, HELPER_ANSWER_MAX);
	g->s->lost(&a->question, why, &out);
	rc = send_answer(g->fd, &out, e);
	buf_release(&out);
	return rc;
}

static int
note_end(struct serving *g, pid_t pid, int status, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < g->len; i++) {
		struct answering a = g->v[i];

		if (a.pid != pid)
			continue;
		g->v[i] = g->v[--g->len];
		if (status != 0)
			rc = answer_for(g, &a, status, e);
		buf_release(&a.question);
		break;
	}
	return rc;
}

static int
reap(struct serving *g, int flags, struct err *e)
{
	int status = 0, rc = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, flags)) > 0 ||
	    (pid < 0 && errno == EINTR))
		if (pid > 0 && note_end(g, pid, status, e) < 0)
			rc = -1;
	return rc;
}

/* Here when there can be no process. */
static int
answer_apart(struct serving *g, const struct buf *question, struct err *e)
{
	pid_t parent = getpid(), pid = fork();
	struct answering *a;
	struct err why = {0};

	if (pid < 0)
		return answer(g->fd, g->s, question, e);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(111);
		sig_forget_child();
		if (answer(g->fd, g->s, question, &why) < 0)
			_exit(err_exit(&why));
		_exit(0);
	}
	g->v = xreallocarray(g->v, g->len + 1, sizeof(struct answering));
	a = &g->v[g->len++];
	a->pid = pid;
	buf_init(&a->question, FRAME_MAX);
	buf_add(&a->question, question->data, question->len);
	return 0;
}

/* Waits for a question, and sees meanwhile who ends.  As frame_read. */
static int
next_question(struct serving *g, const sigset_t *waiting, struct buf *question,
    struct err *e)
{
	struct pollfd p = {.fd = g->fd, .events = POLLIN};
	int n;

	do {
		if (reap(g, WNOHANG, e) < 0)
			return -1;
		n = ppoll(&p, 1, NULL, waiting);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? err_sys(e, "cannot poll")
		     : frame_read(g->fd, question, FD_FOREVER, e);
}

static int
serve_apart(int fd, const struct helper_service *s, struct err *e)
{
	struct serving g = {.fd = fd, .s = s};
	struct buf question;
	sigset_t waiting;
	struct err ignored = {0};
	int rc;

	sigprocmask(SIG_SETMASK, NULL, &waiting);
	sig_hold_child(&waiting);
	buf_init(&question, FRAME_MAX);
	while ((rc = next_question(&g, &waiting, &question, e)) > 0)
		if (answer_apart(&g, &question, e) < 0) {
			rc = -1;
			break;
		}
	buf_release(&question);
	reap(&g, 0, &ignored); /* who asks may have gone */
	free(g.v);
	return rc;
}

int
helper_serve(int fd, const struct helper_service *s, struct err *e)
{
	return s->one_by_one ? serve_here(fd, s, e) : serve_apart(fd, s, e);
}

bool
helper_is_left(int fd)
{
	struct err ignored = {0};

	return fd_wait(fd, POLLRDHUP, 0, &ignored) > 0;
}
