#include "import/intake.h"

#include "store/ca_certificate.h"
#include "store/certificate.h"
#include "store/certificate_request.h"
#include "store/chain.h"
#include "store/chain_find.h"
#include "store/lineage.h"
#include "store/private_key.h"
#include "store/upstream_account.h"

/* What is stored in one transaction. */
#define BATCH_ITEMS 512
#define BATCH_THINGS 4096

#define NAMES_MAX 256 /* bytes of names in a report */

/* A bundle, put together, as it waits to be stored. */
struct item {
	char *place;
	struct bundle bundle;
	struct bundle_set *sets;
	size_t sets_len;
	struct cert_list completed; /* issuers from the store */
	struct digestmap used; /* certificates that are in sets and chains */
	struct digestmap cert_keys; /* of the sets' certificates */
	bool is_lineage;
	struct intake_state state; /* of a lineage */
	char *client, *name, *settings; /* of a lineage; else NULL */
	int64_t account_id;
};

/* A report as it waits for its transaction; all is owned but `object`. */
struct pending {
	const char *object;
	int64_t id;
	enum intake_result result;
	char *name, *place, *reason;
};

struct intake {
	struct store *st;
	const struct intake_conf *conf;
	struct item *items;
	size_t len, things;
	struct pending *reports;
	size_t reports_len, reports_cap;
	int64_t *new_cas; /* of the batch: what they issued may want a chain */
	size_t new_cas_len;
	struct strv accounts; /* their ids there, */
	int64_t *account_ids; /* and here */
};

static const char *const result_names[] = {
    [INTAKE_CREATED] = "created",
    [INTAKE_KNOWN] = "known",
    [INTAKE_REFUSED] = "refused",
};
_Static_assert(ARRAY_LEN(result_names) == INTAKE_RESULT__MAX, "one per result");

const char *
intake_result_name(enum intake_result result)
{
	return result_names[result];
}

struct intake *
intake_open(struct store *st, const struct intake_conf *conf)
{
	struct intake *in = xcalloc(1, sizeof(*in));

	in->st = st;
	in->conf = conf;
	in->items = xcalloc(BATCH_ITEMS, sizeof(*in->items));
	return in;
}

/* ---- reports ------------------------------------------------------------- */

static void
drop_reports(struct intake *in)
{
	for (size_t i = 0; i < in->reports_len; i++) {
		free(in->reports[i].name);
		free(in->reports[i].place);
		free(in->reports[i].reason);
	}
	in->reports_len = 0;
}

/* `name` is taken over. */
static void
note(struct intake *in, const struct item *it, const char *object, int64_t id,
    enum intake_result result, char *name, const char *reason)
{
	if (in->reports_len == in->reports_cap) {
		in->reports_cap = in->reports_cap ? 2 * in->reports_cap : 64;
		in->reports = xreallocarray(
		    in->reports, in->reports_cap, sizeof(*in->reports));
	}
	in->reports[in->reports_len++] = (struct pending){.object = object,
	    .id = in->conf->dry_run ? 0 : id,
	    .result = result,
	    .name = name,
	    .place = xstrdup(it->place),
	    .reason = reason ? xstrdup(reason) : NULL};
}

static void
note_added(struct intake *in, const struct item *it, const char *object,
    int64_t id, bool created, char *name)
{
	note(in, it, object, id, created ? INTAKE_CREATED : INTAKE_KNOWN, name,
	    NULL);
}

static void
note_refused(struct intake *in, const struct item *it, const char *object,
    char *name, const char *reason)
{
	note(in, it, object, 0, INTAKE_REFUSED, name, reason);
}

static int
send_reports(struct intake *in, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < in->reports_len; i++) {
		const struct pending *p = &in->reports[i];
		const struct intake_report r = {.object = p->object,
		    .id = p->id,
		    .result = p->result,
		    .name = p->name,
		    .place = p->place,
		    .reason = p->reason};

		rc = in->conf->report(in->conf->arg, &r, e);
	}
	drop_reports(in);
	return rc;
}

static void
add_names(struct buf *out, const struct strv *names)
{
	for (size_t i = 0; i < names->len; i++) {
		if (out->len > 0)
			buf_addc(out, ' ');
		buf_adds(out, names->v[i]);
	}
}

/* The names, as many as fit; the caller frees. */
static char *
names_text(const struct strv *dns, const struct strv *ip)
{
	struct buf text;

	buf_init(&text, NAMES_MAX);
	add_names(&text, dns);
	add_names(&text, ip);
	return buf_detach(&text);
}

/* ---- putting together ---------------------------------------------------- */

static void
item_release(struct item *it)
{
	bundle_sets_free(it->sets, it->sets_len);
	bundle_release(&it->bundle);
	cert_list_release(&it->completed);
	digestmap_release(&it->used);
	digestmap_release(&it->cert_keys);
	free(it->place);
	free(it->client);
	free(it->name);
	free(it->settings);
	*it = (struct item){0};
}

/* A certificate that comes alone gets the chain that the store knows. */
static int
complete(
    struct intake *in, struct item *it, struct bundle_set *s, struct err *e)
{
	struct bundle_chain *chain = &s->chains[0];
	struct cert_list found = {0};

	if (chain_find(in->st, s->cert, &found, e) < 0) {
		cert_list_release(&found);
		return -1;
	}
	chain->certs =
	    xreallocarray(chain->certs, found.len + 1, sizeof(struct cert *));
	for (size_t i = 0; i < found.len; i++)
		chain->certs[chain->len++] = found.v[i];
	cert_list_join(&it->completed, &found);
	return 0;
}

static void
mark_used(struct item *it, const struct bundle_set *s)
{
	uint8_t digest[DIGESTMAP_KEY_SIZE];

	cert_sha256(s->cert, digest);
	digestmap_put(&it->used, digest, 0);
	cert_spki_sha256(s->cert, digest);
	digestmap_put(&it->cert_keys, digest, 0);
	for (size_t i = 0; i < s->chains_len; i++)
		for (size_t k = 0; k < s->chains[i].len; k++) {
			cert_sha256(s->chains[i].certs[k], digest);
			digestmap_put(&it->used, digest, 0);
		}
}

static int
put_together(struct intake *in, struct item *it, struct err *e)
{
	if (in->conf->ca_only)
		return 0;
	it->sets = bundle_sets(&it->bundle, &it->sets_len);
	for (size_t i = 0; i < it->sets_len; i++) {
		if (it->sets[i].chains[0].len == 0 &&
		    complete(in, it, &it->sets[i], e) < 0)
			return -1;
		mark_used(it, &it->sets[i]);
	}
	return 0;
}

/* ---- storing ------------------------------------------------------------- */

/* Whether a key is for one of the certificates that came with it, if any. */
static bool
fits(const struct item *it, const struct key *k)
{
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	size_t ignored;

	key_spki_sha256(k, digest);
	return it->sets_len == 0 ||
	    digestmap_get(&it->cert_keys, digest, &ignored);
}

static int
put_keys(struct intake *in, const struct item *it, struct err *e)
{
	const struct key_list *keys = &it->bundle.keys;

	for (size_t i = 0; i < keys->len; i++) {
		struct private_key stored;
		bool created;

		if (!fits(it, keys->v[i])) {
			note_refused(in, it, "private_key",
			    xstrdup(key_type_name(key_type(keys->v[i]))),
			    "it fits none of the certificates beside it");
			continue;
		}
		if (private_key_add(in->st, keys->v[i],
			in->conf->certificate_seal, PRIVATE_KEY_IMPORTED,
			&stored, &created, e) < 0)
			return -1;
		note_added(in, it, "private_key", stored.id, created,
		    xstrdup(stored.type));
		if (it->state.compromised &&
		    stored.status != PRIVATE_KEY_COMPROMISED &&
		    private_key_set_status(
			in->st, stored.id, PRIVATE_KEY_COMPROMISED, e) < 0)
			return -1;
	}
	return 0;
}

static int
put_csrs(struct intake *in, const struct item *it, struct err *e)
{
	for (size_t i = 0; i < it->bundle.csrs_len; i++) {
		const struct csr *csr = it->bundle.csrs[i];
		int64_t id;
		bool created;

		if (certificate_request_add(
			in->st, csr, in->conf->source, &id, &created, e) < 0)
			return -1;
		note_added(in, it, "certificate_request", id, created,
		    names_text(csr_dns(csr), csr_ip(csr)));
	}
	return 0;
}

/* The certificate and one of its chains as a list, which borrows them. */
static struct cert_list
list_of(const struct cert *c, const struct bundle_chain *chain)
{
	struct cert_list l = {.len = chain->len + 1};

	l.v = xcalloc(l.len, sizeof(*l.v));
	l.v[0] = (struct cert *)(uintptr_t)c;
	for (size_t i = 0; i < chain->len; i++)
		l.v[i + 1] = (struct cert *)(uintptr_t)chain->certs[i];
	return l;
}

static int
put_lineage(struct intake *in, const struct item *it, int64_t certificate,
    struct err *e)
{
	struct certificate c;
	struct lineage_new n = {.source = it->client,
	    .name = it->name,
	    .upstream_account_id = it->account_id,
	    .settings = it->settings};
	int64_t id;
	bool created;

	if (certificate_by_id(in->st, certificate, &c, e) < 0)
		return -1;
	n.fqdn_set_id = c.fqdn_set_id;
	certificate_release(&c);
	if (lineage_add(in->st, &n, &id, &created, e) < 0)
		return -1;
	note_added(in, it, "lineage", id, created, xstrdup(it->name));
	return 0;
}

/* What was revoked there is no certificate to be served here. */
static int
revoke(struct intake *in, int64_t id, struct err *e)
{
	enum certificate_status status;
	struct certificate c;

	if (certificate_by_id(in->st, id, &c, e) < 0)
		return -1;
	status = c.status;
	certificate_release(&c);
	return status == CERTIFICATE_REVOKED
	    ? 0
	    : certificate_revoke(in->st, id, CERTIFICATE_NO_REASON, e);
}

/* The certificate with all its chains, of which the first is the default. */
static int
put_set(struct intake *in, const struct item *it, const struct bundle_set *s,
    int64_t *id, bool *created, struct err *e)
{
	*created = false;
	for (size_t i = 0; i < s->chains_len; i++) {
		struct cert_list certs = list_of(s->cert, &s->chains[i]);
		const struct certificate_new n = {.certs = &certs,
		    .source = in->conf->source,
		    .inactive = in->conf->inactive ||
			(it->is_lineage && !it->state.newest),
		    .auto_renew = in->conf->auto_renew};
		bool is_new;
		int rc = certificate_add(in->st, &n, id, &is_new, e);

		free(certs.v);
		if (rc < 0)
			return -1;
		*created = *created || is_new;
	}
	return 0;
}

static int
put_certificates(struct intake *in, const struct item *it, struct err *e)
{
	for (size_t i = 0; i < it->sets_len; i++) {
		const struct bundle_set *s = &it->sets[i];
		int64_t id = 0;
		bool created;

		if (put_set(in, it, s, &id, &created, e) < 0 ||
		    (it->state.revoked && revoke(in, id, e) < 0))
			return -1;
		note_added(in, it, "certificate", id, created,
		    names_text(cert_dns(s->cert), cert_ip(s->cert)));
		if (i == 0 && it->settings && put_lineage(in, it, id, e) < 0)
			return -1;
	}
	return 0;
}

static bool
is_used(const struct item *it, const struct cert *c)
{
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	size_t ignored;

	cert_sha256(c, digest);
	return digestmap_get(&it->used, digest, &ignored);
}

static int
put_ca(struct intake *in, const struct item *it, const struct cert *c,
    struct err *e)
{
	bool trusted = in->conf->trusted;
	int64_t id;
	bool created;

	if (ca_certificate_add(in->st, c, trusted ? "roots" : in->conf->source,
		trusted, &id, &created, e) < 0)
		return -1;
	note_added(in, it, "ca_certificate", id, created, cert_subject(c));
	if (created) {
		in->new_cas = xreallocarray(
		    in->new_cas, in->new_cas_len + 1, sizeof(*in->new_cas));
		in->new_cas[in->new_cas_len++] = id;
	}
	return 0;
}

/* CA certificates that belong to no certificate of the bundle. */
static int
put_rest(struct intake *in, const struct item *it, struct err *e)
{
	const struct cert_list *certs = &it->bundle.certs;

	for (size_t i = 0; i < certs->len; i++)
		if (cert_is_ca(certs->v[i]) && !is_used(it, certs->v[i]) &&
		    put_ca(in, it, certs->v[i], e) < 0)
			return -1;
	return 0;
}

static bool
is_chain(const struct cert_list *certs)
{
	struct err ignored = {0};

	for (size_t i = 0; i < certs->len; i++)
		if (!cert_is_ca(certs->v[i]) ||
		    (i > 0 &&
			cert_is_issued_by(
			    certs->v[i - 1], certs->v[i], &ignored) < 0))
			return false;
	return certs->len > 1;
}

static int
put_cas(struct intake *in, const struct item *it, struct err *e)
{
	static const char reason[] = "none of a CA, which is all that is asked "
				     "for";
	const struct bundle *b = &it->bundle;
	int64_t id;
	bool created;

	for (size_t i = 0; i < b->certs.len; i++) {
		const struct cert *c = b->certs.v[i];

		if (!cert_is_ca(c))
			note_refused(
			    in, it, "certificate", cert_subject(c), reason);
		else if (put_ca(in, it, c, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < b->keys.len + b->csrs_len; i++)
		note_refused(in, it,
		    i < b->keys.len ? "private_key" : "certificate_request",
		    xstrdup(""), reason);
	if (in->conf->trusted || !is_chain(&b->certs))
		return 0;
	if (chain_add(in->st, &b->certs, &id, &created, e) < 0)
		return -1;
	note_added(in, it, "chain", id, created, cert_subject(b->certs.v[0]));
	return 0;
}

/* A client's chain for its certificate has signed it, or is none. */
static void
check_lineage(struct intake *in, const struct item *it)
{
	const struct cert_list *certs = &it->bundle.certs;

	if (!it->is_lineage || it->sets_len == 0 ||
	    it->sets[0].chains[0].len > 0)
		return;
	for (size_t i = 0; i < certs->len; i++)
		if (cert_is_ca(certs->v[i])) {
			note_refused(in, it, "chain", cert_subject(certs->v[i]),
			    "RFC 5280 6.1.3: it has not signed the "
			    "certificate");
			return;
		}
}

static int
put_item(struct intake *in, const struct item *it, struct err *e)
{
	for (size_t i = 0; i < it->bundle.problems.len; i++)
		note_refused(
		    in, it, "file", xstrdup(""), it->bundle.problems.v[i]);
	if (in->conf->ca_only)
		return put_cas(in, it, e);
	check_lineage(in, it);
	if (put_keys(in, it, e) < 0 || put_csrs(in, it, e) < 0 ||
	    put_certificates(in, it, e) < 0)
		return -1;
	return put_rest(in, it, e);
}

/* Items of a batch, in one transaction. */
struct batch {
	struct intake *in;
	const struct item *items;
	size_t len;
	bool done; /* all was stored, and a dry run takes it back */
};

static int
put_batch(void *arg, struct err *e)
{
	struct batch *b = arg;

	drop_reports(b->in);
	b->in->new_cas_len = 0;
	b->done = false;
	for (size_t i = 0; i < b->len; i++)
		if (put_item(b->in, &b->items[i], e) < 0)
			return -1;
	if (!b->in->conf->dry_run)
		return 0;
	b->done = true;
	return err_set(e, KIND_CONFLICT, "only a dry run");
}

/* What came without a chain gets it when its issuer comes. */
static int
complete_issued(struct intake *in, struct err *e)
{
	int64_t n;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < in->new_cas_len; i++)
		rc = chain_find_for_issued(in->st, in->new_cas[i], &n, e);
	in->new_cas_len = 0;
	return rc;
}

static int
store_batch(
    struct intake *in, const struct item *items, size_t len, struct err *e)
{
	struct batch b = {.in = in, .items = items, .len = len};
	int rc = store_transaction(in->st, put_batch, &b, e);

	if (rc == 0)
		return complete_issued(in, e);
	if (!b.done)
		return -1;
	err_clear(e);
	return 0;
}

/* Whether it is the item's fault. */
static bool
is_refusal(const struct err *e)
{
	return e->kind == KIND_INPUT || e->kind == KIND_CONFLICT;
}

static int
store_alone(struct intake *in, const struct item *it, struct err *e)
{
	char text[1024];

	if (store_batch(in, it, 1, e) == 0)
		return send_reports(in, e);
	if (!is_refusal(e))
		return -1;
	err_format(e, text, sizeof(text));
	err_clear(e);
	drop_reports(in);
	note_refused(in, it, "file", xstrdup(""), text);
	return send_reports(in, e);
}

static int
flush(struct intake *in, struct err *e)
{
	int rc;

	if (in->len == 0)
		return 0;
	rc = store_batch(in, in->items, in->len, e);
	if (rc == 0) {
		rc = send_reports(in, e);
	} else if (is_refusal(e)) {
		err_clear(e);
		rc = 0;
		for (size_t i = 0; rc == 0 && i < in->len; i++)
			rc = store_alone(in, &in->items[i], e);
	}
	for (size_t i = 0; i < in->len; i++)
		item_release(&in->items[i]);
	in->len = in->things = 0;
	return rc;
}

/* ---- adding -------------------------------------------------------------- */

/* The next free item; its bundle is taken from `b`. */
static struct item *
next_item(struct intake *in, const char *place, struct bundle *b)
{
	struct item *it = &in->items[in->len++];

	*it = (struct item){.place = xstrdup(place), .bundle = *b};
	*b = (struct bundle){0};
	in->things += it->bundle.certs.len + it->bundle.keys.len +
	    it->bundle.csrs_len + 1;
	return it;
}

static int
item_added(struct intake *in, struct item *it, struct err *e)
{
	if (put_together(in, it, e) < 0)
		return -1;
	return in->len == BATCH_ITEMS || in->things >= BATCH_THINGS
	    ? flush(in, e)
	    : 0;
}

int
intake_add(
    struct intake *in, const char *place, struct bundle *b, struct err *e)
{
	return item_added(in, next_item(in, place, b), e);
}

/* The number here of an account there; 0: it is not known. */
static int64_t
find_account(const struct intake *in, const char *id)
{
	for (size_t i = 0; i < in->accounts.len; i++)
		if (strcmp(in->accounts.v[i], id) == 0)
			return in->account_ids[i];
	return 0;
}

int
intake_add_lineage(struct intake *in, const char *place, struct bundle *b,
    const struct intake_state *state, const struct intake_lineage *lineage,
    struct err *e)
{
	struct item *it = next_item(in, place, b);

	it->state = *state;
	it->is_lineage = true;
	if (lineage) {
		it->client = xstrdup(lineage->client);
		it->name = xstrdup(lineage->name);
		it->settings = xstrdup(lineage->settings);
		if (lineage->account)
			it->account_id = find_account(in, lineage->account);
	}
	return item_added(in, it, e);
}

/* ---- accounts ------------------------------------------------------------ */

struct account_batch {
	struct intake *in;
	const struct upstream_account_new *new;
	int64_t id;
	bool created, done;
};

static int
put_account(void *arg, struct err *e)
{
	struct account_batch *b = arg;

	b->done = false;
	if (upstream_account_add(b->in->st, b->new, b->in->conf->account_seal,
		&b->id, &b->created, e) < 0)
		return -1;
	if (!b->in->conf->dry_run)
		return 0;
	b->done = true;
	return err_set(e, KIND_CONFLICT, "only a dry run");
}

static void
remember_account(struct intake *in, const char *id, int64_t number)
{
	strv_add(&in->accounts, id);
	in->account_ids = xreallocarray(
	    in->account_ids, in->accounts.len, sizeof(*in->account_ids));
	in->account_ids[in->accounts.len - 1] = number;
}

int
intake_add_account(struct intake *in, const char *place,
    const struct intake_account *a, struct err *e)
{
	const struct upstream_account_new n = {
	    .directory_url = a->directory_url,
	    .url = a->url,
	    .contacts = a->contacts,
	    .source = in->conf->source,
	    .data = a->data,
	    .deactivated = a->deactivated,
	    .key = a->key};
	struct account_batch b = {.in = in, .new = &n};
	struct item it = {.place = (char *)(uintptr_t)place};
	const char *name = a->url ? a->url : a->id;
	char text[1024];

	if (flush(in, e) < 0)
		return -1;
	if (store_transaction(in->st, put_account, &b, e) == 0 || b.done) {
		err_clear(e);
		if (!in->conf->dry_run)
			remember_account(in, a->id, b.id);
		note_added(in, &it, "upstream_account", b.id, b.created,
		    xstrdup(name));
	} else if (is_refusal(e)) {
		err_format(e, text, sizeof(text));
		err_clear(e);
		note_refused(in, &it, "upstream_account", xstrdup(name), text);
	} else {
		return -1;
	}
	return send_reports(in, e);
}

/* ---- the end ------------------------------------------------------------- */

int
intake_finish(struct intake *in, struct err *e)
{
	return flush(in, e);
}

void
intake_close(struct intake *in)
{
	if (!in)
		return;
	for (size_t i = 0; i < in->len; i++)
		item_release(&in->items[i]);
	drop_reports(in);
	strv_release(&in->accounts);
	free(in->account_ids);
	free(in->new_cas);
	free(in->reports);
	free(in->items);
	free(in);
}
