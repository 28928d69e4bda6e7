#include "sys/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/sig.h"
#include "sys/sock.h"

#define TICK_MS 5000 /* between two looks, whatever happens */
#define LEAVE_MS 1000 /* for workers to end, before another master starts */
#define SPARE_MS 60000 /* after it an idle worker that is not alone ends */
#define DEFER_SECONDS 10
#define FAILURES_MAX 5 /* deaths in a row, with no connection between */
#define FAILURE_MS 500 /* after one, before another worker is tried */
#define PAUSE_NS 100000000 /* before the next accept, for want of memory */

enum seat_state {
	SEAT_FREE,
	SEAT_STARTING, /* forked, and not waiting yet */
	SEAT_IDLE,
	SEAT_BUSY
};

/* What master and workers tell each other, in shared memory. */
struct board {
	_Atomic int64_t last; /* clock_mono() of the last connection's end */
	_Atomic bool served; /* a connection, since the master looked */
	_Atomic bool over; /* all shall end */
	_Atomic unsigned char seats[]; /* enum seat_state; `max` of them */
};

struct workers {
	struct workers_options options;
	struct board *board;
	size_t size; /* of the board */
	sigset_t waiting, before; /* signals are let in while we wait */
	/* of the master: */
	pid_t *pids; /* who has the seat */
	int call[2]; /* a byte: no worker is idle */
	int life[2]; /* its end tells workers that all is over */
	int failures; /* in a row */
	int64_t start_after; /* clock_mono(): no new one before */
	/* of a worker: */
	int seat;
	int epoll;
};

static bool
has(const struct workers *w, enum seat_state state)
{
	for (int64_t i = 0; i < w->options.max; i++)
		if (atomic_load(&w->board->seats[i]) == state)
			return true;
	return false;
}

static int
open_pool(struct workers *w, struct err *e)
{
	int seconds = DEFER_SECONDS;

	sig_hold_term(&w->waiting, &w->before);
	sig_hold_child(&w->waiting);
	/* A client that says nothing yet takes no worker; TCP only. */
	setsockopt(w->options.listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds,
	    sizeof(seconds));
	w->size = sizeof(*w->board) + (size_t)w->options.max;
	w->board = mmap(NULL, w->size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (w->board == MAP_FAILED) {
		w->board = NULL;
		return err_sys(e, "cannot share memory with workers");
	}
	if (pipe2(w->call, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(w->life, O_CLOEXEC) < 0)
		return err_sys(e, "cannot make a pipe for workers");
	w->pids = xcalloc((size_t)w->options.max, sizeof(*w->pids));
	atomic_store(&w->board->last, clock_mono());
	return fd_nonblock(w->options.listener, e);
}

void
workers_leave(struct workers *w)
{
	if (!w)
		return;
	for (int i = 0; i < 2; i++) {
		fd_close(&w->call[i]);
		fd_close(&w->life[i]);
	}
	fd_close(&w->epoll);
	if (w->board)
		munmap(w->board, w->size);
	free(w->pids);
	free(w);
}

/* ---- the master ---------------------------------------------------------- */

/* In the new process: forgets what is the master's. */
static void
become_worker(struct workers *w, int seat)
{
	w->seat = seat;
	fd_close(&w->call[0]);
	fd_close(&w->life[1]);
	free(w->pids);
	w->pids = NULL;
	sig_forget_child();
	sigprocmask(SIG_SETMASK, &w->before, NULL);
}

/* Returns 1 in the worker, 0 in the master, -1. */
static int
start_worker(struct workers *w, struct err *e)
{
	int seat = 0;
	pid_t pid;

	while (w->pids[seat] != 0)
		seat++;
	atomic_store(&w->board->seats[seat], SEAT_STARTING);
	pid = fork();
	if (pid == 0) {
		become_worker(w, seat);
		return 1;
	}
	if (pid < 0) {
		atomic_store(&w->board->seats[seat], SEAT_FREE);
		return err_sys(e, "cannot fork");
	}
	w->pids[seat] = pid;
	return 0;
}

static size_t
count(const struct workers *w)
{
	size_t n = 0;

	for (int64_t i = 0; i < w->options.max; i++)
		n += w->pids[i] != 0;
	return n;
}

/* Whether there is a seat, and nobody who is idle or soon will be. */
static bool
wants_spare(const struct workers *w)
{
	return count(w) < (size_t)w->options.max && !has(w, SEAT_IDLE) &&
	    !has(w, SEAT_STARTING);
}

/* Keeps one idle. Returns as start_worker. */
static int
keep_spare(struct workers *w)
{
	struct err why = {0};
	int rc;

	if (!wants_spare(w) || clock_mono() < w->start_after)
		return 0;
	rc = start_worker(w, &why);
	if (rc < 0) {
		/* those that are there go on */
		log_err("worker.start", &why);
		w->start_after = clock_mono() + FAILURE_MS;
		rc = 0;
	}
	return rc;
}

/* One that dies over a connection is replaced at once, any other not so. */
static void
note_end(struct workers *w, int seat, pid_t pid, int status)
{
	bool busy = atomic_load(&w->board->seats[seat]) == SEAT_BUSY;
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	char text[16], how[16];

	if (busy)
		atomic_store(&w->board->last, clock_mono());
	if (atomic_exchange(&w->board->served, false) || good)
		w->failures = 0;
	if (good)
		return;
	if (!busy) {
		w->failures++;
		w->start_after = clock_mono() + FAILURE_MS;
	}
	snprintf(text, sizeof(text), "%d", (int)pid);
	snprintf(how, sizeof(how), "%d",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	log_event(LOG_LEVEL_ERR, "worker.died", "pid", text,
	    WIFSIGNALED(status) ? "signal" : "code", how, NULL);
}

/* Gives the seat of a process that has ended back. */
static void
bury(struct workers *w, pid_t pid, int status)
{
	for (int seat = 0; seat < w->options.max; seat++) {
		if (w->pids[seat] != pid)
			continue;
		note_end(w, seat, pid, status);
		w->pids[seat] = 0;
		atomic_store(&w->board->seats[seat], SEAT_FREE);
	}
}

/* Returns 0, or -1 when there is no point in trying again. */
static int
reap(struct workers *w, struct err *e)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		bury(w, pid, status);
		if (w->failures >= FAILURES_MAX)
			return err_set(e,
			    WIFEXITED(status) && WEXITSTATUS(status) == 102
				? KIND_CONF
				: KIND_SYS,
			    "workers fail as soon as they start; see the log");
	}
	return 0;
}

/* ms until the master has something to do, if nobody calls it before. */
static int64_t
idle_ms(const struct workers *w)
{
	int64_t left;

	if (wants_spare(w)) {
		left = w->start_after - clock_mono();
		return left > 0 ? left : 0;
	}
	return w->options.linger > 0 && w->options.linger < TICK_MS
	    ? w->options.linger
	    : TICK_MS;
}

/* Waits for a call, the death of a worker, SIGTERM, or a while. */
static int
wait_master(struct workers *w, struct err *e)
{
	struct pollfd p = {.fd = w->call[0], .events = POLLIN};
	int64_t ms = idle_ms(w);
	struct timespec wait;
	char calls[64];

	wait = (struct timespec){ms / 1000, ms % 1000 * 1000000};
	if (ppoll(&p, 1, &wait, &w->waiting) < 0 && errno != EINTR)
		return err_sys(e, "cannot wait for workers");
	while (read(w->call[0], calls, sizeof(calls)) > 0)
		;
	return 0;
}

static bool
is_over(const struct workers *w)
{
	const struct workers_options *o = &w->options;

	if (sig_term() || (o->is_stale && o->is_stale(o->arg)))
		return true;
	return o->linger > 0 && !has(w, SEAT_BUSY) &&
	    clock_mono() - atomic_load(&w->board->last) >= o->linger;
}

/* Tells all; with SIGTERM also those whose worker waits for its client. */
static void
tell_workers(const struct workers *w)
{
	for (int64_t i = 0; i < w->options.max; i++)
		if (w->pids[i] != 0)
			kill(w->pids[i], SIGTERM);
}

/*
 * All end: at once if they are idle, else after the request in hand.  Without
 * SIGTERM somebody else is to take over the socket: then those that are slow
 * are left to themselves.
 */
static void
end_workers(struct workers *w)
{
	const struct timespec tick = {0, LEAVE_MS * 1000000 / 4};
	int64_t leave = clock_mono() + LEAVE_MS;
	bool told = false;
	int status;
	pid_t pid;

	atomic_store(&w->board->over, true);
	fd_close(&w->life[1]);
	for (;;) {
		if (sig_term() && !told)
			tell_workers(w);
		told = sig_term();
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			bury(w, pid, status);
		if (count(w) == 0 || (!told && clock_mono() >= leave))
			break;
		ppoll(NULL, 0, &tick, &w->waiting);
	}
}

struct workers *
workers_run(const struct workers_options *options, struct err *e)
{
	struct workers *w = xcalloc(1, sizeof(*w));
	int rc;

	w->options = *options;
	w->call[0] = w->call[1] = w->life[0] = w->life[1] = w->epoll = -1;
	rc = open_pool(w, e);
	while (rc == 0 && !is_over(w)) {
		if (keep_spare(w) > 0)
			return w;
		rc = wait_master(w, e);
		if (rc == 0)
			rc = reap(w, e);
	}
	if (w->pids)
		end_workers(w);
	sig_forget_child();
	sigprocmask(SIG_SETMASK, &w->before, NULL);
	workers_leave(w);
	return NULL;
}

/* ---- a worker ------------------------------------------------------------ */

static void
set_state(struct workers *w, enum seat_state state)
{
	atomic_store(&w->board->seats[w->seat], state);
}

/* Exclusive: one connection wakes one worker. */
static int
open_epoll(struct workers *w, struct err *e)
{
	struct epoll_event connection = {
	    .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = w->options.listener};
	struct epoll_event end = {.events = EPOLLIN, .data.fd = w->life[0]};

	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0 ||
	    epoll_ctl(
		w->epoll, EPOLL_CTL_ADD, connection.data.fd, &connection) < 0 ||
	    epoll_ctl(w->epoll, EPOLL_CTL_ADD, end.data.fd, &end) < 0)
		return err_sys(e, "cannot wait for connections");
	return 0;
}

/* Whether another worker is idle as well. */
static bool
is_spare(const struct workers *w)
{
	for (int i = 0; i < w->options.max; i++)
		if (i != w->seat &&
		    atomic_load(&w->board->seats[i]) == SEAT_IDLE)
			return true;
	return false;
}

/* Whether the master says that it is over, or is no more. */
static bool
is_ended(const struct workers *w)
{
	struct pollfd p = {.fd = w->life[0]};

	return poll(&p, 1, 0) > 0;
}

/* Whether a connection waits for somebody to take it. */
static bool
has_connection(const struct workers *w)
{
	struct pollfd p = {.fd = w->options.listener, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/*
 * Waits for something on the listener.  Returns 1, 0 when the worker shall end,
 * -1.  Only one worker is woken for a connection, and epoll tells no other when
 * it dies before it has taken it: so each looks itself now and then.
 */
static int
await(struct workers *w, struct err *e)
{
	int64_t since = clock_mono();
	struct epoll_event events[2];
	int n;

	while (!sig_term() && !is_ended(w)) {
		n = epoll_pwait(w->epoll, events, 2, TICK_MS, &w->waiting);
		if (n > 0 || (n == 0 && has_connection(w)))
			return !is_ended(w);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "cannot wait for connections");
		if (clock_mono() - since >= SPARE_MS && is_spare(w))
			break;
	}
	return 0;
}

/* Has a connection now: if nobody is idle any more the master is told. */
static void
become_busy(struct workers *w)
{
	ssize_t n = 1;

	set_state(w, SEAT_BUSY);
	atomic_store(&w->board->served, true);
	if (!has(w, SEAT_IDLE))
		n = write(w->call[1], "!", 1);
	(void)n; /* a full pipe is a call already */
}

/* The next connection, or -1, with `e` set when there will be none. */
static int
take(const struct workers *w, struct err *e)
{
	const struct timespec pause = {0, PAUSE_NS};
	struct err why = {0};
	int fd = sock_accept(w->options.listener, 0, &why);

	if (!err_is_set(&why))
		return fd;
	if (why.kind == KIND_SYS) {
		*e = why;
		return -1;
	}
	log_err("worker.accept", &why);
	ppoll(NULL, 0, &pause, &w->waiting);
	return -1;
}

int
workers_accept(struct workers *w, struct err *e)
{
	sigset_t before;
	int fd = -1;

	if (w->epoll < 0 && open_epoll(w, e) < 0)
		return -1;
	if (atomic_load(&w->board->seats[w->seat]) == SEAT_BUSY)
		atomic_store(&w->board->last, clock_mono());
	set_state(w, SEAT_IDLE);
	sig_hold_term(&w->waiting, &before);
	while (fd < 0 && !err_is_set(e) && await(w, e) > 0)
		fd = take(w, e);
	if (fd >= 0)
		become_busy(w);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return fd;
}

bool
workers_are_over(const struct workers *w)
{
	return atomic_load(&w->board->over);
}

bool
workers_are_wanted(const struct workers *w)
{
	if (is_ended(w))
		return true;
	return !has(w, SEAT_IDLE) && !has(w, SEAT_STARTING) &&
	    !has(w, SEAT_FREE) && has_connection(w);
}
