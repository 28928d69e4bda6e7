#include "import/intake_part.h"
#include "store/ca_certificate.h"
#include "store/chain_spread.h"

/* ---- what the store knows ------------------------------------------------ */

/* The ways of an issuer, which stay until intake_forget_ways. */
static int
find_ways(struct intake *in, const struct cert *issuer,
    const struct chain_ways **out, struct err *e)
{
	struct chain_ways *ways;
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	size_t at;

	chain_issuer_digest(issuer, digest);
	if (digestmap_get(&in->ways_known, digest, &at)) {
		*out = in->ways[at];
		return 0;
	}
	ways = xcalloc(1, sizeof(*ways));
	if (chain_find_ways(in->st, issuer, ways, e) < 0) {
		free(ways);
		return -1;
	}
	digestmap_put(&in->ways_known, digest, in->ways_len);
	in->ways = xreallocarray(in->ways, in->ways_len + 1, sizeof(*in->ways));
	in->ways[in->ways_len++] = ways;
	*out = ways;
	return 0;
}

void
intake_forget_ways(struct intake *in)
{
	for (size_t i = 0; i < in->ways_len; i++) {
		chain_ways_release(in->ways[i]);
		free(in->ways[i]);
	}
	free(in->ways);
	in->ways = NULL;
	in->ways_len = 0;
	in->has_searched = false;
	digestmap_release(&in->ways_known);
}

/* ---- certificates -------------------------------------------------------- */

static bool
is_told(const struct bundle_set *s, const struct cert_list *way)
{
	for (size_t i = 0; i < s->chains_len; i++)
		if (chain_is_way(way, s->chains[i].certs, s->chains[i].len))
			return true;
	return false;
}

static void
add_way(struct bundle_set *s, const struct cert_list *way)
{
	struct bundle_chain *chain = &s->chains[s->chains_len - 1];

	if (chain->len > 0) {
		s->chains = xreallocarray(
		    s->chains, s->chains_len + 1, sizeof(*s->chains));
		chain = &s->chains[s->chains_len++];
	} else {
		free(chain->certs);
	}
	*chain = (struct bundle_chain){.len = way->len, .found = true};
	chain->certs = xcalloc(way->len, sizeof(*chain->certs));
	for (size_t i = 0; i < way->len; i++)
		chain->certs[i] = way->v[i];
}

static int
add_ways(struct intake *in, struct bundle_set *s, const struct cert *issuer,
    struct err *e)
{
	const struct chain_ways *ways;

	if (find_ways(in, issuer, &ways, e) < 0)
		return -1;
	for (size_t i = 0; i < ways->len && s->chains_len < CHAIN_WAYS_MAX; i++)
		if (!is_told(s, &ways->v[i]))
			add_way(s, &ways->v[i]);
	return 0;
}

static int
begin_search(struct intake *in, struct err *e)
{
	if (in->has_searched)
		return 0;
	in->has_searched = true;
	in->last_ca = 0;
	return ca_certificate_last(in->st, &in->last_ca, e);
}

int
intake_add_chains(struct intake *in, struct bundle_set *s, struct err *e)
{
	struct cert *issuer;
	int rc;

	if (begin_search(in, e) < 0)
		return -1;
	if (s->chains[0].len > 0)
		return add_ways(in, s, s->chains[0].certs[0], e);
	if (chain_find_issuer(in->st, s->cert, &issuer, e) < 0)
		return -1;
	rc = issuer ? add_ways(in, s, issuer, e) : 0;
	cert_free(issuer);
	return rc;
}

/* ---- CA certificates ----------------------------------------------------- */

void
intake_note_ca(struct intake *in, int64_t id)
{
	if (in->cas_len == in->cas_cap) {
		in->cas_cap = in->cas_cap * 2 + 16;
		in->cas = xreallocarray(in->cas, in->cas_cap, sizeof(*in->cas));
	}
	in->cas[in->cas_len++] = id;
}

/* What came between the search and the transaction was in neither. */
static int
note_others(struct intake *in, struct err *e)
{
	int64_t id = in->last_ca;
	int rc = in->has_searched;

	while (rc > 0 && (rc = ca_certificate_next(in->st, &id, e)) > 0)
		intake_note_ca(in, id);
	return rc;
}

/* What an import that was cut short has left, whoever's. */
static int
note_left(struct intake *in, struct err *e)
{
	int64_t id = 0;
	int rc;

	while ((rc = ca_certificate_next_unspread(in->st, &id, e)) > 0)
		intake_note_ca(in, id);
	return rc;
}

int
intake_spread_chains(struct intake *in, struct err *e)
{
	size_t len;

	if (!in->conf->dry_run &&
	    (note_others(in, e) < 0 || note_left(in, e) < 0))
		return -1;
	len = in->cas_len;
	in->cas_len = 0;
	return in->conf->dry_run || len == 0
	    ? 0
	    : chain_spread(in->st, in->cas, len, e);
}
