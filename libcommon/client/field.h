#ifndef CLIENT_FIELD_H
#define CLIENT_FIELD_H

#include "base/str.h"

/* Fields of a CA's answers. */

/*
 * A date of RFC 9110 5.6.7 in its preferred form ("Sun, 06 Nov 1994 08:49:37
 * GMT").  false: it is none.
 */
bool field_date(const char *text, int64_t *t);

/*
 * The moment that a Retry-After means (RFC 9110 10.2.3), seconds or a date,
 * now being `now` by our clock and `date` (a Date field, or NULL) by the CA's;
 * at most FIELD_RETRY_MAX seconds away.  0: it says nothing, or nothing that is
 * still to come, and how long to wait is for the caller to choose: at once, and
 * again at once, would be a loop.
 */
#define FIELD_RETRY_MAX ((int64_t)31 * 86400)
int64_t field_retry_at(const char *text, const char *date, int64_t now);

/*
 * Adds the targets of the links with this relation (RFC 8288 3) to `out`, in
 * order, at most FIELD_LINKS_MAX.  What is no link is passed over.
 */
#define FIELD_LINKS_MAX 16
void field_links(const char *text, const char *rel, struct strv *out);

#endif
