#include "cli/prog.h"
#include "cli/rights.h"
#include "sys/fd.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "validate/broker.h"

#include <unistd.h>

static const char usage_text[] =
    "usage: acme-validate [options] [serve | sweep]\n"
    "\n"
    "Performs the validations that are due: http-01, dns-01, tls-alpn-01.\n"
    "\n"
    "  serve               until SIGTERM; descriptor 0 is a bound datagram\n"
    "                      socket, or [validate] socket is bound\n"
    "  sweep               what is due now, then exit; for cron\n"
    "  (neither)           descriptor 0 is a bound datagram socket; until\n"
    "                      nothing has come for a while; for inetd\n"
    "\n"
    "      --ready-fd N    serve: write a newline to N when all is set up\n"
    "\n"
    "  -c, --config FILE   configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL     store, instead of [store] url\n"
    "  -l, --log SINK      stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet         log warnings and errors only\n"
    "  -v, --verbose       log debug events as well\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

#define SOCKET_MODE 0660

static void
on_ready(void *arg)
{
	prog_ready(arg);
}

/* In the process with the network. */
static int
confine(void *arg, struct err *e)
{
	return rights_enter(arg, SANDBOX_VALIDATE_NETWORK, e);
}

/* Gives up what this process was started with, then works. */
static int
work(struct prog *p, enum broker_mode mode, int wake_fd, struct err *e)
{
	const struct broker_options options = {.conf = &p->conf,
	    .mode = mode,
	    .wake_fd = wake_fd,
	    .private_fd = p->ready_fd,
	    .confine = confine,
	    .ready = on_ready,
	    .arg = p};

	if (proc_drop(p->conf.validate.user, e) < 0 ||
	    proc_harden(false, e) < 0 ||
	    rights_enter(p, SANDBOX_VALIDATE_STORE, e) < 0)
		return -1;
	return broker_run(&options, e);
}

static int
run_serve(struct prog *p, struct err *e)
{
	int fd = -1, rc;

	if (fd_is_dgram(STDIN_FILENO))
		return work(p, BROKER_SERVE, STDIN_FILENO, e);
	fd = sock_bind_dgram(p->conf.validate.socket, SOCKET_MODE, e);
	if (fd < 0)
		return -1;
	rc = work(p, BROKER_SERVE, fd, e);
	fd_close(&fd);
	return rc;
}

static int
run_sweep(struct prog *p, struct err *e)
{
	return work(p, BROKER_SWEEP, -1, e);
}

static int
run_inetd(struct prog *p, struct err *e)
{
	if (!fd_is_dgram(STDIN_FILENO))
		return prog_misuse(e,
		    "descriptor 0 is no datagram socket; use serve or sweep");
	return work(p, BROKER_LINGER, STDIN_FILENO, e);
}

#define SECTIONS (CONF_STORE | CONF_POLICY | CONF_VALIDATE)

static const struct prog_command commands[] = {
    {.name = "serve",
	.sections = SECTIONS,
	.flags = PROG_SERVES,
	.run = run_serve},
    {.name = "sweep", .sections = SECTIONS, .run = run_sweep},
    {.sections = SECTIONS, .run = run_inetd},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
