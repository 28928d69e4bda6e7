#include <unistd.h>

#include "base/buf.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "server/issue.h"
#include "sign/crlfile.h"
#include "sign/filter.h"
#include "sign/local.h"
#include "sign/service.h"
#include "sign/sign.h"
#include "store/store.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "sys/sock.h"

#define CHAIN_MAX ((size_t)1024 * 1024)
#define REQUEST_MAX ((size_t)64 * 1024) /* PEM with text around it */

static const char usage_text[] =
    "usage: acme-sign [options] [file]\n"
    "       acme-sign serve [options]\n"
    "       acme-sign crl [options]\n"
    "       acme-sign sweep [options]\n"
    "Signs a certificate signing request, PEM or DER, from a file or stdin;\n"
    "prints the chain. serve: does so for acmed-accept, on a socket.\n"
    "crl: writes the revocation list of the built-in CA.\n"
    "sweep: finishes, through the service, orders that were left processing.\n"
    "\n"
    "      --no-record    do not store the certificate\n"
    "      --ready-fd N   serve: write a newline to N when it listens\n"
    "\n"
    "  -c, --config FILE  the configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL    the store, instead of the configured one\n"
    "  -q, --quiet        warnings and errors only\n"
    "  -v, --verbose      say what is done\n"
    "  -l, --log SINK     where the log goes: stderr, syslog or fd:N\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n";

static bool no_record;

static const struct prog_option filter_options[] = {
    {.name = "no-record", .type = PROG_FLAG, .value = &no_record},
    {0},
};

static int
drop_user(const struct prog *p, struct err *e)
{
	if (proc_drop(p->conf.signer.user, e) < 0)
		return -1;
	return proc_harden(true, e);
}

/* The keys are open and nothing else is needed: gives up what can be. */
static int
drop(const struct prog *p, enum sandbox_role role, struct err *e)
{
	return drop_user(p, e) < 0 ? -1 : rights_enter(p, role, e);
}

static bool
is_stdin(const struct prog *p)
{
	return p->argc == 0 || strcmp(p->argv[0], "-") == 0;
}

static int
read_request(const struct prog *p, struct buf *out, struct err *e)
{
	if (is_stdin(p))
		return fd_read_all(STDIN_FILENO, out, FD_FOREVER, e);
	return file_read(p->argv[0], out, e);
}

static int
sign_request(const struct prog *p, struct sign *sign, struct store *st,
    const struct buf *request, struct buf *chain, struct err *e)
{
	if (filter_sign(sign, st, request->data, request->len, chain, e) == 0)
		return 0;
	if (e->kind == KIND_INPUT && !is_stdin(p))
		err_object(e, "%s", p->argv[0]);
	return -1;
}

static int
run_filter(struct prog *p, struct err *e)
{
	struct sign *sign = NULL;
	struct store *st = NULL;
	struct buf request, chain;
	int rc = -1;

	buf_init(&request, REQUEST_MAX);
	buf_init(&chain, CHAIN_MAX);
	if (!(sign = sign_open(&p->conf, e)) ||
	    (!no_record &&
		!(st = store_open(p->conf.store.url, STORE_WRITE, e))) ||
	    read_request(p, &request, e) < 0 ||
	    drop(p, SANDBOX_SIGN_FILTER, e) < 0 ||
	    sign_request(p, sign, st, &request, &chain, e) < 0)
		goto out;
	fwrite(chain.data, 1, chain.len, stdout);
	rc = 0;
out:
	sign_close(sign);
	store_close(st);
	buf_release(&request);
	buf_release(&chain);
	return rc;
}

static int
run_serve(struct prog *p, struct err *e)
{
	struct sign *sign = sign_open(&p->conf, e);
	const char *client = p->conf.signer.client_user;
	int64_t client_uid = -1;
	int fd = STDIN_FILENO;
	int rc = -1;

	if (!sign || (client && proc_uid(client, &client_uid, e) < 0)) {
		sign_close(sign);
		return -1;
	}
	sig_ignore_pipe();
	sig_catch_term();
	if (!fd_is_stream(fd))
		fd = sock_listen(p->conf.signer.socket, 0660, e);
	if (fd >= 0 && drop(p, SANDBOX_SIGN_SERVICE, e) == 0) {
		prog_ready(p);
		/* Who has made the socket itself is not started by a client. */
		rc = service_run(fd, sign,
		    fd == STDIN_FILENO ? p->conf.signer.linger * 1000 : 0,
		    client_uid, e);
	}
	sign_close(sign);
	return rc;
}

static int
run_crl(struct prog *p, struct err *e)
{
	struct local *local = local_open(&p->conf, e);
	struct store *st = NULL;
	int lock = -1, rc = -1;

	if (!local || !(st = store_open(p->conf.store.url, STORE_READ, e)) ||
	    drop_user(p, e) < 0 || (lock = crlfile_lock(&p->conf, e)) < 0 ||
	    rights_enter(p, SANDBOX_SIGN_CRL, e) < 0)
		goto out;
	rc = crlfile_write(&p->conf, local, st, e);
out:
	if (rc < 0)
		file_blame(e, KIND_CONF);
	fd_close(&lock);
	store_close(st);
	local_close(local);
	return rc;
}

/* A client of the service, as acmed-accept is: it opens no key. */
static int
run_sweep(struct prog *p, struct err *e)
{
	struct store *st = store_open(p->conf.store.url, STORE_WRITE, e);
	int rc = -1;

	sig_ignore_pipe();
	if (st && proc_drop(p->conf.signer.user, e) == 0 &&
	    proc_harden(false, e) == 0 &&
	    rights_enter(p, SANDBOX_SIGN_SWEEP, e) == 0)
		rc = issue_sweep(st, &p->conf, e);
	store_close(st);
	return rc;
}

#define SECTIONS (CONF_SIGNER | CONF_LOCAL_CA | CONF_POLICY)

static const struct prog_command commands[] = {
    {.options = filter_options,
	.operands_max = 1,
	.sections = SECTIONS | CONF_STORE,
	.run = run_filter},
    {.name = "serve",
	.sections = SECTIONS,
	.flags = PROG_SERVES,
	.run = run_serve},
    {.name = "crl", .sections = SECTIONS | CONF_STORE, .run = run_crl},
    {.name = "sweep",
	.sections = CONF_SIGNER | CONF_POLICY | CONF_STORE,
	.run = run_sweep},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
