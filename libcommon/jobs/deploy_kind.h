#ifndef JOBS_DEPLOY_KIND_H
#define JOBS_DEPLOY_KIND_H

#include "jobs/deploy_file.h"
#include "store/deployment.h"

/*
 * What kinds of targets there are, as one table: a new one is a row, a file
 * jobs/deploy_*.c, and its settings in jobs/deploy_file.c.
 */
struct deploying;

struct deploy_kind {
	const char *name;
	int64_t rank; /* what others read comes before those that read it */
	int64_t reads; /* what has this rank or a higher one, below its own */
	size_t batch; /* certificates at once, at most */
	bool reads_keys; /* wants the seal, and is confined */
	bool to_redis; /* to its connection, and not to its directory */
	bool to_nginx; /* over the process that talks to its servers */
	/* Whether the settings make one: KIND_CONF. */
	int (*check)(const struct deploy_conf *c, struct err *e);
	/*
	 * Deploys the batch, and all if `complete`; sets the result of each,
	 * which is done before.  -1: nothing could be.
	 */
	int (*run)(struct deploying *d, struct err *e);
};

#define DEPLOY_KINDS 4
extern const struct deploy_kind deploy_kinds[DEPLOY_KINDS];

const struct deploy_kind *deploy_kind_by_name(const char *name); /* or NULL */

/* One target at work. */
struct expirer;
struct kv;
struct seal_key;
struct queue_hold;
struct deploying {
	struct store *st;
	const struct deploy_conf *conf;
	const struct deploy_confs *all;
	const struct seal_key *seal; /* NULL: none */
	struct kv *kv; /* with to_redis */
	const struct expirer *expirer; /* with to_nginx */
	int64_t target_id;
	const struct queue_hold *hold;
	int64_t kept_at; /* clock_now */
	bool complete;
	const struct deployment *batch;
	struct deployment_result *results; /* one each */
	size_t len;
};

/* What has failed, of the certificate or (0) of all; kept in its result. */
void deploying_fail(
    struct deploying *d, int64_t certificate_id, const struct err *why);

/*
 * Keeps the hold: what takes long calls it again and again.  KIND_BUSY: another
 * process has the target now.
 */
int deploying_keep(struct deploying *d, struct err *e);
#define DEPLOYING_HOLD 300 /* seconds; whoever is killed holds it so long */
#define DEPLOYING_KEEP 60 /* so often is enough */

/*
 * The certificates that are to be looked at, which the caller frees: those of
 * the batch, or all that a target which is not for all has.  NULL: all.
 */
int deploying_certificates(
    struct deploying *d, int64_t **ids, size_t *len, struct err *e);

int deploy_tree_check(const struct deploy_conf *c, struct err *e);
int deploy_tree_run(struct deploying *d, struct err *e);
int deploy_redis_check(const struct deploy_conf *c, struct err *e);
int deploy_redis_run(struct deploying *d, struct err *e);
int deploy_nginx_check(const struct deploy_conf *c, struct err *e);
int deploy_nginx_run(struct deploying *d, struct err *e);
int deploy_hook_check(const struct deploy_conf *c, struct err *e);
int deploy_hook_run(struct deploying *d, struct err *e);

#endif
