#include "admin/visit.h"

#include "admin/admin.h"
#include "base/str.h"
#include "import/intake.h"
#include "store/chain.h"
#include "wrap/js.h"

#define CHAIN_FILE "chain_file"

/* What is reported of the things of one upload, by their kind. */
struct kind {
	const char *object; /* as import/intake.h says it */
	const char *key; /* of the answer */
	const char *later_key; /* also of it, for later versions; or NULL */
};

static const struct kind kinds[] = {
    {"certificate", "CertificateSigned", "X509Certificate"},
    {"private_key", "PrivateKey", NULL},
    {"chain", "CertificateCAChain", "X509CertificateTrustChain"},
    {"ca_certificate", "CertificateCA", "X509CertificateTrusted"},
};

enum content {
	TRIPLET, /* a certificate, its key and perhaps its chain */
	KEY, /* a private key alone */
	CAS,
	CHAIN /* of CAs */
};

struct upload {
	struct visit *visit;
	enum content content;
	const char *fields[4]; /* files, up to NULL */
	bool dry_run;
	struct js *body;
	char reason[200]; /* of what was refused first */
};

static void
put_thing(struct upload *u, const char *key, const struct intake_report *r)
{
	struct js *o;
	char text[32];

	if (js_get(u->body, key))
		return; /* the first is the one that was sent */
	o = js_object();
	snprintf(text, sizeof(text), "%lld", (long long)r->id);
	js_put_bool(o, "created", r->result == INTAKE_CREATED);
	js_put_text(o, "id", text);
	js_put(u->body, key, o);
}

/* Where the certificate is, and the chain that it is served with. */
static int
put_more(struct upload *u, struct err *e)
{
	static const char key[] = "CertificateSigned";
	const struct admin *a = u->visit->admin;
	const char *id = js_get_text(js_get(u->body, key), "id");
	char text[32], url[300];
	uint64_t number;
	int64_t chain;
	struct js *o = NULL;

	if (!id || !str_to_u64(id, INT64_MAX, &number))
		return err_set(e, KIND_BUG, "a certificate without a number");
	if (chain_preferred(a->store, (int64_t)number, &chain, e) < 0)
		return -1;
	snprintf(text, sizeof(text), "%lld", (long long)chain);
	snprintf(url, sizeof(url), "%s/certificate-signed/%s", a->prefix, id);
	js_put_text((struct js *)(uintptr_t)js_get(u->body, key), "url", url);
	if (chain != 0)
		js_put_text(o = js_object(), "id", text);
	js_put(u->body, "CertificateCAChain", o ? o : js_null());
	return 0;
}

static int
report(void *arg, const struct intake_report *r, struct err *e)
{
	struct upload *u = arg;

	(void)e;
	if (r->result == INTAKE_REFUSED && u->reason[0] == '\0')
		snprintf(u->reason, sizeof(u->reason), "%s",
		    r->reason ? r->reason : "refused");
	for (size_t i = 0; i < ARRAY_LEN(kinds) && !u->dry_run; i++)
		if (r->result != INTAKE_REFUSED &&
		    strcmp(r->object, kinds[i].object) == 0)
			put_thing(u, kinds[i].key, r);
	return 0;
}

static bool
is_sent(const struct visit *v, const char *name)
{
	const struct form_field *f = form_field(&v->form, name);

	return f && f->len > 0;
}

/* Adds the file of a field; it must have something to read in it. */
static int
add_field(
    const struct visit *v, const char *name, struct bundle *b, struct err *e)
{
	const struct form_field *f = form_field(&v->form, name);
	size_t problems = b->problems.len;

	if (!is_sent(v, name))
		return err_set(e, KIND_INPUT, "%s: nothing submitted", name);
	bundle_add(b, name, f->value, f->len, NULL);
	if (b->problems.len > problems)
		return err_set(e, KIND_INPUT, "%s", b->problems.v[problems]);
	return 0;
}

/*
 * Of one certificate and its key, and of nothing else but the chain, if that
 * was sent: without it the store may know one.
 */
static int
check_triplet(const struct bundle *b, bool has_chain, struct err *e)
{
	struct bundle_set *sets;
	size_t len;
	int rc = 0;

	sets = bundle_sets(b, &len);
	if (len != 1)
		rc = err_set(e, KIND_INPUT,
		    "certificate_file: not one certificate, but %zu", len);
	else if (!sets[0].key)
		rc = err_set(e, KIND_INPUT,
		    "private_key_file_pem: the key is not the certificate's");
	else if (has_chain && sets[0].chains[0].len == 0)
		rc = err_set(e, KIND_INPUT,
		    CHAIN_FILE ": none of its certificates has signed the "
			       "certificate");
	bundle_sets_free(sets, len);
	return rc;
}

/* One key, and nothing else. */
static int
check_key(const struct bundle *b, struct err *e)
{
	return b->keys.len == 1 && b->certs.len == 0 && b->csrs_len == 0
	    ? 0
	    : err_set(e, KIND_INPUT,
		  "private_key_file_pem: not one private key, and nothing "
		  "else");
}

static int
run_intake(struct upload *u, struct bundle *b, bool dry_run, struct err *e)
{
	const struct admin *a = u->visit->admin;
	const struct intake_conf conf = {.certificate_seal = a->setup->seal,
	    .source = "import",
	    .ca_only = u->content == CAS || u->content == CHAIN,
	    .is_chain = u->content == CHAIN,
	    .dry_run = dry_run,
	    .report = report,
	    .arg = u};
	struct intake *in = intake_open(a->store, &conf);
	int rc;

	u->dry_run = dry_run;
	rc = intake_add(in, "upload", b, e);
	if (rc == 0)
		rc = intake_finish(in, e);
	intake_close(in);
	if (rc == 0 && u->reason[0] != '\0')
		rc = err_set(e, KIND_INPUT, "%s", u->reason);
	return rc;
}

static int
fill(const struct upload *u, struct bundle *b, struct err *e)
{
	bool has_chain = is_sent(u->visit, CHAIN_FILE);

	for (size_t i = 0; u->fields[i]; i++) {
		if (u->content == TRIPLET && !has_chain &&
		    strcmp(u->fields[i], CHAIN_FILE) == 0)
			continue;
		if (add_field(u->visit, u->fields[i], b, e) < 0)
			return -1;
	}
	if (u->content == TRIPLET)
		return check_triplet(b, has_chain, e);
	return u->content == KEY ? check_key(b, e) : 0;
}

/* First to see whether anything is refused: then nothing of it is kept. */
static int
take(struct upload *u, struct err *e)
{
	int rc = 0;

	for (int round = 0; rc == 0 && round < 2; round++) {
		struct bundle b = {0};

		rc = fill(u, &b, e);
		if (rc == 0)
			rc = run_intake(u, &b, round == 0, e);
		bundle_release(&b);
	}
	return rc;
}

static int
answer(struct upload *u, struct err *e)
{
	if (js_len(u->body) == 0)
		return err_set(
		    e, KIND_INPUT, "there was nothing of this kind in it");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct js *o = js_get(u->body, kinds[i].key);

		if (o && kinds[i].later_key)
			js_put(u->body, kinds[i].later_key, js_share(o));
	}
	js_put_text(u->body, "result", "success");
	visit_json(u->visit, u->body);
	u->body = NULL; /* transferred */
	return 0;
}

/* Two spellings: what peter_sslers reads, and what its README says. */
static const char *
key_field(const struct visit *v)
{
	return form_field(&v->form, "private_key_file")
	    ? "private_key_file"
	    : "private_key_file_pem";
}

/* ---- a certificate, with its key and chain ------------------------------- */

int
visit_upload_certificate(struct visit *v, struct err *e)
{
	struct upload u = {.visit = v,
	    .body = js_object(),
	    .content = TRIPLET,
	    .fields = {key_field(v), "certificate_file", CHAIN_FILE}};
	int rc = take(&u, e);

	if (rc == 0)
		rc = put_more(&u, e);
	if (rc == 0)
		rc = answer(&u, e);
	js_free(u.body);
	return rc;
}

/* ---- a private key ------------------------------------------------------- */

int
visit_upload_key(struct visit *v, struct err *e)
{
	struct upload u = {.visit = v,
	    .body = js_object(),
	    .content = KEY,
	    .fields = {key_field(v)}};
	int rc = take(&u, e);

	if (rc == 0) {
		js_put(u.body, "is_created",
		    js_share(js_get(js_get(u.body, "PrivateKey"), "created")));
		rc = answer(&u, e);
	}
	js_free(u.body);
	return rc;
}

/* ---- accounts ------------------------------------------------------------ */

/*
 * With the key under which theirs are sealed, whoever takes this process over
 * would be the accounts: it holds none.
 */
int
visit_no_account(struct visit *v, struct err *e)
{
	(void)v;
	return err_http(e, KIND_DENIED, 501,
	    "acmed-admin holds no keys of accounts: cert-import and "
	    "acme-account do");
}

/* ---- certificates of CAs ------------------------------------------------- */

static int
upload_ca(
    struct visit *v, const char *field, enum content content, struct err *e)
{
	struct upload u = {.visit = v,
	    .body = js_object(),
	    .content = content,
	    .fields = {field}};
	int rc = take(&u, e);

	if (rc == 0)
		rc = answer(&u, e);
	js_free(u.body);
	return rc;
}

int
visit_upload_ca(struct visit *v, struct err *e)
{
	return upload_ca(v, "cert_file", CAS, e);
}

int
visit_upload_chain(struct visit *v, struct err *e)
{
	return upload_ca(v, CHAIN_FILE, CHAIN, e);
}
