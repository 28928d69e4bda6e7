#ifndef DEPLOY_LINKDIR_H
#define DEPLOY_LINKDIR_H

#include "base/err.h"
#include "deploy/layout.h"

/*
 * The links of a tree, by which gateways find a generation.  No link that
 * stands in the way, to a place outside say, is ever followed.
 */
struct linkdir {
	int root; /* directory */
	const char *root_path;
	char *path; /* of the directory that was used last, in the tree */
	int fd;
};

#define LINKDIR_TARGET_SIZE 600

int linkdir_open(struct linkdir *l, const char *root, struct err *e);
void linkdir_close(struct linkdir *l);

/*
 * Reads a link into `target`; "" when there is none, or another thing.  With
 * `make`, directories that are not there are made.
 */
int linkdir_read(struct linkdir *l, const char *directory, const char *entry,
    bool make, char target[LINKDIR_TARGET_SIZE], struct err *e);

/* Makes a link, or switches it in one step. */
int linkdir_switch(struct linkdir *l, const char *directory, const char *entry,
    const char *target, struct err *e);

/* Removes a link; with `alone` its directory too, if that is empty then. */
int linkdir_remove(struct linkdir *l, const char *directory, const char *entry,
    bool alone, struct err *e);

/*
 * Calls `fn` for each link of this pattern, whatever its target, until it
 * returns -1, which is then the result.  `fn` may remove that link.
 */
typedef int (*linkdir_fn)(void *arg, const char *directory, const char *entry,
    const char *target, struct err *e);
int linkdir_each(struct linkdir *l, const struct layout_link *pattern,
    linkdir_fn fn, void *arg, struct err *e);

/*
 * The generation that a target of ours leads to; NULL for a target of others.
 */
const char *linkdir_generation(
    const char *target, char out[LINKDIR_TARGET_SIZE]);

#endif
