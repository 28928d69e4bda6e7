#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "server/server.h"

struct order;

/*
 * The resources, one function for each row of the route table (dispatch.c),
 * in the files serve_*.c.  Method, path, envelope and the kind of payload have
 * been checked; what is left is whose the thing is, and the thing itself.
 * Each fills the response and returns 0, or -1 with the failure.
 */

/* serve_directory.c: RFC 8555 7.1.1, 7.2, and "/" for who looks */
int serve_directory(struct call *c, struct err *e);
int serve_directory_nonce(struct call *c, struct err *e);
int serve_directory_root(struct call *c, struct err *e);

/* serve_account.c: 7.3, 7.3.1 to 7.3.3, 7.3.6, 7.1.2.1 */
int serve_account_new(struct call *c, struct err *e);
int serve_account(struct call *c, struct err *e);
int serve_account_orders(struct call *c, struct err *e);

/* serve_keychange.c: 7.3.5 */
int serve_keychange(struct call *c, struct err *e);

/* serve_order.c: 7.4 */
int serve_order_new(struct call *c, struct err *e);
int serve_order(struct call *c, struct err *e);

/* What an order is answered with, by finalize as well; returns 0. */
int serve_order_answer(struct call *c, int status, const struct order *o);

/* serve_finalize.c: 7.4 */
int serve_finalize(struct call *c, struct err *e);

/* serve_authorization.c: 7.5, 7.5.1, 7.5.2 */
int serve_authorization(struct call *c, struct err *e);
int serve_authorization_challenge(struct call *c, struct err *e);

/* serve_certificate.c: 7.4.2 */
int serve_certificate(struct call *c, struct err *e);

/* serve_renewal.c: RFC 9773 4 */
int serve_renewal(struct call *c, struct err *e);

/* serve_revoke.c: 7.6 */
int serve_revoke(struct call *c, struct err *e);

#endif
