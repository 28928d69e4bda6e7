#include "jobs/precheck.h"

#include "acme/validmsg.h"
#include "base/log.h"
#include "conf/conf.h"
#include "policy/address.h"
#include "solve/solver.h"
#include "sys/asker.h"
#include "sys/clock.h"
#include "sys/frame.h"
#include "sys/netif.h"
#include "validate/engine.h"

#define READY_MS 20000
#define CONNECT_S 5
#define LOOK_S 20 /* for one in all */
#define MARGIN_MS 5000 /* beyond its own time, the other process is stuck */
#define REDIRECTS 10 /* as Let's Encrypt */
#define AT_ONCE 64 /* their messages fit in a socket's buffers */

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

static int64_t
id_of(const struct buf *answer)
{
	struct validmsg_result r;
	struct err ignored = {0};

	return validmsg_result_read(answer->data, answer->len, &r, &ignored) < 0
	    ? 0
	    : r.id;
}

int
precheck_start(
    struct precheck *p, const struct precheck_options *o, struct err *e)
{
	const struct helper_options how = {.live = live,
	    .arg = (void *)(uintptr_t)o,
	    .keep = -1,
	    .user = o->conf->user};
	const struct asker_options asks = {.askers = o->askers,
	    .helper = &p->helper,
	    .at_once = AT_ONCE,
	    .id_of = id_of};

	if (helper_start(&p->helper, &how, e) < 0)
		return -1;
	if (wait_until_ready(p, e) < 0) {
		precheck_stop(p);
		return -1;
	}
	p->askers = o->askers;
	p->asker = asker_new(&asks);
	return 0;
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

struct look {
	solver_done *fn;
	void *arg;
};

static void
on_answer(void *arg, const struct buf *reply, const struct err *why)
{
	struct look *l = arg;
	struct validmsg_result r;
	struct err e = *why;

	if (reply &&
	    validmsg_result_read(reply->data, reply->len, &r, &e) == 0 &&
	    !r.is_valid)
		err_set(
		    &e, r.is_final ? KIND_DENIED : KIND_BUSY, "%s", r.err.text);
	l->fn(l->arg, &e);
	free(l);
}

void
precheck_look(
    void *arg, const struct solver_task *t, solver_done *fn, void *done_arg)
{
	struct precheck *p = arg;
	struct look *l;
	struct buf question;
	struct err why = {0};

	buf_init(&question, VALIDMSG_MAX);
	if (write_task(t, asker_next_id(p->asker), &question, &why) < 0) {
		fn(done_arg, &why);
	} else {
		l = xcalloc(1, sizeof(*l));
		*l = (struct look){fn, done_arg};
		asker_ask(p->asker, &question, LOOK_S * 1000 + MARGIN_MS,
		    on_answer, l);
	}
	buf_release(&question);
}

/* ---- many ---------------------------------------------------------------- */

struct looks {
	size_t left;
	bool is_over;
	struct err lost;
};

struct look_of {
	struct looks *all;
	struct err *why;
};

static void
on_look(void *arg, const struct err *why)
{
	struct look_of *o = arg;

	*o->why = *why;
	if (why->kind == KIND_SYS)
		o->all->lost = *why;
	o->all->is_over = --o->all->left == 0;
}

int
precheck_look_all(struct precheck *p, const struct solver_task *v, size_t len,
    struct err *why, struct err *e)
{
	struct looks all = {.left = len, .is_over = len == 0};
	struct look_of *each = xcalloc(len + 1, sizeof(*each));

	for (size_t i = 0; i < len; i++) {
		each[i] = (struct look_of){&all, &why[i]};
		precheck_look(p, &v[i], on_look, &each[i]);
	}
	askers_wait(p->askers, &all.is_over);
	free(each);
	return err_is_set(&all.lost)
	    ? err_set(e, KIND_SYS,
		  "the process that looks at challenges is lost: %s",
		  all.lost.text)
	    : 0;
}

void
precheck_stop(struct precheck *p)
{
	if (!p)
		return;
	asker_free(p->asker);
	p->asker = NULL;
	helper_stop(&p->helper);
}
