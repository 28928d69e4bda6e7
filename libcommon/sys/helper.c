#include "sys/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"

#define CHANNEL 3
#define KEPT 4

/* Only 0 to 4 stay, 0 and 1 as /dev/null. */
static void
live(int channel, const struct helper_options *o)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
	int null = open("/dev/null", O_RDWR);
	int fd = fcntl(channel, F_DUPFD, 10);
	int kept = o->keep < 0 ? -1 : fcntl(o->keep, F_DUPFD, 10);

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(fd, CHANNEL) < 0 ||
	    (kept >= 0 && dup2(kept, KEPT) < 0))
		_exit(111);
	syscall(SYS_close_range, kept >= 0 ? KEPT + 1U : KEPT, ~0U, 0U);
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
