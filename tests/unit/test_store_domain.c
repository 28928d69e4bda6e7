/* Names and their sets: which certificate serves a name, and who is latest. */
#include "store.h"

#include "base/hex.h"
#include "store/ca_certificate.h"
#include "store/certificate_request.h"
#include "store/domain.h"
#include "store/fqdn_set.h"
#include "store/private_key.h"
#include "wrap/csr.h"

#define DAY 86400

/* A certificate for the names, with the rest of `how`. */
static int64_t
add(const char *names, int64_t not_after, struct certificate_new how)
{
	struct cert_list certs = {0};
	int64_t id;

	make_chain(names, not_after, &certs);
	how.certs = &certs;
	how.source = "import";
	assert_ok(certificate_add(st, &how, &id, NULL, &e), &e);
	cert_list_release(&certs);
	return id;
}

static int64_t
add_plain(const char *names, int64_t not_after)
{
	return add(names, not_after, (struct certificate_new){0});
}

static int64_t
serving(const char *name)
{
	struct certificate c;
	int64_t id;

	assert_ok(certificate_serving(st, name, test_now, &c, &e), &e);
	id = c.id;
	certificate_release(&c);
	return id;
}

static struct domain
domain(const char *value)
{
	struct domain d;

	assert_ok(domain_by_value(st, value, &d, &e), &e);
	return d;
}

static void
test_sets(void **state)
{
	struct strv dns = {0}, none = {0}, names = {0};
	struct certificate a, b;
	int64_t id;
	char name[300];

	(void)state;
	add_plain("b.example a.example", test_now + DAY);
	add_plain("A.EXAMPLE b.example", test_now + 2 * DAY);
	id = add_plain("a.example", test_now + DAY);
	assert_int_equal(count("SELECT count(*) FROM domains"), 2);
	assert_int_equal(count("SELECT count(*) FROM fqdn_sets"), 2);
	assert_int_equal(count("SELECT count(*) FROM fqdn_set_members"), 3);
	assert_ok(certificate_by_id(st, 1, &a, &e), &e);
	assert_ok(certificate_by_id(st, 2, &b, &e), &e);
	assert_int_equal(a.fqdn_set_id, b.fqdn_set_id);
	assert_true(a.active && !a.auto_renew);
	assert_ok(fqdn_set_names(st, a.fqdn_set_id, &names, &e), &e);
	assert_int_equal(names.len, 2);
	assert_string_equal(names.v[0], "a.example");
	certificate_release(&a);
	certificate_release(&b);
	assert_ok(certificate_by_id(st, id, &a, &e), &e);
	certificate_release(&a);
	assert_kind(certificate_by_id(st, 99, &a, &e), KIND_NOTFOUND, &e);
	strv_release(&names);
	/* Something that is no name. */
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	strv_add(&dns, name);
	assert_kind(fqdn_set_put(st, &dns, &none, &(struct fqdn_set){0}, &e),
	    KIND_INPUT, &e);
	strv_release(&dns);
	assert_sound();
}

/* The order of certificate_serving, rule by rule. */
static void
test_serving(void **state)
{
	int64_t expired, future, soon, late, multi, wildcard;
	struct certificate c;

	(void)state;
	assert_kind(certificate_serving(st, "a.example", test_now, &c, &e),
	    KIND_NOTFOUND, &e);
	expired = add_plain("a.example", test_now - 10);
	assert_int_equal(serving("a.example"), expired);
	/* One whose time has not come is the last to be served. */
	test_now += DAY / 2;
	future = add_plain("a.example", test_now + 30 * DAY);
	test_now -= DAY / 2;
	assert_int_equal(serving("a.example"), expired);
	assert_ok(certificate_set_active(st, expired, false, &e), &e);
	assert_int_equal(serving("a.example"), future);
	assert_ok(certificate_set_active(st, expired, true, &e), &e);
	assert_ok(certificate_set_active(st, future, false, &e), &e);
	soon = add_plain("a.example", test_now + DAY);
	assert_int_equal(serving("a.example"), soon);
	late = add_plain("a.example", test_now + 2 * DAY);
	assert_int_equal(serving("a.example"), late);
	multi = add_plain("a.example b.example", test_now + 2 * DAY);
	assert_int_equal(serving("a.example"), multi);
	assert_int_equal(serving("b.example"), multi);
	/* A wildcard serves what is one level below it, if nothing else does.
	 */
	wildcard = add_plain("*.a.example", test_now + 9 * DAY);
	assert_int_equal(serving("x.a.example"), wildcard);
	assert_int_equal(serving("*.a.example"), wildcard);
	assert_kind(certificate_serving(st, "y.x.a.example", test_now, &c, &e),
	    KIND_NOTFOUND, &e);
	assert_int_equal(serving("a.example"), multi);
	soon = add_plain("x.a.example", test_now + DAY);
	assert_int_equal(serving("x.a.example"), soon);
	/* One that is not active serves nothing. */
	assert_ok(certificate_set_active(st, multi, false, &e), &e);
	assert_int_equal(serving("a.example"), late);
	assert_ok(certificate_revoke(st, late, 1, &e), &e);
	assert_int_not_equal(serving("a.example"), late);
	assert_kind(certificate_serving(st, "b.example", test_now, &c, &e),
	    KIND_NOTFOUND, &e);
	assert_sound();
}

/* The certificate whose key is here, though another is valid for longer. */
static void
test_serving_needs_key(void **state)
{
	struct key *key = key_generate(KEY_P256, 0, &e);
	struct private_key stored;
	int64_t with, without;
	bool created;

	(void)state;
	with = add_plain("a.example", test_now + DAY);
	assert_ok(private_key_add(st, key, NULL, PRIVATE_KEY_IMPORTED, &stored,
		      &created, &e),
	    &e);
	run_sql("UPDATE certificates SET spki_sha256 ="
		" (SELECT spki_sha256 FROM private_keys)");
	without = add_plain("a.example", test_now + 2 * DAY);
	assert_int_not_equal(with, without);
	assert_int_equal(serving("a.example"), with);
	key_free(key);
}

static void
test_finds(void **state)
{
	int64_t id = add_plain("a.example", test_now + DAY);
	char hex[65], sha1[41], text[3 * 32];
	struct cert *cert;
	struct certificate c;
	uint8_t sum[20];

	(void)state;
	assert_ok(certificate_find(st, "A.Example", test_now, &c, &e), &e);
	assert_int_equal(c.id, id);
	hex_encode(hex, c.sha256, 32);
	cert = cert_from_der(c.leaf.der, c.leaf.len, &e);
	cert_sha1(cert, sum);
	cert_free(cert);
	hex_encode(sha1, sum, 20);
	certificate_release(&c);
	assert_ok(certificate_find(st, hex, test_now, &c, &e), &e);
	certificate_release(&c);
	assert_ok(certificate_find(st, sha1, test_now, &c, &e), &e);
	certificate_release(&c);
	for (size_t i = 0, n = 0; i < 40; i++) {
		if (i > 0 && i % 2 == 0)
			text[n++] = ':';
		text[n++] = (char)(sha1[i] >= 'a' ? sha1[i] - 32 : sha1[i]);
		text[n] = '\0';
	}
	assert_ok(certificate_find(st, text, test_now, &c, &e), &e);
	assert_int_equal(c.id, id);
	certificate_release(&c);
	assert_ok(certificate_find(st, "A.example.", test_now, &c, &e), &e);
	certificate_release(&c);
	assert_ok(certificate_find(st, "1", test_now, &c, &e), &e);
	certificate_release(&c);
	hex[0] = hex[0] == '0' ? '1' : '0';
	assert_kind(
	    certificate_find(st, hex, test_now, &c, &e), KIND_NOTFOUND, &e);
	assert_kind(
	    certificate_find(st, "7", test_now, &c, &e), KIND_NOTFOUND, &e);
	assert_kind(certificate_find(st, "b.example", test_now, &c, &e),
	    KIND_NOTFOUND, &e);
}

static void
test_states(void **state)
{
	int64_t id = add_plain("a.example", test_now + DAY);
	struct certificate c;

	(void)state;
	assert_kind(
	    certificate_set_active(st, id, true, &e), KIND_CONFLICT, &e);
	assert_ok(certificate_set_active(st, id, false, &e), &e);
	assert_kind(
	    certificate_set_active(st, id, false, &e), KIND_CONFLICT, &e);
	assert_ok(certificate_set_active(st, id, true, &e), &e);
	assert_ok(certificate_set_auto_renew(st, id, true, &e), &e);
	assert_kind(
	    certificate_set_auto_renew(st, id, true, &e), KIND_CONFLICT, &e);
	assert_ok(certificate_by_id(st, id, &c, &e), &e);
	assert_true(c.active && c.auto_renew);
	certificate_release(&c);
	assert_ok(certificate_revoke(st, id, 1, &e), &e);
	assert_kind(
	    certificate_set_active(st, id, false, &e), KIND_CONFLICT, &e);
	assert_kind(
	    certificate_set_active(st, 9, false, &e), KIND_NOTFOUND, &e);
	assert_kind(
	    certificate_set_auto_renew(st, 9, true, &e), KIND_NOTFOUND, &e);
}

/* The latest certificates of a name follow every change. */
static void
test_latest(void **state)
{
	int64_t single = add_plain("a.example", test_now + 5 * DAY), multi,
		changed;

	(void)state;
	assert_int_equal(domain("a.example").latest_single_id, single);
	assert_int_equal(domain("a.example").latest_multi_id, 0);
	add_plain("a.example", test_now + DAY);
	add("a.example", test_now + 9 * DAY,
	    (struct certificate_new){.inactive = true});
	assert_int_equal(domain("a.example").latest_single_id, single);
	multi = add_plain("a.example b.example", test_now + DAY);
	assert_int_equal(domain("a.example").latest_single_id, single);
	assert_int_equal(domain("a.example").latest_multi_id, multi);
	assert_int_equal(domain("b.example").latest_multi_id, multi);
	assert_ok(certificate_set_active(st, single, false, &e), &e);
	assert_int_equal(domain("a.example").latest_single_id, 2);
	assert_ok(certificate_set_active(st, single, true, &e), &e);
	assert_int_equal(domain("a.example").latest_single_id, single);
	assert_ok(certificate_revoke(st, multi, 1, &e), &e);
	assert_int_equal(domain("b.example").latest_multi_id, 0);
	/* All anew, when something else has been at it. */
	assert_ok(domain_refresh_all(st, false, &changed, &e), &e);
	assert_int_equal(changed, 0);
	run_sql("UPDATE domains SET latest_multi_id = 1");
	assert_ok(domain_refresh_all(st, true, &changed, &e), &e);
	assert_int_equal(changed, 2);
	assert_ok(domain_refresh_all(st, false, &changed, &e), &e);
	assert_int_equal(changed, 2);
	assert_int_equal(domain("b.example").latest_multi_id, 0);
}

static void
test_domain_active(void **state)
{
	struct domain d;

	(void)state;
	add_plain("a.example", test_now + DAY);
	d = domain("a.example");
	assert_true(d.active);
	assert_int_equal(d.type, IDENTIFIER_DNS);
	assert_kind(domain_set_active(st, d.id, true, &e), KIND_CONFLICT, &e);
	assert_ok(domain_set_active(st, d.id, false, &e), &e);
	assert_ok(domain_by_id(st, d.id, &d, &e), &e);
	assert_false(d.active);
	assert_kind(domain_set_active(st, 77, true, &e), KIND_NOTFOUND, &e);
	assert_kind(
	    domain_by_value(st, "b.example", &d, &e), KIND_NOTFOUND, &e);
}

/* A store of version 2, as far as its certificates go. */
static void
test_fills(void **state)
{
	int64_t id = add_plain("a.example b.example", test_now + DAY);

	(void)state;
	run_sql("UPDATE certificates SET fqdn_set_id = NULL, sha1 = NULL,"
		" issuer_id = NULL");
	run_sql("UPDATE ca_certificates SET subject_sha256 = NULL,"
		" sha1 = NULL, issuer_id = NULL, not_before = NULL");
	run_sql("DELETE FROM fqdn_set_members");
	run_sql("DELETE FROM fqdn_sets");
	run_sql("DELETE FROM domains");
	run_sql("DELETE FROM issuers");
	assert_ok(certificate_fill(st, &e), &e);
	assert_ok(ca_certificate_fill(st, &e), &e);
	assert_int_equal(serving("b.example"), id);
	assert_int_equal(domain("a.example").latest_multi_id, id);
	assert_int_equal(count("SELECT count(*) FROM ca_certificates"
			       " WHERE not_before > 0 AND sha1 IS NOT NULL"
			       " AND issuer_id IS NOT NULL"),
	    1);
	assert_sound();
	run_sql("UPDATE certificates SET fqdn_set_id = NULL, der = sha256");
	assert_kind(certificate_fill(st, &e), KIND_SYS, &e);
}

static int
note_issuer(void *arg, const struct ca_certificate *ca, struct err *err)
{
	(void)err;
	*(int64_t *)arg = ca->id;
	return 0;
}

static void
test_ca_certificates(void **state)
{
	struct cert_list certs = {0};
	struct ca_certificate ca;
	int64_t id, again, seen = 0;
	bool created;

	(void)state;
	make_chain("a.example", test_now + DAY, &certs);
	assert_kind(ca_certificate_add(
			st, certs.v[0], "import", false, &id, &created, &e),
	    KIND_INPUT, &e);
	assert_ok(ca_certificate_add(
		      st, certs.v[1], "import", false, &id, &created, &e),
	    &e);
	assert_true(created);
	assert_ok(ca_certificate_by_id(st, id, &ca, &e), &e);
	assert_string_equal(ca.subject, "CN=unit");
	assert_string_equal(ca.source, "import");
	assert_false(ca.trusted);
	assert_int_equal(ca.not_after, cert_not_after(certs.v[1]));
	assert_int_equal(ca.not_before, cert_not_before(certs.v[1]));
	assert_ok(ca_certificate_add(
		      st, certs.v[1], "roots", true, &again, &created, &e),
	    &e);
	assert_false(created);
	assert_int_equal(id, again);
	assert_ok(
	    ca_certificate_each_issuer(st, certs.v[0], note_issuer, &seen, &e),
	    &e);
	assert_int_equal(seen, id);
	ca_certificate_release(&ca);
	assert_ok(ca_certificate_by_id(st, id, &ca, &e), &e);
	assert_true(ca.trusted);
	ca_certificate_release(&ca);
	assert_kind(ca_certificate_by_id(st, 9, &ca, &e), KIND_NOTFOUND, &e);
	cert_list_release(&certs);
	assert_sound();
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
	const struct CMUnitTest tests[] = {T(test_sets), T(test_serving),
	    T(test_serving_needs_key), T(test_finds), T(test_states),
	    T(test_latest), T(test_domain_active), T(test_fills),
	    T(test_ca_certificates)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
