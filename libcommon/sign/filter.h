#ifndef SIGN_FILTER_H
#define SIGN_FILTER_H

#include "base/buf.h"
#include "base/err.h"

/* Signing as a filter: the contract that any backend program has as well. */
struct sign;
struct store;

/*
 * Signs a request in PEM or DER and appends the PEM chain to `chain_pem`.
 * From the environment: ACMED_SANS, the names, separated by commas or white
 * space (else those of the request: its subjectAltName and commonName);
 * ACMED_SUBJECT_DN, ACMED_EMAIL, ACMED_PROFILE, ACMED_ORDER.
 * With a store (may be NULL) a request for the key of an account is refused
 * (RFC 8555 11.1), and the certificate is stored, durably, before this
 * returns.  KIND_INPUT when the request is refused, and what sign_issue and
 * the store give.
 */
int filter_sign(struct sign *s, struct store *st, const void *request,
    size_t len, struct buf *chain_pem, struct err *e);

#endif
