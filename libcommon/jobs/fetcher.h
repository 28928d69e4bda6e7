#ifndef JOBS_FETCHER_H
#define JOBS_FETCHER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "sys/helper.h"

/*
 * A process of its own that has the network and nothing else: it is given a URL
 * and answers with what is there.  It must be started before the store is open,
 * and before there is any secret in memory.
 */
#define FETCHER_BODY_MAX ((size_t)96 * 1024)

struct fetcher_options {
	const struct strv *allowed; /* ranges, as address_policy_init */
	const uint16_t *ports; /* that may be connected to */
	size_t ports_len;
	int64_t total_ms; /* for each */
	/* Called in the new process, to give up its rights. */
	int (*confine)(void *arg, struct err *e);
	void *arg;
};

struct fetcher {
	struct helper helper;
	int64_t total_ms;
};

/* KIND_CONF for a range that is none, KIND_SYS. */
int fetcher_start(
    struct fetcher *f, const struct fetcher_options *o, struct err *e);

/*
 * Puts what is at `url` into `body`, whose maximum is FETCHER_BODY_MAX.
 * KIND_DENIED, also for an address or port that is not allowed, KIND_BUSY: as
 * fetch_get; KIND_SYS when the process is lost, or does not answer: there is no
 * other one then.
 */
int fetcher_get(
    struct fetcher *f, const char *url, struct buf *body, struct err *e);

/* NULL-safe; also for {0}. */
void fetcher_stop(struct fetcher *f);

#endif
