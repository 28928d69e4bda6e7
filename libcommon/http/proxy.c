#include "http/proxy.h"

#include "base/str.h"
#include "sys/conn.h"

#include <arpa/inet.h>

#define V2_HEAD 16
#define SHORTEST 15 /* "PROXY UNKNOWN" with CR LF */

static const uint8_t v2_signature[12] = {
    '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};

static ssize_t
refuse(struct err *e, const char *why)
{
	return err_set(e, KIND_INPUT, "PROXY protocol: %s", why);
}

/* Whether what there is may be the beginning of a header. */
static bool
may_begin(const uint8_t *data, size_t len, const void *with, size_t with_len)
{
	return memcmp(data, with, len < with_len ? len : with_len) == 0;
}

/* ---- version 1 ----------------------------------------------------------- */

/* The next word of a line, which one space or its end ends; NULL at the end. */
static char *
next_word(char **line)
{
	char *word = *line;

	if (!word)
		return NULL;
	*line = strchr(word, ' ');
	if (*line)
		*(*line)++ = '\0';
	return word;
}

static bool
is_port(const char *text)
{
	uint64_t port;

	return text && str_to_u64(text, 65535, &port) &&
	    (text[0] != '0' || text[1] == '\0');
}

/* What follows "PROXY ". */
static ssize_t
parse_line(char *line, struct proxy *out, struct err *e)
{
	const char *family = next_word(&line);
	const char *source, *target, *source_port, *target_port;
	uint8_t ignored[16];
	int af;

	if (strcmp(family, "UNKNOWN") == 0)
		return 0;
	if (strcmp(family, "TCP4") != 0 && strcmp(family, "TCP6") != 0)
		return refuse(e, "neither TCP4, TCP6 nor UNKNOWN");
	af = family[3] == '4' ? AF_INET : AF_INET6;
	source = next_word(&line);
	target = next_word(&line);
	source_port = next_word(&line);
	target_port = next_word(&line);
	if (!target_port || line || !is_port(source_port) ||
	    !is_port(target_port) || inet_pton(af, target, ignored) != 1 ||
	    inet_pton(af, source, out->address) != 1)
		return refuse(e, "not two addresses and two ports");
	out->len = af == AF_INET ? 4 : 16;
	return 0;
}

static ssize_t
parse_v1(const uint8_t *data, size_t len, struct proxy *out, size_t *want,
    struct err *e)
{
	size_t max = len < PROXY_V1_MAX ? len : PROXY_V1_MAX;
	const uint8_t *end = memchr(data, '\n', max);
	char line[PROXY_V1_MAX];
	size_t n;

	if (!end) {
		*want = 1;
		return len < PROXY_V1_MAX ? 0 : refuse(e, "line too long");
	}
	n = (size_t)(end - data);
	if (n < SHORTEST - 1 || end[-1] != '\r' || memchr(data, '\0', n))
		return refuse(e, "no line with CR LF at its end");
	memcpy(line, data, n - 1);
	line[n - 1] = '\0';
	if (parse_line(line + strlen("PROXY "), out, e) < 0)
		return -1;
	return (ssize_t)n + 1;
}

/* ---- version 2 ----------------------------------------------------------- */

/* The addresses of each family and transport that there is. */
static const struct v2_family {
	uint8_t code;
	size_t len; /* of both addresses and ports */
	size_t address; /* of one address; 0: none that we know */
} v2_families[] = {
    {0x00, 0, 0}, /* unspecified */
    {0x11, 12, 4}, /* TCP over IPv4 */
    {0x21, 36, 16}, /* TCP over IPv6 */
    {0x31, 216, 0}, /* a unix stream */
};

static ssize_t
parse_v2_address(
    const uint8_t *data, size_t len, struct proxy *out, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(v2_families); i++) {
		const struct v2_family *f = &v2_families[i];

		if (f->code != data[13])
			continue;
		if (len < V2_HEAD + f->len)
			return refuse(e, "too short for its addresses");
		memcpy(out->address, data + V2_HEAD, f->address);
		out->len = f->address;
		return (ssize_t)len;
	}
	return refuse(e, "not of a stream");
}

static ssize_t
parse_v2(const uint8_t *data, size_t len, struct proxy *out, size_t *want,
    struct err *e)
{
	size_t all;

	*want = V2_HEAD - len;
	if (len < V2_HEAD)
		return 0;
	all = V2_HEAD + ((size_t)data[14] << 8 | data[15]);
	if (data[12] != 0x20 && data[12] != 0x21)
		return refuse(e, "of another version, or no command of it");
	if (all > PROXY_MAX)
		return refuse(e, "too long");
	*want = all - len;
	if (len < all)
		return 0;
	/* LOCAL: the front speaks for itself, whatever stands there */
	if (data[12] == 0x20)
		return (ssize_t)all;
	return parse_v2_address(data, all, out, e);
}

/* ---- either -------------------------------------------------------------- */

ssize_t
proxy_parse(const uint8_t *data, size_t len, struct proxy *out, size_t *want,
    struct err *e)
{
	bool v1 = may_begin(data, len, "PROXY ", 6);
	bool v2 = may_begin(data, len, v2_signature, sizeof(v2_signature));

	*out = (struct proxy){0};
	*want = SHORTEST - len;
	if (!v1 && !v2)
		return refuse(e, "no header");
	if (len < SHORTEST)
		return 0;
	return v1 ? parse_v1(data, len, out, want, e)
		  : parse_v2(data, len, out, want, e);
}

int
proxy_read(struct conn *c, int64_t deadline, struct proxy *out, struct err *e)
{
	uint8_t data[PROXY_MAX];
	size_t len = 0, want = 0;
	ssize_t rc, n;

	while ((rc = proxy_parse(data, len, out, &want, e)) == 0) {
		n = conn_read(c, data + len, want, deadline, e);
		if (n < 0)
			return -1;
		if (n == 0)
			return (int)refuse(e, "the header ends too early");
		len += (size_t)n;
	}
	return rc < 0 ? -1 : 0;
}
