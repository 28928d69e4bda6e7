#include "base/log.h"

#include <syslog.h>
#include <unistd.h>

#include "base/err.h"

#define LINE_MAX_LEN 1024

static const char *const level_names[] = {
    [LOG_LEVEL_DEBUG] = "debug",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_ERR] = "error",
};
_Static_assert(ARRAY_LEN(level_names) == LOG_LEVEL__MAX, "a name per level");

static const int syslog_levels[] = {
    [LOG_LEVEL_DEBUG] = LOG_DEBUG,
    [LOG_LEVEL_INFO] = LOG_INFO,
    [LOG_LEVEL_WARN] = LOG_WARNING,
    [LOG_LEVEL_ERR] = LOG_ERR,
};
_Static_assert(ARRAY_LEN(syslog_levels) == LOG_LEVEL__MAX, "one per level");

static struct {
	const char *prog;
	enum log_sink sink;
	int fd;
	enum log_level level;
	char id[LOG_ID_SIZE];
} state = {"acmed", LOG_SINK_FD, STDERR_FILENO, LOG_LEVEL_INFO, ""};

void
log_init(const char *prog, enum log_sink sink, int fd)
{
	state.prog = prog;
	state.sink = sink;
	state.fd = fd;
	if (sink == LOG_SINK_SYSLOG)
		openlog(prog, LOG_PID, LOG_DAEMON);
}

void
log_set_level(enum log_level level)
{
	state.level = level;
}

int
log_level_by_name(const char *name, enum log_level *level)
{
	for (int i = 0; i < LOG_LEVEL__MAX; i++)
		if (strcmp(name, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	return -1;
}

void
log_set_id(const char *id)
{
	snprintf(state.id, sizeof(state.id), "%s", id);
}

const char *
log_get_id(void)
{
	return state.id;
}

struct line {
	char text[LINE_MAX_LEN];
	size_t len;
};

static void
put(struct line *l, const char *s, size_t n)
{
	size_t room = sizeof(l->text) - 1 - l->len; /* 1: the newline */

	if (n > room)
		n = room;
	memcpy(l->text + l->len, s, n);
	l->len += n;
}

/* A value is bare when no reader could take it for something else. */
static bool
is_bare(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s; s++)
		if (*s <= 0x20 || *s > 0x7e || strchr("\"\\=", *s))
			return false;
	return true;
}

static void
put_value(struct line *l, const char *s)
{
	char escaped[5];

	if (is_bare(s)) {
		put(l, s, strlen(s));
		return;
	}
	put(l, "\"", 1);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			snprintf(escaped, sizeof(escaped), "\\%c", c);
		else if (c < 0x20 || c > 0x7e)
			snprintf(escaped, sizeof(escaped), "\\x%02x", c);
		else
			snprintf(escaped, sizeof(escaped), "%c", c);
		put(l, escaped, strlen(escaped));
	}
	put(l, "\"", 1);
}

static void
put_pair(struct line *l, const char *key, const char *value)
{
	put(l, " ", 1);
	put(l, key, strlen(key));
	put(l, "=", 1);
	put_value(l, value);
}

static void
emit(struct line *l, enum log_level level)
{
	if (state.sink == LOG_SINK_SYSLOG) {
		syslog(syslog_levels[level], "%.*s", (int)l->len, l->text);
		return;
	}
	l->text[l->len++] = '\n';
	/* A log that cannot be written has nowhere to complain. */
	if (write(state.fd, l->text, l->len) < 0)
		return;
}

void
log_event(enum log_level level, const char *event, ...)
{
	struct line l = {.len = 0};
	const char *key, *value;
	char head[96];
	va_list ap;

	if (level < state.level)
		return;
	if (state.sink == LOG_SINK_FD) {
		snprintf(head, sizeof(head), "%s[%ld]: ", state.prog,
		    (long)getpid());
		put(&l, head, strlen(head));
	}
	snprintf(head, sizeof(head), "%s: %s", level_names[level], event);
	put(&l, head, strlen(head));
	va_start(ap, event);
	while ((key = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		if (value)
			put_pair(&l, key, value);
	}
	va_end(ap);
	if (state.id[0] != '\0')
		put_pair(&l, "id", state.id);
	emit(&l, level);
}

void
log_err(const char *event, const struct err *e)
{
	const struct err_row *row = err_row(e->kind);
	char text[sizeof(e->text) + sizeof(e->detail) + 80];

	err_format(e, text, sizeof(text));
	log_event((enum log_level)row->log_level, event, "kind", row->name,
	    "reason", text, NULL);
}
