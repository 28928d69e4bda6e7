#include <sys/stat.h>
#include <unistd.h>

#include "acme/jwk.h"
#include "base/b64.h"
#include "import/configobj.h"
#include "import/shellvars.h"
#include "import/tree.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "unit.h"
#include "wrap/js.h"

/* A certificate with its key, and its CA, which every tree is made of. */
static struct key *ca_key, *leaf_key, *other_key;
static char *ca_pem, *leaf_pem, *other_pem, *key_pem, *other_key_pem;
static char *rsa_jwk, *ec_jwk;
static char root[64];
static struct strv seen; /* what the reader has told, a line for each */

/* ---- making trees ------------------------------------------------------ */

static char *
make_cert(enum cert_kind kind, const struct key *key, const struct cert *ca,
    struct cert **out)
{
	struct err e = {0};
	struct strv dns = {0};
	struct buf pem;
	struct cert_template t = {.kind = kind,
	    .subject = kind == CERT_LEAF ? NULL : "CN=ca",
	    .dns = &dns,
	    .key = key,
	    .issuer_cert = ca,
	    .issuer_key = ca_key,
	    .not_before = 1700000000,
	    .not_after = 1900000000};

	strv_add(&dns, "a.example");
	*out = cert_build(&t, &e);
	assert_non_null(*out);
	buf_init(&pem, 65536);
	cert_to_pem(*out, &pem);
	strv_release(&dns);
	return buf_detach(&pem);
}

static char *
make_key(struct key **k, enum key_type type)
{
	struct err e = {0};
	struct buf pem;

	*k = key_generate(type, 2048, &e);
	assert_non_null(*k);
	buf_init(&pem, 65536);
	assert_ok(key_to_pem(*k, &pem, &e), &e);
	return buf_detach(&pem);
}

static int
setup(void **state)
{
	struct cert *ca, *leaf, *other;

	(void)state;
	free(make_key(&ca_key, KEY_P256));
	key_pem = make_key(&leaf_key, KEY_P256);
	other_key_pem = make_key(&other_key, KEY_RSA);
	ca_pem = make_cert(CERT_ROOT, ca_key, NULL, &ca);
	leaf_pem = make_cert(CERT_LEAF, leaf_key, ca, &leaf);
	other_pem = make_cert(CERT_LEAF, other_key, ca, &other);
	cert_free(ca);
	cert_free(leaf);
	cert_free(other);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	key_free(ca_key);
	key_free(leaf_key);
	key_free(other_key);
	free(ca_pem);
	free(leaf_pem);
	free(other_pem);
	free(key_pem);
	free(other_key_pem);
	free(rsa_jwk);
	free(ec_jwk);
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_tree.XXXXXX");
	assert_non_null(mkdtemp(root));
	return 0;
}

static void
clear_folder(int fd, const char *path)
{
	struct err e = {0};
	struct strv names = {0};
	char child[PATH_MAX], full[PATH_MAX];

	assert_ok(dir_list(fd, path, &names, &e), &e);
	for (size_t i = 0; i < names.len; i++) {
		snprintf(child, sizeof(child), "%s/%s", path, names.v[i]);
		snprintf(full, sizeof(full), "%s/%s", root, child);
		if (unlink(full) == 0)
			continue;
		clear_folder(fd, child);
		rmdir(full);
	}
	strv_release(&names);
}

static int
end(void **state)
{
	struct err e = {0};
	int fd = dir_open(root, &e);

	(void)state;
	clear_folder(fd, ".");
	close(fd);
	rmdir(root);
	strv_release(&seen);
	return 0;
}

/* The place in the tree, with its directories. */
static const char *
place(const char *path)
{
	static char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0700);
		*p = '/';
	}
	return full;
}

static void
put(const char *path, const char *text)
{
	struct err e = {0};

	assert_ok(file_replace(place(path), 0600, text, strlen(text), &e), &e);
}

static void
put2(const char *path, const char *one, const char *two)
{
	char *text = xasprintf("%s%s", one, two);

	put(path, text);
	free(text);
}

static void
put_link(const char *path, const char *target)
{
	assert_int_equal(symlink(target, place(path)), 0);
}

/* ---- what a reader tells ----------------------------------------------- */

static void
see(char *line)
{
	strv_add(&seen, line);
	free(line);
}

static int
see_item(void *arg, const struct tree_item *item, struct err *e)
{
	const struct bundle *b = item->bundle;

	if (arg)
		return err_set(e, KIND_BUSY, "enough");
	see(xasprintf("item %s %s%s %zu+%zu %s %s", item->lineage,
	    item->version ? item->version : "-", item->newest ? " newest" : "",
	    b->certs.len, b->keys.len, item->account ? item->account : "-",
	    item->settings ? item->settings : "-"));
	for (size_t i = 0; i < b->problems.len; i++)
		see(xasprintf("  %s", b->problems.v[i]));
	return 0;
}

static int
see_account(void *arg, const struct tree_account *a, struct err *e)
{
	(void)arg;
	(void)e;
	assert_true(key_is_private(a->key));
	see(xasprintf("account %s %s %s %s %s %s", a->id,
	    a->directory_url ? a->directory_url : "-", a->url ? a->url : "-",
	    a->contacts->len > 0 ? a->contacts->v[0] : "-",
	    key_type_name(key_type(a->key)), a->data ? a->data : "-"));
	return 0;
}

static void
see_problem(void *arg, const char *place, const char *line)
{
	(void)arg;
	(void)place;
	see(xasprintf("problem %s", line));
}

static int
read_all(const char *word, const char *path, const struct tree_filter *f,
    struct err *e)
{
	static const struct tree_filter all;
	static const struct tree_sink sink = {
	    .item = see_item, .account = see_account, .problem = see_problem};
	const struct tree_reader *r = tree_reader_by_word(word);

	assert_non_null(r);
	strv_release(&seen);
	return tree_read(r, path, f ? f : &all, &sink, e);
}

/* The tree gives exactly these lines. */
static void
check(const char *word, const struct tree_filter *f, const char *const *lines)
{
	struct err e = {0};
	size_t n = 0;

	assert_ok(read_all(word, root, f, &e), &e);
	for (; lines[n]; n++) {
		if (n >= seen.len)
			fail_msg("missing: %s", lines[n]);
		assert_string_equal(seen.v[n], lines[n]);
	}
	if (seen.len > n)
		fail_msg("too many: %s", seen.v[n]);
}

#define CHECK(word, f, ...)                                                    \
	check(word, f, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* ---- sys/dir ----------------------------------------------------------- */

static void
test_dir(void **state)
{
	struct err e = {0};
	struct strv names = {0};
	struct buf text;
	int fd = dir_open(root, &e);

	(void)state;
	buf_init(&text, 8);
	put("b/file", "text");
	put("b/.hidden", "text");
	put("a", "longer than eight");
	put_link("b/in", "../b/file");
	put_link("b/out", "../../passwd");
	put_link("b/absolute", place("b/file"));
	put_link("b/loop", "loop");
	put_link("b/nothing", "nowhere");
	assert_int_equal(mkfifo(place("b/pipe"), 0600), 0);
	assert_ok(dir_read(fd, "b/in", &text, &e), &e);
	assert_string_equal(text.data, "text");
	buf_clear(&text);
	assert_kind(dir_read(fd, "b/out", &text, &e), KIND_INPUT, &e);
	assert_kind(dir_read(fd, "b/absolute", &text, &e), KIND_INPUT, &e);
	assert_kind(dir_read(fd, "b/loop", &text, &e), KIND_INPUT, &e);
	assert_kind(dir_read(fd, "b/nothing", &text, &e), KIND_NOTFOUND, &e);
	assert_kind(dir_read(fd, "b/pipe", &text, &e), KIND_INPUT, &e);
	assert_kind(dir_read(fd, "b", &text, &e), KIND_INPUT, &e);
	assert_kind(dir_read(fd, "a", &text, &e), KIND_INPUT, &e);
	assert_kind(dir_read(fd, "../x", &text, &e), KIND_INPUT, &e);
	assert_kind(dir_list(fd, "a", &names, &e), KIND_INPUT, &e);
	assert_ok(dir_list(fd, "b", &names, &e), &e);
	unlink(place("b/.hidden")); /* end() lists as dir_list does */
	assert_int_equal(names.len, 7);
	assert_string_equal(names.v[0], "absolute");
	assert_string_equal(names.v[6], "pipe");
	assert_int_equal(dir_kind(fd, "b/in"), DIR_FILE);
	assert_int_equal(dir_kind(fd, "b"), DIR_FOLDER);
	assert_int_equal(dir_kind(fd, "b/pipe"), DIR_OTHER);
	assert_int_equal(dir_kind(fd, "b/out"), DIR_NONE);
	assert_null(dir_link(fd, "b/file"));
	char *target = dir_link(fd, "b/out");
	assert_string_equal(target, "../../passwd");
	free(target);
	assert_kind(dir_open(place("a"), &e), KIND_INPUT, &e);
	assert_kind(dir_open(place("none"), &e), KIND_NOTFOUND, &e);
	strv_release(&names);
	buf_release(&text);
	close(fd);
}

/* ---- certbot ----------------------------------------------------------- */

/* Made by python3-josepy; RFC 7517 A.2 has the first. */
#define EC_JWK                                                                 \
	"{\"kty\":\"EC\",\"crv\":\"P-256\","                                   \
	"\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","               \
	"\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","               \
	"\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}"

#define ACCOUNTS "accounts/acme.example/v2/directory/"
#define REGR                                                                   \
	"{\"body\":{\"contact\":[\"mailto:a@a.example\"]},"                    \
	"\"uri\":\"https://acme.example/acct/1\"}"

static void
put_lineage(const char *name, const char *version)
{
	char path[256];

	snprintf(path, sizeof(path), "archive/%s/cert%s.pem", name, version);
	put(path, leaf_pem);
	snprintf(path, sizeof(path), "archive/%s/privkey%s.pem", name, version);
	put(path, key_pem);
	snprintf(path, sizeof(path), "archive/%s/chain%s.pem", name, version);
	put(path, ca_pem);
	snprintf(
	    path, sizeof(path), "archive/%s/fullchain%s.pem", name, version);
	put2(path, leaf_pem, ca_pem);
}

static void
test_certbot_lineages(void **state)
{
	(void)state;
	put_lineage("a", "2");
	put_lineage("a", "10");
	put_lineage("a", "11");
	put("archive/a/cert0.pem", leaf_pem); /* none of certbot's names */
	put_link("live/a/cert.pem", "../../archive/a/cert10.pem");
	put("live/README", "text");
	put("renewal/a.conf",
	    "version = 2.1.0\n[renewalparams]\naccount = abc\n"
	    "webroot_path = /w,\n[[webroot_map]]\na.example = /w\n");
	put("archive/b/cert1.pem", leaf_pem);
	put("archive/b/privkey1.pem", "nonsense");
	put("live/c/cert.pem", leaf_pem);
	put("renewal/d.conf", "version\n");
	CHECK("certbot", NULL, "item a 2 2+1 abc -",
	    "item a 10 newest 2+1 abc "
	    "{\"version\":\"2.1.0\",\"renewalparams\":{\"account\":\"abc\","
	    "\"webroot_path\":[\"/w\"],\"webroot_map\":{\"a.example\":\"/w\"}}"
	    "}",
	    "item a 11 2+1 abc -", "item b 1 newest 1+0 - -",
	    "  archive/b/privkey1.pem: neither PEM nor DER that is known",
	    "item c - newest 1+0 - -",
	    "problem renewal/d.conf: line 1: neither a section nor key = value",
	    "problem live/d: no certificate in it");
	CHECK("certbot",
	    &((struct tree_filter){.lineage = "a", .version = "11"}),
	    "item a 11 2+1 abc -");
	CHECK("certbot", &((struct tree_filter){.lineage = "c"}),
	    "item c - newest 1+0 - -");
}

/* What leads out of the tree is not read, whoever set the link. */
static void
test_certbot_links(void **state)
{
	char secret[80];

	(void)state;
	put_lineage("a", "1");
	snprintf(secret, sizeof(secret), "%s/archive/a/privkey1.pem", root);
	put("archive/b/cert1.pem", leaf_pem);
	put_link("archive/b/privkey1.pem", secret);
	put_link("archive/c", "../../..");
	put_link("archive/d", "b");
	CHECK("certbot", NULL, "problem archive: c: no directory in the tree",
	    "item a 1 newest 2+1 - -", "item b 1 newest 1+0 - -",
	    "  archive/b/privkey1.pem: a link that is absolute or leads out of "
	    "the tree",
	    "item d 1 newest 1+0 - -",
	    "  archive/d/privkey1.pem: a link that is absolute or leads out of "
	    "the tree");
}

static void
test_certbot_accounts(void **state)
{
	(void)state;
	put(ACCOUNTS "abc/private_key.json", EC_JWK);
	put(ACCOUNTS "abc/regr.json", REGR);
	put(ACCOUNTS "abc/meta.json", "{\"creation_host\":\"h\"}");
	put_link("accounts/acme-old.example/directory",
	    "../acme.example/v2/directory");
	put_link("accounts/absolute", "/etc/letsencrypt/accounts/x");
	put_link("accounts/out", "/etc");
	put("accounts/z/d/1/private_key.json", "{\"kty\":\"EC\"}");
	put("accounts/z/d/2/regr.json", REGR);
	put("renewal/a.conf",
	    "[renewalparams]\nserver = http://acme.example/v2/directory\n");
	put_lineage("a", "1");
	CHECK("certbot", NULL,
	    "problem accounts/out: a link that leads out of the tree, or "
	    "nowhere",
	    "account abc http://acme.example/v2/directory "
	    "https://acme.example/acct/1 mailto:a@a.example P-256 "
	    "{\"regr\":" REGR ",\"meta\":{\"creation_host\":\"h\"}}",
	    "problem accounts/z/d/1/private_key.json: jwk: not an EC key on "
	    "P-256, P-384 or P-521, an RSA key or an Ed25519 key",
	    "problem accounts/z/d/2: no private_key.json",
	    "item a 1 newest 2+1 - {\"renewalparams\":{\"server\":"
	    "\"http://acme.example/v2/directory\"}}");
	CHECK("certbot", &((struct tree_filter){.account = "2"}),
	    "problem accounts/out: a link that leads out of the tree, or "
	    "nowhere",
	    "problem accounts/z/d/2: no private_key.json");
}

/* Links in circles: by path there are as many directories as sand. */
static void
test_loops(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
	char path[64];

	(void)state;
	put(ACCOUNTS "abc/private_key.json", EC_JWK);
	put("ca/acme.example/dir/account.key", other_key_pem);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof(path), "accounts/%s", names[i]);
		put_link(path, ".");
		snprintf(path, sizeof(path), ACCOUNTS "%s", names[i]);
		put_link(path, "../..");
		snprintf(path, sizeof(path), "ca/acme.example/%s", names[i]);
		put_link(path, "..");
	}
	CHECK("certbot", NULL,
	    "account abc https://acme.example/v2/directory - - P-256 {}");
	CHECK("acme.sh", NULL,
	    "account acme.example/dir https://acme.example/dir - - RSA {}");
}

/* What is asked for by name and is not there, beside what is broken. */
static void
test_not_there(void **state)
{
	static const struct tree_filter account = {.account = "c"},
					lineage = {.lineage = "c"},
					version = {
					    .lineage = "a", .version = "3"};
	struct err e = {0};

	(void)state;
	put("accounts/a/account_key.pem", key_pem);
	put("accounts/b/account_key.pem", "broken");
	put("certs/a/cert.pem", leaf_pem);
	put("certs/b/cert.pem", "broken");
	put("archive/a/cert1.pem", leaf_pem);
	put_link("archive/out", "/etc");
	CHECK("dehydrated", &((struct tree_filter){.account = "a"}),
	    "account a - - - P-256 {}");
	assert_kind(
	    read_all("dehydrated", root, &account, &e), KIND_NOTFOUND, &e);
	assert_int_equal(seen.len, 0);
	assert_kind(read_all("certbot", root, &lineage, &e), KIND_NOTFOUND, &e);
	assert_int_equal(seen.len, 1);
	assert_kind(read_all("certbot", root, &version, &e), KIND_NOTFOUND, &e);
}

static void
test_configobj(void **state)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} rows[] = {
	    {"", "{}"},
	    {"# a\n\na = b # c\n", "{\"a\":\"b\"}"},
	    {"a =\r\nb=\"x, # y\"", "{\"a\":\"\",\"b\":\"x, # y\"}"},
	    {"a = b, 'c d',e", "{\"a\":[\"b\",\"c d\",\"e\"]}"},
	    {"a = ,", "{\"a\":[]}"},
	    {"a = '''b\n'c\n''' # d\nb = 1",
		"{\"a\":\"b\\n'c\\n\",\"b\":\"1\"}"},
	    {"[s]\nk=1\n[[t]]\nk=2\n[[[u]]]\nk=3\n[[v]]\nk=4\n[w]\n",
		"{\"s\":{\"k\":\"1\",\"t\":{\"k\":\"2\",\"u\":{\"k\":\"3\"}},"
		"\"v\":{\"k\":\"4\"}},\"w\":{}}"},
	    {"[[s]]\n", NULL},
	    {"[s]\n[s]\n", NULL},
	    {"[]\n", NULL},
	    {"[s\n", NULL},
	    {"a = 1\na = 2\n", NULL},
	    {"a = 'b\n", NULL},
	    {"a = 'b' c\n", NULL},
	    {"a = '''b\n", NULL},
	    {"= b\n", NULL},
	    {"a\n", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = {0};
		struct js *v =
		    configobj_read(rows[i].in, strlen(rows[i].in), &e);
		struct buf text;

		buf_init(&text, 4096);
		if (v)
			js_write(v, &text);
		else
			buf_adds(&text, "refused");
		assert_string_equal(
		    text.data, rows[i].out ? rows[i].out : "refused");
		assert_int_equal(e.kind, rows[i].out ? KIND_NONE : KIND_INPUT);
		buf_release(&text);
		js_free(v);
	}
}

/* ---- the others -------------------------------------------------------- */

#define ACCT "https://acme.example/acct/1"

static void
test_lego(void **state)
{
	(void)state;
	/* version 4 */
	put("accounts/acme-v02.api.letsencrypt.org/a@b/account.json",
	    "{\"email\":\"a@b\",\"registration\":" REGR "}");
	put("accounts/acme-v02.api.letsencrypt.org/a@b/keys/a@b.key", key_pem);
	/* version 5 */
	put("accounts/acme.example/id5/account.json",
	    "{\"id\":\"id5\",\"server\":\"https://acme.example/dir\","
	    "\"registration\":{\"contact\":[\"mailto:c@d\"],"
	    "\"accountURL\":\"" ACCT "\"}}");
	put("accounts/acme.example/id5/id5.key", other_key_pem);
	put("accounts/x/none/account.json", "{}");
	put("accounts/x/broken/account.json", "{");
	put2("certificates/a.example.crt", leaf_pem, ca_pem);
	put("certificates/a.example.issuer.crt", ca_pem);
	put("certificates/a.example.key", key_pem);
	put("certificates/a.example.json", "{\"domain\": \"a.example\"}");
	put("certificates/b.example.crt", "");
	put("archives/1700000001.a.example.crt", leaf_pem);
	put("archives/odd.crt", leaf_pem);
	CHECK("lego", NULL,
	    "account acme-v02.api.letsencrypt.org/a@b - " ACCT
	    " mailto:a@a.example P-256 {\"email\":\"a@b\","
	    "\"registration\":" REGR "}",
	    "account acme.example/id5 https://acme.example/dir " ACCT
	    " mailto:c@d RSA {\"id\":\"id5\","
	    "\"server\":\"https://acme.example/dir\",\"registration\":"
	    "{\"contact\":[\"mailto:c@d\"],\"accountURL\":\"" ACCT "\"}}",
	    "problem accounts/x/broken/account.json: JSON: line 1 column 1: "
	    "string or '}' expected near end of file",
	    "problem accounts/x/none: no key of the account",
	    "item a.example 1700000001 1+0 - -", "item odd - 1+0 - -",
	    "item a.example - newest 2+1 - {\"domain\":\"a.example\"}",
	    "problem certificates/b.example.crt: neither PEM nor DER that is "
	    "known");
}

static void
test_acmesh(void **state)
{
	(void)state;
	put("account.conf", "SAVED_KEY='x'\n");
	put("ca/acme.example/dir/account.key", other_key_pem);
	put("ca/acme.example/dir/account.json",
	    "{\"contact\":[\"mailto:a@b\"]}");
	put("ca/acme.example/dir/ca.conf", "ACCOUNT_URL='" ACCT "'\n");
	put("ca/old.example/account.key", key_pem);
	put("a.example_ecc/a.example.conf",
	    "Le_Domain='a.example'\nLe_API='https://acme.example/dir'\n"
	    "Le_ReloadCmd='__ACME_BASE64__START_YSAnYic=__ACME_BASE64__END_'\n"
	    "Le_Evil=$(touch /tmp/x)\n");
	put("a.example_ecc/a.example.cer", leaf_pem);
	put("a.example_ecc/a.example.key", key_pem);
	put("a.example_ecc/ca.cer", ca_pem);
	put2("a.example_ecc/fullchain.cer", leaf_pem, ca_pem);
	put("b.example/b.example.conf", "Le_Domain='b.example'\n");
	put("deploy/nginx.sh", "#!/bin/sh\n");
	CHECK("acme.sh", NULL, "account old.example - - - P-256 {}",
	    "account acme.example/dir https://acme.example/dir " ACCT
	    " mailto:a@b RSA {\"account\":{\"contact\":[\"mailto:a@b\"]},"
	    "\"ca\":{\"ACCOUNT_URL\":\"" ACCT "\"}}",
	    "problem a.example_ecc/a.example.conf: line 4: no plain "
	    "NAME='value', left out",
	    "item a.example_ecc - newest 2+1 acme.example/dir "
	    "{\"Le_Domain\":\"a.example\","
	    "\"Le_API\":\"https://acme.example/dir\","
	    "\"Le_ReloadCmd\":\"a 'b'\"}",
	    "problem b.example: no certificate in it");
}

#define LE_PRODUCTION                                                          \
	"aHR0cHM6Ly9hY21lLXYwMi5hcGkubGV0c2VuY3J5cHQub3JnL2RpcmVjdG9yeQo"

static void
test_dehydrated(void **state)
{
	(void)state;
	put("accounts/" LE_PRODUCTION "/account_key.pem", key_pem);
	put("accounts/" LE_PRODUCTION "/account_id.json",
	    "{\"url\": \"" ACCT "\"}");
	put("accounts/" LE_PRODUCTION "/registration_info.json",
	    "{\"contact\":[\"mailto:a@b\"]}");
	put("accounts/older/account_key.pem", other_key_pem);
	put("accounts/older/deactivated", "");
	put("domains.txt",
	    "# comment\nb.example\n*.a.example a.example > a # more\n");
	put("certs/a/cert-1700000001.pem", leaf_pem);
	put("certs/a/privkey-1700000001.pem", key_pem);
	put("certs/a/cert-1700000002.pem", leaf_pem);
	put_link("certs/a/cert.pem", "cert-1700000001.pem");
	put("certs/a/config", "KEY_ALGO=\"rsa\"\nHOOK=`id`\n");
	put("certs/b.example/cert.pem", leaf_pem);
	put("certs/b.example/chain.pem", ca_pem);
	CHECK("dehydrated", NULL,
	    "account " LE_PRODUCTION
	    " https://acme-v02.api.letsencrypt.org/directory " ACCT
	    " mailto:a@b P-256 {\"registration_info\":{\"contact\":"
	    "[\"mailto:a@b\"]},\"account_id\":{\"url\":\"" ACCT "\"}}",
	    "account older - - - RSA {\"deactivated\":true}",
	    "problem certs/a/config: line 2: no plain NAME='value', left out",
	    "item a 1700000001 newest 1+1 - {\"domains\":[\"*.a.example\","
	    "\"a.example\"],\"config\":{\"KEY_ALGO\":\"rsa\"}}",
	    "item a 1700000002 1+0 - -",
	    "item b.example - newest 2+0 - {\"domains\":[\"b.example\"]}");
}

/* Who takes them decides what is another account, and what is a copy. */
static void
test_same_key(void **state)
{
	(void)state;
	put("accounts/a/account_key.pem", key_pem);
	put("accounts/a/account_id.json", "{\"url\":\"" ACCT "\"}");
	put("accounts/b/account_key.pem", key_pem);
	put("accounts/b/account_id.json", "{\"url\":\"" ACCT "\"}");
	put("accounts/c/account_key.pem", key_pem);
	put("accounts/c/account_id.json", "{\"url\":\"https://c/1\"}");
	CHECK("dehydrated", NULL,
	    "account a - " ACCT " - P-256 {\"account_id\":{\"url\":\"" ACCT
	    "\"}}",
	    "account b - " ACCT " - P-256 {\"account_id\":{\"url\":\"" ACCT
	    "\"}}",
	    "account c - https://c/1 - P-256 "
	    "{\"account_id\":{\"url\":\"https://c/1\"}}");
}

static void
test_uacme(void **state)
{
	(void)state;
	put("private/key.pem", other_key_pem);
	put("private/a.example/key.pem", key_pem);
	put2("a.example/cert.pem", leaf_pem, ca_pem);
	put("a.example/cert-1700000001.pem", leaf_pem);
	put("a.example/revoked-1700000001.pem", leaf_pem);
	CHECK("uacme", NULL, "account key - - - RSA -",
	    "item a.example 1700000001 1+1 - -",
	    "item a.example - newest 2+1 - -");
}

static void
test_caddy(void **state)
{
	(void)state;
	put("acme/acme.example-dir/users/a@b/a.key", other_key_pem);
	put("acme/acme.example-dir/users/a@b/a.json",
	    "{\"contact\":[\"mailto:a@b\"],\"location\":\"" ACCT "\"}");
	put("acme/other/users/default/default.key", key_pem);
	put2("certificates/acme.example-dir/a.example/a.example.crt", leaf_pem,
	    ca_pem);
	put("certificates/acme.example-dir/a.example/a.example.key", key_pem);
	put("certificates/acme.example-dir/a.example/a.example.json",
	    "{\"sans\":[\"a.example\"],\"issuer_data\":{"
	    "\"ca\":\"https://acme.example/dir\"}}");
	put("certificates/acme.example-dir/b.example/b.example.json", "{");
	CHECK("caddy", NULL,
	    "account acme.example-dir/a@b https://acme.example/dir " ACCT
	    " mailto:a@b RSA {\"contact\":[\"mailto:a@b\"],\"location\":\"" ACCT
	    "\"}",
	    "account other/default - - - P-256 -",
	    "item a.example - newest 2+1 acme.example-dir/a@b "
	    "{\"sans\":[\"a.example\"],"
	    "\"issuer_data\":{\"ca\":\"https://acme.example/dir\"}}",
	    "problem certificates/acme.example-dir/b.example/b.example.json: "
	    "JSON: line 1 column 1: string or '}' expected near end of file",
	    "problem certificates/acme.example-dir/b.example/b.example: no "
	    "certificate in it");
}

static void
put_peter(const char *version)
{
	char path[128];

	snprintf(path, sizeof(path), "certificates/global/rc-7/%s/cert.pem",
	    version);
	put(path, leaf_pem);
	snprintf(path, sizeof(path), "certificates/global/rc-7/%s/pkey.pem",
	    version);
	put(path, key_pem);
}

static void
test_peter(void **state)
{
	static const struct tree_filter backup = {.version = "backup"};

	(void)state;
	put_peter("primary");
	put_peter("backup");
	put_link("certificates/global/label", "rc-7");
	CHECK("peter", NULL, "item rc-7 backup 1+1 - -",
	    "item rc-7 primary newest 1+1 - -");
	CHECK("peter", &backup, "item rc-7 backup 1+1 - -");
	/* What an EnrollmentFactory exports lies beside it. */
	put("certificates/shop/rc-8/primary/cert.pem", leaf_pem);
	put_link("certificates/shop/example.shop", "rc-8");
	CHECK("peter", &((struct tree_filter){.lineage = "rc-8"}),
	    "item rc-8 primary newest 1+0 - -");
}

/* A key in PKCS#8 under a password that holds a NUL, as mod_md's may. */
#define MODMD_PASSWORD                                                         \
	"AQIA-S-KBlyCxyJrgr97tP7iyq2CR71EniHH_7epwofUFH1g6e8lHkGzkuX4OFMT"
#define MODMD_KEY                                                              \
	"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"                              \
	"MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBD58eVb/FX73VyMzsQT\n"   \
	"PT88AgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQ+LuYft6aiEVxi19V\n"   \
	"YdKcOwSBkMtQynDZEDMKwzkWW7487iChXXEDbyvlsCtyUHrenNQXQ6vwYX+EeicA\n"   \
	"luBIxD1FAYGLl/utCne6dpb0gRdpcdF6XsA4WqYP56Ji6GAlrRY8rolcUS5DCBn1\n"   \
	"qM6FeyvSV6NyXbtSyAm9j0BCjyKmkWUH9G0D5ChQ4iFsEVlnsVz55XsRKTZh3uKK\n"   \
	"NRwuTPxs3w==\n"                                                       \
	"-----END ENCRYPTED PRIVATE KEY-----\n"

static void
test_modmd(void **state)
{
	(void)state;
	put("md_store.json",
	    "{\"version\":\"2.4\",\"key\":\"" MODMD_PASSWORD "\"}");
	put("accounts/ACME-acme.example-0000/account.pem", MODMD_KEY);
	put("accounts/ACME-acme.example-0000/account.json",
	    "{\"url\":\"" ACCT "\",\"ca-url\":\"https://acme.example/dir\","
	    "\"contact\":[\"mailto:a@b\"]}");
	put("domains/a/md.json",
	    "{\"ca\":{\"account\":\"ACME-acme.example-0000\"}}");
	put2("domains/a/pubcert.pem", leaf_pem, ca_pem);
	put("domains/a/privkey.pem", key_pem);
	put("domains/a/pubcert.rsa2048.pem", other_pem);
	put("domains/a/privkey.rsa2048.pem", other_key_pem);
	put("archive/a.1/pubcert.pem", leaf_pem);
	CHECK("mod_md", NULL,
	    "account ACME-acme.example-0000 https://acme.example/dir " ACCT
	    " mailto:a@b P-256 {\"url\":\"" ACCT "\","
	    "\"ca-url\":\"https://acme.example/dir\","
	    "\"contact\":[\"mailto:a@b\"]}",
	    "item a 1 1+0 - -",
	    "item a - newest 2+1 ACME-acme.example-0000 "
	    "{\"ca\":{\"account\":\"ACME-acme.example-0000\"}}",
	    "item a - newest 1+1 ACME-acme.example-0000 "
	    "{\"ca\":{\"account\":\"ACME-acme.example-0000\"}}");
	/* another store's key */
	put("md_store.json", "{\"key\":\"AAAA\"}");
	CHECK("mod_md",
	    &((struct tree_filter){.account = "ACME-acme.example-0000"}),
	    "problem md_store.json: no key of 48 bytes",
	    "problem accounts/ACME-acme.example-0000/account.pem: the password "
	    "does not open the private key");
}

static char *
base64_of(const char *text, size_t len)
{
	struct buf out;

	buf_init(&out, 65536);
	b64_encode(&out, text, len);
	return buf_detach(&out);
}

static void
test_traefik(void **state)
{
	struct err e = {0};
	struct buf der;
	char *account, *cert, *key, *text;

	(void)state;
	buf_init(&der, 65536);
	assert_ok(key_to_der(other_key, &der, &e), &e);
	account = base64_of(der.data, der.len);
	cert = base64_of(leaf_pem, strlen(leaf_pem));
	key = base64_of(key_pem, strlen(key_pem));
	text = xasprintf(
	    "{\"le\":{\"Account\":{\"Email\":\"a@b\",\"Registration\":{"
	    "\"body\":{},\"uri\":\"" ACCT "\"},\"PrivateKey\":\"%s\"},"
	    "\"Certificates\":[{\"domain\":{\"main\":\"a.example\"},"
	    "\"certificate\":\"%s\",\"key\":\"%s\"},{\"domain\":{"
	    "\"main\":\"b.example\"},\"certificate\":\"?\"},{}]},"
	    "\"old\":{\"Account\":{},\"Certificates\":null}}",
	    account, cert, key);
	put("acme.json", text);
	CHECK("traefik", NULL,
	    "account le - " ACCT " mailto:a@b RSA {\"Email\":\"a@b\","
	    "\"Registration\":{\"body\":{},\"uri\":\"" ACCT "\"}}",
	    "item a.example - newest 1+1 le {\"main\":\"a.example\"}",
	    "problem acme.json: le: b.example certificate: no base64",
	    "problem acme.json: le: b.example key: no base64",
	    "problem acme.json: le: certificate 3: no domain",
	    "problem acme.json: old: Account: no private key");
	free(text);
	/* version 1, and the file's own path */
	text = xasprintf("{\"Certificates\":[{\"Domain\":{\"Main\":"
			 "\"a.example\",\"SANs\":null},\"Certificate\":"
			 "\"%s\",\"Key\":\"%s\"}]}",
	    cert, key);
	put("old.json", text);
	assert_ok(read_all("traefik", place("old.json"), NULL, &e), &e);
	assert_int_equal(seen.len, 1);
	assert_string_equal(seen.v[0],
	    "item a.example - newest 1+1 acme "
	    "{\"Main\":\"a.example\",\"SANs\":null}");
	free(text);
	free(account);
	free(cert);
	free(key);
	buf_wipe(&der);
}

static void
test_shellvars(void **state)
{
	static const struct {
		const char *in, *out;
		size_t skipped;
	} rows[] = {
	    {"", "{}", 0},
	    {"# a\n\nA='b c'\nexport B=\"c\"\r\n C=d ",
		"{\"A\":\"b c\",\"B\":\"c\",\"C\":\"d\"}", 0},
	    {"A=1\nA=2", "{\"A\":\"2\"}", 0},
	    {"A='$x `y`'", "{\"A\":\"$x `y`\"}", 0},
	    {"A=\"$x\"\nA=$x\nA=`x`\nA=\"a\\\"\"", "{}", 4},
	    {"A='a'b'\nA='\nA='a' x\nA=a;b\n1A=2\n=b\nid", "{}", 7},
	    {"A='__ACME_BASE64__START_?__ACME_BASE64__END_'",
		"{\"A\":\"__ACME_BASE64__START_?__ACME_BASE64__END_\"}", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct strv skipped = {0};
		struct js *v =
		    shellvars_read(rows[i].in, strlen(rows[i].in), &skipped);
		struct buf text;

		buf_init(&text, 4096);
		js_write(v, &text);
		assert_string_equal(text.data, rows[i].out);
		assert_int_equal(skipped.len, rows[i].skipped);
		strv_release(&skipped);
		buf_release(&text);
		js_free(v);
	}
}

/* ---- the whole --------------------------------------------------------- */

static void
test_nothing(void **state)
{
	static const struct tree_filter none = {.lineage = "none"};
	struct err e = {0};

	(void)state;
	for (size_t i = 0; tree_reader_at(i); i++) {
		const char *word = tree_reader_word(tree_reader_at(i));

		assert_kind(read_all(word, root, NULL, &e), KIND_NOTFOUND, &e);
	}
	assert_kind(
	    read_all("certbot", "/nonexistent", NULL, &e), KIND_NOTFOUND, &e);
	put_lineage("a", "1");
	assert_kind(read_all("certbot", root, &none, &e), KIND_NOTFOUND, &e);
}

static void
test_stop(void **state)
{
	static const struct tree_filter all;
	static const struct tree_sink sink = {
	    .arg = root, .item = see_item, .problem = see_problem};
	struct err e = {0};

	(void)state;
	put_lineage("a", "1");
	put_lineage("a", "2");
	assert_kind(
	    tree_read(tree_reader_by_word("certbot"), root, &all, &sink, &e),
	    KIND_BUSY, &e);
}

#define IN_TREE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_TREE(test_dir),
	    IN_TREE(test_certbot_lineages),
	    IN_TREE(test_certbot_links),
	    IN_TREE(test_certbot_accounts),
	    IN_TREE(test_loops),
	    IN_TREE(test_lego),
	    IN_TREE(test_acmesh),
	    IN_TREE(test_dehydrated),
	    IN_TREE(test_same_key),
	    IN_TREE(test_uacme),
	    IN_TREE(test_caddy),
	    IN_TREE(test_peter),
	    IN_TREE(test_modmd),
	    IN_TREE(test_traefik),
	    IN_TREE(test_nothing),
	    IN_TREE(test_not_there),
	    IN_TREE(test_stop),
	    cmocka_unit_test(test_configobj),
	    cmocka_unit_test(test_shellvars),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
