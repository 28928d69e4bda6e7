#ifndef CLIENT_DIRECTORY_H
#define CLIENT_DIRECTORY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * What a CA can do and where (RFC 8555 7.1.1).  All its URLs are https, and a
 * URL that the CA gives later must be of an origin that the directory has: so
 * an answer that leads elsewhere is not followed.
 */
struct js;

struct directory {
	struct js *object; /* NULL: there is none */
	struct strv origins; /* of its URL and of all that it lists */
};

/*
 * Reads the directory that came from `url`.  The caller releases `d` in any
 * case.  KIND_INPUT: no JSON object, newNonce, newAccount or newOrder missing,
 * a URL that is not https.
 */
int directory_read(struct directory *d, const char *url, const char *text,
    size_t len, struct err *e);

/*
 * Appends it in one form for all that mean the same: what is in it by chance
 * (members that nobody knows) is left out.
 */
int directory_write(const struct directory *d, struct buf *out);

/* The URL of a member, or NULL. */
const char *directory_url(const struct directory *d, const char *member);

/* Member `meta`, or NULL. */
const struct js *directory_meta(const struct directory *d);

/* Whether `url` is absolute, https, and of an origin that the directory has. */
bool directory_owns(const struct directory *d, const char *url);

/*
 * Whether `d` has an origin that `before` has not; it is then put into `out`,
 * whose maximum it may fill.
 */
bool directory_leads_away(
    const struct directory *d, const struct directory *before, struct buf *out);

/* NULL-safe; also for {0}. */
void directory_release(struct directory *d);

#endif
