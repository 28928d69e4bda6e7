#ifndef ORDER_ORDERCHAIN_H
#define ORDER_ORDERCHAIN_H

#include "client/cause.h"
#include "store/upstream_order.h"

/* What a CA gives for an order: is it what was asked for? */
struct cert_list;

/*
 * Reads the body of an answer (RFC 8555 7.4.2), and checks that the first
 * certificate is for the order's key and exactly for these names, that each is
 * signed by the next, and that it is valid now.  `out` is the caller's to
 * release in any case.  -1 with the reason, and CAUSE_CA_BROKEN: it is no
 * certificate; CAUSE_CERTIFICATE; CAUSE_CLOCK: all is well but for the time;
 * CAUSE_NONE: it is our store.
 */
int orderchain_read(struct store *st, const struct upstream_order *o,
    const char *body, size_t len, const struct strv *dns, const struct strv *ip,
    struct cert_list *out, enum cause *cause, struct err *e);

/*
 * The same for one more chain of the certificate that the order has: it must
 * have that certificate first.
 */
int orderchain_read_other(struct store *st, const struct upstream_order *o,
    const char *body, size_t len, struct cert_list *out, struct err *e);

/* Whether the issuer of the last certificate has this commonName. */
bool orderchain_leads_to(const struct cert_list *chain, const char *cn);

/* Whether that is so of the default chain that the certificate has. */
int orderchain_default_leads_to(struct store *st, int64_t certificate_id,
    const char *cn, bool *yes, struct err *e);

#endif
