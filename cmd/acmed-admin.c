#include <unistd.h>

#include "admin/admin.h"
#include "admin/work.h"
#include "base/hex.h"
#include "base/log.h"
#include "cli/gateway.h"
#include "cli/listing.h"
#include "cli/once.h"
#include "cli/operands.h"
#include "cli/out.h"
#include "cli/pool.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "cli/since.h"
#include "conf/scope.h"
#include "store/admin_token.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "sys/sock.h"
#include "sys/workers.h"
#include "wrap/cert.h"
#include "wrap/digest.h"
#include "wrap/seal.h"
#include "wrap/suffix.h"

static const char usage_text[] =
    "usage: acmed-admin [options]\n"
    "       acmed-admin work [--timeout N] [--ready-fd N]\n"
    "       acmed-admin token add [--certificate FILE] [--scopes SCOPES]\n"
    "           [--expires TIME] [--note TEXT]\n"
    "       acmed-admin token list\n"
    "       acmed-admin token revoke TOKENID ...\n"
    "Answers programs of the operator, and gateways that ask for "
    "certificates,\n"
    "on one HTTP/1.1 connection, descriptor 0 in and 1 out, for inetd,\n"
    "tcpserver, s6 and systemd.  If descriptor 0 is a listening socket, "
    "serves\n"
    "it with processes that live on.\n"
    "\n"
    "  work                the same on the socket where acmed-admin asks for\n"
    "                      nginx-expire and domain-queue to be started\n"
    "  token add           makes a token, and prints it; it is never shown "
    "again\n"
    "  token list          the tokens there are, without their secrets\n"
    "  token revoke        they are of no more use\n"
    "\n"
    "      --certificate FILE\n"
    "                      this client certificate, PEM or DER, is the token\n"
    "      --scopes SCOPES what it may do: read, keys, write, order, with + "
    "between\n"
    "                      them (read)\n"
    "      --expires TIME  RFC 3339, or so long from now (36h 30d); never\n"
    "      --note TEXT     whom it is for\n"
    "      --timeout N     what works is ended after N seconds (900)\n"
    "      --ready-fd N    work: write a newline to N when it listens\n"
    "\n"
    "  -c, --config FILE   the configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL     the store, instead of the configured one\n"
    "  -j, --json          one JSON object per line\n"
    "      --no-header     no line of column names\n"
    "  -q, --quiet         warnings and errors only\n"
    "  -v, --verbose       say what is done\n"
    "  -l, --log SINK      where the log goes: stderr, syslog or fd:N\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

/* ---- serving ------------------------------------------------------------- */

/* All that this program is made of; but for `admin`, read with all rights. */
struct service {
	struct admin admin;
	struct admin_grants grants;
	struct seal_key room;
	struct secret_watch watch, redis_watch; /* of their files */
	struct gateway redis;
	struct suffix_list *suffixes;
	struct admin_setup setup; /* made of these */
};

static int
open_admin(void *self, const struct prog *p, struct err *e)
{
	struct service *s = self;

	(void)p;
	return admin_open(&s->admin, &s->setup, e);
}

static void
close_admin(void *self)
{
	struct service *s = self;

	admin_release(&s->admin);
}

static bool
is_lost(void *self)
{
	const struct service *s = self;

	return s->admin.store && store_is_lost(s->admin.store);
}

/*
 * acmed-store rekey has put another seal in its place, or the Redis has another
 * password: only a new master can read that.
 */
static bool
is_stale(void *self)
{
	const struct service *s = self;

	return secret_has_changed(&s->watch) ||
	    secret_has_changed(&s->redis_watch);
}

static int
read_redis(const struct conf_redis *c, struct service *s, struct err *e)
{
	if (!c->url)
		return 0;
	secret_watch(&s->redis_watch,
	    c->userpass_file ? c->userpass_file : c->password_file);
	if (gateway_read(&s->redis, c, e) < 0)
		return -1;
	s->setup.redis = &s->redis.access;
	return 0;
}

static int
prepare(const struct conf *conf, struct service *s, struct err *e)
{
	digest_start_fast();
	sig_ignore_pipe();
	sig_catch_term();
	secret_watch(&s->watch, conf->store.certificate_key_file);
	if (secret_seal_key("certificate_key_file",
		conf->store.certificate_key_file, &s->room, &s->setup.seal,
		e) < 0 ||
	    read_redis(&conf->redis, s, e) < 0 ||
	    proc_drop(conf->admin.listener.user, e) < 0)
		return -1;
	s->setup.conf = conf;
	s->setup.grants = &s->grants;
	s->setup.suffixes = s->suffixes = suffix_list_load(e);
	if (!s->suffixes || admin_grants_read(&s->grants, conf, e) < 0)
		return -1;
	return proc_harden(true, e);
}

static int
serve(struct prog *p, struct err *e)
{
	struct service s = {0};
	const struct pool_service service = {.open = open_admin,
	    .close = close_admin,
	    .is_lost = is_lost,
	    .is_stale = is_stale,
	    .self = &s,
	    .responder = &s.admin.responder,
	    .conf = &p->conf.admin.listener,
	    .role = SANDBOX_ADMIN,
	    .master = SANDBOX_ADMIN_MASTER};
	int rc = prepare(&p->conf, &s, e);

	if (rc == 0)
		rc = pool_run(p, &service, e);
	suffix_list_free(s.suffixes);
	admin_grants_release(&s.grants);
	gateway_release(&s.redis);
	seal_key_wipe(&s.room);
	return rc;
}

/* ---- the work service ---------------------------------------------------- */

static int64_t timeout = 900;

static const struct prog_option work_options[] = {
    {.name = "timeout",
	.type = PROG_NUMBER,
	.value = &timeout,
	.min = 1,
	.max = 86400},
    {0},
};

/* One connection after the other: each may take as long as an order does. */
static int
work_many(const struct work *w, int fd, const struct conf_listener *conf,
    struct err *e)
{
	/* Who has made the socket itself is not started by a client. */
	const struct workers_options options = {.listener = fd,
	    .max = conf->workers,
	    .linger = fd == STDIN_FILENO ? conf->linger * 1000 : 0};
	struct workers *workers = workers_run(&options, e);

	if (!workers) /* the master, and all workers have ended */
		return err_is_set(e) ? -1 : 0;
	while ((fd = workers_accept(workers, e)) >= 0) {
		struct err why = {0};

		if (work_answer(w, fd, &why) < 0)
			log_err("work.refused", &why);
		fd_close(&fd);
	}
	workers_leave(workers);
	return err_is_set(e) ? -1 : 0;
}

/* What it starts has rights of its own to give up, and can have no fewer. */
static int
run_work(struct prog *p, struct err *e)
{
	const struct conf_listener *conf = &p->conf.admin.listener;
	int fd = STDIN_FILENO;
	struct work w = {.client_uid = -1,
	    .config = p->config_path,
	    .store = p->store_url,
	    .to_syslog = p->forced_syslog,
	    .request_ms = conf->request_timeout * 1000,
	    .program_ms = timeout * 1000};

	if ((conf->user && proc_uid(conf->user, &w.client_uid, e) < 0) ||
	    proc_harden(false, e) < 0)
		return -1;
	sig_ignore_pipe();
	sig_catch_term();
	if (!fd_is_stream(fd))
		fd = sock_listen(p->conf.admin.work_socket, 0660, e);
	if (fd < 0)
		return -1;
	prog_ready(p);
	return fd_is_listening(fd) ? work_many(&w, fd, conf, e)
				   : work_answer(&w, fd, e);
}

/* ---- tokens -------------------------------------------------------------- */

static const char *scopes = "read", *expires, *note, *certificate;

static const struct prog_option add_options[] = {
    {.name = "certificate", .type = PROG_TEXT, .value = &certificate},
    {.name = "scopes", .type = PROG_TEXT, .value = &scopes},
    {.name = "expires", .type = PROG_TEXT, .value = &expires},
    {.name = "note", .type = PROG_TEXT, .value = &note},
    {0},
};

#define HEX_SIZE (2 * DIGEST_SHA256_SIZE + 1)

/* What tells which certificate it is; NULL for another token. */
static const char *
show_certificate(const struct admin_token *t, char hex[HEX_SIZE])
{
	hex_encode(hex, t->sha256, sizeof(t->sha256));
	return t->kind == ADMIN_TOKEN_CERTIFICATE ? hex : NULL;
}

static void
print_token(const struct prog *p, const struct admin_token *t, const char *text)
{
	static const char *const columns[] = {"token_id", "token", NULL};
	static const char *const other[] = {"token_id", "sha256", NULL};
	char hex[HEX_SIZE];
	const char *shown = show_certificate(t, hex);
	struct out o;

	out_init(&o, p->json, !p->no_header, shown ? other : columns);
	out_text(&o, t->token_id);
	out_text(&o, shown ? shown : text);
	out_end(&o);
}

static int
read_certificate(struct cert **c, struct err *e)
{
	struct buf bytes;

	if (!certificate)
		return 0;
	buf_init(&bytes, CERT_MAX * (size_t)2);
	if (file_read(certificate, &bytes, e) == 0) {
		*c = cert_from_any(bytes.data, bytes.len, e);
		if (!*c)
			err_object(e, "%.200s", certificate);
	}
	buf_release(&bytes);
	return *c ? 0 : -1;
}

static int
put(struct prog *p, const struct cert *c, struct admin_token *t, struct err *e)
{
	struct store *st =
	    rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	struct buf text;
	int rc = -1;

	buf_init(&text, 128);
	if (st)
		rc = c ? admin_token_add_certificate(st, t, c, e)
		       : admin_token_add(st, t, &text, e);
	if (rc == 0) {
		print_token(p, t, text.data);
		rc = once_told(p, st, t->token_id, admin_token_revoke, e);
	}
	store_close(st);
	buf_wipe(&text);
	return rc;
}

static int
add(struct prog *p, struct err *e)
{
	struct admin_token t = {.note = note};
	struct cert *c = NULL;
	int rc = -1;

	if (scope_parse(scopes, &t.scopes, e) == 0 &&
	    (!expires ||
		since_parse_future("expires", expires, &t.expires, e) == 0) &&
	    read_certificate(&c, e) == 0 && proc_harden(true, e) == 0)
		rc = put(p, c, &t, e);
	cert_free(c);
	return rc;
}

static int
put_token(void *arg, const struct admin_token *t, struct err *e)
{
	struct out *o = arg;
	char text[SCOPE_TEXT_SIZE], hex[HEX_SIZE];

	scope_print(t->scopes, text);
	out_text(o, t->token_id);
	out_text(o, admin_token_kind_name(t->kind));
	out_text(o, admin_token_status_name(t->status));
	out_text(o, text);
	out_time(o, t->created);
	out_time(o, t->expires);
	out_text(o, show_certificate(t, hex));
	out_text(o, t->note);
	out_end(o);
	return out_check(e);
}

static int
each_token(struct store *st, struct out *o, struct err *e)
{
	return admin_token_each(st, put_token, o, e);
}

static int
list(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"token_id", "kind", "status",
	    "scopes", "created", "expires", "sha256", "note", NULL};

	return listing_print(p, columns, each_token, e);
}

static int
revoke_one(struct store *st, const char *operand, void *arg, struct err *e)
{
	(void)arg;
	return admin_token_revoke(st, operand, e) < 0
	    ? err_object(e, "%.100s", operand)
	    : 0;
}

static int
revoke_tokens(struct prog *p, struct err *e)
{
	return operands_each(p, revoke_one, NULL, e);
}

static const struct prog_command commands[] = {
    {.sections = CONF_STORE | CONF_REDIS | CONF_ADMIN, .run = serve},
    {.name = "work",
	.options = work_options,
	.sections = CONF_ADMIN,
	.flags = PROG_SERVES,
	.run = run_work},
    {.name = "token add",
	.options = add_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = add},
    {.name = "token list",
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = list},
    {.name = "token revoke",
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.run = revoke_tokens},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
