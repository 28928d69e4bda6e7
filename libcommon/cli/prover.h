#ifndef CLI_PROVER_H
#define CLI_PROVER_H

#include "jobs/deployer.h"
#include "jobs/prober.h"
#include "jobs/prove.h"

/*
 * Handshakes for programs: processes confined to the ports in question, and
 * what they bring compared with the store, which is opened after them.
 */
struct prog;
struct store;

struct prover {
	const struct prog *prog;
	struct store *st; /* set by the caller, once it is open */
	struct prober prober;
	uint16_t *ports;
	size_t ports_len;
	char *host, *port; /* of prover_start */
};

#define PROVER_MS 15000 /* for one handshake, addresses and all */
#define PROVER_JOBS_MAX 100
#define PROVER_JOBS_PLACE 16 /* at one place */

/* For one place, HOST:PORT, several at once.  KIND_INPUT, KIND_SYS. */
int prover_start(struct prover *p, const struct prog *prog, const char *place,
    struct err *e);

/* For many places; `ports` are theirs, and are taken. */
int prover_start_many(struct prover *p, const struct prog *prog,
    uint16_t *ports, size_t len, size_t jobs, struct err *e);

void prover_stop(struct prover *p); /* NULL-safe; also for {0} */

/*
 * Whether the place of prover_start serves certificates, each asked for by the
 * first of its names that can be.  KIND_BUSY: not now, and it says what
 * instead.
 */
int prover_check_deployed(struct prover *p, const char *place,
    const struct deployer_proof *proof, struct err *e);

#endif
