#include "base/str.h"
#include "wrap/kv.h"

#define PORT "6379"
#define DATABASE_MAX 65535

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
