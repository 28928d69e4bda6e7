#ifndef SYS_DIR_H
#define SYS_DIR_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * A directory tree of somebody else, opened once and read by paths relative to
 * its root.  Nothing outside it is reached: a symbolic link is followed as long
 * as it stays within the tree; one that leads out, or is absolute, is refused
 * (openat2(2) with RESOLVE_BENEATH).
 */
#define DIR_ENTRIES_MAX 1000000 /* names in one directory */

enum dir_kind {
	DIR_NONE, /* not there, not readable, or leads out of the tree */
	DIR_FILE, /* regular */
	DIR_FOLDER,
	DIR_OTHER /* a device, a socket, a pipe */
};

/*
 * Opens the root.  The caller closes.
 * -1: KIND_NOTFOUND when there is none, KIND_INPUT when it is no directory,
 * KIND_SYS also when the kernel has no openat2 (before Linux 5.6).
 */
int dir_open(const char *path, struct err *e);

/* What is at `path`, links within the tree followed. */
enum dir_kind dir_kind(int root, const char *path);

/* Which directory is at `path`, whatever leads there; false: there is none. */
struct dir_identity {
	uint64_t device, inode;
};
bool dir_identify(int root, const char *path, struct dir_identity *out);

/*
 * Appends a regular file to `out`.  -1: KIND_NOTFOUND when it is not there (a
 * link to nothing counts), KIND_INPUT when it leads out of the tree, is no
 * regular file, or is larger than `out` holds, KIND_SYS when it cannot be read.
 */
int dir_read(int root, const char *path, struct buf *out, struct err *e);

/*
 * Adds the names in the directory at `path` ("." is the root itself), sorted
 * by byte value; names that begin with a dot are left out.  -1: as dir_read.
 */
int dir_list(int root, const char *path, struct strv *names, struct err *e);

/*
 * What the symbolic link at `path` says, whether or not that exists; the
 * caller frees.  NULL when it is no link, or not to be reached.
 */
char *dir_link(int root, const char *path);

#endif
