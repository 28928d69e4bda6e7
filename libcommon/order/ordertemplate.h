#ifndef ORDER_ORDERTEMPLATE_H
#define ORDER_ORDERTEMPLATE_H

#include "order/orderpolicy.h"

/*
 * From a template (store/domain_template.h) and names to what is ordered:
 * "{DOMAIN}" in its words stands for a name.
 */
#define ORDERTEMPLATE_DOMAIN "{DOMAIN}"

/*
 * The names that a template makes of a domain, added to `out` as they are
 * stored: "{DOMAIN} www.{DOMAIN}".  Left out are words that put something
 * before a wildcard, which covers it, or before a domain that begins with the
 * same.  KIND_INPUT: one would be no name.
 */
int ordertemplate_names(
    const char *words, const char *domain, struct strv *out, struct err *e);

/*
 * Whether they are words for it: KIND_INPUT when one would be no name, none is
 * of the domain, or they are more than `max`.
 */
int ordertemplate_check(const char *words, size_t max, struct err *e);

/* The policy of a template for these domains: rules for names are theirs. */
void ordertemplate_fill(struct orderpolicy *p, const struct strv *domains);

/*
 * Whether wildcards among the names of a domain can be proved: by dns-01.
 * KIND_DENIED.
 */
int ordertemplate_check_domain(const char *words, const struct orderpolicy *p,
    const char *domain, struct err *e);

#endif
