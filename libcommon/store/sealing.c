#include "store/sealing.h"

#include "wrap/seal.h"

int
sealing_read(
    const char *setting, const char *path, struct seal_key *k, struct err *e)
{
	struct err why = {0};

	if (seal_key_read(path, k, &why) == 0)
		return 0;
	if (why.kind == KIND_NOTFOUND)
		return err_set(e, KIND_CONF,
		    "[store] %s: %s; run acmed-store init", setting, why.text);
	*e = why;
	return -1;
}
