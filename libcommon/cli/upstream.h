#ifndef CLI_UPSTREAM_H
#define CLI_UPSTREAM_H

#include "client/enrol.h"
#include "store/store.h"
#include "store/upstream_ca.h"
#include "sys/sandbox.h"
#include "wrap/seal.h"

/*
 * What every program that talks to CAs does at its start, in the one order in
 * which each part has no more than it needs: upstream_start, whatever secrets
 * the program reads itself, upstream_enter, upstream_open_ca.
 */
struct network;
struct prog;

struct upstream {
	struct store *st;
	struct network *net;
	struct client *client; /* of `ca` */
	struct upstream_ca ca;
	struct seal_key seal_room;
	const struct seal_key *seal; /* of account keys, or NULL */
	bool is_unattended; /* as client_set_unattended */
	int trace; /* for clients: a descriptor, or -1 */
	/* before upstream_enter: */
	enum sandbox_role role;
	bool runs_programs; /* so no sandbox can hold */
};

/*
 * Looks into the store for the ports that CAs are on, and starts the process
 * with the network, which becomes [client] user.  The command needs CONF_STORE
 * and CONF_CLIENT.  `ca` is what the operator has named, or NULL: its port may
 * be connected to as well.  Ends with upstream_stop in any case.
 */
int upstream_start(
    struct upstream *u, struct prog *p, const char *ca, struct err *e);

/*
 * Reads the key under which account keys are sealed, becomes [client] user,
 * opens the store, unless that has been done, and gives up what else there was.
 */
int upstream_enter(struct upstream *u, const struct prog *p, struct err *e);

/*
 * Makes a client of the CA called so, or NULL: [client] ca.  The one before is
 * gone.
 */
int upstream_open_ca(
    struct upstream *u, const struct prog *p, const char *ca, struct err *e);

/* What client/enrol.h wants, once there is a client. */
struct enrol upstream_enrol(const struct upstream *u);

/* NULL-safe; also for {0}. */
void upstream_stop(struct upstream *u);

#endif
