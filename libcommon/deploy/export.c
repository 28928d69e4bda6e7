#include "deploy/export.h"

#include "base/log.h"
#include "deploy/configjson.h"
#include "store/ca_certificate.h"
#include "store/certificate_request.h"
#include "store/domain.h"
#include "store/private_key.h"
#include "store/upstream_account.h"
#include "wrap/js.h"
#include "wrap/name.h"
#include "wrap/p7.h"
#include "wrap/pem.h"

#define ACCOUNT "upstream_account/"

bool
export_is_account(const char *name)
{
	return str_starts(name, ACCOUNT);
}

bool
export_may_be_account(const struct export *x, const char *name)
{
	uint8_t fingerprint[32];

	return x->what == EXPORT_KEY &&
	    certificate_fingerprint(name, fingerprint) == sizeof(fingerprint);
}

bool
export_is_secret(const struct export *x)
{
	return x->what == EXPORT_KEY || x->form == EXPORT_P12 ||
	    (x->form == EXPORT_JSON ? !x->id_only : x->what == EXPORT_BUNDLE);
}

static unsigned
parts_of(enum export_what what)
{
	static const unsigned parts[] = {
	    [EXPORT_CERT] = FORMAT_LEAF,
	    [EXPORT_CHAIN] = FORMAT_CHAIN,
	    [EXPORT_FULLCHAIN] = FORMAT_FULLCHAIN,
	    [EXPORT_KEY] = FORMAT_KEY,
	    [EXPORT_BUNDLE] = FORMAT_BUNDLE,
	    [EXPORT_CSR] = 0,
	};

	return parts[what];
}

bool
export_has_chain(const struct export *x)
{
	return (parts_of(x->what) & FORMAT_CHAIN) != 0;
}

/* ---- bytes --------------------------------------------------------------- */

/* DER that is not of a certificate with its chain. */
static int
put_der(const struct export *x, const char *label, const void *der, size_t len,
    struct buf *out, struct err *e)
{
	if (x->form == EXPORT_PEM)
		pem_encode(out, label, der, len);
	else
		buf_add(out, der, len);
	return out->full ? err_set(e, KIND_BUG, "too large to be exported") : 0;
}

static int
put_p7(const struct export *x, const struct material *m, unsigned parts,
    struct buf *out, struct err *e)
{
	struct buf der;
	int rc;

	if (x->form == EXPORT_P7)
		return format_p7(m, parts, out, e);
	buf_init(&der, P7_MAX);
	rc = format_p7(m, parts, &der, e);
	if (rc == 0 && pem_encode(out, "PKCS7", der.data, der.len) < 0)
		rc = err_set(e, KIND_BUG, "too large to be exported");
	buf_release(&der);
	return rc;
}

static int
put_json(const struct export *x, struct material *m, const char *domain,
    struct buf *out, struct err *e)
{
	const struct configjson c = {.seal = x->seal, .id_only = x->id_only};
	struct js *object = configjson_certificate(x->st, &c, m, e);
	struct domain d;
	int rc = object ? 0 : -1;

	if (rc == 0 && domain) {
		rc = domain_by_value(x->st, domain, &d, e);
		if (rc == 0)
			rc = configjson_put_domain(x->st, &c, &d, object, e);
		else /* a wildcard serves it */
			rc = err_forgive(e, KIND_NOTFOUND);
	}
	if (rc == 0 && (js_write(object, out) < 0 || buf_addc(out, '\n') < 0))
		rc = err_set(e, KIND_BUG, "too large to be exported");
	js_free(object);
	return rc;
}

/* ---- of a certificate ---------------------------------------------------- */

static int
put_request(const struct export *x, const struct material *m, struct buf *out,
    struct err *e)
{
	struct certificate_request r;
	int rc;

	if (certificate_request_by_key(x->st, m->cert.spki_sha256, &r, e) < 0) {
		if (err_forgive(e, KIND_NOTFOUND) < 0)
			return -1;
		return err_set(e, KIND_NOTFOUND,
		    "no request with the key of certificate %lld is in the "
		    "store",
		    (long long)m->cert.id);
	}
	rc = put_der(x, "CERTIFICATE REQUEST", r.der, r.der_len, out, e);
	certificate_request_release(&r);
	return rc;
}

/* `domain` is NULL unless it was asked for by name. */
static int
put_material(const struct export *x, struct material *m, const char *domain,
    const char *name, struct buf *out, struct err *e)
{
	unsigned parts = parts_of(x->what);

	if (x->what == EXPORT_CSR)
		return put_request(x, m, out, e);
	if (export_has_chain(x) &&
	    material_add_chain(x->st, m, &x->pick, false, e) < 0)
		return -1;
	if (x->what == EXPORT_CHAIN && m->chain.len == 0)
		return err_set(e, KIND_NOTFOUND,
		    "certificate %lld has no chain", (long long)m->cert.id);
	if (x->form == EXPORT_JSON)
		return put_json(x, m, domain, out, e);
	if ((parts & FORMAT_KEY) && material_add_key(x->st, m, x->seal, e) < 0)
		return -1;
	switch (x->form) {
	case EXPORT_P12:
		return format_p12(m, x->style, x->password,
		    x->friendly_name ? x->friendly_name : name, out, e);
	case EXPORT_P7:
	case EXPORT_P7_PEM:
		return put_p7(x, m, parts, out, e);
	case EXPORT_DER:
		return x->what == EXPORT_KEY
		    ? put_der(x, "", m->key.data, m->key.len, out, e)
		    : put_der(
			  x, "", m->cert.leaf.der, m->cert.leaf.len, out, e);
	default:
		return format_pem(m, parts, out, e);
	}
}

/* It serves the name, and yet no client will like it. */
static void
warn_invalid(
    const struct export *x, const struct certificate *c, const char *name)
{
	char id[32], until[32];

	if (c->not_before <= x->now && x->now <= c->not_after)
		return;
	snprintf(id, sizeof(id), "%lld", (long long)c->id);
	snprintf(until, sizeof(until), "%lld", (long long)c->not_after);
	log_event(LOG_LEVEL_WARN,
	    x->now > c->not_after ? "certificate.expired"
				  : "certificate.not_yet_valid",
	    "name", name, "certificate", id, "not_after", until, NULL);
}

/* Whether certificate_find takes the text for a name. */
static bool
is_name(const char *text)
{
	uint8_t fingerprint[32];
	uint64_t id;

	return certificate_fingerprint(text, fingerprint) == 0 &&
	    !str_to_u64(text, INT64_MAX, &id);
}

static int
put_found(const struct export *x, const char *text, const char *name,
    struct buf *out, struct err *e)
{
	struct material m;
	int rc;

	material_init(&m);
	rc = certificate_find(x->st, text, x->now, &m.cert, e);
	if (rc == 0 && is_name(text))
		warn_invalid(x, &m.cert, name);
	if (rc == 0)
		rc = put_material(
		    x, &m, is_name(text) ? text : NULL, name, out, e);
	material_release(&m);
	return rc;
}

/* ---- of other things ----------------------------------------------------- */

static int
put_ca(const struct export *x, const struct ca_certificate *ca, struct buf *out,
    struct err *e)
{
	struct material m;
	int rc;

	if (x->form != EXPORT_P7 && x->form != EXPORT_P7_PEM)
		return put_der(x, "CERTIFICATE", ca->der, ca->der_len, out, e);
	material_init(&m);
	m.cert.leaf =
	    (struct certificate_der){.der = ca->der, .len = ca->der_len};
	rc = put_p7(x, &m, FORMAT_LEAF, out, e);
	m.cert.leaf.der = NULL; /* borrowed */
	material_release(&m);
	return rc;
}

static int
put_ca_by_id(const struct export *x, int64_t id, struct buf *out, struct err *e)
{
	struct ca_certificate ca;
	int rc = ca_certificate_by_id(x->st, id, &ca, e);

	if (rc == 0)
		rc = put_ca(x, &ca, out, e);
	ca_certificate_release(&ca);
	return rc;
}

static int
put_ca_by_fingerprint(const struct export *x, const uint8_t *fingerprint,
    size_t len, struct buf *out, struct err *e)
{
	struct ca_certificate ca;
	int rc = len == 32
	    ? ca_certificate_by_sha256(x->st, fingerprint, &ca, e)
	    : ca_certificate_by_sha1(x->st, fingerprint, &ca, e);

	if (rc == 0)
		rc = put_ca(x, &ca, out, e);
	ca_certificate_release(&ca);
	return rc;
}

static int
put_key_of(const struct export *x, const uint8_t spki_sha256[32],
    struct buf *out, struct err *e)
{
	struct material m;
	int rc;

	material_init(&m);
	rc = private_key_der(x->st, spki_sha256, x->seal, &m.key_id, &m.key, e);
	if (rc == 0)
		rc = put_der(x, "PRIVATE KEY", m.key.data, m.key.len, out, e);
	material_release(&m);
	return rc;
}

static int
put_key_by_id(
    const struct export *x, int64_t id, struct buf *out, struct err *e)
{
	struct private_key k;

	if (private_key_by_id(x->st, id, &k, e) < 0)
		return -1;
	return put_key_of(x, k.spki_sha256, out, e);
}

static int
put_account_key(
    const struct export *x, int64_t id, struct buf *out, struct err *e)
{
	struct key *k = upstream_account_key(x->st, id, x->account_seal, e);
	struct buf der;
	int rc;

	buf_init(&der, KEY_DER_MAX);
	if (!k && e->kind == KIND_CONF && err_is_set(&x->account_why))
		*e = x->account_why;
	rc = k ? key_to_der(k, &der, e) : -1;
	if (rc == 0)
		rc = put_der(x, "PRIVATE KEY", der.data, der.len, out, e);
	key_free(k);
	buf_wipe(&der);
	return rc;
}

/* Of a certificate's key, or an account's. */
static int
put_key_by_fingerprint(const struct export *x, const uint8_t spki_sha256[32],
    struct buf *out, struct err *e)
{
	struct upstream_account a;
	int rc = put_key_of(x, spki_sha256, out, e);

	if (rc == 0 || err_forgive(e, KIND_NOTFOUND) < 0)
		return rc;
	rc = upstream_account_by_key(x->st, spki_sha256, &a, e);
	if (rc == 0)
		rc = put_account_key(x, a.id, out, e);
	upstream_account_release(&a);
	return rc;
}

static int
put_request_by_id(
    const struct export *x, int64_t id, struct buf *out, struct err *e)
{
	struct certificate_request r;
	int rc = certificate_request_by_id(x->st, id, &r, e);

	if (rc == 0)
		rc =
		    put_der(x, "CERTIFICATE REQUEST", r.der, r.der_len, out, e);
	certificate_request_release(&r);
	return rc;
}

static int
put_by_number(
    const struct export *x, int64_t id, struct buf *out, struct err *e)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)id);
	return put_found(x, text, text, out, e);
}

/* The words of the log for objects; 0: of any kind of thing. */
static const struct typed {
	const char *prefix;
	bool any;
	enum export_what what;
	const char *option; /* that asks for it */
	int (*put)(
	    const struct export *x, int64_t id, struct buf *out, struct err *e);
} types[] = {
    {"certificate/", true, 0, NULL, put_by_number},
    {"ca_certificate/", false, EXPORT_CERT, "cert", put_ca_by_id},
    {"private_key/", false, EXPORT_KEY, "key", put_key_by_id},
    {ACCOUNT, false, EXPORT_KEY, "key", put_account_key},
    {"certificate_request/", false, EXPORT_CSR, "csr", put_request_by_id},
};

/* 1 when it was none of these. */
static int
put_typed(
    const struct export *x, const char *text, struct buf *out, struct err *e)
{
	uint64_t id;

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (!str_starts(text, types[i].prefix) ||
		    !str_to_u64(text + strlen(types[i].prefix), INT64_MAX, &id))
			continue;
		if (!types[i].any && types[i].what != x->what)
			return err_set(e, KIND_INPUT, "it comes with --%s",
			    types[i].option);
		return types[i].put(x, (int64_t)id, out, e);
	}
	return 1;
}

/* No certificate has this fingerprint: something else may. */
static int
put_by_fingerprint(
    const struct export *x, const char *text, struct buf *out, struct err *e)
{
	uint8_t fingerprint[32];
	size_t len = certificate_fingerprint(text, fingerprint);
	struct err why = {0};
	int rc = -1;

	if (len > 0 && x->what == EXPORT_CERT)
		rc = put_ca_by_fingerprint(x, fingerprint, len, out, &why);
	else if (len == 32 && x->what == EXPORT_KEY)
		rc = put_key_by_fingerprint(x, fingerprint, out, &why);
	if (rc == 0 || (err_is_set(&why) && why.kind != KIND_NOTFOUND))
		*e = why;
	return rc;
}

/* ---- names --------------------------------------------------------------- */

static int
put_by_name(
    const struct export *x, const char *name, struct buf *out, struct err *e)
{
	char *text = name_spell(name);
	int rc = put_typed(x, text, out, e);

	if (rc == 1)
		rc = put_found(x, text, name, out, e);
	if (rc < 0 && text && e->kind == KIND_NOTFOUND)
		rc = put_by_fingerprint(x, text, out, e);
	free(text);
	return rc;
}

int
export_add(
    const struct export *x, const char *name, struct buf *out, struct err *e)
{
	size_t before = out->len;
	char start[DOMAIN_VALUE_MAX + 3];

	if (put_by_name(x, name, out, e) == 0)
		return 0;
	out->len = before;
	out->data[before] = '\0';
	snprintf(start, sizeof(start), "%s: ", name);
	return str_starts(e->text, start) ? -1 : err_object(e, "%s", name);
}
