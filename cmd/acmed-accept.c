#include "cli/pool.h"
#include "cli/prog.h"
#include "conf/conf.h"
#include "server/server.h"
#include "store/store.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/digest.h"
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

/* A front that adds X-Real-IP has ended TLS; the certificate is its own. */
static bool
has_tls(const struct conf_server *conf)
{
	return conf->tls_certificate &&
	    !(conf->listener.peer_from &&
		strcmp(conf->listener.peer_from, "x-real-ip") == 0);
}

/* Everything that needs the rights of whoever started us. */
static int
prepare(const struct conf *conf, bool listens, struct tls_server **tls,
    struct err *e)
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
	if (proc_drop(conf->server.listener.user, e) < 0)
		return -1;
	return proc_harden(true, e);
}

static int
open_server(void *self, const struct prog *p, struct err *e)
{
	return server_open(self, &p->conf, e);
}

static void
close_server(void *self)
{
	server_release(self);
}

static bool
is_lost(void *self)
{
	const struct server *server = self;

	return store_is_lost(server->store);
}

static int
run(struct prog *p, struct err *e)
{
	struct server server = {0};
	struct pool_service service = {.open = open_server,
	    .close = close_server,
	    .is_lost = is_lost,
	    .self = &server,
	    .front = &server.front,
	    .conf = &p->conf.server.listener,
	    .role = SANDBOX_ACCEPT,
	    .master = SANDBOX_ACCEPT_MASTER};
	bool listens = fd_is_listening(STDIN_FILENO);
	int rc = prepare(&p->conf, listens, &service.tls, e);

	if (rc == 0)
		rc = pool_run(p, &service, e);
	tls_server_free(service.tls);
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
