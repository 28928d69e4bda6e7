#ifndef STORE_SERVED_NAME_H
#define STORE_SERVED_NAME_H

#include "store/store.h"

/*
 * Names of domain_queue.h that are not new: a certificate serves them until
 * they have another.  They were parted from it, or nobody renews it.  What is
 * told of them (store/telling.h), and how soon they are tried again, goes by
 * what they have left.
 */

/* Of what serves a name. */
struct served_life {
	int64_t not_before, not_after; /* 0: it is not known */
};

/*
 * By certificate_serving; when nothing serves it any more, of the certificate
 * that it had.
 */
int served_name_life(struct store *st, const char *name, int64_t certificate_id,
    struct served_life *out, struct err *e);

/* Calls `fn` for each that had this one, until it returns -1. */
int served_name_each_of(struct store *st, int64_t certificate_id,
    int (*fn)(void *arg, const char *name, struct err *e), void *arg,
    struct err *e);

/* ---- for transactions of store/ ------------------------------------------ */

/*
 * An item of the queue has just been made: it is one of these when what serves
 * its name is not a certificate that a client of our server renews.
 */
int served_name_note(
    struct store *st, int64_t id, const char *name, struct err *e);

/*
 * A name in the queue was parted from a configuration, which is there still.
 * Unless it is to blame, it has recovered, if that was told of, when it has a
 * certificate again.
 */
int served_name_note_parted(struct store *st, const char *name,
    int64_t configuration, bool is_to_blame, struct err *e);

/*
 * A certificate of a configuration has come: it is told that its names have
 * recovered, if it was told of one that they had not.
 */
int served_name_arrived(struct store *st, int64_t configuration, struct err *e);

#endif
