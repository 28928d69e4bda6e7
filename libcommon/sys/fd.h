#ifndef SYS_FD_H
#define SYS_FD_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Descriptors.  A deadline is a value of clock_mono() in milliseconds, made
 * once per unit of work and handed to every read and write of it; FD_FOREVER
 * waits without end.
 */
#define FD_FOREVER INT64_MAX

/*
 * Opens /dev/null on whichever of 0, 1 and 2 is closed.  Returns whether 1 was.
 * Dies 111 if it fails.
 */
bool fd_guard_std(void);

/* As many descriptors as the system lets us have. */
void fd_raise_limit(void);

/* Whether two descriptors are the same open object (device and inode). */
bool fd_same(int a, int b);

/* Whether `fd` is a socket in the listening state; of this type. */
bool fd_is_listening(int fd);
bool fd_is_stream(int fd);
bool fd_is_dgram(int fd);

/* Closes `*fd` if it is not -1, and makes it -1. */
void fd_close(int *fd);

/* Sets O_NONBLOCK. Returns 0 or -1 (KIND_SYS). */
int fd_nonblock(int fd, struct err *e);

/*
 * Waits until `fd` is ready for `events` (POLLIN, POLLOUT).
 * Returns 1 when it is, 0 when the deadline has passed, -1 (KIND_SYS).
 */
int fd_wait(int fd, short events, int64_t deadline, struct err *e);

/*
 * Reads what there is, at most `size` bytes, waiting up to the deadline.
 * Returns the number of bytes, 0 at the end, -1 with KIND_BUSY when the
 * deadline has passed or KIND_SYS.
 */
ssize_t fd_read(int fd, void *p, size_t size, int64_t deadline, struct err *e);

/* Reads to the end into `out`; KIND_INPUT when its maximum is passed. */
int fd_read_all(int fd, struct buf *out, int64_t deadline, struct err *e);

/* Writes all of it. Returns 0, or -1 as fd_read does. */
int fd_write_all(
    int fd, const void *p, size_t len, int64_t deadline, struct err *e);

#endif
