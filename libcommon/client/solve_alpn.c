#include "client/listener.h"
#include "client/solve_part.h"

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
#define PEM_SIZE ((size_t)16 * 1024)

int
solve_alpn_certificate(
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

/* ---- files --------------------------------------------------------------- */

static char *
file_of(void *self, const struct solver_task *t, struct err *e)
{
	const char *directory = self;

	if (solve_check_task(t, e) < 0)
		return NULL;
	return xasprintf("%s/%s.pem", directory, t->value);
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

static int
present_file(void *self, const struct solver_task *t, struct err *e)
{
	char *path = file_of(self, t, e);
	struct cert *c;
	struct key *k;
	int rc;

	if (!path)
		return -1;
	rc = solve_alpn_certificate(t, &c, &k, e);
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
	int rc = 0;

	if (!path)
		return -1;
	if (unlink(path) < 0 && errno != ENOENT)
		rc = err_sys(e, "%s: cannot be removed", path);
	free(path);
	return rc;
}

/* Whether the gateway has taken it, only the gateway knows. */
static int
check_nothing(void *self, const struct solver_task *t, struct err *e)
{
	(void)self;
	return solve_check_task(t, e);
}

int
solve_alpn_dir_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct stat st;

	if (m->argument[0] != '/' || stat(m->argument, &st) < 0 ||
	    !S_ISDIR(st.st_mode))
		return solve_misuse(e,
		    "%.200s: not the absolute path of a directory",
		    m->argument);
	*out = (struct solver){.type = "tls-alpn-01",
	    .present = present_file,
	    .check = check_nothing,
	    .cleanup = cleanup_file,
	    .free = free,
	    .self = xstrdup(m->argument)};
	return 0;
}

/* ---- a listener ---------------------------------------------------------- */

struct known {
	const struct listener_answer *answers;
	size_t len;
};

/* RFC 8737 3; RFC 8738 6: an address is asked for by its reverse name. */
static bool
is_asked(const struct listener_answer *a, const char *sni)
{
	char reverse[ADDRESS_REVERSE_SIZE];
	struct address address;

	if (!address_parse(a->name, &address))
		return strcasecmp(a->name, sni) == 0;
	address_reverse(&address, reverse);
	return strcasecmp(reverse, sni) == 0;
}

static int
find(void *arg, const char *sni, struct cert **c, struct key **k, struct err *e)
{
	const struct known *known = arg;
	struct address address;

	for (size_t i = 0; i < known->len; i++) {
		const struct listener_answer *a = &known->answers[i];
		const struct solver_task t = {
		    .identifier_type =
			address_parse(a->name, &address) ? "ip" : "dns",
		    .value = a->name,
		    .key_authorization = a->key_authorization};

		if (is_asked(a, sni))
			return solve_alpn_certificate(&t, c, k, e);
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

static int
present(void *self, const struct solver_task *t, struct err *e)
{
	return listener_add(self, t, e);
}

static int
cleanup(void *self, const struct solver_task *t, struct err *e)
{
	return listener_remove(self, t, e);
}

static void
free_listener(void *self)
{
	listener_free(self);
}

int
solve_alpn_listen_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct listener *l;
	uint16_t port;

	if (solve_port(m->argument, &port, e) < 0)
		return -1;
	l = listener_new(port, serve, e);
	if (!l)
		return -1;
	*out = (struct solver){.type = "tls-alpn-01",
	    .present = present,
	    .check = check_nothing,
	    .cleanup = cleanup,
	    .free = free_listener,
	    .self = l};
	return 0;
}
