#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/stat.h>

/*
 * Secrets that a program reads before it gives up its rights, from files that
 * nobody else may read (sys/file.h).
 */
struct seal_key;

#define SECRET_PASSWORD_MAX 1024 /* bytes */

/*
 * A password: the first line of `file`, or without one of the descriptor `fd`.
 * With neither (NULL, and less than 0) `out` stays empty.
 * Fails as file_read_configured; KIND_CONF as well when
 * there is none; KIND_USAGE for a
 * descriptor that is not open.
 */
int secret_password(const char *file, int fd, struct buf *out, struct err *e);

/*
 * The key under which something is sealed, whose file is the value of `setting`
 * in [store].  It is read into `room`, and `*seal` is that; without a path it
 * is NULL.  What is configured must be there: KIND_CONF.
 */
int secret_seal_key(const char *setting, const char *path,
    struct seal_key *room, const struct seal_key **seal, struct err *e);

/*
 * Whether a file that was read (NULL: none) is another one since; one that is
 * not there has not changed.
 */
struct secret_watch {
	const char *path;
	struct stat seen;
};
void secret_watch(struct secret_watch *w, const char *path);
bool secret_has_changed(const struct secret_watch *w);

#endif
