#include "order/ordercheck.h"

#include "acme/ident.h"
#include "store/identifier.h"
#include "store/upstream_account.h"
#include "wrap/name.h"

/* ---- names --------------------------------------------------------------- */

int
ordercheck_name(
    const char *typed, struct strv *dns, struct strv *ip, struct err *e)
{
	char *name = name_spell(typed);
	bool is_ip = name_is_address(name);
	struct identifier id = {0};
	int rc = ident_parse(is_ip ? "ip" : "dns", name, &id, e);

	if (rc == 0)
		strv_add(is_ip ? ip : dns, id.value);
	else
		err_object(e, "%.160s", typed);
	identifier_release(&id);
	free(name);
	return rc;
}

int
ordercheck_names(
    const struct strv *typed, struct strv *dns, struct strv *ip, struct err *e)
{
	for (size_t i = 0; i < typed->len; i++)
		if (ordercheck_name(typed->v[i], dns, ip, e) < 0)
			return -1;
	strv_sort_unique(dns);
	strv_sort_unique(ip);
	if (dns->len + ip->len == 0)
		return err_set(e, KIND_INPUT, "an order for no name");
	if (dns->len + ip->len > ORDERCHECK_NAMES_MAX)
		return err_set(e, KIND_INPUT,
		    "%s and others: more than %d names in one order",
		    dns->len > 0 ? dns->v[0] : ip->v[0], ORDERCHECK_NAMES_MAX);
	return 0;
}

/* ---- the account --------------------------------------------------------- */

/* One that came from elsewhere has agreed there. */
static bool
has_agreed(const struct ordercheck *c)
{
	return !client_terms(c->client) || c->account->terms_agreed ||
	    strcmp(c->account->source, "import") == 0;
}

int
ordercheck_account(const struct ordercheck *c, struct err *e)
{
	long long id = (long long)c->account->id;

	if (c->account->status != UPSTREAM_ACCOUNT_VALID || !c->account->url)
		return err_set(e, KIND_CONFLICT,
		    "upstream account %lld is %s; %s", id,
		    c->account->url ? "deactivated" : "not registered",
		    cause_advice(CAUSE_ACCOUNT));
	if (!has_agreed(c))
		return err_set(e, KIND_DENIED,
		    "upstream account %lld has not agreed to %s; acme-account "
		    "update --agree-terms does",
		    id, client_terms(c->client));
	if (c->profile && !client_has_profile(c->client, c->profile))
		return err_set(e, KIND_DENIED, "the CA has no profile %s; %s",
		    c->profile, cause_advice(CAUSE_PROFILE));
	return 0;
}

/* ---- challenges ---------------------------------------------------------- */

/* RFC 8555 8.4, RFC 8737, RFC 8738: by what a name can be proved. */
static int
check_name(
    const struct ordercheck *c, const char *name, bool is_ip, struct err *e)
{
	bool is_wildcard = ident_is_wildcard(name);

	if (!is_ip && solvers_has(c->solvers, c->policy, name, "dns-01"))
		return 0;
	if (!is_wildcard &&
	    (solvers_has(c->solvers, c->policy, name, "http-01") ||
		solvers_has(c->solvers, c->policy, name, "tls-alpn-01")))
		return 0;
	return err_set(e, KIND_DENIED,
	    "%s: no challenge that could be met would prove it; --challenge "
	    "wants a way to meet %s",
	    name,
	    is_wildcard ? "dns-01, as for all wildcards"
		: is_ip ? "http-01 or tls-alpn-01, as for all addresses"
			: "one");
}

int
ordercheck_order(const struct ordercheck *c, const struct strv *dns,
    const struct strv *ip, struct err *e)
{
	for (size_t i = 0; i < dns->len; i++)
		if (check_name(c, dns->v[i], false, e) < 0)
			return -1;
	for (size_t i = 0; i < ip->len; i++)
		if (check_name(c, ip->v[i], true, e) < 0)
			return -1;
	return 0;
}
