#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "base/base.h"

/*
 * The schema as steps, in order: store/schema/NNNN.sql, compiled in.  A store
 * of version N has had the steps up to N.  A step that was released is never
 * changed; what is new goes into a new one.
 */
struct schema_step {
	int version;
	const char *sql; /* with the tokens of wrap/db.h */
};

extern const struct schema_step schema_steps[];
extern const size_t schema_steps_len;

/* The version this program works with: that of the last step. */
int schema_version(void);

#endif
