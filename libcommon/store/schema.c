#include "store/schema.h"

int
schema_version(void)
{
	return schema_steps[schema_steps_len - 1].version;
}
