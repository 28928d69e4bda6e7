#ifndef STORE_CERTIFICATE_REQUEST_H
#define STORE_CERTIFICATE_REQUEST_H

#include "store/store.h"

/*
 * Requests for certificates (CSR, RFC 2986), once each, by the SHA-256 of the
 * DER.  What was made of one has the same key.
 */
struct csr;

struct certificate_request {
	int64_t id;
	uint8_t sha256[32], spki_sha256[32];
	int64_t fqdn_set_id;
	char *source; /* "import" */
	int64_t created;
	uint8_t *der;
	size_t der_len;
};

/*
 * Stores a request; one that is there already stays as it is.  Durable.
 * KIND_INPUT: a name in it is none (fqdn_set_put).
 */
int certificate_request_add(struct store *st, const struct csr *csr,
    const char *source, int64_t *id, bool *created, struct err *e);

/*
 * Loads one; the caller releases.  KIND_NOTFOUND.  By key: the one that came
 * last.  `r` need not be initialised, and is empty on failure.
 */
int certificate_request_by_id(
    struct store *st, int64_t id, struct certificate_request *r, struct err *e);
int certificate_request_by_key(struct store *st, const uint8_t spki_sha256[32],
    struct certificate_request *r, struct err *e);

/* Frees what it owns; it is empty then.  NULL-safe. */
void certificate_request_release(struct certificate_request *r);

#endif
