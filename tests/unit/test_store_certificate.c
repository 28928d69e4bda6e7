/* Certificates and chains: stored once, found again, revoked once. */
#include "store.h"

#include "base/buf.h"

static void
test_deduplicates(void **state)
{
	struct cert_list a = {0}, b = {0};
	struct certificate c;
	int64_t first, again, second;
	uint8_t sha256[32];

	(void)state;
	make_chain("a.example", test_now + 86400, &a);
	make_chain("b.example", test_now + 86400, &b);
	first = add_certificate(&a, "import", 0);
	again = add_certificate(&a, "sign", 0);
	second = add_certificate(&b, "sign", 0);
	assert_int_equal(first, again);
	assert_int_not_equal(first, second);
	assert_int_equal(count("SELECT count(*) FROM certificates"), 2);
	assert_int_equal(count("SELECT count(*) FROM domains"), 2);
	assert_int_equal(count("SELECT count(*) FROM ca_certificates"), 1);
	assert_int_equal(count("SELECT count(*) FROM chains"), 1);
	assert_int_equal(count("SELECT count(*) FROM chain_members"), 1);
	assert_int_equal(count("SELECT count(*) FROM certificate_chains"
			       " WHERE is_default = 1"),
	    2);
	cert_sha256(a.v[0], sha256);
	assert_ok(certificate_by_sha256(st, sha256, &c, &e), &e);
	assert_int_equal(c.id, first);
	assert_memory_equal(c.sha256, sha256, 32);
	assert_string_equal(c.source, "import");
	assert_string_equal(c.serial, cert_serial_hex(a.v[0]));
	assert_int_equal(c.not_before, cert_not_before(a.v[0]));
	assert_int_equal(c.not_after, cert_not_after(a.v[0]));
	assert_int_equal(c.status, CERTIFICATE_VALID);
	assert_int_equal(c.account_id, 0);
	certificate_release(&c);
	sha256[0] ^= 1;
	assert_kind(
	    certificate_by_sha256(st, sha256, &c, &e), KIND_NOTFOUND, &e);
	assert_kind(certificate_by_order(st, 1, &c, &e), KIND_NOTFOUND, &e);
	cert_list_release(&a);
	cert_list_release(&b);
	assert_sound();
}

/* A second chain for the same certificate is kept beside the first. */
static void
test_alternate_chain(void **state)
{
	struct cert_list a = {0};
	const uint8_t *der;
	int64_t id;
	size_t len;

	(void)state;
	make_chain("a.example", test_now + 86400, &a);
	id = add_certificate(&a, "sign", 0);
	assert_int_equal(id, 1);
	der = cert_der(a.v[1], &len);
	cert_list_take(&a, cert_from_der(der, len, &e));
	assert_int_equal(add_certificate(&a, "sign", 0), id);
	assert_int_equal(count("SELECT count(*) FROM chains"), 2);
	assert_int_equal(count("SELECT count(*) FROM ca_certificates"), 1);
	assert_int_equal(count("SELECT count(*) FROM certificate_chains"), 2);
	assert_int_equal(count("SELECT count(*) FROM certificate_chains"
			       " WHERE is_default = 1"),
	    1);
	cert_list_release(&a);
	/* A certificate alone has none. */
	make_chain("b.example", test_now + 86400, &a);
	cert_free(a.v[--a.len]);
	add_certificate(&a, "sign", 0);
	assert_int_equal(count("SELECT count(*) FROM certificate_chains"), 2);
	cert_list_release(&a);
}

struct seen {
	size_t n;
	int reasons;
	bool stop;
};

static int
note(void *arg, const struct certificate_revoked *r, struct err *err)
{
	struct seen *s = arg;

	assert_true(strlen(r->serial) > 4);
	assert_int_equal(r->revoked_at, test_now);
	s->n++;
	s->reasons += r->reason;
	return s->stop ? err_set(err, KIND_DENIED, "enough") : 0;
}

static void
test_revokes(void **state)
{
	static const char *const names[] = {
	    "a.example", "b.example", "c.example"};
	struct cert_list chains[3] = {{0}};
	struct seen seen = {0};
	struct certificate c;
	const uint8_t *aki;
	uint8_t sha256[32];
	int64_t ids[3];
	size_t i, len;

	(void)state;
	for (i = 0; i < 3; i++) {
		make_chain(
		    names[i], test_now + 86400 * (int64_t)(i + 1), &chains[i]);
		ids[i] = add_certificate(&chains[i], "sign", 0);
	}
	assert_ok(
	    certificate_revoke(st, ids[0], CERTIFICATE_NO_REASON, &e), &e);
	assert_ok(certificate_revoke(st, ids[1], 4, &e), &e);
	assert_int_equal(certificate_revoke(st, ids[1], 5, &e), -1);
	assert_int_equal(e.kind, KIND_CONFLICT);
	assert_string_equal(e.acme_type, "alreadyRevoked");
	err_clear(&e);
	cert_sha256(chains[1].v[0], sha256);
	assert_ok(certificate_by_sha256(st, sha256, &c, &e), &e);
	assert_int_equal(c.status, CERTIFICATE_REVOKED);
	assert_int_equal(c.revoked_at, test_now);
	assert_int_equal(c.revocation_reason, 4);
	certificate_release(&c);

	aki = cert_aki(chains[0].v[0], &len);
	assert_non_null(aki);
	assert_ok(
	    certificate_each_revoked(st, aki, len, test_now, note, &seen, &e),
	    &e);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.reasons, 4 + CERTIFICATE_NO_REASON);
	/* What has expired need not be listed. */
	seen.n = 0;
	assert_ok(certificate_each_revoked(
		      st, aki, len, test_now + 86400 + 1, note, &seen, &e),
	    &e);
	assert_int_equal(seen.n, 1);
	seen.n = 0;
	assert_ok(
	    certificate_each_revoked(st, "other", 5, test_now, note, &seen, &e),
	    &e);
	assert_int_equal(seen.n, 0);
	seen.stop = true;
	assert_kind(
	    certificate_each_revoked(st, aki, len, test_now, note, &seen, &e),
	    KIND_DENIED, &e);
	assert_int_equal(seen.n, 1);
	for (i = 0; i < 3; i++)
		cert_list_release(&chains[i]);
	assert_sound();
}

#define T(test)                                                                \
	cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {
    T(test_deduplicates),
    T(test_alternate_chain),
    T(test_revokes),
};

UNIT_MAIN(tests)
