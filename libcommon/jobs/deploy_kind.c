#include "jobs/deploy_kind.h"

const struct deploy_kind deploy_kinds[] = {
    {.name = "tree",
	.rank = 10,
	.reads = 10,
	/* some layouts have a file of all names, which each batch writes */
	.batch = 20000,
	.reads_keys = true,
	.check = deploy_tree_check,
	.run = deploy_tree_run},
    {.name = "redis",
	.rank = 20,
	.reads = 20,
	.batch = 1000,
	.reads_keys = true,
	.to_redis = true,
	.check = deploy_redis_check,
	.run = deploy_redis_run},
    {.name = "nginx",
	.rank = 30,
	.reads = 20,
	.batch = 1000,
	.to_nginx = true,
	.check = deploy_nginx_check,
	.run = deploy_nginx_run},
    {.name = "hook",
	.rank = 90,
	.reads = 0,
	.batch = 1000,
	.check = deploy_hook_check,
	.run = deploy_hook_run},
};
_Static_assert(ARRAY_LEN(deploy_kinds) == DEPLOY_KINDS, "see deploy_kind.h");

const struct deploy_kind *
deploy_kind_by_name(const char *name)
{
	for (size_t i = 0; i < DEPLOY_KINDS; i++)
		if (strcmp(deploy_kinds[i].name, name) == 0)
			return &deploy_kinds[i];
	return NULL;
}
