#include "jobs/precheck.h"

#include "acme/validmsg.h"
#include "base/log.h"
#include "conf/conf.h"
#include "policy/address.h"
#include "solve/solver.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/netif.h"
#include "validate/engine.h"

#define READY_MS 20000
#define CONNECT_S 5
#define LOOK_S 20 /* for one in all */
#define MARGIN_MS 5000 /* beyond its own time, the other process is stuck */
#define REDIRECTS 10 /* as Let's Encrypt */

/* ---- the process with the network ---------------------------------------- */

static void
add_own(void *arg, const struct sockaddr *sa)
{
	char text[ADDRESS_TEXT_SIZE];
	struct address a;
	uint16_t port;

	if (!address_from_sockaddr(sa, &a, &port))
		return;
	address_format(&a, text);
	strv_add(arg, text);
}

/*
 * All that can be somebody's web server, this machine among them: names come
 * from the operator, not from strangers.
 */
static int
add_ranges(struct strv *allowed, struct err *e)
{
	static const char *const ranges[] = {
	    "0.0.0.0/0", "::/0", "127.0.0.0/8", "::1"};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		strv_add(allowed, ranges[i]);
	return netif_each_address(add_own, allowed, e);
}

static void
live(int fd, void *arg)
{
	const struct precheck_options *o = arg;
	struct conf c = {.validate = {.resolver = o->conf->resolver,
			     .http_port = o->conf->precheck_http_port,
			     .tls_port = o->conf->precheck_tls_port,
			     .connect_timeout = CONNECT_S,
			     .timeout = LOOK_S,
			     .redirects = REDIRECTS}};
	struct err e = {0};

	if (add_ranges(&c.policy.allowed_server_ip_ranges, &e) < 0 ||
	    engine_run(fd, &c, o->confine, o->arg, &e) < 0)
		log_err("precheck", &e);
	strv_release(&c.policy.allowed_server_ip_ranges);
}

/* ---- the other side ------------------------------------------------------ */

static int
wait_until_ready(struct precheck *p, struct err *e)
{
	struct validmsg_result ready;
	struct buf message;
	int rc;

	buf_init(&message, VALIDMSG_MAX);
	rc = frame_read(p->helper.fd, &message, clock_mono() + READY_MS, e);
	if (rc > 0)
		rc = validmsg_result_read(message.data, message.len, &ready, e);
	else if (rc == 0)
		rc = err_set(e, KIND_CONF,
		    "the process that looks at challenges could not start; it "
		    "has logged why");
	buf_release(&message);
	return rc;
}

int
precheck_start(
    struct precheck *p, const struct precheck_options *o, struct err *e)
{
	const struct helper_options how = {.live = live,
	    .arg = (void *)(uintptr_t)o,
	    .keep = -1,
	    .user = o->conf->user};

	if (helper_start(&p->helper, &how, e) < 0)
		return -1;
	if (wait_until_ready(p, e) == 0)
		return 0;
	precheck_stop(p);
	return -1;
}

/* The messages are those of acme-validate, whose ids begin at 1. */
static int
write_task(
    const struct solver_task *t, int64_t id, struct buf *out, struct err *e)
{
	const char *dot = strchr(t->key_authorization, '.');
	struct validmsg_task task = {.id = id};
	int rc;

	if (!dot || strlen(t->token) >= sizeof(task.token) ||
	    strlen(dot + 1) >= sizeof(task.thumbprint) ||
	    challenge_type_by_name(t->type, &task.type) < 0 ||
	    identifier_type_by_name(t->identifier_type, &task.identifier.type) <
		0)
		return err_set(e, KIND_INPUT,
		    "%s: a challenge that cannot be looked at", t->type);
	memcpy(task.token, t->token, strlen(t->token));
	memcpy(task.thumbprint, dot + 1, strlen(dot + 1));
	snprintf(task.log_id, sizeof(task.log_id), "%s", log_get_id());
	task.identifier.value = xstrdup(t->value);
	rc = validmsg_task_write(&task, out, e);
	validmsg_task_release(&task);
	return rc;
}

static int
judge(const struct validmsg_result *r, struct err *e)
{
	if (r->is_valid)
		return 0;
	return err_set(
	    e, r->is_final ? KIND_DENIED : KIND_BUSY, "%s", r->err.text);
}

int
precheck_look(void *arg, const struct solver_task *t, struct err *e)
{
	struct precheck *p = arg;
	struct validmsg_result r;
	struct buf question, reply;
	int rc;

	buf_init(&question, VALIDMSG_MAX);
	buf_init(&reply, VALIDMSG_MAX);
	rc = write_task(t, 1, &question, e);
	if (rc == 0)
		rc = helper_ask(&p->helper, &question, &reply,
		    LOOK_S * 1000 + MARGIN_MS, e);
	if (rc == 0)
		rc = validmsg_result_read(reply.data, reply.len, &r, e);
	if (rc == 0)
		rc = judge(&r, e);
	buf_release(&question);
	buf_release(&reply);
	return rc;
}

/* ---- many ---------------------------------------------------------------- */

#define AT_ONCE 64 /* their messages fit in a socket's buffers */

static int
send_task(struct precheck *p, const struct solver_task *t, int64_t id,
    int64_t deadline, struct err *why, struct err *e)
{
	struct buf question;
	int rc;

	buf_init(&question, VALIDMSG_MAX);
	rc = write_task(t, id, &question, why);
	if (rc == 0 &&
	    frame_write(
		p->helper.fd, question.data, question.len, deadline, e) < 0)
		rc = -2;
	buf_release(&question);
	return rc;
}

static int
receive(struct precheck *p, struct err *why, size_t len, int64_t deadline,
    struct err *e)
{
	struct validmsg_result r = {0};
	struct buf reply;
	int rc;

	buf_init(&reply, VALIDMSG_MAX);
	rc = frame_read(p->helper.fd, &reply, deadline, e);
	if (rc == 0)
		rc = err_set(e, KIND_SYS, "it has ended");
	if (rc > 0)
		rc = validmsg_result_read(reply.data, reply.len, &r, e);
	if (rc == 0 && (r.id < 1 || r.id > (int64_t)len))
		rc = err_set(e, KIND_SYS, "it answers what was not asked");
	if (rc == 0)
		judge(&r, &why[r.id - 1]);
	buf_release(&reply);
	return rc;
}

static int
look_some(struct precheck *p, const struct solver_task *v, size_t len,
    struct err *why, struct err *e)
{
	int64_t deadline = clock_mono() + LOOK_S * 1000 + MARGIN_MS;
	size_t sent = 0;
	int rc = p->helper.fd < 0 ? err_set(e, KIND_SYS, "it has ended") : 0;

	for (size_t i = 0; rc == 0 && i < len; i++) {
		rc = send_task(p, &v[i], (int64_t)i + 1, deadline, &why[i], e);
		sent += rc == 0;
		if (rc == -1)
			rc = 0; /* that one cannot be asked about */
	}
	for (; rc == 0 && sent > 0; sent--)
		rc = receive(p, why, len, deadline, e);
	return rc;
}

int
precheck_look_all(struct precheck *p, const struct solver_task *v, size_t len,
    struct err *why, struct err *e)
{
	struct err lost = {0};

	for (size_t i = 0; i < len; i += AT_ONCE) {
		size_t n = len - i < AT_ONCE ? len - i : AT_ONCE;

		if (look_some(p, v + i, n, why + i, &lost) == 0)
			continue;
		/* What it answers later would be taken for other answers. */
		helper_stop(&p->helper);
		return err_set(e, KIND_SYS,
		    "the process that looks at challenges is lost: %s",
		    lost.text);
	}
	return 0;
}

void
precheck_stop(struct precheck *p)
{
	if (p)
		helper_stop(&p->helper);
}
