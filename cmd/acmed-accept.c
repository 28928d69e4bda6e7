#include "base/log.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "conf/conf.h"
#include "server/connection.h"
#include "server/server.h"
#include "store/store.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "sys/workers.h"
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
	    !(conf->peer_from && strcmp(conf->peer_from, "x-real-ip") == 0);
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
	if (proc_drop(conf->server.user, e) < 0)
		return -1;
	return proc_harden(true, e);
}

/* After this nothing can be opened any more. */
static int
open_all(struct server *s, const struct prog *p, struct err *e)
{
	if (server_open(s, &p->conf, e) < 0)
		return -1;
	return rights_enter(p, SANDBOX_ACCEPT, e);
}

/* One connection after the other. */
static int
work(struct workers *workers, const struct prog *p, struct tls_server *tls,
    struct err *e)
{
	struct server server = {0};
	uint64_t left = (uint64_t)p->conf.server.requests_per_worker;
	int fd = -1;
	int rc = open_all(&server, p, e);

	server.workers = workers;
	while (rc == 0 && left > 0 && (fd = workers_accept(workers, e)) >= 0) {
		connection_serve(&server, tls, fd, fd);
		fd_close(&fd);
		left -= server.client.requests < left ? server.client.requests
						      : left;
		/* It has no more rights to connect anew; another one has. */
		if (store_is_lost(server.store))
			rc = err_set(e, KIND_BUSY,
			    "the connection to the store was lost");
	}
	server_release(&server);
	return err_is_set(e) ? -1 : 0;
}

static bool
is_stale(void *arg)
{
	struct err why = {0};
	bool stale = arg && tls_server_is_stale(arg, &why);

	if (err_is_set(&why))
		log_err("tls.unusable", &why);
	return stale;
}

static int
run_pool(const struct prog *p, struct tls_server *tls, struct err *e)
{
	const struct conf *conf = &p->conf;
	const struct workers_options options = {.listener = STDIN_FILENO,
	    .max = conf->server.workers,
	    .linger = conf->server.linger * 1000,
	    .is_stale = is_stale,
	    .arg = tls};
	struct workers *workers;
	int rc;

	if (rights_enter(p, SANDBOX_ACCEPT_MASTER, e) < 0)
		return -1;
	workers = workers_run(&options, e);
	if (!workers) /* the master, and all workers have ended */
		return err_is_set(e) ? -1 : 0;
	rc = work(workers, p, tls, e);
	workers_leave(workers);
	return rc;
}

static int
run_one(const struct prog *p, struct tls_server *tls, struct err *e)
{
	struct server server = {0};
	int rc = open_all(&server, p, e);

	if (rc == 0)
		connection_serve(&server, tls, STDIN_FILENO, STDOUT_FILENO);
	server_release(&server);
	return rc;
}

static int
run(struct prog *p, struct err *e)
{
	bool listens = fd_is_listening(STDIN_FILENO);
	struct tls_server *tls = NULL;
	int rc = prepare(&p->conf, listens, &tls, e);

	if (rc == 0)
		rc = listens ? run_pool(p, tls, e) : run_one(p, tls, e);
	tls_server_free(tls);
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
