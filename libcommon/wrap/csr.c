#include "wrap/csr.h"

#include "base/der.h"
#include "wrap/dn.h"
#include "wrap/ext.h"
#include "wrap/key.h"
#include "wrap/pem.h"
#include "wrap/sigalg.h"

#define BAD_CSR "badCSR"

struct csr {
	struct buf der;
	struct der info; /* what is signed */
	struct der subject; /* of that */
	struct der signature;
	const struct sigalg *alg;
	struct key *key;
	struct ext_names names;
	struct strv cn;
	bool is_ca;
};

/* extensionRequest of RFC 2985 5.4.2, and Microsoft's name for it. */
static const struct {
	size_t len;
	const char *oid;
} requests[] = {
    {9, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"},
    {10, "\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e"},
};

static int
bad(struct err *e, const char *text)
{
	return err_acme(e, KIND_INPUT, BAD_CSR, "%s", text);
}

void
csr_free(struct csr *c)
{
	if (c == NULL)
		return;
	buf_release(&c->der);
	key_free(c->key);
	ext_names_release(&c->names);
	strv_release(&c->cn);
	free(c);
}

static int
read_extensions(struct csr *c, struct der list, struct err *e)
{
	struct ext x;

	if (ext_check(list, e) == -1)
		return -1;
	if (ext_find(list, ext_oid(EXT_BASIC_CONSTRAINTS), &x) &&
	    ext_read_ca(x.value, &c->is_ca) == -1)
		return bad(
		    e, "RFC 5280 4.2.1.9: basicConstraints is not well-formed");
	if (ext_find(list, ext_oid(EXT_SAN), &x))
		ext_read_names(x.value, &c->names);
	if (c->names.bad != NULL)
		return err_acme(e, KIND_INPUT, BAD_CSR,
		    "RFC 5280 4.2.1.6: subjectAltName: %s", c->names.bad);
	return 0;
}

static bool
is_extension_request(struct der oid)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (der_is(&oid, requests[i].oid, requests[i].len))
			return true;
	return false;
}

/* The attributes of RFC 2986 4.1; of all of them only one kind matters. */
static int
read_attributes(struct csr *c, struct der list, struct err *e)
{
	static const char broken[] =
	    "RFC 2986 4.1: attribute is not well-formed DER";
	struct der seq, oid, set, extensions;
	bool seen = false;

	while (list.len > 0) {
		if (der_get(&list, DER_SEQUENCE, &seq) == -1 ||
		    der_get(&seq, DER_OID, &oid) == -1 ||
		    der_get(&seq, DER_SET, &set) == -1 || seq.len != 0)
			return bad(e, broken);
		if (!is_extension_request(oid))
			continue;
		if (seen)
			return bad(e,
			    "RFC 2985 5.4.2: more than one extensionRequest");
		seen = true;
		if (der_get(&set, DER_SEQUENCE, &extensions) == -1 ||
		    set.len != 0)
			return bad(e, broken);
		if (read_extensions(c, extensions, e) == -1)
			return -1;
	}
	return 0;
}

/* CertificationRequestInfo. */
static int
read_info(struct csr *c, struct err *e)
{
	struct der in = c->info, info, version, spki, attributes;

	if (der_get(&in, DER_SEQUENCE, &info) == -1 ||
	    der_get_uint(&info, &version) == -1 || version.len != 0 ||
	    der_get_whole(&info, DER_SEQUENCE, &c->subject) == -1 ||
	    der_get_whole(&info, DER_SEQUENCE, &spki) == -1)
		return bad(e, "RFC 2986 4.1: request is not well-formed DER");
	if (dn_common_names(c->subject, &c->cn) == -1)
		return bad(e,
		    "RFC 2986 4.1: subject is broken, or has a commonName "
		    "that is no text");
	if ((c->key = key_from_spki(spki.p, spki.len, e)) == NULL)
		return -1;
	if (info.len == 0)
		return 0; /* some leave out the empty set */
	if (der_get(&info, DER_CONTEXT_CONS(0), &attributes) == -1 ||
	    info.len != 0)
		return bad(e, "RFC 2986 4.1: attributes are not a set");
	return read_attributes(c, attributes, e);
}

static int
parse(struct csr *c, struct err *e)
{
	struct der in = {(const uint8_t *)c->der.data, c->der.len};
	struct der seq, alg;

	if (der_get(&in, DER_SEQUENCE, &seq) == -1 ||
	    der_get_whole(&seq, DER_SEQUENCE, &c->info) == -1 ||
	    der_get_whole(&seq, DER_SEQUENCE, &alg) == -1 ||
	    der_get_bits(&seq, &c->signature) == -1 || seq.len != 0)
		return bad(e, "RFC 2986 4.2: request is not well-formed DER");
	if (in.len != 0)
		return bad(
		    e, "RFC 8555 7.4: there are bytes after the request");
	if ((c->alg = sigalg_read(alg)) == NULL)
		return bad(e,
		    "RFC 2986 4.2: request has an unknown signature "
		    "algorithm");
	return read_info(c, e);
}

struct csr *
csr_from_der(const void *der, size_t len, struct err *e)
{
	struct csr *c = xcalloc(1, sizeof(*c));

	buf_init(&c->der, CSR_MAX);
	if (buf_add(&c->der, der, len) == -1)
		err_acme(e, KIND_INPUT, BAD_CSR,
		    "request is larger than %d bytes", CSR_MAX);
	else if (parse(c, e) == 0)
		return c;
	if (e->acme_type == NULL)
		e->acme_type = BAD_CSR;
	csr_free(c);
	return NULL;
}

struct csr *
csr_from_any(const void *p, size_t len, struct err *e)
{
	struct pem_reader r = {.p = p, .len = len};
	char label[64];
	struct buf der;
	struct csr *c = NULL;
	int rc;

	if (!pem_is_text(p, len))
		return csr_from_der(p, len, e);
	buf_init(&der, CSR_MAX);
	while ((rc = pem_next(&r, label, sizeof(label), &der)) == 1) {
		if (strcmp(label, "CERTIFICATE REQUEST") != 0 &&
		    strcmp(label, "NEW CERTIFICATE REQUEST") != 0)
			continue;
		if (c) {
			bad(e, "PEM with more than one CERTIFICATE REQUEST");
			goto out;
		}
		c = csr_from_der(der.data, der.len, e);
		if (!c)
			goto out;
	}
	if (rc < 0)
		bad(e, "RFC 7468 2: PEM block is broken or too large");
	else if (!c)
		bad(e, "RFC 7468 7: PEM without a CERTIFICATE REQUEST");
out:
	buf_release(&der);
	if (err_is_set(e)) {
		csr_free(c);
		c = NULL;
	}
	return c;
}

const uint8_t *
csr_der(const struct csr *c, size_t *len)
{
	*len = c->der.len;
	return (const uint8_t *)c->der.data;
}

const struct key *
csr_key(const struct csr *c)
{
	return c->key;
}

const struct strv *
csr_dns(const struct csr *c)
{
	return &c->names.dns;
}

const struct strv *
csr_ip(const struct csr *c)
{
	return &c->names.ip;
}

const uint8_t *
csr_subject_der(const struct csr *c, size_t *len)
{
	*len = c->subject.len;
	return c->subject.p;
}

const struct strv *
csr_cn(const struct csr *c)
{
	return &c->cn;
}

const char *
csr_other_san(const struct csr *c)
{
	return c->names.other;
}

bool
csr_is_ca(const struct csr *c)
{
	return c->is_ca;
}

const char *
csr_signature(const struct csr *c)
{
	return c->alg->name;
}

bool
csr_is_weak(const struct csr *c)
{
	return c->alg->is_weak;
}

int
csr_verify(const struct csr *c, struct err *e)
{
	struct err inner = {0};

	if (sigalg_verify(c->alg, c->key, c->info, c->signature, &inner) == 0)
		return 0;
	err_acme(e, KIND_INPUT, BAD_CSR,
	    "RFC 2986 4.2: the request is not signed with its own key");
	return err_detail(e, "%s", inner.text);
}
