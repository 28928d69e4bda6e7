#ifndef JOBS_FILECHECK_H
#define JOBS_FILECHECK_H

#include "base/str.h"

/*
 * Looks over the files beside the store that the configuration names; the
 * store's own are store/check's business.  Adds a line to `problems` for
 *   - a key (of the server, of the built-in CA, of the sealing) that others
 *     than its owner can read or write, or that cannot be read;
 *   - the directory of the built-in CA, when others than its owner can write
 *     to it, and so replace what is in it;
 *   - the file of nonces, when it is not whole;
 *   - what a killed process has left beside a file that is replaced whole, and
 *     a change of a sealing key that has not come to its end.
 * A file that is not there is no problem.
 */
struct conf;

void filecheck_run(const struct conf *conf, struct strv *problems);

#endif
