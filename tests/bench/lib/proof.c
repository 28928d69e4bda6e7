#include "proof.h"

#include <err.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "base/b64.h"
#include "base/buf.h"

void
proof_point(struct evp_pkey_st *key, uint8_t out[POINT_SIZE])
{
	size_t len = 0;

	if (EVP_PKEY_get_octet_string_param(
		key, OSSL_PKEY_PARAM_PUB_KEY, out, POINT_SIZE, &len) != 1 ||
	    len != POINT_SIZE)
		errx(101, "no P-256 key");
}

static int
csr_der(EVP_PKEY *key, const char *name, unsigned char **der)
{
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	char san[80];
	int len;

	snprintf(san, sizeof(san), "DNS:%s", name);
	sk_X509_EXTENSION_push(
	    exts, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san));
	X509_REQ_add_extensions(req, exts);
	X509_REQ_set_pubkey(req, key);
	X509_REQ_sign(req, key, EVP_sha256());
	len = i2d_X509_REQ(req, der);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
	if (len <= 0)
		errx(101, "%s: no CSR", name);
	return len;
}

void
want_prepare(struct want *w)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned char *der = NULL;
	struct buf json, text;
	int len;

	buf_init(&json, 4096);
	buf_init(&text, 4096);
	proof_point(key, w->point);
	len = csr_der(key, w->name, &der);
	buf_adds(&json, "{\"csr\":\"");
	b64url_encode(&json, der, (size_t)len);
	buf_adds(&json, "\"}");
	b64url_encode(&text, json.data, json.len);
	w->finalize = buf_detach(&text);
	buf_release(&json);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

void
want_release(struct want *w)
{
	free(w->finalize);
}

/* ---- the check -------------------------------------------------------------
 */

struct prover {
	X509_STORE *trusted;
	X509_STORE_CTX *ctx;
	char *known; /* what followed a good leaf, in PEM */
};

struct prover *
prover_new(const char *issuers)
{
	struct prover *p = xcalloc(1, sizeof(*p));

	p->trusted = X509_STORE_new();
	p->ctx = X509_STORE_CTX_new();
	if (!p->trusted || !p->ctx ||
	    X509_STORE_load_file(p->trusted, issuers) != 1)
		errx(111, "%s: no certificates", issuers);
	/* What leads to an issuer is trusted itself from then on. */
	X509_STORE_set_flags(p->trusted, X509_V_FLAG_PARTIAL_CHAIN);
	X509_STORE_set_purpose(p->trusted, X509_PURPOSE_SSL_SERVER);
	return p;
}

void
prover_free(struct prover *p)
{
	if (!p)
		return;
	X509_STORE_CTX_free(p->ctx);
	X509_STORE_free(p->trusted);
	free(p->known);
	free(p);
}

static STACK_OF(X509) * read_chain(const char *pem)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert;

	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		sk_X509_push(chain, cert);
	ERR_clear_error();
	BIO_free(bio);
	return chain;
}

static const char *
verify(struct prover *p, X509 *leaf, const char *rest)
{
	bool known = p->known && !strcmp(p->known, rest);
	STACK_OF(X509) *chain = known ? NULL : read_chain(rest);
	const char *wrong = NULL;

	X509_STORE_CTX_init(p->ctx, p->trusted, leaf, chain);
	if (X509_verify_cert(p->ctx) != 1)
		wrong = X509_verify_cert_error_string(
		    X509_STORE_CTX_get_error(p->ctx));
	X509_STORE_CTX_cleanup(p->ctx);
	if (!wrong && !known) {
		for (int i = 0; i < sk_X509_num(chain); i++)
			X509_STORE_add_cert(
			    p->trusted, sk_X509_value(chain, i));
		free(p->known);
		p->known = xstrdup(rest);
	}
	sk_X509_pop_free(chain, X509_free);
	return wrong;
}

static const char *
compare(X509 *leaf, struct want *w)
{
	const ASN1_BIT_STRING *point = X509_get0_pubkey_bitstr(leaf);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(leaf);

	if (ASN1_STRING_length(point) != POINT_SIZE ||
	    memcmp(ASN1_STRING_get0_data(point), w->point, POINT_SIZE) != 0)
		return "not the key of the CSR";
	if (X509_check_host(leaf, w->name, 0,
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) != 1)
		return "not the name of the order";
	if (ASN1_STRING_length(serial) > SERIAL_MAX)
		return "serial number too long";
	memcpy(w->serial, ASN1_STRING_get0_data(serial),
	    (size_t)ASN1_STRING_length(serial));
	return NULL;
}

const char *
prover_check(struct prover *p, struct want *w, char *pem)
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	char *rest = strstr(pem, end);
	const char *wrong;
	BIO *bio;
	X509 *leaf;

	if (!rest)
		return "no chain of certificates";
	rest += strlen(end);
	bio = BIO_new_mem_buf(pem, (int)(rest - pem));
	leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!leaf)
		return "no certificate";
	wrong = verify(p, leaf, rest);
	if (!wrong)
		wrong = compare(leaf, w);
	X509_free(leaf);
	ERR_clear_error();
	return wrong;
}
