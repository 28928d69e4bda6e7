#include "store/identifier.h"

static const char *const names[] = {
    [IDENTIFIER_DNS] = "dns",
    [IDENTIFIER_IP] = "ip",
};
_Static_assert(ARRAY_LEN(names) == IDENTIFIER__MAX, "one per type");

const char *
identifier_type_name(enum identifier_type type)
{
	return type < IDENTIFIER__MAX ? names[type] : "?";
}

int
identifier_type_by_name(const char *name, enum identifier_type *type)
{
	size_t i;

	for (i = 0; i < IDENTIFIER__MAX; i++) {
		if (strcmp(name, names[i]) == 0) {
			*type = (enum identifier_type)i;
			return 0;
		}
	}
	return -1;
}

bool
identifier_is_wildcard(const struct identifier *id)
{
	return id->type == IDENTIFIER_DNS && strncmp(id->value, "*.", 2) == 0;
}

void
identifier_release(struct identifier *id)
{
	if (!id)
		return;
	free(id->value);
	id->value = NULL;
}
