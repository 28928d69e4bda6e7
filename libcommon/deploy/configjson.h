#ifndef DEPLOY_CONFIGJSON_H
#define DEPLOY_CONFIGJSON_H

#include "deploy/material.h"

/*
 * The config.json of peter_sslers, which gateways read: ids are strings, and a
 * chain or key that is not there is null.
 */
struct domain;
struct js;
struct seal_key;

struct configjson {
	const struct seal_key *seal; /* NULL: there is none */
	bool id_only; /* no PEM; keys are not opened */
};

/*
 * The object of a certificate that has its chain: id, private_key, certificate,
 * chain, fullchain.  The key is loaded into `m`.  NULL on failure; the caller
 * frees.
 */
struct js *configjson_certificate(struct store *st, const struct configjson *c,
    struct material *m, struct err *e);

/*
 * Adds what is known of a domain: domain, certificate_signed__latest_single,
 * certificate_signed__latest_multi, each null when there is none, when its key
 * is not in the store, or when the domain is disabled.
 */
int configjson_put_domain(struct store *st, const struct configjson *c,
    const struct domain *d, struct js *object, struct err *e);

/*
 * The same of a name that is in no certificate, whether it is in the store
 * (`d->id` is not 0) or not: what serves it all the same, a wildcard, is
 * certificate_signed__latest_multi, and covered_by says which.  KIND_NOTFOUND
 * ("no such domain") when it is not in the store and nothing serves it.
 */
int configjson_put_covered(struct store *st, const struct configjson *c,
    const struct domain *d, int64_t now, struct js *object, struct err *e);

#endif
