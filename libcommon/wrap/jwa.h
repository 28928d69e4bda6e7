#ifndef WRAP_JWA_H
#define WRAP_JWA_H

#include "base/buf.h"
#include "base/err.h"

/* Signatures as JWS has them (RFC 7518 3, RFC 8037 3.1): ECDSA as r||s. */
struct key;

/* The algorithms that we accept. */
enum jwa {
	JWA_RS256,
	JWA_ES256,
	JWA_ES384,
	JWA_ES512,
	JWA_EDDSA,
	JWA__MAX
};

/* "ES256" and so on; jwa_parse returns false for any other word. */
const char *jwa_name(enum jwa alg);
bool jwa_parse(const char *name, enum jwa *alg);

/* Whether `alg` goes with this key: ES256 with P-256 only, and so on. */
bool jwa_fits(enum jwa alg, const struct key *k);

/* The algorithm that goes with this key. */
enum jwa jwa_of(const struct key *k);

/*
 * Checks a signature over `data`.  ECDSA signatures are r||s of exactly the
 * curve's length (RFC 7518 3.4), neither zero nor above the order.
 * KIND_INPUT when it does not verify, whatever the reason, or when the
 * algorithm does not fit the key.
 */
int jwa_verify(const struct key *k, enum jwa alg, const void *data, size_t len,
    const void *sig, size_t sig_len, struct err *e);

/* Appends the signature of `data` to `out`. */
int jwa_sign(const struct key *k, enum jwa alg, const void *data, size_t len,
    struct buf *out, struct err *e);

/*
 * Codes made with a secret that both sides have (RFC 7518 3.2): for external
 * account binding (RFC 8555 7.3.4), and for nothing else.
 */
enum jwa_mac {
	JWA_HS256,
	JWA_HS384,
	JWA_HS512,
	JWA_MAC__MAX
};

/* "HS256" and so on; jwa_mac_parse returns false for any other word. */
const char *jwa_mac_name(enum jwa_mac alg);
bool jwa_mac_parse(const char *name, enum jwa_mac *alg);

/* Appends the code of `data` to `out`; -1 when that is full. */
int jwa_mac_make(enum jwa_mac alg, const void *secret, size_t secret_len,
    const void *data, size_t len, struct buf *out);

/* Whether `mac` is the code, in time that does not depend on it. */
bool jwa_mac_is(enum jwa_mac alg, const void *secret, size_t secret_len,
    const void *data, size_t len, const void *mac, size_t mac_len);

#endif
