#include "wrap/cert.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/der.h"
#include "base/hex.h"
#include "wrap/digest.h"
#include "wrap/dn.h"
#include "wrap/ext.h"
#include "wrap/key.h"
#include "wrap/pem.h"
#include "wrap/sigalg.h"

#define SERIAL_READ_MAX 64 /* longer ones than RFC 5280 allows exist */

struct cert {
	struct buf bytes;
	struct der tbs; /* what is signed */
	struct der serial; /* content */
	struct der tbs_alg, issuer, subject, spki; /* with their headers */
	struct der extensions; /* content of the SEQUENCE, may be empty */
	struct der alg, signature;
	struct der ski, aki; /* content, p is NULL when absent */
	int64_t not_before, not_after;
	char serial_hex[2 * SERIAL_READ_MAX + 1];
	struct ext_names names;
	struct strv cn;
	bool is_ca;
};

static int
bad(struct err *e, const char *text)
{
	return err_set(e, KIND_INPUT, "%s", text);
}

void
cert_free(struct cert *c)
{
	if (c == NULL)
		return;
	buf_release(&c->bytes);
	ext_names_release(&c->names);
	strv_release(&c->cn);
	free(c);
}

/*
 * Reading.
 */

/* AuthorityKeyIdentifier of RFC 5280 4.2.1.1: the key's part of it. */
static void
read_aki(struct der value, struct der *out)
{
	struct der seq;

	if (der_get(&value, DER_SEQUENCE, &seq) == 0 &&
	    der_is_next(&seq, DER_CONTEXT(0)))
		der_get(&seq, DER_CONTEXT(0), out);
}

static int
read_extensions(struct cert *c, struct err *e)
{
	struct ext x;

	if (ext_check(c->extensions, e) == -1)
		return -1;
	if (ext_find(c->extensions, ext_oid(EXT_BASIC_CONSTRAINTS), &x) &&
	    ext_read_ca(x.value, &c->is_ca) == -1)
		return bad(
		    e, "RFC 5280 4.2.1.9: basicConstraints is not well-formed");
	if (ext_find(c->extensions, ext_oid(EXT_SAN), &x))
		ext_read_names(x.value, &c->names);
	if (ext_find(c->extensions, ext_oid(EXT_SKI), &x))
		der_get(&x.value, DER_OCTET_STRING, &c->ski);
	if (ext_find(c->extensions, ext_oid(EXT_AKI), &x))
		read_aki(x.value, &c->aki);
	return 0;
}

static int
read_serial(struct cert *c, struct der *tbs, struct err *e)
{
	size_t skip = 0;

	if (der_get(tbs, DER_INTEGER, &c->serial) == -1 || c->serial.len < 1 ||
	    c->serial.len > SERIAL_READ_MAX)
		return bad(e, "RFC 5280 4.1.2.2: serial number is broken");
	while (skip + 1 < c->serial.len && c->serial.p[skip] == 0)
		skip++;
	hex_encode(c->serial_hex, c->serial.p + skip, c->serial.len - skip);
	return 0;
}

static int
read_validity(struct cert *c, struct der *tbs, struct err *e)
{
	struct der validity;

	if (der_get(tbs, DER_SEQUENCE, &validity) == -1 ||
	    der_get_time(&validity, &c->not_before) == -1 ||
	    der_get_time(&validity, &c->not_after) == -1 || validity.len != 0)
		return bad(e, "RFC 5280 4.1.2.5: validity is broken");
	return 0;
}

/* Skips what version 2 had, finds what version 3 has. */
static int
read_tail(struct cert *c, struct der tbs, struct err *e)
{
	static const char broken[] =
	    "RFC 5280 4.1: certificate is not well-formed DER";
	struct der skipped, tagged;

	for (unsigned i = 1; i <= 2; i++)
		if (der_is_next(&tbs, (uint8_t)DER_CONTEXT(i)) &&
		    der_get(&tbs, (uint8_t)DER_CONTEXT(i), &skipped) == -1)
			return bad(e, broken);
	if (tbs.len == 0)
		return 0;
	if (der_get(&tbs, DER_CONTEXT_CONS(3), &tagged) == -1 || tbs.len != 0 ||
	    der_get(&tagged, DER_SEQUENCE, &c->extensions) == -1 ||
	    tagged.len != 0)
		return bad(e, broken);
	return read_extensions(c, e);
}

static int
read_tbs(struct cert *c, struct err *e)
{
	static const char broken[] =
	    "RFC 5280 4.1: certificate is not well-formed DER";
	struct der in = c->tbs, tbs, tagged, version;

	if (der_get(&in, DER_SEQUENCE, &tbs) == -1)
		return bad(e, broken);
	if (der_is_next(&tbs, DER_CONTEXT_CONS(0)) &&
	    (der_get(&tbs, DER_CONTEXT_CONS(0), &tagged) == -1 ||
		der_get_uint(&tagged, &version) == -1 || version.len > 1 ||
		tagged.len != 0))
		return bad(e, "RFC 5280 4.1.2.1: version is broken");
	if (read_serial(c, &tbs, e) == -1)
		return -1;
	if (der_get_whole(&tbs, DER_SEQUENCE, &c->tbs_alg) == -1 ||
	    der_get_whole(&tbs, DER_SEQUENCE, &c->issuer) == -1)
		return bad(e, broken);
	if (read_validity(c, &tbs, e) == -1)
		return -1;
	if (der_get_whole(&tbs, DER_SEQUENCE, &c->subject) == -1 ||
	    der_get_whole(&tbs, DER_SEQUENCE, &c->spki) == -1)
		return bad(e, broken);
	return read_tail(c, tbs, e);
}

static int
parse(struct cert *c, struct err *e)
{
	struct der in = {(const uint8_t *)c->bytes.data, c->bytes.len}, seq;

	if (der_get(&in, DER_SEQUENCE, &seq) == -1 ||
	    der_get_whole(&seq, DER_SEQUENCE, &c->tbs) == -1 ||
	    der_get_whole(&seq, DER_SEQUENCE, &c->alg) == -1 ||
	    der_get_bits(&seq, &c->signature) == -1 || seq.len != 0)
		return bad(
		    e, "RFC 5280 4.1: certificate is not well-formed DER");
	if (in.len != 0)
		return bad(
		    e, "RFC 5280 4.1: there are bytes after the certificate");
	if (read_tbs(c, e) == -1)
		return -1;
	/* A strange subject is no reason to refuse somebody's certificate. */
	(void)dn_common_names(c->subject, &c->cn);
	return 0;
}

struct cert *
cert_from_der(const void *der, size_t len, struct err *e)
{
	struct cert *c = xcalloc(1, sizeof(*c));

	buf_init(&c->bytes, CERT_MAX);
	if (buf_add(&c->bytes, der, len) == -1)
		err_set(e, KIND_INPUT, "certificate is larger than %d bytes",
		    CERT_MAX);
	else if (parse(c, e) == 0)
		return c;
	cert_free(c);
	return NULL;
}

void
cert_list_take(struct cert_list *l, struct cert *c)
{
	l->v = xreallocarray(l->v, l->len + 1, sizeof(*l->v));
	l->v[l->len++] = c; /* transferred */
}

static void
cert_list_cut(struct cert_list *l, size_t len)
{
	while (l->len > len)
		cert_free(l->v[--l->len]);
}

void
cert_list_release(struct cert_list *l)
{
	if (l == NULL)
		return;
	cert_list_cut(l, 0);
	free(l->v);
	*l = (struct cert_list){0};
}

void
cert_list_join(struct cert_list *l, struct cert_list *from)
{
	for (size_t i = 0; i < from->len; i++)
		cert_list_take(l, from->v[i]);
	from->len = 0; /* transferred */
	cert_list_release(from);
}

static bool
is_cert_label(const char *label)
{
	return strcmp(label, "CERTIFICATE") == 0 ||
	    strcmp(label, "X509 CERTIFICATE") == 0;
}

int
cert_list_from_pem(
    const char *pem, size_t len, struct cert_list *out, struct err *e)
{
	struct pem_reader r = {.p = pem, .len = len};
	size_t before = out->len;
	char label[64];
	struct buf der;
	struct cert *c;
	int more;

	buf_init(&der, CERT_MAX);
	while ((more = pem_next(&r, label, sizeof(label), &der)) == 1) {
		if (!is_cert_label(label))
			continue;
		if (out->len - before == CERT_LIST_MAX) {
			err_set(e, KIND_INPUT, "more than %d certificates",
			    CERT_LIST_MAX);
			break;
		}
		if ((c = cert_from_der(der.data, der.len, e)) == NULL) {
			err_object(e, "certificate %zu", out->len - before + 1);
			break;
		}
		cert_list_take(out, c);
	}
	buf_release(&der);
	if (more == -1)
		bad(e, "RFC 7468 2: PEM block is broken or too large");
	if (more == 0 && out->len == before)
		bad(e, "RFC 7468 5: PEM without a CERTIFICATE");
	if (!err_is_set(e))
		return 0;
	cert_list_cut(out, before);
	return -1;
}

struct cert *
cert_from_any(const void *p, size_t len, struct err *e)
{
	struct cert_list list = {0};
	struct cert *c = NULL;

	if (!pem_is_text(p, len))
		return cert_from_der(p, len, e);
	if (cert_list_from_pem(p, len, &list, e) == 0 && list.len > 1)
		bad(e, "PEM with more than one CERTIFICATE");
	if (list.len == 1) {
		c = list.v[0];
		list.len = 0; /* transferred */
	}
	cert_list_release(&list);
	return c;
}

/*
 * What a certificate says.
 */

static const uint8_t *
give(struct der d, size_t *len)
{
	*len = d.len;
	return d.p;
}

const uint8_t *
cert_der(const struct cert *c, size_t *len)
{
	*len = c->bytes.len;
	return (const uint8_t *)c->bytes.data;
}

int
cert_to_pem(const struct cert *c, struct buf *out)
{
	return pem_encode(out, "CERTIFICATE", c->bytes.data, c->bytes.len);
}

void
cert_sha256(const struct cert *c, uint8_t out[32])
{
	digest_sha256(out, c->bytes.data, c->bytes.len);
}

void
cert_sha1(const struct cert *c, uint8_t out[20])
{
	digest_sha1(out, c->bytes.data, c->bytes.len);
}

const uint8_t *
cert_serial(const struct cert *c, size_t *len)
{
	return give(c->serial, len);
}

const char *
cert_serial_hex(const struct cert *c)
{
	return c->serial_hex;
}

int64_t
cert_not_before(const struct cert *c)
{
	return c->not_before;
}

int64_t
cert_not_after(const struct cert *c)
{
	return c->not_after;
}

char *
cert_subject(const struct cert *c)
{
	return dn_text(c->subject);
}

char *
cert_issuer(const struct cert *c)
{
	return dn_text(c->issuer);
}

const uint8_t *
cert_subject_der(const struct cert *c, size_t *len)
{
	return give(c->subject, len);
}

const uint8_t *
cert_issuer_der(const struct cert *c, size_t *len)
{
	return give(c->issuer, len);
}

const struct strv *
cert_dns(const struct cert *c)
{
	return &c->names.dns;
}

const struct strv *
cert_ip(const struct cert *c)
{
	return &c->names.ip;
}

bool
cert_has_other_san(const struct cert *c)
{
	return c->names.other != NULL || c->names.bad != NULL;
}

const char *
cert_bad_san(const struct cert *c)
{
	return c->names.bad;
}

const uint8_t *
cert_ski(const struct cert *c, size_t *len)
{
	return give(c->ski, len);
}

const uint8_t *
cert_aki(const struct cert *c, size_t *len)
{
	return give(c->aki, len);
}

const uint8_t *
cert_extension(const struct cert *c, const void *oid, size_t oid_len,
    size_t *len, bool *critical)
{
	struct ext x = {0};

	if (!ext_find(c->extensions, (struct der){oid, oid_len}, &x))
		x.value.p = NULL;
	if (critical != NULL)
		*critical = x.critical;
	return give(x.value, len);
}

bool
cert_is_ca(const struct cert *c)
{
	return c->is_ca;
}

struct key *
cert_key(const struct cert *c, struct err *e)
{
	return key_from_spki(c->spki.p, c->spki.len, e);
}

void
cert_spki_sha256(const struct cert *c, uint8_t out[32])
{
	digest_sha256(out, c->spki.p, c->spki.len);
}

void
cert_key_word(const struct cert *c, char *out)
{
	key_spki_word(c->spki.p, c->spki.len, out);
}

bool
cert_has_key(const struct cert *c, const struct key *k)
{
	size_t len;
	const uint8_t *spki = key_spki(k, &len);

	return der_is(&c->spki, spki, len);
}

/*
 * Checking.
 */

/* For keys and algorithms that wrap/key.h does not know: OpenSSL's own way. */
static bool
verify_slowly(const struct cert *c, const struct cert *issuer)
{
	const unsigned char *p = (const unsigned char *)c->bytes.data;
	const unsigned char *q = (const unsigned char *)issuer->bytes.data;
	X509 *x = d2i_X509(NULL, &p, (long)c->bytes.len);
	X509 *y = d2i_X509(NULL, &q, (long)issuer->bytes.len);
	bool ok = x != NULL && y != NULL && X509_get0_pubkey(y) != NULL &&
	    X509_verify(x, X509_get0_pubkey(y)) == 1;

	X509_free(x);
	X509_free(y);
	ERR_clear_error();
	return ok;
}

static bool
verify(const struct cert *c, const struct cert *issuer)
{
	const struct sigalg *alg = sigalg_read(c->alg);
	struct err ignored = {0};
	struct key *k = cert_key(issuer, &ignored);
	bool ok;

	if (k == NULL || alg == NULL || !alg->is_usable)
		ok = verify_slowly(c, issuer);
	else
		ok = sigalg_verify(alg, k, c->tbs, c->signature, &ignored) == 0;
	key_free(k);
	return ok;
}

int
cert_is_issued_by(
    const struct cert *c, const struct cert *issuer, struct err *e)
{
	if (!dn_equal(c->issuer, issuer->subject))
		return bad(e,
		    "RFC 5280 6.1.3: issuer and the subject of the next "
		    "certificate differ");
	if (!der_is(&c->alg, c->tbs_alg.p, c->tbs_alg.len))
		return bad(
		    e, "RFC 5280 4.1.1.2: the two signature algorithms differ");
	if (!verify(c, issuer))
		return bad(e,
		    "RFC 5280 6.1.3: the next certificate has not signed it");
	return 0;
}

/* Whether each commonName is one of the names. */
static bool
is_cn_covered(
    const struct cert *c, const struct strv *dns, const struct strv *ip)
{
	struct strv cn = {0}, names = {0};
	bool ok = true;

	for (size_t i = 0; i < c->cn.len; i++)
		strv_add_lower(&cn, c->cn.v[i]);
	for (size_t i = 0; i < dns->len; i++)
		strv_add_lower(&names, dns->v[i]);
	for (size_t i = 0; i < cn.len; i++)
		ok = ok && (strv_has(&names, cn.v[i]) || strv_has(ip, cn.v[i]));
	strv_release(&cn);
	strv_release(&names);
	return ok;
}

static int
check_leaf(const struct cert *c, const struct key *key, const struct strv *dns,
    const struct strv *ip, struct err *e)
{
	if (!cert_has_key(c, key))
		return err_set(e, KIND_SYS,
		    "RFC 8555 7.4: the certificate is for another key than "
		    "the request");
	if (c->is_ca)
		return err_set(e, KIND_SYS,
		    "RFC 5280 4.2.1.9: the certificate is one of a CA");
	if (cert_has_other_san(c) || !strv_same_names(&c->names.dns, dns) ||
	    !strv_same_names(&c->names.ip, ip) || !is_cn_covered(c, dns, ip))
		return err_set(e, KIND_SYS,
		    "RFC 8555 7.4: the names of the certificate are not those "
		    "of the order");
	return 0;
}

int
cert_chain_check(const struct cert_list *chain, const struct key *key,
    const struct strv *dns, const struct strv *ip, struct err *e)
{
	struct err inner = {0};

	if (chain->len == 0)
		return err_set(e, KIND_SYS, "the chain is empty");
	if (check_leaf(chain->v[0], key, dns, ip, e) == -1)
		return -1;
	for (size_t i = 1; i < chain->len; i++) {
		if (!chain->v[i]->is_ca)
			return err_set(e, KIND_SYS,
			    "RFC 5280 4.2.1.9: certificate %zu of the chain "
			    "is not one of a CA",
			    i);
		if (cert_is_issued_by(chain->v[i - 1], chain->v[i], &inner) ==
		    -1)
			return err_set(e, KIND_SYS,
			    "certificate %zu of the chain: %s", i - 1,
			    inner.text);
	}
	return 0;
}
