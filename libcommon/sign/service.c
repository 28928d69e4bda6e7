#include "sign/service.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "sign/sign.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/sig.h"
#include "sys/sock.h"
#include "wrap/cert.h"

#define FLUSH_MS 1000 /* for replies when the service ends */
#define PAUSE_NS 100000000 /* before the next accept, for want of memory */

struct client {
	int fd;
	struct buf in; /* read and not yet understood */
	struct buf out; /* replies not yet written */
	int64_t heard; /* when it last sent something */
};

struct service {
	int listener; /* -1 for one connection */
	int64_t client_uid; /* who may ask, or -1 */
	int64_t linger; /* ms without a client; 0: without end */
	int64_t alone; /* since when there is none */
	struct sign *sign;
	struct client clients[SERVICE_CLIENTS_MAX];
	size_t len;
	sigset_t waiting; /* signals blocked while it waits: none of ours */
};

static void
add_client(struct service *s, int fd)
{
	struct client *c = &s->clients[s->len++];

	c->fd = fd;
	buf_init(&c->in, FRAME_HEAD + SIGNMSG_MAX);
	buf_init(&c->out, FRAME_HEAD + SIGNMSG_MAX);
	c->heard = clock_mono();
}

static void
drop_client(struct service *s, size_t i, const char *why)
{
	struct client *c = &s->clients[i];

	if (why != NULL)
		log_event(LOG_LEVEL_WARN, "sign.drop", "reason", why, NULL);
	fd_close(&c->fd);
	buf_release(&c->in);
	buf_release(&c->out);
	s->len--;
	s->alone = clock_mono();
	if (i != s->len)
		*c = s->clients[s->len]; /* transferred */
}

/* Makes room by ending the connection that was silent for longest. */
static void
drop_silent(struct service *s)
{
	size_t oldest = 0;

	for (size_t i = 1; i < s->len; i++)
		if (s->clients[i].heard < s->clients[oldest].heard)
			oldest = i;
	if (s->len > 0)
		drop_client(s, oldest, "too many clients");
}

/* All users of the store reach the socket; not all of them may ask. */
static bool
may_ask(const struct service *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (s->client_uid < 0)
		return true;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid() ||
		peer.uid == (uid_t)s->client_uid);
}

/* Takes over `fd`. */
static int
welcome(struct service *s, int fd, struct err *e)
{
	if (!may_ask(s, fd)) {
		close(fd);
		return err_set(
		    e, KIND_DENIED, "the client is not [signer] client_user");
	}
	if (s->len == SERVICE_CLIENTS_MAX)
		drop_silent(s);
	add_client(s, fd);
	return 0;
}

/* No client could be accepted. Returns -1 when that will not pass. */
static int
make_room(struct service *s, const struct err *why, struct err *e)
{
	const struct timespec pause = {0, PAUSE_NS};

	if (why->kind == KIND_SYS) {
		*e = *why;
		return -1;
	}
	log_err("sign.accept", why);
	if (why->kind == KIND_BUSY && s->len > 0)
		drop_silent(s);
	else
		ppoll(NULL, 0, &pause, &s->waiting);
	return 0;
}

static int
accept_client(struct service *s, struct err *e)
{
	struct err why = {0};
	int fd = sock_accept(s->listener, SOCK_NONBLOCK, &why);

	if (fd >= 0) {
		if (welcome(s, fd, &why) < 0)
			log_err("sign.drop", &why);
		return 0;
	}
	return err_is_set(&why) ? make_room(s, &why, e) : 0;
}

/* The record of what was signed, whatever becomes of it. */
static void
log_issued(const struct signmsg_request *r, const struct buf *chain)
{
	struct cert_list list = {0};
	struct err ignored = {0};

	cert_list_from_pem(chain->data, chain->len, &list, &ignored);
	log_event(LOG_LEVEL_INFO, "sign.issued", "order", r->order, "name",
	    r->dns.len > 0 ? r->dns.v[0] : NULL, "address",
	    r->ip.len > 0 ? r->ip.v[0] : NULL, "serial",
	    list.len > 0 ? cert_serial_hex(list.v[0]) : NULL, NULL);
	cert_list_release(&list);
}

/* The answer to one request, into `reply`; `e` says why there is none. */
static int
answer(struct service *s, const struct buf *request, struct buf *reply,
    struct err *e)
{
	struct signmsg_request r;
	struct err failed = {0};
	struct buf chain;
	int rc;

	signmsg_request_init(&r);
	buf_init(&chain, SIGNMSG_MAX);
	rc = signmsg_request_read(request->data, request->len, &r, e);
	if (rc == -1)
		goto out;
	if (sign_issue(s->sign, &r, &chain, &failed) == 0) {
		rc = signmsg_reply_write(chain.data, chain.len, reply, e);
		log_issued(&r, &chain);
	} else {
		rc = signmsg_failure_write(&failed, reply, e);
		log_err("sign.refused", &failed);
	}
out:
	signmsg_request_release(&r);
	buf_release(&chain);
	return rc;
}

/*
 * Answers what the client has sent, one request at a time: the next is not
 * begun before the reply is written.  Returns -1 when it must be dropped.
 */
static int
serve(struct service *s, struct client *c, struct err *e)
{
	struct buf request, reply;
	int rc = 0;

	buf_init(&request, SIGNMSG_MAX);
	buf_init(&reply, SIGNMSG_MAX);
	if (c->out.len == 0 && (rc = frame_take(&c->in, &request, e)) == 1) {
		rc = answer(s, &request, &reply, e);
		if (rc == 0)
			rc = frame_add(&c->out, reply.data, reply.len, e);
	}
	buf_release(&request);
	buf_release(&reply);
	return rc;
}

/* Returns 1 when all is written, 0 when the client must take it first. */
static int
flush_out(struct client *c, struct err *e)
{
	ssize_t n;

	while (c->out.len > 0) {
		n = send(c->fd, c->out.data, c->out.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			buf_consume(&c->out, (size_t)n);
		else if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return 0;
		else
			return err_sys(e, "cannot write");
	}
	return 1;
}

/* Returns 1 for bytes, 0 for none now, -1 for the end (`e` unset) or worse. */
static int
fill_in(struct client *c, struct err *e)
{
	char chunk[16384];
	size_t room = c->in.max - c->in.len;
	ssize_t n = recv(c->fd, chunk,
	    room < sizeof(chunk) ? room : sizeof(chunk), MSG_DONTWAIT);

	if (n > 0) {
		c->heard = clock_mono();
		buf_add(&c->in, chunk, (size_t)n);
		return 1;
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n == 0 ? -1 : err_sys(e, "cannot read");
}

/* Does what can be done for a client. Returns -1 when it must be dropped. */
static int
attend(struct service *s, struct client *c, short events, struct err *e)
{
	int rc;

	if (c->out.len == 0 && (events & (POLLIN | POLLHUP | POLLERR)) != 0 &&
	    fill_in(c, e) == -1)
		return -1;
	for (;;) {
		if ((rc = flush_out(c, e)) != 1)
			return rc;
		if (serve(s, c, e) == -1)
			return -1;
		if (c->out.len == 0)
			return 0;
	}
}

static void
attend_all(struct service *s, const struct pollfd *p)
{
	struct err e;

	/* From the end: dropping moves the last one into the gap. */
	for (size_t i = s->len; i-- > 0;) {
		if (p[i].revents == 0)
			continue;
		err_clear(&e);
		if (attend(s, &s->clients[i], p[i].revents, &e) == -1)
			drop_client(s, i, err_is_set(&e) ? e.text : NULL);
	}
}

/* How long there may be nothing to do, from now on; NULL: without end. */
static const struct timespec *
patience(const struct service *s, struct timespec *out)
{
	int64_t left = s->alone + s->linger - clock_mono();

	if (s->linger == 0 || s->len > 0)
		return NULL;
	if (left < 0)
		left = 0;
	*out = (struct timespec){left / 1000, left % 1000 * 1000000};
	return out;
}

static bool
is_over(const struct service *s)
{
	struct pollfd p = {.fd = s->listener, .events = POLLIN};

	if (s->len > 0)
		return false;
	if (s->listener < 0)
		return true;
	return s->linger > 0 && clock_mono() - s->alone >= s->linger &&
	    poll(&p, 1, 0) == 0;
}

/* Waits and does one round of work. */
static int
turn(struct service *s, struct err *e)
{
	struct pollfd p[SERVICE_CLIENTS_MAX + 1];
	struct timespec wait;
	size_t n = s->len;

	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){.fd = s->clients[i].fd,
		    .events = s->clients[i].out.len > 0 ? POLLOUT : POLLIN};
	p[n] = (struct pollfd){.fd = s->listener, .events = POLLIN};
	if (ppoll(p, n + 1, patience(s, &wait), &s->waiting) == -1)
		return errno == EINTR ? 0 : err_sys(e, "cannot wait");
	attend_all(s, p);
	if ((p[n].revents & POLLIN) != 0)
		return accept_client(s, e);
	if (p[n].revents != 0)
		return err_set(e, KIND_SYS, "the listening socket is broken");
	return 0;
}

/* Replies that are still here are of certificates that exist. */
static void
finish(struct service *s)
{
	struct err ignored = {0};
	int64_t deadline = clock_mono() + FLUSH_MS;

	while (s->len > 0) {
		struct client *c = &s->clients[s->len - 1];

		if (c->out.len > 0)
			fd_write_all(
			    c->fd, c->out.data, c->out.len, deadline, &ignored);
		drop_client(s, s->len - 1, NULL);
	}
}

int
service_run(int fd, struct sign *sign, int64_t linger, int64_t client_uid,
    struct err *e)
{
	struct service *s = xcalloc(1, sizeof(*s));
	sigset_t before;
	int rc;

	s->sign = sign;
	s->listener = fd_is_listening(fd) ? fd : -1;
	s->linger = linger;
	s->client_uid = client_uid;
	s->alone = clock_mono();
	sig_hold_term(&s->waiting, &before);
	rc = fd_nonblock(fd, e);
	if (rc == 0 && s->listener == -1)
		rc = welcome(s, fd, e);
	while (rc == 0 && !sig_term() && !is_over(s))
		rc = turn(s, e);
	finish(s);
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(s);
	return rc;
}
