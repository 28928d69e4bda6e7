#include "acme/contact.h"
#include "acme/ident.h"
#include "acme/keyauth.h"
#include "store/identifier.h"
#include "unit.h"
#include "wrap/js.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L61 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *type, *value, *want;
} good[] = {
    {"dns", "example.org", "example.org"},
    {"dns", "WWW.Example.ORG", "www.example.org"},
    {"dns", "localhost", "localhost"},
    {"dns", "*.example.org", "*.example.org"},
    {"dns", "1.example", "1.example"},
    {"dns", "3com.com", "3com.com"},
    {"dns", "a--b.example", "a--b.example"},
    {"dns", "xn--mnchen-3ya.example", "xn--mnchen-3ya.example"},
    {"dns", L63 "." L63 "." L63 "." L61, L63 "." L63 "." L63 "." L61},
    {"ip", "192.0.2.1", "192.0.2.1"},
    {"ip", "2001:db8::1", "2001:db8::1"},
};

static const struct {
	const char *type, *value, *want; /* ACME type, NULL: malformed */
} bad[] = {
    {"dns", "", NULL},
    {"dns", ".", NULL},
    {"dns", "example.org.", NULL},
    {"dns", ".example.org", NULL},
    {"dns", "a..b", NULL},
    {"dns", "_.example", NULL},
    {"dns", "%.example", NULL},
    {"dns", "-.example", NULL},
    {"dns", "xn--", NULL},
    {"dns", "-a.example", NULL},
    {"dns", "a-.example", NULL},
    {"dns", "a_b.example", NULL},
    {"dns", "a b.example", NULL},
    {"dns", "a\n.example", NULL},
    {"dns", "example.org:80", NULL},
    {"dns", "127.0.0.1:18081/secret#", NULL},
    {"dns", "localhost#,CN=admin,DNSNAME=victim.corp", NULL},
    {"dns", "a,b.example", NULL},
    {"dns", "m\xc3\xbcnchen.example", NULL},
    {"dns", "xn--a", NULL},
    {"dns", "xn--.example", NULL},
    {"dns", "xn--example.example", NULL},
    {"dns", "xn--MNCHEN-3ya1.example", NULL},
    {"dns", "127.0.0.1", NULL},
    {"dns", "1.2", NULL},
    {"dns", "0x7f.1", NULL},
    {"dns", "2001:db8::1", NULL},
    {"dns", "[::1]", NULL},
    {"dns", "*", NULL},
    {"dns", "*.", NULL},
    {"dns", "*.*.example", NULL},
    {"dns", "a.*.example", NULL},
    {"dns", "a*.example", NULL},
    {"dns", L63 "a.example", NULL},
    {"dns", L63 "." L63 "." L63 "." L61 "a", NULL},
    {"ip", "192.0.2.01", NULL},
    {"ip", "192.0.2", NULL},
    {"ip", "192.0.2.1:80", NULL},
    {"ip", "2001:DB8::1", NULL},
    {"ip", "2001:db8:0:0:0:0:0:1", NULL},
    {"ip", "[2001:db8::1]", NULL},
    {"ip", "fe80::1%eth0", NULL},
    {"ip", "::ffff:192.0.2.1", NULL},
    {"ip", "example.org", NULL},
    {"email", "a@b", "unsupportedIdentifier"},
    {"DNS", "example.org", "unsupportedIdentifier"},
    {"", "example.org", "unsupportedIdentifier"},
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct identifier id;
		struct err e = {0};

		assert_ok(
		    ident_parse(good[i].type, good[i].value, &id, &e), &e);
		assert_string_equal(id.value, good[i].want);
		assert_string_equal(
		    identifier_type_name(id.type), good[i].type);
		identifier_release(&id);
	}
}

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct identifier id;
		struct err e = {0};

		if (ident_parse(bad[i].type, bad[i].value, &id, &e) == 0)
			fail_msg("taken: %s", bad[i].value);
		assert_int_equal(e.kind, KIND_INPUT);
		if (bad[i].want)
			assert_string_equal(e.acme_type, bad[i].want);
		else
			assert_null(e.acme_type);
	}
}

static void
test_keyauth(void **state)
{
	static const char token[] =
	    "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
	char out[KEYAUTH_SIZE], longest[KEYAUTH_TOKEN_MAX + 2] = "";

	(void)state;
	assert_true(keyauth_token_is_good(token));
	assert_true(keyauth_token_is_good("AAAAAAAAAAAAAAAAAAAAAA"));
	assert_false(keyauth_token_is_good("AAAAAAAAAAAAAAAAAAAAA"));
	assert_false(keyauth_token_is_good("../../etc/passwd/AAAAAAAA"));
	assert_false(keyauth_token_is_good("AAAAAAAAAAAAAAAAAAAAAAAA="));
	memset(longest, 'A', KEYAUTH_TOKEN_MAX);
	assert_true(keyauth_token_is_good(longest));
	keyauth_format(
	    out, longest, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
	assert_int_equal(strlen(out), KEYAUTH_SIZE - 1);
	longest[KEYAUTH_TOKEN_MAX] = 'A';
	assert_false(keyauth_token_is_good(longest));
	keyauth_format(
	    out, token, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
	assert_string_equal(out,
	    "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA."
	    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/* The `contact` member, and what contact_parse says to it; "" is well. */
static const struct {
	const char *json, *want;
} contacts[] = {
    {"[]", ""},
    {"[\"mailto:a@b.example\"]", ""},
    {"[\"mailto:a+c@b.example\",\"MAILTO:x@y\"]", ""},
    {"\"mailto:a@b.example\"", "malformed"},
    {"null", "malformed"},
    {"[null]", "malformed"},
    {"[5]", "malformed"},
    {"[\"tel:+123\"]", "unsupportedContact"},
    {"[\"https://a.example\"]", "unsupportedContact"},
    {"[\"a@b.example\"]", "invalidContact"},
    {"[\"\"]", "invalidContact"},
    {"[\"mailto:\"]", "invalidContact"},
    {"[\"mailto:a\"]", "invalidContact"},
    {"[\"mailto:@b\"]", "invalidContact"},
    {"[\"mailto:a@\"]", "invalidContact"},
    {"[\"mailto:a@b?subject=x\"]", "invalidContact"},
    {"[\"mailto:a@b,c@d\"]", "invalidContact"},
    {"[\"mailto:a@b@c\"]", "invalidContact"},
    {"[\"mailto:\\u00fc@b\"]", "invalidContact"},
    {"[\"mailto:a b@c\"]", "invalidContact"},
    {"[\"mailto:a@b\\n\"]", "invalidContact"},
    {"[\"mailto:a@b\",\"mailto:a@b\",\"mailto:a@b\"]", "invalidContact"},
};

static void
test_contacts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(contacts); i++) {
		char *text = xasprintf("{\"c\":%s}", contacts[i].json);
		struct err e = {0};
		struct js *o = js_parse(text, strlen(text), &e);
		struct strv out = {0};
		int rc = contact_parse(js_get(o, "c"), 2, &out, &e);
		const char *type = rc == 0 ? ""
		    : e.acme_type	   ? e.acme_type
					   : "malformed";

		if (strcmp(type, contacts[i].want) != 0)
			fail_msg("%s: %s, not %s", contacts[i].json, type,
			    contacts[i].want);
		if (rc == 0)
			assert_int_equal(out.len, js_len(js_get(o, "c")));
		strv_release(&out);
		js_free(o);
		free(text);
	}
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_good),
    cmocka_unit_test(test_bad),
    cmocka_unit_test(test_keyauth),
    cmocka_unit_test(test_contacts),
};
UNIT_MAIN(tests)
