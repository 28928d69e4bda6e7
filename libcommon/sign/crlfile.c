#include "sign/crlfile.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/hex.h"
#include "base/str.h"
#include "conf/conf.h"
#include "sign/local.h"
#include "store/certificate.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "wrap/cert.h"
#include "wrap/crl.h"
#include "wrap/pem.h"

#define SERIAL_MAX 64
#define LABEL "X509 CRL"

static int
add_revoked(void *arg, const struct certificate_revoked *r, struct err *e)
{
	uint8_t serial[SERIAL_MAX];
	size_t len = strlen(r->serial) / 2;

	if (len > sizeof(serial) || hex_decode(serial, len, r->serial) == -1)
		return err_set(
		    e, KIND_BUG, "serial number %s in the store", r->serial);
	crl_add(arg, serial, len, r->revoked_at, r->reason);
	return 0;
}

static int
read_der(const char *path, struct buf *der, struct err *e)
{
	struct pem_reader r;
	struct buf pem;
	char label[32];
	int rc = 0;

	if (file_read(path, der, e) == -1)
		return -1;
	if (!pem_is_text(der->data, der->len))
		return 0;
	pem = *der; /* transferred */
	buf_init(der, pem.max);
	r = (struct pem_reader){.p = pem.data, .len = pem.len};
	if (pem_next(&r, label, sizeof(label), der) != 1 ||
	    strcmp(label, LABEL) != 0)
		rc = err_set(e, KIND_INPUT, "%s: is no CRL", path);
	buf_release(&pem);
	return rc;
}

/* A number above that of the list that is there (RFC 5280 5.2.3). */
static int
next_number(const char *path, uint64_t *number, struct err *e)
{
	struct buf der;
	uint64_t old;
	int rc = 0;

	*number = (uint64_t)clock_now();
	if (!file_exists(path))
		return 0;
	buf_init(&der, CRL_MAX);
	if ((rc = read_der(path, &der, e)) == 0 &&
	    (rc = crl_number(der.data, der.len, &old, e)) == -1)
		err_object(e, "%s", path);
	if (rc == 0 && old >= *number)
		*number = old + 1;
	buf_release(&der);
	return rc;
}

static int
write_out(const char *path, const struct buf *der, struct err *e)
{
	struct buf pem;
	int rc;

	if (!str_ends(path, ".pem"))
		return file_replace(path, 0644, der->data, der->len, e);
	buf_init(&pem, 2 * (size_t)CRL_MAX);
	pem_encode(&pem, LABEL, der->data, der->len);
	rc = file_replace(path, 0644, pem.data, pem.len, e);
	buf_release(&pem);
	return rc;
}

static int
make(const struct conf *conf, const char *path, struct local *l,
    struct store *st, struct err *e)
{
	const struct cert *issuer = local_issuer(l);
	int64_t now = clock_now();
	struct crl *crl;
	struct buf der;
	uint64_t number;
	const uint8_t *ski;
	size_t len;
	int rc = -1;

	if (next_number(path, &number, e) == -1)
		return -1;
	buf_init(&der, CRL_MAX);
	crl = crl_new(issuer, number, now, now + conf->local_ca.crl_lifetime);
	ski = cert_ski(issuer, &len);
	if (certificate_each_revoked(st, ski, len, now, add_revoked, crl, e) ==
		0 &&
	    crl_sign(crl, local_issuer_key(l), &der, e) == 0)
		rc = write_out(path, &der, e);
	crl_free(crl);
	buf_release(&der);
	return rc;
}

int
crlfile_lock(const struct conf *conf, struct err *e)
{
	char *path = conf_crl_file(conf);
	char *lock_path = xasprintf("%s.lock", path);
	int lock = lock_wait(lock_path, e);

	free(lock_path);
	free(path);
	return lock;
}

int
crlfile_write(
    const struct conf *conf, struct local *l, struct store *st, struct err *e)
{
	char *path = conf_crl_file(conf);
	int rc = make(conf, path, l, st, e);

	free(path);
	return rc;
}
