#ifndef CLIENT_REVOKE_H
#define CLIENT_REVOKE_H

#include "client/client.h"

/* Revoking certificates at the CA that gave them (RFC 8555 7.6). */
#define REVOKE_NO_REASON (-1)

/*
 * Reads a reason by its number or its name of RFC 5280 5.3.1 ("keyCompromise");
 * false for another word, and for those that are no reason for a subscriber.
 */
bool revoke_reason_parse(const char *text, int *reason);

/*
 * Asks the CA to revoke the certificate of this DER, signed by `signer`: an
 * account, or the certificate's own key, whose url is NULL.  One that is
 * revoked already is no failure: `*already` then.  Fails as client_call.
 */
int revoke_certificate(struct client *c, const struct signer *signer,
    const void *der, size_t len, int reason, bool *already, struct err *e);

#endif
