#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/deploynow.h"
#include "cli/operands.h"
#include "cli/orderwork.h"
#include "cli/prog.h"
#include "client/revoke.h"
#include "store/certificate.h"
#include "store/private_key.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sig.h"
#include "wrap/cert.h"

static const char usage_text[] =
    "usage: acme-revoke [-hjqVv] [-c FILE] [-s URL] [-l SINK] [OPTION ...]\n"
    "                   CERT ...\n"
    "Revokes certificates of other CAs, there and in the store.  CERT is a "
    "number,\n"
    "a SHA-1 or SHA-256, a file with one in PEM, or a name: then it is the\n"
    "certificate that serves it.  - is a list of them on standard input, as\n"
    "cert-list prints it.\n"
    "\n"
    "      --account ACCOUNT\n"
    "                      number or URL, instead of the one that ordered it\n"
    "      --ca CA         with --certificate-key, instead of [client] ca\n"
    "      --certificate-key\n"
    "                      sign with the key of the certificate, not the "
    "account's\n"
    "      --rate N        so many in a second at most (10)\n"
    "      --reason REASON a number or name: unspecified, keyCompromise,\n"
    "                      affiliationChanged, superseded, "
    "cessationOfOperation,\n"
    "                      privilegeWithdrawn; none is given without\n"
    "      --trace         what is said to the CA and back, on standard error\n"
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
#define WAIT_MAX 60 /* seconds, for a CA that asks to be left alone */

static const char *account_word, *ca_word, *reason_word;
static bool by_certificate, traces;
static int64_t rate = 10;

static const struct prog_option options[] = {
    {.name = "account", .type = PROG_TEXT, .value = &account_word},
    {.name = "ca", .type = PROG_TEXT, .value = &ca_word},
    {.name = "certificate-key", .type = PROG_FLAG, .value = &by_certificate},
    {.name = "rate",
	.type = PROG_NUMBER,
	.value = &rate,
	.min = 1,
	.max = 1000},
    {.name = "reason", .type = PROG_TEXT, .value = &reason_word},
    {.name = "trace", .type = PROG_FLAG, .value = &traces},
    {0},
};

/* What is in the file of an operand's name, or why that cannot be read. */
struct file {
	struct cert *cert; /* NULL: there is none */
	struct err why;
};

/* What is to be revoked. */
struct work {
	struct orderwork w;
	struct strv operands;
	struct file *files; /* by operand */
	char *ca; /* that w.up.client is of, as it was named; or NULL */
	int reason;
	size_t left; /* behind the one in hand */
	struct out out;
};

/* A certificate in hand. */
struct victim {
	int64_t id; /* 0: it is not in the store */
	const uint8_t *der;
	size_t len;
	uint8_t spki_sha256[32];
	struct certificate stored;
};

/* ---- which --------------------------------------------------------------- */

static struct cert *
read_file(const char *path, struct err *e)
{
	struct cert_list list = {0};
	struct cert *c = NULL;
	struct buf text;

	buf_init(&text, FILE_MAX);
	if (file_read(path, &text, e) == 0 &&
	    cert_list_from_pem(text.data, text.len, &list, e) == 0) {
		c = list.v[0];
		list.v[0] = NULL; /* transferred */
	}
	cert_list_release(&list);
	buf_release(&text);
	return c;
}

/* What is a number or a fingerprint is no file, whatever is in the folder. */
static bool
is_file(const char *word)
{
	uint8_t fingerprint[32];
	struct stat sb;
	uint64_t n;

	return !str_to_u64(word, INT64_MAX, &n) &&
	    certificate_fingerprint(word, fingerprint) == 0 &&
	    stat(word, &sb) == 0 && !S_ISDIR(sb.st_mode);
}

/* Files are read while there is the right to. */
static int
read_operands(struct work *k, const struct prog *p, struct err *e)
{
	if (operands_read(p, &k->operands, e) < 0)
		return -1;
	k->files = xcalloc(k->operands.len + 1, sizeof(*k->files));
	for (size_t i = 0; i < k->operands.len; i++) {
		const char *word = k->operands.v[i];
		struct file *f = &k->files[i];

		if (is_file(word))
			f->cert = read_file(word, &f->why);
	}
	return 0;
}

/* That of a file need not be in the store. */
static int
find_file(struct work *k, const struct file *f, struct victim *v, struct err *e)
{
	uint8_t sha256[32];

	if (!f->cert) {
		*e = f->why;
		return -1;
	}
	v->der = cert_der(f->cert, &v->len);
	cert_spki_sha256(f->cert, v->spki_sha256);
	cert_sha256(f->cert, sha256);
	if (certificate_by_sha256(k->w.up.st, sha256, &v->stored, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	v->id = v->stored.id;
	return 0;
}

static int
find(struct work *k, size_t i, struct victim *v, struct err *e)
{
	const struct file *f = &k->files[i];

	*v = (struct victim){0};
	if (f->cert || err_is_set(&f->why))
		return find_file(k, f, v, e);
	if (certificate_find(
		k->w.up.st, k->operands.v[i], clock_now(), &v->stored, e) < 0)
		return -1;
	v->id = v->stored.id;
	v->der = v->stored.leaf.der;
	v->len = v->stored.leaf.len;
	memcpy(v->spki_sha256, v->stored.spki_sha256, sizeof(v->spki_sha256));
	return 0;
}

/* ---- by whom ------------------------------------------------------------- */

static int
open_account(struct work *k, const struct victim *v, struct err *e)
{
	int64_t id = 0;

	if (!account_word && v->id != 0 &&
	    upstream_order_account_of(k->w.up.st, v->id, &id, e) < 0)
		return -1;
	if (id == 0 &&
	    orderwork_pick_account(&k->w, account_word, ca_word, &id, e) < 0)
		return -1;
	return orderwork_open(&k->w, id, e);
}

/* The directory of the CA that gave it, which the caller frees, or NULL. */
static int
ca_of(struct work *k, const struct victim *v, char **directory, struct err *e)
{
	struct upstream_account a;
	int64_t id = 0;

	*directory = NULL;
	if (v->id == 0)
		return 0;
	if (upstream_order_account_of(k->w.up.st, v->id, &id, e) < 0)
		return -1;
	if (id == 0)
		return 0;
	if (upstream_account_by_id(k->w.up.st, id, &a, e) < 0)
		return -1;
	*directory = xstrdup(a.directory_url);
	upstream_account_release(&a);
	return 0;
}

/* Whoever has the key of a certificate needs no account. */
static int
open_ca(struct work *k, const struct victim *v, struct err *e)
{
	const char *fallback = k->w.prog->conf.client.ca;
	char *ca = str_dup(ca_word);

	if (!ca && ca_of(k, v, &ca, e) < 0)
		return -1;
	if (!ca)
		ca = xstrdup(fallback);
	if (str_same(k->ca, ca)) {
		free(ca);
		return 0;
	}
	free(k->ca);
	k->ca = ca;
	if (upstream_open_ca(&k->w.up, k->w.prog, ca, e) == 0 &&
	    client_directory(k->w.up.client, e) == 0)
		return 0;
	free(k->ca); /* the next one tries again */
	k->ca = NULL;
	return -1;
}

/* The private key of the certificate, which the caller frees. */
static struct key *
load_key(struct work *k, const struct victim *v, struct err *e)
{
	struct private_key known;

	if (private_key_by_identity(k->w.up.st, v->spki_sha256, &known, e) < 0)
		return NULL;
	return private_key_load(k->w.up.st, known.id, k->w.seal, e);
}

static int
ask(struct work *k, const struct victim *v, bool *already, struct err *e)
{
	struct signer own = {0};
	struct key *key = NULL;
	int rc;

	if ((by_certificate ? open_ca(k, v, e) : open_account(k, v, e)) < 0)
		return -1;
	if (by_certificate) {
		key = load_key(k, v, e);
		if (!key)
			return -1;
		own.key = key;
	}
	rc = revoke_certificate(k->w.up.client,
	    by_certificate ? &own : &k->w.signer, v->der, v->len, k->reason,
	    already, e);
	key_free(key);
	return rc;
}

/* ---- all of them --------------------------------------------------------- */

static int
mark(struct work *k, const struct victim *v, struct err *e)
{
	if (v->id == 0 || v->stored.status == CERTIFICATE_REVOKED)
		return 0;
	k->w.prog->brings = true;
	return certificate_revoke(k->w.up.st, v->id,
	    k->reason == REVOKE_NO_REASON ? CERTIFICATE_NO_REASON : k->reason,
	    e);
}

static int
revoke_one(struct work *k, size_t i, struct err *e)
{
	struct victim v;
	bool already = false;
	int rc = find(k, i, &v, e);

	if (rc == 0)
		rc = ask(k, &v, &already, e);
	if (rc == 0)
		rc = mark(k, &v, e);
	if (rc == 0) {
		out_text(&k->out, k->operands.v[i]);
		out_id(&k->out, v.id);
		out_text(&k->out, already ? "already" : "revoked");
		out_end(&k->out);
	}
	certificate_release(&v.stored);
	return rc;
}

/* Of a list, which one: unless the text begins with it. */
static void
name_operand(const char *operand, struct err *e)
{
	size_t len = strlen(operand);

	if (!str_starts(e->text, operand) || e->text[len] != ':')
		err_object(e, "%s", operand);
}

/* 1 after so many seconds, 0 when all is to end, -1. */
static int
wait_for_ca(struct work *k, int seconds, struct err *e)
{
	int64_t until = clock_mono() + seconds * (int64_t)1000;

	while (clock_mono() < until && !sig_term())
		if (client_wait(k->w.up.client, until, e) < 0)
			return -1;
	return !sig_term();
}

/*
 * One that the CA does not take as it is asked too much comes again: what it
 * has said of that is in the next failure, which costs no request.
 */
static int
revoke_patiently(struct work *k, size_t i, struct err *why, struct err *e)
{
	int rc = 1, left = WAIT_MAX;

	while (rc > 0) {
		int seconds;

		err_clear(why);
		if (revoke_one(k, i, why) == 0 || !k->w.up.client ||
		    why->kind != KIND_BUSY ||
		    client_cause(k->w.up.client) != CAUSE_RATE_LIMITED)
			return 0;
		seconds = why->retry_after > 0 ? why->retry_after : 1;
		left -= seconds;
		rc = left < 0 ? 0 : wait_for_ca(k, seconds, e);
	}
	return rc;
}

/* One that cannot be revoked does not stop the rest. */
static int
revoke_next(struct work *k, size_t i, struct err *e)
{
	int64_t until = clock_mono() + 1000 / rate;
	struct err why = {0};

	if (sig_term())
		return err_set(e, KIND_BUSY,
		    "stopped before %s, and others it may be",
		    k->operands.v[i]);
	if (revoke_patiently(k, i, &why, e) < 0)
		return -1;
	if (err_is_set(&why)) {
		name_operand(k->operands.v[i], &why);
		prog_item_failed(k->w.prog, &why);
	}
	while (k->w.up.client && k->left > 0 && clock_mono() < until &&
	    !sig_term())
		if (client_wait(k->w.up.client, until, e) < 0)
			return -1;
	return 0;
}

static bool
is_revoked_here(struct work *k, size_t i)
{
	struct victim v;
	struct err ignored = {0};
	bool is = find(k, i, &v, &ignored) == 0 && v.id != 0 &&
	    v.stored.status == CERTIFICATE_REVOKED;

	certificate_release(&v.stored);
	return is;
}

/*
 * What is known to be revoked comes last, as the CA may not be told of it: of
 * a list that it does not take at once the rest is taken the next time.
 */
static int
revoke_all(struct work *k, struct err *e)
{
	bool *later = xcalloc(k->operands.len + 1, sizeof(*later));
	int rc = 0;

	k->left = k->operands.len;
	for (size_t i = 0; i < k->operands.len; i++)
		later[i] = is_revoked_here(k, i);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; rc == 0 && i < k->operands.len; i++)
			if (later[i] == (pass == 1)) {
				k->left--;
				rc = revoke_next(k, i, e);
			}
	free(later);
	return rc;
}

static int
run(struct prog *p, struct err *e)
{
	static const char *const columns[] = {
	    "operand", "certificate", "result", NULL};
	struct work k = {.reason = REVOKE_NO_REASON};
	int rc = 0;

	if (reason_word && !revoke_reason_parse(reason_word, &k.reason))
		return prog_misuse(
		    e, "--reason %s: no reason to give", reason_word);
	rc = read_operands(&k, p, e);
	if (rc == 0)
		rc = orderwork_start(&k.w, p, ca_word, NULL, NULL, 0, e);
	k.w.up.trace = traces ? STDERR_FILENO : -1;
	out_init(&k.out, p->json, !p->no_header, columns);
	if (rc == 0)
		rc = revoke_all(&k, e);
	orderwork_stop(&k.w);
	for (size_t i = 0; k.files && i < k.operands.len; i++)
		cert_free(k.files[i].cert);
	free(k.files);
	free(k.ca);
	strv_release(&k.operands);
	return rc;
}

static const struct prog_command commands[] = {
    {.options = options,
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE | CONF_CLIENT,
	.flags = PROG_JSON,
	DEPLOYNOW(run)},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
