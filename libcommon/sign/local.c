#include "sign/local.h"

#include <unistd.h>

#include "base/str.h"
#include "conf/conf.h"
#include "policy/csrs.h"
#include "policy/keys.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "wrap/cert.h"
#include "wrap/csr.h"
#include "wrap/dn.h"
#include "wrap/key.h"
#include "wrap/keyfile.h"

#define FILE_MAX ((size_t)256 * 1024)
#define AT_MAX (2 * 86400) /* how old the time of an order may be */

struct local {
	struct key *key;
	struct cert *cert;
	struct buf cert_pem;
	struct keys_blocklist *blocked;
	int64_t lifetime;
	int64_t backdate;
	uint8_t serial_secret[32];
	char *crl_url;
	char *issuer_url;
};

/*
 * Files.
 */

static char *
path_of(const struct conf *conf, const char *name, const char *suffix)
{
	return xasprintf("%s/%s.%s", conf->local_ca.directory, name, suffix);
}

static struct cert *
read_cert(const char *path, struct err *e)
{
	struct cert_list list = {0};
	struct cert *c = NULL;
	struct buf pem;

	buf_init(&pem, FILE_MAX);
	if (file_read(path, &pem, e) == 0) {
		if (cert_list_from_pem(pem.data, pem.len, &list, e) == -1)
			err_object(e, "%s", path);
		else if (list.len != 1)
			err_set(e, KIND_INPUT, "%s: not one certificate", path);
		else
			c = list.v[--list.len]; /* transferred */
	}
	cert_list_release(&list);
	buf_release(&pem);
	return c;
}

/*
 * Creation.
 */

/* The key at `path`, made if there is none. */
static struct key *
make_key(const struct conf *conf, const char *path, struct err *e)
{
	enum key_type type;
	int bits;

	if (key_type_parse(conf->local_ca.key_type, &type, &bits, e) == -1)
		return NULL;
	return keyfile_ensure(path, type, bits, e);
}

static struct cert *
build_ca(const struct conf *conf, enum cert_kind kind, const struct key *key,
    const struct cert *issuer, const struct key *issuer_key, struct err *e)
{
	struct cert_template t = {
	    .kind = kind,
	    .key = key,
	    .issuer_cert = issuer,
	    .issuer_key = issuer_key,
	    .not_before = clock_now() - conf->local_ca.backdate,
	};
	struct buf subject;
	struct cert *c;

	t.not_after = t.not_before + conf->local_ca.ca_lifetime - 1;
	buf_init(&subject, FILE_MAX);
	buf_adds(&subject, "CN=");
	dn_add_value(&subject, conf->local_ca.name);
	buf_adds(&subject, kind == CERT_ROOT ? " Root" : " Intermediate");
	t.subject = subject.data;
	c = cert_build(&t, e);
	buf_release(&subject);
	return c;
}

/* The certificate at `path` for `key`, made if there is none. */
static struct cert *
make_cert(const struct conf *conf, const char *path, enum cert_kind kind,
    const struct key *key, const struct cert *issuer,
    const struct key *issuer_key, struct err *e)
{
	struct cert *c;
	struct buf pem;

	if (file_exists(path)) {
		if ((c = read_cert(path, e)) != NULL && !cert_has_key(c, key)) {
			err_set(e, KIND_CONF,
			    "%s: is not for the key beside it", path);
			cert_free(c);
			c = NULL;
		}
		return c;
	}
	if ((c = build_ca(conf, kind, key, issuer, issuer_key, e)) == NULL)
		return NULL;
	buf_init(&pem, FILE_MAX);
	cert_to_pem(c, &pem);
	if (file_create(path, 0644, pem.data, pem.len, e) == -1) {
		cert_free(c);
		c = NULL;
	}
	buf_release(&pem);
	return c;
}

/* Each step finds what an interrupted run has left of it. */
static int
make_files(const struct conf *conf, struct err *e)
{
	char *root_key_path = path_of(conf, "root", "key");
	char *root_path = path_of(conf, "root", "crt");
	char *key_path = path_of(conf, "intermediate", "key");
	char *path = path_of(conf, "intermediate", "crt");
	struct key *root_key = NULL, *key = NULL;
	struct cert *root = NULL, *cert = NULL;
	int rc = -1;

	if ((root_key = make_key(conf, root_key_path, e)) != NULL &&
	    (root = make_cert(conf, root_path, CERT_ROOT, root_key, NULL,
		 root_key, e)) != NULL &&
	    (key = make_key(conf, key_path, e)) != NULL &&
	    (cert = make_cert(conf, path, CERT_INTERMEDIATE, key, root,
		 root_key, e)) != NULL)
		rc = 0;
	key_free(root_key);
	key_free(key);
	cert_free(root);
	cert_free(cert);
	free(root_key_path);
	free(root_path);
	free(key_path);
	free(path);
	return rc;
}

int
local_create(const struct conf *conf, struct err *e)
{
	char *path = path_of(conf, "intermediate", "crt");
	char *lock_path = path_of(conf, "init", "lock");
	int lock = -1, rc = -1;

	if (!file_exists(path)) {
		if (file_mkdir(conf->local_ca.directory, 0755, e) == -1 ||
		    (lock = lock_wait(lock_path, e)) == -1)
			goto out;
	}
	/* Another run may have made it while we waited. */
	if (file_exists(path))
		err_set(e, KIND_CONFLICT, "%s: there is a CA already", path);
	else
		rc = make_files(conf, e);
	/* Whoever still waits for it will find the CA complete. */
	if (file_exists(path))
		unlink(lock_path);
out:
	fd_close(&lock);
	free(lock_path);
	free(path);
	return rc;
}

static int
give(const char *path, const char *user, struct err *e)
{
	return file_exists(path) ? file_give(path, user, e) : 0;
}

int
local_give(const struct conf *conf, struct err *e)
{
	static const char *const names[] = {
	    "intermediate.key", "intermediate.crt", "."};
	const char *user = conf->signer.user;
	char *crl = conf_crl_file(conf), *lock = xasprintf("%s.lock", crl);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(names); i++) {
		char *path =
		    xasprintf("%s/%s", conf->local_ca.directory, names[i]);

		rc = give(path, user, e);
		free(path);
	}
	if (rc == 0)
		rc = give(crl, user, e);
	if (rc == 0)
		rc = give(lock, user, e);
	free(crl);
	free(lock);
	return rc;
}

/*
 * Opening.
 */

/* A file of the CA that is missing or broken is the operator's affair. */
static int
as_conf(struct err *e)
{
	if (e->kind == KIND_INPUT || e->kind == KIND_NOTFOUND)
		e->kind = KIND_CONF;
	return -1;
}

static int
open_files(
    struct local *l, const char *key_path, const char *path, struct err *e)
{
	size_t ski_len;

	if ((l->key = keyfile_read(key_path, e)) == NULL ||
	    (l->cert = read_cert(path, e)) == NULL)
		return as_conf(e);
	if (!cert_has_key(l->cert, l->key))
		return err_set(e, KIND_CONF, "%s: is not for the key in %s",
		    path, key_path);
	if (!cert_is_ca(l->cert))
		return err_set(e, KIND_CONF, "%s: is not of a CA", path);
	if (cert_ski(l->cert, &ski_len) == NULL) /* nothing would name it */
		return err_set(e, KIND_CONF,
		    "%s: has no subject key identifier (RFC 5280 4.2.1.2)",
		    path);
	if (cert_not_after(l->cert) < clock_now() ||
	    cert_not_before(l->cert) > clock_now())
		return err_set(e, KIND_CONF, "%s: is not valid now", path);
	if (key_secret(l->key, "serial numbers", l->serial_secret, e) == -1)
		return -1;
	return cert_to_pem(l->cert, &l->cert_pem);
}

struct local *
local_open(const struct conf *conf, struct err *e)
{
	const struct conf_local_ca *ca = &conf->local_ca;
	struct local *l = xcalloc(1, sizeof(*l));
	char *key_path = path_of(conf, "intermediate", "key");
	char *path = path_of(conf, "intermediate", "crt");
	int rc;

	buf_init(&l->cert_pem, FILE_MAX);
	l->lifetime = ca->lifetime;
	/* A short life begins no earlier than a tenth of it ago. */
	l->backdate =
	    ca->backdate < ca->lifetime / 10 ? ca->backdate : ca->lifetime / 10;
	l->crl_url = str_dup(ca->crl_url);
	l->issuer_url = str_dup(ca->issuer_url);
	rc = open_files(l, key_path, path, e);
	if (rc == 0) {
		l->blocked =
		    keys_blocklist_load(conf->policy.key_blocklist_file, e);
		rc = l->blocked != NULL ? 0 : -1;
	}
	free(key_path);
	free(path);
	if (rc == 0)
		return l;
	local_close(l);
	return NULL;
}

void
local_close(struct local *l)
{
	if (l == NULL)
		return;
	key_free(l->key);
	cert_free(l->cert);
	buf_release(&l->cert_pem);
	keys_blocklist_free(l->blocked);
	free(l->crl_url);
	free(l->issuer_url);
	freezero(l, sizeof(*l));
}

const struct cert *
local_issuer(const struct local *l)
{
	return l->cert;
}

const struct key *
local_issuer_key(const struct local *l)
{
	return l->key;
}

/*
 * Issuing.
 */

static int
issue(struct local *l, struct cert_template *t, struct buf *chain_pem,
    struct err *e)
{
	struct cert *c;
	int rc = -1;

	t->kind = CERT_LEAF;
	t->issuer_cert = l->cert;
	t->issuer_key = l->key;
	t->crl_url = l->crl_url;
	t->issuer_url = l->issuer_url;
	if ((c = cert_build(t, e)) == NULL)
		return -1;
	if (cert_to_pem(c, chain_pem) == -1 ||
	    buf_add(chain_pem, l->cert_pem.data, l->cert_pem.len) == -1)
		err_set(e, KIND_BUG, "buffer too small for a chain");
	else
		rc = 0;
	cert_free(c);
	return rc;
}

/*
 * From when the lifetime counts: the order's own time, so that whoever asks
 * again gets the same; but not one that would make the certificate old or not
 * yet valid.
 */
static int64_t
begin_of(const struct local *l, int64_t at)
{
	int64_t now = clock_now();
	int64_t oldest = l->lifetime / 2 < AT_MAX ? l->lifetime / 2 : AT_MAX;

	return at < now - oldest || at > now + l->backdate ? now : at;
}

/* RFC 8555 7.4: notBefore and notAfter are wishes; ours is the limit. */
static int
set_lifetime(const struct local *l, int64_t at, int64_t not_before,
    int64_t not_after, struct cert_template *t, struct err *e)
{
	int64_t now = clock_now();

	t->not_before = begin_of(l, at) - l->backdate;
	if (not_before > t->not_before)
		t->not_before = not_before;
	t->not_after = t->not_before + l->lifetime - 1;
	if (not_after != 0 && not_after < t->not_after)
		t->not_after = not_after;
	if (t->not_after <= now || t->not_after < t->not_before)
		return err_acme(e, KIND_INPUT, "malformed",
		    "RFC 8555 7.4: notAfter is in the past or before "
		    "notBefore");
	if (not_before > now + l->lifetime ||
	    not_before > cert_not_after(l->cert))
		return err_acme(e, KIND_INPUT, "malformed",
		    "RFC 8555 7.4: notBefore is too far in the future");
	return 0;
}

int
local_issue(struct local *l, const struct signmsg_request *r,
    struct buf *chain_pem, struct err *e)
{
	struct csr *csr = csr_from_der(r->csr.data, r->csr.len, e);
	struct cert_template t = {
	    .dns = &r->dns, .ip = &r->ip, .subject = r->subject};
	int rc = -1;

	if (csr == NULL)
		return -1;
	if (csrs_check(csr, &r->dns, &r->ip, l->blocked, e) == -1 ||
	    set_lifetime(l, r->at, r->not_before, r->not_after, &t, e) == -1)
		goto out;
	if (r->order != NULL && r->at != 0) {
		t.serial_secret = l->serial_secret;
		t.serial_for = r->order;
	}
	t.key = csr_key(csr);
	rc = issue(l, &t, chain_pem, e);
out:
	csr_free(csr);
	return rc;
}

int
local_certify(struct local *l, const struct key *key, const struct strv *dns,
    const struct strv *ip, struct buf *chain_pem, struct err *e)
{
	struct cert_template t = {.key = key, .dns = dns, .ip = ip};

	if (set_lifetime(l, 0, 0, 0, &t, e) == -1)
		return -1;
	return issue(l, &t, chain_pem, e);
}

static void *
backend_open(const struct conf *conf, struct err *e)
{
	return local_open(conf, e);
}

static int
backend_issue(void *state, const struct signmsg_request *r,
    struct buf *chain_pem, struct err *e)
{
	return local_issue(state, r, chain_pem, e);
}

static void
backend_close(void *state)
{
	local_close(state);
}

const struct sign_backend local_backend = {
    .name = "local",
    .open = backend_open,
    .issue = backend_issue,
    .close = backend_close,
};
