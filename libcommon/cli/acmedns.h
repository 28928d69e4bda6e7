#ifndef CLI_ACMEDNS_H
#define CLI_ACMEDNS_H

#include "base/err.h"

/*
 * Our accounts at acme-dns servers: all of them, new ones ahead of the orders
 * that need them, and whether they are still good.  The command needs
 * CONF_STORE and CONF_CLIENT.
 */
struct prog;

struct acmedns {
	const char *server; /* URL, or NULL: all, but for a registration */
	char **names; /* operands */
	int len; /* 0: all, but for a registration */
};

/* Prints those of the store. */
int acmedns_list(struct prog *p, const struct acmedns *how, struct err *e);

/*
 * Makes an account for each name that has none, and prints it, with the CNAME
 * that a person is to make.
 */
int acmedns_register(struct prog *p, const struct acmedns *how, struct err *e);

/*
 * Looks whether the CNAME of each leads to it, and whether the server takes a
 * text for it.
 */
int acmedns_audit(struct prog *p, const struct acmedns *how, struct err *e);

#endif
