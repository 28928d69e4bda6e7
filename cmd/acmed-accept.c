#include "base/str.h"
#include "cli/pool.h"
#include "cli/prog.h"
#include "cli/secret.h"
#include "conf/conf.h"
#include "server/server.h"
#include "store/store.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/digest.h"
#include "wrap/seal.h"
#include "wrap/tls.h"

#include <unistd.h>

static const char usage_text[] =
    "usage: acmed-accept [options]\n"
    "Answers ACME (RFC 8555) on one HTTP/1.1 connection, descriptor 0 in and\n"
    "1 out, for inetd, tcpserver, s6 and systemd.  If descriptor 0 is a\n"
    "listening socket, serves it with processes that live on.\n"
    "\n"
    "  -c, --config FILE  the configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL    the store, instead of the configured one\n"
    "  -q, --quiet        warnings and errors only\n"
    "  -v, --verbose      say what is done\n"
    "  -l, --log SINK     where the log goes: stderr, syslog or fd:N\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n";

/* What is read before rights are given up. */
struct secrets {
	struct seal_key room;
	const struct seal_key *eab_seal; /* NULL without one */
	struct secret_watch eab_file;
};

/* All that this program is made of. */
struct accept {
	struct server server;
	struct secrets secrets;
};

/* A front that adds X-Real-IP has ended TLS; the certificate is its own. */
static bool
has_tls(const struct conf_server *conf)
{
	return conf->tls_certificate &&
	    !str_same(conf->listener.peer_from, "x-real-ip");
}

/* The key under which keys of account binding are sealed, and no other. */
static int
read_seal(const struct conf *conf, struct secrets *s, struct err *e)
{
	if (strcmp(conf->server.external_account_binding, "off") == 0)
		return 0;
	secret_watch(&s->eab_file, conf->store.eab_key_file);
	return secret_seal_key("eab_key_file", conf->store.eab_key_file,
	    &s->room, &s->eab_seal, e);
}

/* Everything that needs the rights of whoever started us. */
static int
prepare(const struct conf *conf, bool listens, struct tls_server **tls,
    struct secrets *s, struct err *e)
{
	digest_start_fast();
	sig_ignore_pipe();
	sig_catch_term();
	if (has_tls(&conf->server)) {
		*tls = tls_server_new(conf->server.tls_certificate,
		    conf->server.tls_private_key, listens, e);
		if (!*tls)
			return -1;
	}
	if (read_seal(conf, s, e) < 0 ||
	    proc_drop(conf->server.listener.user, e) < 0)
		return -1;
	return proc_harden(true, e);
}

static int
open_server(void *self, const struct prog *p, struct err *e)
{
	struct accept *a = self;

	if (server_open(&a->server, &p->conf, e) < 0)
		return -1;
	a->server.eab_seal = a->secrets.eab_seal;
	return 0;
}

static void
close_server(void *self)
{
	struct accept *a = self;

	server_release(&a->server);
}

static bool
is_lost(void *self)
{
	const struct accept *a = self;

	return store_is_lost(a->server.store);
}

/*
 * acmed-store rekey has put another seal in its place, which only a new master
 * can read.
 */
static bool
is_stale(void *self)
{
	const struct accept *a = self;

	return secret_has_changed(&a->secrets.eab_file);
}

static int
run(struct prog *p, struct err *e)
{
	struct accept a = {0};
	struct pool_service service = {.open = open_server,
	    .close = close_server,
	    .is_lost = is_lost,
	    .is_stale = is_stale,
	    .self = &a,
	    .responder = &a.server.responder,
	    .conf = &p->conf.server.listener,
	    .role = SANDBOX_ACCEPT,
	    .master = SANDBOX_ACCEPT_MASTER};
	bool listens = fd_is_listening(STDIN_FILENO);
	int rc = prepare(&p->conf, listens, &service.tls, &a.secrets, e);

	if (rc == 0)
		rc = pool_run(p, &service, e);
	tls_server_free(service.tls);
	seal_key_wipe(&a.secrets.room);
	return rc;
}

static const struct prog_command commands[] = {
    {.sections = CONF_STORE | CONF_SERVER | CONF_POLICY | CONF_VALIDATE |
	    CONF_SIGNER | CONF_LOCAL_CA,
	.run = run},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
