#include "acme/signmsg.h"

#include <poll.h>

#include "base/b64.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/sock.h"
#include "wrap/js.h"

#define TIME_MAX 253402300799 /* the end of the year 9999 */

/* The types that a service may name; err.acme_type is a static string. */
static const char *const types[] = {"badCSR", "badPublicKey", "caa", "dns",
    "malformed", "rateLimited", "rejectedIdentifier", "serverInternal",
    "unauthorized", "unsupportedIdentifier"};

static const char end_line[] = "-----END CERTIFICATE-----\n";

void
signmsg_request_init(struct signmsg_request *r)
{
	*r = (struct signmsg_request){0};
	buf_init(&r->csr, SIGNMSG_MAX);
}

void
signmsg_request_release(struct signmsg_request *r)
{
	if (r == NULL)
		return;
	buf_release(&r->csr);
	strv_release(&r->dns);
	strv_release(&r->ip);
	free(r->subject);
	free(r->email);
	free(r->profile);
	free(r->order);
	signmsg_request_init(r);
}

/*
 * Writing.
 */

static void
put_list(struct js *object, const char *key, const struct strv *l)
{
	if (l->len > 0)
		js_put(object, key, js_array_of(l));
}

static void
put_time(struct js *object, const char *key, int64_t t)
{
	if (t != 0)
		js_put_int(object, key, t);
}

/* Takes `object`. */
static int
write_out(struct js *object, struct buf *out, struct err *e)
{
	struct buf text;
	int rc = -1;

	buf_init(&text, SIGNMSG_MAX);
	if (js_write(object, &text) == -1 ||
	    buf_add(out, text.data, text.len) == -1)
		err_set(e, KIND_INPUT,
		    "message to or from the signer of more than %zu bytes",
		    SIGNMSG_MAX);
	else
		rc = 0;
	buf_release(&text);
	js_free(object);
	return rc;
}

int
signmsg_request_write(
    const struct signmsg_request *r, struct buf *out, struct err *e)
{
	struct js *object = js_object();
	struct buf csr;

	buf_init(&csr, SIGNMSG_MAX);
	b64url_encode(&csr, r->csr.data, r->csr.len);
	js_put_text(object, "csr", csr.data);
	put_list(object, "dns", &r->dns);
	put_list(object, "ip", &r->ip);
	js_put_text(object, "subject", r->subject);
	js_put_text(object, "email", r->email);
	js_put_text(object, "profile", r->profile);
	js_put_text(object, "order", r->order);
	put_time(object, "at", r->at);
	put_time(object, "not_before", r->not_before);
	put_time(object, "not_after", r->not_after);
	buf_release(&csr);
	return write_out(object, out, e);
}

int
signmsg_reply_write(
    const char *chain_pem, size_t len, struct buf *out, struct err *e)
{
	struct js *object = js_object(), *array = js_array();
	char *copy = xstrndup(chain_pem, len), *p = copy, *end, *one;

	while ((end = strstr(p, end_line)) != NULL) {
		end += sizeof(end_line) - 1;
		one = xstrndup(p, (size_t)(end - p));
		js_add_text(array, one);
		free(one);
		p = end;
	}
	free(copy);
	js_put(object, "chain", array);
	return write_out(object, out, e);
}

int
signmsg_failure_write(const struct err *failed, struct buf *out, struct err *e)
{
	struct js *object = js_object();

	js_put_text(object, "kind", err_row(failed->kind)->name);
	js_put_text(object, "type", failed->acme_type);
	js_put_text(object, "text", failed->text);
	if (failed->detail[0] != '\0')
		js_put_text(object, "detail", failed->detail);
	return write_out(object, out, e);
}

/*
 * Reading.
 */

static int
bad(struct err *e, const char *what)
{
	return err_set(e, KIND_INPUT,
	    "message to the signer: %s is not as it should be", what);
}

/* Counts the member as known. */
static int
take_text(const struct js *object, const char *key, char **out, size_t *known,
    struct err *e)
{
	const struct js *v = js_get(object, key);

	if (v == NULL)
		return 0;
	if (js_type(v) != JS_STRING)
		return bad(e, key);
	*out = xstrdup(js_text(v));
	(*known)++;
	return 0;
}

static int
take_list(const struct js *object, const char *key, struct strv *out,
    size_t *known, struct err *e)
{
	const struct js *v = js_get(object, key);

	if (v == NULL)
		return 0;
	if (js_type(v) != JS_ARRAY || js_len(v) > SIGNMSG_NAMES_MAX)
		return bad(e, key);
	for (size_t i = 0; i < js_len(v); i++) {
		if (js_type(js_at(v, i)) != JS_STRING)
			return bad(e, key);
		strv_add(out, js_text(js_at(v, i)));
	}
	(*known)++;
	return 0;
}

static int
take_time(const struct js *object, const char *key, int64_t *out, size_t *known,
    struct err *e)
{
	const struct js *v = js_get(object, key);

	if (v == NULL)
		return 0;
	if (js_type(v) != JS_INT || js_int(v, -1) < 0 ||
	    js_int(v, -1) > TIME_MAX)
		return bad(e, key);
	*out = js_int(v, 0);
	(*known)++;
	return 0;
}

static int
take_csr(const struct js *object, struct buf *out, size_t *known, struct err *e)
{
	const char *text = js_get_text(object, "csr");

	if (text == NULL || b64url_decode(out, text, strlen(text)) == -1)
		return bad(e, "csr");
	(*known)++;
	return 0;
}

int
signmsg_request_read(
    const void *p, size_t len, struct signmsg_request *r, struct err *e)
{
	struct js *object = js_parse_long(p, len, SIGNMSG_MAX, e);
	size_t known = 0;
	int rc = -1;

	if (object == NULL || take_csr(object, &r->csr, &known, e) == -1 ||
	    take_list(object, "dns", &r->dns, &known, e) == -1 ||
	    take_list(object, "ip", &r->ip, &known, e) == -1 ||
	    take_text(object, "subject", &r->subject, &known, e) == -1 ||
	    take_text(object, "email", &r->email, &known, e) == -1 ||
	    take_text(object, "profile", &r->profile, &known, e) == -1 ||
	    take_text(object, "order", &r->order, &known, e) == -1 ||
	    take_time(object, "at", &r->at, &known, e) == -1 ||
	    take_time(object, "not_before", &r->not_before, &known, e) == -1 ||
	    take_time(object, "not_after", &r->not_after, &known, e) == -1)
		goto out;
	if (known != js_len(object))
		bad(e, "a member nobody knows");
	else if (r->dns.len + r->ip.len > SIGNMSG_NAMES_MAX)
		bad(e, "the number of names");
	else
		rc = 0;
out:
	js_free(object);
	return rc;
}

static int
bad_reply(struct err *e)
{
	return err_set(e, KIND_SYS, "the signer's reply is broken");
}

static int
read_chain(const struct js *chain, struct buf *out, struct err *e)
{
	if (js_type(chain) != JS_ARRAY || js_len(chain) == 0)
		return bad_reply(e);
	for (size_t i = 0; i < js_len(chain); i++) {
		if (js_type(js_at(chain, i)) != JS_STRING)
			return bad_reply(e);
		if (buf_adds(out, js_text(js_at(chain, i))) == -1)
			return err_set(e, KIND_SYS,
			    "the signer's chain is longer than %zu bytes",
			    out->max);
	}
	return 0;
}

static const char *
known_type(const char *type)
{
	for (size_t i = 0; type != NULL && i < ARRAY_LEN(types); i++)
		if (strcmp(type, types[i]) == 0)
			return types[i];
	return NULL;
}

/* Makes the service's failure our own. */
static int
read_failure(const struct js *object, struct err *e)
{
	const char *name = js_get_text(object, "kind");
	const char *text = js_get_text(object, "text");
	const char *detail = js_get_text(object, "detail");
	int kind = KIND_NONE + 1;

	if (name == NULL || text == NULL)
		return bad_reply(e);
	while (kind < KIND__MAX &&
	    strcmp(name, err_row((enum err_kind)kind)->name) != 0)
		kind++;
	if (kind == KIND__MAX)
		return bad_reply(e);
	err_set(e, (enum err_kind)kind, "%s", text);
	e->acme_type = known_type(js_get_text(object, "type"));
	if (e->acme_type == NULL && (kind == KIND_INPUT || kind == KIND_DENIED))
		e->acme_type = "badCSR";
	if (detail != NULL)
		err_detail(e, "%s", detail);
	return -1;
}

int
signmsg_reply_read(
    const void *p, size_t len, struct buf *chain_pem, struct err *e)
{
	struct err inner = {0};
	struct js *object = js_parse_long(p, len, SIGNMSG_MAX, &inner);
	const struct js *chain = js_get(object, "chain");
	int rc;

	if (object == NULL)
		rc = bad_reply(e);
	else if (chain != NULL)
		rc = read_chain(chain, chain_pem, e);
	else
		rc = read_failure(object, e);
	js_free(object);
	return rc;
}

/*
 * The client.
 */

void
signmsg_client_init(struct signmsg_client *c, const char *path)
{
	c->path = xstrdup(path);
	c->fd = -1;
}

void
signmsg_client_release(struct signmsg_client *c)
{
	if (c == NULL)
		return;
	fd_close(&c->fd);
	free(c->path);
	c->path = NULL;
}

/*
 * A kept connection that has something to say before it is asked was closed by
 * the service: it ended, or had too many clients.
 */
static int
connect_again(struct signmsg_client *c, struct err *e)
{
	struct err inner = {0};

	if (c->fd >= 0 &&
	    fd_wait(c->fd, POLLIN | POLLRDHUP, clock_mono(), &inner) != 0)
		fd_close(&c->fd);
	if (c->fd == -1)
		c->fd = sock_connect(c->path, e);
	return c->fd >= 0 ? 0 : -1;
}

/* Whatever went wrong, the service has not seen a whole request. */
static int
not_sent(struct signmsg_client *c, const struct err *why, struct err *e)
{
	fd_close(&c->fd);
	err_set(e, KIND_BUSY, "the signing service cannot be reached");
	err_detail(e, "%s", why->text);
	return -1;
}

static int
unknown(struct signmsg_client *c, const struct err *why, struct err *e)
{
	fd_close(&c->fd);
	if (why->kind == KIND_BUSY)
		err_set(e, KIND_BUSY, "the signing service is slow");
	else
		err_set(e, KIND_SYS, "the signing service has not answered");
	err_detail(e, "%s", why->text);
	return -1;
}

int
signmsg_call(struct signmsg_client *c, const struct signmsg_request *r,
    int64_t deadline, struct buf *chain_pem, enum signmsg_outcome *outcome,
    struct err *e)
{
	struct err inner = {0};
	struct buf message;
	int rc = -1;

	*outcome = SIGNMSG_NOT_SENT;
	buf_init(&message, SIGNMSG_MAX);
	if (signmsg_request_write(r, &message, e) == -1)
		goto out;
	if (connect_again(c, &inner) == -1 ||
	    frame_write(c->fd, message.data, message.len, deadline, &inner) ==
		-1) {
		not_sent(c, &inner, e);
		goto out;
	}
	*outcome = SIGNMSG_UNKNOWN;
	if (frame_read(c->fd, &message, deadline, &inner) != 1) {
		unknown(c, &inner, e);
		goto out;
	}
	*outcome = SIGNMSG_ANSWERED;
	rc = signmsg_reply_read(message.data, message.len, chain_pem, e);
out:
	buf_release(&message);
	return rc;
}
