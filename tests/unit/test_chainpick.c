/* Which of its chains a certificate is exported with. */
#include "unit.h"

#include "base/hex.h"
#include "deploy/chainpick.h"
#include "wrap/cert.h"
#include "wrap/key.h"

static struct err e;

/* A CA certificate, of a root of that name. */
static struct cert *
make(const struct key *k, const char *subject, const struct cert *issuer)
{
	struct cert_template t = {
	    .kind = issuer ? CERT_INTERMEDIATE : CERT_ROOT,
	    .key = k,
	    .issuer_key = k,
	    .issuer_cert = issuer,
	    .subject = subject,
	    .not_before = 1700000000,
	    .not_after = 1800000000};
	struct cert *c = cert_build(&t, &e);

	if (!c)
		fail_msg("%s %s", e.text, e.detail);
	return c;
}

static void
put(struct chain *chain, const struct cert *c)
{
	const uint8_t *der;
	size_t len;

	der = cert_der(c, &len);
	chain->certs =
	    xreallocarray(chain->certs, chain->len + 1, sizeof(*chain->certs));
	chain->certs[chain->len].der = xmalloc(len);
	memcpy(chain->certs[chain->len].der, der, len);
	chain->certs[chain->len++].len = len;
}

static size_t
picked(const struct chain *chains, enum chainpick_by by, const char *text)
{
	const struct chainpick pick = {.by = by, .text = text};
	const struct chain *c = chainpick_choose(&pick, chains, 3);

	return c ? (size_t)(c - chains) : 99;
}

static void
test_choices(void **state)
{
	struct key *k = key_generate(KEY_P256, 0, &e);
	struct key *k2 = key_generate(KEY_P256, 0, &e);
	struct cert *one = make(k, "CN=One,O=x", NULL);
	struct cert *two = make(k, "O=Two,CN=Second,C=DE", NULL);
	struct cert *by_one = make(k, "CN=Sub", one);
	struct cert *by_two = make(k2, "CN=Third,O=x", NULL);
	struct chain chains[3] = {{.id = 1}, {.id = 2, .is_default = true}};
	char hex[2 * 32 + 1], colons[3 * 20 + 1];
	uint8_t sha1[20], sha256[32];
	const uint8_t *ski;
	char *whole;
	size_t len;

	(void)state;
	put(&chains[0], by_one);
	put(&chains[1], by_one);
	put(&chains[1], two);
	put(&chains[2], by_one);
	put(&chains[2], by_two);
	assert_int_equal(picked(chains, CHAINPICK_DEFAULT, NULL), 0);
	assert_int_equal(picked(chains, CHAINPICK_SHORTEST, NULL), 0);
	assert_int_equal(picked(chains, CHAINPICK_ISSUER, "One"), 0);
	assert_int_equal(picked(chains, CHAINPICK_ISSUER, "Second"), 1);
	assert_int_equal(picked(chains, CHAINPICK_ISSUER, "Third"), 2);
	assert_int_equal(picked(chains, CHAINPICK_ISSUER, "Thi"), 99);
	assert_int_equal(picked(chains, CHAINPICK_ISSUER, "Sub"), 99);
	assert_int_equal(picked(chains, CHAINPICK_ISSUER, "x"), 99);
	assert_int_equal(picked(chains, CHAINPICK_ISSUER, ""), 99);
	whole = cert_issuer(by_one);
	assert_int_equal(picked(chains, CHAINPICK_ISSUER, whole), 0);
	free(whole);

	cert_sha256(two, sha256);
	hex_encode(hex, sha256, sizeof(sha256));
	assert_int_equal(picked(chains, CHAINPICK_FINGERPRINT, hex), 1);
	hex[63] = '\0';
	assert_int_equal(picked(chains, CHAINPICK_FINGERPRINT, hex), 99);
	cert_sha1(by_two, sha1);
	for (size_t i = 0; i < sizeof(sha1); i++)
		snprintf(colons + 3 * i, 4, "%02X:", sha1[i]);
	colons[sizeof(colons) - 2] = '\0';
	assert_int_equal(picked(chains, CHAINPICK_FINGERPRINT, colons), 2);
	ski = cert_ski(by_two, &len);
	assert_int_equal(len, 20);
	hex_encode(hex, ski, len);
	assert_int_equal(picked(chains, CHAINPICK_KEY_ID, hex), 2);
	hex_encode(hex, cert_aki(by_one, &len), 20);
	assert_int_equal(picked(chains, CHAINPICK_KEY_ID, hex), 0);
	assert_int_equal(picked(chains, CHAINPICK_KEY_ID, ""), 99);
	assert_int_equal(picked(chains, CHAINPICK_KEY_ID, "zz"), 99);

	for (size_t i = 0; i < ARRAY_LEN(chains); i++)
		chain_release(&chains[i]);
	cert_free(one);
	cert_free(two);
	cert_free(by_one);
	cert_free(by_two);
	key_free(k);
	key_free(k2);
}

static void
check(enum chainpick_by by, const char *text, bool is_wish, bool is_good)
{
	const struct chainpick pick = {.by = by, .text = text};

	assert_int_equal(chainpick_is_wish(&pick), is_wish);
	if (is_good)
		assert_ok(chainpick_check(&pick, &e), &e);
	else
		assert_kind(chainpick_check(&pick, &e), KIND_INPUT, &e);
}

static void
test_texts(void **state)
{
	static const char sha1[] = "0123456789abcdef0123456789ABCDEF01234567";

	(void)state;
	check(CHAINPICK_DEFAULT, NULL, false, true);
	check(CHAINPICK_SHORTEST, NULL, false, true);
	check(CHAINPICK_ISSUER, "zz", true, true);
	check(CHAINPICK_FINGERPRINT, sha1, true, true);
	check(CHAINPICK_FINGERPRINT, sha1 + 2, true, false);
	check(CHAINPICK_FINGERPRINT, "zz", true, false);
	check(CHAINPICK_KEY_ID, sha1, true, true);
	check(CHAINPICK_KEY_ID, "01:aB", true, true);
	check(CHAINPICK_KEY_ID, "012", true, false);
	check(CHAINPICK_KEY_ID, ":", true, false);
	check(CHAINPICK_KEY_ID, "zz", true, false);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_choices),
    cmocka_unit_test(test_texts),
};

UNIT_MAIN(tests)
