#ifndef IMPORT_TREE_H
#define IMPORT_TREE_H

#include "base/err.h"
#include "base/str.h"
#include "import/bundle.h"
#include "wrap/key.h"

/*
 * The stores of other ACME clients.  A reader walks one and hands what it finds
 * to a sink, one thing at a time.  It reads only, never leaves the tree, and
 * neither runs nor sources anything in it.
 */

/* One version of a certificate, with all that lies beside it. */
struct tree_item {
	const char *lineage; /* the client's name for it */
	const char *version; /* "3", the seconds of an epoch, or NULL */
	bool newest; /* the version in use, or the only one */
	bool revoked; /* for all that the client knows */
	bool compromised; /* its key is somebody else's, too */
	/*
	 * Has a certificate at least; what of its files could not be read
	 * stands in its problems.
	 */
	struct bundle *bundle;
	/* The client's settings for it as JSON, with the newest; or NULL. */
	const char *settings;
	const char *account; /* tree_account.id, if the tree tells, or NULL */
};

struct tree_account {
	const char *id; /* the tree's own, one account has one only */
	const char *directory_url; /* NULL when it cannot be told */
	/* what the tree calls the CA instead (import/directories.h), or NULL */
	const char *ca;
	const char *url; /* of the account (kid), or NULL */
	const struct strv *contacts; /* URIs as registered; may be empty */
	const struct key *key; /* private */
	bool deactivated; /* at the CA, for all that the client knows */
	const char *data; /* what else the client keeps, as JSON, or NULL */
};

/*
 * All that is handed over is valid during the call; a bundle may be emptied.
 * `item` and `account` return -1 with `e` set to end the walk.  `problem` is
 * told, as the path of a file and one line that begins with the path within
 * the tree, of what cannot be read or makes no sense and belongs to no item;
 * the walk goes on.
 */
struct tree_sink {
	void *arg;
	int (*item)(void *arg, const struct tree_item *item, struct err *e);
	int (*account)(
	    void *arg, const struct tree_account *account, struct err *e);
	void (*problem)(void *arg, const char *place, const char *line);
	/*
	 * As `account`, or NULL: of all accounts, before anything else, when
	 * not all of them are wanted, but items that name one.
	 */
	int (*known)(
	    void *arg, const struct tree_account *account, struct err *e);
};

/*
 * What is wanted; NULL is all.  With a lineage or a version and no account, no
 * accounts are read; with an account only, no items.
 */
struct tree_filter {
	const char *lineage, *version, *account;
};

struct tree_reader;

/* The readers in order; NULL behind the last. */
const struct tree_reader *tree_reader_at(size_t i);
const struct tree_reader *tree_reader_by_word(const char *word);
const char *tree_reader_word(const struct tree_reader *r);

/*
 * Reads the tree at `path`: a directory; for some clients also, or instead,
 * the file that is their store.  Accounts come before items, older versions
 * before newer.  Returns 0, or -1: KIND_NOTFOUND when there is nothing at
 * `path` or nothing in it of this client, or of what `f` wants; KIND_INPUT when
 * it is of the wrong kind; KIND_SYS; or what the sink has set.
 */
int tree_read(const struct tree_reader *r, const char *path,
    const struct tree_filter *f, const struct tree_sink *sink, struct err *e);

#endif
