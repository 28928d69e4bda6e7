#include "cli/deploynow.h"
#include "cli/out.h"
#include "cli/policyset.h"
#include "cli/prog.h"
#include "cli/progress.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "import/folder.h"
#include "import/intake.h"
#include "import/tree.h"
#include "store/certificate_list.h"
#include "store/renewal_configuration.h"
#include "store/sealing_key.h"
#include "sys/proc.h"
#include "wrap/p12.h"
#include "wrap/seal.h"

#include <ctype.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: cert-import [-hjnqVv] [options] FILE ...\n"
    "Takes certificates, private keys, chains and requests into the store, in\n"
    "any order and encoding: PEM, DER, PKCS#7, PKCS#12; - is standard input.\n"
    "What belongs together is found by key and signature.\n"
    "\n"
    "      --key FILE      the private key; it must fit\n"
    "      --chain FILE    the chain; it must have signed the certificate\n"
    "      --csr FILE      the request\n"
    "      --each          what is in one FILE does not belong to another; of\n"
    "                      a directory, each folder in it is one\n"
    "      --ca            CA certificates only, also a chain by itself\n"
    "      --system-roots  the same, as roots that are relied on; without a\n"
    "                      FILE those of this machine\n"
    "      --certbot DIR, --lego DIR, --acme.sh DIR, --dehydrated DIR,\n"
    "      --uacme DIR, --caddy DIR, --mod_md DIR, --traefik FILE,\n"
    "      --peter DIR, --peter-sqlite FILE\n"
    "                      all that this client has there (peter: what\n"
    "                      peter_sslers has exported, or its database)\n"
    "      --lineage NAME, --lineage-version V, --account ID\n"
    "                      only these of it\n"
    "      --directory URL the CA of its accounts of which nothing says it\n"
    "      --password-file FILE\n"
    "                      what opens encrypted keys and PKCS#12\n"
    "      --inactive      certificates come deactivated\n"
    "      --no-auto-renew certificates are not to be renewed\n"
    "      --renew         what has come with an account is renewed from now "
    "on\n"
    "      --challenge [NAME=]SOLVER\n"
    "                      how, as in acme-order\n"
    "  -n, --dry-run       say what would be done, and do nothing\n"
    "  -c, --config FILE   configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL     store, instead of [store] url\n"
    "  -j, --json          an object per line, instead of tabs\n"
    "      --no-header     no line of column names\n"
    "  -l, --log SINK      stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet         print only what was refused\n"
    "  -v, --verbose       log debug events as well\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"
#define TREES 10 /* stores of other clients */

static const char *key_file, *chain_file, *csr_file, *password_file;
static const char *lineage, *lineage_version, *account, *directory;
static const char *trees[TREES]; /* what --certbot and the like name */
static bool each, ca_only, system_roots, inactive, no_auto_renew, renews;
static struct policyset policy;

/* The first options are the words of import/tree.h. */
#define TREE(i, word)                                                          \
	[i] = {.name = (word), .type = PROG_TEXT, .value = &trees[i]}
static const struct prog_option options[] = {
    TREE(0, "certbot"),
    TREE(1, "lego"),
    TREE(2, "acme.sh"),
    TREE(3, "dehydrated"),
    TREE(4, "uacme"),
    TREE(5, "caddy"),
    TREE(6, "mod_md"),
    TREE(7, "traefik"),
    TREE(8, "peter"),
    TREE(9, "peter-sqlite"),
    {.name = "key", .type = PROG_TEXT, .value = &key_file},
    {.name = "chain", .type = PROG_TEXT, .value = &chain_file},
    {.name = "csr", .type = PROG_TEXT, .value = &csr_file},
    {.name = "each", .type = PROG_FLAG, .value = &each},
    {.name = "ca", .type = PROG_FLAG, .value = &ca_only},
    {.name = "system-roots", .type = PROG_FLAG, .value = &system_roots},
    {.name = "password-file", .type = PROG_TEXT, .value = &password_file},
    {.name = "inactive", .type = PROG_FLAG, .value = &inactive},
    {.name = "challenge", .type = PROG_LIST, .value = &policy.challenges},
    {.name = "renew", .type = PROG_FLAG, .value = &renews},
    {.name = "no-auto-renew", .type = PROG_FLAG, .value = &no_auto_renew},
    {.name = "lineage", .type = PROG_TEXT, .value = &lineage},
    {.name = "lineage-version", .type = PROG_TEXT, .value = &lineage_version},
    {.name = "account", .type = PROG_TEXT, .value = &account},
    {.name = "directory", .type = PROG_TEXT, .value = &directory},
    {0},
};

static const char *const columns[] = {
    "object", "id", "result", "name", "place", "reason", NULL};

/* What the work needs. */
struct work {
	struct prog *prog;
	struct store *st;
	struct intake *intake;
	struct {
		struct seal_key certificate, account;
	} seals;
	const struct seal_key *certificate_seal, *account_seal; /* or NULL */
	struct buf password;
	struct out out;
	struct progress progress;
	int64_t refused;
	int64_t *ids; /* of certificates, with --renew */
	size_t len, cap;
};

/* ---- what is printed ----------------------------------------------------- */

static void
keep_id(struct work *w, int64_t id)
{
	if (w->len == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 256;
		w->ids = xreallocarray(w->ids, w->cap, sizeof(*w->ids));
	}
	w->ids[w->len++] = id;
}

static int
report(void *arg, const struct intake_report *r, struct err *e)
{
	struct work *w = arg;

	progress_add(&w->progress, 1);
	w->prog->brings |= r->result == INTAKE_CREATED;
	if (r->result == INTAKE_REFUSED)
		w->refused++;
	else if (renews && strcmp(r->object, "certificate") == 0)
		keep_id(w, r->id);
	if (r->result != INTAKE_REFUSED && w->prog->quiet)
		return 0;
	out_text(&w->out, r->object);
	out_id(&w->out, r->id);
	out_text(&w->out, intake_result_name(r->result));
	out_text(&w->out, r->name);
	out_text(&w->out, r->place);
	out_text(&w->out, r->reason);
	out_end(&w->out);
	return out_check(e);
}

/* ---- reading ------------------------------------------------------------- */

static const char *
password_of(const struct work *w)
{
	return password_file ? w->password.data : NULL;
}

/* A file that an option names must be as the option says. */
static int
add_option(struct work *w, const char *name, struct bundle *b, struct err *e)
{
	size_t problems = b->problems.len;

	bundle_add_file(b, name, password_of(w));
	return b->problems.len > problems
	    ? err_set(e, KIND_INPUT, "%s", b->problems.v[problems])
	    : 0;
}

static int
add_key(struct work *w, struct bundle *b, struct err *e)
{
	size_t from = b->keys.len;

	if (add_option(w, key_file, b, e) < 0)
		return -1;
	if (b->keys.len == from)
		return err_set(e, KIND_INPUT, "%s: no private key", key_file);
	for (size_t i = from; i < b->keys.len; i++)
		if (!bundle_has_cert_for(b, b->keys.v[i]))
			return err_set(e, KIND_INPUT,
			    "%s: the private key fits none of the certificates",
			    key_file);
	return 0;
}

static int
check_chains(const struct bundle *b, struct err *e)
{
	size_t len, i;
	struct bundle_set *sets = bundle_sets(b, &len);
	int rc = 0;

	for (i = 0; i < len && sets[i].chains[0].len > 0; i++)
		;
	if (i < len)
		rc = err_set(e, KIND_INPUT,
		    "%s: RFC 5280 6.1.3: none of its certificates has signed "
		    "the certificate",
		    chain_file);
	bundle_sets_free(sets, len);
	return rc;
}

static int
add_csr(struct work *w, struct bundle *b, struct err *e)
{
	size_t from = b->csrs_len;

	if (add_option(w, csr_file, b, e) < 0)
		return -1;
	if (b->csrs_len == from)
		return err_set(e, KIND_INPUT, "%s: no request", csr_file);
	for (size_t i = from; i < b->csrs_len; i++)
		if (!bundle_has_cert_for(b, csr_key(b->csrs[i])))
			return err_set(e, KIND_INPUT,
			    "%s: the request is for the key of none of the "
			    "certificates",
			    csr_file);
	return 0;
}

/* All files are one bundle. */
static int
take_together(struct work *w, int argc, char **argv, struct err *e)
{
	struct bundle b = {0};
	int rc = 0;

	for (int i = 0; i < argc; i++)
		bundle_add_file(&b, argv[i], password_of(w));
	if (key_file)
		rc = add_key(w, &b, e);
	if (rc == 0 && csr_file)
		rc = add_csr(w, &b, e);
	if (rc == 0 && chain_file) {
		rc = add_option(w, chain_file, &b, e);
		if (rc == 0)
			rc = check_chains(&b, e);
	}
	if (rc == 0)
		rc =
		    intake_add(w->intake, argc == 1 ? argv[0] : "files", &b, e);
	bundle_release(&b);
	return rc;
}

static int
take_alone(struct work *w, const char *name, struct err *e)
{
	struct bundle b = {0};
	int rc;

	bundle_add_file(&b, name, password_of(w));
	rc = intake_add(w->intake, name, &b, e);
	bundle_release(&b);
	return rc;
}

static int
take_folder(void *arg, const char *place, struct bundle *b, struct err *e)
{
	struct work *w = arg;

	return intake_add(w->intake, place, b, e);
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Each file, and each folder of a directory, is a bundle. */
static int
take_each(struct work *w, int argc, char **argv, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < argc; i++)
		rc = is_directory(argv[i])
		    ? folder_read(argv[i], password_of(w), take_folder, w, e)
		    : take_alone(w, argv[i], e);
	return rc;
}

/* ---- the work ------------------------------------------------------------ */

/* Which tree is to be read; TREES: none. */
static size_t
tree_asked_for(void)
{
	size_t i;

	for (i = 0; i < TREES && !trees[i]; i++)
		;
	return i;
}

static int
check_tree_usage(const struct prog *p, struct err *e)
{
	size_t tree = tree_asked_for();

	if (tree == TREES)
		return lineage || lineage_version || account || directory
		    ? prog_misuse(e,
			  "--lineage, --lineage-version, --account and "
			  "--directory are of another client's store")
		    : 0;
	for (size_t i = tree + 1; i < TREES; i++)
		if (trees[i])
			return prog_misuse(e, "--%s and --%s: one of them",
			    options[tree].name, options[i].name);
	if (p->argc > 0 || key_file || chain_file || csr_file || ca_only ||
	    system_roots || each)
		return prog_misuse(e,
		    "--%s takes what is there, and nothing else",
		    options[tree].name);
	return 0;
}

static int
check_directory(struct err *e)
{
	bool good = true;

	for (const char *p = directory; p && *p; p++)
		good = good && isgraph((unsigned char)*p);
	if (directory &&
	    (!good || !str_starts(directory, "https://") ||
		strlen(directory) == strlen("https://")))
		return prog_misuse(
		    e, "--directory %s: no https URL", directory);
	return 0;
}

static int
check_usage(const struct prog *p, struct err *e)
{
	bool parts = key_file || chain_file || csr_file;

	if (check_tree_usage(p, e) < 0 || check_directory(e) < 0)
		return -1;
	if (ca_only && system_roots)
		return prog_misuse(e, "--ca and --system-roots: one of them");
	if (policy.challenges.len > 0 && !renews)
		return prog_misuse(e, "--challenge: only with --renew");
	if (renews && (no_auto_renew || inactive || ca_only || system_roots))
		return prog_misuse(e,
		    "--renew: not with --no-auto-renew, --inactive, --ca or "
		    "--system-roots");
	if ((ca_only || system_roots) && (parts || inactive || no_auto_renew))
		return prog_misuse(e,
		    "--ca and --system-roots take CA certificates, and what "
		    "is for others has no place with them");
	if (each && parts)
		return prog_misuse(
		    e, "--each: --key, --chain and --csr are of one only");
	if (p->argc == 0 && !system_roots && tree_asked_for() == TREES)
		return prog_misuse(e, "no FILE is given");
	return 0;
}

/* Reads what may not be read any more when the rights are gone. */
static int
read_secrets(struct work *w, struct err *e)
{
	const struct conf_store *c = &w->prog->conf.store;

	if (secret_seal_key("certificate_key_file", c->certificate_key_file,
		&w->seals.certificate, &w->certificate_seal, e) < 0 ||
	    secret_seal_key("account_key_file", c->account_key_file,
		&w->seals.account, &w->account_seal, e) < 0)
		return -1;
	return secret_password(password_file, -1, &w->password, e);
}

static void
name_reads(struct prog *p)
{
	const char *const files[] = {
	    key_file, chain_file, csr_file, system_roots ? SYSTEM_ROOTS : NULL};

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (files[i])
			strv_add(&p->reads, files[i]);
	for (size_t i = 0; i < TREES; i++)
		if (trees[i])
			strv_add(&p->reads, trees[i]);
	for (int i = 0; i < p->argc; i++)
		strv_add(&p->reads, p->argv[i]);
}

static int
take_tree(struct work *w, size_t tree, struct err *e)
{
	const struct tree_reader *r = tree_reader_by_word(options[tree].name);
	const struct tree_filter f = {
	    .lineage = lineage, .version = lineage_version, .account = account};

	if (!r)
		return err_set(
		    e, KIND_BUG, "no reader for %s", options[tree].name);
	return intake_add_tree(w->intake, r, trees[tree], &f, e);
}

static int
take_all(struct work *w, struct err *e)
{
	static char roots[] = SYSTEM_ROOTS;
	char *machine[] = {roots};
	const struct prog *p = w->prog;
	size_t tree = tree_asked_for();
	int rc;

	if (tree < TREES)
		rc = take_tree(w, tree, e);
	else if (p->argc == 0)
		rc = take_each(w, 1, machine, e);
	else if (each)
		rc = take_each(w, p->argc, p->argv, e);
	else
		rc = take_together(w, p->argc, p->argv, e);
	return rc == 0 ? intake_finish(w->intake, e) : -1;
}

static int
copy_item(void *arg, const struct certificate_item *c, struct err *e)
{
	struct certificate_item *out = arg;

	(void)e;
	*out = *c;
	out->issuer = NULL; /* it does not stay */
	return 0;
}

/* One is renewed already, or belongs to nobody here: nothing to tell of. */
static int
renew_one(struct work *w, int64_t id, const char *json, struct err *e)
{
	const struct certificate_filter f = {.id = id};
	struct renewal_configuration_new n = {
	    .certificate_id = id, .policy = json};
	struct certificate_item c = {0};
	struct err why = {0};
	int64_t made;

	if (certificate_list(w->st, &f, copy_item, &c, e) < 0)
		return -1;
	n.upstream_account_id = c.upstream_account_id;
	if (n.upstream_account_id == 0 || !c.active ||
	    renewal_configuration_add(w->st, &n, &made, &why) == 0 ||
	    why.kind == KIND_CONFLICT)
		return 0;
	*e = why;
	return -1;
}

static int
renew(struct work *w, struct err *e)
{
	char *json = policyset_make(&policy, e);
	int rc = json ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < w->len; i++)
		rc = renew_one(w, w->ids[i], json, e);
	free(json);
	return rc;
}

static int
work(struct work *w, struct err *e)
{
	struct prog *p = w->prog;
	const struct intake_conf conf = {
	    .certificate_seal = w->certificate_seal,
	    .account_seal = w->account_seal,
	    .source = "import",
	    .directory_url = directory,
	    .inactive = inactive,
	    .auto_renew = !no_auto_renew,
	    .ca_only = ca_only || system_roots,
	    .trusted = system_roots,
	    .dry_run = p->dry_run,
	    .report = report,
	    .arg = w};
	int rc;

	name_reads(p);
	p12_prepare();
	w->st = rights_open_store(p, STORE_WRITE, SANDBOX_IMPORT, e);
	if (!w->st ||
	    sealing_key_check(
		w->st, "certificate_key_file", w->certificate_seal, e) < 0 ||
	    sealing_key_check(w->st, "account_key_file", w->account_seal, e) <
		0)
		return -1;
	out_init(&w->out, p->json, !p->no_header, columns);
	progress_begin(&w->progress, "objects");
	w->intake = intake_open(w->st, &conf);
	rc = take_all(w, e);
	intake_close(w->intake);
	if (rc == 0 && renews && !p->dry_run)
		rc = renew(w, e);
	progress_end(&w->progress);
	if (w->refused > 0)
		p->exit_code = 1;
	return rc;
}

static int
run(struct prog *p, struct err *e)
{
	struct work w = {.prog = p};
	int rc;

	buf_init(&w.password, SECRET_PASSWORD_MAX);
	rc = check_usage(p, e);
	if (rc == 0)
		rc = policyset_check(&policy, e);
	if (rc == 0)
		rc = proc_harden(true, e);
	if (rc == 0)
		rc = read_secrets(&w, e);
	if (rc == 0)
		rc = work(&w, e);
	store_close(w.st);
	explicit_bzero(&w.seals, sizeof(w.seals));
	buf_wipe(&w.password);
	strv_release(&policy.challenges);
	free(w.ids);
	return rc;
}

static const struct prog_command commands[] = {
    {.options = options,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE | CONF_CLIENT,
	.flags = PROG_JSON | PROG_DRY_RUN,
	DEPLOYNOW(run)},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
