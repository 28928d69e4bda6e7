#ifndef CLI_ORDERMAKE_H
#define CLI_ORDERMAKE_H

#include "base/str.h"
#include "cli/orderrun.h"

/* acme-order run, new: orders are made for names that are given. */
struct ordermake_options {
	const char *account, *ca, *csr_file, *key, *key_type, *key_cycle;
	const char *not_after, *preferred_chain, *profile, *replaces;
	int64_t days;
	bool keep_pending, no_auto_renew, no_precheck, no_replaces;
	struct strv challenges; /* is released */
	struct orderrun_options run;
};

/* For the operands of `p`, and goes on with each until `is_enough`. */
int ordermake_run(struct prog *p, struct ordermake_options *how,
    orderrun_enough *is_enough, struct err *e);

#endif
