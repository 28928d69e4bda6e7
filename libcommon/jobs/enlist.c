#include "jobs/enlist.h"

#include "acme/ident.h"
#include "order/ordertemplate.h"
#include "store/identifier.h"
#include "wrap/name.h"
#include "wrap/suffix.h"

char *
enlist_spell(const char *typed, struct err *e)
{
	char *name = name_spell(typed);
	struct identifier id = {0};
	int rc = 0;

	if (name_is_address(name))
		rc = err_set(e, KIND_INPUT,
		    "an address has no place in the queue; acme-order is for "
		    "it");
	if (rc == 0)
		rc = ident_parse("dns", name, &id, e);
	free(name);
	if (rc < 0)
		return NULL;
	return id.value; /* transferred */
}

int
enlist_open(struct enlist *l, struct store *st, const char *template,
    const struct suffix_list *suffixes, struct err *e)
{
	*l = (struct enlist){.suffixes = suffixes};
	if (domain_template_by_name(st,
		template ? template : DOMAIN_TEMPLATE_DEFAULT, &l->template,
		e) < 0)
		return -1;
	return orderpolicy_read(&l->policy, l->template.policy, e);
}

void
enlist_release(struct enlist *l)
{
	domain_template_release(&l->template);
	orderpolicy_release(&l->policy);
}

char *
enlist_name(const struct enlist *l, const char *typed, struct err *e)
{
	char *name = enlist_spell(typed, e);

	if (name &&
	    ordertemplate_check_domain(l->template.names, &l->policy, name, e) <
		0) {
		free(name);
		return NULL;
	}
	return name;
}

const char *
enlist_registered(const struct enlist *l, const char *name)
{
	return suffix_registered(
	    l->suffixes, ident_is_wildcard(name) ? name + 2 : name);
}
