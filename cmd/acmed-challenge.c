#include "acme/ident.h"
#include "acme/keyauth.h"
#include "base/b64.h"
#include "base/str.h"
#include "cli/listing.h"
#include "cli/operands.h"
#include "cli/out.h"
#include "cli/pool.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/since.h"
#include "server/wellknown.h"
#include "store/challenge_answer.h"
#include "store/challenge_request.h"
#include "store/identifier.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/digest.h"
#include "wrap/name.h"

static const char usage_text[] =
    "usage: acmed-challenge [options]\n"
    "       acmed-challenge add [--host NAME] [--expires AGE] "
    "TOKEN.THUMBPRINT ...\n"
    "       acmed-challenge list\n"
    "       acmed-challenge remove TOKEN ...\n"
    "       acmed-challenge log [--since TIME] [--token TOKEN]\n"
    "Answers http-01 challenges of other CAs on one HTTP/1.1 connection,\n"
    "descriptor 0 in and 1 out, for inetd, tcpserver, s6 and systemd.  If\n"
    "descriptor 0 is a listening socket, serves it with processes that live\n"
    "on.\n"
    "  add     answers a token of another tool's order as well\n"
    "  list    the answers there are\n"
    "  remove  answers no more\n"
    "  log     who asked\n"
    "\n"
    "  --host NAME        only when this host is asked (default: any)\n"
    "  --expires AGE      how long it is answered, as 10m, 2h (default: 1h)\n"
    "  --since TIME       requests not before: RFC 3339, or an age\n"
    "  --token TOKEN      requests for this token\n"
    "\n"
    "  -c, --config FILE  the configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL    the store, instead of the configured one\n"
    "  -j, --json         one JSON object per line\n"
    "      --no-header    no line of column names\n"
    "  -q, --quiet        warnings and errors only\n"
    "  -v, --verbose      say what is done\n"
    "  -l, --log SINK     where the log goes: stderr, syslog or fd:N\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n";

/* ---- serving ------------------------------------------------------------- */

static int
open_wellknown(void *self, const struct prog *p, struct err *e)
{
	return wellknown_open(self, &p->conf, e);
}

static void
close_wellknown(void *self)
{
	wellknown_release(self);
}

static bool
is_lost(void *self)
{
	const struct wellknown *w = self;

	return w->store && store_is_lost(w->store);
}

static int
serve(struct prog *p, struct err *e)
{
	struct wellknown wellknown = {0};
	bool stateless = wellknown_is_stateless(&p->conf);
	const struct pool_service service = {.open = open_wellknown,
	    .close = close_wellknown,
	    .is_lost = is_lost,
	    .self = &wellknown,
	    .responder = &wellknown.responder,
	    .conf = &p->conf.challenge.listener,
	    .role = stateless ? SANDBOX_STATELESS : SANDBOX_CHALLENGE,
	    .master = stateless ? SANDBOX_STATELESS_MASTER
				: SANDBOX_CHALLENGE_MASTER};

	digest_start_fast();
	sig_ignore_pipe();
	sig_catch_term();
	if (proc_drop(service.conf->user, e) < 0 || proc_harden(true, e) < 0)
		return -1;
	return pool_run(p, &service, e);
}

/* ---- tokens of other tools ----------------------------------------------- */

static const char *host;
static const char *expires = "1h";
static const char *since;
static const char *token;

static const struct prog_option add_options[] = {
    {.name = "host", .type = PROG_TEXT, .value = &host},
    {.name = "expires", .type = PROG_TEXT, .value = &expires},
    {0},
};

static const struct prog_option log_options[] = {
    {.name = "since", .type = PROG_TEXT, .value = &since},
    {.name = "token", .type = PROG_TEXT, .value = &token},
    {0},
};

/* The token of TOKEN.THUMBPRINT; the caller frees. */
static char *
token_of(const char *keyauth, struct err *e)
{
	size_t len = strcspn(keyauth, ".");
	char *text = xstrndup(keyauth, len);
	struct buf sum;
	bool good;

	buf_init(&sum, 32);
	good = keyauth[len] == '.' && keyauth_token_is_good(text) &&
	    b64url_decode(&sum, keyauth + len + 1, strlen(keyauth + len + 1)) ==
		0 &&
	    sum.len == 32;
	buf_release(&sum);
	if (good)
		return text;
	free(text);
	err_set(e, KIND_INPUT,
	    "%.100s: not of the form TOKEN.THUMBPRINT (RFC 8555 8.1)", keyauth);
	return NULL;
}

static int
add_one(struct store *st, const char *keyauth, const char *name, int64_t until,
    struct err *e)
{
	struct challenge_answer a = {.expires = until};
	int rc = -1;

	a.token = token_of(keyauth, e);
	if (a.token) {
		a.key_authorization = xstrdup(keyauth);
		a.host = str_dup(name);
		rc = challenge_answer_put(st, &a, e);
	}
	challenge_answer_release(&a);
	return rc;
}

/* The host as requests name it, NULL: any; the caller frees. */
static int
read_host(char **name, struct err *e)
{
	char *typed = host ? name_spell(host) : NULL;
	struct identifier id = {0};
	struct err ignored = {0};
	int rc = 0;

	*name = NULL;
	if (typed && ident_parse("ip", typed, &id, &ignored) < 0)
		rc = ident_parse("dns", typed, &id, e);
	if (rc == 0 && id.value && ident_is_wildcard(id.value))
		rc = err_set(e, KIND_INPUT, "no request is for a wildcard");
	if (rc < 0)
		err_object(e, "--host %.100s", host);
	else if (typed)
		*name = ident_host(id.value);
	identifier_release(&id);
	free(typed);
	return rc;
}

/* Each operand by itself: what is wrong with one does not stop the others. */
static void
add_all(struct prog *p, struct store *st, const struct strv *keyauths,
    const char *name, int64_t until)
{
	for (size_t i = 0; i < keyauths->len; i++) {
		struct err e = {0};

		if (add_one(st, keyauths->v[i], name, until, &e) < 0)
			prog_item_failed(p, &e);
	}
}

static int
add(struct prog *p, struct err *e)
{
	struct strv keyauths = {0};
	struct store *st = NULL;
	char *name = NULL;
	int64_t until;
	int rc = since_parse_future("expires", expires, &until, e);

	if (rc == 0)
		rc = read_host(&name, e);
	if (rc == 0)
		rc = operands_read(p, &keyauths, e);
	if (rc == 0) {
		st = rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
		rc = st ? 0 : -1;
	}
	if (rc == 0)
		add_all(p, st, &keyauths, name, until);
	store_close(st);
	free(name);
	strv_release(&keyauths);
	return rc;
}

static int
remove_one(struct store *st, const char *operand, void *arg, struct err *e)
{
	(void)arg;
	return challenge_answer_remove(st, operand, e);
}

static int
remove_tokens(struct prog *p, struct err *e)
{
	return operands_each(p, remove_one, NULL, e);
}

static int
print_answer(void *arg, const struct challenge_answer *a, struct err *e)
{
	struct out *o = arg;

	out_text(o, a->token);
	out_text(o, a->host);
	out_time(o, a->created);
	out_time(o, a->expires);
	out_yes(o, a->upstream_challenge_id != 0);
	out_text(o, a->key_authorization);
	out_end(o);
	return out_check(e);
}

static int
each_answer(struct store *st, struct out *o, struct err *e)
{
	return challenge_answer_each(st, print_answer, o, e);
}

static int
list(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"token", "host", "created",
	    "expires", "ours", "key_authorization", NULL};

	return listing_print(p, columns, each_answer, e);
}

static int
print_request(void *arg, const struct challenge_request *r, struct err *e)
{
	struct out *o = arg;

	out_time(o, r->at);
	out_text(o, r->address);
	out_text(o, r->host);
	out_text(o, r->token);
	out_yes(o, r->answered);
	out_end(o);
	return out_check(e);
}

static struct challenge_request_filter filter;

static int
each_request(struct store *st, struct out *o, struct err *e)
{
	return challenge_request_each(st, &filter, print_request, o, e);
}

static int
show_log(struct prog *p, struct err *e)
{
	static const char *const columns[] = {
	    "time", "address", "host", "token", "answered", NULL};

	filter.token = token;
	if (since && since_parse("since", since, &filter.since, e) < 0)
		return -1;
	return listing_print(p, columns, each_request, e);
}

static const struct prog_command commands[] = {
    {.sections = CONF_STORE | CONF_CHALLENGE, .run = serve},
    {.name = "add",
	.options = add_options,
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.run = add},
    {.name = "list", .sections = CONF_STORE, .flags = PROG_JSON, .run = list},
    {.name = "remove",
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.run = remove_tokens},
    {.name = "log",
	.options = log_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = show_log},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
