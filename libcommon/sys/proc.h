#ifndef SYS_PROC_H
#define SYS_PROC_H

#include "base/err.h"

/* The entry of the user `name`, as getpwnam(3); NULL: KIND_CONF. */
struct passwd;
const struct passwd *proc_user(const char *name, struct err *e);

/*
 * Becomes `user` for good: supplementary groups, gid, uid, then proves that the
 * way back is shut.  An empty name, or not being root and being that user
 * already, changes nothing.
 * Returns 0, or -1: KIND_CONF for an unknown user or when the rights to change
 * are missing, KIND_SYS.
 */
int proc_drop(const char *user, struct err *e);

/* The number of `user`.  Returns 0, or -1: KIND_CONF for an unknown one. */
int proc_uid(const char *user, int64_t *uid, struct err *e);

/*
 * What every process gives up at start: core files, and new privileges by exec.
 * With `secret` the process cannot be traced or dumped by its own user either;
 * that is for after proc_drop, since the kernel decides anew when the user
 * changes.
 */
int proc_harden(bool secret, struct err *e);

#endif
