#include <limits.h>

#include "cli/certs.h"
#include "cli/operands.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/sheet.h"
#include "jobs/fetcher.h"
#include "jobs/reconcile.h"
#include "order/orderkey.h"
#include "policy/address.h"
#include "store/ca_certificate.h"
#include "store/ca_preference.h"
#include "store/certificate_sweep.h"
#include "store/domain.h"
#include "store/fqdn_set.h"
#include "store/private_key.h"
#include "store/renewal_configuration.h"
#include "store/store.h"
#include "sys/sig.h"
#include "wrap/name.h"

static const char usage_text[] =
    "usage: cert-manage [-hqVv] [-c FILE] [-s URL] [-l SINK] COMMAND ...\n"
    "Changes the state of certificates and names.  CERT is a number, a SHA-1,\n"
    "or the beginning of a SHA-256; - is a list of them on standard input, as\n"
    "cert-list prints it.\n"
    "\n"
    "  activate CERT ...   may be served again\n"
    "  deactivate CERT ...\n"
    "                      is served no more; activate is the way back\n"
    "  auto-renew on|off CERT ...\n"
    "                      whether it is renewed before it expires\n"
    "  domain enable|disable NAME ...\n"
    "                      whether anything is ordered for a name\n"
    "  compromise KEY ...  somebody else has the private key: it is marked, "
    "and\n"
    "                      its certificates are revoked; there is no way back\n"
    "  deactivate-expired [-nj]\n"
    "                      what has expired, but never the latest of a name\n"
    "  deactivate-duplicates [-nj]\n"
    "                      what a later one for the same names stands in for\n"
    "  prefer [-j] [CA ... | none]\n"
    "                      the chain of a certificate that has the first of "
    "these\n"
    "                      CAs in it is the one to serve; without CA, what is "
    "so\n"
    "                      now.  CA is a number or the beginning of a SHA-256\n"
    "  reconcile [-nj] [--allow RANGE ...] [--port N ...]\n"
    "                      fetch the certificates of unknown issuers from "
    "where\n"
    "                      the certificates say\n"
    "  renewal list [-j]   what is renewed; CONFIGURATION is a number, a "
    "label, "
    "or a\n"
    "                      name with its certificate\n"
    "  renewal show CONFIGURATION [-j]\n"
    "                      one in full\n"
    "  renewal set CONFIGURATION [OPTION ...]\n"
    "                      how it is renewed from now on\n"
    "  renewal activate|deactivate|remove CONFIGURATION ...\n"
    "                      whether it is renewed, and is there at all\n"
    "  update-recents [-nj]\n"
    "                      works out anew which are the latest of each name\n"
    "\n"
    "      --allow RANGE   also connect to these addresses of this machine or\n"
    "                      network, which are refused otherwise: 127.0.0.0/8\n"
    "      --challenge [NAME=]SOLVER\n"
    "                      how challenges are met, as in acme-order\n"
    "      --key-cycle CYCLE\n"
    "                      when there is another key, or none: the account's\n"
    "      --key-type TYPE p256, rsa2048 ..., or none: the account's\n"
    "      --label TEXT    what it is called, or none\n"
    "      --part-left PERCENT\n"
    "                      of the lifetime, when it is due; rule: a third, or "
    "half\n"
    "      --port N        also connect to this port, not only to 80 and 443\n"
    "      --preferred-chain NAME\n"
    "                      the chain whose last issuer has this commonName, or "
    "none\n"
    "      --profile NAME  of the CA's profiles, or none\n"
    "  -n, --dry-run       change nothing, print what would be changed\n"
    "  -c, --config FILE   configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL     store, instead of [store] url\n"
    "  -j, --json          an object per line, instead of tabs\n"
    "      --no-header     no line of column names\n"
    "  -l, --log SINK      stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet         log warnings and errors only\n"
    "  -v, --verbose       log debug events as well\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

/* ---- one after the other ------------------------------------------------- */

static int
change_active(struct store *st, const char *operand, void *on, struct err *e)
{
	struct certificate_item c;

	return certificate_pick(st, operand, &c, e) < 0
	    ? -1
	    : certificate_set_active(st, c.id, *(const bool *)on, e);
}

static int
change_auto_renew(
    struct store *st, const char *operand, void *on, struct err *e)
{
	struct certificate_item c;

	return certificate_pick(st, operand, &c, e) < 0
	    ? -1
	    : certificate_set_auto_renew(st, c.id, *(const bool *)on, e);
}

static int
change_domain(struct store *st, const char *operand, void *on, struct err *e)
{
	char *name = name_spell(operand);
	struct domain d;
	int rc = domain_by_value(st, name, &d, e);

	if (rc < 0)
		err_object(e, "%s", operand);
	free(name);
	return rc < 0 ? -1 : domain_set_active(st, d.id, *(const bool *)on, e);
}

static int
change_key(struct store *st, const char *operand, void *arg, struct err *e)
{
	struct private_key k;

	(void)arg;
	return private_key_find(st, operand, &k, e) < 0
	    ? -1
	    : private_key_set_status(st, k.id, PRIVATE_KEY_COMPROMISED, e);
}

/* Takes the first operand, which is one of two words. */
static int
take_word(
    struct prog *p, const char *yes, const char *no, bool *on, struct err *e)
{
	const char *word = p->argv[0];

	*on = strcmp(word, yes) == 0;
	if (!*on && strcmp(word, no) != 0)
		return prog_misuse(e, "%s %s: neither %s nor %s",
		    p->command->name, word, yes, no);
	p->argv++;
	p->argc--;
	return 0;
}

static int
activate(struct prog *p, struct err *e)
{
	bool on = true;

	return operands_each(p, change_active, &on, e);
}

static int
deactivate(struct prog *p, struct err *e)
{
	bool on = false;

	return operands_each(p, change_active, &on, e);
}

static int
auto_renew(struct prog *p, struct err *e)
{
	bool on;

	return take_word(p, "on", "off", &on, e) < 0
	    ? -1
	    : operands_each(p, change_auto_renew, &on, e);
}

static int
domain(struct prog *p, struct err *e)
{
	bool on;

	return take_word(p, "enable", "disable", &on, e) < 0
	    ? -1
	    : operands_each(p, change_domain, &on, e);
}

static int
compromise(struct prog *p, struct err *e)
{
	return operands_each(p, change_key, NULL, e);
}

/* ---- all of the store ---------------------------------------------------- */

static int
sweep(struct prog *p, struct store *st, enum certificate_sweep_kind kind,
    struct err *e)
{
	struct certs certs;
	struct certificate_sweep how = {.kind = kind,
	    .dry_run = p->dry_run,
	    .fn = certs_print,
	    .arg = &certs};
	int rc;

	certs_init(&certs, st, p->json, !p->no_header);
	rc = certificate_sweep(st, &how, e);
	if (rc == 0 && p->dry_run)
		out_finish(&certs.out);
	return rc;
}

static enum store_mode
mode_of(const struct prog *p)
{
	return p->dry_run ? STORE_READ : STORE_WRITE;
}

static int
sweep_store(struct prog *p, enum certificate_sweep_kind kind, struct err *e)
{
	struct store *st =
	    rights_open_store(p, mode_of(p), SANDBOX_STORE_USER, e);
	int rc;

	sig_catch_term();
	rc = st ? sweep(p, st, kind, e) : -1;
	store_close(st);
	return rc;
}

static int
deactivate_expired(struct prog *p, struct err *e)
{
	return sweep_store(p, CERTIFICATE_SWEEP_EXPIRED, e);
}

static int
deactivate_duplicates(struct prog *p, struct err *e)
{
	return sweep_store(p, CERTIFICATE_SWEEP_DUPLICATES, e);
}

static int
update_recents(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"domains", NULL};
	struct store *st =
	    rights_open_store(p, mode_of(p), SANDBOX_STORE_USER, e);
	struct out o;
	int64_t changed = 0;
	int rc = st ? domain_refresh_all(st, p->dry_run, &changed, e) : -1;

	out_init(&o, p->json, !p->no_header, columns);
	if (rc == 0 && p->dry_run) {
		out_int(&o, changed);
		out_end(&o);
	}
	store_close(st);
	return rc;
}

/* ---- prefer -------------------------------------------------------------- */

static int
print_preferences(struct prog *p, struct store *st, struct err *e)
{
	static const char *const columns[] = {
	    "position", "id", "subject", "not_after", NULL};
	struct ca_preferences now;
	struct out o;
	int rc = ca_preference_load(st, &now, e);

	out_init(&o, p->json, !p->no_header, columns);
	for (size_t i = 0; rc == 0 && i < now.len; i++) {
		struct ca_certificate c;

		rc = ca_certificate_by_id(st, now.ids[i], &c, e);
		if (rc < 0)
			break;
		out_int(&o, (int64_t)i + 1);
		out_int(&o, c.id);
		out_text(&o, c.subject);
		out_time(&o, c.not_after);
		out_end(&o);
		ca_certificate_release(&c);
	}
	out_finish(&o);
	return rc;
}

static int
set_preferences(struct prog *p, struct store *st, struct err *e)
{
	struct ca_preferences to = {0};
	bool is_none = p->argc == 1 && strcmp(p->argv[0], "none") == 0;

	for (int i = 0; !is_none && i < p->argc; i++)
		if (ca_certificate_pick(st, p->argv[i], &to.ids[to.len++], e) <
		    0)
			return -1;
	return ca_preference_set(st, &to, e);
}

static int
prefer(struct prog *p, struct err *e)
{
	struct store *st = rights_open_store(
	    p, p->argc == 0 ? STORE_READ : STORE_WRITE, SANDBOX_STORE_USER, e);
	int rc = -1;

	if (st)
		rc = p->argc == 0 ? print_preferences(p, st, e)
				  : set_preferences(p, st, e);
	store_close(st);
	return rc;
}

/* ---- reconcile ----------------------------------------------------------- */

#define FETCH_MS 20000
#define PORTS_MAX 16

static struct strv allow, port_words;

static const struct prog_option reconcile_options[] = {
    {.name = "allow", .type = PROG_LIST, .value = &allow},
    {.name = "port", .type = PROG_LIST, .value = &port_words},
    {0},
};

struct reconciling {
	struct prog *prog;
	uint16_t ports[PORTS_MAX];
	size_t ports_len;
	struct fetcher fetcher;
	struct out out;
};

static int
read_ports(struct reconciling *r, struct err *e)
{
	r->ports[r->ports_len++] = 80;
	r->ports[r->ports_len++] = 443;
	for (size_t i = 0; i < port_words.len; i++) {
		uint64_t n;

		if (!str_to_u64(port_words.v[i], UINT16_MAX, &n) || n == 0 ||
		    r->ports_len == PORTS_MAX)
			return prog_misuse(e,
			    "--port %s: no port, or too many of them",
			    port_words.v[i]);
		r->ports[r->ports_len++] = (uint16_t)n;
	}
	return 0;
}

static int
confine(void *arg, struct err *e)
{
	const struct reconciling *r = arg;

	return rights_enter_ports(
	    r->prog, SANDBOX_FETCH, r->ports, r->ports_len, e);
}

static int
fetch(void *arg, const char *url, struct buf *body, struct err *e)
{
	struct reconciling *r = arg;

	return fetcher_get(&r->fetcher, url, body, e);
}

static void
print_gap(struct reconciling *r, const struct reconcile_result *x)
{
	char object[64];

	snprintf(object, sizeof(object), "%s/%lld",
	    event_object_name(x->gap->type), (long long)x->gap->id);
	out_text(&r->out, x->gap->name);
	out_text(&r->out, object);
	out_text(&r->out, x->url);
	out_end(&r->out);
}

/* What is nowhere to be had is no failure: it would be one for ever. */
static int
tell(void *arg, const struct reconcile_result *x, struct err *e)
{
	struct reconciling *r = arg;
	struct err why;

	(void)e;
	if (r->prog->dry_run) {
		print_gap(r, x);
	} else if (x->why) {
		why = *x->why;
		err_object(&why, "%s%s%s/%lld", x->url ? x->url : "",
		    x->url ? ", for " : "", event_object_name(x->gap->type),
		    (long long)x->gap->id);
		prog_item_failed(r->prog, &why);
	}
	return 0;
}

/* Before the store is open: the other process is to have nothing of it. */
static int
start_fetcher(struct reconciling *r, struct err *e)
{
	const struct fetcher_options o = {.allowed = &allow,
	    .ports = r->ports,
	    .ports_len = r->ports_len,
	    .total_ms = FETCH_MS,
	    .confine = confine,
	    .arg = r};
	struct strv none = {0};
	struct err why = {0};

	strv_add(&allow, "any");
	if (address_lists_check(&allow, &none, &why) < 0)
		return prog_misuse(e, "--allow: %s", why.text);
	return r->prog->dry_run ? 0 : fetcher_start(&r->fetcher, &o, e);
}

static int
reconcile(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"issuer", "object", "url", NULL};
	struct reconciling r = {.prog = p};
	const struct reconcile how = {
	    .dry_run = p->dry_run, .fetch = fetch, .arg = &r, .tell = tell};
	struct store *st = NULL;
	int rc = read_ports(&r, e);

	if (rc == 0)
		rc = start_fetcher(&r, e);
	sig_ignore_pipe();
	sig_catch_term();
	if (rc == 0) {
		st = rights_open_store(p, mode_of(p), SANDBOX_STORE_USER, e);
		rc = st ? 0 : -1;
	}
	out_init(&r.out, p->json, !p->no_header, columns);
	if (rc == 0)
		rc = reconcile_run(st, &how, e);
	if (rc == 0 && p->dry_run)
		out_finish(&r.out);
	store_close(st);
	fetcher_stop(&r.fetcher);
	strv_release(&allow);
	strv_release(&port_words);
	return rc;
}

/* ---- renewal ------------------------------------------------------------- */

static const char *label, *key_type, *key_cycle, *preferred_chain, *profile;
static const char *part_left;
static struct strv challenges;

static const struct prog_option renewal_options[] = {
    {.name = "challenge", .type = PROG_LIST, .value = &challenges},
    {.name = "key-cycle", .type = PROG_TEXT, .value = &key_cycle},
    {.name = "key-type", .type = PROG_TEXT, .value = &key_type},
    {.name = "label", .type = PROG_TEXT, .value = &label},
    {.name = "part-left", .type = PROG_TEXT, .value = &part_left},
    {.name = "preferred-chain", .type = PROG_TEXT, .value = &preferred_chain},
    {.name = "profile", .type = PROG_TEXT, .value = &profile},
    {0},
};

static bool
has_settings(void)
{
	return challenges.len > 0 || key_cycle || key_type || label ||
	    part_left || preferred_chain || profile;
}

/* What an order's own policy says, in the words of the options. */
static void
add_rules(const struct orderpolicy *policy, struct strv *out)
{
	for (size_t i = 0; i < policy->rules_len; i++) {
		const struct orderpolicy_rule *r = &policy->rules[i];
		char *text = xasprintf("%s%s%s", r->name ? r->name : "",
		    r->name ? "=" : "", r->solver);

		strv_add(out, text);
		free(text);
	}
}

/* "33", "33.3"; the caller frees. */
static char *
percent(int64_t thousandths)
{
	if (thousandths == 0)
		return NULL;
	return thousandths % 10 == 0
	    ? xasprintf("%lld", (long long)thousandths / 10)
	    : xasprintf("%lld.%lld", (long long)thousandths / 10,
		  (long long)thousandths % 10);
}

struct renewals {
	struct store *st;
	struct out out;
};

static int
print_renewal(void *arg, const struct renewal_configuration *c, struct err *e)
{
	struct renewals *l = arg;
	struct strv names = {0};
	char *part = percent(c->part_left);
	int rc = fqdn_set_names(l->st, c->fqdn_set_id, &names, e);

	out_int(&l->out, c->id);
	out_text(&l->out, c->label);
	out_yes(&l->out, c->active);
	out_list(&l->out, &names);
	out_int(&l->out, c->upstream_account_id);
	out_id(&l->out, c->certificate_id);
	out_time(&l->out, c->due.at);
	out_text(&l->out, renewal_rule_name(c->due.rule));
	out_text(&l->out, c->profile);
	out_text(&l->out, part);
	out_end(&l->out);
	strv_release(&names);
	free(part);
	return rc < 0 ? -1 : out_check(e);
}

static int
renewal_list(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"id", "label", "active", "names",
	    "account", "certificate", "due_at", "rule", "profile", "part_left",
	    NULL};
	const struct renewal_configuration_filter all = {0};
	struct renewals l = {
	    .st = rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e)};
	int rc = -1;

	out_init(&l.out, p->json, !p->no_header, columns);
	if (l.st)
		rc = renewal_configuration_each(
		    l.st, &all, print_renewal, &l, e);
	if (rc == 0)
		out_finish(&l.out);
	store_close(l.st);
	return rc;
}

static void
sheet_policy(struct sheet *s, const struct orderpolicy *policy)
{
	struct strv rules = {0};

	add_rules(policy, &rules);
	sheet_list(s, "challenges", &rules);
	sheet_text(s, "key_type", policy->key_type);
	sheet_text(s, "key_cycle", policy->key_cycle);
	if (policy->private_key_id)
		sheet_int(s, "private_key", policy->private_key_id);
	if (policy->certificate_request_id)
		sheet_int(
		    s, "certificate_request", policy->certificate_request_id);
	if (policy->days)
		sheet_int(s, "days", policy->days);
	sheet_text(s, "preferred_chain", policy->preferred_chain);
	strv_release(&rules);
}

static int
show_renewal(struct prog *p, struct store *st,
    const struct renewal_configuration *c, struct err *e)
{
	struct orderpolicy policy = {0};
	struct strv names = {0};
	char *part = percent(c->part_left);
	struct sheet s;
	int rc = orderpolicy_read(&policy, c->policy, e);

	if (rc == 0)
		rc = fqdn_set_names(st, c->fqdn_set_id, &names, e);
	if (rc == 0) {
		sheet_init(&s, p->json ? SHEET_JSON : SHEET_TEXT);
		sheet_int(&s, "id", c->id);
		sheet_text(&s, "label", c->label);
		sheet_yes(&s, "active", c->active);
		sheet_list(&s, "names", &names);
		sheet_int(&s, "account", c->upstream_account_id);
		if (c->certificate_id)
			sheet_int(&s, "certificate", c->certificate_id);
		sheet_time(&s, "due_at", c->due.at);
		sheet_text(&s, "rule", renewal_rule_name(c->due.rule));
		sheet_text(&s, "part_left", part);
		sheet_text(&s, "profile", c->profile);
		sheet_policy(&s, &policy);
		sheet_time(&s, "created", c->created);
		sheet_end(&s);
	}
	orderpolicy_release(&policy);
	strv_release(&names);
	free(part);
	return rc;
}

static int
renewal_show(struct prog *p, struct err *e)
{
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	struct renewal_configuration c = {0};
	int rc = st ? renewal_configuration_pick(st, p->argv[1], &c, e) : -1;

	if (rc == 0)
		rc = show_renewal(p, st, &c, e);
	renewal_configuration_release(&c);
	store_close(st);
	return rc;
}

/* A text takes the place of what was there; "none" is nothing. */
static void
replace(char **what, const char *with)
{
	if (!with)
		return;
	free(*what);
	*what = strcmp(with, "none") == 0 ? NULL : xstrdup(with);
}

static int
read_part(int64_t *out, struct err *e)
{
	size_t len = part_left ? strcspn(part_left, ".") : 0;
	char *whole = part_left ? xstrndup(part_left, len) : NULL;
	uint64_t n = 0, tenths = 0;
	bool is_good = part_left &&
	    (str_to_u64(whole, 99, &n) &&
		(part_left[len] == '\0' ||
		    (strlen(part_left + len) == 2 &&
			str_to_u64(part_left + len + 1, 9, &tenths))) &&
		n + tenths > 0);

	free(whole);
	if (!part_left)
		return 0;
	if (!is_good && strcmp(part_left, "rule") != 0)
		return prog_misuse(e,
		    "--part-left %s: neither a percentage from 0.1 to 99.9 nor "
		    "rule",
		    part_left);
	*out = is_good ? (int64_t)(n * 10 + tenths) : 0;
	return 0;
}

static const char *
unless_none(const char *word)
{
	return word && strcmp(word, "none") == 0 ? NULL : word;
}

/* Before the store is looked at. */
static int
check_settings(struct err *e)
{
	struct orderpolicy policy = {0};
	int64_t ignored;
	int rc = read_part(&ignored, e);

	if (!has_settings())
		return prog_misuse(e, "renewal set: nothing to set is given");
	if (rc == 0)
		rc = orderkey_check(
		    unless_none(key_type), unless_none(key_cycle), e);
	if (rc == 0)
		rc = orderpolicy_set_rules(&policy, &challenges, e);
	orderpolicy_release(&policy);
	return rc;
}

static int
set_policy(struct renewal_configuration *c, struct err *e)
{
	struct orderpolicy policy;
	struct buf text;
	int rc = orderpolicy_read(&policy, c->policy, e);

	buf_init(&text, ORDERPOLICY_MAX);
	if (rc == 0 && challenges.len > 0)
		rc = orderpolicy_set_rules(&policy, &challenges, e);
	if (key_type || key_cycle)
		policy.private_key_id = policy.certificate_request_id = 0;
	replace(&policy.key_type, key_type);
	replace(&policy.key_cycle, key_cycle);
	replace(&policy.preferred_chain, preferred_chain);
	if (rc == 0 && orderpolicy_write(&policy, &text) < 0)
		rc = prog_misuse(e, "--challenge: too much of it");
	if (rc == 0)
		replace(&c->policy, text.data);
	orderpolicy_release(&policy);
	buf_release(&text);
	return rc;
}

static int
renewal_set(struct prog *p, struct err *e)
{
	struct renewal_configuration c = {0};
	struct store *st;
	int rc = -1;

	if (check_settings(e) < 0)
		return -1;
	st = rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	if (st)
		rc = renewal_configuration_pick(st, p->argv[1], &c, e);
	if (rc == 0)
		rc = set_policy(&c, e);
	if (rc == 0)
		rc = read_part(&c.part_left, e);
	replace(&c.label, label);
	replace(&c.profile, profile);
	if (rc == 0)
		rc = renewal_configuration_set(st, &c, e);
	renewal_configuration_release(&c);
	strv_release(&challenges);
	store_close(st);
	return rc;
}

struct renewal_change {
	int (*fn)(struct store *st, int64_t id, struct err *e);
};

static int
renewal_on(struct store *st, int64_t id, struct err *e)
{
	return renewal_configuration_set_active(st, id, true, e);
}

static int
renewal_off(struct store *st, int64_t id, struct err *e)
{
	return renewal_configuration_set_active(st, id, false, e);
}

static int
change_renewal(struct store *st, const char *operand, void *arg, struct err *e)
{
	const struct renewal_change *change = arg;
	struct renewal_configuration c;
	int rc = renewal_configuration_pick(st, operand, &c, e);

	if (rc == 0)
		rc = change->fn(st, c.id, e);
	renewal_configuration_release(&c);
	return rc;
}

/* The first operand is the word. */
static int
renewal_each(struct prog *p, struct renewal_change change, struct err *e)
{
	p->argv++;
	p->argc--;
	return operands_each(p, change_renewal, &change, e);
}

static int
renewal_activate(struct prog *p, struct err *e)
{
	return renewal_each(p, (struct renewal_change){renewal_on}, e);
}

static int
renewal_deactivate(struct prog *p, struct err *e)
{
	return renewal_each(p, (struct renewal_change){renewal_off}, e);
}

static int
renewal_remove(struct prog *p, struct err *e)
{
	return renewal_each(
	    p, (struct renewal_change){renewal_configuration_remove}, e);
}

/* The second word of the command, and how many operands there are with it. */
static const struct renewal_word {
	const char *word;
	int least, most;
	int (*run)(struct prog *p, struct err *e);
	bool takes_settings;
} renewal_words[] = {
    {"list", 1, 1, renewal_list, false},
    {"show", 2, 2, renewal_show, false},
    {"set", 2, 2, renewal_set, true},
    {"activate", 2, INT_MAX, renewal_activate, false},
    {"deactivate", 2, INT_MAX, renewal_deactivate, false},
    {"remove", 2, INT_MAX, renewal_remove, false},
};

static int
renewal(struct prog *p, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(renewal_words); i++) {
		const struct renewal_word *w = &renewal_words[i];

		if (strcmp(p->argv[0], w->word) != 0)
			continue;
		if (p->argc < w->least || p->argc > w->most)
			return prog_misuse(e, "renewal %s: too %s operands",
			    w->word, p->argc < w->least ? "few" : "many");
		if (has_settings() && !w->takes_settings)
			return prog_misuse(
			    e, "renewal %s: only set takes settings", w->word);
		return w->run(p, e);
	}
	return prog_misuse(e,
	    "renewal %s: none of list show set activate deactivate remove",
	    p->argv[0]);
}

#define EACH(n)                                                                \
	.operands_min = (n), .operands_max = PROG_ANY, .sections = CONF_STORE
#define ALL .sections = CONF_STORE, .flags = PROG_JSON | PROG_DRY_RUN

static const struct prog_command commands[] = {
    {.name = "activate", EACH(1), .run = activate},
    {.name = "deactivate", EACH(1), .run = deactivate},
    {.name = "auto-renew", EACH(2), .run = auto_renew},
    {.name = "domain", EACH(2), .run = domain},
    {.name = "compromise", EACH(1), .run = compromise},
    {.name = "deactivate-expired", ALL, .run = deactivate_expired},
    {.name = "deactivate-duplicates", ALL, .run = deactivate_duplicates},
    {.name = "prefer",
	.operands_max = CA_PREFERENCES_MAX,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = prefer},
    {.name = "reconcile", .options = reconcile_options, ALL, .run = reconcile},
    {.name = "renewal",
	.options = renewal_options,
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = renewal},
    {.name = "update-recents", ALL, .run = update_recents},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
