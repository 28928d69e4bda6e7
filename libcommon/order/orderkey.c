#include "order/orderkey.h"

#include "base/str.h"
#include "store/certificate_request.h"
#include "store/key_cycle.h"
#include "store/private_key.h"
#include "sys/clock.h"
#include "wrap/csr.h"
#include "wrap/key.h"

#define KEY_TYPE_DEFAULT "p256"

static const char *
first_of(const char *a, const char *b, const char *c)
{
	return a ? a : b ? b : c;
}

int
orderkey_check(const char *key_type, const char *key_cycle, struct err *e)
{
	if (str_same(key_cycle, ORDERPOLICY_KEY_CYCLE_ACCOUNT))
		key_cycle = NULL;
	return orderkey_check_account(key_type, key_cycle, e);
}

int
orderkey_check_account(
    const char *key_type, const char *key_cycle, struct err *e)
{
	struct err ignored = {0};
	enum key_cycle cycle;
	enum key_type type;
	int bits;

	if (key_type && key_type_parse(key_type, &type, &bits, &ignored) < 0)
		return err_set(e, KIND_USAGE,
		    "%s: no type of key, as p256 or rsa2048 is", key_type);
	if (key_cycle && key_cycle_by_name(key_cycle, &cycle) < 0)
		return err_set(e, KIND_USAGE,
		    "%s: no cycle, as single_certificate or account_daily is",
		    key_cycle);
	return 0;
}

const char *
orderkey_type(const struct orderkey *k)
{
	return first_of(k->policy->key_type, k->key_type, KEY_TYPE_DEFAULT);
}

const char *
orderkey_cycle(const struct orderkey *k)
{
	return first_of(orderpolicy_key_cycle(k->policy), k->key_cycle,
	    key_cycle_name(KEY_CYCLE_SINGLE_CERTIFICATE));
}

static int
use_of(const struct orderkey *k, const struct upstream_order *o,
    struct key_cycle_use *use, struct err *e)
{
	const char *cycle = orderkey_cycle(k);

	*use = (struct key_cycle_use){.account_id = o->upstream_account_id,
	    .fqdn_set_id = o->fqdn_set_id,
	    .type = orderkey_type(k),
	    .now = clock_now()};
	if (orderkey_check_account(use->type, cycle, e) < 0)
		return -1;
	return key_cycle_by_name(cycle, &use->cycle);
}

/* One that is made takes long: so never in a transaction. */
static int
add_key(struct store *st, const struct key_cycle_use *use,
    const struct seal_key *seal, int64_t *id, struct err *e)
{
	enum key_type type;
	struct key *key;
	int bits, rc;

	if (key_type_parse(use->type, &type, &bits, e) < 0)
		return -1;
	key = key_generate(type, bits, e);
	rc = key ? key_cycle_add(st, use, key, seal, id, e) : -1;
	key_free(key);
	return rc;
}

static int
choose(struct store *st, const struct orderkey *k,
    const struct upstream_order *o, struct orderkey_choice *c, struct err *e)
{
	struct key_cycle_use use;
	struct private_key given;

	*c = (struct orderkey_choice){.private_key_id = o->private_key_id};
	if (o->private_key_id != 0) {
		if (private_key_by_id(st, o->private_key_id, &given, e) < 0)
			return -1;
		if (given.status == PRIVATE_KEY_ACTIVE)
			return 0;
		c->replaced_id = given.id;
	}
	if (use_of(k, o, &use, e) < 0)
		return -1;
	if (key_cycle_take(st, &use, &c->private_key_id, e) == 0)
		return 0;
	return err_forgive(e, KIND_NOTFOUND) < 0
	    ? -1
	    : add_key(st, &use, k->seal, &c->private_key_id, e);
}

static int
check_active(const struct private_key *k, struct err *e)
{
	return k->status == PRIVATE_KEY_ACTIVE
	    ? 0
	    : err_set(e, KIND_DENIED,
		  "private_key/%lld is %s: give another key", (long long)k->id,
		  private_key_status_name(k->status));
}

int
orderkey_check_given(struct store *st, const struct private_key *k,
    int64_t upstream_account_id, struct err *e)
{
	int64_t owner;

	if (check_active(k, e) < 0 || key_cycle_owner(st, k->id, &owner, e) < 0)
		return -1;
	return owner == 0 || owner == upstream_account_id
	    ? 0
	    : err_set(e, KIND_DENIED,
		  "private_key/%lld is for certificates of upstream_account/"
		  "%lld alone, as its cycle says: give another key",
		  (long long)k->id, (long long)owner);
}

int
orderkey_check_request(struct store *st, const struct csr *csr, struct err *e)
{
	struct private_key k;
	uint8_t identity[32];

	key_spki_sha256(csr_key(csr), identity);
	if (private_key_by_identity(st, identity, &k, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	return k.status == PRIVATE_KEY_ACTIVE
	    ? 0
	    : err_set(e, KIND_DENIED,
		  "the request's key is %s: make another request",
		  private_key_status_name(k.status));
}

static struct key *
load_active(
    struct store *st, const struct orderkey *k, int64_t id, struct err *e)
{
	struct private_key known;

	if (private_key_by_id(st, id, &known, e) < 0)
		return NULL;
	if (check_active(&known, e) < 0)
		return NULL;
	return private_key_load(st, id, k->seal, e);
}

int
orderkey_make(struct store *st, const struct orderkey *k,
    const struct upstream_order *o, const struct strv *dns,
    const struct strv *ip, struct orderkey_choice *out, struct err *e)
{
	struct key *key = NULL;
	struct csr *csr = NULL;
	bool created;
	int rc = choose(st, k, o, out, e);

	if (rc == 0)
		key = load_active(st, k, out->private_key_id, e);
	if (key)
		csr = csr_build(key, dns, ip, e);
	rc = csr ? certificate_request_add(st, csr, "order",
		       &out->certificate_request_id, &created, e)
		 : -1;
	csr_free(csr);
	key_free(key);
	return rc;
}

struct csr *
orderkey_request(
    struct store *st, const struct upstream_order *o, struct err *e)
{
	struct certificate_request r;
	struct csr *csr;

	if (certificate_request_by_id(st, o->certificate_request_id, &r, e) < 0)
		return NULL;
	csr = csr_from_der(r.der, r.der_len, e);
	certificate_request_release(&r);
	return csr;
}
