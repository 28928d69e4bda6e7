#include "jobs/prove.h"

#include "store/certificate.h"
#include "store/chain.h"
#include "sys/frame.h"
#include "wrap/cert.h"

static const char *const names[] = {
    [PROVE_SAME] = "same",
    [PROVE_CHAIN] = "chain",
    [PROVE_OURS] = "ours",
    [PROVE_OTHER] = "other",
    [PROVE_EXPIRED] = "expired",
    [PROVE_NO_TLS] = "no-tls",
    [PROVE_UNREACHABLE] = "unreachable",
};
_Static_assert(ARRAY_LEN(names) == PROVE__MAX, "one per result");

const char *
prove_result_name(enum prove_result result)
{
	return names[result];
}

void
proved_release(struct proved *p)
{
	if (!p)
		return;
	free(p->served_issuer);
	*p = (struct proved){0};
}

/* ---- chains -------------------------------------------------------------- */

static bool
is_self_signed(const struct certificate_der *c)
{
	struct err ignored = {0};
	struct cert *cert = cert_from_der(c->der, c->len, &ignored);
	bool yes = cert && cert_is_issued_by(cert, cert, &ignored) == 0;

	cert_free(cert);
	return yes;
}

/* A root need not be sent. */
static bool
is_chain(const struct chain *c, const struct cert_list *served)
{
	size_t len = served->len - 1;

	if (len != c->len &&
	    !(len + 1 == c->len && is_self_signed(&c->certs[c->len - 1])))
		return false;
	for (size_t i = 0; i < len; i++) {
		size_t size;
		const uint8_t *der = cert_der(served->v[i + 1], &size);

		if (size != c->certs[i].len ||
		    memcmp(der, c->certs[i].der, size) != 0)
			return false;
	}
	return true;
}

static int
has_chain(struct store *st, int64_t id, const struct cert_list *served,
    bool *yes, struct err *e)
{
	struct chain *chains = NULL;
	size_t len = 0;

	if (chain_load_all(st, id, &chains, &len, e) < 0)
		return -1;
	*yes = len == 0 && served->len == 1;
	for (size_t i = 0; i < len && !*yes; i++)
		*yes = is_chain(&chains[i], served);
	chains_free(chains, len);
	return 0;
}

/* ---- the judgement ------------------------------------------------------- */

static int
read_certs(const struct buf *from, struct cert_list *out, struct err *e)
{
	struct buf in, one;
	int rc;

	buf_init(&in, from->max);
	buf_init(&one, FRAME_MAX);
	buf_add(&in, from->data, from->len);
	while ((rc = frame_take(&in, &one, e)) > 0) {
		struct cert *c = cert_from_der(one.data, one.len, e);

		if (!c) {
			rc = -1;
			break;
		}
		cert_list_take(out, c);
	}
	buf_release(&in);
	buf_release(&one);
	return rc;
}

static int
compare(struct store *st, const struct certificate *wanted,
    const struct cert_list *served, int64_t now, struct proved *out,
    struct err *e)
{
	struct certificate known;
	struct err none = {0};
	bool fits = false;

	cert_sha256(served->v[0], out->served_sha256);
	out->served_not_after = cert_not_after(served->v[0]);
	out->served_issuer = cert_issuer(served->v[0]);
	if (certificate_by_sha256(st, out->served_sha256, &known, &none) == 0)
		out->served_id = known.id;
	else if (none.kind != KIND_NOTFOUND)
		return err_set(e, none.kind, "%s", none.text);
	certificate_release(&known);
	if (out->served_not_after < now)
		out->result = PROVE_EXPIRED;
	else if (out->served_id == 0)
		out->result = PROVE_OTHER;
	else if (out->served_id != wanted->id)
		out->result = PROVE_OURS;
	else if (has_chain(st, wanted->id, served, &fits, e) < 0)
		return -1;
	else
		out->result = fits ? PROVE_SAME : PROVE_CHAIN;
	return 0;
}

int
prove_judge(struct store *st, int64_t certificate_id, const struct buf *certs,
    const struct err *why, int64_t now, struct proved *out, struct err *e)
{
	struct cert_list served = {0};
	struct certificate wanted;
	struct err broken = {0};
	int rc = 0;

	*out = (struct proved){.result = PROVE_UNREACHABLE};
	if (err_is_set(why)) {
		if (why->kind == KIND_INPUT)
			out->result = PROVE_NO_TLS;
		return 0;
	}
	if (certificate_by_id(st, certificate_id, &wanted, e) < 0)
		return -1;
	if (read_certs(certs, &served, &broken) < 0 || served.len == 0)
		out->result = PROVE_NO_TLS;
	else
		rc = compare(st, &wanted, &served, now, out, e);
	cert_list_release(&served);
	certificate_release(&wanted);
	return rc;
}
