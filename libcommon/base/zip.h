#ifndef BASE_ZIP_H
#define BASE_ZIP_H

#include "base/buf.h"

/*
 * A ZIP archive (APPNOTE 6.3) of a few small files, as they are: nothing is
 * compressed.  What does not fit makes `out` full, as of any buffer.
 */
struct zip {
	struct buf *out;
	size_t start; /* of the archive, in `out` */
	struct buf directory;
	unsigned files;
	uint16_t date, time; /* of all files, UTC */
};

/* Begins an archive at the end of `out`, of files that are of this time. */
void zip_begin(struct zip *z, struct buf *out, int64_t at);

/* Adds a file; a secret is for its owner alone where it is unpacked. */
void zip_add(
    struct zip *z, const char *name, bool is_secret, const void *p, size_t len);

/* Ends it; `z` holds nothing any more. */
void zip_end(struct zip *z);

#endif
