#include "solve/listener.h"
#include "solve/solve_part.h"

#include <errno.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/address.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "wrap/alpn.h"
#include "wrap/cert.h"
#include "wrap/digest.h"
#include "wrap/key.h"

/*
 * tls-alpn-01 (RFC 8737): by certificate files where a gateway looks, and by a
 * listener of our own.
 */

#define LIFETIME (7 * 86400)
#define BACKDATE 3600
#define SERVER_NAME_SIZE 256
#define PEM_SIZE ((size_t)16 * 1024)

/* The certificate of a task and its key (RFC 8737 3); the caller frees. */
static int
make_certificate(
    const struct solver_task *t, struct cert **c, struct key **k, struct err *e)
{
	bool is_ip = strcmp(t->identifier_type, "ip") == 0;
	uint8_t digest[DIGEST_SHA256_SIZE];
	struct strv names = {0};
	struct cert_template how = {.kind = CERT_LEAF,
	    .subject = "CN=ACME challenge",
	    .not_before = clock_now() - BACKDATE,
	    .not_after = clock_now() + LIFETIME,
	    .acme_identifier = digest};

	*c = NULL;
	*k = key_generate(KEY_P256, 0, e);
	if (!*k)
		return -1;
	digest_sha256(
	    digest, t->key_authorization, strlen(t->key_authorization));
	strv_add(&names, t->value);
	how.key = how.issuer_key = *k;
	if (is_ip)
		how.ip = &names;
	else
		how.dns = &names;
	*c = cert_build(&how, e);
	strv_release(&names);
	if (*c)
		return 0;
	key_free(*k);
	*k = NULL;
	return -1;
}

/* RFC 8737 3; RFC 8738 6: an address is asked for by its reverse name. */
static void
server_name(const char *value, char out[SERVER_NAME_SIZE])
{
	struct address address;

	if (address_parse(value, &address))
		address_reverse(&address, out);
	else
		snprintf(out, SERVER_NAME_SIZE, "%s", value);
}

/* ---- files --------------------------------------------------------------- */

struct files {
	struct solve_look look;
	char *directory;
};

static char *
file_of(void *self, const struct solver_task *t, struct err *e)
{
	const struct files *f = self;
	char name[SERVER_NAME_SIZE];

	if (solve_check_task(t, e) < 0)
		return NULL;
	server_name(t->value, name);
	return xasprintf("%s/%s.pem", f->directory, name);
}

static int
write_pem(
    const char *path, const struct cert *c, const struct key *k, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init(&pem, PEM_SIZE);
	rc = cert_to_pem(c, &pem);
	if (rc == 0)
		rc = key_to_pem(k, &pem, e);
	if (rc == 0)
		rc = file_replace(path, 0640, pem.data, pem.len, e);
	buf_wipe(&pem);
	return rc;
}

/* What is at a path. */
enum found {
	FOUND_NOTHING,
	FOUND_OTHER, /* the gateway's own */
	FOUND_CHALLENGE, /* a certificate for some challenge, */
	FOUND_OURS /* for this one */
};

static enum found
judge(const struct cert *c, const struct solver_task *t)
{
	static const uint8_t oid[] = {0x2b, 6, 1, 5, 5, 7, 1, 0x1f};
	uint8_t digest[DIGEST_SHA256_SIZE];
	const uint8_t *value;
	size_t len;

	value = cert_extension(c, oid, sizeof(oid), &len, NULL);
	if (!value)
		return FOUND_OTHER;
	digest_sha256(
	    digest, t->key_authorization, strlen(t->key_authorization));
	return len >= sizeof(digest) &&
		memcmp(value + len - sizeof(digest), digest, sizeof(digest)) ==
		    0
	    ? FOUND_OURS
	    : FOUND_CHALLENGE;
}

/* A directory of certificates may well be one that has others in it. */
static int
look_at(const char *path, const struct solver_task *t, enum found *found,
    struct err *e)
{
	struct cert_list list = {0};
	struct err why = {0};
	struct buf pem;

	*found = FOUND_NOTHING;
	buf_init(&pem, PEM_SIZE);
	if (file_read(path, &pem, &why) == 0) {
		*found = pem.len == 0 ||
			cert_list_from_pem(pem.data, pem.len, &list, &why) < 0
		    ? FOUND_OTHER
		    : judge(list.v[0], t);
	} else if (why.kind == KIND_INPUT) {
		*found = FOUND_OTHER; /* it is too long for one of ours */
	} else if (why.kind != KIND_NOTFOUND) {
		*e = why;
	}
	cert_list_release(&list);
	buf_wipe(&pem);
	return err_is_set(e) ? -1 : 0;
}

static int
check_place(const char *path, const struct solver_task *t, struct err *e)
{
	enum found found;

	if (look_at(path, t, &found, e) < 0)
		return -1;
	return found == FOUND_OTHER
	    ? err_set(e, KIND_DENIED,
		  "%s: is there already, and no certificate for a challenge",
		  path)
	    : 0;
}

static int
present_file(void *self, const struct solver_task *t, struct err *e)
{
	char *path = file_of(self, t, e);
	struct cert *c;
	struct key *k;
	int rc;

	if (!path)
		return -1;
	rc = check_place(path, t, e);
	if (rc == 0)
		rc = make_certificate(t, &c, &k, e);
	if (rc == 0) {
		rc = write_pem(path, c, k, e);
		cert_free(c);
		key_free(k);
	}
	free(path);
	return rc;
}

static int
cleanup_file(void *self, const struct solver_task *t, struct err *e)
{
	char *path = file_of(self, t, e);
	enum found found;
	int rc;

	if (!path)
		return -1;
	/* Another order may have put its own there. */
	rc = look_at(path, t, &found, e);
	if (rc == 0 && found == FOUND_OURS && unlink(path) < 0 &&
	    errno != ENOENT)
		rc = err_sys(e, "%s: cannot be removed", path);
	free(path);
	return rc;
}

static void
free_files(void *self)
{
	struct files *f = self;

	free(f->directory);
	free(f);
}

int
solve_alpn_dir_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct files *f;
	struct stat st;

	if (m->argument[0] != '/' || stat(m->argument, &st) < 0 ||
	    !S_ISDIR(st.st_mode))
		return solve_misuse(e,
		    "%.200s: not the absolute path of a directory",
		    m->argument);
	f = xcalloc(1, sizeof(*f));
	f->directory = xstrdup(m->argument);
	f->look.options = m->options;
	*out = (struct solver){.present = present_file,
	    .begin = solve_look,
	    .cleanup = cleanup_file,
	    .free = free_files,
	    .self = f};
	return 0;
}

/* ---- a listener ---------------------------------------------------------- */

struct known {
	const struct listener_answer *answers;
	size_t len;
};

static int
find(void *arg, const char *sni, struct cert **c, struct key **k, struct err *e)
{
	const struct known *known = arg;
	char name[SERVER_NAME_SIZE];
	struct address address;

	for (size_t i = 0; i < known->len; i++) {
		const struct listener_answer *a = &known->answers[i];
		const struct solver_task t = {
		    .identifier_type =
			address_parse(a->name, &address) ? "ip" : "dns",
		    .value = a->name,
		    .key_authorization = a->key_authorization};

		server_name(a->name, name);
		if (strcasecmp(name, sni) == 0)
			return make_certificate(&t, c, k, e);
	}
	return err_set(e, KIND_NOTFOUND, "no challenge for this name");
}

static void
serve(int fd, const struct listener_answer *answers, size_t len)
{
	struct known known = {answers, len};
	struct err e = {0};

	alpn_answer(fd, find, &known, &e);
}

int
solve_alpn_listen_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	return listener_make("tls-alpn-01", serve, m, out, e);
}
