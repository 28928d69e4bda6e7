#ifndef WRAP_DIGEST_H
#define WRAP_DIGEST_H

#include "base/base.h"

/*
 * Hashes, HMAC and random bytes.  They do not fail: when libcrypto cannot
 * hash, or the kernel gives no random bytes, the process says so on stderr and
 * exits with 111, as when memory is exhausted.
 */
#define DIGEST_SHA256_SIZE 32
#define DIGEST_SHA1_SIZE 20

/*
 * For a process that lives for one connection, before anything else of wrap/:
 * OpenSSL reads no openssl.cnf, which none of ours needs, and cleans nothing up
 * at exit.  Together a tenth of what the process costs.
 */
void digest_start_fast(void);

void digest_sha256(uint8_t out[DIGEST_SHA256_SIZE], const void *p, size_t len);

/* For names of things only (key identifiers, fingerprints), not for trust. */
void digest_sha1(uint8_t out[DIGEST_SHA1_SIZE], const void *p, size_t len);

/* RFC 2104 with SHA-256; `key` of any length. */
void digest_hmac_sha256(uint8_t out[DIGEST_SHA256_SIZE], const void *key,
    size_t key_len, const void *p, size_t len);

/* Whether two secrets are equal, in time that depends on `len` only. */
bool digest_equal(const void *a, const void *b, size_t len);

/* Fills `p` from getrandom(2). */
void digest_random(void *p, size_t len);

#endif
