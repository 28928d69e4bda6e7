#include "acme/jwk.h"
#include "unit.h"
#include "wrap/js.h"
#include "wrap/key.h"

/* RFC 7638 3.1 */
#define RSA_N                                                                  \
	"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1"  \
	"RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n" \
	"9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZ" \
	"gnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6W" \
	"eZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqD" \
	"Kgw"
/* RFC 8037 A.2, A.3 */
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
/* RFC 7515 A.3 */
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

static struct key *
parse(const char *text, struct err *e)
{
	struct js *v = js_parse(text, strlen(text), e);
	struct key *k = v ? jwk_parse(v, e) : NULL;

	js_free(v);
	return k;
}

static void
check(const char *text, const char *thumbprint, const char *canonical)
{
	char got[JWK_THUMBPRINT_SIZE];
	struct err e = {0};
	struct key *k = parse(text, &e);
	struct buf b;

	if (!k)
		fail_msg("%s: %s", text, e.text);
	buf_init(&b, 10000);
	assert_int_equal(jwk_write(k, &b), 0);
	assert_string_equal(b.data, canonical);
	if (thumbprint) {
		jwk_thumbprint(k, got);
		assert_string_equal(got, thumbprint);
	}
	key_free(k);
	/* what is written can be loaded */
	k = jwk_load(b.data, &e);
	assert_non_null(k);
	key_free(k);
	buf_release(&b);
}

static void
test_vectors(void **state)
{
	(void)state;
	check("{\"kty\":\"RSA\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\","
	      "\"e\":\"AQAB\",\"n\":\"" RSA_N "\"}",
	    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
	    "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}");
	check("{\"kty\":\"OKP\",\"x\":\"" ED_X "\",\"crv\":\"Ed25519\"}",
	    "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	    "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" ED_X "\"}");
	check("{\"y\":\"" EC_Y "\",\"x\":\"" EC_X
	      "\",\"crv\":\"P-256\",\"kty\":\"EC\"}",
	    "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
	    "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
	    "\"}");
}

static void
test_generated(void **state)
{
	static const enum key_type types[] = {
	    KEY_P256, KEY_P384, KEY_P521, KEY_ED25519, KEY_RSA};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct err e = {0};
		struct key *k = key_generate(types[i], 2048, &e), *back;
		struct buf b;

		assert_non_null(k);
		buf_init(&b, 10000);
		jwk_write(k, &b);
		back = parse(b.data, &e);
		if (!back)
			fail_msg("%s: %s", b.data, e.text);
		assert_true(key_equal(k, back));
		assert_false(key_is_private(back));
		key_free(k);
		key_free(back);
		buf_release(&b);
	}
}

static void
test_refused(void **state)
{
	static const char *const bad[] = {
	    "{}",
	    "{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}",
	    "{\"kty\":\"EC\"}",
	    "{\"kty\":5}",
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}",
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":5,\"y\":\"" EC_Y "\"}",
	    "{\"kty\":\"EC\",\"crv\":\"P-224\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
	    "\"}",
	    "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
	    "\"}",
	    /* x and y exchanged: no point */
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_Y "\",\"y\":\"" EC_X
	    "\"}",
	    /* padding */
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X
	    "=\",\"y\":\"" EC_Y "\"}",
	    /* private part */
	    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
	    "\",\"d\":\"AA\"}",
	    "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED_X "\"}",
	    "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED_X "\"}",
	    "{\"kty\":\"RSA\",\"e\":\"AQAA\",\"n\":\"" RSA_N "\"}",
	    "{\"kty\":\"RSA\",\"e\":\"AAEAAQ\",\"n\":\"" RSA_N "\"}",
	    "{\"kty\":\"RSA\",\"n\":\"" RSA_N "\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};
		struct key *k = parse(bad[i], &e);

		if (k)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e.kind, KIND_INPUT);
		assert_string_equal(e.acme_type, "badPublicKey");
	}
}

/* Private keys as certbot keeps them; the one on P-256 is RFC 7517 A.2's. */
static const char private_rsa[] =
    "{\"kty\":\"RSA\",\"n\":\"7ZyCZTXz2GWybb77CwZn1lLevybYLdcz2cW"
    "nsUOCb1J5B6CT86cswRWUCci3bxojA3GmQ-cfFZ8akgXYCauZgyiXu3I3bDa"
    "b5kelY6XLItuyRypcpq8QAhW4tFDA6ywzdXIaBxpRci4bbalY7GNcckv73ZU"
    "OxECYpJ7Cl7J02Cs\",\"e\":\"AQAB\",\"d\":\"kbpFdtFqJjPpBMn2qc"
    "JZ-OaGWnH2b9bmpA9HU751xtSsCfOAChVjq2ASlRWW-vrqsngHYuni9J3J6_"
    "jNkNC_qrS5m0LOhM_mUlgCY43XsqUt_Wj96RRsfFHl5REmPfPyHG_XFcukCb"
    "D8I2xoRVz1N_E8d7IN_6D3w0zT4ElFTaE\",\"p\":\"9som4zktuaTrbXd-"
    "AbbqBkBdtKVDlQffKXKkca2CfO-11jgn08KSssFTjPFQ02BqOnGnCW_8zf5p"
    "WrhPa_XRqQ\",\"q\":\"9nqq1cfkfW3Jp7fxo4x6_ZD6CerJDmeRARLmL27"
    "S-JxkLJ30TUJsJLuv2GJzPPc_u0yueO9p_nJO54PWCB6nsw\",\"dp\":\"h"
    "PFREYZzw1W8HTQJhRLr7oIt-GouhdG_vawsObCmYncfFU8a5VAjhnfucjZsu"
    "_FsSB-BQ-w32x_50Q0Ie7foQQ\",\"dq\":\"Ki29tE27tRcnjhL1P-aXWXM"
    "Ixs-tzlA8yTFBwNY3NiIVJml1WA9I0FRp-B6I1-L7vgKWTM2zlr5a8FVoOAV"
    "-7w\",\"qi\":\"aSY0QsOExkjXagB-MATpPI3oWgfiNec4COFpq5Yg5EPh7"
    "Lx_ewhbVnwKFhIXcuaZ0UsLbEWYeC_qXToKWokJ1Q\"}";
static const char private_ec[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11yS"
    "s3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp"
    "7x8PxltmWWlbbM4IFyM\",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP"
    "4Bk43bVdj3eAE\"}";
static const char private_ed[] =
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"TwhTV4cBEa8Zd2Z"
    "UuhIYQ3CLpDJbSJ96aGBXOBk6KLs\",\"d\":\"tCuE1BlqzMC5cGE-foUM2"
    "Scs3AZ0FjCyu-9PAQ3JUEQ\"}";

static struct key *
parse_private(const char *text, struct err *e)
{
	struct js *v = js_parse(text, strlen(text), e);
	struct key *k = v ? jwk_parse_private(v, e) : NULL;

	js_free(v);
	return k;
}

/* With one character of the member changed, or the member renamed. */
static void
check_spoilt(const char *text, const char *member, bool rename)
{
	struct err e = {0};
	char *copy = xstrdup(text), *at;
	char quoted[16];

	snprintf(quoted, sizeof(quoted), "\"%s\":\"", member);
	at = strstr(copy, quoted);
	assert_non_null(at);
	at += rename ? 1 : strlen(quoted) + 5;
	*at = *at == 'A' ? 'B' : 'A';
	assert_null(parse_private(copy, &e));
	assert_int_equal(e.kind, KIND_INPUT);
	free(copy);
}

static void
test_private(void **state)
{
	static const char *const rsa[] = {"n", "d", "p", "q", "dp", "dq", "qi"};
	static const struct {
		const char *text;
		enum key_type type;
	} rows[] = {
	    {private_rsa, KEY_RSA},
	    {private_ec, KEY_P256},
	    {private_ed, KEY_ED25519},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = {0};
		struct key *k = parse_private(rows[i].text, &e);

		assert_non_null(k);
		assert_true(key_is_private(k));
		assert_int_equal(key_type(k), rows[i].type);
		key_free(k);
		check_spoilt(rows[i].text, "d", true);
	}
	for (size_t i = 0; i < ARRAY_LEN(rsa); i++) {
		check_spoilt(private_rsa, rsa[i], true);
		check_spoilt(private_rsa, rsa[i], false);
	}
	check_spoilt(private_ec, "d", false);
	check_spoilt(private_ec, "y", false);
	check_spoilt(private_ed, "d", false);
	check_spoilt(private_ed, "x", false);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_vectors),
    cmocka_unit_test(test_generated),
    cmocka_unit_test(test_refused),
    cmocka_unit_test(test_private),
};
UNIT_MAIN(tests)
