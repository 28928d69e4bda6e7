#include "import/intake_part.h"
#include "store/ca_certificate.h"
#include "store/certificate.h"
#include "store/certificate_request.h"
#include "store/chain.h"
#include "store/lineage.h"
#include "store/private_key.h"

#define NAMES_MAX 256 /* bytes of names in a report */

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

/* Those by which the store finds it. */
static char *
cert_text(const struct cert *c)
{
	struct strv dns = {0};
	char *text;

	cert_names(c, &dns);
	text = names_text(&dns, cert_ip(c));
	strv_release(&dns);
	return text;
}

/* The file that one of its certificates came from. */
static char *
cert_place(const struct intake_item *it, const struct cert *c)
{
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	size_t at;

	cert_sha256(c, digest);
	return digestmap_get(&it->bundle.known_certs, digest, &at)
	    ? bundle_place(&it->bundle, BUNDLE_CERT, at)
	    : xstrdup(it->place);
}

/* -1; the place is taken over. */
static int
fail_at(struct intake *in, char *place)
{
	free(in->failed_place);
	in->failed_place = place;
	return -1;
}

/* Whether a key is for one of the certificates that came with it, if any. */
static bool
fits(const struct intake_item *it, const struct key *k)
{
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	size_t ignored;

	key_spki_sha256(k, digest);
	return it->sets_len == 0 ||
	    digestmap_get(&it->cert_keys, digest, &ignored);
}

/* As the store names its type. */
static char *
key_text(const struct key *k)
{
	char word[KEY_WORD_SIZE];
	const uint8_t *spki;
	size_t len;

	spki = key_spki(k, &len);
	key_spki_word(spki, len, word);
	return xstrdup(word);
}

static int
put_keys(struct intake *in, const struct intake_item *it, struct err *e)
{
	const struct key_list *keys = &it->bundle.keys;

	for (size_t i = 0; i < keys->len; i++) {
		char *place = bundle_place(&it->bundle, BUNDLE_KEY, i);
		struct private_key stored;
		bool created;

		if (!fits(it, keys->v[i])) {
			intake_note_refused(in, place, "private_key",
			    key_text(keys->v[i]),
			    "it fits none of the certificates beside it");
			continue;
		}
		if (private_key_add(in->st, keys->v[i],
			in->conf->certificate_seal, PRIVATE_KEY_IMPORTED,
			&stored, &created, e) < 0)
			return fail_at(in, place);
		intake_note_added(in, place, "private_key", stored.id, created,
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
put_csrs(struct intake *in, const struct intake_item *it, struct err *e)
{
	for (size_t i = 0; i < it->bundle.csrs_len; i++) {
		char *place = bundle_place(&it->bundle, BUNDLE_CSR, i);
		const struct csr *csr = it->bundle.csrs[i];
		int64_t id;
		bool created;

		if (certificate_request_add(
			in->st, csr, in->conf->source, &id, &created, e) < 0)
			return fail_at(in, place);
		intake_note_added(in, place, "certificate_request", id, created,
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
put_lineage(struct intake *in, const struct intake_item *it,
    int64_t certificate, struct err *e)
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
	if (lineage_add(in->st, &n, &id, &created, e) < 0 ||
	    (it->account_id != 0 &&
		certificate_set_upstream_account(
		    in->st, certificate, it->account_id, e) < 0))
		return -1;
	intake_note_added(
	    in, xstrdup(it->place), "lineage", id, created, xstrdup(it->name));
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

/* A CA certificate in a chain is reported only when it is new. */
static int
put_issuer(struct intake *in, const struct intake_item *it,
    const struct cert *c, struct err *e)
{
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	int64_t id;
	size_t ignored;
	bool created;

	cert_sha256(c, digest);
	if (digestmap_get(&in->issuers, digest, &ignored))
		return 0;
	if (ca_certificate_add(in->st, c, "chain", false, &id, &created, e) < 0)
		return fail_at(in, cert_place(it, c));
	digestmap_put(&in->issuers, digest, 0);
	if (created) {
		intake_note_ca(in, id);
		intake_note_added(in, cert_place(it, c), "ca_certificate", id,
		    created, cert_subject(c));
	}
	return 0;
}

static int
put_issuers(struct intake *in, const struct intake_item *it,
    const struct bundle_set *s, struct err *e)
{
	for (size_t i = 0; i < s->chains_len; i++)
		for (size_t k = 0; k < s->chains[i].len; k++)
			if (put_issuer(in, it, s->chains[i].certs[k], e) < 0)
				return -1;
	return 0;
}

/* The certificate with all its chains, of which the first is the default. */
static int
put_set(struct intake *in, const struct intake_item *it,
    const struct bundle_set *s, int64_t *id, bool *created, struct err *e)
{
	*created = false;
	for (size_t i = 0; i < s->chains_len; i++) {
		struct cert_list certs = list_of(s->cert, &s->chains[i]);
		const struct certificate_new n = {.certs = &certs,
		    .source = in->conf->source,
		    .inactive = in->conf->inactive ||
			(it->is_lineage && !it->state.newest),
		    .auto_renew = in->conf->auto_renew,
		    .chain_found = s->chains[i].found};
		bool is_new;
		int rc = certificate_add(in->st, &n, id, &is_new, e);

		free(certs.v);
		if (rc < 0)
			return -1;
		*created = *created || is_new;
	}
	return 0;
}

/* The certificate is kept, and does not serve what is no name. */
static void
note_bad_name(
    struct intake *in, const struct intake_item *it, const struct cert *c)
{
	const char *bad = cert_bad_san(c);
	char reason[128];

	if (!bad)
		return;
	snprintf(reason, sizeof(reason),
	    "RFC 5280 4.2.1.6: subjectAltName: %s; it is left out", bad);
	intake_note_refused(
	    in, cert_place(it, c), "domain", cert_text(c), reason);
}

static int
put_certificates(struct intake *in, const struct intake_item *it, struct err *e)
{
	for (size_t i = 0; i < it->sets_len; i++) {
		const struct bundle_set *s = &it->sets[i];
		int64_t id = 0;
		bool created;

		if (put_issuers(in, it, s, e) < 0)
			return -1;
		if (put_set(in, it, s, &id, &created, e) < 0 ||
		    (it->state.revoked && revoke(in, id, e) < 0))
			return fail_at(in, cert_place(it, s->cert));
		intake_note_added(in, cert_place(it, s->cert), "certificate",
		    id, created, cert_text(s->cert));
		note_bad_name(in, it, s->cert);
		if (i == 0 && it->settings && put_lineage(in, it, id, e) < 0)
			return -1;
	}
	return 0;
}

static bool
is_used(const struct intake_item *it, const struct cert *c)
{
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	size_t ignored;

	cert_sha256(c, digest);
	return digestmap_get(&it->used, digest, &ignored);
}

static int
put_ca(struct intake *in, const struct intake_item *it, const struct cert *c,
    struct err *e)
{
	bool trusted = in->conf->trusted;
	int64_t id;
	bool created;

	if (ca_certificate_add(in->st, c, trusted ? "roots" : in->conf->source,
		trusted, &id, &created, e) < 0)
		return fail_at(in, cert_place(it, c));
	/* a call that was cut short is made again, and they are known then */
	if (created || in->conf->ca_only)
		intake_note_ca(in, id);
	intake_note_added(in, cert_place(it, c), "ca_certificate", id, created,
	    cert_subject(c));
	return 0;
}

/* CA certificates that belong to no certificate of the bundle. */
static int
put_rest(struct intake *in, const struct intake_item *it, struct err *e)
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
	return certs->len > 0;
}

/* One by itself is a chain when it is said to be. */
static int
put_chain(struct intake *in, const struct intake_item *it, struct err *e)
{
	const struct cert_list *certs = &it->bundle.certs;
	int64_t id;
	bool created;

	if (!is_chain(certs)) {
		if (in->conf->is_chain)
			intake_note_refused(in, xstrdup(it->place), "chain",
			    xstrdup(""), "not each is signed by the next");
		return 0;
	}
	if (in->conf->trusted || (certs->len == 1 && !in->conf->is_chain))
		return 0;
	if (chain_add(in->st, certs, &id, &created, e) < 0)
		return -1;
	intake_note_added(in, cert_place(it, certs->v[0]), "chain", id, created,
	    cert_subject(certs->v[0]));
	return 0;
}

static int
put_cas(struct intake *in, const struct intake_item *it, struct err *e)
{
	static const char reason[] = "none of a CA, which is all that is asked "
				     "for";
	const struct bundle *b = &it->bundle;

	for (size_t i = 0; i < b->certs.len; i++) {
		const struct cert *c = b->certs.v[i];

		if (!cert_is_ca(c))
			intake_note_refused(in, cert_place(it, c),
			    "certificate", cert_subject(c), reason);
		else if (put_ca(in, it, c, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < b->keys.len; i++)
		intake_note_refused(in, bundle_place(b, BUNDLE_KEY, i),
		    "private_key", xstrdup(""), reason);
	for (size_t i = 0; i < b->csrs_len; i++)
		intake_note_refused(in, bundle_place(b, BUNDLE_CSR, i),
		    "certificate_request", xstrdup(""), reason);
	return put_chain(in, it, e);
}

/* A client's chain for its certificate has signed it, or is none. */
static void
check_lineage(struct intake *in, const struct intake_item *it)
{
	const struct cert_list *certs = &it->bundle.certs;

	if (!it->is_lineage || it->sets_len == 0 ||
	    it->sets[0].chains[0].len > 0)
		return;
	for (size_t i = 0; i < certs->len; i++)
		if (cert_is_ca(certs->v[i])) {
			intake_note_refused(in, cert_place(it, certs->v[i]),
			    "chain", cert_subject(certs->v[i]),
			    "RFC 5280 6.1.3: it has not signed the "
			    "certificate");
			return;
		}
}

int
intake_put(struct intake *in, const struct intake_item *it, struct err *e)
{
	for (size_t i = 0; i < it->bundle.problems.len; i++)
		intake_note_refused(in,
		    bundle_place(&it->bundle, BUNDLE_PROBLEM, i), "file",
		    xstrdup(""), bundle_problem(&it->bundle, i));
	if (in->conf->ca_only)
		return put_cas(in, it, e);
	check_lineage(in, it);
	if (put_keys(in, it, e) < 0 || put_csrs(in, it, e) < 0 ||
	    put_certificates(in, it, e) < 0)
		return -1;
	return put_rest(in, it, e);
}
