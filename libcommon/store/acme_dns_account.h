#ifndef STORE_ACME_DNS_ACCOUNT_H
#define STORE_ACME_DNS_ACCOUNT_H

#include "store/store.h"

/*
 * Our accounts at acme-dns servers, one for each name and server: what the
 * server has said when it was registered.  The password is sealed as the keys
 * of accounts at CAs are.
 */
struct seal_key;

struct acme_dns_account {
	char *fulldomain; /* what _acme-challenge is to be a CNAME to */
	char *subdomain;
	char *username;
	char *password; /* secret */
};
/* NULL-safe; overwrites the password. */
void acme_dns_account_release(struct acme_dns_account *a);

/*
 * Keeps the account of the DNS name `domain` at a server.  Durable.
 * KIND_CONFLICT when there is one.
 */
int acme_dns_account_add(struct store *st, const char *server_url,
    const char *domain, const struct acme_dns_account *a,
    const struct seal_key *seal_key, struct err *e);

/* KIND_NOTFOUND; KIND_CONF when `seal_key` does not open it. */
int acme_dns_account_find(struct store *st, const char *server_url,
    const char *domain, const struct seal_key *seal_key,
    struct acme_dns_account *a, struct err *e);

/*
 * Calls `fn` for each, by its id, without the password, until it returns -1,
 * which is then the result.  What it is given lives during the call only.
 */
int acme_dns_account_each(struct store *st,
    int (*fn)(void *arg, const char *server_url, const char *domain,
	const struct acme_dns_account *a, struct err *e),
    void *arg, struct err *e);

#endif
