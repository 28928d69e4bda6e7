#include "wrap/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/b64.h"

#define LINE_BYTES 48 /* 64 columns */

int
pem_encode(struct buf *out, const char *label, const void *der, size_t len)
{
	const uint8_t *p = der;
	size_t n;

	buf_addf(out, "-----BEGIN %s-----\n", label);
	for (; len > 0; p += n, len -= n) {
		n = len < LINE_BYTES ? len : LINE_BYTES;
		b64_encode(out, p, n);
		buf_addc(out, '\n');
	}
	return buf_addf(out, "-----END %s-----\n", label);
}

bool
pem_is_text(const void *p, size_t len)
{
	return memmem(p, len, "-----BEGIN ", 11) != NULL;
}

int
pem_next(struct pem_reader *r, char *label, size_t size, struct buf *der)
{
	BIO *bio;
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long n;
	int rc = -1;

	buf_clear(der);
	if (!pem_is_text(r->p, r->len))
		return 0;
	if (r->len > INT_MAX ||
	    (bio = BIO_new_mem_buf(r->p, (int)r->len)) == NULL)
		return -1;
	if (PEM_read_bio(bio, &name, &header, &data, &n) == 1 &&
	    strlen(name) < size && header[0] == '\0' && n > 0 &&
	    buf_add(der, data, (size_t)n) == 0) {
		memcpy(label, name, strlen(name) + 1);
		rc = 1;
	}
	r->p += r->len - BIO_pending(bio);
	r->len = BIO_pending(bio);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(data, n > 0 && data != NULL ? (size_t)n : 0);
	BIO_free(bio);
	ERR_clear_error();
	return rc;
}
