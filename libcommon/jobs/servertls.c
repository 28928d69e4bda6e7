#include "jobs/servertls.h"

#include "base/buf.h"
#include "base/str.h"
#include "conf/conf.h"
#include "policy/address.h"
#include "sign/local.h"
#include "store/certificate.h"
#include "store/renewal.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "wrap/cert.h"
#include "wrap/key.h"
#include "wrap/keyfile.h"

#define PEM_MAX ((size_t)1024 * 1024)

/* The names that the certificate must have. */
struct names {
	struct strv dns, ip;
};

static void
names_release(struct names *n)
{
	strv_release(&n->dns);
	strv_release(&n->ip);
}

/* The host of a URL that the configuration has checked, without brackets. */
static char *
host_of(const char *url)
{
	const char *host = strstr(url, "://");
	char *result;

	host = host ? host + 3 : url;
	if (*host == '[')
		result = xstrndup(host + 1, strcspn(host + 1, "]"));
	else
		result = xstrndup(host, strcspn(host, ":/"));
	str_lower(result);
	return result;
}

static void
names_of(const struct conf *conf, struct names *n)
{
	char *host = host_of(conf->server.base_url);
	char ip[ADDRESS_TEXT_SIZE] = "";
	struct address address;
	bool is_ip = address_parse(host, &address);

	if (is_ip)
		address_format(&address, ip);
	memset(n, 0, sizeof(*n));
	if (strcmp(host, "localhost") == 0 ||
	    (is_ip &&
		(strcmp(ip, "127.0.0.1") == 0 || strcmp(ip, "::1") == 0))) {
		strv_add(&n->dns, "localhost");
		strv_add(&n->ip, "127.0.0.1");
		strv_add(&n->ip, "::1");
	} else {
		strv_add(is_ip ? &n->ip : &n->dns, is_ip ? ip : host);
	}
	free(host);
}

static bool
is_good(const struct cert *c, const struct key *key, const struct names *n)
{
	int64_t from = cert_not_before(c), to = cert_not_after(c);

	return cert_has_key(c, key) && strv_same_names(&n->dns, cert_dns(c)) &&
	    strv_same_names(&n->ip, cert_ip(c)) &&
	    to - clock_now() > (to - from) / 3;
}

/* Reads the chain of a file; false when there is none that can be read. */
static bool
read_chain(const char *path, struct cert_list *chain)
{
	struct err ignored = {0};
	struct buf pem;
	bool read;

	buf_init(&pem, PEM_MAX);
	read = file_read(path, &pem, &ignored) == 0 &&
	    cert_list_from_pem(pem.data, pem.len, chain, &ignored) == 0;
	buf_release(&pem);
	return read;
}

/* acmed-store renew-now means this one as well. */
static bool
is_pulled(struct store *st, const struct cert *c)
{
	struct err ignored = {0};
	uint8_t sha256[32];
	struct renewal r;

	cert_sha256(c, sha256);
	return renewal_by_sha256(st, sha256, &r, &ignored) == 0 &&
	    !r.is_usual && r.start <= clock_now();
}

/* Whether the file has a certificate that can stay; a broken one cannot. */
static bool
has_good(struct store *st, const char *path, const struct key *key,
    const struct names *n)
{
	struct cert_list chain = {0};
	bool good = read_chain(path, &chain) && is_good(chain.v[0], key, n) &&
	    !is_pulled(st, chain.v[0]);

	cert_list_release(&chain);
	return good;
}

/* Whether the CA of this configuration has signed it. */
static int
is_of_our_ca(
    const struct conf *conf, const struct cert *c, bool *ours, struct err *e)
{
	struct err ignored = {0};
	struct local *local;

	*ours = false;
	if (strcmp(conf->signer.backend, "local") != 0)
		return 0;
	local = local_open(conf, e);
	if (!local)
		return -1;
	*ours = cert_is_issued_by(c, local_issuer(local), &ignored) == 0;
	local_close(local);
	return 0;
}

/*
 * Whether the file has a certificate that we have not made: the operator's, of
 * another CA.  We made what the store has as such; what it does not know, since
 * it is a new one, if it is of our CA.
 */
static int
find_foreign(
    const struct conf *conf, struct store *st, bool *foreign, struct err *e)
{
	struct cert_list chain = {0};
	struct certificate known = {0};
	struct err why = {0};
	uint8_t sha256[32];
	bool ours = true;
	int rc = 0;

	if (read_chain(conf->server.tls_certificate, &chain)) {
		cert_sha256(chain.v[0], sha256);
		if (certificate_by_sha256(st, sha256, &known, &why) == 0) {
			ours = strcmp(known.source, "tls") == 0;
			certificate_release(&known);
		} else if (why.kind == KIND_NOTFOUND) {
			rc = is_of_our_ca(conf, chain.v[0], &ours, e);
		} else {
			*e = why;
			rc = -1;
		}
	}
	*foreign = !ours;
	cert_list_release(&chain);
	return rc;
}

/* Signs, records, and only then shows it to the server. */
static int
issue(const struct conf *conf, struct store *st, const struct key *key,
    const struct names *n, struct err *e)
{
	struct cert_list chain = {0};
	struct local *local = NULL;
	const struct certificate_new new = {.certs = &chain, .source = "tls"};
	struct buf pem;
	int64_t id;
	int rc = -1;

	buf_init(&pem, PEM_MAX);
	if (strcmp(conf->signer.backend, "local") != 0) {
		err_set(e, KIND_CONF,
		    "[server] tls_certificate: %s: not there, and [signer] "
		    "backend %s cannot make it",
		    conf->server.tls_certificate, conf->signer.backend);
		goto out;
	}
	local = local_open(conf, e);
	if (local && local_certify(local, key, &n->dns, &n->ip, &pem, e) == 0 &&
	    cert_list_from_pem(pem.data, pem.len, &chain, e) == 0 &&
	    certificate_add(st, &new, &id, NULL, e) == 0)
		rc = file_replace(
		    conf->server.tls_certificate, 0644, pem.data, pem.len, e);
out:
	local_close(local);
	cert_list_release(&chain);
	buf_release(&pem);
	return rc;
}

static int
renew(const struct conf *conf, struct store *st, enum servertls_result *result,
    struct err *e)
{
	struct key *key = NULL;
	struct names n;
	bool foreign;
	int rc;

	names_of(conf, &n);
	rc = find_foreign(conf, st, &foreign, e);
	if (rc < 0 || foreign) {
		*result = SERVERTLS_FOREIGN;
		goto out;
	}
	rc = -1;
	key = keyfile_ensure(conf->server.tls_private_key, KEY_P256, 0, e);
	if (!key)
		goto out;
	*result = SERVERTLS_KEPT;
	if (has_good(st, conf->server.tls_certificate, key, &n))
		rc = 0;
	else if ((rc = issue(conf, st, key, &n, e)) == 0)
		*result = SERVERTLS_MADE;
out:
	key_free(key);
	names_release(&n);
	return rc;
}

/* Whether nothing is to be done; then nothing is written either. */
static bool
is_kept(const struct conf *conf, struct store *st)
{
	const struct conf_server *s = &conf->server;
	struct err ignored = {0};
	struct key *key = NULL;
	struct names n;
	bool kept;

	names_of(conf, &n);
	if (file_exists(s->tls_private_key))
		key = keyfile_read(s->tls_private_key, &ignored);
	kept = key && has_good(st, s->tls_certificate, key, &n);
	key_free(key);
	names_release(&n);
	return kept;
}

int
servertls_renew(const struct conf *conf, struct store *st,
    enum servertls_result *result, struct err *e)
{
	const char *path = conf->server.tls_certificate;
	char *lock_path;
	int lock, rc;

	*result = SERVERTLS_UNSET;
	if (!path)
		return 0;
	if (is_kept(conf, st)) {
		*result = SERVERTLS_KEPT;
		return 0;
	}
	lock_path = xasprintf("%s.lock", path);
	lock = lock_wait(lock_path, e);
	rc = lock >= 0 ? renew(conf, st, result, e) : -1;
	fd_close(&lock);
	free(lock_path);
	return rc;
}

int
servertls_ensure(const struct conf *conf, struct store *st,
    enum servertls_result *result, struct err *e)
{
	const struct conf_server *s = &conf->server;

	if (s->tls_certificate && file_exists(s->tls_certificate) &&
	    file_exists(s->tls_private_key)) {
		*result = SERVERTLS_KEPT;
		return 0;
	}
	return servertls_renew(conf, st, result, e);
}
