#ifndef DEPLOY_LAYOUT_H
#define DEPLOY_LAYOUT_H

#include "deploy/material.h"

/*
 * The trees that gateways read, as one table.  What belongs together is the
 * files of one generation: a directory in LAYOUT_STORE that is never changed
 * once it has its name.  What a gateway opens are symbolic links into it, and
 * one rename of a link switches all.
 */
#define LAYOUT_STORE ".acmed"

/* What a file is made of. */
struct layout_item {
	const struct material *m;
	const char *name; /* as the store has it */
	const char *file_name; /* as layout_name spells it */
	const char *generation;
	const char *root; /* absolute path of the tree */
	bool is_covered; /* in the index: by a wildcard that is there, too */
};

struct layout_file {
	const char *name;
	bool secret; /* holds the key */
	int (*write)(
	    const struct layout_item *it, struct buf *out, struct err *e);
};

/*
 * In these patterns %n is the name of a file (layout_name), %s the number of
 * the set of names, %g the generation.  A directory or an entry has one of them
 * at most.
 */
struct layout_link {
	const char *directory; /* in the tree; "" for the tree itself */
	const char *entry;
	const char *target;
};

/* A file of all names, in the tree itself. */
struct layout_index {
	const char *name;
	/* Adds to a line, which is empty at first; or nothing. */
	void (*add)(const struct layout_item *it, struct buf *out);
	bool by_certificate; /* names of one certificate share a line */
};

#define LAYOUT_LINKS 2
#define LAYOUT_FILES 5

struct layout {
	const char *name; /* on the command line */
	struct layout_file files[LAYOUT_FILES]; /* up to one without a name */
	struct layout_link links[LAYOUT_LINKS]; /* the same */
	struct layout_index index;
	bool per_name; /* a generation is for one name, not for a certificate */
	const char *wildcard; /* what stands for "*." */
	bool dns_1123; /* names of files are of letters, digits, - and . */
};

/* The layout of that name; NULL. */
const struct layout *layout_by_name(const char *name);

/* The names of all, with blanks between. */
const char *layout_names(void);

/* The file of that name in a generation, and its place; NULL. */
const struct layout_file *layout_file(const struct layout *l, const char *name);

#define LAYOUT_NAME_SIZE 260

/*
 * The name of a file for a name of the store; false when it is none that is fit
 * to be one (names come from certificates, and those from strangers).
 */
bool layout_name(
    const struct layout *l, const char *name, char out[LAYOUT_NAME_SIZE]);

/*
 * The name of a generation: the numbers of certificate and chain, for a person,
 * and the beginning of the certificate's SHA-256, since another store may have
 * other certificates under these numbers.  False when it is too long.
 */
bool layout_generation(const struct layout *l, const char *file_name,
    int64_t certificate_id, const uint8_t sha256[32], int64_t chain_id,
    char out[LAYOUT_NAME_SIZE]);

/* Fills a pattern in; `up` is how deep the link's directory is.  False: long.
 */
bool layout_expand(const char *pattern, const char *file_name, int64_t set_id,
    const char *generation, size_t up, char *out, size_t size);

/*
 * Where a tree shows a name: the link, as an absolute path, which the caller
 * frees.  NULL for a name that can be no file.
 */
char *layout_place(const struct layout *l, const char *root, const char *name);

/* The writers that are more than one line, each in its file. */
int layout_envoy(const struct layout_item *it, struct buf *out, struct err *e);
int layout_kubernetes(
    const struct layout_item *it, struct buf *out, struct err *e);
int layout_traefik(
    const struct layout_item *it, struct buf *out, struct err *e);

/* A text as a double-quoted scalar of YAML, which is one of JSON as well. */
void layout_quote(const char *text, struct buf *out);

#endif
