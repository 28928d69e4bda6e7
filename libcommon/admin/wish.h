#ifndef ADMIN_WISH_H
#define ADMIN_WISH_H

#include "base/err.h"

/*
 * What programs made for peter_sslers say with a name: how its certificate is
 * to be made.  Here a template says that.
 */
struct enlist;
struct form;
struct store;

/*
 * Whether all fields of a form say what the template does; one without a text
 * says nothing.  KIND_INPUT names the first that does not, and what the
 * template has.
 */
int wish_check(struct store *st, const struct form *f, const struct enlist *l,
    struct err *e);

#endif
