#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

/*
 * The same bytes given to http_serve and to llhttp, the parser of Node.js.
 * Whatever we take for a request must be one for llhttp, with the same method,
 * target, fields and body, and each must see as many: a front that disagrees
 * with us about where a request ends is how requests are smuggled.  llhttp may
 * take more than we do.
 *
 * Debian's node-llhttp has it as generated C; without it, ORACLE is 0.
 */
#include <fcntl.h>
#include <unistd.h>

#include "http/http.h"
#include "http/request.h"
#include "http/response.h"
#include "sys/conn.h"

#ifndef __has_include
#define ORACLE 0
#elif __has_include(<llhttp.h>)
#define ORACLE 1
#include <llhttp.h>
#else
#define ORACLE 0
#endif

#define ORACLE_BODY_MAX ((size_t)64 * 1024)

/* What one of the two has made of the bytes. */
struct oracle {
	/* of each request: "METHOD TARGET\n", "name: value\n" each, "\n", the
	 * body, "\n" */
	struct buf text;
	size_t requests;
	size_t ends[64]; /* of the first of them in `text` */
	bool refused;
	bool closed; /* the last request was to be the last */
	const char *why; /* static: what it refused */
	char at; /* llhttp: the byte that it stopped at */
};

static inline void
oracle_init(struct oracle *o)
{
	*o = (struct oracle){.why = ""};
	buf_init(&o->text, (size_t)1 << 22);
}

static inline void
oracle_end(struct oracle *o)
{
	if (o->requests < ARRAY_LEN(o->ends))
		o->ends[o->requests] = o->text.len;
	o->requests++;
}

/* ---- ours */

static inline void
oracle_answer(void *arg, const struct request *req, const struct buf *body,
    struct response *res)
{
	struct oracle *o = arg;

	(void)res;
	buf_addf(&o->text, "%s %s%s%s\n", req->method_name, req->path,
	    req->query ? "?" : "", req->query ? req->query : "");
	for (size_t i = 0; i < req->fields_len; i++)
		buf_addf(&o->text, "%s: %s\n", req->fields[i].name,
		    req->fields[i].value);
	buf_addc(&o->text, '\n');
	buf_add(&o->text, body->data, body->len);
	buf_addc(&o->text, '\n');
	o->closed = !req->keep_alive;
	oracle_end(o);
}

static inline void
oracle_refuse(
    void *arg, const struct err *e, bool is_post, struct response *res)
{
	struct oracle *o = arg;

	(void)is_post;
	(void)res;
	o->refused = true;
	o->why = e->http_status == 400 ? "400" : "limit";
}

/* The bytes as a connection, which brings `step` of them at a time. */
struct oracle_bytes {
	const char *p;
	size_t len, step;
};

static inline ssize_t
oracle_read(
    struct conn *c, void *p, size_t size, int64_t deadline, struct err *e)
{
	struct oracle_bytes *b = c->state;
	size_t n = b->len < b->step ? b->len : b->step;

	(void)deadline;
	(void)e;
	if (n > size)
		n = size;
	memcpy(p, b->p, n);
	b->p += n;
	b->len -= n;
	return (ssize_t)n;
}

static inline int
oracle_write(
    struct conn *c, const void *p, size_t len, int64_t deadline, struct err *e)
{
	(void)c;
	(void)p;
	(void)len;
	(void)deadline;
	(void)e;
	return 0;
}

static inline int
oracle_wait(struct conn *c, int64_t deadline, struct err *e)
{
	(void)c;
	(void)deadline;
	(void)e;
	return 1;
}

static inline void
oracle_shut(struct conn *c, int64_t deadline)
{
	(void)c;
	(void)deadline;
}

/* What we make of it. */
static inline void
oracle_ours(const char *data, size_t len, size_t step, struct oracle *o)
{
	const struct http_service service = {
	    .answer = oracle_answer,
	    .refuse = oracle_refuse,
	    .arg = o,
	    .body_max = ORACLE_BODY_MAX,
	    .request_timeout = 60000,
	    .idle_timeout = 60000,
	    .requests_max = INT64_MAX,
	};
	struct oracle_bytes bytes = {data, len, step};
	int end = open("/dev/null", O_RDONLY | O_CLOEXEC); /* to linger on */
	struct conn c = {.read = oracle_read,
	    .write = oracle_write,
	    .wait = oracle_wait,
	    .shut = oracle_shut,
	    .state = &bytes,
	    .in = end,
	    .out = -1};
	struct err e = {0};

	oracle_init(o);
	http_serve(&c, &service, &e);
	close(end);
}

/* ---- theirs */

#if ORACLE
struct oracle_parser {
	llhttp_t p; /* first: it is what the callbacks are given */
	struct oracle *o;
	struct buf url, field, value, body, head;
};

static inline int
oracle_on_url(llhttp_t *p, const char *at, size_t len)
{
	return buf_add(&((struct oracle_parser *)p)->url, at, len);
}

static inline int
oracle_on_field(llhttp_t *p, const char *at, size_t len)
{
	return buf_add(&((struct oracle_parser *)p)->field, at, len);
}

static inline int
oracle_on_value(llhttp_t *p, const char *at, size_t len)
{
	return buf_add(&((struct oracle_parser *)p)->value, at, len);
}

static inline int
oracle_on_body(llhttp_t *p, const char *at, size_t len)
{
	return buf_add(&((struct oracle_parser *)p)->body, at, len);
}

static inline int
oracle_on_begin(llhttp_t *p)
{
	struct oracle_parser *x = (struct oracle_parser *)p;

	buf_clear(&x->url);
	buf_clear(&x->body);
	buf_clear(&x->head);
	return 0;
}

static inline int
oracle_on_value_end(llhttp_t *p)
{
	struct oracle_parser *x = (struct oracle_parser *)p;
	size_t len = x->value.len;

	while (len > 0 && strchr(" \t", x->value.data[len - 1]))
		len--;
	for (size_t i = 0; i < x->field.len; i++)
		if (x->field.data[i] >= 'A' && x->field.data[i] <= 'Z')
			x->field.data[i] += 'a' - 'A';
	buf_addf(&x->head, "%s: ", x->field.data);
	buf_add(&x->head, x->value.data, len);
	buf_addc(&x->head, '\n');
	buf_clear(&x->field);
	buf_clear(&x->value);
	return 0;
}

/* absolute-form as we tell it: without scheme and host. */
static inline const char *
oracle_path(const char *url)
{
	const char *host = strstr(url, "://");

	if (*url == '/' || !host)
		return url;
	return strchrnul(host + 3, '/');
}

static inline int
oracle_on_complete(llhttp_t *p)
{
	struct oracle_parser *x = (struct oracle_parser *)p;
	struct buf *out = &x->o->text;

	buf_addf(out, "%s %s\n", llhttp_method_name(llhttp_get_method(p)),
	    oracle_path(x->url.data));
	buf_add(out, x->head.data, x->head.len);
	buf_addc(out, '\n');
	buf_add(out, x->body.data, x->body.len);
	buf_addc(out, '\n');
	x->o->closed = !llhttp_should_keep_alive(p);
	oracle_end(x->o);
	return 0;
}

/* What llhttp makes of it, up to its first error. */
static inline void
oracle_theirs(const char *data, size_t len, struct oracle *o)
{
	const char *end = data + len;
	struct oracle_parser x = {.o = o};
	llhttp_settings_t s;
	llhttp_errno_t rc;

	oracle_init(o);
	llhttp_settings_init(&s);
	s.on_message_begin = oracle_on_begin;
	s.on_url = oracle_on_url;
	s.on_header_field = oracle_on_field;
	s.on_header_value = oracle_on_value;
	s.on_header_value_complete = oracle_on_value_end;
	s.on_body = oracle_on_body;
	s.on_message_complete = oracle_on_complete;
	llhttp_init(&x.p, HTTP_REQUEST, &s);
	buf_init(&x.url, (size_t)1 << 20);
	buf_init(&x.field, (size_t)1 << 20);
	buf_init(&x.value, (size_t)1 << 20);
	buf_init(&x.body, (size_t)1 << 20);
	buf_init(&x.head, (size_t)1 << 20);
	/* we speak no other protocol: what asks for one goes on in this one */
	while ((rc = llhttp_execute(&x.p, data, (size_t)(end - data))) ==
	    HPE_PAUSED_UPGRADE) {
		data = llhttp_get_error_pos(&x.p);
		llhttp_resume_after_upgrade(&x.p);
	}
	o->refused = rc != HPE_OK;
	o->why = llhttp_errno_name(rc);
	if (o->refused && llhttp_get_error_pos(&x.p) < end)
		o->at = *llhttp_get_error_pos(&x.p);
	buf_release(&x.url);
	buf_release(&x.field);
	buf_release(&x.value);
	buf_release(&x.body);
	buf_release(&x.head);
}

static inline void
oracle_release(struct oracle *o)
{
	buf_release(&o->text);
}

/* Whether our request number `i` has one of the methods that matter. */
static inline bool
oracle_is_common(const struct oracle *ours, size_t i)
{
	static const char *const methods[] = {
	    "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "PATCH ", "OPTIONS "};
	const char *line = ours->text.data + (i > 0 ? ours->ends[i - 1] : 0);

	for (size_t m = 0; m < ARRAY_LEN(methods); m++)
		if (strncmp(line, methods[m], strlen(methods[m])) == 0)
			return true;
	return false;
}

/*
 * Where llhttp refuses what RFC 9110 allows: it has a list of methods, some
 * with rules of their own, where any token is one (9.1) that we answer is not
 * for this URL; and after the number of a Content-Length it takes blanks but
 * no tab (5.6.3).
 */
static inline bool
oracle_excused(const struct oracle *ours, const struct oracle *theirs)
{
	return !oracle_is_common(ours, theirs->requests) ||
	    (strcmp(theirs->why, "HPE_INVALID_CONTENT_LENGTH") == 0 &&
		theirs->at == '\t');
}

/*
 * Compares the two; returns NULL, or what is wrong.  A request of ours that
 * llhttp refuses, or frames in another way, is wrong; so is one of theirs
 * that we have seen nothing of and have not refused.
 */
static inline const char *
oracle_differ(const struct oracle *ours, const struct oracle *theirs)
{
	size_t n = ours->requests < ARRAY_LEN(ours->ends)
	    ? ours->requests
	    : ARRAY_LEN(ours->ends);

	if (n > theirs->requests) {
		if (!oracle_excused(ours, theirs))
			return "we accept what llhttp does not";
		n = theirs->requests;
	}
	for (size_t i = 0; i < n; i++)
		if (ours->ends[i] != theirs->ends[i])
			return "a request is of another length";
	if (n > 0 &&
	    memcmp(ours->text.data, theirs->text.data, ours->ends[n - 1]) != 0)
		return "a request is another one";
	if (!ours->refused && !ours->closed &&
	    ours->requests < theirs->requests)
		return "we overlook a request";
	return NULL;
}
#endif

#endif
