#ifndef TESTS_STORE_H
#define TESTS_STORE_H

/*
 * What the tests of the store share: a clock that they set, a store of their
 * own, and short ways to bring an order into a state.  Include it once.
 */

#include <ftw.h>
#include <unistd.h>

#include "base/b64.h"
#include "engine.h"
#include "store/authorization.h"
#include "store/certificate.h"
#include "store/check.h"
#include "store/order.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "unit.h"
#include "wrap/cert.h"
#include "wrap/digest.h"
#include "wrap/key.h"

/* The time of sys/clock.h, which these replace at link time. */
static int64_t test_now = 1700000000;

int64_t
clock_now(void)
{
	return test_now;
}

int64_t
clock_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

#define LIFETIME (7 * 86400)

static struct store *st;
static struct err e;
static char test_dir[64];
static char test_url[ENGINE_URL_SIZE];

static int
remove_entry(
    const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	return remove(path);
}

static int
store_setup(void **state)
{
	(void)state;
	test_now = 1700000000;
	err_clear(&e);
	snprintf(test_dir, sizeof(test_dir), "/tmp/acmed-unit-XXXXXX");
	if (!mkdtemp(test_dir))
		return -1;
	if (engine_is_other())
		engine_url(test_url, sizeof(test_url));
	else
		snprintf(test_url, sizeof(test_url), "%s/store/acmed.sqlite",
		    test_dir);
	assert_ok(store_create(test_url, test_dir, &e), &e);
	st = store_open(test_url, STORE_WRITE, &e);
	return st ? 0 : -1;
}

static inline void
run_sql(const char *sql)
{
	struct db_stmt *s = db_prepare(st->db, sql, &e);

	assert_non_null(s);
	assert_true(db_run(s, &e) >= 0);
	db_finalize(s);
}

/* A schema is some hundred files of the server. */
static inline void
drop_schema(void)
{
	char sql[ENGINE_URL_SIZE];

	snprintf(sql, sizeof(sql), "DROP SCHEMA %s CASCADE",
	    engine_schema(test_url));
	run_sql(sql);
}

static int
store_teardown(void **state)
{
	(void)state;
	if (st && engine_is_other())
		drop_schema();
	store_close(st);
	st = NULL;
	return nftw(test_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* What stands for a key here, and its thumbprint. */
static inline const char *
test_jwk(char letter)
{
	static char text[16];

	snprintf(text, sizeof(text), "{\"k\":\"%c\"}", letter);
	return text;
}

static inline void
thumbprint(char letter, char out[ACCOUNT_THUMBPRINT_LEN + 1])
{
	uint8_t sum[DIGEST_SHA256_SIZE];

	const char *jwk = test_jwk(letter);

	digest_sha256(sum, jwk, strlen(jwk));
	b64url_encode_to(out, sum, sizeof(sum));
}

static inline int64_t
new_account(char letter)
{
	struct account a = {.jwk = xstrdup(test_jwk(letter))};
	bool created = false;
	int64_t id;

	thumbprint(letter, a.thumbprint);
	assert_ok(account_create(st, &a, &created, &e), &e);
	assert_true(created);
	id = a.id;
	account_release(&a);
	return id;
}

/* An order for the DNS names, which end with NULL. */
static inline void
new_order(int64_t account, struct order *o, const char *const *names)
{
	struct identifier ids[100];
	struct order_new new = {.account_id = account,
	    .identifiers = ids,
	    .expires = test_now + LIFETIME};

	for (; names[new.identifiers_len]; new.identifiers_len++) {
		ids[new.identifiers_len].type = IDENTIFIER_DNS;
		ids[new.identifiers_len].value =
		    (char *)(uintptr_t)names[new.identifiers_len];
	}
	assert_ok(order_create(st, &new, o, &e), &e);
}

static inline enum order_status
order_status(const struct order *o)
{
	enum order_status status;
	struct order again;

	assert_ok(order_by_url_id(st, o->url_id, &again, &e), &e);
	status = again.status;
	order_release(&again);
	return status;
}

static inline void
get_authorization(const struct order *o, size_t i, struct authorization *a)
{
	assert_ok(authorization_by_url_id(
		      st, o->names[i].authorization_url_id, a, &e),
	    &e);
}

static inline enum authorization_status
authorization_status(const struct order *o, size_t i)
{
	enum authorization_status status;
	struct authorization a;

	get_authorization(o, i, &a);
	status = a.status;
	authorization_release(&a);
	return status;
}

static inline enum challenge_status
challenge_status(const struct order *o, size_t i, size_t which)
{
	enum challenge_status status;
	struct authorization a;

	get_authorization(o, i, &a);
	status = a.challenges[which].status;
	authorization_release(&a);
	return status;
}

static inline int64_t
challenge_id(const struct order *o, size_t i, size_t which)
{
	struct authorization a;
	int64_t id;

	get_authorization(o, i, &a);
	id = a.challenges[which].id;
	authorization_release(&a);
	return id;
}

/* Proves name `i` by its first challenge. */
static inline void
prove(const struct order *o, size_t i)
{
	int64_t id = challenge_id(o, i, 0);

	assert_ok(challenge_start(st, id, &e), &e);
	assert_ok(challenge_set_valid(st, id, "192.0.2.1", &e), &e);
}

static inline void
prove_all(const struct order *o)
{
	size_t i;

	for (i = 0; i < o->names_len; i++)
		prove(o, i);
}

/*
 * A leaf for the names, with blanks between, made by a throw-away CA, with the
 * CA behind it.
 */
static inline void
make_chain(const char *names, int64_t not_after, struct cert_list *chain)
{
	static struct key *key;
	static struct cert *ca;
	struct strv dns = {0};
	struct cert_template root = {.kind = CERT_ROOT,
	    .subject = "CN=unit",
	    .not_before = 1600000000,
	    .not_after = 1600000000 + 20 * 365 * 86400LL};
	struct cert_template leaf = {.kind = CERT_LEAF,
	    .dns = &dns,
	    .not_before = test_now - 60,
	    .not_after = not_after};
	const uint8_t *der;
	size_t len;
	struct cert *c;

	if (!key) {
		key = key_generate(KEY_P256, 0, &e);
		assert_non_null(key);
		root.key = root.issuer_key = key;
		ca = cert_build(&root, &e);
		assert_non_null(ca);
	}
	for (; *names; names += strspn(names, " ")) {
		strv_addn(&dns, names, strcspn(names, " "));
		names += strcspn(names, " ");
	}
	leaf.key = leaf.issuer_key = key;
	leaf.issuer_cert = ca;
	c = cert_build(&leaf, &e);
	if (!c)
		fail_msg("%s: %s", e.text, e.detail);
	cert_list_take(chain, c);
	der = cert_der(ca, &len);
	cert_list_take(chain, cert_from_der(der, len, &e));
	strv_release(&dns);
}

static inline int64_t
add_certificate(
    const struct cert_list *certs, const char *source, int64_t account_id)
{
	const struct certificate_new new = {
	    .certs = certs, .source = source, .account_id = account_id};
	int64_t id = 0;

	assert_ok(certificate_add(st, &new, &id, NULL, &e), &e);
	return id;
}

/* An order for one name that is valid. */
static inline void
make_valid(int64_t account, int64_t not_after, struct order *o)
{
	static const char *const one[] = {"a.example", NULL};
	struct cert_list chain = {0};
	int64_t since;

	new_order(account, o, one);
	prove_all(o);
	assert_ok(order_start(st, o->id, "x", 1, 60, &since, &e), &e);
	make_chain("a.example", not_after, &chain);
	assert_ok(order_finish(st, o->id, &chain, &e), &e);
	cert_list_release(&chain);
}

/* A certificate for these names, which others have issued. */
static inline int64_t
add_names(const char *names, int64_t not_after)
{
	struct cert_list chain = {0};
	int64_t id;

	make_chain(names, not_after, &chain);
	id = add_certificate(&chain, "import", 0);
	cert_list_release(&chain);
	return id;
}

/* Theirs: make_chain has one for all. */
static inline void
add_one_key(void)
{
	run_sql("INSERT INTO private_keys (spki_sha256, type, status, source,"
		" created, sealed, der) SELECT DISTINCT spki_sha256, 'p256',"
		" 'active', 'imported', 1, 0, spki_sha256 FROM certificates");
}

/* Nothing in the store contradicts acmed(7). */
static inline void
assert_sound(void)
{
	struct strv problems = {0};
	size_t i;

	assert_ok(check_run(st, &problems, &e), &e);
	for (i = 0; i < problems.len; i++)
		print_error("%s\n", problems.v[i]);
	assert_int_equal(problems.len, 0);
	strv_release(&problems);
}

/* check finds something, and says so. */
static inline void
assert_found_broken(const char *part)
{
	struct strv problems = {0};
	size_t i;

	assert_ok(check_run(st, &problems, &e), &e);
	for (i = 0; i < problems.len; i++)
		if (strstr(problems.v[i], part))
			break;
	if (i == problems.len)
		fail_msg("nobody says: %s", part);
	strv_release(&problems);
}

/* How many rows a query gives as its first column. */
static inline int64_t
count(const char *sql)
{
	struct db_stmt *s = db_prepare(st->db, sql, &e);
	int64_t n;

	assert_non_null(s);
	assert_int_equal(db_step(s, &e), 1);
	n = db_int(s, 0);
	db_finalize(s);
	return n;
}

#endif
