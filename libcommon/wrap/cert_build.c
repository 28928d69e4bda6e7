#include "wrap/cert.h"

#include "base/der.h"
#include "wrap/digest.h"
#include "wrap/dn.h"
#include "wrap/ext.h"
#include "wrap/key.h"
#include "wrap/sigalg.h"

/* cert_build of wrap/cert.h: making certificates; cert.c reads them. */

#define SERIAL_BYTES 16
#define KEY_ID_BYTES 20

/* Key identifier: RFC 7093 2 method 1, over the bits of the public key. */
static void
key_id(const struct key *k, uint8_t out[KEY_ID_BYTES])
{
	uint8_t hash[DIGEST_SHA256_SIZE];
	size_t len;
	const uint8_t *spki = key_spki(k, &len);
	struct der in = {spki, len}, seq, alg, bits;

	if (der_get(&in, DER_SEQUENCE, &seq) == -1 ||
	    der_get_whole(&seq, DER_SEQUENCE, &alg) == -1 ||
	    der_get_bits(&seq, &bits) == -1)
		abort(); /* key_spki is our own writing */
	digest_sha256(hash, bits.p, bits.len);
	memcpy(out, hash, KEY_ID_BYTES);
}

static void
add_key_ids(const struct cert_template *t, struct buf *out)
{
	uint8_t id[KEY_ID_BYTES];
	struct ext_mark m;
	const uint8_t *ski;
	size_t seq, len;

	key_id(t->key, id);
	m = ext_begin(out, EXT_SKI, false);
	der_add(out, DER_OCTET_STRING, id, sizeof(id));
	ext_end(out, m);
	ski = t->issuer_cert != NULL ? cert_ski(t->issuer_cert, &len) : NULL;
	if (ski == NULL)
		return;
	m = ext_begin(out, EXT_AKI, false);
	seq = der_begin(out, DER_SEQUENCE);
	der_add(out, DER_CONTEXT(0), ski, len);
	der_end(out, seq);
	ext_end(out, m);
}

/* RFC 5280 4.2.1.3; the first byte counts the unused bits. */
static void
add_key_usage(const struct cert_template *t, struct buf *out)
{
	struct ext_mark m = ext_begin(out, EXT_KEY_USAGE, true);

	if (t->kind != CERT_LEAF) /* keyCertSign, cRLSign */
		der_add(out, DER_BIT_STRING, "\x01\x06", 2);
	else if (key_type(t->key) == KEY_RSA) /* and keyEncipherment */
		der_add(out, DER_BIT_STRING, "\x05\xa0", 2);
	else /* digitalSignature */
		der_add(out, DER_BIT_STRING, "\x07\x80", 2);
	ext_end(out, m);
}

static void
add_basic_constraints(enum cert_kind kind, struct buf *out)
{
	struct ext_mark m = ext_begin(out, EXT_BASIC_CONSTRAINTS, true);
	size_t seq = der_begin(out, DER_SEQUENCE);

	if (kind != CERT_LEAF)
		der_add_true(out);
	if (kind == CERT_INTERMEDIATE)
		der_add_small(out, 0); /* pathLenConstraint */
	der_end(out, seq);
	ext_end(out, m);
}

static void
add_server_auth(struct buf *out)
{
	struct ext_mark m = ext_begin(out, EXT_KEY_PURPOSE, false);
	size_t seq = der_begin(out, DER_SEQUENCE);

	der_add(out, DER_OID, "\x2b\x06\x01\x05\x05\x07\x03\x01", 8);
	der_end(out, seq);
	ext_end(out, m);
}

/* RFC 5280 4.2.1.13: one distribution point with one URI as its fullName. */
static void
add_crl_url(const char *url, struct buf *out)
{
	struct ext_mark m = ext_begin(out, EXT_CRL_POINTS, false);
	size_t points = der_begin(out, DER_SEQUENCE);
	size_t point = der_begin(out, DER_SEQUENCE);
	size_t name = der_begin(out, DER_CONTEXT_CONS(0));
	size_t full = der_begin(out, DER_CONTEXT_CONS(0));

	der_add(out, DER_CONTEXT(6), url, strlen(url));
	der_end(out, full);
	der_end(out, name);
	der_end(out, point);
	der_end(out, points);
	ext_end(out, m);
}

/* RFC 5280 4.2.2.1: caIssuers. */
static void
add_issuer_url(const char *url, struct buf *out)
{
	struct ext_mark m = ext_begin(out, EXT_AIA, false);
	size_t list = der_begin(out, DER_SEQUENCE);
	size_t one = der_begin(out, DER_SEQUENCE);

	der_add(out, DER_OID, "\x2b\x06\x01\x05\x05\x07\x30\x02", 8);
	der_add(out, DER_CONTEXT(6), url, strlen(url));
	der_end(out, one);
	der_end(out, list);
	ext_end(out, m);
}

static void
add_acme_identifier(const uint8_t *digest, struct buf *out)
{
	struct ext_mark m = ext_begin(out, EXT_ACME_IDENTIFIER, true);

	der_add(out, DER_OCTET_STRING, digest, DIGEST_SHA256_SIZE);
	ext_end(out, m);
}

static int
add_names(const struct cert_template *t, struct buf *out, struct err *e)
{
	bool empty = t->subject == NULL || t->subject[0] == '\0';
	struct ext_mark m = ext_begin(out, EXT_SAN, empty);

	if ((t->dns == NULL || t->dns->len == 0) &&
	    (t->ip == NULL || t->ip->len == 0))
		return err_set(e, KIND_INPUT,
		    "RFC 5280 4.2.1.6: a certificate of no name");
	if (ext_write_names(out, t->dns, t->ip, e) == -1)
		return -1;
	ext_end(out, m);
	return 0;
}

static int
add_extensions(const struct cert_template *t, struct buf *out, struct err *e)
{
	size_t tagged = der_begin(out, DER_CONTEXT_CONS(3));
	size_t list = der_begin(out, DER_SEQUENCE);

	add_key_usage(t, out);
	add_basic_constraints(t->kind, out);
	if (t->kind == CERT_LEAF)
		add_server_auth(out);
	add_key_ids(t, out);
	if (t->crl_url != NULL && t->crl_url[0] != '\0')
		add_crl_url(t->crl_url, out);
	if (t->issuer_url != NULL && t->issuer_url[0] != '\0')
		add_issuer_url(t->issuer_url, out);
	if (t->acme_identifier != NULL)
		add_acme_identifier(t->acme_identifier, out);
	if (t->kind == CERT_LEAF && add_names(t, out, e) == -1)
		return -1;
	der_end(out, list);
	der_end(out, tagged);
	return 0;
}

/* `rest` is what comes after the serial. */
static void
add_serial(
    const struct cert_template *t, const struct buf *rest, struct buf *out)
{
	uint8_t serial[DIGEST_SHA256_SIZE];
	struct buf input;

	if (t->serial_secret != NULL) {
		buf_init(&input, 2 * CERT_MAX);
		buf_add(&input, t->serial_for, strlen(t->serial_for) + 1);
		buf_add(&input, rest->data, rest->len);
		digest_hmac_sha256(serial, t->serial_secret, DIGEST_SHA256_SIZE,
		    input.data, input.len);
		buf_release(&input);
	} else {
		digest_random(serial, SERIAL_BYTES);
	}
	/* der_add_uint keeps it positive: at most 17 bytes. */
	der_add_uint(out, serial, SERIAL_BYTES);
}

/* Never longer than the issuer, nor before it. */
static int
add_validity(const struct cert_template *t, struct buf *out, struct err *e)
{
	int64_t from = t->not_before, to = t->not_after;
	size_t seq;

	if (t->issuer_cert != NULL && from < cert_not_before(t->issuer_cert))
		from = cert_not_before(t->issuer_cert);
	if (t->issuer_cert != NULL && to > cert_not_after(t->issuer_cert))
		to = cert_not_after(t->issuer_cert);
	if (to < from)
		return err_set(
		    e, KIND_CONF, "the issuer's certificate has expired");
	seq = der_begin(out, DER_SEQUENCE);
	der_add_time(out, from);
	der_add_time(out, to);
	der_end(out, seq);
	return 0;
}

static int
add_issuer(const struct cert_template *t, struct buf *out, struct err *e)
{
	const uint8_t *name;
	size_t len;

	if (t->issuer_cert == NULL)
		return dn_encode(t->subject, out, e);
	name = cert_subject_der(t->issuer_cert, &len);
	buf_add(out, name, len); /* sigalg_seal asks whether all did fit */
	return 0;
}

/* All that comes after the serial number. */
static int
add_rest(const struct cert_template *t, struct buf *out, struct err *e)
{
	size_t len;
	const uint8_t *spki = key_spki(t->key, &len);

	sigalg_write(out, t->issuer_key);
	if (add_issuer(t, out, e) == -1 || add_validity(t, out, e) == -1 ||
	    dn_encode(t->subject, out, e) == -1)
		return -1;
	buf_add(out, spki, len);
	return add_extensions(t, out, e);
}

static int
add_tbs(const struct cert_template *t, struct buf *out, struct err *e)
{
	struct buf rest;
	size_t seq, version;
	int rc;

	buf_init(&rest, CERT_MAX);
	rc = add_rest(t, &rest, e);
	if (rc == 0) {
		seq = der_begin(out, DER_SEQUENCE);
		version = der_begin(out, DER_CONTEXT_CONS(0));
		der_add_small(out, 2);
		der_end(out, version);
		add_serial(t, &rest, out);
		buf_add(out, rest.data, rest.len);
		out->full |= rest.full;
		der_end(out, seq);
	}
	buf_release(&rest);
	return rc;
}

struct cert *
cert_build(const struct cert_template *t, struct err *e)
{
	struct buf tbs, der;
	struct cert *c = NULL;

	buf_init(&tbs, CERT_MAX);
	buf_init(&der, CERT_MAX);
	if (add_tbs(t, &tbs, e) == -1 ||
	    sigalg_seal(&tbs, t->issuer_key, &der, e) == -1)
		goto out;
	c = cert_from_der(der.data, der.len, e);
out:
	buf_release(&tbs);
	buf_release(&der);
	return c;
}
