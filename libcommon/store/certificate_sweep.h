#ifndef STORE_CERTIFICATE_SWEEP_H
#define STORE_CERTIFICATE_SWEEP_H

#include "store/certificate_list.h"

/*
 * Deactivates what is of no more use, over the whole store, some at a time in
 * a transaction each: others may come in between, and a run that was cut short
 * is finished by the next.
 */
enum certificate_sweep_kind {
	/*
	 * What has expired, but never the latest certificate of a name, neither
	 * of those for it alone nor of those for others too (struct domain),
	 * nor the last of a name that has its private key in the store.
	 */
	CERTIFICATE_SWEEP_EXPIRED,
	/*
	 * What another active certificate stands in for: for the same names and
	 * with the same kind of key (RSA, EC, Ed25519), which ends later, is
	 * valid now if this one is, and has its private key here if this one
	 * has.
	 */
	CERTIFICATE_SWEEP_DUPLICATES,
	CERTIFICATE_SWEEP__MAX
};

struct certificate_sweep {
	enum certificate_sweep_kind kind;
	bool dry_run; /* only call `fn` for each */
	int (*fn)(void *arg, const struct certificate_item *c, struct err *e);
	void *arg;
	int64_t *deactivated; /* how many were; or NULL */
};

/* Ends early, and well, on SIGTERM (sys/sig.h).  Durable. */
int certificate_sweep(
    struct store *st, const struct certificate_sweep *s, struct err *e);

#endif
