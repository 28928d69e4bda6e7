#include "http/network.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "sys/asker.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/helper.h"
#include "wrap/https.h"

#define USER_AGENT "acmed/" ACMED_VERSION
#define BODY_TYPE "application/jose+json"
#define HEAD_MAX ((size_t)24 * 1024)
#define QUEUE_MAX ((size_t)1 << 25)
#define TEXTS_MAX 12

/*
 * Messages of both ways: texts that each end with a NUL, then the body.  To
 * the network: id, method, URL, roots, type of the body, more fields.  Back:
 * id, status, duration, reason and the fields, in the order of enum
 * https_field.  An absent text is empty.
 */
enum {
	ASK_ID,
	ASK_METHOD,
	ASK_URL,
	ASK_TRUST,
	ASK_TYPE,
	ASK_FIELDS,
	ASK__MAX
};
enum {
	TELL_ID,
	TELL_STATUS,
	TELL_DURATION,
	TELL_REASON,
	TELL_FIELDS
};
#define TELL__MAX (TELL_FIELDS + HTTPS_FIELD__MAX)
_Static_assert(TELL__MAX <= TEXTS_MAX, "room for all texts");

struct message {
	const char *texts[TEXTS_MAX]; /* NULL: absent */
	const char *body;
	size_t len;
};

static void
add_text(struct buf *out, const char *text)
{
	if (text)
		buf_adds(out, text);
	buf_addc(out, '\0');
}

static int
read_message(
    const struct buf *in, size_t texts, struct message *m, struct err *e)
{
	const char *p = in->data, *end = in->data + in->len;

	for (size_t i = 0; i < texts; i++) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));

		if (!nul)
			return err_set(
			    e, KIND_BUG, "message without its texts");
		m->texts[i] = nul > p ? p : NULL;
		p = nul + 1;
	}
	m->body = p;
	m->len = (size_t)(end - p);
	return 0;
}

static uint64_t
number(const char *text)
{
	uint64_t n = 0;

	if (text)
		str_to_u64(text, UINT64_MAX, &n);
	return n;
}

/* ---- the process with the network ---------------------------------------- */

struct live {
	int fd;
	struct https *https;
	struct buf in;
	struct err failed; /* an answer could not be given */
};

struct errand {
	struct live *live;
	char *id;
};

static void
tell(struct live *l, const char *id, const struct https_response *r)
{
	struct buf out;

	buf_init(&out, FRAME_MAX);
	add_text(&out, id);
	buf_addf(&out, "%d", r->status);
	buf_addc(&out, '\0');
	buf_addf(&out, "%lld", (long long)r->duration_ms);
	buf_addc(&out, '\0');
	add_text(&out, r->reason);
	for (int i = 0; i < HTTPS_FIELD__MAX; i++)
		add_text(&out, r->fields[i]);
	if (r->status != 0)
		buf_add(&out, r->body, r->len);
	frame_write(l->fd, out.data, out.len, FD_FOREVER, &l->failed);
	buf_release(&out);
}

static void
on_response(void *arg, const struct https_response *r)
{
	struct errand *errand = arg;

	tell(errand->live, errand->id, r);
	free(errand->id);
	free(errand);
}

static int
begin(struct live *l, const struct buf *frame, struct err *e)
{
	struct errand *errand;
	struct message m;
	struct err why = {0};

	if (read_message(frame, ASK__MAX, &m, e) < 0)
		return -1;
	if (!m.texts[ASK_ID] || !m.texts[ASK_METHOD] || !m.texts[ASK_URL])
		return err_set(e, KIND_BUG, "request without a URL");
	const struct https_request r = {.method = m.texts[ASK_METHOD],
	    .url = m.texts[ASK_URL],
	    .trust = m.texts[ASK_TRUST],
	    .content_type = m.texts[ASK_TYPE] ? m.texts[ASK_TYPE] : BODY_TYPE,
	    .fields = m.texts[ASK_FIELDS],
	    .body = m.body,
	    .len = m.len};

	errand = xcalloc(1, sizeof(*errand));
	errand->live = l;
	errand->id = xstrdup(m.texts[ASK_ID]);
	if (https_start(l->https, &r, on_response, errand, &why) < 0)
		on_response(
		    errand, &(struct https_response){.reason = why.text});
	return 0;
}

/* Takes in what is there; 0 at the end, 1 otherwise. */
static int
take_in(struct live *l, struct err *e)
{
	char chunk[16384];
	struct buf frame;
	ssize_t n = fd_read(l->fd, chunk, sizeof(chunk), FD_FOREVER, e);
	int rc;

	if (n <= 0)
		return (int)n;
	if (buf_add(&l->in, chunk, (size_t)n) < 0)
		return err_set(e, KIND_BUG, "message without an end");
	buf_init(&frame, FRAME_MAX);
	while ((rc = frame_take(&l->in, &frame, e)) > 0)
		if (begin(l, &frame, e) < 0)
			break;
	buf_release(&frame);
	return rc == 0 ? 1 : -1;
}

static int
serve(struct live *l, struct err *e)
{
	bool is_readable;
	int rc = 1;

	while (rc > 0) {
		if (https_wait(l->https, l->fd, &is_readable, e) < 0)
			return -1;
		/* whoever asks has gone */
		if (err_is_set(&l->failed))
			return 0;
		if (is_readable)
			rc = take_in(l, e);
	}
	return rc;
}

/* Ends when the other side of `fd` is closed. */
static void
live(int fd, void *arg)
{
	const struct network_options *o = arg;
	const struct https_options how = {.user_agent = USER_AGENT,
	    .proxy = o->proxy,
	    .connect_ms = o->connect_ms,
	    .total_ms = o->total_ms,
	    .allows_http = o->allows_http,
	    .head_max = HEAD_MAX,
	    .body_max = NETWORK_BODY_MAX};
	struct live l = {.fd = fd};
	struct err e = {0};

	fd_raise_limit();
	buf_init(&l.in, QUEUE_MAX);
	l.https = https_new(&how, &e);
	if (!l.https || (o->confine && o->confine(o->arg, &e) < 0) ||
	    serve(&l, &e) < 0)
		log_err("client.network", &e);
	_exit(err_exit(&e));
}

/* ---- the other side ------------------------------------------------------ */

struct pending {
	uint64_t id;
	network_callback *fn; /* NULL: dropped */
	void *arg;
};

struct network {
	struct helper helper;
	uint64_t last_id;
	struct buf in, out;
	struct askers *askers; /* or NULL */
	struct pending *pending; /* by id */
	size_t pending_len, pending_cap;
};

struct network *
network_start(const struct network_options *o, struct err *e)
{
	struct network *n = xcalloc(1, sizeof(*n));
	const struct helper_options how = {.live = live,
	    .arg = (void *)(uintptr_t)o,
	    .keep = -1,
	    .user = o->user};

	buf_init(&n->in, QUEUE_MAX);
	buf_init(&n->out, QUEUE_MAX);
	if (helper_start(&n->helper, &how, e) == 0 &&
	    fd_nonblock(n->helper.fd, e) == 0)
		return n;
	network_stop(n);
	return NULL;
}

void
network_stop(struct network *n)
{
	if (!n)
		return;
	helper_stop(&n->helper);
	buf_release(&n->in);
	buf_release(&n->out);
	free(n->pending);
	free(n);
}

static void
add_pending(struct network *n, network_callback *fn, void *arg)
{
	if (n->pending_len == n->pending_cap) {
		n->pending_cap = n->pending_cap ? 2 * n->pending_cap : 64;
		n->pending = xreallocarray(
		    n->pending, n->pending_cap, sizeof(*n->pending));
	}
	n->pending[n->pending_len++] =
	    (struct pending){.id = n->last_id, .fn = fn, .arg = arg};
}

/* Takes the entry out; false when there is none. */
static bool
take_pending(struct network *n, uint64_t id, struct pending *out)
{
	for (size_t i = 0; i < n->pending_len; i++) {
		if (n->pending[i].id != id)
			continue;
		*out = n->pending[i];
		n->pending_len--;
		memmove(&n->pending[i], &n->pending[i + 1],
		    (n->pending_len - i) * sizeof(*n->pending));
		return true;
	}
	return false;
}

void
network_drop(struct network *n, const void *arg)
{
	for (size_t i = 0; i < n->pending_len; i++)
		if (n->pending[i].arg == arg)
			n->pending[i].fn = NULL;
}

static int
lost(struct err *e)
{
	return err_set(e, KIND_SYS,
	    "the process with the network is lost; it has logged why");
}

/* Writes as much as the other side takes now. */
static int
flush(struct network *n, struct err *e)
{
	while (n->out.len > 0) {
		ssize_t wrote =
		    send(n->helper.fd, n->out.data, n->out.len, MSG_NOSIGNAL);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno == EAGAIN)
			return 0;
		if (wrote < 0)
			return lost(e);
		buf_consume(&n->out, (size_t)wrote);
	}
	return 0;
}

int
network_send(struct network *n, const struct network_request *r,
    network_callback *fn, void *arg, struct err *e)
{
	struct buf b;
	int rc;

	buf_init(&b, FRAME_MAX);
	n->last_id++;
	buf_addf(&b, "%llu", (unsigned long long)n->last_id);
	buf_addc(&b, '\0');
	add_text(&b, r->method);
	add_text(&b, r->url);
	add_text(&b, r->trust);
	add_text(&b, r->content_type);
	add_text(&b, r->fields);
	buf_add(&b, r->body ? r->body : "", r->len);
	rc = b.full ? err_set(e, KIND_DENIED, "the request is too long")
		    : frame_add(&n->out, b.data, b.len, e);
	buf_wipe(&b); /* fields may be secrets */
	if (rc < 0)
		return -1;
	add_pending(n, fn, arg);
	return flush(n, e);
}

static void
call_back(const struct pending *p, const struct message *m)
{
	const char *const *fields = m->texts + TELL_FIELDS;
	const struct network_reply r = {
	    .status = (int)number(m->texts[TELL_STATUS]),
	    .reason = m->texts[TELL_REASON],
	    .nonce = fields[HTTPS_REPLAY_NONCE],
	    .location = fields[HTTPS_LOCATION],
	    .retry_after = fields[HTTPS_RETRY_AFTER],
	    .content_type = fields[HTTPS_CONTENT_TYPE],
	    .date = fields[HTTPS_DATE],
	    .links = fields[HTTPS_LINK],
	    .body = m->body,
	    .len = m->len,
	    .duration_ms = (int64_t)number(m->texts[TELL_DURATION]),
	};

	if (p->fn)
		p->fn(p->arg, &r);
}

/* Calls back all whole answers; how many there were. */
static int
call_all_back(struct network *n, struct err *e)
{
	struct pending p;
	struct message m;
	struct buf frame;
	int rc, count = 0;

	buf_init(&frame, FRAME_MAX);
	while ((rc = frame_take(&n->in, &frame, e)) > 0) {
		rc = read_message(&frame, TELL__MAX, &m, e);
		if (rc < 0)
			break;
		if (take_pending(n, number(m.texts[TELL_ID]), &p))
			call_back(&p, &m);
		count++;
	}
	buf_release(&frame);
	return rc < 0 ? -1 : count;
}

static int
take(struct network *n, struct err *e)
{
	char chunk[65536];
	ssize_t got = read(n->helper.fd, chunk, sizeof(chunk));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0)
		return lost(e);
	if (buf_add(&n->in, chunk, (size_t)got) < 0)
		return err_set(e, KIND_BUG, "message without an end");
	return call_all_back(n, e);
}

/* Milliseconds until then, as poll(2) takes them. */
static int
left_ms(int64_t until)
{
	int64_t left = until == FD_FOREVER ? -1 : until - clock_mono();

	if (until != FD_FOREVER && left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

void
network_watch(struct network *n, struct askers *askers)
{
	n->askers = askers;
}

/* As poll(2) for `own` and all that is watched. */
static int
wait_for(struct network *n, struct pollfd *own, int64_t until)
{
	size_t len = n->askers ? n->askers->len : 0;
	struct pollfd *p = xcalloc(len + 1, sizeof(*p));
	int rc;

	p[len] = *own;
	if (len > 0) {
		int64_t its = askers_until(n->askers);

		askers_poll(n->askers, p);
		until = its < until ? its : until;
	}
	rc = poll(p, len + 1, left_ms(until));
	*own = p[len];
	free(p);
	return rc;
}

int
network_wait(struct network *n, int64_t until, struct err *e)
{
	for (;;) {
		struct pollfd p = {.fd = n->helper.fd,
		    .events = (short)(POLLIN | (n->out.len > 0 ? POLLOUT : 0))};
		int rc = wait_for(n, &p, until);
		size_t taken =
		    n->askers && rc >= 0 ? askers_take(n->askers) : 0;

		if (rc < 0 && errno == EINTR)
			return 0;
		if (rc < 0)
			return err_sys(e, "cannot wait for an answer");
		if (n->askers && n->askers->is_lost)
			return err_set(
			    e, KIND_SYS, "a helping process is lost");
		if (rc == 0 || (taken > 0 && p.revents == 0))
			return 0;
		if ((p.revents & POLLOUT) && flush(n, e) < 0)
			return -1;
		rc = p.revents & ~POLLOUT ? take(n, e) : 0;
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
}
