#include "cli/backups.h"
#include "cli/certs.h"
#include "cli/deploynow.h"
#include "cli/operands.h"
#include "cli/prog.h"
#include "cli/renewals.h"
#include "cli/rights.h"
#include "jobs/fetcher.h"
#include "jobs/reconcile.h"
#include "policy/address.h"
#include "store/ca_certificate.h"
#include "store/ca_preference.h"
#include "store/certificate_sweep.h"
#include "store/domain.h"
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
    "  failover [-nj] [--account ACCOUNT | --ca CA] [CONFIGURATION ...]\n"
    "                      backups serve instead of what is renewed so; of "
    "all\n"
    "                      that are by that account or CA, or of these\n"
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
    "  renewal add CERT ... [--account ACCOUNT] [OPTION ...]\n"
    "                      has certificates renewed, whoever has ordered them\n"
    "  renewal backup --account ACCOUNT CONFIGURATION ...\n"
    "                      keeps a second certificate ready, at another CA\n"
    "  renewal set CONFIGURATION [OPTION ...]\n"
    "                      how it is renewed from now on\n"
    "  renewal activate|deactivate|remove CONFIGURATION ...\n"
    "                      whether it is renewed, and is there at all\n"
    "  update-recents [-nj]\n"
    "                      works out anew which are the latest of each name\n"
    "\n"
    "      --account ACCOUNT\n"
    "                      its number or URL\n"
    "      --allow RANGE   also connect to these addresses of this machine or\n"
    "                      network, which are refused otherwise: 127.0.0.0/8\n"
    "      --ca CA         its name, or the URL of its directory\n"
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
	int64_t n = 0;
	struct certificate_sweep how = {.kind = kind,
	    .dry_run = p->dry_run,
	    .deactivated = &n,
	    .fn = certs_print,
	    .arg = &certs};
	int rc;

	certs_init(&certs, st, p->json, !p->no_header);
	rc = certificate_sweep(st, &how, e);
	p->brings = n > 0;
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
	p->brings = rc == 0 && p->argc > 0;
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
	} else {
		r->prog->brings = true;
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

static struct renewals_change change;

#define SETTING(n, v)                                                          \
	{                                                                      \
		.name = (n), .type = PROG_TEXT, .value = &change.v             \
	}
#define SETTINGS                                                               \
	{.name = "challenge",                                                  \
	    .type = PROG_LIST,                                                 \
	    .value = &change.policy.challenges},                               \
	    SETTING("key-cycle", policy.key_cycle),                            \
	    SETTING("key-type", policy.key_type), SETTING("label", label),     \
	    SETTING("part-left", part_left),                                   \
	    SETTING("preferred-chain", policy.preferred_chain),                \
	    SETTING("profile", profile)

static const struct prog_option renewal_set_options[] = {SETTINGS, {0}};

static struct backups_which which;

static const struct prog_option failover_options[] = {
    {.name = "account", .type = PROG_TEXT, .value = &which.account},
    {.name = "ca", .type = PROG_TEXT, .value = &which.ca},
    {0},
};

static const struct prog_option backup_options[] = {
    {.name = "account", .type = PROG_TEXT, .value = &which.account},
    {0},
};

static const struct prog_option renewal_add_options[] = {
    {.name = "account", .type = PROG_TEXT, .value = &which.account}, SETTINGS,
    {0}};

static int
renewal_add(struct prog *p, struct err *e)
{
	int rc = renewals_add(p, &change, which.account, e);

	strv_release(&change.policy.challenges);
	return rc;
}

static int
renewal_backup(struct prog *p, struct err *e)
{
	return backups_add(p, which.account, e);
}

static int
failover(struct prog *p, struct err *e)
{
	return backups_failover(p, &which, e);
}

static int
renewal_set(struct prog *p, struct err *e)
{
	int rc = renewals_set(p, p->argv[0], &change, e);

	strv_release(&change.policy.challenges);
	return rc;
}

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

struct renewal_change {
	int (*fn)(struct store *st, int64_t id, struct err *e);
};

static int
change_renewal(struct store *st, const char *operand, void *arg, struct err *e)
{
	const struct renewal_change *c = arg;
	struct renewal_configuration r;
	int rc = renewal_configuration_pick(st, operand, &r, e);

	if (rc == 0)
		rc = c->fn(st, r.id, e);
	renewal_configuration_release(&r);
	return rc;
}

static int
renewal_each(struct prog *p,
    int (*fn)(struct store *st, int64_t id, struct err *e), struct err *e)
{
	struct renewal_change c = {fn};

	return operands_each(p, change_renewal, &c, e);
}

static int
renewal_activate(struct prog *p, struct err *e)
{
	return renewal_each(p, renewal_on, e);
}

static int
renewal_deactivate(struct prog *p, struct err *e)
{
	return renewal_each(p, renewal_off, e);
}

static int
renewal_remove(struct prog *p, struct err *e)
{
	return renewal_each(p, renewal_configuration_remove, e);
}

#define MANY(n) .operands_min = (n), .operands_max = PROG_ANY
#define EACH(n) MANY(n), .sections = CONF_STORE
#define ALL .sections = CONF_STORE, .flags = PROG_JSON | PROG_DRY_RUN
/* For what may change what serves. */
#define SERVING(fn) .sections = CONF_STORE | CONF_CLIENT, DEPLOYNOW(fn)
#define SWEEP(fn) .flags = PROG_JSON | PROG_DRY_RUN, SERVING(fn)

static const struct prog_command commands[] = {
    {.name = "activate", MANY(1), SERVING(activate)},
    {.name = "deactivate", MANY(1), SERVING(deactivate)},
    {.name = "auto-renew", EACH(2), .run = auto_renew},
    {.name = "domain", MANY(2), SERVING(domain)},
    {.name = "compromise", MANY(1), SERVING(compromise)},
    {.name = "deactivate-expired", SWEEP(deactivate_expired)},
    {.name = "deactivate-duplicates", SWEEP(deactivate_duplicates)},
    {.name = "failover",
	.options = failover_options,
	.operands_max = PROG_ANY,
	SWEEP(failover)},
    {.name = "prefer",
	.operands_max = CA_PREFERENCES_MAX,
	.flags = PROG_JSON,
	SERVING(prefer)},
    {.name = "reconcile", .options = reconcile_options, SWEEP(reconcile)},
    {.name = "renewal list",
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = renewals_list},
    {.name = "renewal show",
	.operands_min = 1,
	.operands_max = 1,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = renewals_show},
    {.name = "renewal add",
	.options = renewal_add_options,
	EACH(1),
	.run = renewal_add},
    {.name = "renewal backup",
	.options = backup_options,
	EACH(1),
	.run = renewal_backup},
    {.name = "renewal set",
	.options = renewal_set_options,
	.operands_min = 1,
	.operands_max = 1,
	.sections = CONF_STORE,
	.run = renewal_set},
    {.name = "renewal activate", EACH(1), .run = renewal_activate},
    {.name = "renewal deactivate", EACH(1), .run = renewal_deactivate},
    {.name = "renewal remove", EACH(1), .run = renewal_remove},
    {.name = "update-recents", ALL, .run = update_recents},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
