#include "http/request.h"

#include <sys/types.h>

#include "base/str.h"

static int
refuse(struct err *e, int status, const char *text)
{
	return err_http(e, KIND_INPUT, status, "%s", text);
}

/* RFC 9110 5.6.2 */
static bool
is_token(unsigned char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

/* One byte of the head in its place; what follows is not known yet. */
static int
check_byte(const char *data, size_t i, size_t line, struct err *e)
{
	unsigned char c = (unsigned char)data[i];

	if (c == '\0')
		return refuse(e, 400, "HTTP: NUL in the head");
	if (c == '\n' && (i == 0 || data[i - 1] != '\r'))
		return refuse(
		    e, 400, "HTTP: line ends without CR (RFC 9112 2.2)");
	if (c != '\n' && i > 0 && data[i - 1] == '\r')
		return refuse(e, 400, "HTTP: CR without LF (RFC 9112 2.2)");
	if (line == 0 && i >= REQUEST_LINE_MAX)
		return refuse(e, 414, "HTTP: request line too long");
	return 0;
}

ssize_t
request_head_end(const char *data, size_t len, size_t *seen, struct err *e)
{
	const char *eol = memchr(data, '\n', len);
	size_t line_end = eol ? (size_t)(eol - data) + 1 : SIZE_MAX;

	for (size_t i = *seen; i < len; i++) {
		if (check_byte(data, i, i < line_end ? 0 : 1, e) < 0)
			return -1;
		if (i >= line_end && i - line_end >= REQUEST_HEAD_MAX)
			return refuse(e, 431, "HTTP: header fields too long");
		if (data[i] == '\n' && i >= 3 && data[i - 2] == '\n') {
			*seen = i + 1;
			return (ssize_t)(i + 1);
		}
	}
	*seen = len;
	return 0;
}

/* Cuts the line at `p` off at its CRLF and returns the start of the next. */
static char *
cut_line(char *p)
{
	char *cr =
	    strchr(p, '\r'); /* always followed by LF: head_end saw to it */

	*cr = '\0';
	return cr + 2;
}

/* `s` up to the next blank, which becomes its end; NULL when there is none. */
static char *
cut_word(char *s)
{
	char *blank = strchr(s, ' ');

	if (!blank || blank == s)
		return NULL;
	*blank = '\0';
	return blank + 1;
}

static int
read_method(struct request *r, const char *name, struct err *e)
{
	for (const char *p = name; *p; p++)
		if (!is_token((unsigned char)*p))
			return refuse(e, 400, "HTTP: bad method");
	r->method_name = name;
	if (strcmp(name, "GET") == 0)
		r->method = REQUEST_GET;
	else if (strcmp(name, "HEAD") == 0)
		r->method = REQUEST_HEAD;
	else if (strcmp(name, "POST") == 0)
		r->method = REQUEST_POST;
	else
		r->method = REQUEST_OTHER;
	return 0;
}

/* The characters of a host with its port (RFC 3986 3.2). */
#define HOST_CHARS                                                             \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"       \
	"-._~%!$&'()*+,;=:[]"

/*
 * The path of an http URL; NULL when it has no host, or no path.  What is
 * between goes one to the left, where it has room for a NUL.
 */
static char *
take_authority(struct request *r, char *url)
{
	char *host = strchr(url, '/') + 2;
	size_t len = strspn(host, HOST_CHARS);

	if (len == 0 || host[0] == ':' || host[len] != '/')
		return NULL;
	memmove(host - 1, host, len);
	host[len - 1] = '\0';
	r->authority = host - 1;
	return host + len;
}

/*
 * origin-form, or absolute-form (RFC 9112 3.2.2), whose host is in the place of
 * Host.  "*" passes as a path that nothing is at.
 */
static int
read_target(struct request *r, char *target, struct err *e)
{
	char *query;

	for (const char *p = target; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '#')
			return refuse(e, 400,
			    "HTTP: byte in the target that RFC 3986 does not "
			    "allow");
	if (strncasecmp(target, "http://", 7) == 0 ||
	    strncasecmp(target, "https://", 8) == 0) {
		target = take_authority(r, target);
		if (!target)
			return refuse(e, 400,
			    "HTTP: target without host or path "
			    "(RFC 9110 4.2)");
	}
	if (target[0] != '/' && strcmp(target, "*") != 0)
		return refuse(e, 400, "HTTP: target is no path");
	query = strchr(target, '?');
	if (query) {
		*query = '\0';
		r->query = query + 1;
	}
	r->path = target;
	return 0;
}

static int
read_line(struct request *r, char *line, struct err *e)
{
	char *target = cut_word(line);
	char *version = target ? cut_word(target) : NULL;

	if (!version)
		return refuse(
		    e, 400, "HTTP: request line is not METHOD TARGET VERSION");
	r->is_1_0 = strcmp(version, "HTTP/1.0") == 0;
	if (!r->is_1_0 && strcmp(version, "HTTP/1.1") != 0)
		return refuse(e, 400, "HTTP: version is not HTTP/1.1");
	r->keep_alive = !r->is_1_0;
	if (read_method(r, line, e) < 0)
		return -1;
	return read_target(r, target, e);
}

/* RFC 9112 5: name, colon at once, value; no folding (5.2). */
static int
read_field(struct request *r, char *line, struct err *e)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (*line == ' ' || *line == '\t')
		return refuse(e, 400, "HTTP: folded line (RFC 9112 5.2)");
	if (!colon || colon == line)
		return refuse(e, 400, "HTTP: field without a name");
	for (const char *p = line; p < colon; p++)
		if (!is_token((unsigned char)*p))
			return refuse(
			    e, 400, "HTTP: bad field name (RFC 9112 5.1)");
	if (r->fields_len == REQUEST_FIELDS_MAX)
		return refuse(e, 431, "HTTP: too many header fields");
	*colon = '\0';
	str_lower(line);
	value = colon + 1 + strspn(colon + 1, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	for (const char *p = value; *p; p++)
		if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f)
			return refuse(
			    e, 400, "HTTP: control character in a field");
	r->fields[r->fields_len++] =
	    (struct request_field){.name = line, .value = value};
	return 0;
}

size_t
request_count(const struct request *r, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < r->fields_len; i++)
		n += strcmp(r->fields[i].name, name) == 0;
	return n;
}

const char *
request_field(const struct request *r, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < r->fields_len; i++) {
		if (strcmp(r->fields[i].name, name) != 0)
			continue;
		if (value)
			return NULL;
		value = r->fields[i].value;
	}
	return value;
}

static int
read_host(const struct request *r, struct err *e)
{
	size_t n = request_count(r, "host");
	const char *host = request_field(r, "host");

	if (n > 1)
		return refuse(e, 400, "HTTP: two Host fields (RFC 9112 3.2)");
	if (n == 0 && !r->is_1_0)
		return refuse(e, 400, "HTTP: no Host field (RFC 9112 3.2)");
	if (host && (strchr(host, ',') || host[strspn(host, HOST_CHARS)]))
		return refuse(e, 400, "HTTP: bad Host field (RFC 9112 3.2)");
	return 0;
}

/* RFC 9112 6: how long the body is must have exactly one answer. */
static int
read_length(struct request *r, struct err *e)
{
	const char *coding = request_field(r, "transfer-encoding");
	size_t lengths = request_count(r, "content-length");
	uint64_t n;

	if (request_count(r, "transfer-encoding") > 0) {
		if (lengths > 0)
			return refuse(e, 400,
			    "HTTP: Transfer-Encoding and Content-Length "
			    "(RFC 9112 6.1)");
		if (coding && strcasecmp(coding, "chunked") == 0)
			return refuse(
			    e, 411, "HTTP: Content-Length is required");
		return refuse(e, 501, "HTTP: unknown Transfer-Encoding");
	}
	if (lengths == 0)
		return 0;
	if (lengths > 1)
		return refuse(
		    e, 400, "HTTP: two Content-Lengths (RFC 9112 6.3)");
	if (!str_to_u64(request_field(r, "content-length"), SSIZE_MAX, &n))
		return refuse(
		    e, 400, "HTTP: bad Content-Length (RFC 9110 8.6)");
	r->has_length = true;
	r->content_length = (size_t)n;
	return 0;
}

/* Whether a comma-separated list has the option `word`. */
static bool
list_has(const char *list, const char *word)
{
	size_t len = strlen(word), n;

	for (const char *p = list; *p; p += n + (p[n] == ',')) {
		p += strspn(p, " \t");
		n = strcspn(p, ",");
		if (strncasecmp(p, word, len) == 0 &&
		    p[len + strspn(p + len, " \t")] == p[n] &&
		    strspn(p + len, " \t") + len == n)
			return true;
	}
	return false;
}

static int
read_options(struct request *r, struct err *e)
{
	const char *expect = request_field(r, "expect");

	for (size_t i = 0; i < r->fields_len; i++) {
		if (strcmp(r->fields[i].name, "connection") != 0)
			continue;
		if (list_has(r->fields[i].value, "close"))
			r->keep_alive = false;
	}
	if (request_count(r, "expect") == 0 || r->is_1_0)
		return 0;
	if (!expect || strcasecmp(expect, "100-continue") != 0)
		return refuse(e, 417, "HTTP: unknown Expect");
	r->expects_continue = true;
	return 0;
}

int
request_parse(const char *head, size_t len, struct request *r, struct err *e)
{
	char *line, *next;

	*r = (struct request){.head = xstrndup(head, len), .head_len = len};
	next = cut_line(r->head);
	if (read_line(r, r->head, e) < 0)
		return -1;
	while (*next != '\r') {
		line = next;
		next = cut_line(line);
		if (read_field(r, line, e) < 0)
			return -1;
	}
	if (read_host(r, e) < 0 || read_length(r, e) < 0)
		return -1;
	return read_options(r, e);
}

void
request_release(struct request *r)
{
	if (!r)
		return;
	if (r->head)
		explicit_bzero(r->head, r->head_len);
	free(r->head);
	*r = (struct request){0};
}
