#ifndef ACME_JWK_H
#define ACME_JWK_H

#include "base/buf.h"
#include "base/err.h"

/* Public keys as JSON (RFC 7517, RFC 7518 6, RFC 8037 2). */
struct js;
struct key;
struct store;

#define JWK_THUMBPRINT_SIZE 44 /* 43 characters and the NUL */

/*
 * Makes a key of a JWK: EC on P-256, P-384 or P-521, RSA, OKP Ed25519; members
 * beyond those that make the key are ignored, but private ones are refused.
 * KIND_INPUT with type badPublicKey.  The caller frees with key_free.
 */
struct key *jwk_parse(const struct js *jwk, struct err *e);

/*
 * Makes a private key of a JWK that has the private members as well (RFC 7518
 * 6.2.2, 6.3.2; RFC 8037 2): all of RSA's, no more than two primes.  KIND_INPUT
 * as jwk_parse; also when the parts do not belong together.
 */
struct key *jwk_parse_private(const struct js *jwk, struct err *e);

/* A public key from text that jwk_write made; KIND_SYS when it is broken. */
struct key *jwk_load(const char *text, struct err *e);

/*
 * Appends the canonical JSON of a public key: the members that make it, in
 * order, without blanks (RFC 7638 3).
 */
int jwk_write(const struct key *k, struct buf *out);

/* The SHA-256 of that as base64url: the name of a key (RFC 7638). */
void jwk_thumbprint(const struct key *k, char out[JWK_THUMBPRINT_SIZE]);

/*
 * Refuses to certify a key that an account has, in whatever status: one key
 * must not sign requests and serve TLS (RFC 8555 11.1).  KIND_INPUT with type
 * badCSR, and what the store gives.
 */
int jwk_check_no_account(const struct key *k, struct store *st, struct err *e);

#endif
