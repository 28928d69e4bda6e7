#include "sign/sign.h"

#include "conf/conf.h"
#include "sign/local.h"

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

int
sign_issue(struct sign *s, const struct signmsg_request *r,
    struct buf *chain_pem, struct err *e)
{
	return s->backend->issue(s->state, r, chain_pem, e);
}
