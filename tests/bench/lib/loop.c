#include "loop.h"

#include <err.h>
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

struct loop {
	int fd;
};

struct loop *
loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));

	l->fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->fd < 0)
		err(111, "epoll");
	return l;
}

void
loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->fd);
	free(l);
}

void
loop_add(struct loop *l, int fd, struct watch *w)
{
	struct epoll_event ev = {
	    .events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = w}};

	if (epoll_ctl(l->fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		err(111, "epoll");
}

void
loop_once(struct loop *l, int timeout)
{
	/* One at a time: who is called may free the watch of another. */
	struct epoll_event ev;
	int n = epoll_wait(l->fd, &ev, 1, timeout);

	if (n < 0 && errno != EINTR)
		err(111, "epoll");
	if (n > 0) {
		struct watch *w = ev.data.ptr;

		w->ready(w->arg, ev.events);
	}
}
