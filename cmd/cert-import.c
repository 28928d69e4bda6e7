#include "cli/out.h"
#include "cli/prog.h"
#include "cli/progress.h"
#include "cli/rights.h"
#include "import/folder.h"
#include "import/intake.h"
#include "import/tree.h"
#include "store/sealing.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "wrap/seal.h"

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
    "      --password-file FILE\n"
    "                      what opens encrypted keys and PKCS#12\n"
    "      --inactive      certificates come deactivated\n"
    "      --no-auto-renew certificates are not to be renewed\n"
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
#define PASSWORD_MAX 1024

/* Clients whose stores can be read, in the words of import/tree.h. */
static const char *const clients[] = {"certbot", "lego", "acme.sh",
    "dehydrated", "uacme", "caddy", "mod_md", "traefik", "peter",
    "peter-sqlite"};
#define TREES ARRAY_LEN(clients)

static const char *key_file, *chain_file, *csr_file, *password_file;
static const char *lineage, *lineage_version, *account;
static const char *trees[TREES];
static bool each, ca_only, system_roots, inactive, no_auto_renew;

static const struct prog_option options[] = {
    {.name = "key", .type = PROG_TEXT, .value = &key_file},
    {.name = "chain", .type = PROG_TEXT, .value = &chain_file},
    {.name = "csr", .type = PROG_TEXT, .value = &csr_file},
    {.name = "each", .type = PROG_FLAG, .value = &each},
    {.name = "ca", .type = PROG_FLAG, .value = &ca_only},
    {.name = "system-roots", .type = PROG_FLAG, .value = &system_roots},
    {.name = "password-file", .type = PROG_TEXT, .value = &password_file},
    {.name = "inactive", .type = PROG_FLAG, .value = &inactive},
    {.name = "no-auto-renew", .type = PROG_FLAG, .value = &no_auto_renew},
    {.name = "certbot", .type = PROG_TEXT, .value = &trees[0]},
    {.name = "lego", .type = PROG_TEXT, .value = &trees[1]},
    {.name = "acme.sh", .type = PROG_TEXT, .value = &trees[2]},
    {.name = "dehydrated", .type = PROG_TEXT, .value = &trees[3]},
    {.name = "uacme", .type = PROG_TEXT, .value = &trees[4]},
    {.name = "caddy", .type = PROG_TEXT, .value = &trees[5]},
    {.name = "mod_md", .type = PROG_TEXT, .value = &trees[6]},
    {.name = "traefik", .type = PROG_TEXT, .value = &trees[7]},
    {.name = "peter", .type = PROG_TEXT, .value = &trees[8]},
    {.name = "peter-sqlite", .type = PROG_TEXT, .value = &trees[9]},
    {.name = "lineage", .type = PROG_TEXT, .value = &lineage},
    {.name = "lineage-version", .type = PROG_TEXT, .value = &lineage_version},
    {.name = "account", .type = PROG_TEXT, .value = &account},
    {0},
};

static const char *const columns[] = {
    "object", "id", "result", "name", "place", "reason", NULL};

/* What the work needs. */
struct work {
	struct prog *prog;
	struct store *st;
	struct intake *intake;
	struct seal_key certificate_seal, account_seal;
	struct buf password;
	struct out out;
	struct progress progress;
	int64_t refused;
};

/* ---- what is printed ----------------------------------------------------- */

static int
report(void *arg, const struct intake_report *r, struct err *e)
{
	struct work *w = arg;

	progress_add(&w->progress, 1);
	if (r->result == INTAKE_REFUSED)
		w->refused++;
	else if (w->prog->quiet)
		return 0;
	out_text(&w->out, r->object);
	if (r->id > 0)
		out_int(&w->out, r->id);
	else
		out_text(&w->out, NULL);
	out_text(&w->out, intake_result_name(r->result));
	out_text(&w->out, r->name);
	out_text(&w->out, r->place);
	out_text(&w->out, r->reason);
	out_end(&w->out);
	return out_failed() ? err_sys(e, "cannot write to stdout") : 0;
}

/* ---- reading ------------------------------------------------------------- */

static int
read_content(const char *name, struct buf *out, struct err *e)
{
	return strcmp(name, "-") == 0
	    ? fd_read_all(STDIN_FILENO, out, FD_FOREVER, e)
	    : file_read(name, out, e);
}

/* Adds what is in a file; one that cannot be read is a problem. */
static void
add_file(struct work *w, const char *name, struct bundle *b)
{
	struct err e = {0};
	struct buf content;
	char text[1024];

	buf_init(&content, BUNDLE_MAX);
	if (read_content(name, &content, &e) == 0) {
		bundle_add(b, name, content.data, content.len,
		    password_file ? w->password.data : NULL);
	} else {
		err_format(&e, text, sizeof(text));
		strv_add(&b->problems, text);
	}
	buf_wipe(&content);
}

/* A file that an option names must be as the option says. */
static int
add_option(struct work *w, const char *name, struct bundle *b, struct err *e)
{
	size_t problems = b->problems.len;

	add_file(w, name, b);
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
		add_file(w, argv[i], &b);
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

	add_file(w, name, &b);
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
		    ? folder_read(argv[i],
			  password_file ? w->password.data : NULL, take_folder,
			  w, e)
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
		return lineage || lineage_version || account
		    ? prog_misuse(e,
			  "--lineage, --lineage-version and --account are of "
			  "another client's store")
		    : 0;
	for (size_t i = tree + 1; i < TREES; i++)
		if (trees[i])
			return prog_misuse(e, "--%s and --%s: one of them",
			    clients[tree], clients[i]);
	if (p->argc > 0 || key_file || chain_file || csr_file || ca_only ||
	    system_roots || each)
		return prog_misuse(e,
		    "--%s takes what is there, and nothing else",
		    clients[tree]);
	return 0;
}

static int
check_usage(const struct prog *p, struct err *e)
{
	bool parts = key_file || chain_file || csr_file;

	if (check_tree_usage(p, e) < 0)
		return -1;
	if (ca_only && system_roots)
		return prog_misuse(e, "--ca and --system-roots: one of them");
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

	if (c->certificate_key_file &&
	    sealing_read("certificate_key_file", c->certificate_key_file,
		&w->certificate_seal, e) < 0)
		return -1;
	if (c->account_key_file &&
	    sealing_read("account_key_file", c->account_key_file,
		&w->account_seal, e) < 0)
		return -1;
	if (!password_file)
		return 0;
	if (file_read_secret(password_file, &w->password, e) < 0)
		return -1;
	w->password.len = strcspn(w->password.data, "\r\n");
	w->password.data[w->password.len] = '\0';
	return 0;
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
	const struct tree_reader *r = tree_reader_by_word(clients[tree]);
	const struct tree_filter f = {
	    .lineage = lineage, .version = lineage_version, .account = account};

	if (!r)
		return err_set(e, KIND_BUG, "no reader for %s", clients[tree]);
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
work(struct work *w, struct err *e)
{
	struct prog *p = w->prog;
	const struct conf_store *c = &p->conf.store;
	const struct intake_conf conf = {
	    .certificate_seal =
		c->certificate_key_file ? &w->certificate_seal : NULL,
	    .account_seal = c->account_key_file ? &w->account_seal : NULL,
	    .source = "import",
	    .inactive = inactive,
	    .auto_renew = !no_auto_renew,
	    .ca_only = ca_only || system_roots,
	    .trusted = system_roots,
	    .dry_run = p->dry_run,
	    .report = report,
	    .arg = w};
	int rc;

	w->st = store_open(c->url, STORE_WRITE, e);
	name_reads(p);
	if (!w->st || rights_enter(p, SANDBOX_IMPORT, e) < 0)
		return -1;
	out_init(&w->out, p->json, !p->no_header, columns);
	progress_begin(&w->progress, "objects");
	w->intake = intake_open(w->st, &conf);
	rc = take_all(w, e);
	intake_close(w->intake);
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

	buf_init(&w.password, PASSWORD_MAX);
	rc = check_usage(p, e);
	if (rc == 0)
		rc = proc_harden(true, e);
	if (rc == 0)
		rc = read_secrets(&w, e);
	if (rc == 0)
		rc = work(&w, e);
	store_close(w.st);
	seal_key_wipe(&w.certificate_seal);
	seal_key_wipe(&w.account_seal);
	buf_wipe(&w.password);
	return rc;
}

static const struct prog_command commands[] = {
    {.options = options,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.flags = PROG_JSON | PROG_DRY_RUN,
	.run = run},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
