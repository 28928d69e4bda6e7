#include "cli/upstream.h"

#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "client/ca.h"
#include "http/network.h"
#include "store/sealing_key.h"
#include "store/upstream_account.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/https.h"

#define PORTS_MAX 64

/* ---- ports --------------------------------------------------------------- */

struct confining {
	const struct prog *prog;
	uint16_t ports[PORTS_MAX];
	size_t len;
};

static int
add_ports_of(void *arg, const struct upstream_ca *ca, struct err *e)
{
	(void)e;
	ca_add_ports(ca->directory_url, ca->directory, arg);
	return 0;
}

static int
add_port_of_account(void *arg, const struct upstream_account *a, struct err *e)
{
	(void)e;
	ca_add_ports(a->directory_url, NULL, arg);
	return 0;
}

/* Where CAs are, as the store says, which is closed again. */
static int
look_at_store(const struct prog *p, struct strv *ports, struct err *e)
{
	struct store *st = store_open(p->conf.store.url, STORE_READ, e);
	int rc = st ? upstream_ca_each(st, add_ports_of, ports, e) : -1;

	if (rc == 0)
		rc = upstream_account_each(st, add_port_of_account, ports, e);
	store_close(st);
	return rc;
}

static int
find_ports(
    const struct prog *p, const char *ca, struct confining *c, struct err *e)
{
	struct strv ports = {0};
	int rc = look_at_store(p, &ports, e);
	uint64_t n;

	for (size_t i = 0; i < ca_known_len; i++)
		ca_add_ports(ca_known[i].directory_url, NULL, &ports);
	if (ca)
		ca_add_ports(ca, NULL, &ports);
	if (p->conf.client.ca)
		ca_add_ports(p->conf.client.ca, NULL, &ports);
	if (p->conf.client.proxy)
		ca_add_ports(p->conf.client.proxy, NULL, &ports);
	for (size_t i = 0; i < ports.len && c->len < PORTS_MAX; i++)
		if (str_to_u64(ports.v[i], UINT16_MAX, &n))
			c->ports[c->len++] = (uint16_t)n;
	strv_release(&ports);
	return rc;
}

/* ---- processes ----------------------------------------------------------- */

static int
drop(const struct prog *p, struct err *e)
{
	const char *user = p->conf.client.user;

	return proc_drop(user ? user : "", e) < 0
	    ? err_object(e, "[client] user")
	    : 0;
}

static int
confine(void *arg, struct err *e)
{
	const struct confining *c = arg;

	return rights_enter_ports(
	    c->prog, SANDBOX_CLIENT_NETWORK, c->ports, c->len, e);
}

int
upstream_start(
    struct upstream *u, struct prog *p, const char *ca, struct err *e)
{
	struct confining c = {.prog = p};
	const struct network_options o = {.proxy = p->conf.client.proxy,
	    .connect_ms = p->conf.client.connect_timeout * 1000,
	    .total_ms = p->conf.client.timeout * 1000,
	    .user = p->conf.client.user,
	    .confine = confine,
	    .arg = &c};

	*u = (struct upstream){.trace = -1, .role = SANDBOX_STORE_USER};
	sig_ignore_pipe();
	strv_add(&p->reads, https_roots());
	if (find_ports(p, ca, &c, e) < 0)
		return -1;
	u->net = network_start(&o, e);
	return u->net ? 0 : -1;
}

int
upstream_enter(struct upstream *u, const struct prog *p, struct err *e)
{
	if (secret_seal_key("account_key_file", p->conf.store.account_key_file,
		&u->seal_room, &u->seal, e) < 0 ||
	    drop(p, e) < 0 || proc_harden(true, e) < 0)
		return -1;
	sig_catch_term();
	if (!u->st)
		u->st = store_open(p->conf.store.url, STORE_WRITE, e);
	if (!u->st ||
	    sealing_key_check(u->st, "account_key_file", u->seal, e) < 0)
		return -1;
	if (u->runs_programs)
		return 0;
	return rights_enter(p, u->role, e);
}

/* One that is not there, or no CA at all, is the configuration's fault. */
static int
open_configured(struct upstream *u, const struct prog *p, struct err *e)
{
	if (ca_open(u->st, p->conf.client.ca, &u->ca, e) == 0)
		return 0;
	if (e->kind == KIND_NOTFOUND || e->kind == KIND_INPUT)
		e->kind = KIND_CONF;
	return err_object(e, "[client] ca");
}

int
upstream_open_ca(
    struct upstream *u, const struct prog *p, const char *ca, struct err *e)
{
	client_free(u->client);
	u->client = NULL;
	upstream_ca_release(&u->ca);
	if ((ca ? ca_open(u->st, ca, &u->ca, e) : open_configured(u, p, e)) < 0)
		return -1;
	u->client = client_new(u->st, u->net, &u->ca, u->trace);
	if (u->is_unattended)
		client_set_unattended(u->client);
	return 0;
}

struct enrol
upstream_enrol(const struct upstream *u)
{
	return (struct enrol){
	    .client = u->client, .st = u->st, .ca = &u->ca, .seal = u->seal};
}

void
upstream_stop(struct upstream *u)
{
	if (!u)
		return;
	client_free(u->client);
	upstream_ca_release(&u->ca);
	store_close(u->st);
	network_stop(u->net);
	seal_key_wipe(&u->seal_room);
}
