#include "wrap/kv.h"

#include <hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "sys/clock.h"
#include "sys/dial.h"
#include "sys/fd.h"
#include "sys/sock.h"

#define PORT "6379"
#define DATABASE_MAX 65535
#define SEND_BYTES ((size_t)256 * 1024) /* that wait to leave */
#define COMMAND_MAX ((size_t)64 * 1024 * 1024)
#define REPLY_MAX ((size_t)64 * 1024 * 1024)

/*
 * hiredis reads the answers.  We write the commands, as it would leave private
 * keys behind in memory that it frees.
 */
struct kv {
	int fd;
	redisReader *reader;
	struct buf out; /* commands that have not left */
	size_t waiting; /* answers to come */
	int64_t timeout_ms;
};

/* ---- where --------------------------------------------------------------- */

static int
no_place(const char *why, struct err *e)
{
	return err_set(e, KIND_CONF, "%s", why);
}

static int
parse_database(const char *text, struct kv_place *out, struct err *e)
{
	uint64_t n;

	if (*text == '\0')
		return 0;
	if (!str_to_u64(text, DATABASE_MAX, &n))
		return no_place("the database of a Redis is a number", e);
	out->database = (int64_t)n;
	return 0;
}

static int
parse_unix(const char *rest, struct kv_place *out, struct err *e)
{
	size_t len = strcspn(rest, "?");

	if (*rest != '/')
		return no_place("must be unix:// and an absolute path", e);
	out->path = xstrndup(rest, len);
	if (rest[len] == '\0')
		return 0;
	if (!str_starts(rest + len, "?db="))
		return no_place("behind the path only ?db=N may stand", e);
	return parse_database(rest + len + 4, out, e);
}

static int
parse_port(const char *text, struct kv_place *out, struct err *e)
{
	uint64_t n;

	if (*text == '\0')
		out->port = xstrdup(PORT);
	else if (*text != ':' || !str_to_u64(text + 1, 65535, &n) || n == 0)
		return no_place("the port of a Redis is a number", e);
	else
		out->port = xstrdup(text + 1);
	return 0;
}

static int
parse_host(const char *text, struct kv_place *out, struct err *e)
{
	size_t len = *text == '[' ? strcspn(text, "]") : strcspn(text, ":");

	if (*text == '[' && text[len] == ']') {
		out->host = xstrndup(text + 1, len - 1);
		len++;
	} else {
		out->host = xstrndup(text, len);
	}
	if (*out->host == '\0' || *out->host == '[')
		return no_place("must name a host", e);
	return parse_port(text + len, out, e);
}

static int
parse_tcp(const char *rest, struct kv_place *out, struct err *e)
{
	size_t len = strcspn(rest, "/");
	char *authority = xstrndup(rest, len);
	char *at = strrchr(authority, '@');
	int rc = 0;

	if (at)
		*at++ = '\0';
	if (at && strchr(authority, ':'))
		rc = no_place(
		    "has a password in it, which belongs in a file", e);
	else if (at && *authority)
		out->user = xstrdup(authority);
	if (rc == 0)
		rc = parse_host(at ? at : authority, out, e);
	if (rc == 0 && rest[len] == '/')
		rc = parse_database(rest + len + 1, out, e);
	free(authority);
	return rc;
}

int
kv_place_parse(const char *url, struct kv_place *out, struct err *e)
{
	int rc;

	*out = (struct kv_place){.database = KV_NO_DATABASE};
	if (!str_is_printable(url, strlen(url)) || strchr(url, ' '))
		rc = no_place("has a character that no URL has", e);
	else if (str_starts(url, "redis://"))
		rc = parse_tcp(url + strlen("redis://"), out, e);
	else if (str_starts(url, "unix://"))
		rc = parse_unix(url + strlen("unix://"), out, e);
	else if (str_starts(url, "rediss://"))
		rc = no_place("TLS to a Redis is not there: lead it through "
			      "stunnel or a unix socket",
		    e);
	else
		rc = no_place("must begin with redis:// or unix://", e);
	if (rc < 0)
		kv_place_release(out);
	return rc;
}

void
kv_place_release(struct kv_place *p)
{
	free(p->host);
	free(p->port);
	free(p->path);
	free(p->user);
	*p = (struct kv_place){.database = KV_NO_DATABASE};
}

/* ---- the connection ------------------------------------------------------ */

static int
dial(const struct kv_place *p, const struct kv_access *a, struct err *e)
{
	int fd = p->path
	    ? sock_connect(p->path, e)
	    : dial_tcp(p->host, p->port, clock_mono() + a->connect_ms, e);

	if (fd < 0 && e->kind == KIND_SYS)
		e->kind = KIND_BUSY; /* no socket there, or not for us */
	if (fd >= 0 && !p->path)
		sock_nodelay(fd);
	return fd;
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
enter(struct kv *k, const struct kv_place *p, const struct kv_access *a,
    struct err *e)
{
	const char *user = a->user ? a->user : p->user;
	int64_t database =
	    p->database != KV_NO_DATABASE ? p->database : a->database;

	if (a->password) {
		kv_begin(k, user ? 3 : 2);
		kv_arg_text(k, "AUTH");
		if (user)
			kv_arg_text(k, user);
		kv_arg_text(k, a->password);
		if (kv_send(k, e) < 0 || expect(k, e) < 0)
			return -1;
	}
	kv_begin(k, 2);
	kv_arg_text(k, "SELECT");
	kv_arg_int(k, database);
	return kv_send(k, e) < 0 ? -1 : expect(k, e);
}

static struct kv *
make(int fd, const struct kv_access *a, struct err *e)
{
	struct kv *k = xcalloc(1, sizeof(*k));

	k->fd = fd;
	k->reader = redisReaderCreate();
	buf_init(&k->out, COMMAND_MAX);
	k->timeout_ms = a->connect_ms;
	if (k->reader)
		return k;
	err_set(e, KIND_SYS, "cannot set up a reader");
	kv_close(k);
	return NULL;
}

struct kv *
kv_open(const struct kv_access *a, struct err *e)
{
	struct kv_place p;
	struct kv *k = NULL;
	int fd;

	if (kv_place_parse(a->url, &p, e) < 0)
		return NULL;
	fd = dial(&p, a, e);
	if (fd >= 0)
		k = make(fd, a, e);
	if (k && enter(k, &p, a, e) < 0) {
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
	fd_close(&k->fd);
	if (k->reader)
		redisReaderFree(k->reader);
	buf_wipe(&k->out);
	free(k);
}

/* ---- commands ------------------------------------------------------------ */

/* "*3\r\n" and the like: much of what is sent is that. */
static void
add_size(struct kv *k, char what, size_t n)
{
	char text[32];
	size_t at = sizeof(text);

	text[--at] = '\n';
	text[--at] = '\r';
	do
		text[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	text[--at] = what;
	buf_add(&k->out, text + at, sizeof(text) - at);
}

void
kv_begin(struct kv *k, size_t n)
{
	add_size(k, '*', n);
}

void
kv_arg(struct kv *k, const void *p, size_t len)
{
	add_size(k, '$', len);
	buf_add(&k->out, p, len);
	buf_add(&k->out, "\r\n", 2);
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

int
kv_send(struct kv *k, struct err *e)
{
	if (k->out.full)
		return err_set(e, KIND_BUG, "a command that is too large");
	k->waiting++;
	return k->out.len >= SEND_BYTES ? kv_flush(k, e) : 0;
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

/* What a socket says when the server goes is no fault of this machine. */
static int
lost(const struct err *why, struct err *e)
{
	if (why->kind == KIND_SYS)
		return err_set(e, KIND_BUSY, "the connection is lost");
	return err_set(e, why->kind, "%s", why->text);
}

int
kv_flush(struct kv *k, struct err *e)
{
	struct err why = {0};
	int rc = fd_write_all(
	    k->fd, k->out.data, k->out.len, clock_mono() + k->timeout_ms, &why);

	explicit_bzero(k->out.data, k->out.len);
	buf_clear(&k->out);
	return rc < 0 ? lost(&why, e) : 0;
}

size_t
kv_waiting(const struct kv *k)
{
	return k->waiting;
}

/* ---- answers ------------------------------------------------------------- */

static int
feed(struct kv *k, int64_t deadline, size_t *received, struct err *e)
{
	char chunk[16384];
	struct err why = {0};
	ssize_t n = fd_read(k->fd, chunk, sizeof(chunk), deadline, &why);

	if (n < 0)
		return lost(&why, e);
	if (n == 0)
		return err_set(
		    e, KIND_BUSY, "the server has closed the connection");
	*received += (size_t)n;
	if (*received > REPLY_MAX ||
	    redisReaderFeed(k->reader, chunk, (size_t)n) != REDIS_OK)
		return err_set(e, KIND_SYS, "an answer that is too large");
	return 0;
}

struct kv_reply *
kv_receive(struct kv *k, struct err *e)
{
	int64_t deadline = clock_mono() + k->timeout_ms;
	size_t received = 0;
	void *reply = NULL;

	if (k->waiting == 0) {
		err_set(e, KIND_BUG, "no answer of a Redis is to come");
		return NULL;
	}
	if (k->out.len > 0 && kv_flush(k, e) < 0)
		return NULL;
	for (;;) {
		if (redisReaderGetReply(k->reader, &reply) != REDIS_OK) {
			err_set(e, KIND_SYS, "this is no Redis");
			return NULL;
		}
		if (reply) {
			k->waiting--;
			return reply;
		}
		if (feed(k, deadline, &received, e) < 0)
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
    {"TRYAGAIN ", KIND_BUSY, NULL},
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
	"it is part of a cluster, which has database 0 only"},
    {"MOVED ", KIND_CONF, "it is part of a cluster"},
    {"CROSSSLOT ", KIND_CONF, "it is part of a cluster"},
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
