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

/*
 * Has libcrypto read its configuration, which it would do when it is first
 * used: before a process gives up its right to files.
 */
void digest_prepare(void);

/* For names of things only (key identifiers, fingerprints), not for trust. */
void digest_sha1(uint8_t out[DIGEST_SHA1_SIZE], const void *p, size_t len);

/* RFC 2104 with SHA-256; `key` of any length. */
void digest_hmac_sha256(uint8_t out[DIGEST_SHA256_SIZE], const void *key,
    size_t key_len, const void *p, size_t len);

/* The same with one of the family; returns how long what it writes is. */
enum digest_hash {
	DIGEST_SHA256,
	DIGEST_SHA384,
	DIGEST_SHA512,
	DIGEST_HASH__MAX
};
#define DIGEST_SIZE_MAX 64
size_t digest_hmac(enum digest_hash hash, uint8_t out[DIGEST_SIZE_MAX],
    const void *key, size_t key_len, const void *p, size_t len);

/* Whether two secrets are equal, in time that depends on `len` only. */
bool digest_equal(const void *a, const void *b, size_t len);

/* Fills `p` from getrandom(2). */
void digest_random(void *p, size_t len);

#endif
