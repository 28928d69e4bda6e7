#ifndef JOBS_PRIMER_H
#define JOBS_PRIMER_H

#include "conf/conf.h"
#include "deploy/redis_format.h"
#include "store/serving.h"

/*
 * Certificates and keys out of the store into a Redis, in the format of a
 * gateway (deploy/redis_format.h): what serves a name (store/serving.h).
 *
 * A key that gateways look up is written by a script of Redis, in one step,
 * when all that it points to is there, and only if nobody has written it who
 * has begun later: beside KEY there is "~v:{KEY}", which holds
 *
 *	FENCE STAMP TAG SUBJECT
 *
 * the number of who has written it, which only grows; a digest of what was to
 * be written, "-" for nothing; a digest of format and prefix; the name, or #
 * and the number of the certificate.  So whoever is killed, or meets a Redis
 * that goes away, leaves each name with what it had or what it is to have, and
 * the next run goes on.  "~acmed:fence" is the last number, "~acmed:writes"
 * counts what was written, "~acmed:all:TAG" notes a look at all names,
 * "~acmed:turn" is of whoever has the turn.
 */
struct kv;
struct seal_key;

struct primer_settings {
	const struct redis_format *format;
	struct redis_options options;
	/* seconds until what is not primed again is gone; 0: never */
	int64_t expire[REDIS_KIND__MAX];
};

/*
 * Of what [redis] says, in the format of `style`, or without one in that of the
 * settings, which must live on: KIND_CONF when there is none.
 */
int primer_settings_read(struct primer_settings *out,
    const struct conf_redis *c, const char *style, struct err *e);

enum primer_change {
	PRIMER_NEW,
	PRIMER_CHANGED,
	PRIMER_MENDED, /* it was not as it had been written */
	PRIMER_REMOVED, /* certificate_id is 0 */
	PRIMER_CHANGE__MAX
};

const char *primer_change_name(enum primer_change change);

struct primer_counts {
	int64_t written[REDIS_KIND__MAX]; /* keys */
	int64_t unchanged; /* names */
	int64_t removed; /* keys */
	int64_t failed; /* names */
};

struct primer_options {
	struct store *st;
	const struct seal_key *seal; /* NULL: there is none */
	struct kv *kv;
	const struct primer_settings *settings;
	int64_t now;
	bool dry_run; /* says what would change, and writes nothing */
	bool verify; /* trust no stamp: read all back, before and after */
	/* Each key of a gateway that has changed, or would; or NULL. */
	void (*changed)(void *arg, const char *key, enum primer_change change,
	    int64_t certificate_id);
	/* One that could not be done, while the rest could. */
	void (*failed)(
	    void *arg, int64_t certificate_id, const struct err *why);
	/*
	 * Called often, with how many names are done; -1 ends it, when what was
	 * sent is counted.
	 */
	int (*goes_on)(void *arg, int64_t names, struct err *e);
	void *arg;
};

/* NULL on failure, as wrap/kv.h; the caller closes. */
struct primer *primer_open(const struct primer_options *o, struct err *e);
void primer_close(struct primer *p); /* NULL-safe */

/*
 * For callers of whom one at a time may do all names: it is our turn, for so
 * long at most, also if we die, and until we give it back, or the connection is
 * of no more use.  It is of no matter to what was written or noted.
 * -1: KIND_BUSY with retry_after, it is that of somebody else; as wrap/kv.h.
 */
int primer_take_turn(struct primer *p, int64_t ms, struct err *e);
void primer_give_turn(struct primer *p);

/*
 * Primes a name, a serving_fn: some at a time, so primer_finish has the last
 * ones done.  A name that nothing serves, or is disabled, is passed over.  -1
 * as wrap/kv.h and the store: nothing more can be done now.
 */
int primer_add(void *p, const struct serving *s, struct err *e);
int primer_finish(struct primer *p, struct err *e);

/*
 * Primes all names, and finishes.  Unless `each` is to be looked at, those of
 * which nothing has changed (serving_each_since) since all were as they are to
 * be, in this Redis and less than a day ago, are taken as unchanged.
 */
int primer_all(struct primer *p, bool each, struct err *e);

/*
 * Primes the names of which something has changed since (serving_each_since),
 * and finishes.
 */
int primer_since(struct primer *p, int64_t since, struct err *e);

/*
 * Removes what was primed before, for names that have it no longer, and, some
 * minutes later, what nothing points to any more; after primer_finish.  With
 * `all` everything that was ever primed in this format, at once. KIND_CONFLICT:
 * nothing at all is to stay, without `all`; the store may be the wrong one.
 */
int primer_prune(struct primer *p, bool all, struct err *e);

/* An event of the store that keys have left it, unless none have. */
int primer_note(struct primer *p, struct err *e);

const struct primer_counts *primer_counts(const struct primer *p);

/*
 * Looks at the keys of a Redis, in the database at hand and at most `max` of
 * them: calls `fn` for each format of which there are some.  What they hold is
 * looked at in the Redis.
 */
int primer_detect(struct kv *k, int64_t max,
    void (*fn)(void *arg, const char *format, int64_t keys), void *arg,
    struct err *e);

#endif
