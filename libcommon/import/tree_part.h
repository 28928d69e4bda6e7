#ifndef IMPORT_TREE_PART_H
#define IMPORT_TREE_PART_H

#include "base/buf.h"
#include "import/tree.h"

/* What the readers of trees share, and nobody else. */
struct js;

struct tree_walk {
	int root;
	const char *root_path;
	const char *file; /* the store, when it is a file in root */
	const char *path; /* of that file */
	const struct tree_filter *filter;
	const struct tree_sink *sink;
	bool accounts_only; /* all of them, whatever is wanted */
	/* seen in the tree, of what the filter asks for by name */
	bool has_account, has_lineage, has_version;
	size_t told; /* accounts, items, problems */
};

/* Returns -1 only to end the walk. */
typedef int tree_read_fn(struct tree_walk *w, struct err *e);

tree_read_fn tree_acmesh;
tree_read_fn tree_caddy;
tree_read_fn tree_certbot;
tree_read_fn tree_dehydrated;
tree_read_fn tree_lego;
tree_read_fn tree_modmd;
tree_read_fn tree_peter;
tree_read_fn tree_peterdb;
tree_read_fn tree_traefik;
tree_read_fn tree_uacme;

#define TREE_FILE_MAX ((size_t)64 * 1024 * 1024)
#define TREE_TEXT_MAX ((size_t)1024 * 1024) /* settings, account files */

/*
 * What is wanted.  A reader asks before it reads a thing, with the name of one
 * that is in the tree: what nobody wants cannot be broken.
 */
bool tree_wants_items(const struct tree_walk *w);
bool tree_wants_accounts(const struct tree_walk *w);
bool tree_wants_account(struct tree_walk *w, const char *id);
bool tree_wants(struct tree_walk *w, const char *lineage);
bool tree_wants_version(struct tree_walk *w, const char *version);

/* Tells a problem with the thing at `path`. */
void tree_problem(struct tree_walk *w, const char *path, const struct err *e);
void tree_complain(struct tree_walk *w, const char *path, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* A walk of the same tree that tells no problems: it looks something up. */
struct tree_walk tree_quiet(const struct tree_walk *w);

/*
 * Paths are given as a format.  What is not there is passed over in silence;
 * what cannot be read is told as a problem.  Both give false or NULL.
 */
bool tree_is_folder(const struct tree_walk *w, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
bool tree_is_file(const struct tree_walk *w, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
/* A directory that is not in `seen` yet, by whatever path; it is then. */
bool tree_is_new_folder(
    const struct tree_walk *w, struct digestmap *seen, const char *path);
bool tree_list(struct tree_walk *w, struct strv *names, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* The name of the only thing in a folder, for the caller to free, or NULL. */
char *tree_only(struct tree_walk *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool tree_text(struct tree_walk *w, struct buf *out, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
struct js *tree_json(struct tree_walk *w, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/* Adds what is in a file, if there is one; its problems go to the bundle. */
void tree_add(struct tree_walk *w, struct bundle *b, const char *password,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The only private key of a file, if there is one; the caller frees. */
struct key *tree_key(struct tree_walk *w, const char *password, const char *fmt,
    ...) PRINTF_LIKE(3, 4);

/* What is in a JSON file, or one of shell assignments, as text of JSON. */
char *tree_json_text(struct tree_walk *w, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
struct js *tree_shell(struct tree_walk *w, const char *fmt, ...)
    PRINTF_LIKE(2, 3);

/* JSON as text, the caller's to free; NULL for NULL. */
char *tree_js_text(const struct js *v);

/* Adds the strings of an array. */
void tree_add_texts(struct strv *out, const struct js *array);

/*
 * Cuts "PREFIX-VERSION.SUFFIX" out of a name: VERSION, digits only, into `out`.
 * False for other names.
 */
#define TREE_VERSION_SIZE 24
bool tree_version(char out[TREE_VERSION_SIZE], const char *name,
    const char *prefix, const char *suffix);

/*
 * Hand to the sink: an item that has a certificate (else its problems, or that
 * it has none, is the problem; `where` stands for it), and empties the bundle;
 * an account.
 */
int tree_tell_item(struct tree_walk *w, const char *where,
    struct tree_item *item, struct err *e);
int tree_tell_account(
    struct tree_walk *w, const struct tree_account *account, struct err *e);

#endif
