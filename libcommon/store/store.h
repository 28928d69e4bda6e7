#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/err.h"
#include "base/str.h"

/*
 * The store: everything acmed knows, in one database.  store/ is the only place
 * with SQL.  What a program does with it goes through the modules of this
 * folder, one per thing stored; each of their calls is one statement or one
 * transaction.  A handle belongs to one process: it must not cross a fork.
 *
 * Kinds that every call of store/ can give besides those it names:
 * KIND_BUSY (locked for longer than ten seconds, or the disk is full),
 * KIND_SYS, KIND_BUG.
 */
struct store;

enum store_mode {
	STORE_READ, /* changes are refused by the database itself */
	STORE_WRITE
};

/* Length of a resource's id in URLs: 16 random bytes as base64url. */
#define STORE_URL_ID_LEN 22
#define STORE_URL_ID_SIZE (STORE_URL_ID_LEN + 1)

/*
 * Opens the store at `url` (as db_open).
 * NULL on failure: KIND_CONF when it does not exist or its version is not this
 * program's (the text says what to run), KIND_SYS when it cannot be opened.
 */
struct store *store_open(const char *url, enum store_mode mode, struct err *e);

/*
 * For a process that opens a store only after it has given up its rights: see
 * db_load.
 */
int store_load(
    const char *url, struct strv *files, struct strv *ports, struct err *e);

/*
 * Whether the connection to the server of the store was lost, and not made
 * anew since: whoever can no longer make one is of no more use.
 */
bool store_is_lost(const struct store *st);

/* NULL-safe. */
void store_close(struct store *st);

/*
 * `directory`, here and below, is for a store that is no file of this machine:
 * the directory of what belongs to it and lies here.  Others have their own,
 * and it may be NULL.
 */

/*
 * Makes an empty store of the newest version, and its directory (mode 2770,
 * files 0660: a common group lets several users share it).
 * KIND_CONFLICT when there is one already; it is left alone.
 */
int store_create(const char *url, const char *directory, struct err *e);

/*
 * Gives the store and its directory to a group, whose users may then all use
 * it, in an order that lets none of them in before all is done.  A directory
 * that store_create has not made (mode 2770) is left as it is, with all that is
 * in it.  KIND_CONF when there is no such group, KIND_SYS.
 */
int store_share(
    const char *url, const char *directory, const char *group, struct err *e);

/*
 * Brings the store to the newest version, step by step, a transaction each;
 * `*from` and `*to` say what was done.  KIND_CONF for a newer store.
 */
int store_migrate(const char *url, int *from, int *to, struct err *e);

/*
 * Runs `fn(arg, e)`, which calls other modules of store/, in one durable
 * transaction: all of it is there when this returns 0, or nothing.  `fn` may be
 * run again from the start, so it must reset what it leaves in `arg`; when it
 * returns -1, or a call in it has, nothing is kept.
 */
int store_transaction(struct store *st, int (*fn)(void *arg, struct err *e),
    void *arg, struct err *e);

/*
 * Runs `fn(arg, e)`, which calls other modules of store/ and only reads, as of
 * one moment: many small questions cost less together.  `fn` may be run again
 * from the start.
 */
int store_snapshot(struct store *st, int (*fn)(void *arg, struct err *e),
    void *arg, struct err *e);

/* For a program that reads most of the store, and has the memory for it. */
void store_set_cache(struct store *st, int64_t bytes);

/*
 * Who acts, for the event log: "account/ID" once a client is known, or a
 * program's name (the default: the name of this process).  Copied.
 */
void store_set_actor(struct store *st, const char *actor);

/*
 * The path of `name` in the directory of the store, where its file is and not
 * a link to it: for lock files and the like.  The caller frees.  NULL on
 * failure: KIND_CONF when `url` is none, or wants a directory that is NULL.
 */
char *store_file(
    const char *url, const char *directory, const char *name, struct err *e);

/* Copies the whole store, as of one moment, to a new file (0660, fsynced). */
int store_backup(struct store *st, const char *path, struct err *e);

/* Moves the write-ahead log into the database file (what purge ends with). */
int store_checkpoint(struct store *st, struct err *e);

#endif
