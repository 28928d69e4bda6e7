#include "validate/engine.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "conf/conf.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/netif.h"
#include "validate/attempt.h"
#include "wrap/alpn.h"
#include "wrap/dns.h"
#include "wrap/web.h"

#define WRITE_MS 30000 /* the other side may wait for the store */
#define IN_MAX ((size_t)1 << 25)

enum {
	POLL_CHANNEL,
	POLL_DNS,
	POLL_WEB,
	POLL_ATTEMPTS /* from here on one per attempt that has a socket */
};

struct engine {
	int channel;
	bool is_closed; /* the other side has gone */
	struct attempt_tools tools;
	struct attempt *attempts;
	size_t attempts_len;
	struct buf in; /* read, not yet a whole message */
	struct pollfd *fds;
	struct attempt **watched; /* those of `fds` */
	size_t fds_cap;
};

static void
add_own(void *arg, const struct sockaddr *sa)
{
	struct address a;
	uint16_t port;

	if (address_from_sockaddr(sa, &a, &port))
		address_policy_add_own(arg, &a);
}

static int
set_up(struct engine *g, int channel, const struct conf *conf, struct err *e)
{
	struct attempt_tools *t = &g->tools;
	struct dns_options options = {.resolvers = &conf->validate.resolver};

	g->channel = channel;
	buf_init(&g->in, IN_MAX);
	t->conf = &conf->validate;
	t->verify_ptr = conf->policy.verify_ptr;
	t->dns01_require_address = conf->policy.dns01_require_address;
	if (fd_nonblock(channel, e) < 0 ||
	    address_policy_init(&t->policy,
		&conf->policy.allowed_server_ip_ranges,
		&conf->policy.exclude_server_ip_ranges, e) < 0 ||
	    netif_each_address(add_own, &t->policy, e) < 0)
		return -1;
	t->web = web_new(e);
	t->alpn = alpn_context_new(e);
	t->dns = dns_new(&options, e);
	return t->web && t->alpn && t->dns ? 0 : -1;
}

static void
tear_down(struct engine *g)
{
	struct attempt *a;

	while ((a = g->attempts) != NULL) {
		g->attempts = a->next;
		attempt_free(a);
	}
	dns_free(g->tools.dns);
	alpn_context_free(g->tools.alpn);
	web_free(g->tools.web);
	address_policy_release(&g->tools.policy);
	buf_release(&g->in);
	free(g->fds);
	free(g->watched);
}

static int
send_result(struct engine *g, const struct validmsg_result *r, struct err *e)
{
	struct buf b;
	int rc;

	buf_init(&b, VALIDMSG_MAX);
	rc = validmsg_result_write(r, &b, e);
	if (rc == 0)
		rc = frame_write(
		    g->channel, b.data, b.len, clock_mono() + WRITE_MS, e);
	buf_release(&b);
	return rc;
}

/* ---- what comes in ------------------------------------------------------- */

static int
take_tasks(struct engine *g, struct err *e)
{
	struct buf message;
	struct validmsg_task task;
	struct attempt *a;
	int rc;

	buf_init(&message, VALIDMSG_MAX);
	while ((rc = frame_take(&g->in, &message, e)) > 0) {
		rc = validmsg_task_read(message.data, message.len, &task, e);
		if (rc < 0) {
			validmsg_task_release(&task);
			break;
		}
		a = attempt_new(&g->tools, &task);
		a->next = g->attempts;
		g->attempts = a;
		g->attempts_len++;
	}
	buf_release(&message);
	return rc;
}

static int
read_channel(struct engine *g, struct err *e)
{
	char chunk[16384];
	ssize_t n = read(g->channel, chunk, sizeof(chunk));

	if (n == 0 || (n < 0 && errno == ECONNRESET)) {
		g->is_closed = true;
		return 0;
	}
	if (n < 0)
		return errno == EAGAIN || errno == EINTR
		    ? 0
		    : err_sys(e, "cannot read tasks");
	if (buf_add(&g->in, chunk, (size_t)n) < 0)
		return err_set(e, KIND_INPUT, "too many tasks at once");
	return take_tasks(g, e);
}

/* ---- the loop ------------------------------------------------------------ */

static void
watch(struct engine *g, size_t i, int fd, short events, struct attempt *a)
{
	g->fds[i].fd = fd;
	g->fds[i].events = events;
	g->fds[i].revents = 0;
	g->watched[i] = a;
}

/* Fills `fds`; returns how many. */
static nfds_t
collect(struct engine *g)
{
	size_t n = POLL_ATTEMPTS;

	if (g->fds_cap < POLL_ATTEMPTS + g->attempts_len) {
		g->fds_cap = 2 * (POLL_ATTEMPTS + g->attempts_len);
		g->fds = xreallocarray(g->fds, g->fds_cap, sizeof(*g->fds));
		g->watched = xreallocarray(
		    g->watched, g->fds_cap, sizeof(struct attempt *));
	}
	watch(g, POLL_CHANNEL, g->channel, POLLIN, NULL);
	watch(g, POLL_DNS, dns_fd(g->tools.dns), POLLIN, NULL);
	watch(g, POLL_WEB, web_fd(g->tools.web), POLLIN, NULL);
	for (struct attempt *a = g->attempts; a; a = a->next)
		if (a->fd >= 0)
			watch(g, n++, a->fd, a->events, a);
	return n;
}

/* Milliseconds until something is due. */
static int
patience(const struct engine *g)
{
	int64_t now = clock_mono(), least = INT_MAX, web;

	for (const struct attempt *a = g->attempts; a; a = a->next) {
		int64_t at = a->wake < a->deadline ? a->wake : a->deadline;

		if (at - now < least)
			least = at > now ? at - now : 0;
	}
	web = web_wait_ms(g->tools.web);
	if (web >= 0 && web < least)
		least = web;
	return least == INT_MAX ? -1 : (int)least;
}

/* Tells the result of every attempt that has one. */
static int
harvest(struct engine *g, struct err *e)
{
	struct attempt **link = &g->attempts, *a;
	int64_t now = clock_mono();
	int rc = 0;

	while (rc == 0 && (a = *link) != NULL) {
		attempt_tick(a, now);
		if (!a->is_done) {
			link = &a->next;
			continue;
		}
		rc = send_result(g, &a->result, e);
		*link = a->next;
		g->attempts_len--;
		attempt_free(a);
	}
	return rc;
}

static int
turn(struct engine *g, struct err *e)
{
	nfds_t n = collect(g);

	if (poll(g->fds, n, patience(g)) < 0)
		return errno == EINTR ? 0 : err_sys(e, "cannot wait");
	/* Sockets first: afterwards their attempts may have others. */
	for (nfds_t i = POLL_ATTEMPTS; i < n; i++)
		if (g->fds[i].revents)
			attempt_ready(g->watched[i]);
	if (g->fds[POLL_DNS].revents && dns_process(g->tools.dns, e) < 0)
		return -1;
	web_process(g->tools.web);
	if (g->fds[POLL_CHANNEL].revents && read_channel(g, e) < 0)
		return -1;
	return harvest(g, e);
}

int
engine_run(int channel, const struct conf *conf,
    int (*confine)(void *arg, struct err *e), void *arg, struct err *e)
{
	struct engine g = {0};
	struct validmsg_result ready = {0};
	int rc;

	rc = set_up(&g, channel, conf, e);
	if (rc == 0 && confine)
		rc = confine(arg, e);
	if (rc == 0)
		rc = send_result(&g, &ready, e);
	while (rc == 0 && !g.is_closed)
		rc = turn(&g, e);
	tear_down(&g);
	return rc;
}
