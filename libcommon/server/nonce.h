#ifndef SERVER_NONCE_H
#define SERVER_NONCE_H

#include "base/err.h"

/*
 * Anti-replay nonces (RFC 8555 6.5) that cost no transaction and no memory:
 * a number and its HMAC.  The next number and one bit for each of the last
 * `window` numbers are in a mapped file that all processes share; whoever
 * turns the bit on has spent the nonce, nobody else can.  No clock is
 * involved: a flood of new nonces only pushes out the oldest.
 *
 * The file begins a new epoch, with a new secret, when it is new, when it was
 * made for another window, and after a boot (its pages are never synced, so a
 * power cut could bring old bits back).  It holds the secret: mode 0600.
 */
#define NONCE_SIZE 33 /* 24 bytes in base64url and the NUL */

struct nonce;

/*
 * Opens or makes the file; a `window` below 1024 counts as that, and it is
 * rounded up to a multiple of 64.  NULL: KIND_SYS, also when the file cannot be
 * made.  The caller closes.
 */
struct nonce *nonce_open(const char *path, uint64_t window, struct err *e);
void nonce_close(struct nonce *n); /* NULL-safe */

/*
 * Whether the file is one that nonce_open would map, or replace as a whole; for
 * a look from outside.  None, or one that may not be read, is fine.
 */
bool nonce_is_whole(const char *path);

/* Writes a fresh nonce. */
void nonce_make(struct nonce *n, char out[NONCE_SIZE]);

/*
 * Spends a nonce.  Returns 0 exactly once for each that was made, else -1
 * (KIND_INPUT, badNonce): unknown, too old, or spent before, even if the
 * request it was spent in was refused.
 */
int nonce_spend(struct nonce *n, const char *text, struct err *e);

#endif
