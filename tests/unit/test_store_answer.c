/* What challenges are answered with, and who asked; acme-dns. */
#include "store.h"

#include "store/acme_dns_account.h"
#include "store/challenge_answer.h"
#include "store/challenge_request.h"
#include "store/purge.h"
#include "wrap/seal.h"

#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define THUMB ".NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

static int
put(const char *token, const char *keyauth, const char *host, int64_t expires)
{
	const struct challenge_answer a = {.token = (char *)(uintptr_t)token,
	    .key_authorization = (char *)(uintptr_t)keyauth,
	    .host = (char *)(uintptr_t)host,
	    .expires = expires};

	return challenge_answer_put(st, &a, &e);
}

static void
assert_found(const char *token, const char *host, bool found)
{
	char out[88];

	if (found) {
		assert_ok(challenge_answer_find(
			      st, token, host, out, sizeof(out), &e),
		    &e);
		assert_int_equal(strncmp(out, token, strlen(token)), 0);
		return;
	}
	assert_kind(
	    challenge_answer_find(st, token, host, out, sizeof(out), &e),
	    KIND_NOTFOUND, &e);
}

static void
test_answer(void **state)
{
	(void)state;
	assert_found(TOKEN, "a.example", false);
	assert_ok(put(TOKEN, TOKEN THUMB, NULL, test_now + 60), &e);
	assert_found(TOKEN, "a.example", true);
	assert_found(TOKEN, "", true);
	/* Once more is no error; another account's is. */
	assert_ok(put(TOKEN, TOKEN THUMB, "a.example", test_now + 90), &e);
	assert_kind(
	    put(TOKEN, TOKEN ".x", NULL, test_now + 60), KIND_CONFLICT, &e);
	assert_kind(
	    put(TOKEN, "x" TOKEN THUMB, NULL, test_now + 60), KIND_INPUT, &e);
	assert_kind(put(TOKEN, TOKEN, NULL, test_now), KIND_INPUT, &e);
	assert_found(TOKEN, "a.example", true);
	assert_found(TOKEN, "b.example", false);
	test_now += 89;
	assert_found(TOKEN, "a.example", true);
	test_now++;
	assert_found(TOKEN, "a.example", false);
	assert_ok(challenge_answer_remove(st, TOKEN, &e), &e);
	assert_kind(challenge_answer_remove(st, TOKEN, &e), KIND_NOTFOUND, &e);
}

struct tally {
	int n;
	int stop_at;
	char last[64];
};

static int
tally(void *arg, const struct challenge_answer *a, struct err *err)
{
	struct tally *t = arg;

	assert_true(strcmp(a->token, t->last) > 0);
	snprintf(t->last, sizeof(t->last), "%s", a->token);
	return ++t->n == t->stop_at ? err_set(err, KIND_BUSY, "enough") : 0;
}

static void
test_many(void **state)
{
	struct purge how = PURGE_DEFAULT;
	struct purge_result r;
	struct tally t = {0};
	char token[32], keyauth[96];

	(void)state;
	for (int i = 0; i < 1200; i++) {
		snprintf(token, sizeof(token), "token-%024d", i);
		snprintf(keyauth, sizeof(keyauth), "%s" THUMB, token);
		assert_ok(put(token, keyauth, NULL, test_now + i), &e);
	}
	test_now += 99;
	assert_ok(challenge_answer_each(st, tally, &t, &e), &e);
	assert_int_equal(t.n, 1100);
	t = (struct tally){.stop_at = 600};
	assert_kind(challenge_answer_each(st, tally, &t, &e), KIND_BUSY, &e);
	assert_int_equal(t.n, 600);
	how.batch = 30;
	assert_ok(purge_run(st, &how, &r, &e), &e);
	assert_int_equal(r.answers, 100);
	assert_int_equal(count("SELECT count(*) FROM challenge_answers"), 1100);
	assert_sound();
}

struct seen {
	int64_t n;
	int64_t first, last;
};

static int
see(void *arg, const struct challenge_request *r, struct err *err)
{
	struct seen *s = arg;

	(void)err;
	if (s->n++ == 0)
		s->first = r->at;
	s->last = r->at;
	return 0;
}

static int
ask(const char *token, bool answered, int64_t at, int64_t patience)
{
	const struct challenge_request r = {.at = at,
	    .token = token,
	    .host = "a.example",
	    .address = "192.0.2.1",
	    .answered = answered};

	return challenge_request_add(st, &r, 1, patience, &e);
}

static void
test_requests(void **state)
{
	struct challenge_request_filter f = {0};
	struct seen s = {0};

	(void)state;
	assert_ok(ask("one", true, 100, 0), &e);
	assert_ok(ask("two", false, 200, 0), &e);
	assert_ok(ask("one", true, 300, 0), &e);
	assert_ok(challenge_request_each(st, &f, see, &s, &e), &e);
	assert_int_equal(s.n, 3);
	f.token = "one";
	s.n = 0;
	assert_ok(challenge_request_each(st, &f, see, &s, &e), &e);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.first, 100);
	assert_int_equal(s.last, 300);
	f.since = 101;
	s.n = 0;
	assert_ok(challenge_request_each(st, &f, see, &s, &e), &e);
	assert_int_equal(s.n, 1);
}

/* A flood of made-up tokens pushes out nothing but its own like. */
static void
test_flood(void **state)
{
	static struct challenge_request rows[64];
	int64_t i, n = CHALLENGE_REQUESTS_MAX + 3000;

	(void)state;
	assert_ok(ask("mine", true, 1, 0), &e);
	for (i = 0; i < n; i += 64) {
		for (int k = 0; k < 64; k++)
			rows[k] = (struct challenge_request){.at = i + k,
			    .token = "flood",
			    .host = "h",
			    .address = "192.0.2.2"};
		assert_ok(challenge_request_add(st, rows, 64, 0, &e), &e);
		assert_true(i % 1024 != 0 ||
		    count("SELECT count(*) FROM challenge_requests") <=
			CHALLENGE_REQUESTS_MAX + 512);
	}
	assert_int_equal(count("SELECT count(*) FROM challenge_requests"
			       " WHERE token = 'mine'"),
	    1);
	assert_int_equal(
	    count("SELECT max(at) FROM challenge_requests"), i - 1);
	assert_true(count("SELECT min(at) FROM challenge_requests"
			  " WHERE answered = 0") > 2000);
}

static int
while_locked(void *arg, struct err *err)
{
	struct store *other = arg;
	struct challenge_request r = {
	    .token = "t", .host = "h", .address = "a"};
	struct err why = {0};
	int64_t began = clock_mono();

	assert_ok(challenge_answer_expire(st, 1, err) < 0 ? -1 : 0, err);
	assert_kind(
	    challenge_request_add(other, &r, 1, 30, &why), KIND_BUSY, &why);
	assert_true(clock_mono() - began < 5000);
	return 0;
}

/* A store that is locked is not waited for. */
static void
test_locked(void **state)
{
	struct store *other;

	(void)state;
	if (engine_is_other())
		return;
	other = store_open(test_url, STORE_WRITE, &e);
	assert_non_null(other);
	assert_ok(store_transaction(st, while_locked, other, &e), &e);
	store_close(other);
}

static int
see_account(void *arg, const char *url, const char *domain,
    const struct acme_dns_account *a, struct err *err)
{
	(void)err;
	++*(int *)arg;
	assert_string_equal(url, "https://dns.example");
	assert_string_equal(domain, "a.example");
	assert_string_equal(a->fulldomain, "s.dns.example");
	assert_null(a->password);
	return 0;
}

static void
test_acme_dns(void **state)
{
	static char full[] = "s.dns.example", sub[] = "s", user[] = "u",
		    password[] = "secret";
	const struct acme_dns_account a = {full, sub, user, password};
	struct seal_key key = {.bytes = {1}, .id = {1}},
			other = {.bytes = {2}, .id = {2}};
	const char *url = "https://dns.example";
	struct acme_dns_account found;
	int n = 0;

	(void)state;
	assert_kind(
	    acme_dns_account_find(st, url, "a.example", &key, &found, &e),
	    KIND_NOTFOUND, &e);
	assert_ok(acme_dns_account_add(st, url, "a.example", &a, &key, &e), &e);
	assert_kind(acme_dns_account_add(st, url, "a.example", &a, &key, &e),
	    KIND_CONFLICT, &e);
	assert_ok(
	    acme_dns_account_find(st, url, "a.example", &key, &found, &e), &e);
	assert_string_equal(found.password, "secret");
	acme_dns_account_release(&found);
	assert_kind(
	    acme_dns_account_find(st, url, "a.example", &other, &found, &e),
	    KIND_CONF, &e);
	acme_dns_account_release(&found);
	assert_kind(
	    acme_dns_account_find(st, "x", "a.example", &key, &found, &e),
	    KIND_NOTFOUND, &e);
	assert_ok(acme_dns_account_each(st, see_account, &n, &e), &e);
	assert_int_equal(n, 1);
	assert_sound();
}

#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {T(test_answer), T(test_many),
    T(test_requests), T(test_flood), T(test_locked), T(test_acme_dns)};

UNIT_MAIN(tests)
