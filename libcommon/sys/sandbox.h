#ifndef SYS_SANDBOX_H
#define SYS_SANDBOX_H

#include "base/err.h"
#include "base/str.h"

/*
 * What a process gives up once it has opened what it needs: one table, a row
 * for each role, of what is left to it.  What holds is Landlock, a policy of
 * the kernel on paths and TCP ports, which binds root too: a file that no rule
 * allows cannot be opened, and no program can be started, since none of the
 * rules allows that.  Descriptors that are open stay as they are.  Not covered
 * are UDP, unix sockets (before ABI 9, which nobody has tried) and code that a
 * process brings along itself.  The resource limits only make mischief dearer:
 * that on processes counts all of a user's, and does not bind root.
 */
enum sandbox_role {
	SANDBOX_ACCEPT, /* acmed-accept: talks to one client at a time */
	SANDBOX_ACCEPT_MASTER, /* starts such workers, who open all they need */
	SANDBOX_CHALLENGE, /* acmed-challenge, with the store open */
	SANDBOX_CHALLENGE_MASTER, /* starts such workers */
	SANDBOX_STATELESS, /* acmed-challenge without a store */
	SANDBOX_STATELESS_MASTER,
	SANDBOX_ADMIN, /* acmed-admin: talks to one client at a time */
	SANDBOX_ADMIN_MASTER, /* starts such workers */
	SANDBOX_VALIDATE_STORE, /* acme-validate: starts the next one */
	SANDBOX_VALIDATE_NETWORK,
	SANDBOX_SIGN_SERVICE, /* acme-sign serve */
	SANDBOX_SIGN_FILTER, /* acme-sign */
	SANDBOX_SIGN_CRL,
	SANDBOX_SIGN_SWEEP,
	SANDBOX_STORE_USER, /* acmed-store, with the store open */
	SANDBOX_STORE_BACKUP,
	SANDBOX_EXPORT_FILE, /* cert-export, into one file */
	SANDBOX_EXPORT_TREE,
	SANDBOX_IMPORT, /* cert-import, with the store open */
	SANDBOX_FETCH, /* cert-manage reconcile: GETs what the other one says */
	SANDBOX_PROVE, /* TLS handshakes for cert-list prove */
	SANDBOX_CLIENT_NETWORK, /* speaks with CAs for the ACME client */
	SANDBOX_CLIENT_ORDER, /* orders, with the store and solvers open */
	SANDBOX__MAX
};

/* A kind of place; which paths that are, the caller says. */
enum sandbox_place {
	SANDBOX_DEVICES, /* the caller need not name them */
	SANDBOX_STORE_DIRECTORY,
	SANDBOX_STORE_FILES, /* what else opening a store reads */
	SANDBOX_NONCE_DIRECTORY,
	SANDBOX_BLOCKLIST_DIRECTORY,
	SANDBOX_TLS_DIRECTORY, /* of the server's certificate, and its key */
	SANDBOX_RESOLVER_FILES,
	SANDBOX_CRL_FILE,
	SANDBOX_CRL_DIRECTORY,
	SANDBOX_BACKUP_DIRECTORY,
	SANDBOX_OUTPUT_DIRECTORY, /* of a file that is replaced */
	SANDBOX_OUTPUT_TREE,
	SANDBOX_OPERANDS, /* files and directories that are to be read */
	SANDBOX_SOLVER_TREES, /* directories where challenges are answered */
	SANDBOX_PLACE__MAX
};

/* What is left to a role; 0 is nothing, for limits as much as there was. */
struct sandbox_row {
	const char *name;
	uint64_t rights[SANDBOX_PLACE__MAX]; /* LANDLOCK_ACCESS_FS_* */
	bool connects; /* TCP, to the ports that the caller names */
	bool opens_store; /* so to its server's ports at least */
	bool spawns; /* processes or threads */
	uint64_t descriptors;
	uint64_t memory; /* bytes of address space */
};
const struct sandbox_row *sandbox_row(enum sandbox_role role);

/* What is forbidden but for the rules, by what the kernel can do. */
struct sandbox_plan {
	uint64_t files, tcp, scope; /* LANDLOCK_ACCESS_*, LANDLOCK_SCOPE_* */
	char without[64]; /* what it cannot do, as words with blanks between */
};

/* The plan for a Landlock ABI; 0 is a kernel that has none. */
void sandbox_plan(int abi, struct sandbox_plan *plan);

enum sandbox_mode {
	SANDBOX_ON, /* as much as the kernel has */
	SANDBOX_REQUIRED, /* no Landlock is an error */
	SANDBOX_OFF /* no Landlock, only limits */
};

/* {0} is empty; sandbox_release frees what it holds. */
struct sandbox {
	struct strv
	    paths[SANDBOX_PLACE__MAX]; /* what is not there is skipped */
	uint16_t *ports;
	size_t ports_len;
};
void sandbox_release(struct sandbox *s);

/* Lets TCP connect to `port`, for a role that connects or opens a store. */
void sandbox_add_port(struct sandbox *s, uint16_t port);

/*
 * Enters for good, with all processes that are started later; they may enter
 * another role, which leaves them what both rows do.  No other thread may be
 * running.  Logs one debug event: role, ABI, and what could not be had.
 * Returns 0, or -1: KIND_CONF when SANDBOX_REQUIRED meets a kernel without
 * Landlock, KIND_SYS.
 */
int sandbox_enter(enum sandbox_role role, enum sandbox_mode mode,
    const struct sandbox *s, struct err *e);

#endif
