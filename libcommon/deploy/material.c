#include "deploy/material.h"

#include "store/private_key.h"
#include "wrap/key.h"

void
material_init(struct material *m)
{
	memset(m, 0, sizeof(*m));
	buf_init(&m->key, KEY_DER_MAX);
}

void
material_release(struct material *m)
{
	certificate_release(&m->cert);
	chain_release(&m->chain);
	buf_wipe(&m->key);
}

int
material_add_chain(struct store *st, struct material *m,
    const struct chainpick *pick, bool or_default, struct err *e)
{
	static const struct chainpick by_default = {.by = CHAINPICK_DEFAULT};
	const struct chain *chosen;
	struct chain *chains;
	size_t len;
	int rc;

	if (chain_load_all(st, m->cert.id, &chains, &len, e) < 0)
		return -1;
	chosen = chainpick_choose(pick, chains, len);
	if (!chosen && or_default)
		chosen = chainpick_choose(&by_default, chains, len);
	rc = chosen || or_default || !chainpick_is_wish(pick)
	    ? 0
	    : err_set(e, KIND_NOTFOUND,
		  "certificate %lld: no chain of its %zu is like that",
		  (long long)m->cert.id, len);
	if (chosen) {
		struct chain *from = &chains[chosen - chains];

		m->chain = *from;
		*from = (struct chain){0}; /* transferred */
	}
	chains_free(chains, len);
	return rc;
}

static int
no_key(const struct material *m, struct err *e)
{
	err_clear(e);
	return err_set(e, KIND_NOTFOUND,
	    "the private key of certificate %lld is not in the store",
	    (long long)m->cert.id);
}

int
material_take_chain(
    struct store *st, struct material *m, int64_t chain_id, struct err *e)
{
	struct chain *all;
	size_t len;

	if (chain_load_all(st, m->cert.id, &all, &len, e) < 0)
		return -1;
	for (size_t i = 0; i < len; i++)
		if (all[i].id == chain_id) {
			m->chain = all[i];
			all[i] = (struct chain){0}; /* transferred */
		}
	chains_free(all, len);
	return m->chain.id != 0
	    ? 0
	    : err_set(e, KIND_NOTFOUND, "no such chain of certificate %lld",
		  (long long)m->cert.id);
}

int
material_add_key(struct store *st, struct material *m,
    const struct seal_key *seal, struct err *e)
{
	if (private_key_der(
		st, m->cert.spki_sha256, seal, &m->key_id, &m->key, e) == 0)
		return 0;
	return e->kind == KIND_NOTFOUND ? no_key(m, e) : -1;
}

int
material_key_id(
    struct store *st, const struct material *m, int64_t *id, struct err *e)
{
	struct private_key k;

	if (private_key_by_identity(st, m->cert.spki_sha256, &k, e) < 0)
		return e->kind == KIND_NOTFOUND ? no_key(m, e) : -1;
	*id = k.id;
	return 0;
}
