#ifndef DEPLOY_INDEXFILE_H
#define DEPLOY_INDEXFILE_H

#include "deploy/layout.h"
#include "sys/file.h"

/* The file of all names that some layouts have: lines, collected in any order.
 */
struct indexfile_line {
	int64_t key; /* lines are sorted by it, then as they came */
	size_t order;
	char *name, *file_name;
};

struct indexfile {
	const struct layout_index *spec; /* its name is NULL: there is none */
	struct indexfile_line *v;
	size_t len, cap;
};

void indexfile_init(struct indexfile *x, const struct layout_index *spec);
void indexfile_release(struct indexfile *x);

void indexfile_add(
    struct indexfile *x, const struct layout_item *it, int64_t certificate_id);

/* Takes a name out again, for which there is no file after all. */
void indexfile_remove(struct indexfile *x, const char *name);

/* Replaces the file in `root`, unless it is like that already. */
int indexfile_write(struct indexfile *x, const char *root,
    const struct file_owner *owner, struct err *e);

#endif
