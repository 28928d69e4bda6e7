#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "acme/jwk.h"
#include "acme/jws.h"
#include "acme/problem.h"
#include "acme/signmsg.h"
#include "http/route.h"
#include "policy/address.h"
#include "server/responder.h"
#include "store/account.h"

/* The ACME server: what lives as long as the process, and one request. */
struct conf;
struct http_service;
struct js;
struct key;
struct keys_blocklist;
struct nonce;
struct request;
struct response;
struct seal_key;

/* An account's key that was used lately: its client comes back with it. */
struct account_key {
	struct key *key;
	char thumbprint[JWK_THUMBPRINT_SIZE];
};
#define SERVER_KEYS 32

struct server {
	const struct conf *conf;
	struct store *store;
	struct nonce *nonce;
	struct address_policy ranges;
	struct keys_blocklist *blocked;
	struct signmsg_client signer;
	struct account_key keys[SERVER_KEYS]; /* in a ring */
	unsigned next_key;
	const char *base_url; /* of the configuration, no slash at the end */
	const char *base_path; /* its path part, or "" */
	const struct seal_key *eab_seal; /* of binding keys, or NULL */
	struct responder responder; /* answers with dispatch.h */
};

/* The path of the file of nonces; the caller frees. NULL: KIND_CONF. */
char *server_nonce_file(const struct conf *conf, struct err *e);

/*
 * Opens all that requests need: store, nonces, policy.  `conf` (sections
 * store, server, policy, signer, validate, local-ca) must stay.  Nothing of
 * it may cross a fork.  Release in any case.  KIND_CONF, KIND_SYS.
 */
int server_open(struct server *s, const struct conf *conf, struct err *e);
void server_release(struct server *s); /* NULL-safe */

/*
 * The key of an account; the server keeps it for a while.  NULL: KIND_BUG, when
 * what the store has is no key.
 */
const struct key *server_account_key(
    struct server *s, const struct account *a, struct err *e);

/* One request, from the envelope to the response. */
struct call {
	struct server *server;
	const struct request *request;
	struct response *response;
	struct route_parts parts; /* of the path */
	/* after the envelope of a POST has been checked: */
	struct jws jws;
	const struct key *key; /* that signed it */
	struct key *own_key; /* the same, if this call has made it */
	char thumbprint[JWK_THUMBPRINT_SIZE]; /* of it; jwk only */
	struct account account; /* whose kid it is; id 0 when jwk */
	struct js *payload; /* an object; NULL for POST-as-GET */
	/* what a failure says besides struct err: */
	struct problem problem;
};

/*
 * The URL of a resource: base URL and a formatted path.  The caller frees.
 */
char *call_url(const struct call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Makes the response `status` with `body`, which is freed; returns 0. */
int call_json(struct call *c, int status, struct js *body);

/* Adds `Link: <URL>;rel="REL"`, or `Location: URL`, and frees the URL. */
void call_link(struct call *c, char *url, const char *rel);
void call_location(struct call *c, char *url);

/* Checks that an account may still act (RFC 8555 7.3.6).  KIND_DENIED, 401. */
int call_account_valid(const struct account *a, struct err *e);

/*
 * Checks that a thing belongs to the account that asks (RFC 8555 7.4.2, 7.5).
 * `what` names it.  KIND_DENIED.
 */
int call_owns(
    const struct call *c, int64_t account_id, const char *what, struct err *e);

/*
 * For changes that the store refuses because the account is not valid any
 * more: KIND_CONFLICT becomes what the next request will hear (RFC 8555
 * 7.3.6, 401).  Returns -1.
 */
int call_refused(struct err *e);

#endif
