#include "jobs/due.h"

#include "store/renewal_info.h"

struct due
due_find(int64_t not_before, int64_t not_after, const struct renewal_info *info)
{
	if (info && info->window_end != 0 && info->chosen < not_after)
		return (struct due){info->chosen, DUE_WINDOW};
	return (struct due){
	    not_after - (not_after - not_before) / 3, DUE_LIFETIME};
}
