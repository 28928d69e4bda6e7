/* What is brought in: reported after it is stored, refused one by one. */
#include "store.h"

#include "base/hex.h"
#include "import/intake.h"
#include "store/ca_certificate.h"
#include "store/certificate_request.h"
#include "store/lineage.h"
#include "store/private_key.h"
#include "store/upstream_account.h"
#include "wrap/seal.h"

#define DAY 86400

/* What was reported, a line each: "object id result name reason". */
static struct strv reported;
static struct intake_conf conf;
static struct seal_key seal_key = {.bytes = "certificate", .id = "one"};

static int
note(void *arg, const struct intake_report *r, struct err *err)
{
	char *line;

	(void)arg;
	(void)err;
	line = xasprintf("%s %lld %s %s%s%s", r->object, (long long)r->id,
	    intake_result_name(r->result), r->name, r->reason ? ": " : "",
	    r->reason ? r->reason : "");
	strv_add(&reported, line);
	free(line);
	return 0;
}

static int
setup(void **state)
{
	conf = (struct intake_conf){.source = "import",
	    .certificate_seal = &seal_key,
	    .account_seal = &seal_key,
	    .report = note};
	return store_setup(state);
}

static int
teardown(void **state)
{
	strv_release(&reported);
	return store_teardown(state);
}

static void
assert_reported(size_t i, const char *want)
{
	assert_true(i < reported.len);
	assert_string_equal(reported.v[i], want);
}

/* A certificate for the names, with its chain, or without. */
static void
add_cert(struct bundle *b, const char *names, bool with_chain)
{
	struct cert_list certs = {0};

	make_chain(names, test_now + DAY, &certs);
	for (size_t i = 0; i < (with_chain ? certs.len : 1); i++) {
		const uint8_t *der;
		size_t len;

		der = cert_der(certs.v[i], &len);
		bundle_add(b, "test", der, len, NULL);
	}
	cert_list_release(&certs);
}

static struct key *
add_key(struct bundle *b)
{
	struct key *k = key_generate(KEY_P256, 0, &e);
	struct buf der;

	buf_init(&der, KEY_DER_MAX);
	assert_ok(key_to_der(k, &der, &e), &e);
	bundle_add(b, "test", der.data, der.len, NULL);
	buf_wipe(&der);
	return k;
}

static void
take(struct bundle *b)
{
	struct intake *in = intake_open(st, &conf);

	assert_ok(intake_add(in, "here", b, &e), &e);
	assert_int_equal(b->certs.len, 0);
	assert_int_equal(reported.len, 0); /* not before it is stored */
	assert_ok(intake_finish(in, &e), &e);
	intake_close(in);
}

static void
test_reports(void **state)
{
	struct bundle b = {0};

	(void)state;
	add_cert(&b, "b.example a.example", true);
	key_free(add_key(&b));
	bundle_add(&b, "bad", "nonsense", 8, NULL);
	take(&b);
	assert_int_equal(reported.len, 4);
	assert_reported(
	    0, "file 0 refused : neither PEM nor DER that is known");
	assert_reported(1,
	    "private_key 0 refused p256: it fits none of the certificates "
	    "beside it");
	assert_reported(2, "ca_certificate 1 created CN=unit");
	assert_reported(3, "certificate 1 created b.example a.example");
	strv_release(&reported);
	add_cert(&b, "c.example", false);
	take(&b);
	assert_reported(0, "certificate 2 created c.example");
	/* The chain that the store knows ends before a root: here, at once. */
	assert_int_equal(count("SELECT count(*) FROM certificate_chains"), 1);
	assert_sound();
}

static void
test_dry_run(void **state)
{
	struct bundle b = {0};

	(void)state;
	conf.dry_run = true;
	add_cert(&b, "a.example", true);
	take(&b);
	assert_reported(0, "ca_certificate 0 created CN=unit");
	assert_reported(1, "certificate 0 created a.example");
	assert_int_equal(count("SELECT count(*) FROM certificates"), 0);
	assert_int_equal(count("SELECT count(*) FROM domains"), 0);
}

/* One that the store refuses does not take the others with it. */
/* An issuer that another process stores between the look and the deed. */
static void
test_two_at_once(void **state)
{
	struct key *key = key_generate(KEY_P256, 0, &e);
	struct strv dns = {0};
	struct cert_template root = {.kind = CERT_ROOT,
	    .subject = "CN=above",
	    .key = key,
	    .issuer_key = key,
	    .not_before = test_now - DAY,
	    .not_after = test_now + DAY};
	struct cert *above = cert_build(&root, &e);
	struct cert_template t = {.kind = CERT_INTERMEDIATE,
	    .subject = "CN=between",
	    .key = key,
	    .issuer_key = key,
	    .issuer_cert = above,
	    .not_before = test_now - DAY,
	    .not_after = test_now + DAY};
	struct cert *issuer = cert_build(&t, &e), *leaf;
	struct intake *in = intake_open(st, &conf);
	struct bundle b = {0};
	const uint8_t *der;
	int64_t id;
	size_t len;
	bool created;

	(void)state;
	strv_add(&dns, "a.example");
	t.kind = CERT_LEAF;
	t.subject = NULL;
	t.dns = &dns;
	t.issuer_cert = issuer;
	leaf = cert_build(&t, &e);
	assert_non_null(leaf);
	der = cert_der(leaf, &len);
	bundle_add(&b, "test", der, len, NULL);
	assert_ok(intake_add(in, "here", &b, &e), &e);
	assert_ok(
	    ca_certificate_add(st, issuer, "import", false, &id, &created, &e),
	    &e);
	assert_ok(intake_finish(in, &e), &e);
	intake_close(in);
	assert_int_equal(count("SELECT count(*) FROM certificate_chains"), 1);
	assert_sound();
	cert_free(leaf);
	cert_free(issuer);
	cert_free(above);
	strv_release(&dns);
	key_free(key);
}

static void
test_refused(void **state)
{
	struct intake *in = intake_open(st, &conf);
	struct bundle b = {0};
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	add_cert(&b, "a.example", true);
	assert_ok(intake_add(in, "first", &b, &e), &e);
	add_cert(&b, name, true);
	assert_ok(intake_add(in, "second", &b, &e), &e);
	add_cert(&b, "c.example", true);
	assert_ok(intake_add(in, "third", &b, &e), &e);
	assert_ok(intake_finish(in, &e), &e);
	intake_close(in);
	assert_int_equal(reported.len, 4);
	assert_reported(0, "ca_certificate 1 created CN=unit");
	assert_reported(1, "certificate 1 created a.example");
	assert_reported(2,
	    "file 0 refused : RFC 1035 2.3.4: a name of more than 255 bytes");
	assert_true(str_ends(reported.v[3], "created c.example"));
	assert_int_equal(count("SELECT count(*) FROM certificates"), 2);
	assert_sound();
}

/* More than one batch, and what was not finished is not there. */
static void
test_batches(void **state)
{
	struct intake *in = intake_open(st, &conf);
	struct bundle b = {0};

	(void)state;
	for (int i = 0; i < 513; i++) {
		add_cert(&b, "a.example", true);
		assert_ok(intake_add(in, "here", &b, &e), &e);
	}
	/* The CA's certificate is told of once. */
	assert_int_equal(reported.len, 513);
	intake_close(in);
	assert_int_equal(count("SELECT count(*) FROM certificates"), 512);
}

static struct upstream_account
account(int64_t id)
{
	struct upstream_account a;

	assert_ok(upstream_account_by_id(st, id, &a, &e), &e);
	return a;
}

/* An account first, then the lineage that it renewed. */
static void
test_account_and_lineage(void **state)
{
	struct seal_key other = {.bytes = "other", .id = "two"};
	struct intake *in;
	struct bundle b = {0};
	struct strv contacts = {0};
	struct key *k = key_generate(KEY_P256, 0, &e), *again;
	struct intake_account a = {.id = "x", .contacts = &contacts, .key = k};
	const struct intake_lineage lineage = {.client = "certbot",
	    .name = "a.example",
	    .settings = "{\"a\":1}",
	    .account = "x"};
	struct upstream_account stored;

	(void)state;
	in = intake_open(st, &conf);
	strv_add(&contacts, "mailto:a@example.org");
	assert_ok(intake_add_account(in, "tree", &a, &e), &e);
	assert_true(str_starts(reported.v[0], "upstream_account 1 created x:"));
	/* What was not known is learned. */
	a.directory_url = "https://ca.example/directory";
	a.url = "https://ca.example/acct/1";
	a.data = "{}";
	assert_ok(intake_add_account(in, "tree", &a, &e), &e);
	assert_reported(
	    1, "upstream_account 1 known https://ca.example/acct/1");
	/* A key belongs to one account. */
	a.url = "https://ca.example/acct/2";
	assert_ok(intake_add_account(in, "tree", &a, &e), &e);
	assert_true(str_starts(reported.v[2],
	    "upstream_account 0 refused https://ca.example/acct/2: the key"));
	a.url = NULL;
	a.directory_url = "https://other.example/directory";
	assert_ok(intake_add_account(in, "tree", &a, &e), &e);
	assert_true(str_starts(reported.v[3], "upstream_account 0 refused x:"));
	stored = account(1);
	assert_string_equal(
	    stored.directory_url, "https://ca.example/directory");
	assert_string_equal(stored.url, "https://ca.example/acct/1");
	assert_string_equal(stored.contacts, "[\"mailto:a@example.org\"]");
	assert_string_equal(stored.data, "{}");
	assert_string_equal(stored.type, "p256");
	assert_true(stored.sealed);
	upstream_account_release(&stored);
	again = upstream_account_key(st, 1, &seal_key, &e);
	assert_non_null(again);
	assert_true(key_equal(k, again));
	key_free(again);
	assert_null(upstream_account_key(st, 1, &other, &e));
	assert_int_equal(e.kind, KIND_CONF);
	err_clear(&e);
	assert_null(upstream_account_key(st, 1, NULL, &e));
	assert_non_null(strstr(e.text, "account_key_file"));
	err_clear(&e);
	assert_kind(
	    upstream_account_by_id(st, 7, &stored, &e), KIND_NOTFOUND, &e);

	strv_release(&reported);
	add_cert(&b, "a.example", true);
	assert_ok(intake_add_lineage(in, "tree", &b,
		      &(struct intake_state){.newest = true}, &lineage, &e),
	    &e);
	add_cert(&b, "a.example", true);
	assert_ok(intake_add_lineage(
		      in, "tree", &b, &(struct intake_state){0}, NULL, &e),
	    &e);
	assert_ok(intake_finish(in, &e), &e);
	intake_close(in);
	assert_reported(0, "ca_certificate 1 created CN=unit");
	assert_reported(1, "certificate 1 created a.example");
	assert_reported(2, "lineage 1 created a.example");
	assert_int_equal(count("SELECT upstream_account_id FROM lineages"), 1);
	assert_int_equal(
	    count("SELECT active FROM certificates WHERE id = 1"), 1);
	assert_int_equal(
	    count("SELECT active FROM certificates WHERE id = 2"), 0);
	strv_release(&contacts);
	key_free(k);
	assert_sound();
}

/* A dry run says of each what the real one would. */
static void
test_dry_accounts(void **state)
{
	static const struct strv none;
	static const struct intake_account accounts[] = {
	    {.id = "a", .url = "https://ca.example/acct/1"},
	    {.id = "b", .url = "https://ca.example/acct/1"},
	    {.id = "c", .url = "https://ca.example/acct/2"},
	    {.id = "d", .directory_url = "https://ca.example/directory"},
	    /* by another address of the same CA, as its URL says */
	    {.id = "e",
		.directory_url = "https://other.example/directory",
		.url = "https://ca.example/acct/1"},
	};
	struct key *k = key_generate(KEY_P256, 0, &e);

	(void)state;
	for (int run = 0; run < 2; run++) {
		struct intake *in;

		conf.dry_run = run == 0;
		in = intake_open(st, &conf);
		for (size_t i = 0; i < ARRAY_LEN(accounts); i++) {
			struct intake_account a = accounts[i];

			a.contacts = &none;
			a.key = k;
			assert_ok(intake_add_account(in, "tree", &a, &e), &e);
		}
		assert_ok(intake_finish(in, &e), &e);
		intake_close(in);
		assert_int_equal(reported.len, 5);
		assert_non_null(strstr(reported.v[0], " created "));
		assert_non_null(strstr(reported.v[1], " known "));
		assert_non_null(strstr(reported.v[2], " refused "));
		assert_non_null(strstr(reported.v[3], " known d"));
		assert_non_null(strstr(reported.v[4], " known "));
		strv_release(&reported);
		assert_int_equal(
		    count("SELECT count(*) FROM upstream_accounts"), run);
	}
	key_free(k);
	assert_sound();
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {T(test_reports), T(test_dry_run),
	    T(test_two_at_once), T(test_refused), T(test_batches),
	    T(test_account_and_lineage), T(test_dry_accounts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
