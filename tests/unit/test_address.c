#include "conf/conf.h"
#include "policy/address.h"
#include "policy/names.h"
#include "unit.h"

/* ---- addresses ----------------------------------------------------------- */

static void
test_text(void **state)
{
	static const struct {
		const char *text;
		const char *again; /* NULL: no address */
	} rows[] = {
	    {"127.0.0.1", "127.0.0.1"},
	    {"::1", "::1"},
	    {"::ffff:10.1.2.3", "10.1.2.3"},
	    {"0:0:0:0:0:FFFF:0A01:0203", "10.1.2.3"},
	    {"2001:DB8::1", "2001:db8::1"},
	    {"127.1", NULL},
	    {"010.0.0.1", NULL},
	    {"0x7f.0.0.1", NULL},
	    {"2130706433", NULL},
	    {"1.2.3.4.5", NULL},
	    {"1.2.3.256", NULL},
	    {"fe80::1%lo", NULL},
	    {"[::1]", NULL},
	    {" ::1", NULL},
	    {"", NULL},
	};
	struct address a;
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!rows[i].again) {
			assert_false(address_parse(rows[i].text, &a));
			continue;
		}
		assert_true(address_parse(rows[i].text, &a));
		address_format(&a, text);
		assert_string_equal(text, rows[i].again);
	}
}

static void
test_reverse(void **state)
{
	struct address a;
	char name[ADDRESS_REVERSE_SIZE];

	(void)state;
	address_parse("192.0.2.33", &a);
	address_reverse(&a, name);
	assert_string_equal(name, "33.2.0.192.in-addr.arpa");
	address_parse("2001:db8::89", &a);
	address_reverse(&a, name);
	assert_string_equal(name,
	    "9.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	    "ip6.arpa");
}

static void
test_sockaddr(void **state)
{
	static const char *const texts[] = {"192.0.2.33", "2001:db8::89"};
	struct sockaddr_storage ss;
	struct address a, b;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		address_parse(texts[i], &a);
		address_to_sockaddr(&a, 8080, &ss);
		assert_true(
		    address_from_sockaddr((struct sockaddr *)&ss, &b, &port));
		assert_true(address_equal(&a, &b));
		assert_int_equal(port, 8080);
	}
	ss.ss_family = AF_UNIX;
	assert_false(address_from_sockaddr((struct sockaddr *)&ss, &b, &port));
	assert_false(address_from_bytes("12345", 5, &a));
}

/* ---- ranges -------------------------------------------------------------- */

static void
test_range_text(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
	} rows[] = {
	    {"10.0.0.0/8", true},
	    {"10.0.0.0/32", true},
	    {"0.0.0.0/0", true},
	    {"::/0", true},
	    {"::1", true},
	    {"fd00::/8", true},
	    {"::ffff:10.0.0.0/104", true},
	    {"10.0.0.1/8", false},
	    {"10.0.0.0/33", false},
	    {"fd00::1/8", false},
	    {"fd00::/129", false},
	    {"10.0.0.0/", false},
	    {"10.0.0.0/-1", false},
	    {"10.0.0.0/8 ", false},
	    {"10.0.0.0/8/8", false},
	    {"10.0.0/8", false},
	    {"/8", false},
	    {"any", false},
	    {"localhost", false},
	    {"", false},
	};
	struct address_range r;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].is_good) {
			assert_ok(
			    address_range_parse(rows[i].text, &r, &e), &e);
			continue;
		}
		assert_int_equal(address_range_parse(rows[i].text, &r, &e), -1);
		assert_int_equal(e.kind, KIND_CONF);
		assert_non_null(strstr(e.text, rows[i].text));
		err_clear(&e);
	}
}

static void
test_range_has(void **state)
{
	static const struct {
		const char *range;
		const char *address;
		bool has;
	} rows[] = {
	    {"10.0.0.0/8", "10.255.255.255", true},
	    {"10.0.0.0/8", "11.0.0.0", false},
	    {"10.0.0.0/8", "::ffff:10.1.1.1", true},
	    {"::ffff:10.0.0.0/104", "10.1.1.1", true},
	    {"192.168.128.0/17", "192.168.127.255", false},
	    {"192.168.128.0/17", "192.168.128.0", true},
	    {"0.0.0.0/0", "203.0.113.9", true},
	    {"0.0.0.0/0", "::1", false},
	    {"::/0", "203.0.113.9", false},
	    {"::/0", "2001:db8::1", true},
	    {"2001:db8::/33", "2001:db8:7fff::1", true},
	    {"2001:db8::/33", "2001:db8:8000::1", false},
	    {"::1", "::1", true},
	    {"::1", "::2", false},
	};
	struct address_range r;
	struct address a;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_ok(address_range_parse(rows[i].range, &r, &e), &e);
		assert_true(address_parse(rows[i].address, &a));
		if (address_range_has(&r, &a) != rows[i].has)
			fail_msg("%s has %s", rows[i].range, rows[i].address);
	}
}

/* ---- policy -------------------------------------------------------------- */

static void
set_list(struct strv *l, const char *const *items)
{
	strv_release(l);
	for (size_t i = 0; items[i]; i++)
		strv_add(l, items[i]);
}

/* Expects each address to be let through, or not. */
static void
check_all(const struct address_policy *p, const char *const *items, bool good)
{
	struct address a;
	struct err e;

	for (size_t i = 0; items[i]; i++) {
		err_clear(&e);
		assert_true(address_parse(items[i], &a));
		if ((address_policy_check(p, &a, &e) == 0) != good)
			fail_msg("%s: %s", items[i], good ? e.text : "allowed");
		if (good)
			continue;
		assert_int_equal(e.kind, KIND_DENIED);
		assert_string_equal(e.acme_type, "rejectedIdentifier");
	}
}

#define LIST(...)                                                              \
	(const char *const[])                                                  \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}

static void
check_policy(const char *const *allowed, const char *const *excluded,
    const char *const *good, const char *const *bad)
{
	struct strv a = {0}, x = {0};
	struct address_policy p;
	struct err e = {0};

	set_list(&a, allowed);
	set_list(&x, excluded);
	assert_ok(address_policy_init(&p, &a, &x, &e), &e);
	check_all(&p, good, true);
	check_all(&p, bad, false);
	address_policy_release(&p);
	strv_release(&a);
	strv_release(&x);
}

/* What no general permission opens. */
#define BLOCKED                                                                \
	"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "169.254.0.1",   \
	    "169.254.169.254", "100.100.100.200", "224.0.0.1",                 \
	    "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1",    \
	    "::127.0.0.1", "::10.0.0.1", "::ffff:127.0.0.1",                   \
	    "::ffff:169.254.169.254", "fe80::1", "febf::1", "fec0::1",         \
	    "ff02::1", "fd00:ec2::254", "64:ff9b::127.0.0.1",                  \
	    "64:ff9b::169.254.169.254", "64:ff9b:1::1", "2002:7f00:1::1",      \
	    "2002:a9fe:a9fe::", "2002:e000:1::", "2001:0:1::1", "100::1",      \
	    "192.0.0.8", "192.88.99.1"

static void
test_built_in_list(void **state)
{
	(void)state;
	check_policy(LIST("any"), LIST(NULL),
	    LIST("10.0.0.1", "192.168.1.1", "203.0.113.9", "fd00::1",
		"2001:db8::1", "64:ff9b::203.0.113.9", "2002:cb00:7109::1"),
	    LIST(BLOCKED));
	check_policy(LIST("0.0.0.0/0", "::/0"), LIST(NULL),
	    LIST("10.0.0.1", "2001:db8::1"), LIST(BLOCKED));
}

static void
test_opened(void **state)
{
	(void)state;
	check_policy(LIST("127.0.0.0/8", "::1"), LIST(NULL),
	    LIST("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"),
	    LIST("10.0.0.1", "::2", "169.254.169.254", "::127.0.0.1"));
	check_policy(LIST("127.0.0.1"), LIST(NULL), LIST("127.0.0.1"),
	    LIST("127.0.0.2"));
	check_policy(LIST("any", "127.0.0.0/8"), LIST(NULL),
	    LIST("127.0.0.1", "10.0.0.1", "64:ff9b::127.0.0.1"),
	    LIST("::1", "169.254.1.1"));
	/* A block inside a block needs a range of its own. */
	check_policy(LIST("169.254.0.0/16"), LIST(NULL), LIST("169.254.1.1"),
	    LIST("169.254.169.254"));
	check_policy(LIST("169.254.169.254"), LIST(NULL),
	    LIST("169.254.169.254"), LIST("169.254.1.1"));
	check_policy(LIST("126.0.0.0/7"), LIST(NULL), LIST("126.0.0.1"),
	    LIST("127.0.0.1"));
}

static void
test_excluded(void **state)
{
	(void)state;
	check_policy(LIST("10.0.0.0/8"), LIST("10.6.0.0/16"),
	    LIST("10.5.0.1", "10.7.0.1"), LIST("10.6.0.1", "::ffff:10.6.0.1"));
	check_policy(LIST("any"), LIST("10.0.0.0/8", "2001:db8::/32"),
	    LIST("11.0.0.1"),
	    LIST("10.0.0.1", "64:ff9b::10.0.0.1",
		"2002:0a00:1::", "2001:db8::1"));
	/* Excluding wins over what is written to open a block. */
	check_policy(LIST("127.0.0.0/8"), LIST("127.0.0.2"), LIST("127.0.0.1"),
	    LIST("127.0.0.2"));
}

static void
test_own_addresses(void **state)
{
	struct strv allowed = {0}, none = {0};
	struct address_policy p;
	struct address own;
	struct err e = {0};

	(void)state;
	set_list(&allowed, LIST("10.0.0.0/8", "10.0.0.7", "127.0.0.0/8"));
	assert_ok(address_policy_init(&p, &allowed, &none, &e), &e);
	for (size_t i = 0; i < 3; i++) {
		address_parse(
		    LIST("10.0.0.6", "10.0.0.7", "127.0.0.1")[i], &own);
		address_policy_add_own(&p, &own);
	}
	check_all(&p, LIST("10.0.0.5", "10.0.0.7", "127.0.0.1"), true);
	check_all(&p, LIST("10.0.0.6"), false);
	address_policy_release(&p);
	strv_release(&allowed);
}

static void
test_bad_lists(void **state)
{
	struct strv allowed = {0}, excluded = {0};
	struct address_policy p;
	struct err e = {0};

	(void)state;
	assert_kind(
	    address_policy_init(&p, &allowed, &excluded, &e), KIND_CONF, &e);
	address_policy_release(&p);
	set_list(&allowed, LIST("10.0.0.0/8", "10.0.0.0/64"));
	assert_int_equal(address_policy_init(&p, &allowed, &excluded, &e), -1);
	assert_non_null(strstr(e.text, "10.0.0.0/64"));
	assert_non_null(strstr(e.text, "allowed_server_ip_ranges"));
	address_policy_release(&p);
	err_clear(&e);
	set_list(&allowed, LIST("any"));
	set_list(&excluded, LIST("any"));
	assert_kind(
	    address_policy_init(&p, &allowed, &excluded, &e), KIND_CONF, &e);
	address_policy_release(&p);
	address_policy_release(NULL);
	strv_release(&allowed);
	strv_release(&excluded);
}

/* ---- names --------------------------------------------------------------- */

static void
test_permitted(void **state)
{
	static const struct {
		enum identifier_type type;
		const char *value;
		bool wildcards, ips;
		const char *acme_type; /* NULL: permitted */
	} rows[] = {
	    {IDENTIFIER_DNS, "a.example", false, false, NULL},
	    {IDENTIFIER_DNS, "*.a.example", false, true, "rejectedIdentifier"},
	    {IDENTIFIER_DNS, "*.a.example", true, false, NULL},
	    {IDENTIFIER_IP, "10.0.0.1", true, false, "unsupportedIdentifier"},
	    {IDENTIFIER_IP, "10.0.0.1", false, true, NULL},
	    {IDENTIFIER_IP, "11.0.0.1", false, true, "rejectedIdentifier"},
	    {IDENTIFIER_IP, "::1", false, true, "rejectedIdentifier"},
	};
	struct strv allowed = {0}, none = {0};
	struct address_policy p;
	struct err e = {0};

	(void)state;
	set_list(&allowed, LIST("10.0.0.0/8"));
	assert_ok(address_policy_init(&p, &allowed, &none, &e), &e);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct conf_policy conf = {.allow_wildcards = rows[i].wildcards,
		    .allow_ip_identifiers = rows[i].ips};
		struct identifier id = {rows[i].type, xstrdup(rows[i].value)};
		int rc = names_permitted(&conf, &p, &id, &e);

		assert_int_equal(rc, rows[i].acme_type ? -1 : 0);
		if (rows[i].acme_type) {
			assert_string_equal(e.acme_type, rows[i].acme_type);
			assert_non_null(strstr(e.text, rows[i].value));
		}
		err_clear(&e);
		identifier_release(&id);
	}
	address_policy_release(&p);
	strv_release(&allowed);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_text),
    cmocka_unit_test(test_reverse),
    cmocka_unit_test(test_sockaddr),
    cmocka_unit_test(test_range_text),
    cmocka_unit_test(test_range_has),
    cmocka_unit_test(test_built_in_list),
    cmocka_unit_test(test_opened),
    cmocka_unit_test(test_excluded),
    cmocka_unit_test(test_own_addresses),
    cmocka_unit_test(test_bad_lists),
    cmocka_unit_test(test_permitted),
};
UNIT_MAIN(tests)
