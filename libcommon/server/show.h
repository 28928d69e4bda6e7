#ifndef SERVER_SHOW_H
#define SERVER_SHOW_H

#include "server/server.h"

/*
 * Resources as RFC 8555 7.1 writes them.  The caller frees each value.
 */
struct authorization;
struct challenge;
struct order;

struct js *show_account(const struct call *c, const struct account *a);
struct js *show_order(const struct call *c, const struct order *o);

/*
 * The challenges are those that RFC 8555 7.1.4 names: all while it is pending,
 * the one that succeeded when it is valid, the one that failed when invalid.
 */
struct js *show_authorization(
    const struct call *c, const struct authorization *a);

/* Its error is shown only when it is final: uacme takes any for a failure. */
struct js *show_challenge(const struct call *c, const struct authorization *a,
    const struct challenge *ch);

/* Whether the client should come back in a second. */
bool show_is_processing(const struct authorization *a);

#endif
