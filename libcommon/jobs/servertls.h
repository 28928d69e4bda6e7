#ifndef JOBS_SERVERTLS_H
#define JOBS_SERVERTLS_H

#include "base/err.h"

/*
 * The TLS certificate of acmed's own server, from acmed's own CA: the files
 * [server] tls_certificate (chain in PEM, 0644) and tls_private_key (P-256,
 * 0600).  It names the host of [server] base_url; for localhost and the
 * loopback addresses all three of them.
 */
struct conf;
struct store;

enum servertls_result {
	SERVERTLS_UNSET, /* [server] tls_certificate is not set */
	SERVERTLS_KEPT, /* it is there (and good for long enough) */
	SERVERTLS_FOREIGN, /* it is of another CA, and not ours to replace */
	SERVERTLS_MADE
};

/*
 * Makes what is missing of the two files; a key without a certificate is used.
 * An existing certificate is not looked into.  KIND_CONF when it is missing
 * and [signer] backend is not the built-in CA.
 */
int servertls_ensure(const struct conf *conf, struct store *st,
    enum servertls_result *result, struct err *e);

/*
 * As servertls_ensure, and replaces the certificate in one step when less than
 * a third of its life is left, or it is not for the key or not for the name.
 * The key stays, so that the two files agree at every moment.  Of two at a time
 * one waits (tls_certificate with .lock after it).  Only what we have made is
 * replaced: by the store's word, or, where it knows nothing, by the signature
 * of the built-in CA.
 */
int servertls_renew(const struct conf *conf, struct store *st,
    enum servertls_result *result, struct err *e);

#endif
