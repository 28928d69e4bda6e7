#ifndef CLI_CERTS_H
#define CLI_CERTS_H

#include "cli/out.h"
#include "store/certificate_list.h"

/* Certificates as lists print them, a record each. */
struct certs {
	struct store *st;
	struct out out;
	int64_t printed;
};

void certs_init(struct certs *c, struct store *st, bool json, bool header);

/* For certificate_list and certificate_sweep: `arg` is the struct certs. */
int certs_print(void *arg, const struct certificate_item *c, struct err *e);

#endif
