#include "base/log.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "conf/conf.h"
#include "server/connection.h"
#include "server/server.h"
#include "store/store.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "sys/workers.h"
#include "wrap/digest.h"
#include "wrap/seal.h"
#include "wrap/tls.h"

#include <sys/stat.h>
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
	struct tls_server *tls; /* NULL without TLS */
	struct seal_key room;
	const struct seal_key *eab_seal; /* NULL without one */
	const char *eab_path;
	struct stat eab_file;
};

/* A front that adds X-Real-IP has ended TLS; the certificate is its own. */
static bool
has_tls(const struct conf_server *conf)
{
	return conf->tls_certificate &&
	    !(conf->peer_from && strcmp(conf->peer_from, "x-real-ip") == 0);
}

/* The key under which keys of account binding are sealed, and no other. */
static int
read_seal(const struct conf *conf, struct secrets *s, struct err *e)
{
	if (strcmp(conf->server.external_account_binding, "off") == 0)
		return 0;
	s->eab_path = conf->store.eab_key_file;
	if (s->eab_path && stat(s->eab_path, &s->eab_file) < 0)
		s->eab_path = NULL; /* what follows says why */
	return secret_seal_key("eab_key_file", conf->store.eab_key_file,
	    &s->room, &s->eab_seal, e);
}

/* Everything that needs the rights of whoever started us. */
static int
prepare(const struct conf *conf, bool listens, struct secrets *s, struct err *e)
{
	digest_start_fast();
	sig_ignore_pipe();
	sig_catch_term();
	if (has_tls(&conf->server)) {
		s->tls = tls_server_new(conf->server.tls_certificate,
		    conf->server.tls_private_key, listens, e);
		if (!s->tls)
			return -1;
	}
	if (read_seal(conf, s, e) < 0 || proc_drop(conf->server.user, e) < 0)
		return -1;
	return proc_harden(true, e);
}

/* After this nothing can be opened any more. */
static int
open_all(struct server *s, const struct prog *p, const struct secrets *secrets,
    struct err *e)
{
	if (server_open(s, &p->conf, e) < 0)
		return -1;
	s->eab_seal = secrets->eab_seal;
	return rights_enter(p, SANDBOX_ACCEPT, e);
}

/* One connection after the other. */
static int
work(struct workers *workers, const struct prog *p,
    const struct secrets *secrets, struct err *e)
{
	struct server server = {0};
	uint64_t left = (uint64_t)p->conf.server.requests_per_worker;
	int fd = -1;
	int rc = open_all(&server, p, secrets, e);

	server.workers = workers;
	while (rc == 0 && left > 0 && (fd = workers_accept(workers, e)) >= 0) {
		connection_serve(&server, secrets->tls, fd, fd);
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

/* acmed-store rekey has put another in its place; only a new master can read
 * that. */
static bool
has_new_seal(const struct secrets *s)
{
	struct stat now;

	return s->eab_path && stat(s->eab_path, &now) == 0 &&
	    now.st_ino != s->eab_file.st_ino;
}

static bool
is_stale(void *arg)
{
	const struct secrets *s = arg;
	struct err why = {0};
	bool stale = s->tls && tls_server_is_stale(s->tls, &why);

	if (err_is_set(&why))
		log_err("tls.unusable", &why);
	return stale || has_new_seal(s);
}

static int
run_pool(const struct prog *p, struct secrets *secrets, struct err *e)
{
	const struct conf *conf = &p->conf;
	const struct workers_options options = {.listener = STDIN_FILENO,
	    .max = conf->server.workers,
	    .linger = conf->server.linger * 1000,
	    .is_stale = is_stale,
	    .arg = secrets};
	struct workers *workers;
	int rc;

	if (rights_enter(p, SANDBOX_ACCEPT_MASTER, e) < 0)
		return -1;
	workers = workers_run(&options, e);
	if (!workers) /* the master, and all workers have ended */
		return err_is_set(e) ? -1 : 0;
	rc = work(workers, p, secrets, e);
	workers_leave(workers);
	return rc;
}

static int
run_one(const struct prog *p, const struct secrets *secrets, struct err *e)
{
	struct server server = {0};
	int rc = open_all(&server, p, secrets, e);

	if (rc == 0)
		connection_serve(
		    &server, secrets->tls, STDIN_FILENO, STDOUT_FILENO);
	server_release(&server);
	return rc;
}

static int
run(struct prog *p, struct err *e)
{
	bool listens = fd_is_listening(STDIN_FILENO);
	struct secrets secrets = {0};
	int rc = prepare(&p->conf, listens, &secrets, e);

	if (rc == 0)
		rc = listens ? run_pool(p, &secrets, e)
			     : run_one(p, &secrets, e);
	tls_server_free(secrets.tls);
	seal_key_wipe(&secrets.room);
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
