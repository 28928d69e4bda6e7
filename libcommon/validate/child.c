#include "validate/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "validate/engine.h"

#define READY_MS 20000
#define END_MS 2000
#define QUEUE_MAX ((size_t)1 << 25)

void
child_init(struct child *c)
{
	c->pid = 0;
	c->fd = -1;
	buf_init(&c->in, QUEUE_MAX);
	buf_init(&c->out, QUEUE_MAX);
}

/* Lets it see that the socket is closed, which ends it. */
static void
let_end(struct child *c)
{
	const struct timespec pause = {0, 10 * 1000000};
	int64_t until = clock_mono() + END_MS;

	fd_close(&c->fd);
	while (c->pid > 0 && clock_mono() < until) {
		if (waitpid(c->pid, NULL, WNOHANG) != 0)
			c->pid = 0;
		else
			nanosleep(&pause, NULL);
	}
}

void
child_release(struct child *c)
{
	if (!c)
		return;
	let_end(c);
	child_stop(c);
	buf_release(&c->in);
	buf_release(&c->out);
}

/* The whole life of the new process. */
static void
live(int channel, const struct child_options *how)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
	struct err e = {0};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	/* The other process decides when to end: by closing the socket. */
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < how->shut_len; i++)
		if (how->shut[i] > 2)
			close(how->shut[i]);
	/* Under inetd 0 and 1 are the socket that pokes come on. */
	if (null >= 0 && (dup2(null, 0) < 0 || dup2(null, 1) < 0))
		_exit(111);
	fd_raise_limit();
	if (engine_run(channel, how->conf, how->confine, how->arg, &e) < 0)
		log_err("validate.network", &e);
	_exit(err_exit(&e));
}

static int
wait_until_ready(struct child *c, struct err *e)
{
	struct validmsg_result r = {.id = -1};
	struct buf message;
	int rc;

	buf_init(&message, VALIDMSG_MAX);
	rc = frame_read(c->fd, &message, clock_mono() + READY_MS, e);
	if (rc > 0)
		rc = validmsg_result_read(message.data, message.len, &r, e);
	else if (rc == 0)
		rc = err_set(e, KIND_CONF,
		    "the process with the network could not start; it has "
		    "logged why");
	if (rc == 0 && r.id != 0)
		rc = err_set(e, KIND_BUG, "result before the first task");
	buf_release(&message);
	return rc;
}

int
child_start(struct child *c, const struct child_options *how, struct err *e)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "cannot make a socket pair");
	c->pid = fork();
	if (c->pid < 0) {
		err_sys(e, "cannot fork");
		c->pid = 0;
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	if (c->pid == 0) {
		close(pair[0]);
		live(pair[1], how);
	}
	close(pair[1]);
	c->fd = pair[0];
	buf_clear(&c->in);
	buf_clear(&c->out);
	if (fd_nonblock(c->fd, e) == 0 && wait_until_ready(c, e) == 0)
		return 0;
	child_stop(c);
	return -1;
}

void
child_stop(struct child *c)
{
	fd_close(&c->fd);
	if (c->pid == 0)
		return;
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
}

int
child_give(struct child *c, const struct validmsg_task *t, struct err *e)
{
	struct buf b;
	int rc;

	buf_init(&b, VALIDMSG_MAX);
	rc = validmsg_task_write(t, &b, e);
	if (rc == 0)
		rc = frame_add(&c->out, b.data, b.len, e);
	buf_release(&b);
	return rc;
}

int
child_send(struct child *c, struct err *e)
{
	while (c->out.len > 0) {
		ssize_t n = write(c->fd, c->out.data, c->out.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return err_sys(
			    e, "the process with the network is lost");
		buf_consume(&c->out, (size_t)n);
	}
	return 0;
}

int
child_read(struct child *c, struct err *e)
{
	char chunk[16384];
	ssize_t n = read(c->fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return err_sys(e, "the process with the network is lost");
	if (n == 0)
		return err_set(
		    e, KIND_SYS, "the process with the network has ended");
	if (buf_add(&c->in, chunk, (size_t)n) < 0)
		return err_set(e, KIND_SYS, "too many results at once");
	return 0;
}

int
child_take(struct child *c, struct validmsg_result *r, struct err *e)
{
	struct buf message;
	int rc;

	buf_init(&message, VALIDMSG_MAX);
	rc = frame_take(&c->in, &message, e);
	if (rc > 0 && validmsg_result_read(message.data, message.len, r, e) < 0)
		rc = -1;
	buf_release(&message);
	return rc;
}
