#ifndef WRAP_P12_H
#define WRAP_P12_H

#include "base/buf.h"
#include "base/err.h"
#include "wrap/cert.h"
#include "wrap/key.h"

/* PKCS#12 (RFC 7292): keys and certificates in one file, under a password. */

#define P12_MAX ((size_t)16 * 1024 * 1024) /* bytes of DER */

/*
 * Appends the private keys and the certificates of `der` to the lists, in the
 * order in which they stand.  Bags of other kinds are skipped.  The password
 * is UTF-8; "" also opens a file that was made without one.  Work is bounded:
 * what asks for more than KEY_ITERATIONS_MAX rounds of hashing is refused.
 * -1, and nothing appended: KIND_DENIED when the password is wrong, KIND_INPUT
 * when it is no PKCS#12, or broken, or uses what this machine has not.
 */
int p12_read(const void *der, size_t len, const char *password,
    struct key_list *keys, struct cert_list *certs, struct err *e);

/*
 * Has libcrypto load what old PKCS#12 needs, for as long as the process lives:
 * before it gives up its right to files.
 */
void p12_prepare(void);

enum p12_style {
	P12_MODERN, /* AES-256, PBKDF2 and MAC with SHA-256 */
	P12_LEGACY /* triple DES and SHA-1, for what is older than 2019 */
};

/*
 * Appends a PKCS#12 of one key with its certificate and chain (the leaf first),
 * under the friendly name `name` (or NULL).  KIND_SYS, KIND_BUG (`out` full).
 */
int p12_write(enum p12_style style, const char *password, const char *name,
    const struct key *key, const struct cert_list *chain, struct buf *out,
    struct err *e);

#endif
