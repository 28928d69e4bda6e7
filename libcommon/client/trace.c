#include "client/trace.h"

#include "base/b64.h"
#include "client/client.h"
#include "http/network.h"
#include "sys/fd.h"

#define TRACE_MAX ((size_t)4 * NETWORK_BODY_MAX)

/* Without what stands in a member "signature", which CAs lay out. */
static void
add_redacted(struct buf *out, const char *text)
{
	static const char member[] = "\"signature\"", between[] = " \t\r\n:";
	const char *at;

	while ((at = strstr(text, member)) != NULL) {
		at += strlen(member);
		at += strspn(at, between);
		at += *at == '"';
		buf_add(out, text, (size_t)(at - text));
		buf_adds(out, "...");
		text = at + strcspn(at, "\"");
	}
	buf_adds(out, text);
}

/* Every line begins with a mark; bytes that no terminal should see are not
 * shown. */
static void
put(const struct trace *t, char mark, const struct buf *text)
{
	struct buf out;
	struct err ignored = {0};
	bool at_start = true;

	buf_init(&out, 2 * TRACE_MAX);
	for (size_t i = 0; i < text->len; i++) {
		char c = text->data[i];

		if (at_start)
			buf_addf(&out, "%c ", mark);
		at_start = c == '\n';
		if (c != '\r')
			buf_addc(
			    &out, c == '\n' || (c >= 32 && c < 127) ? c : '?');
	}
	if (!at_start)
		buf_addc(&out, '\n');
	fd_write_all(t->fd, out.data, out.len, FD_FOREVER, &ignored);
	buf_release(&out);
}

/* The protected header of the JWS in `body`. */
static void
add_protected(struct buf *out, const char *body)
{
	static const char member[] = "{\"protected\":\"";
	const char *at = body + strlen(member);

	if (strncmp(body, member, strlen(member)) != 0)
		return;
	b64url_decode(out, at, strcspn(at, "\""));
	buf_addc(out, '\n');
}

void
trace_request(
    const struct trace *t, const struct network_request *r, const char *payload)
{
	struct buf text;

	if (t->fd < 0)
		return;
	buf_init(&text, TRACE_MAX);
	buf_addf(&text, "%s %s\n", r->method, r->url);
	if (r->body)
		add_protected(&text, r->body);
	if (payload)
		add_redacted(&text, payload);
	put(t, '>', &text);
	buf_release(&text);
}

/* Whatever a CA sends, also what stands behind a NUL. */
static void
add_body(struct buf *out, const char *body, size_t len)
{
	for (size_t at = 0; at < len; at += strlen(body + at) + 1) {
		if (at > 0)
			buf_addc(out, '\0');
		add_redacted(out, body + at);
	}
}

static void
add_field(struct buf *out, const char *name, const char *value)
{
	if (value)
		buf_addf(out, "%s: %s\n", name, value);
}

void
trace_reply(const struct trace *t, const struct network_reply *r)
{
	struct buf text;

	if (t->fd < 0)
		return;
	buf_init(&text, TRACE_MAX);
	if (r->status == 0)
		buf_addf(&text, "no answer: %s\n", r->reason ? r->reason : "");
	else
		buf_addf(&text, "%d after %lld ms\n", r->status,
		    (long long)r->duration_ms);
	add_field(&text, "Content-Type", r->content_type);
	add_field(&text, "Replay-Nonce", r->nonce);
	add_field(&text, "Location", r->location);
	add_field(&text, "Link", r->links);
	add_field(&text, "Retry-After", r->retry_after);
	add_field(&text, "Date", r->date);
	if (r->body)
		add_body(&text, r->body, r->len);
	put(t, '<', &text);
	buf_release(&text);
}
