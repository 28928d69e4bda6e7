#ifndef TESTS_BENCH_LIB_PROOF_H
#define TESTS_BENCH_LIB_PROOF_H

#include "base/base.h"

/*
 * What is asked for and whether it was given: keys and CSRs, made before the
 * clock starts, and the check of the certificate that came.
 */
#define POINT_SIZE 65 /* of P-256, not compressed */
#define SERIAL_MAX 20

struct want {
	char name[64];
	char *finalize; /* the payload with the CSR, as base64url */
	uint8_t point[POINT_SIZE];
	uint8_t serial[SERIAL_MAX]; /* of the certificate; zeros before */
};

struct prover;
struct evp_pkey_st;

/* The point of a P-256 key. */
void proof_point(struct evp_pkey_st *key, uint8_t out[POINT_SIZE]);

/* A new P-256 key and a CSR for w->name. */
void want_prepare(struct want *w);
void want_release(struct want *w);

/* `issuers`: PEM file of what a chain must end in. */
struct prover *prover_new(const char *issuers);
void prover_free(struct prover *p);

/*
 * Looks at a chain in PEM: the signatures up to an issuer, validity now, for
 * TLS servers, name and key as wanted.  NULL, or what is wrong with it.
 */
const char *prover_check(struct prover *p, struct want *w, char *pem);

#endif
