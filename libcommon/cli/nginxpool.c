#include "cli/nginxpool.h"

#include "base/b64.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "http/network.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/https.h"

#define TRUST_MAX ((size_t)4 * 1024 * 1024)
#define FIELDS_MAX ((size_t)4096)

struct confining {
	const struct prog *prog;
	uint16_t *ports;
	size_t len;
};

static int
confine(void *arg, struct err *e)
{
	const struct confining *c = arg;

	/* it is sent the password */
	if (proc_harden(true, e) < 0)
		return -1;
	return rights_enter_ports(
	    c->prog, SANDBOX_CLIENT_NETWORK, c->ports, c->len, e);
}

static struct network *
start_network(struct prog *p, const struct conf_nginx *c, struct err *e)
{
	struct confining how = {
	    .prog = p, .ports = xcalloc(c->servers_pool.len, sizeof(uint16_t))};
	const struct network_options o = {.connect_ms = c->timeout * 1000,
	    .total_ms = c->timeout * 1000,
	    .allows_http = true,
	    .confine = confine,
	    .arg = &how};
	struct network *net;

	expirer_ports(c, how.ports, &how.len);
	strv_add(&p->reads, https_roots());
	net = network_start(&o, e);
	free(how.ports);
	return net;
}

/* Basic authentication (RFC 7617): the first colon ends the user. */
static int
read_userpass(const char *file, struct buf *fields, struct err *e)
{
	struct buf text;
	int rc;

	buf_init(&text, SECRET_PASSWORD_MAX);
	rc = secret_password(file, -1, &text, e);
	if (rc == 0 && (text.data[0] == ':' || !strchr(text.data, ':')))
		rc = err_set(
		    e, KIND_CONF, "userpass_file: %s: not USER:PASSWORD", file);
	if (rc == 0) {
		buf_adds(fields, "Authorization: Basic ");
		b64_encode(fields, text.data, text.len);
	}
	buf_wipe(&text);
	return rc;
}

static int
read_trust(const char *file, struct buf *trust, struct err *e)
{
	struct err why = {0};

	if (file_read(file, trust, &why) < 0)
		return err_set(e, KIND_CONF, "ca_bundle: %s", why.text);
	return strstr(trust->data, "-----BEGIN CERTIFICATE-----")
	    ? 0
	    : err_set(
		  e, KIND_CONF, "ca_bundle: %s: there is no certificate", file);
}

int
nginxpool_start(struct nginxpool *n, struct prog *p, const struct conf_nginx *c,
    struct err *e)
{
	buf_init(&n->trust, TRUST_MAX);
	buf_init(&n->fields, FIELDS_MAX);
	n->expirer = (struct expirer){.conf = c};
	if (expirer_check(c, e) < 0)
		return -1;
	sig_ignore_pipe();
	n->expirer.net = start_network(p, c, e);
	if (!n->expirer.net)
		return -1;
	if (c->ca_bundle && read_trust(c->ca_bundle, &n->trust, e) < 0)
		return -1;
	if (c->userpass_file &&
	    read_userpass(c->userpass_file, &n->fields, e) < 0)
		return -1;
	n->expirer.trust = c->ca_bundle ? n->trust.data : NULL;
	n->expirer.fields = c->userpass_file ? n->fields.data : NULL;
	return 0;
}

void
nginxpool_stop(struct nginxpool *n)
{
	network_stop(n->expirer.net);
	buf_release(&n->trust);
	buf_wipe(&n->fields);
	n->expirer = (struct expirer){0};
}
