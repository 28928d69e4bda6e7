/* Other CAs, the log of what is sent to them, changes of our accounts there. */
#include "store.h"

#include "store/clock_step.h"
#include "store/purge.h"
#include "store/upstream_account.h"
#include "store/upstream_ca.h"
#include "store/upstream_request.h"
#include "wrap/seal.h"

#define URL "https://ca.example/dir"

static int64_t
add_ca(const char *name, const char *url)
{
	int64_t id = 0;

	assert_ok(upstream_ca_add(st, name, url, NULL, &id, &e), &e);
	return id;
}

static void
test_ca(void **state)
{
	struct upstream_ca ca;
	int64_t id = add_ca("one", URL), other;

	(void)state;
	assert_ok(upstream_ca_by_name(st, "one", &ca, &e), &e);
	assert_int_equal(ca.id, id);
	assert_string_equal(ca.directory_url, URL);
	assert_null(ca.trust);
	assert_null(ca.directory);
	upstream_ca_release(&ca);
	assert_ok(upstream_ca_by_url(st, URL, &ca, &e), &e);
	upstream_ca_release(&ca);
	assert_kind(upstream_ca_add(st, "one", URL "2", NULL, &other, &e),
	    KIND_CONFLICT, &e);
	assert_kind(upstream_ca_add(st, "two", URL, NULL, &other, &e),
	    KIND_CONFLICT, &e);
	assert_kind(
	    upstream_ca_add(st, "", URL "2", NULL, &other, &e), KIND_INPUT, &e);
	assert_kind(upstream_ca_add(st, "a b", URL "2", NULL, &other, &e),
	    KIND_INPUT, &e);
	assert_kind(
	    upstream_ca_by_name(st, "none", &ca, &e), KIND_NOTFOUND, &e);
}

static int
add_text(void *arg, int64_t at, const char *directory, struct err *err)
{
	(void)err;
	(void)at;
	return buf_adds(arg, directory);
}

static void
test_directories(void **state)
{
	int64_t id = add_ca("one", URL);
	struct upstream_ca ca;
	struct buf all;
	bool changed;

	(void)state;
	buf_init(&all, 100);
	assert_ok(upstream_ca_set_directory(st, id, "{1}", &changed, &e), &e);
	assert_true(changed);
	test_now += 10;
	assert_ok(upstream_ca_set_directory(st, id, "{1}", &changed, &e), &e);
	assert_false(changed);
	assert_ok(upstream_ca_set_directory(st, id, "{2}", &changed, &e), &e);
	assert_true(changed);
	assert_ok(upstream_ca_each_directory(st, id, add_text, &all, &e), &e);
	assert_string_equal(all.data, "{1}{2}");
	assert_ok(upstream_ca_by_id(st, id, &ca, &e), &e);
	assert_string_equal(ca.directory, "{2}");
	assert_int_equal(ca.fetched, test_now);
	upstream_ca_release(&ca);
	buf_release(&all);
}

static int64_t
held(int64_t ca, int64_t account, enum upstream_hold hold)
{
	struct upstream_held h;

	assert_ok(upstream_ca_held_until(st, ca, account, hold, &h, &e), &e);
	return h.until;
}

static struct key *
new_key(void)
{
	struct key *k = key_generate(KEY_P256, 0, &e);

	assert_non_null(k);
	return k;
}

/* An account that is registered. */
static int64_t
add_upstream(const char *url, const struct key *k)
{
	const struct upstream_account_new new = {
	    .directory_url = URL, .source = "register", .key = k};
	const struct upstream_account_change to = {
	    .url = url, .make_default_if_none = true, .action = "register"};
	bool created;
	int64_t id;

	assert_ok(upstream_account_add(st, &new, NULL, &id, &created, &e), &e);
	if (url)
		assert_ok(upstream_account_change(st, id, &to, &e), &e);
	return id;
}

static void
test_holds(void **state)
{
	struct key *k = new_key();
	int64_t ca = add_ca("one", URL);
	int64_t account = add_upstream("https://ca.example/1", k);

	(void)state;
	assert_int_equal(held(ca, account, UPSTREAM_HOLD_ORDER), 0);
	assert_ok(
	    upstream_ca_hold(st, ca, account, UPSTREAM_HOLD_ORDER, 100, &e),
	    &e);
	assert_int_equal(held(ca, account, UPSTREAM_HOLD_ORDER), 100);
	assert_int_equal(held(ca, account, UPSTREAM_HOLD_ALL), 0);
	assert_int_equal(held(ca, 0, UPSTREAM_HOLD_REGISTER), 0);
	assert_ok(
	    upstream_ca_hold(st, ca, 0, UPSTREAM_HOLD_REGISTER, 50, &e), &e);
	assert_int_equal(held(ca, 0, UPSTREAM_HOLD_REGISTER), 50);
	assert_ok(upstream_ca_hold(st, ca, 0, UPSTREAM_HOLD_ALL, 70, &e), &e);
	assert_int_equal(held(ca, 0, UPSTREAM_HOLD_REGISTER), 70);
	assert_int_equal(held(ca, account, UPSTREAM_HOLD_ORDER), 100);
	/* it only grows */
	assert_ok(upstream_ca_hold(st, ca, 0, UPSTREAM_HOLD_ALL, 60, &e), &e);
	assert_int_equal(held(ca, 0, UPSTREAM_HOLD_ALL), 70);
	key_free(k);
}

static void
fails_after(int64_t seconds, int64_t ca, bool is_all)
{
	test_now += seconds;
	assert_ok(upstream_ca_failed(st, ca, is_all, "503", &e), &e);
}

/* For how long it is left alone from now on, whoever asks. */
static int64_t
away(int64_t ca)
{
	int64_t until = held(ca, 0, UPSTREAM_HOLD_ALL);

	return until == 0 ? 0 : until - test_now;
}

static void
test_away(void **state)
{
	struct key *k = new_key();
	int64_t ca = add_ca("one", URL), other = add_ca("two", URL "/2");
	int64_t account = add_upstream("https://ca.example/1", k);
	struct upstream_held h;

	(void)state;
	fails_after(0, ca, false);
	fails_after(1, ca, false);
	assert_int_equal(away(ca), 0);
	assert_int_equal(upstream_ca_away_until(st, account, &h, &e), 1);
	assert_int_equal(h.until, 0);
	fails_after(1, ca, false);
	assert_int_equal(away(ca), 60);
	assert_int_equal(upstream_ca_away_until(st, account, &h, &e), 1);
	assert_int_equal(h.until, test_now + 60);
	assert_string_equal(h.why, "503");
	fails_after(0, ca, false); /* those that were under way */
	assert_int_equal(away(ca), 60);
	fails_after(61, ca, false);
	assert_int_equal(away(ca), 63);
	fails_after(64, ca, false);
	assert_int_equal(away(ca), 127);
	fails_after(100000, ca, false);
	assert_int_equal(away(ca), 3600);
	assert_int_equal(away(other), 0);
	assert_ok(upstream_ca_answered(st, ca, &e), &e);
	assert_int_equal(away(ca), 0);
	assert_int_equal(upstream_ca_away_until(st, account, &h, &e), 0);
	fails_after(1, ca, false);
	assert_int_equal(away(ca), 0);
	fails_after(1, ca, true); /* without it there is nothing */
	assert_int_equal(away(ca), 60);
	/* a clock that was ahead */
	assert_ok(upstream_ca_answered(st, ca, &e), &e);
	fails_after(1000000, ca, true);
	test_now -= 1000000;
	assert_ok(clock_step_forget(st, &e), &e);
	assert_int_equal(away(ca), 0);
	key_free(k);
}

/* ---- requests ------------------------------------------------------------ */

static void
add_some(int64_t ca, int64_t account, const char *endpoint, int status, int n)
{
	const struct upstream_request r = {.upstream_ca_id = ca,
	    .upstream_account_id = account,
	    .endpoint = endpoint,
	    .status = status,
	    .retry_after = -1,
	    .duration_ms = 5};

	for (int i = 0; i < n; i++)
		assert_ok(upstream_request_add(st, &r, &e), &e);
}

static void
add_requests(int64_t ca, int64_t account, int n)
{
	add_some(ca, account, "newOrder", 201, n);
}

struct sum {
	int64_t n, first, last;
};

static int
sum_up(void *arg, const struct upstream_request *r, struct err *err)
{
	struct sum *s = arg;

	(void)err;
	assert_true(r->id > s->last);
	assert_int_equal(r->retry_after, -1);
	if (s->n++ == 0)
		s->first = r->id;
	s->last = r->id;
	return 0;
}

static struct sum
requests(const struct upstream_request_filter *f)
{
	struct sum s = {0};

	assert_ok(upstream_request_each(st, f, sum_up, &s, &e), &e);
	return s;
}

static int
begin_requests(void *arg, struct err *err)
{
	const int64_t *ids = arg;

	(void)err;
	add_requests(ids[0], 0, 1200);
	add_requests(ids[0], ids[1], 1300);
	return 0;
}

static void
test_requests(void **state)
{
	struct key *k = new_key();
	int64_t ids[] = {add_ca("one", URL), 0}, before = test_now;
	struct upstream_request_filter f = {0};

	(void)state;
	ids[1] = add_upstream("https://ca.example/1", k);
	assert_int_equal(requests(&f).n, 0);
	f.last = 5;
	assert_int_equal(requests(&f).n, 0);
	f.last = 0;
	assert_ok(
	    db_transaction(st->db, DB_QUICK, begin_requests, ids, &e), &e);
	test_now += 100;
	add_requests(ids[0], 0, 3);
	assert_int_equal(requests(&f).n, 2503);
	f.upstream_account_id = ids[1];
	assert_int_equal(requests(&f).n, 1300);
	f.last = 1250;
	assert_int_equal(requests(&f).n, 1250);
	assert_int_equal(requests(&f).first, 1251);
	f = (struct upstream_request_filter){.since = before + 1};
	assert_int_equal(requests(&f).n, 3);
	f.last = 2;
	assert_int_equal(requests(&f).n, 2);
	f.upstream_ca_id = 99;
	assert_int_equal(requests(&f).n, 0);
	key_free(k);
}

static void
test_purge(void **state)
{
	struct purge p = PURGE_DEFAULT;
	struct purge_result r;
	int64_t ca = add_ca("one", URL);

	(void)state;
	add_requests(ca, 0, 10);
	test_now += p.event_age;
	add_requests(ca, 0, 4);
	assert_ok(purge_run(st, &p, &r, &e), &e);
	assert_int_equal(r.requests, 10);
	assert_int_equal(count("SELECT count(*) FROM upstream_requests"), 4);
}

/* Looks at renewal information are counted, but those that failed are kept. */
static void
test_fold(void **state)
{
	static const struct upstream_request_filter all = {0};
	struct purge p = PURGE_DEFAULT;
	struct purge_result r;
	int64_t one = add_ca("one", URL), two = add_ca("two", URL "2");

	(void)state;
	p.batch = 10;
	add_some(one, 0, "renewalInfo", 200, 250);
	add_some(two, 0, "renewalInfo", 200, 3);
	add_some(two, 0, "renewalInfo", 503, 2);
	add_requests(one, 0, 4);
	test_now += p.look_age;
	add_some(one, 0, "renewalInfo", 200, 1);
	assert_ok(purge_run(st, &p, &r, &e), &e);
	assert_int_equal(r.requests, 253 - 4);
	assert_int_equal(
	    count("SELECT count(*) FROM upstream_requests"), 4 + 2 + 1 + 4);
	assert_int_equal(count("SELECT CAST(SUM(requests) AS BIGINT)"
			       " FROM upstream_requests"
			       " WHERE endpoint = 'renewalInfo'"
			       " AND status = 200"),
	    254);
	assert_int_equal(requests(&all).n, 4 + 2 + 1 + 4);
	assert_ok(purge_run(st, &p, &r, &e), &e);
	assert_int_equal(r.requests, 0);
}

/* ---- accounts ------------------------------------------------------------ */

static void
test_default(void **state)
{
	const struct upstream_account_change to = {
	    .make_default = true, .action = "default"};
	struct key *a = new_key(), *b = new_key();
	int64_t first = add_upstream("https://ca.example/1", a);
	int64_t second = add_upstream("https://ca.example/2", b);
	struct upstream_account got;

	(void)state;
	assert_ok(upstream_account_default(st, URL, &got, &e), &e);
	assert_int_equal(got.id, first);
	upstream_account_release(&got);
	assert_ok(upstream_account_change(st, second, &to, &e), &e);
	assert_ok(upstream_account_default(st, URL, &got, &e), &e);
	assert_int_equal(got.id, second);
	upstream_account_release(&got);
	assert_kind(upstream_account_default(st, "https://x/", &got, &e),
	    KIND_NOTFOUND, &e);
	assert_ok(
	    upstream_account_pick(st, "https://ca.example/1", &got, &e), &e);
	assert_int_equal(got.id, first);
	upstream_account_release(&got);
	key_free(a);
	key_free(b);
}

static int64_t
begin(bool another)
{
	struct key *k = new_key();
	const struct upstream_account_new n = {
	    .directory_url = URL, .source = "register", .key = k};
	int64_t id;
	bool created;

	assert_ok(
	    upstream_account_begin(st, &n, another, NULL, &id, &created, &e),
	    &e);
	key_free(k);
	return id;
}

/* Registrations at once begin with one row, and none when there is a default.
 */
static void
test_begin(void **state)
{
	struct upstream_account_change to = {.url = "https://ca.example/begun",
	    .make_default = true,
	    .action = "register"};
	int64_t first = begin(false), another;

	(void)state;
	assert_int_equal(begin(false), first);
	assert_int_equal(begin(true), first);
	assert_ok(upstream_account_change(st, first, &to, &e), &e);
	assert_int_equal(begin(false), first);
	another = begin(true);
	assert_int_not_equal(another, first);
	assert_int_equal(begin(false), first);
	assert_ok(upstream_account_drop(st, another, &e), &e);
	to = (struct upstream_account_change){
	    .deactivate = true, .action = "deactivate"};
	assert_ok(upstream_account_change(st, first, &to, &e), &e);
	another = begin(false);
	assert_int_not_equal(another, first);
	assert_ok(upstream_account_drop(st, another, &e), &e);
}

static void
test_change(void **state)
{
	struct upstream_account_change to = {
	    .url = "https://ca.example/1", .action = "register"};
	struct key *k = new_key();
	int64_t id = add_upstream(NULL, k);
	struct upstream_account got;

	(void)state;
	assert_int_equal(begin(false), id);
	assert_int_equal(begin(true), id);
	to.terms_agreed = "https://ca.example/terms";
	assert_ok(upstream_account_change(st, id, &to, &e), &e);
	to.url = "https://ca.example/2";
	assert_kind(
	    upstream_account_change(st, id, &to, &e), KIND_CONFLICT, &e);
	to = (struct upstream_account_change){
	    .deactivate = true, .action = "deactivate"};
	assert_kind(upstream_account_drop(st, id, &e), KIND_CONFLICT, &e);
	assert_ok(upstream_account_change(st, id, &to, &e), &e);
	assert_kind(
	    upstream_account_change(st, id, &to, &e), KIND_CONFLICT, &e);
	assert_ok(upstream_account_by_id(st, id, &got, &e), &e);
	assert_int_equal(got.status, UPSTREAM_ACCOUNT_DEACTIVATED);
	assert_int_equal(got.terms_agreed_at, test_now);
	upstream_account_release(&got);
	assert_kind(
	    upstream_account_change(st, 99, &to, &e), KIND_NOTFOUND, &e);
	key_free(k);
	k = new_key();
	id = add_upstream(NULL, k);
	assert_ok(upstream_account_drop(st, id, &e), &e);
	assert_kind(
	    upstream_account_by_id(st, id, &got, &e), KIND_NOTFOUND, &e);
	key_free(k);
}

static void
check_key(int64_t id, const struct key *want)
{
	struct key *k = upstream_account_key(st, id, NULL, &e);

	assert_non_null(k);
	assert_true(key_equal(k, want));
	key_free(k);
}

static void
check_next_key(int64_t id, const struct key *want)
{
	struct key *k = upstream_account_next_key(st, id, NULL, &e);

	assert_true(want ? k && key_equal(k, want) : !k);
	err_clear(&e);
	key_free(k);
}

static void
test_roll(void **state)
{
	struct key *old = new_key(), *next = new_key(), *other = new_key();
	int64_t id = add_upstream("https://ca.example/1", old);
	uint8_t from[32], to[32], not_this[32] = {0};

	(void)state;
	key_spki_sha256(old, from);
	key_spki_sha256(next, to);
	add_upstream("https://ca.example/2", other);
	assert_kind(upstream_account_roll_begin(st, id, other, NULL, &e),
	    KIND_CONFLICT, &e);
	check_next_key(id, NULL);
	assert_ok(upstream_account_roll_begin(st, id, next, NULL, &e), &e);
	assert_kind(
	    upstream_account_roll_begin(st, id, next, NULL, &e), KIND_BUSY, &e);
	assert_kind(upstream_account_roll_finish(st, id, to, next, NULL, &e),
	    KIND_NOTFOUND, &e);
	assert_kind(upstream_account_roll_finish(st, id, from, other, NULL, &e),
	    KIND_CONFLICT, &e);
	assert_ok(upstream_account_roll_cancel(st, id, from, not_this, &e), &e);
	assert_ok(upstream_account_roll_cancel(st, id, not_this, to, &e), &e);
	check_key(id, old);
	check_next_key(id, next);
	assert_ok(upstream_account_roll_cancel(st, id, from, to, &e), &e);
	check_key(id, old);
	check_next_key(id, NULL);
	assert_ok(upstream_account_roll_begin(st, id, next, NULL, &e), &e);
	assert_ok(
	    upstream_account_roll_finish(st, id, from, next, NULL, &e), &e);
	check_key(id, next);
	check_next_key(id, NULL);
	assert_kind(upstream_account_roll_finish(st, id, from, next, NULL, &e),
	    KIND_NOTFOUND, &e);
	key_free(old);
	key_free(next);
	key_free(other);
}

/* What a slow process has to say of a change that others took for cancelled. */
static void
test_roll_race(void **state)
{
	struct key *old = new_key(), *next = new_key(), *third = new_key();
	int64_t id = add_upstream("https://ca.example/1", old);
	uint8_t from[32], to[32], last[32];

	(void)state;
	key_spki_sha256(old, from);
	key_spki_sha256(next, to);
	key_spki_sha256(third, last);
	assert_ok(upstream_account_roll_begin(st, id, next, NULL, &e), &e);
	assert_ok(upstream_account_roll_cancel(st, id, from, to, &e), &e);
	assert_ok(upstream_account_roll_begin(st, id, third, NULL, &e), &e);
	assert_ok(
	    upstream_account_roll_finish(st, id, from, next, NULL, &e), &e);
	check_key(id, next);
	check_next_key(id, third);
	assert_ok(upstream_account_roll_cancel(st, id, from, last, &e), &e);
	check_next_key(id, third);
	assert_ok(
	    upstream_account_roll_finish(st, id, to, third, NULL, &e), &e);
	check_key(id, third);
	check_next_key(id, NULL);
	key_free(old);
	key_free(next);
	key_free(third);
}

static void
assert_problem(const char *sql, const char *want)
{
	struct strv problems = {0};
	bool found = false;

	run_sql(sql);
	assert_ok(check_run(st, &problems, &e), &e);
	for (size_t i = 0; i < problems.len; i++)
		found |= strstr(problems.v[i], want) != NULL;
	if (!found)
		fail_msg("not found: %s", want);
	strv_release(&problems);
}

static void
test_check(void **state)
{
	struct key *a = new_key(), *b = new_key(), *next = new_key();
	struct seal_key seal;
	char path[128];
	bool changed;
	int64_t ca = add_ca("one", URL), id;

	(void)state;
	snprintf(path, sizeof(path), "%s/seal", test_dir);
	assert_ok(seal_key_create(path, &e), &e);
	assert_ok(seal_key_read(path, &seal, &e), &e);
	id = add_upstream("https://ca.example/1", a);
	add_upstream("https://ca.example/2", b);
	run_sql("UPDATE upstream_accounts SET sealed = 1");
	assert_ok(upstream_account_roll_begin(st, id, next, &seal, &e), &e);
	assert_ok(upstream_ca_set_directory(st, ca, "{}", &changed, &e), &e);
	assert_problem(
	    "UPDATE upstream_accounts SET is_default = 1 WHERE id = 2",
	    "upstream_account/2: the default at its CA, as another is");
	assert_problem("UPDATE upstream_accounts SET next_type = NULL",
	    "upstream_account/1: the key of a change");
	assert_problem("UPDATE upstream_accounts SET next_sealed = 0"
		       " WHERE id = 1",
	    "upstream_account/1: its key is not sealed");
	assert_problem("UPDATE upstream_cas SET directory = 'x'",
	    "upstream_ca/1: its directory is not in its history");
	seal_key_wipe(&seal);
	key_free(next);
	key_free(a);
	key_free(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
static const struct CMUnitTest tests[] = {
    TEST(test_ca),
    TEST(test_directories),
    TEST(test_holds),
    TEST(test_away),
    TEST(test_requests),
    TEST(test_purge),
    TEST(test_fold),
    TEST(test_default),
    TEST(test_begin),
    TEST(test_change),
    TEST(test_roll),
    TEST(test_roll_race),
    TEST(test_check),
};
UNIT_MAIN(tests)
