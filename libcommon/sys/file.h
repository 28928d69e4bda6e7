#ifndef SYS_FILE_H
#define SYS_FILE_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/*
 * Reads a whole file into `out`.
 * Returns 0, or -1: KIND_NOTFOUND, KIND_INPUT when it is larger than the
 * buffer's maximum, KIND_SYS.
 */
int file_read(const char *path, struct buf *out, struct err *e);

/*
 * As file_read, for secrets: KIND_CONF when others than the owner may read or
 * write the file.
 */
int file_read_secret(const char *path, struct buf *out, struct err *e);

/*
 * Replaces (or makes) the file at `path` in one step: a temporary file in the
 * same directory, mode, fsync, rename, fsync of the directory.  A reader sees
 * the old content or the new.  On failure the old file is untouched and the
 * temporary one is gone; it has no name until it is written, so that a process
 * that is killed leaves none either (where the file system can do that).
 */
int file_replace(
    const char *path, mode_t mode, const void *p, size_t len, struct err *e);

/*
 * As file_replace, but an existing file is left alone: KIND_CONFLICT.
 */
int file_create(
    const char *path, mode_t mode, const void *p, size_t len, struct err *e);

/*
 * Renames a file; one that is at `to` is left alone: KIND_CONFLICT.  The
 * directory is not synced.
 */
int file_rename_new(const char *from, const char *to, struct err *e);

/* Makes a directory; one that exists already is fine and keeps its mode. */
int file_mkdir(const char *path, mode_t mode, struct err *e);

/* Whether something is at `path`. */
bool file_exists(const char *path);

#endif
