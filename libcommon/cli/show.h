#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/sheet.h"
#include "store/store.h"

#define SHOW_REFS_MAX 100 /* others that are named, for each relation */
#define SHOW_EVENTS_MAX 20 /* the last ones */

/*
 * Prints an object of the store in full, with what refers to it: `text` is
 * TYPE/ID, domain/NAME, or what means a certificate (certificate_pick; a name
 * is the certificate that serves it).  KIND_INPUT, KIND_NOTFOUND.
 */
int show_object(
    struct store *st, const char *text, enum sheet_form form, struct err *e);

#endif
