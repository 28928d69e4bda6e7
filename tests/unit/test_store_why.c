/* Which certificate serves a name and why; what belongs to what; chains. */
#include "store.h"

#include "jobs/why.h"
#include "store/ca_certificate.h"
#include "store/ca_preference.h"
#include "store/domain.h"
#include "store/refs.h"
#include "store/upstream_account.h"

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

static void
set_number(const char *column, int64_t value, int64_t id)
{
	char text[30];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	set(column, text, id);
}

struct told {
	char text[4000];
	size_t len;
};

/* "WHAT ID @SECONDS: RULE", a line each. */
static int
note(void *arg, const struct why_line *l, struct err *err)
{
	struct told *t = arg;

	(void)err;
	t->len += (size_t)snprintf(t->text + t->len, sizeof(t->text) - t->len,
	    "%s %d @%d: %s\n", why_word(l->what), (int)l->certificate_id,
	    l->at == 0 ? 0 : (int)(l->at - test_now), l->rule);
	return 0;
}

static void
check_why(const char *name, bool is_served, const char *want)
{
	const struct why_question q = {name, "none", test_now};
	struct told t = {0};
	bool served;

	assert_ok(why_explain(st, &q, note, &t, &served, &e), &e);
	assert_string_equal(t.text, want);
	assert_int_equal(served, is_served);
}

/* What acme-order would have made for certificate 1. */
static void
add_configuration(void)
{
	struct key *k = key_generate(KEY_P256, 0, &e);
	const struct upstream_account_new n = {
	    .directory_url = "https://ca.example/d",
	    .source = "test",
	    .key = k};
	int64_t id;
	bool created;

	assert_ok(upstream_account_add(st, &n, NULL, &id, &created, &e), &e);
	run_sql("INSERT INTO renewal_configurations (active,"
		" upstream_account_id, fqdn_set_id, policy, certificate_id,"
		" due_at, due_by, due_rule, created)"
		" SELECT 1, 1, fqdn_set_id, '{}', id, 0, 0, 'lifetime', 0"
		" FROM certificates WHERE id = 1");
	key_free(k);
}

#define NO_KEY "; its private key is not in the store"

static void
test_one(void **state)
{
	struct domain d;

	(void)state;
	add("a.example", test_now + 9 * DAY);
	check_why("A.example", true,
	    "served 1 @0: no other active one has it" NO_KEY "\n"
	    "expires 1 @777601: nothing that is valid has the name then: it is"
	    " served on\n"
	    "renewal 1 @0: auto-renew is off: nobody here renews it\n");
	assert_ok(certificate_set_auto_renew(st, 1, true, &e), &e);
	set_number("not_before", test_now, 1);
	check_why("a.example", true,
	    "served 1 @0: no other active one has it" NO_KEY "\n"
	    "expires 1 @777601: nothing that is valid has the name then: it is"
	    " served on\n"
	    "renewal 1 @0: auto-renew is on, but it has no renewal"
	    " configuration: cert-manage renewal add makes one\n");
	add_configuration();
	check_why("a.example", true,
	    "served 1 @0: no other active one has it" NO_KEY "\n"
	    "expires 1 @777601: nothing that is valid has the name then: it is"
	    " served on\n"
	    "renewal 1 @388800: auto-renew is on: due when half of its"
	    " lifetime is left\n");
	assert_ok(domain_by_value(st, "a.example", &d, &e), &e);
	assert_ok(domain_set_active(st, d.id, false, &e), &e);
	check_why("a.example", true,
	    "served 1 @0: no other active one has it" NO_KEY "\n"
	    "expires 1 @777601: nothing that is valid has the name then: it is"
	    " served on\n"
	    "renewal 1 @0: nothing is ordered for the name: a.example is"
	    " disabled\n");
	assert_kind(why_explain(st,
			&(struct why_question){"b.example", "none", test_now},
			note, &(struct told){0}, &(bool){false}, &e),
	    KIND_NOTFOUND, &e);
}

/* Every reason there is to be passed over. */
static void
test_reasons(void **state)
{
	(void)state;
	add("www.a.example", test_now + 5 * DAY); /* 1: served */
	add("www.a.example", test_now + 4 * DAY); /* 2: ends earlier */
	add("*.a.example", test_now + 9 * DAY); /* 3: a wildcard */
	add("www.a.example", test_now - 10); /* 4: has expired */
	add("www.a.example", test_now + 9 * DAY); /* 5: not yet valid */
	set_number("not_before", test_now + DAY, 5);
	add("www.a.example", test_now + 9 * DAY); /* 6: deactivated */
	assert_ok(certificate_set_active(st, 6, false, &e), &e);
	add("www.a.example", test_now + 9 * DAY); /* 7: revoked */
	assert_ok(certificate_revoke(st, 7, 1, &e), &e);
	add("www.a.example", test_now + 9 * DAY); /* 8: no key */
	run_sql("INSERT INTO private_keys (spki_sha256, type, status, source,"
		" created, sealed, der) SELECT spki_sha256, 'p256', 'active',"
		" 'imported', 1, 0, der FROM certificates WHERE id = 1");
	set("spki_sha256", "sha256", 8);
	check_why("www.a.example", true,
	    "served 1 @0: it ends last\n"
	    "passed over 4 @0: it has expired\n"
	    "passed over 2 @0: it ends earlier\n"
	    "passed over 3 @0: only a wildcard of it covers the name\n"
	    "passed over 5 @0: it is not valid yet\n"
	    "passed over 6 @0: it is deactivated\n"
	    "passed over 7 @0: it is revoked\n"
	    "passed over 8 @0: its private key is not in the store\n"
	    "served next 5 @86400: it ends last\n"
	    "expires 5 @777601: nothing that is valid has the name then: it is"
	    " served on\n"
	    "renewal 1 @0: auto-renew is off: nobody here renews it\n");
}

static void
test_ties(void **state)
{
	(void)state;
	add("a.example", test_now + DAY);
	add("a.example b.example", test_now + DAY);
	add("a.example b.example", test_now + DAY);
	check_why("a.example", true,
	    "served 3 @0: it has the most names" NO_KEY "\n"
	    "passed over 1 @0: it has fewer names\n"
	    "passed over 2 @0: it was stored earlier\n"
	    "expires 3 @86401: nothing that is valid has the name then: it is"
	    " served on\n"
	    "renewal 3 @0: auto-renew is off: nobody here renews it\n");
	for (int64_t id = 1; id <= 3; id++)
		assert_ok(certificate_set_active(st, id, false, &e), &e);
	check_why("a.example", false,
	    "passed over 1 @0: it is deactivated\n"
	    "passed over 2 @0: it is deactivated\n"
	    "passed over 3 @0: it is deactivated\n"
	    "renewal 3 @0: auto-renew is off: nobody here renews it\n");
}

static void
test_expired(void **state)
{
	(void)state;
	add("a.example", test_now - 10);
	add("a.example", test_now - 20);
	set("source", "'tls'", 1);
	check_why("a.example", true,
	    "served 1 @0: it ends last; but it has expired" NO_KEY "\n"
	    "passed over 2 @0: it ends earlier\n"
	    "renewal 1 @0: acmed-store tls-renew renews it\n");
}

/* ---- what belongs to what ------------------------------------------------ */

static int
note_ref(void *arg, const char *what, enum refs_type type, int64_t id,
    struct err *err)
{
	struct told *t = arg;

	(void)err;
	t->len += (size_t)snprintf(t->text + t->len, sizeof(t->text) - t->len,
	    "%s:%s/%d ", what, refs_name(type), (int)id);
	return 0;
}

static void
check_refs(enum refs_type type, int64_t id, const char *want)
{
	struct told t = {0};
	bool is_there;

	assert_ok(refs_exists(st, type, id, &is_there, &e), &e);
	assert_true(is_there);
	assert_ok(refs_each(st, type, id, 2, note_ref, &t, &e), &e);
	assert_string_equal(t.text, want);
}

static void
test_refs(void **state)
{
	enum refs_type type;
	bool is_there;
	struct order o;

	(void)state;
	make_valid(new_account('a'), test_now + DAY, &o);
	order_release(&o);
	add("a.example", test_now + 2 * DAY);
	add("a.example", test_now + 3 * DAY);
	run_sql("INSERT INTO private_keys (spki_sha256, type, status, source,"
		" created, sealed, der) SELECT spki_sha256, 'p256', 'active',"
		" 'imported', 1, 0, der FROM certificates WHERE id = 1");
	run_sql(
	    "INSERT INTO certificate_requests (sha256, der, spki_sha256,"
	    " fqdn_set_id, source, created) SELECT sha256, der, spki_sha256,"
	    " fqdn_set_id, 'import', 1 FROM certificates WHERE id = 1");
	check_refs(REFS_CERTIFICATE, 1,
	    "refs:fqdn_set/1 refs:private_key/1 same_key:certificate_request/1 "
	    "refs:chain/1 issuers:ca_certificate/1 refs:account/1 "
	    "refs:order/1 ");
	check_refs(REFS_CERTIFICATE, 2,
	    "refs:fqdn_set/1 refs:private_key/1 same_key:certificate_request/1 "
	    "refs:chain/1 issuers:ca_certificate/1 ");
	check_refs(REFS_DOMAIN, 1,
	    "refs:fqdn_set/1 refs:certificate/1 refs:certificate/2 ");
	check_refs(REFS_FQDN_SET, 1,
	    "refs:domain/1 refs:certificate/1 refs:certificate/2 "
	    "refs:certificate_request/1 ");
	check_refs(REFS_CA_CERTIFICATE, 1,
	    "issuers:ca_certificate/1 issued:ca_certificate/1 "
	    "issued:certificate/1 issued:certificate/2 refs:chain/1 ");
	check_refs(REFS_CHAIN, 1,
	    "refs:ca_certificate/1 refs:certificate/1 refs:certificate/2 ");
	check_refs(REFS_PRIVATE_KEY, 1,
	    "refs:certificate/1 refs:certificate/2 "
	    "refs:certificate_request/1 ");
	check_refs(REFS_CERTIFICATE_REQUEST, 1,
	    "refs:fqdn_set/1 refs:private_key/1 same_key:certificate/1 "
	    "same_key:certificate/2 ");
	run_sql(
	    "INSERT INTO upstream_accounts (directory_url, contacts, status,"
	    " source, created, spki_sha256, type, sealed, der) SELECT '',"
	    " '[]', 'valid', 'import', 1, sha256, 'p256', 0, der"
	    " FROM certificates WHERE id = 1");
	run_sql("INSERT INTO lineages (source, name, fqdn_set_id,"
		" upstream_account_id, settings, created)"
		" VALUES ('certbot', 'x', 1, 1, '{}', 1)");
	check_refs(REFS_LINEAGE, 1, "refs:fqdn_set/1 refs:upstream_account/1 ");
	check_refs(REFS_UPSTREAM_ACCOUNT, 1, "refs:lineage/1 ");
	assert_ok(refs_exists(st, REFS_CERTIFICATE, 9, &is_there, &e), &e);
	assert_false(is_there);
	assert_ok(refs_exists(st, REFS_ORDER, 1, &is_there, &e), &e);
	assert_false(is_there);
	for (int i = 0; i < REFS__MAX; i++) {
		const char *name = refs_name((enum refs_type)i);

		assert_int_equal(refs_by_name(name, strlen(name), &type), 0);
		assert_int_equal(type, i);
	}
	assert_int_equal(refs_by_name("cert", 4, &type), -1);
}

/* ---- chains -------------------------------------------------------------- */

/* One chain more for certificate 1, of a CA of its own. */
static int64_t
add_chain(const char *sql_id)
{
	char sql[300];

	snprintf(sql, sizeof(sql),
	    "INSERT INTO ca_certificates (id, sha256, der, subject,"
	    " spki_sha256, not_after, source) SELECT %s, spki_sha256, der,"
	    " 'CN=%s', sha256, 2000000000, 'import' FROM certificates"
	    " WHERE id = %s - 100",
	    sql_id, sql_id, sql_id);
	run_sql(sql);
	snprintf(sql, sizeof(sql),
	    "INSERT INTO chains (id, sha256) SELECT %s, sha256"
	    " FROM ca_certificates WHERE id = %s",
	    sql_id, sql_id);
	run_sql(sql);
	snprintf(sql, sizeof(sql),
	    "INSERT INTO chain_members (chain_id, position, ca_certificate_id)"
	    " VALUES (%s, 0, 1), (%s, 1, %s)",
	    sql_id, sql_id, sql_id);
	run_sql(sql);
	snprintf(sql, sizeof(sql),
	    "INSERT INTO certificate_chains (certificate_id, chain_id,"
	    " is_default) VALUES (1, %s, 0)",
	    sql_id);
	run_sql(sql);
	return strtoll(sql_id, NULL, 10);
}

static void
prefer(int64_t a, int64_t b)
{
	struct ca_preferences p = {.ids = {a, b},
				  .len = b ? 2
				      : a  ? 1
					   : 0},
			      now;

	assert_ok(ca_preference_set(st, &p, &e), &e);
	assert_ok(ca_preference_load(st, &now, &e), &e);
	assert_int_equal(now.len, p.len);
	assert_memory_equal(now.ids, p.ids, p.len * sizeof(p.ids[0]));
}

static int64_t
preferred(void)
{
	struct chain *chains;
	int64_t id, first;
	size_t len;

	assert_ok(chain_preferred(st, 1, &id, &e), &e);
	assert_ok(chain_load_all(st, 1, &chains, &len, &e), &e);
	assert_int_equal(len, 3);
	first = chains[0].id;
	chains_free(chains, len);
	assert_int_equal(first, id);
	return id;
}

static void
test_preferred(void **state)
{
	struct ca_preferences twice = {.ids = {1, 1}, .len = 2},
			      none = {.ids = {77}, .len = 1};
	int64_t a, b, id;

	(void)state;
	add("a.example", test_now + DAY);
	add("b.example", test_now + DAY);
	set("spki_sha256", "sha256", 2);
	a = add_chain("101");
	b = add_chain("102");
	assert_int_equal(preferred(), 1); /* as its CA offered it */
	prefer(a, 0);
	assert_int_equal(preferred(), a);
	prefer(b, a);
	assert_int_equal(preferred(), b);
	/* Where there are two of them, the more wanted one counts. */
	prefer(b, 1);
	assert_int_equal(preferred(), b);
	/* One that is in all of them does not tell them apart. */
	prefer(1, b);
	assert_int_equal(preferred(), 1);
	prefer(0, 0);
	assert_int_equal(preferred(), 1);
	assert_kind(ca_preference_set(st, &twice, &e), KIND_INPUT, &e);
	assert_kind(ca_preference_set(st, &none, &e), KIND_CONFLICT, &e);
	assert_ok(chain_preferred(st, 99, &id, &e), &e);
	assert_int_equal(id, 0);
	assert_ok(ca_certificate_pick(st, "101", &id, &e), &e);
	assert_ok(ca_certificate_pick(st, "ca_certificate/102", &id, &e), &e);
	assert_int_equal(id, 102);
	assert_kind(ca_certificate_pick(st, "103", &id, &e), KIND_NOTFOUND, &e);
	assert_kind(ca_certificate_pick(st, "CN=1", &id, &e), KIND_INPUT, &e);
	assert_kind(
	    ca_certificate_pick(st, "0000000", &id, &e), KIND_NOTFOUND, &e);
	assert_kind(
	    ca_certificate_pick(st, "abcdefa", &id, &e), KIND_INPUT, &e);
}

#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {T(test_one), T(test_reasons),
    T(test_ties), T(test_expired), T(test_refs), T(test_preferred)};

UNIT_MAIN(tests)
