#include "order/ordertemplate.h"

#include "acme/ident.h"
#include "solve/solver.h"
#include "store/identifier.h"
#include "wrap/name.h"

#define EXAMPLE "domain.example"

/* `text` with the domain in its place; the caller frees. */
static char *
fill(const char *text, const char *domain)
{
	const char *at = strstr(text, ORDERTEMPLATE_DOMAIN);

	if (!at)
		return xstrdup(text);
	return xasprintf("%.*s%s%s", (int)(at - text), text, domain,
	    at + strlen(ORDERTEMPLATE_DOMAIN));
}

/* "www." before www.shop.example, or anything before *.shop.example. */
static bool
is_left_out(const char *word, const char *domain)
{
	const char *at = strstr(word, ORDERTEMPLATE_DOMAIN);
	size_t before = at ? (size_t)(at - word) : 0;

	return before > 0 &&
	    (ident_is_wildcard(domain) || strncmp(domain, word, before) == 0);
}

static int
add_name(const char *word, const char *domain, struct strv *out, struct err *e)
{
	char *typed = fill(word, domain), *name = name_spell(typed);
	struct identifier id = {0};
	int rc = ident_parse("dns", name, &id, e);

	if (rc == 0)
		strv_add(out, id.value);
	else
		err_object(e, "%.160s", typed);
	identifier_release(&id);
	free(name);
	free(typed);
	return rc;
}

static void
split(const char *words, struct strv *out)
{
	static const char blanks[] = " ,\t";

	for (words += strspn(words, blanks); *words;
	     words += strspn(words, blanks)) {
		size_t len = strcspn(words, blanks);

		strv_addn(out, words, len);
		words += len;
	}
}

int
ordertemplate_names(
    const char *words, const char *domain, struct strv *out, struct err *e)
{
	struct strv l = {0};
	int rc = 0;

	split(words, &l);
	for (size_t i = 0; rc == 0 && i < l.len; i++)
		if (!is_left_out(l.v[i], domain))
			rc = add_name(l.v[i], domain, out, e);
	strv_release(&l);
	return rc;
}

int
ordertemplate_check(const char *words, size_t max, struct err *e)
{
	struct strv l = {0}, names = {0};
	int rc = ordertemplate_names(words, EXAMPLE, &names, e);

	split(words, &l);
	if (rc == 0 && !strv_has(&names, EXAMPLE))
		rc = err_set(e, KIND_INPUT,
		    "%s: the names of a template have " ORDERTEMPLATE_DOMAIN
		    " among them",
		    words);
	if (rc == 0 && l.len > max)
		rc = err_set(e, KIND_INPUT,
		    "%s: with so many names of the queue in a certificate that "
		    "would be more than a certificate has",
		    words);
	strv_release(&names);
	strv_release(&l);
	return rc;
}

/* ---- the policy ---------------------------------------------------------- */

static void
fill_rule(struct orderpolicy *p, const struct orderpolicy_rule *r,
    const struct strv *domains)
{
	if (!r->name || !strstr(r->name, ORDERTEMPLATE_DOMAIN)) {
		orderpolicy_add(p, r->name, r->solver);
		return;
	}
	for (size_t i = 0; i < domains->len; i++) {
		char *typed = fill(r->name, domains->v[i]);
		char *name = name_spell(typed);

		orderpolicy_add(p, name, r->solver);
		free(name);
		free(typed);
	}
}

void
ordertemplate_fill(struct orderpolicy *p, const struct strv *domains)
{
	struct orderpolicy_rule *rules = p->rules;
	size_t len = p->rules_len;

	p->rules = NULL;
	p->rules_len = 0;
	for (size_t i = 0; i < len; i++) {
		fill_rule(p, &rules[i], domains);
		free(rules[i].name);
		free(rules[i].solver);
	}
	free(rules);
}

static bool
has_dns(const struct orderpolicy *p, const char *name, const char *domain)
{
	for (size_t i = 0; i < p->rules_len; i++) {
		char *of =
		    p->rules[i].name ? fill(p->rules[i].name, domain) : NULL;
		bool matches = !of || strcmp(of, name) == 0;

		free(of);
		if (matches &&
		    strcmp(solver_type(p->rules[i].solver), "dns-01") == 0)
			return true;
	}
	return false;
}

int
ordertemplate_check_domain(const char *words, const struct orderpolicy *p,
    const char *domain, struct err *e)
{
	struct strv names = {0};
	int rc = ordertemplate_names(words, domain, &names, e);

	for (size_t i = 0; rc == 0 && i < names.len; i++)
		if (ident_is_wildcard(names.v[i]) &&
		    !has_dns(p, names.v[i], domain))
			rc = err_set(e, KIND_DENIED,
			    "%s: a wildcard is proved by dns-01, and the "
			    "template has no way to meet that",
			    names.v[i]);
	strv_release(&names);
	return rc;
}
