#include "acme/jwk.h"

#include "base/b64.h"
#include "store/account.h"
#include "wrap/digest.h"
#include "wrap/js.h"
#include "wrap/key.h"

#define BAD "badPublicKey"

/* How each type of key is spelt (RFC 7518 6.2, 6.3; RFC 8037 2). */
static const struct spelling {
	const char *kty, *crv; /* crv NULL: none */
	const char *a, *b; /* members of key_parts.a and .b; b NULL: none */
} spellings[] = {
    [KEY_RSA] = {"RSA", NULL, "n", "e"},
    [KEY_P256] = {"EC", "P-256", "x", "y"},
    [KEY_P384] = {"EC", "P-384", "x", "y"},
    [KEY_P521] = {"EC", "P-521", "x", "y"},
    [KEY_ED25519] = {"OKP", "Ed25519", "x", NULL},
};
_Static_assert(ARRAY_LEN(spellings) == KEY_TYPE__MAX, "one per key type");

/* One component, without padding and blanks. */
static int
read_part(const struct js *jwk, const char *member, uint8_t *out, size_t *len,
    struct err *e)
{
	const char *text = js_get_text(jwk, member);
	struct buf bytes;
	int rc = -1;

	buf_init(&bytes, KEY_PART_MAX);
	if (!text) {
		err_acme(e, KIND_INPUT, BAD, "jwk: \"%s\" is missing", member);
	} else if (b64url_decode(&bytes, text, strlen(text)) < 0) {
		err_acme(e, KIND_INPUT, BAD,
		    "jwk: \"%s\" is not base64url, or too long "
		    "(RFC 7518 6)",
		    member);
	} else {
		memcpy(out, bytes.data, bytes.len);
		*len = bytes.len;
		rc = 0;
	}
	buf_wipe(&bytes);
	return rc;
}

static int
find_type(const struct js *jwk, enum key_type *type, struct err *e)
{
	const char *kty = js_get_text(jwk, "kty");
	const char *crv = js_get_text(jwk, "crv");

	if (!kty)
		return err_acme(e, KIND_INPUT, BAD, "jwk: \"kty\" is missing");
	for (int i = 0; i < KEY_TYPE__MAX; i++) {
		const struct spelling *s = &spellings[i];

		if (strcmp(kty, s->kty) != 0)
			continue;
		if (s->crv && (!crv || strcmp(crv, s->crv) != 0))
			continue;
		*type = (enum key_type)i;
		return 0;
	}
	return err_acme(e, KIND_INPUT, BAD,
	    "jwk: not an EC key on P-256, P-384 or P-521, an RSA key or an "
	    "Ed25519 key");
}

static int
read_parts(const struct js *jwk, struct key_parts *parts, struct err *e)
{
	parts->b_len = 0;
	if (find_type(jwk, &parts->type, e) < 0)
		return -1;
	const struct spelling *s = &spellings[parts->type];
	if (read_part(jwk, s->a, parts->a, &parts->a_len, e) < 0)
		return -1;
	return s->b ? read_part(jwk, s->b, parts->b, &parts->b_len, e) : 0;
}

struct key *
jwk_parse(const struct js *jwk, struct err *e)
{
	/* RFC 7518 6.2.2, 6.3.2, 6.4: what must never be sent */
	static const char *const secrets[] = {
	    "d", "p", "q", "dp", "dq", "qi", "oth", "k"};
	struct key_parts parts;
	struct key *k;

	if (js_type(jwk) != JS_OBJECT) {
		err_set(e, KIND_INPUT, "jwk: not an object (RFC 7517 4)");
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (js_get(jwk, secrets[i])) {
			err_acme(e, KIND_INPUT, BAD,
			    "jwk: has \"%s\", which is secret", secrets[i]);
			return NULL;
		}
	if (read_parts(jwk, &parts, e) < 0)
		return NULL;
	k = key_from_parts(&parts, e);
	if (!k && e->kind == KIND_INPUT)
		e->acme_type = BAD;
	return k;
}

static int
read_secrets(const struct js *jwk, enum key_type type, struct key_secrets *s,
    struct err *e)
{
	static const char *const members[] = {
	    [KEY_SECRET_D] = "d",
	    [KEY_SECRET_P] = "p",
	    [KEY_SECRET_Q] = "q",
	    [KEY_SECRET_DP] = "dp",
	    [KEY_SECRET_DQ] = "dq",
	    [KEY_SECRET_QI] = "qi",
	};
	int count = type == KEY_RSA ? KEY_SECRET__MAX : KEY_SECRET_D + 1;

	_Static_assert(ARRAY_LEN(members) == KEY_SECRET__MAX, "one per part");
	if (js_get(jwk, "oth"))
		return err_acme(e, KIND_INPUT, BAD,
		    "jwk: has \"oth\": more than two primes "
		    "(RFC 7518 6.3.2.7)");
	for (int i = 0; i < count; i++)
		if (read_part(
			jwk, members[i], s->part[i].v, &s->part[i].len, e) < 0)
			return -1;
	return 0;
}

struct key *
jwk_parse_private(const struct js *jwk, struct err *e)
{
	struct key_secrets secrets = {0};
	struct key_parts parts;
	struct key *k = NULL;

	if (js_type(jwk) != JS_OBJECT)
		err_set(e, KIND_INPUT, "jwk: not an object (RFC 7517 4)");
	else if (read_parts(jwk, &parts, e) == 0 &&
	    read_secrets(jwk, parts.type, &secrets, e) == 0)
		k = key_from_secrets(&parts, &secrets, e);
	explicit_bzero(&secrets, sizeof(secrets));
	return k;
}

struct key *
jwk_load(const char *text, struct err *e)
{
	struct err why = {0};
	struct js *jwk = js_parse(text, strlen(text), &why);
	struct key *k = jwk ? jwk_parse(jwk, &why) : NULL;

	js_free(jwk);
	if (!k) {
		err_set(e, KIND_SYS, "the store holds a broken account key");
		err_detail(e, "%s", why.text);
	}
	return k;
}

static void
add_member(struct buf *out, const char *name, const void *p, size_t len)
{
	buf_addf(out, "%s\"%s\":\"", out->data[out->len - 1] == '{' ? "" : ",",
	    name);
	b64url_encode(out, p, len);
	buf_addc(out, '"');
}

/* RFC 7638 3.2: crv kty x y; e kty n; in this order. */
int
jwk_write(const struct key *k, struct buf *out)
{
	const struct spelling *s = &spellings[key_type(k)];
	struct key_parts parts;

	key_parts(k, &parts);
	buf_addc(out, '{');
	if (s->crv)
		buf_addf(out, "\"crv\":\"%s\"", s->crv);
	else
		add_member(out, s->b, parts.b, parts.b_len);
	buf_addf(out, ",\"kty\":\"%s\"", s->kty);
	add_member(out, s->a, parts.a, parts.a_len);
	if (s->crv && s->b)
		add_member(out, s->b, parts.b, parts.b_len);
	return buf_addc(out, '}');
}

void
jwk_thumbprint(const struct key *k, char out[JWK_THUMBPRINT_SIZE])
{
	uint8_t hash[DIGEST_SHA256_SIZE];
	struct buf text;

	buf_init(&text, 4 * KEY_PART_MAX);
	jwk_write(k, &text);
	digest_sha256(hash, text.data, text.len);
	b64url_encode_to(out, hash, sizeof(hash));
	buf_release(&text);
}

int
jwk_check_no_account(const struct key *k, struct store *st, struct err *e)
{
	char thumbprint[JWK_THUMBPRINT_SIZE];
	bool has;

	jwk_thumbprint(k, thumbprint);
	if (account_has_key(st, thumbprint, &has, e) < 0)
		return -1;
	if (has)
		return err_acme(e, KIND_INPUT, "badCSR",
		    "RFC 8555 11.1: the CSR's key is that of an account");
	return 0;
}
