#include "order/ordernew.h"

#include "client/limit.h"
#include "order/ordercheck.h"
#include "order/orderpolicy.h"
#include "sys/clock.h"

int
ordernew_set_names(struct ordernew *n, const struct strv *names,
    const struct suffix_list *l, struct err *e)
{
	if (ordercheck_names(names, &n->dns, &n->ip, e) < 0)
		return -1;
	limits_registered(l, &n->dns, &n->ip, &n->registered);
	n->row.dns = &n->dns;
	n->row.ip = &n->ip;
	n->row.registered = &n->registered;
	return 0;
}

static void
copy_row(struct upstream_order_new *row, const struct upstream_order *o,
    const struct orderpolicy *p)
{
	*row = (struct upstream_order_new){
	    .upstream_account_id = o->upstream_account_id,
	    .policy = o->policy,
	    .profile = o->profile,
	    .not_before = o->not_before,
	    .not_after = orderpolicy_end(p, clock_now()),
	    .replaces_id = p->replaces_id ? o->replaces_id : 0,
	    .follows = !p->replaces_id && o->replaces_id,
	    .retry_of_id = o->id};
	if (p->private_key_id)
		row->private_key_id = o->private_key_id;
	else if (o->private_key_id == 0) /* the request of others */
		row->certificate_request_id = o->certificate_request_id;
}

int
ordernew_again(struct ordernew *n, struct store *st,
    const struct upstream_order *o, const struct suffix_list *l, struct err *e)
{
	struct orderpolicy policy = {0};
	struct strv names = {0};
	int rc;

	if (upstream_order_is_open(o->status) ||
	    o->status == UPSTREAM_ORDER_VALID)
		return err_set(e, KIND_CONFLICT, "upstream_order/%lld is %s",
		    (long long)o->id, upstream_order_status_name(o->status));
	rc = orderpolicy_read(&policy, o->policy, e);
	if (rc == 0)
		copy_row(&n->row, o, &policy);
	if (rc == 0)
		rc = upstream_order_names(st, o->id, &names, &names, e);
	if (rc == 0)
		rc = ordernew_set_names(n, &names, l, e);
	orderpolicy_release(&policy);
	strv_release(&names);
	return rc;
}

void
ordernew_release(struct ordernew *n)
{
	if (!n)
		return;
	strv_release(&n->dns);
	strv_release(&n->ip);
	strv_release(&n->registered);
}
