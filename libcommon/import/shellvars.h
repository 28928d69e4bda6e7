#ifndef IMPORT_SHELLVARS_H
#define IMPORT_SHELLVARS_H

#include "base/str.h"

/*
 * Files of shell assignments, as acme.sh and dehydrated keep their settings.
 * They are read as text and nothing in them is run: of shell syntax there are
 * comments, and NAME=value, NAME='value' and NAME="value" on a line of its own,
 * where nothing in the value would mean anything to a shell.
 */
struct js;

#define SHELLVARS_LINE_MAX 65536

/*
 * Reads it as an object of strings; of two with one name the later counts.
 * Those whose names tell of a secret (HMAC, password, token ...) are left out.
 * What acme.sh has wrapped in base64 is unwrapped.  A line that is none of the
 * above is left out, and told in `skipped` ("line 3: ...").  The caller frees.
 */
struct js *shellvars_read(const char *text, size_t len, struct strv *skipped);

#endif
