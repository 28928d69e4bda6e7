#ifndef STORE_CA_PREFERENCE_H
#define STORE_CA_PREFERENCE_H

#include "store/store.h"

/*
 * Which CAs a chain should have in it, or which root should have issued its
 * last certificate, when a certificate has several chains, the most wanted
 * first: chain_load_all (store/chain.h) goes by that.
 */

#define CA_PREFERENCES_MAX 20
#define CA_PREFERENCE_EVENT "ca_certificate.prefer" /* of a change of them */

struct ca_preferences {
	int64_t ids[CA_PREFERENCES_MAX]; /* of CA certificates */
	size_t len;
};

int ca_preference_load(
    struct store *st, struct ca_preferences *p, struct err *e);

/*
 * Makes these the preferences; none is a list too.  Durable.  KIND_INPUT when
 * one stands twice.
 */
int ca_preference_set(
    struct store *st, const struct ca_preferences *p, struct err *e);

#endif
