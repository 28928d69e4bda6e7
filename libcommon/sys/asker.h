#ifndef SYS_ASKER_H
#define SYS_ASKER_H

#include "base/buf.h"
#include "base/err.h"

/*
 * Questions to helpers (sys/helper.h) that answer many at once: nothing here
 * waits but askers_wait, and a loop that has descriptors of its own waits for
 * these as well.
 */
struct asker;
struct helper;
struct pollfd;

/* All that one loop waits for.  {0} is empty; askers leave it when freed. */
struct askers {
	struct asker **v;
	size_t len;
	bool is_lost; /* a process is: what is asked of it fails from now on */
};

struct asker_options {
	struct askers *askers; /* that it belongs to */
	struct helper *helper; /* started; borrowed */
	size_t at_once; /* no more are in the other process; the rest waits */
	/* The question that an answer is to; NULL: it begins with the id. */
	int64_t (*id_of)(const struct buf *answer);
	/*
	 * Told to end (askers_stop) the other process still answers what it
	 * has, soon; else it is not waited for.
	 */
	bool ends_softly;
};

/*
 * With `why` set there is no answer: KIND_SYS, the process is lost; KIND_BUSY,
 * all were told to end.
 */
typedef void asker_callback(
    void *arg, const struct buf *answer, const struct err *why);

struct asker *asker_new(const struct asker_options *o);

/* Calls back what is under way.  The helper is the caller's.  NULL-safe. */
void asker_free(struct asker *a);

/* The id of the next question, from 1. */
int64_t asker_next_id(const struct asker *a);

/*
 * Asks; `fn` is called once, perhaps from here when there can be no answer. One
 * that has not come `timeout_ms` after it was sent means that the process is
 * lost, which is stopped then.
 */
void asker_ask(struct asker *a, const struct buf *question, int64_t timeout_ms,
    asker_callback *fn, void *arg);

/* ---- in a loop ----------------------------------------------------------- */

/* Fills in as many as there are askers. */
void askers_poll(const struct askers *l, struct pollfd *out);

/* No later than that (clock_mono) something is to be done; or FD_FOREVER. */
int64_t askers_until(const struct askers *l);

/* Calls back what has come, or will not come any more; how many. */
size_t askers_take(struct askers *l);

/*
 * Nothing more is asked, and what is under way comes to its end at once, or
 * softly.
 */
void askers_stop(struct askers *l);

/* Waits until `*done`, for programs that do one thing; SIGTERM stops all. */
void askers_wait(struct askers *l, const bool *done);

void askers_release(struct askers *l); /* NULL-safe */

#endif
