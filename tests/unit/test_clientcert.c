/* The client certificate that a front passes on. */
#include "http/clientcert.h"

#include <ctype.h>

#include "base/b64.h"
#include "base/str.h"
#include "http/request.h"
#include "unit.h"
#include "wrap/cert.h"
#include "wrap/key.h"

static struct err e;
static struct cert *ours;
static char bytes[4096], escaped[8192]; /* what a front makes of it */

/* As ngx_escape_uri does it, for a component of a URI. */
static void
escape(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			escaped[n++] = *text;
		else
			n += (size_t)snprintf(escaped + n, sizeof(escaped) - n,
			    "%%%02X", (unsigned char)*text);
	escaped[n] = '\0';
}

static int
setup(void **state)
{
	struct key *key = key_generate(KEY_P256, 0, &e);
	struct cert_template t = {.kind = CERT_ROOT,
	    .key = key,
	    .issuer_key = key,
	    .subject = "CN=front",
	    .not_before = 1600000000,
	    .not_after = 4000000000};
	struct buf text;
	const uint8_t *der;
	size_t len;

	(void)state;
	ours = cert_build(&t, &e);
	if (!ours)
		fail_msg("%s", e.text);
	key_free(key);
	der = cert_der(ours, &len);
	buf_init(&text, sizeof(bytes));
	buf_addc(&text, ':');
	b64_encode(&text, der, len);
	buf_addc(&text, ':');
	snprintf(bytes, sizeof(bytes), "%s", text.data);
	buf_clear(&text);
	cert_to_pem(ours, &text);
	escape(text.data);
	buf_release(&text);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	cert_free(ours);
	return 0;
}

/* A request with these fields, and what is read of it by one name. */
static int
read_it(const char *field, const char *fields, bool *is_there, struct cert **c)
{
	struct request r;
	char head[16000];
	int len = snprintf(
	    head, sizeof(head), "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);
	int rc;

	err_clear(&e);
	assert_ok(request_parse(head, (size_t)len, &r, &e), &e);
	*is_there = clientcert_is_there(&r);
	rc = clientcert_read(&r, field, c, &e);
	assert_int_equal(err_is_set(&e), rc < 0);
	request_release(&r);
	return rc;
}

static bool
is_ours(const char *field, const char *name, const char *value)
{
	char fields[12000];
	const uint8_t *want, *have;
	size_t want_len, have_len;
	bool is_there, same = false;
	struct cert *c;

	snprintf(fields, sizeof(fields), "%s: %s\r\n", name, value);
	if (read_it(field, fields, &is_there, &c) < 0 || !c)
		return false;
	want = cert_der(ours, &want_len);
	have = cert_der(c, &have_len);
	same =
	    is_there && want_len == have_len && !memcmp(want, have, want_len);
	cert_free(c);
	return same;
}

static void
test_good(void **state)
{
	(void)state;
	assert_true(is_ours("client-cert", "Client-Cert", bytes));
	assert_true(is_ours("client-cert", "CLIENT-CERT", bytes));
	assert_true(is_ours("x-ssl-client-cert", "X-SSL-Client-Cert", escaped));
	/* each in its own form */
	assert_false(is_ours("client-cert", "Client-Cert", escaped));
	assert_false(is_ours("x-ssl-client-cert", "X-SSL-Client-Cert", bytes));
}

static void
test_none(void **state)
{
	static const struct {
		const char *field, *fields;
		bool is_there;
	} none[] = {
	    {"client-cert", "", false},
	    {"client-cert", "Client-Cert:\r\n", true},
	    {"client-cert", "Client-Cert: ::\r\n", true},
	    {"x-ssl-client-cert", "", false},
	    {"x-ssl-client-cert", "X-SSL-Client-Cert: \r\n", true},
	    {"x-ssl-client-cert", "X_SSL_Client_Cert: x\r\n", false},
	};
	bool is_there;
	struct cert *c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		assert_ok(
		    read_it(none[i].field, none[i].fields, &is_there, &c), &e);
		assert_null(c);
		assert_int_equal(is_there, none[i].is_there);
	}
}

static void
test_whose_word(void **state)
{
	char fields[16000];
	bool is_there;
	struct cert *c;

	(void)state;
	snprintf(fields, sizeof(fields),
	    "Client-Cert: %s\r\nClient-Cert: %s\r\n", bytes, bytes);
	assert_int_equal(read_it("client-cert", fields, &is_there, &c), -1);
	assert_true(is_there);
	assert_non_null(strstr(e.text, "stands twice"));
	snprintf(fields, sizeof(fields), "Client-Cert:\r\nClient-Cert: %s\r\n",
	    bytes);
	assert_int_equal(read_it("client-cert", fields, &is_there, &c), -1);
	snprintf(fields, sizeof(fields), "Client-Cert: %s\r\n", bytes);
	assert_int_equal(
	    read_it("x-ssl-client-cert", fields, &is_there, &c), -1);
	assert_string_equal(e.text,
	    "client-cert is not the field of this front, which must remove it");
	snprintf(fields, sizeof(fields),
	    "Client-Cert: %s\r\nX-SSL-Client-Cert: %s\r\n", bytes, escaped);
	assert_int_equal(
	    read_it("x-ssl-client-cert", fields, &is_there, &c), -1);
	assert_int_equal(read_it("client-cert", fields, &is_there, &c), -1);
	assert_null(c);
}

static void
check_bad(const char *field, const char *value)
{
	struct cert *c;

	err_clear(&e);
	if (clientcert_parse(field, value, &c, &e) == 0)
		fail_msg("%s: taken: %s", field, value);
	assert_int_equal(e.kind, KIND_INPUT);
	assert_true(str_starts(e.text, field));
	assert_null(c);
}

static void
test_bad(void **state)
{
	static const char *const bad_bytes[] = {
	    ":", "x", ":x", "x:", ":AA:", ":AAAA:", ":A A=:", ":%3D:"};
	static const char *const bad_escaped[] = {
	    "x", "%", "%4", "%zz", "%00", "%2D", "-----BEGIN CERTIFICATE-----"};
	size_t len = strlen(bytes), pem_len = strlen(escaped);
	char text[2 * sizeof(escaped)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_bytes); i++)
		check_bad("client-cert", bad_bytes[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad_escaped); i++)
		check_bad("x-ssl-client-cert", bad_escaped[i]);
	for (size_t n = 1; n < len; n++) {
		snprintf(text, sizeof(text), "%.*s", (int)n, bytes);
		check_bad("client-cert", text);
	}
	for (size_t n = 1; n + 3 < pem_len; n++) {
		snprintf(text, sizeof(text), "%.*s", (int)n, escaped);
		check_bad("x-ssl-client-cert", text);
	}
	snprintf(text, sizeof(text), "%s, %s", bytes, bytes);
	check_bad("client-cert", text);
	snprintf(text, sizeof(text), "%s;x=1", bytes);
	check_bad("client-cert", text);
	snprintf(text, sizeof(text), "%s%s", escaped, escaped);
	check_bad("x-ssl-client-cert", text);
	memset(text, 'A', sizeof(text) - 1);
	text[0] = text[sizeof(text) - 2] = ':';
	text[sizeof(text) - 1] = '\0';
	check_bad("client-cert", text);
	check_bad("x-ssl-client-cert", text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),
	    cmocka_unit_test(test_none),
	    cmocka_unit_test(test_whose_word),
	    cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
