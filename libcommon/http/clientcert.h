#ifndef HTTP_CLIENTCERT_H
#define HTTP_CLIENTCERT_H

#include "base/err.h"

/*
 * The client certificate that a front has seen, as it passes it on in a field:
 * client-cert (RFC 9440), or x-ssl-client-cert, PEM that is percent-encoded, as
 * nginx has it in $ssl_client_escaped_cert.
 */
struct cert;
struct request;

/* Whether one of these fields is there, whatever is in it. */
bool clientcert_is_there(const struct request *req);

/*
 * Reads what the front passes on in this field, in lower case: `*c`, which the
 * caller frees, or NULL when its client has shown none.  KIND_INPUT when that
 * is not exactly one certificate, the field is there twice, or the other one is
 * there: then it may be the client that speaks, and not the front.
 */
int clientcert_read(const struct request *req, const char *field,
    struct cert **c, struct err *e);

/* The same of a value. */
int clientcert_parse(
    const char *field, const char *value, struct cert **c, struct err *e);

#endif
