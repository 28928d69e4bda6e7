#include "conf/conf.h"

#include <unistd.h>

#include "conf/table.h"
#include "unit.h"

#define NEEDED                                                                 \
	"[server]\nbase_url = https://a.example\n"                             \
	"[policy]\nallowed_server_ip_ranges = any\n"

static int
parse(struct conf *c, const char *text, unsigned sections, struct err *e)
{
	err_clear(e);
	return conf_parse(c, "f", text, strlen(text), sections, e);
}

static void
test_defaults(void **state)
{
	struct err e = {0};
	struct conf c;

	(void)state;
	assert_ok(parse(&c, NEEDED, CONF_ALL, &e), &e);
	assert_string_equal(c.store.url, "/var/lib/acmed/acmed.sqlite");
	assert_string_equal(c.server.base_url, "https://a.example");
	assert_null(c.server.tls_certificate);
	assert_int_equal(c.server.order_lifetime, 7 * 86400);
	assert_int_equal(c.server.caa_identities.len, 0);
	assert_false(c.policy.allow_wildcards);
	assert_true(c.validate.redirect_same_host);
	assert_int_equal(c.validate.http_port, 80);
	assert_int_equal(c.local_ca.ca_lifetime, 3650LL * 86400);
	assert_string_equal(c.log.level, "info");
	conf_release(&c);
	assert_null(c.store.url);
}

static void
test_values(void **state)
{
	struct err e = {0};
	struct conf c;

	(void)state;
	assert_ok(parse(&c,
		      "[policy]\n"
		      "allowed_server_ip_ranges = 10.0.0.0/8 , 2001:db8::/32\n"
		      "verify_ptr = true\n"
		      "allowed_server_ip_ranges=192.0.2.1\n"
		      "subject_name_template = CN={SAN[0]}\n"
		      "[validate]\n"
		      "timeout = 2m\n"
		      "resolver = 127.0.0.1:53,[::1]:5353\n"
		      "resolver = ::1\n"
		      "user =\n",
		      CONF_POLICY | CONF_VALIDATE, &e),
	    &e);
	assert_int_equal(c.policy.allowed_server_ip_ranges.len, 3);
	assert_string_equal(
	    c.policy.allowed_server_ip_ranges.v[1], "2001:db8::/32");
	assert_string_equal(
	    c.policy.allowed_server_ip_ranges.v[2], "192.0.2.1");
	assert_true(c.policy.verify_ptr);
	assert_string_equal(c.policy.subject_name_template, "CN={SAN[0]}");
	assert_int_equal(c.validate.timeout, 120);
	assert_int_equal(c.validate.resolver.len, 3);
	assert_null(c.validate.user);
	conf_release(&c);
}

static void
test_sections_not_asked_for(void **state)
{
	struct err e = {0};
	struct conf c;

	(void)state;
	assert_ok(parse(&c, "[server]\nbase = typo\n[store]\nurl = /x\n",
		      CONF_STORE, &e),
	    &e);
	assert_string_equal(c.store.url, "/x");
	assert_null(c.server.base_url);
	conf_release(&c);
	assert_kind(
	    parse(&c, "[stroe]\nurl = /x\n", CONF_STORE, &e), KIND_CONF, &e);
	assert_kind(
	    parse(&c, "[server]\nno equals\n", CONF_STORE, &e), KIND_CONF, &e);
}

/* What is refused, and how the error begins. */
static const struct {
	const char *text;
	const char *want;
} wrong[] = {
    {"[policy]\nverify_ptr = yes\n",
	"f:2: [policy] verify_ptr: must be true or false"},
    {"[policy]\nverify_ptr =\n", "f:2: [policy] verify_ptr: must not be empty"},
    {"[policy]\nverify_prt = true\n", "f:2: [policy] verify_prt: unknown key"},
    {"[policy]\nverify_ptr = true\n\n[log]\n[policy]\nverify_ptr = "
     "true\n",
	"f:6: [policy] verify_ptr: stands twice"},
    {"[polcy]\n", "f:1: [polcy]: unknown section"},
    {"[server]\nbase_url = https://a\n",
	"f: [policy] allowed_server_ip_ranges: required, but absent; "
	"absent is not \"no restriction\""},
    {"[policy]\nallowed_server_ip_ranges =\n",
	"f:2: [policy] allowed_server_ip_ranges: must not be empty"},
    {"[policy]\nallowed_server_ip_ranges = 10.0.0.0/33\n",
	"f:2: [policy] allowed_server_ip_ranges: must be addresses"},
    {"[policy]\nallowed_server_ip_ranges = 10.0.0.0/8,\n",
	"f:2: [policy] allowed_server_ip_ranges: has nothing after"},
    {"[policy]\nallowed_server_ip_ranges = ,::1\n",
	"f:2: [policy] allowed_server_ip_ranges: has nothing between"},
    {"[policy]\nallowed_server_ip_ranges = any\n"
     "allowed_server_ip_ranges = ::1\n[server]\nbase_url=http://a\n",
	"f: [policy] allowed_server_ip_ranges: any stands alone"},
    {"[policy]\nallowed_server_ip_ranges = any\n",
	"f: [server] base_url: required"},
    {"[policy]\nsubject_name_template = CN={SAN}\n",
	"f:2: [policy] subject_name_template: must be CN={SAN[0]}"},
    {NEEDED "exclude_server_ip_ranges = any\n",
	"f: [policy] exclude_server_ip_ranges: any excludes"},
    {NEEDED "key_blocklist_file = keys\n",
	"f:5: [policy] key_blocklist_file: must be an absolute path"},
    {"[server]\nbase_url = acme.example\n",
	"f:2: [server] base_url: must begin with https://"},
    {"[server]\nbase_url = https://\n",
	"f:2: [server] base_url: must name a host"},
    {"[server]\nbase_url = https://a/\n",
	"f:2: [server] base_url: must have no query"},
    {"[server]\nbase_url = https://a b\n",
	"f:2: [server] base_url: has a character"},
    {NEEDED "[server]\ntls_certificate = /c\n",
	"f: [server] tls_certificate, tls_private_key: both"},
    {"[server]\nrequest_timeout = 10\n",
	"f:2: [server] request_timeout: must be a duration with its"},
    {"[server]\nrequest_timeout = s\n",
	"f:2: [server] request_timeout: must be a duration with its"},
    {"[server]\nrequest_timeout = 0s\n",
	"f:2: [server] request_timeout: must be a duration from 1s"},
    {"[server]\nrequest_timeout = 99999999999999999999y\n",
	"f:2: [server] request_timeout: must be a duration with its"},
    {"[server]\nmax_identifiers = 101\n",
	"f:2: [server] max_identifiers: must be a number from 1 to"},
    {"[server]\nmax_identifiers = -1\n",
	"f:2: [server] max_identifiers: must be a number from 1 to"},
    {"[server]\nmax_identifiers = 0x10\n",
	"f:2: [server] max_identifiers: must be a number from 1 to"},
    {"[signer]\nbackend = abacus\n", "f:2: [signer] backend: must be local"},
    {"[store]\nurl = acmed.sqlite\n",
	"f:2: [store] url: must be an absolute path or a URL"},
    {"[validate]\nresolver = localhost\n",
	"f:2: [validate] resolver: must be ADDRESS"},
    {"[validate]\nresolver = 127.0.0.1:0\n",
	"f:2: [validate] resolver: must be ADDRESS"},
    {"[validate]\nresolver = [::1]\n",
	"f:2: [validate] resolver: must be ADDRESS"},
    {"[local-ca]\nkey_type = p25\n",
	"f:2: [local-ca] key_type: must be one of: p256 p384"},
    {"[local-ca]\nname = a\tb\n",
	"f:2: [local-ca] name: must be printable ASCII"},
    {"[local-ca]\nname = 12345678901234567890123456789012345678901\n",
	"f:2: [local-ca] name: must not be longer than 40 bytes"},
};

static void
test_refuses(void **state)
{
	static const struct conf empty;
	struct err e = {0};
	struct conf c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		assert_int_equal(parse(&c, wrong[i].text, CONF_ALL, &e), -1);
		assert_int_equal(e.kind, KIND_CONF);
		if (strncmp(e.text, wrong[i].want, strlen(wrong[i].want)) != 0)
			fail_msg("row %zu: %s", i, e.text);
		assert_memory_equal(&c, &empty, sizeof(c));
	}
}

static void
check_round_trip(const char *text, unsigned sections)
{
	struct err e = {0};
	struct conf a, b;
	struct buf first, second;

	buf_init(&first, 65536);
	buf_init(&second, 65536);
	assert_ok(parse(&a, text, sections, &e), &e);
	assert_int_equal(conf_print(&a, sections, &first), 0);
	assert_ok(parse(&b, first.data, sections, &e), &e);
	assert_true(conf_equal(&a, &b));
	assert_int_equal(conf_print(&b, sections, &second), 0);
	assert_string_equal(first.data, second.data);
	conf_release(&a);
	conf_release(&b);
	buf_release(&first);
	buf_release(&second);
}

static void
test_print(void **state)
{
	struct err e = {0};
	struct conf a, b;

	(void)state;
	check_round_trip(NEEDED, CONF_ALL);
	check_round_trip(NEEDED
	    "exclude_server_ip_ranges = 10.0.0.0/8,::1\n"
	    "[validate]\nresolver=::1\nretry_delay = 0s\ntimeout = 90s\n"
	    "[local-ca]\nlifetime = 36h\nname = a ; b # c = d\n"
	    "[log]\nlevel = warn\n",
	    CONF_ALL);
	check_round_trip("[store]\nurl = postgresql://db/x\n", CONF_STORE);

	assert_ok(parse(&a, NEEDED, CONF_ALL, &e), &e);
	assert_ok(parse(&b, NEEDED "verify_ptr = true\n", CONF_ALL, &e), &e);
	assert_false(conf_equal(&a, &b));
	conf_release(&a);
	conf_release(&b);
}

static void
test_files(void **state)
{
	struct err e = {0};
	struct conf c;

	(void)state;
	assert_kind(conf_load(&c, "/nonexistent/acmed.conf", CONF_STORE, &e),
	    KIND_CONF, &e);
	assert_kind(conf_load(&c, "/", CONF_STORE, &e), KIND_CONF, &e);
}

/* Every default passes its own rule; names stand once; all are documented. */
static void
test_table(void **state)
{
	const struct table_key *k;

	(void)state;
	for (size_t i = 0; i < table_keys_len; i++) {
		k = &table_keys[i];
		assert_non_null(table_section(k->section));
		assert_ptr_equal(table_find(k->section, k->name), k);
		assert_int_equal(k->doc[strlen(k->doc) - 1], '.');
		assert_true(!k->required || !k->fallback);
		for (size_t j = 0; j < i; j++)
			assert_true(table_keys[j].offset != k->offset);
	}
}

static void
test_resolver_ports(void **state)
{
	static const struct {
		const char *text;
		uint16_t port;
	} rows[] = {
	    {"192.0.2.1", 53},
	    {"192.0.2.1:5353", 5353},
	    {"2001:db8::53", 53},
	    {"::1", 53},
	    {"[2001:db8::1]:5353", 5353},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
		    value_resolver_port(rows[i].text), rows[i].port);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_resolver_ports),
    cmocka_unit_test(test_defaults),
    cmocka_unit_test(test_values),
    cmocka_unit_test(test_sections_not_asked_for),
    cmocka_unit_test(test_refuses),
    cmocka_unit_test(test_print),
    cmocka_unit_test(test_files),
    cmocka_unit_test(test_table),
};
UNIT_MAIN(tests)
