#ifndef WRAP_CSR_H
#define WRAP_CSR_H

#include "base/err.h"
#include "base/str.h"

/*
 * Certificate signing requests (PKCS#10, RFC 2986), parsed strictly.  All
 * errors of this module are KIND_INPUT with type badCSR.
 */
struct csr;
struct key;

#define CSR_MAX 16384 /* bytes of DER */

/*
 * Parses the whole of `der`: nothing behind it, at most CSR_MAX bytes, strict
 * DER, a key of a known type (wrap/key.h), a known signature algorithm, every
 * dNSName printable ASCII without blank and not empty, no extension twice.
 * The signature is not checked here.  The caller frees with csr_free.
 */
struct csr *csr_from_der(const void *der, size_t len, struct err *e);

/*
 * The same from PEM ("CERTIFICATE REQUEST" or "NEW ...", exactly one; other
 * blocks are skipped) or DER.
 */
struct csr *csr_from_any(const void *p, size_t len, struct err *e);

/*
 * Makes one for the private key `k`: an empty subject, and the names, sorted,
 * in a critical subjectAltName (RFC 5280 4.2.1.6).  The caller frees.
 * KIND_INPUT for no name, or what is none; KIND_SYS when signing fails.
 */
struct csr *csr_build(const struct key *k, const struct strv *dns,
    const struct strv *ip, struct err *e);

/* NULL-safe. */
void csr_free(struct csr *c);

/* All of these live as long as the request. */
const uint8_t *csr_der(const struct csr *c, size_t *len);
const struct key *csr_key(const struct csr *c);

/* dNSNames as they are written; iPAddresses as inet_ntop(3) writes them. */
const struct strv *csr_dns(const struct csr *c);
const struct strv *csr_ip(const struct csr *c);

/* The subject as the DER of the Name; the commonNames in it. */
const uint8_t *csr_subject_der(const struct csr *c, size_t *len);
const struct strv *csr_cn(const struct csr *c);

/* The kind ("rfc822Name" ...) of a name that is neither, or NULL. */
const char *csr_other_san(const struct csr *c);

/* Whether basicConstraints with CA:TRUE is requested. */
bool csr_is_ca(const struct csr *c);

/* The name of the signature algorithm; whether MD2, MD4, MD5 or SHA-1. */
const char *csr_signature(const struct csr *c);
bool csr_is_weak(const struct csr *c);

/* Checks that the request is signed by its own key (RFC 2986 4.2). */
int csr_verify(const struct csr *c, struct err *e);

#endif
