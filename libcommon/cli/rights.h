#ifndef CLI_RIGHTS_H
#define CLI_RIGHTS_H

#include "base/err.h"
#include "sys/sandbox.h"

/* The last step before the work: what a program gives up, by its configuration.
 */
struct prog;

/*
 * Enters the role (sys/sandbox.h), with the paths and ports of `p`'s
 * configuration and operands, as [sandbox] says.  After proc_drop, and after
 * everything that the row of the role does not have was opened: a store must
 * be open, unless the role is that of the validator.
 * Returns 0, or -1: KIND_CONF when Landlock is required and missing, KIND_SYS.
 */
int rights_enter(const struct prog *p, enum sandbox_role role, struct err *e);

/*
 * The same for a role that connects to these ports, and to that of DNS, instead
 * of those of the configuration.
 */
int rights_enter_ports(const struct prog *p, enum sandbox_role role,
    const uint16_t *ports, size_t len, struct err *e);

#endif
