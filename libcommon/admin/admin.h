#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "server/responder.h"

/*
 * The admin interface: JSON over the store, for programs of the operator and
 * for gateways that ask for certificates by name.
 */
struct conf;
struct kv;
struct kv_access;
struct seal_key;
struct store;
struct suffix_list;

/*
 * What a user of this machine may do (conf/scope.h); or the field in which he
 * says, as a front, which certificate his client has shown
 * (http/clientcert.h).
 */
struct admin_grant {
	int64_t uid;
	unsigned scopes;
	const char *field; /* NULL: he is no front */
};

struct admin_grants {
	struct admin_grant *v;
	size_t len;
};

/*
 * Those of the configuration, which must stay, and of root and whoever this
 * process is; users are looked up, so before there are no more rights to.
 * KIND_CONF for one that is none, and for a front that is there twice or has
 * scopes, too.  Release in any case.
 */
int admin_grants_read(
    struct admin_grants *g, const struct conf *conf, struct err *e);

/* His scopes; a front has none, whoever it is. */
unsigned admin_grants_of(const struct admin_grants *g, int64_t uid);

/* The field of a front; NULL for everybody else. */
const char *admin_grants_field(const struct admin_grants *g, int64_t uid);
void admin_grants_release(struct admin_grants *g);

/* What is read before rights are given up, and must stay. */
struct admin_setup {
	const struct conf *conf; /* sections store, redis, admin */
	const struct admin_grants *grants;
	const struct seal_key *seal; /* of keys of certificates, or NULL */
	const struct suffix_list *suffixes;
	const struct kv_access *redis; /* NULL: there is none */
};

/* What lives as long as the process. */
struct admin {
	const struct admin_setup *setup;
	struct store *store;
	const char *prefix; /* of all paths, or "" */
	struct responder responder; /* answers with admin/reply.h */
	/* Of the Redis, for single names: NULL before it is needed, or lost; */
	struct kv *redis;
	int64_t redis_rest; /* until then (clock_mono) it is left alone, */
	bool redis_is_away; /* which has been told */
};

/*
 * Opens the store.  Nothing of it may cross a fork.  Release in any case.
 * Fails as store_open and sealing_key_check.
 */
int admin_open(struct admin *a, const struct admin_setup *setup, struct err *e);
void admin_release(struct admin *a); /* NULL-safe */

#endif
