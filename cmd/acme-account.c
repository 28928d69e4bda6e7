#include <unistd.h>

#include "base/b64.h"
#include "cli/acmedns.h"
#include "cli/cas.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "cli/upstream.h"
#include "order/orderkey.h"
#include "policy/keys.h"
#include "store/upstream_account.h"
#include "sys/file.h"
#include "wrap/js.h"
#include "wrap/key.h"

static const char usage_text[] =
    "usage: acme-account [-hqVv] [-c FILE] [-s URL] [-l SINK] COMMAND ...\n"
    "Other CAs, and our accounts there.  CA is a name, as ca list shows them, "
    "or\n"
    "the https URL of a directory; ACCOUNT is a number or its URL, without it "
    "the\n"
    "default account at the CA is meant.\n"
    "\n"
    "  ca list [-j]        the CAs that have a name\n"
    "  ca add NAME URL [--trust FILE]\n"
    "                      gives a CA a name, and roots of its own\n"
    "  ca show CA [-j]     what its directory said last\n"
    "  ca refresh CA [-j]  fetches the directory anew, wherever it leads\n"
    "  register [-j] [--ca CA] [--contact URL ...] [--agree-terms]\n"
    "           [--another | --default] [--key FILE | --key-type TYPE]\n"
    "           [--eab-key-id ID --eab-secret-file FILE | --eab-secret-fd N]\n"
    "           [--certificate-key-type TYPE] [--certificate-key-cycle CYCLE]\n"
    "                      makes an account, unless the CA has the default\n"
    "  find [-j] [--ca CA] [--default] --key FILE\n"
    "                      finds the account of a key\n"
    "  list [-j]           all accounts, as the store knows them\n"
    "  show [-j] [--ca CA] [ACCOUNT]\n"
    "                      asks the CA for an account\n"
    "  update [--ca CA] [--contact URL ...] [--agree-terms]\n"
    "         [--certificate-key-type TYPE] [--certificate-key-cycle CYCLE]\n"
    "         [ACCOUNT]    changes contacts, agrees to terms, and what "
    "new\n"
    "                      certificates get\n"
    "  roll [--ca CA] [--key FILE | --key-type TYPE] [ACCOUNT]\n"
    "                      changes the key of an account\n"
    "  default ACCOUNT     makes it the default at its CA\n"
    "  deactivate ACCOUNT  there is no way back\n"
    "  acme-dns list [-j] [--server URL] [NAME ...]\n"
    "                      our accounts at acme-dns servers\n"
    "  acme-dns register [-j] --server URL NAME ...\n"
    "                      makes one for each name, and shows the CNAME to "
    "make\n"
    "  acme-dns audit [-j] [--server URL] [NAME ...]\n"
    "                      whether CNAMEs lead there, and updates are taken\n"
    "\n"
    "      --agree-terms   agree to the terms of the CA\n"
    "      --another       one more, beside the default\n"
    "      --ca CA         instead of [client] ca\n"
    "      --certificate-key-cycle CYCLE\n"
    "                      when its certificates get another key: "
    "single_certificate,\n"
    "                      account_daily, account_weekly, global_daily,\n"
    "                      global_weekly, reuse_year\n"
    "      --certificate-key-type TYPE\n"
    "                      and of which type\n"
    "      --contact URL   mailto:ADDRESS, or an address; none is none\n"
    "      --default       the default at its CA: register makes one more\n"
    "      --eab-key-id ID what the CA has given for external account "
    "binding\n"
    "      --eab-secret-file FILE, --eab-secret-fd N\n"
    "                      and where the secret is, base64url\n"
    "      --key FILE      this private key, PEM\n"
    "      --key-type TYPE a new key: p256 (default), p384, rsa2048 ...\n"
    "      --server URL    of an acme-dns server\n"
    "      --trace         what is said to the CA and back, on standard error\n"
    "      --trust FILE    roots of the CA, PEM, instead of the machine's\n"
    "  -c, --config FILE   configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL     store, instead of [store] url\n"
    "  -j, --json          an object per line, instead of tabs\n"
    "      --no-header     no line of column names\n"
    "  -l, --log SINK      stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet         log warnings and errors only\n"
    "  -v, --verbose       log debug events as well\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

#define FILE_MAX ((size_t)64 * 1024)

static const char *ca_word, *trust_file, *key_file, *key_type_word;
static const char *eab_key_id, *eab_secret_file;
static const char *certificate_key_type, *certificate_key_cycle, *server_url;
static int64_t eab_secret_fd = -1;
static bool agrees, another, make_default, takes_any_key, traces;
static struct strv contact_words, contacts;

#define OPTION(n, t, v)                                                        \
	{                                                                      \
		.name = (n), .type = (t), .value = &(v)                        \
	}
#define OPTION_CA OPTION("ca", PROG_TEXT, ca_word)
#define OPTION_TRACE OPTION("trace", PROG_FLAG, traces)
#define OPTIONS_KEY                                                            \
	OPTION("key", PROG_TEXT, key_file),                                    \
	    OPTION("key-type", PROG_TEXT, key_type_word)
#define OPTIONS_ACCOUNT                                                        \
	OPTION("contact", PROG_LIST, contact_words),                           \
	    OPTION("agree-terms", PROG_FLAG, agrees),                          \
	    OPTION("certificate-key-type", PROG_TEXT, certificate_key_type),   \
	    OPTION("certificate-key-cycle", PROG_TEXT, certificate_key_cycle)

static const struct prog_option ca_add_options[] = {
    OPTION("trust", PROG_TEXT, trust_file), {0}};

static const struct prog_option ca_refresh_options[] = {OPTION_TRACE, {0}};

static const struct prog_option register_options[] = {OPTION_CA, OPTIONS_KEY,
    OPTIONS_ACCOUNT, OPTION("another", PROG_FLAG, another),
    OPTION("default", PROG_FLAG, make_default),
    OPTION("eab-key-id", PROG_TEXT, eab_key_id),
    OPTION("eab-secret-file", PROG_TEXT, eab_secret_file),
    {.name = "eab-secret-fd",
	.type = PROG_NUMBER,
	.value = &eab_secret_fd,
	.min = 0,
	.max = INT16_MAX},
    OPTION_TRACE, {0}};

static const struct prog_option find_options[] = {OPTION_CA,
    OPTION("key", PROG_TEXT, key_file),
    OPTION("default", PROG_FLAG, make_default), OPTION_TRACE, {0}};

static const struct prog_option show_options[] = {OPTION_CA, OPTION_TRACE, {0}};

static const struct prog_option update_options[] = {
    OPTION_CA, OPTIONS_ACCOUNT, OPTION_TRACE, {0}};

static const struct prog_option roll_options[] = {
    OPTION_CA, OPTIONS_KEY, OPTION_TRACE, {0}};

static const struct prog_option acme_dns_options[] = {
    OPTION("server", PROG_TEXT, server_url), {0}};

static const struct prog_option deactivate_options[] = {OPTION_TRACE, {0}};

/* ---- what is printed ----------------------------------------------------- */

#define ACCOUNT_COLUMNS                                                        \
	"id", "directory", "status", "default", "url", "contacts", "key_type", \
	    "created", "terms_agreed", "eab_key_id", "certificate_key_type",   \
	    "certificate_key_cycle", "rolling"
static const char *const list_columns[] = {ACCOUNT_COLUMNS, NULL};
static const char *const result_columns[] = {ACCOUNT_COLUMNS, "result", NULL};

static void
put_contacts(struct out *o, const struct upstream_account *a)
{
	struct strv list = {0};

	upstream_account_contacts(a, &list);
	out_list(o, &list);
	strv_release(&list);
}

static void
put_account(struct out *o, const struct upstream_account *a)
{
	out_int(o, a->id);
	out_text(o, a->directory_url[0] ? a->directory_url : NULL);
	out_text(o, upstream_account_status_name(a->status));
	out_yes(o, a->is_default);
	out_text(o, a->url);
	put_contacts(o, a);
	out_text(o, a->type);
	out_time(o, a->created);
	out_text(o, a->terms_agreed);
	out_text(o, a->eab_key_id);
	out_text(o, a->certificate_key_type);
	out_text(o, a->certificate_key_cycle);
	out_yes(o, a->is_rolling);
}

/* One account and what became of it. */
static int
print_account(const struct prog *p, struct store *st, int64_t id,
    const char *result, struct err *e)
{
	struct upstream_account a;
	struct out o;

	if (upstream_account_by_id(st, id, &a, e) < 0)
		return -1;
	out_init(&o, p->json, !p->no_header, result_columns);
	put_account(&o, &a);
	out_text(&o, result);
	out_end(&o);
	out_finish(&o);
	upstream_account_release(&a);
	return 0;
}

/* ---- what is given ------------------------------------------------------- */

static int
read_contacts(struct err *e)
{
	for (size_t i = 0; i < contact_words.len; i++) {
		const char *word = contact_words.v[i];
		char *url;

		if (strcmp(word, "none") == 0 && contact_words.len == 1)
			continue;
		if (!strchr(word, ':') && !strchr(word, '@'))
			return prog_misuse(e,
			    "--contact %s: neither a URL nor an address", word);
		url =
		    xasprintf("%s%s", strchr(word, ':') ? "" : "mailto:", word);
		strv_add(&contacts, url);
		free(url);
	}
	return 0;
}

static int
check_options(struct err *e)
{
	if (orderkey_check(key_type_word, NULL, e) < 0 ||
	    orderkey_check_account(
		certificate_key_type, certificate_key_cycle, e) < 0)
		return -1;
	if (eab_secret_file && eab_secret_fd >= 0)
		return prog_misuse(
		    e, "--eab-secret-file and --eab-secret-fd: one of them");
	if (!eab_key_id != !(eab_secret_file || eab_secret_fd >= 0))
		return prog_misuse(e,
		    "external account binding needs --eab-key-id and "
		    "--eab-secret-file or --eab-secret-fd");
	if (another && make_default)
		return prog_misuse(e, "--another and --default: one of them");
	return read_contacts(e);
}

/* Secrets that are read before the rights are gone, decoded. */
struct given {
	struct key *key;
	struct buf eab_secret;
};

/* CAs write it with or without padding, in either alphabet. */
static int
decode_secret(const struct buf *text, struct buf *out, struct err *e)
{
	char *copy = xstrdup(text->data);
	size_t len = strcspn(copy, "=");
	int rc;

	for (char *c = copy; *c; c++)
		*c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
	rc = b64url_decode(out, copy, len);
	explicit_bzero(copy, text->len);
	free(copy);
	return rc < 0 || out->len == 0
	    ? err_set(e, KIND_INPUT,
		  "the secret of external account binding is no base64url")
	    : 0;
}

/* One with which an account is found may be any: the CA knows it already. */
static struct key *
read_key(const struct buf *text, struct err *e)
{
	struct key *key = key_from_pem(text->data, text->len, e);

	if (!key || takes_any_key ||
	    keys_check(key, NULL, "badPublicKey", e) == 0)
		return key;
	key_free(key);
	return NULL;
}

static int
read_given(struct given *g, struct err *e)
{
	struct buf text;
	int rc = 0;

	buf_init(&g->eab_secret, SECRET_PASSWORD_MAX);
	buf_init(&text, FILE_MAX);
	if (eab_key_id) {
		rc = secret_password(
		    eab_secret_file, (int)eab_secret_fd, &text, e);
		if (rc == 0)
			rc = decode_secret(&text, &g->eab_secret, e);
	}
	if (rc == 0 && key_file) {
		buf_wipe(&text);
		buf_init(&text, FILE_MAX);
		rc = file_read_secret(key_file, &text, e);
		g->key = rc == 0 ? read_key(&text, e) : NULL;
		if (!g->key)
			rc = e->kind == KIND_INPUT
			    ? err_object(e, "%s", key_file)
			    : -1;
	}
	buf_wipe(&text);
	return rc;
}

static struct enrol_how
how_of(const struct given *g)
{
	struct enrol_how how = {
	    .contacts = contact_words.len > 0 ? &contacts : NULL,
	    .key = g->key,
	    .agrees = agrees,
	    .eab_key_id = eab_key_id,
	    .eab_secret = &g->eab_secret,
	    .another = another,
	    .make_default = make_default,
	    .type_name = key_type_word,
	    .certificate_key_type = certificate_key_type,
	    .certificate_key_cycle = certificate_key_cycle};
	struct err ignored = {0};

	key_type_parse(key_type_word ? key_type_word : "p256", &how.type,
	    &how.bits, &ignored);
	return how;
}

/* ---- with a CA ----------------------------------------------------------- */

/* A command that talks to a CA about an account. */
struct work {
	struct upstream up;
	struct given given;
	struct enrol x;
	int64_t id; /* of the account, when it is one that is there */
};

static int
work_enter(struct work *w, struct prog *p, const char *ca, struct err *e)
{
	if (check_options(e) < 0 || upstream_start(&w->up, p, ca, e) < 0 ||
	    read_given(&w->given, e) < 0 || upstream_enter(&w->up, p, e) < 0)
		return -1;
	w->up.trace = traces ? STDERR_FILENO : -1;
	return 0;
}

/* As work_enter, with the CA that is named. */
static int
work_open_ca(struct work *w, struct prog *p, struct err *e)
{
	if (work_enter(w, p, ca_word, e) < 0 ||
	    upstream_open_ca(&w->up, p, ca_word, e) < 0)
		return -1;
	w->x = upstream_enrol(&w->up);
	return 0;
}

static int
find_account(struct work *w, const struct prog *p, struct upstream_account *a,
    struct err *e)
{
	if (p->argc > 0)
		return upstream_account_pick(w->up.st, p->argv[0], a, e);
	if (upstream_account_default(w->up.st, w->up.ca.directory_url, a, e) ==
	    0)
		return 0;
	return e->kind == KIND_NOTFOUND
	    ? err_object(e, "%s has no default account", w->up.ca.name)
	    : -1;
}

/* As work_enter, with the account that is meant and its CA. */
static int
work_open_account(struct work *w, struct prog *p, struct err *e)
{
	struct upstream_account a;
	int rc = work_enter(w, p, ca_word, e);

	if (rc == 0 && p->argc == 0)
		rc = upstream_open_ca(&w->up, p, ca_word, e);
	if (rc < 0 || find_account(w, p, &a, e) < 0)
		return -1;
	w->id = a.id;
	if (!w->up.client && a.directory_url[0] == '\0' && !ca_word)
		rc = err_set(e, KIND_CONFLICT,
		    "nobody knows at which CA upstream account %lld is; say it "
		    "with --ca",
		    (long long)a.id);
	else if (!w->up.client)
		rc = upstream_open_ca(
		    &w->up, p, ca_word ? ca_word : a.directory_url, e);
	upstream_account_release(&a);
	w->x = upstream_enrol(&w->up);
	return rc;
}

static void
work_close(struct work *w)
{
	upstream_stop(&w->up);
	key_free(w->given.key);
	buf_wipe(&w->given.eab_secret);
	strv_release(&contact_words);
	strv_release(&contacts);
}

/* ---- accounts ------------------------------------------------------------ */

static int
register_(struct prog *p, struct err *e)
{
	struct work w = {0};
	int64_t id = 0;
	bool existed = false;
	int rc = work_open_ca(&w, p, e);

	if (rc == 0) {
		const struct enrol_how how = how_of(&w.given);

		rc = enrol_register(&w.x, &how, &id, &existed, e);
	}
	if (rc == 0)
		rc = print_account(
		    p, w.up.st, id, existed ? "existed" : "created", e);
	work_close(&w);
	return rc;
}

static int
find(struct prog *p, struct err *e)
{
	struct work w = {0};
	int64_t id = 0;
	int rc;

	if (!key_file)
		return prog_misuse(e, "find needs --key");
	takes_any_key = true;
	rc = work_open_ca(&w, p, e);
	if (rc == 0) {
		const struct enrol_how how = how_of(&w.given);

		rc = enrol_find(&w.x, &how, &id, e);
	}
	if (rc == 0)
		rc = print_account(p, w.up.st, id, "found", e);
	work_close(&w);
	return rc;
}

static int
print_each(void *arg, const struct upstream_account *a, struct err *e)
{
	struct out *o = arg;

	put_account(o, a);
	out_end(o);
	return out_check(e);
}

static int
list(struct prog *p, struct err *e)
{
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	struct out o;
	int rc;

	out_init(&o, p->json, !p->no_header, list_columns);
	rc = st ? upstream_account_each(st, print_each, &o, e) : -1;
	if (rc == 0)
		out_finish(&o);
	store_close(st);
	return rc;
}

struct seen {
	char status[32];
};

static int
on_seen(void *arg, const struct js *account, struct err *e)
{
	struct seen *s = arg;
	const char *status = js_get_text(account, "status");

	(void)e;
	snprintf(s->status, sizeof(s->status), "%s", status ? status : "valid");
	return 0;
}

static int
show(struct prog *p, struct err *e)
{
	struct work w = {0};
	struct seen seen = {""};
	int rc = work_open_account(&w, p, e);

	if (rc == 0)
		rc = enrol_show(&w.x, w.id, on_seen, &seen, e);
	if (rc == 0)
		rc = print_account(p, w.up.st, w.id, seen.status, e);
	work_close(&w);
	return rc;
}

/* What no CA has to be asked about. */
static int
set_policy(struct work *w, struct err *e)
{
	const struct upstream_account_change to = {
	    .certificate_key_type = certificate_key_type,
	    .certificate_key_cycle = certificate_key_cycle,
	    .action = "policy"};

	return upstream_account_change(w->up.st, w->id, &to, e);
}

static int
update(struct prog *p, struct err *e)
{
	struct work w = {0};
	bool is_asked = contact_words.len > 0 || agrees;
	int rc;

	if (!is_asked && !certificate_key_type && !certificate_key_cycle)
		return prog_misuse(e, "update: nothing is to be changed");
	rc = work_open_account(&w, p, e);
	if (rc == 0 && is_asked) {
		const struct enrol_how how = how_of(&w.given);

		rc = enrol_update(&w.x, w.id, &how, e);
	} else if (rc == 0) {
		rc = set_policy(&w, e);
	}
	work_close(&w);
	return rc;
}

static int
roll(struct prog *p, struct err *e)
{
	struct work w = {0};
	int rc = work_open_account(&w, p, e);

	if (rc == 0) {
		const struct enrol_how how = how_of(&w.given);

		rc = enrol_roll(&w.x, w.id, &how, e);
	}
	work_close(&w);
	return rc;
}

static int
deactivate(struct prog *p, struct err *e)
{
	struct work w = {0};
	int rc = work_open_account(&w, p, e);

	if (rc == 0)
		rc = enrol_deactivate(&w.x, w.id, e);
	work_close(&w);
	return rc;
}

static int
default_(struct prog *p, struct err *e)
{
	static const struct upstream_account_change to = {
	    .make_default = true, .action = "default"};
	struct store *st =
	    rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	struct upstream_account a;
	int rc = st ? upstream_account_pick(st, p->argv[0], &a, e) : -1;

	if (rc == 0) {
		rc = upstream_account_change(st, a.id, &to, e);
		upstream_account_release(&a);
	}
	store_close(st);
	return rc;
}

/* ---- others -------------------------------------------------------------- */

static int
ca_add(struct prog *p, struct err *e)
{
	return cas_add(p, trust_file, e);
}

static int
ca_refresh(struct prog *p, struct err *e)
{
	return cas_refresh(p, traces, e);
}

static int
acme_dns(struct prog *p,
    int (*fn)(struct prog *p, const struct acmedns *how, struct err *e),
    struct err *e)
{
	const struct acmedns how = {
	    .server = server_url, .names = p->argv, .len = p->argc};

	return fn(p, &how, e);
}

static int
acme_dns_list(struct prog *p, struct err *e)
{
	return acme_dns(p, acmedns_list, e);
}

static int
acme_dns_register(struct prog *p, struct err *e)
{
	return acme_dns(p, acmedns_register, e);
}

static int
acme_dns_audit(struct prog *p, struct err *e)
{
	return acme_dns(p, acmedns_audit, e);
}

#define UPSTREAM .sections = (CONF_STORE | CONF_CLIENT)
#define ACME_DNS                                                               \
	.options = acme_dns_options, .operands_max = PROG_ANY, UPSTREAM,       \
	.flags = PROG_JSON

static const struct prog_command commands[] = {
    {.name = "ca list",
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = cas_list},
    {.name = "ca add",
	.options = ca_add_options,
	.operands_min = 2,
	.operands_max = 2,
	.sections = CONF_STORE,
	.run = ca_add},
    {.name = "ca show",
	.operands_min = 1,
	.operands_max = 1,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = cas_show},
    {.name = "ca refresh",
	.options = ca_refresh_options,
	.operands_min = 1,
	.operands_max = 1,
	UPSTREAM,
	.flags = PROG_JSON,
	.run = ca_refresh},
    {.name = "register",
	.options = register_options,
	UPSTREAM,
	.flags = PROG_JSON,
	.run = register_},
    {.name = "find",
	.options = find_options,
	UPSTREAM,
	.flags = PROG_JSON,
	.run = find},
    {.name = "list", .sections = CONF_STORE, .flags = PROG_JSON, .run = list},
    {.name = "show",
	.options = show_options,
	.operands_max = 1,
	UPSTREAM,
	.flags = PROG_JSON,
	.run = show},
    {.name = "update",
	.options = update_options,
	.operands_max = 1,
	UPSTREAM,
	.run = update},
    {.name = "roll",
	.options = roll_options,
	.operands_max = 1,
	UPSTREAM,
	.run = roll},
    {.name = "default",
	.operands_min = 1,
	.operands_max = 1,
	.sections = CONF_STORE,
	.run = default_},
    {.name = "deactivate",
	.options = deactivate_options,
	.operands_min = 1,
	.operands_max = 1,
	UPSTREAM,
	.run = deactivate},
    {.name = "acme-dns list", ACME_DNS, .run = acme_dns_list},
    {.name = "acme-dns register", ACME_DNS, .run = acme_dns_register},
    {.name = "acme-dns audit", ACME_DNS, .run = acme_dns_audit},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
