#include "base/b64.h"
#include "base/der.h"
#include "unit.h"
#include "wrap/jwa.h"
#include "wrap/key.h"
#include "wrap/pem.h"

static size_t
decode(const char *text, uint8_t *out)
{
	struct buf b;
	size_t len;

	buf_init(&b, KEY_PART_MAX);
	assert_int_equal(b64url_decode(&b, text, strlen(text)), 0);
	len = b.len;
	memcpy(out, b.data, len);
	buf_release(&b);
	return len;
}

static struct key *
make(enum key_type type, const char *a, const char *b, struct err *e)
{
	struct key_parts p = {.type = type};

	p.a_len = decode(a, p.a);
	p.b_len = b != NULL ? decode(b, p.b) : 0;
	return key_from_parts(&p, e);
}

static const char p256_x[] = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
static const char p256_y[] = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

/* RFC 7515 A.3 and RFC 8037 A.4. */
static void
test_vectors(void **state)
{
	static const char es256[] =
	    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODA"
	    "sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
	static const char eddsa[] =
	    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
	uint8_t sig[200];
	struct err e = {0};
	struct key *k;
	size_t len;

	(void)state;
	k = make(KEY_P256, p256_x, p256_y, &e);
	assert_non_null(k);
	len = decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djx"
		     "La8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
	    sig);
	assert_ok(
	    jwa_verify(k, JWA_ES256, es256, strlen(es256), sig, len, &e), &e);
	sig[10] ^= 1;
	assert_kind(
	    jwa_verify(k, JWA_ES256, es256, strlen(es256), sig, len, &e),
	    KIND_INPUT, &e);
	key_free(k);
	k = make(KEY_ED25519, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
	    NULL, &e);
	assert_non_null(k);
	len = decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4"
		     "iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
	    sig);
	assert_ok(
	    jwa_verify(k, JWA_EDDSA, eddsa, strlen(eddsa), sig, len, &e), &e);
	assert_kind(
	    jwa_verify(k, JWA_EDDSA, eddsa, strlen(eddsa), sig, len - 1, &e),
	    KIND_INPUT, &e);
	key_free(k);
}

static void
check_der(const struct key *k)
{
	struct err e = {0};
	struct key *again;
	struct buf der;

	buf_init(&der, KEY_DER_MAX);
	assert_ok(key_to_der(k, &der, &e), &e);
	again = key_from_der(der.data, der.len, &e);
	assert_non_null(again);
	assert_true(key_is_private(again));
	assert_true(key_equal(k, again));
	key_free(again);
	for (size_t len = 0; len < der.len; len++) {
		err_clear(&e);
		assert_null(key_from_der(der.data, len, &e));
		assert_int_equal(e.kind, KIND_INPUT);
	}
	buf_addc(&der, '\0');
	assert_null(key_from_der(der.data, der.len, &e));
	buf_wipe(&der);
}

/* Everything that a key of each type can do and be turned into. */
static void
check_type(enum key_type type)
{
	struct err e = {0};
	struct key *k = key_generate(type, 2048, &e), *again, *public;
	struct key_parts parts, same;
	struct buf pem, sig;
	const uint8_t *spki;
	size_t len;

	assert_non_null(k);
	assert_int_equal(key_type(k), type);
	assert_true(key_is_private(k));
	buf_init(&pem, 20000);
	assert_ok(key_to_pem(k, &pem, &e), &e);
	assert_non_null(strstr(pem.data, "-----BEGIN PRIVATE KEY-----"));
	again = key_from_pem(pem.data, pem.len, &e);
	assert_non_null(again);
	assert_true(key_equal(k, again));
	check_der(k);
	spki = key_spki(k, &len);
	public = key_from_spki(spki, len, &e);
	assert_non_null(public);
	assert_false(key_is_private(public));
	assert_true(key_equal(k, public));
	assert_int_equal(key_bits(k), key_bits(public));
	key_parts(k, &parts);
	key_parts(public, &same);
	assert_int_equal(parts.a_len, same.a_len);
	assert_memory_equal(parts.a, same.a, same.a_len);
	buf_init(&sig, 2000);
	assert_ok(jwa_sign(again, jwa_of(k), "text", 4, &sig, &e), &e);
	assert_ok(
	    jwa_verify(public, jwa_of(k), "text", 4, sig.data, sig.len, &e),
	    &e);
	assert_kind(
	    jwa_verify(public, jwa_of(k), "tex", 3, sig.data, sig.len, &e),
	    KIND_INPUT, &e);
	for (int alg = 0; alg < JWA__MAX; alg++)
		if (!jwa_fits((enum jwa)alg, k))
			assert_kind(jwa_verify(public, (enum jwa)alg, "text", 4,
					sig.data, sig.len, &e),
			    KIND_INPUT, &e);
	buf_clear(&sig);
	assert_int_equal(jwa_sign(public, jwa_of(k), "text", 4, &sig, &e),
	    -1); /* no private part */
	buf_release(&sig);
	buf_wipe(&pem);
	key_free(k);
	key_free(again);
	key_free(public);
}

static void
test_types(void **state)
{
	(void)state;
	for (int type = 0; type < KEY_TYPE__MAX; type++)
		check_type((enum key_type)type);
	key_free(NULL);
}

/* Many signatures, so that r and s with leading zeros are among them. */
static void
test_raw_signatures(void **state)
{
	struct err e = {0};
	struct key *k = key_generate(KEY_P256, 0, &e);
	struct buf sig;
	int short_ones = 0;

	(void)state;
	buf_init(&sig, 100);
	for (int i = 0; i < 1000; i++) {
		buf_clear(&sig);
		assert_ok(jwa_sign(k, JWA_ES256, &i, sizeof(i), &sig, &e), &e);
		assert_int_equal(sig.len, 64);
		assert_ok(jwa_verify(k, JWA_ES256, &i, sizeof(i), sig.data,
			      sig.len, &e),
		    &e);
		short_ones += sig.data[0] == 0 || sig.data[32] == 0;
	}
	assert_true(short_ones > 0);
	buf_release(&sig);
	key_free(k);
}

/* CVE-2022-21449 and its kin. */
static void
test_scalars(void **state)
{
	static const enum key_type curves[] = {KEY_P256, KEY_P384, KEY_P521};
	static const size_t sizes[] = {32, 48, 66};
	uint8_t zero[133] = {0}, ones[133], sig[133];
	struct err e = {0};
	struct buf good;

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (size_t i = 0; i < 3; i++) {
		struct key *k = key_generate(curves[i], 0, &e);
		enum jwa alg = jwa_of(k);
		size_t n = sizes[i];

		buf_init(&good, 200);
		assert_ok(jwa_sign(k, alg, "x", 1, &good, &e), &e);
		assert_kind(jwa_verify(k, alg, "x", 1, zero, 2 * n, &e),
		    KIND_INPUT, &e);
		assert_kind(jwa_verify(k, alg, "x", 1, ones, 2 * n, &e),
		    KIND_INPUT, &e);
		memcpy(sig, good.data, 2 * n);
		memset(sig, 0, n); /* r is zero */
		assert_kind(
		    jwa_verify(k, alg, "x", 1, sig, 2 * n, &e), KIND_INPUT, &e);
		memcpy(sig, good.data, 2 * n);
		memset(sig + n, 0, n); /* s is zero */
		assert_kind(
		    jwa_verify(k, alg, "x", 1, sig, 2 * n, &e), KIND_INPUT, &e);
		memcpy(sig, good.data, 2 * n);
		sig[2 * n] = 0;
		assert_kind(jwa_verify(k, alg, "x", 1, sig, 2 * n + 1, &e),
		    KIND_INPUT, &e);
		assert_kind(jwa_verify(k, alg, "x", 1, sig, 2 * n - 1, &e),
		    KIND_INPUT, &e);
		assert_kind(
		    jwa_verify(k, alg, "x", 1, sig, 0, &e), KIND_INPUT, &e);
		buf_release(&good);
		key_free(k);
	}
}

static void
refuse(const struct key_parts *p)
{
	struct err e = {0};

	assert_null(key_from_parts(p, &e));
	assert_int_equal(e.kind, KIND_INPUT);
}

static void
test_bad_points(void **state)
{
	struct key_parts p = {.type = KEY_P256};

	(void)state;
	p.a_len = decode(p256_x, p.a);
	p.b_len = decode(p256_y, p.b);
	p.b[31] ^= 1; /* beside the curve */
	refuse(&p);
	p.b[31] ^= 1;
	p.b_len = 31;
	refuse(&p);
	p.b_len = 33;
	refuse(&p);
	p.b_len = 32;
	p.type = KEY_P384;
	refuse(&p);
	p.type = KEY_P256;
	memset(p.a, 0, 32);
	memset(p.b, 0, 32);
	refuse(&p);
	memset(p.a, 0xff, 32); /* not below the prime */
	refuse(&p);
	p = (struct key_parts){.type = KEY_ED25519, .a_len = 31};
	refuse(&p);
	p = (struct key_parts){.type = KEY_ED25519, .a_len = 32, .b_len = 1};
	refuse(&p);
}

static void
test_bad_rsa(void **state)
{
	struct err e = {0};
	struct key *k = key_generate(KEY_RSA, 2048, &e);
	struct key_parts good, p;

	(void)state;
	key_parts(k, &good);
	p = good;
	p.a[p.a_len - 1] ^= 1; /* even */
	refuse(&p);
	p = good;
	p.b[p.b_len - 1] ^= 1;
	refuse(&p);
	p = good;
	p.a_len = 0;
	refuse(&p);
	p = good;
	p.b_len = 0;
	refuse(&p);
	p = good;
	p.a[0] = 0;
	refuse(&p);
	p = good;
	memcpy(p.b, p.a, p.a_len); /* e = n */
	p.b_len = p.a_len;
	refuse(&p);
	p = good;
	p.a_len = 63; /* 504 bits */
	p.a[62] |= 1;
	refuse(&p);
	key_free(k);
}

static void
test_bad_spki(void **state)
{
	struct err e = {0};
	struct key *k = key_generate(KEY_P256, 0, &e);
	uint8_t der[120];
	const uint8_t *spki;
	size_t len;

	(void)state;
	spki = key_spki(k, &len);
	memcpy(der, spki, len);
	der[len] = 0;
	assert_null(key_from_spki(der, len + 1, &e)); /* a byte behind */
	for (size_t n = 0; n < len; n++) {
		err_clear(&e);
		assert_null(key_from_spki(der, n, &e));
		assert_int_equal(e.kind, KIND_INPUT);
	}
	err_clear(&e);
	der[26] = 2; /* compressed point in a field for the other form */
	assert_null(key_from_spki(der, len, &e));
	err_clear(&e);
	der[26] = 4;
	der[22] = 0x06; /* P-192 or what else ends so */
	assert_null(key_from_spki(der, len, &e));
	key_free(k);
}

static void
test_bad_pem(void **state)
{
	static const char *const bad[] = {"", "hello",
	    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	    "-----BEGIN PRIVATE KEY-----\n",
	    /* encrypted: must be refused, not asked for */
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjXCXyXxXKXvAICCAAw\n"
	    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEJvzXJnIvS8tUzx0w0x1bYQEgZD2\n"
	    "-----END ENCRYPTED PRIVATE KEY-----\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err e = {0};

		assert_null(key_from_pem(bad[i], strlen(bad[i]), &e));
		assert_int_equal(e.kind, KIND_INPUT);
	}
}

static void
test_words(void **state)
{
	struct err e = {0};
	enum key_type type;
	enum jwa alg;
	int bits;

	(void)state;
	assert_ok(key_type_parse("rsa4096", &type, &bits, &e), &e);
	assert_int_equal(type, KEY_RSA);
	assert_int_equal(bits, 4096);
	assert_ok(key_type_parse("p384", &type, &bits, &e), &e);
	assert_int_equal(type, KEY_P384);
	assert_kind(key_type_parse("dsa", &type, &bits, &e), KIND_INPUT, &e);
	for (int i = 0; i < JWA__MAX; i++) {
		assert_true(jwa_parse(jwa_name((enum jwa)i), &alg));
		assert_int_equal(alg, i);
	}
	assert_false(jwa_parse("none", &alg));
	assert_false(jwa_parse("HS256", &alg));
	assert_false(jwa_parse("es256", &alg));
	assert_null(key_generate(KEY_RSA, 1024, &e));
}

/* ---- private EC keys, as others write them --------------------------------
 */

/* What is in the PKCS#8 of an EC key. */
struct inside {
	struct der algid, oid, d, point;
};

static void
look_inside(const struct buf *der, struct inside *in)
{
	struct der all = {(const uint8_t *)der->data, der->len}, seq, key, sec1;
	struct der number, algorithm, bits;

	assert_int_equal(der_get(&all, DER_SEQUENCE, &seq), 0);
	assert_int_equal(der_get_uint(&seq, &number), 0);
	assert_int_equal(der_get_whole(&seq, DER_SEQUENCE, &in->algid), 0);
	assert_int_equal(der_get(&seq, DER_OCTET_STRING, &key), 0);
	all = in->algid;
	assert_int_equal(der_get(&all, DER_SEQUENCE, &algorithm), 0);
	assert_int_equal(der_get(&algorithm, DER_OID, &number), 0);
	assert_int_equal(der_get_whole(&algorithm, DER_OID, &in->oid), 0);
	assert_int_equal(der_get(&key, DER_SEQUENCE, &sec1), 0);
	assert_int_equal(der_get_uint(&sec1, &number), 0);
	assert_int_equal(der_get(&sec1, DER_OCTET_STRING, &in->d), 0);
	assert_int_equal(der_get(&sec1, DER_CONTEXT_CONS(1), &bits), 0);
	assert_int_equal(der_get_bits(&bits, &in->point), 0);
}

/* ECPrivateKey (RFC 5915 3) with this number, and what is not NULL. */
static void
write_sec1(struct buf *out, const struct der *d, const struct der *oid,
    const struct der *point)
{
	size_t seq = der_begin(out, DER_SEQUENCE), tag, bits;

	der_add_small(out, 1);
	der_add(out, DER_OCTET_STRING, d->p, d->len);
	if (oid) {
		tag = der_begin(out, DER_CONTEXT_CONS(0));
		buf_add(out, oid->p, oid->len);
		der_end(out, tag);
	}
	if (point) {
		tag = der_begin(out, DER_CONTEXT_CONS(1));
		bits = der_begin(out, DER_BIT_STRING);
		buf_addc(out, 0);
		buf_add(out, point->p, point->len);
		der_end(out, bits);
		der_end(out, tag);
	}
	der_end(out, seq);
}

static void
assert_reads(const struct key *k, const struct buf *der)
{
	struct err e = {0};
	struct key *again = key_from_der(der->data, der->len, &e);

	if (!again)
		fail_msg("%s: %s", e.text, e.detail);
	assert_true(key_equal(k, again));
	assert_true(key_is_private(again));
	key_free(again);
}

static void
assert_refuses(const struct buf *der)
{
	struct err e = {0};

	assert_null(key_from_der(der->data, der->len, &e));
	assert_int_equal(e.kind, KIND_INPUT);
}

static void
check_forms(enum key_type type)
{
	struct err e = {0};
	struct key *k = key_generate(type, 0, &e);
	uint8_t bytes[200];
	struct inside in;
	struct buf der, out;
	struct der other;

	buf_init(&der, KEY_DER_MAX);
	buf_init(&out, KEY_DER_MAX);
	assert_ok(key_to_der(k, &der, &e), &e);
	look_inside(&der, &in);
	write_sec1(&out, &in.d, &in.oid, &in.point);
	assert_reads(k, &out);
	buf_clear(&out);
	write_sec1(&out, &in.d, &in.oid, NULL);
	assert_reads(k, &out);
	/* A public part that is not its own; a number that is none. */
	assert_true(in.point.len <= sizeof(bytes));
	memcpy(bytes, in.point.p, in.point.len);
	bytes[in.point.len - 1] ^= 1;
	other = (struct der){bytes, in.point.len};
	buf_clear(&out);
	write_sec1(&out, &in.d, &in.oid, &other);
	assert_refuses(&out);
	memset(bytes, 0, sizeof(bytes));
	other = (struct der){bytes, in.d.len};
	buf_clear(&out);
	write_sec1(&out, &other, &in.oid, NULL);
	assert_refuses(&out);
	memset(bytes, 0xff, sizeof(bytes));
	buf_clear(&out);
	write_sec1(&out, &other, &in.oid, NULL);
	assert_refuses(&out);
	/* Without a curve. */
	buf_clear(&out);
	write_sec1(&out, &in.d, NULL, &in.point);
	assert_refuses(&out);
	buf_wipe(&der);
	buf_wipe(&out);
	key_free(k);
}

static void
test_ec_forms(void **state)
{
	(void)state;
	check_forms(KEY_P256);
	check_forms(KEY_P384);
	check_forms(KEY_P521);
}

/* What is written is what OpenSSL writes. */
static void
test_writes_as_openssl(void **state)
{
	static const enum key_type types[] = {
	    KEY_P256, KEY_P384, KEY_P521, KEY_ED25519};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct err e = {0};
		struct key *k = key_generate(types[i], 0, &e);
		struct pem_reader r;
		struct buf ours, pem, theirs;
		char label[32];

		buf_init(&ours, KEY_DER_MAX);
		buf_init(&pem, KEY_DER_MAX);
		buf_init(&theirs, KEY_DER_MAX);
		assert_ok(key_to_der(k, &ours, &e), &e);
		assert_ok(key_to_pem(k, &pem, &e), &e);
		r = (struct pem_reader){.p = pem.data, .len = pem.len};
		assert_int_equal(
		    pem_next(&r, label, sizeof(label), &theirs), 1);
		assert_int_equal(ours.len, theirs.len);
		assert_memory_equal(ours.data, theirs.data, ours.len);
		buf_wipe(&ours);
		buf_wipe(&pem);
		buf_wipe(&theirs);
		key_free(k);
	}
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_vectors),
    cmocka_unit_test(test_types),
    cmocka_unit_test(test_raw_signatures),
    cmocka_unit_test(test_scalars),
    cmocka_unit_test(test_bad_points),
    cmocka_unit_test(test_bad_rsa),
    cmocka_unit_test(test_bad_spki),
    cmocka_unit_test(test_bad_pem),
    cmocka_unit_test(test_words),
    cmocka_unit_test(test_ec_forms),
    cmocka_unit_test(test_writes_as_openssl),
};
UNIT_MAIN(tests)
