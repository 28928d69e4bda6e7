#ifndef IMPORT_FOLDER_H
#define IMPORT_FOLDER_H

#include "import/bundle.h"

/*
 * A directory that nobody in particular has made: the files of each folder in
 * it belong together.
 */
#define FOLDER_DEPTH_MAX 16

/*
 * Calls `fn` for each folder in which there are files, the outer ones first,
 * with its path and all that could be read of them; names that begin with a dot
 * are passed over, and links to folders.  `password` as bundle_add.  -1: what
 * dir_open says, or `fn`, which ends it.
 */
int folder_read(const char *path, const char *password,
    int (*fn)(void *arg, const char *place, struct bundle *b, struct err *e),
    void *arg, struct err *e);

#endif
