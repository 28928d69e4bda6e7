#ifndef BASE_B64_H
#define BASE_B64_H

#include "base/buf.h"

/* Bytes of text, without NUL, that b64url_encode makes of `n` bytes. */
#define B64URL_LEN(n) (((n)*4 + 2) / 3)

/* Adds `len` bytes as base64url without padding (RFC 4648 5, RFC 7515 2). */
int b64url_encode(struct buf *out, const void *p, size_t len);

/* The same into an array of at least B64URL_LEN(len) + 1 bytes. */
void b64url_encode_to(char *out, const void *p, size_t len);

/*
 * Adds the bytes that `text` stands for.  Strict: no padding, no blank, no
 * other alphabet, and no bits set beyond the last byte (RFC 8555 6.1, RFC 4648
 * 3.5), so that every value has exactly one spelling.
 * Returns 0, or -1 when the text is not that or `out` is full.
 */
int b64url_decode(struct buf *out, const char *text, size_t len);

/* Adds `len` bytes as padded base64 (RFC 4648 4), no line breaks. */
int b64_encode(struct buf *out, const void *p, size_t len);

/* Adds the bytes that it stands for; as strict as b64url_decode. */
int b64_decode(struct buf *out, const char *text, size_t len);

#endif
