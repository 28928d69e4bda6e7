#ifndef CLIENT_ARI_H
#define CLIENT_ARI_H

#include "client/client.h"

/* Renewal information of CAs (RFC 9773). */
struct ari {
	int64_t start, end; /* of the suggested window */
	const char *explanation_url; /* http or https, or NULL; borrowed */
};

/*
 * Reads what the CA says.  KIND_INPUT: no window, or one that ends before it
 * begins, or is longer than a year.
 */
int ari_read(const struct js *object, struct ari *out, struct err *e);

/* The moment in the window that a random number stands for. */
int64_t ari_choose(const struct ari *a, uint64_t number);

/*
 * When to ask again, the CA having said `retry_at` (0: nothing): not sooner
 * than in a minute, nor later than in a day, else in six hours (RFC 9773 4.3).
 */
int64_t ari_next(int64_t retry_at, int64_t now);

/* `why` is NULL when the store has the CA's answer now. */
typedef void ari_callback(
    void *arg, int64_t certificate_id, const struct err *why);

/*
 * Asks the CA, whose number in the store is `upstream_ca_id`, about a
 * certificate; `fn` is called once, from client_wait.  When nothing comes of it
 * the certificate is put off.  KIND_NOTFOUND: no such certificate; KIND_INPUT:
 * it has no authority key identifier; KIND_DENIED: the CA has no renewal
 * information; as client_directory; `fn` is not called then.
 */
int ari_ask(struct client *c, struct store *st, int64_t upstream_ca_id,
    int64_t certificate_id, ari_callback *fn, void *arg, struct err *e);

/* Asking about very many, of one CA. */
struct ari_run {
	struct client *client;
	struct store *st;
	int64_t upstream_ca_id;
	size_t in_flight; /* at least 1 */
	ari_callback *tell; /* once for each that was asked for */
	bool (*is_stopped)(void); /* what is in flight comes to its end */
	void *arg;
};

#define ARI_FAILURES_MAX 5 /* in a row */

/*
 * Asks about each, in this order, and leaves the rest when the CA fails
 * (KIND_BUSY) so often in a row: what is left is due as before.  -1: KIND_BUSY,
 * some are left; KIND_DENIED: the CA has no renewal information; as
 * client_directory and client_wait.
 */
int ari_run(const struct ari_run *r, const int64_t *certificate_ids, size_t len,
    struct err *e);

#endif
