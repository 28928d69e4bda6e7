#include "sign/sign.h"

#include "acme/ident.h"
#include "base/der.h"
#include "conf/conf.h"
#include "sign/local.h"
#include "store/identifier.h"
#include "wrap/dn.h"

static const struct sign_backend *const backends[] = {
    &local_backend,
};

struct sign {
	const struct sign_backend *backend;
	void *state;
};

static const struct sign_backend *
find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(backends); i++)
		if (strcmp(backends[i]->name, name) == 0)
			return backends[i];
	return NULL;
}

struct sign *
sign_open(const struct conf *conf, struct err *e)
{
	const struct sign_backend *backend = find(conf->signer.backend);
	struct sign *s;
	void *state;

	if (backend == NULL) {
		err_set(e, KIND_CONF, "[signer] backend: %s is not known",
		    conf->signer.backend);
		return NULL;
	}
	if ((state = backend->open(conf, e)) == NULL)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->backend = backend;
	s->state = state;
	return s;
}

void
sign_close(struct sign *s)
{
	if (s == NULL)
		return;
	s->backend->close(s->state);
	free(s);
}

/* One spelling, once, and a name that newOrder would take. */
static int
check_names(const char *type, const struct strv *names, struct err *e)
{
	struct identifier id;
	bool same;

	for (size_t i = 0; i < names->len; i++) {
		if (ident_parse(type, names->v[i], &id, e) == -1)
			return -1;
		same = strcmp(id.value, names->v[i]) == 0;
		identifier_release(&id);
		for (size_t j = 0; same && j < i; j++)
			same = strcmp(names->v[j], names->v[i]) != 0;
		if (!same)
			return err_acme(e, KIND_INPUT, "badCSR",
			    "a name is there twice, or not in lower case");
	}
	return 0;
}

/* Programs that read no subjectAltName believe the commonName. */
static int
check_subject(const struct signmsg_request *r, struct err *e)
{
	struct strv cn = {0};
	struct buf der;
	bool covered;
	int rc;

	buf_init(&der, SIGNMSG_MAX);
	rc = dn_encode(r->subject, &der, e);
	covered = rc == 0 &&
	    dn_common_names(
		(struct der){(const uint8_t *)der.data, der.len}, &cn) == 0;
	for (size_t i = 0; covered && i < cn.len; i++) {
		str_lower(cn.v[i]);
		covered =
		    strv_has(&r->dns, cn.v[i]) || strv_has(&r->ip, cn.v[i]);
	}
	if (rc == 0 && !covered)
		rc = err_acme(e, KIND_INPUT, "badCSR",
		    "the commonName of the subject is none of the names");
	strv_release(&cn);
	buf_release(&der);
	return rc;
}

int
sign_issue(struct sign *s, const struct signmsg_request *r,
    struct buf *chain_pem, struct err *e)
{
	if (check_names("dns", &r->dns, e) == -1 ||
	    check_names("ip", &r->ip, e) == -1 || check_subject(r, e) == -1)
		return -1;
	return s->backend->issue(s->state, r, chain_pem, e);
}
