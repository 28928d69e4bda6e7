#include "policy/csrs.h"

#include "policy/keys.h"
#include "wrap/csr.h"

#define BAD_CSR "badCSR"

/* The names of a request as sets, in the order's spelling. */
struct names {
	struct strv dns;
	struct strv ip;
};

/* A commonName counts as an address if the order has it as one. */
static void
collect(const struct csr *c, const struct strv *order_ip, struct names *out)
{
	const struct strv *dns = csr_dns(c), *ip = csr_ip(c), *cn = csr_cn(c);

	for (size_t i = 0; i < dns->len; i++)
		strv_add_lower(&out->dns, dns->v[i]);
	for (size_t i = 0; i < ip->len; i++)
		strv_add(&out->ip, ip->v[i]);
	for (size_t i = 0; i < cn->len; i++)
		if (strv_has(order_ip, cn->v[i]))
			strv_add(&out->ip, cn->v[i]);
		else
			strv_add_lower(&out->dns, cn->v[i]);
	strv_sort_unique(&out->dns);
	strv_sort_unique(&out->ip);
}

/* Whether all of `some` are in `all`; says who names what the other does not.
 */
static int
check_subset(const struct strv *some, const char *who, const struct strv *all,
    const char *other, struct err *e)
{
	char name[128];

	for (size_t i = 0; i < some->len; i++) {
		if (strv_has(all, some->v[i]))
			continue;
		str_escape(name, sizeof(name), some->v[i], strlen(some->v[i]));
		return err_acme(e, KIND_INPUT, BAD_CSR,
		    "RFC 8555 7.4: %s names %s which %s does not", who, name,
		    other);
	}
	return 0;
}

static int
check_names(const struct csr *c, const struct strv *dns, const struct strv *ip,
    struct err *e)
{
	static const char csr[] = "CSR", order[] = "the order";
	struct names n = {0};
	int rc = -1;

	collect(c, ip, &n);
	if (n.dns.len == 0 && n.ip.len == 0)
		err_acme(e, KIND_INPUT, BAD_CSR,
		    "RFC 8555 7.4: there are no names in the CSR");
	else if (check_subset(&n.dns, csr, dns, order, e) == 0 &&
	    check_subset(&n.ip, csr, ip, order, e) == 0 &&
	    check_subset(dns, order, &n.dns, csr, e) == 0 &&
	    check_subset(ip, order, &n.ip, csr, e) == 0)
		rc = 0;
	strv_release(&n.dns);
	strv_release(&n.ip);
	return rc;
}

int
csrs_check(const struct csr *c, const struct strv *dns, const struct strv *ip,
    const struct keys_blocklist *blocked, struct err *e)
{
	if (csr_other_san(c) != NULL)
		return err_acme(e, KIND_INPUT, BAD_CSR,
		    "RFC 8555 7.4: CSR asks for a name of kind %s",
		    csr_other_san(c));
	if (csr_is_ca(c))
		return err_acme(e, KIND_INPUT, BAD_CSR,
		    "RFC 8555 7.4: CSR asks for a CA certificate");
	if (check_names(c, dns, ip, e) == -1)
		return -1;
	if (csr_is_weak(c))
		return err_acme(e, KIND_INPUT, BAD_CSR,
		    "RFC 8555 11.1: CSR is signed with %s, which is too weak",
		    csr_signature(c));
	if (keys_check(csr_key(c), blocked, BAD_CSR, e) == -1)
		return -1;
	return csr_verify(c, e);
}
