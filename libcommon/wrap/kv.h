#ifndef WRAP_KV_H
#define WRAP_KV_H

#include "base/err.h"

/*
 * A connection to a Redis server, by TCP or a unix socket, or to all masters of
 * a Redis Cluster, of which the server is a part; without TLS.
 * Commands are added one by one, and leave when there are enough of them or an
 * answer is wanted; the answers come in the order of the commands, each to be
 * received once.  What was sent is overwritten in memory.
 *
 * Kinds of all that can fail for want of the server: KIND_BUSY (it refuses,
 * hangs, has gone, loads, is read-only or out of memory, or has given slots of
 * its cluster away), KIND_CONF (it wants another password, or a cluster another
 * database; or the process has no right to its port), KIND_SYS (it is no Redis,
 * or says something else).  Only those of kv_open name the server.  After
 * KIND_BUSY or KIND_SYS of kv_send, kv_flush or kv_receive the connection is of
 * no more use.
 */
struct kv;

/* What a URL says: redis://[USER@]HOST[:PORT][/DATABASE], unix://PATH[?db=N] */
struct kv_place {
	char *host, *port; /* NULL: it is a unix socket, */
	char *path; /* this one */
	char *user; /* or NULL */
	int64_t database; /* KV_NO_DATABASE: none is named */
};
#define KV_NO_DATABASE (-1)

/*
 * KIND_CONF for what is none, and for one with a password in it, as everybody
 * may see that.  The caller releases; it is empty on failure.
 */
int kv_place_parse(const char *url, struct kv_place *out, struct err *e);
void kv_place_release(struct kv_place *p);

struct kv_access {
	const char *url;
	const char *user; /* instead of that of the URL, or NULL */
	const char *password; /* NULL: none is asked for */
	int64_t database; /* when the URL names none */
	int64_t connect_ms; /* to connect, and to be let in */
	int64_t timeout_ms; /* for each answer */
	int64_t until; /* for all of them, as kv_until; 0: none */
};

/*
 * Connects, tells who we are and chooses the database, which is 0 in a cluster,
 * whatever `a` says when the URL names none.  NULL on failure.
 */
struct kv *kv_open(const struct kv_access *a, struct err *e);

/* NULL-safe. */
void kv_close(struct kv *k);

/* From now on nothing is waited for beyond this time (clock_mono; 0: none). */
void kv_until(struct kv *k, int64_t until);

/* ---- servers ------------------------------------------------------------- */

/*
 * In a cluster each key has a slot, and each slot a server; a command can only
 * have keys of one slot, in which are KEY and all that has {KEY} in its name.
 */
bool kv_is_cluster(const struct kv *k);
size_t kv_servers(const struct kv *k); /* 1, if it is none */

/*
 * Before a command: it is for that server, or for the one that has this key.
 * Else the first one gets it.
 */
void kv_to(struct kv *k, size_t server);
void kv_to_key(struct kv *k, const char *key);

/* ---- commands ------------------------------------------------------------ */

/* One command of `n` arguments, its name included: begin, n times arg, send. */
void kv_begin(struct kv *k, size_t n);
void kv_arg(struct kv *k, const void *p, size_t len);
void kv_arg_text(struct kv *k, const char *text);
void kv_arg_int(struct kv *k, int64_t n);
int kv_send(struct kv *k, struct err *e);

/* The same for a command of texts, the last of which is NULL. */
int kv_command(struct kv *k, struct err *e, ...) __attribute__((__sentinel__));

/* Has all that was added leave now. */
int kv_flush(struct kv *k, struct err *e);

/* How many answers are still to be received. */
size_t kv_waiting(const struct kv *k);

/* ---- answers ------------------------------------------------------------- */

struct kv_reply;

enum kv_type {
	KV_NIL,
	KV_INT,
	KV_TEXT, /* bytes, and what says how it went */
	KV_LIST,
	KV_ERROR
};

/*
 * The next answer, which the caller frees; also one that says what was wrong
 * with the command.  NULL on failure; KIND_BUG when none is to come.
 */
struct kv_reply *kv_receive(struct kv *k, struct err *e);
void kv_free(struct kv_reply *r); /* NULL-safe */

enum kv_type kv_type(const struct kv_reply *r);
int64_t kv_int(const struct kv_reply *r); /* 0: it is none */
/* The bytes of a TEXT or ERROR, with a NUL behind; "" for others. */
const char *kv_text(const struct kv_reply *r, size_t *len);
size_t kv_len(const struct kv_reply *r); /* of a LIST, or 0 */
const struct kv_reply *kv_at(const struct kv_reply *r, size_t i);

/* 0, or -1 when it is an error, which becomes one of ours, see above. */
int kv_check(const struct kv_reply *r, struct err *e);

/* Whether it is an error that begins with this word. */
bool kv_is_error(const struct kv_reply *r, const char *word);

/* Sends a command of texts and waits for its answer alone, which is none. */
struct kv_reply *kv_ask(struct kv *k, struct err *e, ...)
    __attribute__((__sentinel__));

#endif
