#include "admin/visit.h"

#include "admin/admin.h"
#include "base/hex.h"
#include "base/rfc3339.h"
#include "base/str.h"
#include "store/ca_certificate.h"
#include "store/certificate.h"
#include "store/certificate_request.h"
#include "store/private_key.h"
#include "wrap/cert.h"
#include "wrap/csr.h"
#include "wrap/dn.h"
#include "wrap/js.h"
#include "wrap/key.h"

/* What is in certificates, requests and keys, in the words of peter_sslers. */

/* ---- one member ---------------------------------------------------------- */

static void
put_text(struct js *o, const char *key, const char *text)
{
	if (text)
		js_put_text(o, key, text);
	else
		js_put(o, key, js_null());
}

/* In upper case; NULL: there is none. */
static void
put_hex(struct js *o, const char *key, const uint8_t *p, size_t len)
{
	char *text;

	if (!p) {
		js_put(o, key, js_null());
		return;
	}
	text = xmalloc(2 * len + 1);
	hex_encode(text, p, len);
	for (char *c = text; *c; c++)
		if (*c >= 'a')
			*c = (char)(*c - 'a' + 'A');
	js_put_text(o, key, text);
	free(text);
}

/* js_put_time leaves out the beginning of 1970. */
static void
put_time(struct js *o, const char *key, int64_t t)
{
	char text[RFC3339_SIZE];

	rfc3339_format(text, t);
	js_put_text(o, key, text);
}

static void
put_name(struct js *o, const char *key, const uint8_t *p, size_t len)
{
	char *text = dn_lines((struct der){p, len});

	js_put_text(o, key, text);
	free(text);
}

/* Its kind in their word, and all of it in ours (key_type_parse). */
static void
put_key(struct js *o, const char *word, const uint8_t spki_sha256[32])
{
	put_text(o, "key_technology",
	    str_starts(word, "rsa")	? "RSA"
		: str_starts(word, "p") ? "EC"
					: NULL);
	js_put_text(o, "key_type", word);
	put_hex(o, "spki_sha256", spki_sha256, 32);
}

static void
put_alternatives(struct js *o, const struct strv *dns, const struct strv *ip)
{
	struct strv all = {0};

	for (size_t i = 0; i < dns->len; i++)
		strv_add(&all, dns->v[i]);
	strv_sort_unique(&all);
	for (size_t i = 0; i < ip->len; i++)
		strv_add(&all, ip->v[i]);
	js_put(o, "SubjectAlternativeName", js_array_of(&all));
	strv_release(&all);
}

/* ---- answers ------------------------------------------------------------- */

/* What is asked about. */
struct object {
	const char *table; /* where it is, for errors */
	const char *key; /* of the answer */
	const char *later_key; /* also of it, for later versions; or NULL */
};

static int
broken(
    const struct object *of, int64_t id, const struct err *why, struct err *e)
{
	err_set(
	    e, KIND_SYS, "%s %lld cannot be read", of->table, (long long)id);
	return err_detail(e, "%s", why->text);
}

static int
answer(struct visit *v, const struct object *of, int64_t id, struct js *parsed)
{
	struct js *body = js_object(), *o = js_object();

	js_put_int(o, "id", id);
	js_put(o, "parsed", parsed);
	if (of->later_key)
		js_put(body, of->later_key, js_share(o));
	js_put(body, of->key, o);
	return visit_json(v, body);
}

/* ---- certificates -------------------------------------------------------- */

static void
put_extensions(struct js *o, const struct cert *c)
{
	struct strv issuers = {0};
	const uint8_t *aki;
	size_t len;

	cert_ca_issuers(c, &issuers);
	put_text(o, "issuer_uri", issuers.len > 0 ? issuers.v[0] : NULL);
	strv_release(&issuers);
	aki = cert_aki(c, &len);
	put_hex(o, "authority_key_identifier", aki, len);
	put_alternatives(o, cert_dns(c), cert_ip(c));
}

static struct js *
parse_cert(const struct cert *c)
{
	struct js *o = js_object();
	uint8_t sha1[20], spki_sha256[32];
	char word[KEY_WORD_SIZE];
	const uint8_t *name;
	size_t len;

	name = cert_subject_der(c, &len);
	put_name(o, "subject", name, len);
	name = cert_issuer_der(c, &len);
	put_name(o, "issuer", name, len);
	put_time(o, "startdate", cert_not_before(c));
	put_time(o, "enddate", cert_not_after(c));
	js_put_text(o, "serial", cert_serial_hex(c));
	cert_sha1(c, sha1);
	put_hex(o, "fingerprint_sha1", sha1, sizeof(sha1));
	cert_key_word(c, word);
	cert_spki_sha256(c, spki_sha256);
	put_key(o, word, spki_sha256);
	put_extensions(o, c);
	return o;
}

static int
answer_cert(struct visit *v, const struct object *of, int64_t id,
    struct der der, struct err *e)
{
	struct err why = {0};
	struct cert *c = cert_from_der(der.p, der.len, &why);
	int rc = c ? answer(v, of, id, parse_cert(c)) : broken(of, id, &why, e);

	cert_free(c);
	return rc;
}

int
visit_parse_certificate(struct visit *v, struct err *e)
{
	static const struct object of = {
	    "certificate", "CertificateSigned", "X509Certificate"};
	struct certificate row;
	int64_t id;
	int rc;

	if (visit_number(v, 0, &id, e) < 0 ||
	    certificate_by_id(v->admin->store, id, &row, e) < 0)
		return -1;
	rc = answer_cert(
	    v, &of, id, (struct der){row.leaf.der, row.leaf.len}, e);
	certificate_release(&row);
	return rc;
}

int
visit_parse_ca(struct visit *v, struct err *e)
{
	static const struct object of = {
	    "ca_certificate", "CertificateCA", "X509CertificateTrusted"};
	struct ca_certificate row;
	int64_t id;
	int rc;

	if (visit_number(v, 0, &id, e) < 0 ||
	    ca_certificate_by_id(v->admin->store, id, &row, e) < 0)
		return -1;
	rc = answer_cert(v, &of, id, (struct der){row.der, row.der_len}, e);
	ca_certificate_release(&row);
	return rc;
}

/* ---- requests ------------------------------------------------------------ */

static struct js *
parse_csr(const struct csr *c)
{
	struct js *o = js_object();
	uint8_t spki_sha256[32];
	char word[KEY_WORD_SIZE];
	const uint8_t *p;
	size_t len;

	p = csr_subject_der(c, &len);
	put_name(o, "subject", p, len);
	p = key_spki(csr_key(c), &len);
	key_spki_word(p, len, word);
	key_spki_sha256(csr_key(c), spki_sha256);
	put_key(o, word, spki_sha256);
	put_alternatives(o, csr_dns(c), csr_ip(c));
	return o;
}

int
visit_parse_request(struct visit *v, struct err *e)
{
	static const struct object of = {
	    "certificate_request", "CertificateRequest", NULL};
	struct certificate_request row;
	struct csr *c;
	struct err why = {0};
	int64_t id;
	int rc;

	if (visit_number(v, 0, &id, e) < 0 ||
	    certificate_request_by_id(v->admin->store, id, &row, e) < 0)
		return -1;
	c = csr_from_der(row.der, row.der_len, &why);
	rc = c ? answer(v, &of, id, parse_csr(c)) : broken(&of, id, &why, e);
	csr_free(c);
	certificate_request_release(&row);
	return rc;
}

/* ---- private keys -------------------------------------------------------- */

/* Of what is public only; the key itself is not even opened. */
int
visit_parse_key(struct visit *v, struct err *e)
{
	struct private_key k;
	struct js *body, *parsed;
	char name[32];
	int64_t id;

	if (visit_number(v, 0, &id, e) < 0 ||
	    private_key_by_id(v->admin->store, id, &k, e) < 0)
		return -1;
	parsed = js_object();
	put_key(parsed, k.type, k.spki_sha256);
	body = js_object();
	snprintf(name, sizeof(name), "%lld", (long long)id);
	js_put(body, name, parsed);
	return visit_json(v, body);
}
