#ifndef SYS_FRAME_H
#define SYS_FRAME_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Messages between our own processes: four bytes of length, most significant
 * first, then that many bytes.
 */
#define FRAME_MAX ((size_t)128 * 1024)
#define FRAME_HEAD 4

/*
 * Sends one message of at most FRAME_MAX bytes.
 * Returns 0, or -1: KIND_BUSY after the deadline, KIND_SYS, KIND_BUG (size).
 */
int frame_write(
    int fd, const void *p, size_t len, int64_t deadline, struct err *e);

/*
 * Receives one message into `out` (cleared first; its maximum is the limit).
 * Returns 1 with a message, 0 when the peer has closed between two messages,
 * -1: KIND_INPUT (too long, cut short), KIND_BUSY after the deadline, KIND_SYS.
 */
int frame_read(int fd, struct buf *out, int64_t deadline, struct err *e);

/*
 * Adds one message to the end of `out`, bytes to be written later, for loops
 * that may not wait.  -1: KIND_BUG (size), KIND_BUSY when `out` is full; it is
 * then as it was.
 */
int frame_add(struct buf *out, const void *p, size_t len, struct err *e);

/*
 * Takes one message from the front of `in`, bytes read earlier, for loops that
 * may not wait.  Returns 1 with a message in `out` (cleared first), 0 when `in`
 * does not hold a whole one yet, -1 (KIND_INPUT) when it announces too much.
 */
int frame_take(struct buf *in, struct buf *out, struct err *e);

#endif
