#include "wrap/kv.h"

#include <hiredis.h>
#include <inttypes.h>

#include "base/buf.h"
#include "base/str.h"
#include "sys/clock.h"
#include "sys/dial.h"
#include "sys/fd.h"
#include "sys/sock.h"
#include "wrap/kv_part.h"

#define SEND_BYTES ((size_t)256 * 1024) /* that wait to leave */
#define COMMAND_MAX ((size_t)64 * 1024 * 1024)
#define REPLY_MAX ((size_t)64 * 1024 * 1024)
#define SERVERS_MAX 1000 /* of a cluster, as Redis has it */

/*
 * hiredis reads the answers.  We write the commands, as it would leave private
 * keys behind in memory that it frees.
 */
struct link {
	int fd;
	redisReader *reader;
	struct buf out; /* commands that have not left */
};

/* Of a cluster the links of its servers, else one. */
struct kv {
	struct link *links;
	size_t len;
	size_t to; /* the one of the next command */
	struct kv_slots *slots; /* of a cluster, or NULL */
	size_t waiting; /* answers to come */
	uint16_t *order; /* a ring: the links that they come from */
	size_t order_len, first;
	int64_t timeout_ms, until;
};

/* ---- connections ----------------------------------------------------------
 */

/* A process that has given up its rights reaches the ports that it was told. */
static int
not_allowed(struct err *e)
{
	err_clear(e);
	return err_set(
	    e, KIND_CONF, "[redis] cluster_ports: does not have this port");
}

static int64_t
deadline(const struct kv *k)
{
	int64_t at = clock_mono() + k->timeout_ms;

	return k->until > 0 && k->until < at ? k->until : at;
}

static int
dial(const struct kv *k, const struct kv_place *p, struct err *e)
{
	int fd = p->path ? sock_connect(p->path, e)
			 : dial_tcp(p->host, p->port, deadline(k), e);

	if (fd < 0 && e->kind == KIND_DENIED)
		return not_allowed(e);
	if (fd < 0 && e->kind == KIND_SYS)
		e->kind = KIND_BUSY; /* no socket there, or not for us */
	if (fd >= 0 && !p->path)
		sock_nodelay(fd);
	return fd;
}

static int
add_link(struct kv *k, int fd, struct err *e)
{
	struct link *l;

	k->links = xreallocarray(k->links, k->len + 1, sizeof(*k->links));
	l = &k->links[k->len++];
	l->fd = fd;
	l->reader = redisReaderCreate();
	buf_init(&l->out, COMMAND_MAX);
	return l->reader ? 0 : err_set(e, KIND_SYS, "cannot set up a reader");
}

static void
drop_links(struct kv *k)
{
	for (size_t i = 0; i < k->len; i++) {
		struct link *l = &k->links[i];

		fd_close(&l->fd);
		if (l->reader)
			redisReaderFree(l->reader);
		buf_wipe(&l->out);
	}
	free(k->links);
	k->links = NULL;
	k->len = k->to = 0;
}

/* For an answer that must be OK, one by one. */
static int
expect(struct kv *k, struct err *e)
{
	struct kv_reply *r = kv_receive(k, e);
	int rc = r ? kv_check(r, e) : -1;

	kv_free(r);
	return rc;
}

static int
log_in(struct kv *k, size_t link, const struct kv_place *p,
    const struct kv_access *a, struct err *e)
{
	const char *user = a->user ? a->user : p->user;

	if (!a->password)
		return 0;
	kv_to(k, link);
	kv_begin(k, user ? 3 : 2);
	kv_arg_text(k, "AUTH");
	if (user)
		kv_arg_text(k, user);
	kv_arg_text(k, a->password);
	return kv_send(k, e) < 0 ? -1 : expect(k, e);
}

/* One more server, which knows who we are. */
static int
join(struct kv *k, const struct kv_place *p, const struct kv_access *a,
    struct err *e)
{
	int fd = dial(k, p, e);

	if (fd < 0 || add_link(k, fd, e) < 0)
		return -1;
	return log_in(k, k->len - 1, p, a, e);
}

static int
choose(struct kv *k, const struct kv_place *p, const struct kv_access *a,
    struct err *e)
{
	kv_begin(k, 2);
	kv_arg_text(k, "SELECT");
	kv_arg_int(
	    k, p->database != KV_NO_DATABASE ? p->database : a->database);
	return kv_send(k, e) < 0 ? -1 : expect(k, e);
}

/* ---- a cluster ----------------------------------------------------------- */

/* That there is no such thing, or that we may not ask for it. */
static int
judge_refusal(const struct kv_reply *r, struct err *e)
{
	struct err why = {0};

	if (kv_is_error(r, "NOPERM ") || kv_check(r, &why) == 0 ||
	    why.kind == KIND_SYS)
		return 0;
	*e = why;
	return -1;
}

/*
 * Whoever may not ask gets to know by what the servers say to commands.  1: it
 * is a cluster, 0, -1.
 */
static int
ask_slots(struct kv *k, struct err *e)
{
	struct kv_reply *r;
	int rc;

	if (kv_command(k, e, "CLUSTER", "SLOTS", NULL) < 0 ||
	    !(r = kv_receive(k, e)))
		return -1;
	if (kv_type(r) == KV_LIST)
		rc = (k->slots = kv_slots_read(r, e)) ? 1 : -1;
	else
		rc = judge_refusal(r, e);
	kv_free(r);
	return rc;
}

/* One that does not know its own address has the one that we came by. */
static int
join_server(struct kv *k, size_t n, const struct kv_place *p,
    const struct kv_access *a, struct err *e)
{
	char port[8];
	const char *host = kv_slots_server(k->slots, n, port);
	const char *own = p->host ? p->host : "127.0.0.1";
	struct kv_place at = {.host = xstrdup(*host ? host : own),
	    .port = xstrdup(port),
	    .user = str_dup(p->user)};
	int rc = join(k, &at, a, e);

	if (rc < 0)
		err_object(e, "%s:%s", at.host, port);
	kv_place_release(&at);
	return rc;
}

static int
join_cluster(struct kv *k, const struct kv_place *p, const struct kv_access *a,
    struct err *e)
{
	size_t n = kv_slots_servers(k->slots);

	if (p->database != KV_NO_DATABASE && p->database != 0)
		return err_set(e, KIND_CONF,
		    "it is part of a cluster, which has database 0 only");
	if (n == 0 || n > SERVERS_MAX)
		return err_set(e, KIND_BUSY,
		    "it is part of a cluster in which nobody has anything");
	drop_links(k);
	for (size_t i = 0; i < n; i++)
		if (join_server(k, i, p, a, e) < 0)
			return -1;
	return 0;
}

static int
enter(struct kv *k, const struct kv_place *p, const struct kv_access *a,
    struct err *e)
{
	int rc;

	if (join(k, p, a, e) < 0 || (rc = ask_slots(k, e)) < 0)
		return -1;
	return rc > 0 ? join_cluster(k, p, a, e) : choose(k, p, a, e);
}

struct kv *
kv_open(const struct kv_access *a, struct err *e)
{
	struct kv_place p;
	struct kv *k;

	if (kv_place_parse(a->url, &p, e) < 0)
		return NULL;
	k = xcalloc(1, sizeof(*k));
	k->timeout_ms = a->connect_ms;
	k->until = a->until;
	if (enter(k, &p, a, e) < 0) {
		kv_close(k);
		k = NULL;
	}
	if (k)
		k->timeout_ms = a->timeout_ms;
	else
		err_object(e, "Redis %s", a->url);
	kv_place_release(&p);
	return k;
}

void
kv_close(struct kv *k)
{
	if (!k)
		return;
	drop_links(k);
	kv_slots_free(k->slots);
	free(k->order);
	free(k);
}

void
kv_until(struct kv *k, int64_t until)
{
	k->until = until;
}

bool
kv_is_cluster(const struct kv *k)
{
	return k->slots;
}

size_t
kv_servers(const struct kv *k)
{
	return k->len;
}

void
kv_to(struct kv *k, size_t server)
{
	k->to = server;
}

void
kv_to_key(struct kv *k, const char *key)
{
	k->to = k->slots ? kv_slots_find(k->slots, key) : 0;
}

/* ---- commands ------------------------------------------------------------ */

/* "*3\r\n" and the like: much of what is sent is that. */
static void
add_size(struct kv *k, char what, size_t n)
{
	struct buf *out = &k->links[k->to].out;
	char text[32];
	size_t at = sizeof(text);

	text[--at] = '\n';
	text[--at] = '\r';
	do
		text[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	text[--at] = what;
	buf_add(out, text + at, sizeof(text) - at);
}

void
kv_begin(struct kv *k, size_t n)
{
	add_size(k, '*', n);
}

void
kv_arg(struct kv *k, const void *p, size_t len)
{
	struct buf *out = &k->links[k->to].out;

	add_size(k, '$', len);
	buf_add(out, p, len);
	buf_add(out, "\r\n", 2);
}

void
kv_arg_text(struct kv *k, const char *text)
{
	kv_arg(k, text, strlen(text));
}

void
kv_arg_int(struct kv *k, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	kv_arg_text(k, text);
}

/* What a socket says when the server goes is no fault of this machine. */
static int
lost(const struct err *why, struct err *e)
{
	if (why->kind == KIND_SYS)
		return err_set(e, KIND_BUSY, "the connection is lost");
	return err_set(e, why->kind, "%s", why->text);
}

static int
flush(const struct kv *k, struct link *l, struct err *e)
{
	struct err why = {0};
	int rc =
	    fd_write_all(l->fd, l->out.data, l->out.len, deadline(k), &why);

	explicit_bzero(l->out.data, l->out.len);
	buf_clear(&l->out);
	return rc < 0 ? lost(&why, e) : 0;
}

/* Only a cluster needs to know where the next answer comes from. */
static void
wait_for(struct kv *k, size_t link)
{
	if (k->slots && k->waiting == k->order_len) {
		size_t len = k->order_len + 1024;
		uint16_t *order = xcalloc(len, sizeof(*order));

		for (size_t i = 0; i < k->waiting; i++)
			order[i] = k->order[(k->first + i) % k->order_len];
		free(k->order);
		k->order = order;
		k->order_len = len;
		k->first = 0;
	}
	if (k->slots)
		k->order[(k->first + k->waiting) % k->order_len] =
		    (uint16_t)link;
	k->waiting++;
}

int
kv_send(struct kv *k, struct err *e)
{
	struct link *l = &k->links[k->to];

	if (l->out.full)
		return err_set(e, KIND_BUG, "a command that is too large");
	wait_for(k, k->to);
	k->to = 0;
	return l->out.len >= SEND_BYTES ? flush(k, l, e) : 0;
}

static int
send_texts(struct kv *k, va_list texts, struct err *e)
{
	va_list again;
	const char *text;
	size_t n = 0;

	va_copy(again, texts);
	while (va_arg(again, const char *))
		n++;
	va_end(again);
	kv_begin(k, n);
	while ((text = va_arg(texts, const char *)))
		kv_arg_text(k, text);
	return kv_send(k, e);
}

int
kv_command(struct kv *k, struct err *e, ...)
{
	va_list texts;
	int rc;

	va_start(texts, e);
	rc = send_texts(k, texts, e);
	va_end(texts);
	return rc;
}

int
kv_flush(struct kv *k, struct err *e)
{
	for (size_t i = 0; i < k->len; i++)
		if (k->links[i].out.len > 0 && flush(k, &k->links[i], e) < 0)
			return -1;
	return 0;
}

size_t
kv_waiting(const struct kv *k)
{
	return k->waiting;
}

/* ---- answers ------------------------------------------------------------- */

static int
feed(struct link *l, int64_t deadline, size_t *received, struct err *e)
{
	char chunk[16384];
	struct err why = {0};
	ssize_t n = fd_read(l->fd, chunk, sizeof(chunk), deadline, &why);

	if (n < 0)
		return lost(&why, e);
	if (n == 0)
		return err_set(
		    e, KIND_BUSY, "the server has closed the connection");
	*received += (size_t)n;
	if (*received > REPLY_MAX ||
	    redisReaderFeed(l->reader, chunk, (size_t)n) != REDIS_OK)
		return err_set(e, KIND_SYS, "an answer that is too large");
	return 0;
}

static struct link *
next_link(struct kv *k)
{
	struct link *l = &k->links[k->slots ? k->order[k->first] : 0];

	if (k->slots)
		k->first = (k->first + 1) % k->order_len;
	k->waiting--;
	return l;
}

struct kv_reply *
kv_receive(struct kv *k, struct err *e)
{
	int64_t until = deadline(k);
	size_t received = 0;
	void *reply = NULL;
	struct link *l;

	if (k->waiting == 0) {
		err_set(e, KIND_BUG, "no answer of a Redis is to come");
		return NULL;
	}
	l = next_link(k);
	if (l->out.len > 0 && flush(k, l, e) < 0)
		return NULL;
	for (;;) {
		if (redisReaderGetReply(l->reader, &reply) != REDIS_OK) {
			err_set(e, KIND_SYS, "this is no Redis");
			return NULL;
		}
		if (reply)
			return reply;
		if (feed(l, until, &received, e) < 0)
			return NULL;
	}
}

static const redisReply *
of(const struct kv_reply *r)
{
	return (const redisReply *)r;
}

void
kv_free(struct kv_reply *r)
{
	if (r)
		freeReplyObject(r);
}

enum kv_type
kv_type(const struct kv_reply *r)
{
	switch (of(r)->type) {
	case REDIS_REPLY_INTEGER:
		return KV_INT;
	case REDIS_REPLY_STRING:
	case REDIS_REPLY_STATUS:
		return KV_TEXT;
	case REDIS_REPLY_ARRAY:
		return KV_LIST;
	case REDIS_REPLY_ERROR:
		return KV_ERROR;
	default:
		return KV_NIL;
	}
}

int64_t
kv_int(const struct kv_reply *r)
{
	return kv_type(r) == KV_INT ? of(r)->integer : 0;
}

const char *
kv_text(const struct kv_reply *r, size_t *len)
{
	bool has = kv_type(r) == KV_TEXT || kv_type(r) == KV_ERROR;

	*len = has ? of(r)->len : 0;
	return has && of(r)->str ? of(r)->str : "";
}

size_t
kv_len(const struct kv_reply *r)
{
	return kv_type(r) == KV_LIST ? of(r)->elements : 0;
}

const struct kv_reply *
kv_at(const struct kv_reply *r, size_t i)
{
	return (const struct kv_reply *)of(r)->element[i];
}

bool
kv_is_error(const struct kv_reply *r, const char *word)
{
	size_t len;

	return kv_type(r) == KV_ERROR && str_starts(kv_text(r, &len), word);
}

#define MOVED "its cluster has given this to another server meanwhile"

/* By the first word of an error. */
static const struct {
	const char *word;
	enum err_kind kind;
	const char *text; /* instead of the server's, or NULL */
} errors[] = {
    {"OOM ", KIND_BUSY, "it is out of memory (maxmemory)"},
    {"READONLY ", KIND_BUSY, "it is read-only, a replica"},
    {"LOADING ", KIND_BUSY, "it is loading its data"},
    {"BUSY ", KIND_BUSY, "it is busy with a script"},
    {"MISCONF ", KIND_BUSY, "it cannot save its data, and refuses more"},
    {"MASTERDOWN ", KIND_BUSY, "its master is down"},
    {"NOREPLICAS ", KIND_BUSY, "it has too few replicas"},
    {"NOSCRIPT ", KIND_BUSY, "its scripts were flushed meanwhile"},
    {"TRYAGAIN ", KIND_BUSY, MOVED},
    {"CLUSTERDOWN ", KIND_BUSY, NULL},
    {"ERR max number of clients", KIND_BUSY, "it has too many clients"},
    {"NOAUTH ", KIND_CONF, "it wants a password"},
    {"WRONGPASS ", KIND_CONF, "it refuses this user and password"},
    {"NOPERM ", KIND_CONF, NULL},
    {"DENIED ", KIND_CONF, "it wants a password, or us at its own machine"},
    {"ERR AUTH ", KIND_CONF, "it has no password and wants none"},
    {"ERR invalid password", KIND_CONF, "it refuses this password"},
    {"ERR DB index", KIND_CONF, "it has no database of this number"},
    {"ERR SELECT is not allowed", KIND_CONF,
	"it is part of a cluster, and this user may not ask CLUSTER SLOTS"},
    {"MOVED ", KIND_BUSY, MOVED},
    {"ASK ", KIND_BUSY, MOVED},
    {"WRONGTYPE ", KIND_CONFLICT, NULL},
};

int
kv_check(const struct kv_reply *r, struct err *e)
{
	char text[200];
	size_t len;

	if (kv_type(r) != KV_ERROR)
		return 0;
	str_escape(text, sizeof(text), kv_text(r, &len), of(r)->len);
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		if (kv_is_error(r, errors[i].word))
			return err_set(e, errors[i].kind, "%s",
			    errors[i].text ? errors[i].text : text);
	return err_set(e, KIND_SYS, "Redis says: %s", text);
}

struct kv_reply *
kv_ask(struct kv *k, struct err *e, ...)
{
	struct kv_reply *r;
	va_list texts;
	int rc;

	va_start(texts, e);
	rc = send_texts(k, texts, e);
	va_end(texts);
	r = rc == 0 ? kv_receive(k, e) : NULL;
	if (r && kv_check(r, e) < 0) {
		kv_free(r);
		r = NULL;
	}
	return r;
}
