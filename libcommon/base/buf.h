#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/base.h"

/*
 * A byte buffer with a hard maximum fixed when it is made.  Adding beyond the
 * maximum adds nothing and sets `full`, which stays set: a writer may add many
 * pieces and ask once at the end.  The bytes are always followed by a NUL, so
 * data is a C string when the content has none.
 */
struct buf {
	char *data; /* never NULL after buf_init */
	size_t len;
	size_t cap;
	size_t max; /* most bytes of content */
	bool full; /* something did not fit */
};

/* Makes an empty buffer that holds at most `max` bytes. */
void buf_init(struct buf *b, size_t max);

/* Empties, keeps memory and maximum, forgets `full`. */
void buf_clear(struct buf *b);

/* Frees the memory; the buffer must be made again before use. NULL-safe. */
void buf_release(struct buf *b);

/* As buf_release, for secrets: the bytes are overwritten first. */
void buf_wipe(struct buf *b);

/* Each adds to the end, and returns 0, or -1 with `full` set. */
int buf_add(struct buf *b, const void *p, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Removes `len` bytes from the front. */
void buf_consume(struct buf *b, size_t len);

/* Gives the memory away: a NUL-terminated string the caller frees. */
char *buf_detach(struct buf *b);

#endif
