#ifndef POLICY_NAMES_H
#define POLICY_NAMES_H

#include "base/err.h"
#include "store/identifier.h"

/* What may be ordered, as far as the name alone decides. */
struct address_policy;
struct conf_policy;

/*
 * Whether an identifier of an order, which has passed the grammar
 * (acme/ident.h), may be had; a wildcard keeps its "*.".
 * Returns 0, or -1:
 *   wildcard without allow_wildcards      KIND_DENIED  rejectedIdentifier
 *   ip without allow_ip_identifiers       KIND_INPUT   unsupportedIdentifier
 *   ip that `ranges` refuses              KIND_DENIED  rejectedIdentifier
 */
int names_permitted(const struct conf_policy *conf,
    const struct address_policy *ranges, const struct identifier *id,
    struct err *e);

#endif
