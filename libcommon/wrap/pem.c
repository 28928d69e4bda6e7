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

/* RFC 1421 4.6.1, as OpenSSL has it: Proc-Type and DEK-Info. */
static bool
open_block(
    const struct pem_reader *r, char *header, unsigned char *data, long *n)
{
	EVP_CIPHER_INFO cipher;

	return r->password != NULL &&
	    PEM_get_EVP_CIPHER_INFO(header, &cipher) == 1 &&
	    cipher.cipher != NULL &&
	    PEM_do_header(
		&cipher, data, n, NULL, (void *)(uintptr_t)r->password) == 1;
}

/* The block that OpenSSL has found, if it is one for us. */
static int
take_block(struct pem_reader *r, const char *name, char *header,
    unsigned char *data, long n, char *label, size_t size, struct buf *der)
{
	r->is_encrypted = header[0] != '\0';
	if (strlen(name) >= size)
		return -1;
	memcpy(label, name, strlen(name) + 1);
	if (r->is_encrypted && !open_block(r, header, data, &n))
		return -1;
	return n > 0 && buf_add(der, data, (size_t)n) == 0 ? 1 : -1;
}

int
pem_next(struct pem_reader *r, char *label, size_t size, struct buf *der)
{
	BIO *bio;
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long n = 0;
	int rc = -1;

	buf_clear(der);
	r->is_encrypted = false;
	if (!pem_is_text(r->p, r->len))
		return 0;
	if (r->len > INT_MAX ||
	    (bio = BIO_new_mem_buf(r->p, (int)r->len)) == NULL)
		return -1;
	if (PEM_read_bio(bio, &name, &header, &data, &n) == 1)
		rc = take_block(r, name, header, data, n, label, size, der);
	r->p += r->len - BIO_pending(bio);
	r->len = BIO_pending(bio);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(data, n > 0 && data != NULL ? (size_t)n : 0);
	BIO_free(bio);
	ERR_clear_error();
	return rc;
}
