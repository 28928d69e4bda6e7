#include "base/hex.h"
#include "jobs/primer_part.h"
#include "store/private_key.h"
#include "wrap/digest.h"

/* Keys under another seal, until the one at hand is the wrong one. */
#define UNOPENED_MAX 20

void
primer_fail(struct primer *p, struct item *i, const struct err *why)
{
	i->state = ITEM_FAILED;
	p->counts.failed++;
	p->o.failed(p->o.arg, i->s.certificate_id, why);
}

/* One that cannot be done does not stop the rest, unless none can. */
static int
judge(struct primer *p, struct item *i, struct err *why, struct err *e)
{
	bool other_seal = why->kind == KIND_CONF && p->o.seal &&
	    (p->opened || ++p->unopened < UNOPENED_MAX);

	if (other_seal || why->kind == KIND_INPUT ||
	    why->kind == KIND_NOTFOUND || why->kind == KIND_CONFLICT) {
		primer_fail(p, i, why);
		return 0;
	}
	*e = *why;
	return -1;
}

/* ---- what it is ---------------------------------------------------------- */

static void
set_stamp(const struct primer *p, struct item *i)
{
	const struct redis_options *o = &p->o.settings->options;
	uint8_t hash[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];
	struct buf b;

	buf_init(&b, 1024);
	buf_addf(&b, "%s %lld %d ", p->format->name, (long long)i->s.chain_id,
	    o->own_renewal);
	buf_add(&b, i->s.sha256, sizeof(i->s.sha256));
	digest_sha256(hash, b.data, b.len);
	hex_encode(hex, hash, sizeof(hash));
	memcpy(i->stamp, hex, PRIMER_STAMP);
	i->stamp[PRIMER_STAMP] = '\0';
	buf_release(&b);
}

static int
is_rsa(struct primer *p, const struct certificate *c, bool *rsa, struct err *e)
{
	struct private_key k;

	if (private_key_by_identity(p->o.st, c->spki_sha256, &k, e) < 0)
		return -1;
	*rsa = str_starts(k.type, "rsa");
	return 0;
}

static int
find_key_type(struct primer *p, struct item *i, struct err *e)
{
	struct certificate c;
	int rc;

	if (certificate_by_id(p->o.st, i->s.certificate_id, &c, e) < 0)
		return -1;
	rc = is_rsa(p, &c, &i->it.is_rsa, e);
	certificate_release(&c);
	return rc;
}

int
primer_identify(struct primer *p, struct item *i, struct err *e)
{
	struct err why = {0};

	i->it = (struct redis_item){.name = i->s.name,
	    .certificate_id = i->s.certificate_id,
	    .chain_id = i->s.chain_id,
	    .created = i->s.created,
	    .not_after = i->s.not_after};
	set_stamp(p, i);
	if (p->format->by_key_type && find_key_type(p, i, &why) < 0)
		return judge(p, i, &why, e);
	return p->format->make(&i->it, &p->o.settings->options, &i->entries, e);
}

char *
primer_subject(const struct primer *p, const struct item *i)
{
	return p->format->by_certificate
	    ? xasprintf("#%lld", (long long)i->s.certificate_id)
	    : xstrdup(i->s.name);
}

/* ---- what it holds ------------------------------------------------------- */

/* Neighbours often have the same chain, or key. */
static int
load(struct primer *p, const struct item *i, struct material *m, struct err *e)
{
	struct material *last = &p->last;

	if (certificate_by_id(p->o.st, i->s.certificate_id, &m->cert, e) < 0)
		return -1;
	if (i->s.chain_id != 0 && i->s.chain_id == p->last_chain_id) {
		m->chain = last->chain;
		last->chain = (struct chain){0}; /* transferred */
		p->last_chain_id = 0;
	} else if (i->s.chain_id != 0 &&
	    chain_load(p->o.st, i->s.chain_id, &m->chain, e) < 0) {
		return -1;
	}
	if (last->key_id != 0 &&
	    memcmp(last->cert.spki_sha256, m->cert.spki_sha256,
		sizeof(m->cert.spki_sha256)) == 0) {
		struct buf empty = m->key;

		m->key = last->key;
		m->key_id = last->key_id;
		last->key = empty; /* transferred */
		last->key_id = 0;
		return 0;
	}
	return material_add_key(p->o.st, m, p->o.seal, e);
}

static int
load_next(struct primer *p, const struct item *i, struct err *e)
{
	struct material m;

	if (p->last.key_id != 0 && p->last.cert.id == i->s.certificate_id &&
	    p->last_chain_id == i->s.chain_id)
		return 0;
	material_init(&m);
	if (load(p, i, &m, e) < 0) {
		material_release(&m);
		return -1;
	}
	material_release(&p->last);
	p->last = m;
	p->last_chain_id = i->s.chain_id;
	p->opened = true;
	return 0;
}

int64_t
primer_number(
    const struct primer *p, const struct item *i, enum redis_kind kind)
{
	if (p->format->by_certificate)
		return i->it.certificate_id;
	switch (kind) {
	case REDIS_CERT:
		return i->it.certificate_id;
	case REDIS_PKEY:
		return i->it.key_id;
	default:
		return i->it.chain_id;
	}
}

int
primer_fill(struct primer *p, struct item *i, bool all, struct err *e)
{
	struct err why = {0};

	if (load_next(p, i, &why) < 0)
		return judge(p, i, &why, e) < 0 ? -1 : 1;
	redis_entries_release(&i->entries);
	i->it.m = &p->last;
	i->it.key_id = p->last.key_id;
	for (size_t k = 0; k < REDIS_DOMAIN; k++)
		i->it.known[k] = !all &&
		    idset_has(
			&p->sent[k], primer_number(p, i, (enum redis_kind)k));
	return p->format->make(&i->it, &p->o.settings->options, &i->entries, e);
}
