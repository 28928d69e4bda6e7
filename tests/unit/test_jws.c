#include "acme/jws.h"
#include "base/b64.h"
#include "unit.h"
#include "wrap/jwa.h"
#include "wrap/key.h"

#define URL "\"url\":\"https://a/new-order\""
#define KID "\"kid\":\"https://a/account/1\""
#define NONCE "\"nonce\":\"c2VjcmV0\""
#define GOOD "{\"alg\":\"ES256\"," URL "," KID "," NONCE "}"

/* A JWS of the header and payload, signed by `k` unless it is NULL. */
static char *
make(const char *header, const char *payload, const struct key *k)
{
	struct buf input, sig, out;
	struct err e = {0};

	buf_init(&input, JWS_MAX);
	buf_init(&sig, JWS_MAX);
	buf_init(&out, 2 * JWS_MAX);
	b64url_encode(&input, header, strlen(header));
	buf_addc(&input, '.');
	b64url_encode(&input, payload, strlen(payload));
	if (k)
		assert_ok(
		    jwa_sign(k, jwa_of(k), input.data, input.len, &sig, &e),
		    &e);
	buf_addf(&out, "{\"protected\":\"%.*s\",\"payload\":\"%s\",",
	    (int)strcspn(input.data, "."), input.data,
	    strchr(input.data, '.') + 1);
	buf_adds(&out, "\"signature\":\"");
	b64url_encode(&out, sig.data, sig.len);
	buf_adds(&out, "\"}");
	buf_release(&input);
	buf_release(&sig);
	return buf_detach(&out);
}

static void
check_bad(const char *text, const char *type)
{
	struct err e = {0};
	struct jws j;

	if (jws_parse(text, strlen(text), &j, &e) == 0)
		fail_msg("taken: %s", text);
	assert_int_equal(e.kind, KIND_INPUT);
	if (type)
		assert_string_equal(e.acme_type, type);
	else
		assert_null(e.acme_type);
	jws_release(&j);
}

static void
test_good(void **state)
{
	char *text = make(GOOD, "{\"a\":1}", NULL);
	struct err e = {0};
	struct jws j;

	(void)state;
	assert_ok(jws_parse(text, strlen(text), &j, &e), &e);
	assert_int_equal(j.alg, JWA_ES256);
	assert_string_equal(j.url, "https://a/new-order");
	assert_string_equal(j.kid, "https://a/account/1");
	assert_string_equal(j.nonce, "c2VjcmV0");
	assert_null(j.jwk);
	assert_string_equal(j.payload.data, "{\"a\":1}");
	jws_release(&j);
	free(text);
}

static void
test_headers(void **state)
{
	static const struct {
		const char *header, *type;
	} bad[] = {
	    {"", NULL},
	    {"[]", NULL},
	    {"{\"alg\":\"ES256\"," URL "," KID, NULL},
	    {"{" URL "," KID "}", NULL},
	    {"{\"alg\":1," URL "," KID "}", NULL},
	    {"{\"alg\":\"none\"," URL "," KID "}", "badSignatureAlgorithm"},
	    {"{\"alg\":\"HS256\"," URL "," KID "}", "badSignatureAlgorithm"},
	    {"{\"alg\":\"es256\"," URL "," KID "}", "badSignatureAlgorithm"},
	    {"{\"alg\":\"ES256\"," KID "}", NULL},
	    {"{\"alg\":\"ES256\",\"url\":1," KID "}", NULL},
	    {"{\"alg\":\"ES256\"," URL "}", NULL},
	    {"{\"alg\":\"ES256\"," URL "," KID ",\"jwk\":{}}", NULL},
	    {"{\"alg\":\"ES256\"," URL ",\"kid\":5}", NULL},
	    {"{\"alg\":\"ES256\"," URL "," KID ",\"crit\":[\"x\"]}", NULL},
	    {"{\"alg\":\"ES256\"," URL "," KID ",\"b64\":false}", NULL},
	    {"{\"alg\":\"ES256\"," URL "," KID ",\"nonce\":\"a b\"}", NULL},
	    {"{\"alg\":\"ES256\"," URL "," KID ",\"nonce\":\"AA==\"}", NULL},
	    {"{\"alg\":\"ES256\"," URL "," KID ",\"nonce\":\"\"}", NULL},
	    {"{\"alg\":\"ES256\"," URL "," KID ",\"nonce\":7}", NULL},
	    {"{\"alg\":\"ES256\",\"alg\":\"ES256\"," URL "," KID "}", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char *text = make(bad[i].header, "", NULL);

		check_bad(text, bad[i].type);
		free(text);
	}
}

/* "e30" is {}, "eyJ..." the good header. */
static void
test_forms(void **state)
{
	static const char *const bad[] = {
	    "",
	    "[]",
	    "{}",
	    "eyJhIjoxfQ.e30.AAAA",
	    "{\"protected\":\"e30\",\"payload\":\"\"}",
	    "{\"protected\":\"e30\",\"payload\":\"\",\"signature\":5}",
	    "{\"protected\":\"e30=\",\"payload\":\"\",\"signature\":\"\"}",
	};
	static const char *const added[] = {"\"header\":{}",
	    "\"signatures\":[]", "\"payload\":\"\"", "\"header\":null"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		check_bad(bad[i], NULL);
	for (size_t i = 0; i < ARRAY_LEN(added); i++) {
		char *good = make(GOOD, "", NULL);
		char *text = xasprintf("{%s,%s", added[i], good + 1);

		check_bad(text, NULL);
		free(text);
		text = xasprintf("%s%s", good, added[i]);
		check_bad(text, NULL);
		free(text);
		free(good);
	}
}

/* Everything else is right, and one part is not base64url. */
static void
test_parts(void **state)
{
	static const struct {
		const char *before, *after;
	} changes[] = {
	    {"\"protected\":\"", "\"protected\":\"!"},
	    {"\"payload\":\"e30\"", "\"payload\":\"e30=\""},
	    {"\"payload\":\"e30\"", "\"payload\":\"e 0\""},
	    {"\"signature\":\"\"", "\"signature\":\"!\""},
	    {"\"signature\":\"\"", "\"signature\":\"AA==\""},
	};
	char *good = make(GOOD, "{}", NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		const char *at = strstr(good, changes[i].before);
		char *text;

		assert_non_null(at);
		text = xasprintf("%.*s%s%s", (int)(at - good), good,
		    changes[i].after, at + strlen(changes[i].before));
		check_bad(text, NULL);
		free(text);
	}
	free(good);
}

/* A nonce that was seen can be spent although the rest is bad. */
static void
test_nonce_survives(void **state)
{
	char *text =
	    make("{\"alg\":\"none\"," NONCE "," URL "," KID "}", "", NULL);
	struct err e = {0};
	struct jws j;

	(void)state;
	assert_int_equal(jws_parse(text, strlen(text), &j, &e), -1);
	assert_string_equal(j.nonce, "c2VjcmV0");
	jws_release(&j);
	free(text);
}

static void
verify(const char *text, const struct key *k, bool good, const char *type)
{
	struct err e = {0};
	struct jws j;

	assert_ok(jws_parse(text, strlen(text), &j, &e), &e);
	if (good) {
		assert_ok(jws_verify(&j, k, &e), &e);
	} else {
		assert_int_equal(jws_verify(&j, k, &e), -1);
		assert_int_equal(e.kind, KIND_INPUT);
		if (type)
			assert_string_equal(e.acme_type, type);
		else
			assert_null(e.acme_type);
	}
	jws_release(&j);
}

static void
test_signatures(void **state)
{
	static const enum key_type types[] = {
	    KEY_P256, KEY_P384, KEY_P521, KEY_ED25519, KEY_RSA};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct err e = {0};
		struct key *k = key_generate(types[i], 2048, &e);
		struct key *other = key_generate(types[i], 2048, &e);
		char *header = xasprintf(
		    "{\"alg\":\"%s\"," URL "," KID "}", jwa_name(jwa_of(k)));
		char *text = make(header, "payload", k), *p;

		verify(text, k, true, NULL);
		verify(text, other, false, NULL);
		p = strstr(text, "\"payload\":\"") + 12;
		*p = *p == 'A' ? 'B' : 'A';
		verify(text, k, false, NULL);
		free(text);
		text = make(header, "payload", NULL); /* no signature */
		verify(text, k, false, NULL);
		free(text);
		free(header);
		key_free(k);
		key_free(other);
	}
}

static void
test_wrong_algorithm(void **state)
{
	struct err e = {0};
	struct key *k = key_generate(KEY_P384, 0, &e);
	char *text = make(GOOD, "", k);

	(void)state;
	verify(text, k, false, "badSignatureAlgorithm");
	free(text);
	key_free(k);
}

/* ---- making -------------------------------------------------------------- */

static void
check_made(const struct key *k, const struct jws_make *how, const char *payload)
{
	struct err e = {0};
	struct buf out;
	struct jws j;

	buf_init(&out, JWS_MAX);
	assert_ok(jws_sign(k, how, payload, &out, &e), &e);
	assert_ok(jws_parse(out.data, out.len, &j, &e), &e);
	assert_ok(jws_verify(&j, k, &e), &e);
	assert_string_equal(j.url, how->url);
	if (how->nonce)
		assert_string_equal(j.nonce, how->nonce);
	else
		assert_null(j.nonce);
	if (how->kid)
		assert_string_equal(j.kid, how->kid);
	else
		assert_non_null(j.jwk);
	assert_string_equal(j.payload.data, payload ? payload : "");
	jws_release(&j);
	buf_release(&out);
}

static void
test_sign(void **state)
{
	static const enum key_type types[] = {
	    KEY_P256, KEY_P384, KEY_P521, KEY_ED25519, KEY_RSA};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct err e = {0};
		struct key *k = key_generate(types[i], 2048, &e);
		struct jws_make how = {
		    .url = "https://a/1", .nonce = "bm9uY2U"};

		check_made(k, &how, "{\"a\":1}");
		how.kid = "https://a/acct/1";
		check_made(k, &how, NULL);
		how.nonce = NULL;
		check_made(k, &how, "{}");
		key_free(k);
	}
}

/* Made once by another program. */
static void
test_sign_secret(void **state)
{
	const struct jws_make how = {
	    .url = "https://ca.example/new-account", .kid = "kid-1"};
	struct err e = {0};
	struct buf out;

	(void)state;
	buf_init(&out, JWS_MAX);
	assert_ok(jws_sign_secret("secret", 6, &how, "{}", &out, &e), &e);
	assert_string_equal(out.data,
	    "{\"protected\":\"eyJhbGciOiJIUzI1NiIsInVybCI6Imh0dHBzOi8"
	    "vY2EuZXhhbXBsZS9uZXctYWNjb3VudCIsImtpZCI6ImtpZC0xIn0\",\""
	    "payload\":\"e30\",\"signature\":\"65iEpVAJmGfXbrHbBeZHry"
	    "QGipssuckWo_F-wzvH1Jg\"}");
	buf_release(&out);
	/* a buffer that is too small is no JWS */
	buf_init(&out, 20);
	assert_kind(
	    jws_sign_secret("secret", 6, &how, "{}", &out, &e), KIND_INPUT, &e);
	buf_release(&out);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_good),
    cmocka_unit_test(test_headers),
    cmocka_unit_test(test_forms),
    cmocka_unit_test(test_parts),
    cmocka_unit_test(test_nonce_survives),
    cmocka_unit_test(test_signatures),
    cmocka_unit_test(test_wrong_algorithm),
    cmocka_unit_test(test_sign),
    cmocka_unit_test(test_sign_secret),
};
UNIT_MAIN(tests)
