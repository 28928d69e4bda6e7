#include "base/hex.h"
#include "cli/operands.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "import/bundle.h"
#include "store/key_cycle.h"
#include "store/private_key.h"
#include "store/sealing_key.h"
#include "store/store.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/key.h"
#include "wrap/seal.h"

#include <unistd.h>

static const char usage_text[] =
    "usage: private-key [-hqVv] [-c FILE] [-s URL] [-l SINK] COMMAND ...\n"
    "Private keys of certificates.  KEY is a number, or the beginning of the\n"
    "SHA-256 of the public key.\n"
    "\n"
    "  generate [-j] [-t TYPE] [--count N]\n"
    "                      make new keys\n"
    "  pool [-j] [-t TYPE] [--size N]\n"
    "                      make keys ahead, until N wait for their use\n"
    "  import [-j] [--password-file FILE] FILE ...\n"
    "                      take in all keys that are in files: PEM, DER,\n"
    "                      PKCS#12; - is standard input\n"
    "  list [-j] [--status STATUS] [KEY ...]\n"
    "                      what is known of keys: active, retired or\n"
    "                      compromised ones, or all\n"
    "  retire KEY ...      not for new certificates any more\n"
    "  activate KEY ...    the way back\n"
    "  compromise KEY ...  somebody else has it: its certificates are "
    "revoked;\n"
    "                      there is no way back; for these three, - is a\n"
    "                      list on standard input, as list prints it\n"
    "\n"
    "  -t, --type TYPE     p256 (default), p384, ed25519, rsa2048, rsa3072,\n"
    "                      rsa4096\n"
    "  -c, --config FILE   configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL     store, instead of [store] url\n"
    "  -j, --json          an object per line, instead of tabs\n"
    "      --no-header     no line of column names\n"
    "  -l, --log SINK      stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet         log warnings and errors only\n"
    "  -v, --verbose       log debug events as well\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

static const char *type_word = "p256", *password_file, *status_word;
static int64_t count = 1, pool_size = 10;

static const struct prog_option generate_options[] = {
    {.name = "type", .letter = 't', .type = PROG_TEXT, .value = &type_word},
    {.name = "count",
	.type = PROG_NUMBER,
	.value = &count,
	.min = 1,
	.max = 1000000},
    {0},
};

static const struct prog_option pool_options[] = {
    {.name = "type", .letter = 't', .type = PROG_TEXT, .value = &type_word},
    {.name = "size",
	.type = PROG_NUMBER,
	.value = &pool_size,
	.min = 1,
	.max = 100000},
    {0},
};

static const struct prog_option import_options[] = {
    {.name = "password-file", .type = PROG_TEXT, .value = &password_file},
    {0},
};

static const struct prog_option list_options[] = {
    {.name = "status", .type = PROG_TEXT, .value = &status_word},
    {0},
};

/* ---- what all commands need ---------------------------------------------- */

/* The store, and the key under which it is sealed, or NULL. */
struct work {
	struct store *st;
	struct seal_key room;
	const struct seal_key *seal;
	struct out out;
};

static int
work_open(
    struct work *w, const struct prog *p, enum store_mode mode, struct err *e)
{
	w->st = rights_open_store(p, mode, SANDBOX_STORE_USER, e);
	return w->st ? 0 : -1;
}

/* As work_open, for what stores keys. */
static int
work_open_to_add(struct work *w, const struct prog *p, struct err *e)
{
	return secret_seal_key("certificate_key_file",
		   p->conf.store.certificate_key_file, &w->room, &w->seal,
		   e) < 0 ||
		work_open(w, p, STORE_WRITE, e) < 0
	    ? -1
	    : sealing_key_check(w->st, "certificate_key_file", w->seal, e);
}

static void
work_close(struct work *w)
{
	store_close(w->st);
	seal_key_wipe(&w->room);
}

#define COLUMNS "id", "type", "status", "source", "created", "sealed", "sha256"
static const char *const columns[] = {COLUMNS, NULL};
static const char *const add_columns[] = {COLUMNS, "result", NULL};

static void
put_key(struct out *o, const struct private_key *k)
{
	char hex[2 * sizeof(k->spki_sha256) + 1];

	hex_encode(hex, k->spki_sha256, sizeof(k->spki_sha256));
	out_int(o, k->id);
	out_text(o, k->type);
	out_text(o, private_key_status_name(k->status));
	out_text(o, private_key_source_name(k->source));
	out_time(o, k->created);
	out_text(o, k->sealed ? "yes" : "no");
	out_text(o, hex);
}

/* Stores one and says what became of it. */
static int
add(struct work *w, const struct key *k, enum private_key_source source,
    struct err *e)
{
	struct private_key added;
	bool created;

	if (private_key_add(w->st, k, w->seal, source, &added, &created, e) < 0)
		return -1;
	put_key(&w->out, &added);
	out_text(&w->out, created ? "created" : "known");
	out_end(&w->out);
	return 0;
}

/* ---- generate ------------------------------------------------------------ */

static int
check_type(enum key_type *type, int *bits, struct err *e)
{
	if (key_type_parse(type_word, type, bits, e) < 0 || *type == KEY_P521 ||
	    *bits > 4096) {
		err_clear(e);
		return prog_misuse(e,
		    "--type %s: none of p256 p384 ed25519 rsa2048 rsa3072 "
		    "rsa4096",
		    type_word);
	}
	return 0;
}

static int
generate(struct prog *p, struct err *e)
{
	enum key_type type;
	struct work w = {0};
	int bits, rc;

	if (check_type(&type, &bits, e) < 0)
		return -1;
	rc = proc_harden(true, e);
	if (rc == 0)
		rc = work_open_to_add(&w, p, e);
	sig_catch_term();
	out_init(&w.out, p->json, !p->no_header, add_columns);
	for (int64_t i = 0; rc == 0 && i < count && !sig_term(); i++) {
		struct key *k = key_generate(type, bits, e);

		rc = k ? add(&w, k, PRIVATE_KEY_GENERATED, e) : -1;
		key_free(k);
	}
	work_close(&w);
	return rc;
}

/* ---- pool ---------------------------------------------------------------- */

static int
add_to_pool(struct work *w, enum key_type type, int bits, struct err *e)
{
	struct key *k = key_generate(type, bits, e);
	struct private_key added;
	int64_t id;
	int rc = k ? key_cycle_pool_add(w->st, k, w->seal, &id, e) : -1;

	key_free(k);
	if (rc < 0)
		return -1;
	if (private_key_by_id(w->st, id, &added, e) < 0)
		return -1;
	put_key(&w->out, &added);
	out_text(&w->out, "created");
	out_end(&w->out);
	return 0;
}

/* Another run may fill the pool meanwhile: it is looked at before each key. */
static int
pool(struct prog *p, struct err *e)
{
	enum key_type type;
	struct work w = {0};
	int64_t ready = 0;
	int bits, rc;

	if (check_type(&type, &bits, e) < 0)
		return -1;
	rc = proc_harden(true, e);
	if (rc == 0)
		rc = work_open_to_add(&w, p, e);
	sig_catch_term();
	out_init(&w.out, p->json, !p->no_header, add_columns);
	while (rc == 0 && !sig_term()) {
		rc = key_cycle_pool_size(w.st, type_word, &ready, e);
		if (rc < 0 || ready >= pool_size)
			break;
		rc = add_to_pool(&w, type, bits, e);
	}
	work_close(&w);
	return rc;
}

/* ---- import -------------------------------------------------------------- */

static void
print_problems(struct prog *p, const struct bundle *b)
{
	for (size_t i = 0; i < b->problems.len; i++) {
		struct err e = {0};

		err_set(&e, KIND_INPUT, "%s", b->problems.v[i]);
		prog_fail(p, &e);
		p->exit_code = 1;
	}
}

static int
import(struct prog *p, struct err *e)
{
	struct bundle b = {0};
	struct buf password;
	struct work w = {0};
	int rc;

	buf_init(&password, SECRET_PASSWORD_MAX);
	rc = proc_harden(true, e);
	if (rc == 0)
		rc = secret_password(password_file, -1, &password, e);
	for (int i = 0; rc == 0 && i < p->argc; i++)
		bundle_add_file(
		    &b, p->argv[i], password_file ? password.data : NULL);
	if (rc == 0)
		rc = work_open_to_add(&w, p, e);
	out_init(&w.out, p->json, !p->no_header, add_columns);
	for (size_t i = 0; rc == 0 && i < b.keys.len; i++)
		rc = add(&w, b.keys.v[i], PRIVATE_KEY_IMPORTED, e);
	if (rc == 0)
		print_problems(p, &b);
	work_close(&w);
	bundle_release(&b);
	buf_wipe(&password);
	return rc;
}

/* ---- list ---------------------------------------------------------------- */

static int
print_each(void *arg, const struct private_key *k, struct err *e)
{
	struct out *o = arg;

	put_key(o, k);
	out_end(o);
	return out_check(e);
}

static int
list(struct prog *p, struct err *e)
{
	enum private_key_status status = PRIVATE_KEY__MAX;
	struct private_key k;
	struct work w = {0};
	int rc;

	if (status_word && private_key_status_by_name(status_word, &status) < 0)
		return prog_misuse(e,
		    "--status %s: none of active retired compromised",
		    status_word);
	rc = work_open(&w, p, STORE_READ, e);
	out_init(&w.out, p->json, !p->no_header, columns);
	for (int i = 0; rc == 0 && i < p->argc; i++) {
		rc = private_key_find(w.st, p->argv[i], &k, e);
		if (rc == 0)
			rc = print_each(&w.out, &k, e);
	}
	if (rc == 0 && p->argc == 0)
		rc = private_key_each(w.st, status, print_each, &w.out, e);
	if (rc == 0)
		out_finish(&w.out);
	work_close(&w);
	return rc;
}

/* ---- states -------------------------------------------------------------- */

static int
set_status(struct store *st, const char *operand, void *arg, struct err *e)
{
	const enum private_key_status *status = arg;
	struct private_key k;

	return private_key_find(st, operand, &k, e) < 0
	    ? -1
	    : private_key_set_status(st, k.id, *status, e);
}

static int
set_each(struct prog *p, enum private_key_status status, struct err *e)
{
	return operands_each(p, set_status, &status, e);
}

static int
retire(struct prog *p, struct err *e)
{
	return set_each(p, PRIVATE_KEY_RETIRED, e);
}

static int
activate(struct prog *p, struct err *e)
{
	return set_each(p, PRIVATE_KEY_ACTIVE, e);
}

static int
compromise(struct prog *p, struct err *e)
{
	return set_each(p, PRIVATE_KEY_COMPROMISED, e);
}

#define KEYS .operands_min = 1, .operands_max = PROG_ANY, .sections = CONF_STORE

static const struct prog_command commands[] = {
    {.name = "generate",
	.options = generate_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = generate},
    {.name = "pool",
	.options = pool_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = pool},
    {.name = "import",
	.options = import_options,
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = import},
    {.name = "list",
	.options = list_options,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = list},
    {.name = "retire", KEYS, .run = retire},
    {.name = "activate", KEYS, .run = activate},
    {.name = "compromise", KEYS, .run = compromise},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
