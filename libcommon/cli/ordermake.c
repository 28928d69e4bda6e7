#include "cli/ordermake.h"

#include "base/digestmap.h"
#include "base/str.h"
#include "cli/operands.h"
#include "cli/prog.h"
#include "cli/since.h"
#include "order/ordernew.h"
#include "policy/csrs.h"
#include "store/certificate_list.h"
#include "store/certificate_request.h"
#include "store/fqdn_set.h"
#include "store/private_key.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "wrap/csr.h"
#include "wrap/digest.h"

struct making {
	struct orderrun run;
	struct ordermake_options *how;
	struct upstream_order_new new; /* what all of them share */
	struct strv sets; /* names with blanks between, an order each */
	size_t at; /* the next of them */
	struct digestmap seen; /* names of the sets so far */
	struct csr *csr;
	struct orderpolicy policy;
	struct buf policy_text;
};

/* ---- what is wished for -------------------------------------------------- */

static int
make_policy(struct making *k, struct err *e)
{
	struct orderpolicy *p = &k->policy;

	if (orderkey_check(k->how->key_type, k->how->key_cycle, e) < 0)
		return -1;
	if (k->how->challenges.len == 0)
		strv_add(&k->how->challenges, "answer");
	if (orderpolicy_set_rules(p, &k->how->challenges, NULL, e) < 0)
		return -1;
	p->key_type = str_dup(k->how->key_type);
	p->key_cycle = str_dup(k->how->key_cycle);
	p->preferred_chain = str_dup(k->how->preferred_chain);
	p->keeps_pending = k->how->keep_pending;
	p->unchecked = k->how->no_precheck;
	p->no_replaces = k->how->no_replaces;
	p->auto_renew = !k->how->no_auto_renew;
	p->days = k->how->days;
	return 0;
}

static int
check_options(struct making *k, struct err *e)
{
	if (!!k->how->csr_file + !!k->how->key +
		(k->how->key_type || k->how->key_cycle) >
	    1)
		return prog_misuse(e,
		    "--csr, --key, and --key-type or --key-cycle: only one of "
		    "them");
	if (k->how->no_replaces && k->how->replaces)
		return prog_misuse(
		    e, "--replaces and --no-replaces: one of them");
	if (k->how->days != 0 && k->how->not_after)
		return prog_misuse(e, "--days and --not-after: one of them");
	if (k->how->not_after &&
	    since_parse_future(
		"not-after", k->how->not_after, &k->policy.not_after, e) < 0)
		return -1;
	/* so long from now is the same wish later, and finds its order */
	if (k->how->not_after && since_seconds(k->how->not_after) > 0) {
		k->policy.lasts = since_seconds(k->how->not_after);
		k->policy.not_after = 0;
	}
	k->new.profile = k->how->profile;
	k->new.resume = true;
	if (make_policy(k, e) < 0)
		return -1;
	k->new.not_after = orderpolicy_end(&k->policy, clock_now());
	return 0;
}

/* The request of others: its names are those of the order. */
static int
read_csr(struct making *k, struct err *e)
{
	struct buf text;
	int rc;

	if (!k->how->csr_file)
		return 0;
	buf_init(&text, (size_t)64 * 1024);
	rc = file_read(k->how->csr_file, &text, e);
	if (rc == 0)
		k->csr = csr_from_any(text.data, text.len, e);
	buf_release(&text);
	if (rc == 0 && !k->csr)
		rc = err_object(e, "%s", k->how->csr_file);
	return rc;
}

/* Adds a set of names. */
static void
add_set(struct strv *sets, const struct strv *a, const struct strv *b)
{
	struct buf line;

	buf_init(&line, OPERANDS_MAX);
	for (size_t i = 0; i < a->len; i++)
		buf_addf(&line, "%s ", a->v[i]);
	for (size_t i = 0; i < b->len; i++)
		buf_addf(&line, "%s ", b->v[i]);
	strv_add(sets, line.data);
	buf_release(&line);
}

#define BLANKS " ,\t\r\n" /* between the names of a line */

/* What is to be ordered: a set of names, or one in each line. */
static int
read_sets(struct making *k, const struct prog *p, struct err *e)
{
	struct strv names = {0}, none = {0};

	if (k->csr && p->argc > 0)
		return prog_misuse(
		    e, "--csr has its names; no others can be given");
	if (!k->csr && p->argc == 0)
		return prog_misuse(e, "no NAME is given");
	if (p->argc == 1 && strcmp(p->argv[0], "-") == 0)
		return operands_read_lines(&k->sets, e);
	for (int i = 0; i < p->argc; i++) {
		if (strpbrk(p->argv[i], BLANKS)) {
			strv_release(&names);
			return prog_misuse(
			    e, "%s: no name has a blank or comma", p->argv[i]);
		}
		strv_add(&names, p->argv[i]);
	}
	if (k->csr)
		add_set(&k->sets, csr_dns(k->csr), csr_ip(k->csr));
	else
		add_set(&k->sets, &names, &none);
	strv_release(&names);
	return 0;
}

/* What options mean in the store. */
static int
find_given(struct making *k, struct err *e)
{
	struct store *st = k->run.w.up.st;
	struct certificate_item c;
	struct private_key key;
	bool created;

	if (k->how->key) {
		if (private_key_find(st, k->how->key, &key, e) < 0 ||
		    orderkey_check_given(
			st, &key, k->new.upstream_account_id, e) < 0)
			return -1;
		k->new.private_key_id = key.id;
	}
	if (k->csr && orderkey_check_request(st, k->csr, e) < 0)
		return err_object(e, "%s", k->how->csr_file);
	if (k->how->replaces &&
	    certificate_pick(st, k->how->replaces, &c, e) < 0)
		return -1;
	if (k->how->replaces)
		k->new.replaces_id = c.id;
	return k->csr ? certificate_request_add(st, k->csr, "order",
			    &k->new.certificate_request_id, &created, e)
		      : 0;
}

/* Only who wishes for all of this again is led to the order. */
static int
write_policy(struct making *k, struct err *e)
{
	k->policy.private_key_id = k->new.private_key_id;
	k->policy.certificate_request_id = k->new.certificate_request_id;
	k->policy.replaces_id = k->new.replaces_id;
	buf_init(&k->policy_text, ORDERPOLICY_MAX);
	if (orderpolicy_write(&k->policy, &k->policy_text) < 0)
		return prog_misuse(e, "--challenge: too much of it");
	k->new.policy = k->policy_text.data;
	return 0;
}

static int
open_new(struct making *k, struct prog *p, struct err *e)
{
	struct ordercheck check;

	if (check_options(k, e) < 0 || read_csr(k, e) < 0 ||
	    read_sets(k, p, e) < 0 ||
	    orderwork_load_limits(&k->run.w, p, e) < 0)
		return -1;
	if (orderwork_start(&k->run.w, p, k->how->ca, &k->policy, NULL, 0, e) <
	    0)
		return -1;
	orderrun_begin(&k->run, p);
	if (orderwork_pick_account(&k->run.w, k->how->account, k->how->ca,
		&k->new.upstream_account_id, e) < 0 ||
	    find_given(k, e) < 0 || write_policy(k, e) < 0 ||
	    orderwork_open(&k->run.w, k->new.upstream_account_id, e) < 0)
		return -1;
	k->new.follows =
	    client_url(k->run.w.up.client, ENDPOINT_RENEWAL_INFO) &&
	    !k->how->no_replaces;
	check = (struct ordercheck){.client = k->run.w.up.client,
	    .account = &k->run.w.account,
	    .policy = &k->policy,
	    .solvers = &k->run.w.solvers,
	    .profile = k->how->profile};
	return ordercheck_account(&check, e);
}

/* ---- an order for each set ----------------------------------------------- */

static void
split(const char *line, struct strv *names)
{
	for (line += strspn(line, BLANKS); *line;
	     line += strspn(line, BLANKS)) {
		size_t len = strcspn(line, BLANKS);

		strv_addn(names, line, len);
		line += len;
	}
}

/* Whether a set stood before among those that are given. */
static bool
is_repeated(struct making *k, const struct ordernew *n)
{
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct buf names;
	size_t number = k->at;

	buf_init(&names, OPERANDS_MAX);
	for (size_t i = 0; i < n->dns.len; i++)
		buf_addf(&names, "%s\n", n->dns.v[i]);
	for (size_t i = 0; i < n->ip.len; i++)
		buf_addf(&names, "%s\n", n->ip.v[i]);
	digest_sha256(digest, names.data, names.len);
	buf_release(&names);
	return digestmap_put(&k->seen, digest, number) != number;
}

/* Makes the order of one set, or finds it; `*id` is 0 for one given before. */
static int
create(struct making *k, const char *set, int64_t *id, bool *created,
    struct err *e)
{
	const struct ordercheck check = {.client = k->run.w.up.client,
	    .account = &k->run.w.account,
	    .policy = &k->policy,
	    .solvers = &k->run.w.solvers};
	struct ordernew n = {.row = k->new};
	struct strv names = {0};
	bool repeated;
	int rc;

	split(set, &names);
	*id = 0;
	rc = ordernew_set_names(&n, &names, k->run.w.suffixes, e);
	repeated = rc == 0 && is_repeated(k, &n);
	if (rc == 0 && !repeated)
		rc = ordercheck_order(&check, &n.dns, &n.ip, e);
	if (rc == 0 && k->csr && csrs_check(k->csr, &n.dns, &n.ip, NULL, e) < 0)
		rc = err_object(e, "%s", k->how->csr_file);
	if (rc == 0 && !repeated)
		rc = upstream_order_create(
		    k->run.w.up.st, &n.row, id, created, e);
	strv_release(&names);
	ordernew_release(&n);
	return rc;
}

/*
 * A set that cannot be ordered does not stop the rest, and one that is given
 * twice is ordered, and told of, once.
 */
static int
next_set(void *arg, int64_t *id, struct err *e)
{
	struct making *k = arg;

	(void)e;
	while (k->at < k->sets.len) {
		struct err why = {0};
		bool created = false;

		if (create(k, k->sets.v[k->at++], id, &created, &why) < 0) {
			orderrun_fail_one(&k->run, &why);
		} else if (*id != 0) {
			return 1;
		}
	}
	return 0;
}

int
ordermake_run(struct prog *p, struct ordermake_options *how,
    orderrun_enough *is_enough, struct err *e)
{
	struct making k = {.how = how,
	    .run = {.how = &how->run,
		.is_enough = is_enough,
		.next = next_set,
		.arg = &k}};
	int rc = open_new(&k, p, e);

	if (rc == 0)
		rc = orderrun_all(&k.run, e);
	orderrun_close(&k.run);
	orderpolicy_release(&k.policy);
	buf_release(&k.policy_text);
	strv_release(&k.sets);
	strv_release(&how->challenges);
	csr_free(k.csr);
	digestmap_release(&k.seen);
	return rc;
}
