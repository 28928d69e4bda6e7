#ifndef TESTS_BENCH_LIB_ANSWER_H
#define TESTS_BENCH_LIB_ANSWER_H

#include "base/base.h"
#include "loop.h"

/*
 * What the server's validator looks for, answered on 127.0.0.1 within the
 * loop.  Each can be had once, exits when the port cannot be, and stays to the
 * end.
 */

/* http-01: `thumbprint` finds that of a token's account, NULL for no such. */
void answer_http(struct loop *l, const char *port,
    const char *(*thumbprint)(void *arg, const char *token), void *arg);

/* DNS: every name has the address 127.0.0.1, and nothing else. */
void answer_dns(struct loop *l, const char *port);

#endif
