/*
 * cert-fill: certificates by the hundred thousand, for the manager's half.
 */
#include <err.h>
#include <getopt.h>
#include <sys/stat.h>
#include <time.h>

#include "base/base.h"
#include "store/certificate.h"
#include "store/private_key.h"
#include "store/store.h"
#include "sys/file.h"
#include "wrap/cert.h"
#include "wrap/key.h"
#include "wrap/seal.h"

static const char usage_text[] =
    "usage: cert-fill --store URL --seal FILE N\n"
    "       cert-fill --triplets DIR N\n"
    "\n"
    "Makes N certificates of four CAs: six of ten for one name, three for a\n"
    "name and its www, one for 3 to 20 names; each fifth has a key of its "
    "own,\n"
    "the others share the one before.  They end between a month ago and three\n"
    "months ahead; one of 50 is deactivated.  With --store they are stored,\n"
    "with keys and chains; with --triplets each has a key of its own, and\n"
    "leaf, issuer and key are written as PEM, 1000 to a file.\n";

#define ISSUERS 4
#define BATCH 2000
#define PER_FILE 1000
#define DAY 86400

struct ca {
	struct key *key;
	struct cert *cert;
};

struct fill {
	struct store *st;
	struct seal_key seal;
	struct ca root, issuers[ISSUERS];
	struct key *key;
	bool own_keys;
	int64_t now;
	uint64_t random;
	long from, to, total;
};

/* The same each time. */
static uint64_t
draw(struct fill *f, uint64_t below)
{
	f->random = f->random * 6364136223846793005U + 1442695040888963407U;
	return (f->random >> 33) % below;
}

static void
fail(const struct err *e)
{
	char text[1024];

	err_format(e, text, sizeof(text));
	errx(1, "%s", text);
}

static struct ca
make_ca(const char *subject, const struct ca *issuer, int64_t now)
{
	struct err e = {0};
	struct ca ca = {.key = key_generate(KEY_P256, 0, &e)};
	struct cert_template t = {
	    .kind = issuer ? CERT_INTERMEDIATE : CERT_ROOT,
	    .subject = subject,
	    .key = ca.key,
	    .issuer_key = issuer ? issuer->key : ca.key,
	    .issuer_cert = issuer ? issuer->cert : NULL,
	    .not_before = now - 400 * DAY,
	    .not_after = now + 4000LL * DAY};

	if (ca.key)
		ca.cert = cert_build(&t, &e);
	if (!ca.cert)
		fail(&e);
	return ca;
}

static void
make_cas(struct fill *f)
{
	char subject[64];

	f->root = make_ca("CN=Bench Root,O=Bench", NULL, f->now);
	for (int i = 0; i < ISSUERS; i++) {
		snprintf(subject, sizeof(subject), "CN=Bench R%d,O=Bench", i);
		f->issuers[i] = make_ca(subject, &f->root, f->now);
	}
}

static void
free_cas(struct fill *f)
{
	key_free(f->root.key);
	cert_free(f->root.cert);
	for (int i = 0; i < ISSUERS; i++) {
		key_free(f->issuers[i].key);
		cert_free(f->issuers[i].cert);
	}
}

/* The names of certificate `n`: of seven names each serves ten or so. */
static void
make_names(struct fill *f, long n, struct strv *names)
{
	long site = (long)draw(f, (uint64_t)(f->total * 45 / 100 + 1));
	uint64_t kind = draw(f, 10);
	uint64_t more = kind == 9 ? 2 + draw(f, 18) : kind >= 6 ? 1 : 0;
	char name[80];

	(void)n;
	snprintf(name, sizeof(name), "customer-%ld.bench.example", site);
	strv_add(names, name);
	for (uint64_t i = 0; i < more; i++) {
		if (i == 0)
			snprintf(name, sizeof(name),
			    "www.customer-%ld.bench.example", site);
		else
			snprintf(name, sizeof(name),
			    "s%llu.customer-%ld.bench.example",
			    (unsigned long long)i, site);
		strv_add(names, name);
	}
}

static struct cert *
make_leaf(struct fill *f, long n, const struct ca *issuer, struct err *e)
{
	struct strv names = {0};
	int64_t end = f->now - 30 * DAY + (int64_t)draw(f, 120) * DAY;
	struct cert_template t = {.kind = CERT_LEAF,
	    .key = f->key,
	    .dns = &names,
	    .issuer_key = issuer->key,
	    .issuer_cert = issuer->cert,
	    .not_before = end - 90 * DAY,
	    .not_after = end + (int64_t)draw(f, DAY),
	    .issuer_url = "http://ca.bench.example/issuer.crt"};
	struct cert *c;

	if (!f->key || f->own_keys || n % 5 == 0) {
		key_free(f->key);
		t.key = f->key = key_generate(KEY_P256, 0, e);
		if (!f->key)
			return NULL;
	}
	make_names(f, n, &names);
	c = cert_build(&t, e);
	strv_release(&names);
	return c;
}

/* ---- into the store ------------------------------------------------------ */

static int
store_one(struct fill *f, long n, struct err *e)
{
	const struct ca *issuer = &f->issuers[draw(f, ISSUERS)];
	struct cert *leaf = make_leaf(f, n, issuer, e);
	struct cert *v[] = {leaf, issuer->cert};
	const struct cert_list certs = {v, ARRAY_LEN(v)};
	const struct certificate_new new = {.certs = &certs,
	    .source = "import",
	    .auto_renew = true,
	    .inactive = draw(f, 50) == 0};
	struct private_key stored;
	bool created;
	int64_t id;
	int rc = -1;

	if (leaf &&
	    private_key_add(f->st, f->key, &f->seal, PRIVATE_KEY_IMPORTED,
		&stored, &created, e) == 0)
		rc = certificate_add(f->st, &new, &id, NULL, e);
	cert_free(leaf);
	return rc;
}

static int
store_batch(void *arg, struct err *e)
{
	struct fill *f = arg;

	for (long n = f->from; n < f->to; n++)
		if (store_one(f, n, e) < 0)
			return -1;
	return 0;
}

static void
fill_store(struct fill *f, const char *url, const char *seal)
{
	struct err e = {0};

	if (!seal || seal_key_read(seal, &f->seal, &e) < 0)
		fail(&e);
	f->st = store_open(url, STORE_WRITE, &e);
	if (!f->st)
		fail(&e);
	for (f->from = 0; f->from < f->total; f->from = f->to) {
		f->to = f->from + BATCH < f->total ? f->from + BATCH : f->total;
		if (store_transaction(f->st, store_batch, f, &e) < 0)
			fail(&e);
	}
	store_close(f->st);
}

/* ---- as files ------------------------------------------------------------ */

static void
write_file(struct fill *f, const char *dir, struct buf *out)
{
	struct err e = {0};
	char *path = xasprintf("%s/%06ld.pem", dir, f->to / PER_FILE);

	if (file_replace(path, 0600, out->data, out->len, &e) < 0)
		fail(&e);
	free(path);
	buf_clear(out);
}

static void
fill_files(struct fill *f, const char *dir)
{
	struct err e = {0};
	struct buf out;

	f->own_keys = true;
	buf_init(&out, (size_t)64 * 1024 * 1024);
	for (long n = 0; n < f->total; n++) {
		const struct ca *issuer = &f->issuers[draw(f, ISSUERS)];
		struct cert *leaf = make_leaf(f, n, issuer, &e);

		if (!leaf || cert_to_pem(leaf, &out) < 0 ||
		    cert_to_pem(issuer->cert, &out) < 0 ||
		    key_to_pem(f->key, &out, &e) < 0)
			fail(&e);
		cert_free(leaf);
		f->to = n + 1;
		if (f->to % PER_FILE == 0 || f->to == f->total)
			write_file(f, dir, &out);
	}
	buf_wipe(&out);
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"store", required_argument, NULL, 's'},
	    {"seal", required_argument, NULL, 'k'},
	    {"triplets", required_argument, NULL, 't'},
	    {0},
	};
	const char *url = NULL, *seal = NULL, *dir = NULL;
	struct fill f = {.now = time(NULL), .random = 42};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 's':
			url = optarg;
			break;
		case 'k':
			seal = optarg;
			break;
		case 't':
			dir = optarg;
			break;
		default:
			errx(100, "%s", usage_text);
		}
	if (argc - optind != 1 || !url == !dir)
		errx(100, "%s", usage_text);
	f.total = strtol(argv[optind], NULL, 10);
	make_cas(&f);
	if (url)
		fill_store(&f, url, seal);
	else
		fill_files(&f, dir);
	key_free(f.key);
	free_cas(&f);
	seal_key_wipe(&f.seal);
	return 0;
}
