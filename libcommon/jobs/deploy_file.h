#ifndef JOBS_DEPLOY_FILE_H
#define JOBS_DEPLOY_FILE_H

#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"
#include "deploy/chainpick.h"
#include "deploy/layout.h"

#include <sys/types.h>

/*
 * The file of targets ([client] targets_file): a section for each, with `kind`
 * and the settings of that.  It is no part of the store: it decides which
 * programs are run, and where private keys come to lie and who may read them.
 * A process that talks to strangers may write the store, but never this.
 */
struct deploy_kind;

struct deploy_conf {
	char *name;
	const struct deploy_kind *kind;
	struct strv renewals; /* configurations it is for; empty: all */
	char *prove; /* HOST:PORT, or NULL */
	bool immediately; /* also by what has brought it (cli/deploynow.h) */

	/* trees, as cert-export --tree */
	const struct layout *layout;
	char *directory; /* absolute */
	char *owner, *group; /* or NULL */
	mode_t mode;
	struct chainpick pick;
	bool remove; /* also of a Redis */

	struct conf_redis redis; /* as in [redis]; its delete is remove */
	struct conf_nginx nginx; /* as in [nginx] */

	/* hooks */
	char *program; /* absolute path */
	struct strv arguments;
	struct strv environment; /* NAME=value */
	int64_t timeout; /* also of a Redis; in nginx, too */

	char *settings; /* all of it, for deploy_target_sync */
};

struct deploy_confs {
	struct deploy_conf *v; /* first what comes first */
	size_t len;
};

/*
 * Reads the file at `path`; one that is not there has no targets.  KIND_CONF
 * with `PATH:LINE: rule`, and when somebody but root and this user may write
 * it.  The caller releases.
 */
int deploy_file_load(const char *path, struct deploy_confs *out, struct err *e);

/*
 * Whether it is this user's business: there is one, it can be read, and it is
 * not that of another user, who deploys by himself.
 */
bool deploy_file_is_ours(const char *path);

/* The same as deploy_file_load from memory. */
int deploy_file_read(const char *name, const char *text, size_t len,
    struct deploy_confs *out, struct err *e);

/* NULL-safe; it is empty then. */
void deploy_confs_release(struct deploy_confs *c);

/* One by its name; NULL. */
const struct deploy_conf *deploy_conf_by_name(
    const struct deploy_confs *c, const char *name);

#define DEPLOY_NAME_MAX 40
#define DEPLOY_TIMEOUT_MAX 3600

#endif
