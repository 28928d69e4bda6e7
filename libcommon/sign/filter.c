#include "sign/filter.h"

#include <arpa/inet.h>

#include "acme/ident.h"
#include "acme/jwk.h"
#include "acme/signmsg.h"
#include "base/str.h"
#include "sign/sign.h"
#include "store/certificate.h"
#include "store/identifier.h"
#include "wrap/cert.h"
#include "wrap/csr.h"

static char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? xstrdup(value) : NULL;
}

/* Adds a name as the kind that it looks like, in its one spelling. */
static int
add_name(struct signmsg_request *r, const char *name, struct err *e)
{
	char ip[INET6_ADDRSTRLEN];
	uint8_t raw[16];
	int family = strchr(name, ':') != NULL ? AF_INET6 : AF_INET;
	struct identifier id = {0};
	bool is_ip = inet_pton(family, name, raw) == 1 &&
	    inet_ntop(family, raw, ip, sizeof(ip)) != NULL;

	if (ident_parse(is_ip ? "ip" : "dns", is_ip ? ip : name, &id, e) < 0)
		return -1;
	strv_add(is_ip ? &r->ip : &r->dns, id.value);
	identifier_release(&id);
	return 0;
}

static int
add_list(struct signmsg_request *r, const struct strv *names, struct err *e)
{
	for (size_t i = 0; i < names->len; i++)
		if (add_name(r, names->v[i], e) == -1)
			return -1;
	return 0;
}

static int
add_words(struct signmsg_request *r, const char *text, struct err *e)
{
	static const char between[] = ", \t\r\n";
	struct strv names = {0};
	size_t len;
	int rc;

	while (*(text += strspn(text, between)) != '\0') {
		len = strcspn(text, between);
		strv_addn(&names, text, len);
		text += len;
	}
	rc = add_list(r, &names, e);
	strv_release(&names);
	return rc;
}

static int
add_names(struct signmsg_request *r, const struct csr *csr, struct err *e)
{
	const char *sans = getenv("ACMED_SANS");
	int rc;

	if (sans != NULL && sans[0] != '\0')
		rc = add_words(r, sans, e);
	else if ((rc = add_list(r, csr_dns(csr), e)) == 0 &&
	    (rc = add_list(r, csr_ip(csr), e)) == 0)
		rc = add_list(r, csr_cn(csr), e);
	if (rc == -1)
		return -1;
	strv_sort_unique(&r->dns);
	strv_sort_unique(&r->ip);
	if (r->dns.len + r->ip.len > SIGNMSG_NAMES_MAX)
		return err_acme(e, KIND_INPUT, "badCSR", "more than %d names",
		    SIGNMSG_NAMES_MAX);
	return 0;
}

static int
record(struct store *st, const struct buf *chain_pem, struct err *e)
{
	struct cert_list chain = {0};
	const struct certificate_new new = {.certs = &chain, .source = "sign"};
	int64_t id;
	int rc = -1;

	if (cert_list_from_pem(chain_pem->data, chain_pem->len, &chain, e) == 0)
		rc = certificate_add(st, &new, &id, NULL, e);
	cert_list_release(&chain);
	return rc;
}

static int
sign_csr(struct sign *s, struct store *st, const struct csr *csr,
    struct buf *chain_pem, struct err *e)
{
	struct signmsg_request r;
	const uint8_t *der;
	size_t len;
	int rc = -1;

	signmsg_request_init(&r);
	der = csr_der(csr, &len);
	buf_add(&r.csr, der, len);
	r.subject = environment("ACMED_SUBJECT_DN");
	r.email = environment("ACMED_EMAIL");
	r.profile = environment("ACMED_PROFILE");
	r.order = environment("ACMED_ORDER");
	if (add_names(&r, csr, e) == 0 && sign_issue(s, &r, chain_pem, e) == 0)
		rc = st != NULL ? record(st, chain_pem, e) : 0;
	signmsg_request_release(&r);
	return rc;
}

int
filter_sign(struct sign *s, struct store *st, const void *request, size_t len,
    struct buf *chain_pem, struct err *e)
{
	struct csr *csr = csr_from_any(request, len, e);
	int rc = -1;

	if (csr != NULL &&
	    (st == NULL || jwk_check_no_account(csr_key(csr), st, e) == 0))
		rc = sign_csr(s, st, csr, chain_pem, e);
	csr_free(csr);
	return rc;
}
