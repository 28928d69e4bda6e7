#ifndef WRAP_PEM_H
#define WRAP_PEM_H

#include "base/buf.h"

/* Textual encodings of RFC 7468. */

/* Appends one block of 64-column lines. */
int pem_encode(struct buf *out, const char *label, const void *der, size_t len);

/* A place in a PEM text. */
struct pem_reader {
	const char *p;
	size_t len;
	/* What opens blocks that are encrypted in the old way (RFC 1421), by
	 * headers; or NULL. */
	const char *password;
	bool is_encrypted; /* the block just found is such a one */
};

/*
 * Finds the next block; whatever stands between blocks is skipped.  `label`
 * (size bytes) and `der` (cleared first) are filled.
 * Returns 1 for a block, 0 when there is none left, -1 for a block that is
 * broken (no end line, not base64, encrypted and not to be opened, or larger
 * than `der` holds).
 */
int pem_next(struct pem_reader *r, char *label, size_t size, struct buf *der);

/* Whether the text has a line that begins a block. */
bool pem_is_text(const void *p, size_t len);

#endif
