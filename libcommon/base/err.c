#include "base/err.h"

#include <errno.h>

#include "base/log.h"

/* The functions behind the macros. */
#undef err_set
#undef err_acme
#undef err_http
#undef err_sys
#undef err_detail
#undef err_object

static const struct err_row rows[] = {
    [KIND_NONE] = {"none", 0, 200, NULL, false, LOG_LEVEL_INFO},
    [KIND_USAGE] = {"usage", 100, 500, "serverInternal", false, LOG_LEVEL_ERR},
    [KIND_INPUT] = {"input", 100, 400, "malformed", true, LOG_LEVEL_INFO},
    [KIND_DENIED] = {"denied", 1, 403, "unauthorized", true, LOG_LEVEL_INFO},
    [KIND_NOTFOUND] = {"notfound", 1, 404, "malformed", true, LOG_LEVEL_INFO},
    [KIND_CONFLICT] = {"conflict", 1, 409, "malformed", true, LOG_LEVEL_INFO},
    [KIND_BUSY] = {"busy", 111, 503, "serverInternal", true, LOG_LEVEL_WARN},
    [KIND_CONF] = {"conf", 102, 500, "serverInternal", false, LOG_LEVEL_ERR},
    [KIND_SYS] = {"sys", 111, 500, "serverInternal", false, LOG_LEVEL_ERR},
    [KIND_BUG] = {"bug", 101, 500, "serverInternal", false, LOG_LEVEL_ERR},
};
_Static_assert(ARRAY_LEN(rows) == KIND__MAX, "one row per kind");

/* A text is one printable line, whatever a stranger's bytes are in it. */
static void put(char *out, size_t size, const char *fmt, va_list ap)
    PRINTF_LIKE(3, 0);

static void
put(char *out, size_t size, const char *fmt, va_list ap)
{
	vsnprintf(out, size, fmt, ap);
	for (; *out; out++)
		if (*out < 0x20 || *out > 0x7e)
			*out = '?';
}

/* Whether nothing was set before: the first wins. */
static bool set_first(struct err *e, enum err_kind kind, const char *fmt,
    va_list ap) PRINTF_LIKE(3, 0);

static bool
set_first(struct err *e, enum err_kind kind, const char *fmt, va_list ap)
{
	if (e->kind != KIND_NONE)
		return false;
	e->kind = kind;
	put(e->text, sizeof(e->text), fmt, ap);
	return true;
}

void
err_clear(struct err *e)
{
	memset(e, 0, sizeof(*e));
}

bool
err_is_set(const struct err *e)
{
	return e->kind != KIND_NONE;
}

int
err_forgive(struct err *e, enum err_kind kind)
{
	if (e->kind != kind)
		return -1;
	err_clear(e);
	return 0;
}

int
err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_first(e, kind, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_acme(struct err *e, enum err_kind kind, const char *acme_type,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (set_first(e, kind, fmt, ap))
		e->acme_type = acme_type;
	va_end(ap);
	return -1;
}

int
err_http(struct err *e, enum err_kind kind, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (set_first(e, kind, fmt, ap))
		e->http_status = status;
	va_end(ap);
	return -1;
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	int errnum = errno;
	va_list ap;

	va_start(ap, fmt);
	if (set_first(e, KIND_SYS, fmt, ap))
		e->errnum = errnum;
	va_end(ap);
	return -1;
}

int
err_detail(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e->detail[0] != '\0')
		return -1;
	va_start(ap, fmt);
	put(e->detail, sizeof(e->detail), fmt, ap);
	va_end(ap);
	return -1;
}

int
err_object(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->text)];
	size_t used;
	va_list ap;

	memcpy(old, e->text, sizeof(old));
	va_start(ap, fmt);
	put(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	used = strlen(e->text);
	snprintf(e->text + used, sizeof(e->text) - used, ": %s", old);
	return -1;
}

const struct err_row *
err_row(enum err_kind kind)
{
	return &rows[kind < KIND__MAX ? kind : KIND_BUG];
}

int
err_exit(const struct err *e)
{
	return err_row(e->kind)->exit_code;
}

void
err_format(const struct err *e, char *out, size_t size)
{
	const char *reason = e->errnum ? strerrordesc_np(e->errnum) : NULL;

	snprintf(out, size, "%s%s%s%s%s", e->text, e->detail[0] ? ": " : "",
	    e->detail, reason ? ": " : "", reason ? reason : "");
}
