#include "base/der.h"
#include "store/identifier.h"
#include "unit.h"
#include "validate/alpncert.h"
#include "wrap/digest.h"
#include "wrap/key.h"

#define KEYAUTH "token.thumbprint"

/* 1.2.840.10045.4.3.2, 2.5.29.17, 1.3.6.1.5.5.7.1.31 and .30.1 */
static const char oid_ecdsa[] = "\x2a\x86\x48\xce\x3d\x04\x03\x02";
static const char oid_san[] = "\x55\x1d\x11";
static const char oid_acme[] = "\x2b\x06\x01\x05\x05\x07\x01\x1f";
static const char oid_draft[] = "\x2b\x06\x01\x05\x05\x07\x01\x1e\x01";

/* A certificate to be made: names up to a NULL, then what is wrong. */
struct make {
	const char *dns[3];
	size_t dns_len; /* of the first name, with a NUL in it; or 0 */
	const char *ip; /* four bytes */
	const char *email;
	const char *keyauth; /* NULL: no extension */
	bool is_plain; /* not critical */
	bool is_twice;
	bool is_draft;
	bool is_bare; /* the digest without OCTET STRING */
	int cut; /* bytes less in the digest */
	bool has_tail; /* a byte behind it */
	bool no_san;
	bool two_sans;
};

static void
add_extension(struct buf *out, const char *oid, size_t oid_len, bool critical,
    const struct buf *value)
{
	size_t x = der_begin(out, DER_SEQUENCE);

	der_add(out, DER_OID, oid, oid_len);
	if (critical)
		der_add_true(out);
	der_add(out, DER_OCTET_STRING, value->data, value->len);
	der_end(out, x);
}

static void
add_san(const struct make *m, struct buf *out)
{
	struct buf value;
	size_t seq;

	buf_init(&value, 4096);
	seq = der_begin(&value, DER_SEQUENCE);
	for (size_t i = 0; i < 3 && m->dns[i]; i++)
		der_add(&value, DER_CONTEXT(2), m->dns[i],
		    i == 0 && m->dns_len ? m->dns_len : strlen(m->dns[i]));
	if (m->ip)
		der_add(&value, DER_CONTEXT(7), m->ip, 4);
	if (m->email)
		der_add(&value, DER_CONTEXT(1), m->email, strlen(m->email));
	der_end(&value, seq);
	add_extension(out, oid_san, sizeof(oid_san) - 1, true, &value);
	buf_release(&value);
}

static void
add_acme(const struct make *m, struct buf *out, bool draft)
{
	uint8_t hash[DIGEST_SHA256_SIZE];
	struct buf value;

	buf_init(&value, 4096);
	digest_sha256(hash, m->keyauth, strlen(m->keyauth));
	if (m->is_bare)
		buf_add(&value, hash, sizeof(hash));
	else
		der_add(&value, DER_OCTET_STRING, hash,
		    sizeof(hash) - (size_t)m->cut);
	if (m->has_tail)
		buf_addc(&value, '\0');
	add_extension(out, draft ? oid_draft : oid_acme,
	    draft ? sizeof(oid_draft) - 1 : sizeof(oid_acme) - 1, !m->is_plain,
	    &value);
	buf_release(&value);
}

static void
add_algorithm(struct buf *out)
{
	size_t seq = der_begin(out, DER_SEQUENCE);

	der_add(out, DER_OID, oid_ecdsa, sizeof(oid_ecdsa) - 1);
	der_end(out, seq);
}

static void
add_body(const struct make *m, struct buf *out)
{
	struct err e = {0};
	struct key *k = key_generate(KEY_P256, 0, &e);
	size_t seq, tagged, len;
	const uint8_t *spki = key_spki(k, &len);

	tagged = der_begin(out, DER_CONTEXT_CONS(0));
	der_add_small(out, 2);
	der_end(out, tagged);
	der_add_small(out, 1);
	add_algorithm(out);
	der_add(out, DER_SEQUENCE, "", 0);
	seq = der_begin(out, DER_SEQUENCE);
	der_add_time(out, 1);
	der_add_time(out, 2);
	der_end(out, seq);
	der_add(out, DER_SEQUENCE, "", 0);
	buf_add(out, spki, len);
	tagged = der_begin(out, DER_CONTEXT_CONS(3));
	seq = der_begin(out, DER_SEQUENCE);
	for (int i = m->no_san ? 1 : 0; i < (m->two_sans ? 2 : 1); i++)
		add_san(m, out);
	for (int i = m->keyauth ? 0 : 2; i < (m->is_twice ? 2 : 1); i++)
		add_acme(m, out, false);
	if (m->is_draft)
		add_acme(m, out, true);
	der_end(out, seq);
	der_end(out, tagged);
	key_free(k);
}

static void
make(const struct make *m, struct buf *out)
{
	size_t cert = der_begin(out, DER_SEQUENCE), tbs;

	tbs = der_begin(out, DER_SEQUENCE);
	add_body(m, out);
	der_end(out, tbs);
	add_algorithm(out);
	der_add(out, DER_BIT_STRING, "\0sig", 4);
	der_end(out, cert);
	assert_false(out->full);
}

static const struct row {
	struct make make;
	const char *type; /* NULL: good */
	const char *text;
} rows[] = {
    {{.dns = {"a.example"}, .keyauth = KEYAUTH}, NULL, NULL},
    {{.dns = {"A.EXAMPLE"}, .keyauth = KEYAUTH}, NULL, NULL},
    {{.dns = {"a.example"}}, "unauthorized", "no acmeIdentifier"},
    {{.dns = {"a.example"}, .keyauth = KEYAUTH "x"}, "incorrectResponse",
	"digest"},
    {{.dns = {"a.example"}, .keyauth = KEYAUTH, .is_plain = true},
	"unauthorized", "not critical"},
    {{.dns = {"a.example"}, .keyauth = KEYAUTH, .is_twice = true},
	"unauthorized", "twice"},
    {{.dns = {"a.example"}, .keyauth = KEYAUTH, .is_draft = true},
	"unauthorized", "draft"},
    {{.dns = {"a.example"}, .keyauth = KEYAUTH, .is_bare = true},
	"unauthorized", "32 bytes"},
    {{.dns = {"a.example"}, .keyauth = KEYAUTH, .cut = 1}, "unauthorized",
	"32 bytes"},
    {{.dns = {"a.example"}, .keyauth = KEYAUTH, .cut = 32}, "unauthorized",
	"32 bytes"},
    {{.dns = {"a.example"}, .keyauth = KEYAUTH, .has_tail = true},
	"unauthorized", "32 bytes"},
    {{.dns = {"b.example"}, .keyauth = KEYAUTH}, "unauthorized", "dNSName"},
    {{.dns = {"a.example."}, .keyauth = KEYAUTH}, "unauthorized", "dNSName"},
    {{.dns = {"*.example"}, .keyauth = KEYAUTH}, "unauthorized", "dNSName"},
    {{.dns = {"a.example\0.b"}, .dns_len = 12, .keyauth = KEYAUTH},
	"unauthorized", ""},
    {{.dns = {"a.example", "b.example"}, .keyauth = KEYAUTH}, "unauthorized",
	"exactly one"},
    {{.dns = {"a.example", "a.example"}, .keyauth = KEYAUTH}, "unauthorized",
	"exactly one"},
    {{.dns = {"a.example"}, .ip = "\x7f\0\0\1", .keyauth = KEYAUTH},
	"unauthorized", "exactly one"},
    {{.dns = {"a.example"}, .email = "a@a.example", .keyauth = KEYAUTH},
	"unauthorized", "exactly one"},
    {{.ip = "\x7f\0\0\1", .keyauth = KEYAUTH}, "unauthorized", "dNSName"},
    {{.keyauth = KEYAUTH}, "unauthorized", ""},
    {{.no_san = true, .keyauth = KEYAUTH}, "unauthorized", "exactly one"},
    {{.dns = {"a.example"}, .two_sans = true, .keyauth = KEYAUTH},
	"unauthorized", "twice"},
};

static void
test_names(void **state)
{
	struct identifier id = {IDENTIFIER_DNS, xstrdup("a.example")};
	struct buf der;
	struct err e;

	(void)state;
	buf_init(&der, 16384);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int rc;

		err_clear(&e);
		buf_clear(&der);
		make(&rows[i].make, &der);
		rc = alpncert_check(der.data, der.len, &id, KEYAUTH, &e);
		if ((rc == 0) != (rows[i].type == NULL))
			fail_msg("row %zu: %s", i, e.text);
		if (rc == 0)
			continue;
		if (strcmp(e.acme_type, rows[i].type) != 0 ||
		    !strstr(e.text, rows[i].text))
			fail_msg("row %zu: %s: %s", i, e.acme_type, e.text);
	}
	buf_release(&der);
	identifier_release(&id);
}

static void
test_addresses(void **state)
{
	static const struct make good = {
	    .ip = "\x7f\0\0\1", .keyauth = KEYAUTH};
	static const struct make other = {
	    .ip = "\x7f\0\0\2", .keyauth = KEYAUTH};
	static const struct make name = {
	    .dns = {"127.0.0.1"}, .keyauth = KEYAUTH};
	static const struct make arpa = {
	    .dns = {"1.0.0.127.in-addr.arpa"}, .keyauth = KEYAUTH};
	static const struct make *const bad[] = {&other, &name, &arpa};
	struct identifier id = {IDENTIFIER_IP, xstrdup("127.0.0.1")};
	struct buf der;
	struct err e = {0};

	(void)state;
	buf_init(&der, 16384);
	make(&good, &der);
	assert_ok(alpncert_check(der.data, der.len, &id, KEYAUTH, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		buf_clear(&der);
		make(bad[i], &der);
		assert_kind(alpncert_check(der.data, der.len, &id, KEYAUTH, &e),
		    KIND_DENIED, &e);
	}
	buf_release(&der);
	identifier_release(&id);
}

/* Cut anywhere, or with anything behind it, it is no certificate. */
static void
test_broken(void **state)
{
	struct identifier id = {IDENTIFIER_DNS, xstrdup("a.example")};
	struct buf der;
	struct err e = {0};

	(void)state;
	buf_init(&der, 16384);
	make(&rows[0].make, &der);
	for (size_t len = 0; len < der.len; len++)
		assert_kind(alpncert_check(der.data, len, &id, KEYAUTH, &e),
		    KIND_DENIED, &e);
	buf_addc(&der, '\0');
	assert_kind(alpncert_check(der.data, der.len, &id, KEYAUTH, &e),
	    KIND_DENIED, &e);
	buf_release(&der);
	identifier_release(&id);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_names),
    cmocka_unit_test(test_addresses),
    cmocka_unit_test(test_broken),
};
UNIT_MAIN(tests)
