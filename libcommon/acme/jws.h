#ifndef ACME_JWS_H
#define ACME_JWS_H

#include "base/buf.h"
#include "base/err.h"
#include "wrap/jwa.h"

struct key;

/*
 * Signed requests: JWS in flattened JSON serialisation only (RFC 7515 7.2.2,
 * RFC 8555 6.2).  Reading checks the form; whose key it is, the nonce and the
 * URL are the caller's to judge, and the payload must not be looked at before
 * jws_verify has said yes.
 */
struct js;

#define JWS_MAX ((size_t)64 * 1024)

struct jws {
	struct js *object; /* the outer JSON, when jws_parse made it */
	struct js *header; /* the protected header */
	enum jwa alg;
	const char *url; /* never NULL */
	const char *nonce; /* NULL when absent */
	const char *kid; /* either this ... */
	const struct js *jwk; /* ... or this is NULL */
	const char *signed_text; /* protected "." payload */
	size_t signed_len;
	struct buf text; /* holds the above */
	struct buf payload; /* decoded; empty for POST-as-GET */
	struct buf signature; /* decoded */
};

/*
 * Reads one JWS from bytes, or from a value that has been parsed (which must
 * stay).  The caller releases `j` in any case.
 * KIND_INPUT, malformed: not the flattened form, a `header` or `signatures`
 * member, padding or blanks in base64url, a protected header that is not an
 * object, alg, url or key missing, jwk and kid together, crit or b64, a nonce
 * that is not base64url (RFC 8555 6.5.2).
 * KIND_INPUT, badSignatureAlgorithm: an alg that is not one of ours.
 * On failure `j->nonce` is set if the header had a good one: a nonce that has
 * been seen is spent, even in a request that is refused (RFC 8555 6.5).
 */
int jws_parse(const char *text, size_t len, struct jws *j, struct err *e);
int jws_read(const struct js *object, struct jws *j, struct err *e);

/*
 * Checks the signature with `k`.  KIND_INPUT: badSignatureAlgorithm when alg
 * is not the key's, malformed when it does not verify.
 */
int jws_verify(const struct jws *j, const struct key *k, struct err *e);

/* What a JWS that we make says of itself. */
struct jws_make {
	const char *url;
	const char *nonce; /* NULL: none (RFC 8555 7.3.4, 7.3.5) */
	const char *kid; /* NULL: the key's JWK */
};

/*
 * Appends the JWS of `payload` (NULL: POST-as-GET) in the flattened form:
 * signed by `k`, or by HS256 with a secret that both sides have, which needs a
 * kid (RFC 8555 7.3.4).  KIND_SYS; KIND_INPUT when `out` is full.
 */
int jws_sign(const struct key *k, const struct jws_make *how,
    const char *payload, struct buf *out, struct err *e);
int jws_sign_secret(const void *secret, size_t secret_len,
    const struct jws_make *how, const char *payload, struct buf *out,
    struct err *e);

/* NULL-safe. */
void jws_release(struct jws *j);

#endif
