#include "cli/orderwork.h"

#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "cli/sheet.h"
#include "client/client.h"
#include "conf/value.h"
#include "http/network.h"
#include "store/sealing_key.h"
#include "store/upstream_authorization.h"
#include "wrap/suffix.h"

/* ---- prechecks ----------------------------------------------------------- */

static int
confine(void *arg, struct err *e)
{
	const struct prog *p = arg;
	const struct conf_client *c = &p->conf.client;
	struct sandbox s = {0};
	int rc;

	sandbox_add_port(&s, (uint16_t)c->precheck_http_port);
	sandbox_add_port(&s, (uint16_t)c->precheck_tls_port);
	for (size_t i = 0; i < c->resolver.len; i++)
		sandbox_add_port(&s, value_resolver_port(c->resolver.v[i]));
	rc = rights_enter_ports(
	    p, SANDBOX_VALIDATE_NETWORK, s.ports, s.ports_len, e);
	sandbox_release(&s);
	return rc;
}

static bool
has_looks(const struct solvers *s)
{
	for (size_t i = 0; i < s->len; i++)
		if (s->v[i].solver.type &&
		    strcmp(s->v[i].solver.type, "dns-01") != 0)
			return true;
	return false;
}

/* Begins before there is a secret in memory, too. */
static int
start_precheck(struct orderwork *w, struct err *e)
{
	const struct precheck_options o = {.conf = &w->prog->conf.client,
	    .askers = &w->askers,
	    .confine = confine,
	    .arg = w->prog};

	if (strcmp(o.conf->precheck, "on") != 0 || !has_looks(&w->solvers))
		return 0;
	if (precheck_start(&w->precheck, &o, e) < 0)
		return -1;
	w->options.look = precheck_look;
	w->options.arg = &w->precheck;
	return 0;
}

/* ---- start and end ------------------------------------------------------- */

/* Solvers begin before there is a secret in memory. */
static void
prepare_solvers(struct orderwork *w, const int64_t *ids, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct orderpolicy policy = {0};
		struct upstream_order o;
		struct err ignored = {0};

		/* one that is not there is told of when its turn comes */
		if (upstream_order_by_id(w->up.st, ids[i], &o, &ignored) < 0)
			continue;
		/* so is one whose solvers cannot be made */
		if (orderpolicy_read(&policy, o.policy, &ignored) == 0)
			solvers_prepare(&w->solvers, &policy, &ignored);
		orderpolicy_release(&policy);
		upstream_order_release(&o);
	}
}

/* What solvers need of this process when rights are given up. */
static void
tell_needs(struct orderwork *w)
{
	for (size_t i = 0; i < w->solvers.len; i++) {
		const struct solvers_item *item = &w->solvers.v[i];

		if (!item->solver.name)
			continue; /* it could not be made */
		if (item->solver.needs == SOLVER_PROGRAM)
			w->up.runs_programs = true;
		if (item->solver.needs == SOLVER_DIRECTORY)
			strv_add(&w->prog->writes, solver_argument(item->text));
	}
	w->up.role = SANDBOX_CLIENT_ORDER;
}

int
orderwork_load_limits(struct orderwork *w, const struct prog *p, struct err *e)
{
	buf_init(&w->limits_text, LIMITS_FILE_MAX);
	w->suffixes = suffix_list_load(e);
	if (!w->suffixes)
		return -1;
	return limits_load(p->conf.client.limits_file, &w->limits_text, e);
}

int
orderwork_prepare(
    struct orderwork *w, struct prog *p, const char *ca, struct err *e)
{
	w->prog = p;
	if (upstream_start(&w->up, p, ca, e) < 0)
		return -1;
	w->up.st = store_open(p->conf.store.url, STORE_WRITE, e);
	if (!w->up.st)
		return -1;
	w->options =
	    (struct solver_options){.resolvers = &p->conf.client.resolver,
		.proxy = p->conf.client.proxy,
		.acme_dns_trust = p->conf.client.acme_dns_trust,
		.programs = (size_t)p->conf.client.hook_jobs,
		.askers = &w->askers,
		.user = p->conf.client.user,
		.sandbox = rights_mode(&p->conf)};
	network_watch(w->up.net, &w->askers);
	w->solvers = (struct solvers){.st = w->up.st, .options = &w->options};
	return 0;
}

int
orderwork_enter(struct orderwork *w, struct err *e)
{
	struct prog *p = w->prog;

	if (start_precheck(w, e) < 0)
		return -1;
	if (secret_seal_key("certificate_key_file",
		p->conf.store.certificate_key_file, &w->seal_room, &w->seal,
		e) < 0)
		return -1;
	tell_needs(w);
	if (upstream_enter(&w->up, p, e) < 0)
		return -1;
	w->options.account_key = w->up.seal;
	return sealing_key_check(w->up.st, "certificate_key_file", w->seal, e);
}

int
orderwork_start(struct orderwork *w, struct prog *p, const char *ca,
    const struct orderpolicy *policy, const int64_t *ids, size_t len,
    struct err *e)
{
	if (orderwork_prepare(w, p, ca, e) < 0 ||
	    (policy && solvers_prepare(&w->solvers, policy, e) < 0))
		return -1;
	prepare_solvers(w, ids, len);
	return orderwork_enter(w, e);
}

static void
close_account(struct orderwork *w)
{
	client_free(w->up.client);
	w->up.client = NULL;
	upstream_ca_release(&w->up.ca);
	upstream_account_release(&w->account);
	key_free(w->account_key);
	w->account_key = NULL;
}

int
orderwork_open(struct orderwork *w, int64_t account_id, struct err *e)
{
	struct enrol x;

	if (w->account_key && w->account.id == account_id)
		return 0;
	close_account(w);
	if (upstream_account_by_id(w->up.st, account_id, &w->account, e) < 0 ||
	    upstream_open_ca(&w->up, w->prog, w->account.directory_url, e) < 0)
		return -1;
	if (w->limits_text.data &&
	    limits_read(w->prog->conf.client.limits_file, w->limits_text.data,
		w->limits_text.len, w->up.ca.name, &w->limits, e) < 0)
		return -1;
	upstream_account_release(&w->account);
	x = upstream_enrol(&w->up);
	w->account_key = enrol_open(&x, account_id, &w->account, &w->signer, e);
	if (!w->account_key || client_directory(w->up.client, e) < 0)
		return -1;
	jwk_thumbprint(w->account_key, w->thumbprint);
	return 0;
}

int
orderwork_pick_account(struct orderwork *w, const char *text, const char *ca,
    int64_t *id, struct err *e)
{
	struct upstream_account a;
	int rc;

	if (text) {
		rc = upstream_account_pick(w->up.st, text, &a, e);
	} else {
		close_account(w); /* its client goes */
		if (upstream_open_ca(&w->up, w->prog, ca, e) < 0)
			return -1;
		rc = upstream_account_default(
		    w->up.st, w->up.ca.directory_url, &a, e);
		if (rc < 0 && e->kind == KIND_NOTFOUND)
			err_object(e,
			    "%s has no default account; acme-account register "
			    "makes one",
			    w->up.ca.name);
	}
	if (rc < 0)
		return -1;
	*id = a.id;
	upstream_account_release(&a);
	return 0;
}

struct ordering_env
orderwork_env(struct orderwork *w)
{
	return (struct ordering_env){.st = w->up.st,
	    .client = w->up.client,
	    .signer = &w->signer,
	    .thumbprint = w->thumbprint,
	    .key_type = w->account.certificate_key_type,
	    .key_cycle = w->account.certificate_key_cycle,
	    .seal = w->seal,
	    .solvers = &w->solvers,
	    .unchecked = strcmp(w->prog->conf.client.precheck, "off") == 0,
	    .limits = &w->limits,
	    /* some requests are sent twice */
	    .hold = 2 * w->prog->conf.client.timeout + ORDERING_HOLD};
}

void
orderwork_note_result(struct prog *p, const struct orders_result *r)
{
	p->brings |= r->order && r->order->status == UPSTREAM_ORDER_VALID;
}

void
orderwork_stop(struct orderwork *w)
{
	if (!w)
		return;
	close_account(w);
	solvers_release(&w->solvers);
	precheck_stop(&w->precheck);
	askers_release(&w->askers);
	upstream_stop(&w->up);
	buf_release(&w->limits_text);
	suffix_list_free(w->suffixes);
	seal_key_wipe(&w->seal_room);
}

/* ---- telling ------------------------------------------------------------- */

int
orderwork_parse_id(const char *text, int64_t *id, struct err *e)
{
	const char *digits = text;
	uint64_t n;

	if (str_starts(text, "upstream_order/"))
		digits += strlen("upstream_order/");
	if (!str_to_u64(digits, INT64_MAX, &n) || n == 0)
		return err_set(
		    e, KIND_INPUT, "%s: no number of an order", text);
	*id = (int64_t)n;
	return 0;
}

void
orderwork_begin(struct out *o, const struct prog *p)
{
	static const char *const columns[] = {"id", "status", "names",
	    "account", "certificate", "private_key", "profile", "replaces",
	    "retry_of", "created", "expires", "retry_at", "cause", "error",
	    NULL};

	out_init(o, p->json, !p->no_header, columns);
}

static int
load_names(struct store *st, int64_t id, struct strv *names, struct err *e)
{
	return upstream_order_names(st, id, names, names, e);
}

int
orderwork_print(struct out *out, struct store *st, int64_t id, struct err *e)
{
	struct strv names = {0};
	struct upstream_order o;

	if (upstream_order_by_id(st, id, &o, e) < 0)
		return -1;
	if (load_names(st, id, &names, e) < 0) {
		upstream_order_release(&o);
		return -1;
	}
	out_int(out, o.id);
	out_text(out, upstream_order_status_name(o.status));
	out_list(out, &names);
	out_int(out, o.upstream_account_id);
	out_id(out, o.certificate_id);
	out_id(out, o.private_key_id);
	out_text(out, o.profile);
	out_id(out, o.replaces_id);
	out_id(out, o.retry_of_id);
	out_time(out, o.created);
	out_time(out, o.expires);
	out_time(out, o.retry_at);
	out_text(out, o.cause);
	out_text(out, o.error);
	out_end(out);
	strv_release(&names);
	upstream_order_release(&o);
	return out_check(e);
}

static int
print_authorization(
    void *arg, const struct upstream_authorization_item *i, struct err *e)
{
	struct out *out = arg;

	out_int(out, i->id);
	out_text(out, i->status);
	out_text(out, i->value);
	out_text(out, i->ca);
	out_int(out, i->upstream_account_id);
	out_id(out, i->upstream_order_id);
	out_text(out, i->type);
	out_text(out, i->solver);
	out_text(out, i->place);
	out_time(out, i->expires);
	out_text(out, i->url);
	out_end(out);
	return out_check(e);
}

int
orderwork_print_authorizations(const struct prog *p, struct store *st,
    const struct upstream_authorization_filter *f, struct err *e)
{
	static const char *const columns[] = {"id", "status", "name", "ca",
	    "account", "order", "challenge", "solver", "place", "expires",
	    "url", NULL};
	struct out out;

	out_init(&out, p->json, !p->no_header, columns);
	if (upstream_authorization_each(st, f, print_authorization, &out, e) <
	    0)
		return -1;
	out_finish(&out);
	return 0;
}

static void
add_challenge(struct strv *out, const struct upstream_authorization *a,
    const struct upstream_challenge *c)
{
	char *line = xasprintf("%s %s %s%s%s%s%s%s%s", a->value, c->type,
	    upstream_challenge_status_name(c->status),
	    c->place == UPSTREAM_PLACE_NONE ? "" : " ",
	    c->place == UPSTREAM_PLACE_NONE
		? ""
		: upstream_challenge_place_name(c->place),
	    c->solver ? " by " : "", c->solver ? c->solver : "",
	    c->error ? ": " : "", c->error ? c->error : "");

	strv_add(out, line);
	free(line);
}

static int
show_authorizations(
    struct sheet *s, struct store *st, int64_t id, struct err *e)
{
	struct strv authorizations = {0}, challenges = {0};
	struct upstream_authorizations l;

	if (upstream_authorization_by_order(st, id, &l, e) < 0)
		return -1;
	for (size_t i = 0; i < l.len; i++) {
		const struct upstream_authorization *a = &l.v[i];
		char *line = xasprintf("%s %s", a->value ? a->value : a->url,
		    upstream_authorization_status_name(a->status));

		strv_add(&authorizations, line);
		free(line);
		for (size_t j = 0; j < a->challenges_len; j++)
			add_challenge(&challenges, a, &a->challenges[j]);
	}
	sheet_list(s, "authorizations", &authorizations);
	sheet_list(s, "challenges", &challenges);
	strv_release(&authorizations);
	strv_release(&challenges);
	upstream_authorizations_release(&l);
	return 0;
}

static void
sheet_id(struct sheet *s, const char *name, int64_t id)
{
	if (id != 0)
		sheet_int(s, name, id);
}

static void
show_order(
    struct sheet *s, const struct upstream_order *o, const struct strv *names)
{
	sheet_int(s, "id", o->id);
	sheet_text(s, "status", upstream_order_status_name(o->status));
	sheet_list(s, "names", names);
	sheet_int(s, "account", o->upstream_account_id);
	sheet_text(s, "url", o->url);
	sheet_id(s, "certificate", o->certificate_id);
	sheet_id(s, "private_key", o->private_key_id);
	sheet_id(s, "certificate_request", o->certificate_request_id);
	sheet_text(s, "profile", o->profile);
	sheet_id(s, "replaces", o->replaces_id);
	sheet_id(s, "retry_of", o->retry_of_id);
	sheet_text(s, "policy", o->policy);
	sheet_time(s, "created", o->created);
	sheet_time(s, "expires", o->expires);
	sheet_time(s, "not_before", o->not_before);
	sheet_time(s, "not_after", o->not_after);
	sheet_time(s, "retry_at", o->retry_at);
	sheet_text(s, "cause", o->cause);
	sheet_text(s, "error", o->error);
}

int
orderwork_show(struct store *st, int64_t id, bool json, struct err *e)
{
	struct strv names = {0};
	struct upstream_order o;
	struct sheet s;
	int rc;

	if (upstream_order_by_id(st, id, &o, e) < 0)
		return -1;
	rc = load_names(st, id, &names, e);
	sheet_init(&s, json ? SHEET_JSON : SHEET_TEXT);
	show_order(&s, &o, &names);
	if (rc == 0)
		rc = show_authorizations(&s, st, id, e);
	sheet_end(&s);
	strv_release(&names);
	upstream_order_release(&o);
	return rc;
}
