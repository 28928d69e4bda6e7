#ifndef DEPLOY_EXPORTTREE_H
#define DEPLOY_EXPORTTREE_H

#include "deploy/layout.h"
#include "sys/file.h"

/*
 * All names with the certificates that serve them (store/serving.h), as a tree
 * of files.  A reader finds the old set of a name or the new one, whenever this
 * is killed; the next run goes on, and removes what was left.  What somebody
 * has changed in the tree is put right; what others have put there stays.
 */
enum exporttree_change {
	EXPORTTREE_NEW, /* the name had none */
	EXPORTTREE_CHANGED, /* it has another certificate or chain */
	EXPORTTREE_MENDED, /* the same, but its files were not as they should be
			    */
	EXPORTTREE_REMOVED, /* certificate_id is 0; the name is that of the file
			     */
	EXPORTTREE_CHANGE__MAX
};

const char *exporttree_change_name(enum exporttree_change change);

struct exporttree {
	struct store *st;
	const char *root; /* absolute, there, and no link */
	const struct layout *layout;
	struct chainpick pick; /* the preferred chain for what it fits not */
	const struct seal_key *seal; /* NULL: there is none */
	struct file_owner owner;
	mode_t mode; /* of files with a key */
	int64_t now;
	int64_t since; /* only what has changed since; 0: all */
	/* Only names that these serve (serving_each_of); NULL: all. */
	const int64_t *certificate_ids;
	size_t certificate_ids_len;
	bool remove; /* links of names that nothing serves any more */
	bool verify; /* compare what is in the files, too */
	/*
	 * Each name that is changed, and each that could not be done while the
	 * rest could (certificate_id 0: one to be removed).  `tell` is called
	 * before what was said of is done: it brings it out, so that whoever is
	 * killed has rather said too much.
	 */
	void (*changed)(void *arg, const char *name,
	    enum exporttree_change change, int64_t certificate_id);
	void (*tell)(void *arg);
	void (*failed)(
	    void *arg, int64_t certificate_id, const struct err *why);
	/* Called often, or NULL; -1 ends it. */
	int (*goes_on)(void *arg, struct err *e);
	void *arg;
};

/*
 * Brings the tree up to date.  A generation that nothing links to is removed
 * by the run after the one that has left it, so that who is reading it can end;
 * in a part of a tree nothing is.  Fails as gendir_open; KIND_CONFLICT when
 * there is much to be removed and nothing to be there: the store may be the
 * wrong one.
 */
int exporttree_run(const struct exporttree *t, struct err *e);

#endif
