#include "wrap/p7.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "base/der.h"
#include "wrap/cert.h"
#include "wrap/key.h"

/* 1.2.840.113549.1.7.1 and .2 */
#define OID_DATA "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
#define OID_SIGNED_DATA "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"

static int
take_each(STACK_OF(X509) * certs, struct cert_list *out, struct err *e)
{
	for (int i = 0; i < sk_X509_num(certs); i++) {
		unsigned char *der = NULL;
		int len = i2d_X509(sk_X509_value(certs, i), &der);
		struct cert *c =
		    len > 0 ? cert_from_der(der, (size_t)len, e) : NULL;

		OPENSSL_free(der);
		if (!c) {
			err_set(
			    e, KIND_INPUT, "PKCS#7: a certificate is broken");
			return err_object(e, "certificate %d", i + 1);
		}
		cert_list_take(out, c);
	}
	return 0;
}

/* By OpenSSL, since what is found in the field is BER as often as DER. */
int
p7_read(const void *der, size_t len, struct cert_list *out, struct err *e)
{
	const unsigned char *p = der;
	PKCS7 *p7 = len <= P7_MAX ? d2i_PKCS7(NULL, &p, (long)len) : NULL;
	struct cert_list certs = {0};
	int rc = -1;

	if (!p7 || p != (const unsigned char *)der + len)
		key_openssl_err(e, KIND_INPUT, "RFC 2315 7: no PKCS#7");
	else if (!PKCS7_type_is_signed(p7) || !p7->d.sign)
		err_set(e, KIND_INPUT, "RFC 2315 9: PKCS#7 without SignedData");
	else if (sk_X509_num(p7->d.sign->cert) <= 0)
		err_set(e, KIND_INPUT, "PKCS#7 without a certificate");
	else if (sk_X509_num(p7->d.sign->cert) > CERT_LIST_MAX)
		err_set(
		    e, KIND_INPUT, "more than %d certificates", CERT_LIST_MAX);
	else
		rc = take_each(p7->d.sign->cert, &certs, e);
	if (rc == 0)
		cert_list_join(out, &certs);
	cert_list_release(&certs);
	PKCS7_free(p7);
	ERR_clear_error();
	return rc;
}

int
p7_write(const struct cert_list *list, struct buf *out, struct err *e)
{
	size_t info = der_begin(out, DER_SEQUENCE), content, data, type, certs;

	der_add(out, DER_OID, OID_SIGNED_DATA, sizeof(OID_SIGNED_DATA) - 1);
	content = der_begin(out, DER_CONTEXT_CONS(0));
	data = der_begin(out, DER_SEQUENCE);
	der_add_small(out, 1);
	der_add(out, DER_SET, NULL, 0); /* no digests */
	type = der_begin(out, DER_SEQUENCE);
	der_add(out, DER_OID, OID_DATA, sizeof(OID_DATA) - 1);
	der_end(out, type);
	certs = der_begin(out, DER_CONTEXT_CONS(0));
	for (size_t i = 0; i < list->len; i++) {
		size_t len;
		const uint8_t *der = cert_der(list->v[i], &len);

		buf_add(out, der, len);
	}
	der_end(out, certs);
	der_add(out, DER_SET, NULL, 0); /* no signatures */
	der_end(out, data);
	der_end(out, content);
	der_end(out, info);
	return out->full
	    ? err_set(e, KIND_BUG, "too many certificates for PKCS#7")
	    : 0;
}
