#ifndef DEPLOY_CHAINPICK_H
#define DEPLOY_CHAINPICK_H

#include "store/chain.h"

/* Which of its chains a certificate is exported with. */
enum chainpick_by {
	CHAINPICK_DEFAULT, /* the first: the preferred one (store/chain.h) */
	CHAINPICK_ISSUER, /* its last certificate was issued by: CN, or all */
	CHAINPICK_FINGERPRINT, /* it has a certificate of this SHA-256 or SHA-1
				*/
	CHAINPICK_KEY_ID, /* of one in it, or of what issued its last one */
	CHAINPICK_SHORTEST
};

struct chainpick {
	enum chainpick_by by;
	const char *text; /* ISSUER, FINGERPRINT, KEY_ID; hex in any case */
};

/* Whether it asks for something that a chain may not have. */
bool chainpick_is_wish(const struct chainpick *p);

/* Whether its text is one that a chain could fit: KIND_INPUT. */
int chainpick_check(const struct chainpick *p, struct err *e);

/*
 * The first chain that it fits, or NULL.  `chains` are as chain_load_all gives
 * them; a chain that cannot be read fits nothing that is asked for.
 */
const struct chain *chainpick_choose(
    const struct chainpick *p, const struct chain *chains, size_t len);

#endif
