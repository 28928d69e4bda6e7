#include "deploy/redis_format.h"

#include <inttypes.h>

#include "base/str.h"
#include "deploy/format.h"
#include "wrap/name.h"

#define PETER_DATABASE 9 /* where its Lua module looks */

#define PEM "^%-%-%-%-%-BEGIN "

const struct redis_format redis_formats[] = {
    {.name = "1",
	.alias = "peter_sslers-1",
	.database = PETER_DATABASE,
	.wildcards = true,
	.refers = true,
	.make = redis_peter_1,
	.sign = {.begins = "d1:",
	    .holds = "hash",
	    .field = {"c", "p", "i"},
	    .is = "^%d+$"}},
    {.name = "2",
	.alias = "peter_sslers-2",
	.database = PETER_DATABASE,
	.wildcards = true,
	.make = redis_peter_2,
	.sign =
	    {.begins = "d2:", .holds = "hash", .field = {"f", "p"}, .is = PEM}},
    {.name = "auto-ssl",
	.alias = "lua-resty-auto-ssl",
	.prefix = "",
	.make = redis_autossl,
	.sign = {.ends = ":latest",
	    .holds = "json",
	    .field = {"fullchain_pem", "privkey_pem"},
	    .is = PEM}},
    {.name = "resty-acme",
	.alias = "lua-resty-acme",
	.prefix = "",
	.by_key_type = true,
	.make = redis_restyacme,
	.sign = {.contains = {"domain:ecc:", "domain:rsa:"},
	    .holds = "json",
	    .field = {"pkey", "cert"},
	    .is = PEM}},
    {.name = "kong",
	.prefix = "",
	.make = redis_kong,
	.sign = {.contains = {"kong_acme:cert_key:"},
	    .holds = "json",
	    .field = {"key", "cert"},
	    .is = PEM}},
    {.name = "traefik",
	.prefix = "traefik",
	.wildcards = true,
	.by_certificate = true,
	.before_number = redis_traefik_before,
	.make = redis_traefik,
	.sign = {.contains = {"/tls/certificates/"},
	    .ends = "/certFile",
	    .holds = "text",
	    .is = PEM}},
};
const size_t redis_formats_len = ARRAY_LEN(redis_formats);
_Static_assert(ARRAY_LEN(redis_formats) <= REDIS_FORMATS_MAX, "all fit");

const struct redis_format *
redis_format_by_name(const char *name)
{
	const struct redis_format *f = redis_formats;

	for (; f < redis_formats + redis_formats_len; f++)
		if (strcmp(f->name, name) == 0 || str_same(f->alias, name))
			return f;
	return NULL;
}

const char *
redis_format_names(void)
{
	static char names[128];
	size_t len = 0;

	for (size_t i = 0; i < redis_formats_len; i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len,
		    "%s%s", i > 0 ? " " : "", redis_formats[i].name);
	return names;
}

static bool
is_like(const char *key, const struct redis_sign *s)
{
	const char *const *part = s->contains;

	return (!s->begins || str_starts(key, s->begins)) &&
	    (!s->ends || str_ends(key, s->ends)) &&
	    (!part[0] || strstr(key, part[0]) ||
		(part[1] && strstr(key, part[1])));
}

const struct redis_format *
redis_format_by_key(const char *key)
{
	const struct redis_format *f = redis_formats;

	for (; f < redis_formats + redis_formats_len; f++)
		if (is_like(key, &f->sign))
			return f;
	return NULL;
}

bool
redis_format_wants(const struct redis_format *f, const char *name)
{
	/* No client asks for an address by SNI (RFC 6066 3). */
	if (name_is_address(name))
		return f->by_certificate;
	return f->wildcards || !str_starts(name, "*.");
}

/* ---- entries ------------------------------------------------------------- */

static void
entry_release(struct redis_entry *r)
{
	free(r->key);
	for (size_t i = 0; i < r->len; i++)
		buf_wipe(&r->value[i]);
}

void
redis_entries_release(struct redis_entries *r)
{
	for (size_t i = 0; r && i < r->len; i++)
		entry_release(&r->v[i]);
	if (r)
		r->len = 0;
}

struct redis_entry *
redis_entry_add(
    struct redis_entries *out, enum redis_kind kind, const char *fmt, ...)
{
	struct redis_entry *r = &out->v[out->len++];
	va_list ap;

	memset(r, 0, sizeof(*r));
	r->kind = kind;
	va_start(ap, fmt);
	if (vasprintf(&r->key, fmt, ap) < 0)
		exit(111); /* for want of memory */
	va_end(ap);
	return r;
}

static struct buf *
add_field(struct redis_entry *r, const char *field)
{
	struct buf *value = &r->value[r->len];

	r->field[r->len++] = field;
	buf_init(value, FORMAT_MAX);
	return value;
}

void
redis_entry_put_int(struct redis_entry *r, const char *field, int64_t n)
{
	buf_addf(add_field(r, field), "%" PRId64, n);
}

int
redis_entry_put_pem(struct redis_entry *r, const char *field,
    const struct material *m, unsigned parts, struct err *e)
{
	struct buf *value = add_field(r, field);

	return m ? format_pem(m, parts, value, e) : 0;
}

/* ---- JSON ---------------------------------------------------------------- */

static struct buf *
begin_member(struct redis_entry *r, const char *member)
{
	bool is_first = r->len == 0;
	struct buf *value = is_first ? add_field(r, NULL) : &r->value[0];

	buf_addf(value, "%s\"%s\":", is_first ? "{" : ",", member);
	return value;
}

static int
fits(const struct redis_entry *r, struct err *e)
{
	return r->value[0].full ? err_set(e, KIND_BUG, "too large for a Redis")
				: 0;
}

int
redis_entry_json_pem(struct redis_entry *r, const char *member,
    const struct material *m, unsigned parts, struct err *e)
{
	struct buf *value = begin_member(r, member), pem;
	const char *line;
	int rc;

	buf_init(&pem, FORMAT_MAX);
	rc = m ? format_pem(m, parts, &pem, e) : 0;
	buf_addc(value, '"');
	for (line = pem.data; *line; line += strcspn(line, "\n") + 1) {
		buf_add(value, line, strcspn(line, "\n"));
		buf_adds(value, "\\n");
	}
	buf_addc(value, '"');
	buf_wipe(&pem);
	return rc < 0 ? -1 : fits(r, e);
}

int
redis_entry_json_text(
    struct redis_entry *r, const char *member, const char *text, struct err *e)
{
	buf_addf(begin_member(r, member), "\"%s\"", text);
	return fits(r, e);
}

int
redis_entry_json_int(
    struct redis_entry *r, const char *member, int64_t n, struct err *e)
{
	buf_addf(begin_member(r, member), "%" PRId64, n);
	return fits(r, e);
}

int
redis_entry_json_end(struct redis_entry *r, struct err *e)
{
	buf_addc(&r->value[0], '}');
	return fits(r, e);
}
