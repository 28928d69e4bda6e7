#include "cli/rights.h"

#include <libgen.h>

#include "cli/prog.h"
#include "conf/value.h"
#include "wrap/digest.h"
#include "wrap/kv.h"

enum sandbox_mode
rights_mode(const struct conf *c)
{
	if (strcmp(c->sandbox.landlock, "off") == 0)
		return SANDBOX_OFF;
	return strcmp(c->sandbox.landlock, "required") == 0 ? SANDBOX_REQUIRED
							    : SANDBOX_ON;
}

/* ---- paths --------------------------------------------------------------- */

static void
add_directory(struct strv *out, const char *path)
{
	char *copy = xstrdup(path);

	strv_add(out, dirname(copy));
	free(copy);
}

static int
add_store(const struct conf *c, struct strv *out, struct err *e)
{
	char *path = store_file(c->store.url, c->store.directory, ".", e);

	if (!path)
		return -1;
	strv_add(out, path);
	free(path);
	return 0;
}

static void
add_crl(const struct conf *c, enum sandbox_place place, struct strv *out)
{
	char *path = conf_crl_file(c);

	if (place == SANDBOX_CRL_DIRECTORY)
		add_directory(out, path);
	else
		strv_add(out, path);
	free(path);
}

static int
add_place(const struct prog *p, enum sandbox_place place, struct strv *out,
    struct err *e)
{
	const struct conf *c = &p->conf;

	switch (place) {
	case SANDBOX_STORE_DIRECTORY:
		return add_store(c, out, e);
	case SANDBOX_NONCE_DIRECTORY:
		if (c->server.nonce_file)
			add_directory(out, c->server.nonce_file);
		return 0;
	case SANDBOX_BLOCKLIST_DIRECTORY:
		if (c->policy.key_blocklist_file)
			add_directory(out, c->policy.key_blocklist_file);
		return 0;
	case SANDBOX_TLS_DIRECTORY:
		if (c->server.tls_certificate) {
			add_directory(out, c->server.tls_certificate);
			add_directory(out, c->server.tls_private_key);
		}
		return 0;
	case SANDBOX_RESOLVER_FILES:
		if (c->validate.resolver.len > 0)
			return 0;
		strv_add(out, "/etc/resolv.conf");
		strv_add(out, "/etc/hosts");
		return 0;
	case SANDBOX_CRL_FILE:
	case SANDBOX_CRL_DIRECTORY:
		add_crl(c, place, out);
		return 0;
	case SANDBOX_BACKUP_DIRECTORY:
		add_directory(out, p->argv[0]);
		return 0;
	case SANDBOX_OUTPUT_DIRECTORY:
		add_directory(out, p->output);
		return 0;
	case SANDBOX_OUTPUT_TREE:
		strv_add(out, p->output);
		return 0;
	case SANDBOX_OPERANDS:
		for (size_t i = 0; i < p->reads.len; i++)
			strv_add(out, p->reads.v[i]);
		return 0;
	case SANDBOX_SOLVER_TREES:
		for (size_t i = 0; i < p->writes.len; i++)
			strv_add(out, p->writes.v[i]);
		return 0;
	case SANDBOX_STORE_FILES: /* add_opening */
	case SANDBOX_DEVICES:
	case SANDBOX_PLACE__MAX:
		break;
	}
	return 0;
}

/* ---- ports --------------------------------------------------------------- */

static void
add_ports(const struct conf_validate *c, struct sandbox *s)
{
	sandbox_add_port(s, (uint16_t)c->http_port);
	sandbox_add_port(s, (uint16_t)c->tls_port);
	for (size_t i = 0; i < c->resolver.len; i++)
		sandbox_add_port(s, value_resolver_port(c->resolver.v[i]));
	if (c->resolver.len == 0)
		sandbox_add_port(s, VALUE_DNS_PORT);
}

static void
add_given_ports(const uint16_t *ports, size_t len, struct sandbox *s)
{
	for (size_t i = 0; i < len; i++)
		sandbox_add_port(s, ports[i]);
	sandbox_add_port(s, VALUE_DNS_PORT);
}

/*
 * Those of acmed-admin are that of its Redis, if it has one by TCP, and of the
 * rest of its cluster: to ask that for them would take each process its time,
 * and be no more true tomorrow.
 */
static void
add_redis_ports(const struct conf *c, struct sandbox *s)
{
	struct kv_place place;
	uint64_t port;

	if (!c->redis.url ||
	    kv_place_parse(c->redis.url, &place, &(struct err){0}) < 0)
		return;
	if (place.port && str_to_u64(place.port, 65535, &port)) {
		sandbox_add_port(s, (uint16_t)port);
		sandbox_add_port(s, VALUE_DNS_PORT);
	}
	for (size_t i = 0; i < c->redis.cluster_ports.len; i++)
		if (str_to_u64(c->redis.cluster_ports.v[i], 65535, &port))
			sandbox_add_port(s, (uint16_t)port);
	kv_place_release(&place);
}

/* For a role that opens the store when it has entered. */
static int
add_opening(const struct conf *c, struct sandbox *s, struct err *e)
{
	struct strv ports = {0};
	uint64_t port;
	int rc =
	    store_load(c->store.url, &s->paths[SANDBOX_STORE_FILES], &ports, e);

	for (size_t i = 0; i < ports.len; i++)
		if (str_to_u64(ports.v[i], 65535, &port))
			sandbox_add_port(s, (uint16_t)port);
	strv_release(&ports);
	return rc;
}

static int
enter(const struct prog *p, enum sandbox_role role, const uint16_t *ports,
    size_t ports_len, struct err *e)
{
	const struct sandbox_row *row = sandbox_row(role);
	struct sandbox s = {0};
	int rc = 0;

	for (int i = 0; rc == 0 && i < SANDBOX_PLACE__MAX; i++)
		if (row->rights[i] != 0)
			rc =
			    add_place(p, (enum sandbox_place)i, &s.paths[i], e);
	if (rc == 0 && row->opens_store)
		rc = add_opening(&p->conf, &s, e);
	if (ports)
		add_given_ports(ports, ports_len, &s);
	else if (role == SANDBOX_ADMIN || role == SANDBOX_ADMIN_MASTER)
		add_redis_ports(&p->conf, &s);
	else if (row->connects)
		add_ports(&p->conf.validate, &s);
	digest_prepare();
	if (rc == 0 && sandbox_enter(role, rights_mode(&p->conf), &s, e) < 0)
		rc = err_object(e, "[sandbox] landlock");
	sandbox_release(&s);
	return rc;
}

int
rights_enter(const struct prog *p, enum sandbox_role role, struct err *e)
{
	return enter(p, role, NULL, 0, e);
}

struct store *
rights_open_store(const struct prog *p, enum store_mode mode,
    enum sandbox_role role, struct err *e)
{
	struct store *st = store_open(p->conf.store.url, mode, e);

	if (st && rights_enter(p, role, e) == 0)
		return st;
	store_close(st);
	return NULL;
}

int
rights_enter_ports(const struct prog *p, enum sandbox_role role,
    const uint16_t *ports, size_t len, struct err *e)
{
	return enter(p, role, ports, len, e);
}
