/* Lists of certificates, and what is done to many of them. */
#include "store.h"

#include "base/hex.h"
#include "store/certificate_list.h"
#include "store/certificate_sweep.h"
#include "store/domain.h"
#include "store/private_key.h"

#define DAY 86400

static int64_t
add(const char *names, int64_t not_after)
{
	struct cert_list certs = {0};
	int64_t id;

	make_chain(names, not_after, &certs);
	id = add_certificate(&certs, "import", 0);
	cert_list_release(&certs);
	return id;
}

static void
set(const char *column, const char *value, int64_t id)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
	    "UPDATE certificates SET %s = %s WHERE id = %d", column, value,
	    (int)id);
	run_sql(sql);
}

/* The ids that were listed, with a blank after each. */
struct list {
	char text[20000];
	size_t len;
};

static int
note(void *arg, const struct certificate_item *c, struct err *err)
{
	struct list *l = arg;

	(void)err;
	l->len += (size_t)snprintf(
	    l->text + l->len, sizeof(l->text) - l->len, "%d ", (int)c->id);
	return 0;
}

static void
check_list(const struct certificate_filter *f, const char *want)
{
	struct list l = {0};

	assert_ok(certificate_list(st, f, note, &l, &e), &e);
	assert_string_equal(l.text, want);
}

#define CHECK(want, ...)                                                       \
	check_list(&(const struct certificate_filter){__VA_ARGS__}, want)

static void
check_operand(const char *text, const char *want)
{
	const struct certificate_filter f = {0};
	struct list l = {0};

	assert_ok(certificate_list_operand(st, &f, text, note, &l, &e), &e);
	assert_string_equal(l.text, want);
}

/* 1 to 5, of which 3 ends first. */
static void
fill(void)
{
	add("a.example", test_now + 5 * DAY);
	add("b.example a.example", test_now + 6 * DAY);
	add("*.example.org", test_now + DAY);
	add("www.example.org", test_now + 7 * DAY);
	add("x.www.example.org", test_now + 7 * DAY);
}

static void
test_names(void **state)
{
	(void)state;
	fill();
	CHECK("3 1 2 4 5 ");
	check_operand("a.example", "1 2 ");
	check_operand("A.Example", "1 2 ");
	check_operand("b.example", "2 ");
	check_operand("www.example.org", "3 4 ");
	check_operand("new.example.org", "3 ");
	check_operand("*.example.org", "3 ");
	check_operand("y.new.example.org", "");
	check_operand("example.org", "");
	CHECK("1 ", .name = "a.example", .to = test_now + 5 * DAY);
	CHECK("2 ", .name = "a.example", .from = test_now + 5 * DAY + 1);
	CHECK("3 1 ", .limit = 2);
}

static void
test_numbers(void **state)
{
	struct certificate c;
	char sha256[65], sha1[41], text[80];

	(void)state;
	fill();
	check_operand("4", "4 ");
	check_operand("certificate/4", "4 ");
	check_operand("99", "");
	check_operand("0", "");
	assert_ok(certificate_by_id(st, 2, &c, &e), &e);
	hex_encode(sha256, c.sha256, 32);
	check_operand(sha256, "2 ");
	snprintf(text, sizeof(text), "%.8s", sha256);
	check_operand(text, "2 ");
	for (int64_t id = 1; id <= 5; id++) {
		struct certificate other;
		struct cert *cert;
		uint8_t sum[20];

		assert_ok(certificate_by_id(st, id, &other, &e), &e);
		cert = cert_from_der(other.leaf.der, other.leaf.len, &e);
		cert_sha1(cert, sum);
		hex_encode(sha1, sum, 20);
		snprintf(text, sizeof(text), "%d ", (int)id);
		check_operand(sha1, text);
		CHECK(text, .serial = other.serial);
		cert_free(cert);
		certificate_release(&other);
	}
	CHECK("2 ", .serial = c.serial, .name = "a.example");
	CHECK("", .serial = c.serial, .name = "c.example");
	CHECK("", .serial = c.serial, .text = "no such text");
	CHECK("2 ", .serial = c.serial, .text = "B.EXA");
	certificate_release(&c);
}

/* Names that look like something else: that comes first only if it is whole. */
static void
test_odd_names(void **state)
{
	struct certificate_item c;
	char text[80], sha256[65];

	(void)state;
	fill();
	add("deadbeef 12345678 7", test_now + 8 * DAY); /* 6 */
	add("v6.example", test_now + 9 * DAY);
	run_sql("UPDATE domains SET value = '2001:db8::1', type = 'ip'"
		" WHERE value = 'v6.example'");
	add("v7.example", test_now + 9 * DAY); /* 8 */
	run_sql("UPDATE domains SET value = '11:22:33:44:55:66:77:88'"
		" WHERE value = 'v7.example'");
	check_operand("deadbeef", "6 ");
	check_operand("DeadBeef.", "6 ");
	check_operand("12345678", "6 ");
	check_operand("2001:db8::1", "7 ");
	check_operand("2001:DB8:0:0::1", "7 ");
	check_operand("11:22:33:44:55:66:77:88", "8 ");
	check_operand("7", "7 ");
	/* The beginning of a SHA-256 if there is no such name. */
	assert_ok(certificate_pick(st, "2", &c, &e), &e);
	hex_encode(sha256, c.sha256, 32);
	snprintf(text, sizeof(text), "%.2s:%.2s:%.2s:%.2s", sha256, sha256 + 2,
	    sha256 + 4, sha256 + 6);
	check_operand(text, "2 ");
	assert_kind(
	    certificate_pick(st, "deadbeef", &c, &e), KIND_NOTFOUND, &e);
	assert_kind(certificate_pick(st, "dead.beef", &c, &e), KIND_INPUT, &e);
}

static void
test_words(void **state)
{
	static const struct {
		const char *text, *want;
	} serials[] = {{"0A:0b", "0a0b"}, {"000a", "0a"}, {"0", "00"},
	    {"abc", "0abc"}, {"0x12", NULL}, {"", NULL}, {":", NULL}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(serials); i++) {
		char *got = certificate_serial_clean(serials[i].text);

		if (serials[i].want)
			assert_string_equal(got, serials[i].want);
		else
			assert_null(got);
		free(got);
	}
}

static void
test_others(void **state)
{
	struct certificate c;
	struct certificate_filter f = {.by_key = true};
	int64_t account = new_account('a');

	(void)state;
	fill();
	run_sql("UPDATE certificates SET account_id = 1 WHERE id IN (2, 3)");
	assert_int_equal(account, 1);
	CHECK("3 2 ", .account_id = account);
	CHECK("", .account_id = 7);
	run_sql("INSERT INTO upstream_accounts (directory_url, contacts,"
		" status, source, created, spki_sha256, type, sealed, der)"
		" SELECT '', '[]', 'valid', 'import', 1, sha256, 'p256', 0,"
		" der FROM certificates WHERE id = 1");
	assert_ok(certificate_set_upstream_account(st, 2, 1, &e), &e);
	assert_ok(certificate_set_upstream_account(st, 4, 1, &e), &e);
	CHECK("2 4 ", .upstream_account_id = 1);
	CHECK("2 ", .upstream_account_id = 1, .account_id = account);
	CHECK("", .upstream_account_id = 2);
	CHECK("3 1 2 4 5 ", .issuer = "UNIT");
	CHECK("", .issuer = "u%t");
	CHECK("3 2 ", .issuer = "cn=unit", .account_id = account);
	CHECK("3 4 5 ", .text = ".example.org");
	CHECK("4 5 ", .text = "WWW");
	CHECK("3 1 2 4 5 ", .text = "unit");
	CHECK("", .text = "_");
	assert_ok(certificate_by_id(st, 1, &c, &e), &e);
	CHECK("1 ", .text = c.serial);
	memcpy(f.spki_sha256, c.spki_sha256, 32);
	check_list(&f, "3 1 2 4 5 ");
	f.spki_sha256[0] ^= 1;
	check_list(&f, "");
	CHECK("1 ", .fqdn_set_id = c.fqdn_set_id);
	certificate_release(&c);
}

static void
test_list_states(void **state)
{
	struct certificate_filter f = {.by_state = true};

	(void)state;
	fill();
	assert_ok(certificate_set_active(st, 1, false, &e), &e);
	assert_ok(certificate_set_active(st, 2, false, &e), &e);
	assert_ok(certificate_revoke(st, 4, 1, &e), &e);
	assert_ok(certificate_set_active(st, 2, true, &e), &e);
	f.state = CERTIFICATE_ACTIVE;
	check_list(&f, "3 2 5 ");
	f.name = "a.example";
	check_list(&f, "2 ");
	f.name = NULL;
	f.state = CERTIFICATE_DEACTIVATED;
	check_list(&f, "1 ");
	f.state = CERTIFICATE_IS_REVOKED;
	check_list(&f, "4 ");
	for (int i = 0; i < CERTIFICATE_STATE__MAX; i++) {
		enum certificate_state back;

		assert_int_equal(
		    certificate_state_by_name(
			certificate_state_name((enum certificate_state)i),
			&back),
		    0);
		assert_int_equal(back, i);
	}
	assert_int_equal(certificate_state_by_name("x", &f.state), -1);
}

/* More than a page, many of which end together. */
static void
test_pages(void **state)
{
	struct list l = {0};
	int64_t seen = 0, last = 0;
	const char *p;

	(void)state;
	add("a.example", test_now + DAY);
	for (int i = 2; i <= 2500; i++) {
		char sql[1000];

		snprintf(sql, sizeof(sql),
		    "INSERT INTO certificates (sha256, serial, not_before,"
		    " not_after, der, spki_sha256, source, created, status,"
		    " issuer_id, fqdn_set_id, key_type)"
		    " SELECT %s, '%04x', not_before, not_after, der,"
		    " spki_sha256, source, created, status, issuer_id,"
		    " fqdn_set_id, key_type FROM certificates WHERE id = 1",
		    engine_is_other() ? "sha256(int8send(nextval("
					"'certificates_id_seq')))"
				      : "randomblob(32)",
		    i);
		run_sql(sql);
	}
	assert_ok(certificate_list(st,
		      &(const struct certificate_filter){.limit = 2100}, note,
		      &l, &e),
	    &e);
	for (p = l.text; *p; p = strchr(p, ' ') + 1) {
		int64_t id = strtoll(p, NULL, 10);

		assert_true(id > last);
		last = id;
		seen++;
	}
	assert_int_equal(seen, 2100);
}

static void
test_pick(void **state)
{
	struct certificate_item c;

	(void)state;
	fill();
	assert_ok(certificate_pick(st, "3", &c, &e), &e);
	assert_int_equal(c.id, 3);
	assert_string_equal(c.key_type, "p256");
	assert_kind(certificate_pick(st, "9", &c, &e), KIND_NOTFOUND, &e);
	assert_kind(certificate_pick(st, "a.example", &c, &e), KIND_INPUT, &e);
	run_sql("UPDATE certificates SET sha1 = (SELECT x.sha1"
		" FROM certificates x WHERE x.id = 1)");
	assert_kind(certificate_pick(
			st, "0000000000000000000000000000000000000000", &c, &e),
	    KIND_NOTFOUND, &e);
}

static void
test_counts(void **state)
{
	int64_t n;

	(void)state;
	fill();
	assert_ok(certificate_count_ending(
		      st, test_now + DAY, test_now + 6 * DAY, &n, &e),
	    &e);
	assert_int_equal(n, 2);
	assert_ok(certificate_set_active(st, 1, false, &e), &e);
	assert_ok(certificate_count_ending(
		      st, test_now + DAY, test_now + 6 * DAY + 1, &n, &e),
	    &e);
	assert_int_equal(n, 2);
}

/* ---- many at once -------------------------------------------------------- */

static void
check_sweep(enum certificate_sweep_kind kind, const char *want)
{
	struct list l = {0};
	struct certificate_sweep how = {
	    .kind = kind, .dry_run = true, .fn = note, .arg = &l};
	int64_t events = count("SELECT count(*) FROM events"
			       " WHERE action = 'certificate.deactivate'");

	assert_ok(certificate_sweep(st, &how, &e), &e);
	assert_string_equal(l.text, want);
	how.dry_run = false;
	assert_ok(certificate_sweep(st, &how, &e), &e);
	for (const char *p = want; *p; p = strchr(p, ' ') + 1, events++) {
		struct certificate_item c;
		char id[20];

		snprintf(id, sizeof(id), "%lld", strtoll(p, NULL, 10));
		assert_ok(certificate_pick(st, id, &c, &e), &e);
		assert_false(c.active);
	}
	assert_int_equal(count("SELECT count(*) FROM events"
			       " WHERE action = 'certificate.deactivate'"),
	    events);
	/* A second time there is nothing to do. */
	l = (struct list){0};
	how.dry_run = true;
	assert_ok(certificate_sweep(st, &how, &e), &e);
	assert_string_equal(l.text, "");
}

static void
test_expired(void **state)
{
	(void)state;
	add("a.example", test_now - 30); /* 1: there is a later one */
	add("a.example", test_now - 10); /* the latest, though expired */
	add("b.example", test_now - 10); /* 3: there is one that is valid */
	add("b.example", test_now + DAY);
	add("b.example c.example", test_now - 20); /* latest of c */
	add("b.example d.example", test_now - 20); /* latest of d */
	add("b.example c.example d.example", test_now - 10); /* of b, c, d */
	add("e.example", test_now); /* 8: its last second */
	add("e.example", test_now + DAY);
	check_sweep(CERTIFICATE_SWEEP_EXPIRED, "1 5 6 3 ");
	assert_sound();
}

/* The latest of one kind stays, though there is one of the other kind. */
static void
test_expired_kinds(void **state)
{
	(void)state;
	add("a.example", test_now - 30);
	add("a.example b.example", test_now + 3 * DAY);
	add("b.example c.example", test_now - 10);
	check_sweep(CERTIFICATE_SWEEP_EXPIRED, "");
	assert_ok(certificate_set_active(st, 3, false, &e), &e);
	check_sweep(CERTIFICATE_SWEEP_EXPIRED, "");
}

/* The last whose key is here stays, though one without is later. */
static void
test_expired_key(void **state)
{
	(void)state;
	add("a.example", test_now - 30);
	add("a.example", test_now - 10);
	run_sql("INSERT INTO private_keys (spki_sha256, type, status, source,"
		" created, sealed, der) SELECT spki_sha256, 'p256', 'active',"
		" 'imported', 1, 0, der FROM certificates WHERE id = 1");
	set("spki_sha256", "sha256", 2);
	check_sweep(CERTIFICATE_SWEEP_EXPIRED, "");
	set("spki_sha256", "(SELECT spki_sha256 FROM private_keys)", 2);
	check_sweep(CERTIFICATE_SWEEP_EXPIRED, "1 ");
}

static void
test_duplicates(void **state)
{
	(void)state;
	add("a.example", test_now + DAY); /* 1 */
	add("a.example", test_now + 3 * DAY);
	add("a.example", test_now + 3 * DAY);
	add("a.example b.example", test_now + DAY); /* another set */
	add("c.example", test_now + DAY); /* 5: alone */
	add("a.example", test_now + 2 * DAY); /* 6: RSA */
	set("key_type", "'rsa2048'", 6);
	add("a.example", test_now - 10); /* 7: RSA, expired */
	set("key_type", "'rsa4096'", 7);
	add("a.example", test_now + 9 * DAY); /* 8: not active */
	assert_ok(certificate_set_active(st, 8, false, &e), &e);
	add("d.example", test_now + DAY); /* 9 and 10: of a kind unknown */
	add("d.example", test_now + 2 * DAY);
	set("key_type", "'other'", 9);
	set("key_type", "'other'", 10);
	check_sweep(CERTIFICATE_SWEEP_DUPLICATES, "1 2 7 ");
}

/* What serves is never taken for something that cannot. */
static void
test_duplicates_serve(void **state)
{
	char later[30];

	(void)state;
	snprintf(later, sizeof(later), "%lld", (long long)test_now + DAY);
	add("a.example", test_now + 2 * DAY);
	add("a.example", test_now + 3 * DAY); /* not yet valid */
	set("not_before", later, 2);
	check_sweep(CERTIFICATE_SWEEP_DUPLICATES, "");
	set("not_before", "1", 2);
	run_sql("INSERT INTO private_keys (spki_sha256, type, status, source,"
		" created, sealed, der) SELECT spki_sha256, 'p256', 'active',"
		" 'imported', 1, 0, der FROM certificates WHERE id = 1");
	set("spki_sha256", "sha256", 2); /* a key that is not here */
	check_sweep(CERTIFICATE_SWEEP_DUPLICATES, "");
	set("spki_sha256", "(SELECT spki_sha256 FROM private_keys)", 2);
	check_sweep(CERTIFICATE_SWEEP_DUPLICATES, "1 ");
	/* What has expired is no better than what is not valid yet. */
	add("b.example", test_now - 10);
	add("b.example", test_now + 9 * DAY);
	set("not_before", later, 4);
	check_sweep(CERTIFICATE_SWEEP_DUPLICATES, "3 ");
}

/* A key that others have takes its certificates with it. */
static void
test_compromise(void **state)
{
	struct certificate c;
	struct domain d;

	(void)state;
	add("a.example", test_now + 2 * DAY);
	add("b.example", test_now + 2 * DAY);
	add("a.example", test_now + DAY);
	set("spki_sha256", "sha256", 3); /* of another key */
	run_sql("INSERT INTO private_keys (spki_sha256, type, status, source,"
		" created, sealed, der) SELECT spki_sha256, 'p256', 'active',"
		" 'imported', 1, 0, der FROM certificates WHERE id = 1");
	assert_ok(certificate_revoke(st, 2, 4, &e), &e);
	assert_ok(
	    private_key_set_status(st, 1, PRIVATE_KEY_COMPROMISED, &e), &e);
	assert_ok(certificate_by_id(st, 1, &c, &e), &e);
	assert_int_equal(c.status, CERTIFICATE_REVOKED);
	assert_int_equal(c.revocation_reason, 1);
	certificate_release(&c);
	/* What was revoked before stays as it was. */
	assert_ok(certificate_by_id(st, 2, &c, &e), &e);
	assert_int_equal(c.revocation_reason, 4);
	certificate_release(&c);
	assert_ok(certificate_by_id(st, 3, &c, &e), &e);
	assert_int_equal(c.status, CERTIFICATE_VALID);
	certificate_release(&c);
	assert_ok(domain_by_value(st, "a.example", &d, &e), &e);
	assert_int_equal(d.latest_single_id, 3);
	assert_kind(private_key_set_status(st, 1, PRIVATE_KEY_COMPROMISED, &e),
	    KIND_CONFLICT, &e);
	/* What comes later is for the same key. */
	run_sql("UPDATE private_keys SET spki_sha256 = (SELECT c.spki_sha256"
		" FROM certificates c WHERE c.id = 1)");
	assert_int_equal(add("c.example", test_now + DAY), 4);
	assert_ok(certificate_by_id(st, 4, &c, &e), &e);
	assert_int_equal(c.status, CERTIFICATE_REVOKED);
	assert_int_equal(c.revocation_reason, CERTIFICATE_KEY_COMPROMISE);
	certificate_release(&c);
	assert_ok(domain_by_value(st, "c.example", &d, &e), &e);
	assert_int_equal(d.latest_single_id, 0);
	/* To retire one takes nothing with it. */
	run_sql("UPDATE private_keys SET status = 'active', spki_sha256 ="
		" (SELECT spki_sha256 FROM certificates WHERE id = 3)");
	assert_ok(private_key_set_status(st, 1, PRIVATE_KEY_RETIRED, &e), &e);
	assert_ok(certificate_by_id(st, 3, &c, &e), &e);
	assert_int_equal(c.status, CERTIFICATE_VALID);
	certificate_release(&c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {T(test_names), T(test_numbers),
    T(test_odd_names), T(test_words), T(test_others), T(test_list_states),
    T(test_pages), T(test_pick), T(test_counts), T(test_expired),
    T(test_expired_kinds), T(test_expired_key), T(test_duplicates),
    T(test_duplicates_serve), T(test_compromise)};

UNIT_MAIN(tests)
