#include "wrap/suffix.h"

#include <libpsl.h>

struct suffix_list {
	psl_ctx_t *psl;
};

struct suffix_list *
suffix_list_load(struct err *e)
{
	psl_ctx_t *psl = psl_latest(NULL);
	struct suffix_list *l;

	if (!psl) {
		err_set(e, KIND_SYS,
		    "there is no public suffix list; the package publicsuffix "
		    "has it");
		return NULL;
	}
	l = xcalloc(1, sizeof(*l));
	l->psl = psl;
	return l;
}

void
suffix_list_free(struct suffix_list *l)
{
	if (!l)
		return;
	psl_free(l->psl);
	free(l);
}

const char *
suffix_registered(const struct suffix_list *l, const char *name)
{
	const char *registered = psl_registrable_domain(l->psl, name);

	return registered ? registered : name;
}
