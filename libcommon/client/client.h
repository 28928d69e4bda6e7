#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "client/cause.h"

/*
 * A client of one CA (RFC 8555): its directory, its nonces, and requests that
 * are signed, sent, repeated when a nonce was bad, counted against the CA's
 * limits and logged.  Nothing here waits but client_wait: very many requests
 * can be under way at once.
 *
 * The network is a process of its own (http/network.h) that has neither the
 * store nor a key.
 */
struct client;
struct js;
struct key;
struct network;
struct store;
struct upstream_ca;

/* What a request is for, as upstream_requests and limits name it. */
enum endpoint {
	ENDPOINT_DIRECTORY,
	ENDPOINT_NEW_NONCE,
	ENDPOINT_NEW_ACCOUNT,
	ENDPOINT_ACCOUNT,
	ENDPOINT_KEY_CHANGE,
	ENDPOINT_NEW_ORDER,
	ENDPOINT_ORDER,
	ENDPOINT_AUTHORIZATION,
	ENDPOINT_CHALLENGE,
	ENDPOINT_FINALIZE,
	ENDPOINT_CERTIFICATE,
	ENDPOINT_REVOKE_CERT,
	ENDPOINT_RENEWAL_INFO,
	ENDPOINT__MAX
};

/* "newOrder" and so on. */
const char *endpoint_name(enum endpoint endpoint);

/* Whether it stands in the directory, by that name. */
bool endpoint_is_member(enum endpoint endpoint);

/* Who signs: `url` is the kid; NULL signs with the JWK in the header. */
struct signer {
	const struct key *key;
	const char *url;
	int64_t upstream_account_id; /* for the log; 0: none yet */
};

struct request {
	enum endpoint endpoint;
	const char *url; /* NULL: the endpoint's in the directory */
	const struct signer *signer; /* NULL: a GET that is not signed */
	const char *payload; /* JSON; NULL: POST-as-GET (RFC 8555 6.3) */
	int64_t upstream_order_id; /* for the log; 0: none */
	/*
	 * Of the payload, when it depends on the directory or the URL
	 * (keyChange, external account binding): NULL, or appends it.  Instead
	 * of `payload`.
	 */
	int (*make_payload)(
	    void *arg, const char *url, struct buf *out, struct err *e);
	void *make_arg;
};

/* Lives during the callback only. */
/* CAs send URLs with tokens, by which an operator ends a pause. */
#define REPLY_TEXT_SIZE 2048

struct reply {
	enum cause cause; /* CAUSE_NONE: a 2xx is here */
	const struct err *err; /* why not, one line with the CA's own words */
	const char *text; /* the same, not cut: at most REPLY_TEXT_SIZE */
	int status; /* HTTP's; 0: none */
	const char *error_type; /* without the URN, or NULL */
	const struct js *problem; /* the document, or NULL */
	const char *location; /* absolute, of the CA's origin, or NULL */
	const struct strv *alternates; /* Link rel="alternate" */
	int64_t retry_at; /* clock_now; 0: the CA did not say */
	const struct js *json; /* the body when it is a JSON object, or NULL */
	const char *body;
	size_t len;
};

typedef void client_callback(void *arg, const struct reply *reply);

/*
 * Makes a client of `ca`, which must stay.  The directory is fetched when it
 * is not cached or is older than a day, before the first request.  `trace` is
 * a descriptor for the raw exchange without secrets, or -1.
 */
struct client *client_new(struct store *st, struct network *net,
    const struct upstream_ca *ca, int trace);

/*
 * For what nobody waits for: a CA that is away (client/hold.h) is left alone,
 * and until it has answered no more than three signed requests are under way.
 */
void client_set_unattended(struct client *c);

/* Drops what is under way without a callback.  NULL-safe. */
void client_free(struct client *c);

/*
 * Sends `r`, of which copies are made but for the key, which must stay until
 * the callback.  `fn` is called once, from client_wait, never from here: also
 * when the request is not sent, because a limit of the CA says that it would
 * be refused (CAUSE_RATE_LIMITED, with retry_at), or the CA is away
 * (CAUSE_CA_UNREACHABLE).
 */
void client_send(
    struct client *c, const struct request *r, client_callback *fn, void *arg);

/*
 * Waits until something moves, or `until` (clock_mono) is there, or a signal.
 * Requests of other clients of the same network may be called back, too.
 * -1: KIND_SYS, the process with the network is lost.
 */
int client_wait(struct client *c, int64_t until, struct err *e);

/*
 * client_send and client_wait in one, for programs that do one thing: `fn` is
 * called when it is done.  0 when the cause is CAUSE_NONE and `fn` (may be
 * NULL) returned 0, else -1 with what it or the reply says.
 */
int client_call(struct client *c, const struct request *r,
    int (*fn)(void *arg, const struct reply *reply, struct err *e), void *arg,
    struct err *e);

/* Why the last client_call failed; CAUSE_NONE: it did not, or never asked. */
enum cause client_cause(const struct client *c);

/*
 * The directory: client_directory fetches it when it must (as above), and
 * client_refresh in any case; the rest is of the one at hand.  A directory that
 * leads to a host to which the last one did not is CAUSE_CA_BROKEN, but for
 * client_refresh, which a person has asked for.  client_url gives NULL for what
 * the CA does not have.
 */
int client_directory(struct client *c, struct err *e);
int client_refresh(struct client *c, struct err *e);
const char *client_url(const struct client *c, enum endpoint endpoint);
const char *client_terms(const struct client *c);
bool client_needs_binding(const struct client *c);
bool client_has_profile(const struct client *c, const char *profile);

#endif
