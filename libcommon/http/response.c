#include "http/response.h"

#include "sys/clock.h"
#include "sys/conn.h"

void
response_init(struct response *r)
{
	*r = (struct response){.status = 200};
	buf_init(&r->fields, RESPONSE_FIELDS_MAX);
	buf_init(&r->body, RESPONSE_BODY_MAX);
}

void
response_clear(struct response *r)
{
	r->status = 200;
	r->close = false;
	buf_clear(&r->fields);
	explicit_bzero(r->body.data, r->body.len);
	buf_clear(&r->body);
}

void
response_release(struct response *r)
{
	buf_release(&r->fields);
	buf_wipe(&r->body);
}

void
response_field(struct response *r, const char *name, const char *fmt, ...)
{
	va_list ap;
	char *value;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (len < 0) {
		r->fields.full = true;
		return;
	}
	for (char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	buf_adds(&r->fields, name);
	buf_adds(&r->fields, ": ");
	buf_adds(&r->fields, value);
	buf_adds(&r->fields, "\r\n");
	free(value);
}

void
response_private(struct response *r)
{
	response_field(r, "Cache-Control", "no-store");
	response_field(r, "X-Content-Type-Options", "nosniff");
}

static const struct {
	int status;
	const char *reason;
} reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
};

const char *
response_reason(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* RFC 9110 5.6.7, in English whatever the locale is. */
static void
add_date(struct buf *out)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = (time_t)clock_now();
	struct tm tm;

	if (!gmtime_r(&now, &tm))
		return;
	buf_addf(out, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n",
	    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

int
response_write(const struct response *r, struct conn *c, bool head_only,
    bool is_1_0, int64_t deadline, struct err *e)
{
	struct buf out;
	int rc = -1;

	buf_init(&out, RESPONSE_FIELDS_MAX + RESPONSE_BODY_MAX + 1024);
	buf_addf(
	    &out, "HTTP/1.1 %d %s\r\n", r->status, response_reason(r->status));
	add_date(&out);
	buf_add(&out, r->fields.data, r->fields.len);
	if (r->status != 204) /* RFC 9110 8.6 */
		buf_addf(&out, "Content-Length: %zu\r\n", r->body.len);
	if (r->close && !is_1_0)
		buf_adds(&out, "Connection: close\r\n");
	buf_adds(&out, "\r\n");
	if (!head_only)
		buf_add(&out, r->body.data, r->body.len);
	if (out.full || r->fields.full || r->body.full) {
		err_set(e, KIND_BUG, "response larger than its limit");
		goto out;
	}
	rc = conn_write(c, out.data, out.len, deadline, e);
out:
	buf_wipe(&out);
	return rc;
}
