#ifndef WRAP_KEYFILE_H
#define WRAP_KEYFILE_H

#include "wrap/key.h"

/* Private keys in PEM files, which only their owner may read. */

/*
 * Reads the key at `path`.  NULL: KIND_NOTFOUND, KIND_CONF when others may read
 * the file, KIND_INPUT when it is no key; the error names the path.
 */
struct key *keyfile_read(const char *path, struct err *e);

/*
 * As keyfile_read; a key of this type (key_generate) is made and written, mode
 * 0600, when there is no file.
 */
struct key *keyfile_ensure(
    const char *path, enum key_type type, int bits, struct err *e);

#endif
