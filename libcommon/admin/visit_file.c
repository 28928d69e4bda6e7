#include "admin/visit.h"

#include "admin/admin.h"
#include "base/str.h"
#include "deploy/export.h"
#include "http/response.h"
#include "sys/clock.h"

/* What stands behind the dot of a file's name, and what that is. */
struct ending {
	const char *text;
	enum export_form form;
	const char *type; /* of its content */
};

#define TEXTS                                                                  \
	{"pem", EXPORT_PEM, "application/x-pem-file"},                         \
	{                                                                      \
		"pem.txt", EXPORT_PEM, "text/plain"                            \
	}
#define END                                                                    \
	{                                                                      \
		NULL, EXPORT_PEM, NULL                                         \
	}

static const struct ending of_leaf[] = {TEXTS,
    {"cer", EXPORT_DER, "application/pkix-cert"},
    {"crt", EXPORT_DER, "application/x-x509-server-cert"},
    {"der", EXPORT_DER, "application/x-x509-server-cert"}, END};
static const struct ending of_ca[] = {TEXTS,
    {"cer", EXPORT_DER, "application/pkix-cert"},
    {"crt", EXPORT_DER, "application/x-x509-ca-cert"},
    {"der", EXPORT_DER, "application/x-x509-ca-cert"}, END};
static const struct ending of_chain[] = {
    TEXTS, {"p7c", EXPORT_P7, "application/pkcs7-mime"}, END};
static const struct ending of_key[] = {
    TEXTS, {"key", EXPORT_DER, "application/pkcs8"}, END};
static const struct ending of_request[] = {
    TEXTS, {"csr", EXPORT_DER, "application/pkcs10"}, END};

/* ---- out of the store, by its name --------------------------------------- */

struct file {
	struct visit *visit;
	const struct ending *ending;
	struct export how;
	char name[64]; /* as deploy/export.h has it */
	/* instead of that: */
	int64_t certificate_id, chain_id;
};

static const struct ending *
find_ending(const struct visit *v, const struct ending *all, struct err *e)
{
	for (; all->text; all++)
		if (strlen(all->text) == v->parts.rest_len &&
		    memcmp(all->text, v->parts.rest, v->parts.rest_len) == 0)
			return all;
	err_set(e, KIND_NOTFOUND, "nothing is at this URL");
	return NULL;
}

/* What all have in common; as of one moment, may be run again. */
static int
start(struct file *f, struct visit *v, const struct ending *all, struct err *e)
{
	*f = (struct file){.visit = v, .ending = find_ending(v, all, e)};
	if (!f->ending)
		return -1;
	f->how = (struct export){.st = v->admin->store,
	    .now = clock_now(),
	    .form = f->ending->form,
	    .seal = v->admin->setup->seal};
	return 0;
}

static int
finish(struct file *f, int (*add)(void *file, struct err *e), struct err *e)
{
	if (store_snapshot(f->how.st, add, f, e) < 0)
		return -1;
	response_field(
	    f->visit->response, "Content-Type", "%s", f->ending->type);
	return 0;
}

static int
add_export(void *file, struct err *e)
{
	struct file *f = file;
	struct buf *body = &f->visit->response->body;

	buf_clear(body);
	return export_add(&f->how, f->name, body, e);
}

static int
serve(struct visit *v, const char *object, enum export_what what,
    const struct ending *all, struct err *e)
{
	struct file f;
	int64_t id;

	if (start(&f, v, all, e) < 0 || visit_number(v, 0, &id, e) < 0)
		return -1;
	f.how.what = what;
	snprintf(f.name, sizeof(f.name), "%s/%lld", object, (long long)id);
	return finish(&f, add_export, e);
}

int
visit_file_cert(struct visit *v, struct err *e)
{
	return serve(v, "certificate", EXPORT_CERT, of_leaf, e);
}

int
visit_file_chain(struct visit *v, struct err *e)
{
	return serve(v, "certificate", EXPORT_CHAIN, of_chain, e);
}

int
visit_file_fullchain(struct visit *v, struct err *e)
{
	return serve(v, "certificate", EXPORT_FULLCHAIN, of_chain, e);
}

int
visit_file_privkey(struct visit *v, struct err *e)
{
	return serve(v, "certificate", EXPORT_KEY, of_key, e);
}

int
visit_file_ca(struct visit *v, struct err *e)
{
	return serve(v, "ca_certificate", EXPORT_CERT, of_ca, e);
}

int
visit_file_request(struct visit *v, struct err *e)
{
	return serve(v, "certificate_request", EXPORT_CSR, of_request, e);
}

int
visit_file_key(struct visit *v, struct err *e)
{
	return serve(v, "private_key", EXPORT_KEY, of_key, e);
}

/* ---- chains by their number ---------------------------------------------- */

static int
load_chain(const struct file *f, struct material *m, struct err *e)
{
	struct store *st = f->how.st;

	if (f->certificate_id != 0)
		return certificate_by_id(st, f->certificate_id, &m->cert, e) < 0
		    ? -1
		    : material_take_chain(st, m, f->chain_id, e);
	if (chain_load(st, f->chain_id, &m->chain, e) < 0)
		return -1;
	return m->chain.len > 0 ? 0
				: err_set(e, KIND_NOTFOUND, "no such chain");
}

static int
add_chain(void *file, struct err *e)
{
	struct file *f = file;
	struct buf *body = &f->visit->response->body;
	unsigned parts =
	    f->how.what == EXPORT_CHAIN ? FORMAT_CHAIN : FORMAT_FULLCHAIN;
	struct material m;
	int rc;

	buf_clear(body);
	material_init(&m);
	rc = load_chain(f, &m, e);
	if (rc == 0)
		rc = f->how.form == EXPORT_P7 ? format_p7(&m, parts, body, e)
					      : format_pem(&m, parts, body, e);
	material_release(&m);
	return rc;
}

int
visit_file_ca_chain(struct visit *v, struct err *e)
{
	struct file f;

	if (start(&f, v, of_chain, e) < 0 ||
	    visit_number(v, 0, &f.chain_id, e) < 0)
		return -1;
	f.how.what = EXPORT_CHAIN;
	return finish(&f, add_chain, e);
}

static int
serve_via(struct visit *v, enum export_what what, struct err *e)
{
	struct file f;

	if (start(&f, v, of_chain, e) < 0 ||
	    visit_number(v, 0, &f.certificate_id, e) < 0 ||
	    visit_number(v, 1, &f.chain_id, e) < 0)
		return -1;
	f.how.what = what;
	return f.certificate_id == 0
	    ? err_set(e, KIND_NOTFOUND, "no such certificate")
	    : finish(&f, add_chain, e);
}

int
visit_file_chain_via(struct visit *v, struct err *e)
{
	return serve_via(v, EXPORT_CHAIN, e);
}

int
visit_file_fullchain_via(struct visit *v, struct err *e)
{
	return serve_via(v, EXPORT_FULLCHAIN, e);
}
