#ifndef JOBS_PROBER_H
#define JOBS_PROBER_H

#include "sys/helper.h"

/*
 * TLS handshakes by processes that have the network and nothing else: no store,
 * no secret.  Each does one at a time.
 */
struct probe {
	const char *host; /* a name or an address */
	const char *port;
	const char *sni; /* or NULL */
};

/* Reads "HOST:PORT", "[IPV6]:PORT" or "HOST": the caller frees both. */
int probe_parse(const char *text, char **host, char **port, struct err *e);

struct prober {
	struct helper *helpers;
	size_t len;
	int64_t total_ms;
};

struct prober_options {
	size_t jobs; /* processes */
	int64_t total_ms; /* for one */
	/* Called in each process, to give up what it does not need. */
	int (*confine)(void *arg, struct err *e);
	void *arg;
};

/* Before there is a secret in memory.  KIND_SYS. */
int prober_start(
    struct prober *p, const struct prober_options *o, struct err *e);
void prober_stop(struct prober *p); /* NULL-safe; also for {0} */

/*
 * Does many: `next` gives one, or returns 0 when there is no other; its texts
 * live until `told` is called for it, with `tag` and what came: the frames of
 * tlsprobe, or why not: KIND_INPUT, there was no TLS; KIND_BUSY, nobody was
 * reached.
 */
struct probing {
	int (*next)(void *arg, struct probe *p, size_t *tag);
	void (*told)(
	    void *arg, size_t tag, struct buf *certs, const struct err *why);
	void *arg;
};
int prober_run(struct prober *p, const struct probing *g, struct err *e);

#define PROBER_ANSWER_MAX ((size_t)120 * 1024)

#endif
