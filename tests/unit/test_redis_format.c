#include "conf/table.h"
#include "deploy/format.h"
#include "deploy/redis_format.h"
#include "unit.h"
#include "wrap/js.h"

/* What a gateway would find, by the contracts of each. */

static struct certificate_der chain_der[] = {
    {(uint8_t *)(uintptr_t) "first issuer", 12},
    {(uint8_t *)(uintptr_t) "second issuer", 13}};
static struct material m;
static struct buf leaf, chain, fullchain, key;
static struct redis_entries entries;
static struct redis_item item = {.name = "a.example",
    .m = &m,
    .certificate_id = 7,
    .chain_id = 99,
    .key_id = 3,
    .created = 1000,
    .not_after = 2000};

static void
pem(struct buf *out, unsigned parts)
{
	struct err e = {0};

	buf_init(out, FORMAT_MAX);
	assert_ok(format_pem(&m, parts, out, &e), &e);
}

static int
set_up(void **state)
{
	(void)state;
	material_init(&m);
	m.cert.leaf =
	    (struct certificate_der){(uint8_t *)(uintptr_t) "the leaf", 8};
	m.chain.certs = chain_der;
	m.chain.len = ARRAY_LEN(chain_der);
	buf_adds(&m.key, "a private key");
	pem(&leaf, FORMAT_LEAF);
	pem(&chain, FORMAT_CHAIN);
	pem(&fullchain, FORMAT_FULLCHAIN);
	pem(&key, FORMAT_KEY);
	return 0;
}

static void
make(const char *format, const struct redis_options *o)
{
	const struct redis_format *f = redis_format_by_name(format);
	struct err e = {0};

	redis_entries_release(&entries);
	assert_non_null(f);
	assert_ok(f->make(&item, o, &entries, &e), &e);
}

/* The entry number `i`, a string. */
static void
is_string(size_t i, enum redis_kind kind, const char *name, const char *value)
{
	const struct redis_entry *r = &entries.v[i];

	assert_true(i < entries.len);
	assert_int_equal(r->kind, kind);
	assert_string_equal(r->key, name);
	assert_int_equal(r->len, 1);
	assert_null(r->field[0]);
	assert_string_equal(r->value[0].data, value);
}

/* The entry number `i`, a hash with the field number `n`. */
static void
is_hash(
    size_t i, const char *name, size_t n, const char *field, const char *value)
{
	const struct redis_entry *r = &entries.v[i];

	assert_true(i < entries.len);
	assert_int_equal(r->kind, REDIS_DOMAIN);
	assert_string_equal(r->key, name);
	assert_true(n < r->len);
	assert_string_equal(r->field[n], field);
	assert_string_equal(r->value[n].data, value);
}

static void
test_peter_1(void **state)
{
	(void)state;
	make("1", &(struct redis_options){0});
	assert_int_equal(entries.len, 4);
	is_string(0, REDIS_CERT, "c:7", leaf.data);
	is_string(1, REDIS_PKEY, "p:3", key.data);
	is_string(2, REDIS_CERTCA, "i:99", chain.data);
	is_hash(3, "d1:a.example", 0, "c", "7");
	is_hash(3, "d1:a.example", 1, "p", "3");
	is_hash(3, "d1:a.example", 2, "i", "99");
	assert_int_equal(entries.v[3].len, 3);
	make("peter_sslers-1", &(struct redis_options){.readme_keys = true});
	assert_int_equal(entries.len, 8);
	is_string(3, REDIS_CERT, "c7", leaf.data);
	is_string(4, REDIS_PKEY, "p3", key.data);
	is_string(5, REDIS_CERTCA, "i99", chain.data);
	is_hash(6, "d1:a.example", 0, "c", "7");
	is_hash(7, "d:a.example", 0, "c", "7");
	is_hash(7, "d:a.example", 1, "p", "3");
	is_hash(7, "d:a.example", 2, "i", "99");
}

static void
test_peter_2(void **state)
{
	(void)state;
	make("2", &(struct redis_options){.readme_keys = true});
	assert_int_equal(entries.len, 2);
	is_hash(0, "d2:a.example", 0, "f", fullchain.data);
	is_hash(0, "d2:a.example", 1, "p", key.data);
	is_hash(1, "a.example", 0, "f", fullchain.data);
	is_hash(1, "a.example", 1, "p", key.data);
	assert_int_equal(entries.v[0].len, 2);
	item.name = "c12";
	make("2", &(struct redis_options){.readme_keys = true});
	assert_int_equal(entries.len, 1);
	item.name = "a.example";
}

/* The only entry, as an object with `members` members. */
static struct js *
object(const char *name, size_t members)
{
	struct err e = {0};
	struct js *v;

	assert_int_equal(entries.len, 1);
	assert_int_equal(entries.v[0].kind, REDIS_DOMAIN);
	assert_string_equal(entries.v[0].key, name);
	assert_null(entries.v[0].field[0]);
	v = js_parse_long(
	    entries.v[0].value[0].data, entries.v[0].value[0].len, 65536, &e);
	assert_non_null(v);
	assert_int_equal(js_len(v), members);
	return v;
}

static void
has(const struct js *v, const char *member, const char *text)
{
	assert_non_null(js_get_text(v, member));
	assert_string_equal(js_get_text(v, member), text);
}

static void
test_autossl(void **state)
{
	struct js *v;

	(void)state;
	make("lua-resty-auto-ssl", &(struct redis_options){0});
	v = object("a.example:latest", 4);
	has(v, "fullchain_pem", fullchain.data);
	has(v, "privkey_pem", key.data);
	has(v, "cert_pem", leaf.data);
	assert_int_equal(js_int(js_get(v, "expiry"), 0), 2000);
	js_free(v);
	make("auto-ssl",
	    &(struct redis_options){.prefix = "x", .own_renewal = true});
	v = object("x:a.example:latest", 4);
	assert_true(js_int(js_get(v, "expiry"), 0) > INT64_C(200000000000));
	js_free(v);
}

static void
test_restyacme(void **state)
{
	struct js *v;

	(void)state;
	make("lua-resty-acme", &(struct redis_options){0});
	v = object("domain:ecc:a.example", 5);
	has(v, "domain", "a.example");
	has(v, "pkey", key.data);
	has(v, "cert", fullchain.data);
	has(v, "type", "ecc");
	assert_int_equal(js_int(js_get(v, "updated"), 0), 1000);
	js_free(v);
	item.is_rsa = true;
	make("resty-acme", &(struct redis_options){.prefix = "ns:"});
	item.is_rsa = false;
	v = object("ns:domain:rsa:a.example", 5);
	has(v, "type", "rsa");
	js_free(v);
}

static void
test_kong(void **state)
{
	struct js *v;

	(void)state;
	make("kong", &(struct redis_options){0});
	v = object("kong_acme:cert_key:a.example", 2);
	has(v, "key", key.data);
	has(v, "cert", fullchain.data);
	js_free(v);
}

static void
test_traefik(void **state)
{
	(void)state;
	make("traefik", &(struct redis_options){0});
	assert_int_equal(entries.len, 3);
	is_string(
	    0, REDIS_PKEY, "traefik/tls/certificates/7/keyFile", key.data);
	is_string(
	    1, REDIS_CERT, "traefik/tls/certificates/7/stores/0", "default");
	is_string(2, REDIS_DOMAIN, "traefik/tls/certificates/7/certFile",
	    fullchain.data);
	make("traefik", &(struct redis_options){.prefix = "root"});
	assert_string_equal(
	    entries.v[2].key, "root/tls/certificates/7/certFile");
}

/* Without what is secret, the keys are the same. */
static void
test_keys_only(void **state)
{
	char *names[REDIS_ENTRIES];

	(void)state;
	for (size_t f = 0; f < redis_formats_len; f++) {
		const char *name = redis_formats[f].name;
		size_t n;

		make(name, &(struct redis_options){.readme_keys = true});
		n = entries.len;
		for (size_t i = 0; i < n; i++)
			names[i] = xstrdup(entries.v[i].key);
		item.m = NULL;
		make(name, &(struct redis_options){.readme_keys = true});
		item.m = &m;
		assert_int_equal(entries.len, n);
		for (size_t i = 0; i < n; i++) {
			assert_string_equal(entries.v[i].key, names[i]);
			free(names[i]);
		}
	}
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(redis_format_names(),
	    table_find(CONF_REDIS, "prime_style")->rule.choices);
	assert_null(redis_format_by_name("3"));
	for (size_t f = 0; f < redis_formats_len; f++)
		assert_ptr_equal(redis_format_by_name(redis_formats[f].name),
		    &redis_formats[f]);
}

/* A format is known by one key of a name, which is no other's. */
static void
test_signs(void **state)
{
	(void)state;
	for (size_t f = 0; f < redis_formats_len; f++) {
		size_t known = 0;

		make(redis_formats[f].name, &(struct redis_options){0});
		for (size_t i = 0; i < entries.len; i++) {
			const struct redis_format *by =
			    redis_format_by_key(entries.v[i].key);

			assert_true(!by || by == &redis_formats[f]);
			known += by ? 1 : 0;
		}
		assert_int_equal(known, 1);
	}
	assert_null(redis_format_by_key("d3:a.example"));
}

static void
test_wants(void **state)
{
	static const char *const formats[] = {"1", "auto-ssl", "traefik"};
	static const bool wildcard[] = {true, false, true},
			  address[] = {false, false, true};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		const struct redis_format *f = redis_format_by_name(formats[i]);

		assert_true(redis_format_wants(f, "a.example"));
		assert_int_equal(
		    redis_format_wants(f, "*.a.example"), wildcard[i]);
		assert_int_equal(redis_format_wants(f, "::1"), address[i]);
		assert_int_equal(
		    redis_format_wants(f, "192.0.2.7"), address[i]);
	}
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(test_peter_1, set_up),
    cmocka_unit_test(test_peter_2),
    cmocka_unit_test(test_autossl),
    cmocka_unit_test(test_restyacme),
    cmocka_unit_test(test_kong),
    cmocka_unit_test(test_traefik),
    cmocka_unit_test(test_keys_only),
    cmocka_unit_test(test_names),
    cmocka_unit_test(test_signs),
    cmocka_unit_test(test_wants),
};
UNIT_MAIN(tests)
