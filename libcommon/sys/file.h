#ifndef SYS_FILE_H
#define SYS_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

/*
 * Reads a whole file into `out`.
 * Returns 0, or -1: KIND_NOTFOUND, KIND_INPUT when it is larger than the
 * buffer's maximum, KIND_SYS.
 */
int file_read(const char *path, struct buf *out, struct err *e);

/*
 * As file_read, for secrets: KIND_CONF when others than the owner may read or
 * write the file, or it is none, as is a FIFO, which is not waited for.
 */
int file_read_secret(const char *path, struct buf *out, struct err *e);

/*
 * The same for one that somebody has named: KIND_CONF as well when it cannot be
 * opened, and will not be so later.
 */
int file_read_configured(const char *path, struct buf *out, struct err *e);

/*
 * Replaces (or makes) the file at `path` in one step: a temporary file in the
 * same directory, mode, fsync, rename, fsync of the directory.  A reader sees
 * the old content or the new.  On failure the temporary file is gone and the
 * old one untouched; only when the last step fails the new one is there, but
 * may not survive a power cut.  The temporary file has no name until it is
 * written (where the file system can do that), and is locked until it is
 * renamed: what a process that was killed in between has left, which is named
 * like `path` with a dot and eight hexadecimal digits, the next one removes.
 */
int file_replace(
    const char *path, mode_t mode, const void *p, size_t len, struct err *e);

/* Whose a file is to be; -1 leaves it as the system makes it. */
struct file_owner {
	uid_t uid;
	gid_t gid;
};
#define FILE_OWNER_NONE ((struct file_owner){(uid_t)-1, (gid_t)-1})

/*
 * Looks a user and a group up, each a name or a number, or NULL for none.
 * KIND_CONF when there is no such one.
 */
int file_owner_find(const char *user, const char *group,
    struct file_owner *owner, struct err *e);

/* As file_replace; the file has this owner before it has its mode. */
int file_replace_for(const char *path, const struct file_owner *owner,
    mode_t mode, const void *p, size_t len, struct err *e);

/* The same two steps for an open file or directory; the path is for errors. */
int file_own(int fd, const char *path, const struct file_owner *owner,
    mode_t mode, struct err *e);

/*
 * As file_replace, but an existing file is left alone: KIND_CONFLICT.
 */
int file_create(
    const char *path, mode_t mode, const void *p, size_t len, struct err *e);

/*
 * Adds the names of the temporaries of `path` that killed processes have left
 * and the next file_replace will remove.
 */
void file_left(const char *path, struct strv *names);

/*
 * The last steps of both, for a temporary file that somebody else has written
 * and synced: gives it the name `path`, and syncs the directory.  KIND_CONFLICT
 * when there is a file and `replace` is false.
 */
int file_publish(
    const char *tmp, const char *path, bool replace, struct err *e);

/*
 * For a path that somebody has named: a KIND_SYS that says that the path itself
 * will not do (it leads nowhere, is something else, is not ours to use) becomes
 * one of `kind`, as a later try will not do better.  Other errors stay.
 */
void file_blame(struct err *e, enum err_kind kind);

/*
 * A directory that somebody has named as the place for what is written, made
 * when it is not there, but not what it is to be in.  Its path without links;
 * the caller frees.  NULL: KIND_SYS, see file_blame.
 */
char *file_root(const char *path, mode_t mode, struct err *e);

/* Syncs the directory of `path`, so that a new file in it stays. */
int file_sync_directory(const char *path, struct err *e);

/* Makes a directory; one that exists already is fine and keeps its mode. */
int file_mkdir(const char *path, mode_t mode, struct err *e);

/*
 * Gives a file or directory of ours to `user` and its group.  Nothing when
 * `user` is empty or we are not root; what belongs to somebody else, is a link,
 * or has a second name, stays as it is.
 * -1: KIND_CONF for an unknown user, KIND_SYS.
 */
int file_give(const char *path, const char *user, struct err *e);

/*
 * Gives a file of ours to the owner and group of another, whose place it is to
 * take.  Nothing when there is no other, or we are not root.  KIND_SYS.
 */
int file_give_as(const char *path, const char *other, struct err *e);

/* Whether something is at `path`. */
bool file_exists(const char *path);

/*
 * Whether two looks at a path have seen the same file with the same content, as
 * far as its number, size and time of modification tell.
 */
struct stat;
bool file_is_same(const struct stat *a, const struct stat *b);

#endif
