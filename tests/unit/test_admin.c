/* The admin interface: what is at a path, scopes, tokens and guesses. */
#include "store.h"

#include "admin/admin.h"
#include "admin/caller.h"
#include "admin/reply.h"
#include "admin/visit.h"
#include "conf/conf.h"
#include "conf/scope.h"
#include "http/request.h"
#include "store/admin_token.h"
#include "sys/proc.h"

static void
test_scopes(void **state)
{
	static const char *const bad[] = {
	    "", "x", "read,keys", "read+", "+read", "READ", "read keys", "rea"};
	char text[SCOPE_TEXT_SIZE];
	unsigned scopes;

	(void)state;
	assert_ok(scope_parse("order+read+read", &scopes, &e), &e);
	assert_int_equal(scopes, SCOPE_READ | SCOPE_ORDER);
	scope_print(scopes, text);
	assert_string_equal(text, "read+order");
	scope_print(SCOPE_ALL, text);
	assert_string_equal(text, "read+keys+write+order");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(scope_parse(bad[i], &scopes, &e), -1);
		assert_int_equal(e.kind, KIND_INPUT);
		err_clear(&e);
	}
}

static void
test_caller(void **state)
{
	struct caller c = {.scopes = SCOPE_READ | SCOPE_WRITE};

	(void)state;
	assert_ok(caller_check(&c, 0, &e), &e);
	assert_ok(caller_check(&c, SCOPE_READ | SCOPE_WRITE, &e), &e);
	assert_int_equal(caller_check(&c, SCOPE_READ | SCOPE_KEYS, &e), -1);
	assert_int_equal(e.kind, KIND_DENIED);
	assert_string_equal(e.text, "the scope keys is needed");
	err_clear(&e);
}

/* Reads users and fronts; false when they are refused. */
static bool
grants(const char *user, const char *front, const char *other,
    struct admin_grants *g)
{
	static struct conf conf; /* must stay */
	int rc;

	strv_release(&conf.admin.users);
	strv_release(&conf.admin.fronts);
	if (user)
		strv_add(&conf.admin.users, user);
	strv_add(&conf.admin.fronts, front);
	if (other)
		strv_add(&conf.admin.fronts, other);
	err_clear(&e);
	rc = admin_grants_read(g, &conf, &e);
	if (rc < 0)
		assert_int_equal(e.kind, KIND_CONF);
	return rc == 0;
}

static void
test_fronts(void **state)
{
	struct admin_grants g;
	int64_t daemon, bin;

	(void)state;
	assert_ok(proc_uid("daemon", &daemon, &e), &e);
	assert_ok(proc_uid("bin", &bin, &e), &e);
	assert_true(grants(
	    "root=read", "daemon=client-cert", "bin=x-ssl-client-cert", &g));
	assert_int_equal(admin_grants_of(&g, 0), SCOPE_ALL);
	assert_null(admin_grants_field(&g, 0));
	assert_null(admin_grants_field(&g, -1));
	assert_string_equal(admin_grants_field(&g, daemon), "client-cert");
	assert_string_equal(admin_grants_field(&g, bin), "x-ssl-client-cert");
	assert_int_equal(admin_grants_of(&g, daemon), 0);
	admin_grants_release(&g);
	/* Who may do all may do nothing as a front. */
	assert_true(grants(NULL, "root=client-cert", NULL, &g));
	assert_int_equal(admin_grants_of(&g, 0), 0);
	admin_grants_release(&g);
	assert_false(grants("daemon=read", "daemon=client-cert", NULL, &g));
	admin_grants_release(&g);
	assert_false(
	    grants(NULL, "daemon=client-cert", "daemon=x-ssl-client-cert", &g));
	admin_grants_release(&g);
	assert_false(grants(NULL, "no-such-user=client-cert", NULL, &g));
	admin_grants_release(&g);
}

static void
test_routes(void **state)
{
	struct route_parts parts;

	(void)state;
	assert_non_null(reply_route("/whoami", &parts));
	assert_null(reply_route("", &parts));
	assert_null(reply_route("/", &parts));
	assert_null(reply_route("/whoami/", &parts));
	assert_null(reply_route("/whoamix", &parts));
}

/* What comes of a token: 0, or the status. */
static int
check(const char *text, const char *peer)
{
	struct admin_token t;
	int rc;

	err_clear(&e);
	rc = admin_token_check(st, text, peer, &t, &e);
	if (rc == 0)
		return 0;
	assert_int_equal(e.kind, KIND_DENIED);
	return e.http_status;
}

static struct admin_token
make(unsigned scopes, int64_t expires, char text[128])
{
	struct admin_token t = {.scopes = scopes, .expires = expires};
	struct buf out;

	buf_init(&out, 127);
	assert_ok(admin_token_add(st, &t, &out, &e), &e);
	memcpy(text, out.data, out.len + 1);
	buf_wipe(&out);
	return t;
}

static void
test_tokens(void **state)
{
	char one[128], two[128], wrong[128];
	struct admin_token a = make(SCOPE_READ, test_now + 10, one), t;
	struct admin_token b = make(SCOPE_ALL, 0, two);

	(void)state;
	assert_int_equal(strlen(one), STORE_URL_ID_LEN + 1 + 43);
	assert_ok(admin_token_check(st, one, "p", &t, &e), &e);
	assert_int_equal(t.id, a.id);
	assert_int_equal(t.scopes, SCOPE_READ);
	/* The secret of another. */
	memcpy(wrong, one, STORE_URL_ID_SIZE);
	memcpy(wrong + STORE_URL_ID_SIZE, two + STORE_URL_ID_SIZE, 44);
	assert_int_equal(check(wrong, "p"), 401);
	assert_int_equal(check("", "p"), 401);
	test_now += 9;
	assert_int_equal(check(one, "p"), 0);
	test_now += 1;
	assert_int_equal(check(one, "p"), 401);
	assert_int_equal(check(two, "p"), 0);
	assert_ok(admin_token_revoke(st, b.token_id, &e), &e);
	assert_int_equal(check(two, "p"), 401);
	err_clear(&e);
	assert_int_equal(admin_token_revoke(st, b.token_id, &e), -1);
	assert_int_equal(e.kind, KIND_CONFLICT);
	err_clear(&e);
	assert_int_equal(admin_token_revoke(st, "x", &e), -1);
	assert_int_equal(e.kind, KIND_NOTFOUND);
	err_clear(&e);
	assert_sound();
}

/* What comes of a certificate: 0, or the status. */
static int
check_certificate(const struct cert *c, struct admin_token *t)
{
	int rc;

	err_clear(&e);
	rc = admin_token_of_certificate(st, c, t, &e);
	if (rc == 0)
		return 0;
	assert_int_equal(e.kind, KIND_DENIED);
	return e.http_status;
}

static void
test_certificates(void **state)
{
	struct admin_token a = {.scopes = SCOPE_KEYS}, b = {0}, t;
	struct cert_list one = {0}, same_key = {0};
	char wrong[128];

	(void)state;
	make_chain("a.example", test_now + 100, &one);
	make_chain("b.example", test_now + 100, &same_key);
	assert_int_equal(check_certificate(one.v[0], &t), 401);
	assert_non_null(strstr(e.text, "is not known"));
	err_clear(&e);
	assert_ok(admin_token_add_certificate(st, &a, one.v[0], &e), &e);
	assert_int_equal(a.expires, test_now + 100);
	assert_int_equal(check_certificate(one.v[0], &t), 0);
	assert_int_equal(t.id, a.id);
	assert_int_equal(t.kind, ADMIN_TOKEN_CERTIFICATE);
	assert_int_equal(t.scopes, SCOPE_KEYS);
	assert_int_equal(check_certificate(same_key.v[0], &t), 401);
	assert_kind(admin_token_add_certificate(st, &b, one.v[0], &e),
	    KIND_CONFLICT, &e);
	/* It has no secret. */
	snprintf(wrong, sizeof(wrong), "%s.%043d", a.token_id, 0);
	assert_int_equal(check(wrong, "p"), 401);
	assert_int_equal(
	    count("SELECT count(*) FROM admin_guesses WHERE who = 'peer/p'"),
	    1);
	/* What is revoked may come again, with other scopes. */
	err_clear(&e);
	assert_ok(admin_token_revoke(st, a.token_id, &e), &e);
	assert_int_equal(check_certificate(one.v[0], &t), 401);
	assert_string_equal(e.text, "the certificate is revoked");
	err_clear(&e);
	b = (struct admin_token){.scopes = SCOPE_READ};
	assert_ok(admin_token_add_certificate(st, &b, one.v[0], &e), &e);
	assert_int_equal(check_certificate(one.v[0], &t), 0);
	assert_int_equal(t.scopes, SCOPE_READ);
	assert_sound();
	cert_list_release(&one);
	cert_list_release(&same_key);
}

static void
test_lifetime(void **state)
{
	int64_t began = test_now;
	struct admin_token longer = {
	    .scopes = SCOPE_READ, .expires = began + 1000};
	struct admin_token shorter = {
	    .scopes = SCOPE_READ, .expires = began + 50};
	struct cert_list one = {0}, other = {0};
	struct admin_token t;

	(void)state;
	make_chain("a.example", began + 100, &one); /* from a minute ago */
	make_chain("b.example", began + 100, &other);
	assert_ok(admin_token_add_certificate(st, &longer, one.v[0], &e), &e);
	assert_int_equal(longer.expires, began + 100);
	assert_ok(
	    admin_token_add_certificate(st, &shorter, other.v[0], &e), &e);
	assert_int_equal(shorter.expires, began + 50);
	assert_int_equal(check_certificate(other.v[0], &t), 0);
	test_now = began + 50;
	assert_int_equal(check_certificate(other.v[0], &t), 401);
	test_now = began + 99;
	assert_int_equal(check_certificate(one.v[0], &t), 0);
	test_now = began + 100;
	assert_int_equal(check_certificate(one.v[0], &t), 401);
	assert_string_equal(e.text, "the certificate has expired");
	test_now = began - 60;
	assert_int_equal(check_certificate(one.v[0], &t), 0);
	test_now = began - 61;
	assert_int_equal(check_certificate(one.v[0], &t), 401);
	assert_string_equal(e.text, "the certificate is not valid yet");
	err_clear(&e);
	test_now = began + 100;
	assert_kind(
	    admin_token_add_certificate(st, &t, one.v[0], &e), KIND_INPUT, &e);
	cert_list_release(&one);
	cert_list_release(&other);
}

static void
test_guesses(void **state)
{
	char one[128], two[128], wrong[128];

	(void)state;
	make(SCOPE_READ, 0, one);
	make(SCOPE_READ, 0, two);
	for (int i = 0; i < ADMIN_TOKEN_GUESSES; i++)
		assert_int_equal(check("x", "p"), 401);
	assert_int_equal(check("x", "p"), 429);
	assert_int_equal(check("x", "q"), 401);
	assert_int_equal(check(one, "p"), 0);
	memcpy(wrong, one, sizeof(wrong));
	memset(wrong + STORE_URL_ID_SIZE, 'A', 43);
	for (int i = 0; i < ADMIN_TOKEN_GUESSES; i++)
		assert_int_equal(check(wrong, "p"), 401);
	assert_int_equal(check(wrong, "r"), 429);
	assert_int_equal(check(one, "r"), 429);
	assert_int_equal(check(two, "p"), 0);
	test_now += ADMIN_TOKEN_GUESSES_TIME;
	assert_int_equal(check(one, "p"), 0);
	assert_int_equal(check("x", "p"), 401);
	/* What is over is not kept. */
	assert_int_equal(count("SELECT count(*) FROM admin_guesses"), 1);
	/* Those of a clock that was ahead keep nobody out. */
	test_now += 86400;
	for (int i = 0; i < ADMIN_TOKEN_GUESSES; i++)
		assert_int_equal(check(wrong, "p"), 401);
	assert_int_equal(check(one, "p"), 429);
	test_now -= 86400;
	assert_int_equal(check(one, "p"), 0);
	assert_int_equal(check(wrong, "p"), 401);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_scopes),
    cmocka_unit_test(test_caller),
    cmocka_unit_test(test_fronts),
    cmocka_unit_test(test_routes),
    cmocka_unit_test_setup_teardown(test_tokens, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(
	test_certificates, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(test_lifetime, store_setup, store_teardown),
    cmocka_unit_test_setup_teardown(test_guesses, store_setup, store_teardown),
};
UNIT_MAIN(tests)
