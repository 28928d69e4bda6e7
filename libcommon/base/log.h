#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

/*
 * One event, one line, one write, at most 4 KiB:
 *   prog[pid]: level: event key=value key="value with blank" id=REQUEST
 * No timestamp (the supervisor's job); bytes that are not printable ASCII are
 * escaped, so that a client's text cannot start a line of its own.
 */
enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERR,
	LOG_LEVEL__MAX
};

struct err;

/* Where lines go. */
enum log_sink {
	LOG_SINK_FD, /* a descriptor, 2 unless told otherwise */
	LOG_SINK_SYSLOG /* facility daemon */
};

/* Names the program and sets the sink; `prog` must stay. */
void log_init(const char *prog, enum log_sink sink, int fd);

/*
 * For a process that keeps few descriptors: the sink's, or -1 when that is
 * syslog, to which there may be a connection all the same; and what it has
 * become, when all else is closed.
 */
int log_fd(void);
void log_set_fd(int fd);

/* Events below `level` are dropped; the default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* The level of that name: debug, info, warn, error. Returns 0, or -1. */
int log_level_by_name(const char *name, enum log_level *level);

/*
 * The id of the request or job in hand, added to every line; "" for none; cut
 * at LOG_ID_SIZE - 1 bytes.
 */
#define LOG_ID_SIZE 64
void log_set_id(const char *id);
const char *log_get_id(void);

/*
 * Writes one line.  `event` is lower-case words joined by dots.  Then pairs of
 * strings, key and value (a NULL value leaves the pair out), up to a NULL key.
 * A value beyond 900 bytes, escaped, is cut and ends in "..."; a line has at
 * most 4096, and a pair that does not fit is left out whole.
 */
void log_event(enum log_level level, const char *event, ...)
    __attribute__((sentinel));

/* Writes the failure `e` as an event at the level of its kind. */
void log_err(const char *event, const struct err *e);

#endif
