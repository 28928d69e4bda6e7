#ifndef CLI_RIGHTS_H
#define CLI_RIGHTS_H

#include "base/err.h"
#include "store/store.h"
#include "sys/sandbox.h"

/* The last step before the work: what a program gives up, by its configuration.
 */
struct conf;
struct prog;

/* What [sandbox] says. */
enum sandbox_mode rights_mode(const struct conf *c);

/*
 * Enters the role (sys/sandbox.h), with the paths and ports of `p`'s
 * configuration and operands, as [sandbox] says.  After proc_drop, and after
 * everything that the row of the role does not have was opened: a store must
 * be open, unless the role is that of the validator.
 * Returns 0, or -1: KIND_CONF when Landlock is required and missing, KIND_SYS.
 */
int rights_enter(const struct prog *p, enum sandbox_role role, struct err *e);

/*
 * Opens the store of the configuration and then enters the role: the last that
 * needs rights, and their end.  NULL fails as store_open or rights_enter.
 */
struct store *rights_open_store(const struct prog *p, enum store_mode mode,
    enum sandbox_role role, struct err *e);

/*
 * As rights_enter, for a role that connects to these ports, and to that of DNS,
 * instead of those of the configuration.
 */
int rights_enter_ports(const struct prog *p, enum sandbox_role role,
    const uint16_t *ports, size_t len, struct err *e);

#endif
