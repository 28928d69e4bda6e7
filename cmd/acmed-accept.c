#include "base/log.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "conf/conf.h"
#include "http/http.h"
#include "server/dispatch.h"
#include "server/server.h"
#include "sys/clock.h"
#include "sys/conn.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "sys/sock.h"
#include "wrap/tls.h"

#include <unistd.h>

static const char usage_text[] =
    "usage: acmed-accept [options]\n"
    "Answers ACME (RFC 8555) on one HTTP/1.1 connection, descriptor 0 in and\n"
    "1 out, for inetd, tcpserver, s6 and systemd.\n"
    "\n"
    "  -c, --config FILE  the configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL    the store, instead of the configured one\n"
    "  -q, --quiet        warnings and errors only\n"
    "  -v, --verbose      say what is done\n"
    "  -l, --log SINK     where the log goes: stderr, syslog or fd:N\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n";

/* Everything that needs the rights of whoever started us. */
static int
prepare(const struct conf *conf, struct tls_server **tls, struct err *e)
{
	sig_ignore_pipe();
	sig_catch_term();
	if (conf->server.tls_certificate) {
		*tls = tls_server_new(conf->server.tls_certificate,
		    conf->server.tls_private_key, e);
		if (!*tls)
			return -1;
	}
	if (proc_drop(conf->server.user, e) < 0)
		return -1;
	return proc_harden(true, e);
}

/* HTTP on the connection, under TLS if there is one. */
static int
serve(struct server *s, struct tls_server *tls, struct err *e)
{
	const struct conf_server *conf = &s->conf->server;
	struct http_service service = {.answer = dispatch_answer,
	    .refuse = dispatch_refuse,
	    .arg = s,
	    .body_max = JWS_MAX,
	    .request_timeout = conf->request_timeout * 1000,
	    .idle_timeout = conf->idle_timeout * 1000,
	    .requests_max = conf->requests_per_connection};
	struct conn plain, secure;
	struct tls *layer = NULL;
	int rc;

	conn_init(&plain, STDIN_FILENO, STDOUT_FILENO);
	if (!tls)
		return http_serve(&plain, &service, e);
	layer = tls_accept(
	    tls, &plain, &secure, clock_mono() + service.request_timeout, e);
	if (!layer)
		return -1;
	rc = http_serve(&secure, &service, e);
	tls_free(layer);
	return rc;
}

/*
 * A client that breaks off or speaks no TLS is an event, not a failure of
 * ours: super-servers complain of exit codes.
 */
static void
note_end(const struct server *s, const struct err *e)
{
	char text[1024];

	err_format(e, text, sizeof(text));
	log_event(LOG_LEVEL_INFO, "connection.broken", "peer", s->peer,
	    "reason", text, NULL);
}

static int
run(struct prog *p, struct err *e)
{
	struct tls_server *tls = NULL;
	struct server server = {0};
	struct err end = {0};
	int rc = -1;

	if (prepare(&p->conf, &tls, e) < 0 ||
	    server_open(&server, &p->conf, e) < 0 ||
	    rights_enter(p, SANDBOX_ACCEPT, e) < 0)
		goto out;
	log_set_id(server.id);
	sock_peer(STDIN_FILENO, server.peer);
	rc = 0;
	if (serve(&server, tls, &end) < 0)
		note_end(&server, &end);
out:
	server_release(&server);
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
