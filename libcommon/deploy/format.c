#include "deploy/format.h"

#include "wrap/p7.h"
#include "wrap/pem.h"

int
format_pem(
    const struct material *m, unsigned parts, struct buf *out, struct err *e)
{
	if (parts & FORMAT_LEAF)
		pem_encode(
		    out, "CERTIFICATE", m->cert.leaf.der, m->cert.leaf.len);
	for (size_t i = 0; (parts & FORMAT_CHAIN) && i < m->chain.len; i++)
		pem_encode(out, "CERTIFICATE", m->chain.certs[i].der,
		    m->chain.certs[i].len);
	if (parts & FORMAT_KEY)
		pem_encode(out, "PRIVATE KEY", m->key.data, m->key.len);
	return out->full ? err_set(e, KIND_BUG, "too large to be exported") : 0;
}

static int
take(const struct certificate_der *d, struct cert_list *out, struct err *e)
{
	struct cert *c = cert_from_der(d->der, d->len, e);

	if (!c)
		return -1;
	cert_list_take(out, c);
	return 0;
}

static int
read_certs(const struct material *m, unsigned parts, struct cert_list *out,
    struct err *e)
{
	if ((parts & FORMAT_LEAF) && take(&m->cert.leaf, out, e) < 0)
		return -1;
	for (size_t i = 0; (parts & FORMAT_CHAIN) && i < m->chain.len; i++)
		if (take(&m->chain.certs[i], out, e) < 0)
			return -1;
	return 0;
}

int
format_p7(
    const struct material *m, unsigned parts, struct buf *out, struct err *e)
{
	struct cert_list certs = {0};
	int rc = read_certs(m, parts, &certs, e);

	if (rc == 0)
		rc = p7_write(&certs, out, e);
	cert_list_release(&certs);
	return rc;
}

int
format_p12(const struct material *m, enum p12_style style, const char *password,
    const char *name, struct buf *out, struct err *e)
{
	struct cert_list certs = {0};
	struct key *k = key_from_der(m->key.data, m->key.len, e);
	int rc = k ? read_certs(m, FORMAT_FULLCHAIN, &certs, e) : -1;

	if (rc == 0)
		rc = p12_write(style, password, name, k, &certs, out, e);
	cert_list_release(&certs);
	key_free(k);
	return rc;
}
