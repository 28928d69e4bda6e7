#ifndef DEPLOY_GENDIR_H
#define DEPLOY_GENDIR_H

#include "deploy/layout.h"
#include "sys/file.h"

/*
 * The generations of a tree: directories in ROOT/.acmed.  One comes to its name
 * in one step, with all its files.  The modification time of a file is when
 * its certificate came to the store, and the fraction of the second its size:
 * what was changed since, by hand say, is told from what was not without being
 * read.  A file that is mended gets that time by gendir_stamp only, once it has
 * been told of: until then it is one that is to be mended, also for the run
 * after one that was killed.
 */
struct gendir {
	int fd; /* of ROOT/.acmed */
	int lock;
	const char *root;
	const struct layout *layout;
	struct file_owner owner; /* of files */
	mode_t secret_mode; /* of those with a key; others have 0644 */
	/* Was written under another path, or by another version of this. */
	bool is_other;
};

/*
 * Opens it, makes it when it is not there, and locks it.  KIND_BUSY when
 * another process has it, KIND_CONFLICT when the tree is of another layout,
 * KIND_SYS also when a link is in its place.
 */
int gendir_open(struct gendir *g, struct err *e);
void gendir_close(struct gendir *g);

/* All files have been compared: the next time they need not be. */
int gendir_settle(struct gendir *g, struct err *e);

/* Whether all files of a generation look as they were written. */
bool gendir_is_sound(
    const struct gendir *g, const char *generation, int64_t created);

enum gendir_result {
	GENDIR_SAME,
	GENDIR_MADE,
	GENDIR_MENDED, /* gendir_stamp is to follow */
};

/*
 * Makes a generation, or compares all of it and puts right what is otherwise.
 * `it` has its material.  `linked`: a link leads there already, so that one
 * that has to be made is mended.
 */
int gendir_write(const struct gendir *g, const struct layout_item *it,
    bool linked, enum gendir_result *result, struct err *e);
int gendir_stamp(const struct gendir *g, const char *generation,
    int64_t created, struct err *e);

/* Makes what was written before durable. */
int gendir_sync(const struct gendir *g, struct err *e);

/* Adds all generations, and what killed processes have left. */
int gendir_list(const struct gendir *g, struct strv *names, struct err *e);

/* Removes one. */
int gendir_remove(
    const struct gendir *g, const char *generation, struct err *e);

#endif
