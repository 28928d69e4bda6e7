#ifndef SOLVE_ACME_DNS_H
#define SOLVE_ACME_DNS_H

#include "base/err.h"
#include "sys/sandbox.h"

/*
 * An acme-dns server (https://github.com/joohoi/acme-dns), which holds TXT
 * records for those who have made _acme-challenge of a name a CNAME to it: an
 * account for each name, whose password changes its records.  A process of its
 * own talks to it: start that before there is a secret in memory.
 */
struct acme_dns;
struct acme_dns_account;
struct lookup;

struct acme_dns_options {
	const char *url; /* https, or http on this machine */
	const char *proxy; /* URL, or NULL */
	const char *trust; /* file of its roots, PEM; NULL: the machine's */
	const char *user; /* that the process becomes, if it can, or NULL */
	enum sandbox_mode sandbox;
};

/*
 * The caller frees.  NULL: KIND_USAGE for another URL; KIND_CONF, no roots in
 * `trust`; KIND_SYS.
 */
struct acme_dns *acme_dns_new(const struct acme_dns_options *o, struct err *e);
void acme_dns_free(struct acme_dns *d); /* NULL-safe */

/* The URL without a slash at the end, as the store has it. */
char *acme_dns_spell(const char *url); /* the caller frees */

/*
 * Makes an account, in `a`, which is {0} and is to be released in any case.
 * KIND_BUSY when the server does not answer, or says that it cannot now;
 * KIND_DENIED when it refuses, or answers with something else.
 */
int acme_dns_register(
    struct acme_dns *d, struct acme_dns_account *a, struct err *e);

/*
 * Makes `txt`, which has 43 characters of base64url, one of the two records of
 * the account; the older one goes.  Fails in the same way.
 */
int acme_dns_update(struct acme_dns *d, const struct acme_dns_account *a,
    const char *txt, struct err *e);

/*
 * Whether _acme-challenge of `name` is a CNAME to the account.  KIND_DENIED,
 * with what is to be done; KIND_BUSY when nobody answers.
 */
int acme_dns_check_cname(struct lookup *l, const char *name,
    const struct acme_dns_account *a, struct err *e);

#endif
