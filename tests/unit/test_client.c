/* What CAs say: causes, fields, directories, answers. */
#include "client/answer.h"
#include "client/ari.h"
#include "client/cause.h"
#include "client/directory.h"
#include "client/field.h"
#include "unit.h"
#include "wrap/js.h"

#define NOW 1790000000
#define URN "urn:ietf:params:acme:error:"

/* ---- causes -------------------------------------------------------------- */

static void
test_cause_names(void **state)
{
	(void)state;
	for (int i = 0; i < CAUSE__MAX; i++) {
		enum cause back = CAUSE__MAX;
		const char *advice = cause_advice((enum cause)i);

		assert_true(cause_by_name(cause_name((enum cause)i), &back));
		assert_int_equal(back, i);
		assert_true(strlen(advice) > 0);
		assert_int_not_equal(advice[strlen(advice) - 1], '.');
		assert_int_equal(cause_kind((enum cause)i) == KIND_BUSY,
		    cause_is_temporary((enum cause)i));
	}
	assert_false(cause_by_name("nonsense", &(enum cause){CAUSE_NONE}));
}

static void
test_cause_of_problem(void **state)
{
	static const struct {
		const char *type;
		int status;
		bool is_challenge;
		enum cause cause;
	} rows[] = {
	    {URN "rateLimited", 429, false, CAUSE_RATE_LIMITED},
	    {"rateLimited", 403, false, CAUSE_RATE_LIMITED},
	    {URN "unauthorized", 403, false, CAUSE_ACCOUNT},
	    {URN "unauthorized", 403, true, CAUSE_CHALLENGE},
	    {URN "dns", 400, true, CAUSE_DNS},
	    {URN "serverInternal", 500, false, CAUSE_CA_BROKEN},
	    {URN "serverInternal", 429, false, CAUSE_RATE_LIMITED},
	    {URN "malformed", 404, false, CAUSE_GONE},
	    {URN "malformed", 400, false, CAUSE_OTHER},
	    {"https://example.com/whatever", 400, false, CAUSE_OTHER},
	    {NULL, 503, false, CAUSE_CA_BROKEN},
	    {NULL, 429, false, CAUSE_RATE_LIMITED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(cause_of_problem(rows[i].type, rows[i].status,
				     rows[i].is_challenge),
		    rows[i].cause);
}

/* ---- fields -------------------------------------------------------------- */

static void
test_dates(void **state)
{
	static const char *const wrong[] = {"", "Sun, 06 Nov 1994 08:49:37",
	    "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Foo 1994 08:49:37 GMT",
	    "Sun, 36 Nov 1994 08:49:37 GMT", "Sun, 0x Nov 1994 08:49:37 GMT",
	    "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
	    "Sun, 06 Nov 1994 25:49:37 GMT"};
	int64_t t = 0;

	(void)state;
	assert_true(field_date("Sun, 06 Nov 1994 08:49:37 GMT", &t));
	assert_int_equal(t, 784111777);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_false(field_date(wrong[i], &t));
	assert_int_equal(t, 784111777);
}

static void
test_retry_after(void **state)
{
	static const char noon[] = "Sun, 06 Nov 1994 12:00:00 GMT";
	static const char later[] = "Sun, 06 Nov 1994 12:02:00 GMT";

	(void)state;
	assert_int_equal(field_retry_at(NULL, NULL, NOW), 0);
	assert_int_equal(field_retry_at("soon", NULL, NOW), 0);
	assert_int_equal(field_retry_at("-1", NULL, NOW), 0);
	assert_int_equal(field_retry_at("0", NULL, NOW), 0);
	assert_int_equal(field_retry_at("120", NULL, NOW), NOW + 120);
	assert_int_equal(
	    field_retry_at("99999999999", NULL, NOW), NOW + FIELD_RETRY_MAX);
	assert_int_equal(field_retry_at("99999999999999999999", NULL, NOW),
	    NOW + FIELD_RETRY_MAX);
	/* by the CA's clock, however wrong ours is */
	assert_int_equal(field_retry_at(later, noon, NOW), NOW + 120);
	assert_int_equal(field_retry_at(noon, later, NOW), 0);
	assert_int_equal(
	    field_retry_at("Mon, 06 Nov 1995 12:00:00 GMT", noon, NOW),
	    NOW + FIELD_RETRY_MAX);
	assert_int_equal(field_retry_at(later, NULL, 784123200), 784123320);
}

static void
check_links(const char *text, const char *want)
{
	struct strv got = {0};
	struct buf joined;

	buf_init(&joined, 4096);
	field_links(text, "alternate", &got);
	for (size_t i = 0; i < got.len; i++)
		buf_addf(&joined, "%s ", got.v[i]);
	assert_string_equal(joined.data, want);
	buf_release(&joined);
	strv_release(&got);
}

static void
test_links(void **state)
{
	(void)state;
	check_links(NULL, "");
	check_links("<https://a/1>;rel=\"alternate\"", "https://a/1 ");
	check_links("<https://a/1>; rel=alternate", "https://a/1 ");
	check_links("<https://a/d>;rel=\"index\", <https://a/1>;rel="
		    "\"alternate\",<https://a/2> ; title=\"x, y\"; "
		    "REL=\"up Alternate\"",
	    "https://a/1 https://a/2 ");
	/* the first relation counts, a comma in a URL is none */
	check_links("<https://a/1,2>;rel=index;rel=alternate", "");
	check_links("<https://a/1,2>;rel=alternate", "https://a/1,2 ");
	check_links("nonsense, <https://a/1>;rel=alternate", "https://a/1 ");
	check_links("<https://a/1", "");
	check_links("<https://a/1>;rel=\"alternate", "https://a/1 ");
	check_links("<https://a/1>;rel", "");
	check_links("<https://a/1>;rel=", "");
	check_links(",,,;;", "");
}

/* ---- directories --------------------------------------------------------- */

#define DIR_URL "https://ca.example/dir"
#define REST                                                                   \
	"\"newNonce\":\"https://ca.example/n\","                               \
	"\"newAccount\":\"https://ca.example/a\""
#define GOOD "{" REST ",\"newOrder\":\"https://CA.example:443/o\"}"

static void
check_bad_directory(const char *text, const char *why)
{
	struct directory d;
	struct err e = {0};

	assert_int_equal(
	    directory_read(&d, DIR_URL, text, strlen(text), &e), -1);
	assert_int_equal(e.kind, KIND_INPUT);
	if (!strstr(e.text, why))
		fail_msg("%s: %s", text, e.text);
	directory_release(&d);
}

static void
test_directory(void **state)
{
	struct directory d, other;
	struct err e = {0};
	struct buf text;

	(void)state;
	buf_init(&text, 4096);
	assert_ok(directory_read(&d, DIR_URL, GOOD, strlen(GOOD), &e), &e);
	assert_string_equal(
	    directory_url(&d, "newNonce"), "https://ca.example/n");
	assert_null(directory_url(&d, "keyChange"));
	assert_true(directory_owns(&d, "https://ca.example/x?y=z"));
	assert_true(directory_owns(&d, "https://CA.EXAMPLE:443/"));
	assert_false(directory_owns(&d, "https://ca.example:444/"));
	assert_false(directory_owns(&d, "http://ca.example/"));
	assert_false(directory_owns(&d, "https://ca.example.evil/"));
	assert_false(directory_owns(&d, "https://ca.example@evil/"));
	assert_false(directory_owns(&d, "/relative"));
	assert_false(directory_owns(&d, ""));
	assert_ok(directory_write(&d, &text), &e);
	assert_string_equal(
	    text.data, "{" REST ",\"newOrder\":\"https://CA.example:443/o\"}");
	assert_ok(directory_read(&other, DIR_URL, text.data, text.len, &e), &e);
	buf_clear(&text);
	assert_false(directory_leads_away(&other, &d, &text));
	directory_release(&other);
	directory_release(&d);
	buf_release(&text);
	directory_release(NULL);
}

static void
test_directory_form(void **state)
{
	static const char chance[] =
	    "{\"x9\":\"https://community/\",\"meta\":{\"a\":1}," REST
	    ",\"newOrder\":\"https://ca.example/o\"}";
	struct directory d;
	struct err e = {0};
	struct buf text;

	(void)state;
	buf_init(&text, 4096);
	assert_ok(directory_read(&d, DIR_URL, chance, strlen(chance), &e), &e);
	assert_ok(directory_write(&d, &text), &e);
	assert_string_equal(text.data,
	    "{" REST ",\"newOrder\":\"https://ca.example/o\",\"meta\":{\"a\":"
	    "1}}");
	assert_false(directory_owns(&d, "https://community/"));
	directory_release(&d);
	buf_release(&text);
}

static void
test_directory_bad(void **state)
{
	(void)state;
	check_bad_directory("", "");
	check_bad_directory("<html>", "");
	check_bad_directory("[]", "");
	check_bad_directory("{}", "newNonce is missing");
	check_bad_directory("{" REST "}", "newOrder is missing");
	check_bad_directory("{" REST ",\"newOrder\":1}", "newOrder is missing");
	check_bad_directory("{" REST ",\"newOrder\":\"http://ca.example/o\"}",
	    "newOrder is no https URL");
	check_bad_directory("{" REST ",\"newOrder\":\"https://a@ca.example/\"}",
	    "newOrder is no https URL");
	check_bad_directory(
	    "{" REST ",\"newOrder\":\"https://ca.example/o\",\"keyChange\":1}",
	    "keyChange is missing, or no string");
	check_bad_directory(
	    "{" REST ",\"newOrder\":\"https://ca.example/o\",\"meta\":[]}",
	    "meta is no object");
}

static void
test_leads_away(void **state)
{
	static const char away[] =
	    "{" REST ",\"newOrder\":\"https://evil.example/o\"}";
	struct directory before, d;
	struct err e = {0};
	struct buf text;

	(void)state;
	buf_init(&text, 4096);
	assert_ok(directory_read(&before, DIR_URL, GOOD, strlen(GOOD), &e), &e);
	assert_ok(directory_read(&d, DIR_URL, away, strlen(away), &e), &e);
	assert_true(directory_leads_away(&d, &before, &text));
	assert_string_equal(text.data, "https://evil.example:443");
	/* to leave off a host is no harm */
	assert_false(directory_leads_away(&before, &d, &text));
	directory_release(&before);
	directory_release(&d);
	buf_release(&text);
}

/* ---- answers ------------------------------------------------------------- */

static struct directory dir;

static int
setup(void **state)
{
	struct err e = {0};

	(void)state;
	return directory_read(&dir, DIR_URL, GOOD, strlen(GOOD), &e);
}

static int
teardown(void **state)
{
	(void)state;
	directory_release(&dir);
	return 0;
}

static void
check_answer(const struct network_reply *r, enum endpoint endpoint,
    enum cause cause, const char *text)
{
	struct network_reply copy = *r;
	struct answer a;

	copy.len = copy.body ? strlen(copy.body) : 0;
	answer_read(&a, &copy, endpoint, &dir, NOW);
	assert_int_equal(a.reply.cause, cause);
	assert_int_equal(err_is_set(&a.err), cause != CAUSE_NONE);
	if (text && !strstr(a.err.text, text))
		fail_msg("%s", a.err.text);
	answer_release(&a);
}

#define JSON "application/json"

static void
test_answers(void **state)
{
	(void)state;
	check_answer(&(struct network_reply){.status = 201,
			 .content_type = JSON,
			 .location = "https://ca.example/order/1",
			 .body = "{\"status\":\"pending\"}"},
	    ENDPOINT_NEW_ORDER, CAUSE_NONE, NULL);
	check_answer(&(struct network_reply){.status = 200},
	    ENDPOINT_REVOKE_CERT, CAUSE_NONE, NULL);
	check_answer(&(struct network_reply){.status = 200}, ENDPOINT_ACCOUNT,
	    CAUSE_NONE, NULL);
	check_answer(&(struct network_reply){.status = 200, .body = "-----"},
	    ENDPOINT_CERTIFICATE, CAUSE_NONE, NULL);
}

static void
test_broken_answers(void **state)
{
	(void)state;
	check_answer(&(struct network_reply){.reason = "Connection refused"},
	    ENDPOINT_ORDER, CAUSE_CA_UNREACHABLE, "Connection refused");
	check_answer(
	    &(struct network_reply){.reason = "certificate is not yet valid"},
	    ENDPOINT_ORDER, CAUSE_CLOCK, NULL);
	check_answer(
	    &(struct network_reply){
		.status = 200, .content_type = "text/html", .body = "<html>"},
	    ENDPOINT_ORDER, CAUSE_CA_BROKEN, "but text/html");
	check_answer(&(struct network_reply){.status = 200}, ENDPOINT_ORDER,
	    CAUSE_CA_BROKEN, "but nothing");
	check_answer(
	    &(struct network_reply){.status = 200, .body = "{\"a\":1}{"},
	    ENDPOINT_ORDER, CAUSE_CA_BROKEN, NULL);
	check_answer(&(struct network_reply){.status = 302,
			 .location = "https://evil.example/"},
	    ENDPOINT_ORDER, CAUSE_CA_BROKEN, "where we do not go");
	check_answer(
	    &(struct network_reply){
		.status = 500, .content_type = "text/html", .body = "<html>"},
	    ENDPOINT_ORDER, CAUSE_CA_BROKEN, "500");
	/* a 404 that is not the CA's own does not end an order */
	check_answer(&(struct network_reply){.status = 404, .body = "<html>"},
	    ENDPOINT_ORDER, CAUSE_CA_BROKEN, NULL);
	check_answer(&(struct network_reply){.status = 201,
			 .location = "https://evil.example/order/1",
			 .body = "{}"},
	    ENDPOINT_NEW_ORDER, CAUSE_CA_BROKEN, "leads away");
	check_answer(&(struct network_reply){.status = 201,
			 .location = "http://ca.example/order/1",
			 .body = "{}"},
	    ENDPOINT_NEW_ORDER, CAUSE_CA_BROKEN, "leads away");
}

static void
test_problems(void **state)
{
	(void)state;
	check_answer(
	    &(struct network_reply){.status = 400,
		.body = "{\"type\":\"" URN "badCSR\",\"detail\":\"so\"}"},
	    ENDPOINT_FINALIZE, CAUSE_CSR, "badCSR: so");
	check_answer(&(struct network_reply){.status = 403,
			 .body = "{\"type\":\"" URN "unauthorized\"}"},
	    ENDPOINT_CHALLENGE, CAUSE_CHALLENGE, "without a word");
	check_answer(&(struct network_reply){.status = 400,
			 .body = "{\"type\":\"" URN "accountDoesNotExist\"}"},
	    ENDPOINT_NEW_ACCOUNT, CAUSE_GONE, NULL);
	check_answer(&(struct network_reply){.status = 400, .body = "{}"},
	    ENDPOINT_NEW_ORDER, CAUSE_OTHER, "problem: without");
	/* of several, what they have in common */
	check_answer(
	    &(struct network_reply){.status = 403,
		.body = "{\"type\":\"" URN
			"malformed\",\"detail\":\"some\",\"subproblems\":["
			"{\"type\":\"" URN "rejectedIdentifier\",\"detail\":"
			"\"no\",\"identifier\":{\"type\":\"dns\",\"value\":"
			"\"a.example\"}}]}"},
	    ENDPOINT_NEW_ORDER, CAUSE_NAME, "some; a.example: no");
	check_answer(
	    &(struct network_reply){.status = 403,
		.body =
		    "{\"type\":\"" URN "compound\",\"subproblems\":["
		    "{\"type\":\"" URN "caa\"},{\"type\":\"" URN "dns\"}]}"},
	    ENDPOINT_NEW_ORDER, CAUSE_OTHER, NULL);
}

static void
test_alternates(void **state)
{
	const struct network_reply r = {.status = 200,
	    .retry_after = "5",
	    .links = "<https://ca.example/2>;rel=alternate, "
		     "<https://evil.example/3>;rel=alternate",
	    .body = "x",
	    .len = 1};
	struct answer a;

	(void)state;
	answer_read(&a, &r, ENDPOINT_CERTIFICATE, &dir, NOW);
	assert_int_equal(a.reply.retry_at, NOW + 5);
	assert_int_equal(a.reply.alternates->len, 1);
	assert_string_equal(a.reply.alternates->v[0], "https://ca.example/2");
	answer_release(&a);
}

/* ---- renewal information ------------------------------------------------- */

static int
read_ari(const char *text, struct ari *a, struct err *e)
{
	struct js *object = js_parse(text, strlen(text), e);
	int rc = object ? ari_read(object, a, e) : -1;

	a->explanation_url = a->explanation_url ? "there" : NULL;
	js_free(object);
	return rc;
}

#define WINDOW(start, end)                                                     \
	"\"suggestedWindow\":{\"start\":\"" start "\",\"end\":\"" end "\"}"

static void
test_ari(void **state)
{
	static const char *const wrong[] = {"{}", "{\"suggestedWindow\":1}",
	    "{" WINDOW("2026-01-01T00:00:00Z", "now") "}",
	    "{" WINDOW("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z") "}",
	    "{" WINDOW("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z") "}",
	    "{" WINDOW("2026-01-01T00:00:00Z", "2036-01-01T00:00:00Z") "}"};
	struct err e = {0};
	struct ari a;

	(void)state;
	assert_ok(read_ari("{" WINDOW("1970-01-01T00:00:10Z",
			       "1970-01-01T01:00:20.5+01:00") "}",
		      &a, &e),
	    &e);
	assert_int_equal(a.start, 10);
	assert_int_equal(a.end, 20);
	assert_null(a.explanation_url);
	assert_int_equal(ari_choose(&a, 0), 10);
	assert_int_equal(ari_choose(&a, 9), 19);
	assert_int_equal(ari_choose(&a, UINT64_MAX), 10 + UINT64_MAX % 10);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_kind(read_ari(wrong[i], &a, &e), KIND_INPUT, &e);
	assert_ok(
	    read_ari("{\"explanationURL\":\"javascript:x\"," WINDOW(
			 "1970-01-01T00:00:10Z", "1970-01-01T00:00:20Z") "}",
		&a, &e),
	    &e);
	assert_null(a.explanation_url);
}

static void
test_ari_next(void **state)
{
	(void)state;
	assert_int_equal(ari_next(0, NOW), NOW + 21600);
	assert_int_equal(ari_next(NOW, NOW), NOW + 60);
	assert_int_equal(ari_next(NOW + 100, NOW), NOW + 100);
	assert_int_equal(ari_next(NOW + 1000000, NOW), NOW + 86400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cause_names),
	    cmocka_unit_test(test_cause_of_problem),
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_retry_after),
	    cmocka_unit_test(test_links),
	    cmocka_unit_test(test_directory),
	    cmocka_unit_test(test_directory_form),
	    cmocka_unit_test(test_directory_bad),
	    cmocka_unit_test(test_leads_away),
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_broken_answers),
	    cmocka_unit_test(test_problems),
	    cmocka_unit_test(test_alternates),
	    cmocka_unit_test(test_ari),
	    cmocka_unit_test(test_ari_next),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
