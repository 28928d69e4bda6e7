#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "cli/since.h"
#include "deploy/export.h"
#include "deploy/exporttree.h"
#include "store/sealing_key.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/seal.h"

static const char usage_text[] =
    "usage: cert-export [-hjqVv] [-c FILE] [-s URL] [-l SINK] [-o FILE]\n"
    "           [WHAT] [FORMAT] [options] NAME ...\n"
    "       cert-export --tree LAYOUT [options] DIRECTORY\n"
    "Certificates and keys out of the store.  NAME is a domain (the "
    "certificate\n"
    "that serves it), the number of a certificate or its SHA-256 or SHA-1.\n"
    "\n"
    "      --cert, --chain, --fullchain (default), --key, --csr\n"
    "      --bundle            certificate, chain and key\n"
    "\n"
    "      --pem               (default)\n"
    "      --der               of a certificate (default), key or request\n"
    "      --p12               everything, under a password\n"
    "      --p7b               certificates; with --pem in PEM\n"
    "  -j, --json              everything; with --tree: what has changed\n"
    "\n"
    "  -o, --output FILE       replace FILE instead of writing to stdout\n"
    "      --mode MODE         of files with a key (0600); of FILE\n"
    "      --owner USER, --group GROUP\n"
    "      --chain-issuer NAME, --chain-fingerprint HEX, --chain-key-id HEX,\n"
    "      --chain-shortest    another chain than the preferred one\n"
    "      --password-fd N, --password-file FILE\n"
    "      --friendly-name TEXT\n"
    "      --legacy            --p12 for what is old: triple DES, SHA-1\n"
    "      --id-only           --json without PEM\n"
    "\n"
    "      --tree LAYOUT       all names: certbot peter_sslers haproxy nginx\n"
    "                          envoy kubernetes traefik\n"
    "      --since TIME        only what has changed since (a time or an age)\n"
    "      --delete            remove names that nothing serves any more\n"
    "      --verify            read all files, trust no time of modification\n"
    "\n"
    "  -c, --config FILE       configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL         store, instead of [store] url\n"
    "      --no-header         no line of column names\n"
    "  -l, --log SINK          stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet             log warnings and errors only\n"
    "  -v, --verbose           log debug events as well\n"
    "  -h, --help              this text\n"
    "  -V, --version           the version\n";

#define NO_FD (-1)

static struct {
	bool what[EXPORT_CSR + 1];
	bool pem, der, p12, p7;
	const char *output, *mode, *owner, *group;
	const char *issuer, *fingerprint, *key_id;
	bool shortest;
	int64_t password_fd;
	const char *password_file, *friendly_name;
	bool legacy, id_only;
	const char *tree, *since;
	bool remove, verify;
} opt = {.password_fd = NO_FD};

#define FLAG(word, place)                                                      \
	{                                                                      \
		.name = (word), .type = PROG_FLAG, .value = (place)            \
	}
#define TEXT(word, place)                                                      \
	{                                                                      \
		.name = (word), .type = PROG_TEXT, .value = (place)            \
	}

static const struct prog_option options[] = {
    FLAG("cert", &opt.what[EXPORT_CERT]),
    FLAG("chain", &opt.what[EXPORT_CHAIN]),
    FLAG("fullchain", &opt.what[EXPORT_FULLCHAIN]),
    FLAG("key", &opt.what[EXPORT_KEY]),
    FLAG("bundle", &opt.what[EXPORT_BUNDLE]),
    FLAG("csr", &opt.what[EXPORT_CSR]),
    FLAG("pem", &opt.pem),
    FLAG("der", &opt.der),
    FLAG("p12", &opt.p12),
    FLAG("p7b", &opt.p7),
    {.name = "output", .letter = 'o', .type = PROG_TEXT, .value = &opt.output},
    TEXT("mode", &opt.mode),
    TEXT("owner", &opt.owner),
    TEXT("group", &opt.group),
    TEXT("chain-issuer", &opt.issuer),
    TEXT("chain-fingerprint", &opt.fingerprint),
    TEXT("chain-key-id", &opt.key_id),
    FLAG("chain-shortest", &opt.shortest),
    {.name = "password-fd",
	.type = PROG_NUMBER,
	.value = &opt.password_fd,
	.max = INT_MAX},
    TEXT("password-file", &opt.password_file),
    TEXT("friendly-name", &opt.friendly_name),
    FLAG("legacy", &opt.legacy),
    FLAG("id-only", &opt.id_only),
    TEXT("tree", &opt.tree),
    TEXT("since", &opt.since),
    FLAG("delete", &opt.remove),
    FLAG("verify", &opt.verify),
    {0},
};

/* ---- what the options mean ----------------------------------------------- */

/* The one thing that is asked for; EXPORT_CSR + 1 when none is. */
static int
read_what(unsigned *what, struct err *e)
{
	*what = EXPORT_CSR + 1;
	for (unsigned i = 0; i <= EXPORT_CSR; i++) {
		if (!opt.what[i])
			continue;
		if (*what <= EXPORT_CSR)
			return prog_misuse(e,
			    "one of --cert --chain --fullchain --key --bundle "
			    "--csr, not several");
		*what = i;
	}
	return 0;
}

static int
read_form(const struct prog *p, enum export_form *form, struct err *e)
{
	if (opt.p7 && opt.pem)
		*form = EXPORT_P7_PEM;
	else if (opt.pem + opt.der + opt.p12 + opt.p7 + p->json > 1)
		return prog_misuse(
		    e, "one of --pem --der --p12 --p7b --json, not several");
	else
		*form = opt.der ? EXPORT_DER
		    : opt.p12	? EXPORT_P12
		    : opt.p7	? EXPORT_P7
		    : p->json	? EXPORT_JSON
				: EXPORT_PEM;
	return 0;
}

/* What each format can hold, as bits, and what it holds by default. */
static const struct {
	const char *option;
	unsigned can;
	enum export_what what;
} forms[] = {
    [EXPORT_PEM] = {"--pem", ~0U, EXPORT_FULLCHAIN},
    [EXPORT_DER] = {"--der",
	1U << EXPORT_CERT | 1U << EXPORT_KEY | 1U << EXPORT_CSR, EXPORT_CERT},
    [EXPORT_P12] = {"--p12", 1U << EXPORT_BUNDLE, EXPORT_BUNDLE},
    [EXPORT_P7] = {"--p7b",
	1U << EXPORT_CERT | 1U << EXPORT_CHAIN | 1U << EXPORT_FULLCHAIN,
	EXPORT_FULLCHAIN},
    [EXPORT_P7_PEM] = {"--p7b",
	1U << EXPORT_CERT | 1U << EXPORT_CHAIN | 1U << EXPORT_FULLCHAIN,
	EXPORT_FULLCHAIN},
    [EXPORT_JSON] = {"--json", 1U << EXPORT_BUNDLE, EXPORT_BUNDLE},
};

static int
read_pick(struct chainpick *pick, struct err *e)
{
	const struct {
		const char *option, *text;
		enum chainpick_by by;
	} wishes[] = {{"--chain-issuer", opt.issuer, CHAINPICK_ISSUER},
	    {"--chain-fingerprint", opt.fingerprint, CHAINPICK_FINGERPRINT},
	    {"--chain-key-id", opt.key_id, CHAINPICK_KEY_ID}};
	int n = opt.shortest;

	*pick = (struct chainpick){
	    .by = opt.shortest ? CHAINPICK_SHORTEST : CHAINPICK_DEFAULT};
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		if (!wishes[i].text)
			continue;
		*pick = (struct chainpick){wishes[i].by, wishes[i].text};
		if (chainpick_check(pick, e) < 0)
			return err_object(
			    e, "%s %s", wishes[i].option, wishes[i].text);
		n++;
	}
	return n > 1 ? prog_misuse(e, "one choice of a chain, not several") : 0;
}

/* Octal; `fallback` without the option. */
static int
read_mode(mode_t fallback, mode_t *mode, struct err *e)
{
	char *end;
	unsigned long n;

	*mode = fallback;
	if (!opt.mode)
		return 0;
	n = strtoul(opt.mode, &end, 8);
	if (*opt.mode < '0' || *opt.mode > '7' || *end != '\0' || n > 0777)
		return prog_misuse(
		    e, "--mode %s: not octal, or above 777", opt.mode);
	*mode = (mode_t)n;
	return 0;
}

static int
check_p12(enum export_form form, struct err *e)
{
	int passwords =
	    (opt.password_fd != NO_FD) + (opt.password_file != NULL);

	if (form != EXPORT_P12 &&
	    (passwords > 0 || opt.legacy || opt.friendly_name))
		return prog_misuse(
		    e, "--legacy, --friendly-name and passwords are for --p12");
	if (form == EXPORT_P12 && passwords != 1)
		return prog_misuse(
		    e, "--p12: needs --password-fd or --password-file");
	return 0;
}

static int
check_export(const struct prog *p, struct export *x, struct err *e)
{
	unsigned what;

	if (opt.since || opt.remove || opt.verify)
		return prog_misuse(
		    e, "--since, --delete and --verify are for --tree");
	if (read_what(&what, e) < 0 || read_form(p, &x->form, e) < 0 ||
	    read_pick(&x->pick, e) < 0 || check_p12(x->form, e) < 0)
		return -1;
	x->what =
	    what <= EXPORT_CSR ? (enum export_what)what : forms[x->form].what;
	if (!(forms[x->form].can & 1U << x->what))
		return prog_misuse(
		    e, "%s: not of what is asked for", forms[x->form].option);
	if (p->argc > 1 && x->form != EXPORT_PEM && x->form != EXPORT_JSON)
		return prog_misuse(
		    e, "%s: one name only", forms[x->form].option);
	if (opt.id_only && x->form != EXPORT_JSON)
		return prog_misuse(e, "--id-only is for --json");
	if (x->pick.by != CHAINPICK_DEFAULT && !export_has_chain(x))
		return prog_misuse(
		    e, "a choice of a chain is for what has one in it");
	x->id_only = opt.id_only;
	x->style = opt.legacy ? P12_LEGACY : P12_MODERN;
	x->friendly_name = opt.friendly_name;
	return 0;
}

/* ---- secrets ------------------------------------------------------------- */

/* The sealing keys; one that is not configured, or not needed, is NULL. */
struct seals {
	struct seal_key certificate, account;
};

static int
read_certificate_seal(const struct prog *p, struct seals *s,
    const struct seal_key **seal, struct err *e)
{
	return secret_seal_key("certificate_key_file",
	    p->conf.store.certificate_key_file, &s->certificate, seal, e);
}

/* Those for which there is a name; that of accounts where one may be of one. */
static int
read_seals(
    const struct prog *p, struct export *x, struct seals *s, struct err *e)
{
	int accounts = 0, maybe = 0;

	if (!export_is_secret(x))
		return 0;
	for (int i = 0; i < p->argc; i++) {
		accounts += export_is_account(p->argv[i]);
		maybe += export_may_be_account(x, p->argv[i]);
	}
	if (accounts + maybe > 0 &&
	    secret_seal_key("account_key_file", p->conf.store.account_key_file,
		&s->account, &x->account_seal, &x->account_why) < 0 &&
	    accounts > 0) {
		*e = x->account_why;
		return -1;
	}
	return accounts < p->argc ? read_certificate_seal(p, s, &x->seal, e)
				  : 0;
}

/* ---- one file, or stdout ------------------------------------------------- */

static int
print(struct buf *out, struct err *e)
{
	int rc =
	    fd_write_all(STDOUT_FILENO, out->data, out->len, FD_FOREVER, e);

	buf_clear(out);
	return rc;
}

/*
 * One that is not there does not stop the rest.  What goes to stdout goes at
 * once.
 */
static int
add_all(struct prog *p, const struct export *x, struct buf *out, struct err *e)
{
	for (int i = 0; i < p->argc; i++) {
		struct err why = {0};

		if (export_add(x, p->argv[i], out, &why) < 0)
			prog_item_failed(p, &why);
		if (!p->output && print(out, e) < 0)
			return -1;
	}
	return 0;
}

/* The file is replaced by all of it or not at all. */
static int
put(const struct prog *p, const struct export *x, const struct buf *out,
    const struct file_owner *owner, struct err *e)
{
	mode_t mode;
	int rc;

	if (!p->output || p->exit_code != 0)
		return 0;
	if (read_mode(export_is_secret(x) ? 0600 : 0644, &mode, e) < 0)
		return -1;
	rc = file_replace_for(p->output, owner, mode, out->data, out->len, e);
	file_blame(e, KIND_INPUT);
	return rc;
}

/* Whether it is one of ours that is open, as /dev/stdout is. */
static bool
is_standard(const struct stat *file)
{
	struct stat st;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fstat(fd, &st) == 0 && st.st_dev == file->st_dev &&
		    st.st_ino == file->st_ino)
			return true;
	return false;
}

/* What is replaced is a file, and not /dev/stdout. */
static int
check_output(struct prog *p, struct err *e)
{
	struct stat st;
	mode_t mode;

	if (opt.output && strcmp(opt.output, "-") != 0)
		p->output = opt.output;
	if (p->output && stat(p->output, &st) == 0 &&
	    (!S_ISREG(st.st_mode) || is_standard(&st)))
		return prog_misuse(
		    e, "--output %s: no file; standard output is -", p->output);
	if (!p->output && (opt.mode || opt.owner || opt.group))
		return prog_misuse(
		    e, "--mode, --owner and --group are for --output");
	return read_mode(0, &mode, e);
}

static int
export_names(struct prog *p, struct err *e)
{
	struct export x = {.now = clock_now()};
	struct seals seals = {0};
	struct file_owner owner;
	struct buf password, out;
	int rc;

	if (check_export(p, &x, e) < 0 || check_output(p, e) < 0)
		return -1;
	buf_init(&password, SECRET_PASSWORD_MAX);
	buf_init(&out, FORMAT_MAX);
	rc = proc_harden(true, e);
	if (rc == 0)
		rc = secret_password(
		    opt.password_file, (int)opt.password_fd, &password, e);
	x.password = password.data;
	if (rc == 0)
		rc = read_seals(p, &x, &seals, e);
	if (rc == 0)
		rc = file_owner_find(opt.owner, opt.group, &owner, e);
	if (rc == 0)
		x.st = rights_open_store(p, STORE_READ,
		    p->output ? SANDBOX_EXPORT_FILE : SANDBOX_STORE_USER, e);
	if (x.st)
		rc = add_all(p, &x, &out, e) < 0 ? -1
						 : put(p, &x, &out, &owner, e);
	store_close(x.st);
	buf_wipe(&out);
	buf_wipe(&password);
	explicit_bzero(&seals, sizeof(seals));
	return rc;
}

/* ---- trees --------------------------------------------------------------- */

struct report {
	struct prog *p;
	struct out out;
};

static void
put_change(void *arg, const char *name, enum exporttree_change change,
    int64_t certificate_id)
{
	struct report *r = arg;

	out_text(&r->out, name);
	out_text(&r->out, exporttree_change_name(change));
	out_int(&r->out, certificate_id);
	out_end(&r->out);
}

static void
flush_changes(void *arg)
{
	(void)arg;
	fflush(stdout); /* a failure is kept for the end */
}

static void
put_failure(void *arg, int64_t certificate_id, const struct err *why)
{
	struct prog *p = ((struct report *)arg)->p;
	int code = prog_fail(p, why);

	(void)certificate_id;
	p->exit_code =
	    prog_worse(p->exit_code, why->kind == KIND_CONF ? code : 1);
}

static int
check_tree(const struct prog *p, struct exporttree *t, struct err *e)
{
	unsigned what;

	t->layout = layout_by_name(opt.tree);
	if (!t->layout)
		return prog_misuse(
		    e, "--tree %s: none of %s", opt.tree, layout_names());
	if (read_what(&what, e) < 0 || check_p12(EXPORT_PEM, e) < 0)
		return -1;
	if (what <= EXPORT_CSR || opt.pem || opt.der || opt.p12 || opt.p7 ||
	    opt.output || opt.id_only)
		return prog_misuse(
		    e, "--tree: the layout says what and how, and where");
	if (p->argc != 1)
		return prog_misuse(e, "--tree: one directory");
	if (opt.since && since_parse("since", opt.since, &t->since, e) < 0)
		return -1;
	t->remove = opt.remove;
	t->verify = opt.verify;
	return read_pick(&t->pick, e) < 0 ? -1 : read_mode(0600, &t->mode, e);
}

static char *
open_root(const char *path, struct err *e)
{
	char *real = file_root(path, 0755, e);

	if (!real)
		file_blame(e, KIND_INPUT);
	return real;
}

static int
export_tree(struct prog *p, struct err *e)
{
	static const char *const columns[] = {
	    "name", "change", "certificate", NULL};
	struct report r = {.p = p};
	struct exporttree t = {.now = clock_now(),
	    .changed = put_change,
	    .tell = flush_changes,
	    .failed = put_failure,
	    .arg = &r};
	struct seals seals = {0};
	char *root = NULL;
	int rc;

	if (check_tree(p, &t, e) < 0)
		return -1;
	out_init(&r.out, p->json, !p->no_header, columns);
	sig_ignore_pipe(); /* a tree is finished whoever listens */
	rc = proc_harden(true, e);
	if (rc == 0)
		rc = read_certificate_seal(p, &seals, &t.seal, e);
	if (rc == 0)
		rc = file_owner_find(opt.owner, opt.group, &t.owner, e);
	if (rc == 0)
		rc = (root = open_root(p->argv[0], e)) ? 0 : -1;
	p->output = t.root = root;
	if (rc == 0)
		t.st = rights_open_store(p, STORE_READ, SANDBOX_EXPORT_TREE, e);
	if (t.st)
		rc = sealing_key_check(
			 t.st, "certificate_key_file", t.seal, e) < 0
		    ? -1
		    : exporttree_run(&t, e);
	store_close(t.st);
	explicit_bzero(&seals, sizeof(seals));
	free(root);
	return rc;
}

static int
run(struct prog *p, struct err *e)
{
	return opt.tree ? export_tree(p, e) : export_names(p, e);
}

static const struct prog_command commands[] = {
    {.options = options,
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = run},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
