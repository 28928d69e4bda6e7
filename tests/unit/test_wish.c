/* What programs made for peter_sslers say of a certificate, and a template. */
#include "store.h"

#include "admin/wish.h"
#include "base/hex.h"
#include "http/form.h"
#include "jobs/enlist.h"
#include "store/upstream_account.h"

#define DIRECTORY "https://ca.example/dir"
#define URL "https://ca.example/acct/1"
#define MD5 "9dd4e461268c8034f5c8564e155c67a6"

static struct enlist list;
static int64_t account; /* the default one, at DIRECTORY */
static char digest[2 * 32 + 1]; /* of its key */

static int64_t
add_account(const char *directory, const char *url)
{
	struct key *k = key_generate(KEY_P256, 0, &e);
	const struct upstream_account_new n = {.directory_url = directory,
	    .url = url,
	    .source = "import",
	    .key = k};
	const struct upstream_account_change c = {
	    .make_default = true, .action = "update"};
	uint8_t sha256[32];
	int64_t id = 0;
	bool created;

	assert_ok(upstream_account_add(st, &n, NULL, &id, &created, &e), &e);
	assert_ok(upstream_account_change(st, id, &c, &e), &e);
	key_spki_sha256(k, sha256);
	hex_encode(digest, sha256, sizeof(sha256));
	key_free(k);
	return id;
}

/* A template that leaves all to the account, which leaves all to us. */
static int
setup(void **state)
{
	int rc = store_setup(state);

	list = (struct enlist){.template = {.name = (char *)(uintptr_t) "t"}};
	if (rc == 0)
		account = add_account(DIRECTORY, URL);
	return rc;
}

static void
set_key(int64_t id, const char *cycle, const char *type)
{
	const struct upstream_account_change c = {
	    .certificate_key_cycle = cycle,
	    .certificate_key_type = type,
	    .action = "update"};

	assert_ok(upstream_account_change(st, id, &c, &e), &e);
}

/* Sets `e` when it is refused. */
static bool
is_taken(const char *text)
{
	struct form f = {0};
	struct err why = {0};
	int rc;

	err_clear(&e);
	assert_ok(form_read_query(&f, text, strlen(text), &why), &why);
	rc = wish_check(st, &f, &list, &e);
	form_release(&f);
	assert_true((rc < 0) == err_is_set(&e));
	return rc == 0;
}

static void
takes(const char *const *texts, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_taken(texts[i]))
			fail_msg("%s: %s", texts[i], e.text);
}

/* Each field=value, and that the template has something else. */
static void
refuses(const char *has, const char *const *texts, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t name = strcspn(texts[i], "=");
		char want[300];

		snprintf(want, sizeof(want),
		    "%.*s: %s is not what template t has: %s", (int)name,
		    texts[i], texts[i] + name + 1, has);
		if (is_taken(texts[i]))
			fail_msg("%s: is taken", texts[i]);
		assert_int_equal(e.kind, KIND_INPUT);
		assert_string_equal(e.text, want);
	}
}

#define TAKES(...)                                                             \
	do {                                                                   \
		static const char *const texts[] = {__VA_ARGS__};              \
		takes(texts, ARRAY_LEN(texts));                                \
	} while (0)
#define REFUSES(has, ...)                                                      \
	do {                                                                   \
		static const char *const texts[] = {__VA_ARGS__};              \
		refuses(has, texts, ARRAY_LEN(texts));                         \
	} while (0)

static void
test_names(void **state)
{
	static const char *const unknown[] = {"account_key_file_pem",
	    "private_key_file_pem", "account__contact", "domain_names",
	    "private_key", "private_key_cycle__backup", "domain_name__primary",
	    "template__primary", "__primary", "acme_profile__primary__primary",
	    "Acme_profile"};

	(void)state;
	TAKES("", "domain_name=a.example&template=t", "template=other",
	    "acme_profile=", "account_key_file_pem=");
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
		char text[100], want[200];

		snprintf(text, sizeof(text), "%s=SECRET", unknown[i]);
		snprintf(
		    want, sizeof(want), "%s is not for this: ", unknown[i]);
		assert_false(is_taken(text));
		assert_int_equal(e.kind, KIND_INPUT);
		assert_memory_equal(e.text, want, strlen(want));
		assert_null(strstr(e.text, "SECRET"));
	}
}

/* What is long, or cannot be printed, is not repeated; the first is told. */
static void
test_values(void **state)
{
	(void)state;
	assert_false(is_taken("private_key_cycle=%80"));
	assert_string_equal(e.text,
	    "private_key_cycle: its value is not what template t has: key "
	    "cycle single_certificate");
	assert_false(
	    is_taken("acme_profile=0123456789012345678901234567890123456789"
		     "0123456789012345678901234"));
	assert_string_equal(e.text,
	    "acme_profile: its value is not what template t has: no profile");
	assert_false(is_taken("private_key_cycle=single_use&acme_profile=a"
			      "&processing_strategy=b"));
	assert_memory_equal(e.text, "acme_profile: a is not", 22);
}

static void
test_fixed(void **state)
{
	(void)state;
	TAKES("processing_strategy=process_single",
	    "processing_strategy__primary=process_single",
	    "account_key_option__backup=none",
	    "private_key_option__backup=none");
	REFUSES("process_single", "processing_strategy=process_multi",
	    "processing_strategy=none");
	REFUSES("no backup", "account_key_option__backup=account_key_existing",
	    "private_key_option__backup=private_key_generate");
	REFUSES(
	    "no profile", "acme_profile=short", "acme_profile__primary=none");
	list.template.profile = (char *)(uintptr_t) "short";
	TAKES("acme_profile=short", "acme_profile__primary=short");
	REFUSES("profile short", "acme_profile=shor", "acme_profile=none");
}

static void
test_account(void **state)
{
	char text[200];

	(void)state;
	assert_int_equal(account, 1);
	TAKES("account_key_option=system_configuration_default",
	    "account_key_option=account_key_global_default",
	    "account_key_option=account_key_existing&account_key_existing=1",
	    "account_key_option__primary=account_key_existing"
	    "&account_key_existing__primary=1",
	    "account_key_existing=" URL, "account_key_global_default=1",
	    "account_key_global_default=" MD5);
	snprintf(text, sizeof(text), "account_key_existing=%s", digest);
	assert_true(is_taken(text));
	REFUSES("upstream_account/1", "account_key_option=account_key_existing",
	    "account_key_option=account_key_file", "account_key_existing=2",
	    "account_key_existing=" MD5, "account_key_existing=" URL "0",
	    "account_key_global_default=2");
	list.template.upstream_account_id =
	    add_account("https://other.example/dir", NULL);
	TAKES("account_key_existing=2",
	    "account_key_option=account_key_global_default");
	REFUSES("upstream_account/2", "account_key_existing=1",
	    "account_key_existing=" URL);
	run_sql("UPDATE upstream_accounts SET is_default = 0 WHERE id = 2");
	REFUSES("upstream_account/2",
	    "account_key_option=account_key_global_default");
}

static void
test_key(void **state)
{
	(void)state;
	TAKES("private_key_cycle=single_use",
	    "private_key_cycle__renewal=single_certificate",
	    "private_key_cycle__primary=system_configuration_default",
	    "private_key_cycle=account_key_default",
	    "account__private_key_cycle=single_certificate",
	    "private_key_option=private_key_generate",
	    "private_key_option=private_key_for_account_key",
	    "private_key_option=account_default", "private_key_generate=EC",
	    "private_key_technology=EC_P256",
	    "private_key_technology=account_default");
	REFUSES("key cycle single_certificate",
	    "private_key_cycle=account_daily",
	    "private_key_cycle=single_use__reuse_1_year",
	    "private_key_option=private_key_existing",
	    "private_key_option=single_certificate",
	    "account__private_key_cycle=account_daily");
	REFUSES("key type p256", "private_key_generate=RSA",
	    "private_key_technology=RSA_2048", "private_key_technology=EC_P384",
	    "private_key_technology=ec");
	set_key(account, "account_daily", "rsa3072");
	TAKES("private_key_cycle=account_daily",
	    "private_key_cycle=account_default", "private_key_generate=RSA",
	    "private_key_technology=RSA_3072");
	REFUSES("key cycle account_daily", "private_key_cycle=single_use",
	    "private_key_option=private_key_generate");
}

/* A template that says something else than the account does. */
static void
test_own_key(void **state)
{
	(void)state;
	list.policy.key_cycle = (char *)(uintptr_t) "reuse_year";
	list.policy.key_type = (char *)(uintptr_t) "p384";
	TAKES("private_key_cycle=single_use__reuse_1_year",
	    "private_key_option=private_key_generate",
	    "private_key_technology=EC_P384", "private_key_generate=EC",
	    "account__private_key_cycle=single_use");
	REFUSES("key cycle reuse_year", "private_key_cycle=account_key_default",
	    "private_key_cycle=single_use",
	    "private_key_option=private_key_for_account_key",
	    "account__private_key_cycle=account_weekly");
	REFUSES("key type p384", "private_key_technology=account_default",
	    "private_key_technology=EC_P256", "private_key_generate=RSA");
	set_key(account, "reuse_year", "p384");
	TAKES("private_key_cycle=account_key_default",
	    "private_key_technology=account_default");
}

/* Nobody knows which it will be; what they have in common is known. */
static void
test_defaults(void **state)
{
	int64_t other;

	(void)state;
	other = add_account("https://other.example/dir", NULL);
	TAKES("account_key_option=account_key_global_default",
	    "private_key_cycle=single_use", "private_key_generate=EC");
	REFUSES("the default account", "account_key_existing=1",
	    "account_key_global_default=1");
	set_key(other, "account_daily", NULL);
	TAKES("private_key_cycle=account_key_default",
	    "private_key_technology=account_default");
	REFUSES("key cycle of the account", "private_key_cycle=single_use",
	    "private_key_cycle=account_daily",
	    "account__private_key_cycle=account_daily",
	    "private_key_option=private_key_generate");
	REFUSES("key type of the account", "private_key_generate=EC",
	    "private_key_technology=EC_P256");
	list.policy.key_cycle = (char *)(uintptr_t) "single_certificate";
	TAKES("private_key_cycle=single_use");
	REFUSES("key cycle single_certificate",
	    "private_key_cycle=account_key_default");
	run_sql("UPDATE upstream_accounts SET status = 'deactivated' "
		"WHERE id = 2");
	TAKES(
	    "private_key_cycle=account_key_default", "account_key_existing=1");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, store_teardown)
static const struct CMUnitTest tests[] = {
    TEST(test_names),
    TEST(test_values),
    TEST(test_fixed),
    TEST(test_account),
    TEST(test_key),
    TEST(test_own_key),
    TEST(test_defaults),
};
UNIT_MAIN(tests)
