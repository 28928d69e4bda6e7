#include "cli/acmedns.h"

#include "acme/ident.h"
#include "acme/keyauth.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/upstream.h"
#include "solve/acme_dns.h"
#include "solve/lookup.h"
#include "store/acme_dns_account.h"
#include "store/identifier.h"
#include "sys/asker.h"
#include "wrap/name.h"

#define SERVERS_MAX 16 /* a process each */

/* What a server is told in an audit: 43 characters that are no digest. */
#define AUDIT_TEXT "___validation_token_received_from_the_ca___"

struct work {
	struct prog *prog;
	const struct acmedns *how;
	struct upstream up; /* its store and seal */
	struct strv names; /* as the store has them; none: all */
	struct strv seen; /* of these */
	struct strv urls; /* of the servers */
	struct acme_dns *servers[SERVERS_MAX]; /* in the same order */
	struct askers askers;
	struct lookup *lookup;
	struct out out;
};

/* ---- names and servers --------------------------------------------------- */

static int
add_name(struct work *w, const char *typed, struct err *e)
{
	char *name = name_spell(typed);
	struct identifier id = {0};
	int rc = ident_parse("dns", name, &id, e);

	if (rc == 0)
		strv_add(&w->names,
		    ident_is_wildcard(id.value) ? id.value + 2 : id.value);
	else
		err_object(e, "%s", typed);
	identifier_release(&id);
	free(name);
	return rc;
}

static int
init(struct work *w, struct prog *p, const struct acmedns *how, struct err *e)
{
	w->prog = p;
	w->how = how;
	w->up.role = SANDBOX_STORE_USER;
	for (int i = 0; i < how->len; i++)
		if (add_name(w, how->names[i], e) < 0)
			return -1;
	strv_sort_unique(&w->names);
	if (how->server) {
		char *url = acme_dns_spell(how->server);

		strv_add(&w->urls, url);
		free(url);
	}
	return 0;
}

static bool
is_meant(const struct work *w, const char *url, const char *name)
{
	return (!w->how->server || strcmp(url, w->urls.v[0]) == 0) &&
	    (w->names.len == 0 || strv_has(&w->names, name));
}

static int
add_server(void *arg, const char *url, const char *name,
    const struct acme_dns_account *a, struct err *e)
{
	struct work *w = arg;

	(void)a;
	if (!is_meant(w, url, name) || strv_has(&w->urls, url))
		return 0;
	if (w->urls.len == SERVERS_MAX)
		return err_set(e, KIND_INPUT,
		    "more than %d servers: name one with --server",
		    SERVERS_MAX);
	strv_add(&w->urls, url);
	return 0;
}

static int
find_servers(struct work *w, struct err *e)
{
	struct store *st = store_open(w->prog->conf.store.url, STORE_READ, e);
	int rc = st ? acme_dns_account_each(st, add_server, w, e) : -1;

	store_close(st);
	return rc;
}

/* Processes that talk to others begin before there is a secret. */
static int
start(struct work *w, bool looks, struct err *e)
{
	const struct conf_client *c = &w->prog->conf.client;
	const enum sandbox_mode mode = rights_mode(&w->prog->conf);
	const struct lookup_options how = {.resolvers = &c->resolver,
	    .user = c->user,
	    .sandbox = mode,
	    .askers = &w->askers};

	for (size_t i = 0; i < w->urls.len; i++) {
		const struct acme_dns_options o = {.url = w->urls.v[i],
		    .proxy = c->proxy,
		    .trust = c->acme_dns_trust,
		    .user = c->user,
		    .sandbox = mode};

		w->servers[i] = acme_dns_new(&o, e);
		if (!w->servers[i])
			return -1;
	}
	if (looks && !(w->lookup = lookup_new(&how, e)))
		return -1;
	return upstream_enter(&w->up, w->prog, e);
}

static struct acme_dns *
server_of(const struct work *w, const char *url)
{
	for (size_t i = 0; i < w->urls.len; i++)
		if (strcmp(w->urls.v[i], url) == 0)
			return w->servers[i];
	return NULL;
}

static void
finish(struct work *w)
{
	for (size_t i = 0; i < w->urls.len; i++)
		acme_dns_free(w->servers[i]);
	lookup_free(w->lookup);
	askers_release(&w->askers);
	upstream_stop(&w->up);
	strv_release(&w->names);
	strv_release(&w->seen);
	strv_release(&w->urls);
}

/* ---- what is printed ----------------------------------------------------- */

#define COLUMNS "name", "server", "record", "cname"
static const char *const list_columns[] = {COLUMNS, NULL};
static const char *const result_columns[] = {COLUMNS, "result", NULL};

static void
put(struct work *w, const char *url, const char *name,
    const struct acme_dns_account *a, const char *result)
{
	char *record = xasprintf("%s%s", KEYAUTH_RECORD_PREFIX, name);

	out_text(&w->out, name);
	out_text(&w->out, url);
	out_text(&w->out, record);
	out_text(&w->out, a->fulldomain);
	if (result)
		out_text(&w->out, result);
	out_end(&w->out);
	free(record);
}

static void
begin(struct work *w, const char *const *columns)
{
	out_init(&w->out, w->prog->json, !w->prog->no_header, columns);
}

/* A name that was given and has no account. */
static void
tell_missing(struct work *w)
{
	for (size_t i = 0; i < w->names.len; i++) {
		struct err why = {0};

		if (strv_has(&w->seen, w->names.v[i]))
			continue;
		err_set(&why, KIND_NOTFOUND, "%s: no account at %s",
		    w->names.v[i],
		    w->how->server ? "that server" : "an acme-dns server");
		prog_item_failed(w->prog, &why);
	}
}

/* ---- list ---------------------------------------------------------------- */

static int
list_one(void *arg, const char *url, const char *name,
    const struct acme_dns_account *a, struct err *e)
{
	struct work *w = arg;

	if (!is_meant(w, url, name))
		return 0;
	strv_add(&w->seen, name);
	put(w, url, name, a, NULL);
	return out_check(e);
}

int
acmedns_list(struct prog *p, const struct acmedns *how, struct err *e)
{
	struct work w = {0};
	int rc = init(&w, p, how, e);

	if (rc == 0) {
		w.up.st =
		    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
		rc = w.up.st ? 0 : -1;
	}
	begin(&w, list_columns);
	if (rc == 0)
		rc = acme_dns_account_each(w.up.st, list_one, &w, e);
	if (rc == 0) {
		out_finish(&w.out);
		tell_missing(&w);
	}
	finish(&w);
	return rc;
}

/* ---- register ------------------------------------------------------------ */

static int
register_one(struct work *w, const char *name, struct err *e)
{
	struct acme_dns_account a = {0};
	const char *url = w->urls.v[0], *result = "exists";
	struct err why = {0};
	int rc =
	    acme_dns_account_find(w->up.st, url, name, w->up.seal, &a, &why);

	if (rc < 0 && why.kind == KIND_NOTFOUND) {
		acme_dns_account_release(&a);
		result = "created";
		err_clear(&why);
		rc = acme_dns_register(w->servers[0], &a, &why);
		if (rc == 0)
			rc = acme_dns_account_add(
			    w->up.st, url, name, &a, w->up.seal, &why);
	}
	if (rc == 0) {
		put(w, url, name, &a, result);
		rc = out_check(e);
	} else {
		err_object(&why, "%s", name);
		prog_item_failed(w->prog, &why);
		rc = 0;
	}
	acme_dns_account_release(&a);
	return rc;
}

int
acmedns_register(struct prog *p, const struct acmedns *how, struct err *e)
{
	struct work w = {0};
	int rc;

	if (!how->server || how->len == 0)
		return prog_misuse(
		    e, "acme-dns register wants --server URL and names");
	rc = init(&w, p, how, e);
	if (rc == 0)
		rc = start(&w, false, e);
	begin(&w, result_columns);
	for (size_t i = 0; rc == 0 && i < w.names.len; i++)
		rc = register_one(&w, w.names.v[i], e);
	if (rc == 0)
		out_finish(&w.out);
	finish(&w);
	return rc;
}

/* ---- audit --------------------------------------------------------------- */

static const char *
judge(struct work *w, const char *url, const char *name, struct err *why)
{
	struct acme_dns_account full = {0};
	const char *result = "ok";

	if (acme_dns_account_find(w->up.st, url, name, w->up.seal, &full, why) <
	    0)
		result = "sealed";
	else if (acme_dns_check_cname(w->lookup, name, &full, why) < 0)
		result = why->kind == KIND_BUSY ? "unknown" : "no-cname";
	else if (acme_dns_update(server_of(w, url), &full, AUDIT_TEXT, why) < 0)
		result = why->kind == KIND_BUSY ? "unknown" : "refused";
	acme_dns_account_release(&full);
	return result;
}

static int
audit_one(void *arg, const char *url, const char *name,
    const struct acme_dns_account *a, struct err *e)
{
	struct work *w = arg;
	struct err why = {0};

	if (!is_meant(w, url, name))
		return 0;
	strv_add(&w->seen, name);
	if (server_of(w, url))
		put(w, url, name, a, judge(w, url, name, &why));
	if (err_is_set(&why)) {
		err_object(&why, "%s", name);
		prog_item_failed(w->prog, &why);
	}
	return out_check(e);
}

int
acmedns_audit(struct prog *p, const struct acmedns *how, struct err *e)
{
	struct work w = {0};
	int rc = init(&w, p, how, e);

	if (rc == 0)
		rc = find_servers(&w, e);
	if (rc == 0)
		rc = start(&w, true, e);
	begin(&w, result_columns);
	if (rc == 0)
		rc = acme_dns_account_each(w.up.st, audit_one, &w, e);
	if (rc == 0) {
		out_finish(&w.out);
		tell_missing(&w);
	}
	finish(&w);
	return rc;
}
