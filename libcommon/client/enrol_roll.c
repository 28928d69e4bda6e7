#include "client/enrol_part.h"

#include "acme/jwk.h"
#include "acme/jws.h"
#include "store/upstream_account.h"

/* A change of keys, of client/enrol.h. */

#define TEXT_MAX ((size_t)32 * 1024)

struct rolling {
	const struct upstream_account *account;
	const struct key *old, *next;
};

/* RFC 8555 7.3.5: the new key signs what it takes the place of. */
static int
make_key_change(void *arg, const char *url, struct buf *out, struct err *e)
{
	const struct rolling *r = arg;
	const struct jws_make how = {.url = url};
	struct buf inner;
	int rc;

	buf_init(&inner, TEXT_MAX);
	buf_addf(&inner, "{\"account\":\"%s\",\"oldKey\":", r->account->url);
	jwk_write(r->old, &inner);
	rc = buf_addc(&inner, '}') < 0
	    ? err_set(e, KIND_INPUT, "the key is too long")
	    : jws_sign(r->next, &how, inner.data, out, e);
	buf_release(&inner);
	return rc;
}

static int
ask_key_change(const struct enrol *x, const struct upstream_account *a,
    const struct key *old, const struct key *next, struct err *e)
{
	struct rolling rolling = {.account = a, .old = old, .next = next};
	const struct signer signer = {
	    .key = old, .url = a->url, .upstream_account_id = a->id};
	const struct request r = {.endpoint = ENDPOINT_KEY_CHANGE,
	    .signer = &signer,
	    .make_payload = make_key_change,
	    .make_arg = &rolling};

	return client_call(x->client, &r, NULL, NULL, e);
}

static int
begin(const struct enrol *x, int64_t id, const struct enrol_how *how,
    struct err *e)
{
	struct key *made =
	    how->key ? NULL : key_generate(how->type, how->bits, e);
	const struct key *next = how->key ? how->key : made;
	int rc = next ? upstream_account_roll_begin(x->st, id, next, x->seal, e)
		      : -1;

	key_free(made);
	return rc;
}

/* Whether the account has this key now, whoever has seen to that. */
static bool
has_key(const struct enrol *x, int64_t id, const struct key *k)
{
	struct upstream_account a;
	struct err ignored = {0};
	uint8_t spki[32];
	bool yes;

	if (upstream_account_by_id(x->st, id, &a, &ignored) < 0)
		return false;
	key_spki_sha256(k, spki);
	yes = memcmp(spki, a.spki_sha256, sizeof(spki)) == 0;
	upstream_account_release(&a);
	return yes;
}

int
enrol_rolled(const struct enrol *x, int64_t id, const uint8_t old[32],
    const struct key *next, struct err *e)
{
	int rc = upstream_account_roll_finish(x->st, id, old, next, x->seal, e);

	/* The CA changes `old` once: another process has seen it do so. */
	if (rc < 0)
		rc = err_forgive(e, KIND_NOTFOUND);
	return rc;
}

/* What it means that a key is not there, or not any more. */
static int
lost_race(struct err *e)
{
	err_clear(e);
	return err_set(e, KIND_BUSY,
	    "another process has changed the key of the account meanwhile");
}

/*
 * The CA has refused: perhaps as another process has asked for the same, and
 * then the new key is the only one that there is.
 */
static int
end_refused(const struct enrol *x, const struct upstream_account *a,
    const struct key *old, const struct key *next, struct err *e)
{
	struct err why = {0};
	uint8_t from[32], to[32];
	int rc = has_key(x, a->id, next) ? 1 : enrol_works(x, a, next, &why);

	key_spki_sha256(old, from);
	key_spki_sha256(next, to);
	if (rc > 0) {
		err_clear(e);
		return enrol_rolled(x, a->id, from, next, e);
	}
	if (rc == 0)
		upstream_account_roll_cancel(x->st, a->id, from, to, &why);
	return has_key(x, a->id, old) ? -1 : lost_race(e);
}

/*
 * The CA is asked, and the row says what came of it.  The next key is read
 * first: where other processes change keys too, the old one may be newer then,
 * but never older, so that what comes of it is said of the right one.
 */
static int
change_key(
    const struct enrol *x, const struct upstream_account *a, struct err *e)
{
	struct key *next = upstream_account_next_key(x->st, a->id, x->seal, e);
	struct key *old =
	    next ? upstream_account_key(x->st, a->id, x->seal, e) : NULL;
	int rc = old ? ask_key_change(x, a, old, next, e) : -1;
	uint8_t from[32];

	if (rc == 0) {
		key_spki_sha256(old, from);
		rc = enrol_rolled(x, a->id, from, next, e);
	} else if (old &&
	    (e->kind == KIND_DENIED || e->kind == KIND_NOTFOUND)) {
		rc = end_refused(x, a, old, next, e);
	} else if (!next && e->kind == KIND_NOTFOUND) {
		rc = lost_race(e);
	}
	key_free(old);
	key_free(next);
	return rc;
}

static int
begin_and_change(const struct enrol *x, const struct upstream_account *a,
    const struct enrol_how *how, struct err *e)
{
	return begin(x, a->id, how, e) < 0 ? -1 : change_key(x, a, e);
}

/* Whether the account has a key that will do: 1, 0, -1. */
static int
has_wanted(const struct enrol *x, int64_t id, const struct enrol_how *how,
    struct err *e)
{
	struct upstream_account a;
	uint8_t given[32] = {0};
	int rc;

	if (upstream_account_by_id(x->st, id, &a, e) < 0)
		return -1;
	if (how->key)
		key_spki_sha256(how->key, given);
	rc = (!how->key || memcmp(given, a.spki_sha256, sizeof(given)) == 0) &&
	    (!how->type_name || strcmp(how->type_name, a.type) == 0);
	upstream_account_release(&a);
	return rc;
}

/*
 * One that was cut short is brought to its end with its own key, since the CA
 * may have heard of it; then comes what is wanted now, if that is another.
 */
static int
end_roll(const struct enrol *x, const struct upstream_account *a,
    const struct enrol_how *how, struct err *e)
{
	bool rolled;
	int rc = enrol_settle(x, a, &rolled, e);

	if (rc == 0 && !rolled)
		rc = change_key(x, a, e);
	if (rc < 0)
		return -1;
	rc = has_wanted(x, a->id, how, e);
	return rc == 0 ? begin_and_change(x, a, how, e) : rc < 0 ? -1 : 0;
}

int
enrol_roll(const struct enrol *x, int64_t id, const struct enrol_how *how,
    struct err *e)
{
	struct upstream_account a;
	int rc = enrol_load(x, id, &a, e);

	if (rc < 0)
		return -1;
	rc = a.is_rolling ? end_roll(x, &a, how, e)
			  : begin_and_change(x, &a, how, e);
	upstream_account_release(&a);
	return rc;
}
