/*
 * Whatever bytes stand in a file of another client's store: the first of them
 * says which file it is, the rest is its content.
 */
#include "import/tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wrap/cert.h"

/* From RFC 7517 A.2 */
#define JWK                                                                    \
	"{\"kty\":\"EC\",\"crv\":\"P-256\","                                   \
	"\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","               \
	"\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\","               \
	"\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}"

static const struct format {
	char first;
	const char *word, *file;
	const char *key, *cert; /* beside it; NULL: none */
} formats[] = {
    {'n', "certbot", "renewal/a.conf", NULL, "archive/a/cert1.pem"},
    {'k', "certbot", "accounts/h/d/1/private_key.json", NULL, NULL},
    {'r', "certbot", "accounts/h/d/2/regr.json", NULL, NULL},
    {'l', "lego", "accounts/h/a/account.json", "accounts/h/a/a.key", NULL},
    {'s', "acme.sh", "a/a.conf", NULL, "a/a.cer"},
    {'S', "acme.sh", "ca/h/d/ca.conf", "ca/h/d/account.key", NULL},
    {'d', "dehydrated", "domains.txt", NULL, "certs/a/cert.pem"},
    {'i', "dehydrated", "accounts/x/registration_info.json",
	"accounts/x/account_key.pem", NULL},
    {'c', "caddy", "acme/i/users/u/u.json", "acme/i/users/u/u.key", NULL},
    {'C', "caddy", "certificates/i/a/a.json", NULL, "certificates/i/a/a.crt"},
    {'m', "mod_md", "md_store.json", NULL, "domains/a/pubcert.pem"},
    {'p', "mod_md", "accounts/A/account.pem", NULL, NULL},
    {'t', "traefik", "acme.json", NULL, NULL},
    {'u', "uacme", "private/key.pem", NULL, "a/cert.pem"},
    {'P', "peter-sqlite", "ssl_minnow.sqlite", NULL, NULL},
};

static char root[64];
static pid_t maker;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put(size_t format, const char *path, const void *p, size_t len)
{
	char full[256];
	int fd;

	snprintf(full, sizeof(full), "%s/%zu/%s", root, format, path);
	for (char *s = full + strlen(root) + 1; (s = strchr(s, '/')); s++) {
		*s = '\0';
		mkdir(full, 0700);
		*s = '/';
	}
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, p, len) != (ssize_t)len)
		abort();
	close(fd);
}

/* Removes a path and the directories above it that are empty then. */
static void
drop(size_t format, const char *path)
{
	char full[256], *slash;

	if (!path)
		return;
	snprintf(full, sizeof(full), "%s/%zu/%s", root, format, path);
	unlink(full);
	while (strlen(full) > strlen(root) && (slash = strrchr(full, '/'))) {
		*slash = '\0';
		if (rmdir(full) < 0)
			return;
	}
}

static void
clean(void)
{
	if (getpid() != maker)
		return;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		drop(i, formats[i].file);
		drop(i, formats[i].key);
		drop(i, formats[i].cert);
	}
	drop(2, "accounts/h/d/2/private_key.json");
}

static void
make_trees(void)
{
	struct err e = {0};
	struct key *k = key_generate(KEY_P256, 0, &e);
	struct cert_template t = {.kind = CERT_ROOT,
	    .subject = "CN=a",
	    .key = k,
	    .issuer_key = k,
	    .not_after = 1900000000};
	struct cert *c = cert_build(&t, &e);
	struct buf key, cert;

	snprintf(root, sizeof(root), "/tmp/fuzz_tree.XXXXXX");
	if (!c || !mkdtemp(root))
		abort();
	maker = getpid();
	atexit(clean);
	buf_init(&key, 65536);
	buf_init(&cert, 65536);
	key_to_pem(k, &key, &e);
	cert_to_pem(c, &cert);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (formats[i].key)
			put(i, formats[i].key, key.data, key.len);
		if (formats[i].cert)
			put(i, formats[i].cert, cert.data, cert.len);
	}
	put(2, "accounts/h/d/2/private_key.json", JWK, strlen(JWK));
	buf_wipe(&key);
	buf_release(&cert);
	cert_free(c);
	key_free(k);
}

static int
see_item(void *arg, const struct tree_item *item, struct err *e)
{
	(void)e;
	++*(size_t *)arg;
	if (!item->lineage || item->bundle->certs.len == 0)
		abort();
	return 0;
}

static int
see_account(void *arg, const struct tree_account *account, struct err *e)
{
	(void)e;
	++*(size_t *)arg;
	if (!account->id || !key_is_private(account->key))
		abort();
	return 0;
}

static void
see_problem(void *arg, const char *place, const char *line)
{
	++*(size_t *)arg;
	if (!str_starts(place, root) || !str_is_printable(line, strlen(line)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tree_filter all;
	size_t told = 0, i = 0;
	struct tree_sink sink = {
	    &told, see_item, see_account, see_problem, see_account};
	struct err e = {0};
	char path[128];
	int rc;

	if (!*root)
		make_trees();
	while (i < ARRAY_LEN(formats) && size > 0 && formats[i].first != *data)
		i++;
	if (size == 0 || i == ARRAY_LEN(formats))
		return 0;
	put(i, formats[i].file, data + 1, size - 1);
	snprintf(path, sizeof(path), "%s/%zu", root, i);
	rc = tree_read(
	    tree_reader_by_word(formats[i].word), path, &all, &sink, &e);
	/* nothing is passed over in silence; a database may break off */
	if (rc == 0 ? told == 0
		    : formats[i].first != 'P' &&
		    (e.kind != KIND_NOTFOUND || told > 0))
		abort();
	if (rc < 0 && e.kind == KIND_BUG)
		abort();
	return 0;
}
