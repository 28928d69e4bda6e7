#include "client/directory.h"

#include "wrap/js.h"
#include "wrap/web.h"

/* RFC 8555 9.7.5, RFC 9773 9.2; in the order in which they are written. */
static const struct member {
	const char *name;
	bool required;
} members[] = {
    {"newNonce", true},
    {"newAccount", true},
    {"newOrder", true},
    {"newAuthz", false},
    {"revokeCert", false},
    {"keyChange", false},
    {"renewalInfo", false},
};

/* "https://HOST:PORT"; NULL when it is not https.  The caller frees. */
static char *
origin_of(const char *url)
{
	struct err ignored = {0};
	struct web_url u;

	if (web_url_parse(url, &u, &ignored) < 0 || !u.is_https ||
	    u.host[0] == '\0')
		return NULL;
	u.path[0] = '\0';
	return web_url_format(&u);
}

static int
add_origin(
    struct directory *d, const char *what, const char *url, struct err *e)
{
	char *origin = origin_of(url);

	if (!origin)
		return err_set(
		    e, KIND_INPUT, "%s is no https URL: %s", what, url);
	if (!strv_has(&d->origins, origin))
		strv_add(&d->origins, origin);
	free(origin);
	return 0;
}

static int
read_member(struct directory *d, const struct member *m, struct err *e)
{
	const char *url = js_get_text(d->object, m->name);

	if (url)
		return add_origin(d, m->name, url, e);
	return m->required || js_get(d->object, m->name)
	    ? err_set(e, KIND_INPUT, "%s is missing, or no string", m->name)
	    : 0;
}

int
directory_read(struct directory *d, const char *url, const char *text,
    size_t len, struct err *e)
{
	const struct js *meta;

	*d = (struct directory){.object = js_parse(text, len, e)};
	if (!d->object)
		return -1;
	if (add_origin(d, "the directory", url, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (read_member(d, &members[i], e) < 0)
			return -1;
	meta = js_get(d->object, "meta");
	return meta && js_type(meta) != JS_OBJECT
	    ? err_set(e, KIND_INPUT, "meta is no object")
	    : 0;
}

int
directory_write(const struct directory *d, struct buf *out)
{
	const struct js *meta = directory_meta(d);
	struct js *urls = js_object();

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		js_put_text(
		    urls, members[i].name, directory_url(d, members[i].name));
	js_write(urls, out);
	js_free(urls);
	if (meta && out->len > 0 && !out->full) {
		out->data[--out->len] = '\0'; /* the brace */
		buf_adds(out, ",\"meta\":");
		js_write(meta, out);
		buf_addc(out, '}');
	}
	return out->full ? -1 : 0;
}

const char *
directory_url(const struct directory *d, const char *member)
{
	return js_get_text(d->object, member);
}

const struct js *
directory_meta(const struct directory *d)
{
	return js_get(d->object, "meta");
}

bool
directory_owns(const struct directory *d, const char *url)
{
	char *origin = origin_of(url);
	bool has = origin && strv_has(&d->origins, origin);

	free(origin);
	return has;
}

bool
directory_leads_away(
    const struct directory *d, const struct directory *before, struct buf *out)
{
	for (size_t i = 0; i < d->origins.len; i++)
		if (!strv_has(&before->origins, d->origins.v[i])) {
			buf_adds(out, d->origins.v[i]);
			return true;
		}
	return false;
}

void
directory_release(struct directory *d)
{
	if (!d)
		return;
	js_free(d->object);
	strv_release(&d->origins);
	*d = (struct directory){0};
}
