#ifndef IMPORT_BUNDLE_H
#define IMPORT_BUNDLE_H

#include "base/digestmap.h"
#include "base/str.h"
#include "wrap/cert.h"
#include "wrap/csr.h"
#include "wrap/key.h"

/*
 * What somebody hands over: certificates, private keys and signing requests, in
 * any order and encoding, put together again by keys and signatures.
 */
enum bundle_kind {
	BUNDLE_CERT,
	BUNDLE_KEY,
	BUNDLE_CSR,
	BUNDLE_PROBLEM,
	BUNDLE__MAX
};

/* A file, and where in each list that begins which it has added. */
struct bundle_source {
	char *name;
	size_t from[BUNDLE__MAX];
};

struct bundle {
	struct cert_list certs; /* none is there twice */
	struct key_list keys; /* private; none is there twice */
	struct csr **csrs; /* none is there twice */
	size_t csrs_len;
	struct strv problems; /* a line for each thing that could not be read */
	/* what is there: by the SHA-256 of the DER, of keys the public one */
	struct digestmap known_certs, known_keys, known_csrs;
	size_t decrypted; /* how often a password was tried */
	struct bundle_source *sources; /* in order; each has added something */
	size_t sources_len;
	char *root; /* the directory that their names are in, or NULL */
};

#define BUNDLE_MAX ((size_t)64 * 1024 * 1024) /* bytes in one file */
#define BUNDLE_THINGS_MAX 100000 /* certificates, or keys, or requests */
#define BUNDLE_DECRYPTED_MAX 64 /* encrypted things: each may cost a second */

/* {0} is empty; release wipes the keys. */
void bundle_release(struct bundle *b);

/*
 * Adds what is in a file or in what came on standard input: PEM with any number
 * of blocks, or DER, one piece or several without anything between them: a
 * certificate, a request (RFC 2986), a private key (RFC 5958, 5915, 8017),
 * PKCS#7 or PKCS#12.  `password` (UTF-8, or NULL) opens what is encrypted.
 * Blocks of other kinds are skipped.  What cannot be read is a line in
 * `problems`, which begins with `name`; the rest is added all the same.
 */
void bundle_add(struct bundle *b, const char *name, const void *p, size_t len,
    const char *password);

/*
 * As bundle_add, for the file of this name; - is standard input.  One that
 * cannot be read is a problem.
 */
void bundle_add_file(struct bundle *b, const char *name, const char *password);

/* Adds a line to `problems`, which is about this file. */
void bundle_add_line(struct bundle *b, const char *name, const char *line);
void bundle_add_problem(
    struct bundle *b, const char *name, const struct err *e);

/*
 * The path of the file that the thing at `i` of its list came from, of several
 * the first, or of what a problem is with.  The caller frees.
 */
char *bundle_place(const struct bundle *b, enum bundle_kind kind, size_t i);

/* A line of `problems` without the name of the file; borrowed. */
const char *bundle_problem(const struct bundle *b, size_t i);

/* A name in a directory, as a path; NULL and "." are no directory.  As above.
 */
char *bundle_path(const char *root, const char *name);

/* Whether one of its certificates is for the public part of `k`. */
bool bundle_has_cert_for(const struct bundle *b, const struct key *k);

/* A certificate with all that belongs to it; borrowed from the bundle. */
struct bundle_set {
	const struct cert *cert;
	const struct key *key; /* or NULL */
	const struct csr *csr; /* for the same key, or NULL */
	/*
	 * Its issuers as far as they are there, each of which has signed the
	 * one before, in every way there is; first the way by issuers that end
	 * latest.  One at least, which may be empty.
	 */
	struct bundle_chain *chains;
	size_t chains_len;
};

#define BUNDLE_CHAINS_MAX 8 /* of one certificate */
struct bundle_chain {
	const struct cert **certs;
	size_t len;
	bool found; /* not in the bundle, but added from elsewhere */
};

/*
 * Makes a set of each certificate that is none of a CA, and of each for whose
 * key the private one is there.  The caller frees with bundle_sets_free.
 */
struct bundle_set *bundle_sets(const struct bundle *b, size_t *len);
void bundle_sets_free(struct bundle_set *sets, size_t len);

#endif
