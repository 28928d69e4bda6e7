#ifndef JOBS_EXPIRER_H
#define JOBS_EXPIRER_H

#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"

/*
 * The caches of certificates of a pool of nginx servers: all servers are asked
 * at once, each one thing after the other, over http/network.h.
 *
 * There are two modules that have such caches.  That of peter_sslers says that
 * it has expired a name when it has not: it is told to expire all.  Ours
 * (scripts/openresty) names itself EXPIRER_OURS and does what it is asked.
 */
struct js;
struct network;

#define EXPIRER_OURS "acmed:nginx"
#define EXPIRER_NAMES_MAX 100 /* more at once: all */
#define EXPIRER_UNKNOWN (-1)

enum expirer_task {
	EXPIRER_STATUS,
	EXPIRER_ALL,
	EXPIRER_NAMES
};

struct expirer {
	const struct conf_nginx *conf; /* that expirer_check has passed */
	struct network *net;
	const char *trust; /* PEM of roots, or NULL: the machine's */
	const char *fields; /* of each request (wrap/https.h), or NULL */
};

/* What became of a server. */
struct expired {
	const char *url; /* of the configuration */
	struct err why; /* not set: it has done it */
	struct js *answer; /* of several the last; or NULL */
	int status; /* of what was no such answer; 0: none came */
	char *text; /* the beginning of that, or NULL */
	bool all; /* it was told to expire all */
	int64_t effective; /* seconds until it serves what is new, or
			      EXPIRER_UNKNOWN */
};

/* Whether the settings are those of a pool: KIND_CONF. */
int expirer_check(const struct conf_nginx *c, struct err *e);

/* Adds the ports of its servers, each as often as it comes. */
void expirer_ports(const struct conf_nginx *c, uint16_t *ports, size_t *len);

/*
 * Asks all servers; `names` with EXPIRER_NAMES.  The caller frees `*servers`,
 * one for each of the pool, with expired_free.  -1: KIND_SYS, and nothing is
 * known.
 */
int expirer_run(const struct expirer *x, enum expirer_task task,
    const struct strv *names, struct expired **servers, struct err *e);

void expired_free(struct expired *servers, size_t len); /* NULL-safe */

/* The longest of them, which is EXPIRER_UNKNOWN if one is not known. */
int64_t expired_effective(const struct expired *servers, size_t len);

/*
 * As peter_sslers tells it: {errors, success, servers}, URLs and by URL what
 * the server has said.  Takes the answers.  The caller frees.
 */
struct js *expired_report(struct expired *servers, size_t len);

/* An event of the store: what was expired, where.  KIND_SYS, KIND_BUSY. */
struct store;
int expired_note(struct store *st, const struct strv *names,
    const struct expired *servers, size_t len, struct err *e);

#endif
