#include "validate/resolve.h"

#include "validate/attempt.h"
#include "wrap/dns.h"

static const enum dns_type families[RESOLVE_MAX] = {DNS_AAAA, DNS_A};

static bool
is_waiting(const struct resolve *r)
{
	for (size_t i = 0; i < RESOLVE_MAX; i++)
		if (r->parts[i].query)
			return true;
	return false;
}

static void
finish(struct resolve *r)
{
	size_t kept = 0;

	for (size_t i = 0; r->is_reversing && i < r->found_len; i++)
		if (r->parts[i].is_good)
			r->found[kept++] = r->found[i];
	if (r->is_reversing)
		r->found_len = kept;
	r->fn(r->arg);
}

/* ---- the way back -------------------------------------------------------- */

static void
on_ptr(void *arg, const struct dns_answer *answer)
{
	struct resolve_part *part = arg;
	struct resolve *r = part->resolve;
	char address[ADDRESS_TEXT_SIZE];
	bool is_good = false;

	part->query = NULL;
	for (size_t i = 0; i < answer->len; i++)
		if (strcmp(answer->records[i].data, r->name) == 0)
			is_good = true;
	part->is_good = answer->status == DNS_FOUND && is_good;
	address_format(&r->found[part - r->parts], address);
	if (answer->status == DNS_FOUND && !is_good)
		err_acme(&r->err, KIND_DENIED, "rejectedIdentifier",
		    "PTR record of %s is %s, not %s", address,
		    answer->len ? answer->records[0].data : "unreadable",
		    r->name);
	else if (answer->status == DNS_FOUND)
		;
	else if (answer->status == DNS_NXDOMAIN || answer->status == DNS_NODATA)
		err_acme(&r->err, KIND_DENIED, "rejectedIdentifier",
		    "%s has no PTR record; it must be %s", address, r->name);
	else
		err_acme(&r->err, KIND_INPUT, "dns",
		    "looking up the PTR record of %s: %s", address,
		    answer->reason);
	if (!is_waiting(r))
		finish(r);
}

/* Begins one look-up; a failure counts as an answer that never came. */
static void
ask(struct resolve *r, size_t i, const char *name, enum dns_type type,
    dns_callback *fn)
{
	struct err e = {0};

	r->parts[i].resolve = r;
	r->parts[i].query =
	    dns_start(r->tools->dns, name, type, fn, &r->parts[i], &e);
	if (!r->parts[i].query)
		err_acme(&r->err, KIND_INPUT, "dns", "%s", e.text);
}

static void
reverse(struct resolve *r)
{
	char name[ADDRESS_REVERSE_SIZE];

	r->is_reversing = true;
	err_clear(&r->err);
	for (size_t i = 0; i < r->found_len; i++) {
		address_reverse(&r->found[i], name);
		ask(r, i, name, DNS_PTR, on_ptr);
	}
	if (!is_waiting(r))
		finish(r);
}

/* ---- the way there ------------------------------------------------------- */

/* Both answers are here. */
static void
go_on(struct resolve *r)
{
	/* IPv6 came first into the list if its answer came first. */
	if (r->found_len == 2 && address_is_v4(&r->found[0])) {
		struct address v4 = r->found[0];

		r->found[0] = r->found[1];
		r->found[1] = v4;
	}
	if (r->found_len == 0 && r->denied > 0)
		r->err = r->denial;
	else if (r->found_len == 0)
		err_acme(&r->err, KIND_INPUT, "dns",
		    "%s has no A or AAAA record", r->name);
	if (r->found_len > 0 && r->tools->verify_ptr)
		reverse(r);
	else
		finish(r);
}

/* Keeps the first address of an answer that the policy lets through. */
static void
take_addresses(struct resolve *r, const struct dns_answer *answer)
{
	bool has_one = false;
	struct address a;

	for (size_t i = 0; i < answer->len; i++) {
		struct err denied = {0};

		if (!address_from_bytes(
			answer->records[i].data, answer->records[i].len, &a))
			continue;
		if (address_policy_check(&r->tools->policy, &a, &denied) < 0) {
			r->denied++;
			if (!err_is_set(&r->denial))
				r->denial = denied;
		} else if (!has_one) {
			has_one = true;
			r->found[r->found_len++] = a;
		}
	}
}

static void
on_address(void *arg, const struct dns_answer *answer)
{
	struct resolve_part *part = arg;
	struct resolve *r = part->resolve;
	enum dns_type type = families[part - r->parts];

	part->query = NULL;
	if (answer->status == DNS_FOUND)
		take_addresses(r, answer);
	else if (answer->status != DNS_NODATA)
		err_acme(&r->err, KIND_INPUT, "dns",
		    "looking up the %s record of %s: %s", dns_type_name(type),
		    r->name, answer->reason);
	if (!is_waiting(r))
		go_on(r);
}

/* An identifier of type ip, or a redirect to it. */
static void
take_literal(struct resolve *r, const struct address *a)
{
	if (address_policy_check(&r->tools->policy, a, &r->err) == 0)
		r->found[r->found_len++] = *a;
	finish(r);
}

void
resolve_start(struct resolve *r, struct attempt_tools *tools, const char *name,
    void (*fn)(void *arg), void *arg)
{
	struct address literal;

	memset(r, 0, sizeof(*r));
	r->tools = tools;
	r->fn = fn;
	r->arg = arg;
	snprintf(r->name, sizeof(r->name), "%s", name);
	str_lower(r->name);
	if (address_parse(name, &literal)) {
		take_literal(r, &literal);
		return;
	}
	for (size_t i = 0; i < RESOLVE_MAX; i++)
		ask(r, i, r->name, families[i], on_address);
	if (!is_waiting(r))
		go_on(r);
}

bool
resolve_expire(struct resolve *r)
{
	if (!is_waiting(r))
		return false;
	resolve_cancel(r);
	err_acme(&r->err, KIND_INPUT, "dns", "looking up %s: no answer in time",
	    r->name);
	/* A PTR record that did not come is not what it must be. */
	if (r->is_reversing)
		finish(r);
	else
		go_on(r);
	return is_waiting(r);
}

void
resolve_cancel(struct resolve *r)
{
	for (size_t i = 0; i < RESOLVE_MAX; i++) {
		if (r->parts[i].query)
			dns_cancel(r->tools->dns, r->parts[i].query);
		r->parts[i].query = NULL;
	}
}
