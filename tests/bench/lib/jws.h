#ifndef TESTS_BENCH_LIB_JWS_H
#define TESTS_BENCH_LIB_JWS_H

#include "base/buf.h"

/* A P-256 account key that signs requests (RFC 8555 6.2), made once. */
struct jws;

struct jws *jws_new(void);
void jws_free(struct jws *j); /* NULL-safe */

/* Signs by this URL instead of the key from now on. */
void jws_set_kid(struct jws *j, const char *kid);

const char *jws_thumbprint(const struct jws *j);

/* Puts a request into `out`; `payload` is base64url already. */
void jws_sign(struct jws *j, const char *nonce, const char *url,
    const char *payload, struct buf *out);

#endif
