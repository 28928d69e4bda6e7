#include "server/issue.h"

#include "acme/problem.h"
#include "acme/signmsg.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/conf.h"
#include "store/account.h"
#include "store/certificate.h"
#include "store/order.h"
#include "sys/clock.h"
#include "wrap/cert.h"
#include "wrap/csr.h"

#define LEASE_MARGIN 30 /* seconds beyond the signer's own time */
#define SWEEP_BATCH 20
#define RETRY_DELAY 30
#define COMMON_NAME_MAX 64 /* ub-common-name, RFC 5280 A.1 */

int64_t
issue_lease(const struct conf *conf)
{
	return conf->signer.timeout + LEASE_MARGIN;
}

/* How long a job is put off at most: beyond what was taken with it. */
static int64_t
longest(const struct conf *conf)
{
	return issue_lease(conf) + RETRY_DELAY;
}

/*
 * The subject: none, or the first name if it fits.  A name has passed the
 * grammar, so nothing in it needs RFC 4514 escapes.
 */
static char *
make_subject(const struct conf *conf, const struct order *o)
{
	const char *first = o->names[0].identifier.value;

	if (!conf->policy.subject_name_template ||
	    strlen(first) > COMMON_NAME_MAX)
		return NULL;
	return xasprintf("CN=%s", first);
}

static void
fill_request(struct signmsg_request *r, const struct conf *conf,
    const struct order *o, const struct csr *csr, const char *email)
{
	size_t len;
	const uint8_t *der = csr_der(csr, &len);

	buf_add(&r->csr, der, len);
	for (size_t i = 0; i < o->names_len; i++) {
		const struct identifier *id = &o->names[i].identifier;

		strv_add(
		    id->type == IDENTIFIER_IP ? &r->ip : &r->dns, id->value);
	}
	r->subject = make_subject(conf, o);
	r->email = str_dup(email);
	r->order = xstrdup(o->url_id);
	r->at = o->processing_since;
	r->not_before = o->not_before;
	r->not_after = o->not_after;
}

/* What the signer's answer means for the order and the client. */
static int
judge_failure(enum signmsg_outcome outcome, const struct err *why,
    enum issue_result *result, struct err *e)
{
	bool refused = why->kind == KIND_INPUT || why->kind == KIND_DENIED;

	log_err("signer.failed", why);
	if (outcome == SIGNMSG_UNKNOWN) {
		*result = ISSUE_WAITING;
		return 0;
	}
	*result = refused ? ISSUE_REFUSED : ISSUE_RETURNED;
	if (refused) {
		err_acme(e, KIND_INPUT,
		    why->acme_type ? why->acme_type : "badCSR",
		    "the CA refuses the request: %s", why->text);
	} else if (why->kind == KIND_BUSY || why->kind == KIND_SYS) {
		err_set(e, KIND_BUSY, "the CA cannot sign at the moment");
		e->retry_after = 10;
	} else {
		*e = *why;
	}
	return -1;
}

/* Whether somebody else was there first, with the same certificate. */
static bool
has_certificate(struct store *st, const struct order *o, const struct cert *c)
{
	struct certificate stored;
	struct err ignored = {0};
	bool same;

	if (certificate_by_order(st, o->id, &stored, &ignored) < 0)
		return false;
	same = strcmp(stored.serial, cert_serial_hex(c)) == 0;
	certificate_release(&stored);
	return same;
}

/*
 * The certificate exists now.  If it cannot be stored, the order stays
 * processing, for the sweep; if the order is no longer processing, the
 * certificate must still be known, so that it can be revoked.
 */
static int
store_chain(struct store *st, const struct order *o,
    const struct cert_list *chain, enum issue_result *result, struct err *e)
{
	const struct certificate_new new = {
	    .certs = chain, .source = "acme", .account_id = o->account_id};
	struct err why = {0};
	int64_t id;

	*result = ISSUE_VALID;
	if (order_finish(st, o->id, chain, &why) == 0) {
		log_event(LOG_LEVEL_INFO, "order.valid", "order", o->url_id,
		    "serial", cert_serial_hex(chain->v[0]), NULL);
		return 0;
	}
	if (why.kind == KIND_CONFLICT && has_certificate(st, o, chain->v[0]))
		return 0;
	log_err("order.unfinished", &why);
	if (why.kind != KIND_CONFLICT) {
		*result = ISSUE_WAITING;
		return 0;
	}
	*e = why;
	err_clear(&why);
	if (certificate_add(st, &new, &id, NULL, &why) < 0)
		log_err("certificate.unrecorded", &why);
	*result = ISSUE_REFUSED;
	return -1;
}

/* Checks what came back: the signer may be anybody's program. */
static int
read_chain(const struct buf *pem, const struct csr *csr,
    const struct signmsg_request *r, struct cert_list *chain, struct err *e)
{
	struct err why = {0};

	if (cert_list_from_pem(pem->data, pem->len, chain, &why) < 0) {
		err_set(e, KIND_SYS, "the signer's answer is no chain");
		return err_detail(e, "%s", why.text);
	}
	return cert_chain_check(chain, csr_key(csr), &r->dns, &r->ip, e);
}

int
issue_order(struct store *st, const struct conf *conf,
    struct signmsg_client *signer, const struct order *o, const struct csr *csr,
    const char *email, enum issue_result *result, struct err *e)
{
	int64_t deadline = clock_mono() + conf->signer.timeout * 1000;
	enum signmsg_outcome outcome = SIGNMSG_NOT_SENT;
	struct cert_list chain = {0};
	struct signmsg_request r;
	struct err why = {0};
	struct buf pem;
	int rc;

	*result = ISSUE_REFUSED;
	buf_init(&pem, SIGNMSG_MAX);
	signmsg_request_init(&r);
	fill_request(&r, conf, o, csr, email);
	if (signmsg_call(signer, &r, deadline, &pem, &outcome, &why) < 0) {
		rc = judge_failure(outcome, &why, result, e);
		goto out;
	}
	rc = read_chain(&pem, csr, &r, &chain, e);
	if (rc < 0)
		*result = ISSUE_RETURNED; /* the backend is broken, not this */
	else
		rc = store_chain(st, o, &chain, result, e);
out:
	cert_list_release(&chain);
	signmsg_request_release(&r);
	buf_release(&pem);
	return rc;
}

static int
fail_order(struct store *st, const struct order *o, const struct err *why,
    struct err *e)
{
	struct buf text;
	int rc;

	buf_init(&text, 4096);
	problem_write(why, NULL, log_get_id(), &text);
	rc = order_fail(st, o->id, text.data, e);
	buf_release(&text);
	log_err("order.invalid", why);
	return rc;
}

/* What becomes of an order that has been tried again. */
static int
settle(struct store *st, const struct conf *conf, const struct order *o,
    enum issue_result result, struct err *why, struct err *e)
{
	if (result == ISSUE_VALID ||
	    why->kind == KIND_CONFLICT) /* somebody else has finished it */
		return 0;
	if (result != ISSUE_REFUSED && o->attempts < ISSUE_ATTEMPTS)
		return order_retry(st, o->id, clock_now() + longest(conf), e);
	if (!err_is_set(why))
		err_set(why, KIND_BUSY, "the CA gives no answer");
	return fail_order(st, o, why, e);
}

/*
 * One stale order again.  `*is_deaf`: nobody answers, and nobody would answer
 * for another.
 */
static int
redo_order(struct store *st, const struct conf *conf,
    struct signmsg_client *signer, const struct order *o, bool *is_deaf,
    struct err *e)
{
	enum issue_result result = ISSUE_REFUSED;
	struct account account;
	struct err why = {0};
	struct csr *csr;

	if (account_by_id(st, o->account_id, &account, e) < 0)
		return -1;
	csr = csr_from_der(o->csr, o->csr_len, &why);
	if (csr)
		issue_order(st, conf, signer, o, csr, account_email(&account),
		    &result, &why);
	csr_free(csr);
	account_release(&account);
	*is_deaf = result == ISSUE_WAITING ||
	    (result == ISSUE_RETURNED && why.kind == KIND_BUSY);
	return settle(st, conf, o, result, &why, e);
}

/* Returns -1 only when the store fails. */
static int
sweep_order(struct store *st, const struct conf *conf,
    struct signmsg_client *signer, const struct order *o, bool *is_deaf,
    struct err *e)
{
	if (redo_order(st, conf, signer, o, is_deaf, e) == 0)
		return 0;
	/* Somebody else has settled it. */
	return err_forgive(e, KIND_CONFLICT);
}

int
issue_sweep(struct store *st, const struct conf *conf, struct err *e)
{
	struct signmsg_client signer;
	struct order *orders;
	bool is_deaf = false;
	size_t len;
	int rc;

	signmsg_client_init(&signer, conf->signer.socket);
	do {
		rc = order_take_stale(st, issue_lease(conf), longest(conf),
		    SWEEP_BATCH, &orders, &len, e);
		if (rc < 0)
			break;
		for (size_t i = 0; i < len && rc == 0 && !is_deaf; i++)
			rc = sweep_order(
			    st, conf, &signer, &orders[i], &is_deaf, e);
		order_array_free(orders, len);
	} while (rc == 0 && !is_deaf && len == SWEEP_BATCH);
	signmsg_client_release(&signer);
	return rc;
}
