#ifndef CONF_TABLE_H
#define CONF_TABLE_H

#include "conf/conf.h"
#include "conf/value.h"

/* The one table of everything that can be configured. */

struct table_key {
	unsigned section; /* CONF_* */
	const char *name;
	struct value_rule rule;
	size_t offset; /* of the field in struct conf */
	const char *fallback; /* as text; NULL: absent, or the empty list */
	bool required;
	const char *hint; /* for the error when a required key is absent */
	const char *doc; /* one line */
};

#define TABLE_MAX 192

extern const struct table_key table_keys[];
extern const size_t table_keys_len; /* at most TABLE_MAX */

/* The name of a section, NULL for none; and back, 0 for an unknown name. */
const char *table_section(unsigned section);
unsigned table_section_by_name(const char *name);

/* The key `name` of a section, or NULL. */
const struct table_key *table_find(unsigned section, const char *name);

#endif
