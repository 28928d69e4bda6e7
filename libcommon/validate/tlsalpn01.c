#include "validate/attempt.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "conf/conf.h"
#include "sys/fd.h"
#include "validate/alpncert.h"
#include "validate/resolve.h"
#include "wrap/alpn.h"

/* The tls-alpn-01 challenge (RFC 8737; for addresses RFC 8738 6). */
struct tlsalpn01 {
	struct attempt *attempt;
	struct resolve resolve;
	size_t tried; /* addresses of `resolve` */
	struct alpn *tls; /* once connected */
};

static void connect_next(struct tlsalpn01 *t);

/* Ends the attempt: who was asked, at which address, and what came. */
static void
fail(struct tlsalpn01 *t, const struct err *why)
{
	struct attempt *a = t->attempt;
	struct err e = *why;

	if (a->result.address[0])
		err_object(&e, "%s [%s]:%lld", a->task.identifier.value,
		    a->result.address, (long long)a->tools->conf->tls_port);
	else
		err_object(&e, "%s", a->task.identifier.value);
	attempt_fail(a, &e);
}

/* Connecting did not work: the next address, or the end. */
static void
no_connection(struct tlsalpn01 *t, const char *reason)
{
	struct err e = {0};

	fd_close(&t->attempt->fd);
	if (t->tried < t->resolve.found_len) {
		connect_next(t);
		return;
	}
	err_acme(&e, KIND_INPUT, "connection", "cannot connect: %s", reason);
	fail(t, &e);
}

/* The handshake is over: everything is in the certificate. */
static void
judge(struct tlsalpn01 *t)
{
	struct attempt *a = t->attempt;
	struct err e = {0};
	struct buf der;

	buf_init(&der, ALPN_CERT_MAX);
	if (alpn_certificate(t->tls, &der, &e) == 0 &&
	    alpncert_check(
		der.data, der.len, &a->task.identifier, a->keyauth, &e) == 0)
		attempt_succeed(a);
	else
		fail(t, &e);
	buf_release(&der);
}

static void
shake_hands(struct tlsalpn01 *t)
{
	struct attempt *a = t->attempt;
	struct err e = {0};
	int rc = alpn_step(t->tls, &a->events, &e);

	if (rc > 0)
		judge(t);
	else if (rc < 0)
		fail(t, &e);
}

/* The name to ask for: of an address the one of its PTR record. */
static const char *
server_name(const struct attempt *a, char reverse[ADDRESS_REVERSE_SIZE])
{
	struct address address;

	if (a->task.identifier.type == IDENTIFIER_DNS ||
	    !address_parse(a->task.identifier.value, &address))
		return a->task.identifier.value;
	address_reverse(&address, reverse);
	return reverse;
}

static void
connected(struct tlsalpn01 *t)
{
	struct attempt *a = t->attempt;
	char reverse[ADDRESS_REVERSE_SIZE];
	struct err e = {0};

	attempt_set_wake(a, ATTEMPT_HOP_MS);
	t->tls = alpn_new(a->tools->alpn, a->fd, server_name(a, reverse), &e);
	if (t->tls)
		shake_hands(t);
	else
		fail(t, &e);
}

static void
ready(struct attempt *a)
{
	struct tlsalpn01 *t = a->state;
	int code = 0;
	socklen_t len = sizeof(code);

	if (t->tls)
		shake_hands(t);
	else if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0 ||
	    code != 0)
		no_connection(t, strerrordesc_np(code ? code : errno));
	else
		connected(t);
}

/* Connects to the next address, which resolve has checked. */
static void
connect_next(struct tlsalpn01 *t)
{
	struct attempt *a = t->attempt;
	const struct conf_validate *conf = a->tools->conf;
	const struct address *address = &t->resolve.found[t->tried++];
	struct sockaddr_storage where;
	socklen_t len =
	    address_to_sockaddr(address, (uint16_t)conf->tls_port, &where);

	attempt_note_address(a, address);
	attempt_set_wake(a, conf->connect_timeout * 1000);
	a->events = POLLOUT;
	a->fd = socket(
	    where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0 ||
	    (connect(a->fd, (struct sockaddr *)&where, len) < 0 &&
		errno != EINPROGRESS))
		no_connection(t, strerrordesc_np(errno));
}

static void
on_resolved(void *arg)
{
	struct tlsalpn01 *t = arg;

	if (t->resolve.found_len > 0)
		connect_next(t);
	else
		fail(t, &t->resolve.err);
}

static void
start(struct attempt *a)
{
	struct tlsalpn01 *t = xcalloc(1, sizeof(*t));

	a->state = t;
	t->attempt = a;
	attempt_set_wake(a, ATTEMPT_RESOLVE_MS);
	resolve_start(
	    &t->resolve, a->tools, a->task.identifier.value, on_resolved, t);
}

static void
expired(struct attempt *a)
{
	struct tlsalpn01 *t = a->state;
	struct err e = {0};

	if (a->fd < 0) {
		if (resolve_expire(&t->resolve))
			attempt_set_wake(a, ATTEMPT_RESOLVE_MS);
	} else if (!t->tls) {
		no_connection(t, "no answer in time");
	} else {
		err_acme(
		    &e, KIND_INPUT, "tls", "TLS handshake is not done in time");
		fail(t, &e);
	}
}

static void
stop(struct attempt *a)
{
	struct tlsalpn01 *t = a->state;

	resolve_cancel(&t->resolve);
	alpn_free(t->tls);
	fd_close(&a->fd);
	free(t);
}

const struct attempt_machine tlsalpn01_machine = {
    .start = start,
    .ready = ready,
    .expired = expired,
    .stop = stop,
};
