#ifndef STORE_REKEY_H
#define STORE_REKEY_H

#include "base/buf.h"
#include "store/store.h"

struct seal_key;

/* A new sealing key for all private keys, or secrets, of one kind. */
enum rekey_kind {
	REKEY_CERTIFICATES, /* [store] certificate_key_file */
	REKEY_ACCOUNTS, /* [store] account_key_file; acme-dns as well */
	REKEY_EAB, /* [store] eab_key_file */
	REKEY__MAX
};

/*
 * Makes a new key and seals all rows under it, also those that were in the
 * clear, in one transaction; then the file at `path` is the new one, and the
 * one of before is beside it, with .old- and its id behind the name: copies of
 * the store need it.  Whoever is killed in between leaves the file of
 * rekey_next_path, with which the next run goes on.  The new key is the store's
 * (store/sealing_key.h) as soon as the rows are under it.  `*changed` is how
 * many rows were sealed anew.  KIND_CONF: a row is sealed under a key that is
 * neither at `path` nor among the old ones; nothing is changed then.  With
 * `left` such rows stay as they are, and it is how many.
 */
int rekey_run(struct store *st, enum rekey_kind kind, const char *path,
    int64_t *changed, int64_t *left, struct err *e);

/*
 * Opens all of one kind with the key at hand, and adds a line to `problems` for
 * what is damaged, and for what is sealed under another key; or for the key
 * itself when it is not the store's.  -1 when it cannot look.
 */
int rekey_check(struct store *st, enum rekey_kind kind,
    const struct seal_key *key, struct strv *problems, struct err *e);

/* Adds a line when there is no key at hand, for `reason`, but the store has
 * one.
 */
int rekey_check_missing(struct store *st, enum rekey_kind kind,
    const struct err *reason, struct strv *problems, struct err *e);

/*
 * Where the new key is, and maybe the only copy of it, until a run has come to
 * its end.  The caller frees.
 */
char *rekey_next_path(const char *path);

#endif
