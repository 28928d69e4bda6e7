#ifndef TESTS_BENCH_LIB_CLIENT_H
#define TESTS_BENCH_LIB_CLIENT_H

#include "proof.h"
#include "wire.h"

/*
 * An ACME client that does one order after the other on one wire, without ever
 * waiting: an account of its own, then for each order newOrder, the
 * authorization, the challenge, the authorization until it is valid, finalize,
 * the order until it is valid, and the certificate.
 */
struct prover;
struct jws;

enum step {
	STEP_DIRECTORY,
	STEP_NONCE,
	STEP_ACCOUNT,
	STEP_READY, /* has an account, does nothing */
	STEP_ORDER,
	STEP_AUTHORIZATION,
	STEP_CHALLENGE,
	STEP_VALIDATED,
	STEP_FINALIZE,
	STEP_ISSUED,
	STEP_CERTIFICATE,
	STEP_FINISHED, /* no order is left */
	STEP__MAX
};

/* What the server has used from one request of a kind to the next request. */
struct kind {
	unsigned long requests;
	int64_t cpu;
};

/* What all clients share. */
struct bench {
	struct site site;
	struct prover *prover;
	const char *directory;
	char new_nonce[512];
	char new_account[512];
	char new_order[512];
	int64_t poll; /* microseconds before the next look at a resource */
	struct want *wants;
	size_t want_count;
	size_t next; /* the first that nobody has begun */
	int64_t *latency; /* of each that is done, in microseconds */
	int64_t answered; /* the last time that the server did */
	size_t done;
	size_t failed;
	unsigned long requests;
	unsigned long polls;
	unsigned long bad_nonces;
	int server; /* whose CPU is counted by kinds of requests, or 0 */
	int64_t cpu; /* ... at the last request */
	enum step last; /* ... which was this */
	struct kind kinds[STEP__MAX];
};

struct client {
	struct bench *bench;
	struct wire wire;
	struct jws *jws;
	enum step step;
	enum step after; /* what to do with the nonce that STEP_NONCE brings */
	int tries; /* of one request, after badNonce */
	int64_t pause; /* before the last look at what was not done */
	int64_t wake; /* when to send the next request; 0: one is on its way */
	int64_t deadline; /* of the request on its way */
	int64_t begun; /* the order */
	struct want *want;
	char nonce[256];
	char token[128];
	char order[512];
	char authorization[512];
	char challenge[512];
	char finalize[512];
	char certificate[512];
};

/* Microseconds since some start. */
int64_t bench_clock(void);

/* The name of a kind of request; NULL if the step sends none. */
const char *step_name(enum step step);

void client_init(struct client *c, struct bench *b);
void client_release(struct client *c);

/* Begins with the account; it is there when step is STEP_READY. */
void client_start(struct client *c);

/* Begins with orders. */
void client_order(struct client *c);

/* Does what is due; the time when it wants to be called again, or 0. */
int64_t client_tick(struct client *c, int64_t now);

/* The thumbprint of the account's key, if `token` is that of its challenge. */
const char *client_thumbprint(const struct client *c, const char *token);

#endif
