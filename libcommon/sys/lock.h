#ifndef SYS_LOCK_H
#define SYS_LOCK_H

#include "base/err.h"

/*
 * Takes the exclusive lock on the file at `path` (made if absent, with mode
 * 0660 whatever the umask: others of the group may be next) without waiting.
 * Others may write to the directory, too: a link in the place of the file never
 * changes the mode of another one.  The lock lives as long as the descriptor
 * and ends with the process.  Returns the descriptor, or -1: KIND_BUSY when
 * another process holds it, KIND_SYS.
 */
int lock_try(const char *path, struct err *e);

/* As lock_try, but waits. */
int lock_wait(const char *path, struct err *e);

#endif
