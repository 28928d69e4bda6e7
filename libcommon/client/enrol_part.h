#ifndef CLIENT_ENROL_PART_H
#define CLIENT_ENROL_PART_H

#include "client/enrol.h"

/* What the files of client/enrol.h share. */

/*
 * An account that can be used at this CA; the caller releases.  KIND_CONFLICT
 * for one that cannot.
 */
int enrol_load(const struct enrol *x, int64_t id, struct upstream_account *a,
    struct err *e);

/* Whether the CA knows the account by this key: 1, 0, or -1: not answered. */
int enrol_works(const struct enrol *x, const struct upstream_account *a,
    const struct key *key, struct err *e);

/*
 * The CA has taken the new key for the old one, of which `old` is the SHA-256
 * of its SPKI: the row says so, or says so already, as another process has seen
 * it as well.
 */
int enrol_rolled(const struct enrol *x, int64_t id, const uint8_t old[32],
    const struct key *next, struct err *e);

/*
 * Finds out which key the CA has after a change that was cut short: `*rolled`,
 * and the row says so, too.  The new key is asked first: where it works the old
 * one is of no use.
 */
int enrol_settle(const struct enrol *x, const struct upstream_account *a,
    bool *rolled, struct err *e);

#endif
