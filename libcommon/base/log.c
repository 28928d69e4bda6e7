#include "base/log.h"

#include <syslog.h>
#include <unistd.h>

#include "base/err.h"

#define LINE_MAX_LEN 4096 /* PIPE_BUF: written at once */
#define VALUE_MAX_LEN 900 /* escaped; struct err fits */
#define ID_ROOM (LOG_ID_SIZE + 8) /* for " id=..." at the end of any line */

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

int
log_fd(void)
{
	return state.sink == LOG_SINK_FD ? state.fd : -1;
}

void
log_set_fd(int fd)
{
	/* The library would write to whatever has that descriptor now. */
	if (state.sink == LOG_SINK_SYSLOG)
		closelog();
	log_init(state.prog, state.sink, fd);
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
	size_t max; /* room for content now */
	bool full; /* something did not fit */
};

static void
put(struct line *l, const char *s, size_t n)
{
	if (n > l->max - l->len) {
		l->full = true;
		return;
	}
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

/* One byte as it stands in a quoted value. */
static size_t
escape(char out[5], unsigned char c)
{
	if (c == '"' || c == '\\')
		return (size_t)snprintf(out, 5, "\\%c", c);
	if (c < 0x20 || c > 0x7e)
		return (size_t)snprintf(out, 5, "\\x%02x", c);
	return (size_t)snprintf(out, 5, "%c", c);
}

/* What is too long ends in "..." within its quotes. */
static void
put_value(struct line *l, const char *s)
{
	char escaped[5];
	size_t end = l->len + VALUE_MAX_LEN, n;

	if (is_bare(s) && strlen(s) <= VALUE_MAX_LEN) {
		put(l, s, strlen(s));
		return;
	}
	put(l, "\"", 1);
	for (; *s && !l->full; s++) {
		n = escape(escaped, (unsigned char)*s);
		if (l->len + n > end) {
			put(l, "...", 3);
			break;
		}
		put(l, escaped, n);
	}
	put(l, "\"", 1);
}

/* Whole, or not at all: what a stranger sends hides nothing that follows. */
static void
put_pair(struct line *l, const char *key, const char *value)
{
	size_t mark = l->len;

	put(l, " ", 1);
	put(l, key, strlen(key));
	put(l, "=", 1);
	put_value(l, value);
	if (l->full)
		l->len = mark;
	l->full = false;
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
	struct line l = {.max = LINE_MAX_LEN - 1 - ID_ROOM}; /* 1: newline */
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
	l.max += ID_ROOM;
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
