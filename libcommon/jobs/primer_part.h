#ifndef JOBS_PRIMER_PART_H
#define JOBS_PRIMER_PART_H

#include "base/idset.h"
#include "jobs/primer.h"
#include "wrap/kv.h"

/* For jobs/primer*.c only. */

#define PRIMER_BATCH 256 /* names */
#define PRIMER_STAMP 32 /* hexadecimal digits */
#define PRIMER_TAG 8
#define PRIMER_FENCE_KEY "~acmed:fence"
#define PRIMER_WRITES_KEY "~acmed:writes"
#define PRIMER_NOTE_KEY "~acmed:all:" /* and the tag */
#define PRIMER_TURN_KEY "~acmed:turn"
#define PRIMER_SIDE "~v:{"

/*
 * What no name points to any more stays for whoever has read the name before,
 * so many seconds; and so long a name may be behind what it points to.
 */
#define PRIMER_LATER 600

#define PRIMER_KEYS 2 /* of a name, at most, if they point to something */

enum script {
	SCRIPT_FENCE, /* the next number of a writer */
	SCRIPT_LOOK, /* which keys are as they were written */
	SCRIPT_LOOK_ONE, /* of a cluster: one, and what it points to */
	SCRIPT_VALUE, /* what is pointed to, with its time */
	SCRIPT_NAME, /* what points */
	SCRIPT_REMOVE, /* what points */
	SCRIPT_DROP, /* what nothing points to goes by and by */
	SCRIPT_DROP_LATER, /* of a cluster: when it has been so for long */
	SCRIPT_DROP_HALF, /* what goes with a name that is not there */
	SCRIPT_DIGEST, /* what is there */
	SCRIPT_NOTE_READ, /* of a look at all names */
	SCRIPT_NOTE_WRITE,
	SCRIPT_TURN, /* whose it is to write all names */
	SCRIPT_TURN_OVER,
	SCRIPT__MAX
};

/* What has become of a name in the batch. */
enum item_state {
	ITEM_SAME,
	ITEM_NEW,
	ITEM_CHANGED,
	ITEM_MENDED,
	ITEM_DONE, /* before what somebody newer has written is written again */
	ITEM_FAILED
};

struct item {
	struct serving s;
	struct redis_item it;
	struct redis_entries entries;
	char stamp[PRIMER_STAMP + 1];
	enum item_state state;
	bool refused; /* somebody newer has written it meanwhile */
	/* Of a cluster: what its keys point to, and which of it is asked. */
	int64_t points[PRIMER_KEYS][REDIS_DOMAIN];
	unsigned asked; /* a bit each */
};

struct batch {
	struct item *v; /* PRIMER_BATCH */
	size_t len;
	/* answers to come: to the look, and of what names point to */
	size_t looks, values;
	bool names; /* of names, too */
};

/*
 * Several batches are under way, so that Redis and we work at the same time.
 * In each step the answers to what the last one has sent are read, one batch
 * after the other, and each goes a stage on while Redis has what the others
 * have sent.
 */
enum stage {
	STAGE_GATHERED, /* then it is asked how they are in Redis */
	STAGE_LOOKED, /* then they are loaded, and what names point to sent */
	STAGE_VALUES, /* when that is there the names are sent */
	STAGE_NAMES, /* done */
	STAGE__MAX
};

struct primer {
	struct primer_options o;
	const struct redis_format *format;
	char *scripts[SCRIPT__MAX]; /* their SHA-1 */
	char tag[PRIMER_TAG + 1];
	int64_t fence; /* older than all that was read of the store */
	int64_t base_ms, base_mono; /* the time of Redis; the same moment */
	int64_t lasts_ms; /* a name; 0: for ever */
	struct batch batches[STAGE__MAX];
	struct idset sent[REDIS_KIND__MAX]; /* in this run */
	/* Of a cluster: what was asked for, and of that what is not there. */
	struct idset there[PRIMER_KEYS][REDIS_DOMAIN];
	struct idset missing[PRIMER_KEYS][REDIS_DOMAIN];
	int64_t sent_mono; /* when `sent` began */
	struct material last; /* the one loaded last */
	int64_t last_chain_id;
	bool last_rsa;
	bool opened; /* a key, with the seal at hand */
	size_t unopened; /* keys that are under another, before */
	int64_t names;
	int64_t fresh; /* of them: were not there */
	int64_t invalid; /* of them: what serves them is not valid now */
	bool has_news; /* of these: one is written */
	struct primer_counts counts;
};

/* ---- primer.c ------------------------------------------------------------ */

/* Whether a gateway of this format is to have what serves it. */
bool primer_wants(const struct primer *p, const struct serving *s);
/* That a key of a gateway has changed. */
void primer_tell(const struct primer *p, const char *key,
    enum primer_change change, int64_t certificate_id);

/* ---- primer_script.c ----------------------------------------------------- */

int primer_load_scripts(struct primer *p, struct err *e);
/* The beginning of a command; so many keys and arguments follow. */
void primer_eval(
    struct primer *p, enum script script, size_t keys, size_t args);
/* The next answer, an integer; -1 with `e` set. */
int primer_receive(struct primer *p, int64_t *n, struct err *e);
/*
 * A new number, for what is read of the store from now on: who has a higher one
 * has read later, and is not overwritten.
 */
int primer_take_fence(struct primer *p, struct err *e);
/* The time from which all that is written lasts. */
int primer_take_base(struct primer *p, struct err *e);
/* The key beside one; the caller frees. */
char *primer_side(const char *key);
/* When what lasts so many ms is over, by the clock of Redis; 0: never. */
int64_t primer_deadline(const struct primer *p, int64_t ms);

/* ---- primer_item.c ------------------------------------------------------- */

/* What is to be known of it to tell its keys. */
int primer_identify(struct primer *p, struct item *i, struct err *e);
/*
 * Its entries with what is in them, without `all` not of what was sent already;
 * 1: it could not be done, and was told.
 */
int primer_fill(struct primer *p, struct item *i, bool all, struct err *e);
/* The number that an item has of what it points to. */
int64_t primer_number(
    const struct primer *p, const struct item *i, enum redis_kind kind);
/* The name or number that stands beside what it points to; the caller frees. */
char *primer_subject(const struct primer *p, const struct item *i);
void primer_fail(struct primer *p, struct item *i, const struct err *why);

/* ---- primer_prune.c ------------------------------------------------------ */

/*
 * Removes what was written for a name, with what else there is of it; and
 * whether that was done: 1, 0, -1.
 */
int primer_send_removal(struct primer *p, const char *key, const char *subject,
    const struct redis_entries *rest, struct err *e);
int primer_receive_removal(struct primer *p, const char *key, struct err *e);

/* ---- primer_scan.c ------------------------------------------------------- */

typedef int (*primer_page_fn)(
    void *arg, const struct kv_reply *keys, struct err *e);

/*
 * Calls `fn` with keys like `pattern` (NULL: all), some at a time, until it
 * returns something else than 0.  Some come twice.
 */
int primer_scan(struct kv *k, const char *pattern, primer_page_fn fn, void *arg,
    struct err *e);

/* ---- primer_left.c ------------------------------------------------------- */

/*
 * Removes what nothing points to any more; `gone`, which is sorted, are names
 * that are as if they were not there.
 */
int primer_remove_left(
    struct primer *p, bool at_once, struct strv *gone, struct err *e);

/* The fields of a name that points, and with what keys begin. */
extern const char *const primer_letters[REDIS_DOMAIN];

/* ---- primer_cluster.c ---------------------------------------------------- */

/*
 * In a cluster no script can see what a name points to, which is on another
 * server.  So that is asked for by itself, and what nothing points to goes when
 * that was so for PRIMER_LATER.
 */

/* KIND_CONF for a prefix that would keep keys from those beside them. */
int primer_cluster_check(const struct primer *p, struct err *e);
/* The answer of SCRIPT_LOOK_ONE for key number `n` of a name. */
int primer_cluster_read(
    struct item *i, size_t n, const struct kv_reply *r, struct err *e);
/*
 * Asks whether what names point to that are as they were is there; refuses by
 * the answers, which come next, those for which it is not.
 */
int primer_cluster_ask(struct primer *p, struct batch *b, struct err *e);
int primer_cluster_receive(struct primer *p, struct batch *b, struct err *e);
/* That something is about to be pointed to; one answer is to come. */
int primer_cluster_use(struct primer *p, const char *key, struct err *e);
/* That was sent which has this number. */
void primer_cluster_sent(struct primer *p, enum redis_kind kind, int64_t id);
/* One that nothing points to; at once, or as above. */
int primer_cluster_drop(
    struct primer *p, const char *key, bool at_once, struct err *e);
/* Before it is too long since something was sent, all is sent again. */
void primer_cluster_forget(struct primer *p);

/* ---- primer_look.c ------------------------------------------------------- */

/* Asks by stamps; sets the state of each by the answers, which come next. */
int primer_look_ask(struct primer *p, struct batch *b, struct err *e);
int primer_look_read(struct primer *p, struct batch *b, struct err *e);
/* The same by what is there, for those that have their stamps. */
int primer_look_closer(struct primer *p, struct batch *b, struct err *e);
/* After they were written: fails those that cannot be read back. */
int primer_read_back(struct primer *p, struct batch *b, struct err *e);

/* ---- primer_write.c ------------------------------------------------------ */

/* Loads all that are not the same, and sends what they point to. */
int primer_send_values(struct primer *p, struct batch *b, struct err *e);
/* All went well, or no name may point to them. */
int primer_receive_values(struct primer *p, struct batch *b, struct err *e);
/* Sends the names, and notes what became of them. */
int primer_send_names(struct primer *p, struct batch *b, struct err *e);
int primer_receive_names(struct primer *p, struct batch *b, struct err *e);
/* Whether somebody newer has written one of them. */
bool primer_has_refused(const struct batch *b);
/*
 * What somebody newer has written is asked for again, and written, with a fence
 * of its own: what else is under way was read before.
 */
int primer_settle(struct primer *p, struct batch *b, struct err *e);

#endif
